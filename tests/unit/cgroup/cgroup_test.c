/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cgroup driver on a real cgroup2, in a cgroup of its own.  Needs root and a cgroup2 mount; is
 * skipped without.  What was done is read back from the kernel's files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/delegate.h"
#include "cgroup/events.h"
#include "cgroup/walk.h"
#include "plan/parts.h"
#include "plan/plan_resources.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

static struct facts facts;
static int root = -1;
static char base[64];			/* "/orlop-test-PID" */
static struct error err;

static void quiet(void *ctx, enum log_level level, const char *text)
{
	(void)ctx, (void)level, (void)text;
}

static struct plan_cgroup plan_for(const char *path)
{
	return (struct plan_cgroup){
		.mode = PLAN_CGROUP_FS, .root = facts.cgroup_root, .path = path,
	};
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static const char *below(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, PATH_MAX, "%s%s", base, name);
	return p;
}

static bool exists(const char *path)
{
	return faccessat(root, path + 1, F_OK, 0) == 0;
}

static void make_dir(const char *path)
{
	assert_int_equal(mkdirat(root, path + 1, 0755), 0);
}

static void remove_dir(const char *path)
{
	assert_int_equal(unlinkat(root, path + 1, AT_REMOVEDIR), 0);
}

static const char *file_text(int fd, const char *file)
{
	static char text[4096];

	assert_true(fd_read_pseudo(fd, file, text, sizeof(text)) >= 0);
	return text;
}

static void write_file(int fd, const char *file, const char *value)
{
	assert_int_equal(fd_write_pseudo(fd, file, value, strlen(value)), 0);
}

#define OK(call) \
	do { \
		int ok_ = (call); \
		if (ok_ != 0) \
			fail_msg("%s: %d: %s: %s", #call, ok_, err.where, err.text); \
	} while (0)

static pid_t spawn_in(int fd, int (*child)(void))
{
	int go[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(go[1]);
		_exit(read(go[0], &c, 1) == 1 ? child() : 99);
	}
	close(go[0]);
	OK(cgroup_attach(fd, pid, &err));
	assert_int_equal(write(go[1], "x", 1), 1);
	close(go[1]);
	return pid;
}

static int sleeps(void)
{
	while (pause() < 0)
		;
	return 0;
}

static int wait_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void assert_killed(pid_t pid, int sig)
{
	int status = wait_status(pid);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), sig);
}

/* ---- making and opening --------------------------------------------------------------------- */

static void test_prepare(void **state)
{
	struct plan_cgroup p = plan_for(below("/a/b/leaf"));
	struct cgroup c, again;
	struct stat st;
	mode_t mask = umask(077);
	int fd;

	(void)state;
	OK(cgroup_prepare(&p, &c, &err));
	umask(mask);
	assert_true(c.created);
	assert_int_equal(c.created_above, 2);
	assert_int_equal(fstatat(root, p.path + 1, &st, 0), 0);
	assert_int_equal(c.id, st.st_ino);
	assert_int_equal(st.st_mode & 07777, 01755);
	assert_int_equal(fcntl(c.fd, F_GETFD), FD_CLOEXEC);

	OK(cgroup_prepare(&p, &again, &err));	/* there and empty: used */
	assert_false(again.created);
	assert_int_equal(again.created_above, 0);
	assert_int_equal(again.id, c.id);
	close(again.fd);

	OK(cgroup_open(p.root, p.path, c.id, &fd, &err));
	close(fd);
	OK(cgroup_open(p.root, p.path, 0, &fd, &err));
	close(fd);
	assert_int_equal(cgroup_open(p.root, p.path, c.id + 1, &fd, &err), -ESTALE);
	assert_int_equal(cgroup_open(p.root, below("/a/none"), 0, &fd, &err), -ENOENT);
	close(c.fd);
	OK(cgroup_destroy(p.root, p.path, c.id, c.created_above, false, 1000, &err));
	assert_false(exists(below("/a")));
	assert_true(exists(base));
	OK(cgroup_destroy(p.root, p.path, c.id, c.created_above, false, 1000, &err));
}

/* memory.checkBeforeUpdate, with files that are there without the memory controller. */
static void test_usage(void **state)
{
	struct plan_cgroup_write w = {.file = "cgroup.max.depth", .value = "3", .where = "/w",
				      .usage_file = "cgroup.max.descendants"};
	struct plan_cgroup p = plan_for(below("/used"));
	struct cgroup c;
	int fd;

	(void)state;
	p.writes = &w;
	p.n_writes = 1;
	make_dir(p.path);
	OK(cgroup_open(p.root, p.path, 0, &fd, &err));
	write_file(fd, "cgroup.max.descendants", "4");
	assert_int_equal(cgroup_prepare(&p, &c, &err), -EINVAL);
	assert_string_equal(err.where, "/w");
	assert_string_equal(file_text(fd, "cgroup.max.depth"), "max");	/* the old one is kept */
	write_file(fd, "cgroup.max.descendants", "3");
	OK(cgroup_prepare(&p, &c, &err));
	assert_string_equal(file_text(fd, "cgroup.max.depth"), "3");
	close(c.fd);
	w.value = "max";
	write_file(fd, "cgroup.max.descendants", "4");
	OK(cgroup_prepare(&p, &c, &err));
	close(c.fd);
	w.value = "1";
	w.usage_file = "none.current";	/* nothing is counted */
	OK(cgroup_prepare(&p, &c, &err));
	assert_string_equal(file_text(fd, "cgroup.max.depth"), "1");
	close(c.fd);
	close(fd);
	remove_dir(p.path);
}

