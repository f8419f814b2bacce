/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units of systemd by our own client: unit [--user] start|set|stop|reset|attach|group|check ARGUMENT...
 *
 *	start UNIT pid|pidfd|none NAME=VALUE...		with a new process in it that sleeps, whose id is printed
 *	set UNIT NAME=VALUE...
 *	attach UNIT SUBGROUP				a new process, the same
 *
 * An error is one line: its number, where, and text.  ORLOP_TEST_TIMEOUT: milliseconds.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dbus/systemd.h"
#include "sys/syscalls.h"
#include "util/mem.h"
#include "util/str.h"

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		dup2(STDIN_FILENO, STDOUT_FILENO);	/* so that nobody waits for the end of our output */
		dup2(STDIN_FILENO, STDERR_FILENO);
		execlp("sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	return pid;
}

static size_t properties(char **argv, struct systemd_property *p)
{
	size_t n = 0;

	for (; *argv; argv++) {
		char *equals = strchr(*argv, '=');

		*equals = '\0';
		p[n] = (struct systemd_property){*argv, equals + 1, xasprintf("/annotations/%s", *argv), true};
		n++;
	}
	return n;
}

static int with_process(struct systemd *s, char **argv, int timeout, struct error *err)
{
	struct systemd_property p[64];
	pid_t pid = str_eq(argv[2], "none") ? 0 : sleeper();
	int pidfd = str_eq(argv[2], "pidfd") ? sys_pidfd_open(pid, 0) : -1, r;

	if (str_eq(argv[0], "attach"))
		r = systemd_attach(s, argv[1], argv[2], &pid, 1, err);
	else
		r = systemd_start_unit(s, argv[1], p, properties(argv + 3, p), pid, pidfd, timeout, err);
	if (r < 0 && pid > 0)
		kill(pid, SIGKILL);
	else
		printf("%d\n", (int)pid);
	return r;
}

static int run(struct systemd *s, char **argv, int timeout, struct error *err)
{
	struct systemd_property p[64];
	char *group;
	int r;

	if (str_eq(argv[0], "start") || str_eq(argv[0], "attach"))
		return with_process(s, argv, timeout, err);
	if (str_eq(argv[0], "set"))
		return systemd_set_properties(s, argv[1], p, properties(argv + 2, p), err);
	if (str_eq(argv[0], "stop"))
		return systemd_stop_unit(s, argv[1], timeout, err);
	if (str_eq(argv[0], "reset"))
		return systemd_reset_failed(s, argv[1], err);
	if (!str_eq(argv[0], "group"))
		return error_set(err, EINVAL, "what is %s?", argv[0]);
	r = systemd_control_group(s, &group, err);
	if (r == 0)
		printf("%s\n", group);
	return r;
}

int main(int argc, char **argv)
{
	const char *patience = getenv("ORLOP_TEST_TIMEOUT");
	int timeout = patience ? atoi(patience) : 30000, r;
	bool user = argc > 1 && str_eq(argv[1], "--user");
	struct systemd_property p[64];
	struct systemd *s = NULL;
	struct error err = {0};

	argv += 1 + user;
	if (str_eq(argv[0], "check")) {
		r = systemd_check_properties(p, properties(argv + 1, p), &err);
	} else {
		r = systemd_connect(user, timeout, &s, &err);
		if (r == 0)
			r = run(s, argv, timeout, &err);
	}
	if (r < 0)
		fprintf(stderr, "%d %s %s\n", err.code, err.where, err.text);
	systemd_close(s);
	return r < 0;
}
