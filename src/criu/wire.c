/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protocol buffers to bytes and back.  Pure. */
#include "criu/wire.h"

#include <errno.h>

#define FIELD_MAX ((1u << 29) - 1)

enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static void put_varint(struct strbuf *out, uint64_t v)
{
	char buf[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		buf[n++] = (char)((v & 0x7f) | 0x80);
	buf[n++] = (char)v;
	strbuf_add(out, buf, n);
}

void wire_put_number(struct strbuf *out, unsigned field, uint64_t v)
{
	put_varint(out, (uint64_t)field << 3 | VARINT);
	put_varint(out, v);
}

void wire_put_bytes(struct strbuf *out, unsigned field, const void *data, size_t n)
{
	put_varint(out, (uint64_t)field << 3 | BYTES);
	put_varint(out, n);
	strbuf_add(out, data, n);
}

void wire_put_string(struct strbuf *out, unsigned field, const char *s)
{
	if (s)
		wire_put_bytes(out, field, s, strlen(s));
}

void wire_put_flag(struct strbuf *out, unsigned field, bool v)
{
	if (v)
		wire_put_number(out, field, 1);
}

/* At most ten bytes, and no bits beyond the 64th. */
static int get_varint(struct wire_reader *r, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint64_t byte;

		if (r->p >= r->end)
			return -EBADMSG;
		byte = *r->p++;
		if (shift == 63 && byte > 1)
			return -EBADMSG;
		v |= (byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

static int skip(struct wire_reader *r, size_t n)
{
	if ((size_t)(r->end - r->p) < n)
		return -EBADMSG;
	r->p += n;
	return 0;
}

static int get_bytes(struct wire_reader *r, struct wire_field *ret)
{
	uint64_t n;
	int e = get_varint(r, &n);

	if (e < 0)
		return e;
	if (n > (uint64_t)(r->end - r->p))
		return -EBADMSG;
	ret->bytes = true;
	ret->data = r->p;
	ret->n = (size_t)n;
	r->p += n;
	return 0;
}

int wire_next(struct wire_reader *r, struct wire_field *ret)
{
	while (r->p < r->end) {
		uint64_t tag;
		int e = get_varint(r, &tag);

		*ret = (struct wire_field){0};
		if (e < 0 || tag >> 3 == 0 || tag >> 3 > FIELD_MAX)
			return -EBADMSG;
		ret->number = (unsigned)(tag >> 3);
		switch (tag & 7) {
		case VARINT:
			e = get_varint(r, &ret->v);
			return e < 0 ? e : 1;
		case BYTES:
			e = get_bytes(r, ret);
			return e < 0 ? e : 1;
		case FIXED64:
			e = skip(r, 8);
			break;
		case FIXED32:
			e = skip(r, 4);
			break;
		default:
			e = -EBADMSG;
		}
		if (e < 0)
			return e;
	}
	return 0;
}
