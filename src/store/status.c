/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who a process is (rule R14) and what a container does, asked from the kernel and never from what
 * we wrote down.  Runs on the host.
 */
#include "store/status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "store/state.h"
#include "store/store.h"
#include "sys/compat.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

enum stat_field {
	STAT_STATE = 3,
	STAT_START_TIME = 22,
	STAT_EXIT_CODE = 52,
};

/* /proc/PID/stat; fields are counted behind the last ')' because comm may hold anything: proc(5). */
static int read_stat(int dir, const char *path, enum stat_field which, char *ret, size_t size)
{
	char buf[2048], *p, *field;
	ssize_t n = fd_read_pseudo(dir, path, buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	p = strrchr(buf, ')');
	if (!p || p[1] != ' ')
		return -EBADMSG;
	p += 2;
	for (int i = STAT_STATE; i < (int)which; i++)
		strsep(&p, " ");
	field = strsep(&p, " ");
	if (!field || strlen(field) >= size)
		return -EBADMSG;
	strcpy(ret, field);
	return 0;
}

/* Only where there is no pidfs. */
static int read_start_time(pid_t pid, uint64_t *ret)
{
	char path[32], text[24];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = read_stat(AT_FDCWD, path, STAT_START_TIME, text, sizeof(text));
	return r < 0 ? r : str_to_u64(text, ret);
}

/* pidfs (6.9) gives every process an inode number that never comes again; before that all pidfds
 * share one inode, which says nothing: 0. */
static int pidfd_inode(int pidfd, uint64_t *ret, struct error *err)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(pidfd, &fs) < 0 || fstat(pidfd, &st) < 0)
		return error_errno(err, errno, "look at the descriptor of a process");
	*ret = (unsigned long)fs.f_type == PID_FS_MAGIC ? st.st_ino : 0;
	return 0;
}

/* *ret: 36 characters, of static memory. */
static int read_boot_id(const char **ret)
{
	static char id[37];

	if (!id[0]) {
		ssize_t n = fd_read_pseudo(AT_FDCWD, "/proc/sys/kernel/random/boot_id", id, sizeof(id));

		if (n != 36)
			id[0] = '\0';
		if (n < 0)
			return (int)n;
		if (n != 36)
			return -EBADMSG;
	}
	*ret = id;
	return 0;
}

/* Has the whole process ended?  Then its pidfd is readable, reaped or not: pidfd_open(2).  1, 0 or an error. */
static int has_ended(int pidfd, pid_t pid, struct error *err)
{
	int r = fd_wait(pidfd, POLLIN, 0);

	return r < 0 ? error_errno(err, r, "ask whether process %d has ended", (int)pid) : r;
}

/* It is not there: EINVAL, ENOENT: the number is a mere thread's now.  Asked twice, as much depends on it. */
static int open_pidfd(pid_t pid)
{
	int fd = -1;

	for (int i = 0; fd < 0 && i < 2; i++) {
		fd = sys_pidfd_open(pid, 0);
		if (fd < 0 && fd != -ESRCH && fd != -EINVAL && fd != -ENOENT)
			return fd;
	}
	return fd < 0 ? -ESRCH : fd;
}

int state_identify(pid_t pid, int pidfd, struct state_process *ret, struct error *err)
{
	struct state_process p = {.pid = pid};
	const char *boot_id;
	int r = pidfd_inode(pidfd, &p.pidfd_inode, err);

	if (r < 0)
		return r;
	r = p.pidfd_inode ? 0 : read_start_time(pid, &p.start_time);
	if (r < 0)
		return error_errno(err, r, "read /proc/%d/stat", (int)pid);
	r = read_boot_id(&boot_id);
	if (r < 0)
		return error_errno(err, r, "read /proc/sys/kernel/random/boot_id");
	memcpy(p.boot_id, boot_id, sizeof(p.boot_id));
	/* Only now is it sure that what we read was about this process and no later one. */
	r = has_ended(pidfd, pid, err);
	if (r != 0)
		return r < 0 ? r : error_set(err, ESRCH, "process %d has ended", (int)pid);
	*ret = p;
	return 0;
}

/*
 * A pidfd of the very process that @want describes, -ESRCH when that has ended, or an error.
 */
