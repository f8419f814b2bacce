/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process/hook_env.h"

#include <unistd.h>

#include "sys/mutate.h"
#include "util/mem.h"
#include "util/str.h"

/* Descriptors we were given, the caller's notification socket, what the dynamic loader would act
 * upon, and our own variables. */
static bool is_ours(const char *entry)
{
	static const char *const prefixes[] = {"LISTEN_", "NOTIFY_SOCKET=", "LD_", "ORLOP_"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(entry, prefixes[i]))
			return true;
	return false;
}

char *const *hook_environment(const struct oci_hook *hook, char *const *default_env, char ***ret_own)
{
	static char *const empty[] = {NULL};
	size_t count = 0, n = 0;
	char **env;

	if (hook->has_env)
		return hook->env.n ? hook->env.v : empty;
	if (default_env)
		return default_env;
	while (environ && environ[count])
		count++;
	env = xcalloc(count + 1, sizeof(*env));
	for (size_t i = 0; i < count; i++)
		if (!is_ours(environ[i]) || MUTATE(T98))
			env[n++] = environ[i];
	*ret_own = env;
	return env;
}
