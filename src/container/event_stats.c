/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runc's document of figures, member by member and in its order: it was made for cgroup v1, and clients expect even
 * what version 2 does not have.  A member that is zero is mostly left out; those that never are have
 * write_number() here.
 */
#include "container/event_stats.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/mem.h"

static void write_number(struct json_writer *w, const char *key, uint64_t v)
{
	json_write_key(w, key);
	json_write_u64(w, v);
}

static void write_if_any(struct json_writer *w, const char *key, uint64_t v)
{
	if (v)
		write_number(w, key, v);
}

static void write_average(struct json_writer *w, const char *key, uint32_t hundredths)
{
	json_write_key(w, key);
	json_write_hundredths(w, hundredths);
}

static void write_pressure_line(struct json_writer *w, const char *key, const struct figures_pressure_line *l)
{
	json_write_key(w, key);
	json_write_object(w);
	write_average(w, "avg10", l->avg10);
	write_average(w, "avg60", l->avg60);
	write_average(w, "avg300", l->avg300);
	write_number(w, "total", l->total_us);
	json_write_end_object(w);
}

static void write_pressure(struct json_writer *w, const struct figures_pressure *p)
{
	if (!p->known)
		return;
	json_write_key(w, "psi");
	json_write_object(w);
	write_pressure_line(w, "some", &p->some);
	write_pressure_line(w, "full", &p->full);
	json_write_end_object(w);
}

static void write_cpu(struct json_writer *w, const struct figures_cpu *c)
{
	json_write_key(w, "cpu");
	json_write_object(w);
	json_write_key(w, "usage");
	json_write_object(w);
	write_if_any(w, "total", c->usage_us * 1000);
	write_number(w, "kernel", c->system_us * 1000);
	write_number(w, "user", c->user_us * 1000);
	json_write_end_object(w);
	json_write_key(w, "throttling");
	json_write_object(w);
	write_if_any(w, "periods", c->periods);
	write_if_any(w, "throttledPeriods", c->throttled_periods);
	write_if_any(w, "throttledTime", c->throttled_us * 1000);
	json_write_end_object(w);
	write_pressure(w, &c->pressure);
	json_write_end_object(w);
}

/* Nothing of it exists in version 2. */
static void write_cpuset(struct json_writer *w)
{
	static const char *const names[] = {
		"cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
		"memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level",
	};

	json_write_key(w, "cpuset");
	json_write_object(w);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		write_number(w, names[i], 0);
	json_write_end_object(w);
}

static void write_memory_entry(struct json_writer *w, const char *key, uint64_t limit, uint64_t usage, uint64_t max)
{
	json_write_key(w, key);
	json_write_object(w);
	write_number(w, "limit", limit);
	write_if_any(w, "usage", usage);
	write_if_any(w, "max", max);
	write_number(w, "failcnt", 0);
	json_write_end_object(w);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct figures_key *)a)->name, ((const struct figures_key *)b)->name);
}

static void write_raw(struct json_writer *w, const struct figures_memory *m)
{
	_cleanup_free_ struct figures_key *sorted = NULL;

	if (!m->n_stat)
		return;
	sorted = xcalloc(m->n_stat, sizeof(*sorted));
	memcpy(sorted, m->stat, m->n_stat * sizeof(*sorted));
	qsort(sorted, m->n_stat, sizeof(*sorted), compare_keys);
	json_write_key(w, "raw");
	json_write_object(w);
	for (size_t i = 0; i < m->n_stat; i++)
		write_number(w, sorted[i].name, sorted[i].value);
	json_write_end_object(w);
}

static uint64_t add_limits(uint64_t a, uint64_t b)
{
	return a > FIGURE_MAX - b ? FIGURE_MAX : a + b;
}

/* "swap" is memory and swap together, as in version 1. */
static void write_memory(struct json_writer *w, const struct cgroup_figures *f)
{
	const struct figures_memory *m = &f->memory;
	bool swap = m->known && f->swap.known;

	json_write_key(w, "memory");
	json_write_object(w);
	write_if_any(w, "cache", m->file);
	write_memory_entry(w, "usage", m->known ? m->limit : 0, m->usage, m->peak);
	write_memory_entry(w, "swap", swap ? add_limits(m->limit, f->swap.limit) : m->known ? m->limit : 0,
			   m->usage + f->swap.usage, 0);
	write_memory_entry(w, "kernel", 0, 0, 0);
	write_memory_entry(w, "kernelTCP", 0, 0, 0);
	write_raw(w, m);
	write_pressure(w, &m->pressure);
	json_write_end_object(w);
}

static void write_pids(struct json_writer *w, const struct figures_pids *p)
{
	json_write_key(w, "pids");
	json_write_object(w);
	write_if_any(w, "current", p->current);
	write_if_any(w, "limit", p->limit == FIGURE_MAX ? 0 : p->limit);
	json_write_end_object(w);
}

static void write_device(struct json_writer *w, const struct figures_device *d, const char *op, uint64_t value)
{
	json_write_object(w);
	write_if_any(w, "major", d->major);
	write_if_any(w, "minor", d->minor);
	json_write_key(w, "op");
	json_write_string(w, op);
	write_if_any(w, "value", value);
	json_write_end_object(w);
}

static void write_blkio(struct json_writer *w, const struct figures_io *io)
{
	json_write_key(w, "blkio");
	json_write_object(w);
	if (io->n) {
		json_write_key(w, "ioServiceBytesRecursive");
		json_write_array(w);
		for (size_t i = 0; i < io->n; i++) {
			write_device(w, &io->v[i], "Read", io->v[i].read_bytes);
			write_device(w, &io->v[i], "Write", io->v[i].write_bytes);
		}
		json_write_end_array(w);
		json_write_key(w, "ioServicedRecursive");
		json_write_array(w);
		for (size_t i = 0; i < io->n; i++) {
			write_device(w, &io->v[i], "Read", io->v[i].reads);
			write_device(w, &io->v[i], "Write", io->v[i].writes);
		}
		json_write_end_array(w);
	}
	write_pressure(w, &io->pressure);
	json_write_end_object(w);
}

static void write_hugetlb(struct json_writer *w, const struct cgroup_figures *f)
{
	json_write_key(w, "hugetlb");
	json_write_object(w);
	for (size_t i = 0; i < f->n_hugetlb; i++) {
		json_write_key(w, f->hugetlb[i].size);
		json_write_object(w);
		write_if_any(w, "usage", f->hugetlb[i].usage);
		write_number(w, "failcnt", f->hugetlb[i].failures);
		json_write_end_object(w);
	}
	json_write_end_object(w);
}

void event_write_stats(struct json_writer *w, const struct cgroup_figures *f)
{
	json_write_object(w);
	write_cpu(w, &f->cpu);
	write_cpuset(w);
	write_memory(w, f);
	write_pids(w, &f->pids);
	write_blkio(w, &f->io);
	write_hugetlb(w, f);
	json_write_key(w, "intel_rdt");
	json_write_object(w);
	json_write_end_object(w);
	/* Those that runc itself made; it makes none for a configuration as we have it. */
	json_write_key(w, "network_interfaces");
	json_write_string(w, NULL);
	json_write_end_object(w);
}
