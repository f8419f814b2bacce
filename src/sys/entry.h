/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the program begins when it is linked with musl: before the C library.  A command that puts a process into a
 * container is executed twice (init/self_exe.h).  What the first execution does besides would be for nothing: it
 * relocates the tables, a page copied for each, and reads the command line.  So the usual way of the protection is
 * tried here.  What fails is tried again by self_exe_protect(), which knows the other ways and has words for errors.
 */
#ifndef ORLOP_SYS_ENTRY_H
#define ORLOP_SYS_ENTRY_H

#include <stdbool.h>

/* We execute from a read-only mount or a sealed memory file.  False also when nobody has looked. */
extern bool entry_protected;

#endif
