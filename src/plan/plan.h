/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every decision, made before the first side effect, as plain const structs: the contract between
 * the half that runs on the host and the half that runs in the container.
 *
 * plan_build() is pure: config + host facts + options in, plan out; no system call, no descriptor.
 * A path *inside* the root file system is never resolved here, only cleaned lexically.
 * Leaf values are used as the `oci_` structs they came in.  The plan lives in one arena that is
 * sealed afterwards.
 */
#ifndef ORLOP_PLAN_PLAN_H
#define ORLOP_PLAN_PLAN_H

#include <linux/filter.h>
#include <sys/types.h>

#include "oci/config.h"
#include "oci/core_sched.h"
#include "sys/probe.h"
#include "util/error.h"
#include "util/findings.h"
#include "util/mem.h"

struct bpf_insn;

/* ---- what the command line adds ------------------------------------------------------------- */

enum cgroup_manager { CGROUP_MANAGER_CGROUPFS, CGROUP_MANAGER_DISABLED, CGROUP_MANAGER_SYSTEMD,
	CGROUP_MANAGER_DELEGATED };

struct plan_options {
	const char *id;
	const char *bundle;		/* absolute path */
	enum cgroup_manager cgroup_manager;
	bool systemd_user;		/* the service manager is the user's, not the system's */
	bool no_pivot;
	bool no_new_keyring;
	bool restores;			/* CRIU makes the namespaces and the mounts */
	bool detached;			/* create, run --detach */
	bool die_with_parent;		/* run: when the runtime is killed, so is the process */
	bool has_console_socket;
	unsigned preserve_fds;		/* descriptors 3.. handed on, besides LISTEN_FDS */
	unsigned listen_fds;		/* from the environment, already checked */
	const char *listen_names;	/* LISTEN_FDNAMES, or NULL */
	bool rootless;			/* --rootless decided: not fully privileged on the host */
	const char *notify;		/* directory of a notification socket, to be mounted; or NULL */
	struct findings *all;		/* what cannot be is noted there, and the rest is decided all the same; NULL:
					 * the first such thing is an error, and the end */
};

#define PLAN_NOTIFY_PLACE "/run/notify"	/* where in the container */
#define PLAN_NOTIFY_SOCKET PLAN_NOTIFY_PLACE "/notify.sock"

/* ---- namespaces ----------------------------------------------------------------------------- */

enum plan_idmap_method {
	IDMAP_NONE,			/* no new user namespace */
	IDMAP_WRITE,			/* write uid_map and gid_map ourselves */
	IDMAP_HELPERS,			/* newuidmap(1), newgidmap(1) */
};

struct plan_join {
	uint64_t flag;			/* CLONE_NEW* */
	const char *path;
	const char *where;		/* JSON pointer */
};

/* CLOCK_MONOTONIC and CLOCK_BOOTTIME, seconds and nanoseconds of both: time_namespaces(7) */
#define TIME_OFFSETS_FORMAT "1 %lld %u\n7 %lld %u\n"

struct plan_net_device {
	const char *host_name;
	const char *name;		/* inside; "%d" at its end: the kernel chooses a number */
	const char *where;		/* JSON pointer */
};

struct plan_ns {
	uint64_t create;		/* CLONE_NEW* for clone3; never CLONE_NEWCGROUP */
	uint64_t unshare;		/* by unshare(2) in the container process: CLONE_NEWCGROUP, whose
					 * root is the cgroup of the caller at that moment, for clone3
					 * still the parent's: cgroup_namespaces(7); CLONE_NEWTIME, when
					 * there are offsets to set before anybody is in it */
	uint64_t from_tree;		/* CLONE_NEWNS: made with the root file system alone in it, and entered:
					 * see plan_rootfs.alone */
	const char *time_offsets;	/* text of timens_offsets, TIME_OFFSETS_FORMAT; NULL = none */
	bool time_in_launcher;		/* the launcher makes that time namespace and clones into it */
	struct plan_join *joins;	/* user first, mount last; opened by the parent */
	size_t n_joins;
	bool launcher;			/* a process enters launcher_joins, or the user namespace that is made
					 * first, and only then are the others made */
	uint64_t launcher_joins;	/* user; and everything when a new user namespace is made, which has
					 * no power over namespaces made outside it */
	bool clone_last;		/* a pid namespace is joined: what is visible there is cloned when
					 * nothing of the host is left to see (rule R8a) */
	uint64_t changed;		/* CLONE_NEW* of those in which names or sysctls are set: a path
					 * that leads to the runtime's own is refused */
	bool userns;			/* the container process ends up in another user namespace */
	bool userns_first;		/* a new one, made before anything else by a process that has nothing
					 * (util/user_ns.h), and then joined: an unprivileged caller may write
					 * the maps only of a process that others may look into */
	enum plan_idmap_method idmap;
	const char *uid_map, *gid_map;	/* text of the files, "inside outside size\n" lines */
	const char *joined_uid_map, *joined_gid_map;	/* what the user namespace that is joined must have */
	bool deny_setgroups;		/* write "deny" before gid_map (unprivileged) */
	bool loopback_up;		/* a network namespace of our own */
	const char *hostname, *domainname;	/* NULL = leave */
	struct plan_net_device *net_devices;	/* moved by the parent into the network namespace */
	size_t n_net_devices;
};

