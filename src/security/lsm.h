/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AppArmor and SELinux labels.  A label that cannot be applied is an error (rule R11).
 * Files: apparmor.c, selinux.c or selinux_none.c.
 */
#ifndef ORLOP_SECURITY_LSM_H
#define ORLOP_SECURITY_LSM_H

#include <stdbool.h>

#include "util/error.h"

/* The profile that is none: also a host without AppArmor gives it. */
#define APPARMOR_UNCONFINED "unconfined"

/* Parent: does the host enforce profiles? */
bool apparmor_is_enabled(void);

/* Parent, before any side effect: is the LSM there and the profile loaded / the label valid?
 * NULL labels are fine. */
int apparmor_check(const char *profile, struct error *err);
int selinux_check(const char *label, const char *where, struct error *err);

/* Parent: is what the kernel shows, @got, the label that was asked for?  It writes categories its own way:
 * c0,c1,c2 is c0.c2. */
bool selinux_same(const char *label, const char *got);

/* The same of AppArmor, whose kernel shows the mode as well, and profiles that are stacked in its own order. */
bool apparmor_same(const char *profile, const char *got);

/* Child: the label the next execve(2) gets, through @proc, a private procfs. */
int apparmor_set_exec(int proc, const char *profile, struct error *err);
int selinux_set_exec(int proc, const char *label, struct error *err);

/* Child, around keyring_new_session(): the label of keys made from now on; NULL takes it back. */
int selinux_set_key(int proc, const char *label, struct error *err);

#endif
