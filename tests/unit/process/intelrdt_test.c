/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.intelRdt in a directory that stands in for resctrl: each row of the table in runtime-spec
 * config-linux.md#intelrdt.  What the kernel would make in a new group the test makes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/intelrdt.h"
#include "util/mem.h"
#include "util/str.h"

static char top[64];
static int root = -1;
static struct error err;

static const char *in(const char *path)
{
	static char full[4][256];
	static unsigned i;

	snprintf(full[++i % 4], sizeof(full[0]), "%s/%s", top, path);
	return full[i % 4];
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(in(path), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const char *get(const char *path)
{
	static char text[1024];
	FILE *f = fopen(in(path), "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static bool exists(const char *path)
{
	return access(in(path), F_OK) == 0;
}

/* A group as the kernel makes it. */
static void group(const char *path, const char *schemata)
{
	char name[128];

	mkdir(in(path), 0755);
	snprintf(name, sizeof(name), "%s/schemata", path);
	put(name, schemata);
	snprintf(name, sizeof(name), "%s/tasks", path);
	put(name, "");
	snprintf(name, sizeof(name), "%s/mon_groups", path);
	mkdir(in(name), 0755);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/orlop-rdt-XXXXXX");
	assert_non_null(mkdtemp(top));
	group(".", "    L3:0=fffff;1=fffff\n    MB:0=100;1=100\n");
	mkdir(in("info"), 0755);
	put("info/last_cmd_status", "ok\n");
	memset(&err, 0, sizeof(err));
	root = intelrdt_open(top, &err);
	assert_true(root >= 0);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"gold/mon_groups/box/tasks", "gold/mon_groups/box", "gold/mon_groups", "gold/tasks",
		"gold/schemata", "gold", "box/mon_groups/box/tasks", "box/mon_groups/box", "box/mon_groups",
		"box/tasks", "box/schemata", "box", "mon_groups/box/tasks", "mon_groups/box", "mon_groups",
		"info/last_cmd_status", "info", "schemata", "tasks", "mountinfo",
	};

	(void)state;
	close(root);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		remove(in(names[i]));
	assert_int_equal(rmdir(top), 0);
	return 0;
}

static struct plan_intelrdt_line lines[4];

static struct plan_intelrdt plan(enum plan_intelrdt_kind kind, const char *path, size_t n)
{
	return (struct plan_intelrdt){.kind = kind, .group = path, .lines = lines, .n_lines = n};
}

static void line(size_t i, const char *text, bool compared)
{
	static const char *const where[] = {"/a", "/b", "/c", "/d"};

	lines[i] = (struct plan_intelrdt_line){text, where[i], compared};
}

static int make(const struct plan_intelrdt *p, bool *made)
{
	uint64_t inode = 0;
	int r = intelrdt_make_group(p, root, made, &inode, &err);
	struct stat st;

	if (r == 0) {
		assert_int_equal(stat(in(p->group), &st), 0);
		assert_true(inode == st.st_ino);
	}
	return r;
}

/* ---- the mount ------------------------------------------------------------------------------ */

static void test_find(void **state)
{
	char *path = NULL;

	(void)state;
	put("mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n"
			 "23 1 0:21 /sub /bound rw - resctrl resctrl rw\n"
			 "24 1 0:21 / /sys/fs/res\\040ctrl rw,nosuid shared:3 master:2 - resctrl resctrl rw,cdp\n"
			 "25 1 0:22 / /resctrl rw - tmpfs resctrl rw\n");
	assert_int_equal(intelrdt_find(in("mountinfo"), &path, &err), 0);
	assert_string_equal(path, "/sys/fs/res ctrl");
	free(path);
}

/* spec: CL-088 */
static void test_not_mounted(void **state)
{
	char *path = NULL;

	(void)state;
	put("mountinfo", "22 1 0:20 / /resctrl rw - tmpfs resctrl rw\nshort\n\n - resctrl\n1 - resctrl x\n");
	assert_int_equal(intelrdt_find(in("mountinfo"), &path, &err), -ENODEV);
	assert_string_equal(err.where, "/linux/intelRdt");
	assert_null(path);
	put("mountinfo", "");
	assert_int_equal(intelrdt_find(in("mountinfo"), &path, &err), -ENODEV);
}

/* ---- groups --------------------------------------------------------------------------------- */

/* spec: CL-102 CL-103 */
static void test_own(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_OWN, "/box", 0);
	bool made = false;

	(void)state;
	assert_int_equal(intelrdt_check_free(&p, root, &err), 0);
	assert_int_equal(make(&p, &made), 0);
	assert_true(made);
	/* no schema: no such file is even looked for */
	assert_int_equal(intelrdt_write_schemata(&p, root, made, &err), 0);
	assert_false(exists("box/schemata"));
}

static void test_own_is_there(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_OWN, "/box", 0);
	bool made = false;

	(void)state;
	mkdir(in("box"), 0755);
	assert_int_equal(intelrdt_check_free(&p, root, &err), -EEXIST);
	assert_int_equal(make(&p, &made), -EEXIST);
	assert_false(made);
	assert_non_null(strstr(err.text, "closID"));
}

/* spec: CL-106 CL-107 */
static void test_join(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_JOIN, "/gold", 0);
	bool made = true;

	(void)state;
	assert_int_equal(make(&p, &made), -ENOENT);
	assert_string_equal(err.where, "/linux/intelRdt/closID");
	assert_false(exists("gold"));
	group("gold", "MB:0=10\n");
	assert_int_equal(make(&p, &made), 0);
	assert_false(made);
}