/* ---- root file system ----------------------------------------------------------------------- */

enum plan_mount_kind {
	MOUNT_BIND,			/* open_tree(OPEN_TREE_CLONE) of source */
	MOUNT_FS,			/* fsopen(fstype) */
	MOUNT_CGROUP2,			/* cgroup2 of our own cgroup namespace; without one a bind of the
					 * host's tree */
	MOUNT_SYSFS,			/* fsopen, or a recursive bind of /sys when refused */
	MOUNT_REMOUNT,			/* change the attributes of what is mounted there */
};

struct plan_mount {
	unsigned index;			/* in config.json: /mounts/INDEX */
	enum plan_mount_kind kind;
	const char *destination;	/* cleaned, absolute in the container */
	const char *source;		/* BIND: absolute host path; FS: device name as given */
	const char *fstype;
	const struct oci_mount_options *options;
	struct strings data;		/* fsconfig words, e.g. with the SELinux context added */
	const char *idmap_where;	/* JSON pointer of what asks for an id mapping; NULL = none */
	const char *uid_map, *gid_map;	/* it, as text; NULL = that of the user namespace we join */
	bool on_proc;			/* destination below /proc: only the allow list (checked on the
					 * opened mount point) */
	bool late_readonly;		/* "ro" on a tmpfs or below which we must still create: set after
					 * devices, links and later mount points exist */
};

struct plan_device {
	const char *path;		/* cleaned */
	mode_t mode;			/* type and permission bits */
	dev_t dev;
	uint32_t uid, gid;
	bool any_mode, any_owner;	/* of a node that is there already */
	bool made_outside;		/* by the parent: mknod(2) is refused in a user namespace */
	uint32_t host_uid, host_gid;	/* then: the same ids there */
	const char *where;		/* JSON pointer, or "" for the default devices */
};

struct plan_link {
	const char *target;		/* text of the link */
	const char *path;
	bool optional;			/* what is there already stays, whatever it is */
};

