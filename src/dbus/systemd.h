/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd's Manager interface, org.freedesktop.systemd1(5): units that are made, changed and stopped.  Nothing here
 * knows of containers.  Each function ends at a deadline; its error names the
 * socket and whose it is, or has systemd's own words, and then `where` of the property that they name.
 * A connection that is lost, as when systemd executes itself anew, is made again, and what was asked is asked again.
 */
#ifndef ORLOP_DBUS_SYSTEMD_H
#define ORLOP_DBUS_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

/*
 * A property of a unit.  Its value is GVariant text: "uint64 5", "'a.slice'", "[byte 0x03]",
 * "@a(ss) [('/dev/null', 'rwm')]", "true".  A name that ends in "Sec" behind a lower-case letter stands for the one in
 * "USec": its number, of any type, is seconds.  Of two of one name systemd takes the later.
 */
struct systemd_property {
	const char *name, *value;
	const char *where;	/* JSON pointer for errors, or "" or NULL */
	bool unsure;		/* the value's type is not from us, and may be wrong: systemd does not say of which */
};

struct systemd;		/* a connection to a service manager */

/*
 * Connect to the manager of the system or of the user.  Nothing is sent yet.
 *
 * System: $DBUS_SYSTEM_BUS_ADDRESS alone if it is set; else /run/systemd/private (root only), which is the manager
 * itself, or, when that is not there, the bus in /run/dbus.  User: $DBUS_SESSION_BUS_ADDRESS alone if it is set; else
 * `bus`, or `systemd/private`, in $XDG_RUNTIME_DIR (or /run/user/UID).  A socket must belong to root, or to us.
 *
 * @timeout_ms: for this, for the peer to let us in, and for each later function that has none of its own.  That of
 * those with a job is the job's; they wait for the answer that names the job at most 20 s.
 */
int systemd_connect(bool user, int timeout_ms, struct systemd **ret, struct error *err);
void systemd_close(struct systemd *s);		/* NULL is fine */
static inline void systemd_closep(struct systemd **s)
{
	systemd_close(*s);
}

/* The socket, for messages. */
const char *systemd_socket(const struct systemd *s);

/* Are the values ones that can be sent?  Needs no connection; an error names the property and has its `where`. */
int systemd_check_properties(const struct systemd_property *p, size_t n, struct error *err);

/*
 * StartTransientUnit, and the end of its job.  With a process in it: @pidfd (PIDFDs, systemd 255; an older manager
 * gets @pid), or @pid (PIDs) when @pidfd is -1; 0 and -1: none.  A failed unit of that name is reset first.
 * -EEXIST: there is a live one.  After any failure nothing is left of the unit.
 */
int systemd_start_unit(struct systemd *s, const char *unit, const struct systemd_property *p, size_t n, pid_t pid,
		       int pidfd, int timeout_ms, struct error *err);

/* SetUnitProperties until the unit ends (runtime). -ENOENT: there is no such unit. */
int systemd_set_properties(struct systemd *s, const char *unit, const struct systemd_property *p, size_t n,
			   struct error *err);

/* StopUnit and the end of its job.  No such unit: success. */
int systemd_stop_unit(struct systemd *s, const char *unit, int timeout_ms, struct error *err);

/* ResetFailedUnit.  No such unit: success. */
int systemd_reset_failed(struct systemd *s, const char *unit, struct error *err);

/* AttachProcessesToUnit.  @subgroup: "" or "/name" below the unit's cgroup. */
int systemd_attach(struct systemd *s, const char *unit, const char *subgroup, const pid_t *pids, size_t n,
		   struct error *err);

/* The cgroup that the manager's slices are below: "" for the system's.  *ret is malloc'ed. */
int systemd_control_group(struct systemd *s, char **ret, struct error *err);

/* The cgroup of a scope or slice, "" when there is no such unit or it has none yet.  *ret is malloc'ed. */
int systemd_unit_control_group(struct systemd *s, const char *unit, char **ret, struct error *err);

/* A property of a scope or slice whose type is t, as MemoryMax. */
int systemd_unit_number(struct systemd *s, const char *unit, const char *property, uint64_t *ret, struct error *err);

#endif
