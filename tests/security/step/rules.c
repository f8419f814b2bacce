/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of the step driver: where something is done, and what. */
#include "step.h"

#include <errno.h>
#include <fnmatch.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;
	bool has_value;
} actions[] = {
	[ACT_LOG] = {"log", false},   [ACT_REPORT] = {"report", false}, [ACT_KILL] = {"kill", false},
	[ACT_ERROR] = {"error", true}, [ACT_RETURN] = {"return", true},	 [ACT_RUN] = {"run", true},
	[ACT_DELAY] = {"delay", true}, [ACT_KILLALL] = {"killall", false},
	[ACT_SIGNAL] = {"signal", true},
};

static _Noreturn void bad_rule(const char *text, const char *what)
{
	fprintf(stderr, "step: %s: %s\n", text, what);
	exit(125);
}

static int errno_by_name(const char *name)
{
	for (int e = 1; e < 200; e++) {
		const char *known = strerrorname_np(e);

		if (known && strcmp(known, name) == 0)
			return e;
	}
	return atoi(name);
}

/* "*", "17", "mount", "mount#3" */
static void parse_point(char *point, struct rule *rule)
{
	char *which = strchr(point, '#');

	rule->nr = -1;
	rule->at = 0;
	if (which) {
		*which++ = '\0';
		rule->at = (unsigned)strtoul(which, NULL, 10);
	}
	if (strcmp(point, "*") == 0)
		return;
	if (*point >= '0' && *point <= '9') {
		rule->at = (unsigned)strtoul(point, NULL, 10);
		return;
	}
	/* what is newer than libseccomp */
	rule->nr = strncmp(point, "call_", 5) == 0 ? atol(point + 5) : seccomp_syscall_resolve_name(point);
	if (rule->nr < 0)
		bad_rule(point, "there is no such system call");
}

void rule_parse(char *text, struct rule *rule)
{
	char *point = strchr(text, ':'), *action = point ? strchr(point, '=') : NULL, *value;

	if (!action)
		bad_rule(text, "not ROLE:POINT=ACTION");
	*point++ = *action++ = '\0';
	rule->role = text;
	parse_point(point, rule);
	value = strchr(action, ':');
	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(action, actions[i].word) != 0)
			continue;
		if (!value != !actions[i].has_value)
			bad_rule(action, "a value is missing, or too much");
		rule->action = (enum action)i;
		rule->command = value;
		if (value)
			rule->value = i == ACT_ERROR ? -errno_by_name(value) : strtoll(value, NULL, 0);
		if (i == ACT_ERROR && rule->value == 0)
			bad_rule(value, "no such error");
		return;
	}
	bad_rule(action, "there is no such action");
}

bool rule_matches(const struct rule *rule, const struct tracee *t, const struct call *call)
{
	unsigned count = t->calls;

	if (rule->nr >= 0) {
		if (rule->nr != call->nr)
			return false;
		count = t->calls_of[call->nr < CALLS_MAX ? call->nr : CALLS_MAX - 1];
	}
	return (rule->at == 0 || rule->at == count) && fnmatch(rule->role, t->role, 0) == 0;
}

const char *call_name(long nr)
{
	static char names[CALLS_MAX][24];
	char *name;

	if (nr < 0 || nr >= CALLS_MAX)
		return "?";
	if (names[nr][0] == '\0') {
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)nr);
		if (name)
			snprintf(names[nr], sizeof(names[nr]), "%s", name);
		else
			snprintf(names[nr], sizeof(names[nr]), "call_%ld", nr);
		free(name);
	}
	return names[nr];
}
