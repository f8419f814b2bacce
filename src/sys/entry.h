/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the program begins when it is linked with musl: before the C library.  A command that puts a process into a
 * container must not execute what the container could write (init/self_exe.h).  Here nothing is relocated yet, so
 * the program can be mapped again, in place, from a read-only mount of its file, and the kernel be told that it
 * executes that one: a twentieth quicker than to be executed once more.  Who may not tell the kernel is executed
 * again, before tables have been relocated for nothing, a page copied for each.  What fails is tried again by
 * self_exe_protect(), which knows the other ways and has words for errors.
 */
#ifndef ORLOP_SYS_ENTRY_H
#define ORLOP_SYS_ENTRY_H

#include <stdbool.h>

/* We execute from a read-only mount or a sealed memory file.  False also when nobody has looked. */
extern bool entry_protected;

#endif
