/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which file of cgroup v2 gets which value.  Pure, on the host side.
 * Facts: runtime-spec config-linux.md#control-groups; kernel Documentation/admin-guide/cgroup-v2.rst.
 *
 * As engines write it, 0 means "not set" for most numbers (Go's zero value); pids.limit is the
 * exception, where the specification makes 0 a real limit.
 */
#include "plan/plan_resources.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "plan/parts.h"
#include "util/str.h"

#define AT "/linux/resources/"

struct conversion {
	struct arena *a;
	struct plan_cgroup *ret;
	struct error *err;
};

static struct plan_cgroup_write *add(struct conversion *c, unsigned controller, const char *file,
				     const char *value, const char *where)
{
	struct plan_cgroup_write *w = &arena_push(c->a, c->ret->writes, c->ret->n_writes);

	*w = (struct plan_cgroup_write){
		.file = file, .value = value, .where = where, .controller = controller,
	};
	return w;
}

const char *plan_pointer_word(struct arena *a, const char *key)
{
	char *out = arena_alloc(a, 2 * strlen(key) + 1, 1), *o = out;

	for (; *key; key++) {
		if (*key == '~' || *key == '/') {
			*o++ = '~';
			*o++ = *key == '~' ? '0' : '1';
		} else {
			*o++ = *key;
		}
	}
	return out;
}

/* ---- what cannot be said in v2 -------------------------------------------------------------- */

static int refuse_v1_only(struct conversion *c, const struct oci_resources *r)
{
	const struct {
		bool asked;
		const char *where, *why;
	} rows[] = {
		{r->memory.kernel.set && r->memory.kernel.v != -1 && r->memory.kernel.v != 0,
		 AT "memory/kernel", "kernel memory has no limit of its own, memory.limit counts it too"},
		{r->memory.kernel_tcp.set && r->memory.kernel_tcp.v != -1 && r->memory.kernel_tcp.v != 0,
		 AT "memory/kernelTCP", "TCP buffers have no limit of their own, memory.limit counts them too"},
		{r->memory.swappiness.set, AT "memory/swappiness",
		 "swappiness is a property of the whole host, vm.swappiness"},
		{r->memory.disable_oom_killer.set && r->memory.disable_oom_killer.v,
		 AT "memory/disableOOMKiller", "the OOM killer cannot be switched off"},
		{r->memory.use_hierarchy.set && !r->memory.use_hierarchy.v,
		 AT "memory/useHierarchy", "accounting is always hierarchical"},
		{r->cpu.realtime_runtime.set && r->cpu.realtime_runtime.v != 0,
		 AT "cpu/realtimeRuntime", "there is no realtime bandwidth control"},
		{r->cpu.realtime_period.set && r->cpu.realtime_period.v != 0,
		 AT "cpu/realtimePeriod", "there is no realtime bandwidth control"},
		{r->block_io.leaf_weight.set && r->block_io.leaf_weight.v != 0,
		 AT "blockIO/leafWeight", "there are no leaf weights"},
		{r->network.class_id.set && r->network.class_id.v != 0, AT "network/classID",
		 "there is no net_cls controller; packets can be matched by cgroup instead"},
		{r->network.n_priorities > 0, AT "network/priorities",
		 "there is no net_prio controller; packets can be matched by cgroup instead"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].asked)
			return error_config(c->err, rows[i].where,
					    "cannot be had with cgroup v2: %s; remove it", rows[i].why);
	return 0;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* -1 is "max", 0 (and absent) is NULL. */
static int memory_value(struct conversion *c, const struct opt_i64 *v, const char *where,
			const char **ret)
{
	*ret = NULL;
	if (!v->set || v->v == 0)
		return 0;
	if (v->v < -1)
		return error_config(c->err, where, "%" PRId64 " is not a number of bytes, nor -1 for "
				    "no limit", v->v);
	*ret = v->v == -1 ? "max" : arena_printf(c->a, "%" PRId64, v->v);
	return 0;
}

/* v1 limits memory and swap together, v2 swap alone. */
static int convert_swap(struct conversion *c, const struct oci_resources *r)
{
	const char *where = AT "memory/swap";
	int64_t limit = r->memory.limit.set ? r->memory.limit.v : 0;
	int64_t swap = r->memory.swap.set ? r->memory.swap.v : 0;
	struct plan_cgroup_write *w;
	int64_t value;

	if (swap < -1)
		return error_config(c->err, where, "%" PRId64 " is not a number of bytes, nor -1 for "
				    "no limit", swap);
	if (swap == -1 || (swap == 0 && limit == -1)) {
		add(c, CGROUP_MEMORY, "memory.swap.max", "max", where)->optional = true;
		return 0;
	}
	if (swap == 0)
		return 0;
	if (limit == 0)
		return error_config(c->err, where, "is the sum of memory and swap, and memory.limit is "
				    "not set: the limit of swap alone cannot be computed; set "
				    "memory.limit too");
	if (limit > swap)
		return error_config(c->err, where, "is the sum of memory and swap, but %" PRId64
				    " is less than memory.limit, %" PRId64, swap, limit);
	value = limit == -1 ? swap : swap - limit;
	w = add(c, CGROUP_MEMORY, "memory.swap.max", arena_printf(c->a, "%" PRId64, value), where);
	w->optional = value == 0;	/* the file is missing when the kernel does not account swap */
	return 0;
}

static int convert_memory(struct conversion *c, const struct oci_resources *r)
{
	/* v1 refused a limit below what is in use; v2 takes it and kills. */
	bool check = r->memory.check_before_update.set && r->memory.check_before_update.v;
	struct plan_cgroup_write *w;
	size_t first;
	const char *v;
	int ret;

	ret = memory_value(c, &r->memory.limit, AT "memory/limit", &v);
	if (ret < 0)
		return ret;
	if (v) {
		w = add(c, CGROUP_MEMORY, "memory.max", v, AT "memory/limit");
		w->optional = str_eq(v, "max");
		w->usage_file = check ? "memory.current" : NULL;
	}
	first = c->ret->n_writes;
	ret = convert_swap(c, r);
	if (ret < 0)
		return ret;
	if (check && c->ret->n_writes > first)
		c->ret->writes[first].usage_file = "memory.swap.current";
	ret = memory_value(c, &r->memory.reservation, AT "memory/reservation", &v);
	if (ret < 0)
		return ret;
	if (v)	/* "max" protects everything here: not the same as leaving it */
		add(c, CGROUP_MEMORY, "memory.low", v, AT "memory/reservation");
	return 0;
}

/* ---- cpu ------------------------------------------------------------------------------------ */

/* Natural logarithm of @m in [1,2], by the series of atanh: no libm in a static program. */
static double log_of(double m)
{
	double z = (m - 1) / (m + 1), square = z * z, power = z, sum = 0;

	for (int i = 1; i < 60; i += 2) {
		sum += power / i;
		power *= square;
	}
	return 2 * sum;
}

/* e to the power @x, 0 <= x < 10. */
static double exp_of(double x)
{
	double term = 1, sum = 1;

	x /= 16;
	for (int i = 1; i < 24; i++) {
		term *= x / i;
		sum += term;
	}
	for (int i = 0; i < 4; i++)
		sum *= sum;
	return sum;
}

/*
 * weight = ceil(10 ^ ((l^2 + 125 l) / 612 - 7/34)), l = log2(shares): a curve through minimum,
 * default and maximum of both scales, the one that runc (since 1.3.2) and crun (since 1.23) use.
 * The default and the ends are whole numbers, hence the 1e-9, far above the error of the series
 * and below the distance of any other result from a whole number.
 */
unsigned plan_cpu_weight(uint64_t shares)
{
	double l, weight;
	int exponent = 0;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	while (shares >> (exponent + 1))
		exponent++;
	l = exponent + log_of((double)shares / (double)(1u << exponent)) / log_of(2);
	weight = exp_of(((l * l + 125 * l) / 612 - 7.0 / 34) * (log_of(1.25) + 3 * log_of(2))) - 1e-9;
	return (unsigned)weight + ((double)(unsigned)weight < weight);
}

static int convert_cpu_bandwidth(struct conversion *c, const struct oci_resources *r)
{
	int64_t quota = r->cpu.quota.set ? r->cpu.quota.v : 0;
	uint64_t period = r->cpu.period.set && r->cpu.period.v ? r->cpu.period.v : 0;
	uint64_t burst = r->cpu.burst.set ? r->cpu.burst.v : 0;

	if (quota != 0 || period != 0) {
		uint64_t p = period ? period : 100000;
		const char *v = quota > 0 ? arena_printf(c->a, "%" PRId64 " %" PRIu64, quota, p)
					  : arena_printf(c->a, "max %" PRIu64, p);

		add(c, CGROUP_CPU, "cpu.max", v, quota ? AT "cpu/quota" : AT "cpu/period")->optional =
			quota < 0 && p == 100000;
	}
	if (!r->cpu.burst.set)
		return 0;
	if (quota > 0 && burst > (uint64_t)quota)
		return error_config(c->err, AT "cpu/burst", "%" PRIu64 " is more than cpu.quota, %" PRId64,
				    burst, quota);
	add(c, CGROUP_CPU, "cpu.max.burst", arena_printf(c->a, "%" PRIu64, burst),
	    AT "cpu/burst")->optional = burst == 0;
	return 0;
}

static int convert_cpu(struct conversion *c, const struct oci_resources *r)
{
	int64_t idle = r->cpu.idle.set ? r->cpu.idle.v : 0;

	if (idle != 0 && idle != 1)
		return error_config(c->err, AT "cpu/idle", "%" PRId64 " is neither 0 nor 1", idle);
	/* The kernel refuses a weight while cpu.idle is 1: hence idle first, and then no weight. */
	if (r->cpu.idle.set)
		add(c, CGROUP_CPU, "cpu.idle", idle ? "1" : "0", AT "cpu/idle")->optional = !idle;
	if (r->cpu.shares.set && r->cpu.shares.v != 0 && !idle)
		add(c, CGROUP_CPU, "cpu.weight",
		    arena_printf(c->a, "%u", plan_cpu_weight(r->cpu.shares.v)), AT "cpu/shares");
	if (r->cpu.cpus && *r->cpu.cpus)
		add(c, CGROUP_CPUSET, "cpuset.cpus", r->cpu.cpus, AT "cpu/cpus");
	if (r->cpu.mems && *r->cpu.mems)
		add(c, CGROUP_CPUSET, "cpuset.mems", r->cpu.mems, AT "cpu/mems");
	return convert_cpu_bandwidth(c, r);
}

/* ---- block I/O ------------------------------------------------------------------------------ */

static int check_block_device(struct conversion *c, int64_t major, int64_t minor, const char *where)
{
	if (major < 0 || minor < 0 || major > UINT32_MAX || minor > UINT32_MAX)
		return error_config(c->err, where, "%" PRId64 ":%" PRId64 " is not a device number",
				    major, minor);
	return 0;
}

/* @device is "" or "MAJ:MIN ". */
static int add_io_weight(struct conversion *c, const char *device, uint32_t weight, const char *where)
{
	struct plan_cgroup_write *w;

	if (weight == 0)
		return 0;
	if (weight < 10 || weight > 1000)
		return error_config(c->err, where, "%" PRIu32 " is not between 10 and 1000", weight);
	w = add(c, CGROUP_IO, "io.bfq.weight", arena_printf(c->a, "%s%" PRIu32, device, weight), where);
	w->alt_file = "io.weight";
	w->alt_value = arena_printf(c->a, "%s%" PRIu32, device, 1 + (weight - 10) * 9999 / 990);
	return 0;
}

static int convert_weight_device(struct conversion *c, const struct oci_weight_device *d, size_t i)
{
	const char *where = arena_printf(c->a, AT "blockIO/weightDevice/%zu", i);
	int ret = check_block_device(c, d->major, d->minor, where);

	if (ret < 0)
		return ret;
	if (!d->weight.set && !d->leaf_weight.set)
		return error_config(c->err, where, "has neither weight nor leafWeight");
	if (d->leaf_weight.set && d->leaf_weight.v != 0)
		return error_config(c->err, arena_printf(c->a, "%s/leafWeight", where),
				    "cannot be had with cgroup v2: there are no leaf weights; remove it");
	return add_io_weight(c, arena_printf(c->a, "%" PRId64 ":%" PRId64 " ", d->major, d->minor),
			     d->weight.set ? d->weight.v : 0, arena_printf(c->a, "%s/weight", where));
}

static int convert_throttles(struct conversion *c, const struct oci_throttles *list,
			     const char *member, const char *word)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct oci_throttle *t = &list->v[i];
		const char *where = arena_printf(c->a, AT "blockIO/%s/%zu", member, i);
		int ret = check_block_device(c, t->major, t->minor, where);
		const char *v;

		if (ret < 0)
			return ret;
		/* 0 removed a limit in v1; v2 refuses it. */
		if (t->rate)
			v = arena_printf(c->a, "%" PRId64 ":%" PRId64 " %s=%" PRIu64, t->major,
					 t->minor, word, t->rate);
		else
			v = arena_printf(c->a, "%" PRId64 ":%" PRId64 " %s=max", t->major, t->minor,
					 word);
		add(c, CGROUP_IO, "io.max", v, where)->optional = t->rate == 0;
	}
	return 0;
}

