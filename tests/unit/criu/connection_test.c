/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This program is also what it starts instead of CRIU: what that does is a letter in the first descriptor it gets. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "criu/connection.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/str.h"

#define SAY(bytes) say(bytes, sizeof(bytes) - 1)
#define VERSION_4_1 "\x08\x0a\x10\x01\x52\x04\x08\x04\x10\x01"
#define NOTIFICATION "\x08\x06\x10\x01\x2a\x04\x0a\x02hi"

static bool say(const char *bytes, size_t n)
{
	return send(3, bytes, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool hears(const char *bytes, size_t n)
{
	char buf[100];

	return recv(3, buf, sizeof(buf), 0) == (ssize_t)n && memcmp(buf, bytes, n) == 0;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int play(char how)
{
	bool fine = hears("\x08\x0a", 2);
	int fd = 0;

	switch (how) {
	case 'v':	/* also: it has what it was given, and nothing else */
		fine = fine && !is_open(5) && !is_open(6) && !is_open(64) && getenv("PATH") && !getenv("HOME");
		return !(fine && SAY(VERSION_4_1));
	case 'n':
		fine = fine && fd_send(3, NOTIFICATION, sizeof(NOTIFICATION) - 1, &fd, 1) == 0 &&
		       hears("\x08\x06\x18\x01", 4);
		return !(fine && SAY(VERSION_4_1));
	case 'r':	/* refused */
		fine = fine && SAY(NOTIFICATION) && hears("\x08\x06\x18\x00", 4);
		return !fine;
	case 'e':
		return 7;
	case 'g':
		SAY("\x08");
		break;
	case 'l':
		send(3, (char[65536]){"\x08"}, 65536, 0);
		break;
	case 'o':	/* an answer to something else */
		SAY("\x08\x02\x10\x01");
		break;
	case 'h':
		break;
	case 'c':	/* its socket stays open in a child */
		if (fork() == 0)
			break;
		return 0;
	}
	sleep(3);
	return 0;
}

static int notified_with;

static int on_notification(void *ctx, const struct criu_answer *a, int fd, struct error *err)
{
	assert_string_equal(a->script, "hi");
	notified_with = fd;
	return ctx ? error_set(err, EPERM, "not so") : 0;
}

/* One conversation of the kind @how, about the version. */
static int talk(char how, bool refuse, struct criu_answer *ret, int *ret_status, struct error *err)
{
	struct criu_request version = {.type = CRIU_VERSION};
	struct criu_setup setup = {.program = "/proc/self/exe", .cgroup = -1, .n_inherit = 1};
	struct criu *c = NULL;
	int ends[2], r;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], &how, 1), 1);
	setup.inherit = ends;
	r = criu_open(&setup, &c, err);
	if (r == 0)
		r = criu_call(c, &version, 700, on_notification, refuse ? err : NULL, ret, err);
	*ret_status = criu_close(c);
	close(ends[0]);
	close(ends[1]);
	return r;
}

static void test_answer(void **state)
{
	struct criu_answer a;
	struct error err = {0};
	int status;

	(void)state;
	assert_int_equal(talk('v', false, &a, &status, &err), 0);
	assert_int_equal(a.version, 40100);
	assert_int_equal(status, 0);
}

static void test_notification(void **state)
{
	struct criu_answer a;
	struct error err = {0};
	int status;

	(void)state;
	notified_with = -1;
	assert_int_equal(talk('n', false, &a, &status, &err), 0);
	assert_int_equal(a.version, 40100);
	assert_int_equal(status, 0);
	assert_true(notified_with >= 0);
	assert_int_equal(fcntl(notified_with, F_GETFD), -1);
}

static void test_refused_notification(void **state)
{
	struct criu_answer a;
	struct error err = {0};
	int status;

	(void)state;
	assert_int_equal(talk('r', true, &a, &status, &err), -EPERM);
	assert_string_equal(err.text, "not so");
	assert_int_equal(status, 0);
}

static void test_failures(void **state)
{
	static const struct {
		char how;
		int r;
		const char *words;
	} rows[] = {
		{'e', -ECONNRESET, "criu ended with status 7"},
		{'g', -EPROTO, "no answer"}, {'l', -EPROTO, "no answer"},
		{'o', -EPROTO, "not asked"}, {'h', -ETIMEDOUT, "nothing for 0.7 s"}, {'c', -ECONNRESET, "criu ended"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = {0};
		struct criu_answer a;
		int status;

		assert_int_equal(talk(rows[i].how, false, &a, &status, &err), rows[i].r);
		assert_non_null(strstr(err.text, rows[i].words));
	}
}

static void test_not_there(void **state)
{
	struct criu_setup setup = {.program = "/nonexistent/criu", .cgroup = -1};
	struct criu *c = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(criu_open(&setup, &c, &err), -ENOENT);
	assert_string_equal(err.text, "execute /nonexistent/criu: no such file or directory");
	assert_null(c);
}

static int prepare(void *ctx, struct error *err)
{
	return error_set(err, EACCES, "cannot prepare %s", (const char *)ctx);
}

static void test_prepare_fails(void **state)
{
	char it[] = "it";
	struct criu_setup setup = {.program = "/proc/self/exe", .cgroup = -1, .prepare = prepare, .ctx = it};
	struct criu *c = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(criu_open(&setup, &c, &err), -EACCES);
	assert_string_equal(err.text, "cannot prepare it");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer), cmocka_unit_test(test_notification),
		cmocka_unit_test(test_refused_notification), cmocka_unit_test(test_failures),
		cmocka_unit_test(test_not_there), cmocka_unit_test(test_prepare_fails),
	};
	char how;

	if (argc == 3 && str_eq(argv[1], "swrk"))
		return read(CRIU_FIRST_INHERITED, &how, 1) == 1 ? play(how) : 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
