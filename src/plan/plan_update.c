/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an update changes.  Pure, on the host side.
 *
 * What is written is what is given, completed by what one file of the kernel has together with it (quota and
 * period), or what the kernel or version 1 compares it with (burst and quota, swap and memory).  So a limit
 * that was not given is not touched, whoever set it.
 */
#include "plan/plan_update.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "plan/plan_resources.h"
#include "util/log.h"
#include "util/str.h"

#define PREFIX "/linux/resources"	/* of pointers in a whole configuration */

/* ---- what is given ---------------------------------------------------------------------------- */

/* Programs in Go write the zero value for "absent". */
static struct oci_resources without_zeros(const struct oci_resources *given)
{
	struct oci_resources r = *given;
	struct opt_i64 *const bytes[] = {&r.memory.limit, &r.memory.reservation, &r.memory.swap};

	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
		bytes[i]->set = bytes[i]->set && bytes[i]->v != 0;
	r.cpu.shares.set = r.cpu.shares.set && r.cpu.shares.v != 0;
	r.cpu.period.set = r.cpu.period.set && r.cpu.period.v != 0;
	r.block_io.weight.set = r.block_io.weight.set && r.block_io.weight.v != 0;
	if (r.cpu.quota.set && r.cpu.quota.v <= 0)
		r.cpu.quota.v = -1;
	/* Without a limit of memory, none of swap is meant either: so did version 1. */
	if (r.memory.limit.set && r.memory.limit.v == -1 && !r.memory.swap.set)
		r.memory.swap = (struct opt_i64){true, -1};
	return r;
}

/* Engines still send it, and other runtimes take it with a warning. */
static void drop_kernel_memory(struct oci_resources *r)
{
	if (r->memory.kernel.set || r->memory.kernel_tcp.set)
		log_warning("limits of kernel memory are ignored: cgroup v2 counts it as memory");
	r->memory.kernel.set = r->memory.kernel_tcp.set = false;
}

/* ---- merged ----------------------------------------------------------------------------------- */

/* Both kinds of devices begin with their number. */
static bool same_device(const void *a, const void *b)
{
	return memcmp(a, b, 2 * sizeof(int64_t)) == 0;
}

static bool same_page_size(const void *a, const void *b)
{
	return str_eq(((const struct oci_hugepage_limit *)a)->page_size,
		      ((const struct oci_hugepage_limit *)b)->page_size);
}

static bool same_rdma(const void *a, const void *b)
{
	return str_eq(((const struct oci_rdma *)a)->device, ((const struct oci_rdma *)b)->device);
}

static bool same_key(const void *a, const void *b)
{
	return str_eq(((const struct key_value *)a)->key, ((const struct key_value *)b)->key);
}

/* The last @n_given elements of @given into a copy of the @n of @v, each in the place of one that is the same. */
static void *upsert(struct arena *a, const void *v, size_t *n, const void *given, size_t n_given, size_t size,
		    bool (*same)(const void *, const void *))
{
	char *all;
	size_t total = *n;

	if (n_given == 0)
		return (void *)v;
	all = arena_alloc(a, total + n_given, size);
	if (total)
		memcpy(all, v, total * size);
	for (size_t i = 0; i < n_given; i++) {
		const char *g = (const char *)given + i * size;
		size_t at = 0;

		while (at < total && !same(all + at * size, g))
			at++;
		memcpy(all + at * size, g, size);
		total += at == total;
	}
	*n = total;
	return all;
}

#define UPSERT(list, count, same) \
	(m->list = upsert(a, m->list, &m->count, g->list, g->count, sizeof(*m->list), same))
#define TAKE(member) \
	do { \
		if (g->member.set) \
			m->member = g->member; \
	} while (0)

static void merge_rdma(struct arena *a, struct oci_resources *m, const struct oci_resources *g)
{
	const struct oci_rdma *old = m->rdma;
	size_t n_old = m->n_rdma;

	UPSERT(rdma, n_rdma, same_rdma);
	for (size_t i = 0; g->n_rdma && i < n_old; i++) {	/* those keep their place */
		if (!m->rdma[i].hca_handles.set)
			m->rdma[i].hca_handles = old[i].hca_handles;
		if (!m->rdma[i].hca_objects.set)
			m->rdma[i].hca_objects = old[i].hca_objects;
	}
}

static void merge(struct arena *a, struct oci_resources *m, const struct oci_resources *g)
{
	m->present = true;
	if (g->has_devices) {
		m->has_devices = true;
		m->devices = g->devices;
		m->n_devices = g->n_devices;
	}
	TAKE(memory.limit);
	TAKE(memory.reservation);
	TAKE(memory.swap);
	TAKE(memory.check_before_update);
	TAKE(cpu.shares);
	TAKE(cpu.period);
	TAKE(cpu.quota);
	TAKE(cpu.burst);
	TAKE(cpu.idle);
	if (g->cpu.cpus)
		m->cpu.cpus = g->cpu.cpus;
	if (g->cpu.mems)
		m->cpu.mems = g->cpu.mems;
	TAKE(pids_limit);
	TAKE(block_io.weight);
	UPSERT(block_io.weight_device, block_io.n_weight_device, same_device);
	UPSERT(block_io.read_bps.v, block_io.read_bps.n, same_device);
	UPSERT(block_io.write_bps.v, block_io.write_bps.n, same_device);
	UPSERT(block_io.read_iops.v, block_io.read_iops.n, same_device);
	UPSERT(block_io.write_iops.v, block_io.write_iops.n, same_device);
	UPSERT(hugepage_limits, n_hugepage_limits, same_page_size);
	UPSERT(unified.v, unified.n, same_key);
	merge_rdma(a, m, g);
}

