/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `linux.resources`: runtime-spec config-linux.md#control-groups. */
#include "config/read.h"

#include "oci/resources.h"

/* ---- devices -------------------------------------------------------------------------------- */

static int read_rule_type(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_device_rule *rule = base;
	int e = reader_type(r, at, v, JSON_STRING);

	if (e < 0 || v->string.len == 0)
		return e;
	if (v->string.len != 1 || !strchr("abc", v->string.data[0]))
		return reader_fail(r, at, v, "`%.40s` is not a type of a device rule (a, b or c)",
				   v->string.data);
	rule->type = v->string.data[0];
	return 0;
}

static int read_rule_access(struct reader *r, const struct at *at, const struct json *v,
			    void *base)
{
	struct oci_device_rule *rule = base;
	int e = reader_type(r, at, v, JSON_STRING);

	for (const char *p = e < 0 ? "" : v->string.data; *p; p++) {
		if (!strchr("rwm", *p))
			return reader_fail(r, at, v, "`%.40s` has letters other than r, w, m",
					   v->string.data);
		rule->access |= *p == 'r' ? DEVICE_ACCESS_READ :
				*p == 'w' ? DEVICE_ACCESS_WRITE : DEVICE_ACCESS_MKNOD;
	}
	return e;
}

/* A number of a rule: absent and -1 mean any. */
static int read_rule_number(struct reader *r, const struct at *at, const struct json *v,
			    int64_t max, int64_t *ret)
{
	int64_t n;
	int e = reader_type(r, at, v, JSON_NUMBER);

	if (e < 0)
		return e;
	if (json_i64(v, &n) < 0 || n < -1 || n > max)
		return reader_fail(r, at, v, "%.40s is out of range (-1 to %lld, -1 = any)",
				   v->number, (long long)max);
	*ret = n + 1;
	return 0;
}

static int read_rule_major(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	return read_rule_number(r, at, v, UINT32_MAX, &((struct oci_device_rule *)base)->major);
}

static int read_rule_minor(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	return read_rule_number(r, at, v, UINT32_MAX, &((struct oci_device_rule *)base)->minor);
}

static int rule_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_device_rule *rule = base;

	/* The numbers were stored plus one, so that the struct's zeroes mean "any". */
	rule->major--;
	rule->minor--;
	if (!rule->type)
		rule->type = 'a';
	if (!rule->access)
		rule->access = DEVICE_ACCESS_READ | DEVICE_ACCESS_WRITE | DEVICE_ACCESS_MKNOD;
	(void)v;
	if (rule->type != 'a' || (rule->major < 0 && rule->minor < 0))
		return 0;
	if (rule->major <= 0 && rule->minor <= 0) {
		/* Programs in Go write 0 for "absent", and no device has the number 0:0. */
		rule->major = rule->minor = -1;
		reader_warn(r, at, "0 in a rule of type `a` is taken for any device");
	} else {
		reader_warn(r, at, "a rule of type `a` with a device number is about block and character "
			    "devices of that number");
	}
	return 0;
}

static const struct field rule_fields[] = {
	{FIELD_BOOL("allow", struct oci_device_rule, allow), .flags = REQUIRED},
	{FIELD_CALL("type", read_rule_type)},
	{FIELD_CALL("major", read_rule_major)},
	{FIELD_CALL("minor", read_rule_minor)},
	{FIELD_CALL("access", read_rule_access)},
};

static const struct object rule_object = {
	OBJECT(rule_fields, struct oci_device_rule), .done = rule_done,
};

/* An empty list restricts to the default devices, an absent one restricts nothing. */
static int read_devices(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	static const struct field list = {
		FIELD_LIST("devices", struct oci_resources, devices, n_devices, &rule_object)
	};

	((struct oci_resources *)base)->has_devices = true;
	return reader_list(r, at, v, &list, base);
}

/* ---- memory, cpu ---------------------------------------------------------------------------- */

#define BYTES RANGE(-1, INT64_MAX)	/* -1 = unlimited */

static const struct field memory_fields[] = {
	{FIELD_OPT_I64("limit", struct oci_resources, memory.limit), BYTES},
	{FIELD_OPT_I64("reservation", struct oci_resources, memory.reservation), BYTES},
	{FIELD_OPT_I64("swap", struct oci_resources, memory.swap), BYTES},
	{FIELD_OPT_I64("kernel", struct oci_resources, memory.kernel), BYTES},
	{FIELD_OPT_I64("kernelTCP", struct oci_resources, memory.kernel_tcp), BYTES},
	{FIELD_OPT_U64("swappiness", struct oci_resources, memory.swappiness), RANGE(0, 100)},
	{FIELD_OPT_BOOL("disableOOMKiller", struct oci_resources, memory.disable_oom_killer)},
	{FIELD_OPT_BOOL("useHierarchy", struct oci_resources, memory.use_hierarchy)},
	{FIELD_OPT_BOOL("checkBeforeUpdate", struct oci_resources, memory.check_before_update)},
};