static void test_open_refuses_paths(void **state)
{
	static const char *const bad[] = {
		"", "/", "a", "//a", "/a/", "/a//b", "/..", "/../x", "/a/..", "/./a", "/a/../../b",
	};
	int fd;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(cgroup_open(facts.cgroup_root, bad[i], 0, &fd, &err), -EINVAL);
		assert_int_equal(cgroup_destroy(facts.cgroup_root, bad[i], 0, 9, false, 10, &err), -EINVAL);
	}
	assert_int_equal(cgroup_open("/", "/etc", 0, &fd, &err), -ENODEV);
}

static void test_none(void **state)
{
	struct plan_cgroup p = {.mode = PLAN_CGROUP_NONE};
	struct cgroup c;

	(void)state;
	OK(cgroup_prepare(&p, &c, &err));
	assert_int_equal(c.fd, -1);
}

/* Without permission: -EACCES, or no cgroup when none is needed. */
static void test_unprivileged(void **state)
{
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct plan_cgroup p = plan_for(below("/user/leaf"));
		struct cgroup c;

		if (setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		if (cgroup_prepare(&p, &c, &err) != -EACCES)
			_exit(2);
		p.optional = true;
		if (cgroup_prepare(&p, &c, &err) != 0 || c.fd != -1 || c.created)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(wait_status(pid), 0);
	assert_false(exists(below("/user")));
}

/* spec: CL-047 */
static void test_unfit(void **state)
{
	struct plan_cgroup p = plan_for(below("/busy")), inner = plan_for(below("/busy/in"));
	struct cgroup c;
	pid_t pid;
	int fd;

	(void)state;
	make_dir(p.path);
	OK(cgroup_open(p.root, p.path, 0, &fd, &err));
	pid = spawn_in(fd, sleeps);
	assert_int_equal(cgroup_prepare(&p, &c, &err), -EEXIST);
	assert_non_null(strstr(err.text, "holds processes"));
	assert_true(exists(p.path));
	assert_int_equal(kill(pid, 0), 0);
	kill(pid, SIGKILL);
	wait_status(pid);
	assert_int_equal(cgroup_wait_event(fd, "populated", 0, cgroup_now_ms() + 2000, -1), 0);

	write_file(fd, "cgroup.freeze", "1");
	assert_int_equal(cgroup_prepare(&p, &c, &err), -EBUSY);
	assert_non_null(strstr(err.text, "frozen"));
	assert_int_equal(cgroup_prepare(&inner, &c, &err), -EBUSY);	/* would freeze at birth */
	assert_false(exists(inner.path));
	write_file(fd, "cgroup.freeze", "0");
	close(fd);
	remove_dir(p.path);
}

/* Who owns @file, and that its group stays ours. */
static unsigned owner_of(int fd, const char *file)
{
	struct stat st;

	assert_int_equal(fstatat(fd, file, &st, AT_EMPTY_PATH), 0);
	assert_int_equal(st.st_gid, getegid());
	return st.st_uid;
}

/* The file system of these tests need not have nsdelegate: that is for the caller to look at. */
static void test_divide(void **state)
{
	struct plan_cgroup p = plan_for(below("/divided"));
	unsigned named = CGROUP_HUGETLB;
	char list[4096];
	struct cgroup c;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	p.controllers = named;
	if (cgroup_prepare(&p, &c, &err) < 0)
		skip();		/* another hierarchy has it */
	p.delegation = (struct plan_delegation){.where = "/annotations/x", .controllers = named};
	p.owner = (struct opt_u32){true, 1234};
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	OK(cgroup_attach(c.fd, pid, &err));
	umask(077);
	OK(cgroup_divide(c.fd, &p, &err));
	umask(022);
	assert_string_equal(file_text(c.fd, "cgroup.procs"), "");
	snprintf(list, sizeof(list), "%d", (int)pid);
	assert_string_equal(file_text(c.fd, "init/cgroup.procs"), list);
	assert_string_equal(file_text(c.fd, "cgroup.subtree_control"), "hugetlb");
	assert_int_equal(owner_of(c.fd, "init"), 1234);
	assert_int_equal(owner_of(c.fd, "init/cgroup.procs"), 1234);
	assert_int_equal(owner_of(c.fd, "init/hugetlb.2MB.max"), 1234);
	assert_int_equal(owner_of(c.fd, "cgroup.procs"), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	/* Somebody has made it meanwhile; and a controller that is not there. */
	assert_int_equal(cgroup_divide(c.fd, &p, &err), -EEXIST);
	assert_int_equal(unlinkat(c.fd, "init", AT_REMOVEDIR), 0);
	p.delegation.controllers |= CGROUP_RDMA;
	if (!strstr(file_text(c.fd, "cgroup.controllers"), "rdma")) {
		assert_true(cgroup_divide(c.fd, &p, &err) < 0);	/* EINVAL: the kernel has it not at all */
		assert_string_equal(err.where, "/annotations/x");
	}
	/* Whatever there is. */
	write_file(c.fd, "cgroup.subtree_control", "-hugetlb");
	if (exists(below("/divided/init")))
		remove_dir(below("/divided/init"));
	p.delegation.controllers = 0;
	OK(cgroup_divide(c.fd, &p, &err));
	snprintf(list, sizeof(list), "%s", file_text(c.fd, "cgroup.controllers"));
	assert_string_equal(file_text(c.fd, "cgroup.subtree_control"), list);
	remove_dir(below("/divided/init"));
	close(c.fd);
	OK(cgroup_destroy(p.root, p.path, c.id, c.created_above, false, 1000, &err));
}

/* spec: CL-056 CL-057 CL-058 CL-059 CL-060 */
static void test_delegate(void **state)
{
	static const char *const oldest[] = {"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"};
	static const char *const ours[] = {"cgroup.freeze", "cgroup.kill", "cgroup.max.depth",
					   "cgroup.events", "cgroup.controllers"};
	char list[] = "/tmp/cgroup_test.XXXXXX";
	static const char names[] = "cgroup.procs\nno.such.file\n../cgroup.freeze\ncgroup.max.depth\n";
	struct plan_cgroup p = plan_for(below("/given"));
	struct cgroup c;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	OK(cgroup_prepare(&p, &c, &err));
	OK(cgroup_delegate(c.fd, 1234, "/nonexistent/list", &err));
	for (size_t i = 0; i < ARRAY_SIZE(oldest); i++)
		assert_int_equal(owner_of(c.fd, oldest[i]), 1234);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		assert_int_equal(owner_of(c.fd, ours[i]), 0);

	fd = mkostemp(list, O_CLOEXEC);
	assert_int_equal(write(fd, names, strlen(names)), strlen(names));
	close(fd);
	OK(cgroup_delegate(c.fd, 77, list, &err));
	unlink(list);
	assert_int_equal(owner_of(c.fd, ""), 77);
	assert_int_equal(owner_of(c.fd, "cgroup.procs"), 77);
	assert_int_equal(owner_of(c.fd, "cgroup.max.depth"), 77);
	assert_int_equal(owner_of(c.fd, "cgroup.threads"), 1234);
	assert_int_equal(owner_of(c.fd, "cgroup.freeze"), 0);
	close(c.fd);
	OK(cgroup_destroy(p.root, p.path, c.id, c.created_above, false, 1000, &err));

	p.owner = (struct opt_u32){true, 55};
	OK(cgroup_prepare(&p, &c, &err));
	assert_int_equal(owner_of(c.fd, "cgroup.procs"), 55);
	assert_int_equal(fchown(c.fd, 0, (gid_t)-1), 0);
	close(c.fd);
	OK(cgroup_prepare(&p, &c, &err));	/* it was there: not ours to give */
	assert_int_equal(owner_of(c.fd, ""), 0);
	close(c.fd);
	remove_dir(p.path);
}

/* ---- limits --------------------------------------------------------------------------------- */

static bool has_controller(const char *name)
{
	char text[512], *save = NULL;

	assert_true(fd_read_pseudo(root, "cgroup.controllers", text, sizeof(text)) >= 0);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (str_eq(w, name))
			return true;
	return false;
}

/* The one controller that cgroup v1 seldom holds. */
/* spec: CL-075 CL-077 CL-078 */
static void test_hugetlb(void **state)
{
	struct plan_cgroup_write writes[] = {
		{.file = "hugetlb.2MB.rsvd.max", .value = "8388608", .controller = CGROUP_HUGETLB,
		 .where = "/w", .optional = true},
		{.file = "hugetlb.2MB.max", .value = "4194304", .controller = CGROUP_HUGETLB, .where = "/w"},
		{.file = "hugetlb.3MB.rsvd.max", .value = "1", .controller = CGROUP_HUGETLB,
		 .where = "/w", .optional = true},
		{.file = "hugetlb.no.max", .value = "1", .controller = CGROUP_HUGETLB, .where = "/w",
		 .alt_file = "hugetlb.1GB.max", .alt_value = "1073741824"},
		{.file = "hugetlb.3MB.max", .value = "1", .controller = CGROUP_HUGETLB, .where = "/three"},
	};
	struct plan_cgroup p = plan_for(below("/h/leaf"));
	struct cgroup c;

	(void)state;
	if (!has_controller("hugetlb") || access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK) < 0 ||
	    access("/sys/kernel/mm/hugepages/hugepages-1048576kB", F_OK) < 0)
		skip();
	p.controllers = CGROUP_HUGETLB;
	p.writes = writes;
	p.n_writes = 4;
	OK(cgroup_prepare(&p, &c, &err));
	assert_string_equal(file_text(c.fd, "hugetlb.2MB.max"), "4194304");
	assert_string_equal(file_text(c.fd, "hugetlb.2MB.rsvd.max"), "8388608");
	assert_string_equal(file_text(c.fd, "hugetlb.1GB.max"), "1073741824");
	close(c.fd);
	OK(cgroup_destroy(p.root, p.path, c.id, c.created_above, false, 1000, &err));

	p.n_writes = 5;		/* refused by the last: nothing stays */
	assert_int_equal(cgroup_prepare(&p, &c, &err), -ENOENT);
	assert_string_equal(err.where, "/three");
	assert_non_null(strstr(err.text, "hugetlb.3MB.max"));
	assert_false(exists(below("/h")));
	writes[1].value = "many";
	assert_int_equal(cgroup_prepare(&p, &c, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"many\" to hugetlb.2MB.max"));
	assert_false(exists(below("/h")));
}

/* A file that is not there: too old a kernel says so, and only that.  Below a cgroup with a process no
 * controller is to be had, so that none of these files is there whatever the kernel has. */
static void test_missing_file(void **state)
{
	static const struct {
		const char *file, *old, *present;
	} rows[] = {
		{"cpu.idle", "(cpu.idle needs Linux 5.15 or later, this is 2.6.", "(the kernel was built without it"},
		{"memory.zswap.writeback", "(memory.zswap.writeback needs Linux 6.8", "(the kernel was built"},
		{"cpu.nothing", "(it is unknown here", "(it is unknown here"},
	};
	pid_t pid;
	int full;

	(void)state;
	make_dir(below("/m"));
	OK(cgroup_open(facts.cgroup_root, below("/m"), 0, &full, &err));
	pid = spawn_in(full, sleeps);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan_cgroup_write w = {.file = rows[i].file, .value = "1", .where = "/w"};
		struct plan_cgroup p = plan_for(below("/m/leaf"));
		struct cgroup c;

		p.writes = &w;
		p.n_writes = 1;
		assert_true(personality(UNAME26) >= 0);		/* uname(2) says 2.6 */
		assert_int_equal(cgroup_prepare(&p, &c, &err), -ENOENT);
		assert_non_null(strstr(err.text, rows[i].old));
		assert_true(personality(PER_LINUX) >= 0);
		assert_int_equal(cgroup_prepare(&p, &c, &err), -ENOENT);
		assert_non_null(strstr(err.text, rows[i].present));
		assert_string_equal(err.where, "/w");
		assert_false(exists(below("/m/leaf")));
	}
	OK(cgroup_kill_all(full, &err));
	assert_killed(pid, SIGKILL);
	close(full);
	OK(cgroup_destroy(facts.cgroup_root, below("/m"), 0, 0, false, 2000, &err));
}

