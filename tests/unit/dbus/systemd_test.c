/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/dbus/peer.h"

#include <errno.h>
#include <signal.h>

#include "dbus/systemd.h"
#include "sys/syscalls.h"
#include "util/str.h"

#define UNIT "box.scope"
#define JOB "/org/freedesktop/systemd1/job/42"
#define LONG_MS 10000	/* a busy machine takes its time */
#define SHORT_MS 400	/* for a peer that does not do what it should */

static struct error err;

/* ---- scripts -------------------------------------------------------------------------------- */

static void hears_of_us(struct peer *p)
{
	peer_greets(p);
	peer_reads(p, "Hello");
	peer_answers(p, "s", ":1.7");
}

static void is_watched(struct peer *p)
{
	struct dbus_reader body;
	const char *rule;

	hears_of_us(p);
	peer_reads(p, "AddMatch");
	body = p->call->body;
	rule = dbus_get_string(&body);
	EXPECT(strstr(rule, "member='JobRemoved'") && strstr(rule, "arg2='" UNIT "'"));
	peer_answers(p, NULL, NULL);
}

/* Properties of the call that was read, with the type of each. */
static const char *properties(struct peer *p, char *out, size_t size)
{
	struct dbus_reader r = p->call->body;
	size_t end, n = 0;

	EXPECT(str_eq(dbus_get_string(&r), UNIT));
	EXPECT(str_eq(dbus_get_string(&r), "fail"));
	end = dbus_get_array(&r, '(');
	out[0] = '\0';
	while (!r.failed && r.pos < end) {
		const char *name, *type;

		dbus_get_padding(&r, 8);
		name = dbus_get_string(&r);
		type = dbus_get_signature(&r);
		dbus_skip(&r, type);
		n += (size_t)snprintf(out + n, size - n, "%s:%s ", name, type);
	}
	EXPECT(!r.failed);
	return out;
}

static void starts(struct peer *p)
{
	char text[512];

	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	EXPECT(str_eq(p->call->signature, "ssa(sv)a(sa(sv))"));
	EXPECT(str_eq(properties(p, text, sizeof(text)), "Description:s TasksMax:t PIDs:au "));
	EXPECT(p->got_fd < 0);
	peer_ends_job(p, "/org/freedesktop/systemd1/job/41", UNIT, "failed");
	peer_ends_job(p, JOB, "other.scope", "failed");
	peer_answers(p, "o", JOB);
	peer_ends_job(p, "/org/freedesktop/systemd1/job/43", UNIT, "failed");
	peer_ends_job(p, JOB, UNIT, "done");
}

static void starts_before_it_answers(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	peer_ends_job(p, JOB, UNIT, "done");
	peer_answers(p, "o", JOB);
}

static void starts_with_descriptor(struct peer *p)
{
	char text[512];
	struct stat st;

	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	EXPECT(str_eq(properties(p, text, sizeof(text)), "Description:s TasksMax:t PIDFDs:ah "));
	EXPECT(p->got_fd >= 0 && fstat(p->got_fd, &st) == 0);
	EXPECT(sys_pidfd_send_signal(p->got_fd, 0, NULL, 0) == 0);
	peer_answers(p, "o", JOB);
	peer_ends_job(p, JOB, UNIT, "done");
}

static void is_too_old_for_descriptors(struct peer *p)
{
	char text[512];

	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	EXPECT(strstr(properties(p, text, sizeof(text)), "PIDFDs:ah"));
	peer_refuses(p, "org.freedesktop.DBus.Error.PropertyReadOnly",
		     "Cannot set property PIDFDs, or unknown property.");
	peer_reads(p, "StartTransientUnit");
	EXPECT(strstr(properties(p, text, sizeof(text)), "PIDs:au"));
	peer_answers(p, "o", JOB);
	peer_ends_job(p, JOB, UNIT, "done");
}

static void takes_no_descriptors(struct peer *p)
{
	char text[512];

	peer_hears_hello(p);
	peer_says(p, "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nERROR\r\n");
	peer_reads(p, "Hello");
	peer_answers(p, "s", ":1.7");
	peer_reads(p, "AddMatch");
	peer_reads(p, "StartTransientUnit");
	EXPECT(strstr(properties(p, text, sizeof(text)), "PIDs:au"));
	peer_answers(p, "o", JOB);
	peer_ends_job(p, JOB, UNIT, "done");
}

