/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a bus is: addresses of the specification, of which ours are of kind `unix`, and sockets that are looked at. */
#ifndef ORLOP_DBUS_ADDRESS_H
#define ORLOP_DBUS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct dbus_place {
	char path[512];		/* of a socket; abstract: its name without the NUL in front */
	bool abstract;
	const char *what;	/* "the system bus", for messages */
};

/* The first address in @text (the value of the variable @name) that we can use. */
int dbus_place_parse(const char *text, const char *name, struct dbus_place *ret, struct error *err);

/*
 * A connected socket that does not block.  A file there must be a socket itself, no link, and belong to root or to
 * us; what has no file must be listened to by them.  -ENOENT, -ECONNREFUSED: there is nobody.  A peer that is busy
 * is waited for until @deadline (clock_now_ms).
 */
int dbus_place_connect(const struct dbus_place *at, int64_t deadline, struct error *err);

#endif
