/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sending and receiving share, private to protocol*.c. */
#ifndef ORLOP_INIT_PROTOCOL_PRIVATE_H
#define ORLOP_INIT_PROTOCOL_PRIVATE_H

#include "init/protocol.h"

/* The row of @state, NULL behind the last. */
const struct conversation_row *protocol_row(enum conversation_state state);
/* -EPROTO, and nothing more is said or heard. */
int protocol_failed(struct conversation *c, struct error *err, const char *what, uint32_t type);
/* End of file, -EPIPE: the caller knows how to find out why. */
int protocol_ended(struct conversation *c, struct error *err);
/* Is it too early for @type, since FILTER was not exchanged? */
bool protocol_needs_filter(const struct conversation *c, uint32_t type);
/* The child is gone: take what it left, its ERROR if there is one, else end of file. */
int protocol_last_words(struct conversation *c, struct error *err);

#endif
