/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parent, and helper from its clone on: live.h. */
#include "launch/live.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/stages.h"
#include "launch/spawn.h"
#include "ns/ns.h"
#include "sys/compat.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/caller.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

#define HELPER_TIMEOUT_MS 20000
#define HELPER_ALARM_S 30		/* it ends by itself when its parent was killed and one mount hangs */

/* From the helper; the parent takes nothing else. */
struct report {
	enum { REPORT_LOG, REPORT_ABOUT, REPORT_DONE, REPORT_ERROR, REPORT_END } what;
	unsigned n;			/* LOG: its level; ABOUT, DONE: which one of the list */
	bool replaced, gone;
	uint64_t id;
	struct error error;		/* LOG: the text */
	char point[LIVE_POINT_MAX];
};
_Static_assert(sizeof(struct report) <= 4096, "rule R22");

void live_job_init(struct live_job *j, struct live *l, const struct state *st, int init)
{
	*j = (struct live_job){.l = l, .st = st, .init = init, .ours = -1, .helper = -1};
	for (size_t i = 0; i < N_NAMESPACES; i++)
		j->namespaces[i] = -1;
}

void live_job_close(struct live_job *j)
{
	for (size_t i = 0; i < N_NAMESPACES; i++)
		if (j->namespaces[i] >= 0)
			close(j->namespaces[i]);
	if (j->ours >= 0)
		close(j->ours);
	if (j->helper >= 0)
		close(j->helper);
	live_job_init(j, j->l, j->st, j->init);
}

/* ---- parent: which namespaces -------------------------------------------------------------------- */

/* File systems show what belongs to a namespace of whoever makes them. */
static uint64_t needed(const struct live *l)
{
	uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS;

	for (size_t i = 0; l->p && i < l->n; i++) {
		const struct plan_mount *m = l->v[i].m;

		if (m->kind == MOUNT_SYSFS)
			flags |= CLONE_NEWNET;
		else if (m->kind == MOUNT_CGROUP2)
			flags |= CLONE_NEWCGROUP;
		else if (m->kind == MOUNT_FS && str_eq(m->fstype, "mqueue"))
			flags |= CLONE_NEWIPC;
		else if (m->kind == MOUNT_FS && str_eq(m->fstype, "proc"))
			flags |= CLONE_NEWPID;
	}
	return flags;
}

static int find_flag(uint64_t flag)
{
	for (int i = 0; i < N_NAMESPACES; i++)
		if (namespace_files[i].flag == flag)
			return i;
	return -1;
}

static int descriptor_of(const struct live_job *j, uint64_t flag)
{
	return j->namespaces[find_flag(flag)];
}

int live_job_userns(const struct live_job *j)
{
	return descriptor_of(j, CLONE_NEWUSER);
}

/* Init may have gone elsewhere since (unshare, setns): nobody follows it (T48). */
static int open_namespace(struct live_job *j, int proc, int *self, size_t i, struct error *err)
{
	const char *file = namespace_files[i].file;
	char process[24];
	struct stat st;
	uint64_t ours;
	int fd, r;

	if (j->namespaces[i] >= 0)
		return 0;
	snprintf(process, sizeof(process), "%d/", (int)j->st->init.pid);
	fd = j->namespaces[i] = readback_open_namespace(j->init, proc, process, i);
	r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : readback_own_namespace(self, proc, i, &ours);
	if (r < 0)
		return error_errno(err, r, "look at the namespace of the container's first process (%s)", file);
	if (j->st->ns_inode[i] && st.st_ino != j->st->ns_inode[i] && !MUTATE(T48))
		return error_set(err, ESTALE, "the first process of container `%s` has left its namespace (%s): "
				 "refusing to follow it", j->st->id, file);
	if (st.st_ino != ours)
		return 0;
	close(fd);
	j->namespaces[i] = -1;
	return 0;
}

static int check_found(const struct live_job *j, uint64_t flags, struct error *err)
{
	if (descriptor_of(j, CLONE_NEWNS) < 0)
		return error_set(err, EOPNOTSUPP, "container `%s` has no mount namespace of its own: a mount would be "
				 "one of the host", j->st->id);
	if ((flags & CLONE_NEWCGROUP) && descriptor_of(j, CLONE_NEWCGROUP) < 0)
		return error_set(err, EOPNOTSUPP, "container `%s` has no cgroup namespace of its own: cgroup2 would "
				 "show all of the host's (bind the directory that it may see)", j->st->id);
	return 0;
}

int live_job_open(struct live_job *j, struct error *err)
{
	_cleanup_close_ int proc = fd_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0), self = -1;
	uint64_t flags = needed(j->l);
	int r = proc < 0 ? error_errno(err, proc, "open /proc") : 0;

	for (size_t i = 0; r == 0 && i < N_NAMESPACES; i++)
		if (namespace_files[i].flag & flags)
			r = open_namespace(j, proc, &self, i, err);
	if (r < 0)
		return r;
	r = sys_pidfd_send_signal(j->init, 0, NULL, 0);	/* the number was its own all the time */
	if (r < 0)
		return error_errno(err, r, "the container's first process");
	return check_found(j, flags, err);
}

