/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The annotation org.orlop.cgroup.delegate: the container shares its cgroup out itself, with controllers.
 * Pure, on the host side.
 */
#include <errno.h>
#include <string.h>

#include "oci/annotations.h"
#include "plan/parts.h"
#include "sys/compat.h"
#include "util/mem.h"
#include "util/str.h"

#define WHERE "/annotations/" ANNOTATION_DELEGATE

static unsigned controller_bit(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(cgroup_controller_names); i++)
		if (strlen(cgroup_controller_names[i]) == n && strncmp(cgroup_controller_names[i], name, n) == 0)
			return 1u << i;
	return 0;
}

static int read_value(const char *value, unsigned *ret, struct error *err)
{
	unsigned bits = 0;
	char shown[128];
	size_t n;

	*ret = 0;
	if (str_eq(value, "true"))
		return 0;
	for (const char *s = value; *s; s += n + (s[n] == ' ')) {
		unsigned bit;

		n = strcspn(s, " ");
		bit = controller_bit(s, n);
		if (!bit) {
			bits = 0;
			break;
		}
		bits |= bit;
	}
	*ret = bits;
	if (bits)
		return 0;
	error_config(err, WHERE, "`%s` is neither true nor a list of controllers",
		     str_escape(value, shown, sizeof(shown)));
	return error_hint(err, "name them with a space between, as `cpu memory pids`, or leave the annotation out");
}

/* Is @place at @path or below it? */
static bool is_below(const char *place, const char *path)
{
	size_t n = strlen(path);

	return strncmp(place, path, n) == 0 && (place[n] == '/' || !place[n] || n == 1);
}

static int hidden(const char *place, const char *list, size_t i, struct error *err)
{
	error_set(err, EINVAL, "the annotation " ANNOTATION_DELEGATE " makes %s writable, and this takes it away again",
		  place);
	return error_at(err, "/%s/%zu", list, i);
}

/* What comes on top of mount @i would make a lie of it. */
static int check_hidden(const struct plan_rootfs *r, size_t i, struct error *err)
{
	const char *place = r->mounts[i].destination;

	for (size_t j = i + 1; j < r->n_mounts; j++)
		if (is_below(place, r->mounts[j].destination) && r->mounts[j].kind != MOUNT_CGROUP2)
			return hidden(place, "mounts", r->mounts[j].index, err);
	for (size_t j = 0; j < r->masked.n; j++)
		if (is_below(place, r->masked.v[j]))
			return hidden(place, "linux/maskedPaths", j, err);
	for (size_t j = 0; j < r->readonly_paths.n; j++)
		if (is_below(place, r->readonly_paths.v[j]))
			return hidden(place, "linux/readonlyPaths", j, err);
	return 0;
}

/* Engines write "ro" for every container without privileges, and it is them whom the annotation is given to. */
static void make_writable(struct arena *a, struct plan_mount *m)
{
	struct oci_mount_options *o = arena_new_array(a, struct oci_mount_options, 1);

	*o = *m->options;
	o->ro = false;
	o->attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	o->rattr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	m->options = o;
}

static int open_mounts(struct arena *a, struct plan_rootfs *rf, struct error *err)
{
	bool found = false;

	for (size_t i = 0; i < rf->n_mounts; i++) {
		int r;

		if (rf->mounts[i].kind != MOUNT_CGROUP2)
			continue;
		r = check_hidden(rf, i, err);
		if (r < 0)
			return r;
		make_writable(a, &rf->mounts[i]);
		found = true;
	}
	if (found)
		return 0;
	error_config(err, WHERE, "the container does not see its cgroup");
	return error_hint(err, "add a mount of type cgroup2 on /sys/fs/cgroup");
}

int plan_delegation(struct arena *a, struct plan *p, struct error *err)
{
	const char *value = annotation_value(&p->config->annotations, ANNOTATION_DELEGATE);
	struct plan_delegation *d = &p->cgroup.delegation;
	int r;

	if (!value)
		return 0;
	d->where = WHERE;
	r = read_value(value, &d->controllers, err);
	if (r < 0)
		return r;
	/* In it only what is below is to be seen, and the kernel lets nothing out. */
	if (!(p->ns.unshare & CLONE_NEWCGROUP)) {
		error_config(err, WHERE, "the container has no new cgroup namespace");
		return error_hint(err, "add {\"type\": \"cgroup\"} to linux.namespaces");
	}
	p->cgroup.controllers |= d->controllers;
	return open_mounts(a, &p->rootfs, err);
}
