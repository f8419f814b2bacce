/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Working directory, program lookup with the words that engines know, environment. */
#include "../security/forked.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "process/process.h"

/* A small root of our own; the old one stays reachable through descriptor 9. */
static void enter_root(void)
{
	int host = open("/usr", O_RDONLY | O_DIRECTORY);

	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("tmpfs", "/mnt", "tmpfs", 0, "size=8m,mode=755") == 0);
	CHECK(mkdir("/mnt/proc", 0755) == 0 && mount("proc", "/mnt/proc", "proc", 0, NULL) == 0);
	CHECK(dup2(host, 9) == 9);
	CHECK(chroot("/mnt") == 0 && chdir("/") == 0);
}

static void make(const char *path, mode_t mode, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(fchmod(fd, mode) == 0);
	close(fd);
}

static void check_cwd(const char *expect)
{
	char path[256];

	CHECK(syscall(SYS_getcwd, path, sizeof(path)) > 0);
	CHECK(strcmp(path, expect) == 0);
}

static int enter(const char *cwd, bool create, struct error *err)
{
	CHECK(chdir("/") == 0);
	return process_enter_cwd(cwd, create, err);
}

/* T09 */
static void cwd_cases(void *arg)
{
	struct error err = {0};
	struct stat st;

	(void)arg;
	enter_root();
	CHECK(mkdir("/srv", 0755) == 0 && mkdir("/srv/data", 0700) == 0);
	CHECK(symlink("/srv/data", "/link") == 0 && symlink("/proc/self/fd/9", "/out") == 0);
	make("/file", 0644, "");
	umask(077);

	CHECK(enter("/srv/data", false, &err) == 0);
	check_cwd("/srv/data");
	CHECK(enter("/link", false, &err) == 0);
	check_cwd("/srv/data");
	CHECK(enter("/", false, &err) == 0);
	check_cwd("/");
	CHECK(enter("/../../srv", false, &err) == 0);
	check_cwd("/srv");
	CHECK(enter("/new/below/here", false, &err) == -ENOENT);
	CHECK(strcmp(err.where, "/process/cwd") == 0);
	CHECK(enter("/new/below/here", true, &err) == 0);
	check_cwd("/new/below/here");
	CHECK(stat("/new/below", &st) == 0 && (st.st_mode & 07777) == 0755);
	CHECK(enter("/file", true, &err) == -ENOTDIR);
	CHECK(enter("relative", true, &err) == -EINVAL);

	/* The host's tree through a descriptor that the caller leaked. */
	CHECK(enter("/proc/self/fd/9", true, &err) == -ELOOP);
	check_cwd("/");
	CHECK(enter("/out", true, &err) == -ELOOP);
	check_cwd("/");

	/* Only the user himself may get in, or nobody may. */
	CHECK(chown("/srv/data", 1000, 1000) == 0);
	CHECK(mkdir("/closed", 0) == 0);
	CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	CHECK(enter("/srv/data", true, &err) == 0);
	check_cwd("/srv/data");
	CHECK(enter("/closed", true, &err) == -EACCES);
	check_cwd("/");
}

/* The check itself: a directory that openat2(2) accepts but that is not below the root. */
static void cwd_unreachable(void *arg)
{
	struct error err = {0};

	(void)arg;
	enter_root();
	CHECK(mkdir("/a", 0755) == 0 && mount("tmpfs", "/a", "tmpfs", 0, NULL) == 0);
	CHECK(mkdir("/a/gone", 0755) == 0 && chdir("/a/gone") == 0);
	CHECK(umount2("/a", MNT_DETACH) == 0);
	CHECK(process_enter_cwd("/a/gone", false, &err) == -ENOENT);
	CHECK(fchdir(9) == 0);
	CHECK(process_enter_cwd("/a", false, &err) == 0);
	check_cwd("/a");
}

static void test_cwd(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_child_ok(cwd_cases, NULL);
	assert_child_ok(cwd_unreachable, NULL);
}

/* ---- program lookup ------------------------------------------------------------------------- */

static int find(const char *name, const char *path, const char **ret, struct error *err)
{
	static struct arena *a;
	char *argv[] = {(char *)name, NULL};
	char variable[128];
	char *envp[] = {(char *)"PATHOLOGY=/nothing", variable, NULL};

	if (!a)
		a = arena_new();
	if (path)
		snprintf(variable, sizeof(variable), "PATH=%s", path);
	else
		envp[1] = NULL;
	*ret = NULL;
	*err = (struct error){0};
	return process_find_program(a, argv, envp, ret, err);
}

