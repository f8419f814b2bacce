/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of one cgroup, a row each, read below its descriptor.  Those that are looked at in every refresh stay
 * open: pread(2) of such a file is a third of what opening it costs.  On the host side.
 */
#include "cgroup/figures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/figures_text.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/str.h"

#define TEXT_MAX (1u << 20)	/* a line for each of many disks */
#define PAGE_SIZES_DIR "/sys/kernel/mm/hugepages"

/* ---- what is in each file ------------------------------------------------------------------- */

#define KEY(name, type, member) {name, offsetof(struct type, member)}

static void scan_cpu(const char *text, struct cgroup_figures *f)
{
	static const struct figures_row rows[] = {
		KEY("usage_usec", figures_cpu, usage_us), KEY("user_usec", figures_cpu, user_us),
		KEY("system_usec", figures_cpu, system_us), KEY("nr_periods", figures_cpu, periods),
		KEY("nr_throttled", figures_cpu, throttled_periods), KEY("throttled_usec", figures_cpu, throttled_us),
	};

	figures_scan_keys(text, rows, ARRAY_SIZE(rows), &f->cpu);
}

static void scan_events(const char *text, struct cgroup_figures *f)
{
	static const struct figures_row row = KEY("frozen", cgroup_figures, frozen);

	figures_scan_keys(text, &row, 1, f);
}

/* "max 100000" */
static void scan_cpu_max(const char *text, struct cgroup_figures *f)
{
	const char *space = strchr(text, ' ');
	uint64_t quota, period;

	if (!space || !figures_scan_limit(text, &quota) || !figures_scan_limit(space + 1, &period))
		return;
	f->cpu.quota_us = quota;
	f->cpu.period_us = period;
}

static void scan_memory(const char *text, struct cgroup_figures *f)
{
	f->memory.known |= figures_scan_limit(text, &f->memory.usage);
}

static void scan_memory_max(const char *text, struct cgroup_figures *f)
{
	figures_scan_limit(text, &f->memory.limit);
}

static void scan_memory_peak(const char *text, struct cgroup_figures *f)
{
	figures_scan_limit(text, &f->memory.peak);
}

static void scan_memory_stat(const char *text, struct cgroup_figures *f)
{
	static const struct figures_row rows[] = {
		KEY("anon", figures_memory, anon), KEY("file", figures_memory, file),
		KEY("file_mapped", figures_memory, mapped), KEY("inactive_file", figures_memory, inactive_file),
		KEY("pgfault", figures_memory, faults), KEY("pgmajfault", figures_memory, major_faults),
	};

	figures_scan_keys(text, rows, ARRAY_SIZE(rows), &f->memory);
}

static void scan_memory_list(const char *text, struct cgroup_figures *f)
{
	free(f->memory.stat_text);
	f->memory.stat_text = xstrdup(text);
	figures_scan_all(f->memory.stat_text, &f->memory.stat, &f->memory.n_stat);
}

static void scan_memory_events(const char *text, struct cgroup_figures *f)
{
	static const struct figures_row rows[] = {
		KEY("max", figures_memory, at_limit), KEY("oom_kill", figures_memory, oom_kills),
	};

	figures_scan_keys(text, rows, ARRAY_SIZE(rows), &f->memory);
}

static void scan_swap(const char *text, struct cgroup_figures *f)
{
	f->swap.known |= figures_scan_limit(text, &f->swap.usage);
}

static void scan_swap_max(const char *text, struct cgroup_figures *f)
{
	figures_scan_limit(text, &f->swap.limit);
}

static void scan_pids(const char *text, struct cgroup_figures *f)
{
	f->pids.known |= figures_scan_limit(text, &f->pids.current);
}

static void scan_pids_max(const char *text, struct cgroup_figures *f)
{
	figures_scan_limit(text, &f->pids.limit);
}

static void scan_io(const char *text, struct cgroup_figures *f)
{
	f->io.known = true;
	figures_scan_devices(text, &f->io.v, &f->io.n);
}

static void scan_cpu_pressure(const char *text, struct cgroup_figures *f)
{
	figures_scan_pressure(text, &f->cpu.pressure);
}

static void scan_memory_pressure(const char *text, struct cgroup_figures *f)
{
	figures_scan_pressure(text, &f->memory.pressure);
}

static void scan_io_pressure(const char *text, struct cgroup_figures *f)
{
	figures_scan_pressure(text, &f->io.pressure);
}

