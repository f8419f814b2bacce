/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ids of a new user namespace: written from outside and read back by the parent; taken on inside by
 * the container process.  user_namespaces(7)
 */
#include "ns/ns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ns/helper.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/str.h"
#include "util/user_ns.h"

/* The kernel prints three columns of ten for each of at most 340 lines. */
#define MAP_FILE_MAX 16384

struct id_line {
	unsigned inside, outside, size;
};

/* The next line of @text, or false at the end (or at what is none). */
static bool next_line(const char **text, struct id_line *ret)
{
	uint32_t v[3];
	const char *rest = str_scan_u32(*text, v, 3);

	if (!rest)
		return false;
	*ret = (struct id_line){.inside = v[0], .outside = v[1], .size = v[2]};
	*text = rest;
	return true;
}

static bool has_line(const char *text, const struct id_line *wanted)
{
	struct id_line l;

	while (next_line(&text, &l))
		if (l.inside == wanted->inside && l.outside == wanted->outside &&
		    l.size == wanted->size)
			return true;
	return false;
}

/* The same lines, in any order: the kernel sorts more than five. */
static bool same_map(const char *wanted, const char *seen)
{
	const char *w = wanted, *s = seen;
	struct id_line l;
	size_t n = 0;

	for (; next_line(&w, &l); n++)
		if (!has_line(seen, &l))
			return false;
	while (n > 0 && next_line(&s, &l))
		n--;
	return n == 0 && !next_line(&s, &l) && !*w;
}

static int verify_map(int proc_pid, const char *file, const char *wanted, struct error *err)
{
	_cleanup_free_ char *seen = xmalloc(MAP_FILE_MAX);
	ssize_t n = fd_read_pseudo(proc_pid, file, seen, MAP_FILE_MAX);

	if (n < 0)
		return error_errno(err, (int)n, "read %s of the container process", file);
	if (!same_map(wanted, seen))
		return error_set(err, EIO, "%s of the container process is not what was written", file);
	return 0;
}

static int write_map(int proc_pid, const char *file, const char *where, const char *text,
		     struct error *err)
{
	int r = fd_write_pseudo(proc_pid, file, text, strlen(text));

	if (r == 0)
		return 0;
	error_errno(err, r, "write %s of the container process", file);
	if (r == -EINVAL)
		error_hint(err, "entries may not overlap, be empty, or use ids that are not mapped here");
	else if (r == -EPERM)
		error_hint(err, "one of the ids outside is not ours to map: see user_namespaces(7)");
	return error_at(err, "%s", where);
}

static int write_directly(const struct plan_ns *p, int proc_pid, struct error *err)
{
	int r;

	/* before gid_map, or the kernel refuses it: nobody may leave a group that denies him access */
	if (p->deny_setgroups) {
		r = fd_write_pseudo(proc_pid, "setgroups", "deny", strlen("deny"));
		if (r < 0)
			return error_errno(err, r, "write setgroups of the container process");
	}
	r = write_map(proc_pid, "gid_map", "/linux/gidMappings", p->gid_map, err);
	if (r == 0)
		r = write_map(proc_pid, "uid_map", "/linux/uidMappings", p->uid_map, err);
	return r;
}

static int write_by_helpers(const struct plan_ns *p, pid_t pid, struct error *err)
{
	int r = ns_run_map_helper("newgidmap", pid, p->gid_map, err);

	if (r < 0) {
		error_hint(err, "the groups of linux.gidMappings must be in /etc/subgid: subgid(5)");
		return error_at(err, "/linux/gidMappings");
	}
	r = ns_run_map_helper("newuidmap", pid, p->uid_map, err);
	if (r < 0) {
		error_hint(err, "the users of linux.uidMappings must be in /etc/subuid: subuid(5)");
		return error_at(err, "/linux/uidMappings");
	}
	return 0;
}

int ns_write_maps(const struct plan_ns *p, int proc_pid, pid_t pid, struct error *err)
{
	int r = 0;

	if (p->idmap == IDMAP_NONE)
		return 0;
	if (p->idmap == IDMAP_WRITE)
		r = write_directly(p, proc_pid, err);
	else
		r = write_by_helpers(p, pid, err);
	if (r == 0)
		r = verify_map(proc_pid, "gid_map", p->gid_map, err);
	if (r == 0)
		r = verify_map(proc_pid, "uid_map", p->uid_map, err);
	return r;
}

