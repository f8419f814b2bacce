/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What whoever calls may use: ids, the state directory, the service managers. */
#include <string.h>

#include "dbus/systemd.h"
#include "report/doctor.h"
#include "store/store.h"
#include "util/cleanup.h"
#include "util/str.h"

#define ANSWER_MS 2000

static void look_at_ids(struct doctor *d, const char *id, const char *file, const struct oci_id_mappings *ranges)
{
	uint64_t n = 0;

	for (size_t i = 0; i < ranges->n; i++)
		n += ranges->v[i].size;
	if (doctor_has_power(d))
		doctor_ok(d, id, "not needed with privileges");
	else if (!d->host.ids.helpers)
		doctor_todo(d, id, "newuidmap(1) and newgidmap(1) are not there",
			    "install them (package uidmap or shadow)");
	else if (!ranges->n)
		doctor_todo(d, id, arena_printf(d->arena, "%s has no range of the caller", file),
			    "usermod --add-%ss 100000-165535 USER; without, a container has one user",
			    id + strlen("user."));
	else
		doctor_ok(d, id, "%llu ids in %s", (unsigned long long)n, file);
}

static void look_at_state(struct doctor *d)
{
	struct store *store = NULL;
	struct error err = {0};

	if (store_open(d->global->root, false, &store, &err) < 0)
		doctor_todo(d, "state.root", "containers cannot be kept", "%s", err.text);
	else
		doctor_ok(d, "state.root", "%s", store_path(store));
	store_close(store);
	doctor_need(d);
}

/* Connecting says nothing to them. */
static void look_at_manager(struct doctor *d, bool user, const char *id)
{
	_cleanup_(systemd_closep) struct systemd *s = NULL;
	struct error err = {0};

	if (!d->host.systemd)
		doctor_todo(d, id, "systemd does not run this machine", "only --systemd-cgroup needs it");
	else if (systemd_connect(user, ANSWER_MS, &s, &err) < 0)
		doctor_todo(d, id, "it cannot be reached", "%s", err.text);
	else
		doctor_ok(d, id, "%s", systemd_socket(s));
}

void doctor_caller(struct doctor *d)
{
	look_at_ids(d, "user.subuid", "/etc/subuid", &d->host.ids.uids);
	look_at_ids(d, "user.subgid", "/etc/subgid", &d->host.ids.gids);
	look_at_state(d);
	if (doctor_has_power(d))
		look_at_manager(d, false, "systemd.system");
	else
		look_at_manager(d, true, "systemd.user");
}
