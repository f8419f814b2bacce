/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer with a script, in a process of its own: it does what a test wants of it, and ends with 0 if we did
 * what it expects.
 */
#ifndef ORLOP_TESTS_DBUS_PEER_H
#define ORLOP_TESTS_DBUS_PEER_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dbus/connection.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/mem.h"

#define EXPECT(what) ((what) ? (void)0 : _exit(__LINE__ % 200 + 1))

struct peer {
	int fd, listener;	/* the connection; where another is accepted */
	unsigned char in[65536];
	size_t n;
	int got_fd;		/* that came with the last message, or -1 */
	uint32_t serial;
	const char *sender;	/* of what it sends; NULL: none, it is no bus */
	const struct dbus_message *call;	/* the last that was read */
	struct dbus_message call_;
	struct strbuf call_bytes;
};

static inline void peer_write(struct peer *p, const void *data, size_t n)
{
	for (const char *s = data; n > 0;) {
		ssize_t done = send(p->fd, s, n, MSG_NOSIGNAL);

		if (done < 0)
			_exit(0);	/* we had enough of it */
		s += done;
		n -= (size_t)done;
	}
}

static inline void peer_says(struct peer *p, const char *text)
{
	peer_write(p, text, strlen(text));
}

static inline void peer_read_more(struct peer *p)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {p->in + p->n, sizeof(p->in) - p->n};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			   .msg_controllen = sizeof(control.buf)};
	ssize_t n = recvmsg(p->fd, &h, 0);

	EXPECT(n > 0);
	if (CMSG_FIRSTHDR(&h))
		memcpy(&p->got_fd, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(int));
	p->n += (size_t)n;
}

static inline void peer_eat(struct peer *p, size_t n)
{
	memmove(p->in, p->in + n, p->n - n);
	p->n -= n;
}

/* All that we say in front of messages. */
static inline void peer_hears_hello(struct peer *p)
{
	static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

	while (p->n < sizeof(hello) - 1)
		peer_read_more(p);
	EXPECT(memcmp(p->in, hello, sizeof(hello) - 1) == 0);
	peer_eat(p, sizeof(hello) - 1);
}

static inline void peer_greets(struct peer *p)
{
	peer_hears_hello(p);
	peer_says(p, "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n");
}

/* Reads a call of this member. */
static inline void peer_reads(struct peer *p, const char *member)
{
	size_t size = 0;

	while (p->n < DBUS_FIXED_HEADER)
		peer_read_more(p);
	EXPECT(dbus_message_size(p->in, &size) == 0 && size <= sizeof(p->in));
	while (p->n < size)
		peer_read_more(p);
	p->call_bytes.len = 0;
	strbuf_add(&p->call_bytes, p->in, size);
	peer_eat(p, size);
	EXPECT(dbus_message_parse(p->call_bytes.data, size, &p->call_) == 0);
	p->call = &p->call_;
	EXPECT(p->call->type == DBUS_METHOD_CALL);
	EXPECT(strcmp(p->call->member, member) == 0);
}

static inline void peer_field(struct strbuf *b, uint8_t code, const char *type, const char *value)
{
	if (!value)
		return;
	dbus_put_padding(b, 8);
	dbus_put_byte(b, code);
	dbus_put_signature(b, type);
	if (*type == 'g')
		dbus_put_signature(b, value);
	else
		dbus_put_string(b, value);
}

struct peer_message {
	uint8_t type;
	uint32_t answers;	/* a serial; 0: none */
	const char *error, *path, *interface, *member, *signature;
	struct strbuf body;
};