static int open_process(const struct state_process *want, struct error *err)
{
	_cleanup_close_ int pidfd = -1;
	const char *boot_id;
	uint64_t start, inode;
	int r, ended;

	if (want->pid <= 0)
		return -ESRCH;
	r = read_boot_id(&boot_id);
	if (r < 0)
		return error_errno(err, r, "read /proc/sys/kernel/random/boot_id");
	if (!str_eq(boot_id, want->boot_id))
		return -ESRCH;
	pidfd = open_pidfd(want->pid);
	if (pidfd == -ESRCH)
		return -ESRCH;
	if (pidfd < 0)
		return error_errno(err, pidfd, "open process %d", (int)want->pid);
	r = pidfd_inode(pidfd, &inode, err);
	if (r < 0)
		return r;
	if (inode && want->pidfd_inode) {
		r = inode != want->pidfd_inode && !MUTATE(T45) ? 1 : has_ended(pidfd, want->pid, err);
		return r > 0 ? -ESRCH : r < 0 ? r : steal_fd(&pidfd);
	}
	r = read_start_time(want->pid, &start);
	ended = has_ended(pidfd, want->pid, err);
	if (ended != 0)
		return ended < 0 ? ended : -ESRCH;
	if (r < 0) {
		r = error_errno(err, r, "process %d lives, but reading /proc/%d/stat failed",
				(int)want->pid, (int)want->pid);
		return error_hint(err, "is /proc mounted with hidepid, or of another pid namespace?"), r;
	}
	if (start != want->start_time)
		return -ESRCH;
	return steal_fd(&pidfd);
}

/* Signal 0: until it is collected its number belongs to it, and so does what was opened by that number. */
static int open_proc(pid_t pid, int pidfd, int *ret_proc)
{
	_cleanup_close_ int proc = -1;
	char path[24];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = fd_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (proc < 0)
		return proc;
	if (sys_pidfd_send_signal(pidfd, 0, NULL, 0) == -ESRCH)
		return -ESRCH;
	*ret_proc = steal_fd(&proc);
	return 0;
}

int state_open_proc(const struct state_process *p, int pidfd)
{
	int proc, r = open_proc(p->pid, pidfd, &proc);

	return r < 0 ? r : proc;
}

/* By the identity that was written down; -ESRCH: another one, or none. */
int state_open_ended(const struct state_process *want, int *ret_pidfd, int *ret_proc)
{
	_cleanup_close_ int pidfd = want->pid > 0 ? sys_pidfd_open(want->pid, 0) : -ESRCH, proc = -1;
	struct error ignored = {0};
	const char *boot_id;
	char start[24];
	uint64_t n;
	int r;

	if (pidfd < 0 || read_boot_id(&boot_id) < 0 || !str_eq(boot_id, want->boot_id))
		return -ESRCH;
	r = open_proc(want->pid, pidfd, &proc);
	if (r == 0)
		r = pidfd_inode(pidfd, &n, &ignored);
	if (r == 0 && n)
		r = n == want->pidfd_inode ? 0 : -ESRCH;
	else if (r == 0) {
		r = read_stat(proc, "stat", STAT_START_TIME, start, sizeof(start));
		if (r == 0 && (str_to_u64(start, &n) < 0 || n != want->start_time))
			r = -ESRCH;
	}
	if (r < 0)
		return r;
	*ret_pidfd = steal_fd(&pidfd);
	*ret_proc = steal_fd(&proc);
	return 0;
}

/*
 * What nobody has collected yet /proc tells, of others only to whom they may be traced by: else the field is 0.
 * proc_pid_exe(5) asks the same, and of the dead says ENOENT where it would tell.
 */
static int read_exit_code(int proc, int *ret)
{
	char code[24], state[4], link[2];
	uint32_t n;
	int r;

	if (readlinkat(proc, "exe", link, sizeof(link)) < 0 && errno != ENOENT)
		return -errno;
	r = read_stat(proc, "stat", STAT_STATE, state, sizeof(state));
	if (r == 0 && state[0] != 'Z' && state[0] != 'X')
		return -EAGAIN;
	if (r == 0)
		r = read_stat(proc, "stat", STAT_EXIT_CODE, code, sizeof(code));
	if (r == 0)
		r = str_to_u32(code, &n);
	if (r == 0)
		*ret = (int)n;
	return r;
}

