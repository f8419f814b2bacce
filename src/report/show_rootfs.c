/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts, devices, links, and then masks of a plan, in the order in which they are made. */
#include "report/show.h"

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void show_mount(struct steps *s, const struct plan *p, const struct plan_mount *m)
{
	static const char *const kinds[] = { "bind", "file-system", "cgroup2", "sysfs", "remount" };
	bool ours = m->index >= p->config->n_mounts;	/* the socket of a notification */
	char where[32];

	snprintf(where, sizeof(where), "/mounts/%u", m->index);
	steps_begin(s, "mount");
	steps_text(s, "destination", m->destination);
	steps_text(s, "kind", kinds[m->kind]);
	steps_text(s, "type", m->fstype);
	steps_text(s, "source", m->source);
	if (!ours)
		steps_list(s, "options", &p->config->mounts[m->index].words);
	steps_list(s, "given-to-it", &m->data);
	steps_text(s, "uids", m->uid_map);
	steps_text(s, "gids", m->gid_map);
	steps_flag(s, "read-only-later", m->late_readonly);
	steps_flag(s, "made-writable", m->kind == MOUNT_CGROUP2 && p->cgroup.delegation.where);
	steps_end(s, ours ? NULL : where);
}

static void show_device(struct steps *s, const struct plan_rootfs *r, const struct plan_device *d)
{
	const char type[] = {S_ISBLK(d->mode) ? 'b' : S_ISCHR(d->mode) ? 'c' : 'p', '\0'};

	steps_begin(s, "device");
	steps_text(s, "path", d->path);
	steps_text(s, "type", type);
	if (!S_ISFIFO(d->mode))
		steps_format(s, "number", "%u:%u", major(d->dev), minor(d->dev));
	steps_format(s, "mode", "%04o", d->mode & 07777);
	steps_format(s, "owner", "%u:%u", d->uid, d->gid);
	steps_flag(s, "bound", r->devices_by_bind);
	steps_end(s, d->where);
}

static void show_paths(struct steps *s, const char *what, const struct strings *paths, const char *where)
{
	for (size_t i = 0; i < paths->n; i++)
		steps_one(s, what, "path", paths->v[i], where);
}

void show_rootfs(struct steps *s, const struct plan *p)
{
	const struct plan_rootfs *r = &p->rootfs;

	steps_begin(s, "rootfs");
	steps_text(s, "path", r->path);
	if (!r->alone)
		steps_text(s, "host-mounts", r->host_propagation & MS_SLAVE ? "slave" :
				     r->host_propagation & MS_PRIVATE ? "private" : NULL);
	steps_text(s, "mount-namespace", r->alone ? "of its own, with nothing of the host's in it" :
					 r->why_copy ? "a copy of the host's" : NULL);
	steps_text(s, "because", r->why_copy);
	steps_end(s, "/root");
	for (size_t i = 0; i < r->n_mounts; i++)
		show_mount(s, p, &r->mounts[i]);
	for (size_t i = 0; i < r->n_devices; i++)
		show_device(s, r, &r->devices[i]);
	for (size_t i = 0; i < r->n_links; i++) {
		steps_begin(s, "link");
		steps_text(s, "path", r->links[i].path);
		steps_text(s, "target", r->links[i].target);
		steps_end(s, NULL);
	}
	steps_one(s, "directory", "make", r->cwd, "/process/cwd");
}

void show_protection(struct steps *s, const struct plan *p)
{
	const struct plan_rootfs *r = &p->rootfs;
	const char *by = r->alone ? "entering the namespace" :
			 !r->mount_ns ? "chroot" : r->no_pivot ? "moving it" : "pivot_root";

	show_paths(s, "mask", &r->masked, "/linux/maskedPaths");
	show_paths(s, "read-only", &r->readonly_paths, "/linux/readonlyPaths");
	steps_one(s, "root", "by", by, NULL);
	if (r->propagation)
		steps_one(s, "propagation", "of-root", p->config->linux_.rootfs_propagation_word,
			  "/linux/rootfsPropagation");
	if (r->readonly)
		steps_one(s, "read-only", "path", "/", "/root/readonly");
}
