/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text as the value of a property of a unit.  What is taken is one value that a second reader finds whole, and
 * what that prints is taken as the same bytes again.
 */
#include <stdlib.h>
#include <string.h>

#include "dbus/systemd.h"
#include "dbus/variant.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/dbus/print.h"

const char fuzz_corpus[] = "tests/fuzz/variant";

static bool write_value(const char *text, struct strbuf *b)
{
	struct arena *a = arena_new();
	struct error err = {0};
	struct variant *v;
	int r = variant_parse(a, text, &v, &err);

	if (r == 0)
		r = variant_put(b, v, &err);
	if (r < 0)
		fuzz_check_error(r, &err);
	arena_free(a);
	return r == 0;
}

static void check_again(const struct strbuf *b)
{
	struct dbus_reader r = {.data = (unsigned char *)b->data, .size = b->len};
	struct strbuf text = {0}, again = {0};
	struct arena *a = arena_new();
	struct variant *v, *inner;
	struct error err = {0};

	dbus_skip(&r, "v");
	must(!r.failed && r.pos == r.size);
	r.pos = 0;
	print_value(&r, "v", &text);
	must(!r.failed && r.pos == r.size);
	/* Printed with types, it may be longer than what may be read, or deeper. */
	if (text.len < VARIANT_TEXT_MAX && variant_parse(a, text.data, &v, &err) == 0) {
		/* <value> is a box with a box. */
		text.data[text.len - 1] = '\0';
		must(variant_parse(a, text.data + 1, &inner, &err) == 0);
		must(variant_put(&again, inner, &err) == 0);
		must(again.len == b->len);
		must(strstr(text.data, "nan") || memcmp(again.data, b->data, b->len) == 0);
	}
	arena_free(a);
	strbuf_free(&text);
	strbuf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct strbuf b = {0};
	struct systemd_property p = {"LimitSec", text, "/annotations/x", false};
	struct error err = {0};
	int r;

	memcpy(text, data, size);
	text[size] = '\0';
	if (write_value(text, &b))
		check_again(&b);
	strbuf_free(&b);
	r = systemd_check_properties(&p, 1, &err);
	if (r < 0)
		fuzz_check_error(r, &err);
	free(text);
	return 0;
}
