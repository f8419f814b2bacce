/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capabilities(7) of the container process. */
#ifndef ORLOP_SECURITY_CAPS_H
#define ORLOP_SECURITY_CAPS_H

#include "oci/process.h"
#include "util/error.h"

/* Needs CAP_SETPCAP.  Drops everything outside @caps->bounding from the bounding set; also clears
 * securebits' keep-caps history.  Before the ids change. */
int caps_limit_bounding(const struct oci_capabilities *caps, unsigned last_cap, struct error *err);

/* PR_SET_KEEPCAPS 1, so that the permitted set survives setresuid(2). */
int caps_keep(struct error *err);

/*
 * After the ids changed: effective, permitted, inheritable, ambient exactly as wanted, keep-caps off.
 * What cannot be granted is left out with a warning (runtime-spec 1.1: never an error).
 * @until_exec: stays permitted besides, for caps_raise().  execve(2) makes the permitted set anew out of the
 * bounding, inheritable and ambient sets: capabilities(7), "Transformation of capabilities".
 */
int caps_apply(const struct oci_capabilities *caps, uint64_t until_exec, struct error *err);

/* What caps_apply() gave besides: take @set back, as far as @caps does not have it; and what caps_raise() did. */
int caps_drop(const struct oci_capabilities *caps, uint64_t set, struct error *err);
/* Make @set effective, as far as it is permitted. */
int caps_raise(uint64_t set, struct error *err);

#endif
