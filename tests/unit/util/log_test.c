/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors and the lines they become: one valid object a line, nothing forged by foreign bytes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "json/tree.h"
#include "util/error.h"
#include "util/log.h"

static void errors_compose(void **state)
{
	struct error e = {0};

	(void)state;
	assert_int_equal(error_errno(&e, -ENOENT, "open %s", "x"), -ENOENT);
	assert_string_equal(e.text, "open x: no such file or directory");
	assert_int_equal(error_in(&e, "mount %d", 3), -ENOENT);
	assert_int_equal(error_hint(&e, "make it"), -ENOENT);
	assert_string_equal(e.text, "mount 3: open x: no such file or directory (make it)");
	error_at(&e, "/mounts/%d", 3);
	error_at(&e, "/later");
	assert_string_equal(e.where, "/mounts/3");
	assert_int_equal(error_config(&e, "/a", "bad"), -EINVAL);
	assert_string_equal(e.where, "/a");
	error_set(&e, 5, "new");
	assert_string_equal(e.where, "");
	assert_string_equal(error_words(99999), "unknown error");
}

static void members_are_kept(void **state)
{
	struct error e = {0};
	char hint[ERROR_TEXT_MAX];

	(void)state;
	error_errno(&e, ENOENT, "open");
	assert_string_equal(error_hint_text(&e, hint, sizeof(hint)), "");
	error_note(&e, "at once");
	error_hint(&e, "make it");
	error_in(&e, "mount");
	error_hint(&e, "or (do) not");
	assert_string_equal(e.text, "mount: open: no such file or directory (at once) (make it; or (do) not)");
	assert_string_equal(error_hint_text(&e, hint, sizeof(hint)), "make it; or (do) not");
	error_phase(&e, "mounts");
	error_path(&e, "/x");
	error_kind(&e, ERROR_HOOK);
	error_phase(&e, "later");
	error_path(&e, "/later");
	error_kind(&e, ERROR_USAGE);
	assert_string_equal(e.phase, "mounts");
	assert_string_equal(e.path, "/x");
	assert_string_equal(error_code_name(&e), "hook");
	error_set(&e, EPERM, "new: permission denied");
	assert_string_equal(e.phase, "");
	assert_string_equal(e.path, "");
	assert_string_equal(error_code_name(&e), "denied");
	error_hint(&e, "permission denied");
	error_not_of_program(&e);
	assert_string_equal(e.text, "new: access denied (access denied)");
	assert_string_equal(error_hint_text(&e, hint, sizeof(hint)), "access denied");
}

static void codes(void **state)
{
	struct error e = {0};

	(void)state;
	for (int i = 1; i < 200; i++) {
		error_set(&e, i, "x");
		assert_true(error_code_name(&e)[0]);
	}
	for (int k = ERROR_USAGE; k < N_ERROR_KINDS; k++) {
		error_of(&e, k, ENOENT, "x");
		assert_true(error_code_name(&e)[0]);
		assert_string_not_equal(error_code_name(&e), "not-found");
	}
	error_set(&e, EXDEV, "x");
	assert_string_equal(error_code_name(&e), "failed");
	error_usage(&e, "x");
	assert_int_equal(e.code, EINVAL);
	assert_string_equal(error_code_name(&e), "usage");
	assert_string_equal(e.phase, "options");
}

/* Bytes of a process that is not trusted. */
static void received_is_made_whole(void **state)
{
	char hint[ERROR_TEXT_MAX];
	struct error e;

	(void)state;
	for (int c = 1; c < 256; c++) {
		memset(&e, c, sizeof(e));
		error_received(&e);
		assert_true(e.kind < N_ERROR_KINDS);
		assert_int_equal(strlen(e.phase), sizeof(e.phase) - 1);
		assert_int_equal(strlen(e.where), sizeof(e.where) - 1);
		assert_int_equal(strlen(e.path), sizeof(e.path) - 1);
		assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
		assert_true(error_code_name(&e)[0]);
		assert_true(strlen(error_hint_text(&e, hint, sizeof(hint))) < sizeof(e.text));
	}
}

