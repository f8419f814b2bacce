/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `linux.sysctl`: only what belongs to a namespace that the container does not share with the host
 * (runtime-spec config-linux.md#sysctl, namespaces(7)). */
#include <errno.h>
#include <linux/sched.h>

#include "config/validate_parts.h"
#include "json/pointer.h"

#define KEY_MAX 256

static const struct {
	const char *name;		/* below /proc/sys; a last "/" stands for all below */
	uint64_t ns;
} gates[] = {
	{"kernel/msgmax", CLONE_NEWIPC},
	{"kernel/msgmnb", CLONE_NEWIPC},
	{"kernel/msgmni", CLONE_NEWIPC},
	{"kernel/sem", CLONE_NEWIPC},
	{"kernel/shmall", CLONE_NEWIPC},
	{"kernel/shmmax", CLONE_NEWIPC},
	{"kernel/shmmni", CLONE_NEWIPC},
	{"kernel/shm_rmid_forced", CLONE_NEWIPC},
	{"fs/mqueue/", CLONE_NEWIPC},
	{"net/", CLONE_NEWNET},
	{"kernel/domainname", CLONE_NEWUTS},
	{"user/", CLONE_NEWUSER},
};

/*
 * sysctl(8): the first separator decides.  "a.b.c" and "a/b/c" are the same file; in the dotted form a
 * slash stands for a dot inside a name.
 */
static bool key_to_path(const char *key, char path[KEY_MAX])
{
	size_t n = strlen(key);
	bool dotted = key[strcspn(key, "./")] == '.';

	if (n >= KEY_MAX)
		return false;
	for (size_t i = 0; i <= n; i++)
		path[i] = !dotted ? key[i] : key[i] == '.' ? '/' : key[i] == '/' ? '.' : key[i];
	return true;
}

/* No component is empty, "." or "..": what is left is below /proc/sys for certain. */
static bool is_clean(const char *path)
{
	for (;; path++) {
		size_t n = strcspn(path, "/");

		if (n == 0 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += n;
		if (!*path)
			return true;
	}
}

static const char *ns_name(uint64_t flag)
{
	for (size_t i = 0; i < n_namespace_names; i++)
		if (namespace_names[i].value == flag)
			return namespace_names[i].name;
	return "";
}

/* The kind of namespace that has its own value of @path, or 0. */
static uint64_t namespace_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(gates); i++) {
		const char *name = gates[i].name;
		bool below = name[strlen(name) - 1] == '/';

		if (below ? str_starts(path, name) : str_eq(path, name))
			return gates[i].ns;
	}
	return 0;
}

uint64_t validate_sysctl_namespace(const char *key)
{
	char path[KEY_MAX];

	return key_to_path(key, path) ? namespace_of(path) : 0;
}

static int check_gate(const struct oci_config *c, const char *path, const char *value, struct error *err)
{
	uint64_t ns = namespace_of(path);

	if (str_eq(path, "kernel/hostname"))
		return error_set(err, EINVAL, c->hostname ? "the member `hostname` is there too: remove this one"
							  : "use the member `hostname` instead");
	if (ns == 0)
		return error_set(err, EINVAL, "this sysctl belongs to no namespace: the host's own value "
				 "would change");
	if (str_eq(path, "kernel/domainname") && c->domainname && !str_eq(value, c->domainname))
		return error_set(err, EINVAL, "the member `domainname` is there too: remove this one");
	if (!oci_find_namespace(c, ns))
		return error_set(err, EINVAL, "needs a `%s` namespace in /linux/namespaces: the "
				 "host's own value would change", ns_name(ns));
	return 0;
}

int validate_sysctl(const struct oci_config *c, size_t i, struct error *err)
{
	const char *key = c->linux_.sysctl.v[i].key;
	char where[ERROR_WHERE_MAX] = "/linux/sysctl", path[KEY_MAX];

	json_pointer_key(where, sizeof(where), key);
	if (!key_to_path(key, path) || !is_clean(path))
		return error_config(err, where, "not the name of a sysctl");
	return check_gate(c, path, c->linux_.sysctl.v[i].value, err) < 0 ? error_at(err, "%s", where) : 0;
}
