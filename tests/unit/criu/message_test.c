/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "criu/message.h"
#include "criu/wire.h"
#include "util/cleanup.h"

/* ---- the wire: as `protoc --encode` writes it ------------------------------------------------- */

static void test_numbers(void **state)
{
	static const struct {
		uint64_t v;
		const char *bytes;
		size_t n;
	} rows[] = {
		{0, "\x08\x00", 2}, {1, "\x08\x01", 2}, {127, "\x08\x7f", 2}, {128, "\x08\x80\x01", 3},
		{300, "\x08\xac\x02", 3}, {UINT64_MAX, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(strbuf_free) struct strbuf out = {0};
		struct wire_reader r;
		struct wire_field f;

		wire_put_number(&out, 1, rows[i].v);
		assert_int_equal(out.len, rows[i].n);
		assert_memory_equal(out.data, rows[i].bytes, rows[i].n);
		r = (struct wire_reader){(unsigned char *)out.data, (unsigned char *)out.data + out.len};
		assert_int_equal(wire_next(&r, &f), 1);
		assert_int_equal(f.number, 1);
		assert_true(!f.bytes && f.v == rows[i].v);
		assert_int_equal(wire_next(&r, &f), 0);
	}
}

static void test_bad_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {
		{"\x08", 1}, {"\x80", 1}, {"\x08\x80", 2}, {"\x00\x01", 2}, {"\x0a\x02x", 3}, {"\x0a\xff\x7f", 3},
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, {"\x0b\x0c", 2}, {"\x0f\x01", 2},
		{"\x09\x01\x02", 3}, {"\x0d\x01", 2}, {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, {"\xf8\xff\xff\xff\xff\x01\x00", 7},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const unsigned char *p = (const unsigned char *)rows[i].bytes;
		struct wire_reader r = {p, p + rows[i].n};
		struct criu_answer a;
		struct wire_field f;
		int e;

		while ((e = wire_next(&r, &f)) > 0)
			;
		assert_int_equal(e, -EBADMSG);
		assert_int_equal(criu_answer_parse(p, rows[i].n, &a), -EBADMSG);
	}
}

static void test_other_kinds_are_left_out(void **state)
{
	static const unsigned char bytes[] = "\x09" "12345678" "\x15" "1234" "\x18\x07";
	struct wire_reader r = {bytes, bytes + sizeof(bytes) - 1};
	struct wire_field f;

	(void)state;
	assert_int_equal(wire_next(&r, &f), 1);
	assert_int_equal(f.number, 3);
	assert_int_equal(f.v, 7);
	assert_int_equal(wire_next(&r, &f), 0);
}

/* ---- requests --------------------------------------------------------------------------------- */

static void check(const struct criu_request *r, const void *bytes, size_t n)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};

	criu_put_request(&out, r);
	assert_int_equal(out.len, n);
	assert_memory_equal(out.data, bytes, n);
}
#define CHECK(r, bytes) check(r, bytes, sizeof(bytes) - 1)

static void test_requests(void **state)
{
	static const struct criu_pair mount = {"/a", "/b"}, join = {"ipc", "/x"};
	static const struct criu_inherit inherit = {"pipe:[7]", 1};
	static const char *const net = "net[9]:n";

	(void)state;
	CHECK((&(struct criu_request){.type = CRIU_VERSION}), "\x08\x0a");
	CHECK((&(struct criu_request){.type = CRIU_FEATURE_CHECK, .features = CRIU_MEM_TRACK | CRIU_LAZY_PAGES}),
	      "\x08\x09\x2a\x04\x08\x01\x10\x01");
	CHECK((&(struct criu_request){.type = CRIU_DUMP, .images = 5, .work = 6, .pid = 300, .leave_running = true,
				      .log_file = "l", .cgroups = CRIU_CGROUPS_SOFT, .freeze_cgroup = "/c"}),
	      "\x08\x01\x12\x1a" "\x08\x05" "\x88\x01\x06" "\x48\x04" "\x52\x01l" "\x10\xac\x02" "\x18\x01"
	      "\xc0\x01\x01" "\x90\x02\x03" "\xe2\x02\x02/c");
	CHECK((&(struct criu_request){.type = CRIU_RESTORE, .external_mounts = &mount, .n_external_mounts = 1,
				      .external = &net, .n_external = 1, .inherit = &inherit, .n_inherit = 1,
				      .join = &join, .n_join = 1, .empty_ns = 0x40000000,
				      .network_lock = CRIU_LOCK_SKIP}),
	      "\x08\x02\x12\x48" "\x08\x00" "\x88\x01\x00" "\x48\x04" "\xba\x01\x08\x0a\x02/a\x12\x02/b"
	      "\xaa\x02\x08net[9]:n" "\xda\x01\x0c\x0a\x08pipe:[7]\x10\x01" "\xba\x02\x09\x0a\x03ipc\x12\x02/x"
	      "\xc0\x01\x00" "\x90\x02\x00" "\xb0\x02\x80\x80\x80\x80\x04" "\x80\x04\x03");
}

static void test_keys(void **state)
{
	static const char *const good[] = {"/", "/a", "/a b", "/a:b", "/dev/null", "/\xc3\xa4"};
	static const char *const bad[] = {"", "a", "/a]:/etc", "/a]", "/[b", "/a\nb", "/a\tb", "/\x7f"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(criu_key_is_safe(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(criu_key_is_safe(bad[i]));
}

/* ---- answers ---------------------------------------------------------------------------------- */

static int parse(const char *bytes, size_t n, struct criu_answer *ret)
{
	return criu_answer_parse(bytes, n, ret);
}
#define PARSE(bytes, ret) parse(bytes, sizeof(bytes) - 1, ret)

static void test_answers(void **state)
{
	struct criu_answer a;

	(void)state;
	assert_int_equal(PARSE("\x08\x0a\x10\x01\x52\x08\x08\x03\x10\x11\x20\x01\x1a\x00", &a), 0);
	assert_true(a.success && a.type == CRIU_VERSION && a.version == 31701);
	assert_int_equal(PARSE("\x08\x09\x10\x01\x42\x04\x08\x01\x10\x00", &a), 0);
	assert_int_equal(a.features, CRIU_MEM_TRACK);
	assert_int_equal(PARSE("\x08\x06\x10\x01\x2a\x10\x0a\x0bsetup-names\x10\xac\x02", &a), 0);
	assert_string_equal(a.script, "setup-names");
	assert_int_equal(a.pid, 300);
	assert_int_equal(PARSE("\x08\x02\x10\x00\x38\x03\x4a\x04no\x1b!"
			       "\x22\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &a), 0);
	assert_true(!a.success && a.errnum == 3 && a.pid == 0);
	assert_string_equal(a.message, "no\\x1b!");
}

static void test_bad_answers(void **state)
{
	static const char *const rows[] = {
		"", "\x10\x01", "\x08\x02", "\x0a\x01x\x10\x01", "\x08\x01\x12\x01x",
		"\x08\x02\x10\x01\x22\x06\x08\xff\xff\xff\xff\x0f",	/* a pid above INT_MAX */
		"\x08\x06\x10\x01\x2a\x02\x08\x01",			/* a script that is a number */
		"\x08\x06\x10\x01\x28\x01",				/* a notification that is a number */
		"\x08\x06\x10\x01\x2a\x02\x0a\x05",			/* one that ends too early */
	};
	struct criu_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(criu_answer_parse(rows[i], strlen(rows[i]), &a), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_other_kinds_are_left_out), cmocka_unit_test(test_requests),
		cmocka_unit_test(test_keys), cmocka_unit_test(test_answers), cmocka_unit_test(test_bad_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
