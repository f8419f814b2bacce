/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a notification from the container to the service manager.  The container is not trusted: only
 * words about the state of the service pass, pids become those of the host, and no descriptor goes along but
 * the one of a barrier.  Runs on the host.
 */
#include "launch/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "store/root.h"
#include "store/status.h"
#include "store/store.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

#define MESSAGE_MAX 4096
#define FDS_MAX 16
#define AT_ONCE 16		/* messages, so that a flood keeps us from nothing else */

/* ---- sockets -------------------------------------------------------------------------------- */

void notify_connect(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	struct timeval patience = {.tv_sec = 5};
	size_t len;

	if (!name || !*name)
		return;
	len = strlen(name);
	if ((name[0] != '/' && name[0] != '@') || len >= sizeof(sun.sun_path)) {
		log_warning("NOTIFY_SOCKET is neither a path nor an abstract name of a socket: not used");
		return;
	}
	memcpy(sun.sun_path, name, len);
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&sun,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'))) < 0) {
		log_warning("connect to NOTIFY_SOCKET %s: %s: not used", name, error_words(errno));
		return;
	}
	n->host = steal_fd(&fd);
}

int notify_make_directory(int dir, struct error *err)
{
	int r = root_mkdir(dir, STORE_NOTIFY, 0755);

	return r < 0 ? error_errno(err, r, "make the directory of the notification socket") : 0;
}

int notify_listen(struct notify *n, int dir, const struct state *st, struct error *err)
{
	_cleanup_close_ int place = fd_openat(dir, STORE_NOTIFY, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int one = 1;

	if (place < 0 || fd < 0)
		return error_errno(err, place < 0 ? place : errno, "make the notification socket");
	unlinkat(place, STORE_NOTIFY_SOCKET, 0);	/* of a start that was killed */
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/" STORE_NOTIFY_SOCKET, place);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    fchmodat(place, STORE_NOTIFY_SOCKET, 0666, 0) < 0)	/* for all users of the container */
		return error_errno(err, errno, "make the notification socket");
	n->socket = steal_fd(&fd);
	n->st = st;
	return 0;
}

void notify_close(struct notify *n)
{
	if (n->host >= 0)
		close(n->host);
	if (n->socket >= 0)
		close(n->socket);
	n->host = n->socket = -1;
}

/* ---- pids ----------------------------------------------------------------------------------- */

/* Number @level of the pids that @pid has, in our namespace and in those below; @level -1: how many. */
static long nested_pid(pid_t pid, int level)
{
	char path[32], text[16384], *p, *end;
	long n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (pid <= 0 || fd_read_pseudo(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	p = strstr(text, "\nNSpid:");
	if (!p)
		return 0;
	p += strlen("\nNSpid:");
	for (int i = 0; ; i++, p = end) {
		n = strtol(p, &end, 10);
		if (end == p || *p == '\n')
			return level < 0 ? i : 0;
		if (i == level)
			return n;
		if (*end == '\n')
			return level < 0 ? i + 1 : 0;
	}
}

/* The host's pid of what the container calls @inner: its first process, the sender, or one of its cgroup. */
static pid_t host_pid(const struct notify *n, pid_t sender, long inner)
{
	int level = (int)nested_pid(n->st->init.pid, -1) - 1;
	_cleanup_close_ int cgroup = -1;
	_cleanup_free_ pid_t *pids = NULL;
	struct error ignored = {0};
	size_t count = 0;

	if (level < 0)
		return 0;
	if (nested_pid(n->st->init.pid, level) == inner)
		return n->st->init.pid;
	if (nested_pid(sender, level) == inner)
		return sender;
	if (state_open_cgroup(n->st, &cgroup, &ignored) < 0 || cgroup < 0 ||
	    cgroup_procs(cgroup, &pids, &count, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (nested_pid(pids[i], level) == inner)
			return pids[i];
	return 0;
}

/* ---- one message ---------------------------------------------------------------------------- */

struct message {
	char text[MESSAGE_MAX + 1];
	size_t len;
	pid_t sender;
	int fds[FDS_MAX];
	size_t n_fds;
};

static void close_fds(struct message *m)
{
	while (m->n_fds > 0)
		close(m->fds[--m->n_fds]);
}

static void take_control(struct msghdr *h, struct message *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = sys_cmsg_next(h, c)) {
		size_t size = c->cmsg_len - CMSG_LEN(0);
		struct ucred who;

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS && size == sizeof(who)) {
			memcpy(&who, CMSG_DATA(c), sizeof(who));
			m->sender = who.pid;
		}
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && size <= sizeof(m->fds)) {
			memcpy(m->fds, CMSG_DATA(c), size);
			m->n_fds = size / sizeof(int);
		}
	}
}

/* False when there is none. */
static bool receive(int sock, struct message *m)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = m->text, .iov_len = MESSAGE_MAX};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			   .msg_controllen = sizeof(control.buf)};
	ssize_t n;

	do
		n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return false;
	m->sender = 0;
	m->n_fds = 0;
	take_control(&h, m);
	m->len = h.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? 0 : (size_t)n;
	m->text[m->len] = '\0';
	return true;
}

