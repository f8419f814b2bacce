/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole command line, each call in a process of its own, because it closes descriptors: what it
 * prints and the exit status.  A call that gets past the parser reaches the store, which is an empty
 * directory: "does not exist" then means that the arguments were good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "oci/config.h"
#include "util/cleanup.h"

static char root[] = "/tmp/orlop-cli-test-XXXXXX";

struct said {
	int status;
	char out[32768], err[8192];
};

static void read_back(FILE *file, char *buf, size_t size)
{
	size_t n;

	rewind(file);
	n = fread(buf, 1, size - 1, file);
	buf[n] = '\0';
	fclose(file);
}

static struct said *run_words(char **argv, int argc)
{
	static struct said said;
	FILE *out = tmpfile(), *err = tmpfile();
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		dup2(fileno(out), 1);
		dup2(fileno(err), 2);
		_exit(cli_main(argc, argv));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	said.status = WEXITSTATUS(status);
	read_back(out, said.out, sizeof(said.out));
	read_back(err, said.err, sizeof(said.err));
	print_message("%d %s", said.status, said.err);
	return &said;
}

/* @line is split at blanks; "''" stands for an empty word, "_" inside a word for a blank. */
static struct said *run(const char *line)
{
	_cleanup_free_ char *copy = xstrdup(line);
	char *argv[24] = { (char *)"orlop" };
	int argc = 1;

	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		argv[argc++] = str_eq(word, "''") ? word + 2 : word;
		for (char *c = word; *c; c++)
			*c = *c == '_' ? ' ' : *c;
	}
	return run_words(argv, argc);
}

static struct said *run_in_root(const char *line)
{
	_cleanup_free_ char *whole = xasprintf("--root %s %s", root, line);

	return run(whole);
}

/* That of `exec` differs from those of programs. */
static int failure_of(const char *line)
{
	return str_starts(line, "exec") ? 255 : 1;
}

static void assert_refused(const char *line, const char *text)
{
	struct said *s = run(line);

	print_message("%s\n", line);
	assert_int_equal(s->status, failure_of(line));
	assert_string_equal(s->out, "");
	assert_non_null(strstr(s->err, text));
	/* One line, and only one. */
	assert_ptr_equal(strchr(s->err, '\n'), s->err + strlen(s->err) - 1);
	assert_int_equal(strncmp(s->err, "orlop: ", 7), 0);
}

static void test_commands(void **state)
{
	(void)state;
	assert_refused("", "no command is given (see `orlop --help`)");
	assert_refused("--", "no command is given");
	assert_refused("bogus", "unknown command `bogus` (see `orlop --help`)");
	assert_refused("craete x", "unknown command `craete`: did you mean `create`?");
	assert_refused("''", "unknown command ``");
	assert_refused("restore --lsm-profile=x x",
		       "restore: option `--lsm-profile` is not apparmor:PROFILE or selinux:LABEL");
	assert_refused("help bogus", "unknown command `bogus`");
}

static void test_argument_counts(void **state)
{
	(void)state;
	assert_refused("create", "create: the argument ID is missing (see `orlop create --help`)");
	assert_refused("start", "start: the argument ID is missing");
	assert_refused("state", "state: the argument ID is missing");
	assert_refused("kill", "kill: the argument ID is missing");
	assert_refused("delete --force", "delete: the argument ID is missing");
	assert_refused("exec", "exec: the argument ID is missing");
	assert_refused("exec x", "exec: the argument COMMAND is missing");
	assert_refused("ps", "ps: the argument ID is missing");
	assert_refused("state a b", "state: one argument too many: `b` (see `orlop state --help`)");
	assert_refused("kill a 9 c", "kill: one argument too many: `c`");
	assert_refused("list x", "list: one argument too many: `x`");
	assert_refused("features x", "features: one argument too many: `x`");
	assert_refused("features x", "features: one argument too many: `x`");
}

static void test_global_options(void **state)
{
	(void)state;
	assert_refused("--bogus list", "unknown option `--bogus` (see `orlop --help`)");
	assert_refused("--rot /x list", "did you mean `--root`?");
	assert_refused("--root", "option `--root` requires an argument");
	assert_refused("--root= list", "option `--root`: the value is empty");
	assert_refused("--log-format xml list", "`xml` is none of text|json");
	assert_refused("--log-level loud list", "`loud` is none of error|warning|info|debug");
	assert_refused("--rootless maybe list", "`maybe` is none of true|false|auto");
	assert_refused("--cgroup-manager x list", "`x` is none of cgroupfs|delegated|disabled|systemd");
	assert_refused("create --root /x y", "`--root` goes before the command");
	assert_refused("--log /nonexistent/log list", "open log file /nonexistent/log: no such file");
}

static void test_version(void **state)
{
	struct said *s = run("--version");

	(void)state;
	assert_int_equal(s->status, 0);
	assert_string_equal(s->err, "");
	assert_int_equal(strncmp(s->out, "orlop version " PACKAGE_VERSION "\ncommit: ",
				 strlen("orlop version " PACKAGE_VERSION "\ncommit: ")), 0);
	assert_non_null(strstr(s->out, "\nspec: " OCI_VERSION "\nlibseccomp: "));
	assert_int_equal(run("-v")->status, 0);
	/* The systemd option of an engine must not be in the way of its probes. */
	assert_int_equal(run("--systemd-cgroup --version")->status, 0);
	assert_int_equal(run("--systemd-cgroup features")->status, 0);
}