#define SET(field, value) ((field).set = true, (field).v = (value))

/* A limit of each kind, from the configuration to the kernel's files. */
/* spec: CL-083 */
static void test_real_controllers(void **state)
{
	struct key_value unified = {(char *)"memory.high", (char *)"50331648"};
	struct plan_cgroup p = plan_for(below("/real/x/leaf"));
	struct oci_resources r = {.present = true};
	struct arena *a = arena_new();
	struct cgroup c;

	(void)state;
	SET(r.memory.limit, 64 << 20);
	SET(r.memory.swap, 96 << 20);
	SET(r.memory.reservation, 16 << 20);
	SET(r.cpu.shares, 2048);
	SET(r.cpu.quota, 50000);
	SET(r.cpu.burst, 10000);
	r.cpu.cpus = r.cpu.mems = (char *)"0";
	SET(r.block_io.weight, 500);
	SET(r.pids_limit, 20);
	r.unified = (struct key_values){&unified, 1};
	OK(plan_resources(a, &r, false, &p, &err));
	if (!has_controller("memory")) {
		assert_int_equal(cgroup_prepare(&p, &c, &err), -ENODEV);
		assert_non_null(strstr(err.text, "this limit needs the "));
		assert_int_equal(err.where[0], '/');
		assert_false(exists(below("/real")));
		arena_free(a);
		return;
	}
	OK(cgroup_prepare(&p, &c, &err));
	assert_string_equal(file_text(c.fd, "memory.max"), "67108864");
	assert_string_equal(file_text(c.fd, "memory.swap.max"), "33554432");
	assert_string_equal(file_text(c.fd, "memory.low"), "16777216");
	assert_string_equal(file_text(c.fd, "memory.high"), "50331648");
	assert_string_equal(file_text(c.fd, "pids.max"), "20");
	assert_string_equal(file_text(c.fd, "cpu.max"), "50000 100000");
	assert_string_equal(file_text(c.fd, "cpu.max.burst"), "10000");
	assert_string_equal(file_text(c.fd, "cpu.weight"), "174");
	assert_string_equal(file_text(c.fd, "cpuset.cpus"), "0");
	assert_string_equal(file_text(c.fd, "cpuset.mems"), "0");
	if (faccessat(c.fd, "io.bfq.weight", F_OK, 0) == 0)
		assert_string_equal(file_text(c.fd, "io.bfq.weight"), "default 500");
	else
		assert_string_equal(file_text(c.fd, "io.weight"), "default 4950");
	assert_int_equal(cgroup_oom_kills(c.fd), 0);
	close(c.fd);
	OK(cgroup_destroy(p.root, p.path, c.id, c.created_above, false, 1000, &err));
	assert_false(exists(below("/real")));
	arena_free(a);
}

