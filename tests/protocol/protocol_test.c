/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both halves of the conversation over a socketpair: every row, and what must be refused in each. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/protocol_receive.h"
#include "init/protocol_send.h"
#include "sys/syscalls.h"
#include "util/fd.h"
#include "util/log.h"

#define ALL_FLAGS 512u
#define NUMBER 7		/* of a descriptor in the child, whatever it is here */

struct pair {
	struct conversation p, c;
	struct error err;
};

static void open_pair(struct pair *t, unsigned flags)
{
	memset(t, 0, sizeof(*t));
	assert_int_equal(conversation_pair(flags, &t->p, &t->c, &t->err), 0);
	assert_int_equal(t->p.state, t->c.state);
}

static void close_pair(struct pair *t)
{
	if (t->p.fd >= 0)
		close(t->p.fd);
	if (t->c.fd >= 0)
		close(t->c.fd);
}

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static const struct conversation_row *row_at(enum conversation_state s)
{
	return s < CS_DONE ? &conversation_table[s] : NULL;
}

/* Exchange the message of the present row in good order. */
static void exchange(struct pair *t)
{
	const struct conversation_row *row = row_at(t->p.state);
	struct conversation *from = row->from_child ? &t->c : &t->p;
	struct conversation *to = row->from_child ? &t->p : &t->c;
	int fd = row->carries == CARRIES_FD ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
	int got = -1;

	assert_int_equal(conversation_send(from, row->message,
					   row->carries == CARRIES_NUMBER ? NUMBER : fd, &t->err), 0);
	if (row->message == MSG_CHILD_PID) {
		pid_t pid = 0;

		assert_int_equal(conversation_expect_pid(to, 1000, -1, &pid, &t->err), 0);
		assert_int_equal(pid, getpid());
	} else {
		assert_int_equal(conversation_expect(to, row->message, 1000, -1, &got, &t->err), 0);
	}
	assert_int_equal(got >= 0, row->carries != CARRIES_NOTHING);
	if (row->carries == CARRIES_NUMBER)
		assert_int_equal(got, NUMBER);
	if (row->carries == CARRIES_FD) {
		assert_int_equal(fcntl(got, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		close(got);
	}
	if (fd >= 0)
		close(fd);
	assert_int_equal(t->p.state, t->c.state);
}

/* Bring both to @state, with FILTER exchanged when @filter. */
static void walk_to(struct pair *t, enum conversation_state state, bool filter)
{
	if (filter && (t->p.flags & CONV_FILTER)) {
		assert_int_equal(conversation_send(&t->p, MSG_FILTER, -1, &t->err), 0);
		assert_int_equal(conversation_expect(&t->c, MSG_FILTER, 1000, -1, NULL, &t->err), 0);
	}
	while (t->p.state != state)
		exchange(t);
}

static void raw_send(int fd, uint32_t type, int with_fd)
{
	struct message m = {.magic = MESSAGE_MAGIC, .type = type};

	assert_int_equal(fd_send(fd, &m, sizeof(m), &with_fd, with_fd >= 0 ? 1 : 0), 0);
}

/* Receive at the present row whatever it is. */
static int take(struct conversation *c, struct error *err)
{
	const struct conversation_row *row = row_at(c->state);
	pid_t pid;
	int fd = -1, r;

	if (row->message == MSG_CHILD_PID)
		return conversation_expect_pid(c, 200, -1, &pid, err);
	r = conversation_expect(c, row->message, 200, -1, &fd, err);
	if (fd >= 0 && row->carries == CARRIES_FD)
		close(fd);
	return r;
}

/* ---- the table ---- */

static void test_table_shape(void **state)
{
	(void)state;
	assert_int_equal(conversation_table_len, CS_DONE);
	for (size_t i = 0; i < conversation_table_len; i++) {
		const struct conversation_row *row = &conversation_table[i];

		assert_int_equal(row->state, i);
		assert_int_equal(row->next, i + 1);
		assert_true(row->message != MSG_LOG && row->message != MSG_ERROR &&
			    row->message != MSG_FILTER);
	}
	assert_int_equal(conversation_start(CONV_IDMAP), CS_IDMAP);
	assert_int_equal(conversation_start(0), CS_READY);
	assert_int_equal(conversation_start(CONV_FILTER), CS_READY);
	assert_int_equal(conversation_start(CONV_CONSOLE), CS_CONSOLE);
	assert_int_equal(conversation_start(CONV_HOOKS), CS_ROOTFS);
	assert_int_equal(conversation_start(CONV_MAPS | CONV_HOOKS), CS_MAPS);
	assert_int_equal(conversation_start(CONV_LAUNCHER | CONV_MAPS), CS_LAUNCH);
	assert_int_equal(conversation_after(CS_MAPS, CONV_MAPS), CS_READY);
	assert_int_equal(conversation_start(CONV_FILTER | CONV_LISTENER), CS_LISTENER);
	assert_int_equal(conversation_start(CONV_FILTER | CONV_LISTENER_FD), CS_LISTENER_FD);
	assert_int_equal(conversation_after(CS_LISTENER, CONV_LISTENER), CS_TAKEN);
	assert_int_equal(conversation_after(CS_LISTENER_FD, CONV_LISTENER_FD), CS_TAKEN);
	assert_int_equal(conversation_after(CS_DONE, 0), CS_DONE);
}

/* Every set of optional rows, FILTER before each rung that it may precede. */
static void test_every_ladder(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < ALL_FLAGS; flags++) {
		for (unsigned when = CS_LAUNCH; when <= CS_READY; when++) {
			struct pair t;

			open_pair(&t, flags);
			while (t.p.state != CS_DONE) {
				bool late = t.p.state == CS_READY || t.p.state == CS_LISTENER ||
					    t.p.state == CS_LISTENER_FD;

				if ((flags & CONV_FILTER) && !t.p.filter_done &&
				    (t.p.state >= when || late))
					assert_int_equal(conversation_send(&t.p, MSG_FILTER, -1,
									   &t.err), 0);
				if (late && (flags & CONV_FILTER))
					assert_int_equal(conversation_expect(&t.c, MSG_FILTER, 1000,
									     -1, NULL, &t.err), 0);
				exchange(&t);
			}
			assert_int_equal(t.c.filter_done, !!(flags & CONV_FILTER));
			close(t.c.fd);
			t.c.fd = -1;
			assert_int_equal(conversation_expect_end(&t.p, 1000, -1, &t.err), 0);
			close_pair(&t);
		}
	}
}

/* As often as there are mounts, and then the next rung. */
static void test_idmaps(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 4; n++) {
		struct pair t;

		open_pair(&t, CONV_IDMAP | CONV_HOOKS);
		t.p.n_idmaps = t.c.n_idmaps = n;
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(t.p.state, CS_IDMAP);
			exchange(&t);
			assert_int_equal(t.c.state, CS_IDMAPPED);
			exchange(&t);
		}
		assert_int_equal(t.p.state, CS_ROOTFS);
		assert_int_equal(t.c.state, CS_ROOTFS);
		close_pair(&t);
	}
}