/* spec: CL-104 */
static void test_shared_is_made(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_SHARED, "/gold", 1);
	bool made = false;

	(void)state;
	line(0, "MB:0=50", true);
	assert_int_equal(make(&p, &made), 0);
	assert_true(made && exists("gold"));
	/* what a new group has is not compared */
	group("gold", "MB:0=100;1=100\n");
	assert_int_equal(intelrdt_write_schemata(&p, root, made, &err), 0);
	assert_string_equal(get("gold/schemata"), "MB:0=50\n;1=100\n");
}

/* spec: CL-090 */
static void test_default_group(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_JOIN, "/", 0);
	bool made = true;
	struct stat st;

	(void)state;
	assert_int_equal(make(&p, &made), 0);
	assert_false(made);
	assert_int_equal(stat(top, &st), 0);
	assert_int_equal(intelrdt_attach(root, "/", st.st_ino, 4711, &err), 0);
	assert_string_equal(get("tasks"), "4711");
}

static void test_no_more_groups(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_OWN, "/missing/box", 0);
	bool made = false;

	(void)state;
	put("info/last_cmd_status", "Out of CLOSIDs\n");
	assert_int_equal(intelrdt_make_group(&p, root, &made, &(uint64_t){0}, &err), -ENOENT);
	assert_non_null(strstr(err.text, "Out of CLOSIDs"));
	assert_string_equal(err.where, "/linux/intelRdt");
}

/* ---- schemata ------------------------------------------------------------------------------- */

/* Every write(2) is seen alone: `schemata` is a pipe. */
static const char *written(const struct plan_intelrdt *p)
{
	static char text[512];
	ssize_t n;
	int fd;

	mkdir(in("box"), 0755);
	assert_int_equal(mkfifo(in("box/schemata"), 0600), 0);
	fd = open(in("box/schemata"), O_RDWR | O_NONBLOCK);
	assert_int_equal(intelrdt_write_schemata(p, root, true, &err), 0);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	unlink(in("box/schemata"));
	return text;
}

/* spec: CL-096..CL-101 */
static void test_order(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_OWN, "/box", 4);

	(void)state;
	line(0, "L3:0=f", true);
	line(1, "MB:0=50", true);
	line(2, "L2:0=1", false);
	line(3, "MB:1=7", false);
	assert_string_equal(written(&p), "L3:0=f\nMB:0=50\nL2:0=1\nMB:1=7\n");
	p.n_lines = 1;
	assert_string_equal(written(&p), "L3:0=f\n");
}

