/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As acl_permission_check() of the kernel has it, path_resolution(7), with what stat(2) shows outside of the
 * container.  What that cannot tell is taken to be allowed: a wrong alarm would be worse.  On the host.
 */
#include "report/access.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "plan/parts.h"
#include "sys/compat.h"
#include "util/str.h"

#define OVERFLOW_ID 65534u

static bool host_id(const struct plan *p, const struct oci_id_mappings *maps, uint32_t id, uint32_t *ret)
{
	*ret = id;
	return !p->ns.userns || plan_host_id(maps, id, ret);
}

void access_user_of(struct arena *a, const struct plan *p, bool initial, struct access_user *ret)
{
	const struct oci_linux *l = &p->config->linux_;
	const struct oci_user *u = &p->process.oci->user;
	uint64_t caps = p->security.caps.effective;

	*ret = (struct access_user){.overflow = !initial};
	ret->overrides = caps & (1ull << CAP_DAC_OVERRIDE);
	ret->searches = ret->overrides || (caps & (1ull << CAP_DAC_READ_SEARCH));
	ret->other_groups = p->process.keep_groups || p->ns.deny_setgroups || p->rootless;
	ret->known = host_id(p, &l->uid_mappings, u->uid, &ret->uid) && host_id(p, &l->gid_mappings, u->gid, &ret->gid);
	ret->gids = arena_new_array(a, uint32_t, u->n_additional_gids + 1);
	for (size_t i = 0; ret->known && i < u->n_additional_gids; i++)
		if (host_id(p, &l->gid_mappings, u->additional_gids[i], &ret->gids[ret->n_gids]))
			ret->n_gids++;
}

static bool has_group(const struct access_user *u, uint32_t gid)
{
	for (size_t i = 0; i < u->n_gids; i++)
		if (u->gids[i] == gid)
			return true;
	return u->gid == gid;
}

/* An access control list says more than the mode does. */
static bool has_acl(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

static bool may(const struct access_user *u, int fd, const struct stat *st, const struct plan_mount *m)
{
	bool odd = u->overflow && (st->st_uid == OVERFLOW_ID || st->st_gid == OVERFLOW_ID);
	bool group = st->st_mode & 0010, other = st->st_mode & 0001;

	if (!u->known || odd || (m && m->idmap_where))
		return true;
	if (st->st_uid == u->uid)
		return st->st_mode & 0100;
	if (has_group(u, st->st_gid) ? group : other)
		return true;
	return (u->other_groups && (group || other)) || has_acl(fd);
}

bool access_may_execute(const struct access_user *u, int fd, const struct stat *st, const struct plan_mount *m)
{
	return (u->overrides && (st->st_mode & 0111)) || may(u, fd, st, m);
}

bool access_may_search(const struct access_user *u, int fd, const struct plan_mount *m)
{
	struct stat st;

	return u->searches || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode) || may(u, fd, &st, m);
}

bool access_is_noexec(int fd, const struct plan_mount *m, bool here)
{
	struct statvfs fs;

	if (m && (m->options->attr_set | m->options->rattr_set) & MOUNT_ATTR_NOEXEC)
		return true;
	if (m && (m->options->attr_clr | m->options->rattr_clr) & MOUNT_ATTR_NOEXEC)
		return false;
	return here && fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOEXEC);
}
