/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading what the caller names, whatever it is, and never for ever.  On the host, before all else. */
#include "util/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/str.h"

#define WRITER_MS 1000		/* for somebody to open the other end of a FIFO */
#define ALL_MS 30000		/* for all of it */
#define CHUNK 65536

const char *input_path(const char *word)
{
	return strcmp(word, "-") == 0 ? "/dev/stdin" : word;
}

int input_descriptor(const char *path)
{
	static const struct {
		const char *name;
		int fd;
	} streams[] = {{"/dev/stdin", 0}, {"/dev/stdout", 1}, {"/dev/stderr", 2}};
	static const char *const prefixes[] = {"/dev/fd/", "/proc/self/fd/"};
	uint32_t n;

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		if (str_eq(path, streams[i].name))
			return streams[i].fd;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(path, prefixes[i]) && str_to_u32(path + strlen(prefixes[i]), &n) == 0 &&
		    n <= INT32_MAX)
			return (int)n;
	return -1;
}

/*
 * The whole of a pipe or socket.  Opened without blocking, read(2) of a FIFO says 0 as long as nobody has
 * opened its other end, too, and poll(2) does not tell the difference: fifo(7).
 */
static ssize_t read_stream(int fd, bool socket, size_t max, char **ret)
{
	int64_t now = clock_now_ms(), end = now + ALL_MS, first = now + WRITER_MS;
	_cleanup_free_ char *buf = NULL;
	size_t len = 0, size = 0;
	bool ended = false;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left;
		ssize_t n;

		if (size - len < CHUNK) {
			size += CHUNK;
			buf = xrealloc(buf, size + 1, 1);
		}
		/* A socket is the caller's own, which must stay as it is. */
		n = socket ? recv(fd, buf + len, size - len, MSG_DONTWAIT) : read(fd, buf + len, size - len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n == 0 && (len > 0 || ended || socket))
			break;
		len += n > 0 ? (size_t)n : 0;
		if (len > max)
			return -EFBIG;
		if (n > 0)
			continue;
		left = (n == 0 ? first : end) - clock_now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
		ended = p.revents & POLLHUP;
	}
	buf[len] = '\0';
	*ret = steal_ptr(buf);
	return (ssize_t)len;
}

static ssize_t read_stream_in(struct arena *a, int fd, bool socket, size_t max, char **ret)
{
	char *buf = NULL;
	ssize_t n = read_stream(fd, socket, max, &buf);

	if (n >= 0)
		*ret = arena_strndup(a, buf, (size_t)n);
	free(buf);
	return n;
}

/* A socket has no name to be opened by, but a descriptor can be copied. */
static int open_input(int dirfd, const char *path)
{
	int fd = fd_openat(dirfd, path, O_RDONLY | O_NONBLOCK, 0), number = input_descriptor(path);

	if (fd == -ENXIO && number >= 0) {
		fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return -errno;
	}
	return fd;
}

ssize_t input_read(struct arena *a, int dirfd, const char *path, size_t max, char **ret)
{
	_cleanup_close_ int fd = open_input(dirfd, path);
	struct stat st;
	char *buf;
	ssize_t n;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return read_stream_in(a, fd, S_ISSOCK(st.st_mode), max, ret);
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max && !MUTATE(T66))
		return -EFBIG;
	/* What grows meanwhile is cut where fstat saw the end; what shrinks ends earlier. */
	buf = arena_alloc(a, (size_t)st.st_size + 1, 1);
	n = fd_read_up_to(fd, buf, (size_t)st.st_size);
	if (n < 0)
		return n;
	buf[n] = '\0';
	*ret = buf;
	return n;
}