static void knows_no_foo(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	peer_refuses(p, "org.freedesktop.DBus.Error.PropertyReadOnly",
		     "Cannot set property TasksMax, or unknown property.");
}

static void says_no_more_than_no(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	peer_refuses(p, "System.Error.ENXIO", "Unexpected message contents");
}

static void had_it_failed(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	peer_refuses(p, "org.freedesktop.systemd1.UnitExists", "Unit " UNIT " was already loaded.");
	peer_reads(p, "ResetFailedUnit");
	peer_answers(p, NULL, NULL);
	peer_reads(p, "StartTransientUnit");
	peer_answers(p, "o", JOB);
	peer_ends_job(p, JOB, UNIT, "done");
}

static void has_it_alive(struct peer *p)
{
	char c;

	is_watched(p);
	for (int i = 0; i < 2; i++) {
		peer_reads(p, "StartTransientUnit");
		peer_refuses(p, "org.freedesktop.systemd1.UnitExists", "Unit " UNIT " was already loaded.");
		if (i)
			break;
		peer_reads(p, "ResetFailedUnit");
		peer_refuses(p, "org.freedesktop.systemd1.NoSuchUnit", "Unit " UNIT " not loaded.");
	}
	/* Above all, it is not stopped. */
	EXPECT(p->n == 0 && recv(p->fd, &c, 1, 0) == 0);
}

static bool its_process;

/* It had started the unit, and we did not hear of it. */
static void executes_itself_anew(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	peer_hangs_up(p);
	peer_hangs_up(p);
	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	peer_refuses(p, "org.freedesktop.systemd1.UnitExists", "Unit " UNIT " was already loaded.");
	peer_reads(p, "ResetFailedUnit");
	peer_answers(p, NULL, NULL);
	peer_reads(p, "StartTransientUnit");
	peer_refuses(p, "org.freedesktop.systemd1.UnitExists", "Unit " UNIT " was already loaded.");
	peer_reads(p, "GetUnit");
	peer_answers(p, "o", "/org/freedesktop/systemd1/unit/box");
	peer_reads(p, "GetUnitByPID");
	peer_answers(p, "o", "/org/freedesktop/systemd1/unit/session");	/* the job is in the queue */
	peer_reads(p, "GetUnit");
	peer_answers(p, "o", "/org/freedesktop/systemd1/unit/box");
	peer_reads(p, "GetUnitByPID");
	if (its_process)
		peer_answers(p, "o", "/org/freedesktop/systemd1/unit/box");
	else
		peer_refuses(p, "org.freedesktop.systemd1.NoUnitForPID", "PID 1 does not belong to any loaded unit.");
}

static void hangs_up_between(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StopUnit");
	peer_answers(p, "o", JOB);
	peer_hangs_up(p);
	is_watched(p);
	peer_reads(p, "StopUnit");
	peer_refuses(p, "org.freedesktop.systemd1.NoSuchUnit", "Unit " UNIT " not loaded.");
	peer_reads(p, "ResetFailedUnit");
	peer_hangs_up(p);
	hears_of_us(p);
	peer_reads(p, "ResetFailedUnit");
	peer_answers(p, NULL, NULL);
	peer_reads(p, "SetUnitProperties");
	/* Its bus has lost it, and speaks for it. */
	peer_refuses(p, "org.freedesktop.DBus.Error.NoReply", "Message recipient disconnected from message bus");
	peer_hangs_up(p);
	hears_of_us(p);
	peer_reads(p, "SetUnitProperties");
	peer_answers(p, NULL, NULL);
}

static const char *result;

static void ends_badly(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	peer_answers(p, "o", JOB);
	peer_ends_job(p, JOB, UNIT, result);
	/* Nothing is left of it. */
	peer_reads(p, "StopUnit");
	peer_reads(p, "ResetFailedUnit");
}

static void does_not_end(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	peer_answers(p, "o", JOB);
	peer_reads(p, "StopUnit");
	peer_reads(p, "ResetFailedUnit");
}