/* spec: CL-105 */
static void test_compare(void **state)
{
	static const struct { const char *now, *line; bool same; } rows[] = {
		{"    L3:0=fffff;1=00fff\n    MB:0=100;1= 50\n", "L3:0=fffff;1=fff", true},
		{"    L3:0=fffff;1=00fff\n    MB:0=100;1= 50\n", "L3:1=0FFF", true},
		{"    L3:0=fffff;1=00fff\n    MB:0=100;1= 50\n", "MB:0=100;1=50", true},
		{"    L3:0=fffff;1=00fff\n    MB:0=100;1= 50\n", "MB:1=50;0=100", true},
		{"    L3:0=fffff;1=00fff\n    MB:0=100;1= 50\n", "MB:1=50;", true},
		{"MB:0=0\n", "MB:0=0", true},
		{"MB:0=100\n", "MB:0=10", false},
		{"MB:0=10\n", "MB:0=100", false},
		{"MB:0=100;1=50\n", "MB:0=100;1=51", false},
		{"MB:0=100\n", "MB:0=100;1=100", false},
		{"MB:10=100\n", "MB:1=100", false},
		{"L3:0=f\n", "MB:0=f", false},
		{"L3CODE:0=f\n", "L3:0=f", false},
		{"L3:0=f\n", "L3:", false},
		{"L3:0=f\n", "L3", false},
		{"L3:0=f\n", "L3:0", false},
		{"L3:0=f\n", "L3:0=", false},
		{"L3:0=f\n", "L3:=f", false},
		{"L3:0=\n", "L3:0=f", false},
		{"", "L3:0=f", false},
	};
	struct plan_intelrdt p = plan(INTELRDT_SHARED, "/gold", 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		group("gold", rows[i].now);
		line(0, rows[i].line, true);
		if ((intelrdt_write_schemata(&p, root, false, &err) == 0) != rows[i].same)
			fail_msg("`%s` and `%s`", rows[i].now, rows[i].line);
		if (rows[i].same)
			continue;
		assert_string_equal(err.where, "/a");
		assert_string_equal(get("gold/schemata"), rows[i].now);
		memset(&err, 0, sizeof(err));
	}
}

/* `schemata` of the specification is written without a comparison. */
static void test_other_lines_are_not_compared(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_SHARED, "/gold", 1);

	(void)state;
	group("gold", "MB:0=100\n");
	line(0, "MB:0=10", false);
	assert_int_equal(intelrdt_write_schemata(&p, root, false, &err), 0);
	assert_true(str_starts(get("gold/schemata"), "MB:0=10\n"));
}

static void test_refused_line(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_OWN, "/box", 2);

	(void)state;
	mkdir(in("box"), 0755);
	put("info/last_cmd_status", "Invalid domain 7\n");
	line(0, "MB:7=1", true);
	line(1, "MB:0=1", true);
	assert_int_equal(intelrdt_write_schemata(&p, root, true, &err), -ENOENT);
	assert_string_equal(err.where, "/a");
	assert_non_null(strstr(err.text, "MB:7=1"));
	assert_non_null(strstr(err.text, "Invalid domain 7"));
}

/* ---- processes, monitoring, removal --------------------------------------------------------- */

/* spec: CL-087 */
static void test_attach(void **state)
{
	struct stat st;

	(void)state;
	group("gold", "");
	assert_int_equal(stat(in("gold"), &st), 0);
	assert_int_equal(intelrdt_attach(root, "/gold", st.st_ino, 42, &err), 0);
	assert_string_equal(get("gold/tasks"), "42");
	assert_int_equal(intelrdt_attach(root, "/gold", st.st_ino + 1, 43, &err), -ESTALE);
	assert_string_equal(get("gold/tasks"), "42");
	assert_int_equal(intelrdt_attach(root, "/none", 1, 42, &err), -ENOENT);
}

