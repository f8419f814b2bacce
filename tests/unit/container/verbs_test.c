/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state, kill, delete, list, ps, pause and resume on real processes in real cgroups. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../store/fake.h"
#include "container/container.h"
#include "json/tree.h"
#include "launch/destroy.h"
#include "util/fd.h"
#include "util/str.h"

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

/* A failure must say so in the error; a success must leave no word on stderr (engines read both). */
#define FAILS(call, code_) do { \
		memset(&f.err, 0, sizeof(f.err)); \
		assert_int_equal(call, -(code_)); \
		assert_int_equal(f.err.code, code_); \
	} while (0)
#define WORKS(call) do { \
		char *said_ = FAKE_CAPTURE(2, result = call); \
		if (result < 0) \
			print_error("%s\n", f.err.text); \
		assert_int_equal(result, 0); \
		assert_string_equal(said_, ""); \
		free(said_); \
	} while (0)

static int result;

static bool eventually_dead(pid_t pid)
{
	for (unsigned i = 0; i < 2000 && fake_lives(pid); i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return !fake_lives(pid);
}

static bool exists(const char *id)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", f.root, id);
	return access(path, F_OK) == 0;
}

/* ---- unknown ---- */

static void test_unknown(void **state)
{
	(void)state;
	FAILS(container_state(&f.g, "c", &f.err), ENOENT);
	assert_string_equal(f.err.text, "container `c` does not exist");
	FAILS(container_kill(&f.g, "c", 15, false, &f.err), ENOENT);
	FAILS(container_kill(&f.g, "c", 9, true, &f.err), ENOENT);
	FAILS(container_delete(&f.g, "c", false, &f.err), ENOENT);
	assert_non_null(strstr(f.err.text, "does not exist"));
	FAILS(container_pause(&f.g, "c", &f.err), ENOENT);
	FAILS(container_resume(&f.g, "c", &f.err), ENOENT);
	FAILS(container_ps(&f.g, "c", LIST_JSON, NULL, &f.err), ENOENT);
	WORKS(container_delete(&f.g, "c", true, &f.err));
	f.g.root = "/tmp/orlop-test-no-such-root";
	WORKS(container_delete(&f.g, "c", true, &f.err));
	assert_int_equal(access(f.g.root, F_OK), -1);
}

/* ---- state ---- */

static struct json *parse(struct arena *a, const char *text)
{
	struct json *o;

	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_int_equal(json_parse(a, text, strlen(text), &o, &f.err), 0);
	return o;
}

static void test_state(void **state)
{
	struct arena *a = arena_new();
	struct json *o;
	int64_t pid;
	char *out;

	(void)state;
	fake_make(&f, "c", FAKE_GATE);
	out = FAKE_CAPTURE(1, WORKS(container_state(&f.g, "c", &f.err)));
	o = parse(a, out);
	assert_string_equal(json_get(o, "status")->string.data, "created");
	assert_int_equal(json_i64(json_get(o, "pid"), &pid), 0);
	assert_int_equal(pid, f.pid);
	free(out);
	kill(f.pid, SIGKILL);
	fake_collect(f.pid);
	f.pid = 0;
	out = FAKE_CAPTURE(1, WORKS(container_state(&f.g, "c", &f.err)));
	o = parse(a, out);
	assert_string_equal(json_get(o, "status")->string.data, "stopped");
	assert_string_equal(json_get(o, "pid")->number, "0");
	free(out);
	arena_free(a);
}

/* ---- kill ---- */

static void test_kill(void **state)
{
	(void)state;
	fake_need_root();
	fake_make(&f, "c", FAKE_PIDNS);
	WORKS(container_kill(&f.g, "c", 0, false, &f.err));
	/* Process 1 of a pid namespace has no handler: ignored by the kernel, and no error. */
	WORKS(container_kill(&f.g, "c", SIGTERM, false, &f.err));
	assert_true(fake_lives(f.pid));
	WORKS(container_kill(&f.g, "c", SIGKILL, false, &f.err));
	assert_true(eventually_dead(f.pid));
	FAILS(container_kill(&f.g, "c", SIGKILL, false, &f.err), ESRCH);	/* a zombie */
	assert_string_equal(f.err.text, "container not running: `c` has ended (no such process)");
	assert_int_equal(fake_collect(f.pid), 128 + SIGKILL);
	f.pid = 0;
	FAILS(container_kill(&f.g, "c", 0, false, &f.err), ESRCH);
	assert_string_equal(f.err.text, "container not running: `c` has ended (no such process)");
	WORKS(container_kill(&f.g, "c", SIGKILL, true, &f.err));
	FAILS(container_kill(&f.g, "c", 65, false, &f.err), ESRCH);
}

