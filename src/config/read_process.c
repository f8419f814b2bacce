/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `process`: runtime-spec config.md#process. */
#include "config/read.h"

#include <errno.h>

#include "oci/names.h"
#include "oci/process.h"

#define MAX_GROUPS 65536u	/* NGROUPS_MAX, setgroups(2) */

static int read_groups(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_user *user = base;
	uint32_t *gids;
	int e = reader_type(r, at, v, JSON_ARRAY);

	if (e < 0 || v->array.n == 0)
		return e;
	if (v->array.n > MAX_GROUPS)
		return reader_fail(r, at, v, "%zu groups, the kernel takes at most %u",
				   v->array.n, MAX_GROUPS);
	gids = arena_new_array(r->arena, uint32_t, v->array.n);
	for (size_t i = 0; i < v->array.n; i++) {
		struct at element = {at, NULL, i};

		e = reader_go_on(r, reader_id(r, &element, v->array.v[i], &gids[i]));
		if (e < 0)
			return e;
	}
	user->additional_gids = gids;
	user->n_additional_gids = v->array.n;
	return 0;
}

static const struct field user_fields[] = {
	/* Required by the specification; programs in Go read and write an absent one as 0. */
	{FIELD_U32("uid", struct oci_user, uid), .flags = ZERO_IF_ABSENT | IS_ID},
	{FIELD_U32("gid", struct oci_user, gid), .flags = ZERO_IF_ABSENT | IS_ID},
	{FIELD_OPT_U32("umask", struct oci_user, umask), RANGE(0, 0777)},
	{FIELD_CALL("additionalGids", read_groups)},
};

static const struct object user_object = {OBJECT(user_fields, struct oci_user)};

static void unknown_capability(struct reader *r, const struct at *at, const char *name)
{
	char buf[32];
	const char *near = capability_nearest(name, buf);

	reader_warn(r, at, "unknown capability `%.64s`, left out%s%s%s", name, near ? " (did you mean `" : "",
		    near ? near : "", near ? "`?)" : "");
}

/* An unknown name is a warning and left out: runtime-spec config.md#linux-process, since 1.1. */
static int read_caps(struct reader *r, const struct at *at, const struct json *v, uint64_t *ret,
		     uint16_t places[static 64])
{
	uint64_t set = 0;
	int e = reader_type(r, at, v, JSON_ARRAY);

	for (size_t i = 0; e == 0 && i < v->array.n; i++) {
		struct at element = {at, NULL, i};
		const struct json *name = v->array.v[i];
		int number;

		if (reader_type(r, &element, name, JSON_STRING) < 0) {
			e = reader_go_on(r, -EINVAL);
			continue;
		}
		number = capability_number(name->string.data);
		if (number < 0) {
			unknown_capability(r, &element, name->string.data);
			continue;
		}
		set |= 1ull << number;
		places[number] = i < UINT16_MAX ? (uint16_t)i : UINT16_MAX;
	}
	if (e == 0)
		*ret = set;
	return e;
}

#define CAPS(member) \
	static int read_##member(struct reader *r, const struct at *at, const struct json *v, \
				 void *base) \
	{ \
		struct oci_capabilities *c = base; \
\
		return read_caps(r, at, v, &c->member, c->at.member); \
	}

CAPS(bounding)
CAPS(effective)
CAPS(inheritable)
CAPS(permitted)
CAPS(ambient)

static const struct field caps_fields[] = {
	{FIELD_CALL("bounding", read_bounding)},
	{FIELD_CALL("effective", read_effective)},
	{FIELD_CALL("inheritable", read_inheritable)},
	{FIELD_CALL("permitted", read_permitted)},
	{FIELD_CALL("ambient", read_ambient)},
};

static const struct object caps_object = {OBJECT(caps_fields, struct oci_capabilities)};

static int read_capabilities(struct reader *r, const struct at *at, const struct json *v,
			     void *base)
{
	struct oci_process *p = base;

	p->has_capabilities = true;
	return reader_object(r, at, v, &caps_object, &p->capabilities);
}

