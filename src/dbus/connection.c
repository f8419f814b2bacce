/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections of D-Bus: authentication, bytes, messages, one deadline.  Runs on the host. */
#include "dbus/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/mem.h"

#define LINE_MAX_BYTES 512
#define READ_AT_ONCE 16384
#define QUEUED_MAX 8

struct dbus_connection {
	int sock;
	struct dbus_place at;
	bool bus, authenticated, takes_fds;
	struct strbuf out, in;
	size_t sent, used;		/* of them */
	const int *fds;			/* go with the first byte of `out` */
	size_t n_fds;
	uint32_t serial;		/* the last */
	uint32_t queued[QUEUED_MAX];	/* calls whose answer only matters if it is an error */
	int64_t deadline, greeting_deadline;
	int timeout_ms, greeting_ms;
};

/* No id: the peer knows from the kernel who we are, also when we are in a user namespace. */
static const char hello_to_peer[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

/* ---- errors --------------------------------------------------------------------------------- */

/* "the system bus (socket /run/…, process 1 of user 0)" */
static const char *peer(const struct dbus_connection *c, char *buf, size_t size)
{
	struct ucred who = {0};
	socklen_t n = sizeof(who);

	getsockopt(c->sock, SOL_SOCKET, SO_PEERCRED, &who, &n);
	snprintf(buf, size, "%s (socket %s%s, listened to by process %d of user %u)", c->at.what,
		 c->at.abstract ? "@" : "", c->at.path, (int)who.pid, (unsigned)who.uid);
	return buf;
}

#define PEER(c) peer((c), (char[700]){0}, 700)

int dbus_connection_lies(struct dbus_connection *c, const char *how, struct error *err)
{
	return error_set(err, EPROTO, "%s %s: it is not what it should be; look at who listens there", PEER(c), how);
}

static int late(struct dbus_connection *c, struct error *err)
{
	return error_set(err, ETIMEDOUT, "%s does not %s within %g s: it is overloaded or hangs; systemctl status may "
			 "say more", PEER(c), c->authenticated ? "answer" : "greet us",
			 (c->authenticated ? c->timeout_ms : c->greeting_ms) / 1000.0);
}

static int gone(struct dbus_connection *c, int errnum, struct error *err)
{
	return error_set(err, ECONNRESET, "%s closed the connection%s%s%s: was it restarted, or is its limit of "
			 "connections reached?", PEER(c), c->authenticated ? "" : " before it let us in",
			 errnum ? ": " : "", errnum ? error_words(errnum) : "");
}

/* ---- a connection --------------------------------------------------------------------------- */

static struct strbuf *room_to_read(struct dbus_connection *c)
{
	struct strbuf *in = &c->in;

	if (c->used > 0) {
		memmove(in->data, in->data + c->used, in->len - c->used);
		in->len -= c->used;
		c->used = 0;
	}
	if (in->cap - in->len < READ_AT_ONCE) {
		in->cap = in->len + in->len / 2 + READ_AT_ONCE;
		in->data = xrealloc(in->data, in->cap, 1);
	}
	return in;
}

struct dbus_connection *dbus_connection_new(int take_sock, const struct dbus_place *at, bool bus, int greeting_ms)
{
	struct dbus_connection *c = xcalloc(1, sizeof(*c));

	c->sock = take_sock;
	c->at = *at;
	c->bus = bus;
	c->greeting_ms = greeting_ms;
	room_to_read(c);
	strbuf_add(&c->out, hello_to_peer, sizeof(hello_to_peer) - 1);
	if (bus)
		dbus_queue(c, &(struct dbus_call){
				      .destination = "org.freedesktop.DBus",
				      .path = "/org/freedesktop/DBus",
				      .interface = "org.freedesktop.DBus",
				      .member = "Hello",
			      });
	return c;
}

void dbus_connection_free(struct dbus_connection *c)
{
	if (!c)
		return;
	close(c->sock);
	strbuf_free(&c->out);
	strbuf_free(&c->in);
	free(c);
}

bool dbus_is_bus(const struct dbus_connection *c)
{
	return c->bus;
}

const struct dbus_place *dbus_connection_place(const struct dbus_connection *c)
{
	return &c->at;
}

void dbus_set_deadline(struct dbus_connection *c, int timeout_ms)
{
	int64_t now = clock_now_ms();

	c->timeout_ms = timeout_ms;
	c->deadline = now + timeout_ms;
	if (c->greeting_ms > timeout_ms)
		c->greeting_ms = timeout_ms;
	if (!c->greeting_deadline)
		c->greeting_deadline = now + c->greeting_ms;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* Write what the socket takes.  When the peer is gone, what it said before is still to be read. */
static void write_some(struct dbus_connection *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = fd_send_some(c->sock, c->out.data + c->sent, c->out.len - c->sent, c->fds, c->n_fds);

		if (n == -EAGAIN)
			return;
		if (n < 0)
			break;
		c->sent += (size_t)n;
		c->n_fds = 0;
	}
	c->out.len = c->sent = c->n_fds = 0;
}

void dbus_flush(struct dbus_connection *c)
{
	write_some(c);
}

/* Wait until there is more of the peer, or it takes what is to be written. */
static int read_more(struct dbus_connection *c, struct error *err)
{
	struct strbuf *in = room_to_read(c);
	int64_t left = (c->authenticated ? c->deadline : c->greeting_deadline) - clock_now_ms();
	ssize_t n;
	int r;

	r = left <= 0 ? 0 : fd_wait(c->sock, (short)(POLLIN | (c->out.len ? POLLOUT : 0)), (int)left);
	if (r < 0)
		return error_errno(err, r, "wait for %s", PEER(c));
	if (r == 0)
		return late(c, err);
	write_some(c);
	/* Descriptors, which nobody asked for, are not taken: the kernel drops them. */
	n = recv(c->sock, in->data + in->len, in->cap - in->len, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return gone(c, n < 0 ? errno : 0, err);
	in->len += n > 0 ? (size_t)n : 0;
	return 0;
}

/* ---- authentication ------------------------------------------------------------------------- */

/* One line of the peer's, without its end. */
static int read_line(struct dbus_connection *c, char line[LINE_MAX_BYTES], struct error *err)
{
	for (;;) {
		size_t n = c->in.len - c->used;
		const char *s = c->in.data + c->used, *end = memchr(s, '\n', n);
		size_t len = end ? (size_t)(end - s) : 0;
		int r;

		if (end && len > 0 && len < LINE_MAX_BYTES && s[len - 1] == '\r' && !memchr(s, '\0', len)) {
			memcpy(line, s, len - 1);
			line[len - 1] = '\0';
			c->used += len + 1;
			return 0;
		}
		if (end || n >= LINE_MAX_BYTES)
			return dbus_connection_lies(c, "does not speak D-Bus", err);
		r = read_more(c, err);
		if (r < 0)
			return r;
	}
}

static int refused(struct dbus_connection *c, const char *line, struct error *err)
{
	if (str_starts(line, "REJECTED"))
		return error_set(err, EACCES, "%s does not let us in as user %u: it answers \"%s\"", PEER(c),
				 (unsigned)geteuid(), line);
	return error_set(err, EPROTO, "%s answers \"%s\", which is not the greeting of D-Bus", PEER(c),
			 line);
}

/* An empty answer to our empty name, then whether we are let in, then whether descriptors are taken. */
static int authenticate(struct dbus_connection *c, struct error *err)
{
	char line[LINE_MAX_BYTES];
	int r = read_line(c, line, err);

	if (r == 0 && (str_eq(line, "DATA") || str_eq(line, "DATA ")))
		r = read_line(c, line, err);
	if (r < 0)
		return r;
	if (!str_starts(line, "OK ") && !str_eq(line, "OK"))
		return refused(c, line, err);
	r = read_line(c, line, err);
	if (r < 0)
		return r;
	c->takes_fds = str_eq(line, "AGREE_UNIX_FD");
	if (!c->takes_fds && !str_starts(line, "ERROR"))
		return refused(c, line, err);
	c->authenticated = true;
	return 0;
}

/* ---- messages ------------------------------------------------------------------------------- */

/* The next message; it is in our buffer until more is read. */
static int read_message(struct dbus_connection *c, struct dbus_message *ret, struct error *err)
{
	size_t size = 0;
	int r = c->authenticated ? 0 : authenticate(c, err);

	while (r == 0) {
		const char *data = c->in.data + c->used;
		size_t n = c->in.len - c->used;

		if (n >= DBUS_FIXED_HEADER) {
			r = dbus_message_size(data, &size);
			if (r == -EMSGSIZE)
				return dbus_connection_lies(c, "sends a message that is too long", err);
			if (r == 0 && n >= size)
				r = dbus_message_parse(data, size, ret);
			if (r < 0)
				return dbus_connection_lies(c, "sends what is no message of D-Bus", err);
			if (n >= size) {
				c->used += size;
				return 0;
			}
		}
		r = read_more(c, err);
	}
	return r;
}

static bool is_queued(const struct dbus_connection *c, uint32_t serial)
{
	for (size_t i = 0; i < QUEUED_MAX; i++)
		if (c->queued[i] == serial)
			return true;
	return false;
}

/* An answer to what was queued, or late, is no news unless it is an error; nor are calls of the peer's. */
static int sort_out(struct dbus_connection *c, const struct dbus_message *m, dbus_signal_fn *on_signal, void *ctx,
		    struct error *err)
{
	struct dbus_reader body = m->body;

	if (m->type == DBUS_SIGNAL) {
		if (on_signal)
			on_signal(ctx, m);
		return 0;
	}
	if (m->type == DBUS_METHOD_CALL)
		return 0;
	if (m->reply_serial > c->serial)
		return dbus_connection_lies(c, "answers what was not asked", err);
	if (m->type == DBUS_ERROR && is_queued(c, m->reply_serial))
		return error_set(err, ECONNREFUSED, "%s does not let us take part: %.300s", PEER(c),
				 *m->signature == 's' ? dbus_get_string(&body) : m->error_name);
	return 0;
}

static uint32_t put_call(struct dbus_connection *c, const struct dbus_call *call)
{
	struct dbus_call whole = *call;

	if (!c->bus)
		whole.destination = NULL;	/* peers have no names */
	dbus_put_call(&c->out, &whole, ++c->serial);
	return c->serial;
}

void dbus_queue(struct dbus_connection *c, const struct dbus_call *call)
{
	uint32_t serial = put_call(c, call);

	if (!call->no_reply)
		c->queued[serial % QUEUED_MAX] = serial;
}

/*
 * What has to be before the call is written.  A bus takes all at once; systemd, as of 262, forgets to look at what came
 * together with the authentication until more comes.  Descriptors that come before its end, end the connection.
 */
static int make_way(struct dbus_connection *c, bool fds, struct error *err)
{
	int r = 0;

	if (c->bus && !fds)
		return 0;
	write_some(c);
	if (!c->authenticated)
		r = authenticate(c, err);
	while (r == 0 && fds && c->out.len > 0)
		r = read_more(c, err);
	if (r == 0 && fds && !c->takes_fds)
		return error_set(err, EOPNOTSUPP, "%s takes no descriptors", PEER(c));
	return r;
}

int dbus_call(struct dbus_connection *c, const struct dbus_call *call, dbus_signal_fn *on_signal, void *ctx,
	      struct dbus_message *ret, struct error *err)
{
	int r = make_way(c, call->n_fds > 0, err);
	struct dbus_message m;
	uint32_t serial;

	if (r < 0)
		return r;
	serial = put_call(c, call);
	c->fds = call->fds;
	c->n_fds = call->n_fds;
	write_some(c);
	for (;;) {
		r = read_message(c, &m, err);
		if (r < 0)
			return r;
		if ((m.type == DBUS_METHOD_RETURN || m.type == DBUS_ERROR) && m.reply_serial == serial)
			break;
		r = sort_out(c, &m, on_signal, ctx, err);
		if (r < 0)
			return r;
	}
	*ret = m;
	return 0;
}

int dbus_wait(struct dbus_connection *c, dbus_signal_fn *on_signal, void *ctx, struct error *err)
{
	struct dbus_message m;
	int r = read_message(c, &m, err);

	return r < 0 ? r : sort_out(c, &m, on_signal, ctx, err);
}
