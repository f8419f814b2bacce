/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the container's cgroup is and what is written there.  Pure, on the host side. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "plan/build.h"
#include "plan/parts.h"
#include "plan/plan_resources.h"
#include "sys/compat.h"
#include "sys/mutate.h"
#include "util/log.h"
#include "util/path.h"
#include "util/str.h"

#define PARENT "/orlop"	/* of relative paths, and of containers that name none; may be below home */
#define WHERE "/linux/cgroupsPath"

/* The first write that asks for more than what holds without a cgroup, or NULL. */
static const struct plan_cgroup_write *first_limit(const struct plan_cgroup *c)
{
	for (size_t i = 0; i < c->n_writes; i++)
		if (!c->writes[i].optional)
			return &c->writes[i];
	return NULL;
}

/* Does ".." lead out of where @path begins? */
static bool leads_out(const char *path)
{
	long depth = 0;

	for (const char *s = path + strspn(path, "/"); *s; s += strspn(s, "/")) {
		size_t n = strcspn(s, "/");

		if (n == 2 && s[0] == '.' && s[1] == '.')
			depth--;
		else if (!(n == 1 && s[0] == '.'))
			depth++;
		if (depth < 0)
			return true;
		s += n;
	}
	return false;
}

static int check_path(const char *path, struct error *err)
{
	const char *colon = strchr(path, ':');

	if (strlen(path) >= PATH_MAX)
		return error_config(err, WHERE, "the path is longer than %d bytes", PATH_MAX - 1);
	for (const char *s = path; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return error_config(err, WHERE, "the path contains a control character");
	if (leads_out(path) && !MUTATE(T59))
		return error_config(err, WHERE, "\"..\" in it leads out of %s, to cgroups of somebody else",
				    path[0] == '/' ? "the root" : PARENT "/");
	/* "slice:prefix:name" names a systemd scope. BuildKit writes it and has the runtime use no systemd: so no
	 * warning, which it would show. */
	if (path[0] != '/' && colon && strchr(colon + 1, ':'))
		log_info(WHERE ": \"%s\" is the name of a directory, as --systemd-cgroup is not given", path);
	return 0;
}

const char *plan_cgroup_parent(struct arena *a, const struct facts *f, bool home)
{
	return arena_printf(a, "%s" PARENT, home ? f->cgroup_home : "");
}

/* --cgroup-manager=delegated: what the service manager set up for the caller also holds for the container. */
static int check_delegated(const struct plan *p, const struct facts *f, struct error *err)
{
	const char *path = p->config->linux_.cgroups_path;

	if (path && path[0] == '/')
		return error_config(err, WHERE, "\"%s\" is not below the caller's cgroup, as "
				    "--cgroup-manager=delegated wants it; make it relative, or remove it", path);
	if (f->cgroup_home[0])
		return 0;
	error_set(err, EPERM, "--cgroup-manager=delegated: neither the cgroup of the caller nor the one above it is "
		  "delegated to it");
	return error_hint(err, "the unit needs Delegate=yes, and DelegateSubgroup= for limits");
}

/*
 * An unprivileged caller makes it below its own delegated cgroup: anywhere else it could neither make nor
 * limit one.  So does anybody with --cgroup-manager=delegated.
 */
static int plan_path(struct arena *a, struct plan *p, const struct facts *f, const struct plan_options *o,
		     struct error *err)
{
	const char *path = p->config->linux_.cgroups_path;
	bool delegated = o->cgroup_manager == CGROUP_MANAGER_DELEGATED;
	const char *parent = plan_cgroup_parent(a, f, o->rootless || delegated);
	int r = delegated ? check_delegated(p, f, err) : 0;

	if (r < 0)
		return r;
	if (!path || !*path) {
		p->cgroup.path = arena_printf(a, "%s/%s", parent, p->id);
		return 0;
	}
	r = check_path(path, err);
	if (r < 0)
		return r;
	p->cgroup.path = path_clean(a, path[0] == '/' ? path : arena_printf(a, "%s/%s", parent, path));
	if (str_eq(p->cgroup.path, "/") || str_eq(p->cgroup.path, path_clean(a, parent)))
		return error_config(err, WHERE, "\"%s\" does not name a cgroup for one container", path);
	return 0;
}

/*
 * Without cgroups there can be no limits.  Device rules are another matter with
 * --cgroup-manager=disabled: podman always writes some, also for its --cgroups=disabled, and leaves
 * limits out then.
 */
static int plan_without(struct plan *p, const struct plan_options *o, bool disabled,
			struct error *err)
{
	const struct plan_cgroup_write *limit = first_limit(&p->cgroup);
	bool devices = p->config->linux_.resources.has_devices;

	if (p->cgroup.delegation.where)
		return error_config(err, p->cgroup.delegation.where, "there is no cgroup to delegate: %s",
				    disabled ? "--cgroup-manager=disabled is given" : "cgroup2 is not mounted");
	if (limit && disabled)
		return error_config(err, limit->where, "no limit can be set with --cgroup-manager=disabled; "
				    "remove the limit or the option");
	if (limit)
		return error_config(err, limit->where, "no limit can be set, cgroup2 is not mounted; mount it "
				    "(mount -t cgroup2 none /sys/fs/cgroup), boot with "
				    "systemd.unified_cgroup_hierarchy=1, or remove the limit");
	if (devices && !disabled && !o->rootless)
		return error_config(err, "/linux/resources/devices", "device access cannot be restricted, "
				    "cgroup2 is not mounted; mount it (mount -t cgroup2 none "
				    "/sys/fs/cgroup) or remove the list");
	if (devices)
		log_debug("without a cgroup, linux.resources.devices has no effect");
	p->cgroup = (struct plan_cgroup){.mode = PLAN_CGROUP_NONE, .root = "", .optional = true};
	return 0;
}

/* Mounted where cgroups belong, and to be written to.  The source tells, whatever the type is. */
static bool mounts_writable(const struct oci_config *c)
{
	bool found = false;

	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct oci_mount *m = &c->mounts[i];

		if (m->source && str_eq(m->source, "cgroup") && str_eq(m->destination, "/sys/fs/cgroup"))
			found = !m->options.ro && !(m->options.rattr_set & MOUNT_ATTR_RDONLY);
	}
	return found;
}