static void is_told_by_another(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	p->sender = ":1.99";
	peer_ends_job(p, JOB, UNIT, "done");
	p->sender = ":1.1";
	peer_answers(p, "o", JOB);
	p->sender = ":1.99";
	peer_ends_job(p, JOB, UNIT, "done");
	peer_reads(p, "StopUnit");
}

static void answers_with_a_number(struct peer *p)
{
	struct peer_message m = {.type = DBUS_METHOD_RETURN, .signature = "u"};

	is_watched(p);
	peer_reads(p, "StartTransientUnit");
	m.answers = p->call->serial;
	dbus_put_u32(&m.body, 1);
	peer_sends(p, &m);
}

static void is_full(struct peer *p)
{
	peer_greets(p);
	peer_reads(p, "Hello");
	peer_refuses(p, "org.freedesktop.DBus.Error.LimitsExceeded", "The maximum number of active connections");
	pause();
}

static void has_no_systemd(struct peer *p)
{
	hears_of_us(p);
	peer_reads(p, "SetUnitProperties");
	peer_refuses(p, "org.freedesktop.DBus.Error.ServiceUnknown", "The name was not provided");
}

static void stops(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StopUnit");
	peer_answers(p, "o", JOB);
	peer_ends_job(p, JOB, UNIT, "done");
	peer_reads(p, "ResetFailedUnit");
	peer_answers(p, NULL, NULL);
}

static void has_none(struct peer *p)
{
	is_watched(p);
	peer_reads(p, "StopUnit");
	peer_refuses(p, "org.freedesktop.systemd1.NoSuchUnit", "Unit " UNIT " not loaded.");
	peer_reads(p, "ResetFailedUnit");
	peer_refuses(p, "org.freedesktop.systemd1.NoSuchUnit", "Unit " UNIT " not loaded.");
	peer_reads(p, "SetUnitProperties");
	peer_refuses(p, "org.freedesktop.systemd1.NoSuchUnit", "Unit " UNIT " not loaded.");
}

static void tells_its_cgroup(struct peer *p)
{
	struct peer_message m = {.type = DBUS_METHOD_RETURN, .signature = "v"};

	hears_of_us(p);
	peer_reads(p, "Get");
	m.answers = p->call->serial;
	dbus_put_signature(&m.body, "s");
	dbus_put_string(&m.body, "/user.slice");
	peer_sends(p, &m);
	peer_reads(p, "AttachProcessesToUnit");
	EXPECT(str_eq(p->call->signature, "ssau"));
	peer_answers(p, NULL, NULL);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static int patience_ms = LONG_MS;

static struct systemd *connected(struct peer_process *pp, peer_script *script)
{
	struct systemd *s = NULL;

	err = (struct error){0};
	peer_start(pp, script);
	assert_int_equal(systemd_connect(false, patience_ms, &s, &err), 0);
	return s;
}

static const struct systemd_property some[] = {
	{.name = "Description", .value = "'a box'"},
	{.name = "TasksMax", .value = "uint64 5", .where = "/annotations/tasks", .unsure = true},
};

/* What it returns; the error is in err. */
static int start(peer_script *script, bool descriptor)
{
	int pidfd = descriptor ? sys_pidfd_open(getpid(), 0) : -1, r, status;
	struct peer_process pp;
	struct systemd *s = connected(&pp, script);

	r = systemd_start_unit(s, UNIT, some, 2, getpid(), pidfd, patience_ms, &err);
	systemd_close(s);
	if (pidfd >= 0)
		close(pidfd);
	status = peer_end(&pp);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		fail_msg("the peer did not like what it saw in line %d (we: %s)", WEXITSTATUS(status) - 1, err.text);
	return r;
}

static void test_start(void **state)
{
	(void)state;
	assert_int_equal(start(starts, false), 0);
	assert_int_equal(start(starts_before_it_answers, false), 0);
	assert_int_equal(start(starts_with_descriptor, true), 0);
	assert_int_equal(start(is_too_old_for_descriptors, true), 0);
	assert_int_equal(start(takes_no_descriptors, true), 0);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(start(knows_no_foo, true), -EROFS);
	assert_string_equal(err.where, "/annotations/tasks");
	assert_string_equal(err.text, "start box.scope: the system's bus answers: Cannot set property TasksMax, or "
			    "unknown property.");
	assert_int_equal(start(says_no_more_than_no, false), -EINVAL);
	assert_string_equal(err.where, "/annotations/tasks");
	assert_non_null(strstr(err.text, "answers: Unexpected message contents (which may mean the type of TasksMax)"));
}

static void test_exists(void **state)
{
	(void)state;
	assert_int_equal(start(had_it_failed, false), 0);
	assert_int_equal(start(has_it_alive, false), -EEXIST);
	assert_non_null(strstr(err.text, "systemctl status box.scope"));
}

static void test_connection_is_lost(void **state)
{
	struct peer_process pp;
	struct systemd *s;

	(void)state;
	its_process = true;
	assert_int_equal(start(executes_itself_anew, true), 0);
	its_process = false;
	assert_int_equal(start(executes_itself_anew, true), -EEXIST);
	s = connected(&pp, hangs_up_between);
	assert_int_equal(systemd_stop_unit(s, UNIT, patience_ms, &err), 0);
	assert_int_equal(systemd_reset_failed(s, UNIT, &err), 0);
	assert_int_equal(systemd_set_properties(s, UNIT, some, 2, &err), 0);
	systemd_close(s);
	assert_int_equal(peer_end(&pp), 0);
}

static void test_job_ends_badly(void **state)
{
	static const struct {
		const char *result;
		int code;
	} rows[] = {{"failed", EIO}, {"timeout", ETIMEDOUT}, {"canceled", ECANCELED}, {"what", EIO}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		result = rows[i].result;
		assert_int_equal(start(ends_badly, false), -rows[i].code);
		assert_non_null(strstr(err.text, "start box.scope: systemd's job ended with \""));
	}
}

static void test_job_does_not_end(void **state)
{
	(void)state;
	patience_ms = SHORT_MS;
	assert_int_equal(start(does_not_end, false), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "start box.scope: its job does not end: the system's bus (socket /tmp/"));
	assert_int_equal(start(is_told_by_another, false), -ETIMEDOUT);
	patience_ms = LONG_MS;
}