/* What a service may say of itself.  What would change how it is watched over, or hand descriptors to the
 * service manager, is not for the container: NOTIFYACCESS, FDSTORE and others. */
static bool may_pass(const char *line)
{
	static const char *const names[] = {
		"READY=", "RELOADING=", "STOPPING=", "MONOTONIC_USEC=", "STATUS=", "ERRNO=", "BUSERROR=",
		"EXIT_STATUS=", "WATCHDOG=", "EXTEND_TIMEOUT_USEC=",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(line, names[i]))
			return true;
	return false;
}

static void add_line(struct notify *n, const struct message *m, const char *line, struct strbuf *out,
		     bool *has_main)
{
	uint32_t inner;
	pid_t pid;

	if (may_pass(line)) {
		strbuf_addf(out, "%s\n", line);
		n->ready |= str_eq(line, "READY=1");
	} else if (str_starts(line, "MAINPID=")) {
		pid = str_to_u32(line + strlen("MAINPID="), &inner) == 0 ? host_pid(n, m->sender, inner) : 0;
		if (pid > 0)
			strbuf_addf(out, "MAINPID=%d\n", (int)pid);
		else
			log_warning("the container notifies %s, which is no process of it: left out", line);
		*has_main |= pid > 0;
	} else if (str_starts(line, "FDSTORE")) {
		log_warning("the container wants to give descriptors to the service manager (%s): refused", line);
	} else if (*line) {
		log_debug("the container notifies %s: left out", line);
	}
}

/* It is closed by the service manager, when all before it has been seen: sd_notify_barrier(3). */
static bool is_barrier(const struct message *m)
{
	struct stat st;

	return (str_eq(m->text, "BARRIER=1") || str_eq(m->text, "BARRIER=1\n")) && m->n_fds == 1 &&
	       fstat(m->fds[0], &st) == 0 && S_ISFIFO(st.st_mode);
}

static void pass_on(struct notify *n, struct message *m)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};
	char *rest = m->text, *line;
	bool has_main = false, was_ready = n->ready;
	int r = 0;

	if (is_barrier(m)) {
		r = fd_send(n->host, "BARRIER=1", 9, m->fds, 1);
	} else {
		while ((line = strsep(&rest, "\n")))
			add_line(n, m, line, &out, &has_main);
		if (n->ready && !was_ready && n->tell_main && !has_main)
			strbuf_addf(&out, "MAINPID=%d\n", (int)n->st->init.pid);
		if (out.len)
			r = fd_send(n->host, out.data, out.len, NULL, 0);
	}
	if (r < 0)
		log_warning("pass a notification of the container on: %s", error_words(r));
}

void notify_ready(struct notify *n, pid_t main_pid)
{
	char text[64];
	int len = snprintf(text, sizeof(text), main_pid ? "READY=1\nMAINPID=%d\n" : "READY=1\n", (int)main_pid);
	int r = fd_send(n->host, text, (size_t)len, NULL, 0);

	if (r < 0)
		log_warning("tell NOTIFY_SOCKET that the container runs: %s", error_words(r));
}

void notify_serve(struct notify *n)
{
	struct message m;

	for (unsigned i = 0; i < AT_ONCE && receive(n->socket, &m); i++) {
		pass_on(n, &m);
		close_fds(&m);
	}
}

int notify_wait(struct notify *n, int pidfd, struct error *err)
{
	struct pollfd p[2] = {{.fd = n->socket, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};

	while (!n->ready) {
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return error_errno(err, errno, "wait for a notification of the container");
		}
		notify_serve(n);
		if (p[1].revents)
			break;
	}
	/* sd_notify_barrier(3) often follows at once. */
	for (unsigned i = 0; i < 4 && n->ready && fd_wait(n->socket, POLLIN, 50) > 0; i++)
		notify_serve(n);
	return 0;
}
