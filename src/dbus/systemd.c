/* SPDX-License-Identifier: GPL-2.0-or-later */
/* systemd's Manager over D-Bus: which socket, calls, and jobs that are waited for.  Runs on the host. */
#include "dbus/systemd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/connection.h"
#include "dbus/properties.h"
#include "dbus/systemd_parts.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/mem.h"

#define QUEUED_MS 5000		/* what was queued before systemd executed itself anew is done by then */
#define QUEUED_STEP_MS 50

#define ANSWER_MS 20000	/* while jobs may take longer */

/* ---- calls ---------------------------------------------------------------------------------- */

/* What we have a number for. */
static int code_of(const char *name)
{
	static const struct name_value codes[] = {
		{"org.freedesktop.systemd1.UnitExists", EEXIST},
		{"org.freedesktop.systemd1.NoSuchUnit", ENOENT},
		{"org.freedesktop.systemd1.TransactionJobsConflicting", EBUSY},
		{"org.freedesktop.DBus.Error.PropertyReadOnly", EROFS},
		{"org.freedesktop.DBus.Error.AccessDenied", EACCES},
		{"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", EACCES},
		{"org.freedesktop.DBus.Error.InvalidArgs", EINVAL},
		{"System.Error.ENXIO", EINVAL},
		{"org.freedesktop.DBus.Error.UnknownMethod", ENOSYS},
		{"org.freedesktop.DBus.Error.LimitsExceeded", EAGAIN},
		{"org.freedesktop.DBus.Error.NoReply", ECONNRESET},
		{"org.freedesktop.DBus.Error.Timeout", ETIMEDOUT},
		{"org.freedesktop.DBus.Error.ServiceUnknown", ENOTCONN},
		{"org.freedesktop.DBus.Error.NameHasNoOwner", ENOTCONN},
	};
	const struct name_value *row = name_find(codes, ARRAY_SIZE(codes), name);

	return row ? (int)row->value : EIO;
}

static bool is_error(const struct dbus_message *m, const char *name)
{
	return m->type == DBUS_ERROR && str_eq(m->error_name, name);
}

/* The peer's own words. */
static int told(const struct systemd *s, const struct dbus_message *m, const char *tried, const char *unit,
		struct error *err)
{
	struct dbus_reader body = m->body;
	const char *words = *m->signature == 's' ? dbus_get_string(&body) : "";
	const char *socket = systemd_socket(s);
	int code = code_of(m->error_name);

	error_set(err, code, "%s %s: %s answers: %.400s", tried, unit, dbus_connection_place(s->c)->what,
		  *words ? words : m->error_name);
	if (code == EACCES)
		error_hint(err, "socket %s: are these units ours?  A user's are of the user's own manager", socket);
	else if (str_eq(m->error_name, "org.freedesktop.DBus.Error.ServiceUnknown"))
		error_hint(err, "socket %s: there is a bus, but no systemd on it", socket);
	else if (code == EIO)
		error_hint(err, "%s, socket %s", m->error_name, socket);
	return -code;
}

static struct dbus_call manager_call(const char *member, const char *signature, const struct strbuf *body)
{
	return (struct dbus_call){
		.destination = "org.freedesktop.systemd1",
		.path = "/org/freedesktop/systemd1",
		.interface = MANAGER,
		.member = member,
		.signature = signature,
		.body = body,
	};
}

static int call(struct systemd *s, const struct dbus_call *c, const char *tried, const char *unit,
		struct dbus_message *ret, struct error *err)
{
	int r = dbus_call(s->c, c, systemd_on_signal, s, ret, err);

	return r < 0 ? error_in(err, "%s %s", tried, unit) : 0;
}

/* The rest of what is no name systemd says itself. */
static int check_unit(const char *unit, struct error *err)
{
	if (*unit && strlen(unit) < 256 && str_utf8_valid(unit, strlen(unit)))
		return 0;
	return error_set(err, EINVAL, "\"%.255s\" is no name of a unit", unit);
}

static int begin(struct systemd *s, const char *unit, int timeout_ms, struct error *err)
{
	s->job_ms = timeout_ms;
	dbus_set_deadline(s->c, timeout_ms < ANSWER_MS ? timeout_ms : ANSWER_MS);
	return check_unit(unit, err);
}

/* What failed is forgotten; no such unit, no failure. */
static int reset(struct systemd *s, const char *unit, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf body = {0};
	struct dbus_call c = manager_call("ResetFailedUnit", "s", &body);
	struct dbus_message m;
	int r;

	dbus_put_string(&body, unit);
	r = call(s, &c, "reset", unit, &m, err);
	if (r < 0 || m.type != DBUS_ERROR || is_error(&m, "org.freedesktop.systemd1.NoSuchUnit"))
		return r;
	return told(s, &m, "reset", unit, err);
}

