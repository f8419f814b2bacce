/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.sysctl: names to files below /proc/sys, and only those that belong to a namespace of the
 * container, because any other would change the host.  Runs in the parent; makes no system call.
 */
#include "plan/plan.h"

#include <linux/sched.h>

#include "util/str.h"

struct sysctl_rule {
	const char *file;		/* whole name, or a prefix when it ends in '/' */
	uint64_t ns;
	const char *ns_name;
};

/* Namespaced according to ipc_namespaces(7), network_namespaces(7), uts_namespaces(7), and
 * kernel/ucount.c for user/. */
static const struct sysctl_rule rules[] = {
	{ "kernel/msgmax", CLONE_NEWIPC, "ipc" },
	{ "kernel/msgmnb", CLONE_NEWIPC, "ipc" },
	{ "kernel/msgmni", CLONE_NEWIPC, "ipc" },
	{ "kernel/sem", CLONE_NEWIPC, "ipc" },
	{ "kernel/shmall", CLONE_NEWIPC, "ipc" },
	{ "kernel/shmmax", CLONE_NEWIPC, "ipc" },
	{ "kernel/shmmni", CLONE_NEWIPC, "ipc" },
	{ "kernel/shm_rmid_forced", CLONE_NEWIPC, "ipc" },
	{ "fs/mqueue/", CLONE_NEWIPC, "ipc" },
	{ "net/", CLONE_NEWNET, "network" },
	{ "kernel/domainname", CLONE_NEWUTS, "uts" },
	{ "user/", CLONE_NEWUSER, "user" },
};

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

/* Every component is a plain name: not empty, not "." and not "..". */
static bool is_plain(const char *file)
{
	while (true) {
		size_t n = strcspn(file, "/");

		if (n == 0 || (n == 1 && file[0] == '.') || (n == 2 && strncmp(file, "..", 2) == 0))
			return false;
		if (!file[n])
			return true;
		file += n + 1;
	}
}

static const struct sysctl_rule *find_rule(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		size_t n = strlen(rules[i].file);

		if (rules[i].file[n - 1] == '/' ? strncmp(file, rules[i].file, n) == 0
						: str_eq(file, rules[i].file))
			return &rules[i];
	}
	return NULL;
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

static int plan_one(struct arena *a, struct plan *p, const struct key_value *kv, struct error *err)
{
	const char *file = sysctl_file(a, kv->key), *where = pointer_to(a, kv->key);
	const struct sysctl_rule *rule;

	if (!is_plain(file))
		return error_config(err, where, "`%s` is no name of a sysctl: write it as "
				    "net.ipv4.ip_forward or net/ipv4/ip_forward", kv->key);
	if (str_eq(file, "kernel/hostname"))
		return error_config(err, where, "use the `hostname` member of the configuration instead");
	rule = find_rule(file);
	if (!rule)
		return error_config(err, where, "`%s` belongs to no namespace: setting it would change the "
				    "host", kv->key);
	if (!(plan_ns_flags(p) & rule->ns))
		return error_config(err, where, "`%s` would change the host: add {\"type\": \"%s\"} to "
				    "linux.namespaces", kv->key, rule->ns_name);
	arena_push(a, p->process.sysctls, p->process.n_sysctls) = (struct plan_sysctl){
		.file = file, .value = kv->value, .where = where,
	};
	return 0;
}

int plan_sysctl(struct arena *a, struct plan *p, struct error *err)
{
	const struct key_values *kvs = &p->config->linux_.sysctl;

	for (size_t i = 0; i < kvs->n; i++) {
		int r = plan_one(a, p, &kvs->v[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}