/* ---- one wrong message a row ---- */

/* In every state, every type that the row does not expect, from the side that should speak or not. */
static void test_wrong_message(void **state)
{
	(void)state;
	for (unsigned s = CS_LAUNCH; s < CS_DONE; s++) {
		for (uint32_t type = 0; type <= N_MSG_TYPES; type++) {
			const struct conversation_row *row = row_at(s);
			struct conversation *to, *from;
			struct pair t;

			if (type == row->message || (row->from_child && (type == MSG_LOG)))
				continue;
			open_pair(&t, ALL_FLAGS - 1);
			walk_to(&t, s, true);	/* so a second FILTER is wrong as well */
			to = row->from_child ? &t.p : &t.c;
			from = row->from_child ? &t.c : &t.p;
			raw_send(from->fd, type, -1);
			assert_int_equal(take(to, &t.err), -EPROTO);
			assert_int_equal(t.err.code, EPROTO);
			assert_int_equal(to->state, CS_FAILED);
			/* and nothing works after it */
			assert_int_equal(conversation_expect(to, row->message, 0, -1, NULL, &t.err),
					 -EPROTO);
			close_pair(&t);
		}
	}
}

/* The right message with a descriptor too many, or without the one that belongs to it. */
static void test_wrong_descriptor(void **state)
{
	(void)state;
	for (unsigned s = CS_LAUNCH; s < CS_DONE; s++) {
		const struct conversation_row *row = row_at(s);
		unsigned before = open_fds();
		struct pair t;

		open_pair(&t, ALL_FLAGS - 1);
		walk_to(&t, s, true);
		raw_send(row->from_child ? t.c.fd : t.p.fd, row->message,
			 row->carries == CARRIES_FD ? -1 : STDIN_FILENO);
		assert_int_equal(take(row->from_child ? &t.p : &t.c, &t.err), -EPROTO);
		close_pair(&t);
		assert_int_equal(open_fds(), before);
	}
}

