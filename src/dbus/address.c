/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of a bus, and who is there.  Runs on the host. */
#include "dbus/address.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/str.h"

/* ---- addresses ------------------------------------------------------------------------------ */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *p = strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c);

	return c && p ? (int)(p - digits) : -1;
}

/* "a%20b" to "a b". */
static bool unescape(const char *s, size_t n, char *out, size_t size)
{
	const char *end = s + n;

	while (s < end) {
		char c = *s++;

		if (c == '%') {
			if (end - s < 2 || hex_digit(s[0]) < 0 || hex_digit(s[1]) < 0)
				return false;
			c = (char)(hex_digit(s[0]) << 4 | hex_digit(s[1]));
			s += 2;
		}
		if (c == '\0' || size <= 1)
			return false;
		*out++ = c;
		size--;
	}
	*out = '\0';
	return true;
}

/* One address, "unix:path=/x,guid=0123". */
static bool parse_one(const char *s, size_t n, struct dbus_place *ret)
{
	const char *end = s + n;

	if (!str_starts(s, "unix:"))
		return false;
	ret->path[0] = '\0';
	for (s += strlen("unix:"); s < end;) {
		size_t len = strcspn(s, ",;"), key = strcspn(s, "=,;");
		bool path = key == 4 && memcmp(s, "path", 4) == 0;
		bool abstract = key == 8 && memcmp(s, "abstract", 8) == 0;

		if (s[key] != '=')
			return false;
		if (path || abstract) {
			if (*ret->path || !unescape(s + key + 1, len - key - 1, ret->path, sizeof(ret->path)))
				return false;
			ret->abstract = abstract;
		}
		s += len;
		s += s < end && *s == ',';
	}
	return ret->abstract ? *ret->path : ret->path[0] == '/';
}

int dbus_place_parse(const char *text, const char *name, struct dbus_place *ret, struct error *err)
{
	for (const char *s = text; *s;) {
		size_t n = strcspn(s, ";");

		if (parse_one(s, n, ret))
			return 0;
		s += n;
		s += *s == ';';
	}
	return error_set(err, EINVAL,
			 "%s: \"%s\" has no address of a socket that can be used (unix:path=/PATH or "
			 "unix:abstract=NAME)", name, text);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static bool is_trusted(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

static int check_file(const struct dbus_place *at, int fd, struct error *err)
{
	const char *kind = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at the socket of %s, %s", at->what, at->path);
	if (S_ISLNK(st.st_mode))
		kind = "a symbolic link";
	else if (S_ISDIR(st.st_mode))
		kind = "a directory";
	else if (!S_ISSOCK(st.st_mode))
		kind = "no socket";
	if (kind)
		return error_set(err, ENOTSOCK, "%s is %s, not the socket of %s", at->path, kind, at->what);
	if (!is_trusted(st.st_uid))
		return error_set(err, EPERM, "the socket of %s, %s, belongs to user %u, neither to root nor to user "
				 "%u, who we are", at->what, at->path, (unsigned)st.st_uid, (unsigned)geteuid());
	return 0;
}

static int check_listener(const struct dbus_place *at, int sock, struct error *err)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return error_errno(err, errno, "look who listens at the socket of %s, @%s", at->what, at->path);
	if (!is_trusted(who.uid))
		return error_set(err, EPERM, "the socket of %s, @%s, belongs to user %u, neither to root nor to user "
				 "%u, who we are", at->what, at->path, (unsigned)who.uid, (unsigned)geteuid());
	return 0;
}

/* EAGAIN: the queue of those who wait to be accepted is full; nothing tells when there is room. */
static int patient_connect(int sock, const struct sockaddr_un *sun, socklen_t n, int64_t deadline)
{
	for (int pause_ms = 1;; pause_ms += pause_ms < 64 ? pause_ms : 0) {
		int64_t left = deadline - clock_now_ms();

		if (connect(sock, (const struct sockaddr *)sun, n) == 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (left <= 0)
			return -ETIMEDOUT;
		poll(NULL, 0, pause_ms < left ? pause_ms : (int)left);
	}
}

int dbus_place_connect(const struct dbus_place *at, int64_t deadline, struct error *err)
{
	_cleanup_close_ int file = -1, sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(at->path);
	int r;

	if (sock < 0)
		return error_errno(err, errno, "make a socket");
	if (!at->abstract) {
		file = fd_openat(AT_FDCWD, at->path, O_PATH | O_NOFOLLOW, 0);
		if (file < 0)
			return error_errno(err, file, "connect to %s, %s", at->what, at->path);
		r = check_file(at, file, err);
		if (r < 0)
			return r;
		snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d", file);
		len = strlen(sun.sun_path);
	} else if (len < sizeof(sun.sun_path)) {
		memcpy(sun.sun_path + 1, at->path, len);
	} else {
		return error_set(err, ENAMETOOLONG, "the name of %s, @%s, is too long", at->what, at->path);
	}
	r = patient_connect(sock, &sun, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len), deadline);
	if (r == -ETIMEDOUT)
		return error_set(err, ETIMEDOUT, "%s, %s, takes no more connections: it is overloaded or hangs",
				 at->what, at->path);
	if (r < 0)
		return error_errno(err, r, "connect to %s, %s%s", at->what, at->abstract ? "@" : "", at->path);
	r = at->abstract ? check_listener(at, sock, err) : 0;
	return r < 0 ? r : steal_fd(&sock);
}