static void test_lies(void **state)
{
	(void)state;
	assert_int_equal(start(answers_with_a_number, false), -EPROTO);
	assert_non_null(strstr(err.text, "answers without a job"));
}

static void test_bus_says_no(void **state)
{
	struct peer_process pp;
	struct systemd *s = connected(&pp, is_full);

	(void)state;
	assert_int_equal(systemd_set_properties(s, UNIT, some, 2, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.text, "does not let us take part: The maximum number of active connections"));
	systemd_close(s);
	kill(pp.pid, SIGKILL);
	peer_end(&pp);
	s = connected(&pp, has_no_systemd);
	assert_int_equal(systemd_set_properties(s, UNIT, some, 2, &err), -ENOTCONN);
	assert_non_null(strstr(err.text, "no systemd on it"));
	systemd_close(s);
	assert_int_equal(peer_end(&pp), 0);
}

static void test_stop(void **state)
{
	struct peer_process pp;
	struct systemd *s = connected(&pp, stops);

	(void)state;
	assert_int_equal(systemd_stop_unit(s, UNIT, patience_ms, &err), 0);
	assert_int_equal(systemd_reset_failed(s, UNIT, &err), 0);
	systemd_close(s);
	assert_int_equal(peer_end(&pp), 0);
	s = connected(&pp, has_none);
	assert_int_equal(systemd_stop_unit(s, UNIT, patience_ms, &err), 0);
	assert_int_equal(systemd_reset_failed(s, UNIT, &err), 0);
	assert_int_equal(systemd_set_properties(s, UNIT, some, 2, &err), -ENOENT);
	assert_string_equal(err.where, "");
	systemd_close(s);
	assert_int_equal(peer_end(&pp), 0);
}

