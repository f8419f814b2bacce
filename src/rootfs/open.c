/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is named by a path of the host, taken hold of before the container process is cloned: the tree, and of the
 * bind sources those that the child does not clone itself.  Runs in the parent.
 */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/trace.h"

void rootfs_handles_init(struct rootfs_handles *h)
{
	*h = (struct rootfs_handles){.bundle = -1, .tree = -1, .nodes = -1, .cgroup = -1, .userns = -1};
}

void rootfs_handles_close(struct rootfs_handles *h)
{
	if (h->tree >= 0)
		close(h->tree);
	for (size_t i = 0; i < h->n_sources; i++) {
		if (h->sources[i] >= 0)
			close(h->sources[i]);
		if (h->places[i].early >= 0)
			close(h->places[i].early);
		if (h->places[i].map >= 0)
			close(h->places[i].map);
		free(h->places[i].inside);
		free(h->places[i].path);
		free(h->places[i].link);
	}
	free(h->places);
	if (h->nodes >= 0)
		close(h->nodes);
	free(h->sources);
	h->tree = h->nodes = -1;
	h->sources = NULL;
	h->places = NULL;
	h->n_sources = 0;
}

int rootfs_check_directory(const struct plan_rootfs *p, int fd, struct error *err)
{
	struct stat st;

	if (fd < 0) {
		error_hint_limits(err, error_errno(err, fd, "root file system %s", p->path));
		if (fd == -ENOENT)
			error_hint(err, "a directory with the files of the container: unpack an image or a small "
				   "system there, as by docker export or debootstrap; `orlop spec` names it "
				   "rootfs, beside config.json");
	} else if (fstat(fd, &st) < 0)
		error_errno(err, errno, "look at the root file system %s", p->path);
	else if (!S_ISDIR(st.st_mode))
		error_errno(err, ENOTDIR, "root file system %s", p->path);
	else
		return 0;
	return error_at(err, "/root/path");
}

