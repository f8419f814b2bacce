/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs on the host, before the plan is made. */
#include "launch/own_user_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "ns/helper.h"
#include "store/document.h"
#include "store/state.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

#define FILE_MAX (1u << 20)

/* The ranges of @owner, or of @name, in the lines "name:first:count" of @file. */
static void find_ranges(struct arena *a, const char *file, const char *owner, const char *name,
			struct oci_id_mappings *ret)
{
	_cleanup_free_ char *text = NULL;
	struct oci_id_mapping range;
	char *line, *rest;

	if (fd_read_regular(AT_FDCWD, file, FILE_MAX, &text) < 0)
		return;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		const char *who = strsep(&line, ":"), *first = strsep(&line, ":");

		if (!line || !(str_eq(who, owner) || (*name && str_eq(who, name))))
			continue;
		range = (struct oci_id_mapping){.container_id = 1};
		if (str_to_u32(first, &range.host_id) == 0 && str_to_u32(line, &range.size) == 0 && range.size > 0 &&
		    range.host_id > 0 && range.host_id <= UINT32_MAX - range.size)
			arena_push(a, ret->v, ret->n) = range;
	}
}

void own_ids_find(struct arena *a, uid_t uid, struct own_ids *ret)
{
	char owner[16], name[256];

	snprintf(owner, sizeof(owner), "%u", (unsigned)uid);
	state_owner_name(uid, name, sizeof(name));
	*ret = (struct own_ids){.helpers = ns_has_map_helpers()};
	if (ret->helpers)
		find_ranges(a, "/etc/subuid", owner, name, &ret->uids);
	if (ret->uids.n)
		find_ranges(a, "/etc/subgid", owner, name, &ret->gids);
}

static void map(struct arena *a, struct oci_id_mappings *ret, uint32_t own, const struct oci_id_mapping *range)
{
	arena_push(a, ret->v, ret->n) = (struct oci_id_mapping){.host_id = own, .size = 1};
	if (range)
		arena_push(a, ret->v, ret->n) = *range;
}

static bool maps(const struct oci_id_mappings *m, uint32_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (id >= m->v[i].container_id && id - m->v[i].container_id < m->v[i].size)
			return true;
	return false;
}

static int check(const struct oci_id_mappings *m, uint32_t id, const char *where, const char *file, struct error *err)
{
	if (maps(m, id))
		return 0;
	error_config(err, where, "%u is not mapped: an unprivileged caller has 0 in a user namespace, which is itself, "
		     "and from 1 on its ranges in %s", id, file);
	return error_hint(err, "give it a range there (usermod --add-subuids, --add-subgids; package uidmap)");
}

/*
 * The group of terminals that configurations for root have: nobody asked for a user namespace in which it would be
 * missing, and without it the terminals are of the container's group.
 */
static void leave_out_tty(struct oci_config *c, size_t index)
{
	struct strings *data = &c->mounts[index].options.data;
	size_t kept = 0;

	for (size_t i = 0; i < data->n; i++) {
		uint32_t gid;

		if (!str_starts(data->v[i], "gid=") || str_to_u32(data->v[i] + 4, &gid) < 0 ||
		    maps(&c->linux_.gid_mappings, gid))
			data->v[kept++] = data->v[i];
		else
			log_warning("/mounts/%zu/options: `%s` is left out: the user namespace that an unprivileged "
				    "caller gets has no group %u (`orlop spec --rootless` writes no such option)",
				    index, data->v[i], gid);
	}
	data->n = kept;
}

int own_user_ns(struct arena *a, struct oci_config *c, const struct facts *f, const struct own_ids *ids,
		struct error *err)
{
	struct oci_linux *l = &c->linux_;
	struct oci_namespace *all;
	struct own_ids found;
	bool ranges;
	int r = 0;

	/* Root without it was put so by somebody, and is told. */
	if (f->cap_sys_admin || (f->euid == 0 && f->in_initial_userns) || oci_find_namespace(c, CLONE_NEWUSER))
		return 0;
	if (!ids)
		own_ids_find(a, f->euid, &found);
	ids = ids ? ids : &found;
	ranges = ids->helpers && ids->uids.n > 0 && ids->gids.n > 0;
	map(a, &l->uid_mappings, f->euid, ranges ? &ids->uids.v[0] : NULL);
	map(a, &l->gid_mappings, f->egid, ranges ? &ids->gids.v[0] : NULL);
	all = arena_new_array(a, struct oci_namespace, l->n_namespaces + 1);
	if (l->n_namespaces)
		memcpy(all, l->namespaces, l->n_namespaces * sizeof(*all));
	all[l->n_namespaces++] = (struct oci_namespace){.flag = CLONE_NEWUSER, .name = "user"};
	l->namespaces = all;
	log_debug("without CAP_SYS_ADMIN the container gets a user namespace of its own, of %s",
		  ranges ? "the caller's ranges" : "the caller's id alone");
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].type && str_eq(c->mounts[i].type, "devpts") && !c->mounts[i].options.bind)
			leave_out_tty(c, i);
	if (c->process.present)
		r = check(&l->uid_mappings, c->process.user.uid, "/process/user/uid", "/etc/subuid", err);
	if (r == 0 && c->process.present)
		r = check(&l->gid_mappings, c->process.user.gid, "/process/user/gid", "/etc/subgid", err);
	return r;
}