/* A number where none belongs, and one that cannot be a descriptor's. */
static void test_wrong_number(void **state)
{
	(void)state;
	for (unsigned s = CS_LAUNCH; s < CS_DONE; s++) {
		const struct conversation_row *row = row_at(s);
		struct message m = {.magic = MESSAGE_MAGIC, .type = row->message, .number = 1};
		struct pair t;
		int fd = STDIN_FILENO;

		if (row->carries == CARRIES_NUMBER)
			m.number = 1u << 31;
		open_pair(&t, ALL_FLAGS - 1);
		walk_to(&t, s, true);
		assert_int_equal(fd_send(row->from_child ? t.c.fd : t.p.fd, &m, sizeof(m), &fd,
					 row->carries == CARRIES_FD), 0);
		assert_int_equal(take(row->from_child ? &t.p : &t.c, &t.err), -EPROTO);
		close_pair(&t);
	}
}

/* A message that is right by name, but sent by the side that must not. */
static void test_own_send_refused(void **state)
{
	(void)state;
	for (unsigned s = CS_LAUNCH; s < CS_DONE; s++) {
		for (unsigned type = MSG_MAPS_DONE; type < N_MSG_TYPES; type++) {
			for (int parent = 0; parent < 2; parent++) {
				const struct conversation_row *row = row_at(s);
				struct conversation *who;
				struct pair t;

				if (type == row->message && row->from_child == !parent)
					continue;
				open_pair(&t, ALL_FLAGS - 1);
				walk_to(&t, s, true);
				who = parent ? &t.p : &t.c;
				assert_int_equal(conversation_send(who, type, -1, &t.err), -EPROTO);
				assert_int_equal(who->state, CS_FAILED);
				/* nothing went out */
				assert_int_equal(fd_wait(parent ? t.c.fd : t.p.fd, POLLIN, 0), 0);
				close_pair(&t);
			}
		}
	}
}

static void test_wrong_wait_refused(void **state)
{
	(void)state;
	for (unsigned s = CS_LAUNCH; s <= CS_FAILED; s++) {
		for (unsigned type = MSG_MAPS_DONE; type < N_MSG_TYPES; type++) {
			const struct conversation_row *row = row_at(s);
			int fd = -1;
			struct pair t;

			if (row && type == row->message && row->from_child)
				continue;
			open_pair(&t, ALL_FLAGS - 1);
			if (s == CS_FAILED)
				t.p.state = CS_FAILED;
			else
				walk_to(&t, s, true);
			assert_int_equal(conversation_expect(&t.p, type, 0, -1, &fd, &t.err), -EPROTO);
			close_pair(&t);
		}
	}
}

/* ---- malformed ---- */