static void lookup(void *arg)
{
	const char *got;
	struct error err;

	(void)arg;
	enter_root();
	CHECK(mkdir("/bin", 0755) == 0 && mkdir("/usr", 0755) == 0 && mkdir("/usr/bin", 0755) == 0);
	CHECK(mkdir("/opt", 0755) == 0 && mkdir("/opt/tool", 0755) == 0 && mkdir("/noexec", 0755) == 0);
	CHECK(mount("tmpfs", "/noexec", "tmpfs", MS_NOEXEC, NULL) == 0);
	make("/bin/sh", 0755, "#!");
	make("/usr/bin/sh", 0755, "#!");
	make("/usr/bin/only", 0755, "#!");
	make("/bin/only", 0644, "not for you");
	make("/bin/plain", 0644, "");
	make("/bin/private", 0700, "#!");
	make("/noexec/tool", 0755, "#!");
	CHECK(mkfifo("/bin/fifo", 0755) == 0 && symlink("loop", "/loop") == 0);
	CHECK(mkdir("/secret", 0700) == 0);
	make("/secret/x", 0755, "#!");

	for (int as_user = 0; as_user < 2; as_user++) {
		if (as_user)
			CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
		CHECK(find("sh", "/usr/bin:/bin", &got, &err) == 0 && !strcmp(got, "/usr/bin/sh"));
		CHECK(find("sh", "/no:/bin:/usr/bin", &got, &err) == 0 && !strcmp(got, "/bin/sh"));
		CHECK(find("sh", NULL, &got, &err) == 0 && !strcmp(got, "/bin/sh"));
		CHECK(find("/bin/sh", "", &got, &err) == 0 && !strcmp(got, "/bin/sh"));
		CHECK(find("bin/sh", "", &got, &err) == 0 && !strcmp(got, "bin/sh"));
		CHECK(chdir("/bin") == 0);
		CHECK(find("sh", "", &got, &err) == 0 && !strcmp(got, "sh"));
		CHECK(find("sh", "/no:", &got, &err) == 0 && !strcmp(got, "sh"));
		CHECK(chdir("/") == 0);
		/* A file that may not be executed is passed over. */
		CHECK(find("only", "/bin:/usr/bin", &got, &err) == 0);
		CHECK(!strcmp(got, "/usr/bin/only"));
		CHECK(find("tool", "/opt:/noexec", &got, &err) == -ENOENT);
		CHECK(strstr(err.text, "not found in $PATH") && strstr(err.text, "but a directory"));
		CHECK(!strstr(err.text, "is a directory") && !strstr(err.text, "permission denied"));
		CHECK(find("tool", "/noexec", &got, &err) == -ENOENT);
		CHECK(strstr(err.text, "`/noexec/tool` lies on a mount with the option `noexec`"));
		CHECK(find("/noexec/tool", "/bin", &got, &err) == -EACCES);
		CHECK(strstr(err.text, "open executable `/noexec/tool`: permission denied (it lies on a mount with"));
		CHECK(find("/bin/plain", "", &got, &err) == -EACCES);
		CHECK(find("/bin/fifo", "", &got, &err) == -EACCES);
		CHECK(find("/opt", "", &got, &err) == -EACCES);
		CHECK(find("/bin/sh/x", "", &got, &err) == -ENOTDIR);
		CHECK(strstr(err.text, "not a directory"));
		CHECK(!strcmp(err.where, "/process/args/0"));

		CHECK(find("nope", "/bin:/usr/bin", &got, &err) == -ENOENT);
		CHECK(!strcmp(err.text,
			      "exec `nope`: executable file not found in $PATH: no such file or directory"));
		CHECK(find("/nope", "/bin", &got, &err) == -ENOENT);
		CHECK(!strcmp(err.text, "exec `/nope`: executable file not found: no such file or directory"));
		CHECK(find("/bin/sh -c true", "/bin", &got, &err) == -ENOENT);
		CHECK(strstr(err.text, "one entry for each argument"));
		CHECK(find("/loop", "/bin", &got, &err) == -ELOOP && strstr(err.text, "circle"));
		CHECK(find("loop", "/", &got, &err) == -ENOENT && strstr(err.text, "circle"));
		CHECK(find("", "/bin", &got, &err) == -ENOENT);

		CHECK(find("private", "/bin", &got, &err) == (as_user ? -ENOENT : 0));
		CHECK(find("x", "/secret", &got, &err) == (as_user ? -ENOENT : 0));
	}
}

