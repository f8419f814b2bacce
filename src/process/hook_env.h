/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The environment of one hook. */
#ifndef ORLOP_PROCESS_HOOK_ENV_H
#define ORLOP_PROCESS_HOOK_ENV_H

#include "oci/hooks.h"

/*
 * Exactly `env` of the hook when it has one, even an empty one; else @default_env; else our own
 * without what is meant for us alone.  *@ret_own is set when memory was needed, to be freed.
 */
char *const *hook_environment(const struct oci_hook *hook, char *const *default_env, char ***ret_own);

#endif
