/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop update`: other limits for a container that is there. */
#include "cli/commands.h"

#include <errno.h>

#include "cli/bytes.h"
#include "config/validate.h"

enum limit {
	MEMORY, RESERVATION, SWAP, KERNEL, KERNEL_TCP, PERIOD, QUOTA, BURST, SHARES, RT_PERIOD, RT_RUNTIME, IDLE,
	CPUS, MEMS, PIDS, WEIGHT, N_LIMITS,
};

struct arguments {
	const char *resources, *l3_cache_schema, *mem_bw_schema;
	const char *limits[N_LIMITS];
};

#define LIMIT(limit) OPTION_STRING, offsetof(struct arguments, limits) + (limit) * sizeof(const char *)

static const struct option rows[] = {
	{ "resources", 'r', OPTION_STRING, offsetof(struct arguments, resources), "FILE",
	  "read a JSON object like linux.resources from FILE, or from\nthe standard input if it is -" },
	{ "memory", 0, LIMIT(MEMORY), "BYTES", "limit of memory, such as 500000000 or 512M; -1: none" },
	{ "memory-reservation", 0, LIMIT(RESERVATION), "BYTES", "memory that is protected from reclaim" },
	{ "memory-swap", 0, LIMIT(SWAP), "BYTES", "limit of memory and swap together; -1: none" },
	{ "kernel-memory", 0, LIMIT(KERNEL), "BYTES", "accepted for compatibility, with a warning" },
	{ "kernel-memory-tcp", 0, LIMIT(KERNEL_TCP), "BYTES", "accepted for compatibility, with a warning" },
	{ "cpu-period", 0, LIMIT(PERIOD), "MICROSECONDS", "the time that the quota is of" },
	{ "cpu-quota", 0, LIMIT(QUOTA), "MICROSECONDS", "processor time in each period; -1: no limit" },
	{ "cpu-burst", 0, LIMIT(BURST), "MICROSECONDS", "unused time that may be used later" },
	{ "cpu-share", 0, LIMIT(SHARES), "NUMBER", "share of processor time, 2 to 262144" },
	{ "cpu-rt-period", 0, LIMIT(RT_PERIOD), "MICROSECONDS", "refused unless 0: not in cgroup v2" },
	{ "cpu-rt-runtime", 0, LIMIT(RT_RUNTIME), "MICROSECONDS", "refused unless 0: not in cgroup v2" },
	{ "cpu-idle", 0, LIMIT(IDLE), "0|1", "1: only what nobody else wants" },
	{ "cpuset-cpus", 0, LIMIT(CPUS), "LIST", "processors, such as 0-3,7" },
	{ "cpuset-mems", 0, LIMIT(MEMS), "LIST", "memory nodes" },
	{ "pids-limit", 0, LIMIT(PIDS), "NUMBER", "how many processes and threads; -1: no limit" },
	{ "blkio-weight", 0, LIMIT(WEIGHT), "NUMBER", "share of input and output, 10 to 1000" },
	{ "l3-cache-schema", 0, OPTION_STRING, offsetof(struct arguments, l3_cache_schema), "SCHEMA",
	  "line of schemata of its resctrl group, L3:..." },
	{ "mem-bw-schema", 0, OPTION_STRING, offsetof(struct arguments, mem_bw_schema), "SCHEMA",
	  "the same, MB:..." },
};

enum kind { BYTES, SIGNED, UNSIGNED, SMALL, LIST };

static const struct {
	const char *option;
	enum kind kind;
	size_t offset;			/* in struct oci_resources */
	const char *pointer;		/* of the member of a document */
} limits[N_LIMITS] = {
#define ROW(limit, option, kind, member, pointer) \
	[limit] = {option, kind, offsetof(struct oci_resources, member), pointer}
	ROW(MEMORY, "memory", BYTES, memory.limit, "/memory/limit"),
	ROW(RESERVATION, "memory-reservation", BYTES, memory.reservation, "/memory/reservation"),
	ROW(SWAP, "memory-swap", BYTES, memory.swap, "/memory/swap"),
	ROW(KERNEL, "kernel-memory", BYTES, memory.kernel, "/memory/kernel"),
	ROW(KERNEL_TCP, "kernel-memory-tcp", BYTES, memory.kernel_tcp, "/memory/kernelTCP"),
	ROW(PERIOD, "cpu-period", UNSIGNED, cpu.period, "/cpu/period"),
	ROW(QUOTA, "cpu-quota", SIGNED, cpu.quota, "/cpu/quota"),
	ROW(BURST, "cpu-burst", UNSIGNED, cpu.burst, "/cpu/burst"),
	ROW(SHARES, "cpu-share", UNSIGNED, cpu.shares, "/cpu/shares"),
	ROW(RT_PERIOD, "cpu-rt-period", UNSIGNED, cpu.realtime_period, "/cpu/realtimePeriod"),
	ROW(RT_RUNTIME, "cpu-rt-runtime", SIGNED, cpu.realtime_runtime, "/cpu/realtimeRuntime"),
	ROW(IDLE, "cpu-idle", SIGNED, cpu.idle, "/cpu/idle"),
	ROW(CPUS, "cpuset-cpus", LIST, cpu.cpus, "/cpu/cpus"),
	ROW(MEMS, "cpuset-mems", LIST, cpu.mems, "/cpu/mems"),
	ROW(PIDS, "pids-limit", SIGNED, pids_limit, "/pids/limit"),
	ROW(WEIGHT, "blkio-weight", SMALL, block_io.weight, "/blockIO/weight"),
#undef ROW
};

/* ---- values ------------------------------------------------------------------------------------- */

static bool store(enum kind kind, const char *s, void *member)
{
	struct opt_i64 *i = member;
	struct opt_u64 *u = member;
	struct opt_u32 *small = member;

	switch (kind) {
	case BYTES:
		i->v = -1;
		return i->set = str_eq(s, "-1") || bytes_parse(s, &i->v);
	case SIGNED:
		return i->set = str_to_i64(s, &i->v) == 0;
	case UNSIGNED:
		return u->set = str_to_u64(s, &u->v) == 0;
	case SMALL:
		return small->set = str_to_u32(s, &small->v) == 0;
	case LIST:
		*(const char **)member = s;
		return s[strspn(s, "0123456789,- ")] == '\0';
	}
	return false;
}

static int read_limits(const struct arguments *a, struct oci_resources *ret, struct error *err)
{
	static const char *const words[] = {
		[BYTES] = "a number of bytes such as 500000000, 512M or 1g, or -1 for no limit",
		[SIGNED] = "a whole number", [UNSIGNED] = "a whole number, not negative",
		[SMALL] = "a whole number, not negative", [LIST] = "a list of numbers like 0-3,7",
	};

	for (size_t i = 0; i < N_LIMITS; i++) {
		const char *s = a->limits[i];
		char shown[128];

		if (s && !store(limits[i].kind, s, (char *)ret + limits[i].offset))
			return error_usage(err, "update: option `--%s`: `%s` is not %s", limits[i].option,
					   str_escape(s, shown, sizeof(shown)), words[limits[i].kind]);
	}
	return validate_resources(ret, "", err);
}

/* ---- the command ---------------------------------------------------------------------------------- */

/* The file holds all of it; what the command line says besides would be lost without a word. */
static int check(const struct arguments *a, struct error *err)
{
	const char *first = NULL;

	for (size_t i = 0; !first && i < N_LIMITS; i++)
		first = a->limits[i] ? limits[i].option : NULL;
	if (a->resources && first)
		return error_usage(err, "update: option `--%s` and --resources exclude each other (set it in "
				   "the file)", first);
	if (!a->resources && !first && !a->l3_cache_schema && !a->mem_bw_schema)
		return error_usage(err, "update: nothing to change is given (see `orlop update --help`)");
	return 0;
}

/* Who gave an option knows no document. */
static int explain(const struct arguments *a, int r, struct error *err)
{
	for (size_t i = 0; !a->resources && i < N_LIMITS; i++)
		if (str_eq(err->where, limits[i].pointer)) {
			err->where[0] = '\0';
			return error_in(err, "option `--%s`", limits[i].option);
		}
	return r;
}

static int run(struct invocation *inv, struct error *err)
{
	const struct arguments *a = inv->options;
	struct update_options o = {
		.global = inv->global, .id = inv->args[0], .resources = a->resources,
		.l3_cache_schema = a->l3_cache_schema, .mem_bw_schema = a->mem_bw_schema,
	};
	int r = check(a, err);

	if (r == 0 && !a->resources)
		r = read_limits(a, &o.given, err);
	if (r == 0)
		r = container_update(&o, err);
	return r < 0 ? explain(a, r, err) : r;
}

const struct command command_update = {
	.name = "update", .arguments = "ID", .max_args = 1,
	.summary = "Change the limits of a container",
	.details = "What is not given stays as it is.  All of it is changed, or nothing.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct arguments), .run = run,
};
