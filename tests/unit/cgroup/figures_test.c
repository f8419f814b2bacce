/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures of a cgroup, from files as the kernel writes them, and from text that it would never write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/figures.h"
#include "cgroup/figures_text.h"
#include "util/cleanup.h"
#include "util/fd.h"

static struct error err;

static void keys(void **state)
{
	struct {
		uint64_t a, ab;
	} v = {7, 7};
	static const struct figures_row rows[] = {{"a", 0}, {"ab", 8}};

	(void)state;
	figures_scan_keys("ab 1\na 18446744073709551615\n", rows, 2, &v);
	assert_true(v.a == UINT64_MAX && v.ab == 1);
	/* nothing of this is a number of ours */
	figures_scan_keys("a\nab \na -1\na 18446744073709551616\na 1x\nab  2\n\n\na\t3\nabc 4\n a 5\na 6 7", rows, 2,
			  &v);
	assert_true(v.a == UINT64_MAX && v.ab == 1);
	figures_scan_keys("", rows, 2, &v);
	figures_scan_keys("a 0", rows, 2, &v);
	assert_true(v.a == 0 && v.ab == 1);
}

static void all_keys(void **state)
{
	char text[] = "anon 1\nfile 2\nbad\nx y\n 5\nempty \nslab 3\nhuge 99999999999999999999";
	struct figures_key *v = NULL;
	size_t n = 0;

	(void)state;
	figures_scan_all(text, &v, &n);
	assert_int_equal(n, 3);
	assert_string_equal(v[0].name, "anon");
	assert_string_equal(v[2].name, "slab");
	assert_int_equal(v[2].value, 3);
	free(v);
}

static void limits(void **state)
{
	uint64_t v = 5;

	(void)state;
	assert_true(figures_scan_limit("max\n", &v) && v == FIGURE_MAX);
	assert_true(figures_scan_limit("max 100000\n", &v) && v == FIGURE_MAX);
	assert_true(figures_scan_limit("12 100000\n", &v) && v == 12);
	assert_true(figures_scan_limit("13", &v) && v == 13);
	assert_false(figures_scan_limit("", &v) || figures_scan_limit("maximum", &v) || figures_scan_limit("-1", &v) ||
		     figures_scan_limit("1k", &v) || figures_scan_limit("99999999999999999999", &v));
	assert_int_equal(v, 13);
}

static void pressure(void **state)
{
	struct figures_pressure p;

	(void)state;
	figures_scan_pressure("some avg10=1.05 avg60=0.00 avg300=100.00 total=123456789012\n"
			      "full avg10=0.50 avg60=12.34 avg300=0.01 total=7\n", &p);
	assert_true(p.known);
	assert_int_equal(p.some.avg10, 105);
	assert_int_equal(p.some.avg300, 10000);
	assert_int_equal(p.some.total_us, 123456789012);
	assert_int_equal(p.full.avg60, 1234);
	assert_int_equal(p.full.total_us, 7);
	figures_scan_pressure("some avg10=1.05 total=9\n", &p);		/* of a cpu, before Linux 5.13 */
	assert_true(p.known && p.full.total_us == 0 && p.some.total_us == 9);
	figures_scan_pressure("", &p);
	assert_false(p.known);
	figures_scan_pressure("somewhat avg10=1.00\nfull\nsome", &p);
	assert_false(p.known);
	figures_scan_pressure("some avg10= avg60=x.y avg300=99999999999 total=-1 what=1 =\n", &p);
	assert_true(p.known && !p.some.avg10 && !p.some.avg60 && !p.some.avg300 && !p.some.total_us);
}

static void devices(void **state)
{
	struct figures_device *v = NULL;
	size_t n = 0;

	(void)state;
	figures_scan_devices("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
			     "254:16 wbytes=9\n"
			     "254:32 \n"
			     "sda rbytes=7\n8: rbytes=1\n:0 rbytes=1\n8:0rbytes=1\n99999999999:1 rbytes=1\n\n"
			     "7:1 rbytes= wbytes=x rios=1\n", &v, &n);
	assert_int_equal(n, 4);
	assert_true(v[0].major == 8 && v[0].minor == 0 && v[0].read_bytes == 1 && v[0].write_bytes == 2 &&
		    v[0].reads == 3 && v[0].writes == 4);
	assert_true(v[1].major == 254 && v[1].minor == 16 && v[1].write_bytes == 9 && v[1].read_bytes == 0);
	assert_true(v[3].major == 7 && v[3].reads == 1);
	free(v);
}

/* ---- the reader, in a directory of files ---------------------------------------------------- */

