/* SPDX-License-Identifier: GPL-2.0-or-later */
/* namespaces(7). */
#include <linux/sched.h>

#include "oci/linux.h"

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
