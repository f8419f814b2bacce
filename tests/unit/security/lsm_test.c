/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AppArmor, SELinux and keyrings, as far as a host without an LSM can show them. */
#include "forked.h"

#include <linux/keyctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "security/keyring.h"
#include "security/lsm.h"

static long keyctl(int op, unsigned long a, unsigned long b, unsigned long c)
{
	return syscall(SYS_keyctl, op, a, b, c, 0);
}

static void test_apparmor_absent_is_an_error(void **state)
{
	struct error err = {0};

	(void)state;
	if (access("/sys/module/apparmor/parameters/enabled", F_OK) == 0)
		skip();
	assert_int_equal(apparmor_check(NULL, &err), 0);
	assert_int_equal(apparmor_check("", &err), 0);
	assert_int_equal(apparmor_check("unconfined", &err), 0);
	assert_int_equal(apparmor_check("Unconfined", &err), -EINVAL);
	assert_int_equal(apparmor_check("docker-default", &err), -EINVAL);
	assert_non_null(strstr(err.text, "docker-default"));
	assert_string_equal(err.where, "/process/apparmorProfile");
	assert_int_equal(apparmor_check("a\nchangehat b", &err), -EINVAL);
}

static void test_selinux_absent_is_an_error(void **state)
{
	struct error err = {0};
	struct statfs fs;

	(void)state;
	if (statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == 0xf97cff8c)
		skip();
	assert_int_equal(selinux_check(NULL, "/process/selinuxLabel", &err), 0);
	assert_int_equal(selinux_check("", "/process/selinuxLabel", &err), 0);
	assert_int_equal(selinux_check("system_u:system_r:container_t:s0", "/linux/mountLabel", &err),
			 -EINVAL);
	assert_string_equal(err.where, "/linux/mountLabel");
}

