/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of D-Bus, to be sent and as they came: https://dbus.freedesktop.org/doc/dbus-specification.html.
 * Only in our own byte order, as peers on the same machine write them.
 */
#ifndef ORLOP_DBUS_MESSAGE_H
#define ORLOP_DBUS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/str.h"

#define DBUS_SIGNATURE_MAX 255
#define DBUS_DEPTH_MAX 32	/* arrays in arrays; structures, entries and variants in each other */
#define DBUS_MESSAGE_MAX (16u << 20)	/* that we take; the specification has 128 MiB */
#define DBUS_FIXED_HEADER 16
#define DBUS_VERSION 1
#define DBUS_BYTE_ORDER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B')

enum dbus_type {
	DBUS_METHOD_CALL = 1,
	DBUS_METHOD_RETURN = 2,
	DBUS_ERROR = 3,
	DBUS_SIGNAL = 4,
};

enum dbus_field {
	DBUS_FIELD_PATH = 1,
	DBUS_FIELD_INTERFACE,
	DBUS_FIELD_MEMBER,
	DBUS_FIELD_ERROR_NAME,
	DBUS_FIELD_REPLY_SERIAL,
	DBUS_FIELD_DESTINATION,
	DBUS_FIELD_SENDER,
	DBUS_FIELD_SIGNATURE,
	DBUS_FIELD_UNIX_FDS,
};

/* ---- types ---------------------------------------------------------------------------------- */

/* Behind the first whole type of a signature; NULL: there is none. */
const char *dbus_type_end(const char *signature);
/* Is it a row of whole types (maybe none)? */
bool dbus_signature_valid(const char *signature);
/* The alignment of a value whose type begins with @c. */
size_t dbus_alignment(char c);
bool dbus_type_is_basic(char c);
bool dbus_path_valid(const char *s);

/* ---- writing -------------------------------------------------------------------------------- */

/* Values are appended to a strbuf that begins at a multiple of eight bytes of the message. */
void dbus_put_padding(struct strbuf *b, size_t alignment);
void dbus_put_byte(struct strbuf *b, uint8_t v);
void dbus_put_u16(struct strbuf *b, uint16_t v);
void dbus_put_u32(struct strbuf *b, uint32_t v);
void dbus_put_u64(struct strbuf *b, uint64_t v);
void dbus_put_double(struct strbuf *b, double v);
void dbus_put_string(struct strbuf *b, const char *s);		/* s, o */
void dbus_put_signature(struct strbuf *b, const char *s);	/* g; at most DBUS_SIGNATURE_MAX */

/* An array of elements whose type begins with @c: what is put between is in it. */
size_t dbus_open_array(struct strbuf *b, char c);
void dbus_close_array(struct strbuf *b, size_t opened, char c);

/* A call; NULL members are left out. */
struct dbus_call {
	const char *destination, *path, *interface, *member;
	const char *signature;		/* of the body */
	const struct strbuf *body;
	const int *fds;			/* that `h` in the body means */
	size_t n_fds;
	bool no_reply;			/* do not answer */
};

void dbus_put_call(struct strbuf *b, const struct dbus_call *call, uint32_t serial);

/* ---- reading -------------------------------------------------------------------------------- */

/* Bytes of a peer.  What does not fit sets `failed`; all later results are 0 or "". */
struct dbus_reader {
	const unsigned char *data;
	size_t size, pos;
	unsigned depth;		/* of variants, while one is skipped */
	bool failed;
};

uint8_t dbus_get_byte(struct dbus_reader *r);
uint16_t dbus_get_u16(struct dbus_reader *r);
uint32_t dbus_get_u32(struct dbus_reader *r);
uint64_t dbus_get_u64(struct dbus_reader *r);
bool dbus_get_boolean(struct dbus_reader *r);
const char *dbus_get_string(struct dbus_reader *r);	/* points into the message; valid UTF-8 */
const char *dbus_get_path(struct dbus_reader *r);
const char *dbus_get_signature(struct dbus_reader *r);	/* a valid one */
/* Where an array ends whose elements' type begins with @c; it begins at r->pos. */
size_t dbus_get_array(struct dbus_reader *r, char c);
/* To the alignment, over zeroes. */
void dbus_get_padding(struct dbus_reader *r, size_t alignment);
/* Step over one value of the first type in the (valid) signature; behind that type. */
const char *dbus_skip(struct dbus_reader *r, const char *signature);

/* Strings point into the message; "" when it has none. */
struct dbus_message {
	uint8_t type;
	uint32_t serial, reply_serial;
	const char *path, *interface, *member, *error_name, *sender, *signature;
	struct dbus_reader body;
};

/* The size of the message that begins with these DBUS_FIXED_HEADER bytes.  -EBADMSG: none of ours; -EMSGSIZE. */
int dbus_message_size(const void *data, size_t *ret);
/* Look at a whole message: -EBADMSG when anything is wrong with it or its body. */
int dbus_message_parse(const void *data, size_t size, struct dbus_message *ret);

#endif
