/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The conversation of protocol.h: the table, and what sending and receiving share.  Runs in the parent and in the
 * container process; nothing here allocates.
 */
#include "init/protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *const message_names[N_MSG_TYPES] = {
	"?", "MAPS_DONE", "HOOKS_DONE", "FILTER", "PROCEED", "ROOTFS_READY", "CONSOLE", "READY",
	"LOG", "ERROR", "CHILD_PID", "LISTENER", "LISTENER_FD", "LISTENER_TAKEN", "IDMAP", "IDMAPPED",
};

const struct conversation_row conversation_table[] = {
	{CS_LAUNCH, MSG_CHILD_PID, true, CONV_LAUNCHER, CARRIES_NOTHING, UNTIL_A_DEADLINE, CS_MAPS},
	{CS_MAPS, MSG_MAPS_DONE, false, CONV_MAPS, CARRIES_NOTHING, UNTIL_THE_END, CS_IDMAP},
	{CS_IDMAP, MSG_IDMAP, true, CONV_IDMAP, CARRIES_FD, UNTIL_A_DEADLINE, CS_IDMAPPED},
	{CS_IDMAPPED, MSG_IDMAPPED, false, CONV_IDMAP, CARRIES_NOTHING, UNTIL_THE_END, CS_ROOTFS},
	{CS_ROOTFS, MSG_ROOTFS_READY, true, CONV_HOOKS, CARRIES_NOTHING, UNTIL_A_DEADLINE, CS_HOOKS},
	{CS_HOOKS, MSG_HOOKS_DONE, false, CONV_HOOKS, CARRIES_NOTHING, UNTIL_THE_END, CS_CONSOLE},
	{CS_CONSOLE, MSG_CONSOLE, true, CONV_CONSOLE, CARRIES_FD, UNTIL_HOOKS_ARE_DONE, CS_CLONE},
	{CS_CLONE, MSG_CHILD_PID, true, CONV_CLONE_LAST, CARRIES_NOTHING, UNTIL_HOOKS_ARE_DONE, CS_LISTENER},
	{CS_LISTENER, MSG_LISTENER, true, CONV_LISTENER, CARRIES_NUMBER, UNTIL_HOOKS_ARE_DONE, CS_LISTENER_FD},
	{CS_LISTENER_FD, MSG_LISTENER_FD, true, CONV_LISTENER_FD, CARRIES_FD, UNTIL_HOOKS_ARE_DONE, CS_TAKEN},
	{CS_TAKEN, MSG_LISTENER_TAKEN, false, CONV_LISTENER | CONV_LISTENER_FD, CARRIES_NOTHING, UNTIL_THE_END,
	 CS_READY},
	{CS_READY, MSG_READY, true, 0, CARRIES_NOTHING, UNTIL_HOOKS_ARE_DONE, CS_PROCEED},
	{CS_PROCEED, MSG_PROCEED, false, 0, CARRIES_NOTHING, UNTIL_THE_END, CS_DONE},
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

void protocol_advance(struct conversation *c)
{
	bool again = c->state == CS_IDMAPPED && c->n_idmaps > 1;

	if (c->state == CS_IDMAPPED && c->n_idmaps > 0)
		c->n_idmaps--;
	c->state = again ? CS_IDMAP : conversation_after(c->state, c->flags);
}

int conversation_pair(unsigned flags, struct conversation *parent, struct conversation *child,
		      struct error *err)
{
	struct conversation c = {.flags = flags, .state = conversation_start(flags)};
	int fds[2], on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_errno(err, errno, "make a pair of sockets");
	/* Before the child exists: credentials are attached when a message is sent, unix(7). */
	if ((flags & (CONV_LAUNCHER | CONV_CLONE_LAST)) &&
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
