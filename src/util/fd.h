/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors and files.  Everything is O_CLOEXEC at birth.  A parameter is borrowed unless the
 * function has `take` in its name.  Results are >= 0 or -errno.
 */
#ifndef ORLOP_UTIL_FD_H
#define ORLOP_UTIL_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/mem.h"

/* openat(2), retried on EINTR, with O_CLOEXEC|O_NOCTTY added. */
int fd_openat(int dirfd, const char *path, int flags, mode_t mode);

/* Make sure 0, 1 and 2 are open (on /dev/null where they were not), before anything else opens. */
int fd_sanitize_stdio(void);

/*
 * Read a regular file of at most @max bytes (O_NONBLOCK first, fstat, then read): a FIFO, device or
 * directory gives -EINVAL, a larger file -EFBIG.  *ret is malloc'ed and NUL-terminated.
 * Returns the length (which may hide NUL bytes: compare with strlen).
 */
ssize_t fd_read_regular(int dirfd, const char *path, size_t max, char **ret);

/* Read until @size bytes are there or the file ends; EINTR is retried. */
ssize_t fd_read_up_to(int fd, char *buf, size_t size);

/* Read a pseudo-file (procfs, sysfs, cgroupfs) into @buf, NUL-terminated, trailing newline removed.
 * Returns its length, -E2BIG when it does not fit. */
ssize_t fd_read_pseudo(int dirfd, const char *path, char *buf, size_t size);

/* write(2) all of it in ONE call to a pseudo-file; a short write is -EIO. */
int fd_write_pseudo(int dirfd, const char *path, const char *data, size_t n);

/* Write until all is written; EINTR is retried. */
int fd_write_all(int fd, const void *data, size_t n);

/* Create @name in @dirfd by temporary file, write, rename: never a half-written file, no link is
 * followed.  @mode is exact, whatever the umask. */
int fd_write_atomic(int dirfd, const char *name, const void *data, size_t n, mode_t mode);

/* close_range(2) for every descriptor >= @from.  A failure is -errno and must be fatal. */
int fd_close_from(int from);
/* The same, but the @n of @keep stay open (-1: none). */
int fd_close_others(int from, const int *keep, size_t n);

/* Send @data and @nfds (0..4) descriptors in one message; receive the same. */
int fd_send(int sock, const void *data, size_t n, const int *fds, size_t nfds);
ssize_t fd_recv(int sock, void *data, size_t n, int *fds, size_t max_fds, size_t *ret_nfds);

/* What a stream takes of them: how many bytes; the descriptors are with the first. */
ssize_t fd_send_some(int sock, const void *data, size_t n, const int *fds, size_t nfds);
/* All of them, in as many parts as it takes. */
int fd_send_all(int sock, const void *data, size_t n, const int *fds, size_t nfds);

/* Connect to the AF_UNIX SOCK_STREAM (or @type) socket at @path relative to @dirfd; the length
 * limit of sun_path is avoided through /proc/self/fd.  A peer that does not accept or, later, read is
 * waited for 10 seconds: -EAGAIN. */
int fd_connect_unix(int dirfd, const char *path, int type);
/* The same for a socket that was opened with O_PATH. */
int fd_connect_handle(int handle, int type);

/* Wait for @events on @fd: 1 ready, 0 timeout (@timeout_ms < 0: for ever), -errno. */
int fd_wait(int fd, short events, int timeout_ms);

#endif