static void test_kill_signal_number(void **state)
{
	(void)state;
	fake_make(&f, "c", 0);
	WORKS(container_kill(&f.g, "c", SIGUSR2, false, &f.err));
	assert_int_equal(fake_collect(f.pid), 128 + SIGUSR2);
	f.pid = 0;
}

static void test_kill_bad_number(void **state)
{
	(void)state;
	fake_make(&f, "c", 0);
	FAILS(container_kill(&f.g, "c", 65, false, &f.err), EINVAL);
	assert_true(fake_lives(f.pid));
}

/* With no pid namespace of its own the rest would survive. */
static void test_kill_takes_cgroup(void **state)
{
	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	WORKS(container_kill(&f.g, "c", SIGUSR1, false, &f.err));
	assert_int_equal(fake_collect(f.pid), 128 + SIGUSR1);
	assert_true(fake_lives(f.child));	/* only init was meant */
	FAILS(container_kill(&f.g, "c", SIGTERM, false, &f.err), ESRCH);
	assert_true(fake_lives(f.child));
	WORKS(container_kill(&f.g, "c", 0, true, &f.err));
	WORKS(container_kill(&f.g, "c", SIGKILL, false, &f.err));	/* what is left of a stopped one */
	assert_true(eventually_dead(f.child));
	f.pid = 0;
	WORKS(container_delete(&f.g, "c", false, &f.err));
	assert_false(fake_cgroup_exists(f.cgroup));

	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	WORKS(container_kill(&f.g, "c", SIGKILL, false, &f.err));
	assert_int_equal(fake_collect(f.pid), 128 + SIGKILL);
	f.pid = 0;
	assert_true(eventually_dead(f.child));
}

/* A cgroup that was there before is not ours to kill, unless asked for by name (T59). */
static void test_kill_spares_foreign_cgroup(void **state)
{
	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	f.st.cgroup_created = false;
	fake_rewrite(&f);
	WORKS(container_kill(&f.g, "c", SIGKILL, false, &f.err));
	assert_int_equal(fake_collect(f.pid), 128 + SIGKILL);
	f.pid = 0;
	assert_true(fake_lives(f.child));
	WORKS(container_delete(&f.g, "c", true, &f.err));
	assert_true(fake_lives(f.child));
	assert_true(fake_cgroup_exists(f.cgroup));
}

static void test_kill_all(void **state)
{
	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	WORKS(container_kill(&f.g, "c", SIGUSR1, true, &f.err));
	assert_int_equal(fake_collect(f.pid), 128 + SIGUSR1);
	assert_true(eventually_dead(f.child));
	f.pid = 0;
	WORKS(container_delete(&f.g, "c", false, &f.err));

	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	WORKS(container_kill(&f.g, "c", SIGKILL, true, &f.err));
	assert_int_equal(fake_collect(f.pid), 128 + SIGKILL);
	assert_true(eventually_dead(f.child));
	f.pid = 0;
	WORKS(container_delete(&f.g, "c", false, &f.err));

	fake_make(&f, "none", 0);	/* without a cgroup nobody knows who is in it */
	FAILS(container_kill(&f.g, "none", SIGKILL, true, &f.err), ENOENT);
	assert_true(fake_lives(f.pid));
}

/* Another cgroup of the same path: nothing in it is touched. */
static void test_kill_spares_later_cgroup(void **state)
{
	char *said;

	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	f.st.cgroup_id++;
	fake_rewrite(&f);
	FAILS(container_kill(&f.g, "c", SIGTERM, true, &f.err), ENOENT);
	assert_true(fake_lives(f.pid) && fake_lives(f.child));
	kill(f.pid, SIGKILL);
	fake_collect(f.pid);
	f.pid = 0;
	WORKS(container_kill(&f.g, "c", SIGKILL, true, &f.err));
	said = FAKE_CAPTURE(2, result = container_delete(&f.g, "c", false, &f.err));
	assert_int_equal(result, 0);
	assert_non_null(strstr(said, "left alone"));
	free(said);
	assert_true(fake_lives(f.child));
	assert_true(fake_cgroup_exists(f.cgroup));
}

