/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop of the step driver: every process of the command, from stop to stop. */
#include "step.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../system/probe/probe.h"

#define CALLBACK_MS 10000
#define DETACH_MS 2000

static struct tracee *tracees;

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static struct tracee *find(pid_t pid)
{
	for (struct tracee *t = tracees; t; t = t->next)
		if (t->pid == pid)
			return t;
	return NULL;
}

static struct tracee *add(pid_t pid)
{
	struct tracee *t = calloc(1, sizeof(*t));

	if (!t)
		step_fail("memory");
	t->pid = pid;
	t->next = tracees;
	tracees = t;
	return t;
}

static void forget(struct tracee *t)
{
	struct tracee **at = &tracees;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	free(t);
}

static void line(const char *event, const struct tracee *t)
{
	json_open(NULL, '{');
	json_string("event", event);
	json_string("role", t->role);
	json_number("pid", t->pid);
	json_number("k", t->calls);
	json_number("execs", t->execs);
}

static void end_line(void)
{
	json_close('}');
	json_end_line();
}

/* ---- what rules ask for --------------------------------------------------------------------- */

static void run_command(const char *command, const struct tracee *t, const struct call *call)
{
	int64_t end = now_ms() + CALLBACK_MS;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		char text[24];
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		snprintf(text, sizeof(text), "%d", (int)t->pid);
		setenv("STEP_PID", text, 1);
		snprintf(text, sizeof(text), "%u", t->calls);
		setenv("STEP_CALL", text, 1);
		setenv("STEP_ROLE", t->role, 1);
		setenv("STEP_SYSCALL", call->name, 1);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		step_fail("fork");
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() > end) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		usleep(500);
	}
	json_number("ran", status);
}

static void describe(const struct call *call)
{
	json_string("call", call->name);
	json_open("args", '[');
	for (int i = 0; i < 6; i++)
		json_number(NULL, (long long)call->args[i]);
	json_close(']');
}

static void act(const struct step *s, const struct rule *rule, struct tracee *t, const struct call *call)
{
	line("call", t);
	describe(call);
	switch (rule->action) {
	case ACT_LOG:
		break;
	case ACT_REPORT:
		look_at(t, s->ask_dumpable);
		break;
	case ACT_KILL:
		json_bool("killed", kill(t->pid, SIGKILL) == 0);
		break;
	case ACT_KILLALL:
		for (struct tracee *o = tracees; o; o = o->next)
			json_bool("killed", kill(o->pid, SIGKILL) == 0);
		break;
	case ACT_SIGNAL:
		json_bool("killed", kill(t->pid, (int)rule->value) == 0);
		break;
	case ACT_ERROR:
	case ACT_RETURN:
		t->override = true;
		t->result = rule->value;
		json_number("result", rule->value);
		tracee_skip_call(t);
		break;
	case ACT_RUN:
		run_command(rule->command, t, call);
		break;
	case ACT_DELAY:
		t->held_until = now_ms() + rule->value;
		json_number("delayed", rule->value);
		break;
	}
	end_line();
}

/* ---- stops ----------------------------------------------------------------------------------- */

static void go_on(struct tracee *t, int sig)
{
	t->stop = 0;
	ptrace(PTRACE_SYSCALL, t->pid, 0, (void *)(intptr_t)sig);
}

static bool counts(const struct step *s, const struct tracee *t)
{
	return strcmp(t->role, "0") != 0 || t->execs >= s->first_exec;
}

static void at_call(const struct step *s, struct tracee *t)
{
	struct call call;

	if (tracee_entering(t, &call) == 1 && counts(s, t)) {
		t->calls++;
		t->calls_of[call.nr >= 0 && call.nr < CALLS_MAX ? call.nr : CALLS_MAX - 1]++;
		for (size_t i = 0; i < s->n_rules; i++)
			if (rule_matches(&s->rules[i], t, &call))
				act(s, &s->rules[i], t, &call);
	} else if (t->override && tracee_entering(t, &call) == 0) {
		t->override = false;
		tracee_set_result(t, t->result);
	}
	if (!t->held_until)
		go_on(t, 0);
}

static void born(struct tracee *parent)
{
	unsigned long pid = 0;
	struct tracee *t;

	ptrace(PTRACE_GETEVENTMSG, parent->pid, 0, &pid);
	t = find((pid_t)pid);
	if (!t)
		t = add((pid_t)pid);
	snprintf(t->role, sizeof(t->role), "%.*s.%u", ROLE_MAX - 12, parent->role, ++parent->births);
	line("born", t);
	json_string("by", parent->role);
	end_line();
	if (t->stop)
		go_on(t, 0);
}

