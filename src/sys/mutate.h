/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds for tests (configure --enable-mutations) can do without one of our defences, so that a test of an attack
 * is seen to fail: the environment variable ORLOP_MUTATE names it.  Otherwise this is nothing at all.
 *
 *	if (prctl(PR_SET_DUMPABLE, MUTATE(T35) ? 1 : 0) < 0)
 */
#ifndef ORLOP_SYS_MUTATE_H
#define ORLOP_SYS_MUTATE_H

#include <stdbool.h>

#ifdef ORLOP_MUTATIONS
bool mutate_is(const char *name);
#define MUTATE(name) mutate_is(#name)
#else
#define MUTATE(name) false
#endif

#endif
