/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The environment of the container process: exactly the configured one, HOME and LISTEN_* added.
 * Runs in the child. */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/process.h"
#include "util/str.h"

/* Names seen so far, as an open hash table of indices + 1: a list may be long. */
struct seen {
	size_t *slot;
	size_t mask;
};

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static size_t hash(const char *s, size_t n)
{
	uint64_t h = 14695981039346656037u;	/* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

/* Put @entry into @env, over an earlier one of the same name. */
static void put(struct seen *seen, char **env, size_t *n, char *entry)
{
	size_t len = name_length(entry);
	size_t at = hash(entry, len) & seen->mask;

	for (; seen->slot[at]; at = (at + 1) & seen->mask) {
		char **old = &env[seen->slot[at] - 1];

		if (name_length(*old) == len && memcmp(*old, entry, len) == 0) {
			*old = entry;
			return;
		}
	}
	env[(*n)++] = entry;
	seen->slot[at] = *n;
}

char **process_environment(struct arena *a, const struct plan_process *p, uint32_t uid)
{
	size_t count = 0, size = 16, n = 0;
	struct seen seen;
	char **env;

	while (p->envp && p->envp[count])
		count++;
	while (size < 2 * (count + 5))
		size *= 2;
	seen.mask = size - 1;
	seen.slot = arena_new_array(a, size_t, size);
	env = arena_new_array(a, char *, count + 5);
	for (size_t i = 0; i < count; i++)
		put(&seen, env, &n, p->envp[i]);
	if (p->add_home)
		put(&seen, env, &n, arena_printf(a, "HOME=%s", process_home(a, uid)));
	if (p->listen_fds) {
		/* sd_listen_fds(3): the pid as the process itself sees it, which is 1 for the first one
		 * of a pid namespace. */
		put(&seen, env, &n, arena_printf(a, "LISTEN_PID=%ld", syscall(SYS_getpid)));
		put(&seen, env, &n, arena_printf(a, "LISTEN_FDS=%u", p->listen_fds));
		if (p->listen_names)
			put(&seen, env, &n, arena_printf(a, "LISTEN_FDNAMES=%s", p->listen_names));
	}
	env[n] = NULL;
	return env;
}
