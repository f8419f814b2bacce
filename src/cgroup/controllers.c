/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Controllers of cgroup v2, and why one cannot be had.  On the host side.
 * A cgroup has a controller when every directory above it names it in cgroup.subtree_control
 * (kernel Documentation/admin-guide/cgroup-v2.rst, "Controlling Controllers").
 */
#include "cgroup/controllers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

/* A name as long as the kernel's longest, in a path as long as the kernel's longest. */
#define FILE_MAX (PATH_MAX + 32)

static unsigned controller_bit(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(cgroup_controller_names); i++)
		if (strlen(cgroup_controller_names[i]) == n &&
		    strncmp(cgroup_controller_names[i], name, n) == 0)
			return 1u << i;
	return 0;
}

/* The names in one file, as bits. */
static int read_bits(int dirfd, const char *file, unsigned *ret)
{
	char text[512];
	ssize_t n = fd_read_pseudo(dirfd, file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	*ret = 0;
	for (const char *s = text; *s; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");

		*ret |= controller_bit(s, len);
		s += len;
	}
	return 0;
}

/* "+memory +pids" */
static void list_bits(unsigned bits, const char *sign, char *ret, size_t size)
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(cgroup_controller_names); i++)
		if (bits & (1u << i) && len < size)
			len += (size_t)snprintf(ret + len, size - len, "%s%s%s", len ? " " : "", sign,
						cgroup_controller_names[i]);
}

/* ---- why not -------------------------------------------------------------------------------- */

/* The pointer of the first limit that needs one of @bits, else of who wants them in the container. */
static const char *who_needs(const struct plan_cgroup *p, unsigned bits)
{
	for (size_t i = 0; i < p->n_writes; i++)
		if (p->writes[i].controller & bits && !p->writes[i].optional)
			return p->writes[i].where;
	return p->delegation.controllers & bits ? p->delegation.where : "";
}

static const char *what_needs(const struct plan_cgroup *p, unsigned bits)
{
	return str_starts(who_needs(p, bits), "/annotations/") ? "this annotation" : "this limit";
}

/* The line of /proc/cgroups, cgroups(7): hierarchy of v1 (0: none) and whether it is on. */
static bool v1_line(const char *name, uint32_t *ret_hierarchy, uint32_t *ret_enabled)
{
	char text[4096], *save = NULL;

	if (fd_read_pseudo(AT_FDCWD, "/proc/cgroups", text, sizeof(text)) < 0)
		return false;
	if (str_eq(name, "io"))
		name = "blkio";
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		size_t n = strlen(name);
		uint32_t v[3];	/* hierarchy, number of cgroups, enabled */

		if (strncmp(l, name, n) != 0 || l[n] != '\t')
			continue;
		if (!str_scan_u32(l + n, v, 3))
			return false;
		*ret_hierarchy = v[0];
		*ret_enabled = v[2];
		return true;
	}
	return false;
}

enum controller_absence cgroup_why_absent(int root, const char *name)
{
	uint32_t hierarchy = 0, enabled = 1;

	if (v1_line(name, &hierarchy, &enabled) && hierarchy != 0)
		return CONTROLLER_OF_V1;
	if (!enabled)
		return CONTROLLER_OFF;
	/* The root of the whole hierarchy has no type, that of a cgroup namespace has one. */
	return faccessat(root, "cgroup.type", F_OK, 0) == 0 ? CONTROLLER_KEPT : CONTROLLER_UNKNOWN;
}

static int error_no_controller(int root, const struct plan_cgroup *p, const char *name, const char *what,
			       struct error *err)
{
	switch (cgroup_why_absent(root, name)) {
	case CONTROLLER_OF_V1:
		error_set(err, ENODEV, "%s needs the %s controller, which cgroup v1 holds on this host", what, name);
		return error_hint(err, "boot with systemd.unified_cgroup_hierarchy=1, or with "
				  "cgroup_no_v1=%s to free this one", name);
	case CONTROLLER_OFF:
		error_set(err, ENODEV, "%s needs the %s controller, which is switched off", what, name);
		return error_hint(err, "remove cgroup_disable=%s from the kernel's command line; on some "
				  "boards add cgroup_enable=%s", name, name);
	case CONTROLLER_KEPT:
		error_set(err, ENODEV, "%s needs the %s controller, which was not passed on to %s, the root of this "
			  "cgroup namespace", what, name, p->root);
		return error_hint(err, "add it to cgroup.subtree_control above, on the host");
	case CONTROLLER_UNKNOWN:
		break;
	}
	return error_set(err, ENODEV, "%s needs the %s controller, which the kernel does not have (it is not in "
			 "%s/cgroup.controllers)", what, name, p->root);
}

int cgroup_no_controller(const struct plan_cgroup *p, const char *name, const char *what, struct error *err)
{
	_cleanup_close_ int root = fd_openat(AT_FDCWD, p->root, O_PATH | O_DIRECTORY, 0);

	return error_no_controller(root, p, name, what, err);
}

