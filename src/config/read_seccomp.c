/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `linux.seccomp`: runtime-spec config-linux.md#seccomp. */
#include "config/read.h"

#include <errno.h>

#include "oci/seccomp.h"
#include "sys/mutate.h"

#define ACT_ERRNO 0x00050000u
#define ACT_TRACE 0x7ff00000u
#define ACT_NOTIFY 0x7fc00000u
#define MAX_ERRNO 4095u		/* seccomp(2): the kernel would cut a larger one */
#define MAX_TRACE 0xffffu

/* A rule (or the profile with its default) before the errno is folded into the action. */
struct raw_rule {
	struct oci_seccomp_rule oci;
	struct opt_u64 errno_ret;
};

struct raw_profile {
	struct oci_seccomp *oci;
	struct opt_u64 errno_ret;
	char *listener_path, *listener_metadata;
};

static int read_action(struct reader *r, const struct at *at, const struct json *v, uint32_t *ret)
{
	const struct name_value *row;
	int e = reader_word(r, at, v, seccomp_action_names, n_seccomp_action_names, &row);

	if (e == 0)
		*ret = (uint32_t)row->value;
	return e;
}

/* @key: the member with the errno, @v the object that may hold it. */
static int fold_errno(struct reader *r, const struct at *at, const struct json *v, const char *key,
		      const struct opt_u64 *errno_ret, uint32_t *action)
{
	uint32_t max = *action == ACT_TRACE ? MAX_TRACE : MAX_ERRNO;

	if (*action != ACT_ERRNO && *action != ACT_TRACE) {
		if (errno_ret->set)
			return reader_fail_member(r, at, v, key, "`%s` only goes with "
						  "SCMP_ACT_ERRNO and SCMP_ACT_TRACE", key);
		return 0;
	}
	if (errno_ret->set && errno_ret->v > max && !MUTATE(T77))
		return reader_fail_member(r, at, v, key, "%llu is out of range (0 to %u)",
					  (unsigned long long)errno_ret->v, max);
	*action |= errno_ret->set ? (uint32_t)errno_ret->v : EPERM;
	return 0;
}

/* ---- rules ---------------------------------------------------------------------------------- */

struct raw_arg {
	struct oci_seccomp_arg oci;
	uint64_t index;
};

static int read_op(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	const struct name_value *row;
	int e = reader_word(r, at, v, seccomp_operator_names, n_seccomp_operator_names, &row);

	if (e == 0)
		((struct raw_arg *)base)->oci.op = (unsigned)row->value;
	return e;
}

static const struct field arg_fields[] = {
	{FIELD_U64("index", struct raw_arg, index), .flags = REQUIRED, RANGE(0, 5)},
	{FIELD_U64("value", struct raw_arg, oci.value), .flags = REQUIRED},
	{FIELD_U64("valueTwo", struct raw_arg, oci.value_two)},
	{FIELD_CALL("op", read_op), .flags = REQUIRED},
};

static int arg_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct raw_arg *arg = base;

	(void)r, (void)at, (void)v;
	arg->oci.index = (unsigned)arg->index;
	return 0;
}

static const struct object arg_object = {OBJECT(arg_fields, struct raw_arg), .done = arg_done};

static int read_args(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct raw_rule *rule = base;
	int e = reader_type(r, at, v, JSON_ARRAY);

	if (e < 0 || v->array.n == 0)
		return e;
	if (v->array.n > LIST_MAX)
		return reader_fail(r, at, v, "%zu elements, at most %u are taken", v->array.n,
				   LIST_MAX);
	rule->oci.args = arena_new_array(r->arena, struct oci_seccomp_arg, v->array.n);
	for (size_t i = 0; i < v->array.n; i++) {
		struct at element = {at, NULL, i};
		struct raw_arg arg = {0};

		e = reader_go_on(r, reader_object(r, &element, v->array.v[i], &arg_object, &arg));
		if (e < 0)
			return e;
		rule->oci.args[i] = arg.oci;
	}
	rule->oci.n_args = v->array.n;
	return 0;
}

