/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_TESTS_PROBE_H
#define ORLOP_TESTS_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* json.c: writes to stdout; commas are put where they are needed. */
void json_open(const char *name, char bracket);
void json_close(char bracket);
void json_string(const char *name, const char *value);
void json_bytes(const char *name, const char *value, long len);
void json_number(const char *name, long long value);
void json_bool(const char *name, bool value);
void json_end_line(void);	/* after an object of its own */
const char *errno_name(int e);

/* state.c: the members that say what this process is. */
void state_print(int argc, char **argv, char **envp);

/* attack.c: one command; prints the members of its result. */
void attack(int argc, char **argv);

/* neighbour.c: see there. */
int neighbour(int argc, char **argv);

#endif
