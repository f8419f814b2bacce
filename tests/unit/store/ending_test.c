/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a process ended: collected or not, in words, and kept. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"
#include "json/writer.h"
#include "store/ending.h"
#include "store/store.h"
#include "sys/probe.h"
#include "sys/syscalls.h"
#include "util/fd.h"
#include "util/str.h"

static struct fake f;
static struct arena *arena;
static char dir_path[128];

static int set_up(void **state)
{
	(void)state;
	fake_root(&f);
	arena = arena_new();
	assert_int_equal(store_create(f.store, "c", &f.dir, &f.err), 0);
	snprintf(dir_path, sizeof(dir_path), "%s/c", f.root);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	fake_clean(&f);
	return 0;
}

/* A child that ends by @sig, or with @status. */
static void begin(int sig, int status, int *ret_pidfd)
{
	f.pid = fork();
	if (f.pid == 0) {
		pause();
		_exit(1);
	}
	*ret_pidfd = sys_pidfd_open(f.pid, 0);
	assert_true(*ret_pidfd >= 0);
	assert_int_equal(state_identify(f.pid, *ret_pidfd, &f.st.init, &f.err), 0);
	if (sig) {
		assert_int_equal(sys_pidfd_send_signal(*ret_pidfd, sig, NULL, 0), 0);
		return;
	}
	sys_pidfd_send_signal(*ret_pidfd, SIGKILL, NULL, 0);
	assert_int_equal(waitpid(f.pid, NULL, 0), f.pid);
	close(*ret_pidfd);
	f.pid = fork();
	if (f.pid == 0)
		_exit(status);
	*ret_pidfd = sys_pidfd_open(f.pid, 0);
	f.st.init.pid = f.pid;
}

static void collect(void)
{
	assert_int_equal(waitpid(f.pid, NULL, 0), f.pid);
	f.pid = 0;
}

static void test_before_it_is_collected(void **state)
{
	int pidfd, proc, other, status = 0;

	(void)state;
	begin(0, 7, &pidfd);
	proc = state_open_proc(&f.st.init, pidfd);
	assert_true(proc >= 0);
	assert_int_equal(fd_wait(pidfd, POLLIN, 5000), 1);
	assert_int_equal(state_exit(pidfd, proc, &status), 0);
	assert_int_equal(status, 7 << 8);
	close(proc);
	close(pidfd);
	collect();

	begin(SIGKILL, 0, &pidfd);
	assert_int_equal(fd_wait(pidfd, POLLIN, 5000), 1);
	assert_int_equal(state_open_ended(&f.st.init, &other, &proc), 0);
	assert_int_equal(state_exit(other, proc, &status), 0);
	assert_int_equal(status, SIGKILL);
	/* Another one with that number. */
	if (f.st.init.pidfd_inode)
		f.st.init.pidfd_inode++;
	else
		f.st.init.start_time++;
	assert_int_equal(state_open_ended(&f.st.init, &(int){0}, &(int){0}), -ESRCH);
	collect();
	close(other);
	close(proc);
	close(pidfd);
}

static void test_while_it_lives(void **state)
{
	int pidfd, proc, status = 77;

	(void)state;
	begin(SIGWINCH, 0, &pidfd);
	proc = state_open_proc(&f.st.init, pidfd);
	assert_true(state_exit(pidfd, proc, &status) < 0);
	assert_int_equal(status, 77);
	sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	collect();
	assert_int_equal(state_open_proc(&f.st.init, pidfd), -ENOENT);
	close(pidfd);
	close(proc);
}

static void test_after_it_was_collected(void **state)
{
	struct ending e = {0};
	int pidfd, proc, status;

	(void)state;
	begin(SIGTERM, 0, &pidfd);
	proc = state_open_proc(&f.st.init, pidfd);
	collect();
	assert_int_equal(state_open_ended(&f.st.init, &(int){0}, &(int){0}), -ESRCH);
	ending_seen(&e, pidfd, proc);
	assert_true(e.time[0]);
	assert_int_equal(e.known, state_exit(pidfd, -1, &status) == 0);
	if (e.known)
		assert_int_equal(ending_code(&e), 128 + SIGTERM);
	else
		assert_true(kernel_is_older("6.15"));
	close(pidfd);
	close(proc);
}

static const char *written(const struct ending *e)
{
	static char text[512];
	struct json_writer w;
	char *t;
	size_t n;

	json_write_init(&w, false);
	ending_write(&w, e);
	t = json_write_finish(&w, &n);
	snprintf(text, sizeof(text), "%s", t);
	free(t);
	return text;
}

