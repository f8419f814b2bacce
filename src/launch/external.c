/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts and namespaces of the host in a container, as CRIU is told of them.  It knows a mount by a text "mnt[KEY]:…"
 * whose KEY may come from a link in the container (threats T18): what could end it early is refused.  An image has
 * our name for it, the destination in config.json, and not what the container made of that.  Runs on the host.
 */
#include "launch/external.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/connection.h"
#include "launch/spawn.h"
#include "oci/annotations.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/str.h"

#define MASK_KEY "/dev/null"	/* of all masked files, as with runc */
#define NET_KEY "extRootNetNS"
#define PID_KEY "extRootPidNS"

/* Those of which CRIU can be given one that is there. */
static const struct {
	uint64_t flag;
	const char *name, *key;		/* key: as a descriptor, else by a name */
} namespaces[] = {
	{CLONE_NEWNET, "net", NET_KEY}, {CLONE_NEWPID, "pid", PID_KEY},
	{CLONE_NEWIPC, "ipc", NULL}, {CLONE_NEWUTS, "uts", NULL}, {CLONE_NEWTIME, "time", NULL},
};

static size_t find_namespace(uint64_t flag)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(namespaces) && namespaces[i].flag != flag)
		i++;
	return i;
}

int external_check(const struct plan *p, struct error *err)
{
	if (!p->has_process)
		return error_config(err, "/process", "there is no process");
	if (!p->rootfs.mount_ns || p->rootfs.joined_mounts)
		return error_config(err, "/linux/namespaces", "CRIU can only dump and restore containers with a mount "
				    "namespace of their own");
	if (p->ns.userns)
		return error_config(err, "/linux/namespaces", "CRIU cannot restore a container with a user namespace: "
				    "its processes open images themselves, and may not");
	for (size_t i = 0; i < p->ns.n_joins; i++)
		if (find_namespace(p->ns.joins[i].flag) == ARRAY_SIZE(namespaces)) {
			error_set(err, ENOTSUP, "CRIU cannot dump or restore a container that joins a cgroup "
				  "namespace");
			return error_at(err, "%s", p->ns.joins[i].where);
		}
	if (p->security.seccomp_agent)
		return error_config(err, "/linux/seccomp", "CRIU cannot dump or restore a seccomp filter with an "
				    "agent that answers (SCMP_ACT_NOTIFY)");
	if (p->cgroup.delegation.where)
		return error_config(err, p->cgroup.delegation.where, "what the container has made of its cgroup "
				    "could not be restored by CRIU");
	if (p->security.landlock)
		return error_config(err, "/annotations/" ANNOTATION_LANDLOCK, "CRIU does not know of Landlock: what is "
				    "restored would be free of it");
	if (p->security.core_sched)
		return error_config(err, "/annotations/" ANNOTATION_CORE_SCHED, "CRIU does not know of core "
				    "scheduling: what is restored would share cores with everybody");
	return 0;
}

/* ---- mounts ----------------------------------------------------------------------------------- */

/* Is this one a thing of the host?  CRIU makes all other file systems anew. */
static bool is_of_host(const struct plan_mount *m)
{
	return m->kind == MOUNT_BIND;
}

static void add_mount(struct arena *a, struct criu_request *ret, const char *key, const char *value)
{
	struct criu_pair *v = (struct criu_pair *)ret->external_mounts;
	size_t n = ret->n_external_mounts;

	v = arena_grow(a, v, n, sizeof(*v));
	v[n] = (struct criu_pair){.key = key, .value = value};
	ret->external_mounts = v;
	ret->n_external_mounts = n + 1;
}

/* What it is called in the container itself; NULL when the container has taken it away. */
static int real_name(struct arena *a, int root, const char *path, const char **ret, struct error *err)
{
	_cleanup_close_ int fd = path_open_in_root(root, path, O_PATH);
	char link[40], name[PATH_MAX], shown[256];
	ssize_t n;

	*ret = NULL;
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	if (fd < 0)
		return error_errno(err, fd, "look up %s in the container", path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name) - 1);
	if (n < 0)
		return error_errno(err, errno, "find out what %s is called in the container", path);
	name[n] = '\0';
	if (!criu_key_is_safe(name))
		return error_set(err, EINVAL, "%s leads to a name in the container that cannot be given to CRIU: `%s`",
				 path, str_escape(name, shown, sizeof(shown)));
	*ret = arena_strdup(a, name);
	return 0;
}

static int add_dumped(struct arena *a, int root, const char *path, const char *value, struct criu_request *ret,
		      struct error *err)
{
	const char *name;
	int r = real_name(a, root, path, &name, err);

	if (r == 0 && name)
		add_mount(a, ret, name, value);
	return r;
}

/* Of masks only those over files: a directory is masked by a tmpfs, which CRIU makes anew. */
static int add_masks(struct arena *a, const struct plan_rootfs *p, int root, struct criu_request *ret,
		     struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->masked.n; i++) {
		_cleanup_close_ int fd = path_open_in_root(root, p->masked.v[i], O_PATH);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
			r = add_dumped(a, root, p->masked.v[i], MASK_KEY, ret, err);
	}
	return r;
}

int external_dumped(struct arena *a, const struct plan *p, int root, struct criu_request *ret, struct error *err)
{
	const struct plan_rootfs *fs = &p->rootfs;
	int r = 0;

	for (size_t i = 0; r == 0 && i < fs->n_mounts; i++)
		if (is_of_host(&fs->mounts[i]))
			r = add_dumped(a, root, fs->mounts[i].destination, fs->mounts[i].destination, ret, err);
	for (size_t i = 0; r == 0 && fs->devices_by_bind && i < fs->n_devices; i++)
		r = add_dumped(a, root, fs->devices[i].path, fs->devices[i].path, ret, err);
	return r < 0 ? r : add_masks(a, fs, root, ret, err);
}