/* ---- helper -------------------------------------------------------------------------------------- */

static void send_log(void *ctx, enum log_level level, const char *text)
{
	struct report m = {.what = REPORT_LOG, .n = level};

	snprintf(m.error.text, sizeof(m.error.text), "%s", text);
	fd_send(*(int *)ctx, &m, sizeof(m), NULL, 0);
}

static void tell_error(int sync, const struct error *err)
{
	struct report m = {.what = REPORT_ERROR, .error = *err};

	fd_send(sync, &m, sizeof(m), NULL, 0);
}

static int tell(int sync, int what, const struct live *l, const struct live_mount *v, struct error *err)
{
	struct report m = {.what = what, .n = (unsigned)(v - l->v), .id = v->id,
			   .replaced = v->replaced, .gone = v->gone};
	int r;

	alarm(HELPER_ALARM_S);
	memcpy(m.point, v->point, sizeof(m.point));
	r = fd_send(sync, &m, sizeof(m), NULL, 0);
	return r < 0 ? error_errno(err, r, "tell what is done") : 0;
}

static int announce(const struct live *l, const struct live_mount *v, struct error *err)
{
	return tell(*(int *)l->ctx, REPORT_ABOUT, l, v, err);
}

static int enter(const struct live_job *j, uint64_t flag, struct error *err)
{
	int fd = descriptor_of(j, flag);

	if (fd < 0 || setns(fd, (int)flag) == 0)
		return 0;
	return error_errno(err, errno, "enter the namespace of the container (%s)",
			   namespace_files[find_flag(flag)].file);
}

/* Those that were made outside of the user namespace only we have power over; the others only from inside of it. */
static int enter_user(struct live_job *j, struct error *err)
{
	static const uint64_t others[] = {CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWCGROUP};
	struct error before[ARRAY_SIZE(others)] = {0};
	const struct oci_user nobody = {0};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		enter(j, others[i], &before[i]);
	r = enter(j, CLONE_NEWUSER, err);
	if (r == 0 && live_job_userns(j) >= 0)
		r = ns_become_root(&nobody, false, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(others); i++)
		if (before[i].code)
			r = enter(j, others[i], err);
	return r < 0 ? r : caller_go_dark(err);
}

/* A copy of the host's mounts that belongs to the user namespace, and of which the host sees nothing. */
static int copy_mounts(struct error *err)
{
	struct mount_attr attr = {.propagation = MS_PRIVATE};
	int r = unshare(CLONE_NEWNS) < 0 ? -errno : sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr);

	return r < 0 ? error_errno(err, r, "make a copy of the host's mounts") : 0;
}

static int keep_handles_only(const struct live_job *j, int sync, struct error *err)
{
	const struct live *l = j->l;
	size_t n = 0;
	int *keep = xcalloc(N_NAMESPACES + 1 + l->n, sizeof(*keep)), r;

	keep[n++] = sync;
	for (size_t i = 0; i < N_NAMESPACES; i++)
		keep[n++] = j->namespaces[i];
	for (size_t i = 0; i < l->n; i++)
		keep[n++] = l->v[i].source;
	r = fd_close_others(0, keep, n);
	free(keep);
	return r < 0 ? error_errno(err, r, "close the descriptors of the caller") : 0;
}

static int go_inside(struct live_job *j, int sync, struct error *err)
{
	int r = keep_handles_only(j, sync, err);

	if (r == 0)
		r = enter_user(j, err);
	if (r == 0 && j->l->p)
		r = copy_mounts(err);
	if (r < 0)
		return r;
	j->l->self = fd_openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY, 0);
	if (j->l->self < 0)
		return error_errno(err, j->l->self, "open /proc/self/fd");
	j->l->r.pid_ns = descriptor_of(j, CLONE_NEWPID);
	j->l->r.foreign_proc = init_foreign_proc;
	r = live_make(j->l, err);
	if (r == 0)
		r = enter(j, CLONE_NEWNS, err);
	return r < 0 ? r : live_enter(j->l, err);
}

static int add_all(struct live *l, int sync, struct error *err)
{
	int r = 0;

	for (struct live_mount *v = l->v; r == 0 && v < l->v + l->n; v++) {
		r = live_attach(l, v, err);
		if (r == 0)
			r = tell(sync, REPORT_DONE, l, v, err);
	}
	return r;
}

/* All are found before the first one goes. */
static int remove_all(struct live *l, int sync, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		r = live_find(l, &l->v[i], err);
		if (l->v[i].gone && r < 0)
			tell(sync, REPORT_ABOUT, l, &l->v[i], &(struct error){0});
	}
	for (size_t i = l->n; r == 0 && i-- > 0;) {
		r = live_detach(l, &l->v[i], err);
		if (r == 0)
			r = tell(sync, REPORT_DONE, l, &l->v[i], err);
	}
	return r;
}