static int open_directory(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Parent: below the bundle that config.json came from, whatever has its name by now (rule R1). */
static int open_root(const struct plan_rootfs *p, const struct rootfs_handles *h)
{
	if (h->bundle < 0 || !p->in_bundle || MUTATE(T13))
		return open_directory(p->path);
	return fd_openat(h->bundle, p->in_bundle, O_PATH | O_DIRECTORY, 0);
}

int rootfs_make_private(const struct plan_rootfs *p, int take_fd, struct error *err)
{
	_cleanup_close_ int fd = take_fd;
	bool slave = (p->propagation & (MS_SLAVE | MS_SHARED)) && (p->host_propagation & MS_SLAVE);
	int r = rootfs_check_directory(p, fd, err);

	if (r < 0)
		return r;
	r = MUTATE(T14) ? 0 : mount_set_propagation(fd, MS_REC | (slave ? MS_SLAVE : MS_PRIVATE));
	if (r < 0)
		return error_errno(err, r, "stop the propagation of %s", p->path);
	return steal_fd(&fd);
}

static int open_root_tree(const struct plan_rootfs *p, const struct rootfs_handles *h, struct error *err)
{
	_cleanup_close_ int root = open_root(p, h);
	int r = rootfs_check_directory(p, root, err);

	return r < 0 ? r : rootfs_make_private(p, mount_clone(root, "", true), err);
}

/* What is bound where the child cannot mount cgroup2, or may not. */
static int open_cgroups(const struct plan_rootfs *p, const struct rootfs_handles *h, int *ret,
			struct error *err)
{
	bool own = p->new_cgroupns || p->joined_cgroupns;

	if (!own)
		*ret = mount_clone(AT_FDCWD, p->cgroup_tree, true);
	else if (h->cgroup >= 0 && (p->joined_cgroupns || p->devices_by_bind))
		*ret = mount_clone(h->cgroup, "", false);
	else
		return 0;
	if (*ret >= 0)
		return 0;
	return error_errno(err, *ret, "clone %s", own ? "the cgroup of the container" : p->cgroup_tree);
}

/* What mount @m needs from the parent: a detached mount, or -1 for nothing.  0 or -errno. */
static int open_source(const struct plan_rootfs *p, const struct plan_mount *m,
		       struct rootfs_handles *h, struct idmap_ns *ns, int *ret, struct error *err)
{
	if (m->kind == MOUNT_BIND) {
		*ret = mount_open_source(m, err);
	} else if (m->kind == MOUNT_CGROUP2) {
		return open_cgroups(p, h, ret, err);
	} else if (m->idmap_where) {
		*ret = mount_open_fs(p, m, NULL, NULL, err);
	} else {
		return 0;
	}
	if (*ret < 0)
		return *ret;
	return m->idmap_where ? mount_idmap(m, *ret, h->userns, ns, err) : 0;
}

/*
 * Does the child take this source itself, at its turn?  Not where it may not come there, or where the path means
 * something else to it; nor what stays in a peer group of the host.  And it maps no ids in a user namespace.
 */
static bool is_for_child(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs_source *s)
{
	if (p->sources_in_child || (s->inside && (!m->idmap_where || !p->devices_by_bind)))
		return true;
	if (mount_shares_with_host(p, m))
		return false;
	return s->path && !p->devices_by_bind && !p->joined_mounts && !m->idmap_where;
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (!path[n] || path[n] == '/');
}

/* Is the source @inside, or below it, what an earlier mount brings? */
static bool is_of_earlier_mount(const struct plan_rootfs *p, size_t i, const char *inside)
{
	for (size_t j = 0; j < i; j++) {
		const char *earlier = p->mounts[j].destination;

		if (is_below(inside, earlier) || (p->mounts[i].options->recursive && is_below(earlier, inside)))
			return true;
	}
	return false;
}

/* Parent: the child makes it private when it is in it.  Of a foreign one the child makes it. */
static int make_namespace(const struct plan_rootfs *p, const struct rootfs_handles *h, struct error *err)
{
	_cleanup_close_ int root = open_root(p, h);
	int r = rootfs_check_directory(p, root, err);

	if (r < 0 || p->foreign)
		return r < 0 ? r : steal_fd(&root);
	return rootfs_make_namespace(p, root, err);
}

int rootfs_make_namespace(const struct plan_rootfs *p, int root, struct error *err)
{
	int r = sys_open_tree(root, "", OPEN_TREE_NAMESPACE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);

	return r < 0 ? error_hint_limits(err, error_errno(err, r, "make a mount namespace of %s", p->path)) : r;
}

static void find_sources(const struct plan_rootfs *p, struct rootfs_handles *h)
{
	char root[PATH_MAX] = "";

	h->sources = xcalloc(p->n_mounts + 1, sizeof(*h->sources));
	h->places = xcalloc(p->n_mounts + 1, sizeof(*h->places));
	for (h->n_sources = 0; h->n_sources < p->n_mounts; h->n_sources++) {
		const struct plan_mount *m = &p->mounts[h->n_sources];

		h->sources[h->n_sources] = h->places[h->n_sources].early = -1;
		h->places[h->n_sources].map = -1;
		if (m->kind != MOUNT_BIND)
			continue;
		if (!root[0] && source_real_path(p->path, root, sizeof(root)) < 0)
			strcpy(root, "/");
		source_find(m, root, &h->places[h->n_sources]);
	}
}

/* What shows each process something else, as /proc/self, the child looks at in a copy of the host's mounts. */
static bool needs_copy(const struct plan_rootfs *p, const struct rootfs_handles *h)
{
	for (size_t i = 0; p->alone && p->foreign && i < p->n_mounts; i++)
		if (p->mounts[i].kind == MOUNT_BIND && !h->places[i].inside && !h->places[i].path)
			return true;
	return false;
}

static int open_sources(const struct plan_rootfs *p, struct rootfs_handles *h, struct error *err)
{
	_cleanup_(idmap_ns_close) struct idmap_ns ns = {.fd = -1};

	for (size_t i = 0; i < p->n_mounts; i++) {
		const struct plan_mount *m = &p->mounts[i];
		bool later = m->kind == MOUNT_BIND && is_for_child(p, m, &h->places[i]);
		int r = m->options->copy_symlink ? source_read_link(m, &h->places[i], err) : 0;

		if (r == 0 && (h->places[i].link || p->sources_in_child || (later && !m->idmap_where)))
			continue;
		/* The parent has the power to map ids, and only the child what an earlier mount brings. */
		h->places[i].ask = !later && m->idmap_where && h->places[i].inside &&
				   is_of_earlier_mount(p, i, h->places[i].inside);
		h->n_asked += h->places[i].ask;
		if (r == 0 && (later || h->places[i].ask))
			r = h->places[i].map = mount_idmap_prepare(m, h->userns, &ns, err);
		else if (r == 0)
			r = open_source(p, m, h, &ns, &h->sources[i], err);
		if (r < 0) {
			error_in(err, "mount %s", m->destination);
			error_phase(err, "mounts");
			error_path(err, m->destination);
			return error_at(err, "/mounts/%u", m->index);
		}
	}
	return 0;
}

size_t rootfs_take_idmaps(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs_idmap **ret)
{
	struct rootfs_idmap *v = h->n_asked ? xcalloc(h->n_asked, sizeof(*v)) : NULL;
	size_t n = 0;

	for (size_t i = 0; n < h->n_asked && i < h->n_sources; i++)
		if (h->places[i].ask)
			v[n++] = (struct rootfs_idmap){&p->mounts[i], steal_fd(&h->places[i].map)};
	h->n_asked = 0;
	*ret = v;
	return n;
}

int rootfs_map_ids(const struct rootfs_idmap *idmap, int mnt, struct error *err)
{
	int r = mount_idmap_apply(idmap->m, mnt, idmap->map, err);

	return r < 0 ? error_in(err, "mount %s", idmap->m->destination) : 0;
}

int rootfs_open(const struct plan_rootfs *p, struct rootfs_handles *h, struct error *err)
{
	TRACE("open what is mounted", NULL);
	_cleanup_close_ int check = -1;
	int r;

	if (!p->any_mounts) {
		h->tree = open_root(p, h);
		return rootfs_check_directory(p, h->tree, err);
	}
	find_sources(p, h);
	h->copy = needs_copy(p, h);
	if (p->sources_in_child) {
		struct stat st;

		check = open_root(p, h);
		r = rootfs_check_directory(p, check, err);
		if (r == 0 && fstat(check, &st) == 0) {
			h->root_dev = st.st_dev;
			h->root_ino = st.st_ino;
		}
		if (p->alone && !h->copy)
			h->tree = steal_fd(&check);
		return r < 0 ? r : open_sources(p, h, err);
	}
	h->tree = p->alone && !h->copy ? make_namespace(p, h, err) : open_root_tree(p, h, err);
	if (h->tree < 0)
		return h->tree;
	r = open_sources(p, h, err);
	return r < 0 ? r : nodes_make(p, &h->nodes, err);
}
