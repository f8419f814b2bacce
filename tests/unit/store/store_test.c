/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state root and the directories in it: hostile roots, hostile ids, locks. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"
#include "container/container.h"
#include "store/store.h"
#include "util/fd.h"

#define OTHER 12345

static struct fake f;

static int set_up(void **state)
{
	(void)state;
	fake_root(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_clean(&f);
	return 0;
}

static const char *in_root(const char *name)
{
	static char path[4][128];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", f.root, name);
	return path[i];
}

static int try_open(const char *root, bool create)
{
	struct store *s = NULL;
	int r;

	memset(&f.err, 0, sizeof(f.err));
	r = store_open(root, create, &s, &f.err);
	if (r == 0)
		store_close(s);
	else
		assert_int_equal(f.err.code, -r);
	return r;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* ---- the root ---- */

static void test_root_is_made(void **state)
{
	static const mode_t masks[] = {0, 022, 0777};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		char name[32];
		mode_t old;

		snprintf(name, sizeof(name), "m%u/b/c", i);
		old = umask(masks[i]);
		assert_int_equal(try_open(in_root(name), true), 0);
		assert_int_equal(umask(old), masks[i]);
		assert_int_equal(mode_of(in_root(name)), geteuid() == 0 ? 0711 : 0700);
		snprintf(name, sizeof(name), "m%u/b", i);
		assert_int_equal(mode_of(in_root(name)), geteuid() == 0 ? 0711 : 0700);
	}
}

static void test_missing_root_is_empty(void **state)
{
	struct strings ids;
	struct store *s;
	int dir = -1;

	(void)state;
	assert_int_equal(store_open(in_root("none/of/it"), false, &s, &f.err), 0);
	assert_int_equal(access(in_root("none"), F_OK), -1);
	assert_int_equal(store_list(s, &ids, &f.err), 0);
	assert_int_equal(ids.n, 0);
	assert_int_equal(store_container(s, "x", &dir, &f.err), -ENOENT);
	assert_string_equal(f.err.text, "container `x` does not exist");
	assert_int_equal(store_create(s, "x", &dir, &f.err), -ENOENT);
	store_close(s);
}

static void test_root_writable_by_others(void **state)
{
	static const mode_t bad[] = {0720, 0702, 0777, 01777, 02770};

	(void)state;
	assert_int_equal(mkdir(in_root("r"), 0700), 0);
	for (unsigned i = 0; i < 5; i++) {
		chmod(in_root("r"), bad[i]);
		assert_int_equal(try_open(in_root("r"), true), -EPERM);
		assert_int_equal(try_open(in_root("r"), false), -EPERM);
		assert_non_null(strstr(f.err.text, "chmod go-w"));
		assert_int_equal(mode_of(in_root("r")), bad[i]);	/* not repaired behind his back */
	}
	chmod(in_root("r"), 0755);
	assert_int_equal(try_open(in_root("r"), true), 0);
}

static void test_root_of_another(void **state)
{
	(void)state;
	fake_need_root();
	assert_int_equal(mkdir(in_root("r"), 0700), 0);
	assert_int_equal(chown(in_root("r"), OTHER, OTHER), 0);
	assert_int_equal(try_open(in_root("r"), true), -EPERM);
	assert_non_null(strstr(f.err.text, "12345"));
}

static void test_root_through_links(void **state)
{
	(void)state;
	fake_need_root();
	assert_int_equal(mkdir(in_root("real"), 0700), 0);
	assert_int_equal(symlink("real", in_root("ours")), 0);
	assert_int_equal(symlink(in_root("real"), in_root("absolute")), 0);
	assert_int_equal(symlink("real", in_root("theirs")), 0);
	assert_int_equal(lchown(in_root("theirs"), OTHER, OTHER), 0);
	assert_int_equal(symlink("loop", in_root("loop")), 0);
	assert_int_equal(symlink("missing/far", in_root("dangling")), 0);

	assert_int_equal(try_open(in_root("ours"), true), 0);
	assert_int_equal(try_open(in_root("absolute"), true), 0);
	assert_int_equal(try_open(in_root("absolute/deeper"), true), 0);
	assert_int_equal(mode_of(in_root("real/deeper")), 0711);
	assert_int_equal(try_open(in_root("ours/../real//./deeper/"), false), 0);
	assert_int_equal(try_open(in_root("theirs"), true), -EPERM);
	assert_int_equal(try_open(in_root("theirs/deeper"), false), -EPERM);
	assert_int_equal(try_open(in_root("loop"), true), -ELOOP);
	assert_int_equal(try_open(in_root("dangling"), true), 0);
	assert_int_equal(access(in_root("missing/far"), F_OK), 0);
}

static void test_root_of_wrong_kind(void **state)
{
	char *longer = calloc(1, 300);

	(void)state;
	fake_write(f.root, "file", "");
	assert_int_equal(try_open(in_root("file"), true), -ENOTDIR);
	assert_int_equal(try_open(in_root("file/below"), false), -ENOTDIR);
	assert_int_equal(mkfifo(in_root("fifo"), 0600), 0);
	assert_int_equal(try_open(in_root("fifo"), true), -ENOTDIR);
	assert_int_equal(try_open("", true), -EINVAL);
	assert_int_equal(try_open("/", true), -EINVAL);
	assert_int_equal(try_open("/tmp/..", true), -EINVAL);
	memset(longer, 'x', 299);
	assert_int_equal(try_open(longer, true), -ENAMETOOLONG);
	free(longer);
}

static void test_relative_root(void **state)
{
	int here = open(".", O_PATH | O_CLOEXEC);

	(void)state;
	assert_int_equal(chdir(f.root), 0);
	assert_int_equal(try_open("rel/ative", true), 0);
	assert_int_equal(fchdir(here), 0);
	close(here);
	assert_int_equal(access(in_root("rel/ative"), F_OK), 0);
}

/* In a child, as @uid with XDG_RUNTIME_DIR = @xdg (NULL: unset); prints the path or "-errno". */
static void check_default(uid_t uid, const char *xdg, const char *want)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct store *s;
		char got[256];
		int r;

		if (xdg)
			setenv("XDG_RUNTIME_DIR", xdg, 1);
		else
			unsetenv("XDG_RUNTIME_DIR");
		if (uid && (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
			    setresuid(uid, uid, uid) < 0))
			_exit(9);
		r = store_open(NULL, false, &s, &f.err);
		snprintf(got, sizeof(got), "%d", r);
		if (r == 0)
			snprintf(got, sizeof(got), "%s", store_path(s));
		if (strcmp(got, want))
			fprintf(stderr, "wanted %s, got %s (%s)\n", want, got, f.err.text);
		_exit(strcmp(got, want) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_default_root(void **state)
{
	char want[160], enoent[16], einval[16];

	(void)state;
	fake_need_root();
	snprintf(want, sizeof(want), "%s/xdg/orlop", f.root);
	snprintf(enoent, sizeof(enoent), "%d", -ENOENT);
	snprintf(einval, sizeof(einval), "%d", -EINVAL);
	assert_int_equal(chmod(f.root, 0755), 0);
	assert_int_equal(mkdir(in_root("xdg"), 0700), 0);
	assert_int_equal(chown(in_root("xdg"), OTHER, OTHER), 0);
	check_default(0, in_root("xdg"), "/run/orlop");	/* ignored */
	check_default(0, "", "/run/orlop");
	check_default(0, NULL, "/run/orlop");
	check_default(OTHER, in_root("xdg"), want);
	check_default(OTHER, "relative", einval);
	check_default(OTHER, "", enoent);	/* empty is unset, and /run/user/12345 is not there */
	check_default(OTHER, NULL, enoent);
}

/* ---- containers ---- */

static void test_hostile_ids(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", "a/b", "/", "/a", "-rf", ".hidden", "+a", "a\nb", "a b", "a\033[31m", "%n",
		"a\\b", "\xc3\xa4", "\xff\xfe", "a*", "a:b", "a\177", "../x", "a/../b",
	};
	char longest[5000];
	int dir = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(store_create(f.store, bad[i], &dir, &f.err), -EINVAL);
		assert_int_equal(store_container(f.store, bad[i], &dir, &f.err), -EINVAL);
		assert_int_equal(store_container_locked(f.store, bad[i], 0, &dir, &f.err), -EINVAL);
		assert_int_equal(store_remove(f.store, bad[i], &f.err), -EINVAL);
		assert_int_equal(container_state(&f.g, bad[i], &f.err), -EINVAL);
		assert_int_equal(container_kill(&f.g, bad[i], 9, false, &f.err), -EINVAL);
		assert_int_equal(container_kill(&f.g, bad[i], 9, true, &f.err), -EINVAL);
		assert_int_equal(container_delete(&f.g, bad[i], false, &f.err), -EINVAL);
		assert_int_equal(container_delete(&f.g, bad[i], true, &f.err), -EINVAL);
		assert_int_equal(container_pause(&f.g, bad[i], &f.err), -EINVAL);
		assert_int_equal(container_resume(&f.g, bad[i], &f.err), -EINVAL);
		assert_int_equal(container_ps(&f.g, bad[i], LIST_JSON, NULL, &f.err), -EINVAL);
	}
	memset(longest, 'x', sizeof(longest));
	longest[4096] = '\0';
	assert_int_equal(store_create(f.store, longest, &dir, &f.err), -EINVAL);
	longest[201] = '\0';
	assert_int_equal(store_create(f.store, longest, &dir, &f.err), -EINVAL);
	/* nothing was made: the root can be removed */
	assert_int_equal(rmdir(f.root), 0);
	assert_int_equal(mkdir(f.root, 0700), 0);
}

static void test_create_and_remove(void **state)
{
	static const char *const good[] = {"a", "_", "0", "a..b", "A-b.c+d_e", "zz"};
	char longest[201];
	struct strings ids;
	int dir = -1;

	(void)state;
	memset(longest, 'x', 200);
	longest[200] = '\0';
	assert_int_equal(store_create(f.store, longest, &dir, &f.err), 0);
	close(dir);
	assert_int_equal(store_remove(f.store, longest, &f.err), 0);
	for (size_t i = 0; i < 6; i++) {
		mode_t old = umask(i & 1 ? 0777 : 0);

		assert_int_equal(store_create(f.store, good[i], &dir, &f.err), 0);
		umask(old);
		assert_int_equal(mode_of(in_root(good[i])), 0700);
		assert_int_equal(fcntl(dir, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		close(dir);
		assert_int_equal(store_create(f.store, good[i], &dir, &f.err), -EEXIST);
		assert_string_equal(strstr(f.err.text, "` ") + 2, "already exists");
	}
	mkdir(in_root(".cache"), 0700);
	assert_int_equal(store_list(f.store, &ids, &f.err), 0);
	assert_int_equal(ids.n, 6);
	assert_string_equal(ids.v[0], "0");
	assert_string_equal(ids.v[1], "A-b.c+d_e");
	assert_string_equal(ids.v[2], "_");
	assert_string_equal(ids.v[5], "zz");
	assert_null(ids.v[6]);
	for (size_t i = 0; i < ids.n; i++) {
		fake_write(in_root(ids.v[i]), "state.json", "{}");
		fake_write(in_root(ids.v[i]), ".state.json.123", "half");
		assert_int_equal(mkfifo(in_root(strcat(strcpy(longest, ids.v[i]), "/start")), 0600), 0);
		assert_int_equal(store_remove(f.store, ids.v[i], &f.err), 0);
		assert_int_equal(access(in_root(ids.v[i]), F_OK), -1);
		assert_int_equal(store_remove(f.store, ids.v[i], &f.err), 0);
		free(ids.v[i]);
	}
	free(ids.v);
}

/* Removing follows nothing and enters nothing. */
static void test_remove_stays_inside(void **state)
{
	int dir = -1;

	(void)state;
	fake_write(f.root, "canary", "sings");
	assert_int_equal(store_create(f.store, "c", &dir, &f.err), 0);
	assert_int_equal(symlinkat("../canary", dir, "state.json"), 0);
	assert_int_equal(symlinkat("..", dir, "up"), 0);
	assert_int_equal(store_remove(f.store, "c", &f.err), 0);
	close(dir);
	fake_expect(f.root, "canary", "sings");

	assert_int_equal(store_create(f.store, "c", &dir, &f.err), 0);
	assert_int_equal(mkdirat(dir, "sub", 0700), 0);
	assert_int_equal(store_remove(f.store, "c", &f.err), -ENOTEMPTY);
	assert_int_equal(unlinkat(dir, "sub", AT_REMOVEDIR), 0);
	close(dir);
}

static void test_hostile_container_directory(void **state)
{
	int dir = -1;

	(void)state;
	fake_need_root();
	mkdir(in_root("real"), 0700);
	assert_int_equal(symlink("real", in_root("link")), 0);
	assert_int_equal(store_container(f.store, "link", &dir, &f.err), -ENOTDIR);
	assert_int_equal(store_create(f.store, "link", &dir, &f.err), -EEXIST);
	fake_write(f.root, "file", "");
	assert_int_equal(store_container(f.store, "file", &dir, &f.err), -ENOTDIR);
	mkdir(in_root("theirs"), 0700);
	assert_int_equal(chown(in_root("theirs"), OTHER, OTHER), 0);
	assert_int_equal(store_container(f.store, "theirs", &dir, &f.err), -EPERM);
	assert_int_equal(store_remove(f.store, "theirs", &f.err), -EPERM);
	assert_int_equal(container_delete(&f.g, "theirs", true, &f.err), -EPERM);
	assert_int_equal(access(in_root("theirs"), F_OK), 0);
	mkdir(in_root("open"), 0700);
	chmod(in_root("open"), 0777);
	assert_int_equal(store_container(f.store, "open", &dir, &f.err), -EPERM);
}

/* ---- locks ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_lock(void **state)
{
	int a = -1, b = -1, c = -1;
	int64_t before;

	(void)state;
	assert_int_equal(store_create(f.store, "c", &a, &f.err), 0);	/* locked by this */
	assert_int_equal(store_container(f.store, "c", &b, &f.err), 0);
	before = now_ms();
	assert_int_equal(store_lock(b, true, 150, &f.err), -EBUSY);
	assert_in_range(now_ms() - before, 140, 3000);
	assert_int_equal(store_lock(b, false, 0, &f.err), -EBUSY);
	assert_int_equal(store_container_locked(f.store, "c", 20, &c, &f.err), -EBUSY);
	assert_non_null(strstr(f.err.text, "`c`"));
	assert_int_equal(store_lock(a, true, 0, &f.err), 0);	/* ours already */
	c = dup(a);
	close(a);
	assert_int_equal(store_lock(b, true, 0, &f.err), -EBUSY);	/* a copy still holds it */
	assert_int_equal(store_unlock(c, &f.err), 0);
	assert_int_equal(store_lock(b, false, 0, &f.err), 0);
	assert_int_equal(store_lock(c, false, 0, &f.err), 0);	/* shared: both */
	assert_int_equal(store_lock(c, true, 0, &f.err), -EBUSY);
	close(b);
	close(c);
}

/* Who waited for a container that is deleted and made again gets the new one, locked. */
static void test_lock_of_recreated(void **state)
{
	struct stat old, new;
	int dir = -1, other = -1, got = -1, status;
	pid_t pid;

	(void)state;
	assert_int_equal(store_create(f.store, "c", &dir, &f.err), 0);
	assert_int_equal(fstat(dir, &old), 0);
	pid = fork();
	if (pid == 0) {
		close(dir);	/* the lock is the parent's */
		if (store_container_locked(f.store, "c", 5000, &got, &f.err) < 0)
			_exit(1);
		_exit(store_is_current(f.store, "c", got) && fstat(got, &new) == 0 &&
		      (old.st_ino != new.st_ino || old.st_dev != new.st_dev) ? 0 : 2);
	}
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	assert_int_equal(store_remove(f.store, "c", &f.err), 0);
	assert_false(store_is_current(f.store, "c", dir));
	assert_int_equal(store_create(f.store, "c", &other, &f.err), 0);
	assert_false(store_is_current(f.store, "c", dir));
	assert_true(store_is_current(f.store, "c", other));
	close(dir);
	close(other);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Many creators of one id: one wins (T60). */
static void test_one_creator(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		unsigned won = 0;
		pid_t pids[8];
		int status;

		for (unsigned i = 0; i < 8; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				int dir = -1;

				_exit(store_create(f.store, "c", &dir, &f.err) < 0);
			}
		}
		for (unsigned i = 0; i < 8; i++) {
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			won += status == 0;
		}
		assert_int_equal(won, 1);
		assert_int_equal(store_remove(f.store, "c", &f.err), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_root_is_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_root_is_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_root_writable_by_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_root_of_another, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_root_through_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_root_of_wrong_kind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_relative_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_default_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_create_and_remove, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_remove_stays_inside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_container_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lock_of_recreated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_creator, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
