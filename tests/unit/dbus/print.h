/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values in messages as GVariant text, with the type of each: what was read from text must be the same read again. */
#ifndef ORLOP_TESTS_DBUS_PRINT_H
#define ORLOP_TESTS_DBUS_PRINT_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dbus/message.h"

static inline const char *print_value(struct dbus_reader *r, const char *type, struct strbuf *out);

static inline void print_text(const char *s, struct strbuf *out)
{
	strbuf_adds(out, "'");
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			strbuf_addf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			strbuf_addf(out, "\\u%04x", (unsigned)*s);
		else
			strbuf_add(out, s, 1);
	}
	strbuf_adds(out, "'");
}

static inline void print_double(uint64_t bits, struct strbuf *out)
{
	char text[64];
	double d;

	memcpy(&d, &bits, sizeof(d));
	if (isnan(d) || isinf(d))
		snprintf(text, sizeof(text), "double %s%s", signbit(d) ? "-" : "", isnan(d) ? "nan" : "inf");
	else
		snprintf(text, sizeof(text), "double %.17e", d);
	strbuf_adds(out, text);
}

static inline void print_basic(struct dbus_reader *r, char c, struct strbuf *out)
{
	switch (c) {
	case 'b':
		strbuf_adds(out, dbus_get_boolean(r) ? "true" : "false");
		break;
	case 'y':
		strbuf_addf(out, "byte 0x%02x", dbus_get_byte(r));
		break;
	case 'n':
		strbuf_addf(out, "int16 %d", (int16_t)dbus_get_u16(r));
		break;
	case 'q':
		strbuf_addf(out, "uint16 %u", dbus_get_u16(r));
		break;
	case 'i':
		strbuf_addf(out, "%d", (int32_t)dbus_get_u32(r));
		break;
	case 'u':
		strbuf_addf(out, "uint32 %u", dbus_get_u32(r));
		break;
	case 'x':
		strbuf_addf(out, "int64 %lld", (long long)dbus_get_u64(r));
		break;
	case 't':
		strbuf_addf(out, "uint64 %llu", (unsigned long long)dbus_get_u64(r));
		break;
	case 'd':
		print_double(dbus_get_u64(r), out);
		break;
	case 'o':
		strbuf_adds(out, "objectpath ");
		print_text(dbus_get_path(r), out);
		break;
	case 'g':
		strbuf_adds(out, "signature ");
		print_text(dbus_get_signature(r), out);
		break;
	default:
		print_text(dbus_get_string(r), out);
	}
}

/* The brackets say which: array, dictionary, tuple. */
static inline const char *print_array(struct dbus_reader *r, const char *type, struct strbuf *out)
{
	const char *behind = dbus_type_end(type - 1);
	bool entries = *type == '{';
	size_t end = dbus_get_array(r, *type);

	strbuf_addf(out, "@%.*s %c", (int)(behind - type + 1), type - 1, entries ? '{' : '[');
	for (bool first = true; !r->failed && r->pos < end; first = false) {
		strbuf_adds(out, first ? "" : ", ");
		if (!entries) {
			print_value(r, type, out);
			continue;
		}
		dbus_get_padding(r, 8);
		print_value(r, type + 1, out);
		strbuf_adds(out, ": ");
		print_value(r, type + 2, out);
	}
	strbuf_adds(out, entries ? "}" : "]");
	return behind;
}

static inline const char *print_value(struct dbus_reader *r, const char *type, struct strbuf *out)
{
	const char *inner;

	switch (*type) {
	case 'a':
		return print_array(r, type + 1, out);
	case '(':
		dbus_get_padding(r, 8);
		strbuf_adds(out, "(");
		type++;
		for (unsigned i = 0; *type != ')'; i++) {
			strbuf_adds(out, i ? ", " : "");
			type = print_value(r, type, out);
			strbuf_adds(out, i == 0 && *type == ')' ? "," : "");	/* (1,) */
		}
		strbuf_adds(out, ")");
		return type + 1;
	case 'v':
		inner = dbus_get_signature(r);
		strbuf_adds(out, "<");
		print_value(r, *inner ? inner : "y", out);
		strbuf_adds(out, ">");
		return type + 1;
	default:
		print_basic(r, *type, out);
		return type + 1;
	}
}

#endif