/* The last mount before @i that its destination is below, or NULL. */
static const struct plan_mount *mount_above(const struct plan_rootfs *p, size_t i)
{
	const char *path = p->mounts[i].destination;

	while (i-- > 0) {
		const char *above = p->mounts[i].destination;
		size_t n = strlen(above);

		if (strncmp(path, above, n) == 0 && path[n] == '/')
			return &p->mounts[i];
	}
	return NULL;
}

/* Where it is mounted is in the root file system, or in what is bound before; what else there is CRIU fills. */
static int make_point(const struct plan_rootfs *p, size_t i, int root, struct error *err)
{
	const struct plan_mount *m = &p->mounts[i], *above = mount_above(p, i);
	_cleanup_close_ int source = fd_openat(AT_FDCWD, m->source, O_PATH, 0), base = -1, point = -1;
	const char *rest = m->destination;
	struct stat st;

	if (source < 0 || fstat(source, &st) < 0) {
		error_errno(err, source < 0 ? source : errno, "look at %s", m->source);
		return error_at(err, "/mounts/%u/source", m->index);
	}
	if (above && !is_of_host(above))
		return 0;
	if (above) {
		base = fd_openat(AT_FDCWD, above->source, O_PATH | O_DIRECTORY, 0);
		rest += strlen(above->destination);
	}
	point = above && base < 0 ? base : path_make_in_root(above ? base : root, rest, S_ISDIR(st.st_mode));
	if (point < 0) {
		error_errno(err, point, "make the mount point %s", m->destination);
		return error_at(err, "/mounts/%u/destination", m->index);
	}
	return 0;
}

int external_restored(struct arena *a, const struct plan *p, int root, struct criu_request *ret, struct error *err)
{
	const struct plan_rootfs *fs = &p->rootfs;
	int r = 0;

	for (size_t i = 0; r == 0 && i < fs->n_mounts; i++) {
		const struct plan_mount *m = &fs->mounts[i];

		if (!is_of_host(m))
			continue;
		if (!criu_key_is_safe(m->destination)) {
			error_set(err, EINVAL, "the destination cannot be given to CRIU");
			return error_at(err, "/mounts/%u/destination", m->index);
		}
		r = make_point(fs, i, root, err);
		if (r == 0)
			add_mount(a, ret, m->destination, m->source);
	}
	for (size_t i = 0; r == 0 && fs->devices_by_bind && i < fs->n_devices; i++)
		add_mount(a, ret, fs->devices[i].path, fs->devices[i].path);
	if (r == 0 && fs->masked.n > 0)
		add_mount(a, ret, MASK_KEY, "/dev/null");
	return r;
}

/* ---- namespaces ------------------------------------------------------------------------------- */

static uint64_t inode_of(const struct state *st, uint64_t flag)
{
	for (size_t i = 0; i < N_NAMESPACES; i++)
		if (namespace_files[i].flag == flag)
			return st->ns_inode[i];
	return 0;
}

int external_dumped_namespaces(struct arena *a, const struct plan *p, const struct state *st,
			       const char *const *streams, size_t n_streams, struct criu_request *ret,
			       struct error *err)
{
	const char **v = arena_new_array(a, const char *, n_streams + ARRAY_SIZE(namespaces));
	size_t n = 0;

	for (size_t i = 0; i < n_streams; i++)
		v[n++] = streams[i];
	for (size_t i = 0; i < p->ns.n_joins; i++) {
		size_t k = find_namespace(p->ns.joins[i].flag);
		uint64_t inode = inode_of(st, p->ns.joins[i].flag);

		if (!namespaces[k].key)
			continue;
		if (!inode)
			return error_set(err, ENOENT, "which %s namespace the container joined is not known",
					 namespaces[k].name);
		v[n++] = arena_printf(a, "%s[%llu]:%s", namespaces[k].name, (unsigned long long)inode,
				      namespaces[k].key);
	}
	ret->external = v;
	ret->n_external = n;
	return 0;
}

int external_restored_namespaces(struct arena *a, const struct plan *p, const int *joins,
				 const struct criu_inherit *streams, size_t n_streams, struct criu_request *ret,
				 int *inherit, size_t *n_inherit, struct error *err)
{
	struct criu_inherit *v = arena_new_array(a, struct criu_inherit, n_streams + 2);
	struct criu_pair *by_name = arena_new_array(a, struct criu_pair, ARRAY_SIZE(namespaces));
	size_t n = 0;

	for (size_t i = 0; i < n_streams; i++)
		v[n++] = streams[i];
	for (size_t i = 0; i < p->ns.n_joins; i++) {
		size_t k = find_namespace(p->ns.joins[i].flag);

		if (k == ARRAY_SIZE(namespaces))
			return external_check(p, err);
		if (namespaces[k].key) {
			v[n++] = (struct criu_inherit){namespaces[k].key, CRIU_FIRST_INHERITED + (int)*n_inherit};
			inherit[(*n_inherit)++] = joins[i];
		} else {
			by_name[ret->n_join++] = (struct criu_pair){
				namespaces[k].name, arena_printf(a, "/proc/%d/fd/%d", (int)getpid(), joins[i])
			};
		}
	}
	ret->inherit = v;
	ret->n_inherit = n;
	ret->join = by_name;
	return 0;
}
