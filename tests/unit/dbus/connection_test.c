/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/dbus/peer.h"

#include <errno.h>
#include <signal.h>

#include "util/str.h"

#define LONG_MS 10000	/* a busy machine takes its time */
#define SHORT_MS 300	/* for a peer that does not do what it should */

static struct error err;

/* ---- scripts -------------------------------------------------------------------------------- */

static void is_welcome(struct peer *p)
{
	peer_greets(p);
	peer_reads(p, "Hello");
	peer_answers(p, "s", ":1.7");
	peer_reads(p, "Ask");
}

static void answers(struct peer *p)
{
	is_welcome(p);
	peer_answers(p, "s", "yes");
	peer_reads(p, "Ask");
	peer_answers(p, "s", "no");
}

static void answers_byte_by_byte(struct peer *p)
{
	struct peer_message m = {.type = DBUS_METHOD_RETURN, .answers = 1, .signature = "s"};
	struct strbuf all = {0}, b;
	int on = 1;

	setsockopt(p->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	strbuf_adds(&all, "DATA\r\nOK 0123\r\nAGREE_UNIX_FD\r\n");
	dbus_put_string(&m.body, ":1.7");
	b = peer_bytes(p, &m);
	strbuf_add(&all, b.data, b.len);
	m.answers = 2;
	m.body.len = 0;
	dbus_put_string(&m.body, "yes");
	b = peer_bytes(p, &m);
	strbuf_add(&all, b.data, b.len);
	for (size_t i = 0; i < all.len; i++) {
		peer_write(p, all.data + i, 1);
		usleep(100);
	}
	pause();
}

/* Before anything is read: all is written at once. */
static void answers_late(struct peer *p)
{
	usleep(30000);
	peer_hears_hello(p);
	peer_reads(p, "Hello");
	peer_reads(p, "Ask");
	peer_says(p, "DATA\r\nOK 0123\r\nAGREE_UNIX_FD\r\n");
	peer_answers(p, "s", "yes");
}

static void answers_between_signals(struct peer *p)
{
	is_welcome(p);
	for (int i = 0; i < 100; i++)
		peer_ends_job(p, "/job", "some.scope", "done");
	peer_answers(p, "s", "yes");
}

/* A call of its own, and something sent with a descriptor. */
static void asks_back(struct peer *p)
{
	struct peer_message m = {.type = DBUS_METHOD_CALL, .path = "/", .member = "Ping"};
	struct strbuf b;

	is_welcome(p);
	b = peer_bytes(p, &m);
	EXPECT(fd_send(p->fd, b.data, b.len, &p->fd, 1) == 0);
	peer_answers(p, "s", "yes");
}

static const char *greeting;

static void greets_oddly(struct peer *p)
{
	peer_hears_hello(p);
	peer_says(p, greeting);
	pause();
}

static void is_silent(struct peer *p)
{
	(void)p;
	pause();
}

static void is_silent_later(struct peer *p)
{
	is_welcome(p);
	pause();
}

static void closes(struct peer *p)
{
	(void)p;
}

static void closes_later(struct peer *p)
{
	is_welcome(p);
}

static void floods(struct peer *p)
{
	is_welcome(p);
	for (;;)
		peer_ends_job(p, "/job", "some.scope", "done");
}

static void never_ends_a_line(struct peer *p)
{
	peer_hears_hello(p);
	for (;;)
		peer_says(p, "OK OK OK OK OK OK OK OK OK OK");
}

static void answers_another(struct peer *p)
{
	is_welcome(p);
	p->call_.serial = 99;
	peer_answers(p, "s", "yes");
	pause();
}

/* One byte of a good answer is another. */
static size_t place;
static unsigned char value;

static void answers_with_a_wrong_byte(struct peer *p)
{
	struct peer_message m = {.type = DBUS_METHOD_RETURN, .signature = "s"};
	struct strbuf b;

	is_welcome(p);
	m.answers = p->call->serial;
	dbus_put_string(&m.body, "yes");
	b = peer_bytes(p, &m);
	b.data[place < b.len ? place : b.len - 1] = (char)value;
	peer_write(p, b.data, b.len);
	pause();
}

/* ---- tests ---------------------------------------------------------------------------------- */

static int patience_ms = LONG_MS;

static struct dbus_connection *connected(struct peer_process *pp, peer_script *script)
{
	struct dbus_place at = {.what = "the bus"};
	int sock;

	err = (struct error){0};
	peer_start(pp, script);
	snprintf(at.path, sizeof(at.path), "%s", pp->path);
	sock = dbus_place_connect(&at, clock_now_ms() + patience_ms, &err);
	assert_true(sock >= 0);
	return dbus_connection_new(sock, &at, true, patience_ms);
}

static unsigned signals;

static void count(void *ctx, const struct dbus_message *m)
{
	(void)ctx;
	assert_int_equal(m->type, DBUS_SIGNAL);
	signals++;
}

static int ask(struct dbus_connection *c, char answer[16])
{
	struct dbus_call call = {.destination = "org.example", .path = "/", .member = "Ask"};
	struct dbus_message m;
	struct dbus_reader body;
	int r;

	dbus_set_deadline(c, patience_ms);
	r = dbus_call(c, &call, count, NULL, &m, &err);
	if (r < 0)
		return r;
	assert_string_equal(m.signature, "s");
	body = m.body;
	snprintf(answer, 16, "%s", dbus_get_string(&body));
	return 0;
}

static void end(struct dbus_connection *c, struct peer_process *pp)
{
	int status;

	dbus_connection_free(c);
	kill(pp->pid, SIGTERM);
	status = peer_end(pp);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		fail_msg("the peer did not like what it saw in line %d (we: %s)", WEXITSTATUS(status) - 1, err.text);
}

static void test_answers(void **state)
{
	static peer_script *const scripts[] = {answers, answers_byte_by_byte, answers_late, answers_between_signals,
					       asks_back};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct peer_process pp;
		struct dbus_connection *c = connected(&pp, scripts[i]);
		char answer[16] = "";
		int r = ask(c, answer);

		if (r < 0)
			fail_msg("script %zu: %s", i, err.text);
		assert_string_equal(answer, "yes");
		if (i == 0) {
			assert_int_equal(ask(c, answer), 0);
			assert_string_equal(answer, "no");
		}
		end(c, &pp);
	}
	assert_int_equal(signals, 100);
}