static bool is_kept(int sync)
{
	char c = 0;
	int r = fd_wait(sync, POLLIN, HELPER_TIMEOUT_MS);

	return r > 0 && recv(sync, &c, 1, 0) == 1 && c == 'k';
}

/* Signals for its group are the parent's: half of the work would stay. */
static _Noreturn void help(struct live_job *j, int sync)
{
	struct report end = {.what = REPORT_END};
	struct error err = {0};
	sigset_t blocked;
	int r;

	j->l->announce = announce;
	j->l->ctx = &sync;
	caller_hide_arguments();
	sigfillset(&blocked);
	sigdelset(&blocked, SIGALRM);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	alarm(HELPER_ALARM_S);
	close(j->ours);
	log_redirect(send_log, &sync);
	r = caller_go_dark(&err);
	if (r == 0)
		r = go_inside(j, sync, &err);
	if (r == 0)
		r = j->l->p ? add_all(j->l, sync, &err) : remove_all(j->l, sync, &err);
	if (r < 0) {
		live_undo(j->l);
		tell_error(sync, &err);
		sys_exit(1);
	}
	if (fd_send(sync, &end, sizeof(end), NULL, 0) == 0 && is_kept(sync))
		sys_exit(0);
	live_undo(j->l);
	sys_exit(1);
}

/* ---- parent: the conversation -------------------------------------------------------------------- */

/* Before and after it is done. */
static int take_one(struct live_job *j, const struct report *m, struct error *err)
{
	struct live_mount *v = m->n < j->l->n ? &j->l->v[m->n] : NULL;
	bool any = (m->gone || j->l->forgiving) && !m->point[0];

	if (!v || (m->point[0] != '/' && !any) || !memchr(m->point, '\0', sizeof(m->point)))
		return error_set(err, EPROTO, "the helper says what makes no sense");
	v->id = m->id;
	v->replaced = m->replaced;
	v->gone = m->gone;
	memcpy(v->point, m->point, sizeof(v->point));
	j->done += m->what == REPORT_DONE;
	return 0;
}

static void log_report(struct report *m)
{
	m->error.text[sizeof(m->error.text) - 1] = '\0';
	if (m->n == LOG_LEVEL_WARNING)
		log_warning("%s", m->error.text);
	else if (m->n == LOG_LEVEL_INFO)
		log_info("%s", m->error.text);
	else
		log_debug("%s", m->error.text);
}

/* 1: that was the last one. */
static int hear_one(struct live_job *j, struct error *err)
{
	struct report m;
	size_t n;
	int r = fd_wait(j->ours, POLLIN, HELPER_TIMEOUT_MS);

	if (r == 0)
		return error_set(err, ETIMEDOUT, "the helper in the container did not answer in time: is a file system "
				 "there hung?");
	r = r < 0 ? r : (int)fd_recv(j->ours, &m, sizeof(m), NULL, 0, &n);
	if (r < 0)
		return error_errno(err, r, "hear from the helper in the container");
	if (r != sizeof(m))
		return error_set(err, EPIPE, "the helper in the container has ended early");
	switch (m.what) {
	case REPORT_LOG:
		log_report(&m);
		return 0;
	case REPORT_ABOUT:
	case REPORT_DONE:
		return take_one(j, &m, err);
	case REPORT_END:
		return 1;
	case REPORT_ERROR:
		*err = m.error;
		error_received(err);
		return err->code > 0 ? -err->code : error_set(err, EPROTO, "the helper failed without an error");
	}
	return error_set(err, EPROTO, "the helper says what makes no sense");
}

int live_job_run(struct live_job *j, struct error *err)
{
	_cleanup_close_ int theirs = -1;
	int ends[2], r = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(err, errno, "make a pair of sockets");
	j->ours = ends[0];
	theirs = ends[1];
	pid = ns_clone(0, -1, &j->helper);
	if (pid == 0)
		help(j, theirs);
	close(steal_fd(&theirs));
	if (pid < 0)
		return error_errno(err, (int)pid, "make the process that goes into the container");
	while (r == 0)
		r = hear_one(j, err);
	return r < 0 ? r : 0;
}

int live_job_end(struct live_job *j, bool keep)
{
	siginfo_t info = {0};

	if (j->helper < 0)
		return -ECANCELED;
	if (keep)
		fd_send(j->ours, "k", 1, NULL, 0);
	shutdown(j->ours, SHUT_RDWR);
	if (fd_wait(j->helper, POLLIN, HELPER_TIMEOUT_MS) <= 0)
		sys_pidfd_send_signal(j->helper, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)j->helper, &info, WEXITED) < 0 && errno == EINTR)
		;
	if (info.si_code != CLD_EXITED)
		return -EPIPE;
	return info.si_status == 0 ? 0 : -ECANCELED;
}
