/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of D-Bus: their types, and how they are written.  Runs on the host. */
#include "dbus/message.h"

#include <string.h>

/* ---- types ---------------------------------------------------------------------------------- */

bool dbus_type_is_basic(char c)
{
	return c && strchr("ybnqiuxtdsogh", c);
}

size_t dbus_alignment(char c)
{
	switch (c) {
	case 'y':
	case 'g':
	case 'v':
		return 1;
	case 'n':
	case 'q':
		return 2;
	case 'x':
	case 't':
	case 'd':
	case '(':
	case '{':
		return 8;
	default:
		return 4;
	}
}

/* @arrays, @structs: how many more may be in it. */
static const char *type_end(const char *s, unsigned arrays, unsigned structs)
{
	char c = *s++;

	if (c == 'v' || dbus_type_is_basic(c))
		return s;
	if (c == 'a' && arrays > 0) {
		if (*s != '{')
			return type_end(s, arrays - 1, structs);
		if (structs == 0 || !dbus_type_is_basic(s[1]))
			return NULL;
		s = type_end(s + 2, arrays - 1, structs - 1);
		return s && *s == '}' ? s + 1 : NULL;
	}
	if (c != '(' || structs == 0 || *s == ')')
		return NULL;
	while (s && *s != ')')
		s = type_end(s, arrays, structs - 1);
	return s ? s + 1 : NULL;
}

const char *dbus_type_end(const char *signature)
{
	return type_end(signature, DBUS_DEPTH_MAX, DBUS_DEPTH_MAX);
}

bool dbus_signature_valid(const char *signature)
{
	if (strlen(signature) > DBUS_SIGNATURE_MAX)
		return false;
	while (signature && *signature)
		signature = dbus_type_end(signature);
	return signature;
}

bool dbus_path_valid(const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

	if (str_eq(s, "/"))
		return true;
	while (*s == '/') {
		size_t n = strspn(s + 1, letters);

		if (n == 0)
			return false;
		s += 1 + n;
		if (*s == '\0')
			return true;
	}
	return false;
}

/* ---- writing -------------------------------------------------------------------------------- */

void dbus_put_padding(struct strbuf *b, size_t alignment)
{
	static const char zeroes[8];

	strbuf_add(b, zeroes, -b->len & (alignment - 1));
}

void dbus_put_byte(struct strbuf *b, uint8_t v)
{
	strbuf_add(b, &v, sizeof(v));
}

void dbus_put_u16(struct strbuf *b, uint16_t v)
{
	dbus_put_padding(b, sizeof(v));
	strbuf_add(b, &v, sizeof(v));
}

void dbus_put_u32(struct strbuf *b, uint32_t v)
{
	dbus_put_padding(b, sizeof(v));
	strbuf_add(b, &v, sizeof(v));
}

void dbus_put_u64(struct strbuf *b, uint64_t v)
{
	dbus_put_padding(b, sizeof(v));
	strbuf_add(b, &v, sizeof(v));
}

void dbus_put_double(struct strbuf *b, double v)
{
	dbus_put_padding(b, sizeof(v));
	strbuf_add(b, &v, sizeof(v));
}

void dbus_put_string(struct strbuf *b, const char *s)
{
	size_t n = strlen(s);

	dbus_put_u32(b, (uint32_t)n);
	strbuf_add(b, s, n + 1);
}

void dbus_put_signature(struct strbuf *b, const char *s)
{
	size_t n = strlen(s);

	dbus_put_byte(b, (uint8_t)n);
	strbuf_add(b, s, n + 1);
}

size_t dbus_open_array(struct strbuf *b, char c)
{
	size_t opened;

	dbus_put_u32(b, 0);
	opened = b->len;
	dbus_put_padding(b, dbus_alignment(c));	/* not counted */
	return opened;
}

void dbus_close_array(struct strbuf *b, size_t opened, char c)
{
	size_t start = opened + (-opened & (dbus_alignment(c) - 1));
	uint32_t n = (uint32_t)(b->len - start);

	memcpy(b->data + opened - sizeof(n), &n, sizeof(n));
}

static void put_field(struct strbuf *b, enum dbus_field code, const char *type, const char *value)
{
	if (!value || !*value)
		return;
	dbus_put_padding(b, 8);
	dbus_put_byte(b, (uint8_t)code);
	dbus_put_signature(b, type);
	if (*type == 'g')
		dbus_put_signature(b, value);
	else
		dbus_put_string(b, value);
}

#define NO_REPLY_EXPECTED 1

void dbus_put_call(struct strbuf *out, const struct dbus_call *call, uint32_t serial)
{
	struct strbuf b = {0};
	size_t fields;

	dbus_put_byte(&b, DBUS_BYTE_ORDER);
	dbus_put_byte(&b, DBUS_METHOD_CALL);
	dbus_put_byte(&b, call->no_reply ? NO_REPLY_EXPECTED : 0);
	dbus_put_byte(&b, DBUS_VERSION);
	dbus_put_u32(&b, call->body ? (uint32_t)call->body->len : 0);
	dbus_put_u32(&b, serial);
	fields = dbus_open_array(&b, '(');
	put_field(&b, DBUS_FIELD_PATH, "o", call->path);
	put_field(&b, DBUS_FIELD_INTERFACE, "s", call->interface);
	put_field(&b, DBUS_FIELD_MEMBER, "s", call->member);
	put_field(&b, DBUS_FIELD_DESTINATION, "s", call->destination);
	put_field(&b, DBUS_FIELD_SIGNATURE, "g", call->signature);
	if (call->n_fds > 0) {
		dbus_put_padding(&b, 8);
		dbus_put_byte(&b, DBUS_FIELD_UNIX_FDS);
		dbus_put_signature(&b, "u");
		dbus_put_u32(&b, (uint32_t)call->n_fds);
	}
	dbus_close_array(&b, fields, '(');
	dbus_put_padding(&b, 8);
	strbuf_add(out, b.data, b.len);
	if (call->body)
		strbuf_add(out, call->body->data, call->body->len);
	strbuf_free(&b);
}