/* ---- start ---------------------------------------------------------------------------------- */

struct start {
	const char *unit;
	const struct systemd_property *p;
	size_t n;
	pid_t pid;
	int pidfd;
};

static int put_start(struct strbuf *b, const struct start *q, struct error *err)
{
	size_t array;
	int r;

	dbus_put_string(b, q->unit);
	dbus_put_string(b, "fail");
	array = dbus_open_array(b, '(');
	r = properties_put(b, q->p, q->n, err);
	if (r < 0)
		return r;
	if (q->pidfd >= 0)
		properties_put_array(b, "PIDFDs", "ah", 0);
	else if (q->pid > 0)
		properties_put_array(b, "PIDs", "au", (uint32_t)q->pid);
	dbus_close_array(b, array, '(');
	array = dbus_open_array(b, '(');
	dbus_close_array(b, array, '(');
	return 0;
}

static int call_start(struct systemd *s, const struct start *q, struct dbus_message *ret, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf body = {0};
	struct dbus_call c = manager_call("StartTransientUnit", "ssa(sv)a(sa(sv))", &body);
	int r = put_start(&body, q, err);

	if (r < 0)
		return r;
	c.fds = &q->pidfd;
	c.n_fds = q->pidfd >= 0;
	return call(s, &c, "start", q->unit, ret, err);
}

/* Managers before 255 know no PIDFDs, and say so; and some peer may take no descriptors. */
static bool wants_pids(int r, const struct dbus_message *m)
{
	struct dbus_reader body;

	if (r == -EOPNOTSUPP)
		return true;
	if (r < 0 || !is_error(m, "org.freedesktop.DBus.Error.PropertyReadOnly") || *m->signature != 's')
		return false;
	body = m->body;
	return str_eq(dbus_get_string(&body), "Cannot set property PIDFDs, or unknown property.");
}

static int call_start_either_way(struct systemd *s, struct start *q, struct dbus_message *ret, struct error *err)
{
	int r = call_start(s, q, ret, err);

	if (q->pidfd < 0 || q->pid <= 0 || !wants_pids(r, ret))
		return r;
	q->pidfd = -1;
	return call_start(s, q, ret, err);
}

/* Without waiting: the peer has not answered in time, or its job has failed. */
static void clean_up(struct systemd *s, const char *unit)
{
	_cleanup_(strbuf_free) struct strbuf stop = {0}, reset = {0};
	struct dbus_call c = manager_call("StopUnit", "ss", &stop);

	dbus_put_string(&stop, unit);
	dbus_put_string(&stop, "replace");
	dbus_put_string(&reset, unit);
	c.no_reply = true;
	dbus_queue(s->c, &c);
	c = manager_call("ResetFailedUnit", "s", &reset);
	c.no_reply = true;
	dbus_queue(s->c, &c);
	dbus_flush(s->c);
}

/* A unit that has failed is still there, as one that the OOM killer ended; a live one is not touched. */
static int start_after_reset(struct systemd *s, struct start *q, struct dbus_message *m, struct error *err)
{
	int r = call_start_either_way(s, q, m, err);

	if (r < 0 || !is_error(m, "org.freedesktop.systemd1.UnitExists"))
		return r;
	r = reset(s, q->unit, err);
	return r < 0 ? r : call_start_either_way(s, q, m, err);
}

static int refused(struct systemd *s, const struct start *q, const struct dbus_message *m, struct error *err)
{
	struct dbus_reader body = m->body;
	int r = told(s, m, "start", q->unit, err);

	if (r == -EEXIST)
		return error_hint(err, "a unit of that name is alive or has a file: systemctl status %s", q->unit);
	if (*m->signature == 's')
		properties_blame(q->p, q->n, dbus_get_string(&body), err);
	return r;
}

static int start_once(struct systemd *s, struct start *q, int timeout_ms, struct error *err)
{
	int r = begin(s, q->unit, timeout_ms, err);
	struct dbus_message m;

	if (r < 0)
		return r;
	systemd_watch_jobs(s, q->unit);
	r = start_after_reset(s, q, &m, err);
	if (r < 0)
		return r;
	if (m.type == DBUS_ERROR)
		return refused(s, q, &m, err);
	r = systemd_take_job(s, &m, "start", err);
	if (r < 0 && r != -ECONNRESET)	/* it is ours, as there was a job */
		clean_up(s, q->unit);
	return r;
}

