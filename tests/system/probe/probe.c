/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What runs in the containers of the system tests: a static program that tells what it sees.
 *
 *   probe                         one JSON object with everything state.c knows
 *   probe CMD ARGS... [, CMD...]  "results": what came of each command of attack.c; "state" among
 *                                 them adds the object of the first form
 *   probe pause                   say READY, wait for ever; the default action of signals holds,
 *                                 also as process 1, which needs a handler for that
 *   probe catch                   say READY, then a line with each signal that comes
 *   probe exit N | die SIGNAL     end so
 *   probe cat                     copy stdin to stdout
 *   probe read                    print one line from stdin as JSON, then end
 *   probe count FILE [LOCK]       numbers into FILE, one after the other, holding a lock of LOCK
 *   probe talk FILE               the same by way of a TCP connection with itself
 *   probe flood                   as many processes as it gets, each in a session of its own
 */
#include "probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(1);
}

static void end_by(int sig)
{
	_exit(128 + sig);
}

static _Noreturn void wait_for_ever(void)
{
	/* The kernel drops signals to process 1 of a pid namespace that has no handler for them. */
	if (getpid() == 1)
		for (int s = 1; s <= 64; s++)
			if (s != SIGCHLD && s != SIGWINCH && s != SIGURG && s != SIGCONT &&
			    s != SIGTSTP && s != SIGTTIN && s != SIGTTOU)
				signal(s, end_by);
	say("READY\n");
	for (;;)
		pause();
}

static _Noreturn void catch_all(void)
{
	char line[32];
	sigset_t all;
	int s;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	say("READY\n");
	for (;;) {
		if (sigwait(&all, &s) != 0)
			continue;
		snprintf(line, sizeof(line), "%d\n", s);
		say(line);
	}
}

static _Noreturn void flood(void)
{
	for (int s = 1; s < 31; s++)
		signal(s, SIG_IGN);
	say("READY\n");
	for (;;) {
		if (fork() >= 0)
			setsid();
		else
			usleep(1000);
	}
}

static int copy(void)
{
	char text[4096];
	ssize_t n;

	while ((n = read(0, text, sizeof(text))) > 0)
		if (write(1, text, (size_t)n) != n)
			return 1;
	return n < 0;
}

static int read_line(void)
{
	char text[4096];
	ssize_t n = read(0, text, sizeof(text));

	json_open(NULL, '{');
	json_bytes("line", text, n > 0 ? n : 0);
	json_close('}');
	putchar('\n');
	return 0;
}

static volatile sig_atomic_t asked;

static void on_asked(int sig)
{
	asked = sig;
}

/* Numbers in a file, each whole at any time; USR1: a word to the standard output; TERM: another one, and 7. */
static int count(const char *path)
{
	struct timespec pause = {.tv_nsec = 20000000};
	char name[4096];

	snprintf(name, sizeof(name), "%s.new", path);
	signal(SIGUSR1, on_asked);
	signal(SIGTERM, on_asked);
	for (unsigned long n = 1; asked != SIGTERM; n++) {
		FILE *f = fopen(name, "w");

		if (!f || fprintf(f, "%lu\n", n) < 0 || fclose(f) != 0 || rename(name, path) < 0)
			return 1;
		if (asked == SIGUSR1 && write(1, "here\n", 5) == 5)
			asked = 0;
		nanosleep(&pause, NULL);
	}
	return write(1, "over\n", 5) == 5 ? 7 : 1;
}

/* Numbers in a file, by way of a TCP connection between two processes. */
static int talk(const char *path)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(5000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timespec pause = {.tv_nsec = 20000000};
	int l = socket(AF_INET, SOCK_STREAM, 0), s;
	int out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	char buf[4096];
	ssize_t n;

	if (out < 0 || bind(l, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(l, 1) < 0)
		return 1;
	if (fork() == 0) {
		s = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(s, (struct sockaddr *)&in, sizeof(in)) < 0)
			return 1;
		for (unsigned long i = 1; dprintf(s, "%lu\n", i) > 0; i++)
			nanosleep(&pause, NULL);
		return 1;
	}
	s = accept(l, NULL, NULL);
	while ((n = read(s, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			break;
	return 1;
}

static int locked(const char *path, const char *lock)
{
	int fd = open(lock, O_RDWR | O_CREAT, 0644);

	return fd < 0 || flock(fd, LOCK_EX) < 0 ? 1 : count(path);
}

static int run_commands(int argc, char **argv, char **envp)
{
	bool state = argc == 1;

	json_open(NULL, '{');
	if (argc > 1)
		json_open("results", '[');
	for (int i = 1, end; i < argc; i = end + 1) {
		for (end = i; end < argc && strcmp(argv[end], ","); end++)
			;
		if (!strcmp(argv[i], "state")) {
			state = true;
			continue;
		}
		json_open(NULL, '{');
		attack(end - i, argv + i);
		json_close('}');
	}
	if (argc > 1)
		json_close(']');
	if (state)
		state_print(argc, argv, envp);
	json_close('}');
	putchar('\n');
	return fflush(stdout) != 0;
}

int main(int argc, char **argv, char **envp)
{
	const char *cmd = argc > 1 ? argv[1] : "";

	if (!strcmp(cmd, "pause"))
		wait_for_ever();
	if (!strcmp(cmd, "catch"))
		catch_all();
	if (!strcmp(cmd, "flood"))
		flood();
	if (!strcmp(cmd, "neighbour") && argc > 2)
		return neighbour(argc - 2, argv + 2);
	if (!strcmp(cmd, "cat"))
		return copy();
	if (!strcmp(cmd, "read"))
		return read_line();
	if (!strcmp(cmd, "count") && argc > 2)
		return argc > 3 ? locked(argv[2], argv[3]) : count(argv[2]);
	if (!strcmp(cmd, "talk") && argc > 2)
		return talk(argv[2]);
	if (!strcmp(cmd, "exit") && argc > 2)
		return atoi(argv[2]);
	if (!strcmp(cmd, "die") && argc > 2) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(atoi(argv[2]), SIG_DFL);
		kill(getpid(), atoi(argv[2]));
		return 0;
	}
	return run_commands(argc, argv, envp);
}
