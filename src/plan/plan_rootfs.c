/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root file system: where it is, what is mounted, made and hidden in it.  Names inside it are
 * cleaned as text and never looked up here.  Runs in the parent, before the first side effect; makes
 * no system call.
 */
#include "plan/parts.h"

#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "util/path.h"
#include "util/str.h"

/* runtime-spec config-linux.md#default-devices; /dev/console and /dev/ptmx are made otherwise. */
static const struct {
	const char *path;
	unsigned major, minor;
} default_devices[] = {
	{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 }, { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

/* runtime-linux.md#dev-symbolic-links */
static const struct plan_link proc_links[] = {
	{ .target = "/proc/self/fd", .path = "/dev/fd" },
	{ .target = "/proc/self/fd/0", .path = "/dev/stdin" },
	{ .target = "/proc/self/fd/1", .path = "/dev/stdout" },
	{ .target = "/proc/self/fd/2", .path = "/dev/stderr" },
};
/* Not in the specification, but programs that list /dev are used to it: the peers make it where the kernel has that. */
static const struct plan_link kcore_link = {
	.target = "/proc/kcore", .path = "/dev/core", .optional = true,
};
static const struct plan_link ptmx_link = { .target = "pts/ptmx", .path = "/dev/ptmx" };

/* The last mount made at @destination, which is the one that is seen there. */
static const struct plan_mount *mount_at(const struct plan_rootfs *rf, const char *destination)
{
	const struct plan_mount *found = NULL;

	for (size_t i = 0; i < rf->n_mounts; i++)
		if (rf->mounts[i].kind != MOUNT_REMOUNT &&
		    str_eq(rf->mounts[i].destination, destination))
			found = &rf->mounts[i];
	return found;
}

static bool is_fs(const struct plan_mount *m, const char *fstype)
{
	return m && m->kind == MOUNT_FS && str_eq(m->fstype, fstype);
}

/* ---- without a mount namespace -------------------------------------------------------------- */

static const char *first_mount(const struct oci_config *c)
{
	return c->n_mounts ? "/mounts"
		: c->root.readonly ? "/root/readonly"
		: c->linux_.n_devices ? "/linux/devices"
		: c->linux_.masked_paths.n ? "/linux/maskedPaths"
		: c->linux_.readonly_paths.n ? "/linux/readonlyPaths"
		: c->linux_.rootfs_propagation ? "/linux/rootfsPropagation"
		: c->process.terminal ? "/process/terminal" : NULL;
}

/*
 * None in the list means that of the caller (config-linux.md#namespaces): the mounts are made there, below the
 * root file system.  A user namespace has no power over it.  When nothing is asked for, chroot(2) is enough.
 */
static int plan_host_mounts(struct plan *p, const struct facts *f, struct error *err)
{
	struct plan_rootfs *rf = &p->rootfs;
	const char *where = first_mount(p->config);

	if (!where)
		return 0;
	if (p->ns.userns || rf->sources_in_child || !f->cap_sys_admin)
		return error_config(err, where, "without a mount namespace this would be a mount of the host, "
				    "over which a user namespace has no power: add {\"type\": \"mount\"} to "
				    "linux.namespaces");
	rf->host_mounts = true;
	return 0;
}

/* ---- devices and links ---------------------------------------------------------------------- */

static struct plan_device *push_device(struct arena *a, struct plan_rootfs *rf)
{
	return &arena_push(a, rf->devices, rf->n_devices);
}

static bool configured(const struct plan_rootfs *rf, const char *path)
{
	for (size_t i = 0; i < rf->n_devices; i++)
		if (str_eq(rf->devices[i].path, path))
			return true;
	return mount_at(rf, path) != NULL;
}

/*
 * In a user namespace that root makes the node is made outside, with the ids of the host.  They are not known
 * of a namespace that is joined without its mappings; and who is not root has no node to make.
 */
static void plan_made_outside(const struct plan *p, const struct facts *f, struct plan_device *d)
{
	const struct oci_linux *l = &p->config->linux_;

	if (!p->ns.userns || p->rootfs.sources_in_child || !f->in_initial_userns || S_ISFIFO(d->mode))
		return;
	d->made_outside = plan_host_id(&l->uid_mappings, d->uid, &d->host_uid) &&
			  plan_host_id(&l->gid_mappings, d->gid, &d->host_gid);
}

static void plan_devices(struct arena *a, struct plan *p, const struct facts *f)
{
	const struct oci_linux *l = &p->config->linux_;
	struct plan_rootfs *rf = &p->rootfs;

	for (size_t i = 0; i < l->n_devices; i++) {
		const struct oci_device *d = &l->devices[i];

		*push_device(a, rf) = (struct plan_device){
			.path = path_clean(a, d->path),
			.mode = d->type | (d->mode & 07777),
			.dev = d->dev,
			.uid = d->uid,
			.gid = d->gid,
			.any_mode = d->any_mode,
			.any_owner = d->any_owner,
			.where = arena_printf(a, "/linux/devices/%zu", i),
		};
		plan_made_outside(p, f, &rf->devices[rf->n_devices - 1]);
	}
	if (rf->skip_default_dev)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++) {
		if (configured(rf, default_devices[i].path))
			continue;
		*push_device(a, rf) = (struct plan_device){
			.path = default_devices[i].path,
			.mode = S_IFCHR | 0666,
			.dev = makedev(default_devices[i].major, default_devices[i].minor),
			.where = "",
		};
	}
}

static void push_link(struct arena *a, struct plan_rootfs *rf, const struct plan_link *link)
{
	if (!configured(rf, link->path))
		arena_push(a, rf->links, rf->n_links) = *link;
}

static void plan_links(struct arena *a, struct plan_rootfs *rf, const struct facts *f)
{
	if (rf->skip_default_dev)
		return;
	if (mount_at(rf, "/proc"))
		for (size_t i = 0; i < ARRAY_SIZE(proc_links); i++)
			push_link(a, rf, &proc_links[i]);
	if (mount_at(rf, "/proc") && f->proc_kcore)
		push_link(a, rf, &kcore_link);
	if (is_fs(mount_at(rf, "/dev/pts"), "devpts"))
		push_link(a, rf, &ptmx_link);
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void clean_paths(struct arena *a, const struct strings *in, struct strings *ret)
{
	ret->v = in->n ? arena_new_array(a, char *, in->n + 1) : NULL;
	for (; ret->n < in->n; ret->n++)
		ret->v[ret->n] = path_clean(a, in->v[ret->n]);
}

static int check_masks(const struct plan_rootfs *rf, struct error *err)
{
	for (size_t i = 0; i < rf->masked.n; i++)
		if (str_eq(rf->masked.v[i], "/")) {
			error_config(err, "", "the root cannot be masked: nothing would be left of the container");
			return error_at(err, "/linux/maskedPaths/%zu", i);
		}
	return 0;
}

static bool wants_host_mounts(const struct oci_mount_options *o)
{
	for (size_t i = 0; i < o->n_propagation; i++)
		if (o->propagation[i] & MS_SLAVE)
			return true;
	return false;
}

/*
 * The copy of the host's tree must not pass mounts on to the host.  A slave still receives them, which
 * rootfsPropagation `slave` and `shared` mean (config-linux.md#rootfs-mount-propagation), and which a
 * bind source that the child takes out of this copy needs to become a slave of the host's.
 */
static unsigned long host_propagation(const struct plan_rootfs *rf)
{
	if (rf->propagation & (MS_SLAVE | MS_SHARED))
		return MS_SLAVE;
	for (size_t i = 0; !rf->joined_mounts && i < rf->n_mounts; i++)
		if (wants_host_mounts(rf->mounts[i].options))
			return MS_SLAVE;
	return MS_PRIVATE;
}

/* A missing working directory is made by who enters it; but not where that would be too late. */
static const char *early_cwd(struct arena *a, const struct plan_rootfs *rf, const struct oci_process *process)
{
	const char *cwd = process->present && process->cwd ? path_clean(a, process->cwd) : "/";
	bool late = rf->readonly;

	if (str_eq(cwd, "/"))
		return NULL;
	for (size_t i = 0; i < rf->n_mounts && !late; i++)
		late = rf->mounts[i].late_readonly;
	for (size_t i = 0; i < rf->readonly_paths.n && !late; i++)
		late = str_starts(cwd, rf->readonly_paths.v[i]);
	return late ? process->cwd : NULL;
}

/* The kernel looks up its layers, which may be on an earlier mount. */
static bool has_overlay(const struct plan_rootfs *rf)
{
	for (size_t i = 0; i < rf->n_mounts; i++)
		if (rf->mounts[i].kind == MOUNT_FS && str_eq(rf->mounts[i].fstype, "overlay"))
			return true;
	return false;
}

static int check_terminal(const struct plan_rootfs *rf, struct error *err)
{
	const struct plan_mount *dev = mount_at(rf, "/dev");

	if (!rf->console || mount_at(rf, "/dev/pts") || (dev && dev->kind == MOUNT_BIND))
		return 0;
	return error_config(err, "/process/terminal", "a terminal is made in the container's own devpts: add "
			    "a mount of type devpts at /dev/pts");
}

/*
 * /proc/self/cgroup names the container's cgroup as seen from its cgroup namespace, and so has the mount.
 * Without a namespace of its own it shows all of them; then somebody unprivileged could write to cgroups that
 * were delegated to the caller for others (CVE-2023-25809).
 */
static void plan_cgroup_view(struct arena *a, struct plan *p, const struct facts *f, const struct plan_options *o)
{
	struct plan_rootfs *rf = &p->rootfs;

	rf->new_cgroupns = (p->ns.unshare & CLONE_NEWCGROUP) != 0;
	rf->joined_cgroupns = !rf->new_cgroupns && (plan_ns_flags(p) & CLONE_NEWCGROUP);
	rf->cgroup_tree = arena_strdup(a, f->cgroup_root[0] ? f->cgroup_root : "/sys/fs/cgroup");
	rf->cgroup_readonly = !rf->new_cgroupns && o->rootless;
}

int plan_rootfs(struct arena *a, struct plan *p, const struct facts *f,
		const struct plan_options *o, struct error *err)
{
	const struct oci_config *c = p->config;
	struct plan_rootfs *rf = &p->rootfs;
	int r;

	if (!c->root.path || !*c->root.path)
		return error_config(err, "/root/path", "the directory of the root file system is missing");
	rf->path = path_join(a, p->bundle, c->root.path);
	rf->in_bundle = c->root.path[0] == '/' ? NULL : c->root.path;
	rf->mount_ns = (plan_ns_flags(p) & CLONE_NEWNS) != 0;
	rf->sources_in_child = !f->cap_sys_admin || f->foreign_mounts;
	r = rf->mount_ns ? 0 : plan_host_mounts(p, f, err);
	rf->any_mounts = rf->mount_ns || rf->host_mounts;
	if (r < 0 || !rf->any_mounts)
		return r;

	rf->joined_mounts = rf->mount_ns && !(p->ns.create & CLONE_NEWNS);
	rf->readonly = c->root.readonly;
	rf->no_pivot = o->no_pivot;
	rf->at_path = c->hooks.list[HOOK_PRESTART].n || c->hooks.list[HOOK_CREATE_RUNTIME].n ||
		      c->hooks.list[HOOK_CREATE_CONTAINER].n;
	rf->propagation = c->linux_.rootfs_propagation;
	rf->devices_by_bind = p->ns.userns || !f->in_initial_userns;
	plan_cgroup_view(a, p, f, o);
	rf->console = c->process.terminal;
	r = plan_mounts(a, p, o->notify, err);
	if (r < 0)
		return r;
	rf->at_path = rf->at_path || has_overlay(rf);
	rf->host_propagation = host_propagation(rf);
	r = check_terminal(rf, err);
	if (r < 0)
		return r;

	if (mount_at(rf, "/dev"))
		rf->skip_default_dev = mount_at(rf, "/dev")->kind == MOUNT_BIND;
	plan_devices(a, p, f);
	plan_links(a, rf, f);
	clean_paths(a, &c->linux_.masked_paths, &rf->masked);
	clean_paths(a, &c->linux_.readonly_paths, &rf->readonly_paths);
	rf->cwd = early_cwd(a, rf, &c->process);
	plan_tree(p, f, o);
	return check_masks(rf, err);
}

/* Of a container that is there: mounts alone, of which the child makes those that the parent may not. */
int plan_rootfs_added(struct arena *a, struct plan *p, const struct facts *f, struct error *err)
{
	struct plan_rootfs *rf = &p->rootfs;

	rf->path = path_join(a, p->bundle, p->config->root.path);
	rf->mount_ns = rf->any_mounts = rf->joined_mounts = true;
	rf->sources_in_child = !f->cap_sys_admin || f->foreign_mounts;
	rf->propagation = p->config->linux_.rootfs_propagation;
	rf->devices_by_bind = p->ns.userns || !f->in_initial_userns;
	rf->cgroup_readonly = p->rootless;
	return plan_mounts(a, p, NULL, err);
}
