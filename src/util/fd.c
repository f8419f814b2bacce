/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors, files and sockets, for every process of ours. */
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/mem.h"

int fd_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(dirfd, path, flags | O_CLOEXEC | O_NOCTTY, mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

static bool is_closed(int fd)
{
	return fcntl(fd, F_GETFD) < 0;
}

int fd_sanitize_stdio(void)
{
	if (MUTATE(T38))
		return 0;
	while (is_closed(STDIN_FILENO) || is_closed(STDOUT_FILENO) || is_closed(STDERR_FILENO)) {
		int fd = fd_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);

		if (fd < 0)
			return fd;
		if (fcntl(fd, F_SETFD, 0) < 0)	/* 0-2 stay open for the container */
			return -errno;
	}
	return 0;
}

/* The size and, in *ret_fd, a descriptor. */
static ssize_t open_regular(int dirfd, const char *path, size_t max, int *ret_fd)
{
	_cleanup_close_ int fd = fd_openat(dirfd, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	*ret_fd = steal_fd(&fd);
	return (ssize_t)st.st_size;
}

ssize_t fd_read_up_to(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* What grows meanwhile is cut where fstat saw the end; what shrinks ends earlier. */
ssize_t fd_read_regular(int dirfd, const char *path, size_t max, char **ret)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *buf = NULL;
	ssize_t n = open_regular(dirfd, path, max, &fd);

	if (n < 0)
		return n;
	buf = xmalloc((size_t)n + 1);
	n = fd_read_up_to(fd, buf, (size_t)n);
	if (n < 0)
		return n;
	buf[n] = '\0';
	*ret = steal_ptr(buf);
	return n;
}

ssize_t fd_read_pseudo(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = fd_openat(dirfd, path, O_RDONLY, 0);
	ssize_t n = fd < 0 ? fd : fd_read_up_to(fd, buf, size);
	size_t len = (size_t)n;

	if (n < 0)
		return n;
	if (len == size) {	/* only the newline may be too much */
		char more;

		n = len == 0 || buf[len - 1] != '\n' ? 1 : fd_read_up_to(fd, &more, 1);
		if (n != 0)
			return n < 0 ? n : -E2BIG;
	}
	if (len > 0 && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return (ssize_t)len;
}

int fd_write_pseudo(int dirfd, const char *path, const char *data, size_t n)
{
	_cleanup_close_ int fd = fd_openat(dirfd, path, O_WRONLY, 0);
	ssize_t done;

	if (fd < 0)
		return fd;
	do
		done = write(fd, data, n);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return -errno;
	return (size_t)done == n ? 0 : -EIO;
}

int fd_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int fd_write_atomic(int dirfd, const char *name, const void *data, size_t n, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	char tmp[NAME_MAX + 1];
	int r;

	/* A hidden name with our pid: container ids cannot begin with a dot. */
	r = snprintf(tmp, sizeof(tmp), ".%s.%d", name, (int)getpid());
	if (r < 0 || (size_t)r >= sizeof(tmp))
		return -ENAMETOOLONG;
	fd = fd_openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
	if (fd == -EEXIST) {	/* left by a process with our pid that was killed */
		unlinkat(dirfd, tmp, 0);
		fd = fd_openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
	}
	if (fd < 0)
		return fd;
	r = fd_write_all(fd, data, n);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, tmp, 0);
	return r;
}

int fd_close_from(int from)
{
	return sys_close_range((unsigned)from, ~0u, 0);
}

int fd_close_others(int from, const int *keep, size_t n)
{
	for (;;) {
		int next = INT_MAX, r;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= from && keep[i] < next)
				next = keep[i];
		if (next == INT_MAX)
			return fd_close_from(from);
		r = next > from ? sys_close_range((unsigned)from, (unsigned)next - 1, 0) : 0;
		if (r < 0)
			return r;
		from = next + 1;
	}
}

#define FD_SEND_MAX 4

ssize_t fd_send_some(int sock, const void *data, size_t n, const int *fds, size_t nfds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * FD_SEND_MAX)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t done;

	if (nfds > FD_SEND_MAX)
		return -EINVAL;
	if (nfds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	do
		done = sendmsg(sock, &msg, MUTATE(T97) ? 0 : MSG_NOSIGNAL);
	while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : done;
}

int fd_send(int sock, const void *data, size_t n, const int *fds, size_t nfds)
{
	ssize_t done = fd_send_some(sock, data, n, fds, nfds);

	if (done < 0)
		return (int)done;
	return (size_t)done == n ? 0 : -EIO;
}

int fd_send_all(int sock, const void *data, size_t n, const int *fds, size_t nfds)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = fd_send_some(sock, p, n, fds, nfds);

		if (done < 0)
			return (int)done;
		p += done;
		n -= (size_t)done;
		nfds = 0;
	}
	return 0;
}

ssize_t fd_recv(int sock, void *data, size_t n, int *fds, size_t max_fds, size_t *ret_nfds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * FD_SEND_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = data, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	size_t got = 0;
	ssize_t len;

	do
		len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = sys_cmsg_next(&msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (got < max_fds)
				fds[got++] = fd;
			else
				close(fd);
		}
	}
	if (ret_nfds)
		*ret_nfds = got;
	return len;
}

static int connect_unix(const struct sockaddr_un *sun, int type)
{
	_cleanup_close_ int sock = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = MUTATE(T79) ? 0 : 10};

	if (sock < 0)
		return -errno;
	/* connect(2) blocks while the peer's backlog is full. */
	if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	if (connect(sock, (const struct sockaddr *)sun, sizeof(*sun)) < 0)
		return -errno;
	return steal_fd(&sock);
}

int fd_connect_unix(int dirfd, const char *path, int type)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	_cleanup_close_ int handle = -1;

	if (dirfd == AT_FDCWD && strlen(path) < sizeof(sun.sun_path)) {
		strcpy(sun.sun_path, path);
		return connect_unix(&sun, type);
	}
	/* sun_path holds 108 bytes, unix(7): go through a handle instead. */
	handle = fd_openat(dirfd, path, O_PATH, 0);
	return handle < 0 ? handle : fd_connect_handle(handle, type);
}

int fd_connect_handle(int handle, int type)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d", handle);
	return connect_unix(&sun, type);
}

int fd_wait(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int r;

	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}