static int convert_block_io(struct conversion *c, const struct oci_resources *r)
{
	const struct {
		const struct oci_throttles *list;
		const char *member, *word;
	} rows[] = {
		{&r->block_io.read_bps, "throttleReadBpsDevice", "rbps"},
		{&r->block_io.write_bps, "throttleWriteBpsDevice", "wbps"},
		{&r->block_io.read_iops, "throttleReadIOPSDevice", "riops"},
		{&r->block_io.write_iops, "throttleWriteIOPSDevice", "wiops"},
	};
	int ret = 0;

	if (r->block_io.weight.set)
		ret = add_io_weight(c, "", r->block_io.weight.v, AT "blockIO/weight");
	for (size_t i = 0; ret == 0 && i < r->block_io.n_weight_device; i++)
		ret = convert_weight_device(c, &r->block_io.weight_device[i], i);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(rows); i++)
		ret = convert_throttles(c, rows[i].list, rows[i].member, rows[i].word);
	return ret;
}

/* ---- the small ones ------------------------------------------------------------------------- */

static int convert_hugetlb(struct conversion *c, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->n_hugepage_limits; i++) {
		const struct oci_hugepage_limit *h = &r->hugepage_limits[i];
		const char *where = arena_printf(c->a, AT "hugepageLimits/%zu/limit", i);
		const char *v = arena_printf(c->a, "%" PRIu64, h->limit);

		/* It becomes a file name. */
		if (!h->page_size || strspn(h->page_size, "0123456789KMGB") != strlen(h->page_size))
			return error_config(c->err, arena_printf(c->a, AT "hugepageLimits/%zu/pageSize", i),
					    "is not a page size such as 2MB or 1GB");
		/* The limit is one of reservations where the kernel counts them (5.7). */
		add(c, CGROUP_HUGETLB, arena_printf(c->a, "hugetlb.%s.rsvd.max", h->page_size), v,
		    where)->optional = true;
		add(c, CGROUP_HUGETLB, arena_printf(c->a, "hugetlb.%s.max", h->page_size), v, where);
	}
	return 0;
}