static void long_texts_are_cut(void **state)
{
	char huge[4096];
	struct error e = {0};

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	error_set(&e, EINVAL, "%s", huge);
	error_in(&e, "%s", huge);
	error_hint(&e, "%s", huge);
	error_at(&e, "%s", huge);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_int_equal(strlen(e.where), sizeof(e.where) - 1);
	assert_int_equal(e.hint, 0);
	error_path(&e, huge);
	assert_string_equal(e.path, "");
	error_set(&e, EINVAL, "short");
	error_hint(&e, "%s", huge);
	error_hint(&e, "more");
	error_in(&e, "%.800s", huge);
	assert_int_equal(e.hint, 809);
	error_in(&e, "%.200s", huge);
	assert_int_equal(e.hint, 0);
}

static char *line_of(const char *path, enum log_format format, const char *text)
{
	static char buf[8192];
	struct error e = {0};
	int fd;
	ssize_t n;

	unlink(path);
	assert_int_equal(log_open(path, format, LOG_LEVEL_WARNING, &e), 0);
	error_set(&e, EINVAL, "%s", text);
	error_at(&e, "/process/args/0");
	error_path(&e, text);
	error_hint(&e, "%s", text);
	/* Errors are repeated on stderr: not into the test's report. */
	fd = dup(STDERR_FILENO);
	close(STDERR_FILENO);
	log_error(&e);
	dup2(fd, STDERR_FILENO);
	close(fd);
	log_debug("not at this level");
	close(log_fd());
	fd = open(path, O_RDONLY);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	unlink(path);
	assert_true(n > 0);
	buf[n] = '\0';
	return buf;
}

#define HOSTILE "a\"b\\c\n{\"level\":\"error\"}\x1b[2J\xff \xc2\x9b"

static void json_lines_parse(void **state)
{
	struct arena *a = arena_new();
	struct error e = {0};
	char path[64], *line;
	struct json *doc;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/orlop-log-test-%d", (int)getpid());
	line = line_of(path, LOG_FORMAT_JSON, HOSTILE);
	assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
	assert_int_equal(json_parse(a, line, strlen(line), &doc, &e), 0);
	assert_string_equal(json_get(doc, "level")->string.data, "error");
	assert_non_null(strstr(json_get(doc, "msg")->string.data, "(at /process/args/0)"));
	assert_non_null(strstr(json_get(doc, "msg")->string.data, "\\x1b[2J"));
	assert_non_null(json_get(doc, "time"));
	assert_string_equal(json_get(doc, "pointer")->string.data, "/process/args/0");
	assert_string_equal(json_get(doc, "code")->string.data, "refused");
	assert_string_equal(json_get(doc, "errno")->string.data, "EINVAL");
	assert_null(json_get(doc, "phase"));
	assert_string_equal(json_get(doc, "path")->string.data, json_get(doc, "hint")->string.data);
	assert_non_null(strstr(json_get(doc, "path")->string.data, "\\x1b[2J"));
	arena_free(a);
}

static void text_lines_are_tame(void **state)
{
	char path[64], *line;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/orlop-log-test-%d", (int)getpid());
	line = line_of(path, LOG_FORMAT_TEXT, HOSTILE);
	assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
	for (const char *p = line; *p && *p != '\n'; p++)
		assert_false((unsigned char)*p < 0x20 || *p == 0x7f);
	assert_non_null(strstr(line, "level=error"));
}

static void links_of_others_are_not_followed(void **state)
{
	struct error e = {0};
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/orlop-log-test-%d", (int)getpid());
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, &e), 0);
	if (geteuid() == 0) {
		assert_int_equal(lchown(path, 12345, 0), 0);
		/* EACCES: fs.protected_regular takes it for a file of somebody else in a sticky directory */
		assert_true(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, &e) < 0);
		assert_true(e.code == ELOOP || e.code == EACCES);
	}
	unlink(path);
	assert_int_equal(symlink(path, path), 0);	/* and not for ever */
	assert_int_equal(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, &e), -ELOOP);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, &e), -ENXIO);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_compose), cmocka_unit_test(members_are_kept), cmocka_unit_test(codes),
		cmocka_unit_test(received_is_made_whole), cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(json_lines_parse), cmocka_unit_test(text_lines_are_tame),
		cmocka_unit_test(links_of_others_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