/* A directory in the place of the procfs shows exactly what is written where. */
static int fake_proc(char *dir, bool apparmor_dir)
{
	static const char *const dirs[] = {"thread-self", "thread-self/attr",
					   "thread-self/attr/apparmor"};
	static const char *const files[] = {"thread-self/attr/exec", "thread-self/attr/keycreate",
					    "thread-self/attr/apparmor/exec"};
	int fd;

	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (int i = 0; i < 2 + apparmor_dir; i++)
		assert_int_equal(mkdirat(fd, dirs[i], 0755), 0);
	for (int i = 0; i < 2 + apparmor_dir; i++)
		close(openat(fd, files[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	return fd;
}

static ssize_t content(int proc, const char *file, char *buf, size_t size)
{
	int fd = openat(proc, file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, size);
	close(fd);
	return n;
}

static void remove_tree(const char *dir)
{
	char path[256];
	static const char *const all[] = {"/thread-self/attr/apparmor/exec",
		"/thread-self/attr/apparmor", "/thread-self/attr/exec", "/thread-self/attr/keycreate",
		"/thread-self/attr", "/thread-self", ""};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, all[i]);
		remove(path);
	}
}

static void test_exec_attributes(void **state)
{
	static const char label[] = "system_u:system_r:container_t:s0:c1,c2";
	struct error err = {0};
	char buf[128];

	(void)state;
	for (int apparmor_dir = 0; apparmor_dir < 2; apparmor_dir++) {
		char dir[] = "/tmp/orlop-lsm-XXXXXX";
		int proc = fake_proc(dir, apparmor_dir);

		assert_int_equal(apparmor_set_exec(proc, NULL, &err), 0);
		assert_int_equal(apparmor_set_exec(proc, "docker-default", &err), 0);
		assert_int_equal(content(proc, apparmor_dir ? "thread-self/attr/apparmor/exec" :
					 "thread-self/attr/exec", buf, sizeof(buf)), 19);
		assert_memory_equal(buf, "exec docker-default", 19);
		if (apparmor_dir)
			assert_int_equal(content(proc, "thread-self/attr/exec", buf, sizeof(buf)), 0);
		assert_int_equal(ftruncate(openat(proc, "thread-self/attr/exec", O_WRONLY | O_CLOEXEC), 0),
				 0);
		assert_int_equal(selinux_set_exec(proc, label, &err), 0);
		assert_int_equal(content(proc, "thread-self/attr/exec", buf, sizeof(buf)), sizeof(label));
		assert_memory_equal(buf, label, sizeof(label));
		assert_int_equal(selinux_set_key(proc, label, &err), 0);
		assert_int_equal(content(proc, "thread-self/attr/keycreate", buf, sizeof(buf)),
				 sizeof(label));
		close(proc);
		remove_tree(dir);
	}
}

/* What attr/exec shows for what was asked for. */
static void test_apparmor_same(void **state)
{
	static const struct {
		const char *profile, *got;
		bool same;
	} rows[] = {
		{"a", "a (enforce)", true}, {"a", "a", true}, {"a", "a (complain)", true},
		{"a (b)", "a (b) (enforce)", true}, {"unconfined", "unconfined", true},
		{"a", "ab (enforce)", false}, {"ab", "a (enforce)", false}, {"a", "", false},
		{"a", "unconfined", false}, {"a", "b (enforce)", false}, {"a", "a//&b (enforce)", false},
		{"a//&b", "a//&b (enforce)", true}, {"b//&a", "a//&b (enforce)", true},
		{"a//&b", "a (enforce)", false}, {"a//&b", "a//&c (mixed)", false},
		{"a//&a", "a (enforce)", true}, {"a//&b//&c", "c//&a//&b (enforce)", true},
		{":ns:a", ":ns:a (enforce)", true}, {":ns:a", ":nt:a (enforce)", false},
		{":ns://a", ":ns:a (enforce)", true}, {"a//&:ns://b", "a//&:ns:b (enforce)", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (apparmor_same(rows[i].profile, rows[i].got) != rows[i].same)
			fail_msg("`%s` and `%s`", rows[i].profile, rows[i].got);
}

/* The kernel refuses: never a success. */
static void test_real_proc_refuses(void **state)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct error err = {0};

	(void)state;
	if (access("/sys/module/apparmor/parameters/enabled", F_OK) == 0)
		skip();
	assert_true(apparmor_set_exec(proc, "docker-default", &err) < 0);
	assert_string_equal(err.where, "/process/apparmorProfile");
	assert_true(selinux_set_exec(proc, "a:b:c:s0", &err) < 0);
	assert_string_equal(err.where, "/process/selinuxLabel");
	close(proc);
}

/* T85: the caller's secrets are out of reach, and only the possessor has rights. */
static void new_keyring(void *arg)
{
	struct error err = {0};
	char text[256];
	long before, after;

	(void)arg;
	CHECK(keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) > 0);
	CHECK(syscall(SYS_add_key, "user", "orlop:secret", "x", 1, KEY_SPEC_SESSION_KEYRING) > 0);
	CHECK(syscall(SYS_request_key, "user", "orlop:secret", NULL, 0) > 0);
	before = keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0);
	CHECK(keyring_new_session(&err) == 0);
	after = keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0);
	CHECK(before > 0 && after > 0 && before != after);
	CHECK(syscall(SYS_request_key, "user", "orlop:secret", NULL, 0) < 0 && errno == ENOKEY);
	CHECK(keyctl(KEYCTL_DESCRIBE, (unsigned long)after, (unsigned long)text, sizeof(text)) > 0);
	CHECK(strncmp(text, "keyring;0;0;3f000000;_ses", 25) == 0);
	/* Still ours to use. */
	CHECK(syscall(SYS_add_key, "user", "orlop:own", "y", 1, KEY_SPEC_SESSION_KEYRING) > 0);
}

static void test_keyring(void **state)
{
	(void)state;
	NEEDS_ROOT();
	if (keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0) < 0 &&
	    errno == ENOSYS)
		skip();
	assert_child_ok(new_keyring, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apparmor_absent_is_an_error),
		cmocka_unit_test(test_selinux_absent_is_an_error),
		cmocka_unit_test(test_exec_attributes), cmocka_unit_test(test_apparmor_same),
		cmocka_unit_test(test_real_proc_refuses),
		cmocka_unit_test(test_keyring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