static void convert_pids(struct conversion *c, const struct oci_resources *r, bool zero_is_none)
{
	const char *where = AT "pids/limit";

	if (!r->pids_limit.set)
		return;
	if (r->pids_limit.v < 0 || (r->pids_limit.v == 0 && zero_is_none)) {
		add(c, CGROUP_PIDS, "pids.max", "max", where)->optional = true;
		return;
	}
	/* The process that keeps a scope alive until then is one, too. */
	c->ret->attach_late = r->pids_limit.v <= (c->ret->mode == PLAN_CGROUP_SYSTEMD ? 1 : 0);
	add(c, CGROUP_PIDS, "pids.max", arena_printf(c->a, "%" PRId64, r->pids_limit.v), where);
}

static int convert_rdma(struct conversion *c, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->n_rdma; i++) {
		const struct oci_rdma *d = &r->rdma[i];
		const char *where = arena_printf(c->a, AT "rdma/%s", plan_pointer_word(c->a, d->device));
		const char *handles = "", *objects = "";

		if (!d->hca_handles.set && !d->hca_objects.set)
			return error_config(c->err, where, "has neither hcaHandles nor hcaObjects");
		if (!*d->device || strpbrk(d->device, " \t\r\n"))
			return error_config(c->err, where, "is not the name of an RDMA device");
		if (d->hca_handles.set)
			handles = arena_printf(c->a, " hca_handle=%" PRIu32, d->hca_handles.v);
		if (d->hca_objects.set)
			objects = arena_printf(c->a, " hca_object=%" PRIu32, d->hca_objects.v);
		add(c, CGROUP_RDMA, "rdma.max",
		    arena_printf(c->a, "%s%s%s", d->device, handles, objects), where);
	}
	return 0;
}

