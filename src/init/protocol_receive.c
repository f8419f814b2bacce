/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receiving in the conversation of protocol.h.  Runs in the parent and in the container process;
 * nothing here allocates.
 */
#include "init/protocol_receive.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/trace.h"

struct received {
	struct message m;
	int fd;			/* or -1 */
	pid_t pid;		/* of the sender, 0 = unknown */
	bool bad;		/* truncated, short, long, or with more descriptors than one */
	bool end;
};

/* Take every descriptor that came, keep the first, so that no surplus one stays open. */
static void take_control(struct msghdr *msg, struct received *in)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = sys_cmsg_next(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(struct ucred))) {
			struct ucred cred;

			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			in->pid = cred.pid;
		}
		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (in->fd < 0) {
				in->fd = fd;
				continue;
			}
			if (!MUTATE(T101))
				close(fd);
			in->bad = true;
		}
	}
}

static int receive_once(int sock, struct received *in)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = &in->m, .iov_len = sizeof(in->m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	ssize_t n;

	memset(in, 0, sizeof(*in));
	in->fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take_control(&msg, in);
	in->end = n == 0;
	if (n != sizeof(in->m) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    in->m.magic != MESSAGE_MAGIC || in->m.type == 0 || in->m.type >= N_MSG_TYPES)
		in->bad = true;
	error_received(&in->m.error);
	return 0;
}

/*
 * The child's way: plain blocking read(2).  It may have a seccomp filter by now that refuses poll(2)
 * and recvmsg(2), but nobody can run a program without read.  It is sent no descriptors; one that came
 * would be dropped by the kernel.
 */
static int receive_plainly(int sock, struct received *in)
{
	ssize_t n;

	memset(in, 0, sizeof(*in));
	in->fd = -1;
	do
		n = read(sock, &in->m, sizeof(in->m));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return -errno;
	in->end = n <= 0;
	in->bad = n != sizeof(in->m) || in->m.magic != MESSAGE_MAGIC || in->m.type == 0 ||
		  in->m.type >= N_MSG_TYPES;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One message or the end of file.  @deadline < 0: none. */
static int receive(struct conversation *c, int64_t deadline, int watch_fd, struct received *in,
		   struct error *err)
{
	struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = watch_fd, .events = POLLIN}};

	if (!c->parent && deadline < 0 && watch_fd < 0) {
		int r = receive_plainly(c->fd, in);

		return r < 0 ? error_errno(err, r, "hear from the runtime") : 0;
	}
	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();
		int r = poll(p, 2, deadline < 0 ? -1 : left > 0 ? (int)left : 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_errno(err, errno, "wait for the container process");
		if (r == 0)
			return error_set(err, ETIMEDOUT, "the container process did not answer in time");
		/* The watched process may have died with words still in the queue: the queue first. */
		r = receive_once(c->fd, in);
		if (r == -EAGAIN && p[1].revents)
			return protocol_ended(c, err);
		/*
		 * The peer closed with unread messages of ours: the kernel says ECONNRESET once, and
		 * after that it hands out what the peer had written before (its ERROR).
		 */
		if (r == -EAGAIN || r == -ECONNRESET)
			continue;
		if (r < 0)
			return error_errno(err, r, "hear from the container process");
		return 0;
	}
}

static void log_message(const struct message *m)
{
	switch (m->level) {
	case LOG_LEVEL_ERROR:
		log_error(&m->error);
		break;
	case LOG_LEVEL_WARNING:
		log_warning("%s", m->error.text);
		break;
	case LOG_LEVEL_INFO:
		log_info("%s", m->error.text);
		break;
	default:
		log_debug("%s", m->error.text);
	}
}

/*
 * What may come at any time: 1 = it was that, read on; 0 = it is for the caller; else the failure.
 * A descriptor with one of these is refused like anywhere else.
 */
static int take_anytime(struct conversation *c, const struct received *in, struct error *err)
{
	const struct message *m = &in->m;

	if (in->end)
		return protocol_ended(c, err);
	if (in->bad)
		return protocol_failed(c, err, "malformed message", m->type);
	if (c->parent && m->type == MSG_LOG && in->fd < 0) {
		if (m->level > LOG_LEVEL_DEBUG || ++c->logs > MESSAGE_MAX_LOGS)
			return protocol_failed(c, err, "too many or wrong", MSG_LOG);
		log_message(m);
		return 1;
	}
	if (c->parent && m->type == MSG_ERROR && in->fd < 0) {
		if (m->error.code < 1 || m->error.code > 4095)
			return protocol_failed(c, err, "without a code", MSG_ERROR);
		c->state = CS_FAILED;
		c->stage = m->stage;
		*err = m->error;
		return -err->code;
	}
	if (!c->parent && m->type == MSG_FILTER && in->fd < 0 && (c->flags & CONV_FILTER) &&
	    !c->filter_done && c->state < CS_PROCEED) {
		c->filter_done = true;
		return 1;
	}
	return 0;
}

static int64_t deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

/* As long as it takes? */
static bool may_wait(const struct conversation *c, enum conversation_patience patience)
{
	return patience == UNTIL_THE_END || (patience == UNTIL_HOOKS_ARE_DONE && c->flags & CONV_HOOKS);
}