static int make_dir(char *path)
{
	int fd;

	assert_non_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void put_all(int dir)
{
	put(dir, "cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\n"
			     "nr_periods 4\nnr_throttled 2\nthrottled_usec 9\n");
	put(dir, "cpu.max", "50000 100000\n");
	put(dir, "memory.current", "4096\n");
	put(dir, "memory.max", "max\n");
	put(dir, "memory.peak", "8192\n");
	put(dir, "memory.stat", "anon 1\nfile 2\ninactive_file 3\npgfault 4\n");
	put(dir, "memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n");
	put(dir, "memory.swap.current", "100\n");
	put(dir, "memory.swap.max", "200\n");
	put(dir, "pids.current", "3\n");
	put(dir, "pids.max", "10\n");
	put(dir, "io.stat", "8:0 rbytes=1\n8:16 rbytes=2\n");
	put(dir, "io.pressure", "some avg10=0.10 avg60=0.00 avg300=0.00 total=1\n");
}

static void remove_files(int dir, const char *path)
{
	static const char *const names[] = {
		"cpu.stat", "cpu.max", "memory.current", "memory.max", "memory.peak", "memory.stat", "memory.events",
		"memory.swap.current", "memory.swap.max", "pids.current", "pids.max", "io.stat", "io.pressure",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(dir, names[i], 0);
	assert_int_equal(rmdir(path), 0);
}

static void check_all(const struct cgroup_figures *f, bool all)
{
	assert_true(f->cpu.usage_us == 30 && f->cpu.system_us == 20 && f->cpu.throttled_us == 9);
	assert_true(f->cpu.quota_us == 50000 && f->cpu.period_us == 100000 && !f->cpu.pressure.known);
	assert_true(f->memory.known && f->memory.usage == 4096 && f->memory.limit == FIGURE_MAX);
	assert_true(f->memory.inactive_file == 3 && f->memory.oom_kills == 1 && f->memory.at_limit == 5);
	assert_int_equal(f->memory.n_stat, all ? 4 : 0);
	assert_int_equal(f->memory.peak, all ? 8192 : 0);
	assert_true(f->swap.known && f->swap.usage == 100 && f->swap.limit == 200);
	assert_true(f->pids.known && f->pids.current == 3 && f->pids.limit == 10);
	assert_true(f->io.known && f->io.n == 2 && f->io.v[1].read_bytes == 2 && f->io.pressure.some.avg10 == 10);
}

static void reads(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char path[] = "/tmp/figures-XXXXXX";
		int dir = make_dir(path);
		struct cgroup_reader *r = cgroup_reader_new(dup(dir), i & 1 ? FIGURES_ALL : FIGURES_LIVE, i & 2);
		struct cgroup_figures f = {0};

		put_all(dir);
		for (unsigned round = 0; round < 3; round++) {
			assert_int_equal(cgroup_read_figures(r, &f, &err), 0);
			check_all(&f, i & 1);
		}
		put(dir, "io.stat", "");
		put(dir, "cpu.stat", "usage_usec 31\n");
		assert_int_equal(cgroup_read_figures(r, &f, &err), 0);
		assert_true(f.io.n == 0 && f.cpu.usage_us == 31 && f.cpu.user_us == 0);
		cgroup_figures_free(&f);
		cgroup_reader_free(r);
		remove_files(dir, path);
		close(dir);
	}
}

/* Larger than the first buffer, larger than the last; a controller that goes; the cgroup is removed. */
static void extremes(void **state)
{
	char path[] = "/tmp/figures-XXXXXX";
	int dir = make_dir(path);
	struct cgroup_reader *r = cgroup_reader_new(dup(dir), FIGURES_ALL, false);
	struct cgroup_figures f = {0};
	size_t size = (2 << 20), at = 0;
	char *text = malloc(size);

	(void)state;
	put_all(dir);
	for (unsigned i = 0; i < 9999; i++)
		at += (size_t)snprintf(text + at, size - at, "8:%u rbytes=%u wbytes=0 rios=0 wios=0\n", i, i);
	put(dir, "io.stat", text);
	assert_int_equal(cgroup_read_figures(r, &f, &err), 0);
	assert_int_equal(f.io.n, 9999);
	assert_int_equal(f.io.v[9998].read_bytes, 9998);
	memset(text, ' ', size - 1);
	text[size - 1] = '\0';
	put(dir, "io.stat", text);
	assert_int_equal(cgroup_read_figures(r, &f, &err), -EFBIG);
	assert_non_null(strstr(err.text, "io.stat"));
	unlinkat(dir, "io.stat", 0);
	unlinkat(dir, "memory.current", 0);
	assert_int_equal(cgroup_read_figures(r, &f, &err), 0);
	assert_true(!f.io.known && f.io.n == 0 && !f.memory.known);
	unlinkat(dir, "cpu.stat", 0);
	assert_int_equal(cgroup_read_figures(r, &f, &err), -ENODEV);
	/* a directory that the container may have made under that name */
	assert_int_equal(mkdirat(dir, "cpu.stat", 0700), 0);
	assert_int_equal(cgroup_read_figures(r, &f, &err), -EISDIR);
	unlinkat(dir, "cpu.stat", AT_REMOVEDIR);
	cgroup_figures_free(&f);
	cgroup_reader_free(r);
	remove_files(dir, path);
	close(dir);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys), cmocka_unit_test(all_keys), cmocka_unit_test(limits),
		cmocka_unit_test(pressure), cmocka_unit_test(devices), cmocka_unit_test(reads),
		cmocka_unit_test(extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