static int read_rule_action(struct reader *r, const struct at *at, const struct json *v,
			    void *base)
{
	return read_action(r, at, v, &((struct raw_rule *)base)->oci.action);
}

static int rule_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct raw_rule *rule = base;

	if (rule->oci.names.n == 0)
		return reader_fail_member(r, at, v, "names", "`names` needs at least one entry");
	/* The listener is told of by write(2): the process would wait for an agent that waits for it. */
	for (size_t i = 0; i < rule->oci.names.n && rule->oci.action == ACT_NOTIFY; i++)
		if (str_eq(rule->oci.names.v[i], "write"))
			return reader_fail_member(r, at, v, "action", "SCMP_ACT_NOTIFY cannot be used "
						  "for the write syscall, by which the listener is "
						  "handed over");
	return fold_errno(r, at, v, "errnoRet", &rule->errno_ret, &rule->oci.action);
}

static const struct field rule_fields[] = {
	{FIELD_STRINGS("names", struct raw_rule, oci.names), .flags = REQUIRED | NONEMPTY},
	{FIELD_CALL("action", read_rule_action), .flags = REQUIRED},
	{FIELD_OPT_U64("errnoRet", struct raw_rule, errno_ret)},
	{FIELD_CALL("args", read_args)},
};

static const struct object rule_object = {OBJECT(rule_fields, struct raw_rule), .done = rule_done};

static int read_rules(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_seccomp *s = ((struct raw_profile *)base)->oci;
	int e = reader_type(r, at, v, JSON_ARRAY);

	if (e < 0 || v->array.n == 0)
		return e;
	if (v->array.n > LIST_MAX)
		return reader_fail(r, at, v, "%zu elements, at most %u are taken", v->array.n,
				   LIST_MAX);
	s->rules = arena_new_array(r->arena, struct oci_seccomp_rule, v->array.n);
	for (size_t i = 0; i < v->array.n; i++) {
		struct at element = {at, NULL, i};
		struct raw_rule rule = {0};

		e = reader_go_on(r, reader_object(r, &element, v->array.v[i], &rule_object, &rule));
		if (e < 0)
			return e;
		s->rules[i] = rule.oci;
		s->notifies |= rule.oci.action == ACT_NOTIFY;
	}
	s->n_rules = v->array.n;
	return 0;
}

/* ---- the profile ---------------------------------------------------------------------------- */

static int read_default_action(struct reader *r, const struct at *at, const struct json *v,
			       void *base)
{
	return read_action(r, at, v, &((struct raw_profile *)base)->oci->default_action);
}

static int read_archs(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_seccomp *s = ((struct raw_profile *)base)->oci;
	uint32_t archs[64];
	size_t n = 0;
	int e = reader_type(r, at, v, JSON_ARRAY);

	for (size_t i = 0; e == 0 && i < v->array.n; i++) {
		struct at element = {at, NULL, i};
		const struct name_value *row;
		size_t known = 0;

		if (reader_word(r, &element, v->array.v[i], seccomp_arch_names, n_seccomp_arch_names, &row) < 0) {
			e = reader_go_on(r, -EINVAL);
			continue;
		}
		while (known < n && archs[known] != row->value)
			known++;
		if (known == n)		/* the table has fewer than 64 rows */
			archs[n++] = (uint32_t)row->value;
	}
	if (e < 0 || n == 0)
		return e;
	s->archs = arena_new_array(r->arena, uint32_t, n);
	memcpy(s->archs, archs, n * sizeof(*archs));
	s->n_archs = n;
	return 0;
}

