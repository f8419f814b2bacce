/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One mount at a time, by descriptor: what the files of rootfs/ share. */
#ifndef ORLOP_ROOTFS_MOUNT_H
#define ORLOP_ROOTFS_MOUNT_H

#include "oci/types.h"
#include "plan/plan.h"
#include "rootfs/rootfs.h"
#include "sys/compat.h"
#include "util/error.h"

#define PROC_ROOT_INO 1		/* of any procfs */

/* A file system to be made by fsopen(2). */
struct mount_fs {
	const char *fstype;
	const char *source;		/* device name, or NULL */
	const struct strings *flags;	/* FSCONFIG_SET_FLAG, or NULL */
	const struct strings *data;	/* "key=value" or "key", or NULL */
	const char *mode;		/* value of one more key, "mode", or NULL */
	uint64_t attr;			/* MOUNT_ATTR_* of fsmount(2) */
	const struct rootfs *foreign;	/* procfs: of the pid namespace that this has; NULL: ours */
	/* A user namespace may mount it where one is to be seen: at this path of the host; or NULL. */
	const struct rootfs *seen_by;
	const char *seen_at;
	bool private_ns;		/* we are in a mount namespace of our own: mount(2) may help out */
};

/* A detached mount of a new file system: a descriptor or -errno, with the kernel's message in @err. */
int mount_new_fs(const struct mount_fs *fs, struct error *err);

/* For messages: the longest value, "option lowerdir of 5123 bytes".  Is it too long for fsconfig(2)? */
bool mount_name_longest(const struct mount_fs *fs, char *buf, size_t size);

/* The same by mount(2), for options that are too long for fsconfig(2).  Child. */
int mount_old_way(const struct mount_fs *fs, struct error *err);

/* A detached clone of @path relative to @dirfd ("" for @dirfd itself): a descriptor or -errno. */
int mount_clone(int dirfd, const char *path, bool recursive);

/*
 * outside.c, child.  Before the host's names are left, where we have no power over its mount namespace: a view of
 * what is below the absolute @path, without links, or beside it, if it is a file.  Then: enter the mount namespace
 * @take_own, of which we keep the descriptor; without that power (@foreign) only views lead back.  0 or -errno.
 */
void outside_view(struct outside *o, const char *path);
int outside_leave(struct outside *o, int take_own, bool foreign, struct error *err);
/* And in the end nothing does. */
void outside_forget(struct outside *o);
/*
 * A detached clone of what @path, as above, is on the host, wherever we are by now; @flags of open_tree(2).  A
 * descriptor or -errno.  @r NULL: we have not left.
 */
int outside_clone(const struct rootfs *r, const char *path, unsigned flags);
/* To read the file @path of it: a descriptor or -errno. */
int outside_open(const struct rootfs *r, const char *path);
/* For calls that depend on the mount namespace: be where @path is, and in our own again.  0 or -errno. */
int outside_begin(const struct rootfs *r, const char *path);
int outside_end(const struct rootfs *r);

/* The same of @path, the source of @m or the way to it: as its options say. */
int mount_clone_source(const struct rootfs *r, const struct plan_mount *m, const char *path);
/* Is what @mnt shows a symbolic link itself? */
bool mount_is_link(int mnt);

/*
 * Child, in a user namespace: @take_clone (or -errno), taken out of the child's own copy of the tree, if it is of
 * the same as the one that the parent made, @like.  -errno when the child cannot reach it, or finds something else.
 */
int mount_clone_locked(int take_clone, int like);

/* The user namespace made for the last id-mapped mount; fd -1 = none yet. */
struct idmap_ns {
	int fd;
	const char *uid_map, *gid_map;
};

void idmap_ns_close(struct idmap_ns *ns);

/* Parent: give the detached @mnt the id mapping of the plan; @joined is the user namespace that the
 * container joins, or -1.  0 or -errno. */
int mount_idmap(const struct plan_mount *m, int mnt, int joined, struct idmap_ns *last,
		struct error *err);
/* The same in two steps, of which a child in the initial user namespace can take the second: a descriptor of a user
 * namespace with that mapping, the caller's, or -errno; and @mnt gets it. */
int mount_idmap_prepare(const struct plan_mount *m, int joined, struct idmap_ns *last, struct error *err);
int mount_idmap_apply(const struct plan_mount *m, int mnt, int ns, struct error *err);

