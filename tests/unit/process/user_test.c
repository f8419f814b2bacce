/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ids and groups as others see them; hostile passwd files. */
#include "../security/forked.h"
#include "../userns.h"

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "process/process.h"

static void become(void *arg)
{
	const struct oci_user *u = arg;
	struct error err = {0};

	CHECK(process_set_groups(u, &err) == 0);
	CHECK(process_set_ids(u, &err) == 0);
}

/* T82: the caller's groups 27 and 33 do not survive. */
static void test_exactly_the_requested(void **state)
{
	uint32_t list[] = {44, 10, 44, 5};
	struct oci_user u = {.uid = 1000, .gid = 2000, .additional_gids = list, .n_additional_gids = 4};
	gid_t foreign[] = {27, 33};
	struct held h;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(setgroups(2, foreign), 0);
	h = hold(become, &u);
	assert_string_equal(status_line(h.pid, "Uid"), "1000\t1000\t1000\t1000");
	assert_string_equal(status_line(h.pid, "Gid"), "2000\t2000\t2000\t2000");
	assert_string_equal(status_line(h.pid, "Groups"), "5 10 44 44 ");
	let_go(&h);
	u.n_additional_gids = 0;
	h = hold(become, &u);
	assert_string_equal(status_line(h.pid, "Groups"), "");
	let_go(&h);
	assert_int_equal(setgroups(0, NULL), 0);
}

static void many_groups(void *arg)
{
	uint32_t *list = calloc(65537, sizeof(*list));
	struct oci_user u = {.additional_gids = list, .n_additional_gids = 65536};
	struct error err = {0};

	(void)arg;
	for (uint32_t i = 0; i < 65537; i++)
		list[i] = 200000 - i * 3;
	CHECK(process_set_groups(&u, &err) == 0);
	CHECK(syscall(SYS_getgroups, 0, NULL) == 65536);
	u.n_additional_gids = 65537;
	CHECK(process_set_groups(&u, &err) == -EINVAL);
	CHECK(strcmp(err.where, "/process/user/additionalGids") == 0);
}

static void test_many_groups(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_child_ok(many_groups, NULL);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* A user namespace with one id, where setgroups(2) is denied. */
static void in_user_namespace(void *arg)
{
	gid_t foreign[] = {27, 33};
	uint32_t list[] = {0};
	struct oci_user none = {.uid = 0}, some = {.additional_gids = list, .n_additional_gids = 1};
	struct oci_user unmapped_uid = {.uid = 5}, unmapped_gid = {.gid = 5};
	struct error err = {0};

	(void)arg;
	CHECK(setgroups(2, foreign) == 0);
	CHECK(unshare(CLONE_NEWUSER) == 0);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/gid_map", "0 0 1");
	write_file("/proc/self/uid_map", "0 0 1");
	CHECK(process_set_groups(&none, &err) == 0);
	CHECK(process_set_groups(&some, &err) == -EPERM);
	CHECK(strstr(err.text, "denied"));
	CHECK(process_set_ids(&unmapped_gid, &err) == -EINVAL);
	CHECK(strcmp(err.where, "/process/user/gid") == 0 && strstr(err.text, "not mapped"));
	CHECK(process_set_ids(&unmapped_uid, &err) == -EINVAL);
	CHECK(strcmp(err.where, "/process/user/uid") == 0);
	CHECK(process_set_ids(&none, &err) == 0);
}

/* Without CAP_SETGID an empty list may not be skipped: the groups would stay. */
static void without_setgid(void *arg)
{
	gid_t foreign[] = {27, 33};
	struct oci_user none = {.uid = 1000};
	struct error err = {0};

	(void)arg;
	CHECK(setgroups(2, foreign) == 0);
	CHECK(setresuid(1000, 1000, 1000) == 0);
	CHECK(process_set_groups(&none, &err) == -EPERM);
}

static void test_user_namespace(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_USERNS();
	assert_child_ok(in_user_namespace, NULL);
	assert_child_ok(without_setgid, NULL);
}

/* ---- passwd --------------------------------------------------------------------------------- */

struct passwd_case {
	const char *text;
	size_t len;		/* 0 = strlen */
	uint32_t uid;
	const char *home;
};

static const struct passwd_case cases[] = {
	{"root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n", 0, 1000, "/home/u"},
	{"root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n", 0, 0, "/root"},
	{"root:x:0:0:root:/root:/bin/sh", 0, 0, "/root"},
	{"a:x:7:7::/first:/s\nb:x:7:7::/second:/s\n", 0, 7, "/first"},
	{"a:x:7:7::/first:/s\n", 0, 8, "/"},
	{"a:x:7:7::", 0, 7, "/"},
	{"a:x:7:7::relative:/s\n", 0, 7, "/"},
	{"a:x:7:7\n", 0, 7, "/"},
	{"a:x:4294967296:7::/wrap:/s\n", 0, 0, "/"},
	{"a:x:-1:7::/minus:/s\n", 0, 4294967295u, "/"},
	{"a:x:0x0:7::/hex:/s\nroot:x:0:0::/root:/s\n", 0, 0, "/root"},
	{"a:x: 0:7::/space:/s\n", 0, 0, "/"},
	{"a:x::7::/empty:/s\n", 0, 0, "/"},
	{"a:x:0:7::/n\0l:/s\nb:x:0:0::/ok:/s\n", 33, 0, "/ok"},
	{"\n\n::::::\nroot:x:0:0::/root:/s\n", 0, 0, "/root"},
	{"", 0, 0, "/"},
};

/* A root of our own, in a mount namespace of our own. */
static void enter_root(void)
{
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("tmpfs", "/mnt", "tmpfs", 0, "size=8m") == 0);
	CHECK(mkdir("/mnt/etc", 0755) == 0 && mkdir("/mnt/proc", 0755) == 0);
	CHECK(mount("proc", "/mnt/proc", "proc", 0, NULL) == 0);
	CHECK(chroot("/mnt") == 0 && chdir("/") == 0);
}