static void test_others(void **state)
{
	struct peer_process pp;
	struct systemd *s = connected(&pp, tells_its_cgroup);
	char *group = NULL;
	pid_t pid = getpid();

	(void)state;
	assert_int_equal(systemd_control_group(s, &group, &err), 0);
	assert_string_equal(group, "/user.slice");
	free(group);
	assert_int_equal(systemd_attach(s, UNIT, "/sub", &pid, 1, &err), 0);
	assert_int_equal(systemd_stop_unit(s, "", patience_ms, &err), -EINVAL);
	assert_int_equal(systemd_stop_unit(s, "a\xff.scope", patience_ms, &err), -EINVAL);
	systemd_close(s);
	assert_int_equal(peer_end(&pp), 0);
	systemd_close(NULL);
}

static void test_check(void **state)
{
	static const struct {
		const char *name, *value, *text;
	} bad[] = {
		{"Foo", "[1, 'a']", "systemd property Foo: \"[1, 'a']\" is no value in GVariant's text format: a value "
				    "of another type than those before it at byte 5"},
		{"Foo\n", "1", "\"Foo\n\" is no name of a property"},
		{"", "1", "\"\" is no name of a property"},
		{"TimeoutStopSec", "'5s'", "no number of seconds at byte 1"},
	};

	(void)state;
	assert_int_equal(systemd_check_properties(some, 2, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct systemd_property p = {bad[i].name, bad[i].value, "/annotations/x", false};

		assert_int_equal(systemd_check_properties(&p, 1, &err), -EINVAL);
		assert_non_null(strstr(err.text, bad[i].text));
		assert_string_equal(err.where, "/annotations/x");
	}
}

/* ---- which socket --------------------------------------------------------------------------- */

static void private_starts(struct peer *p)
{
	/* No Hello, no match; nothing behind the greeting before it is answered. */
	peer_hears_hello(p);
	usleep(20000);
	EXPECT(p->n == 0);
	peer_says(p, "OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n");
	p->sender = NULL;
	peer_reads(p, "StartTransientUnit");
	peer_answers(p, "o", JOB);
	peer_ends_job(p, JOB, UNIT, "done");
}

static void test_private_socket(void **state)
{
	struct peer_process pp;
	struct systemd *s = NULL;
	char place[128];

	(void)state;
	peer_start(&pp, private_starts);
	unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	setenv("XDG_RUNTIME_DIR", pp.dir, 1);
	snprintf(place, sizeof(place), "%s/systemd", pp.dir);
	assert_int_equal(mkdir(place, 0700), 0);
	strcat(place, "/private");
	assert_int_equal(rename(pp.path, place), 0);
	assert_int_equal(systemd_connect(true, patience_ms, &s, &err), 0);
	assert_string_equal(systemd_socket(s), place);
	assert_int_equal(systemd_start_unit(s, UNIT, some, 2, getpid(), -1, patience_ms, &err), 0);
	systemd_close(s);
	unlink(place);
	*strrchr(place, '/') = '\0';
	rmdir(place);
	assert_int_equal(peer_end(&pp), 0);
}

static void test_nobody(void **state)
{
	struct systemd *s = NULL;

	(void)state;
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	setenv("XDG_RUNTIME_DIR", "/nowhere", 1);
	assert_int_equal(systemd_connect(true, patience_ms, &s, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no service manager answers at /nowhere/bus or /nowhere/systemd/private: no "
			       "such file or directory"));
	assert_non_null(strstr(err.text, "enable-linger"));
	setenv("XDG_RUNTIME_DIR", "", 1);
	assert_true(systemd_connect(true, patience_ms, &s, &err) == 0 || strstr(err.text, " /run/user/"));
	systemd_close(s);
	s = NULL;
	setenv("XDG_RUNTIME_DIR", "here", 1);
	assert_int_equal(systemd_connect(true, patience_ms, &s, &err), -EINVAL);
	setenv("DBUS_SESSION_BUS_ADDRESS", "tcp:host=example.org", 1);
	assert_int_equal(systemd_connect(true, patience_ms, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "DBUS_SESSION_BUS_ADDRESS: \"tcp:host=example.org\""));
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/at%20all", 1);
	assert_int_equal(systemd_connect(false, patience_ms, &s, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/at all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_exists),
		cmocka_unit_test(test_connection_is_lost),
		cmocka_unit_test(test_job_ends_badly),
		cmocka_unit_test(test_job_does_not_end),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_bus_says_no),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_private_socket),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
