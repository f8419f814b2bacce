/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/dbus/peer.h"

#include <errno.h>
#include <signal.h>

#include "dbus/address.h"
#include "util/str.h"

static struct error err;

static void test_parse(void **state)
{
	static const struct {
		const char *text, *path;
		bool abstract;
	} rows[] = {
		{"unix:path=/run/user/1000/bus", "/run/user/1000/bus", false},
		{"unix:path=/run/user/1000/bus,guid=0123", "/run/user/1000/bus", false},
		{"unix:guid=0123,path=/x", "/x", false},
		{"unix:abstract=/tmp/dbus-x,guid=1", "/tmp/dbus-x", true},
		{"unix:path=/a%20b%2c%2C", "/a b,,", false},
		{"tcp:host=localhost,port=1;unix:path=/x", "/x", false},
		{"unix:path=/x;unix:path=/y", "/x", false},
	};
	static const char *const bad[] = {
		"", ";", "unix", "unix:", "unix:path", "unix:path=", "unix:path=x", "unix:abstract=", "unix:path=/%0",
		"unix:path=/%00", "unix:path=/%zz", "unix:path=/x,path=/y", "unix:tmpdir=/tmp", "unix:runtime=yes",
		"tcp:host=localhost,port=1", "autolaunch:", "unixexec:path=/bin/sh", "/run/bus",
	};
	struct dbus_place p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		p = (struct dbus_place){0};
		assert_int_equal(dbus_place_parse(rows[i].text, "NAME", &p, &err), 0);
		assert_string_equal(p.path, rows[i].path);
		assert_int_equal(p.abstract, rows[i].abstract);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		p = (struct dbus_place){0};
		assert_int_equal(dbus_place_parse(bad[i], "NAME", &p, &err), -EINVAL);
		assert_non_null(strstr(err.text, "NAME: \""));
	}
}

static int connect_to(const char *path, bool abstract)
{
	struct dbus_place at = {.what = "the bus", .abstract = abstract};
	int r;

	snprintf(at.path, sizeof(at.path), "%s", path);
	r = dbus_place_connect(&at, clock_now_ms() + 200, &err);
	if (r < 0)
		assert_non_null(strstr(err.text, path));
	else
		close(r);
	return r < 0 ? r : 0;
}

static void says(const char *text)
{
	if (!strstr(err.text, text))
		fail_msg("not \"%s\": %s", text, err.text);
}

static void test_sockets(void **state)
{
	struct peer_process pp;
	int fd = peer_listen(&pp, 5);
	char link[140];

	(void)state;
	assert_int_equal(connect_to(pp.path, false), 0);
	assert_int_equal(connect_to(pp.dir, false), -ENOTSOCK);
	says("is a directory, not the socket of the bus");
	snprintf(link, sizeof(link), "%s/link", pp.dir);
	assert_int_equal(symlink(pp.path, link), 0);
	assert_int_equal(connect_to(link, false), -ENOTSOCK);
	says("is a symbolic link, not");
	assert_int_equal(connect_to("/dev/null", false), -ENOTSOCK);
	says("is no socket, not");
	assert_int_equal(connect_to("/nowhere/bus", false), -ENOENT);
	unlink(link);
	if (geteuid() == 0) {
		assert_int_equal(chown(pp.path, 12345, 0), 0);
		assert_int_equal(connect_to(pp.path, false), -EPERM);
		says("belongs to user 12345, neither to root nor to user 0");
		assert_int_equal(chown(pp.path, 0, 0), 0);
	}
	close(fd);
	assert_int_equal(connect_to(pp.path, false), -ECONNREFUSED);
	unlink(pp.path);
	rmdir(pp.dir);
}

static int listen_abstract(const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sun.sun_path + 1, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void test_abstract(void **state)
{
	char name[64], longer[200];
	pid_t pid;
	int fd, pipe_fds[2];

	(void)state;
	snprintf(name, sizeof(name), "orlop-test-%d", (int)getpid());
	fd = listen_abstract(name);
	assert_int_equal(connect_to(name, true), 0);
	close(fd);
	assert_int_equal(connect_to(name, true), -ECONNREFUSED);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(connect_to(longer, true), -ENAMETOOLONG);
	if (geteuid() != 0)
		return;
	/* Everybody may take such a name. */
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	if (pid == 0) {
		if (setuid(12345) < 0)
			_exit(1);
		listen_abstract(name);
		if (write(pipe_fds[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipe_fds[0], longer, 1), 1);
	assert_int_equal(connect_to(name, true), -EPERM);
	says("belongs to user 12345");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* Its queue is full: EAGAIN. */
static void test_busy(void **state)
{
	struct dbus_place at = {.what = "the bus"};
	struct peer_process pp;
	int fd = peer_listen(&pp, 0), waiting[8], n = 0, r;
	int64_t begin;
	pid_t pid;

	(void)state;
	snprintf(at.path, sizeof(at.path), "%s", pp.path);
	while (n < 8 && (r = dbus_place_connect(&at, clock_now_ms() + 20, &err)) >= 0)
		waiting[n++] = r;
	assert_true(n >= 1 && n < 8);
	begin = clock_now_ms();
	assert_int_equal(connect_to(pp.path, false), -ETIMEDOUT);
	says("takes no more connections");
	assert_true(clock_now_ms() - begin >= 190 && clock_now_ms() - begin < 10000);
	/* It comes round. */
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		for (int i = 0; i < n; i++)
			accept(fd, NULL, NULL);
		_exit(0);
	}
	r = -ETIMEDOUT;
	for (int i = 0; r == -ETIMEDOUT && i < 20; i++)	/* the other process may have to wait for its turn */
		r = connect_to(pp.path, false);
	assert_int_equal(r, 0);
	waitpid(pid, NULL, 0);
	while (n > 0)
		close(waiting[--n]);
	close(fd);
	unlink(pp.path);
	rmdir(pp.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
