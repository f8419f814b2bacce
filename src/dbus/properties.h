/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties of units, a(sv), in calls to systemd. */
#ifndef ORLOP_DBUS_PROPERTIES_H
#define ORLOP_DBUS_PROPERTIES_H

#include "dbus/systemd.h"
#include "util/str.h"

/* Append them to an array of structures that is open. */
int properties_put(struct strbuf *b, const struct systemd_property *p, size_t n, struct error *err);
/* The same of one whose value is an array with one number. */
void properties_put_array(struct strbuf *b, const char *name, const char *type, uint32_t number);

/* Set `where` of an error to that of the property that is named in systemd's words, or say which may be meant. */
void properties_blame(const struct systemd_property *p, size_t n, const char *words, struct error *err);

#endif