/* A hanging start holds the lock: signals still go through, and state answers. */
static void test_no_lock_needed(void **state)
{
	char *out;

	(void)state;
	fake_make(&f, "c", 0);
	assert_int_equal(store_lock(f.dir, true, 0, &f.err), 0);
	out = FAKE_CAPTURE(1, WORKS(container_state(&f.g, "c", &f.err)));
	free(out);
	out = FAKE_CAPTURE(1, WORKS(container_list(&f.g, LIST_JSON, false, &f.err)));
	free(out);
	WORKS(container_kill(&f.g, "c", SIGKILL, false, &f.err));
	assert_true(eventually_dead(f.pid));
}

/* ---- delete ---- */

static void test_delete_by_status(void **state)
{
	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_GATE);
	fake_pass_gate(&f);
	FAILS(container_delete(&f.g, "c", false, &f.err), EBUSY);
	assert_string_equal(f.err.text, "cannot delete container c that is not stopped: running");
	WORKS(container_pause(&f.g, "c", &f.err));
	FAILS(container_delete(&f.g, "c", false, &f.err), EBUSY);
	assert_string_equal(f.err.text, "cannot delete container c that is not stopped: paused");
	WORKS(container_resume(&f.g, "c", &f.err));
	assert_true(fake_lives(f.pid));
	WORKS(container_kill(&f.g, "c", SIGKILL, false, &f.err));
	assert_true(eventually_dead(f.pid));
	WORKS(container_delete(&f.g, "c", false, &f.err));	/* a zombie is stopped */
	assert_false(exists("c"));
	assert_false(fake_cgroup_exists(f.cgroup));
	FAILS(container_delete(&f.g, "c", false, &f.err), ENOENT);
}

static void test_delete_created(void **state)
{
	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_GATE | FAKE_CHILD);
	WORKS(container_delete(&f.g, "c", false, &f.err));
	assert_false(fake_lives(f.pid));
	assert_true(eventually_dead(f.child));
	assert_false(exists("c"));
	assert_false(fake_cgroup_exists(f.cgroup));
}

static void test_delete_force(void **state)
{
	static const unsigned flags[] = {0, FAKE_CGROUP, FAKE_CGROUP | FAKE_PIDNS, FAKE_PIDNS,
					 FAKE_CGROUP | FAKE_CHILD, FAKE_CGROUP | FAKE_PIDNS | FAKE_CHILD};

	(void)state;
	fake_need_cgroup();
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		fake_make(&f, "c", flags[i]);
		WORKS(container_delete(&f.g, "c", true, &f.err));
		assert_false(fake_lives(f.pid));
		fake_collect(f.pid);
		f.pid = 0;
		assert_true(!f.child || flags[i] & FAKE_PIDNS || eventually_dead(f.child));
		assert_false(exists("c"));
		assert_true(!f.cgroup[0] || !fake_cgroup_exists(f.cgroup));
	}
}

static void test_delete_force_paused(void **state)
{
	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	WORKS(container_pause(&f.g, "c", &f.err));
	WORKS(container_delete(&f.g, "c", true, &f.err));
	assert_false(fake_lives(f.pid));
	assert_false(fake_cgroup_exists(f.cgroup));
}

static void test_delete_half_made(void **state)
{
	static const char *const junk[] = {"", "{", "{}", "nonsense", "{\"version\":3}"};
	int dir = -1;
	char *said;

	(void)state;
	assert_int_equal(store_create(f.store, "c", &dir, &f.err), 0);
	close(dir);
	FAILS(container_delete(&f.g, "c", false, &f.err), ENOENT);
	assert_true(exists("c"));
	WORKS(container_delete(&f.g, "c", true, &f.err));
	assert_false(exists("c"));
	for (unsigned i = 0; i < ARRAY_SIZE(junk); i++) {
		char path[160];

		assert_int_equal(store_create(f.store, "c", &dir, &f.err), 0);
		close(dir);
		snprintf(path, sizeof(path), "%s/c", f.root);
		fake_write(path, STORE_STATE, junk[i]);
		fake_write(path, STORE_CONFIG, "{}");
		FAILS(container_state(&f.g, "c", &f.err), EBADMSG);
		FAILS(container_kill(&f.g, "c", 9, false, &f.err), EBADMSG);
		FAILS(container_delete(&f.g, "c", false, &f.err), EBADMSG);
		assert_true(exists("c"));
		/* nothing leads to its processes: the directory goes, and that is said */
		said = FAKE_CAPTURE(2, FAILS(container_delete(&f.g, "c", true, &f.err), EBADMSG));
		assert_non_null(strstr(said, "damaged"));
		free(said);
		assert_false(exists("c"));
	}
}

