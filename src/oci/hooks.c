/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime-spec config.md#posix-platform-hooks. */
#include "oci/hooks.h"

const char *const oci_hook_names[N_HOOK_KINDS] = {
	[HOOK_PRESTART] = "prestart",
	[HOOK_CREATE_RUNTIME] = "createRuntime",
	[HOOK_CREATE_CONTAINER] = "createContainer",
	[HOOK_START_CONTAINER] = "startContainer",
	[HOOK_POSTSTART] = "poststart",
	[HOOK_POSTSTOP] = "poststop",
};