/* Child: copy what is in the directory @from into the detached tmpfs @mnt; @proc is a private procfs. */
int mount_copy_up(const struct plan_mount *m, int from, int mnt, int proc, struct error *err);

/* Attach the detached @mnt onto @target.  0 or -errno; -EPROTO when the kernel says that it has done so
 * and has not. */
int mount_attach(int mnt, int target);
struct sys_mount_info;
/* And tell what it is then; its id is 0 where the kernel cannot say. */
int mount_attach_info(int mnt, int target, struct sys_mount_info *ret);
/* 0 when the attached @mnt sends nothing to other mounts, or when that cannot be asked; -EPROTO. */
int mount_check_unshared(int mnt);

/*
 * Child: where our mounts are (place.c).  place_add() notes @mnt, just attached, with its id or 0, to the root of
 * the mount @over, or 0.  place_base() tells where to look up @path of the container: below the descriptor of the
 * mount that it is in.  places_check(), at the end: each is where the plan wants it, or -ESTALE.
 */
#define PLACE_MAX 4096
struct place {
	int dir;			/* borrowed */
	const char *path;		/* from there, "" for itself */
	bool in_mount;			/* dir is that of a mount */
	bool of_kernel;			/* which is a procfs or sysfs, made here */
};

int place_add(struct rootfs *r, const struct plan_mount *m, int mnt, uint64_t id, uint64_t over,
	      struct error *err);
int place_base(struct rootfs *r, const char *path, struct place *ret, struct error *err);
int places_check(const struct rootfs *r, struct error *err);
void place_free(struct rootfs *r);
/* The id of the mount of @fd, as r->statmount says. */
int mount_id(const struct rootfs *r, int fd, uint64_t *ret);

/* Child: the mount @m failed with @err.  Was that for the reason that lets the host's be bound instead (instead.c)?
 * 0 and no error, or that error.  @own: the container's own cgroup is there to be bound. */
int mount_excuse_sysfs(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *r,
		       struct error *err);
int mount_excuse_cgroup2(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *r, bool own,
			 struct error *err);

/* Parent or child: is @fd, or -errno, a directory?  Else it is an error of /root/path. */
int rootfs_check_directory(const struct plan_rootfs *p, int fd, struct error *err);
/*
 * The detached tree @take_fd, or -errno, as it is to be: it never stays in the peer group of the host, nothing that is
 * mounted in it shows up there.  A slave, which only receives, it becomes on request.
 */
int rootfs_make_private(const struct plan_rootfs *p, int take_fd, struct error *err);
/* A mount namespace of our user namespace that begins with the directory @root: a descriptor or -errno. */
int rootfs_make_namespace(const struct plan_rootfs *p, int root, struct error *err);

/* Child: the cgroup namespace that we are in: a descriptor or -errno. */
int mount_open_cgroupns(const struct rootfs *r);

/* A procfs that is attached nowhere: a descriptor or -errno. */
int rootfs_private_proc(const struct rootfs *r, struct error *err);

/* Do mounts go from the bind mount @m to the host, too?  Then it must be of the host's own peer group. */
bool mount_shares_with_host(const struct plan_rootfs *p, const struct plan_mount *m);
/* MS_SHARED and so on, as its options say: all of them, 0: none. */
unsigned long mount_wanted_propagation(const struct plan_mount *m);

/*
 * A clone of a shared mount is in the same peer group: what is mounted below it would appear on the host.  Only who
 * asks for it twice (rootfsPropagation and the option of the mount) gets that; "slave" keeps the way in.
 */
int mount_isolate(const struct plan_rootfs *p, const struct plan_mount *m, int mnt, struct error *err);

/*
 * Child: the bind mount @m, ready to be attached: a descriptor or -errno.  Takes *source, the clone; @from_parent: the
 * parent made it, which is second choice in a user namespace: only when the child cannot reach the source, or when a
 * change was asked for (rw) that only the host's root may make.  An id-mapped one the child cannot make.
 */
int mount_make_bind(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *rootfs,
		    int *source, bool from_parent, struct rootfs_source *place, struct error *err);

/* Set and clear attributes of the mount @mnt; 0 or -errno with @err, which names the flags that the
 * kernel holds locked. */
int mount_change_attr(int mnt, uint64_t set, uint64_t clr, bool recursive, struct error *err);

