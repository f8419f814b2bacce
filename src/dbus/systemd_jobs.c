/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs of systemd, which end after the call that made them was answered, or before.  Runs on the host. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/systemd_parts.h"
#include "util/cleanup.h"
#include "util/mem.h"

#define ENDED_MAX 32	/* that we keep; all are of one unit */

void systemd_forget_jobs(struct systemd *s)
{
	while (s->n_ended > 0) {
		struct job *j = &s->ended[--s->n_ended];

		free(j->path);
		free(j->result);
		free(j->sender);
	}
	free(s->ended);
	s->ended = NULL;
}

void systemd_on_signal(void *ctx, const struct dbus_message *m)
{
	struct systemd *s = ctx;
	struct dbus_reader body = m->body;
	const char *path, *unit, *result;

	if (!str_eq(m->interface, MANAGER) || !str_eq(m->member, "JobRemoved") || !str_eq(m->signature, "uoss"))
		return;
	dbus_get_u32(&body);
	path = dbus_get_path(&body);
	unit = dbus_get_string(&body);
	result = dbus_get_string(&body);
	if (body.failed || !s->unit || !str_eq(unit, s->unit) || s->n_ended == ENDED_MAX)
		return;
	s->ended = xrealloc(s->ended, s->n_ended + 1, sizeof(*s->ended));
	s->ended[s->n_ended++] = (struct job){xstrdup(path), xstrdup(result), xstrdup(m->sender)};
}

/* A bus tells us of the end of a job only if we ask for it; the manager itself tells everybody everything. */
void systemd_watch_jobs(struct systemd *s, const char *unit)
{
	_cleanup_(strbuf_free) struct strbuf body = {0}, rule = {0};
	struct dbus_call call = {
		.destination = "org.freedesktop.DBus",
		.path = "/org/freedesktop/DBus",
		.interface = "org.freedesktop.DBus",
		.member = "AddMatch",
		.signature = "s",
		.body = &body,
	};

	systemd_forget_jobs(s);
	if (s->unit && str_eq(s->unit, unit))
		return;
	free(s->unit);
	s->unit = xstrdup(unit);
	if (!dbus_is_bus(s->c))
		return;
	strbuf_adds(&rule, "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
		    "interface='" MANAGER "',member='JobRemoved'");
	if (!strchr(unit, '\''))
		strbuf_addf(&rule, ",arg2='%s'", unit);
	dbus_put_string(&body, rule.data);
	dbus_queue(s->c, &call);
}

static int job_failed(const char *tried, const char *unit, const char *result, struct error *err)
{
	static const struct name_value codes[] = {{"timeout", ETIMEDOUT}, {"canceled", ECANCELED}};
	const struct name_value *row = name_find(codes, ARRAY_SIZE(codes), result);

	return error_set(err, row ? (int)row->value : EIO,
			 "%s %s: systemd's job ended with \"%.64s\" (journalctl -u %s may say why)", tried, unit,
			 result, unit);
}

/* @job: in our own memory. @sender: who answered, and has to tell of the end. */
static int await_job(struct systemd *s, const char *job, const char *sender, const char *tried, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0;) {
		for (; i < s->n_ended; i++) {
			const struct job *j = &s->ended[i];

			if (!str_eq(j->path, job) || !str_eq(j->sender, sender))
				continue;
			return str_eq(j->result, "done") ? 0 : job_failed(tried, s->unit, j->result, err);
		}
		if (s->n_ended == ENDED_MAX) {
			systemd_forget_jobs(s);
			i = 0;
		}
		r = dbus_wait(s->c, systemd_on_signal, s, err);
	}
	return error_in(err, "%s %s: its job does not end", tried, s->unit);
}

/* The answer to a call that makes a job, and the end of that job. */
int systemd_take_job(struct systemd *s, const struct dbus_message *m, const char *tried, struct error *err)
{
	_cleanup_free_ char *job = NULL, *sender = NULL;
	struct dbus_reader body = m->body;

	if (!str_eq(m->signature, "o"))
		return dbus_connection_lies(s->c, "answers without a job", err);
	job = xstrdup(dbus_get_path(&body));
	sender = xstrdup(m->sender);
	dbus_set_deadline(s->c, s->job_ms);
	return await_job(s, job, sender, tried, err);
}
