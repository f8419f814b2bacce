/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits as properties of a unit.  What is written to the files of a cgroup is told to systemd too, as far as it
 * has words for it: it writes those files itself whenever it looks after them, and would undo what it does not
 * know.  A value that cannot be read here is left to the file, and the kernel.  Pure, on the host side.
 * Facts: systemd.resource-control(5), org.freedesktop.systemd1(5); kernel Documentation/admin-guide/cgroup-v2.rst.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plan/parts.h"
#include "util/cleanup.h"
#include "util/str.h"

#define CPUS_MAX 8192		/* of the kernel, CONFIG_NR_CPUS */
#define PERIOD_DEFAULT 100000	/* of cpu.max, microseconds */

struct limit {
	struct arena *a;
	struct plan_unit *unit;
	struct plan_cgroup_write *write;
	const char *property, *value;
};

static void add(const struct limit *l, const char *name, const char *value)
{
	plan_property(l->a, l->unit, name, value, l->write->where);
}

static void add_number(const struct limit *l, const char *name, uint64_t v)
{
	add(l, name, arena_printf(l->a, "uint64 %" PRIu64, v));
}

/* "max", or a number with the letters of the kernel's memparse(). */
static bool read_amount(const char *text, uint64_t *ret)
{
	static const char letters[] = "KMGTPE";
	const char *at;
	char *end;

	*ret = UINT64_MAX;
	if (str_eq(text, "max"))
		return true;
	if (text[0] < '0' || text[0] > '9')
		return false;
	*ret = strtoull(text, &end, 10);
	at = *end ? strchr(letters, *end & ~0x20) : NULL;
	if (!at)
		return !*end;
	*ret <<= 10 * (unsigned)(at - letters + 1);
	return !end[1];
}

static void amount(struct limit *l)
{
	uint64_t v;

	if (read_amount(l->value, &v))
		add_number(l, l->property, v);
}

/* systemd takes no 0 here, which the file has then. */
static void amount_not_0(struct limit *l)
{
	uint64_t v;

	if (read_amount(l->value, &v))
		add_number(l, l->property, v ? v : 1);
}

static void weight(struct limit *l)
{
	uint64_t v;

	if (read_amount(l->value, &v) && v >= 1 && v <= 10000)
		add_number(l, l->property, v);
}

/* sched(7): the weight of each nice value, as the kernel has it (kernel/sched/core.c), of 1024 for 0. */
static void nice_value(struct limit *l)
{
	static const uint32_t weights[] = {
		88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
		9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
		1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
		110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
	};
	char *end;
	long nice = strtol(l->value, &end, 10);

	if (end != l->value && !*end && nice >= -20 && nice < 20)
		add_number(l, l->property, (weights[nice + 20] * 100 + 512) / 1024);
}

/* Which is a weight to systemd.  The largest number: none; that it has then in the kernel, too. */
static void idle(struct limit *l)
{
	if (str_eq(l->value, "1"))
		add_number(l, l->property, 0);
	else if (l->unit->started)
		add_number(l, l->property, UINT64_MAX);
}

/*
 * systemd keeps the quota as a percentage of one processor: what is finer it rounds when it reads its own files
 * again.  So it is rounded up here, and the same is written to the file.
 */
static void cpu_max(struct limit *l)
{
	uint64_t period = PERIOD_DEFAULT, quota;
	char *copy = arena_strdup(l->a, l->value), *word = strsep(&copy, " ");

	if (!read_amount(word, &quota) || (copy && (!read_amount(copy, &period) || !period)))
		return;
	add_number(l, "CPUQuotaPeriodUSec", period);
	if (quota == UINT64_MAX) {
		add_number(l, l->property, quota);
		return;
	}
	if (quota > UINT64_MAX / 1000000 / period)
		return;
	quota = ((quota * 1000000 + period - 1) / period + 9999) / 10000 * 10000;
	add_number(l, l->property, quota);
	l->write->value = arena_printf(l->a, "%" PRIu64 " %" PRIu64, quota * period / 1000000, period);
}

/* "0-3,8" as bytes, bit n of byte n/8. */
static void mask(struct limit *l)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	unsigned char bits[CPUS_MAX / 8] = {0};
	size_t used = 0;

	for (const char *s = l->value; *s; s += *s == ',') {
		char *end;
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (end == s)
			return;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if ((*end && *end != ',') || last >= CPUS_MAX || last < first)
			return;
		for (unsigned long n = first; n <= last; n++)
			bits[n / 8] |= (unsigned char)(1u << n % 8);
		used = last / 8 + 1 > used ? last / 8 + 1 : used;
		s = end;
	}
	for (size_t i = 0; i < used; i++)
		strbuf_addf(&text, "%sbyte 0x%02x", i ? ", " : "", bits[i]);
	if (used)
		add(l, l->property, arena_printf(l->a, "[%s]", text.data));
}

