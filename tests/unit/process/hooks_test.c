/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks: real programs (/bin/sh), seen from the inside and from the outside.  T98. */
#include "../security/forked.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "process/hooks.h"
#include "util/log.h"

static char dir[] = "/tmp/orlop-hooks-XXXXXX";
static char state_text[] = "{\"ociVersion\":\"1.3.0\",\"id\":\"x\",\"status\":\"creating\"}";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

/* A hook that runs a shell script; up to 8 of them in use. */
static struct oci_hook shell(const char *script)
{
	static char *args[8][4];
	static unsigned next;
	char **v = args[next++ % 8];

	v[0] = (char *)"hook";
	v[1] = (char *)"-c";
	v[2] = (char *)script;
	v[3] = NULL;
	return (struct oci_hook){.path = (char *)"/bin/sh", .args = {v, 3}};
}

static int run_list(struct oci_hook *v, size_t n, bool go_on, struct error *err)
{
	struct oci_hook_list list = {v, n};
	struct hook_run run = {.kind = HOOK_CREATE_RUNTIME, .list = &list, .state_json = state_text,
			       .state_len = strlen(state_text)};

	*err = (struct error){0};
	return hooks_run(&run, go_on, err);
}

static int run_script(const char *script, int64_t timeout, struct error *err)
{
	struct oci_hook h = shell(script);

	h.timeout_s.set = timeout > 0;
	h.timeout_s.v = timeout;
	return run_list(&h, 1, false, err);
}