/*
 * Who may make cgroups below the container's: its user, when it sees that cgroup as the root of a
 * namespace of its own and can write there (runtime-spec config-linux.md#cgroup-ownership).  Without
 * privileges nothing is given away unless it is asked for; the ids of a user namespace that is joined are not known.
 */
static int plan_owner(struct plan *p, const struct plan_options *o, struct error *err)
{
	const char *asked = p->cgroup.delegation.where;
	uint32_t uid = p->config->process.user.uid;

	if (!asked && (o->rootless || !p->rootfs.new_cgroupns || !mounts_writable(p->config)))
		return 0;
	if (!p->ns.userns || plan_host_id(&p->config->linux_.uid_mappings, uid, &uid))
		p->cgroup.owner = (struct opt_u32){true, uid};
	else if (asked)
		return error_config(err, asked, "who the user %u of the container is on the host is not known: give "
				    "the mappings of the user namespace that is joined", uid);
	return 0;
}

static int plan_place(struct arena *a, struct plan *p, const struct facts *f, const struct plan_options *o,
		      struct error *err)
{
	bool asked = p->cgroup.delegation.where;
	int r;

	if (p->cgroup.mode != PLAN_CGROUP_SYSTEMD) {
		p->cgroup.optional = o->rootless && !first_limit(&p->cgroup) && !asked;
		return plan_path(a, p, f, o, err);
	}
	r = plan_systemd_unit(a, p, o, err);
	if (r == 0 && asked && p->cgroup.unit.slice)
		return error_config(err, WHERE, "a slice is systemd's own and cannot be delegated: name a scope");
	return r;
}

/*
 * pids.limit 0 is a limit (runtime-spec config-linux.md#pids), but Podman before 5.4.1, as Debian 12 and
 * Ubuntu 24.04 have it, writes 0 for --pids-limit=0 and -1, "unlimited"; later ones write -1, and none has
 * an option for a limit of 0.  All of them put this annotation.
 */
bool plan_is_podmans(const struct key_values *annotations)
{
	for (size_t i = 0; i < annotations->n; i++)
		if (str_eq(annotations->v[i].key, "io.container.manager") &&
		    str_eq(annotations->v[i].value, "libpod"))
			return true;
	return false;
}

int plan_cgroup(struct arena *a, struct plan *p, const struct facts *f, const struct plan_options *o,
		struct error *err)
{
	bool disabled = o->cgroup_manager == CGROUP_MANAGER_DISABLED;
	const struct oci_resources *resources = &p->config->linux_.resources;
	int r;

	p->cgroup = (struct plan_cgroup){
		.mode = o->cgroup_manager == CGROUP_MANAGER_SYSTEMD ? PLAN_CGROUP_SYSTEMD : PLAN_CGROUP_FS,
	};
	if (resources->present) {
		r = plan_resources(a, resources, plan_is_podmans(&p->config->annotations), &p->cgroup, err);
		if (r < 0)
			return r;
	}
	r = plan_delegation(a, p, err);
	if (r < 0)
		return r;
	if (disabled || !f->cgroup_root[0])
		return plan_without(p, o, disabled, err);
	p->cgroup.root = arena_strdup(a, f->cgroup_root);
	p->cgroup.hybrid = f->cgroup_hybrid;
	p->cgroup.rootless = o->rootless;
	r = plan_owner(p, o, err);
	return r < 0 ? r : plan_place(a, p, f, o, err);
}
