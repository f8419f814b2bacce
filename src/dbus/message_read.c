/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of D-Bus as a peer wrote them, of which nothing is believed.  Runs on the host. */
#include <errno.h>
#include <string.h>

#include "dbus/message.h"

/* ---- values --------------------------------------------------------------------------------- */

/* @n bytes, or NULL. */
static const void *take(struct dbus_reader *r, size_t n)
{
	const void *p = r->data + r->pos;

	if (r->failed || n > r->size - r->pos) {
		r->failed = true;
		return NULL;
	}
	r->pos += n;
	return p;
}

void dbus_get_padding(struct dbus_reader *r, size_t alignment)
{
	const unsigned char *p;
	size_t n = -r->pos & (alignment - 1);

	p = take(r, n);
	for (size_t i = 0; p && i < n; i++)
		r->failed |= p[i] != 0;
}

static void get_number(struct dbus_reader *r, void *ret, size_t n)
{
	const void *p;

	dbus_get_padding(r, n);
	p = take(r, n);
	if (p)
		memcpy(ret, p, n);
}

uint8_t dbus_get_byte(struct dbus_reader *r)
{
	uint8_t v = 0;

	get_number(r, &v, sizeof(v));
	return v;
}

uint16_t dbus_get_u16(struct dbus_reader *r)
{
	uint16_t v = 0;

	get_number(r, &v, sizeof(v));
	return v;
}

uint32_t dbus_get_u32(struct dbus_reader *r)
{
	uint32_t v = 0;

	get_number(r, &v, sizeof(v));
	return v;
}

uint64_t dbus_get_u64(struct dbus_reader *r)
{
	uint64_t v = 0;

	get_number(r, &v, sizeof(v));
	return v;
}

bool dbus_get_boolean(struct dbus_reader *r)
{
	uint32_t v = dbus_get_u32(r);

	r->failed |= v > 1;
	return v == 1 && !r->failed;
}

/* @n bytes and a NUL, without one in between. */
static const char *get_text(struct dbus_reader *r, size_t n)
{
	const char *s = n < r->size ? take(r, n + 1) : NULL;

	if (!s || s[n] != '\0' || memchr(s, '\0', n) || !str_utf8_valid(s, n)) {
		r->failed = true;
		return "";
	}
	return s;
}

const char *dbus_get_string(struct dbus_reader *r)
{
	return get_text(r, dbus_get_u32(r));
}

const char *dbus_get_path(struct dbus_reader *r)
{
	const char *s = dbus_get_string(r);

	if (r->failed || !dbus_path_valid(s)) {
		r->failed = true;
		return "";
	}
	return s;
}

const char *dbus_get_signature(struct dbus_reader *r)
{
	const char *s = get_text(r, dbus_get_byte(r));

	if (r->failed || !dbus_signature_valid(s)) {
		r->failed = true;
		return "";
	}
	return s;
}

size_t dbus_get_array(struct dbus_reader *r, char c)
{
	uint32_t n = dbus_get_u32(r);

	dbus_get_padding(r, dbus_alignment(c));
	if (r->failed || n > r->size - r->pos) {
		r->failed = true;
		return r->pos;
	}
	return r->pos + n;
}

static void skip_array(struct dbus_reader *r, const char *element)
{
	size_t end = dbus_get_array(r, *element);

	while (!r->failed && r->pos < end)
		dbus_skip(r, element);
	r->failed |= r->pos != end;
}

static void skip_variant(struct dbus_reader *r)
{
	const char *s = dbus_get_signature(r), *end = *s ? dbus_type_end(s) : NULL;

	if (!end || *end != '\0' || r->depth >= DBUS_DEPTH_MAX) {
		r->failed = true;
		return;
	}
	r->depth++;
	dbus_skip(r, s);
	r->depth--;
}

static void skip_basic(struct dbus_reader *r, char c)
{
	switch (c) {
	case 'y':
		dbus_get_byte(r);
		break;
	case 'n':
	case 'q':
		dbus_get_u16(r);
		break;
	case 'b':
		dbus_get_boolean(r);
		break;
	case 'i':
	case 'u':
	case 'h':
		dbus_get_u32(r);
		break;
	case 'x':
	case 't':
	case 'd':
		dbus_get_u64(r);
		break;
	case 's':
		dbus_get_string(r);
		break;
	case 'o':
		dbus_get_path(r);
		break;
	default:
		dbus_get_signature(r);
	}
}

