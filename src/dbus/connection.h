/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to a bus, or to another peer, over which calls are made one after the other.  What is sent to a
 * bus is written together, the authentication in front, before the first answer is read; descriptors, and what is for
 * systemd itself, wait for the greeting.  All waiting ends at one deadline, whatever the peer does.
 */
#ifndef ORLOP_DBUS_CONNECTION_H
#define ORLOP_DBUS_CONNECTION_H

#include "dbus/address.h"
#include "dbus/message.h"

struct dbus_connection;

/* @take_sock: does not block.  @bus: say Hello, and how the peer is called is up to the bus.  @greeting_ms: how long
 * the peer may take, from the first deadline on, to let us in. */
struct dbus_connection *dbus_connection_new(int take_sock, const struct dbus_place *at, bool bus, int greeting_ms);
void dbus_connection_free(struct dbus_connection *c);	/* NULL is fine */
bool dbus_is_bus(const struct dbus_connection *c);
const struct dbus_place *dbus_connection_place(const struct dbus_connection *c);

/* From now on. */
void dbus_set_deadline(struct dbus_connection *c, int timeout_ms);

/* Write a call, or put it before the next one; errors come with that.  Not with descriptors. */
void dbus_queue(struct dbus_connection *c, const struct dbus_call *call);
/* Try to write what is queued, and wait for nothing. */
void dbus_flush(struct dbus_connection *c);

/* Is called with each signal. */
typedef void dbus_signal_fn(void *ctx, const struct dbus_message *signal);

/*
 * Make a call and wait for its answer, which may be an error of the peer's (DBUS_ERROR); *ret holds until the next
 * function is called here.  -EOPNOTSUPP: the peer takes no descriptors.
 */
int dbus_call(struct dbus_connection *c, const struct dbus_call *call, dbus_signal_fn *on_signal, void *ctx,
	      struct dbus_message *ret, struct error *err);
/* Wait for one message, and call @on_signal if it is a signal. */
int dbus_wait(struct dbus_connection *c, dbus_signal_fn *on_signal, void *ctx, struct error *err);

/* The first error of a peer that lies: what it did wrong. */
int dbus_connection_lies(struct dbus_connection *c, const char *how, struct error *err);

#endif
