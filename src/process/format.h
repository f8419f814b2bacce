/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of program a file is: what process/ shares about it. */
#ifndef ORLOP_PROCESS_FORMAT_H
#define ORLOP_PROCESS_FORMAT_H

#include <stdbool.h>

#include "util/error.h"

/* program.c: 0, or why execve(2) would refuse @path: a directory is -EISDIR, a file that is none -EACCES. */
int program_check(const char *path);

/* format.c: does it look like what this machine executes, with a loader or an interpreter that is there?
 * True also when it cannot be told. */
bool format_is_usual(const char *path);
/* Append what the file itself says about execve(2) having failed with @errnum. */
void format_explain(const char *path, int errnum, struct error *err);

/* trial.c: 0, or the -errno that execve(2) gives.  The program is not run: the kernel stops the new process
 * before its first instruction.  0 also when there can be no trial. */
int exec_trial(const char *path, char *const *argv, char *const *envp, int (*confine)(void *ctx), void *ctx);

#endif
