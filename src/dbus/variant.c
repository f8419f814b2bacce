/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types for what GVariant text leaves open, and the values in a message.  Runs on the host. */
#include "dbus/variant.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/variant_tree.h"

/*
 * A pattern is a type that is not all known yet: N may be any number (else i), S any text (else s), * anything.
 * Elements of one array, of which each may know a part, have one pattern together.
 */
struct pattern {
	char text[DBUS_SIGNATURE_MAX + 1];
	size_t n;
};

static int fail(const struct variant *v, struct error *err, const char *what)
{
	return error_set(err, EINVAL, "%s at byte %u", what, v->at);
}

static int add(struct pattern *p, const char *text, size_t n, const struct variant *v, struct error *err)
{
	if (n > DBUS_SIGNATURE_MAX - p->n)
		return fail(v, err, "a type that is too long");
	memcpy(p->text + p->n, text, n);
	p->n += n;
	p->text[p->n] = '\0';
	return 0;
}

/* Behind one pattern of a whole type. */
static const char *pattern_end(const char *s)
{
	unsigned open = 0;

	do {
		while (*s == 'a')
			s++;
		if (*s == '(' || *s == '{')
			open++;
		else if (*s == ')' || *s == '}')
			open--;
		s++;
	} while (open > 0);
	return s;
}

/* What is of both. */
static int unite(const struct pattern *x, const struct pattern *y, struct pattern *ret, const struct variant *v,
		 struct error *err)
{
	struct pattern p = {0};
	const char *a = x->text, *b = y->text;
	int r;

	while (*a && *b) {
		const char *from = a, *end_a = a + 1, *end_b = b + 1;

		if (*a == '*' && *b != ')' && *b != '}')
			end_b = pattern_end(from = b);
		else if (*b == '*' && *a != ')' && *a != '}')
			end_a = pattern_end(a);
		else if ((*a == 'N' && strchr("ynqiuxtd", *b)) || (*a == 'S' && strchr("sog", *b)))
			from = b;
		else if (*a != *b && !(*b == 'N' && strchr("ynqiuxtd", *a)) && !(*b == 'S' && strchr("sog", *a)))
			return fail(v, err, "a value of another type than those before it");
		r = add(&p, from, (size_t)((from == a ? end_a : end_b) - from), v, err);
		if (r < 0)
			return r;
		a = end_a;
		b = end_b;
	}
	if (*a || *b)
		return fail(v, err, "a value of another type than those before it");
	*ret = p;
	return 0;
}

static int find(const struct variant *v, struct pattern *ret, struct error *err);

/* One pattern for each @step th child, from @first on. */
static int find_common(const struct variant *v, size_t first, size_t step, struct pattern *ret, struct error *err)
{
	struct pattern p = {"*", 1}, one;
	int r;

	for (size_t i = first; i < v->n; i += step) {
		one = (struct pattern){0};
		r = find(v->child[i], &one, err);
		if (r == 0)
			r = unite(&p, &one, &p, v->child[i], err);
		if (r < 0)
			return r;
	}
	return add(ret, p.text, p.n, v, err);
}

static int find_entry(const struct variant *v, struct pattern *ret, struct error *err)
{
	int r = add(ret, "{", 1, v, err);

	if (r == 0)
		r = find_common(v, 0, 2, ret, err);
	if (r == 0)
		r = find_common(v, 1, 2, ret, err);
	return r < 0 ? r : add(ret, "}", 1, v, err);
}

static int find_tuple(const struct variant *v, struct pattern *ret, struct error *err)
{
	int r = add(ret, "(", 1, v, err);

	for (size_t i = 0; i < v->n && r == 0; i++)
		r = find(v->child[i], ret, err);
	return r < 0 ? r : add(ret, ")", 1, v, err);
}

static int find(const struct variant *v, struct pattern *ret, struct error *err)
{
	int r;

	switch (v->kind) {
	case VARIANT_BOOLEAN:
		return add(ret, "b", 1, v, err);
	case VARIANT_NUMBER:
		return add(ret, variant_is_double(v) ? "d" : "N", 1, v, err);
	case VARIANT_STRING:
		return add(ret, "S", 1, v, err);
	case VARIANT_BYTES:
		return add(ret, "ay", 2, v, err);
	case VARIANT_TYPED:
		return add(ret, v->text, v->len, v, err);
	case VARIANT_BOX:
		return add(ret, "v", 1, v, err);
	case VARIANT_ARRAY:
		r = add(ret, "a", 1, v, err);
		return r < 0 ? r : find_common(v, 0, 1, ret, err);
	case VARIANT_DICTIONARY:
		r = add(ret, "a", 1, v, err);
		return r < 0 ? r : find_entry(v, ret, err);
	case VARIANT_ENTRY:
		return find_entry(v, ret, err);
	default:
		return find_tuple(v, ret, err);
	}
}

