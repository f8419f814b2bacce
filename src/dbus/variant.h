/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values as GVariant text (https://docs.gtk.org/glib/gvariant-text-format.html) to values in messages: what D-Bus has
 * types for, so no maybes, no empty tuples; and no descriptors.
 */
#ifndef ORLOP_DBUS_VARIANT_H
#define ORLOP_DBUS_VARIANT_H

#include "dbus/message.h"
#include "util/error.h"
#include "util/mem.h"

#define VARIANT_TEXT_MAX 65536

struct variant;		/* in an arena, as its text must be */

int variant_parse(struct arena *a, const char *text, struct variant **ret, struct error *err);

/* Find its type and append it as a `v`.  On failure @b may have a part of it. */
int variant_put(struct strbuf *b, const struct variant *v, struct error *err);

/* A number of seconds as a number of microseconds, `t`. */
int variant_put_usec(struct strbuf *b, const struct variant *v, struct error *err);

#endif
