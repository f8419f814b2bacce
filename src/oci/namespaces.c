/* SPDX-License-Identifier: GPL-2.0-or-later */
/* namespaces(7). */
#include <linux/sched.h>

#include "oci/config.h"

const struct name_value namespace_names[] = {
	{"cgroup", CLONE_NEWCGROUP},
	{"ipc", CLONE_NEWIPC},
	{"mount", CLONE_NEWNS},
	{"network", CLONE_NEWNET},
	{"pid", CLONE_NEWPID},
	{"time", CLONE_NEWTIME},
	{"user", CLONE_NEWUSER},
	{"uts", CLONE_NEWUTS},
};

const size_t n_namespace_names = ARRAY_SIZE(namespace_names);

const struct oci_namespace *oci_find_namespace(const struct oci_config *c, uint64_t flag)
{
	for (size_t i = 0; i < c->linux_.n_namespaces; i++)
		if (c->linux_.namespaces[i].flag == flag)
			return &c->linux_.namespaces[i];
	return NULL;
}