static void executed(const struct step *s, struct tracee *t)
{
	t->execs++;
	line("exec", t);
	end_line();
	if (strcmp(t->role, "0") != 0 && !s->through_exec) {
		ptrace(PTRACE_DETACH, t->pid, 0, 0);
		forget(t);
		return;
	}
	go_on(t, 0);
}

static void stopped(const struct step *s, struct tracee *t)
{
	int sig = WSTOPSIG(t->stop), event = t->stop >> 16;

	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		born(t);
		go_on(t, 0);
		return;
	case PTRACE_EVENT_EXEC:
		executed(s, t);
		return;
	case PTRACE_EVENT_STOP:
		if (t->role[0] == '\0')
			return;	/* until its parent has told of it */
		if (sig == SIGTRAP) {
			go_on(t, 0);
		} else {
			t->stop = 0;
			ptrace(PTRACE_LISTEN, t->pid, 0, 0);
		}
		return;
	}
	if (sig == (SIGTRAP | 0x80))
		at_call(s, t);
	else
		go_on(t, event ? 0 : sig);
}

static void gone(struct tracee *t, int status)
{
	line("end", t);
	if (WIFSIGNALED(status))
		json_number("signal", WTERMSIG(status));
	else
		json_number("status", WEXITSTATUS(status));
	end_line();
	forget(t);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void let_go_held(void)
{
	int64_t now = now_ms();

	for (struct tracee *t = tracees; t; t = t->next)
		if (t->held_until && t->held_until <= now) {
			t->held_until = 0;
			go_on(t, 0);
		}
}

static void wait_a_little(int64_t end)
{
	struct timespec pause = {0, 0};
	int64_t next = end, left;
	sigset_t set;

	for (struct tracee *t = tracees; t; t = t->next)
		if (t->held_until && t->held_until < next)
			next = t->held_until;
	left = next - now_ms();
	if (left < 0)
		left = 0;
	pause.tv_sec = left / 1000;
	pause.tv_nsec = left % 1000 * 1000000;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigtimedwait(&set, NULL, &pause);
}

/* What is left over goes on without us. */
static void detach_all(void)
{
	int64_t end = now_ms() + DETACH_MS;
	int status;
	pid_t pid;

	for (struct tracee *t = tracees, *next; t; t = next) {
		next = t->next;
		line("left", t);
		end_line();
		if (t->stop && ptrace(PTRACE_DETACH, t->pid, 0, 0) == 0)
			forget(t);
		else
			ptrace(PTRACE_INTERRUPT, t->pid, 0, 0);
	}
	while (tracees && now_ms() < end) {
		struct tracee *t;

		pid = waitpid(-1, &status, __WALL | WNOHANG);
		if (pid < 0)
			return;
		t = pid > 0 ? find(pid) : NULL;
		if (!t) {
			usleep(500);
			continue;
		}
		if (WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, pid, 0,
			       (void *)(intptr_t)(status >> 16 || WSTOPSIG(status) & 0x80 ? 0 : WSTOPSIG(status)));
		forget(t);
	}
}

static void too_late(void)
{
	for (struct tracee *t = tracees; t; t = t->next) {
		line("late", t);
		end_line();
		kill(t->pid, SIGKILL);
	}
	fprintf(stderr, "step: the deadline has passed\n");
}

/* One report of waitpid(2); the exit status of process 0, or -1 while it is there. */
static int handle(const struct step *s, pid_t pid, int status)
{
	struct tracee *t = find(pid);
	bool first = t && strcmp(t->role, "0") == 0;

	if (look_is_asker(pid))
		return -1;
	if (WIFSTOPPED(status)) {
		if (!t)
			t = add(pid);
		t->stop = status;
		stopped(s, t);
		return -1;
	}
	if (t)
		gone(t, status);
	if (!first)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int trace(const struct step *s, pid_t pid)
{
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		       PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int64_t end = now_ms() + s->deadline_ms;
	int status, result = -1, r;
	struct tracee *t = add(pid);

	strcpy(t->role, "0");
	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0)
		step_fail("PTRACE_SEIZE");
	kill(pid, SIGCONT);
	while (tracees) {
		pid = waitpid(-1, &status, __WALL | WNOHANG);
		if (pid < 0 && errno != EINTR)
			break;
		if (pid > 0) {
			r = handle(s, pid, status);
			if (r >= 0) {
				result = r;
				end = now_ms() + s->linger_ms;
			}
		} else {
			if (now_ms() >= end)
				break;
			wait_a_little(end);
			let_go_held();
		}
	}
	if (tracees && result < 0) {
		too_late();
		return 124;
	}
	detach_all();
	return result;
}