static int takes_memory(void)
{
	size_t n = 64 << 20;
	volatile char *p = malloc(n);

	for (size_t i = 0; p && i < n; i += 4096)
		p[i] = 1;
	return 0;
}

static void test_oom_kills(void **state)
{
	struct plan_cgroup_write writes[] = {
		{.file = "memory.max", .value = "16777216", .controller = CGROUP_MEMORY, .where = "/m"},
		{.file = "memory.swap.max", .value = "0", .optional = true, .where = "/m"},
	};
	struct plan_cgroup p = plan_for(below("/oom"));
	struct cgroup c;

	(void)state;
	if (!has_controller("memory"))
		skip();
	p.controllers = CGROUP_MEMORY;
	p.writes = writes;
	p.n_writes = 2;
	OK(cgroup_prepare(&p, &c, &err));
	assert_killed(spawn_in(c.fd, takes_memory), SIGKILL);
	assert_int_equal(cgroup_oom_kills(c.fd), 1);
	close(c.fd);
	OK(cgroup_destroy(p.root, p.path, c.id, 0, false, 2000, &err));
}

static int bombs(void)
{
	signal(SIGTERM, SIG_IGN);
	while (getpid() > 0)
		if (fork() == 0)
			setsid();
	return 0;
}

/* Against processes that multiply as fast as they can, and a limit of 0 processes. */
static void test_pids(void **state)
{
	struct plan_cgroup_write w = {.file = "pids.max", .value = "300", .controller = CGROUP_PIDS,
				      .where = "/p"};
	struct plan_cgroup p = plan_for(below("/bomb"));
	struct cgroup c;
	int64_t start;
	pid_t pid;

	(void)state;
	if (!has_controller("pids"))
		skip();
	p.controllers = CGROUP_PIDS;
	p.writes = &w;
	p.n_writes = 1;
	OK(cgroup_prepare(&p, &c, &err));
	pid = spawn_in(c.fd, bombs);
	poll(NULL, 0, 500);
	start = cgroup_now_ms();
	OK(cgroup_kill_all(c.fd, &err));
	OK(cgroup_destroy(p.root, p.path, c.id, 0, false, 5000, &err));
	assert_in_range(cgroup_now_ms() - start, 0, 5000);
	close(c.fd);
	assert_killed(pid, SIGKILL);

	w.value = "0";
	OK(cgroup_prepare(&p, &c, &err));
	pid = spawn_in(c.fd, sleeps);	/* cgroup_attach is not limited */
	OK(cgroup_kill_all(c.fd, &err));
	assert_killed(pid, SIGKILL);
	OK(cgroup_destroy(p.root, p.path, c.id, 0, false, 5000, &err));
	close(c.fd);
}

