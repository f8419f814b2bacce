/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending in the conversation of protocol.h.  Runs in the parent and in the container process;
 * nothing here allocates.
 */
#include "init/protocol_send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/protocol_receive.h"
#include "util/fd.h"

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
		protocol_advance(c);
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
