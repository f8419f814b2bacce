/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the process is scheduled, where its memory comes from, what its clocks show:
 * runtime-spec config.md#linux-process, config-linux.md#memory-policy, #time-offset, #personality.
 */
#include "config/read.h"

#include <linux/sched.h>

#include "oci/linux.h"
#include "oci/names.h"
#include "oci/process.h"

/* ---- lists of numbers ----------------------------------------------------------------------- */

#define CPUS_MAX 8192u		/* CONFIG_NR_CPUS_RANGE_END, the largest of any architecture */
#define NODES_MAX 1024u		/* 1 << CONFIG_NODES_SHIFT, likewise */
#define BITS_PER_WORD (8 * sizeof(unsigned long))
#define IO_CLASS_IDLE 3		/* <linux/ioprio.h> */

/* Digits up to @max exclusive; where they end, or NULL. */
static const char *list_number(const char *s, unsigned max, unsigned *ret)
{
	const char *p = s;
	unsigned n = 0;

	for (; *p >= '0' && *p <= '9' && n < max; p++)
		n = n * 10 + (unsigned)(*p - '0');
	if (p == s || n >= max || (*p >= '0' && *p <= '9'))
		return NULL;
	*ret = n;
	return p;
}

/* "N" or "N-M", with spaces around; where it ends, or NULL. */
static const char *list_range(const char *s, unsigned max, unsigned *ret_first, unsigned *ret_last)
{
	s = list_number(s + strspn(s, " "), max, ret_first);
	*ret_last = *ret_first;
	if (s && *s == '-')
		s = list_number(s + 1, max, ret_last);
	if (!s || *ret_last < *ret_first)
		return NULL;
	return s + strspn(s, " ");
}

/* One pass for the highest number and one for the bits: @words is NULL in the first. */
static int parse_list(const char *s, unsigned max, unsigned long *words, unsigned *ret_n_bits)
{
	unsigned first = 0, last = 0, n = 0;

	for (;;) {
		s = list_range(s, max, &first, &last);
		if (!s || (*s && *s != ','))
			return -1;
		if (last >= n)
			n = last + 1;
		for (unsigned bit = first; words && bit <= last; bit++)
			words[bit / BITS_PER_WORD] |= 1ul << bit % BITS_PER_WORD;
		if (!*s++)
			break;
	}
	*ret_n_bits = n;
	return 0;
}

static int read_list(struct reader *r, const struct at *at, const struct json *v, unsigned max,
		     struct oci_bits *ret)
{
	unsigned n_bits = 0;
	int e = reader_type(r, at, v, JSON_STRING);

	if (e < 0 || v->string.data[strspn(v->string.data, " ")] == '\0')
		return e;
	if (parse_list(v->string.data, max, NULL, &n_bits) < 0)
		return reader_fail(r, at, v, "`%.80s` is not a list such as `0-3,7` of numbers "
				   "below %u", v->string.data, max);
	ret->text = v->string.data;
	ret->n_bits = n_bits;
	ret->v = arena_new_array(r->arena, unsigned long,
				 (n_bits + BITS_PER_WORD - 1) / BITS_PER_WORD);
	return parse_list(v->string.data, max, ret->v, &n_bits);
}

/* An array of words, each a bit. */
static int read_flags(struct reader *r, const struct at *at, const struct json *v,
		      const struct name_value *table, size_t n, uint64_t *ret)
{
	int e = reader_type(r, at, v, JSON_ARRAY);

	for (size_t i = 0; e == 0 && i < v->array.n; i++) {
		struct at element = {at, NULL, i};
		const struct name_value *row;

		e = reader_word(r, &element, v->array.v[i], table, n, &row);
		if (e == 0)
			*ret |= row->value;
		e = reader_go_on(r, e);
	}
	return e;
}

/* ---- process.scheduler ---------------------------------------------------------------------- */