/* A cgroup with processes cannot pass controllers on: said so, with its name. */
static void test_internal_processes(void **state)
{
	unsigned controller = has_controller("hugetlb") ? CGROUP_HUGETLB : 0;
	struct plan_cgroup_write w = {.file = "hugetlb.2MB.max", .value = "max",
				      .controller = controller, .where = "/limit"};
	struct plan_cgroup p = plan_for(below("/full/leaf"));
	struct cgroup c;
	pid_t pid;
	int fd;

	(void)state;
	if (!controller)
		skip();
	p.controllers = controller;
	p.writes = &w;
	p.n_writes = 1;
	make_dir(below("/full"));
	OK(cgroup_open(p.root, below("/full"), 0, &fd, &err));
	pid = spawn_in(fd, sleeps);
	assert_int_equal(cgroup_prepare(&p, &c, &err), -EBUSY);
	assert_string_equal(err.where, "/limit");
	assert_non_null(strstr(err.text, below("/full")));
	assert_false(exists(p.path));
	OK(cgroup_kill_all(fd, &err));
	assert_killed(pid, SIGKILL);
	close(fd);
	OK(cgroup_destroy(p.root, below("/full"), 0, 0, false, 2000, &err));
}

/* ---- devices -------------------------------------------------------------------------------- */

static struct oci_device_rule kmsg_may_be_read[] = {
	{false, 'a', -1, -1, 7}, {false, 'c', -1, -1, 7}, {true, 'c', 1, 11, DEVICE_ACCESS_READ},
};