/* The object that answers @c; "" when there is none. */
static char *object_of(struct systemd *s, const struct dbus_call *c)
{
	struct error ignored;
	struct dbus_message m;
	struct dbus_reader body;

	if (dbus_call(s->c, c, systemd_on_signal, s, &m, &ignored) < 0 || !str_eq(m.signature, "o") ||
	    m.type != DBUS_METHOD_RETURN)
		return xstrdup("");
	body = m.body;
	return xstrdup(dbus_get_path(&body));
}

/* 1: the process is in the unit; 0: not yet, if ever; -1: one of them is not there. */
static int has_process(struct systemd *s, const struct start *q)
{
	_cleanup_(strbuf_free) struct strbuf name = {0}, pid = {0};
	struct dbus_call by_name = manager_call("GetUnit", "s", &name);
	struct dbus_call by_pid = manager_call("GetUnitByPID", "u", &pid);
	_cleanup_free_ char *named = NULL, *its = NULL;

	dbus_put_string(&name, q->unit);
	dbus_put_u32(&pid, (uint32_t)q->pid);
	named = object_of(s, &by_name);
	its = object_of(s, &by_pid);
	return *named && *its ? str_eq(named, its) : -1;
}

/* Was the unit started for the process, although we did not hear of it?  Its job may still be in the queue. */
static bool gets_process(struct systemd *s, const struct start *q)
{
	int64_t deadline = clock_now_ms() + QUEUED_MS;
	int r = has_process(s, q);

	while (r == 0 && clock_now_ms() < deadline) {
		poll(NULL, 0, QUEUED_STEP_MS);
		r = has_process(s, q);
	}
	return r > 0;
}

int systemd_start_unit(struct systemd *s, const char *unit, const struct systemd_property *p, size_t n, pid_t pid,
		       int pidfd, int timeout_ms, struct error *err)
{
	struct start q = {.unit = unit, .p = p, .n = n, .pid = pid, .pidfd = pidfd};
	int r = start_once(s, &q, timeout_ms, err);

	while (r == -ECONNRESET && systemd_reconnect(s)) {
		r = start_once(s, &q, timeout_ms, err);
		if (r == -EEXIST && q.pid > 0 && gets_process(s, &q))
			r = 0;
	}
	return r;
}

/* ---- other calls ---------------------------------------------------------------------------- */

int systemd_reset_failed(struct systemd *s, const char *unit, struct error *err)
{
	int r;

	do {
		r = begin(s, unit, s->timeout_ms, err);
		if (r == 0)
			r = reset(s, unit, err);
	} while (r == -ECONNRESET && systemd_reconnect(s));
	return r;
}

static int stop_once(struct systemd *s, const char *unit, int timeout_ms, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf body = {0};
	struct dbus_call c = manager_call("StopUnit", "ss", &body);
	int r = begin(s, unit, timeout_ms, err);
	struct dbus_message m;

	if (r < 0)
		return r;
	systemd_watch_jobs(s, unit);
	dbus_put_string(&body, unit);
	dbus_put_string(&body, "replace");
	r = call(s, &c, "stop", unit, &m, err);
	if (r < 0)
		return r;
	if (is_error(&m, "org.freedesktop.systemd1.NoSuchUnit"))
		return 0;
	return m.type == DBUS_ERROR ? told(s, &m, "stop", unit, err) : systemd_take_job(s, &m, "stop", err);
}

int systemd_stop_unit(struct systemd *s, const char *unit, int timeout_ms, struct error *err)
{
	int r;

	do
		r = stop_once(s, unit, timeout_ms, err);
	while (r == -ECONNRESET && systemd_reconnect(s));
	return r;
}

static int set_once(struct systemd *s, const char *unit, const struct systemd_property *p, size_t n, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf body = {0};
	struct dbus_call c = manager_call("SetUnitProperties", "sba(sv)", &body);
	int r = begin(s, unit, s->timeout_ms, err);
	struct dbus_reader words;
	struct dbus_message m;
	size_t array;

	if (r < 0)
		return r;
	dbus_put_string(&body, unit);
	dbus_put_u32(&body, true);	/* until it ends */
	array = dbus_open_array(&body, '(');
	r = properties_put(&body, p, n, err);
	if (r < 0)
		return r;
	dbus_close_array(&body, array, '(');
	r = call(s, &c, "set properties of", unit, &m, err);
	if (r < 0 || m.type != DBUS_ERROR)
		return r;
	r = told(s, &m, "set properties of", unit, err);
	words = m.body;
	if (*m.signature == 's' && r != -ENOENT)
		properties_blame(p, n, dbus_get_string(&words), err);
	return r;
}