/* "0-3,7": digits, commas, spaces and dashes, as the schema of the specification has it. */
static int read_cpu_list(struct reader *r, const struct at *at, const struct json *v, char **ret)
{
	int e = reader_type(r, at, v, JSON_STRING);

	if (e < 0 || v->string.len == 0)
		return e;
	if (v->string.data[strspn(v->string.data, "0123456789,- ")])
		return reader_fail(r, at, v, "`%.80s` is not a list of numbers like 0-3,7",
				   v->string.data);
	*ret = v->string.data;
	return 0;
}

static int read_cpus(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	return read_cpu_list(r, at, v, &((struct oci_resources *)base)->cpu.cpus);
}

static int read_mems(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	return read_cpu_list(r, at, v, &((struct oci_resources *)base)->cpu.mems);
}

static const struct field cpu_fields[] = {
	{FIELD_OPT_U64("shares", struct oci_resources, cpu.shares)},
	{FIELD_OPT_I64("quota", struct oci_resources, cpu.quota)},
	{FIELD_OPT_U64("period", struct oci_resources, cpu.period)},
	{FIELD_OPT_U64("burst", struct oci_resources, cpu.burst)},
	{FIELD_OPT_I64("realtimeRuntime", struct oci_resources, cpu.realtime_runtime)},
	{FIELD_OPT_U64("realtimePeriod", struct oci_resources, cpu.realtime_period)},
	{FIELD_CALL("cpus", read_cpus)},
	{FIELD_CALL("mems", read_mems)},
	{FIELD_OPT_I64("idle", struct oci_resources, cpu.idle), RANGE(0, 1)},
};

/* ---- block devices -------------------------------------------------------------------------- */

static const struct field throttle_fields[] = {
	{FIELD_I64("major", struct oci_throttle, major), .flags = REQUIRED, RANGE(0, UINT32_MAX)},
	{FIELD_I64("minor", struct oci_throttle, minor), .flags = REQUIRED, RANGE(0, UINT32_MAX)},
	{FIELD_U64("rate", struct oci_throttle, rate), .flags = REQUIRED},
};

static const struct object throttle_object = {OBJECT(throttle_fields, struct oci_throttle)};

static int weight_device_done(struct reader *r, const struct at *at, const struct json *v,
			      void *base)
{
	struct oci_weight_device *d = base;

	if (!d->weight.set && !d->leaf_weight.set)
		return reader_fail(r, at, v, "needs `weight` or `leafWeight`");
	return 0;
}

#define DEVICE_WEIGHT RANGE(0, 1000)	/* 0 = not set, else 10 to 1000: validate_resources.c */

static const struct field weight_device_fields[] = {
	{FIELD_I64("major", struct oci_weight_device, major), .flags = REQUIRED,
	 RANGE(0, UINT32_MAX)},
	{FIELD_I64("minor", struct oci_weight_device, minor), .flags = REQUIRED,
	 RANGE(0, UINT32_MAX)},
	{FIELD_OPT_U32("weight", struct oci_weight_device, weight), DEVICE_WEIGHT},
	{FIELD_OPT_U32("leafWeight", struct oci_weight_device, leaf_weight), DEVICE_WEIGHT},
};

static const struct object weight_device_object = {
	OBJECT(weight_device_fields, struct oci_weight_device), .done = weight_device_done,
};

#define THROTTLE(name, member) \
	{FIELD_LIST(name, struct oci_resources, block_io.member.v, block_io.member.n, \
		    &throttle_object)}

static const struct field block_io_fields[] = {
	{FIELD_OPT_U32("weight", struct oci_resources, block_io.weight), DEVICE_WEIGHT},
	{FIELD_OPT_U32("leafWeight", struct oci_resources, block_io.leaf_weight), DEVICE_WEIGHT},
	{FIELD_LIST("weightDevice", struct oci_resources, block_io.weight_device,
		    block_io.n_weight_device, &weight_device_object)},
	THROTTLE("throttleReadBpsDevice", read_bps),
	THROTTLE("throttleWriteBpsDevice", write_bps),
	THROTTLE("throttleReadIOPSDevice", read_iops),
	THROTTLE("throttleWriteIOPSDevice", write_iops),
};

/* ---- the rest ------------------------------------------------------------------------------- */

/* "2MB": schema pattern ^[1-9][0-9]*[KMG]B$. */
static int hugepage_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_hugepage_limit *limit = base;
	const char *s = limit->page_size, *unit = s + strspn(s, "0123456789");

	if (*s < '1' || *s > '9' || !*unit || !strchr("KMG", *unit) || !str_eq(unit + 1, "B"))
		return reader_fail_member(r, at, v, "pageSize", "`%.40s` is not a page size like "
					  "64KB, 2MB or 1GB", s);
	return 0;
}