static int opens(const char *path, int flags)
{
	int fd = fd_openat(AT_FDCWD, path, flags, 0);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int tries_devices(void)
{
	if (opens("/dev/null", O_RDWR) != 0)		/* by default */
		return 1;
	if (opens("/dev/kmsg", O_RDONLY) != 0)		/* by the list */
		return 2;
	if (opens("/dev/kmsg", O_RDWR) != -EPERM)
		return 3;
	return 0;
}

static void test_devices(void **state)
{
	struct oci_config config = {.linux_.resources = {
		.present = true, .has_devices = true, .devices = kmsg_may_be_read, .n_devices = 3,
	}};
	struct plan whole = {.config = &config, .cgroup = plan_for(below("/dev"))};
	struct oci_device_rule nothing = {false, 'a', -1, -1, 7};
	struct arena *a = arena_new();
	struct cgroup c;
	pid_t pid;

	(void)state;
	if (opens("/dev/kmsg", O_RDWR) != 0)
		skip();		/* what is refused then would not be our doing */
	OK(plan_cgroup_devices(a, &whole, &err));
	OK(cgroup_prepare(&whole.cgroup, &c, &err));
	pid = spawn_in(c.fd, tries_devices);
	assert_int_equal(wait_status(pid), 0);
	assert_int_equal(cgroup_wait_event(c.fd, "populated", 0, cgroup_now_ms() + 2000, -1), 0);
	close(c.fd);

	/* Used again: the new program replaces the old one, in both directions. */
	config.linux_.resources.devices = &nothing;
	config.linux_.resources.n_devices = 1;
	OK(plan_cgroup_devices(a, &whole, &err));
	OK(cgroup_prepare(&whole.cgroup, &c, &err));
	assert_false(c.created);
	pid = spawn_in(c.fd, tries_devices);
	assert_int_equal(wait_status(pid), 2 << 8);
	close(c.fd);
	config.linux_.resources.devices = kmsg_may_be_read;
	config.linux_.resources.n_devices = 3;
	OK(plan_cgroup_devices(a, &whole, &err));
	OK(cgroup_prepare(&whole.cgroup, &c, &err));
	pid = spawn_in(c.fd, tries_devices);
	assert_int_equal(wait_status(pid), 0);
	close(c.fd);
	OK(cgroup_destroy(facts.cgroup_root, below("/dev"), c.id, 0, false, 2000, &err));

	/* One that the kernel refuses says why, and leaves nothing. */
	whole.cgroup.n_device_insns = 3;
	assert_true(cgroup_prepare(&whole.cgroup, &c, &err) < 0);
	assert_string_equal(err.where, "/linux/resources/devices");
	assert_non_null(strstr(err.text, "verifier says"));
	assert_false(exists(below("/dev")));
	arena_free(a);
}

/* ---- processes ------------------------------------------------------------------------------ */

static void open_new(const char *path, int *fd)
{
	make_dir(path);
	OK(cgroup_open(facts.cgroup_root, path, 0, fd, &err));
}

static void exit_7(int sig)
{
	(void)sig;
	_exit(7);
}

static int answers(void)
{
	signal(SIGUSR1, exit_7);
	return sleeps();
}

static void test_freeze(void **state)
{
	pid_t pid;
	int fd;

	(void)state;
	open_new(below("/ice"), &fd);
	pid = spawn_in(fd, answers);
	poll(NULL, 0, 50);
	assert_int_equal(cgroup_frozen(fd), 0);
	OK(cgroup_freeze(fd, true, 2000, -1, &err));
	assert_int_equal(cgroup_frozen(fd), 1);
	kill(pid, SIGUSR1);	/* stays pending */
	poll(NULL, 0, 50);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	OK(cgroup_freeze(fd, false, 2000, -1, &err));
	assert_int_equal(cgroup_frozen(fd), 0);
	assert_int_equal(wait_status(pid), 7 << 8);

	pid = spawn_in(fd, sleeps);
	OK(cgroup_freeze(fd, true, 2000, -1, &err));
	OK(cgroup_kill_all(fd, &err));		/* works on a frozen one */
	assert_killed(pid, SIGKILL);
	close(fd);
	OK(cgroup_destroy(facts.cgroup_root, below("/ice"), 0, 0, false, 2000, &err));
}

static int idles(void)
{
	struct sched_param none = {0};

	return sched_setscheduler(0, SCHED_IDLE, &none) < 0 ? 98 : sleeps();
}

/* No time, and processes that do not get to run meanwhile: what was frozen runs again. */
static void test_freeze_timeout(void **state)
{
	pid_t pids[8], busy;
	cpu_set_t all, one;
	int64_t end = cgroup_now_ms() + 20000;
	int fd, r;

	(void)state;
	open_new(below("/slow"), &fd);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = spawn_in(fd, idles);
	poll(NULL, 0, 50);
	busy = fork();		/* takes the processor when we have to wait for a lock */
	assert_true(busy >= 0);
	while (busy == 0)
		;
	/* Now and then they are fast enough, and on a busy machine often. */
	while ((r = cgroup_freeze(fd, true, 0, -1, &err)) == 0 && cgroup_now_ms() < end)
		OK(cgroup_freeze(fd, false, 2000, -1, &err));
	kill(busy, SIGKILL);
	wait_status(busy);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(r, -ETIMEDOUT);
	assert_string_equal(file_text(fd, "cgroup.freeze"), "0");
	assert_int_equal(cgroup_wait_event(fd, "frozen", 0, cgroup_now_ms() + 2000, -1), 0);
	OK(cgroup_signal_all(fd, SIGTERM, &err));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_killed(pids[i], SIGTERM);
	close(fd);
	OK(cgroup_destroy(facts.cgroup_root, below("/slow"), 0, 0, false, 2000, &err));
}

/* Thawing below a frozen cgroup cannot come true. */
static void test_thaw_timeout(void **state)
{
	int above, fd;
	pid_t pid;

	(void)state;
	open_new(below("/cold"), &above);
	open_new(below("/cold/in"), &fd);
	pid = spawn_in(fd, sleeps);
	OK(cgroup_freeze(above, true, 2000, -1, &err));
	write_file(fd, "cgroup.freeze", "1");
	assert_int_equal(cgroup_freeze(fd, false, 50, -1, &err), -ETIMEDOUT);
	assert_int_equal(cgroup_freeze(fd, false, 50, -1, &err), -EBUSY);
	OK(cgroup_kill_all(above, &err));
	assert_killed(pid, SIGKILL);
	close(above);
	close(fd);
	OK(cgroup_destroy(facts.cgroup_root, below("/cold"), 0, 0, false, 2000, &err));
}

static void test_signal_all(void **state)
{
	enum { N = 80 };	/* more than one batch */
	pid_t pids[N], *list = NULL;
	int fd, in;
	size_t n;

	(void)state;
	open_new(below("/many"), &fd);
	open_new(below("/many/in"), &in);
	for (int i = 0; i < N; i++)
		pids[i] = spawn_in(i % 2 ? in : fd, sleeps);
	OK(cgroup_procs(fd, &list, &n, &err));
	assert_int_equal(n, N);
	for (size_t i = 1; i < n; i++)
		assert_true(list[i - 1] < list[i]);
	free(list);
	OK(cgroup_signal_all(fd, 0, &err));
	OK(cgroup_signal_all(fd, SIGUSR1, &err));
	for (int i = 0; i < N; i++)
		assert_killed(pids[i], SIGUSR1);
	OK(cgroup_signal_all(fd, SIGUSR1, &err));	/* empty: fine */
	OK(cgroup_procs(fd, &list, &n, &err));
	assert_int_equal(n, 0);
	free(list);
	close(in);
	close(fd);
	OK(cgroup_destroy(facts.cgroup_root, below("/many"), 0, 0, false, 2000, &err));
}

/* cgroup.procs of a threaded cgroup cannot be read, and cgroup.kill is not there. */
static void test_threaded(void **state)
{
	int fd, in;
	pid_t pid, *list = NULL;
	size_t n;

	(void)state;
	open_new(below("/thr"), &fd);
	open_new(below("/thr/in"), &in);
	write_file(in, "cgroup.type", "threaded");
	pid = spawn_in(fd, sleeps);
	{
		char text[16];

		snprintf(text, sizeof(text), "%d", (int)pid);
		write_file(in, "cgroup.threads", text);
	}
	OK(cgroup_procs(in, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(list[0], pid);
	free(list);
	OK(cgroup_kill_all(in, &err));
	assert_killed(pid, SIGKILL);
	close(fd);
	close(in);
	OK(cgroup_destroy(facts.cgroup_root, below("/thr"), 0, 0, false, 2000, &err));
	assert_false(exists(below("/thr")));
}

/* ---- removing ------------------------------------------------------------------------------- */

static void test_destroy_populated(void **state)
{
	char number[16];
	int64_t start;
	pid_t pid;
	int fd;

	(void)state;
	open_new(below("/held"), &fd);
	pid = spawn_in(fd, sleeps);
	start = cgroup_now_ms();
	assert_int_equal(cgroup_destroy(facts.cgroup_root, below("/held"), 0, 0, false, 100, &err), -EBUSY);
	assert_in_range(cgroup_now_ms() - start, 100, 1000);
	snprintf(number, sizeof(number), " %d", (int)pid);
	assert_non_null(strstr(err.text, number));
	assert_int_equal(kill(pid, 0), 0);

	OK(cgroup_kill_all(fd, &err));		/* at once: waits for the event */
	OK(cgroup_destroy(facts.cgroup_root, below("/held"), 0, 0, false, 5000, &err));
	assert_false(exists(below("/held")));
	assert_killed(pid, SIGKILL);
	assert_int_equal(cgroup_frozen(fd), -ENOENT);	/* one that is gone */
	OK(cgroup_kill_all(fd, &err));
	OK(cgroup_signal_all(fd, SIGTERM, &err));
	close(fd);
}

static void test_destroy_other_id(void **state)
{
	struct plan_cgroup p = plan_for(below("/swapped"));
	struct cgroup c;

	(void)state;
	OK(cgroup_prepare(&p, &c, &err));
	close(c.fd);
	remove_dir(p.path);
	make_dir(p.path);
	OK(cgroup_destroy(p.root, p.path, c.id, 0, false, 100, &err));
	assert_true(exists(p.path));
	remove_dir(p.path);
}

static void test_destroy_above(void **state)
{
	struct plan_cgroup p = plan_for(below("/p/q/one")), other = plan_for(below("/p/two"));
	struct cgroup c, d;

	(void)state;
	OK(cgroup_prepare(&p, &c, &err));
	OK(cgroup_prepare(&other, &d, &err));
	assert_int_equal(c.created_above, 2);
	assert_int_equal(d.created_above, 0);
	close(c.fd);
	close(d.fd);
	OK(cgroup_destroy(p.root, p.path, c.id, c.created_above, false, 1000, &err));
	assert_false(exists(below("/p/q")));
	assert_true(exists(below("/p/two")));	/* in use: /p stays */
	OK(cgroup_destroy(p.root, other.path, d.id, 1, false, 1000, &err));
	assert_false(exists(below("/p")));
	assert_true(exists(base));
}

/* Wide and deep, deeper than a path can be long or descriptors could be held. */
static void test_destroy_tree(void **state)
{
	_cleanup_(cgroup_walk_done) struct cgroup_walk w = CGROUP_WALK_INIT;
	char name[200];
	unsigned entered = 0, before;
	int fd, at, r;

	(void)state;
	open_new(below("/tree"), &fd);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		assert_int_equal(mkdirat(fd, name, 0755), 0);
		snprintf(name, sizeof(name), "w%d/x", i);
		if (i % 3 == 0)
			assert_int_equal(mkdirat(fd, name, 0755), 0);
	}
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	at = dup(fd);
	for (int i = 0; i < 300; i++) {
		int next;

		assert_int_equal(mkdirat(at, name, 0755), 0);
		next = fd_openat(at, name, O_RDONLY | O_DIRECTORY, 0);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
	before = open_fds();
	assert_int_equal(cgroup_walk_start(&w, fd), 0);
	while ((r = cgroup_walk_next(&w)) > 0) {
		entered += r == WALK_ENTER;
		assert_true(open_fds() <= before + 1);
	}
	assert_int_equal(r, 0);
	assert_int_equal(entered, 1 + 100 + 34 + 300);
	close(fd);
	OK(cgroup_destroy(facts.cgroup_root, below("/tree"), 0, 0, false, 5000, &err));
	assert_false(exists(below("/tree")));
}

/* Directories vanish below the walk. */
static void test_walk_vanishing(void **state)
{
	_cleanup_(cgroup_walk_done) struct cgroup_walk w = CGROUP_WALK_INIT;
	int fd, r, entered = 0;

	(void)state;
	open_new(below("/gone"), &fd);
	make_dir(below("/gone/a"));
	make_dir(below("/gone/a/b"));
	assert_int_equal(cgroup_walk_start(&w, fd), 0);
	while ((r = cgroup_walk_next(&w)) > 0) {
		entered += r == WALK_ENTER;
		if (entered == 3) {
			unlinkat(fd, "a/b", AT_REMOVEDIR);
			unlinkat(fd, "a", AT_REMOVEDIR);
		}
	}
	assert_int_equal(r, 0);
	assert_int_equal(entered, 3);
	close(fd);
	remove_dir(below("/gone"));
}

/* ---- */

static unsigned fds_before;

static int group_set_up(void **state)
{
	(void)state;
	fds_before = open_fds();
	log_redirect(quiet, NULL);
	snprintf(base, sizeof(base), "/orlop-test-%d", (int)getpid());
	make_dir(base);
	return 0;
}

static int group_tear_down(void **state)
{
	int fd;

	(void)state;
	/* What a failed test left. */
	if (cgroup_open(facts.cgroup_root, base, 0, &fd, &err) == 0) {
		cgroup_freeze(fd, false, 0, -1, &err);
		cgroup_kill_all(fd, &err);
		close(fd);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
	cgroup_destroy(facts.cgroup_root, base, 0, 0, false, 10000, &err);
	if (exists(base) || open_fds() != fds_before)
		return -1;
	close(root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prepare), cmocka_unit_test(test_open_refuses_paths),
		cmocka_unit_test(test_none), cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_unfit), cmocka_unit_test(test_delegate),
		cmocka_unit_test(test_divide),
		cmocka_unit_test(test_hugetlb), cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_real_controllers), cmocka_unit_test(test_oom_kills),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_pids), cmocka_unit_test(test_internal_processes),
		cmocka_unit_test(test_devices), cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_freeze_timeout), cmocka_unit_test(test_thaw_timeout),
		cmocka_unit_test(test_signal_all), cmocka_unit_test(test_threaded),
		cmocka_unit_test(test_destroy_populated), cmocka_unit_test(test_destroy_other_id),
		cmocka_unit_test(test_destroy_above), cmocka_unit_test(test_destroy_tree),
		cmocka_unit_test(test_walk_vanishing),
	};

	facts_probe(&facts);
	if (geteuid() == 0 && facts.cgroup_root[0])
		root = fd_openat(AT_FDCWD, facts.cgroup_root, O_RDONLY | O_DIRECTORY, 0);
	if (root < 0 || faccessat(root, ".", W_OK, 0) < 0) {
		printf("needs root and a writable cgroup2\n");
		return 77;	/* skipped, for automake */
	}
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