static int read_flags(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_seccomp *s = ((struct raw_profile *)base)->oci;
	int e = reader_type(r, at, v, JSON_ARRAY);

	s->has_flags = true;
	for (size_t i = 0; e == 0 && i < v->array.n; i++) {
		struct at element = {at, NULL, i};
		const struct name_value *row;

		e = reader_word(r, &element, v->array.v[i], seccomp_flag_names, n_seccomp_flag_names, &row);
		if (e == 0)
			s->flags |= (uint32_t)row->value;
		e = reader_go_on(r, e);
	}
	return e;
}

static const struct field profile_fields[] = {
	{FIELD_CALL("defaultAction", read_default_action), .flags = REQUIRED},
	{FIELD_OPT_U64("defaultErrnoRet", struct raw_profile, errno_ret)},
	{FIELD_CALL("architectures", read_archs)},
	{FIELD_CALL("flags", read_flags)},
	{FIELD_STRING("listenerPath", struct raw_profile, listener_path), .flags = EMPTY_IS_ABSENT},
	{FIELD_STRING("listenerMetadata", struct raw_profile, listener_metadata),
	 .flags = EMPTY_IS_ABSENT},
	{FIELD_CALL("syscalls", read_rules)},
};

static int profile_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct raw_profile *raw = base;
	struct oci_seccomp *s = raw->oci;

	if (s->default_action == ACT_NOTIFY)
		return reader_fail_member(r, at, v, "defaultAction", "SCMP_ACT_NOTIFY cannot be the "
					  "default: the process could not even hand the listener over");
	if (s->notifies && !raw->listener_path)
		return reader_fail_member(r, at, v, "listenerPath", "`listenerPath` is required: a rule "
					  "has SCMP_ACT_NOTIFY, and nobody would answer");
	if (raw->listener_metadata && !raw->listener_path)
		return reader_fail_member(r, at, v, "listenerMetadata", "`listenerMetadata` needs "
					  "`listenerPath`");
	s->listener_path = raw->listener_path;
	s->listener_metadata = raw->listener_metadata;
	return fold_errno(r, at, v, "defaultErrnoRet", &raw->errno_ret, &s->default_action);
}

static const struct object profile_object = {
	OBJECT(profile_fields, struct raw_profile), .done = profile_done,
};

/* ---- digest --------------------------------------------------------------------------------- */

/* FNV-1a, 64 bit, over 8 bytes a number and the bytes of strings with their length in front. */
static void digest_bytes(uint64_t *h, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++)
		*h = (*h ^ p[i]) * 0x100000001b3ull;
}

static void digest_number(uint64_t *h, uint64_t v)
{
	digest_bytes(h, &v, sizeof(v));
}

static void digest_rule(uint64_t *h, const struct oci_seccomp_rule *rule)
{
	digest_number(h, rule->action);
	digest_number(h, rule->names.n);
	for (size_t i = 0; i < rule->names.n; i++) {
		digest_number(h, strlen(rule->names.v[i]));
		digest_bytes(h, rule->names.v[i], strlen(rule->names.v[i]));
	}
	digest_number(h, rule->n_args);
	for (size_t i = 0; i < rule->n_args; i++) {
		const struct oci_seccomp_arg *arg = &rule->args[i];

		digest_number(h, arg->index);
		digest_number(h, arg->op);
		digest_number(h, arg->value);
		digest_number(h, arg->value_two);
	}
}

static uint64_t digest(const struct oci_seccomp *s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	digest_number(&h, s->default_action);
	digest_number(&h, s->n_archs);
	for (size_t i = 0; i < s->n_archs; i++)
		digest_number(&h, s->archs[i]);
	digest_number(&h, s->has_flags);
	digest_number(&h, s->flags);
	digest_number(&h, s->n_rules);
	for (size_t i = 0; i < s->n_rules; i++)
		digest_rule(&h, &s->rules[i]);
	return h;
}

int read_seccomp(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_seccomp *s = base;
	struct raw_profile raw = {.oci = s};
	int e = reader_object(r, at, v, &profile_object, &raw);

	if (e < 0)
		return e;
	s->present = true;
	s->digest = digest(s);
	return 0;
}
