/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending in the conversation of protocol.h. */
#ifndef ORLOP_INIT_PROTOCOL_SEND_H
#define ORLOP_INIT_PROTOCOL_SEND_H

#include "init/protocol.h"

/*
 * Send @type, which must be what this side owes in the present state (or FILTER, see above), with
 * @fd (borrowed) in the row that carries one or its number and -1 in the others.  When the child has
 * died, its ERROR, if it left one, is in @err; otherwise as end of file below.
 */
int conversation_send(struct conversation *c, enum message_type type, int fd, struct error *err);
/* Child: tell the parent why it gives up; cannot fail usefully. */
void conversation_send_error(struct conversation *c, unsigned stage, const struct error *e);
void conversation_send_log(struct conversation *c, unsigned level, const char *text);

#endif