struct plan_rootfs {
	bool mount_ns;			/* new or joined */
	bool host_mounts;		/* without: all below is done in the caller's own, on a mount of
					 * the root file system over itself, which `delete` takes away */
	bool any_mounts;		/* one or the other; else nothing is done but chroot(2) */
	const char *path;		/* absolute host path of the root file system */
	const char *in_bundle;		/* the same, relative to the bundle; NULL: it was given as absolute */
	bool readonly;
	bool no_pivot;
	bool at_path;			/* hooks of create look into the tree at `path`, in the container's
					 * mount namespace, or the kernel for the layers of an overlay: it is
					 * attached there; otherwise over "/" */
	bool sources_in_child;		/* the parent lacks CAP_SYS_ADMIN over its mounts: the child opens
					 * root and bind sources by host path before it pivots */
	bool alone;			/* the mount namespace begins with the root file system and nothing of the
					 * host's: open_tree(2), OPEN_TREE_NAMESPACE.  Otherwise with a copy of all
					 * the host's mounts */
	bool foreign;			/* and we have no power over the host's: a user namespace, or no privileges */
	const char *why_copy;		/* of a new mount namespace that does not: what it needs those for */
	bool joined_mounts;		/* the mount namespace is joined: host paths mean nothing there */
	unsigned long host_propagation;	/* MS_SLAVE or MS_PRIVATE: what the copied host tree gets */
	unsigned long propagation;	/* of "/" after pivot_root; 0 = leave */
	struct plan_mount *mounts;
	size_t n_mounts;
	bool devices_by_bind;		/* user namespace, mknod is refused: bind nodes that the parent made,
					 * or the host's */
	bool skip_default_dev;		/* /dev is a bind mount of the caller's: leave it alone */
	struct plan_device *devices;	/* default devices and linux.devices */
	size_t n_devices;
	struct plan_link *links;	/* /dev/fd, /dev/stdin, ..., /dev/ptmx */
	size_t n_links;
	struct strings masked, readonly_paths;	/* cleaned */
	const char *cwd;		/* to be made before anything becomes read-only, or NULL */
	bool console;			/* bind the pty onto /dev/console */
	bool private_proc;		/* a private procfs is needed (LSM attributes, sysctl) */
	bool new_cgroupns;		/* MOUNT_CGROUP2 can mount our own */
	bool joined_cgroupns;		/* or that of the namespace we join */
	const char *cgroup_tree;	/* or binds this: where the host has cgroup2 */
	bool cgroup_readonly;		/* whatever the options say */
};

/* ---- cgroup --------------------------------------------------------------------------------- */

enum plan_cgroup_mode { PLAN_CGROUP_NONE, PLAN_CGROUP_FS, PLAN_CGROUP_SYSTEMD };

struct plan_cgroup_write {
	const char *file;		/* "memory.max" */
	const char *value;
	const char *where;		/* JSON pointer */
	unsigned controller;		/* CGROUP_* bit, 0 for cgroup.* */
	bool optional;			/* says what holds without it ("max"): a missing file is not an
					 * error, and no controller is enabled for it */
	const char *usage_file;		/* NULL, or: refuse a value below what this file says */
	const char *alt_file, *alt_value;	/* tried when `file` does not exist; NULL = none
					 * (io.bfq.weight, io.weight: only the write can tell) */
};

/* Of a unit of systemd, org.freedesktop.systemd1(5). */
struct plan_property {
	const char *name;		/* "MemoryMax" */
	const char *value;		/* as text of GVariant: "uint64 4096" */
	const char *bfq_value;		/* instead, if the cgroup has io.bfq.weight; NULL: the same */
	const char *where;		/* JSON pointer, or "" */
};

struct plan_unit {
	const char *name;		/* "orlop-ID.scope", or "a-b.slice" */
	bool user;			/* of the user's service manager */
	bool slice;			/* holds no process by itself */
	bool started;			/* what only the start of a unit can set is left out */
	struct plan_property *properties;	/* in order: of two with one name the later one counts */
	size_t n_properties;
};

/*
 * The container shares its cgroup out itself: its processes begin in one below it, CGROUP_DELEGATE_INNER, so that it
 * can pass controllers on; cgroups(7), "no internal processes".
 */
struct plan_delegation {
	const char *where;		/* JSON pointer of who asks; NULL: nobody */
	unsigned controllers;		/* passed on from the beginning, or it is an error; 0: all that there are */
};

struct plan_cgroup {
	enum plan_cgroup_mode mode;
	const char *root;		/* mount point of cgroup2 */
	bool hybrid;
	const char *path;		/* below root, "/a/b"; cleaned, never ".." and never "/"; of a unit: below the
					 * root of its service manager */
	struct plan_unit unit;		/* mode SYSTEMD */
	const char *device_policy, *device_allow;	/* then: what DevicePolicy= and DeviceAllow= can say of
					 * device_program, as texts of GVariant, never less than it allows; or NULL */
	bool optional;			/* rootless without limits: no cgroup if it cannot be made */
	bool attach_late;		/* pids.max leaves no room: clone3(CLONE_INTO_CGROUP) would be refused with
					 * EAGAIN; clone outside, then cgroup_attach */
	unsigned controllers;		/* bits that limits, or a delegation, need; what else there is is enabled if it
					 * can be */
	struct plan_cgroup_write *writes;	/* in order; unified last */
	size_t n_writes;
	struct bpf_insn *device_program;	/* NULL = none */
	size_t n_device_insns;
	bool rootless;			/* what is not delegated is looked for first; a refused device program is a
					 * warning */
	struct opt_u32 owner;		/* host's uid of who may make cgroups below it */
	struct plan_delegation delegation;
};

