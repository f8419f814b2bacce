/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "dbus/message.h"
#include "util/mem.h"

static void test_signatures(void **state)
{
	static const char *const good[] = {
		"", "y", "ybnqiuxtdsogh", "v", "as", "aas", "a(sv)", "ssa(sv)a(sa(sv))", "a{sv}", "a{s(iai)}", "(y)",
		"((y)y)",
	};
	static const char *const bad[] = {
		"a", "z", "()", "(", ")", "(y", "y)", "{sv}", "a{s}", "a{sv", "a{vs}", "a{(s)v}", "a{svs}",
		"m", "ms", "*", "\xff",
	};
	char deep[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(dbus_signature_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(dbus_signature_valid(bad[i]));
	memset(deep, 'a', sizeof(deep));
	strcpy(deep + 32, "y");
	assert_true(dbus_signature_valid(deep));
	memset(deep, 'a', sizeof(deep));
	strcpy(deep + 33, "y");
	assert_false(dbus_signature_valid(deep));
	memset(deep, '(', 33);
	strcpy(deep + 33, "y");
	assert_null(dbus_type_end(deep));
	memset(deep, 'y', sizeof(deep));
	deep[256] = '\0';
	assert_false(dbus_signature_valid(deep));
	deep[255] = '\0';
	assert_true(dbus_signature_valid(deep));
}

static void test_paths(void **state)
{
	(void)state;
	assert_true(dbus_path_valid("/"));
	assert_true(dbus_path_valid("/org/freedesktop/systemd1/job/42"));
	assert_false(dbus_path_valid(""));
	assert_false(dbus_path_valid("a"));
	assert_false(dbus_path_valid("/a/"));
	assert_false(dbus_path_valid("//a"));
	assert_false(dbus_path_valid("/a-b"));
}

/* One of each, aligned as the specification has it. */
static void test_values(void **state)
{
	struct strbuf b = {0};
	struct dbus_reader r;
	size_t array, end;

	(void)state;
	dbus_put_byte(&b, 1);
	dbus_put_u16(&b, 2);
	dbus_put_byte(&b, 3);
	dbus_put_u32(&b, 4);
	dbus_put_byte(&b, 5);
	dbus_put_u64(&b, 6);
	assert_int_equal(b.len, 24);
	dbus_put_string(&b, "seven");
	dbus_put_signature(&b, "a{sv}");
	array = dbus_open_array(&b, 't');
	dbus_put_u64(&b, 8);
	dbus_close_array(&b, array, 't');
	array = dbus_open_array(&b, '(');
	dbus_close_array(&b, array, '(');
	r = (struct dbus_reader){.data = (unsigned char *)b.data, .size = b.len};
	assert_int_equal(dbus_get_byte(&r), 1);
	assert_int_equal(dbus_get_u16(&r), 2);
	assert_int_equal(dbus_get_byte(&r), 3);
	assert_int_equal(dbus_get_u32(&r), 4);
	assert_int_equal(dbus_get_byte(&r), 5);
	assert_int_equal(dbus_get_u64(&r), 6);
	assert_string_equal(dbus_get_string(&r), "seven");
	assert_string_equal(dbus_get_signature(&r), "a{sv}");
	end = dbus_get_array(&r, 't');
	assert_int_equal(end - r.pos, 8);
	assert_int_equal(dbus_get_u64(&r), 8);
	end = dbus_get_array(&r, '(');
	assert_int_equal(end, r.pos);
	assert_int_equal(r.pos, r.size);
	assert_false(r.failed);
	/* Behind the end there is nothing. */
	assert_int_equal(dbus_get_u32(&r), 0);
	assert_true(r.failed);
	assert_string_equal(dbus_get_string(&r), "");
	strbuf_free(&b);
}

static bool fails(const char *signature, const void *data, size_t n)
{
	struct dbus_reader r = {.data = data, .size = n};

	dbus_skip(&r, signature);
	return r.failed;
}

#define FAILS(signature, bytes) fails(signature, bytes, sizeof(bytes) - 1)

static void test_bad_values(void **state)
{
	struct strbuf b = {0};

	(void)state;
	assert_true(FAILS("u", "\1\0\0"));
	assert_true(FAILS("s", "\1\0\0\0a"));		/* its NUL is missing */
	assert_true(FAILS("s", "\1\0\0\0ab"));
	assert_true(FAILS("s", "\2\0\0\0\0a\0"));
	assert_true(FAILS("s", "\1\0\0\0\xff\0"));
	assert_true(FAILS("s", "\xff\xff\xff\xff\0\0"));
	assert_true(FAILS("o", "\1\0\0\0a\0"));
	assert_true(FAILS("g", "\1z\0"));
	assert_true(FAILS("g", "\377z\0"));
	assert_true(FAILS("v", "\0\0"));		/* no type */
	assert_true(FAILS("v", "\2yy\0\1\1"));		/* two */
	assert_true(FAILS("(yu)", "\1\0\1\0\0\0\0\0"));	/* padding that is no zero */
	assert_true(FAILS("ay", "\3\0\0\0ab"));
	assert_true(FAILS("au", "\2\0\0\0\0\0\0\0"));	/* half an element */
	assert_true(FAILS("at", "\0\0\0\0\1\0\0\0"));
	assert_false(FAILS("au", "\0\0\0\0"));
	if (DBUS_BYTE_ORDER == 'l')
		assert_true(FAILS("b", "\2\0\0\0"));
	/* Variants in variants, of which only so many may be in each other. */
	for (unsigned i = 0; i < DBUS_DEPTH_MAX; i++) {
		if (i == DBUS_DEPTH_MAX - 1)
			dbus_put_signature(&b, "y");
		else
			dbus_put_signature(&b, "v");
	}
	dbus_put_byte(&b, 1);
	assert_false(fails("v", b.data, b.len));
	b.len = 0;
	for (unsigned i = 0; i < 1000; i++)
		dbus_put_signature(&b, "v");
	assert_true(fails("v", b.data, b.len));
	strbuf_free(&b);
}

static void test_call(void **state)
{
	static const int fd;
	struct strbuf body = {0}, b = {0};
	struct dbus_call call = {
		.destination = "org.example", .path = "/a", .interface = "org.example.I", .member = "Do",
		.signature = "s", .body = &body, .fds = &fd, .n_fds = 1,
	};
	struct dbus_message m;
	size_t size;

	(void)state;
	dbus_put_string(&body, "hello");
	dbus_put_call(&b, &call, 3);
	assert_int_equal(dbus_message_size(b.data, &size), 0);
	assert_int_equal(size, b.len);
	assert_int_equal(dbus_message_parse(b.data, b.len, &m), 0);
	assert_int_equal(m.type, DBUS_METHOD_CALL);
	assert_int_equal(m.serial, 3);
	assert_string_equal(m.path, "/a");
	assert_string_equal(m.interface, "org.example.I");
	assert_string_equal(m.member, "Do");
	assert_string_equal(m.signature, "s");
	assert_string_equal(m.sender, "");
	assert_string_equal(dbus_get_string(&m.body), "hello");
	/* None of its bytes may be missing, and none more be there. */
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(dbus_message_parse(b.data, n, &m), -EBADMSG);
	strbuf_add(&b, "", 1);
	assert_int_equal(dbus_message_parse(b.data, b.len, &m), -EBADMSG);
	strbuf_free(&b);
	strbuf_free(&body);
}

static void test_sizes(void **state)
{
	unsigned char head[16] = {DBUS_BYTE_ORDER, DBUS_SIGNAL, 0, DBUS_VERSION};
	uint32_t body = 8, fields = 9;
	size_t size;

	(void)state;
	memcpy(head + 4, &body, 4);
	memcpy(head + 12, &fields, 4);
	assert_int_equal(dbus_message_size(head, &size), 0);
	assert_int_equal(size, 16 + 16 + 8);
	body = DBUS_MESSAGE_MAX;
	memcpy(head + 4, &body, 4);
	assert_int_equal(dbus_message_size(head, &size), -EMSGSIZE);
	body = 0xffffffff;
	memcpy(head + 4, &body, 4);
	assert_int_equal(dbus_message_size(head, &size), -EMSGSIZE);
	body = 0;
	fields = 0xfffffff9;
	memcpy(head + 4, &body, 4);
	memcpy(head + 12, &fields, 4);
	assert_int_equal(dbus_message_size(head, &size), -EMSGSIZE);
	head[0] = DBUS_BYTE_ORDER == 'l' ? 'B' : 'l';
	assert_int_equal(dbus_message_size(head, &size), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
