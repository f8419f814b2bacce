/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroup2, who holds its controllers, and what of it is delegated to the caller. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "cgroup/delegate.h"
#include "report/doctor.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = text; (s = strstr(s, word)); s += n)
		if ((s == text || s[-1] == ' ') && (s[n] == ' ' || s[n] == '\0'))
			return true;
	return false;
}

static void look_at_controller(struct doctor *d, int root, const char *there, const char *name)
{
	const char *id = arena_printf(d->arena, "cgroup.%s", name);

	if (has_word(there, name)) {
		doctor_ok(d, id, "in %s", d->host.cgroup_root);
		return;
	}
	switch (cgroup_why_absent(root, name)) {
	case CONTROLLER_OF_V1:
		doctor_todo(d, id, "cgroup v1 holds it", "boot with systemd.unified_cgroup_hierarchy=1, or with "
			    "cgroup_no_v1=%s to free this one", name);
		break;
	case CONTROLLER_OFF:
		doctor_todo(d, id, "it is switched off",
			    "remove cgroup_disable=%s from the kernel's command line; on some boards add "
			    "cgroup_enable=%s",
			    name, name);
		break;
	case CONTROLLER_KEPT:
		doctor_todo(d, id, "it is not passed on to this cgroup namespace",
			    "add it to cgroup.subtree_control above, on the host");
		break;
	case CONTROLLER_UNKNOWN:
		doctor_todo(d, id, "the kernel does not have it", "only limits of that kind need it");
		break;
	}
}

/* What systemd gives to users is in its manual, and what containers ask for in ours. */
static void look_at_delegation(struct doctor *d)
{
	static const char *const wanted[] = {"cpu", "cpuset", "io", "memory", "pids"};
	const struct facts *f = &d->host.facts;
	char missing[64] = "";

	if (doctor_has_power(d)) {
		doctor_ok(d, "cgroup.delegation", "not needed with privileges");
		return;
	}
	if (!f->cgroup_home[0] && access(f->cgroup_root, W_OK) < 0) {
		doctor_todo(d, "cgroup.delegation", "no cgroup is the caller's",
			    "log in with a session of systemd, or run in a unit with Delegate=yes (systemd-run "
			    "--user --scope -p Delegate=yes COMMAND); without, no limits can be had");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!host_has(&d->host.controllers, wanted[i]))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s", wanted[i]);
	if (missing[0])
		doctor_todo(d, "cgroup.delegation",
			    arena_printf(d->arena, "%s is the caller's, without%s",
					 f->cgroup_home[0] ? f->cgroup_home : "/", missing),
			    "/etc/systemd/system/user@.service.d/delegate.conf: [Service] Delegate=cpu cpuset io "
			    "memory pids");
	else
		doctor_ok(d, "cgroup.delegation", "%s is the caller's", f->cgroup_home[0] ? f->cgroup_home : "/");
}

static void look_at_borders(struct doctor *d)
{
	const struct plan_cgroup p = {.root = d->host.facts.cgroup_root, .delegation.where = ""};
	struct error err = {0};

	if (cgroup_check_confined(&p, &err) == 0)
		doctor_ok(d, "cgroup.nsdelegate", "on");
	else
		doctor_todo(d, "cgroup.nsdelegate", "off",
			    "only configurations with the annotation org.orlop.cgroup.delegate need it; in the host's "
			    "cgroup namespace: mount -o remount,nsdelegate %s", p.root);
}

void doctor_cgroup(struct doctor *d)
{
	const struct facts *f = &d->host.facts;
	_cleanup_close_ int root = -1;
	char there[512] = "";

	if (!f->cgroup_root[0]) {
		doctor_todo(d, "cgroup.mount", "cgroup2 is not mounted",
			    "mount -t cgroup2 cgroup2 /sys/fs/cgroup; or do without: --cgroup-manager disabled");
		return;
	}
	if (f->cgroup_hybrid)
		doctor_todo(d, "cgroup.mount", arena_printf(d->arena, "%s, beside cgroup v1", f->cgroup_root),
			    "boot with systemd.unified_cgroup_hierarchy=1 to have all controllers");
	else
		doctor_ok(d, "cgroup.mount", "%s", f->cgroup_root);
	look_at_borders(d);
	root = fd_openat(AT_FDCWD, f->cgroup_root, O_PATH | O_DIRECTORY, 0);
	if (fd_read_pseudo(root, "cgroup.controllers", there, sizeof(there)) < 0)
		there[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(cgroup_controller_names); i++)
		look_at_controller(d, root, there, cgroup_controller_names[i]);
	look_at_delegation(d);
}