static const struct file {
	const char *name;
	enum figures_extent extent;
	void (*scan)(const char *text, struct cgroup_figures *f);
	void (*scan_more)(const char *text, struct cgroup_figures *f);	/* with FIGURES_ALL */
} files[] = {
	/* the first is there with and without its controller: it tells whether the cgroup is */
	{"cpu.stat", FIGURES_LIVE, scan_cpu, NULL},
	{"cgroup.events", FIGURES_LIVE, scan_events, NULL},
	{"cpu.max", FIGURES_LIVE, scan_cpu_max, NULL},
	{"cpu.pressure", FIGURES_LIVE, scan_cpu_pressure, NULL},
	{"memory.current", FIGURES_LIVE, scan_memory, NULL},
	{"memory.max", FIGURES_LIVE, scan_memory_max, NULL},
	{"memory.peak", FIGURES_ALL, scan_memory_peak, NULL},
	{"memory.stat", FIGURES_LIVE, scan_memory_stat, scan_memory_list},
	{"memory.events", FIGURES_LIVE, scan_memory_events, NULL},
	{"memory.pressure", FIGURES_LIVE, scan_memory_pressure, NULL},
	{"memory.swap.current", FIGURES_LIVE, scan_swap, NULL},
	{"memory.swap.max", FIGURES_LIVE, scan_swap_max, NULL},
	{"pids.current", FIGURES_LIVE, scan_pids, NULL},
	{"pids.max", FIGURES_LIVE, scan_pids_max, NULL},
	{"io.stat", FIGURES_LIVE, scan_io, NULL},
	{"io.pressure", FIGURES_LIVE, scan_io_pressure, NULL},
};

/* ---- reading -------------------------------------------------------------------------------- */

struct cgroup_reader {
	int dir;
	enum figures_extent extent;
	bool keep;
	int fd[ARRAY_SIZE(files)];
	char *text;
	size_t size;
};

const unsigned cgroup_reader_descriptors = 1 + ARRAY_SIZE(files);

struct cgroup_reader *cgroup_reader_new(int take_dir, enum figures_extent extent, bool keep_open)
{
	struct cgroup_reader *r = xcalloc(1, sizeof(*r));

	*r = (struct cgroup_reader){.dir = take_dir, .extent = extent, .keep = keep_open, .size = 4096};
	r->text = xmalloc(r->size);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		r->fd[i] = -1;
	return r;
}

void cgroup_reader_free(struct cgroup_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		cleanup_closep(&r->fd[i]);
	cleanup_closep(&r->dir);
	free(r->text);
	free(r);
}

int cgroup_reader_dir(const struct cgroup_reader *r)
{
	return r->dir;
}

