/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces of a plan, and names, clocks and sysctls in them. */
#include "report/show.h"

#include <linux/sched.h>
#include <stdio.h>

#include "oci/linux.h"
#include "util/cleanup.h"
#include "util/str.h"

static const char *ns_name(uint64_t flag)
{
	for (size_t i = 0; i < n_namespace_names; i++)
		if (namespace_names[i].value == flag)
			return namespace_names[i].name;
	return "unknown";
}

/* Each at its place in the configuration, if it is there: a user namespace may be nobody's wish. */
static void show_new(struct steps *s, const struct plan *p, uint64_t flags)
{
	const struct oci_linux *l = &p->config->linux_;

	for (size_t i = 0; i < l->n_namespaces; i++) {
		char where[64];

		if (!(flags & l->namespaces[i].flag) || l->namespaces[i].path)
			continue;
		snprintf(where, sizeof(where), "/linux/namespaces/%zu", i);
		steps_one(s, "namespace", "new", l->namespaces[i].name, where);
	}
}

/* The lines of the file, with commas between. */
static void show_map(struct steps *s, const char *name, const char *map)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};

	strbuf_adds(&text, "");
	for (; map && *map; map++)
		if (*map != '\n')
			strbuf_add(&text, map, 1);
		else if (map[1])
			strbuf_adds(&text, ", ");
	steps_text(s, name, text.data);
}

static void show_maps(struct steps *s, const struct plan_ns *n)
{
	if (n->idmap == IDMAP_NONE)
		return;
	steps_begin(s, "id-map");
	steps_text(s, "by", n->idmap == IDMAP_HELPERS ? "newuidmap(1), newgidmap(1)" : "writing uid_map, gid_map");
	show_map(s, "uids", n->uid_map);
	show_map(s, "gids", n->gid_map);
	steps_flag(s, "setgroups-denied", n->deny_setgroups);
	steps_end(s, "/linux/uidMappings");
}

void show_namespaces(struct steps *s, const struct plan *p)
{
	const struct plan_ns *n = &p->ns;

	for (size_t i = 0; i < n->n_joins; i++) {
		steps_begin(s, "namespace");
		steps_text(s, "join", ns_name(n->joins[i].flag));
		steps_text(s, "path", n->joins[i].path);
		steps_end(s, n->joins[i].where);
	}
	show_new(s, p, n->create | n->unshare | (n->userns_first ? CLONE_NEWUSER : 0));
	show_maps(s, n);
	steps_one(s, "clocks", "offsets", n->time_offsets, "/linux/timeOffsets");
	for (size_t i = 0; i < n->n_net_devices; i++) {
		steps_begin(s, "net-device");
		steps_text(s, "move", n->net_devices[i].host_name);
		steps_text(s, "name", n->net_devices[i].name);
		steps_end(s, n->net_devices[i].where);
	}
}

void show_settings(struct steps *s, const struct plan *p)
{
	if (p->ns.loopback_up)
		steps_one(s, "net-device", "up", "lo", NULL);
	steps_one(s, "hostname", "name", p->ns.hostname, "/hostname");
	steps_one(s, "domainname", "name", p->ns.domainname, "/domainname");
}

void show_sysctls(struct steps *s, const struct plan *p)
{
	for (size_t i = 0; i < p->process.n_sysctls; i++) {
		steps_begin(s, "sysctl");
		steps_text(s, "file", p->process.sysctls[i].file);
		steps_text(s, "value", p->process.sysctls[i].value);
		steps_end(s, p->process.sysctls[i].where);
	}
}
