/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protocol buffers, as much of them as CRIU's messages need: fields of whole numbers and of bytes, which may be
 * messages again.  Bytes that are read are not trusted.
 */
#ifndef ORLOP_CRIU_WIRE_H
#define ORLOP_CRIU_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/str.h"

void wire_put_number(struct strbuf *out, unsigned field, uint64_t v);
void wire_put_bytes(struct strbuf *out, unsigned field, const void *data, size_t n);
void wire_put_string(struct strbuf *out, unsigned field, const char *s);	/* NULL: nothing */
void wire_put_flag(struct strbuf *out, unsigned field, bool v);			/* false: nothing */

struct wire_reader {
	const unsigned char *p, *end;
};

struct wire_field {
	unsigned number;
	bool bytes;			/* else a number: */
	uint64_t v;
	const unsigned char *data;
	size_t n;
};

/* The next field; those of other kinds are left out.  1, 0 at the end, -EBADMSG. */
int wire_next(struct wire_reader *r, struct wire_field *ret);

#endif