int state_exit(int pidfd, int proc, int *ret)
{
	int r = sys_pidfd_exit(pidfd, ret);

	if (r == 0 || proc < 0)
		return r;
	r = read_exit_code(proc, ret);
	/* Collected meanwhile. */
	return r == -ESRCH || r == -ENOENT ? sys_pidfd_exit(pidfd, ret) : r;
}

int state_open_cgroup(const struct state *st, int *ret_fd, struct error *err)
{
	int r;

	*ret_fd = -1;
	if (!st->cgroup_path)
		return 0;
	r = cgroup_open(st->cgroup_root, st->cgroup_path, st->cgroup_id, ret_fd, err);
	if (r != -ENOENT && r != -ESTALE)
		return r;
	memset(err, 0, sizeof(*err));
	*ret_fd = -1;
	return 0;
}

/* 1, 0 or an error. */
static int is_paused(const struct state *st, struct error *err)
{
	_cleanup_close_ int cgroup = -1;
	int r = state_open_cgroup(st, &cgroup, err);

	if (r < 0 || cgroup < 0)
		return r;
	r = cgroup_frozen(cgroup);
	if (r == -ENODEV || r == -ENOENT)	/* removed meanwhile */
		return 0;
	if (r < 0)
		return error_errno(err, r, "ask whether cgroup %s is frozen", st->cgroup_path);
	return r;
}

/* Does init still wait for `start`? */
static int is_waiting(int dir, struct error *err)
{
	int fd = store_open_start(dir);

	/* Also when something else is in its place: nobody can open that gate any more, and a container
	 * in this state must still be shown and deleted. */
	if (fd == -ENOENT || fd == -ENXIO || fd == -EINVAL || fd == -ELOOP || fd == -EISDIR)
		return 0;
	if (fd < 0)
		return error_errno(err, fd, "look at the start fifo");
	close(fd);
	return 1;
}

int state_open_init(const struct state *st, int *ret_pidfd, struct error *err)
{
	int fd;

	memset(err, 0, sizeof(*err));
	fd = open_process(&st->init, err);
	if (fd < 0 && err->code)
		return fd;
	*ret_pidfd = fd < 0 ? -1 : fd;
	return 0;
}

int state_status(int dir, const struct state *st, enum container_status *ret, int *ret_pidfd,
		 struct error *err)
{
	_cleanup_close_ int pidfd = -1;
	enum container_status status = STATUS_STOPPED;
	int r;

	r = state_open_init(st, &pidfd, err);
	if (r < 0)
		return r;
	if (pidfd >= 0 && !st->creating) {
		r = is_paused(st, err);
		if (r < 0)
			return r;
		status = STATUS_PAUSED;
		if (r == 0) {
			r = is_waiting(dir, err);
			if (r < 0)
				return r;
			status = r ? STATUS_CREATED : STATUS_RUNNING;
		}
		/* It may have ended while we looked; a stopped container is neither. */
		r = has_ended(pidfd, st->init.pid, err);
		if (r < 0)
			return r;
		if (r > 0) {
			cleanup_closep(&pidfd);
			pidfd = -1;
			status = STATUS_STOPPED;
		}
	}
	*ret = status;
	if (ret_pidfd)
		*ret_pidfd = pidfd < 0 ? -1 : steal_fd(&pidfd);
	return 0;
}

/* Between the directory of a container, its lock and its state lie a few system calls. */
#define LOCK_MS 20
#define FIRST_STATE_MS 200

int state_load(struct arena *a, int dir, const char *id, bool locked, struct state *ret,
	       enum container_status *ret_status, int *ret_pidfd, struct error *err)
{
	bool busy = false, again = false;
	int r;

	for (unsigned waited = 0; ; waited++) {
		r = state_read(a, dir, id, ret, err);
		if (r == -ENOENT && !locked && waited < FIRST_STATE_MS &&
		    (waited < LOCK_MS || store_is_locked(dir))) {
			memset(err, 0, sizeof(*err));
			poll(NULL, 0, 1);
			continue;
		}
		if (r < 0)
			return r;
		/* Who creates it holds the lock.  When nobody does, that may have come to its end since the
		 * state was read: then the state says so now. */
		busy = ret->creating && !locked && store_is_locked(dir);
		if (!ret->creating || locked || busy || again)
			break;
		again = true;
	}
	r = state_status(dir, ret, ret_status, ret_pidfd, err);
	if (r < 0)
		return error_in(err, "container `%s`", id);
	if (busy)
		*ret_status = STATUS_CREATING;
	return 0;
}
