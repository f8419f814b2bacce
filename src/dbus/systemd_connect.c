/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where systemd is spoken to.  Runs on the host. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbus/systemd_parts.h"
#include "util/clock.h"
#include "util/mem.h"

static bool nobody(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR;
}

static void place(struct dbus_place *p, const char *what, const char *dir, const char *name)
{
	*p = (struct dbus_place){.what = what};
	snprintf(p->path, sizeof(p->path), "%s%s", dir, name);
}

/* Where to look, first to last; the manager's own socket, which is no bus, is at index *ret_private. */
static int places(bool user, struct dbus_place p[2], size_t *ret_n, size_t *ret_private, struct error *err)
{
	const char *name = user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS";
	const char *address = getenv(name), *run = getenv("XDG_RUNTIME_DIR");
	char dir[256];

	*ret_n = 2;
	*ret_private = user ? 1 : geteuid() == 0 ? 0 : 2;
	if (address && *address) {
		*ret_n = 1;
		*ret_private = 1;
		p[0] = (struct dbus_place){.what = user ? "the user's bus" : "the system's bus"};
		return dbus_place_parse(address, name, p, err);
	}
	if (run && !*run)
		run = NULL;
	if (user) {
		snprintf(dir, sizeof(dir), "/run/user/%u", (unsigned)geteuid());
		if (run && run[0] != '/')
			return error_set(err, EINVAL, "XDG_RUNTIME_DIR is no absolute path: \"%s\"", run);
		place(&p[0], "the user's bus", run ? run : dir, "/bus");
		place(&p[1], "the user's service manager", run ? run : dir, "/systemd/private");
		return 0;
	}
	if (*ret_private == 0)
		place(&p[0], "systemd", "/run/systemd", "/private");
	place(&p[*ret_private == 0], "the system's bus", "/run/dbus", "/system_bus_socket");
	*ret_n = *ret_private == 0 ? 2 : 1;
	return 0;
}

static int no_manager(bool user, const struct dbus_place *p, size_t n, int r, struct error *err)
{
	error_errno(err, r, "no service manager answers at %s%s%s%s", p[0].abstract ? "@" : "", p[0].path,
		    n > 1 ? " or " : "", n > 1 ? p[1].path : "");
	if (user)
		return error_hint(err, "systemd --user and its bus, of Debian's package dbus-user-session, run while "
				  "the user is logged in, or after `loginctl enable-linger`; XDG_RUNTIME_DIR says "
				  "where");
	return error_hint(err, "is process 1 systemd?");
}

static int open_connection(bool user, int timeout_ms, struct dbus_connection **ret, struct error *err)
{
	int64_t deadline = clock_now_ms() + timeout_ms;
	struct dbus_place p[2];
	size_t n, private, i;
	int r = places(user, p, &n, &private, err);

	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		r = dbus_place_connect(&p[i], deadline, err);
		if (!nobody(r))
			break;
	}
	if (nobody(r))
		return no_manager(user, p, n, r, err);
	if (r < 0)
		return r;
	*ret = dbus_connection_new(r, &p[i], i != private, timeout_ms);
	return 0;
}

int systemd_connect(bool user, int timeout_ms, struct systemd **ret, struct error *err)
{
	struct dbus_connection *c;
	int r = open_connection(user, timeout_ms, &c, err);

	if (r < 0)
		return r;
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->c = c;
	(*ret)->user = user;
	(*ret)->timeout_ms = timeout_ms;
	return 0;
}

#define RECONNECTS_MAX 8

bool systemd_reconnect(struct systemd *s)
{
	struct dbus_connection *c;
	struct error ignored;

	while (s->reconnects < RECONNECTS_MAX) {
		poll(NULL, 0, 100 * (int)++s->reconnects);
		if (open_connection(s->user, s->timeout_ms < 1000 ? s->timeout_ms : 1000, &c, &ignored) < 0)
			continue;
		dbus_connection_free(s->c);
		s->c = c;
		free(s->unit);	/* nobody tells the new connection of its jobs */
		s->unit = NULL;
		return true;
	}
	return false;
}

void systemd_close(struct systemd *s)
{
	if (!s)
		return;
	systemd_forget_jobs(s);
	dbus_connection_free(s->c);
	free(s->unit);
	free(s);
}

const char *systemd_socket(const struct systemd *s)
{
	return dbus_connection_place(s->c)->path;
}
