/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host facts, looked up once and handed to plan/ as an argument, so that a test can hand in any
 * host it likes.  Only what a decision needs; everything here costs system calls at every start.
 */
#ifndef ORLOP_SYS_PROBE_H
#define ORLOP_SYS_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bits of `struct facts.controllers_v1` and of plan_cgroup.controllers. */
enum {
	CGROUP_CPU = 1 << 0, CGROUP_CPUSET = 1 << 1, CGROUP_IO = 1 << 2, CGROUP_MEMORY = 1 << 3,
	CGROUP_HUGETLB = 1 << 4, CGROUP_PIDS = 1 << 5, CGROUP_RDMA = 1 << 6, CGROUP_MISC = 1 << 7,
};

struct facts {
	uid_t euid;
	gid_t egid;
	bool cap_sys_admin;		/* effective, in our own user namespace */
	bool in_initial_userns;		/* /proc/self/uid_map is "0 0 4294967295" */
	bool foreign_mounts;		/* cap_sys_admin does not reach our mount namespace: `unshare -Ur` */
	bool cap_sys_resource;
	bool tree_namespaces;		/* open_tree(2) has OPEN_TREE_NAMESPACE: Linux 7.0 */
	bool foreign_tree_namespaces;	/* and it uncovers nothing for who has no power over the mounts: 7.2.13, 7.3 */
	unsigned last_cap;		/* highest capability the kernel knows */
	char cgroup_root[64];		/* where cgroup2 is mounted: "/sys/fs/cgroup",
					 * "/sys/fs/cgroup/unified", or "" when nowhere */
	char cgroup_home[512];		/* below it: where an unprivileged caller may make cgroups, "/a/b"; "" when
					 * that is the root, or nowhere, or not asked as we have privileges; with them
					 * see probe_delegation() */
	bool cgroup_hybrid;		/* cgroup_root is the "unified" one */
	bool proc_kcore;		/* /proc/kcore is there: CONFIG_PROC_KCORE */
};

/* Is the capability effective in this process? */
bool probe_effective_cap(int cap);

/* Are we in the initial user namespace? */
bool probe_initial_userns(void);

/* Fill in what the running host says. */
void facts_probe(struct facts *ret);

/* Fill in cgroup_home of a caller with privileges, who could make cgroups anywhere: what systemd marked as delegated,
 * the one above our own or our own, or "". */
void probe_delegation(struct facts *ret);

/* Does the running kernel call itself older than @release, "5.15"?  Vendors bring features to older ones: ask
 * only when something has failed already. */
bool kernel_is_older(const char *release);
/* The same of a kernel that calls itself @have. */
bool release_is_older(const char *have, const char *release);

/* A system call that we cannot do without, and the release that brought it. */
struct kernel_call {
	const char *name, *release;
	long number;
};

/* The first one that is not here, or is hidden by a seccomp filter of the host; NULL: none. */
const struct kernel_call *kernel_missing_call(void);

/* The names of the controllers, indexed by bit number. */
extern const char *const cgroup_controller_names[8];

#endif
