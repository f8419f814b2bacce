/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "child.h"
#include "ns/ns.h"

static struct error err;

static short lo_flags(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK(ioctl(fd, SIOCGIFFLAGS, &req) == 0);
	close(fd);
	return req.ifr_flags;
}

static void loopback(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd;

	CHECK(unshare(CLONE_NEWNET) == 0);
	CHECK(!(lo_flags() & IFF_UP));
	CHECK(ns_loopback_up(&err) == 0);
	CHECK(lo_flags() & IFF_UP);
	/* the address belongs to us, so it can be taken and reached */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(listen(fd, 1) == 0);
	CHECK(ns_loopback_up(&err) == 0);
}

static void test_loopback(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_int_equal(in_child(loopback), 0);
}

static void loopback_refused(void)
{
	CHECK(unshare(CLONE_NEWNET) == 0);
	become_nobody();
	CHECK(ns_loopback_up(&err) == -EPERM);
	CHECK(strstr(err.text, "lo up"));
}

static void test_loopback_refused(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_int_equal(in_child(loopback_refused), 0);
}

static void names(void)
{
	struct plan_ns p = { .hostname = "box", .domainname = "example.org" };
	struct utsname before, u;

	CHECK(unshare(CLONE_NEWUTS) == 0);
	CHECK(ns_set_names(&p, &err) == 0);
	CHECK(uname(&u) == 0);
	CHECK(strcmp(u.nodename, "box") == 0 && strcmp(u.domainname, "example.org") == 0);

	p = (struct plan_ns){ .domainname = "other" };
	before = u;
	CHECK(ns_set_names(&p, &err) == 0);
	CHECK(uname(&u) == 0);
	CHECK(strcmp(u.nodename, before.nodename) == 0 && strcmp(u.domainname, "other") == 0);

	p = (struct plan_ns){0};
	CHECK(ns_set_names(&p, &err) == 0);
}

static void test_names(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_int_equal(in_child(names), 0);
}

static void name_too_long(void)
{
	char name[70];
	struct plan_ns p = { .hostname = name };

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK(unshare(CLONE_NEWUTS) == 0);
	CHECK(ns_set_names(&p, &err) == -EINVAL);
	CHECK(strcmp(err.where, "/hostname") == 0);
}

static void test_name_too_long(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_int_equal(in_child(name_too_long), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_loopback_refused),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