static const struct field hugepage_fields[] = {
	{FIELD_STRING("pageSize", struct oci_hugepage_limit, page_size), .flags = REQUIRED | ANY_CASE},
	{FIELD_U64("limit", struct oci_hugepage_limit, limit), .flags = REQUIRED},
};

static const struct object hugepage_object = {
	OBJECT(hugepage_fields, struct oci_hugepage_limit), .done = hugepage_done,
};

struct priority {
	char *name;
	uint32_t priority;
};

static const struct field priority_fields[] = {
	{FIELD_STRING("name", struct priority, name), .flags = REQUIRED | NONEMPTY},
	{FIELD_U32("priority", struct priority, priority), .flags = REQUIRED},
};

static const struct object priority_object = {OBJECT(priority_fields, struct priority)};

struct network {
	struct opt_u32 class_id;
	struct priority *priorities;
	size_t n_priorities;
};

static const struct field network_fields[] = {
	{FIELD_OPT_U32("classID", struct network, class_id)},
	{FIELD_LIST("priorities", struct network, priorities, n_priorities, &priority_object)},
};

static const struct object network_object = {OBJECT(network_fields, struct network)};

/* Nothing of it exists in cgroup v2; the count is enough to refuse it by. */
static int read_network(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_resources *res = base;
	struct network network = {0};
	int e = reader_object(r, at, v, &network_object, &network);

	res->network.class_id = network.class_id;
	res->network.n_priorities = network.n_priorities;
	return e;
}

static const struct field pids_fields[] = {
	{FIELD_OPT_I64("limit", struct oci_resources, pids_limit)},
};

static int rdma_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_rdma *rdma = base;

	if (!rdma->hca_handles.set && !rdma->hca_objects.set)
		return reader_fail(r, at, v, "needs `hcaHandles` or `hcaObjects`");
	return 0;
}

static const struct field rdma_fields[] = {
	{FIELD_OPT_U32("hcaHandles", struct oci_rdma, hca_handles)},
	{FIELD_OPT_U32("hcaObjects", struct oci_rdma, hca_objects)},
};

static const struct object rdma_object = {OBJECT(rdma_fields, struct oci_rdma), .done = rdma_done};

static int read_rdma(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_resources *res = base;
	int e = reader_type(r, at, v, JSON_OBJECT);

	if (e < 0 || v->object.n == 0)
		return e;
	res->rdma = arena_new_array(r->arena, struct oci_rdma, v->object.n);
	for (size_t i = 0; i < v->object.n; i++) {
		struct at device = {at, v->object.keys[i], 0};
		struct oci_rdma *rdma = &res->rdma[res->n_rdma];

		if (v->object.v[i]->type == JSON_NULL)
			continue;
		rdma->device = v->object.keys[i];
		/* The kernel parses the line at spaces and equals signs. */
		if (!*device.key || device.key[strcspn(device.key, " \t\n=")])
			e = reader_fail(r, &device, v->object.v[i], "not a device name");
		else
			e = reader_object(r, &device, v->object.v[i], &rdma_object, rdma);
		e = reader_go_on(r, e);
		if (e < 0)
			return e;
		res->n_rdma++;
	}
	return 0;
}

/* The members of these live in struct oci_resources itself: same base. */
#define INLINE_OBJECT(name) \
	static const struct object name##_object = { \
		OBJECT(name##_fields, struct oci_resources) \
	}; \
	static int read_##name(struct reader *r, const struct at *at, const struct json *v, \
			       void *base) \
	{ \
		return reader_object(r, at, v, &name##_object, base); \
	}

INLINE_OBJECT(memory)
INLINE_OBJECT(cpu)
INLINE_OBJECT(block_io)
INLINE_OBJECT(pids)

static const struct field resources_fields[] = {
	{FIELD_CALL("devices", read_devices)},
	{FIELD_CALL("memory", read_memory)},
	{FIELD_CALL("cpu", read_cpu)},
	{FIELD_CALL("blockIO", read_block_io)},
	{FIELD_LIST("hugepageLimits", struct oci_resources, hugepage_limits, n_hugepage_limits,
		    &hugepage_object)},
	{FIELD_CALL("network", read_network)},
	{FIELD_CALL("pids", read_pids)},
	{FIELD_CALL("rdma", read_rdma)},
	{FIELD_KEY_VALUES("unified", struct oci_resources, unified), .flags = NONEMPTY},
};

const struct object resources_object = {
	OBJECT(resources_fields, struct oci_resources),
	.has_present = true, .present = offsetof(struct oci_resources, present),
};
