/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names below a root: lexical cleaning, and links that try to lead out. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/path.h"
#include "util/str.h"

static char top[] = "/tmp/orlop-path-XXXXXX";
static int root = -1;

static void test_clean(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", "/"},
		{"/", "/"},
		{"//", "/"},
		{".", "/"},
		{"..", "/"},
		{"a", "/a"},
		{"/a/./b//c/", "/a/b/c"},
		{"/../../x", "/x"},
		{"/a/../b", "/b"},
		{"/a/b/../..", "/"},
		{"/a/../../..", "/"},
		{"/..a/...", "/..a/..."},
		{"a/..//./b/..", "/"},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(path_clean(a, cases[i].in), cases[i].out);
	arena_free(a);
}

static void test_join(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(path_join(a, "/b", "rootfs"), "/b/rootfs");
	assert_string_equal(path_join(a, "/b", "/r//x/."), "/r/x");
	assert_string_equal(path_join(a, "/b/", "../r"), "/b/../r");
	assert_string_equal(path_join(a, "/", "."), "/");
	arena_free(a);
}

/* top/canary is outside of top/root. */
static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(top) || chdir(top) < 0 || mkdir("root", 0755) < 0 || mkdir("canary", 0755) < 0)
		return -1;
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	close(root);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return chdir("/") < 0 || system(command) != 0;
}

static bool exists(const char *path, mode_t type, mode_t mode)
{
	struct stat st;

	return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == type &&
	       (st.st_mode & 07777) == mode;
}

static void assert_canary_empty(void)
{
	assert_int_equal(rmdir("canary"), 0);
	assert_int_equal(mkdir("canary", 0755), 0);
}

static int made(const char *path, bool is_dir)
{
	int fd = path_make_in_root(root, path, is_dir);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void test_make(void **state)
{
	mode_t mask = umask(0077);

	(void)state;
	assert_int_equal(made("/a/b/dir", true), 0);
	assert_int_equal(made("/a/b/file", false), 0);
	assert_int_equal(made("/top", true), 0);
	assert_true(umask(mask) == 0077);
	assert_true(exists("root/a", S_IFDIR, 0755));
	assert_true(exists("root/a/b/dir", S_IFDIR, 0755));
	assert_true(exists("root/a/b/file", S_IFREG, 0644));
	assert_true(exists("root/top", S_IFDIR, 0755));
	assert_int_equal(made("/a/b/dir", true), 0);
	assert_int_equal(made("/a/b/file", false), 0);
	assert_int_equal(made("/a/b/file/x", true), -ENOTDIR);
}

static void test_links_stay_inside(void **state)
{
	char absolute[128], *where = absolute;

	(void)state;
	snprintf(where, sizeof(absolute), "%s/canary", top);
	assert_int_equal(symlink(absolute, "root/abs"), 0);
	assert_int_equal(symlink("../../../../../../../../canary", "root/up"), 0);
	assert_int_equal(symlink("up/pwn", "root/chain"), 0);
	assert_int_equal(symlink("chain", "root/chain2"), 0);
	assert_int_equal(made("/abs/new/dir", true), 0);
	assert_int_equal(made("/chain2", false), 0);
	assert_int_equal(made("/up/x/../../y", true), 0);
	assert_true(exists("root/canary/pwn", S_IFREG, 0644));
	assert_true(exists("root/y", S_IFDIR, 0755));
	snprintf(absolute, sizeof(absolute), "root%s/canary/new/dir", top);
	assert_true(exists(absolute, S_IFDIR, 0755));
	assert_canary_empty();
}

static void test_loops(void **state)
{
	char name[512];

	(void)state;
	assert_int_equal(symlink("loop2", "root/loop1"), 0);
	assert_int_equal(symlink("loop1/x", "root/loop2"), 0);
	assert_int_equal(path_open_in_root(root, "/loop1", O_PATH), -ELOOP);
	assert_int_equal(made("/loop1/new", true), -ELOOP);
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(made(name, true), -ENAMETOOLONG);
}

/* A magic link leads anywhere, whatever the root: openat2(2). */
static void test_magic_link(void **state)
{
	int fd, slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(path_open_in_root(slash, "/proc/self/root/etc", O_PATH), -ELOOP);
	assert_int_equal(path_open_in_root(slash, "/proc/self/cwd", O_PATH), -ELOOP);
	fd = path_open_in_root(slash, "/proc/self", O_PATH);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(slash);
}

static void test_parent(void **state)
{
	const char *name;
	struct stat st;
	int fd = path_parent_in_root(root, "/p/q/entry", &name);

	(void)state;
	assert_true(fd >= 0);
	assert_string_equal(name, "entry");
	assert_int_equal(mkdirat(fd, name, 0700), 0);
	assert_int_equal(stat("root/p/q/entry", &st), 0);
	close(fd);
	fd = path_parent_in_root(root, "/entry2", &name);
	assert_true(fd >= 0);
	assert_string_equal(name, "entry2");
	close(fd);
	assert_int_equal(path_parent_in_root(root, "/", &name), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),  cmocka_unit_test(test_join),
		cmocka_unit_test(test_make),   cmocka_unit_test(test_links_stay_inside),
		cmocka_unit_test(test_loops),  cmocka_unit_test(test_magic_link),
		cmocka_unit_test(test_parent),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