/* Each ends, at the latest at the deadline, with an error that names the socket and who listens there. */
static int refused(peer_script *script)
{
	struct peer_process pp;
	struct dbus_connection *c;
	int64_t begin = clock_now_ms();
	char answer[16], who[256];
	int r;

	patience_ms = SHORT_MS;
	c = connected(&pp, script);
	r = ask(c, answer);
	patience_ms = LONG_MS;

	assert_true(clock_now_ms() - begin < 20 * SHORT_MS);
	snprintf(who, sizeof(who), "the bus (socket %s, listened to by process %d of user %d) ", pp.path, (int)getpid(),
		 (int)getuid());
	if (strncmp(err.text, who, strlen(who)) != 0)
		fail_msg("%s", err.text);
	end(c, &pp);
	return r;
}

static void says(const char *text)
{
	if (!strstr(err.text, text))
		fail_msg("not \"%s\": %s", text, err.text);
}

static void test_not_let_in(void **state)
{
	static const struct {
		const char *greeting;
		int code;
		const char *text;
	} rows[] = {
		{"REJECTED EXTERNAL\r\n", EACCES, "does not let us in as user"},
		{"DATA\r\nREJECTED\r\n", EACCES, "it answers \"REJECTED\""},
		{"HTTP/1.1 400 Bad\r\n", EPROTO, "answers \"HTTP/1.1 400 Bad\", which is not the greeting"},
		{"\x1b[31m\r\n", EPROTO, "answers \"\x1b[31m\""},
		{"DATA\r\nOK 0123\r\nWHAT\r\n", EPROTO, "answers \"WHAT\""},
		{"OK 0123\n", EPROTO, "does not speak D-Bus"},
		{"DATA\r\n", ETIMEDOUT, "does not greet us within 0.3 s"},
		{"DATA\r\nOK 0123\r\n", ETIMEDOUT, "does not greet us within 0.3 s"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		greeting = rows[i].greeting;
		assert_int_equal(refused(greets_oddly), -rows[i].code);
		says(rows[i].text);
	}
	assert_int_equal(refused(never_ends_a_line), -EPROTO);
	says("does not speak D-Bus");
}

static void test_silence(void **state)
{
	(void)state;
	assert_int_equal(refused(is_silent), -ETIMEDOUT);
	says("does not greet us within 0.3 s");
	assert_int_equal(refused(is_silent_later), -ETIMEDOUT);
	says("does not answer within 0.3 s");
	assert_int_equal(refused(floods), -ETIMEDOUT);
	assert_int_equal(refused(closes), -ECONNRESET);
	says("closed the connection before it let us in");
	assert_int_equal(refused(closes_later), -ECONNRESET);
	says("closed the connection: was it restarted");
}

static void test_lies(void **state)
{
	static const struct {
		size_t place;
		unsigned char value;
		const char *text;
	} rows[] = {
		{0, DBUS_BYTE_ORDER == 'l' ? 'B' : 'l', "sends what is no message of D-Bus"},
		{1, 0, "sends what is no message of D-Bus"},
		{1, 9, "sends what is no message of D-Bus"},
		{3, 2, "sends what is no message of D-Bus"},
		{7, 0x10, "sends a message that is too long"},
		{15, 0x10, "sends a message that is too long"},
		{8, 0, "sends what is no message of D-Bus"},
		{SIZE_MAX, 'x', "sends what is no message of D-Bus"},	/* no NUL at the end */
	};

	(void)state;
	assert_int_equal(refused(answers_another), -EPROTO);
	says("answers what was not asked");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		place = rows[i].place;
		if (DBUS_BYTE_ORDER != 'l' && place >= 4 && place < 16)
			place &= ~3u;
		value = rows[i].value;
		assert_int_equal(refused(answers_with_a_wrong_byte), -EPROTO);
		says(rows[i].text);
	}
}

/* Whatever byte is another: an answer, or an error, and in time. */
static void test_any_byte(void **state)
{
	(void)state;
	patience_ms = SHORT_MS;
	for (place = 0; place < 100; place += 7) {
		struct peer_process pp;
		struct dbus_connection *c = connected(&pp, answers_with_a_wrong_byte);
		int64_t begin = clock_now_ms();
		char answer[16];

		value = (unsigned char)(place * 37);
		ask(c, answer);
		assert_true(clock_now_ms() - begin < 20 * SHORT_MS);
		end(c, &pp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_not_let_in),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_any_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
