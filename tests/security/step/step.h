/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the step driver share; step.c says what it is. */
#ifndef ORLOP_TESTS_STEP_H
#define ORLOP_TESTS_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ROLE_MAX 64
#define CALLS_MAX 512		/* numbers of system calls; higher ones share the last place */

/* One process that is followed. */
struct tracee {
	pid_t pid;
	char role[ROLE_MAX];	/* "0", its first child "0.1", and so on; "" until its parent told of it */
	unsigned births;	/* processes that it made */
	unsigned calls;		/* system calls it has entered, since counting began */
	unsigned calls_of[CALLS_MAX];
	unsigned execs;
	int stop;		/* how it stands still: a wait status; 0 while it runs */
	int64_t held_until;	/* in ms; 0: not held */
	bool override;		/* the present call is not made, and returns */
	int64_t result;		/* this */
	struct tracee *next;
};

/* A system call as it is entered. */
struct call {
	long nr;
	uint64_t args[6];
	const char *name;
};

/* ---- rules.c: what is to be done where ---- */

enum action { ACT_LOG, ACT_REPORT, ACT_KILL, ACT_KILLALL, ACT_SIGNAL, ACT_ERROR, ACT_RETURN, ACT_RUN, ACT_DELAY };

struct rule {
	const char *role;	/* a pattern, fnmatch(3) */
	long nr;		/* -1: any */
	unsigned at;		/* which of these calls; 0: each */
	enum action action;
	int64_t value;		/* of ERROR, RETURN, DELAY */
	const char *command;	/* of RUN */
};

/* "ROLE:POINT=ACTION[:VALUE]"; ends the program when that is wrong. */
void rule_parse(char *text, struct rule *rule);
bool rule_matches(const struct rule *rule, const struct tracee *t, const struct call *call);
/* Static memory that the next call overwrites. */
const char *call_name(long nr);

/* ---- tracee.c: registers ---- */

/* 1: it enters a call, 0: it leaves one or does something else, -errno: it is gone. */
int tracee_entering(const struct tracee *t, struct call *call);
/* Let the call be none: it comes back at once. */
void tracee_skip_call(const struct tracee *t);
void tracee_set_result(const struct tracee *t, int64_t result);
/* What prctl(PR_GET_DUMPABLE) says in it, while it stands at the entry of a call; -1: not to be asked. */
int tracee_dumpable(struct tracee *t);

/* ---- look.c: what a process has, as members of a JSON object ---- */

/* Remember which mounts are the host's, and start the process of @uid without capabilities that is asked what
 * it may see. */
void look_begin(uid_t uid);
void look_end(void);
bool look_is_asker(pid_t pid);
void look_at(struct tracee *t, bool ask_dumpable);

/* ---- trace.c: the loop ---- */

struct step {
	struct rule *rules;
	size_t n_rules;
	unsigned first_exec;	/* counting begins when process 0 has executed so often */
	bool through_exec;	/* follow what others execute, too */
	bool ask_dumpable;
	int deadline_ms, linger_ms;
};

/* Follow @pid, which has stopped itself, and all that it makes; returns its exit status. */
int trace(const struct step *s, pid_t pid);
_Noreturn void step_fail(const char *what);
int64_t now_ms(void);

#endif