static int read_policy(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_scheduler *s = base;
	const struct name_value *row;
	int e;

	if (v->type == JSON_STRING && str_eq(v->string.data, "SCHED_ISO"))
		return reader_fail(r, at, v, "Linux has no `SCHED_ISO`: the number is reserved and "
				   "nothing more");
	e = reader_word(r, at, v, scheduler_policy_names, n_scheduler_policy_names, &row);
	if (e < 0)
		return e;
	s->name = row->name;
	s->policy = (uint32_t)row->value;
	return 0;
}

static int read_scheduler_flags(struct reader *r, const struct at *at, const struct json *v,
				void *base)
{
	return read_flags(r, at, v, scheduler_flag_names, n_scheduler_flag_names,
			  &((struct oci_scheduler *)base)->flags);
}

static const struct field scheduler_fields[] = {
	{FIELD_CALL("policy", read_policy), .flags = REQUIRED},
	{FIELD_OPT_I32("nice", struct oci_scheduler, nice), RANGE(-20, 19)},
	{FIELD_OPT_U32("priority", struct oci_scheduler, priority), RANGE(0, 99)},
	{FIELD_CALL("flags", read_scheduler_flags)},
	{FIELD_OPT_U64("runtime", struct oci_scheduler, runtime)},
	{FIELD_OPT_U64("deadline", struct oci_scheduler, deadline)},
	{FIELD_OPT_U64("period", struct oci_scheduler, period)},
};

const struct object scheduler_object = {
	OBJECT(scheduler_fields, struct oci_scheduler),
	.has_present = true, .present = offsetof(struct oci_scheduler, present),
};

/* ---- process.ioPriority --------------------------------------------------------------------- */

static int read_io_class(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_io_priority *io = base;
	const struct name_value *row;
	int e = reader_word(r, at, v, io_class_names, n_io_class_names, &row);

	if (e < 0)
		return e;
	io->name = row->name;
	io->class = (unsigned)row->value;
	return 0;
}

static const struct field io_priority_fields[] = {
	{FIELD_CALL("class", read_io_class), .flags = REQUIRED},
	{FIELD_U32("priority", struct oci_io_priority, level), RANGE(0, 7)},
};

/* The idle class has no levels: ioprio_set(2). */
static int io_priority_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	if (((struct oci_io_priority *)base)->class == IO_CLASS_IDLE || json_get(v, "priority"))
		return 0;
	return reader_fail_member(r, at, v, "priority", "`priority` is required");
}

const struct object io_priority_object = {
	OBJECT(io_priority_fields, struct oci_io_priority), .done = io_priority_done,
	.has_present = true, .present = offsetof(struct oci_io_priority, present),
};

/* ---- process.execCPUAffinity ---------------------------------------------------------------- */

static int read_initial(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	return read_list(r, at, v, CPUS_MAX, &((struct oci_exec_affinity *)base)->initial);
}

static int read_final(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	return read_list(r, at, v, CPUS_MAX, &((struct oci_exec_affinity *)base)->final);
}

static const struct field affinity_fields[] = {
	{FIELD_CALL("initial", read_initial)},
	{FIELD_CALL("final", read_final)},
};

const struct object exec_affinity_object = {
	OBJECT(affinity_fields, struct oci_exec_affinity),
	.has_present = true, .present = offsetof(struct oci_exec_affinity, present),
};

/* ---- linux.memoryPolicy --------------------------------------------------------------------- */

static int read_memory_mode(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_memory_policy *m = base;
	const struct name_value *row;
	int e = reader_word(r, at, v, memory_mode_names, n_memory_mode_names, &row);

	if (e < 0)
		return error_in(r->err, "invalid memory policy mode");
	m->name = row->name;
	m->mode = (unsigned)row->value;
	return 0;
}

static int read_memory_flags(struct reader *r, const struct at *at, const struct json *v,
			     void *base)
{
	int e = read_flags(r, at, v, memory_flag_names, n_memory_flag_names,
			   &((struct oci_memory_policy *)base)->flags);

	return e < 0 ? error_in(r->err, "invalid memory policy flag") : 0;
}

