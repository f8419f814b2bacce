/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of network interfaces, from the kernel's text and from text with odd names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "ns/traffic.h"

#define HEADER "Inter-|   Receive                                                |  Transmit\n" \
	" face |bytes    packets errs drop fifo frame compressed multicast|" \
	"bytes    packets errs drop fifo colls carrier compressed\n"

static void scans(void **state)
{
	struct traffic t = {0};

	(void)state;
	traffic_scan(HEADER "    lo: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n"
		     "  eth0: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"
		     "e\033[1m\"\\:18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
		     "short: 1 2 3\n:1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n"
		     "much-too-long-a-name: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n", &t);
	assert_true(t.known);
	assert_int_equal(t.n, 2);
	assert_string_equal(t.v[0].name, "eth0");
	assert_true(t.v[0].in.bytes == 1 && t.v[0].in.packets == 2 && t.v[0].in.errors == 3 && t.v[0].in.dropped == 4);
	assert_true(t.v[0].out.bytes == 5 && t.v[0].out.packets == 6 && t.v[0].out.dropped == 8);
	assert_true(t.v[1].in.bytes == UINT64_MAX);
	traffic_scan("", &t);
	assert_true(t.known && t.n == 0);
	traffic_free(&t);
}

static void reads_ours(void **state)
{
	struct traffic t = {0};
	int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	traffic_read(proc, &t);
	assert_true(t.known);
	traffic_read(-1, &t);
	assert_false(t.known);
	traffic_free(&t);
	close(proc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(scans), cmocka_unit_test(reads_ours)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
