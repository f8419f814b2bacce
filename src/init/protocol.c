/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The conversation of protocol.h: the table, and sending against it.  Runs in the parent and in the
 * container process; nothing here allocates.
 */
#include "init/protocol_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/fd.h"

const char *const message_names[N_MSG_TYPES] = {
	"?", "MAPS_DONE", "HOOKS_DONE", "FILTER", "PROCEED", "ROOTFS_READY", "CONSOLE", "READY",
	"LOG", "ERROR", "CHILD_PID", "LISTENER", "LISTENER_FD", "LISTENER_TAKEN",
};

const struct conversation_row conversation_table[] = {
	{CS_LAUNCH,   MSG_CHILD_PID,      true,  CONV_LAUNCHER,    CARRIES_NOTHING, CS_MAPS},
	{CS_MAPS,     MSG_MAPS_DONE,      false, CONV_MAPS,        CARRIES_NOTHING, CS_ROOTFS},
	{CS_ROOTFS,   MSG_ROOTFS_READY,   true,  CONV_HOOKS,       CARRIES_NOTHING, CS_HOOKS},
	{CS_HOOKS,    MSG_HOOKS_DONE,     false, CONV_HOOKS,       CARRIES_NOTHING, CS_CONSOLE},
	{CS_CONSOLE,  MSG_CONSOLE,        true,  CONV_CONSOLE,     CARRIES_FD,      CS_LISTENER},
	{CS_LISTENER, MSG_LISTENER,       true,  CONV_LISTENER,    CARRIES_NUMBER,  CS_LISTENER_FD},
	{CS_LISTENER_FD, MSG_LISTENER_FD, true,  CONV_LISTENER_FD, CARRIES_FD,      CS_TAKEN},
	{CS_TAKEN,    MSG_LISTENER_TAKEN, false, CONV_LISTENER | CONV_LISTENER_FD, CARRIES_NOTHING,
	 CS_READY},
	{CS_READY,    MSG_READY,          true,  0,                CARRIES_NOTHING, CS_PROCEED},
	{CS_PROCEED,  MSG_PROCEED,        false, 0,                CARRIES_NOTHING, CS_DONE},
};
const size_t conversation_table_len = sizeof(conversation_table) / sizeof(conversation_table[0]);

const struct conversation_row *protocol_row(enum conversation_state state)
{
	return state < CS_DONE ? &conversation_table[state] : NULL;
}

static enum conversation_state skip(enum conversation_state state, unsigned flags)
{
	const struct conversation_row *row;

	while ((row = protocol_row(state)) && row->only_if && !(row->only_if & flags))
		state = row->next;
	return state;
}

enum conversation_state conversation_start(unsigned flags)
{
	return skip(CS_LAUNCH, flags);
}

enum conversation_state conversation_after(enum conversation_state state, unsigned flags)
{
	const struct conversation_row *row = protocol_row(state);

	return row ? skip(row->next, flags) : state;
}

int conversation_pair(unsigned flags, struct conversation *parent, struct conversation *child,
		      struct error *err)
{
	struct conversation c = {.flags = flags, .state = conversation_start(flags)};
	int fds[2], on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_errno(err, errno, "make a pair of sockets");
	/* Before the child exists: credentials are attached when a message is sent, unix(7). */
	if ((flags & CONV_LAUNCHER) &&
	    setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) {
		int r = error_errno(err, errno, "ask for the credentials of the container process");

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	*parent = *child = c;
	parent->fd = fds[0];
	parent->parent = true;
	child->fd = fds[1];
	return 0;
}

static const char *name_of(uint32_t type)
{
	return message_names[type < N_MSG_TYPES ? type : 0];
}

int protocol_failed(struct conversation *c, struct error *err, const char *what, uint32_t type)
{
	c->state = CS_FAILED;
	return error_set(err, EPROTO, "conversation between runtime and container process: %s: %s", what,
			 name_of(type));
}

int protocol_ended(struct conversation *c, struct error *err)
{
	c->state = CS_FAILED;
	memset(err, 0, sizeof(*err));
	return -EPIPE;
}

bool protocol_needs_filter(const struct conversation *c, uint32_t type)
{
	return (type == MSG_READY || type == MSG_LISTENER || type == MSG_LISTENER_FD) &&
	       (c->flags & CONV_FILTER) && !c->filter_done;
}

/* ---- sending ---- */

/* The other side is gone.  The parent looks for its last words. */
static int send_failed(struct conversation *c, int errnum, struct error *err)
{
	if (errnum != -EPIPE && errnum != -ECONNRESET)
		return error_errno(err, errnum, "send to the %s",
				   c->parent ? "container process" : "runtime");
	return c->parent ? protocol_last_words(c, err) : protocol_ended(c, err);
}

/* write(2) for the child, see receive_plainly(); SIGPIPE ends it when the runtime is gone, as it should. */
static int send_message(const struct conversation *c, const struct message *m, int fd)
{
	ssize_t n;

	if (c->parent || fd >= 0)
		return fd_send(c->fd, m, sizeof(*m), &fd, fd >= 0 ? 1 : 0);
	do
		n = write(c->fd, m, sizeof(*m));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n == sizeof(*m) ? 0 : -EIO;
}

int conversation_send(struct conversation *c, enum message_type type, int fd, struct error *err)
{
	const struct conversation_row *row = protocol_row(c->state);
	struct message m = {.magic = MESSAGE_MAGIC, .type = type};
	bool filter = type == MSG_FILTER;
	int r;

	if (filter && (!c->parent || !(c->flags & CONV_FILTER) || c->filter_done ||
		       c->state >= CS_PROCEED))
		return protocol_failed(c, err, "cannot be sent here", type);
	if (!filter && (!row || row->message != type || row->from_child == c->parent))
		return protocol_failed(c, err, "cannot be sent here", type);
	if ((fd >= 0) != (!filter && row->carries != CARRIES_NOTHING))
		return protocol_failed(c, err, "with or without a descriptor", type);
	if (protocol_needs_filter(c, type))
		return protocol_failed(c, err, "sent before FILTER came", type);
	if (!filter && row->carries == CARRIES_NUMBER) {
		m.number = (uint32_t)fd;
		fd = -1;
	}
	r = send_message(c, &m, fd);
	if (r < 0)
		return send_failed(c, r, err);
	if (filter)
		c->filter_done = true;
	else
		c->state = conversation_after(c->state, c->flags);
	return 0;
}

void conversation_send_error(struct conversation *c, unsigned stage, const struct error *e)
{
	struct message m = {.magic = MESSAGE_MAGIC, .type = MSG_ERROR, .stage = stage, .error = *e};

	if (m.error.code == 0)
		m.error.code = EPROTO;
	send_message(c, &m, -1);
	c->state = CS_FAILED;
}

void conversation_send_log(struct conversation *c, unsigned level, const char *text)
{
	struct message m = {.magic = MESSAGE_MAGIC, .type = MSG_LOG, .level = level};

	snprintf(m.error.text, sizeof(m.error.text), "%s", text);
	send_message(c, &m, -1);
}