int systemd_set_properties(struct systemd *s, const char *unit, const struct systemd_property *p, size_t n,
			   struct error *err)
{
	int r;

	do
		r = set_once(s, unit, p, n, err);
	while (r == -ECONNRESET && systemd_reconnect(s));
	return r;
}

int systemd_attach(struct systemd *s, const char *unit, const char *subgroup, const pid_t *pids, size_t n,
		   struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf body = {0};
	struct dbus_call c = manager_call("AttachProcessesToUnit", "ssau", &body);
	int r = begin(s, unit, s->timeout_ms, err);
	struct dbus_message m;
	size_t array;

	if (r < 0)
		return r;
	dbus_put_string(&body, unit);
	dbus_put_string(&body, subgroup);
	array = dbus_open_array(&body, 'u');
	for (size_t i = 0; i < n; i++)
		dbus_put_u32(&body, (uint32_t)pids[i]);
	dbus_close_array(&body, array, 'u');
	r = call(s, &c, "attach a process to", unit, &m, err);
	if (r < 0 || m.type != DBUS_ERROR)
		return r;
	return told(s, &m, "attach a process to", unit, err);
}

struct question {
	const char *path, *interface, *property, *type;
	const char *tried, *whose;	/* for errors: "ask for the cgroup of", a unit */
};

/* *ret_value is good until the next call. */
static int get_property(struct systemd *s, const struct question *q, struct dbus_reader *ret_value, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf body = {0};
	struct dbus_call c = {
		.destination = "org.freedesktop.systemd1",
		.path = q->path,
		.interface = "org.freedesktop.DBus.Properties",
		.member = "Get",
		.signature = "ss",
		.body = &body,
	};
	struct dbus_message m;
	const char *type;
	int r;

	dbus_set_deadline(s->c, s->timeout_ms);
	dbus_put_string(&body, q->interface);
	dbus_put_string(&body, q->property);
	r = call(s, &c, q->tried, q->whose, &m, err);
	if (r < 0)
		return r;
	if (m.type == DBUS_ERROR)
		return told(s, &m, q->tried, q->whose, err);
	*ret_value = m.body;
	type = str_eq(m.signature, "v") ? dbus_get_signature(ret_value) : "";
	return str_eq(type, q->type) ? 0 : dbus_connection_lies(s->c, "answers with a value of another type", err);
}

static int get_cgroup(struct systemd *s, const char *path, const char *interface, const char *whose, char **ret,
		      struct error *err)
{
	const struct question q = {path, interface, "ControlGroup", "s", "ask for the cgroup of", whose};
	struct dbus_reader value;
	int r = get_property(s, &q, &value, err);

	if (r == 0)
		*ret = xstrdup(dbus_get_string(&value));
	return r;
}

int systemd_control_group(struct systemd *s, char **ret, struct error *err)
{
	return get_cgroup(s, "/org/freedesktop/systemd1", MANAGER, "the service manager", ret, err);
}

/* What is no letter or digit is "_" and two digits. */
static char *unit_object(const char *unit)
{
	struct strbuf path = {0};

	strbuf_adds(&path, "/org/freedesktop/systemd1/unit/");
	for (const char *u = unit; *u; u++)
		strbuf_addf(&path, (*u >= 'a' && *u <= 'z') || (*u >= 'A' && *u <= 'Z') ||
			    (u > unit && *u >= '0' && *u <= '9') ? "%c" : "_%02x", (unsigned char)*u);
	return path.data;
}

static const char *unit_interface(const char *unit)
{
	return str_ends(unit, ".slice") ? "org.freedesktop.systemd1.Slice" : "org.freedesktop.systemd1.Scope";
}

int systemd_unit_control_group(struct systemd *s, const char *unit, char **ret, struct error *err)
{
	_cleanup_free_ char *path = unit_object(unit);
	int r = check_unit(unit, err);

	return r < 0 ? r : get_cgroup(s, path, unit_interface(unit), unit, ret, err);
}

int systemd_unit_number(struct systemd *s, const char *unit, const char *property, uint64_t *ret, struct error *err)
{
	_cleanup_free_ char *path = unit_object(unit);
	const struct question q = {path, unit_interface(unit), property, "t", "ask for a property of", unit};
	struct dbus_reader value;
	int r = check_unit(unit, err);

	if (r == 0)
		r = get_property(s, &q, &value, err);
	if (r == 0)
		*ret = dbus_get_u64(&value);
	return r;
}