static void send_bytes(int fd, const void *data, size_t n)
{
	assert_int_equal(send(fd, data, n, MSG_NOSIGNAL), n);
}

static void expect_refused(struct pair *t, unsigned before)
{
	assert_int_equal(take(&t->p, &t->err), -EPROTO);
	assert_int_equal(t->p.state, CS_FAILED);
	close_pair(t);
	assert_int_equal(open_fds(), before);
}

static void test_magic_and_size(void **state)
{
	char big[sizeof(struct message) + 1] = {0};
	struct message m = {.magic = MESSAGE_MAGIC, .type = MSG_READY};
	unsigned before = open_fds();
	struct pair t;

	(void)state;
	memcpy(big, &m, sizeof(m));
	for (size_t n = 1; n < sizeof(m); n += n < 20 ? 1 : 97) {
		open_pair(&t, 0);
		send_bytes(t.c.fd, big, n);
		expect_refused(&t, before);
	}
	open_pair(&t, 0);
	send_bytes(t.c.fd, big, sizeof(big));
	expect_refused(&t, before);
	for (unsigned bit = 0; bit < 32; bit++) {
		open_pair(&t, 0);
		m.magic = MESSAGE_MAGIC ^ 1u << bit;
		send_bytes(t.c.fd, &m, sizeof(m));
		expect_refused(&t, before);
	}
	open_pair(&t, 0);	/* and the control: the same bytes are accepted */
	send_bytes(t.c.fd, big, sizeof(m));
	assert_int_equal(take(&t.p, &t.err), 0);
	close_pair(&t);
}