/* Does @b map each id that @a maps, and to the same?  The lines may be cut in another way. */
static bool maps_all_of(const char *a, const char *b)
{
	struct id_line x;

	while (next_line(&a, &x)) {
		for (uint64_t done = 0; done < x.size;) {
			uint64_t id = x.inside + done;
			const char *rest = b;
			struct id_line y;
			bool found = false;

			while (!found && next_line(&rest, &y))
				found = id >= y.inside && id < (uint64_t)y.inside + y.size;
			if (!found || y.outside + (id - y.inside) != x.outside + done)
				return false;
			done += y.inside + (uint64_t)y.size - id;
		}
	}
	return true;
}

/* The kernel writes columns: on one line, and short. */
static void shorten(const char *map, char *buf, size_t size)
{
	struct id_line l;
	size_t n = 0;

	buf[0] = '\0';
	while (n + 1 < size && next_line(&map, &l))
		n += (size_t)snprintf(buf + n, size - n, "%s%u %u %u", n ? ", " : "", l.inside, l.outside, l.size);
}

static int check_map(int proc_pid, const char *file, const char *where, const char *wanted,
		     struct error *err)
{
	_cleanup_free_ char *seen = NULL;
	char has[120], asked[120];
	ssize_t n;

	if (!wanted)
		return 0;
	seen = xmalloc(MAP_FILE_MAX);
	n = fd_read_pseudo(proc_pid, file, seen, MAP_FILE_MAX);
	if (n < 0)
		return error_errno(err, (int)n, "read %s of the container process", file);
	if (maps_all_of(wanted, seen) && maps_all_of(seen, wanted))
		return 0;
	shorten(seen, has, sizeof(has));
	shorten(wanted, asked, sizeof(asked));
	error_set(err, EINVAL, "the user namespace that is joined (by `path`) has other mappings: %s, not %s", has,
		  asked);
	return error_at(err, "%s", where);
}

int ns_check_maps(const struct plan_ns *p, int proc_pid, struct error *err)
{
	int r = check_map(proc_pid, "uid_map", "/linux/uidMappings", p->joined_uid_map, err);

	return r < 0 ? r : check_map(proc_pid, "gid_map", "/linux/gidMappings", p->joined_gid_map, err);
}

static int not_become(struct error *err, int r, const char *what, unsigned id)
{
	error_errno(err, r, "become %s %u of the user namespace", what, id);
	return r == -EINVAL ? error_hint(err, "it is not mapped there") : r;
}

/*
 * Groups first, while we may.  EPERM from setgroups(2) means that it is denied for good in this user
 * namespace: the caller's groups stay, and process_set_groups() decides whether that will do.  EINVAL from
 * the others means that 0 is not mapped: then @user is; the capabilities do not depend on the id.
 */
int ns_become_root(const struct oci_user *user, bool keep_groups, struct error *err)
{
	uid_t ruid, euid, suid, uid = 0;
	gid_t rgid, egid, sgid, gid = 0;
	int r = sys_setresgid(0, 0, 0);

	if (r == -EINVAL && user) {
		gid = user->gid;
		r = sys_setresgid(gid, gid, gid);
	}
	if (r < 0)
		return not_become(err, r, "group", gid);
	r = keep_groups ? -EPERM : sys_setgroups(0, NULL);
	if (r < 0 && r != -EPERM)
		return error_errno(err, r, "drop the caller's groups");
	if (r == 0 && getgroups(0, NULL) != 0)
		return error_set(err, EIO, "the caller's groups are still there after setgroups");
	r = sys_setresuid(0, 0, 0);
	if (r == -EINVAL && user) {
		uid = user->uid;
		r = sys_setresuid(uid, uid, uid);
	}
	if (r < 0)
		return not_become(err, r, "user", uid);

	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
		return error_errno(err, errno, "read our ids back");
	if (ruid != uid || euid != uid || suid != uid || rgid != gid || egid != gid || sgid != gid)
		return error_set(err, EIO, "ids are %u:%u instead of %u:%u in the user namespace", euid,
				 egid, uid, gid);
	return 0;
}

/* ---- a user namespace that is made before there is a container process ------------------------ */

static int set_up_first(void *ctx, int proc, pid_t pid, struct error *err)
{
	const struct plan_ns *p = ctx;
	int r = ns_write_maps(p, proc, pid, err);

	return r < 0 || !p->time_offsets ? r : ns_time_set(p, proc, err);
}

int ns_make_first(const struct plan_ns *p, int *ret_user, int *ret_time, struct error *err)
{
	struct user_ns_request q = {
		.time = p->time_offsets, .set_up = set_up_first, .ctx = (void *)(uintptr_t)p,
	};

	return user_ns_make(&q, ret_user, ret_time, err);
}
