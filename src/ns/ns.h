/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces: opened and mapped by the parent, entered by the child. */
#ifndef ORLOP_NS_NS_H
#define ORLOP_NS_NS_H

#include <sys/types.h>

#include "plan/plan.h"
#include "util/error.h"

/* Parent: open every namespace file of plan->joins and check its type with NS_GET_NSTYPE.
 * @ret_fds has plan->n_joins elements; on failure all are closed. */
int ns_open_joins(const struct plan_ns *p, int *ret_fds, struct error *err);

/* Child or launcher: enter those of the joins whose flag is in @which (setns(2)), in order, closing
 * each descriptor.  Before a user namespace also others are, where only the caller has power over them. */
int ns_enter_joins(const struct plan_ns *p, int *fds, uint64_t which, struct error *err);

/*
 * Launcher, plan->userns_first: enter the new user namespace @user and the time namespace @time of its own (-1: none)
 * and close both; before it also the joins that only the caller has power over, as above.
 */
int ns_enter_first(const struct plan_ns *p, int *fds, int user, int time, struct error *err);

/* Parent, plan->userns_first: make both, with ids mapped and clocks set.  *ret_time: -1 if it is not asked for. */
int ns_make_first(const struct plan_ns *p, int *ret_user, int *ret_time, struct error *err);

/* Parent: write setgroups, gid_map and uid_map of @pid (or run the helpers, by absolute path, with an
 * empty environment), through @proc_pid, a descriptor of its /proc directory; read back. */
int ns_write_maps(const struct plan_ns *p, int proc_pid, pid_t pid, struct error *err);

/* Parent: has the user namespace that the process joined the maps of the plan, if that has any? */
int ns_check_maps(const struct plan_ns *p, int proc_pid, struct error *err);

/* Child, after its ids are mapped: become 0:0 of the new user namespace; where they are not mapped, @user
 * (NULL: an error).  @keep_groups: leave the caller's supplementary groups. */
int ns_become_root(const struct oci_user *user, bool keep_groups, struct error *err);

/* Child: bring `lo` up (SIOCSIFFLAGS, or netlink). */
int ns_loopback_up(struct error *err);

/* Child: sethostname(2), setdomainname(2); NULL is left alone. */
int ns_set_names(const struct plan_ns *p, struct error *err);

/*
 * A time namespace with offsets, in three steps of one process: open our own offsets through @proc (the
 * host's procfs), which must be early, since the file is no longer ours in a user namespace once we are
 * not dumpable; make the namespace for our children and set its clocks through that descriptor; enter
 * it ourselves (our children are in it without that).
 */
int ns_time_open(int proc, struct error *err);
int ns_time_make(const struct plan_ns *p, int fd, struct error *err);
int ns_time_enter(int proc, struct error *err);
/* Parent: set the clocks of the time namespace that the process of @proc_pid made for its children. */
int ns_time_set(const struct plan_ns *p, int proc_pid, struct error *err);

/* clone3(2) of a process that continues like fork(2): 0 in the child, the pid in the parent, -errno.
 * @cgroup_fd < 0: no CLONE_INTO_CGROUP.  @flags: CLONE_NEW*, CLONE_PARENT. */
pid_t ns_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd);

#endif
