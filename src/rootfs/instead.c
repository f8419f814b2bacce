/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a sysfs or cgroup2 of the container's own may be refused, so that what the host has is bound instead.  EPERM
 * alone does not tell: each reason is looked at by itself (rule R11a).  Container process.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/mountinfo.h"
#include "util/str.h"

/* network_namespaces(7): it belongs to a user namespace over which we have no power; netdevice(7) */
static bool is_network_foreign(void)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	_cleanup_close_ int ns = fd < 0 ? -1 : ioctl(fd, SIOCGSKNS);

	return fd >= 0 && ns < 0 && errno == EPERM;
}

int mount_open_cgroupns(const struct rootfs *r)
{
	return outside_open(r, "/proc/self/ns/cgroup");
}

/* ioctl_nsfs(2): EPERM for an owner that is neither ours nor below it. */
static bool is_cgroupns_foreign(const struct rootfs *r)
{
	_cleanup_close_ int fd = mount_open_cgroupns(r);
	_cleanup_close_ int owner = fd < 0 ? -1 : ioctl(fd, NS_GET_USERNS);

	return fd >= 0 && owner < 0 && errno == EPERM;
}

/* Directories of sysfs that are empty by themselves: what lies there hides nothing. */
static bool is_made_for_mounts(const char *path)
{
	static const char *const paths[] = {
		"/fs/cgroup", "/fs/bpf", "/fs/pstore", "/fs/fuse/connections", "/fs/selinux", "/fs/smackfs",
		"/fs/resctrl", "/kernel/debug", "/kernel/tracing", "/kernel/security", "/kernel/config",
		"/firmware/efi/efivars",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (str_eq(path, paths[i]))
			return true;
	return false;
}

/* Is the whole of mount @m to be seen, and to be written if @writable? */
static bool is_whole(const struct mountinfo *m, const struct mountinfo *all, size_t n, bool writable)
{
	if (!str_eq(m->root, "/") || (writable && str_starts(m->options, "ro")))
		return false;
	for (size_t i = 0; i < n; i++)
		if (all[i].parent == m->id && all[i].id != m->id &&
		    !is_made_for_mounts(all[i].point + (str_eq(m->point, "/") ? 0 : strlen(m->point))))
			return false;
	return true;
}

/*
 * mount_too_revealing() in fs/namespace.c: a user namespace mounts a new one only where all of one is to be seen
 * already.  1: it is not; 0: it is, so that was no reason.
 */
static int is_hidden(const struct plan_rootfs *p, const struct rootfs *r, const char *type, bool writable,
		     struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	_cleanup_close_ int own = r->proc >= 0 ? -1 : rootfs_private_proc(r, err);
	struct mountinfo *all = NULL;
	size_t n = 0, room = 0;
	char *rest, *line;
	int ret = 1;

	if (r->proc < 0 && own < 0)
		return own;
	ret = outside_begin(r, mount_seen_at(p, type));
	if (ret == 0)
		ret = mountinfo_read(r->proc >= 0 ? r->proc : own, "self/mountinfo", &text);
	if (ret == 0)
		ret = outside_end(r);
	if (ret < 0)
		return error_errno(err, ret, "read the mounts that are there");
	for (rest = text.data; (line = strsep(&rest, "\n"));) {
		if (n == room) {
			room = room ? 2 * room : 64;
			all = xrealloc(all, room, sizeof(*all));
		}
		n += mountinfo_parse(line, &all[n]);
	}
	ret = 1;
	for (size_t i = 0; i < n; i++)
		if (str_eq(all[i].type, type) && is_whole(&all[i], all, n, writable))
			ret = 0;
	free(all);
	return ret;
}

/* @e stays the error unless there is a reason. */
static int judge(int reason, const struct error *e, struct error *err)
{
	if (reason > 0)
		return 0;
	if (reason == 0)
		*err = *e;
	return -err->code;
}

int mount_excuse_sysfs(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *r,
		       struct error *err)
{
	const struct error e = *err;
	int reason;

	if (e.code != EPERM || !p->devices_by_bind)	/* not in a user namespace */
		return -e.code;
	*err = (struct error){0};
	reason = is_network_foreign();
	if (reason == 0)
		reason = is_hidden(p, r, "sysfs", !(mount_early_attr(m) & MOUNT_ATTR_RDONLY), err);
	return judge(reason, &e, err);
}

int mount_excuse_cgroup2(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *r, bool own,
			 struct error *err)
{
	const struct error e = *err;
	int reason = own && (e.code == EPERM || e.code == EBUSY);	/* a bind of the same is no less */

	*err = (struct error){0};
	if (reason == 0 && e.code == EPERM)
		reason = p->joined_cgroupns && is_cgroupns_foreign(r);
	if (reason == 0 && e.code == EPERM && p->devices_by_bind)
		reason = is_hidden(p, r, "cgroup2", !(mount_early_attr(m) & MOUNT_ATTR_RDONLY), err);
	return judge(reason, &e, err);
}
