/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json `hooks` (runtime-spec config.md#posix-platform-hooks). */
#ifndef ORLOP_OCI_HOOKS_H
#define ORLOP_OCI_HOOKS_H

#include "oci/types.h"

enum oci_hook_kind {
	HOOK_PRESTART, HOOK_CREATE_RUNTIME, HOOK_CREATE_CONTAINER, HOOK_START_CONTAINER,
	HOOK_POSTSTART, HOOK_POSTSTOP,
	N_HOOK_KINDS,
};

struct oci_hook {
	char *path;			/* absolute */
	struct strings args;		/* complete argv; n == 0: {path} */
	bool has_env;			/* absent differs from [] */
	struct strings env;
	struct opt_i64 timeout_s;	/* > 0 */
};

struct oci_hook_list {
	struct oci_hook *v;
	size_t n;
};

struct oci_hooks {
	struct oci_hook_list list[N_HOOK_KINDS];
};

/* "prestart", "createRuntime", ... in the order of the enum. */
extern const char *const oci_hook_names[N_HOOK_KINDS];

#endif