static int read_nodes(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	int e = read_list(r, at, v, NODES_MAX, &((struct oci_memory_policy *)base)->nodes);

	return e < 0 ? error_in(r->err, "invalid memory policy nodes") : 0;
}

static const struct field memory_policy_fields[] = {
	{FIELD_CALL("mode", read_memory_mode)},
	{FIELD_CALL("nodes", read_nodes)},
	{FIELD_CALL("flags", read_memory_flags)},
};

static int memory_policy_done(struct reader *r, const struct at *at, const struct json *v,
			      void *base)
{
	if (((struct oci_memory_policy *)base)->name)
		return 0;
	return reader_fail_member(r, at, v, "mode", "invalid memory policy mode: `mode` is "
				  "required");
}

const struct object memory_policy_object = {
	OBJECT(memory_policy_fields, struct oci_memory_policy), .done = memory_policy_done,
	.has_present = true, .present = offsetof(struct oci_memory_policy, present),
};

/* ---- linux.personality ---------------------------------------------------------------------- */

static int read_domain(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_linux *l = base;
	const struct name_value *row;
	int e = reader_word(r, at, v, personality_names, n_personality_names, &row);

	if (e < 0)
		return e;
	l->personality.name = row->name;
	l->personality.domain = row->value;
	return 0;
}

/* The specification has the member and not one value for it. */
static int read_personality_flags(struct reader *r, const struct at *at, const struct json *v,
				  void *base)
{
	struct at first = {at, NULL, 0};
	int e = reader_type(r, at, v, JSON_ARRAY);

	(void)base;
	if (e < 0 || v->array.n == 0)
		return e;
	e = reader_type(r, &first, v->array.v[0], JSON_STRING);
	return e < 0 ? e : reader_refuse(r, &first, v->array.v[0], v->array.v[0]->string.data);
}

/* Its members live in struct oci_linux itself. */
static const struct field personality_fields[] = {
	{FIELD_CALL("domain", read_domain), .flags = REQUIRED},
	{FIELD_CALL("flags", read_personality_flags)},
};

static const struct object personality_object = {
	OBJECT(personality_fields, struct oci_linux),
	.has_present = true, .present = offsetof(struct oci_linux, personality.present),
};

int read_personality(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	return reader_object(r, at, v, &personality_object, base);
}

/* ---- linux.timeOffsets ---------------------------------------------------------------------- */

/*
 * time_namespaces(7): the clock may not get below zero nor above KTIME_MAX / 2, and it shows less
 * than that now: what is out of this range is refused whatever the host's clock shows.
 */
#define OFFSET_SECS_MAX 4611686018

static const struct field time_offset_fields[] = {
	{FIELD_I64("secs", struct oci_time_offset, secs),
	 RANGE(-OFFSET_SECS_MAX, OFFSET_SECS_MAX)},
	{FIELD_U32("nanosecs", struct oci_time_offset, nanosecs), RANGE(0, 999999999)},
};

static const struct object time_offset_object = {
	OBJECT(time_offset_fields, struct oci_time_offset),
	.has_present = true, .present = offsetof(struct oci_time_offset, present),
};

/* A map from clock to offset: here another name is an error. */
int read_time_offsets(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_linux *l = base;
	int e = reader_type(r, at, v, JSON_OBJECT);

	for (size_t i = 0; e == 0 && i < v->object.n; i++) {
		struct at member = {at, v->object.keys[i], 0};
		const struct json *value = v->object.v[i];
		struct oci_time_offset *to = str_eq(member.key, "monotonic") ?
						     &l->time_offsets.monotonic :
					     str_eq(member.key, "boottime") ?
						     &l->time_offsets.boottime : NULL;

		if (!to)
			e = reader_fail(r, &member, value, "a time namespace has no clock "
					"`%.80s` (monotonic, boottime)", member.key);
		else if (value->type != JSON_NULL)
			e = reader_object(r, &member, value, &time_offset_object, to);
		e = reader_go_on(r, e);
	}
	return e;
}