/* Which of the attributes @of the mount has, of MOUNT_ATTR_RDONLY to MOUNT_ATTR_NODIRATIME; MOUNT_ATTR__ATIME
 * stands for noatime and relatime. */
uint64_t mount_has_attr(int mnt, uint64_t of);
#define MOUNT_ATTR_NAMES 64
const char *mount_attr_names(uint64_t attr, char buf[MOUNT_ATTR_NAMES]);

/*
 * Devices of a user namespace (nodes.c).  Parent: make those that the plan has made outside, each with the
 * number of its row for a name, in a detached tmpfs; *ret stays -1 when there are none, or when we may not.
 * Child: attach it for a while, so that nodes can be cloned, which takes mounts of our own namespace; a
 * detached clone of row @i; and let it go.
 */
int nodes_make(const struct plan_rootfs *p, int *ret, struct error *err);
int nodes_attach(int nodes, struct error *err);
int nodes_clone(int nodes, size_t i, struct error *err);
int nodes_detach(int nodes, struct error *err);

/* Child, before it changes its root: detach or cover each procfs and sysfs of the host.  What lies below
 * the mount @root is the container's; @proc is a private procfs. */
int mount_hide_proc(int proc, int root, struct error *err);

/* MS_SHARED, MS_PRIVATE, ..., with MS_REC or not.  0 or -errno. */
int mount_set_propagation(int mnt, unsigned long propagation);

/* Parent or child: the detached clone of a bind source of the plan. */
int mount_open_source(const struct plan_mount *m, struct error *err);

/*
 * Parent: where the bind source of @m is, @root being the path of the root file system without links.  Of what
 * is in neither place *ret stays empty; then, and for what is missing, mount_open_source() is right.
 */
void source_find(const struct plan_mount *m, const char *root, struct rootfs_source *ret);
/* Parent: the path without links; -errno. */
int source_real_path(const char *path, char *buf, size_t size);
/* Parent, of copy-symlink: what the source says if it is a link, into place->link. */
int source_read_link(const struct plan_mount *m, struct rootfs_source *place, struct error *err);
/* Child: the detached clone of it, at the turn of @m; @place may be NULL. */
int source_open(const struct plan_mount *m, struct rootfs_source *place, const struct rootfs *r, struct error *err);
/* Child, before it attaches the container's tree: the clone of "/", if that is the source. */
int source_open_early(const struct plan_mount *m, struct rootfs_source *place, struct error *err);
/* The error @r of cloning the source of @m. */
int mount_source_error(const struct plan_mount *m, int r, struct error *err);

/* Parent or child: a detached new file system of the plan.  @mode as in struct mount_fs. */
int mount_open_fs(const struct plan_rootfs *p, const struct plan_mount *m, const char *mode, const struct rootfs *r,
		  struct error *err);
/* Where the host has one of that type to be seen, if that decides whether it may be mounted; or NULL. */
const char *mount_seen_at(const struct plan_rootfs *p, const char *fstype);

/* Child: a root directory that the container's root may not enter makes every step below it fail with
 * EACCES; then that is the error, not @err.  Returns -err->code. */
int mount_blame_root(const struct plan_rootfs *p, int root, struct error *err);

/* The attributes to be set before the mount is attached. */
uint64_t mount_early_attr(const struct plan_mount *m);

/* Where a mount goes, as it was found. */
struct mount_target {
	int fd;
	bool made;			/* by us, just now */
	bool from_parent;		/* the detached mount that goes there came with the handles */
	struct kernel_statx st;
};

/*
 * target.c: find or make the mount point.  @like: a mount whose root tells whether a directory or a file is
 * wanted, or -1 for a directory.
 */
int mount_target_open(const struct plan_mount *m, const struct rootfs *rootfs, int like, struct mount_target *t,
		      struct error *err);
/* Those files of procfs that others (lxcfs) may cover. */
bool mount_proc_file_allowed(const char *destination);

/* @m, detached, with all that it is to have before it is attached to @t; takes @source.  A descriptor or -errno. */
int mount_prepare(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *r, int *source,
		  struct rootfs_source *place, const struct mount_target *t, struct error *err);

/* Perform mount @m; takes @source (a detached clone, or -1: then a bind source is at @place, or NULL). */
int mount_perform(const struct plan_rootfs *p, const struct plan_mount *m, int take_source,
		  struct rootfs_source *place, struct rootfs *r, struct error *err);

#endif
