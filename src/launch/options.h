/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several verbs decide from the global options and the host. */
#ifndef ORLOP_LAUNCH_OPTIONS_H
#define ORLOP_LAUNCH_OPTIONS_H

#include "launch/spawn.h"
#include "store/options.h"

int options_rootless(const struct global_options *g, const struct facts *f);
/* What the options say, wherever it is. */
enum cgroup_manager options_named_manager(const struct global_options *g);
/* *ret_user: with systemd, is the service manager the user's? */
int options_cgroup_manager(const struct global_options *g, enum cgroup_manager *ret, bool *ret_user,
			   struct error *err);
/* LISTEN_FDS of the environment, when it was meant for us (sd_listen_fds(3)); checks that they and
 * the last of @preserve more are open.  Before anything else is opened. */
int options_descriptors(unsigned preserve, unsigned *ret_listen_fds, struct error *err);
/* Close what else the caller left open (rule R7), once all that it names has been opened: names may be
 * those of descriptors.  @handed_on: how many from 3 on are for the container; @own: what we have opened. */
int options_close_others(unsigned handed_on, const int *own, size_t n_own, struct error *err);
/*
 * pid_file.c: --pid-file, or NULL for none.  *ret: where it is written to, if that is a descriptor of the
 * caller's or a character device; otherwise -1, and a file is made and takes the place of what has that name.
 */
int pid_file_open(const char *path, int *ret, struct error *err);
/* Decimal, no newline, and a file is complete from the beginning.  @fd: of the above. */
int pid_file_write(const char *path, int fd, pid_t pid, struct error *err);

/* Can the labels and the seccomp profile be applied on this host? */
int options_check_security(const struct plan_security *s, struct error *err);
/* Connect to the AF_UNIX stream socket @path, which will get a pidfd; NULL leaves *ret alone. */
int options_connect_pidfd(const char *path, int *ret, struct error *err);
/* Find the socket @path (NULL leaves *ret alone), without a word to who listens there: conmon takes the end of a
 * connection that brought no terminal for the end of everything, kills us and finds no error in our log. */
int options_find_console(const char *path, int *ret, struct error *err);
/* Set the size of the pty that @s opened, and give its master to who listens at @socket, found at @path, which is
 * closed then (-1: keep the master). */
int options_hand_over_console(struct spawn *s, int *socket, const char *path, struct error *err);

#endif
