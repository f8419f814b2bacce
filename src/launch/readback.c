/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rule R12: when the child reports ready, the parent reads from the host's procfs what the kernel
 * thinks of it.  A system call that lied, was refused or was forgotten ends the container here.
 * Runs on the host; the child waits.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/spawn.h"
#include "security/core_sched.h"
#include "security/lsm.h"
#include "store/state.h"
#include "sys/compat.h"
#include "sys/mutate.h"
#include "sys/probe.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"
#include "util/trace.h"

#define STATUS_BYTES 16384	/* a long list of groups makes /proc/PID/status long */
#define STATUS_LINES 128	/* 57 in Linux 6.18 */

/* /proc/PID/status, cut into lines once: a dozen of them are wanted. */
struct status {
	char text[STATUS_BYTES];
	const char *line[STATUS_LINES];
	size_t n;
};

static int read_status(int dir, const char *path, struct status *ret)
{
	ssize_t n = fd_read_pseudo(dir, path, ret->text, sizeof(ret->text));

	ret->n = 0;
	if (n < 0)
		return (int)n;
	for (char *p = ret->text; p && ret->n < STATUS_LINES; p = strchr(p, '\n')) {
		p += *p == '\n';
		ret->line[ret->n++] = p;
	}
	return 0;
}

/* The value of "KEY:\t...", which ends with its line; "" without such a line. */
static const char *field(const struct status *status, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < status->n; i++)
		if (strncmp(status->line[i], key, n) == 0 && status->line[i][n] == ':')
			return status->line[i] + n + 1;
	return "";
}

static int differs(struct error *err, const char *what, const char *want, const char *got)
{
	return error_set(err, EPROTO, "the container process does not have what was asked for: "
			 "%s is %.100s, not %.100s", what, got, want);
}

static int same_number(const struct status *status, const char *key, int base, uint64_t want,
		       struct error *err)
{
	uint64_t got = strtoull(field(status, key), NULL, base);
	char a[32], b[32];

	if (got == want)
		return 0;
	snprintf(a, sizeof(a), base == 16 ? "%" PRIx64 : base == 8 ? "%" PRIo64 : "%" PRIu64, want);
	snprintf(b, sizeof(b), base == 16 ? "%" PRIx64 : base == 8 ? "%" PRIo64 : "%" PRIu64, got);
	return differs(err, key, a, b);
}

/* ---- ids: the host sees them through the maps ------------------------------------------------ */

struct id_map {
	unsigned inside[340], outside[340], size[340];	/* user_namespaces(7): at most 340 lines */
	size_t n;
};