static inline struct strbuf peer_bytes(struct peer *p, const struct peer_message *m)
{
	struct strbuf b = {0};
	size_t fields;

	dbus_put_byte(&b, DBUS_BYTE_ORDER);
	dbus_put_byte(&b, m->type);
	dbus_put_byte(&b, 1);
	dbus_put_byte(&b, DBUS_VERSION);
	dbus_put_u32(&b, (uint32_t)m->body.len);
	dbus_put_u32(&b, ++p->serial);
	fields = dbus_open_array(&b, '(');
	peer_field(&b, DBUS_FIELD_PATH, "o", m->path);
	peer_field(&b, DBUS_FIELD_INTERFACE, "s", m->interface);
	peer_field(&b, DBUS_FIELD_MEMBER, "s", m->member);
	peer_field(&b, DBUS_FIELD_ERROR_NAME, "s", m->error);
	peer_field(&b, DBUS_FIELD_SENDER, "s", p->sender);
	peer_field(&b, 77, "s", "a field of the future");
	if (m->answers) {
		dbus_put_padding(&b, 8);
		dbus_put_byte(&b, DBUS_FIELD_REPLY_SERIAL);
		dbus_put_signature(&b, "u");
		dbus_put_u32(&b, m->answers);
	}
	peer_field(&b, DBUS_FIELD_SIGNATURE, "g", m->signature);
	dbus_close_array(&b, fields, '(');
	dbus_put_padding(&b, 8);
	if (m->body.len)
		strbuf_add(&b, m->body.data, m->body.len);
	return b;
}

static inline void peer_sends(struct peer *p, const struct peer_message *m)
{
	struct strbuf b = peer_bytes(p, m);

	peer_write(p, b.data, b.len);
	strbuf_free(&b);
}

/* As a service that is started anew. */
static inline void peer_hangs_up(struct peer *p)
{
	close(p->fd);
	p->fd = accept(p->listener, NULL, NULL);
	EXPECT(p->fd >= 0);
	p->n = 0;
}

/* An answer to the last call: nothing, or one string or path. */
static inline void peer_answers(struct peer *p, const char *signature, const char *text)
{
	struct peer_message m = {.type = DBUS_METHOD_RETURN, .answers = p->call->serial, .signature = signature};

	if (text)
		dbus_put_string(&m.body, text);
	peer_sends(p, &m);
}

static inline void peer_refuses(struct peer *p, const char *error, const char *text)
{
	struct peer_message m = {.type = DBUS_ERROR, .answers = p->call->serial, .error = error, .signature = "s"};

	dbus_put_string(&m.body, text);
	peer_sends(p, &m);
}

static inline void peer_ends_job(struct peer *p, const char *job, const char *unit, const char *result)
{
	struct peer_message m = {
		.type = DBUS_SIGNAL,
		.path = "/org/freedesktop/systemd1",
		.interface = "org.freedesktop.systemd1.Manager",
		.member = "JobRemoved",
		.signature = "uoss",
	};

	dbus_put_u32(&m.body, 7);
	dbus_put_string(&m.body, job);
	dbus_put_string(&m.body, unit);
	dbus_put_string(&m.body, result);
	peer_sends(p, &m);
}

/* ---- a peer at a socket ---------------------------------------------------------------------- */

typedef void peer_script(struct peer *p);

struct peer_process {
	char dir[64], path[128];
	pid_t pid;
};

static inline int peer_listen(struct peer_process *pp, int backlog)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(pp->dir, "/tmp/orlop-peer-XXXXXX");
	assert_non_null(mkdtemp(pp->dir));
	snprintf(pp->path, sizeof(pp->path), "%s/bus", pp->dir);
	strcpy(sun.sun_path, pp->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/* Start it; all connections go to it through $DBUS_SYSTEM_BUS_ADDRESS. */
static inline void peer_start(struct peer_process *pp, peer_script *script)
{
	int fd = peer_listen(pp, 5);
	char address[160];

	snprintf(address, sizeof(address), "unix:path=%s", pp->path);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	pp->pid = fork();
	assert_true(pp->pid >= 0);
	if (pp->pid == 0) {
		static struct peer p = {.got_fd = -1, .sender = ":1.1"};

		alarm(20);
		p.listener = fd;
		p.fd = accept(fd, NULL, NULL);
		EXPECT(p.fd >= 0);
		script(&p);
		_exit(0);
	}
	close(fd);
}

/* Did we do what it expected?  Else the line. */
static inline int peer_end(struct peer_process *pp)
{
	int status = -1;

	assert_int_equal(waitpid(pp->pid, &status, 0), pp->pid);
	unlink(pp->path);
	rmdir(pp->dir);
	return status;
}

#endif
