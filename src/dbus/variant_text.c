/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GVariant text to a tree, which is as deep as D-Bus lets values be.  Runs on the host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dbus/variant_tree.h"

struct source {
	struct arena *a;
	const char *text, *p;
	unsigned depth;
	struct error *err;
};

static const char blank_bytes[] = " \t\n\v\f\r";
static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static int fail(struct source *s, const char *what)
{
	if (*s->p == '\0')
		return error_set(s->err, EINVAL, "%s at the end", what);
	return error_set(s->err, EINVAL, "%s at byte %zu", what, (size_t)(s->p - s->text) + 1);
}

static void blanks(struct source *s)
{
	s->p += strspn(s->p, blank_bytes);
}

static bool next_is(struct source *s, char c)
{
	blanks(s);
	return *s->p == c;
}

static bool take_char(struct source *s, char c)
{
	bool is = next_is(s, c);

	s->p += is;
	return is;
}

static struct variant *node(struct source *s, enum variant_kind kind)
{
	struct variant *v = arena_new_array(s->a, struct variant, 1);

	v->kind = kind;
	v->at = (unsigned)(s->p - s->text) + 1;
	return v;
}

/* ---- text in quotes ------------------------------------------------------------------------- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* \uXXXX, \UXXXXXXXX; at the first digit. */
static int unicode(struct source *s, unsigned digits, char **out)
{
	uint32_t c = 0;

	for (unsigned i = 0; i < digits; i++) {
		int digit = hex_value(*s->p);

		if (digit < 0)
			return fail(s, "an escape without its 4 or 8 hexadecimal digits");
		c = c << 4 | (uint32_t)digit;
		s->p++;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return fail(s, "an escape of no character ends");
	*out += put_utf8(*out, c);
	return 0;
}

/* Up to three octal digits, in a byte string. */
static int octal(struct source *s, char **out)
{
	unsigned c = 0;

	for (unsigned i = 0; i < 3 && *s->p >= '0' && *s->p <= '7'; i++)
		c = c << 3 | (unsigned)(*s->p++ - '0');
	if ((char)c == '\0')	/* GLib ends the string here; others may not */
		return fail(s, "a byte string with a NUL, for which there are arrays of bytes, goes on");
	*(*out)++ = (char)c;
	return 0;
}

/* Behind the backslash.  What stands for nothing else stands for itself. */
static int escape(struct source *s, bool bytes, char **out)
{
	static const char names[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
	const char *name;
	char c = *s->p;

	if (c == '\0')
		return fail(s, "a quote is missing");
	if (bytes && c >= '0' && c <= '7')
		return octal(s, out);
	s->p++;
	if (!bytes && (c == 'u' || c == 'U'))
		return unicode(s, c == 'u' ? 4 : 8, out);
	if (c == '\n')
		return 0;
	name = strchr(names, c);
	*(*out)++ = name ? values[name - names] : c;
	return 0;
}

static int quoted(struct source *s, bool bytes, struct variant **ret)
{
	struct variant *v = node(s, bytes ? VARIANT_BYTES : VARIANT_STRING);
	char quote, *text, *out;
	int r;

	s->p += bytes;
	quote = *s->p++;
	text = out = arena_alloc(s->a, strlen(s->p) + 1, 1);	/* no escape becomes longer */
	while (*s->p != quote) {
		if (*s->p == '\0')
			return fail(s, "a quote is missing");
		if (*s->p != '\\') {
			*out++ = *s->p++;
			continue;
		}
		s->p++;
		r = escape(s, bytes, &out);
		if (r < 0)
			return r;
	}
	s->p++;
	v->text = text;
	v->len = (size_t)(out - text);
	if (!bytes && !str_utf8_valid(text, v->len))
		return fail(s, "text that is not UTF-8 ends");
	*ret = v;
	return 0;
}

/* ---- numbers and words ---------------------------------------------------------------------- */

bool variant_is_double(const struct variant *number)
{
	const char *s = number->text + strspn(number->text, "+-");

	if (s[0] == '0' && (s[1] | 0x20) == 'x')
		return false;
	return strpbrk(s, ".eE") || str_eq(s, "inf") || str_eq(s, "nan");
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* Decimal, hexadecimal or octal; or with a point or an exponent.  Its range depends on its type. */
static bool is_number(const char *s)
{
	size_t whole, part = 0;

	s += *s == '-' || *s == '+';
	if (str_eq(s, "inf") || str_eq(s, "nan"))
		return true;
	if (s[0] == '0' && (s[1] | 0x20) == 'x')
		return s[2] && s[2 + strspn(s + 2, "0123456789abcdefABCDEF")] == '\0';
	whole = digits(s);
	if (s[0] == '0' && s[whole] == '\0')
		return s[strspn(s, "01234567")] == '\0';
	s += whole;
	if (*s == '.') {
		part = digits(++s);
		s += part;
	}
	if (whole + part == 0)
		return false;
	if ((*s | 0x20) == 'e') {
		s++;
		s += *s == '-' || *s == '+';
		part = digits(s);
		s += part;
		if (part == 0)
			return false;
	}
	return *s == '\0';
}

static char *word(struct source *s, const char *of)
{
	size_t n = strspn(s->p, of);

	return arena_strndup(s->a, s->p, n);
}

static int number(struct source *s, struct variant **ret)
{
	struct variant *v = node(s, VARIANT_NUMBER);
	char *text = word(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

	if (!is_number(text))
		return fail(s, "no number");
	v->text = text;
	v->len = strlen(text);
	s->p += v->len;
	*ret = v;
	return 0;
}

static int value(struct source *s, struct variant **ret);

static int typed(struct source *s, struct variant *v, const char *type, size_t len, struct variant **ret)
{
	v->text = type;
	v->len = strlen(type);
	v->child = arena_new_array(s->a, struct variant *, 1);
	v->n = 1;
	s->p += len;
	*ret = v;
	return value(s, v->child);
}

/* @a(ss): everything up to what cannot be in a type. */
static int declared(struct source *s, struct variant **ret)
{
	struct variant *v = node(s, VARIANT_TYPED);
	char *type;
	const char *end;

	s->p++;
	type = word(s, "abdghinoqstuvxymr(){}*?");
	end = *type ? dbus_type_end(type) : NULL;
	/* Brackets around the whole are not of it. */
	if (!end || end - type > DBUS_SIGNATURE_MAX)
		return fail(s, strchr(type, 'm') ? "a type that D-Bus does not have (maybe)" : "no type of D-Bus");
	type[end - type] = '\0';
	if (!strchr(blank_bytes, s->p[strlen(type)]))
		return fail(s, "no blank behind the type");
	return typed(s, v, type, strlen(type), ret);
}

static int keyword(struct source *s, struct variant **ret)
{
	static const struct name_value words[] = {
		{"boolean", 'b'}, {"byte", 'y'}, {"int16", 'n'}, {"uint16", 'q'}, {"int32", 'i'}, {"uint32", 'u'},
		{"int64", 'x'}, {"uint64", 't'}, {"double", 'd'}, {"string", 's'}, {"objectpath", 'o'},
		{"signature", 'g'}, {"handle", 'h'},
	};
	char *text = word(s, letters);
	const struct name_value *w;
	struct variant *v;

	if (str_eq(text, "true") || str_eq(text, "false")) {
		v = node(s, VARIANT_BOOLEAN);
		v->text = text;
		s->p += strlen(text);
		*ret = v;
		return 0;
	}
	if (str_eq(text, "inf") || str_eq(text, "nan"))
		return number(s, ret);
	if (str_eq(text, "just") || str_eq(text, "nothing"))
		return fail(s, "a value that D-Bus has no type for (maybe)");
	w = name_find(words, ARRAY_SIZE(words), text);
	if (!w)
		return fail(s, "an unknown word");
	v = node(s, VARIANT_TYPED);
	return typed(s, v, arena_printf(s->a, "%c", (char)w->value), strlen(text), ret);
}

/* ---- containers ----------------------------------------------------------------------------- */

static int push_value(struct source *s, struct variant *v)
{
	struct variant *child;
	int r = value(s, &child);

	if (r == 0)
		arena_push(s->a, v->child, v->n) = child;
	return r;
}

static int array(struct source *s, struct variant **ret)
{
	struct variant *v = *ret = node(s, VARIANT_ARRAY);
	int r;

	s->p++;
	while (!take_char(s, ']')) {
		if (v->n > 0 && !take_char(s, ','))
			return fail(s, "no ',' or ']'");
		r = push_value(s, v);
		if (r < 0)
			return r;
	}
	return 0;
}

/* (1,) is a tuple of one. */
static int tuple(struct source *s, struct variant **ret)
{
	struct variant *v = *ret = node(s, VARIANT_TUPLE);
	int r;

	s->p++;
	while (!take_char(s, ')')) {
		if (v->n > 1 && !take_char(s, ','))
			return fail(s, "no ',' or ')'");
		r = push_value(s, v);
		if (r < 0)
			return r;
		if (v->n == 1 && !take_char(s, ','))
			return fail(s, "no ',' behind the first of a tuple");
	}
	if (v->n == 0)
		return fail(s, "a tuple with nothing in it, which D-Bus does not have, ends");
	return 0;
}

static int dictionary(struct source *s, struct variant **ret)
{
	struct variant *v = *ret = node(s, VARIANT_DICTIONARY);
	int r;

	s->p++;
	while (!take_char(s, '}')) {
		if (v->n > 0 && !take_char(s, ','))
			return fail(s, "no ',' or '}'");
		r = push_value(s, v);
		if (r < 0)
			return r;
		if (v->n == 1 && next_is(s, ','))
			v->kind = VARIANT_ENTRY;
		if (!take_char(s, v->kind == VARIANT_ENTRY ? ',' : ':'))
			return fail(s, "no ':' behind a key");
		r = push_value(s, v);
		if (r < 0)
			return r;
		if (v->kind == VARIANT_ENTRY)
			return take_char(s, '}') ? 0 : fail(s, "no '}'");
	}
	return 0;
}

static int box(struct source *s, struct variant **ret)
{
	struct variant *v = *ret = node(s, VARIANT_BOX);
	int r;

	s->p++;
	r = push_value(s, v);
	if (r < 0)
		return r;
	return take_char(s, '>') ? 0 : fail(s, "no '>'");
}

static int value_of(struct source *s, struct variant **ret)
{
	char c = *s->p;

	switch (c) {
	case '[':
		return array(s, ret);
	case '(':
		return tuple(s, ret);
	case '{':
		return dictionary(s, ret);
	case '<':
		return box(s, ret);
	case '\'':
	case '"':
		return quoted(s, false, ret);
	case '@':
		return declared(s, ret);
	case '\0':
		return fail(s, "no value");
	default:
		break;
	}
	if (c == 'b' && (s->p[1] == '\'' || s->p[1] == '"'))
		return quoted(s, true, ret);
	if (strchr("+-.0123456789", c))
		return number(s, ret);
	return strchr(letters, c) ? keyword(s, ret) : fail(s, "no value");
}

static int value(struct source *s, struct variant **ret)
{
	int r;

	blanks(s);
	if (s->depth == DBUS_DEPTH_MAX)
		return fail(s, "too many values in each other");
	s->depth++;
	r = value_of(s, ret);
	s->depth--;
	return r;
}

int variant_parse(struct arena *a, const char *text, struct variant **ret, struct error *err)
{
	struct source s = {.a = a, .text = text, .p = text, .err = err};
	struct variant *v;
	int r;

	if (strlen(text) > VARIANT_TEXT_MAX)
		return error_set(err, EINVAL, "longer than %d bytes", VARIANT_TEXT_MAX);
	r = value(&s, &v);
	if (r < 0)
		return r;
	blanks(&s);
	if (*s.p)
		return fail(&s, "something follows the value");
	*ret = v;
	return 0;
}
