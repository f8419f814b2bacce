/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files about systemd share. */
#ifndef ORLOP_DBUS_SYSTEMD_PARTS_H
#define ORLOP_DBUS_SYSTEMD_PARTS_H

#include "dbus/connection.h"
#include "dbus/systemd.h"

#define MANAGER "org.freedesktop.systemd1.Manager"

struct job {
	char *path, *result, *sender;
};

struct systemd {
	struct dbus_connection *c;
	bool user;
	int timeout_ms, job_ms;
	unsigned reconnects;
	char *unit;		/* whose jobs we listen to: */
	struct job *ended;
	size_t n_ended;
};

/* From now on hear of the ends of jobs of @unit. */
void systemd_watch_jobs(struct systemd *s, const char *unit);
/* Hears of them; for dbus_call, @ctx is the struct systemd. */
void systemd_on_signal(void *ctx, const struct dbus_message *m);
/* @m answers a call that makes a job: wait for its end.  @tried: the verb, for errors. */
int systemd_take_job(struct systemd *s, const struct dbus_message *m, const char *tried, struct error *err);
void systemd_forget_jobs(struct systemd *s);
/* The connection was lost (-ECONNRESET), as when systemd executes itself anew: another, so that all can be said again?
 * Only so often, within four seconds in all. */
bool systemd_reconnect(struct systemd *s);

#endif