static const char *slurp(const char *name)
{
	static char text[8192];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	unlink(name);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_order_and_state(void **state)
{
	struct oci_hook v[] = {shell("cat > first; echo 1 >> order"), shell("echo 2 >> order"),
			       shell("cat > third; cat >> third; echo 3 >> order")};
	struct error err;

	(void)state;
	assert_int_equal(run_list(v, 3, false, &err), 0);
	assert_string_equal(slurp("order"), "1\n2\n3\n");
	assert_string_equal(slurp("first"), state_text);
	assert_string_equal(slurp("third"), state_text);
	assert_int_equal(run_list(NULL, 0, false, &err), 0);
}

/* argv as given; without args the path is argv[0]; the working directory is ours. */
static void test_arguments(void **state)
{
	char *args[] = {(char *)"any name", (char *)"-c", (char *)"echo \"$0|$1|$#\" > out; pwd >> out",
			(char *)"zero", (char *)"one two", NULL};
	struct oci_hook h = {.path = (char *)"/bin/sh", .args = {args, 5}};
	struct oci_hook plain = {.path = (char *)"/bin/true"};
	struct error err;
	char expect[128];

	(void)state;
	assert_int_equal(run_list(&h, 1, false, &err), 0);
	snprintf(expect, sizeof(expect), "zero|one two|1\n%s\n", dir);
	assert_string_equal(slurp("out"), expect);
	assert_int_equal(run_list(&plain, 1, false, &err), 0);
}

static void test_failures(void **state)
{
	struct oci_hook v[] = {shell("exit 0"), shell("echo one; echo two >&2; exit 3"),
			       shell("touch never")};
	struct error err;

	(void)state;
	assert_int_equal(run_list(v, 3, false, &err), -ECANCELED);
	assert_non_null(strstr(err.text, "error running createRuntime hook #1: `/bin/sh`: exit status 3 "
			       "after 0."));
	assert_non_null(strstr(err.text, "one | two"));
	assert_string_equal(err.where, "/hooks/createRuntime/1");
	assert_int_equal(access("never", F_OK), -1);

	assert_int_equal(run_script("kill -SEGV $$", 0, &err), -ECANCELED);
	assert_non_null(strstr(err.text, "killed by SIGSEGV"));
	assert_null(strstr(err.text, "output"));
	assert_int_equal(run_script("kill -SYS $$", 0, &err), -ECANCELED);
	assert_non_null(strstr(err.text, "killed by SIGSYS (bad system call)"));

	v[0] = (struct oci_hook){.path = (char *)"/no/such/hook"};
	assert_int_equal(run_list(v, 1, false, &err), -ENOENT);
	assert_non_null(strstr(err.text, "`/no/such/hook`: execute it: no such file or directory"));
	v[0].path = (char *)"/etc/passwd";
	assert_int_equal(run_list(v, 1, false, &err), -EACCES);
	v[0].path = (char *)"bin/true";
	assert_int_equal(run_list(v, 1, false, &err), -EINVAL);
	/* A status of 127 of its own is no failed execve. */
	assert_int_equal(run_script("exit 127", 0, &err), -ECANCELED);
	assert_non_null(strstr(err.text, "exit status 127"));
}

static char warned[2048];
static unsigned n_warnings;

static void collect(void *ctx, enum log_level level, const char *text)
{
	(void)ctx;
	if (level != LOG_LEVEL_WARNING)
		return;
	n_warnings++;
	snprintf(warned, sizeof(warned), "%s", text);
}

static void test_go_on(void **state)
{
	struct oci_hook v[] = {shell("exit 1"), shell("echo ran > after"),
			       {.path = (char *)"/no/such"}};
	struct error err;

	(void)state;
	log_redirect(collect, NULL);
	assert_int_equal(run_list(v, 3, true, &err), 0);
	log_redirect(NULL, NULL);
	assert_int_equal(err.code, 0);
	assert_int_equal(n_warnings, 2);
	assert_non_null(strstr(warned, "hook #2: `/no/such`"));
	assert_string_equal(slurp("after"), "ran\n");
}

/* A state larger than any pipe, and nobody who reads it. */
static void test_large_state_unread(void **state)
{
	struct oci_hook v[] = {shell(":"), shell("wc -c > size")};
	struct oci_hook_list list = {v, 2};
	size_t n = 4u << 20;
	char *json = malloc(n);
	struct hook_run run = {.kind = HOOK_POSTSTOP, .list = &list, .state_json = json,
			       .state_len = n};
	struct error err = {0};

	(void)state;
	memset(json, ' ', n);
	alarm(20);
	assert_int_equal(hooks_run(&run, false, &err), 0);
	alarm(0);
	assert_int_equal(atoi(slurp("size")), (int)n);
	free(json);
}

/* The state cannot be changed by what reads it. */
static void test_state_is_sealed(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(run_script("echo x 2>/dev/null >&0 && exit 1; "
				    "(echo x > /proc/self/fd/0) 2>/dev/null && exit 2; exit 0", 0, &err), 0);
}

static void test_flood(void **state)
{
	struct error err;

	(void)state;
	alarm(60);
	assert_int_equal(run_script("head -c 100000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 9",
				    0, &err), -ECANCELED);
	alarm(0);
	assert_non_null(strstr(err.text, "exit status 9"));
	assert_non_null(strstr(err.text, "the end"));
	assert_true(strlen(err.text) < 700);
	/* For ever, under a timeout. */
	assert_int_equal(run_script("exec cat /dev/zero", 1, &err), -ETIMEDOUT);
}

/* The whole group dies, grandchildren too, and nobody waits longer than asked. */
static void test_timeout(void **state)
{
	double start = now();
	struct error err;
	int pid;

	(void)state;
	assert_int_equal(run_script("trap '' TERM; sleep 1000 & echo $! > pid; echo waiting; wait; sleep 1000",
				    1, &err), -ETIMEDOUT);
	assert_true(now() - start > 0.9 && now() - start < 4);
	assert_non_null(strstr(err.text, "timeout: killed after 1."));
	assert_non_null(strstr(err.text, "waiting"));
	pid = atoi(slurp("pid"));
	assert_true(pid > 1);
	for (int i = 0; i < 100 && kill(pid, 0) == 0; i++) {
		char path[64], text[512] = {0};
		int fd;

		/* A zombie until whoever inherited it has looked. */
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 || strstr(text, ") Z "))
			break;
		close(fd);
		usleep(20000);
		assert_true(i < 99);
	}
}