static int error_unavailable(int root, const struct plan_cgroup *p, const char *prefix,
			     unsigned bits, struct error *err)
{
	unsigned first = bits & -bits;
	char name[64];

	list_bits(first, "", name, sizeof(name));
	if (*prefix)
		error_set(err, ENODEV, "%s needs the %s controller, which cgroup /%s does not get from the one above "
			  "it", what_needs(p, first), name, prefix);
	else
		error_no_controller(root, p, name, what_needs(p, first), err);
	return error_at(err, "%s", who_needs(p, first));
}

static int error_enable(const struct plan_cgroup *p, const char *prefix, unsigned bits,
			const char *words, int e, struct error *err)
{
	error_errno(err, e, "write \"%s\" to cgroup.subtree_control of cgroup /%s", words, prefix);
	if (e == -EBUSY)
		error_hint(err, "processes are in /%s itself, and a cgroup with processes cannot pass on "
			   "controllers; move them to a child of it, or choose another "
			   "linux.cgroupsPath", prefix);
	else if (e == -EACCES || e == -EPERM || e == -EROFS)
		error_hint(err, "it is not delegated: /%s does not pass it on, and is not ours to change; "
			   "with systemd name it in Delegate= of the unit that is delegated; for users in "
			   "/etc/systemd/system/user@.service.d/delegate.conf: [Service] Delegate=cpu cpuset io "
			   "memory pids", prefix);
	else if (e == -EOPNOTSUPP)
		error_hint(err, "/%s is a threaded cgroup", prefix);
	return error_at(err, "%s", who_needs(p, bits));
}

void cgroup_hint_delegate(const struct plan_cgroup *p, struct error *err)
{
	char names[64];

	list_bits(p->controllers, "", names, sizeof(names));
	if (*names)
		error_hint(err, "its limits need %s, and no cgroup with that is delegated to the caller: run in a "
			   "unit of systemd with Delegate=, as by systemd-run --user --scope -p Delegate=yes, or "
			   "choose a linux.cgroupsPath below a cgroup that is", names);
	else
		error_hint(err, "choose a linux.cgroupsPath below a cgroup delegated to you, or use "
			   "--cgroup-manager=disabled");
}

/* ---- and how -------------------------------------------------------------------------------- */

static int write_control(int root, const char *prefix, unsigned bits, char *ret_words, size_t size)
{
	char file[FILE_MAX];

	snprintf(file, sizeof(file), "%s%scgroup.subtree_control", prefix, *prefix ? "/" : "");
	list_bits(bits, "+", ret_words, size);
	return fd_write_pseudo(root, file, ret_words, strlen(ret_words));
}

/*
 * Those of which a cgroup with processes refuses to pass any on (EBUSY).  The others it does pass on, and its
 * children are "domain invalid" from then on, and can hold no process: cgroups(7), "Threaded domain".
 */
#define DOMAIN (CGROUP_IO | CGROUP_MEMORY | CGROUP_HUGETLB | CGROUP_RDMA | CGROUP_MISC)

static bool holds_processes(int root, const char *prefix)
{
	char file[FILE_MAX], first[16];
	_cleanup_close_ int fd = -1;

	/* The root may do as it likes; that of a cgroup namespace, which has a type, may not. */
	if (!*prefix && faccessat(root, "cgroup.type", F_OK, 0) < 0)
		return false;
	snprintf(file, sizeof(file), "%s%scgroup.procs", prefix, *prefix ? "/" : "");
	fd = fd_openat(root, file, O_RDONLY, 0);
	return fd >= 0 && read(fd, first, sizeof(first)) > 0;
}

/* What limits @need, or it is an error; and what is only @useful, as far as it can be had.  @on: is already. */
static int enable(int root, const struct plan_cgroup *p, const char *prefix, unsigned need,
		  unsigned useful, unsigned on, struct error *err)
{
	char words[128];
	int r;

	/* One write for all, nearly always.  It is refused as a whole because of one. */
	if (!((need | useful | on) & DOMAIN) && holds_processes(root, prefix))
		r = -EBUSY;
	else
		r = write_control(root, prefix, need | useful, words, sizeof(words));
	if (r == 0)
		return 0;
	if (r == -EBUSY) {
		list_bits(need, "+", words, sizeof(words));
		return need ? error_enable(p, prefix, need, words, r, err) : 0;
	}
	if (need)
		r = write_control(root, prefix, need, words, sizeof(words));
	if (need && r < 0)
		return error_enable(p, prefix, need, words, r, err);
	for (unsigned left = useful & DOMAIN; left; left &= left - 1)
		if (write_control(root, prefix, left & -left, words, sizeof(words)) == -EBUSY)
			return 0;
	for (unsigned left = useful & ~DOMAIN; left; left &= left - 1)
		write_control(root, prefix, left & -left, words, sizeof(words));
	return 0;
}

