/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several verbs decide from options and environment.  Runs on the host, before all else. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/creation.h"
#include "launch/options.h"
#include "process/process.h"
#include "security/core_sched.h"
#include "security/landlock.h"
#include "security/lsm.h"
#include "security/seccomp.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

#define SYSTEMD_RUNS "/run/systemd/system"	/* sd_booted(3) */

int options_rootless(const struct global_options *g, const struct facts *f)
{
	if (g->rootless && str_eq(g->rootless, "true"))
		return true;
	if (g->rootless && str_eq(g->rootless, "false"))
		return false;
	return f->euid != 0 || !f->in_initial_userns || !f->cap_sys_admin;
}

/* The system's belongs to root; in a user namespace of somebody else that one is not root. */
static int find_systemd(bool *ret_user, struct error *err)
{
	struct stat st;

	if (stat(SYSTEMD_RUNS, &st) < 0 || !S_ISDIR(st.st_mode)) {
		error_set(err, ENOTSUP, "systemd not running on this host, cannot use the systemd cgroup manager "
			  "(there is no directory " SYSTEMD_RUNS ")");
		return error_hint(err, "use --cgroup-manager=cgroupfs, and configure the engine for it");
	}
	*ret_user = geteuid() != 0 || st.st_uid != 0;
	return 0;
}

enum cgroup_manager options_named_manager(const struct global_options *g)
{
	const char *name = g->cgroup_manager ? g->cgroup_manager : g->systemd_cgroup ? "systemd" : "cgroupfs";

	return str_eq(name, "systemd") ? CGROUP_MANAGER_SYSTEMD :
	       str_eq(name, "disabled") ? CGROUP_MANAGER_DISABLED :
	       str_eq(name, "delegated") ? CGROUP_MANAGER_DELEGATED : CGROUP_MANAGER_CGROUPFS;
}

int options_cgroup_manager(const struct global_options *g, enum cgroup_manager *ret, bool *ret_user,
			   struct error *err)
{
	*ret_user = false;
	*ret = options_named_manager(g);
	if (g->systemd_cgroup && *ret != CGROUP_MANAGER_SYSTEMD)
		return error_usage(err, "--systemd-cgroup and --cgroup-manager=%s contradict each other",
				   g->cgroup_manager);
	return *ret == CGROUP_MANAGER_SYSTEMD ? find_systemd(ret_user, err) : 0;
}

#define DESCRIPTORS 32	/* what we need at most, without mounts and namespaces to join */

/* By the caller: the log file is the only one that we have opened by now. */
static bool is_open(int fd)
{
	return (fd != log_fd() || MUTATE(T33)) && fcntl(fd, F_GETFD) >= 0;
}

/* The number in LISTEN_FDS when LISTEN_PID is us; 0 when it was not meant for us, or cannot be. */
static unsigned listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint32_t p, n;

	if (!pid || !count || str_to_u32(pid, &p) < 0 || (p != (uint32_t)getpid() && !MUTATE(T32)))
		return 0;
	if (str_to_u32(count, &n) < 0 || n > 1024) {
		log_warning("LISTEN_FDS=%.32s is not handed on: not a number of descriptors up to 1024", count);
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!is_open(3 + (int)i)) {
			log_warning("LISTEN_FDS=%u is not handed on: descriptor %u is not open", n, 3 + i);
			return 0;
		}
	return n;
}

/*
 * Of @first to @last, which is open, some may be missing, as with Podman's --preserve-fd=9,40.  None of ours may get
 * such a number: it would pass for one that is handed on.  So the last takes all of them, until execve.
 */
static int fill_gaps(int first, int last, unsigned preserve, struct error *err)
{
	int r = log_fd() >= first && log_fd() < last && !MUTATE(T33) ? log_move(last + 1) : 0;

	for (int fd = first; fd < last && r >= 0; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && (flags & FD_CLOEXEC) && !MUTATE(T33))	/* not inherited: execve closes those */
			return error_set(err, EBUSY, "--preserve-fds %u: descriptor %d is our own", preserve, fd);
		if (flags < 0) {
			r = fcntl(last, F_DUPFD_CLOEXEC, fd);
			r = r < 0 ? -errno : r;
		}
	}
	return r < 0 ? error_errno(err, r, "keep the numbers of descriptors up to %d free", last) : 0;
}

