/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.sysctl: names to files below /proc/sys.  The reader of the configuration has let through only
 * clean names of what belongs to a namespace of the container (config/validate_sysctl.c).
 * Runs in the parent, before the first side effect; makes no system call.
 */
#include "plan/parts.h"

#include <string.h>

#include "config/validate_parts.h"

/*
 * sysctl(8): the first separator decides.  After '/' dots are literal; after '.' the two change roles,
 * so that net.ipv4.conf.eth0/100.rp_filter is net/ipv4/conf/eth0.100/rp_filter.
 */
static char *sysctl_file(struct arena *a, const char *key)
{
	char *file = arena_strdup(a, key);
	const char *first = strpbrk(key, "./");

	if (!first || *first == '/')
		return file;
	for (char *c = file; *c; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return file;
}

/* RFC 6901: "~" and "/" in a member's name. */
static const char *pointer_to(struct arena *a, const char *key)
{
	char *out = arena_new_array(a, char, 2 * strlen(key) + 1), *o = out;

	for (; *key; key++) {
		if (*key == '~' || *key == '/') {
			*o++ = '~';
			*o++ = *key == '~' ? '0' : '1';
		} else {
			*o++ = *key;
		}
	}
	return arena_printf(a, "/linux/sysctl/%s", out);
}

int plan_sysctl(struct arena *a, struct plan *p, struct error *err)
{
	const struct key_values *kvs = &p->config->linux_.sysctl;

	(void)err;
	for (size_t i = 0; i < kvs->n; i++) {
		p->ns.changed |= validate_sysctl_namespace(kvs->v[i].key);
		arena_push(a, p->process.sysctls, p->process.n_sysctls) = (struct plan_sysctl){
			.file = sysctl_file(a, kvs->v[i].key),
			.value = kvs->v[i].value,
			.where = pointer_to(a, kvs->v[i].key),
		};
	}
	return 0;
}