static void test_object(void **state)
{
	static const struct {
		struct ending e;
		const char *text;
	} table[] = {
		{{.known = false}, "{\"reason\":\"unknown\"}"},
		{{.oom_kills = 2}, "{\"reason\":\"unknown\",\"oomKills\":2}"},
		{{.known = true}, "{\"reason\":\"exited\",\"code\":0}"},
		{{.known = true, .wait_status = 137 << 8}, "{\"reason\":\"exited\",\"code\":137}"},
		{{.known = true, .wait_status = SIGKILL, .oom_kills = 1, .memory_max = 5, .memory_peak = 4},
		 "{\"reason\":\"oom\",\"code\":137,\"signal\":\"SIGKILL\",\"core\":false,\"oomKills\":1,"
		 "\"memoryMax\":5,\"memoryPeak\":4}"},
		{{.known = true, .wait_status = 137 << 8, .oom_kills = 1, .memory_max = UINT64_MAX},
		 "{\"reason\":\"oom\",\"code\":137,\"oomKills\":1}"},
		{{.known = true, .wait_status = SIGTERM, .oom_kills = 1},
		 "{\"reason\":\"signal\",\"code\":143,\"signal\":\"SIGTERM\",\"core\":false,\"oomKills\":1}"},
		{{.known = true, .wait_status = SIGSYS | 0x80, .time = "T"},
		 "{\"reason\":\"seccomp\",\"code\":159,\"signal\":\"SIGSYS\",\"core\":true,\"time\":\"T\"}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_string_equal(written(&table[i].e), table[i].text);
}

static void test_words_of_memory(void **state)
{
	static const struct {
		uint64_t max, peak;
		int status;
		const char *words;
	} table[] = {
		{64 << 20, 64 << 20, SIGKILL, "killed for want of memory: memory.max 64M, peak 64M"},
		{64 << 20, (64 << 20) - 4096, SIGKILL, "killed for want of memory: memory.max 64M, peak 63.9M"},
		{3ull << 29, 1023, SIGKILL, "killed for want of memory: memory.max 1.5G, peak 1023"},
		{UINT64_MAX, 1536, SIGKILL, "killed for want of memory: memory.max max, peak 1.5K"},
		{1ull << 60, 0, SIGKILL, "killed for want of memory: memory.max 1E"},
		{0, 1024, SIGKILL, "killed for want of memory: peak 1K"},
		{0, 0, 137 << 8, "a process in it was killed for want of memory"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct ending e = {
			.known = true, .wait_status = table[i].status, .oom_kills = 1, .memory_max = table[i].max,
			.memory_peak = table[i].peak,
		};
		char words[128];

		assert_true(ending_is_oom(&e));
		assert_string_equal(ending_oom_words(&e, words, sizeof(words)), table[i].words);
	}
}

static void test_kept(void **state)
{
	struct ending e = {.oom_kills = 3, .memory_max = UINT64_MAX, .memory_peak = 9}, back;
	struct stat st;

	(void)state;
	ending_load(arena, f.dir, &f.st, &back);
	assert_false(back.known);
	ending_of_status(&e, SIGSEGV | 0x80);
	assert_int_equal(ending_save(f.store, "c", f.dir, &e, &f.err), 0);
	assert_false(store_is_locked(f.dir));
	assert_int_equal(fstatat(f.dir, STORE_EXIT, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	ending_load(arena, f.dir, &f.st, &back);
	assert_memory_equal(&back, &e, sizeof(e));

	/* Of one that was deleted nothing is kept, whoever has its name now. */
	assert_int_equal(store_remove(f.store, "c", &f.err), 0);
	assert_int_equal(ending_save(f.store, "c", f.dir, &e, &f.err), 0);
	close(f.dir);
	assert_int_equal(store_create(f.store, "c", &f.dir, &f.err), 0);
	ending_load(arena, f.dir, &f.st, &back);
	assert_false(back.known);
}

#define REST ",\"oomKills\":0,\"memoryMax\":0,\"memoryPeak\":0}"
#define TIME ",\"time\":\"2026-01-31T23:59:59.123456789Z\""

/* What is damaged says nothing, and is no error. */
static void test_damaged(void **state)
{
	static const char *const table[] = {
		"", "7", "[]", "{}", "{\"waitStatus\":0}", "{\"waitStatus\":0" TIME "}",
		"{\"waitStatus\":65536" TIME REST, "{\"waitStatus\":-2" TIME REST, "{\"waitStatus\":\"0\"" TIME REST,
		"{\"waitStatus\":0,\"time\":\"now\"" REST, "{\"waitStatus\":0,\"time\":7" REST,
		"{\"waitStatus\":0" TIME ",\"oomKills\":-1,\"memoryMax\":0,\"memoryPeak\":0}",
		"{\"waitStatus\":0" TIME REST "{",
	};
	struct ending e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		fake_write(dir_path, STORE_EXIT, table[i]);
		ending_load(arena, f.dir, &f.st, &e);
		assert_false(e.known);
		assert_string_equal(e.time, "");
	}
	fake_write(dir_path, STORE_EXIT, "{\"waitStatus\":0" TIME REST);
	ending_load(arena, f.dir, &f.st, &e);
	assert_true(e.known);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_before_it_is_collected), TEST(test_while_it_lives), TEST(test_after_it_was_collected),
		TEST(test_object), TEST(test_words_of_memory), TEST(test_kept), TEST(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