/* ---- intelRdt ------------------------------------------------------------------------------- */

enum plan_intelrdt_kind {
	INTELRDT_OWN,			/* made by us, or an error; removed at delete */
	INTELRDT_SHARED,		/* made when missing, compared when not; stays */
	INTELRDT_JOIN,			/* must be there */
};

struct plan_intelrdt_line {
	const char *text;		/* of the file `schemata` */
	const char *where;		/* JSON pointer */
	bool compared;			/* with what a group has that is there already */
};

struct plan_intelrdt {
	enum plan_intelrdt_kind kind;
	const char *group;		/* below the mount point, "/" = the default one; NULL = not asked for */
	bool optional;			/* empty: nothing where no resctrl is mounted */
	const char *monitor;		/* monitoring group, likewise; NULL = none */
	struct plan_intelrdt_line *lines;	/* in this order */
	size_t n_lines;
};

/* ---- process -------------------------------------------------------------------------------- */

struct plan_sysctl {
	const char *file;		/* below /proc/sys: "net/ipv4/ip_forward" */
	const char *value;
	const char *where;
};

struct plan_process {
	const struct oci_process *oci;	/* ids, capabilities, rlimits, labels: used as they are */
	char *const *argv;		/* argv[0] is looked up in PATH of envp, inside */
	char *const *envp;		/* complete, without HOME when `add_home` */
	bool add_home;			/* add HOME from the container's /etc/passwd */
	const char *cwd;
	mode_t umask;
	bool terminal;
	bool die_with_parent;		/* SIGKILL when the runtime ends: PR_SET_PDEATHSIG(2const) */
	unsigned keep_fds;		/* 3..3+keep_fds-1 stay open */
	unsigned listen_fds;		/* how many of them are sockets: LISTEN_FDS, LISTEN_PID are set */
	const char *listen_names;	/* LISTEN_FDNAMES, or NULL */
	struct plan_sysctl *sysctls;
	size_t n_sysctls;
	bool new_keyring;
	bool keep_groups;		/* the supplementary groups are the caller's */
	const struct oci_bits *initial_affinity;	/* exec: of the runtime before it clones */
	const struct oci_bits *affinity;	/* NULL = all CPUs of the cpuset */
	bool scheduled_by_parent;	/* scheduler and I/O priority: a user namespace has no power over
					 * them, the privileged runtime has */
	const struct oci_memory_policy *memory_policy;	/* NULL = the caller's */
	struct opt_u64 personality;	/* unset = the caller's */
	bool oom_optional;		/* rootless: EACCES on oom_score_adj is a warning */
};

/* ---- security ------------------------------------------------------------------------------- */

struct plan_security {
	struct oci_capabilities caps;	/* cut to what the kernel knows */
	bool no_new_privs;
	uint64_t until_exec;		/* capabilities that the process has besides up to execve, which takes
					 * them away: CAP_SYS_ADMIN for seccomp(2) and landlock_restrict_self(2) */
	const char *apparmor;		/* profile name or NULL */
	const char *selinux;		/* process label or NULL */
	const char *mount_label;	/* or NULL */
	const struct oci_seccomp *seccomp;	/* NULL = none */
	const struct oci_landlock *landlock;	/* NULL = none */
	enum core_sched core_sched;
	const char *core_sched_with;	/* CORE_SCHED_SHARED: the id of that container */
	const char *seccomp_agent;	/* socket that gets the listener; NULL = no rule notifies */
};

/* ---- all of it ------------------------------------------------------------------------------ */

struct plan {
	const struct oci_config *config;
	const char *id, *bundle;
	bool rootless;
	bool has_process;		/* config has `process` (else start fails) */
	struct plan_ns ns;
	struct plan_rootfs rootfs;
	struct plan_cgroup cgroup;
	struct plan_intelrdt intelrdt;
	struct plan_process process;
	struct plan_security security;
	const struct oci_hooks *hooks;
};

/* CLONE_NEW* of the namespaces that are made, in whatever way. */
uint64_t plan_ns_made(const struct plan *p);

#endif