/* A state cut anywhere, and no saved config.json: kills nobody and takes nothing but its directory (T57). */
static void test_delete_truncated(void **state)
{
	char path[160], file[180], *text, *said;
	size_t len;

	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP);
	snprintf(path, sizeof(path), "%s/c", f.root);
	snprintf(file, sizeof(file), "%s/state.json", path);
	text = fake_read(path, STORE_STATE);
	len = strlen(text);
	for (size_t n = 0; n < len; n += 7) {
		mkdir(path, 0700);
		fake_write(path, STORE_STATE, text);
		assert_int_equal(truncate(file, (off_t)n), 0);
		said = FAKE_CAPTURE(2, assert_int_equal(container_delete(&f.g, "c", true, &f.err), 0));
		free(said);
		assert_false(exists("c"));
		assert_true(fake_lives(f.pid));
		assert_true(fake_cgroup_exists(f.cgroup));
	}
	free(text);
}

/* A creation that was killed wrote down only where the cgroup would be. */
static void test_delete_intent(void **state)
{
	char path[256], *said;

	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP);
	f.st.init = (struct state_process){0};
	f.st.cgroup_id = 0;
	f.st.cgroup_created = false;
	fake_rewrite(&f);
	/* with somebody in it: left alone */
	said = FAKE_CAPTURE(2, assert_int_equal(container_delete(&f.g, "c", true, &f.err), 0));
	assert_non_null(strstr(said, "left alone"));
	free(said);
	assert_false(exists("c"));
	assert_true(fake_lives(f.pid));
	assert_true(fake_cgroup_exists(f.cgroup));
	kill(f.pid, SIGKILL);
	fake_collect(f.pid);
	f.pid = 0;
	/* empty: removed */
	close(f.dir);
	assert_int_equal(store_create(f.store, "c", &f.dir, &f.err), 0);
	fake_rewrite(&f);
	assert_int_equal(store_unlock(f.dir, &f.err), 0);
	WORKS(container_delete(&f.g, "c", true, &f.err));
	snprintf(path, sizeof(path), "%s%s", f.st.cgroup_root, f.cgroup);
	assert_int_equal(access(path, F_OK), -1);
}

/* What create made above the leaf goes too, and sub-cgroups that the container made. */
static void test_delete_cgroup_tree(void **state)
{
	char above[128], leaf[128], full[256];
	struct stat st;

	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP);
	snprintf(above, sizeof(above), "%s/above", f.cgroup);
	snprintf(leaf, sizeof(leaf), "%s/above/leaf", f.cgroup);
	snprintf(full, sizeof(full), "%s%s", f.st.cgroup_root, above);
	assert_int_equal(mkdir(full, 0755), 0);
	strcat(full, "/leaf");
	assert_int_equal(mkdir(full, 0755), 0);
	assert_int_equal(stat(full, &st), 0);
	strcat(full, "/sub");
	assert_int_equal(mkdir(full, 0755), 0);
	strcat(full, "/subsub");
	assert_int_equal(mkdir(full, 0755), 0);
	f.st.cgroup_path = leaf;
	f.st.cgroup_id = st.st_ino;
	f.st.cgroup_created_above = 1;
	fake_rewrite(&f);
	WORKS(container_delete(&f.g, "c", true, &f.err));
	assert_false(fake_cgroup_exists(above));
	assert_true(fake_cgroup_exists(f.cgroup));
}

/* Who deletes late must not delete the next container of that name (T60). */
static void test_destroy_of_stale(void **state)
{
	struct fake old;

	(void)state;
	fake_make(&f, "c", 0);
	old = f;
	old.st.id = strdup("c");
	old.dir = dup(f.dir);
	WORKS(container_delete(&f.g, "c", true, &f.err));
	fake_collect(f.pid);
	fake_make(&f, "c", 0);
	WORKS(container_destroy(f.store, "c", old.dir, &old.st, true, &f.err));
	WORKS(container_destroy(f.store, "c", old.dir, &f.st, true, &f.err));
	assert_true(exists("c"));
	assert_true(fake_lives(f.pid));
	close(old.dir);
	free(old.st.id);
}