/* As deep as the signature, which is bounded, and as variants are let be. */
const char *dbus_skip(struct dbus_reader *r, const char *signature)
{
	const char *end = dbus_type_end(signature);

	switch (*signature) {
	case 'a':
		skip_array(r, signature + 1);
		break;
	case 'v':
		skip_variant(r);
		break;
	case '(':
	case '{':	/* an element of an array: no whole type by itself */
		dbus_get_padding(r, 8);
		for (signature++; *signature != ')' && *signature != '}';)
			signature = dbus_skip(r, signature);
		return signature + 1;
	default:
		skip_basic(r, *signature);
	}
	return end;
}

/* ---- messages ------------------------------------------------------------------------------- */

int dbus_message_size(const void *data, size_t *ret)
{
	const unsigned char *p = data;
	uint32_t body, fields;
	size_t size;

	if (p[0] != DBUS_BYTE_ORDER || p[1] < DBUS_METHOD_CALL || p[1] > DBUS_SIGNAL || p[3] != DBUS_VERSION)
		return -EBADMSG;
	memcpy(&body, p + 4, sizeof(body));
	memcpy(&fields, p + 12, sizeof(fields));
	if (body > DBUS_MESSAGE_MAX || fields > DBUS_MESSAGE_MAX)
		return -EMSGSIZE;
	size = ((DBUS_FIXED_HEADER + (size_t)fields + 7) & ~(size_t)7) + body;
	if (size > DBUS_MESSAGE_MAX)
		return -EMSGSIZE;
	*ret = size;
	return 0;
}

/* The place of a field that is text, and its type. */
static const char **text_field(struct dbus_message *m, uint8_t code, char *ret_type)
{
	*ret_type = 's';
	switch (code) {
	case DBUS_FIELD_PATH:
		*ret_type = 'o';
		return &m->path;
	case DBUS_FIELD_INTERFACE:
		return &m->interface;
	case DBUS_FIELD_MEMBER:
		return &m->member;
	case DBUS_FIELD_ERROR_NAME:
		return &m->error_name;
	case DBUS_FIELD_SENDER:
		return &m->sender;
	case DBUS_FIELD_SIGNATURE:
		*ret_type = 'g';
		return &m->signature;
	default:
		return NULL;
	}
}

static void get_field(struct dbus_reader *r, struct dbus_message *m)
{
	uint8_t code;
	const char *type, **text;
	char expected;

	dbus_get_padding(r, 8);
	code = dbus_get_byte(r);
	type = dbus_get_signature(r);
	text = text_field(m, code, &expected);
	if (code == DBUS_FIELD_REPLY_SERIAL)
		expected = 'u';
	else if (!text)
		expected = *type;
	if (r->failed || !*type || *type != expected || *dbus_type_end(type) != '\0') {
		r->failed = true;
		return;
	}
	if (code == DBUS_FIELD_REPLY_SERIAL)
		m->reply_serial = dbus_get_u32(r);
	else if (!text)
		dbus_skip(r, type);
	else if (expected == 'g')
		*text = dbus_get_signature(r);
	else
		*text = expected == 'o' ? dbus_get_path(r) : dbus_get_string(r);
}

/* What the specification asks of each type of message. */
static bool is_complete(const struct dbus_message *m)
{
	if (m->serial == 0)
		return false;
	switch (m->type) {
	case DBUS_METHOD_RETURN:
		return m->reply_serial;
	case DBUS_ERROR:
		return m->reply_serial && *m->error_name;
	case DBUS_SIGNAL:
		return *m->path && *m->interface && *m->member;
	default:
		return *m->path && *m->member;
	}
}

int dbus_message_parse(const void *data, size_t size, struct dbus_message *ret)
{
	struct dbus_reader r = {.data = data, .size = size};
	struct dbus_message m = {.path = "", .interface = "", .member = "", .error_name = "", .sender = "",
				 .signature = ""};
	size_t end;

	if (size < DBUS_FIXED_HEADER || dbus_message_size(data, &end) < 0 || end != size)
		return -EBADMSG;
	m.type = r.data[1];
	r.pos = 8;
	m.serial = dbus_get_u32(&r);
	end = dbus_get_array(&r, '(');
	while (!r.failed && r.pos < end)
		get_field(&r, &m);
	r.failed |= r.pos != end;
	dbus_get_padding(&r, 8);
	if (r.failed || !is_complete(&m))
		return -EBADMSG;
	m.body = (struct dbus_reader){.data = r.data + r.pos, .size = size - r.pos};
	r = m.body;
	for (const char *s = m.signature; *s && !r.failed;)
		s = dbus_skip(&r, s);
	if (r.failed || r.pos != r.size)
		return -EBADMSG;
	*ret = m;
	return 0;
}