static void test_help(void **state)
{
	char line[64];
	struct said *s = run("--help");

	(void)state;
	assert_int_equal(s->status, 0);
	assert_string_equal(s->err, "");
	for (size_t i = 0; i < n_commands; i++) {
		snprintf(line, sizeof(line), "\n  %-12s", command_list_all[i]->name);
		assert_non_null(strstr(run("-h")->out, line));
	}
	for (size_t i = 0; i < n_commands; i++) {
		snprintf(line, sizeof(line), "%s --help", command_list_all[i]->name);
		s = run(line);
		assert_int_equal(s->status, 0);
		assert_string_equal(s->err, "");
		assert_non_null(strstr(s->out, command_list_all[i]->summary));
		assert_true(command_list_all[i]->n_options < OPTIONS_MAX);
	}
	s = run("help exec");
	assert_int_equal(s->status, 0);
	assert_non_null(strstr(s->out, "  -p, --process FILE"));
	assert_non_null(strstr(run("help --list-options")->out, "\nexec\tstring\t--process\t-p\tFILE\t"));
}

static void assert_reaches_store(const char *line)
{
	struct said *s = run_in_root(line);

	print_message("%s\n", line);
	assert_int_equal(s->status, failure_of(line));
	assert_non_null(strstr(s->err, "container `x` does not exist"));
}

static void test_signals(void **state)
{
	static const char *const bad[] = { "65", "-5", "TERMS", "SIG", "9x", "0x9", "''", "_9" };
	static const char *const good[] = {
		"", "9", "0", "64", "TERM", "SIGTERM", "sigterm", "term", "RTMIN+3",
	};
	char line[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(line, sizeof(line), "kill x %s%s", bad[i][0] == '-' ? "-- " : "", bad[i]);
		assert_refused(line, "is no signal");
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(line, sizeof(line), "kill x %s", good[i]);
		assert_reaches_store(line);
	}
}

static void test_exec_user(void **state)
{
	static const char *const bad[] = {
		"1:", ":1", ":", "01", "1:01", "+1", "_1", "1_", "0x1", "1x", "-1", "4294967295",
		"4294967296", "1:4294967295", "1:2:3", "root", "root:root", "0:root", "18446744073709551616",
	};
	static const char *const good[] = { "0", "1", "1:2", "0:0", "4294967294:4294967294" };
	char line[96];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(line, sizeof(line), "exec -u %s x true", bad[i]);
		assert_refused(line, "is not UID or UID:GID");
	}
	assert_refused("exec --user= x true", "option `--user`: the value is empty");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(line, sizeof(line), "exec -u %s x true", good[i]);
		assert_reaches_store(line);
	}
}

static void test_exec_values(void **state)
{
	static const char *const with_process[] = {
		"--cwd /", "-e A=b", "-u 0", "-g 1", "-c CAP_KILL", "--no-new-privs",
		"--process-label l", "--apparmor p",
	};
	char line[96];

	(void)state;
	assert_refused("exec -g 1,,2 x true", "`` is not a decimal number");
	assert_refused("exec -g 1,a x true", "`a` is not a decimal number");
	assert_refused("exec -g 4294967295 x true", "`4294967295` is not a decimal number");
	assert_refused("exec -e A x true", "`A` is not NAME=VALUE");
	assert_refused("exec -e =A=b x true", "is not NAME=VALUE");
	assert_reaches_store("exec -g 1,2 -g 3 -e A= -e B=c=d x true");
	for (size_t i = 0; i < ARRAY_SIZE(with_process); i++) {
		snprintf(line, sizeof(line), "exec -p /dev/null %s x", with_process[i]);
		assert_refused(line, "and a --process file exclude each other");
	}
	assert_refused("exec -p /dev/null x true", "the argument `true` and a --process file exclude");
	assert_refused("ps --format json x -ef", "have no meaning with --format json");
}

static void test_json_log(void **state)
{
	char path[64], text[1024];
	struct stat st;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/log", root);
	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *line = xasprintf("--log %s --log-format json kill x bogus", path);

		assert_int_equal(run(line)->status, 1);
	}
	file = fopen(path, "re");
	assert_non_null(file);
	/* Appended, one object a line. */
	for (int i = 0; i < 2; i++) {
		assert_non_null(fgets(text, sizeof(text), file));
		assert_non_null(strstr(text, "{\"level\":\"error\",\"msg\":\"kill: `bogus` is no signal"));
	}
	assert_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0644, 0);
	unlink(path);
}

static void test_no_argv(void **state)
{
	char *none[] = { NULL };

	(void)state;
	/* execve(2) with an empty argv, as an attacker would. */
	assert_int_equal(run_words(none, 0)->status, 1);
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return rmdir(root);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands), cmocka_unit_test(test_argument_counts),
		cmocka_unit_test(test_global_options), cmocka_unit_test(test_version),
		cmocka_unit_test(test_help), cmocka_unit_test(test_signals),
		cmocka_unit_test(test_exec_user), cmocka_unit_test(test_exec_values),
		cmocka_unit_test(test_no_argv),
		cmocka_unit_test(test_json_log),
	};

	/* `exec` executes its own program again, from a protected copy: that is us. */
	if (argc > 1)
		return cli_main(argc, argv);
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