/* spec: CL-110 CL-111 CL-113 */
static void test_monitor(void **state)
{
	struct plan_intelrdt p = plan(INTELRDT_JOIN, "/gold", 0);
	uint64_t inode = 0;
	struct stat st;

	(void)state;
	p.monitor = "/gold/mon_groups/box";
	assert_int_equal(intelrdt_make_monitor(&p, root, &inode, &err), -ENOENT);
	assert_string_equal(err.where, "/linux/intelRdt/enableMonitoring");
	memset(&err, 0, sizeof(err));
	group("gold", "");
	assert_int_equal(intelrdt_check_free(&p, root, &err), 0);
	assert_int_equal(intelrdt_make_monitor(&p, root, &inode, &err), 0);
	assert_int_equal(stat(in("gold/mon_groups/box"), &st), 0);
	assert_true(inode == st.st_ino);
	assert_int_equal(intelrdt_check_free(&p, root, &err), -EEXIST);
	assert_int_equal(intelrdt_make_monitor(&p, root, &inode, &err), -EEXIST);
}

/* spec: CL-108 CL-112 */
static void test_remove(void **state)
{
	struct stat st;

	(void)state;
	mkdir(in("box"), 0755);
	assert_int_equal(stat(in("box"), &st), 0);
	assert_int_equal(intelrdt_remove(root, "/box", st.st_ino + 1, &err), 0);
	assert_true(exists("box"));	/* another one of that name */
	assert_int_equal(intelrdt_remove(root, "/box", st.st_ino, &err), 0);
	assert_false(exists("box"));
	assert_int_equal(intelrdt_remove(root, "/box", st.st_ino, &err), 0);
}

static void test_remove_what_was_intended(void **state)
{
	(void)state;
	mkdir(in("box"), 0755);
	put("box/tasks", "12\n");
	assert_int_equal(intelrdt_remove(root, "/box", 0, &err), 0);
	assert_true(exists("box"));
	unlink(in("box/tasks"));
	assert_int_equal(intelrdt_remove(root, "/box", 0, &err), 0);
	assert_false(exists("box"));
}

static void test_links_are_not_followed(void **state)
{
	(void)state;
	mkdir(in("gold"), 0755);
	assert_int_equal(symlink("gold", in("box")), 0);
	assert_true(intelrdt_remove(root, "/box", 0, &err) < 0);
	assert_true(exists("gold"));
}

/* The file stands for the kernel's, and keeps what was written last. */
static void test_change(void **state)
{
	struct plan_intelrdt_line new[] = {{.text = "L3:0=f", .where = ""}, {.text = "MB:0=50", .where = ""}};
	struct stat st;
	char *old = NULL;

	(void)state;
	mkdir(in("box"), 0755);
	put("box/schemata", "    L3:0=fff;1=fff\n    MB:0=100\n");
	assert_int_equal(stat(in("box"), &st), 0);
	assert_int_equal(intelrdt_change(root, "/box", st.st_ino + 1, new, 2, &old, &err), -ESTALE);
	assert_int_equal(intelrdt_change(root, "/box", st.st_ino, new, 1, &old, &err), 0);
	assert_memory_equal(get("box/schemata"), "L3:0=f\n", 7);
	assert_int_equal(intelrdt_restore(root, "/box", st.st_ino, new, 1, old, &err), 0);
	assert_memory_equal(get("box/schemata"), "L3:0=fff;1=fff\n", 15);
	/* What the old text does not have cannot be put back, and need not. */
	assert_int_equal(intelrdt_restore(root, "/box", st.st_ino, new, 2, "L3:0=f", &err), 0);
	assert_memory_equal(get("box/schemata"), "L3:0=f\n", 7);
	free(old);
	unlink(in("box/schemata"));
	assert_int_equal(intelrdt_change(root, "/box", st.st_ino, new, 1, &old, &err), -ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_find), T(test_not_mounted), T(test_own), T(test_own_is_there), T(test_join),
		T(test_shared_is_made), T(test_default_group), T(test_no_more_groups), T(test_order),
		T(test_compare), T(test_other_lines_are_not_compared), T(test_refused_line),
		T(test_attach), T(test_monitor), T(test_remove), T(test_remove_what_was_intended),
		T(test_links_are_not_followed), T(test_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
