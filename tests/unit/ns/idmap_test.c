/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include "../userns.h"
#include "child.h"
#include "ns/ns.h"

static struct error err;
static char text[1024];

/* A process that waits in a user namespace of its own, then runs @f there. */
struct waiting {
	pid_t pid;
	int proc, go;
};

static struct waiting start(void (*f)(void))
{
	struct waiting w;
	char path[64], c;
	int go[2];

	CHECK(pipe(go) == 0);
	w.pid = ns_clone(CLONE_NEWUSER, -1, NULL);
	if (w.pid == 0) {
		close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(50);
		f();
		_exit(0);
	}
	CHECK(w.pid > 0);
	close(go[0]);
	w.go = go[1];
	snprintf(path, sizeof(path), "/proc/%d", w.pid);
	w.proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(w.proc >= 0);
	return w;
}

static int finish(struct waiting *w, bool go)
{
	if (go)
		CHECK(write(w->go, "", 1) == 1);
	close(w->go);
	close(w->proc);
	return wait_for(w->pid);
}

static const char *file(const struct waiting *w, const char *name)
{
	int fd = openat(w->proc, name, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	CHECK(n >= 0);
	text[n] = '\0';
	return text;
}

static void nothing(void)
{
}

static void root_inside(void)
{
	CHECK(getuid() != 0);
	CHECK(ns_become_root(NULL, false, &err) == 0);
	CHECK(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0);
	CHECK(getgroups(0, NULL) == 0);
}

/* ---- by writing ----------------------------------------------------------------------------- */

static void write_as_root(void)
{
	struct plan_ns p = { .idmap = IDMAP_WRITE, .uid_map = "0 100000 65536\n",
			     .gid_map = "0 200000 65536\n" };
	gid_t groups[] = { 200005, 200006 };
	struct waiting w;

	CHECK(setgroups(2, groups) == 0);
	w = start(root_inside);
	CHECK(ns_write_maps(&p, w.proc, w.pid, &err) == 0);
	CHECK(strcmp(file(&w, "uid_map"), "         0     100000      65536\n") == 0);
	CHECK(strcmp(file(&w, "gid_map"), "         0     200000      65536\n") == 0);
	CHECK(strcmp(file(&w, "setgroups"), "allow\n") == 0);
	CHECK(finish(&w, true) == 0);
}

static void test_write_as_root(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_USERNS();
	assert_int_equal(in_child(write_as_root), 0);
}

/* More than five lines: the kernel shows them sorted. */
static void write_many(void)
{
	const char *map = "0 1000 1\n7 107 1\n3 103 1\n9 109 1\n5 105 1\n1 101 2\n";
	struct plan_ns p = { .idmap = IDMAP_WRITE, .uid_map = map, .gid_map = map };
	struct waiting w = start(root_inside);

	CHECK(ns_write_maps(&p, w.proc, w.pid, &err) == 0);
	CHECK(finish(&w, true) == 0);
}

static void test_write_many(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_USERNS();
	assert_int_equal(in_child(write_many), 0);
}

static void root_without_groups(void)
{
	CHECK(ns_become_root(NULL, false, &err) == 0);
	CHECK(getuid() == 0 && getgid() == 0);
	CHECK(setgroups(0, NULL) < 0 && errno == EPERM);
}

static void write_as_nobody(void)
{
	struct plan_ns p = { .idmap = IDMAP_WRITE, .deny_setgroups = true,
			     .uid_map = "0 65534 1\n", .gid_map = "0 65534 1\n" };
	struct waiting w;

	become_nobody();
	w = start(root_without_groups);
	CHECK(ns_write_maps(&p, w.proc, w.pid, &err) == 0);
	CHECK(strcmp(file(&w, "setgroups"), "deny\n") == 0);
	CHECK(finish(&w, true) == 0);
}

static void test_write_as_nobody(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_USERNS();
	assert_int_equal(in_child(write_as_nobody), 0);
}

static void write_refused(void)
{
	struct plan_ns p = { .idmap = IDMAP_WRITE, .uid_map = "0 65534 1\n",
			     .gid_map = "0 65534 1\n" };
	struct waiting w;

	become_nobody();
	w = start(nothing);
	/* without "deny" the group map is not ours to write */
	CHECK(ns_write_maps(&p, w.proc, w.pid, &err) == -EPERM);
	CHECK(strcmp(err.where, "/linux/gidMappings") == 0);
	CHECK(finish(&w, true) == 0);

	err = (struct error){0};
	p.deny_setgroups = true;
	p.uid_map = "0 0 1\n";
	w = start(nothing);
	CHECK(ns_write_maps(&p, w.proc, w.pid, &err) == -EPERM);
	CHECK(strcmp(err.where, "/linux/uidMappings") == 0);
	CHECK(finish(&w, true) == 0);
}

static void test_write_refused(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_USERNS();
	assert_int_equal(in_child(write_refused), 0);
}

static void overlapping(void)
{
	struct plan_ns p = { .idmap = IDMAP_WRITE, .uid_map = "0 1000 10\n5 2000 10\n",
			     .gid_map = "0 1000 10\n" };
	struct waiting w = start(nothing);

	CHECK(ns_write_maps(&p, w.proc, w.pid, &err) == -EINVAL);
	CHECK(strcmp(err.where, "/linux/uidMappings") == 0);
	CHECK(strstr(err.text, "overlap"));
	CHECK(finish(&w, true) == 0);
}

static void test_overlapping(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_USERNS();
	assert_int_equal(in_child(overlapping), 0);
}

/* ---- what is read back ---------------------------------------------------------------------- */

static void fill(int dir, const char *name, const char *content)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

/* Plain files take the place of procfs: what is longer than the text written stays visible. */
static int read_back(const char *uid_map_before, const char *gid_map_before)
{
	struct plan_ns p = { .idmap = IDMAP_WRITE, .deny_setgroups = true,
			     .uid_map = "0 1000 1\n", .gid_map = "0 1000 1\n" };
	char dir[] = "/tmp/orlop-idmap-XXXXXX";
	int r, fd;

	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	fill(fd, "uid_map", uid_map_before);
	fill(fd, "gid_map", gid_map_before);
	fill(fd, "setgroups", "");
	err = (struct error){0};
	r = ns_write_maps(&p, fd, 1, &err);
	unlinkat(fd, "uid_map", 0);
	unlinkat(fd, "gid_map", 0);
	unlinkat(fd, "setgroups", 0);
	close(fd);
	rmdir(dir);
	return r;
}

static void test_read_back(void **state)
{
	(void)state;
	assert_int_equal(read_back("", ""), 0);
	assert_int_equal(read_back("", "0 1000 1\n1 1 1\n"), -EIO);
	assert_non_null(strstr(err.text, "gid_map"));
	assert_int_equal(read_back("0 1000 1\n0 1000 1\n", ""), -EIO);
	assert_non_null(strstr(err.text, "uid_map"));
}

static void test_none(void **state)
{
	struct plan_ns p = {0};

	(void)state;
	assert_int_equal(ns_write_maps(&p, -1, 1, &err), 0);
}

/* ---- by newuidmap and newgidmap ------------------------------------------------------------- */

static bool have_helpers(void)
{
	return access("/usr/bin/newuidmap", X_OK) == 0 && access("/usr/bin/newgidmap", X_OK) == 0;
}

/* newuidmap(1): one's own id needs no entry in subuid(5). */
static void helpers_own_id(void)
{
	struct plan_ns p = { .idmap = IDMAP_HELPERS, .uid_map = "0 65534 1\n",
			     .gid_map = "0 65534 1\n" };
	struct waiting w;

	become_nobody();
	setenv("PATH", "/nowhere", 1);
	w = start(root_without_groups);
	CHECK(ns_write_maps(&p, w.proc, w.pid, &err) == 0);
	CHECK(strcmp(file(&w, "uid_map"), "         0      65534          1\n") == 0);
	CHECK(finish(&w, true) == 0);
}

static void helpers_refuse(void)
{
	struct plan_ns p = { .idmap = IDMAP_HELPERS, .uid_map = "0 65534 1\n1 12 5\n",
			     .gid_map = "0 65534 1\n1 12 5\n" };
	struct waiting w;

	become_nobody();
	w = start(nothing);
	CHECK(ns_write_maps(&p, w.proc, w.pid, &err) == -EPERM);
	CHECK(strstr(err.text, "newgidmap"));
	CHECK(strstr(err.text, "/etc/subgid"));
	CHECK(strcmp(err.where, "/linux/gidMappings") == 0);
	CHECK(strcmp(file(&w, "uid_map"), "") == 0);
	CHECK(finish(&w, true) == 0);
}

static void test_helpers(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_USERNS();
	if (!have_helpers())
		skip();
	assert_int_equal(in_child(helpers_own_id), 0);
	assert_int_equal(in_child(helpers_refuse), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_as_root), cmocka_unit_test(test_write_many),
		cmocka_unit_test(test_write_as_nobody), cmocka_unit_test(test_write_refused),
		cmocka_unit_test(test_overlapping),	cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_none),		cmocka_unit_test(test_helpers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