/* Take the message of @row and advance. */
static int expect_row(struct conversation *c, const struct conversation_row *row, int timeout_ms,
		      int watch_fd, struct received *in, struct error *err)
{
	int64_t deadline = deadline_of(timeout_ms);

	if (timeout_ms < 0 && !may_wait(c, row->patience))
		return protocol_failed(c, err, "awaited without a deadline", row->message);
	for (;;) {
		_cleanup_close_ int fd = -1;
		int r = receive(c, deadline, watch_fd, in, err);

		if (r < 0)
			return r;
		fd = in->fd;
		r = take_anytime(c, in, err);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (in->m.type != row->message)
			return protocol_failed(c, err, "unexpected message", in->m.type);
		if ((fd >= 0) != (row->carries == CARRIES_FD) ||
		    (row->carries == CARRIES_NUMBER ? in->m.number > INT_MAX : in->m.number != 0))
			return protocol_failed(c, err, "with or without a descriptor", in->m.type);
		in->fd = steal_fd(&fd);
		protocol_advance(c);
		return 0;
	}
}

/* Child: wait until FILTER has come, which may be long ago. */
static int expect_filter(struct conversation *c, int timeout_ms, int watch_fd, struct error *err)
{
	int64_t deadline = deadline_of(timeout_ms);

	if (c->parent || !(c->flags & CONV_FILTER) || c->state == CS_FAILED)
		return protocol_failed(c, err, "cannot be awaited here", MSG_FILTER);
	while (!c->filter_done) {
		_cleanup_close_ int fd = -1;
		struct received in;
		int r = receive(c, deadline, watch_fd, &in, err);

		if (r < 0)
			return r;
		fd = in.fd;
		r = take_anytime(c, &in, err);
		if (r < 0)
			return r;
		if (r == 0)
			return protocol_failed(c, err, "unexpected message", in.m.type);
	}
	return 0;
}

int conversation_expect(struct conversation *c, enum message_type type, int timeout_ms,
			int watch_fd, int *ret_fd, struct error *err)
{
	TRACE("wait for", message_names[type]);
	const struct conversation_row *row = protocol_row(c->state);
	struct received in;
	int r;

	if (type == MSG_FILTER)
		return expect_filter(c, timeout_ms, watch_fd, err);
	if (!row || row->message != type || row->from_child != c->parent ||
	    (row->carries != CARRIES_NOTHING && !ret_fd) || type == MSG_CHILD_PID)
		return protocol_failed(c, err, "cannot be awaited here", type);
	/* The child waits for FILTER before it is ready: both would wait for ever. */
	if (protocol_needs_filter(c, type))
		return protocol_failed(c, err, "awaited before FILTER was sent", type);
	r = expect_row(c, row, timeout_ms, watch_fd, &in, err);
	if (r < 0)
		return r;
	if (row->carries == CARRIES_FD)
		*ret_fd = in.fd;
	else if (row->carries == CARRIES_NUMBER)
		*ret_fd = (int)in.m.number;
	return 0;
}

int conversation_expect_pid(struct conversation *c, int timeout_ms, int watch_fd, pid_t *ret_pid,
			    struct error *err)
{
	struct received in;
	int r;

	if ((c->state != CS_LAUNCH && c->state != CS_CLONE) || !c->parent)
		return protocol_failed(c, err, "cannot be awaited here", MSG_CHILD_PID);
	r = expect_row(c, protocol_row(c->state), timeout_ms, watch_fd, &in, err);
	if (r < 0)
		return r;
	if (in.pid <= 0) {	/* 0: the sender is not visible from our pid namespace */
		c->state = CS_FAILED;
		return error_set(err, ESRCH, "the container process has no pid in our pid namespace");
	}
	*ret_pid = in.pid;
	return 0;
}

int conversation_expect_end(struct conversation *c, int timeout_ms, int watch_fd, struct error *err)
{
	TRACE("wait for the program", NULL);
	int64_t deadline = deadline_of(timeout_ms);

	if (c->state != CS_DONE || !c->parent)
		return protocol_failed(c, err, "end of file cannot be awaited here", 0);
	if (timeout_ms < 0 && !may_wait(c, END_PATIENCE))
		return protocol_failed(c, err, "end of file awaited without a deadline", 0);
	for (;;) {
		_cleanup_close_ int fd = -1;
		struct received in;
		int r = receive(c, deadline, watch_fd, &in, err);

		if (r < 0)
			return r;
		fd = in.fd;
		if (in.end)
			return 0;
		r = take_anytime(c, &in, err);
		if (r < 0)
			return r;
		if (r == 0)
			return protocol_failed(c, err, "unexpected message", in.m.type);
	}
}

int protocol_last_words(struct conversation *c, struct error *err)
{
	for (;;) {
		_cleanup_close_ int fd = -1;
		struct received in;
		int r = receive_once(c->fd, &in);

		if (r == -ECONNRESET)
			continue;
		if (r < 0)
			return protocol_ended(c, err);
		fd = in.fd;
		r = take_anytime(c, &in, err);
		if (r < 0)
			return r;
		/* What it had said in good order before it died is of no use any more. */
	}
}