/* A daemon that keeps the output open neither blocks us nor is killed. */
static void test_daemon(void **state)
{
	double start = now();
	struct error err;
	int pid;

	(void)state;
	assert_int_equal(run_script("sleep 30 & echo $! > pid", 0, &err), 0);
	assert_true(now() - start < 5);
	pid = atoi(slurp("pid"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	/* With one that writes all the time. */
	assert_int_equal(run_script("cat /dev/zero & echo $! > pid; exit 4", 0, &err), -ECANCELED);
	assert_non_null(strstr(err.text, "exit status 4"));
	pid = atoi(slurp("pid"));
	kill(pid, SIGKILL);
}

/* Descriptors 0-2, no signal blocked or ignored, a session of its own. */
static void dirty_caller(void *arg)
{
	struct error err;
	sigset_t all;
	int fds[3];

	(void)arg;
	for (int i = 0; i < 3; i++)
		fds[i] = open("/", O_RDONLY | O_DIRECTORY);
	CHECK(dup2(fds[0], 700) == 700);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* `exec`: while a shell waits for a child it blocks signals of its own accord. */
	CHECK(run_script("ls /proc/$$/fd > fds; cut -d' ' -f1,5,6 /proc/$$/stat > ids; "
			 "exec grep -E '^Sig(Blk|Ign)' /proc/self/status > signals", 0, &err) == 0);
}

static void test_what_a_hook_inherits(void **state)
{
	int pid, group, session;
	const char *text;

	(void)state;
	assert_child_ok(dirty_caller, NULL);
	/* The shell's own redirection saves nothing above 9 at that time: only 0, 1, 2, and maybe its
	 * own copy at 10. */
	text = slurp("fds");
	assert_true(strcmp(text, "0\n1\n2\n") == 0 || strcmp(text, "0\n1\n10\n2\n") == 0);
	assert_string_equal(slurp("signals"), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	assert_int_equal(sscanf(slurp("ids"), "%d %d %d", &pid, &group, &session), 3);
	assert_true(pid == group && pid == session);
}

static void test_environment(void **state)
{
	char *own[] = {(char *)"ONLY=this", (char *)"LD_LIBRARY_PATH=/x", NULL};
	struct oci_hook h = {.path = (char *)"/usr/bin/env"};
	struct oci_hook_list list = {&h, 1};
	struct hook_run run = {.kind = HOOK_POSTSTART, .list = &list, .state_json = "{}",
			       .state_len = 2};
	char *args[] = {(char *)"/bin/sh", (char *)"-c", (char *)"tr '\\0' '\\n' < /proc/$$/environ > env",
			NULL};
	struct error err = {0};

	(void)state;
	h.path = (char *)"/bin/sh";
	h.args = (struct strings){args, 3};
	clearenv();
	setenv("SECRET", "s", 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_PID", "3", 1);
	setenv("NOTIFY_SOCKET", "/run/n", 1);
	setenv("LD_PRELOAD", "/nothing", 1);
	setenv("ORLOP_X", "1", 1);
	setenv("NOTIFY_SOCKETS", "fine", 1);
	setenv("PATH", "/usr/bin:/bin", 1);
	assert_int_equal(hooks_run(&run, false, &err), 0);
	assert_string_equal(slurp("env"), "SECRET=s\nNOTIFY_SOCKETS=fine\nPATH=/usr/bin:/bin\n");
	run.default_env = own;
	assert_int_equal(hooks_run(&run, false, &err), 0);
	assert_string_equal(slurp("env"), "ONLY=this\nLD_LIBRARY_PATH=/x\n");
	/* Its own list, and be it empty. */
	h.has_env = true;
	assert_int_equal(hooks_run(&run, false, &err), 0);
	assert_string_equal(slurp("env"), "");
	own[1] = NULL;
	h.env = (struct strings){own, 1};
	assert_int_equal(hooks_run(&run, false, &err), 0);
	assert_string_equal(slurp("env"), "ONLY=this\n");
	unsetenv("LD_PRELOAD");
}

/* No descriptor and no child of ours is left. */
static void test_nothing_left(void **state)
{
	struct error err;
	int before = open("/dev/null", O_RDONLY), after;

	(void)state;
	close(before);
	run_script("exit 0", 0, &err);
	run_script("exit 1", 0, &err);
	run_script("sleep 100", 1, &err);
	after = open("/dev/null", O_RDONLY);
	close(after);
	assert_int_equal(before, after);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_state),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_go_on),
		cmocka_unit_test(test_large_state_unread),
		cmocka_unit_test(test_state_is_sealed),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_what_a_hook_inherits),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_nothing_left),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
