/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the commands that bench/run asks for on its standard input, one at a time, and tells what each
 * took.  Small and static, so that what it adds is little and the same for every program.
 *
 * Usage: driver CPU ERRORS   (CPU -1: any)
 * Request: one byte (t = time, m = the same and wait for all descendants, c = count system calls, p = page faults,
 * switches and migrations), the length of what follows as uint32_t, the arguments, each with a NUL at its end.
 * Answer: int64_t[8]: wait status, nanoseconds, peak resident memory in KiB, system calls, microseconds of
 * processor time of the program and what it waited for; of all its processes page faults, context switches and
 * migrations to another processor.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX 64
#define PATIENCE 120		/* seconds */

enum { STATUS, NANOSECONDS, MEMORY, CALLS, PROCESSOR, FAULTS, SWITCHES, MIGRATIONS, N_ANSWERS };

extern char **environ;
static char text[1 << 16];
static char *arguments[ARGS_MAX + 1];
static int errors;
static volatile pid_t running;

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int read_all(void *to, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = read(STDIN_FILENO, (char *)to + at, n - at);

		if (r <= 0)
			return -1;
		at += (size_t)r;
	}
	return 0;
}

static int read_request(char *mode)
{
	uint32_t size;
	int n = 0;

	if (read_all(mode, 1) < 0)
		return -1;
	if (read_all(&size, sizeof(size)) < 0 || size > sizeof(text) || read_all(text, size) < 0)
		die("read a request");
	for (char *p = text; p < text + size && n < ARGS_MAX; p += strlen(p) + 1)
		arguments[n++] = p;
	arguments[n] = NULL;
	return n > 0 ? 0 : -1;
}

static _Noreturn void start(int null)
{
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(errors, 2) < 0)
		_exit(126);
	execve(arguments[0], arguments, environ);
	dprintf(STDERR_FILENO, "execve %s: %s\n", arguments[0], strerror(errno));
	_exit(127);
}

static void lose_patience(int signo)
{
	static const char text[] = "killed: it did not end in two minutes\n";

	(void)signo;
	if (running > 0 && kill(running, SIGKILL) == 0 && write(errors, text, sizeof(text) - 1) < 0)
		return;
}

static void note(int64_t *answer, const struct rusage *use)
{
	if (use->ru_maxrss > answer[MEMORY])
		answer[MEMORY] = use->ru_maxrss;
}

static void measure(char mode, int null, int64_t *answer)
{
	struct rusage use;
	int64_t begin;
	int status;
	pid_t pid;

	alarm(PATIENCE);
	begin = now();
	pid = vfork();

	if (pid < 0)
		die("vfork");
	if (pid == 0)
		start(null);
	running = pid;
	if (wait4(pid, &status, 0, &use) != pid)
		die("wait4");
	answer[NANOSECONDS] = now() - begin;
	alarm(0);
	running = 0;
	answer[STATUS] = status;
	answer[PROCESSOR] = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
			    use.ru_utime.tv_usec + use.ru_stime.tv_usec;
	note(answer, &use);
	/* The rest of its tree comes to us, a subreaper, when what started it ends. */
	while (mode == 'm' && wait4(-1, &status, 0, &use) > 0)
		note(answer, &use);
}

/* ---- counting system calls ------------------------------------------------------------------ */

static int is_group_stop(int status)
{
	int signo = WSTOPSIG(status);

	return status >> 16 == PTRACE_EVENT_STOP &&
	       (signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU);
}

static void go_on(pid_t pid, int status, int64_t *answer)
{
	struct __ptrace_syscall_info info;
	int signo = WSTOPSIG(status);

	if (signo == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY)
			answer[CALLS]++;
		signo = 0;
	} else if (is_group_stop(status)) {
		ptrace(PTRACE_LISTEN, pid, 0, 0);
		return;
	} else if (status >> 16) {
		signo = 0;
	}
	ptrace(PTRACE_SYSCALL, pid, 0, signo);
}

/* Of the program and all that it starts, from its execve on. */
static void count(int null, int64_t *answer)
{
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	pid_t pid = fork(), who;
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		raise(SIGSTOP);
		start(null);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || ptrace(PTRACE_SEIZE, pid, 0, options) < 0)
		die("trace");
	kill(pid, SIGCONT);
	while ((who = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status) && who == pid && status >> 16 == PTRACE_EVENT_EXEC &&
		    answer[NANOSECONDS] == 0) {
			answer[CALLS] = 1;	/* the calls before it are ours */
			answer[NANOSECONDS] = 1;
		}
		if (WIFSTOPPED(status))
			go_on(who, status, answer);
		else if (who == pid)
			answer[STATUS] = status;
	}
}

/* ---- counting what the kernel does ---------------------------------------------------------- */

static int open_counter(pid_t pid, uint64_t what)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr), .type = PERF_TYPE_SOFTWARE, .config = what, .inherit = 1, .disabled = 1,
		.enable_on_exec = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Of the program and all that it starts, from its execve on. */
static void count_events(int null, int64_t *answer)
{
	static const uint64_t events[] = {
		PERF_COUNT_SW_PAGE_FAULTS, PERF_COUNT_SW_CONTEXT_SWITCHES, PERF_COUNT_SW_CPU_MIGRATIONS,
	};
	int fds[3], gate[2], status;
	pid_t pid;
	char go = 0;

	if (pipe2(gate, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &go, 1) != 1)
			_exit(126);
		start(null);
	}
	close(gate[0]);
	for (int i = 0; i < 3; i++) {
		fds[i] = open_counter(pid, events[i]);
		if (fds[i] < 0)
			die("perf_event_open");
	}
	if (write(gate[1], &go, 1) != 1 || waitpid(pid, &status, 0) != pid)
		die("wait");
	close(gate[1]);
	answer[STATUS] = status;
	for (int i = 0; i < 3; i++) {
		if (read(fds[i], &answer[FAULTS + i], sizeof(int64_t)) != sizeof(int64_t))
			die("read a counter");
		close(fds[i]);
	}
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct sigaction action = {.sa_handler = lose_patience, .sa_flags = SA_RESTART};
	char mode;

	sigaction(SIGALRM, &action, NULL);
	if (argc != 3 || null < 0)
		die("usage: driver CPU ERRORS");
	errors = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (errors < 0)
		die(argv[2]);
	if (argv[1][0] != '-') {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(atoi(argv[1]), &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0)
			die("sched_setaffinity");
	}
	while (read_request(&mode) == 0) {
		int64_t answer[N_ANSWERS] = {0};

		prctl(PR_SET_CHILD_SUBREAPER, mode == 'm', 0, 0, 0);
		if (mode == 'c')
			count(null, answer);
		else if (mode == 'p')
			count_events(null, answer);
		else
			measure(mode, null, answer);
		if (write(STDOUT_FILENO, answer, sizeof(answer)) != sizeof(answer))
			die("write");
	}
	return 0;
}