/* 340 lines of at most 33 bytes. */
static int read_map(const struct spawn *s, const char *file, struct id_map *m, struct error *err)
{
	char text[12288], *line = text;
	ssize_t n = fd_read_pseudo(s->proc_pid, file, text, sizeof(text));

	m->n = 0;
	if (n < 0)
		return error_errno(err, (int)n, "read %s of the container process", file);
	while (line && *line && m->n < 340) {
		uint32_t v[3];

		if (str_scan_u32(line, v, 3)) {
			m->inside[m->n] = v[0];
			m->outside[m->n] = v[1];
			m->size[m->n++] = v[2];
		}
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return 0;
}

/* What the host calls id @id; the overflow id 65534 when it has no name for it.  @m NULL: the same. */
static unsigned outside(const struct id_map *m, unsigned id)
{
	if (!m)
		return id;
	for (size_t i = 0; i < m->n; i++)
		if (id >= m->inside[i] && id - m->inside[i] < m->size[i])
			return m->outside[i] + (id - m->inside[i]);
	return 65534;
}

/* Four equal ids: real, effective, saved, file system. */
static int same_ids(const struct status *status, const char *key, unsigned want, struct error *err)
{
	uint32_t got[4] = {0};
	char text[64], wanted[64];

	if (str_scan_u32(field(status, key), got, 4) &&
	    got[0] == want && got[1] == want && got[2] == want && got[3] == want)
		return 0;
	snprintf(text, sizeof(text), "%u %u %u %u", got[0], got[1], got[2], got[3]);
	snprintf(wanted, sizeof(wanted), "%u four times", want);
	return differs(err, key, wanted, text);
}

/* The kernel sorts the groups and keeps duplicates. */
static int same_groups(const struct status *status, const struct oci_user *user, const struct id_map *map,
		       struct error *err)
{
	const char *at = field(status, "Groups");
	size_t n = 0;

	for (;;) {
		unsigned group;
		char *end;
		bool found = false;

		at += strspn(at, " \t");
		if (*at < '0' || *at > '9')
			break;
		group = (unsigned)strtoul(at, &end, 10);
		at = end;
		n++;
		for (size_t i = 0; i < user->n_additional_gids && !found; i++)
			found = outside(map, user->additional_gids[i]) == group;
		if (!found)
			return error_set(err, EPROTO, "the container process has the group %u, which "
					 "was not asked for", group);
	}
	if (n != user->n_additional_gids)
		return error_set(err, EPROTO, "the container process has %zu additional groups, "
				 "not %zu", n, user->n_additional_gids);
	return 0;
}

/* Kept: run.oci.keep_original_groups. */
static int same_groups_as_ours(const struct status *status, struct error *err)
{
	int n = getgroups(0, NULL);
	_cleanup_free_ gid_t *groups = n < 0 ? NULL : xcalloc((size_t)n + 1, sizeof(*groups));
	struct oci_user ours = {.additional_gids = groups};

	n = n < 0 ? n : getgroups(n, groups);
	if (n < 0)
		return error_errno(err, errno, "read our own groups");
	ours.n_additional_gids = (size_t)n;
	return same_groups(status, &ours, NULL, err);
}

/* Then the caller's groups cannot be dropped: user_namespaces(7). */
static bool is_setgroups_denied(const struct spawn *s)
{
	char text[8];

	if (!s->plan->ns.deny_setgroups && !s->plan->rootless)
		return false;
	return fd_read_pseudo(s->proc_pid, "setgroups", text, sizeof(text)) > 0 && str_eq(text, "deny");
}

static int check_mapped_ids(const struct spawn *s, const struct status *status, const struct id_map *uids,
			    const struct id_map *gids, struct error *err)
{
	const struct oci_user *user = &s->plan->process.oci->user;
	int r = same_ids(status, "Uid", outside(uids, user->uid), err);

	if (r == 0)
		r = same_ids(status, "Gid", outside(gids, user->gid), err);
	if (r < 0)
		return r;
	if (s->plan->process.keep_groups)
		return same_groups_as_ours(status, err);
	if (is_setgroups_denied(s))
		return 0;
	return same_groups(status, user, gids, err);
}

/* Kept out of line: without maps nobody pays for the pages of their stack. */
static __attribute__((noinline)) int check_ids_by_maps(const struct spawn *s, const struct status *status,
							struct error *err)
{
	struct id_map uids, gids;
	int r = read_map(s, "uid_map", &uids, err);

	if (r == 0)
		r = read_map(s, "gid_map", &gids, err);
	return r < 0 ? r : check_mapped_ids(s, status, &uids, &gids, err);
}

int readback_outside_uid(const struct spawn *s, uint32_t uid, uid_t *ret, struct error *err)
{
	struct id_map uids;
	int r = read_map(s, "uid_map", &uids, err);

	if (r == 0)
		*ret = outside(&uids, uid);
	return r;
}

/* user_namespaces(7): read within one and the same user namespace, the maps tell of the one above. */
static int check_ids(const struct spawn *s, const struct status *status, bool our_userns, struct error *err)
{
	if (our_userns)
		return check_mapped_ids(s, status, NULL, NULL, err);
	return check_ids_by_maps(s, status, err);
}

/* ---- capabilities: never more than asked for, and less only where the runtime has less -------- */

static int check_caps(const struct spawn *s, const struct status *status, struct error *err)
{
	const struct oci_capabilities *want = &s->plan->security.caps;
	/* The first process of a user namespace has all of them there. */
	bool all = s->plan->ns.userns || (s->handles.init_namespaces & CLONE_NEWUSER);
	uint64_t bounding = want->bounding & (all ? ~UINT64_C(0) : s->own.bounding);
	uint64_t possible = all ? ~UINT64_C(0) : s->own.permitted;
	uint64_t permitted = want->permitted & possible;
	uint64_t inheritable = want->inheritable & bounding;
	/* For Landlock alone it has been used by now. */
	bool early = !s->plan->security.seccomp || init_filters_early(s->plan, &s->handles, s->conv.flags);
	uint64_t besides = early ? 0 : s->plan->security.until_exec & possible;
	/* With an agent the filter is installed by now. */
	uint64_t used = s->plan->security.seccomp_agent ? besides : 0;
	int r = same_number(status, "CapBnd", 16, bounding, err);

	if (r == 0)
		r = same_number(status, "CapPrm", 16, permitted | besides, err);
	if (r == 0)
		r = same_number(status, "CapEff", 16, (want->effective & permitted) | used, err);
	if (r == 0)
		r = same_number(status, "CapInh", 16, inheritable, err);
	if (r == 0)
		r = same_number(status, "CapAmb", 16, want->ambient & permitted & inheritable, err);
	return r;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int check_seccomp(const struct spawn *s, const struct status *status, struct error *err)
{
	int r;

	/* One that comes later proves itself to the process: seccomp_install(). */
	if (!s->plan->security.seccomp_agent && !init_filters_early(s->plan, &s->handles, s->conv.flags))
		return 0;
	r = same_number(status, "Seccomp", 10, 2, err);	/* SECCOMP_MODE_FILTER */
	if (r < 0)
		return r;
	/* One more than we have ourselves; the line is there since Linux 5.9. */
	if (*field(status, "Seccomp_filters") == '\0')
		return 0;
	return same_number(status, "Seccomp_filters", 10, s->own.filters + 1, err);
}

const struct namespace_file namespace_files[N_NAMESPACES] = {
	{CLONE_NEWCGROUP, 1, "ns/cgroup"}, {CLONE_NEWIPC, 2, "ns/ipc"}, {CLONE_NEWNS, 3, "ns/mnt"},
	{CLONE_NEWNET, 4, "ns/net"}, {CLONE_NEWPID, 5, "ns/pid"}, {CLONE_NEWTIME, 7, "ns/time"},
	{CLONE_NEWUSER, 9, "ns/user"}, {CLONE_NEWUTS, 10, "ns/uts"},
};

/* The ioctl (Linux 6.11) takes half the time of a look-up in /proc, which makes inodes. */
static int look_up(int pidfd, int proc, const char *process, size_t i, uint64_t *ret)
{
	_cleanup_close_ int ns = ioctl(pidfd, PIDFD_NAMESPACE_IOCTL(namespace_files[i].pidfd_ioctl), 0);
	struct stat st;
	char path[32];

	if (ns < 0 || fstat(ns, &st) < 0) {
		snprintf(path, sizeof(path), "%s%s", process, namespace_files[i].file);
		if (fstatat(proc, path, &st, 0) < 0)
			return -errno;
	}
	*ret = st.st_ino;
	return 0;
}

int readback_open_namespace(int pidfd, int proc, const char *process, size_t i)
{
	int ns = ioctl(pidfd, PIDFD_NAMESPACE_IOCTL(namespace_files[i].pidfd_ioctl), 0);
	char path[48];

	if (ns >= 0)
		return ns;
	snprintf(path, sizeof(path), "%s%s", process, namespace_files[i].file);
	return fd_openat(proc, path, O_RDONLY, 0);
}

int readback_own_namespace(int *pidfd, int proc, size_t i, uint64_t *ret)
{
	if (*pidfd < 0)
		*pidfd = sys_pidfd_open(getpid(), 0);
	return look_up(*pidfd, proc, "self/", i, ret);
}

/* proc(5): PTRACE_MODE_READ, which an unprivileged runtime has not over a process that is not dumpable. */
static bool may_not_look(const struct spawn *s, int r)
{
	return r == -EACCES && s->plan->rootless && !probe_effective_cap(CAP_SYS_PTRACE);
}

/* What it still holds: the standard streams, what is handed on, and its ways to us (rule R7). */
static int check_descriptors(const struct spawn *s, struct error *err)
{
	_cleanup_close_ int fd = fd_openat(s->proc_pid, "fd", O_RDONLY | O_DIRECTORY, 0);
	unsigned first_other = 3 + s->plan->process.keep_fds, others = 0;
	char entries[2048] __attribute__((aligned(8)));
	ssize_t n;

	if (may_not_look(s, fd))
		return 0;
	if (fd < 0)
		return error_errno(err, fd, "open the list of descriptors of the container process");
	while ((n = sys_getdents64(fd, entries, sizeof(entries))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct kernel_dirent *e = (const void *)(entries + at);

			others += e->d_name[0] >= '0' && e->d_name[0] <= '9' &&
				  strtoul(e->d_name, NULL, 10) >= first_other;
			at += e->d_reclen;
		}
	if (n < 0)
		return error_errno(err, (int)n, "list the descriptors of the container process");
	if (others <= s->ways || MUTATE(T30))
		return 0;
	return error_set(err, EPROTO, "the container process holds %u descriptors of the host",
			 others - s->ways);
}

/* New namespaces must not be ours. */
static int check_namespaces(const struct spawn *s, uint64_t ret_ns[N_NAMESPACES], bool *ret_our_userns,
			    struct error *err)
{
	uint64_t fresh = s->handles.exec ? 0 : plan_ns_made(s->plan);
	_cleanup_close_ int self = -1;

	for (size_t i = 0; i < N_NAMESPACES; i++) {
		uint64_t ours;
		int r;

		ret_ns[i] = 0;
		r = look_up(s->pidfd, s->proc_pid, "", i, &ret_ns[i]);
		if (r == -ENOENT && !(fresh & namespace_files[i].flag))
			continue;	/* a kernel without this type */
		if (may_not_look(s, r)) {	/* what clone3 said must do; 0 = unknown */
			if (namespace_files[i].flag == CLONE_NEWUSER)
				*ret_our_userns = false;
			continue;
		}
		if (r < 0)
			return error_errno(err, r, "look at %s of the container process",
					   namespace_files[i].file);
		if (!(fresh & namespace_files[i].flag) && namespace_files[i].flag != CLONE_NEWUSER)
			continue;
		r = readback_own_namespace(&self, s->proc, i, &ours);
		if (r < 0)
			return error_errno(err, r, "look at our own %s", namespace_files[i].file);
		if (namespace_files[i].flag == CLONE_NEWUSER)
			*ret_our_userns = ours == ret_ns[i];
		if (ours == ret_ns[i] && (fresh & namespace_files[i].flag))
			return error_set(err, EPROTO, "the container process is still in the "
					 "runtime's namespace (%s)", namespace_files[i].file);
	}
	return 0;
}

static int check_process(const struct spawn *s, bool our_userns, struct error *err)
{
	const struct plan *p = s->plan;
	static struct status status;	/* on the stack all its pages would be touched, and copied again */
	int r = read_status(s->proc_pid, "status", &status);

	if (r < 0)
		return error_errno(err, r, "read the status of the container process");
	r = check_ids(s, &status, our_userns, err);
	if (r == 0)
		r = check_caps(s, &status, err);
	if (r == 0 && p->security.no_new_privs && !MUTATE(T88))
		r = same_number(&status, "NoNewPrivs", 10, 1, err);
	if (r == 0)
		r = check_seccomp(s, &status, err);
	if (r == 0)
		r = same_number(&status, "Umask", 8, p->process.umask, err);
	/* What of the caller's would survive execve. */
	if (r == 0)
		r = same_number(&status, "SigIgn", 16, 0, err);
	if (r == 0)
		r = same_number(&status, "SigBlk", 16, 0, err);
	return r;
}

/* The label that the next execve gets. */
static int check_label(const struct spawn *s, struct error *err)
{
	const struct plan_security *sec = &s->plan->security;
	const char *apparmor = sec->apparmor;
	char label[4096];
	ssize_t n;

	if (apparmor && str_eq(apparmor, APPARMOR_UNCONFINED) && !apparmor_is_enabled())
		apparmor = NULL;
	if ((!apparmor && !sec->selinux) || (MUTATE(T84) && !apparmor_is_enabled()))
		return 0;
	n = fd_read_pseudo(s->proc_pid, sec->selinux ? "attr/exec" : "attr/apparmor/exec", label,
			   sizeof(label));
	if (n < 0 && !sec->selinux)
		n = fd_read_pseudo(s->proc_pid, "attr/exec", label, sizeof(label));
	if (n < 0)
		return error_errno(err, (int)n, "read the LSM attribute of the container process");
	if (sec->selinux && !selinux_same(sec->selinux, label))
		return differs(err, "the SELinux label", sec->selinux, label);
	if (apparmor && !apparmor_same(apparmor, label))
		return differs(err, "the AppArmor profile", apparmor, label);
	return 0;
}

int readback_own(int proc, struct own_status *ret, struct error *err)
{
	static struct status status;	/* on the stack all its pages would be touched, and copied again */
	int r = read_status(proc, "self/status", &status);

	if (r < 0)
		return error_errno(err, r, "read /proc/self/status");
	ret->ignored_signals = strtoull(field(&status, "SigIgn"), NULL, 16);
	ret->permitted = strtoull(field(&status, "CapPrm"), NULL, 16);
	ret->bounding = strtoull(field(&status, "CapBnd"), NULL, 16);
	ret->filters = strtoull(field(&status, "Seccomp_filters"), NULL, 10);
	return 0;
}

int readback_namespaces(struct spawn *s, uint64_t ret_ns[N_NAMESPACES], struct error *err)
{
	s->our_userns = true;		/* also where the kernel has no other */
	return check_namespaces(s, ret_ns, &s->our_userns, err);
}

int readback_check(const struct spawn *s, struct error *err)
{
	TRACE("read back", NULL);
	int r = 0;

	if (s->plan->has_process && !MUTATE(T88))
		r = check_process(s, s->our_userns, err);
	if (r == 0)
		r = check_descriptors(s, err);
	/* Not the caller's, with the caller's terminal; told in the pid namespace of who asks. */
	if (r == 0 && getsid(s->pid) != s->pid && !MUTATE(T95))
		r = error_set(err, EPROTO, "the container process does not have what was asked for: "
			      "a session of its own");
	if (r == 0 && s->plan->has_process)
		r = check_label(s, err);
	/* prctl(2) asks as proc(5) does; the process has looked at itself. */
	if (r == 0 && s->plan->security.core_sched && s->plan->has_process && !may_not_look(s, -EACCES))
		r = core_sched_readback(s->plan->security.core_sched, s->pid, s->handles.exec, err);
	return r;
}