static int read_rlimit_type(struct reader *r, const struct at *at, const struct json *v,
			    void *base)
{
	struct oci_rlimit *limit = base;
	const struct name_value *row;
	int e = reader_word(r, at, v, rlimit_names, n_rlimit_names, &row);

	if (e < 0)
		return e;
	limit->resource = (int)row->value;
	limit->name = row->name;
	return 0;
}

static const struct field rlimit_fields[] = {
	{FIELD_CALL("type", read_rlimit_type), .flags = REQUIRED},
	{FIELD_U64("soft", struct oci_rlimit, soft), .flags = REQUIRED},
	{FIELD_U64("hard", struct oci_rlimit, hard), .flags = REQUIRED},
};

static const struct object rlimit_object = {OBJECT(rlimit_fields, struct oci_rlimit)};

struct console {
	struct opt_u64 height, width;
};

static const struct field console_fields[] = {
	{FIELD_OPT_U64("height", struct console, height)},
	{FIELD_OPT_U64("width", struct console, width)},
};

static const struct object console_object = {OBJECT(console_fields, struct console)};

/* consoleSize counts only with `terminal`, wherever that stands: looked at in process_done. */
static int read_console(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct console size = {0};

	(void)base;
	return reader_object(r, at, v, &console_object, &size);
}

static int console_size(struct reader *r, const struct at *at, const struct json *v,
			struct oci_process *p)
{
	static const char *const names[] = {"height", "width"};
	struct at here = {at, "consoleSize", 0};
	const struct json *size = json_get(v, here.key);
	uint64_t n[2] = {0};

	if (!p->terminal || !size)
		return 0;
	for (int i = 0; i < 2; i++) {
		const struct json *value = json_get(size, names[i]);

		if (!value)
			return reader_fail_member(r, &here, size, names[i], "`%s` is required",
						  names[i]);
		if (json_u64(value, &n[i]) < 0 || n[i] > UINT16_MAX)
			return reader_fail_member(r, &here, size, names[i], "%.40s is out of range "
						  "(a terminal has at most 65535)", value->number);
	}
	p->console_size.set = true;
	p->console_size.rows = (uint16_t)n[0];
	p->console_size.cols = (uint16_t)n[1];
	return 0;
}

static int process_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_process *p = base;

	if (p->args.n == 0)
		return reader_fail_member(r, at, v, "args", "`args` needs at least one entry");
	return console_size(r, at, v, p);
}

static const struct field process_fields[] = {
	{FIELD_BOOL("terminal", struct oci_process, terminal)},
	{FIELD_CALL("consoleSize", read_console)},
	{FIELD_STRING("cwd", struct oci_process, cwd), .flags = REQUIRED | ABSOLUTE},
	{FIELD_STRINGS("args", struct oci_process, args)},
	{FIELD_STRINGS("env", struct oci_process, env), .flags = ENVIRONMENT},
	{FIELD_OBJECT("user", struct oci_process, user, &user_object)},
	{FIELD_CALL("capabilities", read_capabilities)},
	{FIELD_LIST("rlimits", struct oci_process, rlimits, n_rlimits, &rlimit_object)},
	{FIELD_STRING("apparmorProfile", struct oci_process, apparmor_profile)},
	{FIELD_STRING("selinuxLabel", struct oci_process, selinux_label)},
	{FIELD_BOOL("noNewPrivileges", struct oci_process, no_new_privileges)},
	{FIELD_OPT_I32("oomScoreAdj", struct oci_process, oom_score_adj), RANGE(-1000, 1000)},
	{FIELD_OBJECT("scheduler", struct oci_process, scheduler, &scheduler_object)},
	{FIELD_OBJECT("ioPriority", struct oci_process, io_priority, &io_priority_object)},
	{FIELD_OBJECT("execCPUAffinity", struct oci_process, exec_affinity, &exec_affinity_object)},
};

const struct object process_object = {
	OBJECT(process_fields, struct oci_process),
	.has_present = true, .present = offsetof(struct oci_process, present),
	.done = process_done,
};