/* ---- what is to be written ---------------------------------------------------------------------- */

static struct oci_resources completed(const struct oci_resources *g, const struct oci_resources *m)
{
	struct oci_resources r = *g;

	if (g->memory.limit.set || g->memory.swap.set) {
		r.memory.limit = m->memory.limit;
		r.memory.swap = m->memory.swap;
	}
	r.memory.check_before_update = m->memory.check_before_update;
	if (g->cpu.quota.set || g->cpu.period.set) {
		r.cpu.quota = m->cpu.quota;
		r.cpu.period = m->cpu.period;
		r.cpu.burst = m->cpu.burst;
	}
	/* The kernel forgets the weight when it is idle no more. */
	if (g->cpu.idle.set)
		r.cpu.shares = m->cpu.shares;
	return r;
}

static int check_cpu(const struct oci_resources *g, const struct oci_resources *m, struct error *err)
{
	if (m->cpu.burst.set && m->cpu.quota.set && m->cpu.quota.v > 0 &&
	    m->cpu.burst.v > (uint64_t)m->cpu.quota.v) {
		error_config(err, g->cpu.burst.set ? "/cpu/burst" : "/cpu/quota", "cpu.burst, %" PRIu64
			     ", would be more than cpu.quota, %" PRId64, m->cpu.burst.v, m->cpu.quota.v);
		return error_hint(err, "give both");
	}
	if (g->cpu.shares.set && !g->cpu.idle.set && m->cpu.idle.set && m->cpu.idle.v == 1)
		return error_config(err, "/cpu/shares", "has no effect while cpu.idle is 1: set that to 0, too");
	return 0;
}

static int check_memory(const struct oci_resources *g, const struct oci_resources *m, struct error *err)
{
	if (g->memory.limit.set && !g->memory.swap.set && m->memory.swap.set && m->memory.swap.v > 0 &&
	    m->memory.swap.v < m->memory.limit.v) {
		error_config(err, "/memory/limit", "%" PRId64 " would be more than memory.swap, the sum of "
			     "memory and swap, which is %" PRId64, m->memory.limit.v, m->memory.swap.v);
		return error_hint(err, "give both");
	}
	return 0;
}

/* systemd.scope(5), OOMPolicy=: it writes that file by it, and takes another one only when the unit starts. */
static int check_oom_group(const struct oci_resources *g, const struct oci_resources *base, struct error *err)
{
	const char *file = "memory.oom.group", *now = "0", *wanted = NULL;

	for (size_t i = 0; i < base->unified.n; i++)
		if (str_eq(base->unified.v[i].key, file))
			now = base->unified.v[i].value;
	for (size_t i = 0; i < g->unified.n; i++)
		if (str_eq(g->unified.v[i].key, file))
			wanted = g->unified.v[i].value;
	if (!wanted || str_eq(wanted, now))
		return 0;
	error_config(err, "/unified/memory.oom.group", "cannot change from %s in a unit of systemd, where it is "
		     "OOMPolicy=, which is set when the unit starts", str_eq(now, "0") ? "0" : "1");
	return error_hint(err, "create the container with it");
}

/* Swap is computed from it, but it is as it was. */
static void drop_memory_limit(struct plan_cgroup *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_writes; i++)
		if (!str_eq(c->writes[i].where, PREFIX "/memory/limit"))
			c->writes[n++] = c->writes[i];
	c->n_writes = n;
}

/* From those of a whole configuration to those of the document. */
static void shorten(struct plan_cgroup *c, struct error *err)
{
	for (size_t i = 0; i < c->n_writes; i++)
		if (str_starts(c->writes[i].where, PREFIX))
			c->writes[i].where += strlen(PREFIX);
	if (str_starts(err->where, PREFIX))
		memmove(err->where, err->where + strlen(PREFIX), strlen(err->where + strlen(PREFIX)) + 1);
}

int plan_update(struct arena *a, const struct oci_resources *base, const struct oci_resources *given,
		bool zero_pids_is_none, struct plan_update *ret, struct error *err)
{
	struct oci_resources g = without_zeros(given), r;
	int e;

	drop_kernel_memory(&g);
	*ret = (struct plan_update){.merged = *base, .cgroup.mode = ret->cgroup.mode, .devices = g.has_devices};
	merge(a, &ret->merged, &g);
	e = check_cpu(&g, &ret->merged, err);
	if (e == 0)
		e = check_memory(&g, &ret->merged, err);
	if (e == 0 && ret->cgroup.mode == PLAN_CGROUP_SYSTEMD)
		e = check_oom_group(&g, base, err);
	if (e < 0)
		return e;
	r = completed(&g, &ret->merged);
	e = plan_resources(a, &r, zero_pids_is_none, &ret->cgroup, err);
	if (e == 0)
		e = plan_device_program(a, &r, &ret->cgroup, err);
	if (!g.memory.limit.set)
		drop_memory_limit(&ret->cgroup);
	shorten(&ret->cgroup, err);
	return e;
}
