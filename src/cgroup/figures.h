/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a cgroup and all below it use: the figures of its files, as the kernel has them now.  A file that is not
 * there, because its controller is not enabled or the kernel was built without it, leaves its part unknown.
 * On the host side.
 */
#ifndef ORLOP_CGROUP_FIGURES_H
#define ORLOP_CGROUP_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define FIGURE_MAX UINT64_MAX		/* "max": no limit */

/* One line of a pressure file: averages in hundredths of a percent. */
struct figures_pressure_line {
	uint32_t avg10, avg60, avg300;
	uint64_t total_us;
};

struct figures_pressure {
	bool known;
	struct figures_pressure_line some, full;
};

struct figures_cpu {
	uint64_t usage_us, user_us, system_us;
	uint64_t periods, throttled_periods, throttled_us;
	uint64_t quota_us, period_us;		/* cpu.max; period 0: unknown */
	struct figures_pressure pressure;
};

struct figures_key {
	const char *name;
	uint64_t value;
};

struct figures_memory {
	bool known;
	uint64_t usage, limit, peak;
	uint64_t file, anon, mapped, inactive_file, faults, major_faults;	/* memory.stat */
	uint64_t at_limit, oom_kills;						/* memory.events */
	struct figures_key *stat;	/* all of memory.stat, with FIGURES_ALL */
	size_t n_stat;
	char *stat_text;		/* of the names */
	struct figures_pressure pressure;
};

struct figures_swap {
	bool known;
	uint64_t usage, limit;
};

struct figures_pids {
	bool known;			/* without the controller the processes are counted, limit FIGURE_MAX */
	uint64_t current, limit;
};

struct figures_device {
	uint32_t major, minor;
	uint64_t read_bytes, write_bytes, reads, writes;
};

struct figures_io {
	bool known;
	struct figures_device *v;
	size_t n;
	struct figures_pressure pressure;
};

struct figures_hugetlb {
	char size[12];			/* "2MB" */
	uint64_t usage, failures;
};

#define FIGURES_PAGE_SIZES_MAX 8

struct cgroup_figures {
	uint64_t frozen;		/* 1: no process of it runs */
	struct figures_cpu cpu;
	struct figures_memory memory;
	struct figures_swap swap;
	struct figures_pids pids;
	struct figures_io io;
	struct figures_hugetlb hugetlb[FIGURES_PAGE_SIZES_MAX];
	size_t n_hugetlb;
};

void cgroup_figures_free(struct cgroup_figures *f);

enum figures_extent {
	FIGURES_LIVE,			/* without hugetlb, peaks and the list of memory.stat */
	FIGURES_ALL,
};

/* Reads the same cgroup again and again; keeps its files open if it may. */
struct cgroup_reader;

/* @take_dir: of the cgroup; closed with the reader. */
struct cgroup_reader *cgroup_reader_new(int take_dir, enum figures_extent extent, bool keep_open);
void cgroup_reader_free(struct cgroup_reader *r);	/* NULL is fine */
int cgroup_reader_dir(const struct cgroup_reader *r);

/* Descriptors that a reader keeps open at most. */
extern const unsigned cgroup_reader_descriptors;

/* @ret was zeroed or filled before: what it holds is freed, or used again.  -ENODEV: the cgroup was removed. */
int cgroup_read_figures(struct cgroup_reader *r, struct cgroup_figures *ret, struct error *err);

#endif