static void test_lookup(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_child_ok(lookup, NULL);
}

static void explain(void *arg)
{
	char *argv[] = {NULL, NULL}, *envp[] = {NULL};
	struct error err = {0};
	static const struct { const char *path, *text; int errnum; const char *hint; } files[] = {
		{"/crlf", "#!/bin/sh\r\necho\n", ENOENT, "CR LF"},
		{"/no-interpreter", "#! /usr/bin/nope -x\n", ENOENT, "`/usr/bin/nope`"},
		{"/text", "hello", ENOEXEC, "neither a program"},
	};

	(void)arg;
	enter_root();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		make(files[i].path, 0755, files[i].text);
		argv[0] = (char *)files[i].path;
		execve(files[i].path, argv, envp);
		CHECK(errno == files[i].errnum);
		CHECK(process_exec_error(files[i].path, errno, &err) == -files[i].errnum);
		CHECK(strstr(err.text, files[i].hint) && strstr(err.text, files[i].path));
		CHECK(!strcmp(err.where, "/process/args/0"));
	}
	CHECK(process_exec_error("/gone", -ENOENT, &err) == -ENOENT);
	CHECK(!strcmp(err.text, "exec `/gone`: no such file or directory"));
}

static void test_exec_errors(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_child_ok(explain, NULL);
}

/* ---- environment ---------------------------------------------------------------------------- */

static void assert_env(const struct plan_process *p, uint32_t uid, const char *const *expect)
{
	struct arena *a = arena_new();
	char **env = process_environment(a, p, uid);
	size_t i;

	for (i = 0; env[i] && expect[i]; i++)
		assert_string_equal(env[i], expect[i]);
	assert_null(env[i]);
	assert_null(expect[i]);
	arena_free(a);
}

static void test_environment(void **state)
{
	char *envp[] = {(char *)"A=1", (char *)"B=2", (char *)"A=3", (char *)"AA=4", (char *)"EMPTY=",
			(char *)"B", (char *)"B=x=y", NULL};
	char *sockets[] = {(char *)"LISTEN_FDS=2", (char *)"LISTEN_PID=77", NULL};
	char *home[] = {(char *)"HOME=", NULL};
	struct plan_process p = {.envp = envp};
	char pid[32];

	(void)state;
	snprintf(pid, sizeof(pid), "LISTEN_PID=%d", getpid());
	/* A bare name counts as that name: the last one wins. */
	assert_env(&p, 0, (const char *const[]){"A=3", "B=x=y", "AA=4", "EMPTY=", NULL});
	p.add_home = true;
	p.envp = home;
	assert_env(&p, 4294967294u, (const char *const[]){"HOME=/", NULL});
	p.envp = NULL;
	assert_env(&p, 4294967294u, (const char *const[]){"HOME=/", NULL});
	p.add_home = false;
	assert_env(&p, 0, (const char *const[]){NULL});
	p.listen_fds = 2;
	p.keep_fds = 5;
	p.envp = sockets;
	assert_env(&p, 0, (const char *const[]){"LISTEN_FDS=2", pid, NULL});
	p.envp = NULL;
	assert_env(&p, 0, (const char *const[]){pid, "LISTEN_FDS=2", NULL});
}

static void test_long_environment(void **state)
{
	enum { N = 200000 };
	char **envp = calloc(N + 1, sizeof(*envp)), **env;
	struct plan_process p = {.envp = envp};
	struct arena *a = arena_new();
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_true(asprintf(&envp[i], "NAME%zu=%zu", i % 150000, i) > 0);
	alarm(20);
	env = process_environment(a, &p, 0);
	alarm(0);
	while (env[n])
		n++;
	assert_int_equal(n, 150000);
	assert_string_equal(env[49999], "NAME49999=199999");
	assert_string_equal(env[50000], "NAME50000=50000");
	for (size_t i = 0; i < N; i++)
		free(envp[i]);
	free(envp);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cwd),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_exec_errors),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_long_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