/* The whole file, from its beginning.  The kernel gives such a file in one piece if there is room. */
static int read_text(struct cgroup_reader *r, int fd)
{
	for (;;) {
		ssize_t n = pread(fd, r->text, r->size - 1, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if ((size_t)n < r->size - 1) {
			r->text[n] = '\0';
			return 0;
		}
		if (r->size >= TEXT_MAX)
			return -EFBIG;
		r->size *= 2;
		r->text = xrealloc(r->text, r->size, 1);
	}
}

/* 1 when it is in @r->text, 0 when there is no such file, or -errno. */
static int read_file(struct cgroup_reader *r, const char *name, int *kept)
{
	_cleanup_close_ int opened = -1;
	int fd = kept ? *kept : -1, n;

	if (fd < 0) {
		fd = opened = fd_openat(r->dir, name, O_RDONLY, 0);
		if (fd < 0)
			return fd == -ENOENT ? 0 : fd;
		if (kept && r->keep)
			*kept = steal_fd(&opened);
	}
	n = read_text(r, fd);
	/* EOPNOTSUPP: pressure is switched off. ENODEV: the controller was disabled and its files are gone; another
	 * file of that name may have come since. */
	if (n == -ENODEV && kept && *kept >= 0) {
		close(*kept);
		*kept = -1;
		return read_file(r, name, NULL);
	}
	return n == -EOPNOTSUPP || n == -ENODEV ? 0 : n < 0 ? n : 1;
}

/* ---- huge pages ----------------------------------------------------------------------------- */

/* "hugepages-2048kB" as the cgroup's files have it, "2MB": the units of the kernel's own. */
static bool page_size(const char *name, char ret[12])
{
	static const char units[] = "KMG";
	const char *s = name;
	unsigned unit = 0;
	uint64_t kib;

	if (!str_starts(s, "hugepages-"))
		return false;
	s += strlen("hugepages-");
	if (!figures_take_number(&s, &kib) || !str_eq(s, "kB") || kib == 0)
		return false;
	for (; unit < 2 && kib >= 1024; unit++)
		kib >>= 10;
	if (kib > 99999999)
		return false;
	snprintf(ret, 12, "%u%cB", (unsigned)kib, units[unit]);
	return true;
}

static int compare_sizes(const void *a, const void *b)
{
	return strcmp(((const struct figures_hugetlb *)a)->size, ((const struct figures_hugetlb *)b)->size);
}

/* The sizes that the kernel has; not the names in the cgroup's directory, which the container may add to. */
static void find_page_sizes(struct cgroup_figures *f)
{
	_cleanup_close_ int dir = fd_openat(AT_FDCWD, PAGE_SIZES_DIR, O_RDONLY | O_DIRECTORY, 0);
	char buf[2048] __attribute__((aligned(8)));
	ssize_t n;

	f->n_hugetlb = 0;
	while (dir >= 0 && (n = sys_getdents64(dir, buf, sizeof(buf))) > 0) {
		const struct kernel_dirent *e;

		for (ssize_t at = 0; at < n; at += e->d_reclen) {
			struct figures_hugetlb *h = &f->hugetlb[f->n_hugetlb];

			e = (const struct kernel_dirent *)(buf + at);
			if (f->n_hugetlb == FIGURES_PAGE_SIZES_MAX || !page_size(e->d_name, h->size))
				continue;
			h->usage = h->failures = 0;
			f->n_hugetlb++;
		}
	}
	qsort(f->hugetlb, f->n_hugetlb, sizeof(f->hugetlb[0]), compare_sizes);
}

/* Reserved pages count as used, where the kernel counts them (5.7). */
static int read_hugetlb(struct cgroup_reader *r, struct cgroup_figures *f)
{
	size_t kept = 0;

	find_page_sizes(f);
	for (size_t i = 0; i < f->n_hugetlb; i++) {
		struct figures_hugetlb *h = &f->hugetlb[i];
		const struct figures_row row = {"max", 0};
		char name[64];
		int got = 0;

		for (size_t k = 0; got == 0 && k < 2; k++) {
			snprintf(name, sizeof(name), k ? "hugetlb.%s.current" : "hugetlb.%s.rsvd.current", h->size);
			got = read_file(r, name, NULL);
		}
		if (got > 0) {
			figures_scan_limit(r->text, &h->usage);
			snprintf(name, sizeof(name), "hugetlb.%s.events", h->size);
			got = read_file(r, name, NULL);
			if (got > 0)
				figures_scan_keys(r->text, &row, 1, &h->failures);
			f->hugetlb[kept++] = *h;
		}
		if (got < 0)
			return got;
	}
	f->n_hugetlb = kept;
	return 0;
}

/* ---- all ------------------------------------------------------------------------------------ */

/* The arrays stay, as room. */
static void forget(struct cgroup_figures *f)
{
	*f = (struct cgroup_figures){
		.memory = {
			.limit = FIGURE_MAX, .stat = f->memory.stat, .stat_text = f->memory.stat_text,
		},
		.swap.limit = FIGURE_MAX, .pids.limit = FIGURE_MAX, .cpu.quota_us = FIGURE_MAX, .io.v = f->io.v,
	};
}

void cgroup_figures_free(struct cgroup_figures *f)
{
	free(f->io.v);
	free(f->memory.stat);
	free(f->memory.stat_text);
	*f = (struct cgroup_figures){0};
}

static int count_processes(struct cgroup_reader *r, struct cgroup_figures *f, struct error *err)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n;
	int ret = cgroup_procs(r->dir, &pids, &n, err);

	if (ret < 0)
		return ret;
	f->pids.known = true;
	f->pids.current = n;
	return 0;
}

int cgroup_read_figures(struct cgroup_reader *r, struct cgroup_figures *ret, struct error *err)
{
	int got;

	forget(ret);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const struct file *file = &files[i];

		if (file->extent > r->extent)
			continue;
		got = read_file(r, file->name, &r->fd[i]);
		if (got < 0)
			return error_errno(err, got, "read %s of the container's cgroup", file->name);
		if (got == 0 && i == 0)
			return error_set(err, ENODEV, "the container's cgroup was removed");
		if (got == 0)
			continue;
		file->scan(r->text, ret);
		if (file->scan_more && r->extent == FIGURES_ALL)
			file->scan_more(r->text, ret);
	}
	got = r->extent == FIGURES_ALL ? read_hugetlb(r, ret) : 0;
	if (got < 0)
		return error_errno(err, got, "read the hugetlb files of the container's cgroup");
	return ret->pids.known ? 0 : count_processes(r, ret, err);
}
