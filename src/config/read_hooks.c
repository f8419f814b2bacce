/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `hooks`: runtime-spec config.md#posix-platform-hooks. */
#include "config/read.h"

#include "oci/hooks.h"

#define TIMEOUT_MAX 1000000000		/* 31 years; stays an int64_t in nanoseconds */

/* An empty array is an empty environment, an absent one is not. */
static int read_env(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_hook *hook = base;

	hook->has_env = true;
	return reader_strings(r, at, v, ENVIRONMENT, &hook->env);
}

static const struct field hook_fields[] = {
	{FIELD_STRING("path", struct oci_hook, path), .flags = REQUIRED | ABSOLUTE},
	{FIELD_STRINGS("args", struct oci_hook, args)},
	{FIELD_CALL("env", read_env)},
	{FIELD_OPT_I64("timeout", struct oci_hook, timeout_s), RANGE(1, TIMEOUT_MAX)},
};

static const struct object hook_object = {OBJECT(hook_fields, struct oci_hook)};

#define HOOKS(name, kind) \
	{FIELD_LIST(name, struct oci_hooks, list[kind].v, list[kind].n, &hook_object)}

static const struct field hooks_fields[] = {
	HOOKS("prestart", HOOK_PRESTART),
	HOOKS("createRuntime", HOOK_CREATE_RUNTIME),
	HOOKS("createContainer", HOOK_CREATE_CONTAINER),
	HOOKS("startContainer", HOOK_START_CONTAINER),
	HOOKS("poststart", HOOK_POSTSTART),
	HOOKS("poststop", HOOK_POSTSTOP),
};

const struct object hooks_object = {OBJECT(hooks_fields, struct oci_hooks)};