static const char config_text[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"hooks\":{\"poststop\":["
	"{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"exit 3\"]},"
	"{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"cat > %s/seen; ls %s > %s/listing\"]}]}}";

static void make_hooks(void)
{
	char *text = xasprintf(config_text, f.root, f.root, f.root), path[160];

	snprintf(path, sizeof(path), "%s/c", f.root);
	fake_write(path, STORE_CONFIG, text);
	free(text);
	f.st.has_poststop = true;
	fake_rewrite(&f);
}

static void test_poststop_hooks(void **state)
{
	struct arena *a = arena_new();
	struct json *o;
	char *said, *seen;

	(void)state;
	fake_make(&f, "c", 0);
	make_hooks();
	said = FAKE_CAPTURE(2, result = container_delete(&f.g, "c", true, &f.err));
	assert_int_equal(result, 0);
	assert_non_null(strstr(said, "warning"));	/* the first one failed, the second ran */
	seen = fake_read(f.root, "seen");
	assert_non_null(seen);
	assert_int_equal(json_parse(a, seen, strlen(seen), &o, &f.err), 0);
	assert_string_equal(json_get(o, "status")->string.data, "stopped");
	assert_string_equal(json_get(o, "pid")->number, "0");
	fake_expect(f.root, "listing", "listing\nseen\n");	/* after the removal */
	free(said);
	free(seen);
	arena_free(a);
}

/* A refused delete runs nothing; a damaged configuration does not stop the delete. */
static void test_poststop_not_run(void **state)
{
	char path[160], *said;

	(void)state;
	fake_make(&f, "c", 0);
	make_hooks();
	FAILS(container_delete(&f.g, "c", false, &f.err), EBUSY);
	assert_null(fake_read(f.root, "seen"));
	snprintf(path, sizeof(path), "%s/c", f.root);
	fake_write(path, STORE_CONFIG, "{\"hooks\":");
	said = FAKE_CAPTURE(2, result = container_delete(&f.g, "c", true, &f.err));
	assert_int_equal(result, 0);
	assert_non_null(strstr(said, "poststop hooks of container `c` are not run"));
	free(said);
	assert_false(exists("c"));
	assert_null(fake_read(f.root, "seen"));
}

/* A start that hangs holds the lock until its process dies: --force kills first. */
static void test_force_frees_lock(void **state)
{
	pid_t starter;
	int ready[2];
	char c;

	(void)state;
	fake_make(&f, "c", 0);
	assert_int_equal(pipe(ready), 0);
	starter = fork();
	if (starter == 0) {
		int r = store_lock(f.dir, true, 0, &f.err);

		if (write(ready[1], &c, r == 0) != 1)
			_exit(1);
		while (fake_lives(f.pid))
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		_exit(0);	/* and the lock goes with it */
	}
	close(f.dir);
	f.dir = -1;
	assert_int_equal(read(ready[0], &c, 1), 1);
	WORKS(container_delete(&f.g, "c", true, &f.err));
	assert_false(exists("c"));
	assert_int_equal(fake_collect(starter), 0);
	close(ready[0]);
	close(ready[1]);
}

/* ---- pause and resume ---- */

static void test_pause(void **state)
{
	siginfo_t info;
	char *out;

	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	FAILS(container_resume(&f.g, "c", &f.err), EINVAL);
	assert_non_null(strstr(f.err.text, "not paused"));
	WORKS(container_pause(&f.g, "c", &f.err));
	FAILS(container_pause(&f.g, "c", &f.err), EINVAL);
	out = FAKE_CAPTURE(1, WORKS(container_state(&f.g, "c", &f.err)));
	assert_non_null(strstr(out, "\"status\": \"paused\""));
	free(out);
	/* a signal that does not kill waits until it is thawed */
	WORKS(container_kill(&f.g, "c", SIGSTOP, false, &f.err));
	WORKS(container_resume(&f.g, "c", &f.err));
	/* of two that wait it would take the lower number first */
	assert_int_equal(waitid(P_PID, (id_t)f.pid, &info, WSTOPPED), 0);
	WORKS(container_kill(&f.g, "c", SIGUSR1, false, &f.err));
	WORKS(container_kill(&f.g, "c", SIGCONT, false, &f.err));
	assert_int_equal(fake_collect(f.pid), 128 + SIGUSR1);
	f.pid = 0;
	FAILS(container_pause(&f.g, "c", &f.err), ESRCH);
	assert_non_null(strstr(f.err.text, "not running"));
	FAILS(container_resume(&f.g, "c", &f.err), EINVAL);
}

static void test_kill_paused(void **state)
{
	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_PIDNS);
	WORKS(container_pause(&f.g, "c", &f.err));
	WORKS(container_kill(&f.g, "c", SIGKILL, false, &f.err));
	assert_int_equal(fake_collect(f.pid), 128 + SIGKILL);
	f.pid = 0;
	WORKS(container_delete(&f.g, "c", false, &f.err));
	assert_false(fake_cgroup_exists(f.cgroup));
}

