/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host facts.  Runs in the parent, once, before the plan is made. */
#include "sys/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sys/compat.h"
#include "sys/mount_api.h"

const char *const cgroup_controller_names[8] = {
	"cpu", "cpuset", "io", "memory", "hugetlb", "pids", "rdma", "misc",
};

static ssize_t read_small(const char *path, char *buf, size_t size)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	buf[n] = '\0';
	return n;
}

/* user_namespaces(7): the initial namespace maps all ids onto themselves. */
bool probe_initial_userns(void)
{
	static enum { UNKNOWN, NO, YES } known;
	unsigned long inside, outside, size;
	char buf[256], *end;

	if (known != UNKNOWN)
		return known == YES;
	if (read_small("/proc/self/uid_map", buf, sizeof(buf)) <= 0)
		return true;	/* a kernel without user namespaces has no such file */
	inside = strtoul(buf, &end, 10);
	outside = strtoul(end, &end, 10);
	size = strtoul(end, &end, 10);
	known = inside == 0 && outside == 0 && size == 4294967295u ? YES : NO;
	return known == YES;
}

/* A mount namespace that an outer user namespace owns: mount_namespaces(7). */
static bool may_not_clone_mounts(void)
{
	int fd = sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd == -EPERM;
}

/* The flags are looked at before the right to make one, and that before the descriptor, which is none. */
static bool knows_tree_namespaces(const struct facts *f)
{
	int r = sys_open_tree(-1, "", OPEN_TREE_NAMESPACE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	return r == -EBADF || (r == -EPERM && !f->cap_sys_admin);
}

/* Before, a copy that is not recursive left out what lies over its files.  Nothing tells but the release. */
static bool is_safe_for_others(void)
{
	struct utsname host;
	unsigned long part[3] = {0};
	char *at = host.release;

	if (uname(&host) < 0)
		return false;
	for (size_t i = 0; i < 3; i++) {
		part[i] = strtoul(at, &at, 10);
		if (*at == '.')
			at++;
	}
	return part[0] > 7 || (part[0] == 7 && (part[1] > 2 || (part[1] == 2 && part[2] >= 13)));
}

static bool is_cgroup2(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && (unsigned long)st.f_type == CGROUP2_SUPER_MAGIC;
}

static bool is_effective(cap_t c, cap_value_t cap)
{
	cap_flag_value_t raised = CAP_CLEAR;

	return c && cap_get_flag(c, cap, CAP_EFFECTIVE, &raised) == 0 && raised == CAP_SET;
}

/* Our own cgroup, "/a/b", as seen from the root of the cgroup namespace: cgroups(7), /proc/PID/cgroup. */
static bool read_own_cgroup(char *ret, size_t size)
{
	char text[8192], *line, *end;

	if (read_small("/proc/self/cgroup", text, sizeof(text)) <= 0)
		return false;
	line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	if (!line)
		return false;
	line = strchr(line, '/');
	end = strchr(line, '\n');
	/* Outside of our root it begins with "/..": nothing of ours can be there. */
	if (!end || (size_t)(end - line) >= size || strncmp(line, "/..", 3) == 0)
		return false;
	*end = '\0';
	strcpy(ret, line);
	return true;
}

/* May we make cgroups in @path, and move processes from one below it to another? */
static bool is_delegated(const char *root, const char *path)
{
	char file[sizeof(((struct facts *)0)->cgroup_home) + 128];

	snprintf(file, sizeof(file), "%s%s/", root, path);
	if (faccessat(AT_FDCWD, file, W_OK, AT_EACCESS) < 0)
		return false;
	strcat(file, "cgroup.procs");
	return faccessat(AT_FDCWD, file, W_OK, AT_EACCESS) == 0;
}

/* systemd.resource-control(5), Delegate=: the mark is for those who ask so; before 251 it is trusted.delegate alone. */
static bool is_marked(const char *root, const char *path)
{
	char file[sizeof(((struct facts *)0)->cgroup_home) + 128], value[2];

	snprintf(file, sizeof(file), "%s%s", root, path);
	return lgetxattr(file, "trusted.delegate", value, sizeof(value)) == 1 && value[0] == '1';
}

/*
 * The cgroup above our own, if it is ours, too: what holds processes, as our own does, cannot pass
 * controllers on (cgroups(7), "no internal processes").  Else our own.
 */
static void probe_home(struct facts *ret, bool (*is_ours)(const char *root, const char *path))
{
	char own[sizeof(ret->cgroup_home)], *slash;

	if (!read_own_cgroup(own, sizeof(own)) || !own[1])
		return;
	strcpy(ret->cgroup_home, own);
	slash = strrchr(ret->cgroup_home, '/');
	*slash = '\0';
	if (is_ours(ret->cgroup_root, ret->cgroup_home))
		return;
	strcpy(ret->cgroup_home, is_ours(ret->cgroup_root, own) ? own : "");
}

static bool has_privileges(const struct facts *f)
{
	return f->euid == 0 && f->in_initial_userns && f->cap_sys_admin;
}

void probe_delegation(struct facts *ret)
{
	if (ret->cgroup_root[0] && has_privileges(ret))
		probe_home(ret, is_marked);
}

bool probe_effective_cap(int cap)
{
	cap_t c = cap_get_proc();
	bool effective = is_effective(c, cap);

	cap_free(c);
	return effective;
}

void facts_probe(struct facts *ret)
{
	cap_t c = cap_get_proc();

	memset(ret, 0, sizeof(*ret));
	ret->euid = geteuid();
	ret->egid = getegid();
	ret->cap_sys_admin = is_effective(c, CAP_SYS_ADMIN);
	ret->cap_sys_resource = is_effective(c, CAP_SYS_RESOURCE);
	ret->in_initial_userns = probe_initial_userns();
	ret->foreign_mounts = ret->cap_sys_admin && !ret->in_initial_userns && may_not_clone_mounts();
	ret->tree_namespaces = knows_tree_namespaces(ret);
	ret->foreign_tree_namespaces = ret->tree_namespaces && is_safe_for_others();
	ret->last_cap = (unsigned)cap_max_bits() - 1;	/* asked from the kernel when the program started */
	cap_free(c);
	ret->proc_kcore = access("/proc/kcore", F_OK) == 0;
	if (is_cgroup2("/sys/fs/cgroup")) {
		strcpy(ret->cgroup_root, "/sys/fs/cgroup");
	} else if (is_cgroup2("/sys/fs/cgroup/unified")) {
		strcpy(ret->cgroup_root, "/sys/fs/cgroup/unified");
		ret->cgroup_hybrid = true;
	}
	if (ret->cgroup_root[0] && !has_privileges(ret))
		probe_home(ret, is_delegated);
}

bool kernel_is_older(const char *release)
{
	struct utsname host;

	return uname(&host) == 0 && release_is_older(host.release, release);
}

bool release_is_older(const char *have, const char *release)
{
	unsigned long major, minor, want;
	char *end;

	major = strtoul(have, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	want = strtoul(release, &end, 10);
	return major < want || (major == want && minor < strtoul(end + 1, NULL, 10));
}

/* None of them can do anything with these arguments. */
const struct kernel_call *kernel_missing_call(void)
{
	static const struct kernel_call calls[] = {
		{"pidfd_send_signal", "5.1", SYS_pidfd_send_signal}, {"open_tree", "5.2", SYS_open_tree},
		{"move_mount", "5.2", SYS_move_mount},	{"fsopen", "5.2", SYS_fsopen},
		{"fsconfig", "5.2", SYS_fsconfig},	{"fsmount", "5.2", SYS_fsmount},
		{"clone3", "5.3", SYS_clone3},		{"pidfd_open", "5.3", SYS_pidfd_open},
		{"openat2", "5.6", SYS_openat2},	{"pidfd_getfd", "5.6", SYS_pidfd_getfd},
		{"faccessat2", "5.8", SYS_faccessat2},	{"close_range", "5.9", SYS_close_range},
		{"mount_setattr", "5.12", SYS_mount_setattr},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (syscall(calls[i].number, -1, 0, -1, 0, -1, 0) < 0 && errno == ENOSYS)
			return &calls[i];
	return NULL;
}
