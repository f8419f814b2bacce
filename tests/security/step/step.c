/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step: run a command and do something at chosen system calls of it and of the processes it makes.  Root only.
 *
 *	step [--log FILE] [--deadline SECONDS] [--linger MS] [--execs N] [--through-exec] [--dumpable] [--uid UID]
 *	     --at ROLE:POINT=ACTION... -- COMMAND...
 *
 * ROLE	 0 is the command, 0.1 the first process that it makes, 0.1.2 the second that this one makes (whoever
 *	 becomes its parent: CLONE_PARENT); a pattern.
 * POINT 17: its 17th call; mount: each mount(2); mount#2: the second one; *: each.
 * ACTION, at the entry of the call:
 *	 log		its number, name and arguments
 *	 report		and all that the process has, look.c
 *	 kill		SIGKILL
 *	 killall	SIGKILL for all that are followed
 *	 signal:15	that signal for it; the call is made
 *	 error:ENOMEM	the call is not made and fails so
 *	 return:0	the call is not made and returns that: a lie
 *	 run:COMMAND	by sh, with STEP_PID, STEP_ROLE, STEP_CALL, STEP_SYSCALL; then the call is made
 *	 delay:MS	the call is made later; others go on
 *
 * FILE gets a JSON object a line: what was done, and events: born, exec, end, left (when the command has ended and
 * the linger time passed, the rest goes on without us), late (the deadline: all are killed, status 124).  Calls
 * are counted per process, from the Nth execve of the command on (1), so that wrappers may come first.  Processes
 * other than the command are left alone once they execute a program, which is none of ours then.
 */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void step_fail(const char *what)
{
	fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
	exit(125);
}

static pid_t start(char **argv, const sigset_t *mask)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		step_fail("fork");
	if (pid == 0) {
		raise(SIGSTOP);
		sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(argv[0], argv);
		step_fail(argv[0]);
	}
	if (waitpid(pid, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
		step_fail("the command has not stopped");
	return pid;
}

/* Reports are written to stdout; the command has the one that we were given. */
static void open_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		step_fail(path);
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

/* Not what the caller has left open: the command alone keeps that. */
static void close_all(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"at", 1, NULL, 'a'},	   {"log", 1, NULL, 'l'},	   {"deadline", 1, NULL, 'd'},
		{"linger", 1, NULL, 'g'},  {"execs", 1, NULL, 'e'},	   {"through-exec", 0, NULL, 't'},
		{"dumpable", 0, NULL, 'p'}, {"uid", 1, NULL, 'u'},	   {NULL, 0, NULL, 0},
	};
	struct step s = {.first_exec = 1, .deadline_ms = 20000};
	const char *log = "/dev/stderr";
	sigset_t set, mask;
	uid_t uid = 0;
	pid_t pid;
	int o;

	s.rules = calloc((size_t)argc, sizeof(*s.rules));
	while ((o = getopt_long(argc, argv, "+", long_options, NULL)) != -1)
		switch (o) {
		case 'a': rule_parse(optarg, &s.rules[s.n_rules++]); break;
		case 'l': log = optarg; break;
		case 'd': s.deadline_ms = (int)(1000 * atof(optarg)); break;
		case 'g': s.linger_ms = atoi(optarg); break;
		case 'e': s.first_exec = (unsigned)atoi(optarg); break;
		case 't': s.through_exec = true; break;
		case 'p': s.ask_dumpable = true; break;
		case 'u': uid = (uid_t)atoi(optarg); break;
		default: return 125;
		}
	if (optind == argc)
		step_fail("no command");
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &mask);
	pid = start(argv + optind, &mask);
	close_all();
	open_log(log);
	look_begin(uid);
	o = trace(&s, pid);
	look_end();
	fflush(stdout);
	return o;
}