static void test_pause_without_cgroup(void **state)
{
	(void)state;
	fake_make(&f, "c", 0);
	FAILS(container_pause(&f.g, "c", &f.err), ENOENT);
	assert_non_null(strstr(f.err.text, "no cgroup"));
	FAILS(container_resume(&f.g, "c", &f.err), EINVAL);
}

/* ---- list ---- */

static void test_list_empty(void **state)
{
	char *out;

	(void)state;
	out = FAKE_CAPTURE(1, WORKS(container_list(&f.g, LIST_JSON, false, &f.err)));
	assert_string_equal(out, "[]\n");
	free(out);
	out = FAKE_CAPTURE(1, WORKS(container_list(&f.g, LIST_TABLE, false, &f.err)));
	assert_string_equal(out, "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
	free(out);
	out = FAKE_CAPTURE(1, WORKS(container_list(&f.g, LIST_TABLE, true, &f.err)));
	assert_string_equal(out, "");
	free(out);
	f.g.root = "/tmp/orlop-test-no-such-root";
	out = FAKE_CAPTURE(1, WORKS(container_list(&f.g, LIST_JSON, false, &f.err)));
	assert_string_equal(out, "[]\n");
	free(out);
}

static void test_list(void **state)
{
	struct arena *a = arena_new();
	char *out, *want, *said = NULL;
	struct json *o;

	(void)state;
	fake_make(&f, "long-container-name", FAKE_GATE);
	f.st.bundle = (char *)"/b\n\033[2J/\xc3\xa4";
	fake_rewrite(&f);
	out = FAKE_CAPTURE(1, WORKS(container_list(&f.g, LIST_TABLE, false, &f.err)));
	want = xasprintf("ID                    PID         STATUS      BUNDLE          "
			 "CREATED                          OWNER\n"
			 "long-container-name   %-12dcreated     /b\\n\\x1b[2J/\xc3\xa4   %s   root\n",
			 (int)f.pid, f.st.created);
	if (geteuid() == 0)
		assert_string_equal(out, want);
	free(out);
	free(want);

	mkdirat(open(f.root, O_PATH | O_CLOEXEC), "broken", 0700);
	mkdirat(open(f.root, O_PATH | O_CLOEXEC), ".cache", 0700);
	said = FAKE_CAPTURE(2, out = FAKE_CAPTURE(1, result = container_list(&f.g, LIST_JSON, false,
									      &f.err)));
	assert_int_equal(result, 0);
	assert_non_null(strstr(said, "load container broken: "));
	assert_int_equal(strchr(said, '\n') - said, (long)strlen(said) - 1);
	o = parse(a, out);
	assert_int_equal(o->type, JSON_ARRAY);
	assert_int_equal(o->array.n, 1);
	assert_string_equal(json_get(o->array.v[0], "id")->string.data, "long-container-name");
	assert_string_equal(json_get(o->array.v[0], "status")->string.data, "created");
	assert_string_equal(json_get(o->array.v[0], "created")->string.data, f.st.created);
	assert_string_equal(json_get(o->array.v[0], "bundle")->string.data, f.st.bundle);
	free(out);
	free(said);
	out = FAKE_CAPTURE(1, WORKS(container_list(&f.g, LIST_JSON, true, &f.err)));
	assert_string_equal(out, "broken\nlong-container-name\n");
	free(out);
	arena_free(a);
}

/* ---- ps ---- */

static char *ps(enum list_format format, char **args, size_t n)
{
	struct strings s = {args, n};

	return FAKE_CAPTURE(1, WORKS(container_ps(&f.g, "c", format, n ? &s : NULL, &f.err)));
}

static void test_ps_json(void **state)
{
	char *out, *want;

	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	out = ps(LIST_JSON, NULL, 0);
	want = xasprintf("[%d,%d]\n", (int)(f.pid < f.child ? f.pid : f.child),
			 (int)(f.pid < f.child ? f.child : f.pid));
	assert_string_equal(out, want);
	free(out);
	free(want);
	kill(f.child, SIGKILL);
	kill(f.pid, SIGKILL);
	fake_collect(f.pid);
	f.pid = 0;
	assert_true(eventually_dead(f.child));
	out = ps(LIST_JSON, NULL, 0);	/* stopped, its cgroup empty */
	assert_string_equal(out, "[]\n");
	free(out);
	f.st.cgroup_path = (char *)"/orlop-test-is-not-there";
	fake_rewrite(&f);
	out = ps(LIST_JSON, NULL, 0);	/* and gone */
	assert_string_equal(out, "[]\n");
	free(out);
}

static void test_ps_table(void **state)
{
	char *args[] = {(char *)"-eo", (char *)"args,pid,ppid", NULL}, *out, *line, *rest, number[16];
	unsigned lines = 0;

	(void)state;
	fake_need_cgroup();
	if (access("/usr/bin/ps", X_OK) < 0 && access("/bin/ps", X_OK) < 0)
		skip();
	unsetenv("PATH");
	fake_make(&f, "c", FAKE_CGROUP | FAKE_CHILD);
	rest = out = ps(LIST_TABLE, NULL, 0);
	assert_int_equal(strncmp(out, "UID ", 4), 0);
	snprintf(number, sizeof(number), " %d ", (int)f.child);
	assert_non_null(strstr(out, number));
	while ((line = strsep(&rest, "\n")))
		lines += line[0] != '\0';
	assert_int_equal(lines, 3);
	free(out);

	/* Our own pid is not in the container although it is in its PPID column. */
	out = ps(LIST_TABLE, args, 2);
	assert_int_equal(strncmp(out, "COMMAND", 7), 0);
	free(out);
	args[1] = (char *)"args";
	FAILS(container_ps(&f.g, "c", LIST_TABLE, &(struct strings){args, 2}, &f.err), EINVAL);
	assert_non_null(strstr(f.err.text, "no column PID"));
	args[0] = (char *)"--no-such-option";
	out = FAKE_CAPTURE(2, FAILS(container_ps(&f.g, "c", LIST_TABLE, &(struct strings){args, 1},
						 &f.err), EINVAL));
	free(out);
}

static void test_ps_without_cgroup(void **state)
{
	(void)state;
	fake_make(&f, "c", 0);
	FAILS(container_ps(&f.g, "c", LIST_JSON, NULL, &f.err), ENOENT);
	assert_non_null(strstr(f.err.text, "no cgroup"));
}

/* Standard output that takes nothing is an error and no success with half a list. */
static void test_full_output(void **state)
{
	int saved = dup(1), full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	fake_make(&f, "c", 0);
	fflush(stdout);
	dup2(full, 1);
	result = container_state(&f.g, "c", &f.err);
	dup2(saved, 1);
	assert_int_equal(result, -ENOSPC);
	dup2(full, 1);
	result = container_list(&f.g, LIST_TABLE, false, &f.err);
	dup2(saved, 1);
	assert_int_equal(result, -ENOSPC);
	close(saved);
	close(full);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unknown), TEST(test_state),
		TEST(test_kill), TEST(test_kill_signal_number), TEST(test_kill_bad_number),
		TEST(test_kill_takes_cgroup), TEST(test_kill_spares_foreign_cgroup), TEST(test_kill_all),
		TEST(test_kill_spares_later_cgroup), TEST(test_no_lock_needed),
		TEST(test_delete_by_status), TEST(test_delete_created), TEST(test_delete_force),
		TEST(test_delete_force_paused), TEST(test_delete_half_made), TEST(test_delete_truncated),
		TEST(test_delete_intent), TEST(test_delete_cgroup_tree), TEST(test_destroy_of_stale),
		TEST(test_poststop_hooks), TEST(test_poststop_not_run), TEST(test_force_frees_lock),
		TEST(test_pause), TEST(test_kill_paused), TEST(test_pause_without_cgroup),
		TEST(test_list_empty), TEST(test_list),
		TEST(test_ps_json), TEST(test_ps_table), TEST(test_ps_without_cgroup),
		TEST(test_full_output),
	};

	return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