static int find_type(const struct variant *v, struct pattern *p, struct error *err)
{
	int r = find(v, p, err);

	if (r < 0)
		return r;
	for (char *s = p->text; *s; s++) {
		if (*s == '*')
			return fail(v, err, "an empty array or dictionary needs its type, as in @as [],");
		*s = *s == 'N' ? 'i' : *s == 'S' ? 's' : *s;
	}
	if (*p->text == '{')
		return fail(v, err, "an entry that is in no dictionary");
	if (!dbus_signature_valid(p->text))
		return fail(v, err, "a value that D-Bus has no type for");
	return 0;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static int whole(const struct variant *v, bool *ret_negative, uint64_t *ret, struct error *err)
{
	const char *s = v->text;
	char *end;

	if (variant_is_double(v))
		return fail(v, err, "no whole number");
	*ret_negative = *s == '-';
	s += *s == '-' || *s == '+';
	errno = 0;
	*ret = strtoull(s, &end, 0);
	return errno || *end ? fail(v, err, "a number too large") : 0;
}

static int put_number(struct strbuf *b, const struct variant *v, char type, struct error *err)
{
	static const char types[] = "ynqiuxth";
	static const unsigned char bits[] = {8, 16, 16, 32, 32, 64, 64, 32};
	size_t i = (size_t)(strchr(types, type) - types);
	bool is_signed = strchr("nix", type), negative;
	uint64_t n, max = UINT64_MAX >> (64 - bits[i] + is_signed);
	int r = whole(v, &negative, &n, err);

	if (r < 0)
		return r;
	if (n > (negative ? (is_signed ? max + 1 : 0) : max))
		return fail(v, err, "a number out of the range of its type");
	if (negative)
		n = 0 - n;
	if (bits[i] == 8)
		dbus_put_byte(b, (uint8_t)n);
	else if (bits[i] == 16)
		dbus_put_u16(b, (uint16_t)n);
	else if (bits[i] == 32)
		dbus_put_u32(b, (uint32_t)n);
	else
		dbus_put_u64(b, n);
	return 0;
}

static int real(const struct variant *v, double *ret, struct error *err)
{
	const char *s = v->text;
	bool negative = false;
	uint64_t n;
	int r;

	if (variant_is_double(v)) {
		*ret = strtod(s, NULL);
		if (isinf(*ret) && !strstr(s, "inf"))
			return fail(v, err, "a number too large");
		return 0;
	}
	r = whole(v, &negative, &n, err);
	if (r == 0)
		*ret = negative ? -(double)n : (double)n;
	return r;
}

/* ---- values --------------------------------------------------------------------------------- */

static int put(struct strbuf *b, const struct variant *v, const char *type, struct error *err);

static int put_bytes(struct strbuf *b, const struct variant *v)
{
	size_t array = dbus_open_array(b, 'y');

	strbuf_add(b, v->text, v->len + 1);
	dbus_close_array(b, array, 'y');
	return 0;
}

static int put_text(struct strbuf *b, const struct variant *v, char type, struct error *err)
{
	if (type == 'o' && !dbus_path_valid(v->text))
		return fail(v, err, "no path of an object");
	if (type == 'g' && !dbus_signature_valid(v->text))
		return fail(v, err, "no signature");
	if (type == 'g')
		dbus_put_signature(b, v->text);
	else
		dbus_put_string(b, v->text);
	return 0;
}

/* The elements of an array of @type; those of a dictionary are two each. */
static int put_elements(struct strbuf *b, const struct variant *v, const char *type, struct error *err)
{
	size_t array = dbus_open_array(b, *type);
	size_t step = v->kind == VARIANT_DICTIONARY ? 2 : 1;
	int r = 0;

	for (size_t i = 0; i < v->n && r == 0; i += step) {
		if (step == 1) {
			r = put(b, v->child[i], type, err);
			continue;
		}
		dbus_put_padding(b, 8);
		r = put(b, v->child[i], type + 1, err);
		if (r == 0)
			r = put(b, v->child[i + 1], type + 2, err);
	}
	if (r == 0)
		dbus_close_array(b, array, *type);
	return r;
}

/* Of a tuple, or an entry: one type behind the other. */
static int put_members(struct strbuf *b, const struct variant *v, const char *type, struct error *err)
{
	int r = 0;

	dbus_put_padding(b, 8);
	type++;
	for (size_t i = 0; i < v->n && r == 0; i++) {
		if (*type == ')' || *type == '}')
			return fail(v, err, "too many members for its type");
		r = put(b, v->child[i], type, err);
		type = dbus_type_end(type);
	}
	if (r == 0 && *type != ')' && *type != '}')
		return fail(v, err, "too few members for its type");
	return r;
}

static int put_box(struct strbuf *b, const struct variant *v, struct error *err)
{
	struct pattern p = {0};
	int r = find_type(v, &p, err);

	if (r < 0)
		return r;
	dbus_put_signature(b, p.text);
	return put(b, v, p.text, err);
}

/* Its type is known; is it the one that is wanted? */
static int put_typed(struct strbuf *b, const struct variant *v, const char *type, struct error *err)
{
	const char *end = dbus_type_end(type);
	size_t n = end ? (size_t)(end - type) : 0;

	if (n != v->len || strncmp(type, v->text, n) != 0)
		return fail(v, err, "a value of another type than is declared");
	return put(b, v->child[0], type, err);
}

/* Whose first type is @type. */
static int put(struct strbuf *b, const struct variant *v, const char *type, struct error *err)
{
	char c = *type;
	double d;
	int r;

	if (v->kind == VARIANT_TYPED)
		return put_typed(b, v, type, err);
	if (c == 'h')
		return fail(v, err, "a descriptor, which cannot be named,");
	if (v->kind == VARIANT_BOOLEAN && c == 'b') {
		dbus_put_u32(b, *v->text == 't');
		return 0;
	}
	if (v->kind == VARIANT_NUMBER && c == 'd') {
		r = real(v, &d, err);
		if (r == 0)
			dbus_put_double(b, d);
		return r;
	}
	if (v->kind == VARIANT_NUMBER && strchr("ynqiuxt", c))
		return put_number(b, v, c, err);
	if (v->kind == VARIANT_STRING && strchr("sog", c))
		return put_text(b, v, c, err);
	if (v->kind == VARIANT_BYTES && strncmp(type, "ay", 2) == 0)
		return put_bytes(b, v);
	if (v->kind == VARIANT_BOX && c == 'v')
		return put_box(b, v->child[0], err);
	if ((v->kind == VARIANT_ARRAY && c == 'a') || (v->kind == VARIANT_DICTIONARY && strncmp(type, "a{", 2) == 0))
		return put_elements(b, v, type + 1, err);
	if ((v->kind == VARIANT_TUPLE && c == '(') || (v->kind == VARIANT_ENTRY && c == '{'))
		return put_members(b, v, type, err);
	return fail(v, err, "a value of another type than is declared");
}

int variant_put(struct strbuf *b, const struct variant *v, struct error *err)
{
	return put_box(b, v, err);
}

#define USEC_PER_SEC 1000000

int variant_put_usec(struct strbuf *b, const struct variant *v, struct error *err)
{
	const struct variant *n = v->kind == VARIANT_TYPED ? v->child[0] : v;
	uint64_t usec;
	bool negative;
	double d;
	int r;

	if (n->kind != VARIANT_NUMBER)
		return fail(v, err, "no number of seconds");
	if (n != v) {	/* in its type's range */
		struct strbuf ignored = {0};

		r = put(&ignored, v, v->text, err);
		strbuf_free(&ignored);
		if (r < 0)
			return r;
	}
	if (variant_is_double(n)) {
		r = real(n, &d, err);
		if (r < 0)
			return r;
		d *= USEC_PER_SEC;
		if (!(d >= 0 && d < 0x1p64))
			return fail(v, err, "a number of seconds out of range");
		usec = (uint64_t)d;
	} else {
		r = whole(n, &negative, &usec, err);
		if (r < 0)
			return r;
		if ((negative && usec) || __builtin_mul_overflow(usec, (uint64_t)USEC_PER_SEC, &usec))
			return fail(v, err, "a number of seconds out of range");
	}
	dbus_put_signature(b, "t");
	dbus_put_u64(b, usec);
	return 0;
}