static void check_home(uint32_t uid, const char *expect)
{
	struct arena *a = arena_new();
	const char *home = process_home(a, uid);

	if (strcmp(home, expect) != 0) {
		dprintf(2, "home of %u: %s, not %s\n", uid, home, expect);
		_exit(99);
	}
	arena_free(a);
}

static void put_passwd(const char *text, size_t n)
{
	int fd = open("/etc/passwd", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write(fd, text, n) == (ssize_t)n);
	close(fd);
}

static void passwd_texts(void *arg)
{
	(void)arg;
	enter_root();
	check_home(0, "/");	/* no file */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_passwd(cases[i].text, cases[i].len ? cases[i].len : strlen(cases[i].text));
		check_home(cases[i].uid, cases[i].home);
	}
}

/* T41: nothing blocks, nothing large is read, no link leads out. */
static void passwd_objects(void *arg)
{
	static const char line[] = "root:x:0:0:root:/stolen:/bin/sh\n";
	struct timespec start, end;
	int fd;

	(void)arg;
	fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line));
	enter_root();
	clock_gettime(CLOCK_MONOTONIC, &start);
	alarm(5);
	CHECK(mkfifo("/etc/passwd", 0644) == 0);
	check_home(0, "/");
	CHECK(unlink("/etc/passwd") == 0 && mkdir("/etc/passwd", 0755) == 0);
	check_home(0, "/");
	CHECK(rmdir("/etc/passwd") == 0 && mknod("/etc/passwd", S_IFCHR | 0644, 0x105) == 0);
	check_home(0, "/");
	CHECK(unlink("/etc/passwd") == 0);
	/* A descriptor of ours, by a magic link. */
	CHECK(dup2(fd, 9) == 9 && symlink("/proc/self/fd/9", "/etc/passwd") == 0);
	check_home(0, "/");
	CHECK(unlink("/etc/passwd") == 0 && symlink("../../../../etc/other", "/etc/passwd") == 0);
	check_home(0, "/");
	put_passwd(line, strlen(line));
	check_home(0, "/stolen");	/* the link stays inside: that is allowed */
	CHECK(unlink("/etc/passwd") == 0);
	put_passwd(line, strlen(line));
	CHECK(truncate("/etc/passwd", 2ll << 30) == 0);
	check_home(0, "/");
	clock_gettime(CLOCK_MONOTONIC, &end);
	CHECK(end.tv_sec - start.tv_sec < 2);
}

static void test_passwd(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_child_ok(passwd_texts, NULL);
	assert_child_ok(passwd_objects, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exactly_the_requested),
		cmocka_unit_test(test_many_groups),
		cmocka_unit_test(test_user_namespace),
		cmocka_unit_test(test_passwd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