/* ---- unified -------------------------------------------------------------------------------- */

static unsigned controller_of(const char *key)
{
	size_t n = strcspn(key, ".");

	for (size_t i = 0; i < ARRAY_SIZE(cgroup_controller_names); i++)
		if (strlen(cgroup_controller_names[i]) == n &&
		    strncmp(cgroup_controller_names[i], key, n) == 0)
			return 1u << i;
	return 0;	/* "cgroup." and what we do not know: the kernel judges */
}

static int check_unified_key(struct conversion *c, const char *key, const char *where)
{
	/* They act on processes, at once: the wrong ones, or ours before it can start. */
	static const char *const acts[] = {
		"cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze",
	};

	if (!*key || strchr(key, '/') || str_eq(key, ".") || str_eq(key, ".."))
		return error_config(c->err, where, "`%s` is not the name of a file in a cgroup directory", key);
	for (const char *s = key; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return error_config(c->err, where, "`%s` has a control character in its name", key);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		if (str_eq(key, acts[i]))
			return error_config(c->err, where, "`%s` is not a limit: it acts on processes; remove it", key);
	return 0;
}

/* Nothing is 0 to the kernel, which as a limit ends the container; a set that is empty is that of the cgroup above. */
static int check_unified_value(struct conversion *c, const char *key, const char *value, const char *where)
{
	if (value[strspn(value, " \t\n")] || str_starts(key, "cpuset."))
		return 0;
	error_config(c->err, where, "is empty, which the kernel would take for 0");
	return error_hint(c->err, "write 0, or what means no limit there, as max, or remove it");
}

static int convert_unified(struct conversion *c, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->unified.n; i++) {
		const char *key = r->unified.v[i].key, *value = r->unified.v[i].value;
		const char *where = arena_printf(c->a, AT "unified/%s", plan_pointer_word(c->a, key));
		int ret = check_unified_key(c, key, where);

		if (ret == 0)
			ret = check_unified_value(c, key, value, where);
		if (ret < 0)
			return ret;
		if (!*value)	/* write(2) of nothing would not reach the kernel's parser */
			add(c, controller_of(key), key, "\n", where);
		/* Files with a line for each device (io.max) take one line in one write. */
		while (*value) {
			size_t n = strcspn(value, "\n");

			if (n > 0)
				add(c, controller_of(key), key, arena_strndup(c->a, value, n), where);
			value += n + (value[n] == '\n');
		}
	}
	return 0;
}

int plan_resources(struct arena *a, const struct oci_resources *r, bool zero_pids_is_none,
		   struct plan_cgroup *ret, struct error *err)
{
	static int (*const steps[])(struct conversion *, const struct oci_resources *) = {
		refuse_v1_only, convert_cpu, convert_memory, convert_block_io, convert_hugetlb,
		convert_rdma,
	};
	struct conversion c = {.a = a, .ret = ret, .err = err};
	int e;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		e = steps[i](&c, r);
		if (e < 0)
			return e;
	}
	convert_pids(&c, r, zero_pids_is_none);
	e = convert_unified(&c, r);	/* last: it wins */
	if (e < 0)
		return e;
	for (size_t i = 0; i < ret->n_writes; i++)
		if (!ret->writes[i].optional)
			ret->controllers |= ret->writes[i].controller;
	return 0;
}
