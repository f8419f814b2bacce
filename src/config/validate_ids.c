/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User namespace mappings and the ids that must be inside them (user_namespaces(7)). */
#include <errno.h>
#include <linux/sched.h>
#include <sys/stat.h>

#include "config/validate_parts.h"
#include "sys/mutate.h"

#define MAX_EXTENTS 340		/* UID_GID_MAP_MAX_EXTENTS, 4.15 */

/* Do the ranges of @size ids from @a and from @b meet? */
static bool overlap(uint32_t a, uint32_t size_a, uint32_t b, uint32_t size_b)
{
	return !MUTATE(T83) && a < (uint64_t)b + size_b && b < (uint64_t)a + size_a;
}

static int check_extent(const struct oci_id_mappings *m, size_t i, const char *where,
			struct error *err)
{
	const struct oci_id_mapping *x = &m->v[i];

	if (x->size == 0)
		return invalid_at(err, "a mapping of no ids", "%s/%zu/size", where, i);
	if ((uint64_t)x->container_id + x->size > UINT32_MAX ||
	    (uint64_t)x->host_id + x->size > UINT32_MAX)
		return invalid_at(err, "the mapping goes past the last id, 4294967294",
				  "%s/%zu/size", where, i);
	for (size_t j = 0; j < i; j++) {
		const struct oci_id_mapping *y = &m->v[j];

		if (overlap(x->container_id, x->size, y->container_id, y->size))
			return invalid_at(err, "ids of the container are mapped twice",
					  "%s/%zu/containerID", where, i);
		if (overlap(x->host_id, x->size, y->host_id, y->size))
			return invalid_at(err, "ids of the host are mapped twice",
					  "%s/%zu/hostID", where, i);
	}
	return 0;
}

int validate_extents(const struct oci_id_mappings *m, const char *where, struct error *err)
{
	if (m->n > MAX_EXTENTS)
		return error_config(err, where, "%zu mappings, the kernel takes at most %d", m->n,
				    MAX_EXTENTS);
	for (size_t i = 0; i < m->n; i++) {
		int e = check_extent(m, i, where, err);

		if (e < 0)
			return e;
	}
	return 0;
}

int validate_mappings(const struct oci_config *c, struct error *err)
{
	static const char uid[] = "/linux/uidMappings", gid[] = "/linux/gidMappings";
	const struct oci_namespace *user = oci_find_namespace(c, CLONE_NEWUSER);
	const struct oci_linux *l = &c->linux_;
	const char *given = l->uid_mappings.n ? uid : l->gid_mappings.n ? gid : NULL;
	int e;

	if (given && !user)
		return error_config(err, given, "mappings need a `user` namespace in "
				    "/linux/namespaces");
	/* One that is joined has mappings already: they are compared (ns_check_maps). */
	if (user && !user->path && (l->uid_mappings.n == 0 || l->gid_mappings.n == 0))
		return error_config(err, l->uid_mappings.n ? gid : uid, "a new user namespace "
				    "needs uidMappings and gidMappings");
	e = validate_extents(&l->uid_mappings, uid, err);
	return e == 0 ? validate_extents(&l->gid_mappings, gid, err) : e;
}

/* An empty list: those of a user namespace that is joined, which are not known. */
static bool is_mapped(const struct oci_id_mappings *m, uint32_t id)
{
	if (m->n == 0)
		return true;
	for (size_t i = 0; i < m->n; i++)
		if (id >= m->v[i].container_id && id - m->v[i].container_id < m->v[i].size)
			return true;
	return false;
}

static int not_mapped(struct error *err, uint32_t id, const char *list)
{
	return error_set(err, EINVAL, "the id %u is not in /linux/%s", id, list);
}

int validate_mapped_user(const struct oci_config *c, struct error *err)
{
	const struct oci_linux *l = &c->linux_;
	const struct oci_user *user = &c->process.user;

	if (!c->process.present || !oci_find_namespace(c, CLONE_NEWUSER))
		return 0;
	if (!is_mapped(&l->uid_mappings, user->uid)) {
		not_mapped(err, user->uid, "uidMappings");
		return error_at(err, "/process/user/uid");
	}
	if (!is_mapped(&l->gid_mappings, user->gid)) {
		not_mapped(err, user->gid, "gidMappings");
		return error_at(err, "/process/user/gid");
	}
	return 0;
}

int validate_mapped_group(const struct oci_config *c, size_t i, struct error *err)
{
	uint32_t gid = c->process.user.additional_gids[i];

	if (!oci_find_namespace(c, CLONE_NEWUSER) || is_mapped(&c->linux_.gid_mappings, gid))
		return 0;
	not_mapped(err, gid, "gidMappings");
	return error_at(err, "/process/user/additionalGids/%zu", i);
}

int validate_mapped_device(const struct oci_config *c, size_t i, struct error *err)
{
	const struct oci_linux *l = &c->linux_;
	const struct oci_device *d = &l->devices[i];

	/* Of another type the host's node is bound, which is nobody's there, as engines expect when they pass on all
	 * devices of the host, podman run --privileged. */
	if (d->type != S_IFIFO || !oci_find_namespace(c, CLONE_NEWUSER))
		return 0;
	/* 0 is also what an absent owner reads as. */
	if (d->uid && !is_mapped(&l->uid_mappings, d->uid)) {
		not_mapped(err, d->uid, "uidMappings");
		return error_at(err, "/linux/devices/%zu/uid", i);
	}
	if (d->gid && !is_mapped(&l->gid_mappings, d->gid)) {
		not_mapped(err, d->gid, "gidMappings");
		return error_at(err, "/linux/devices/%zu/gid", i);
	}
	return 0;
}