/* Of which systemd makes @weight for io.bfq.weight: 1 to 100 as it is, and the rest of up to 1000 up to 10000. */
static uint64_t for_bfq(uint64_t weight)
{
	return weight <= 100 ? weight : 100 + (weight - 100) * 11;
}

/* "8:0 100" names a device, "100" and "default 100" mean all; false: neither.  *ret_device: NULL for all. */
static bool read_weight(struct arena *a, const char *text, const char **ret_device, uint64_t *ret)
{
	char *value = arena_strdup(a, text), *device = strsep(&value, " ");

	*ret_device = value && !str_eq(device, "default") ? device : NULL;
	return read_amount(value ? value : device, ret) && *ret >= 1 && *ret <= 10000;
}

static const char *weight_text(struct arena *a, const char *device, uint64_t v)
{
	return device ? arena_printf(a, "[('/dev/block/%s', uint64 %" PRIu64 ")]", device, v) :
			arena_printf(a, "uint64 %" PRIu64, v);
}

/* Which of both files there is only the cgroup tells, and systemd writes both. */
static void io_weight(struct limit *l)
{
	const char *device;
	uint64_t v, bfq;

	if (!read_weight(l->a, l->value, &device, &v)) {
		if (device && l->unit->started)	/* "8:0 default": its list can only be emptied */
			add(l, "IODeviceWeight", "@a(st) []");
		return;
	}
	add(l, device ? "IODeviceWeight" : "IOWeight", weight_text(l->a, device, v));
	if (l->write->alt_file && read_weight(l->a, l->write->value, &device, &bfq))
		l->unit->properties[l->unit->n_properties - 1].bfq_value = weight_text(l->a, device, for_bfq(bfq));
}

static void bfq_weight(struct limit *l)
{
	const char *device;
	uint64_t v;

	if (read_weight(l->a, l->value, &device, &v) && v <= 1000)
		add(l, device ? "IODeviceWeight" : "IOWeight", weight_text(l->a, device, for_bfq(v)));
}

/* "8:0 rbps=1048576 wiops=max" */
static void io_max(struct limit *l)
{
	static const struct {
		const char *key, *property;
	} rows[] = {
		{"rbps=", "IOReadBandwidthMax"}, {"wbps=", "IOWriteBandwidthMax"},
		{"riops=", "IOReadIOPSMax"}, {"wiops=", "IOWriteIOPSMax"},
	};
	char *rest = arena_strdup(l->a, l->value), *device = strsep(&rest, " "), *word;
	uint64_t v;

	while ((word = strsep(&rest, " ")))
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			if (str_starts(word, rows[i].key) && read_amount(word + strlen(rows[i].key), &v))
				add(l, rows[i].property, arena_printf(l->a, "[('/dev/block/%s', uint64 %" PRIu64 ")]",
								      device, v));
}

static void oom_group(struct limit *l)
{
	if (!l->unit->slice && !l->unit->started)
		add(l, l->property, str_eq(l->value, "1") ? "'kill'" : "'continue'");
}

static void yes_or_no(struct limit *l)
{
	add(l, l->property, str_eq(l->value, "0") ? "false" : "true");
}

static const struct {
	const char *file, *property;
	void (*convert)(struct limit *l);
} rows[] = {
	{"cpu.idle", "CPUWeight", idle},
	{"cpu.max", "CPUQuotaPerSecUSec", cpu_max},
	{"cpu.weight", "CPUWeight", weight},
	{"cpu.weight.nice", "CPUWeight", nice_value},
	{"cpuset.cpus", "AllowedCPUs", mask},
	{"cpuset.mems", "AllowedMemoryNodes", mask},
	{"io.bfq.weight", NULL, bfq_weight},
	{"io.max", NULL, io_max},
	{"io.weight", NULL, io_weight},
	{"memory.high", "MemoryHigh", amount_not_0},
	{"memory.low", "MemoryLow", amount},
	{"memory.max", "MemoryMax", amount_not_0},
	{"memory.min", "MemoryMin", amount},
	{"memory.oom.group", "OOMPolicy", oom_group},
	{"memory.swap.max", "MemorySwapMax", amount},
	{"memory.zswap.max", "MemoryZSwapMax", amount},
	{"memory.zswap.writeback", "MemoryZSwapWriteback", yes_or_no},
	{"pids.max", "TasksMax", amount_not_0},
};

void plan_systemd_limits(struct arena *a, struct plan_cgroup *c)
{
	for (size_t i = 0; i < c->n_writes; i++) {
		struct plan_cgroup_write *w = &c->writes[i];
		/* io.bfq.weight, which systemd makes of IOWeight= */
		const char *file = w->alt_file ? w->alt_file : w->file;

		for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
			struct limit l = {
				.a = a, .unit = &c->unit, .write = w, .property = rows[row].property,
				.value = w->alt_file ? w->alt_value : w->value,
			};

			if (str_eq(rows[row].file, file))
				rows[row].convert(&l);
		}
	}
}
