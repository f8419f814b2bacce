/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors and files, on real ones in a temporary directory. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/fd.h"

static char dir_name[] = "/tmp/orlop-fd-test-XXXXXX";
static int dir;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir_name))
		return -1;
	dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"file", "fifo", "big", "atomic", "link", "sock", "dir"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (unlinkat(dir, names[i], 0) < 0)
			unlinkat(dir, names[i], AT_REMOVEDIR);
	close(dir);
	return rmdir(dir_name);
}

static void regular_files_only(void **state)
{
	char *text = NULL;
	int fd = fd_openat(dir, "file", O_CREAT | O_WRONLY, 0600);

	(void)state;
	assert_int_equal(fd_write_all(fd, "abc\0d", 5), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(fd_read_regular(dir, "file", 5, &text), 5);
	assert_int_equal(memcmp(text, "abc\0d", 6), 0);
	free(text);
	assert_int_equal(fd_read_regular(dir, "file", 4, &text), -EFBIG);
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	assert_int_equal(fd_read_regular(dir, "fifo", 100, &text), -EINVAL);	/* and does not hang */
	assert_int_equal(mkdirat(dir, "dir", 0700), 0);
	assert_int_equal(fd_read_regular(dir, "dir", 100, &text), -EISDIR);
	assert_int_equal(fd_read_regular(AT_FDCWD, "/dev/zero", 100, &text), -EINVAL);
	assert_int_equal(fd_read_regular(dir, "none", 100, &text), -ENOENT);
	fd = fd_openat(dir, "big", O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	close(fd);
	assert_int_equal(fd_read_regular(dir, "big", 1 << 20, &text), -EFBIG);
}

static void pseudo_files(void **state)
{
	char boot_id[37], small[4];

	(void)state;
	/* 36 characters and a newline: exactly as long as the buffer. */
	assert_int_equal(fd_read_pseudo(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot_id, 37), 36);
	assert_int_equal(strlen(boot_id), 36);
	assert_int_equal(fd_read_pseudo(AT_FDCWD, "/proc/self/status", small, 4), -E2BIG);
}

static void atomic_files(void **state)
{
	struct stat st;
	char *text = NULL;
	mode_t old = umask(0777);

	(void)state;
	assert_int_equal(symlinkat("file", dir, "link"), 0);
	assert_int_equal(fd_write_atomic(dir, "link", "new", 3, 0640), 0);
	umask(old);
	assert_int_equal(fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));	/* the link was replaced, not followed */
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fd_read_regular(dir, "file", 5, &text), 5);
	free(text);
	assert_int_equal(fd_write_atomic(dir, "none/x", "new", 3, 0640), -ENOENT);
}

static void descriptors_travel(void **state)
{
	int pair[2], sent[2] = {0, 1}, got[4];
	char buf[8];
	size_t n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fd_send(pair[0], "hi", 2, sent, 2), 0);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, 1, &n), 2);
	assert_int_equal(n, 1);	/* the surplus one was closed */
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(got[0] + 1, F_GETFD), -1);
	close(got[0]);
	assert_int_equal(fd_send(pair[0], "hi", 2, sent, 5), -EINVAL);
	close(pair[1]);
	assert_int_equal(fd_send(pair[0], "hi", 2, NULL, 0), -EPIPE);	/* and no SIGPIPE */
	close(pair[0]);
}

static void sockets_with_long_names(void **state)
{
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char path[400];

	(void)state;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/sock", dir_name);
	assert_int_equal(bind(server, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(server, 4), 0);
	snprintf(path, sizeof(path), "%s/%0200d/../sock", dir_name, 0);
	assert_int_equal(mkdirat(dir, "dir2", 0700), 0);
	for (size_t i = strlen(dir_name); i < 200; i += 2)
		memcpy(path + i, "/.", 2);
	strcpy(path + (strlen(dir_name) % 2 ? 201 : 200), "/sock");
	fd = fd_connect_unix(AT_FDCWD, path, SOCK_STREAM);
	assert_true(fd >= 0);
	close(fd);
	fd = fd_connect_unix(dir, "sock", SOCK_STREAM);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlinkat(dir, "dir2", AT_REMOVEDIR), 0);
	close(server);
	assert_int_equal(fd_connect_unix(dir, "sock", SOCK_STREAM), -ECONNREFUSED);
	assert_int_equal(fd_connect_unix(dir, "none", SOCK_STREAM), -ENOENT);
}

/* In a child, since descriptors are the test's own otherwise. */
static void closing(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		int low = dup2(0, 50), keep = dup2(0, 60), high = dup2(0, 70);
		int kept[] = {keep, -1, dup2(0, 61), dup2(0, 65), 3};
		bool right = fd_close_others(50, kept, 5) == 0 && fcntl(low, F_GETFD) < 0 &&
			     fcntl(high, F_GETFD) < 0 && fcntl(keep, F_GETFD) >= 0 &&
			     fcntl(61, F_GETFD) >= 0 && fcntl(65, F_GETFD) >= 0 &&
			     fd_close_others(50, NULL, 0) == 0 && fcntl(keep, F_GETFD) < 0;

		close(0);
		close(2);
		right = right && fd_sanitize_stdio() == 0 && fcntl(0, F_GETFD) == 0 &&
			fcntl(2, F_GETFD) == 0;
		_exit(right ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regular_files_only), cmocka_unit_test(pseudo_files),
		cmocka_unit_test(atomic_files), cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(sockets_with_long_names), cmocka_unit_test(closing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