static int enable_below(int root, const struct plan_cgroup *p, const char *prefix, unsigned need,
			unsigned useful, struct error *err)
{
	char file[FILE_MAX];
	unsigned have, on;
	int r;

	snprintf(file, sizeof(file), "%s%scgroup.subtree_control", prefix, *prefix ? "/" : "");
	r = read_bits(root, file, &on);
	if (r < 0)
		return error_errno(err, r, "read %s/%s", p->root, file);
	need &= ~on;
	useful &= ~on;
	if (!need && !useful)
		return 0;
	snprintf(file, sizeof(file), "%s%scgroup.controllers", prefix, *prefix ? "/" : "");
	r = read_bits(root, file, &have);
	if (r < 0)
		return error_errno(err, r, "read %s/%s", p->root, file);
	if (need & ~have)
		return error_unavailable(root, p, prefix, need & ~have, err);
	useful &= have;
	return need || useful ? enable(root, p, prefix, need, useful, on, err) : 0;
}

/* Would enable_below() succeed?  Whatever @need the one above has or gets, this one is given. */
static int check_below(int root, const struct plan_cgroup *p, const char *prefix, unsigned need, struct error *err)
{
	char file[FILE_MAX], words[128];
	unsigned on;
	int r;

	snprintf(file, sizeof(file), "%s%scgroup.subtree_control", prefix, *prefix ? "/" : "");
	r = read_bits(root, file, &on);
	if (r < 0)
		return r == -ENOENT || r == -ENODEV ? r : error_errno(err, r, "read %s/%s", p->root, file);
	need &= ~on;
	if (!need)
		return 0;
	if (faccessat(root, file, W_OK, AT_EACCESS) < 0)
		r = -errno;
	else if (holds_processes(root, prefix))
		r = -EBUSY;
	list_bits(need, "+", words, sizeof(words));
	return r < 0 ? error_enable(p, prefix, need, words, r, err) : 0;
}

/* The part of @path before @slash. */
static void copy_prefix(char ret[PATH_MAX], const char *path, const char *slash)
{
	size_t n = (size_t)(slash - path);

	memcpy(ret, path, n);
	ret[n] = '\0';
}

int cgroup_check_controllers(int root, const char *whole, const struct plan_cgroup *p, struct error *err)
{
	const char *path = whole + 1, *slash = path;
	char prefix[PATH_MAX] = "";
	unsigned all;
	int r;

	if (!p->controllers)
		return 0;
	r = read_bits(root, "cgroup.controllers", &all);
	if (r < 0)
		return error_errno(err, r, "read cgroup.controllers in %s", p->root);
	if (p->controllers & ~all)
		return error_unavailable(root, p, "", p->controllers & ~all, err);
	while (r == 0 && slash) {
		r = check_below(root, p, prefix, p->controllers, err);
		slash = strchr(slash + 1, '/');
		if (slash)
			copy_prefix(prefix, path, slash);
	}
	return r == -ENOENT || r == -ENODEV ? 0 : r;	/* made by us, from there on */
}

/*
 * Without a limit the figures are wanted: memory.current and io.stat are there only with their controllers.
 * So all that the host has is passed on; when the leaf has as many as the root there is nothing to do.
 */
int cgroup_enable_controllers(int root, int fd, const struct plan_cgroup *p, struct error *err)
{
	const char *path = p->path + 1;
	char prefix[PATH_MAX] = "";
	unsigned have, all, need, useful;
	int r;

	r = read_bits(fd, "cgroup.controllers", &have);
	if (r == 0)
		r = read_bits(root, "cgroup.controllers", &all);
	if (r < 0)
		return error_errno(err, r, "read cgroup.controllers of cgroup %s and of the root", p->path);
	need = p->controllers & ~have;
	useful = all & ~have & ~need;
	if (!need && !useful)
		return 0;
	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		copy_prefix(prefix, path, slash);
		r = enable_below(root, p, prefix, need, useful, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* "memory pids" as "+memory +pids", also those that are new to us. */
static void add_signs(const char *names, char *ret, size_t size)
{
	size_t len = 0;

	for (const char *s = names; *s && len < size; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		len += (size_t)snprintf(ret + len, size - len, "%s+%.*s", len ? " " : "", (int)n, s);
		s += n;
	}
}

int cgroup_pass_on(int fd, const struct plan_delegation *d, struct error *err)
{
	char have[512], words[1024] = "";
	ssize_t r = fd_read_pseudo(fd, "cgroup.controllers", have, sizeof(have));

	if (r < 0)
		return error_errno(err, (int)r, "read cgroup.controllers of the container's cgroup");
	if (d->controllers)
		list_bits(d->controllers, "+", words, sizeof(words));
	else
		add_signs(have, words, sizeof(words));
	if (!*words)
		return 0;
	r = holds_processes(fd, "") ? -EBUSY : fd_write_pseudo(fd, "cgroup.subtree_control", words, strlen(words));
	if (r == 0)
		return 0;
	error_errno(err, (int)r, "write \"%s\" to cgroup.subtree_control of the container's cgroup", words);
	if (r != -EBUSY && !d->controllers)
		error_hint(err, "name the controllers that the container needs, as one of these is refused");
	return error_at(err, "%s", d->where);
}