static void send_many_fds(int sock, uint32_t type, unsigned n)
{
	union {
		char buf[CMSG_SPACE(253 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct message m = {.magic = MESSAGE_MAGIC, .type = type};
	struct iovec iov = {&m, sizeof(m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			     .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (unsigned i = 0; i < n; i++)
		((int *)CMSG_DATA(c))[i] = STDIN_FILENO;
	assert_int_equal(sendmsg(sock, &msg, MSG_NOSIGNAL), sizeof(m));
}

static void test_many_descriptors(void **state)
{
	static const unsigned counts[] = {2, 3, 4, 253};
	unsigned before = open_fds();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pair t;

		open_pair(&t, CONV_CONSOLE);
		send_many_fds(t.c.fd, MSG_CONSOLE, counts[i]);
		expect_refused(&t, before);
		/* also where credentials share the buffer, and as an error or a warning */
		open_pair(&t, CONV_LAUNCHER);
		send_many_fds(t.c.fd, MSG_CHILD_PID, counts[i]);
		expect_refused(&t, before);
		open_pair(&t, 0);
		send_many_fds(t.c.fd, MSG_LOG, counts[i]);
		expect_refused(&t, before);
		open_pair(&t, 0);
		send_many_fds(t.c.fd, MSG_ERROR, counts[i]);
		expect_refused(&t, before);
	}
}

static void test_error_without_code(void **state)
{
	static const int codes[] = {0, -1, 4096, INT32_MIN};
	unsigned before = open_fds();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct message m = {.magic = MESSAGE_MAGIC, .type = MSG_ERROR, .error.code = codes[i]};
		struct pair t;

		open_pair(&t, 0);
		send_bytes(t.c.fd, &m, sizeof(m));
		expect_refused(&t, before);
	}
}

static void test_text_without_end(void **state)
{
	struct message m = {.magic = MESSAGE_MAGIC, .type = MSG_ERROR, .stage = 3};
	struct pair t;

	(void)state;
	memset(&m.error, 'x', sizeof(m.error));
	m.error.code = ENOENT;
	open_pair(&t, 0);
	send_bytes(t.c.fd, &m, sizeof(m));
	assert_int_equal(take(&t.p, &t.err), -ENOENT);
	assert_int_equal(strlen(t.err.text), ERROR_TEXT_MAX - 1);
	assert_int_equal(strlen(t.err.where), ERROR_WHERE_MAX - 1);
	assert_int_equal(t.p.stage, 3);
	close_pair(&t);
}

/* ---- LOG and ERROR ---- */

static unsigned n_logged;
static char last_logged[ERROR_TEXT_MAX];

static void count_log(void *ctx, enum log_level level, const char *text)
{
	(void)ctx;
	(void)level;
	n_logged++;
	snprintf(last_logged, sizeof(last_logged), "%s", text);
}

static void test_log_goes_on(void **state)
{
	struct pair t;

	(void)state;
	n_logged = 0;
	log_redirect(count_log, NULL);
	open_pair(&t, 0);
	conversation_send_log(&t.c, LOG_LEVEL_WARNING, "first");
	conversation_send_log(&t.c, LOG_LEVEL_WARNING, "100%s second");
	raw_send(t.c.fd, MSG_READY, -1);
	assert_int_equal(take(&t.p, &t.err), 0);
	assert_int_equal(n_logged, 2);
	assert_string_equal(last_logged, "100%s second");
	log_redirect(NULL, NULL);
	close_pair(&t);

	open_pair(&t, 0);	/* a level that does not exist */
	conversation_send_log(&t.c, LOG_LEVEL_DEBUG + 1, "x");
	assert_int_equal(take(&t.p, &t.err), -EPROTO);
	close_pair(&t);
}

static void test_log_flood(void **state)
{
	struct pair t;
	int r = 0;

	(void)state;
	log_redirect(count_log, NULL);
	open_pair(&t, 0);
	for (unsigned i = 0; i <= MESSAGE_MAX_LOGS; i++) {
		conversation_send_log(&t.c, LOG_LEVEL_WARNING, "again");
		r = conversation_expect(&t.p, MSG_READY, 0, -1, NULL, &t.err);
		assert_int_equal(r, i < MESSAGE_MAX_LOGS ? -ETIMEDOUT : -EPROTO);
	}
	log_redirect(NULL, NULL);
	close_pair(&t);
}

static void test_error_in_every_state(void **state)
{
	struct error e = {.code = EACCES, .where = "/mounts/3", .text = "mount /x: no"};

	(void)state;
	for (unsigned s = CS_LAUNCH; s <= CS_DONE; s++) {
		struct pair t;
		int r;

		if (s != CS_DONE && !row_at(s)->from_child)
			continue;	/* the parent's turn: see the next test */
		open_pair(&t, ALL_FLAGS - 1);
		walk_to(&t, s, true);
		conversation_send_error(&t.c, 7, &e);
		r = s == CS_DONE ? conversation_expect_end(&t.p, 1000, -1, &t.err) :
				   take(&t.p, &t.err);
		assert_int_equal(r, -EACCES);
		assert_string_equal(t.err.where, "/mounts/3");
		assert_string_equal(t.err.text, "mount /x: no");
		assert_int_equal(t.p.stage, 7);
		assert_int_equal(t.p.state, CS_FAILED);
		assert_int_equal(t.c.state, CS_FAILED);
		close_pair(&t);
	}
}

/* The child said why, and died, before the parent's turn: its words are found by the send. */
static void test_error_found_when_sending(void **state)
{
	static const enum conversation_state turns[] = {CS_MAPS, CS_HOOKS, CS_TAKEN, CS_PROCEED};
	struct error e = {.code = ENOSPC, .text = "last words"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (int unread = 0; unread < 2; unread++) {
			struct pair t;

			open_pair(&t, ALL_FLAGS - 1);
			walk_to(&t, turns[i], turns[i] >= CS_TAKEN);
			if (unread && turns[i] < CS_TAKEN)
				assert_int_equal(conversation_send(&t.p, MSG_FILTER, -1, &t.err), 0);
			conversation_send_error(&t.c, 1, &e);
			close(t.c.fd);
			t.c.fd = -1;
			assert_int_equal(conversation_send(&t.p, row_at(turns[i])->message, -1,
							   &t.err), -ENOSPC);
			assert_string_equal(t.err.text, "last words");
			close_pair(&t);
		}
	}
}

/* With a message of ours unread in its queue the kernel says ECONNRESET first. */
static void test_error_behind_reset(void **state)
{
	struct error e = {.code = ENOSPC, .text = "last words"};
	struct pair t;

	(void)state;
	open_pair(&t, CONV_FILTER);
	assert_int_equal(conversation_send(&t.p, MSG_FILTER, -1, &t.err), 0);
	conversation_send_error(&t.c, 1, &e);
	close(t.c.fd);
	t.c.fd = -1;
	assert_int_equal(take(&t.p, &t.err), -ENOSPC);
	assert_string_equal(t.err.text, "last words");
	close_pair(&t);

	open_pair(&t, CONV_FILTER);	/* and without words: end of file */
	assert_int_equal(conversation_send(&t.p, MSG_FILTER, -1, &t.err), 0);
	close(t.c.fd);
	t.c.fd = -1;
	t.err.code = 99;
	assert_int_equal(take(&t.p, &t.err), -EPIPE);
	assert_int_equal(t.err.code, 0);
	close_pair(&t);
}

/* ---- the end of one side ---- */

static void test_end_of_file(void **state)
{
	(void)state;
	for (unsigned s = CS_LAUNCH; s < CS_DONE; s++) {
		const struct conversation_row *row = row_at(s);
		struct conversation *to;
		struct pair t;

		open_pair(&t, ALL_FLAGS - 1);
		walk_to(&t, s, true);
		to = row->from_child ? &t.p : &t.c;
		if (row->from_child) {
			close(t.c.fd);
			t.c.fd = -1;
		} else {
			close(t.p.fd);
			t.p.fd = -1;
		}
		t.err.code = 99;
		assert_int_equal(take(to, &t.err), -EPIPE);
		assert_int_equal(t.err.code, 0);
		assert_int_equal(to->state, CS_FAILED);
		close_pair(&t);
	}
}

static void test_timeout(void **state)
{
	struct pair t;

	(void)state;
	open_pair(&t, 0);
	assert_int_equal(conversation_expect(&t.p, MSG_READY, 30, -1, NULL, &t.err), -ETIMEDOUT);
	raw_send(t.c.fd, MSG_READY, -1);	/* a late answer still counts */
	assert_int_equal(conversation_expect(&t.p, MSG_READY, 0, -1, NULL, &t.err), 0);
	close_pair(&t);
}

/* The child dies while somebody else holds its end: only the pidfd tells. */
static void test_death_with_held_socket(void **state)
{
	int status, pidfd;
	struct pair t;
	pid_t pid;

	(void)state;
	open_pair(&t, 0);
	pid = fork();
	if (pid == 0) {
		conversation_send_log(&t.c, LOG_LEVEL_DEBUG, "dying");
		_exit(0);
	}
	pidfd = sys_pidfd_open(pid, 0);
	assert_true(pidfd >= 0);
	t.err.code = 99;
	assert_int_equal(conversation_expect(&t.p, MSG_READY, 5000, pidfd, NULL, &t.err), -EPIPE);
	assert_int_equal(t.err.code, 0);
	assert_int_equal(t.p.logs, 1);	/* what it said was read first */
	waitpid(pid, &status, 0);
	close(pidfd);
	close_pair(&t);

	open_pair(&t, 0);	/* dead, but ready: the word counts */
	pid = fork();
	if (pid == 0) {
		raw_send(t.c.fd, MSG_READY, -1);
		_exit(0);
	}
	pidfd = sys_pidfd_open(pid, 0);
	assert_int_equal(fd_wait(pidfd, POLLIN, 5000), 1);
	assert_int_equal(conversation_expect(&t.p, MSG_READY, 5000, pidfd, NULL, &t.err), 0);
	waitpid(pid, &status, 0);
	close(pidfd);
	close_pair(&t);
}

/* ---- FILTER ---- */

static void test_filter_rules(void **state)
{
	struct pair t;

	(void)state;
	open_pair(&t, 0);	/* not in this plan */
	assert_int_equal(conversation_send(&t.p, MSG_FILTER, -1, &t.err), -EPROTO);
	close_pair(&t);
	open_pair(&t, 0);
	raw_send(t.p.fd, MSG_FILTER, -1);
	t.c.state = CS_PROCEED;
	assert_int_equal(take(&t.c, &t.err), -EPROTO);
	close_pair(&t);

	open_pair(&t, CONV_FILTER);	/* the child is not ready without it */
	assert_int_equal(conversation_send(&t.c, MSG_READY, -1, &t.err), -EPROTO);
	close_pair(&t);
	open_pair(&t, CONV_FILTER);	/* and the parent must not wait before it */
	assert_int_equal(conversation_expect(&t.p, MSG_READY, 0, -1, NULL, &t.err), -EPROTO);
	close_pair(&t);

	/* the same with the listener, which there cannot be without a filter */
	for (unsigned flag = CONV_LISTENER; flag <= CONV_LISTENER_FD; flag *= 2) {
		unsigned type = flag == CONV_LISTENER ? MSG_LISTENER : MSG_LISTENER_FD;
		int fd = -1;

		open_pair(&t, CONV_FILTER | flag);
		assert_int_equal(conversation_send(&t.c, type, STDIN_FILENO, &t.err), -EPROTO);
		assert_int_equal(conversation_expect(&t.p, type, 0, -1, &fd, &t.err), -EPROTO);
		close_pair(&t);
		open_pair(&t, CONV_FILTER | flag);	/* and not ready before the agent has it */
		walk_to(&t, CS_TAKEN, true);
		assert_int_equal(conversation_send(&t.c, MSG_READY, -1, &t.err), -EPROTO);
		close_pair(&t);
	}

	open_pair(&t, CONV_FILTER);	/* twice */
	assert_int_equal(conversation_send(&t.p, MSG_FILTER, -1, &t.err), 0);
	assert_int_equal(conversation_send(&t.p, MSG_FILTER, -1, &t.err), -EPROTO);
	close_pair(&t);

	open_pair(&t, CONV_FILTER | CONV_HOOKS);	/* before the answer that the child waits for */
	assert_int_equal(conversation_send(&t.c, MSG_ROOTFS_READY, -1, &t.err), 0);
	assert_int_equal(conversation_send(&t.p, MSG_FILTER, -1, &t.err), 0);
	assert_int_equal(take(&t.p, &t.err), 0);
	assert_int_equal(conversation_send(&t.p, MSG_HOOKS_DONE, -1, &t.err), 0);
	assert_int_equal(take(&t.c, &t.err), 0);
	assert_true(t.c.filter_done);
	/* asked for when it is there already: no waiting */
	assert_int_equal(conversation_expect(&t.c, MSG_FILTER, 0, -1, NULL, &t.err), 0);
	close_pair(&t);

	open_pair(&t, CONV_FILTER);	/* another message where only FILTER can come */
	raw_send(t.p.fd, MSG_PROCEED, -1);
	assert_int_equal(conversation_expect(&t.c, MSG_FILTER, 100, -1, NULL, &t.err), -EPROTO);
	close_pair(&t);
}

/* ---- CHILD_PID ---- */

static void test_pid_is_translated(void **state)
{
	pid_t child, grandchild = 0, told = 0;
	int status, word[2], go[2];
	struct pair t;

	(void)state;
	if (geteuid() != 0)
		skip();
	open_pair(&t, CONV_LAUNCHER);
	assert_int_equal(pipe(word) | pipe(go), 0);
	child = fork();
	if (child == 0) {	/* the launcher */
		pid_t pid;

		if (unshare(CLONE_NEWPID) < 0)
			_exit(1);
		pid = fork();
		if (pid == 0) {	/* the container process: 1 in its own eyes */
			if (getpid() != 1)
				_exit(2);
			_exit(conversation_send(&t.c, MSG_CHILD_PID, -1, &t.err) < 0 ||
			      read(go[0], &pid, 1) != 1);
		}
		if (write(word[1], &pid, sizeof(pid)) < 0)
			_exit(3);
		_exit(waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 4);
	}
	assert_int_equal(conversation_expect_pid(&t.p, 5000, -1, &grandchild, &t.err), 0);
	assert_int_equal(read(word[0], &told, sizeof(told)), sizeof(told));
	assert_int_equal(grandchild, told);
	assert_int_equal(write(go[1], "", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(word[0]);
	close(word[1]);
	close(go[0]);
	close(go[1]);
	close_pair(&t);
}

/* The other way round: a parent inside a pid namespace cannot see a sender outside. */
static void test_pid_invisible(void **state)
{
	struct pair t;
	pid_t child;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	open_pair(&t, CONV_LAUNCHER);
	assert_int_equal(conversation_send(&t.c, MSG_CHILD_PID, -1, &t.err), 0);
	child = fork();
	if (child == 0) {
		pid_t pid;

		if (unshare(CLONE_NEWPID) < 0)
			_exit(1);
		pid = fork();
		if (pid == 0) {
			pid_t got = -1;
			int r = conversation_expect_pid(&t.p, 1000, -1, &got, &t.err);

			_exit(r == -ESRCH && got == -1 && t.p.state == CS_FAILED ? 0 : 2);
		}
		_exit(waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close_pair(&t);
}

/* The parent never awaits anything for ever that comes from who may have been stopped. */
static void test_deadlines(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < ALL_FLAGS; flags++) {
		struct pair t;

		for (size_t i = 0; i < conversation_table_len; i++) {
			const struct conversation_row *row = &conversation_table[i];
			int fd = -1;
			pid_t pid;

			if (!row->from_child || (row->patience == UNTIL_HOOKS_ARE_DONE && flags & CONV_HOOKS))
				continue;
			open_pair(&t, flags);
			t.p.state = row->state;
			t.p.filter_done = true;
			assert_int_equal(row->message == MSG_CHILD_PID ?
					 conversation_expect_pid(&t.p, -1, -1, &pid, &t.err) :
					 conversation_expect(&t.p, row->message, -1, -1, &fd, &t.err), -EPROTO);
			assert_non_null(strstr(t.err.text, "deadline"));
			close_pair(&t);
		}
		open_pair(&t, flags);
		t.p.state = CS_DONE;
		assert_int_equal(conversation_expect_end(&t.p, -1, -1, &t.err), -EPROTO);
		close_pair(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_shape),
		cmocka_unit_test(test_every_ladder),
		cmocka_unit_test(test_idmaps),
		cmocka_unit_test(test_wrong_message),
		cmocka_unit_test(test_wrong_descriptor),
		cmocka_unit_test(test_wrong_number),
		cmocka_unit_test(test_own_send_refused),
		cmocka_unit_test(test_wrong_wait_refused),
		cmocka_unit_test(test_magic_and_size),
		cmocka_unit_test(test_many_descriptors),
		cmocka_unit_test(test_error_without_code),
		cmocka_unit_test(test_text_without_end),
		cmocka_unit_test(test_log_goes_on),
		cmocka_unit_test(test_log_flood),
		cmocka_unit_test(test_error_in_every_state),
		cmocka_unit_test(test_error_found_when_sending),
		cmocka_unit_test(test_error_behind_reset),
		cmocka_unit_test(test_end_of_file),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_death_with_held_socket),
		cmocka_unit_test(test_filter_rules),
		cmocka_unit_test(test_pid_is_translated),
		cmocka_unit_test(test_pid_invisible),
		cmocka_unit_test(test_deadlines),
	};

	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