int options_descriptors(unsigned preserve, unsigned *ret_listen_fds, struct error *err)
{
	unsigned listening = listen_fds();
	struct rlimit limit;

	if (preserve > 65536)
		return error_usage(err, "--preserve-fds %u is too large", preserve);
	/* Podman's --preserve-fd=9,40 counts up to 40, and leaves out what is not named. */
	if (preserve && !is_open(2 + (int)(listening + preserve)))
		return error_set(err, EBADF, "--preserve-fds %u: descriptor %u is not open",
				 preserve, 2 + listening + preserve);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < 3 + listening + preserve + DESCRIPTORS)
		return error_set(err, EMFILE, "only %llu open files are allowed, which is not enough to "
				 "clean up after a failure (raise RLIMIT_NOFILE, ulimit -n, to %u)",
				 (unsigned long long)limit.rlim_cur,
				 3 + listening + preserve + DESCRIPTORS);
	*ret_listen_fds = listening;
	return preserve ? fill_gaps(3 + (int)listening, 2 + (int)(listening + preserve), preserve, err) : 0;
}

int options_close_others(unsigned handed_on, const int *own, size_t n_own, struct error *err)
{
	int keep[10], r;

	if (n_own >= ARRAY_SIZE(keep))
		return error_set(err, EINVAL, "too many descriptors to keep");
	memcpy(keep, own, n_own * sizeof(*own));
	keep[n_own] = log_fd();
	r = MUTATE(T30) ? 0 : fd_close_others(3 + (int)handed_on, keep, n_own + 1);
	return r < 0 ? error_errno(err, r, "close_range") : 0;
}

int options_check_security(const struct plan_security *s, struct error *err)
{
	int r = selinux_check(s->selinux, "/process/selinuxLabel", err);

	if (r == 0)
		r = selinux_check(s->mount_label, "/linux/mountLabel", err);
	if (r == 0)
		r = apparmor_check(s->apparmor, err);
	if (r < 0)
		return error_at(err, "/process/apparmorProfile");
	if (s->seccomp)
		r = seccomp_check(s->seccomp, err);
	if (r < 0)
		return error_at(err, "/linux/seccomp");
	if (s->landlock)
		r = landlock_check(s->landlock, err);
	return r < 0 ? r : core_sched_check(s->core_sched, err);
}

int options_connect_pidfd(const char *path, int *ret, struct error *err)
{
	int fd;

	if (!path)
		return 0;
	fd = fd_connect_unix(AT_FDCWD, path, SOCK_STREAM);
	if (fd < 0)
		return error_errno(err, fd, "connect to the pidfd socket %s", path);
	*ret = fd;
	return 0;
}

int options_find_console(const char *path, int *ret, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = 0;

	if (!path)
		return 0;
	fd = fd_openat(AT_FDCWD, path, O_PATH, 0);
	if (fd < 0)
		r = fd;
	else if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISSOCK(st.st_mode))
		r = -ECONNREFUSED;	/* as connect(2) says */
	if (r < 0)
		return error_errno(err, r, "connect to the console socket %s", path);
	*ret = steal_fd(&fd);
	return 0;
}

static int send_console(int handle, int master, const char *path, struct error *err)
{
	_cleanup_close_ int sock = fd_connect_handle(handle, SOCK_STREAM);

	if (sock < 0)
		return error_errno(err, sock, "connect to the console socket %s", path);
	return tty_send_console(sock, master, err);
}

int options_hand_over_console(struct spawn *s, int *socket, const char *path, struct error *err)
{
	int r = 0;

	if (s->master < 0)
		return 0;
	if (!s->plan->process.oci->console_size.set)
		r = tty_set_size(s->master, 0, 0, err);
	if (r == 0 && *socket < 0 && !isatty(STDOUT_FILENO))
		r = tty_plain_line_ends(s->master, err);
	if (r == 0 && *socket >= 0) {
		r = send_console(*socket, s->master, path, err);
		close(s->master);
		close(*socket);
		s->master = *socket = -1;
	}
	return r;
}
