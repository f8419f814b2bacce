/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unit of systemd that holds the container, and its properties.  Pure, on the host side.
 * Facts: org.freedesktop.systemd1(5), systemd.unit(5), systemd.slice(5).
 */
#include <errno.h>
#include <string.h>

#include "oci/annotations.h"
#include "plan/parts.h"
#include "plan/plan_update.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/str.h"

#define WHERE "/linux/cgroupsPath"
#define UNIT_NAME_MAX 255
/* Of a scope or a slice: no "@", which is for instances of a template. */
#define UNIT_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.-\\"

/* ---- names ----------------------------------------------------------------------------------- */

static int check_name(const char *name, struct error *err)
{
	if (strlen(name) > UNIT_NAME_MAX)
		return error_config(err, WHERE, "names a unit of %zu bytes, and systemd takes %d at most",
				    strlen(name), UNIT_NAME_MAX);
	if (name[strspn(name, UNIT_LETTERS)] != '\0') {
		char shown[128];

		return error_config(err, WHERE, "`%s` cannot be the name of a unit: only letters, digits and :_.-\\ "
				    "can be in it", str_escape(name, shown, sizeof(shown)));
	}
	return 0;
}

/* "a-b.slice": its dashes are those of a path, so none is first, last or doubled. */
static int check_slice(const char *name, struct error *err)
{
	size_t n = strlen(name);
	int r = check_name(name, err);

	if (r < 0)
		return r;
	if (!str_ends(name, ".slice") || n == strlen(".slice"))
		return error_config(err, WHERE, "`%s` is not the name of a slice, such as machine.slice", name);
	if (str_eq(name, "-.slice"))
		return 0;
	if (name[0] == '-' || strstr(name, "--") || name[n - strlen(".slice") - 1] == '-')
		return error_config(err, WHERE, "`%s`: a slice has no empty part between its dashes, each of which "
				    "leads one slice down", name);
	return 0;
}

/* "/a.slice/a-b.slice" of a-b.slice; "" of the root slice. */
static const char *slice_path(struct arena *a, const char *name)
{
	_cleanup_(strbuf_free) struct strbuf path = {0};
	const char *end = name + strlen(name) - strlen(".slice");

	if (str_eq(name, "-.slice"))
		return "";
	for (const char *s = name; s < end; s++)
		if (s[1] == '-' || s + 1 == end)
			strbuf_addf(&path, "/%.*s.slice", (int)(s + 1 - name), name);
	return arena_strdup(a, path.data);
}

/* systemd.unit(5), "string escaping for inclusion in unit names": of the bytes that an id can have only one. */
static const char *escape_id(struct arena *a, const char *id)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};

	for (; *id; id++)
		strbuf_addf(&text, *id == '+' ? "\\x%02x" : "%c", *id);
	return arena_strdup(a, text.data);
}

static int error_form(const char *path, struct error *err)
{
	char shown[256];

	return error_config(err, WHERE, "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd "
			    "cgroups, got \"%s\" instead", str_escape(path, shown, sizeof(shown)));
}

/* Cut "slice:prefix:name". */
static int split(struct arena *a, const char *path, const char *ret[3], struct error *err)
{
	char *rest = arena_strdup(a, path);

	for (int i = 0; i < 3; i++)
		ret[i] = strsep(&rest, ":");
	if (!ret[1] || !ret[2] || rest)
		return error_form(path, err);
	if (!*ret[2])
		return error_config(err, WHERE, "has an empty name behind the second colon");
	return 0;
}

/* A slice has its place by its name. */
static int name_slice(struct arena *a, struct plan_cgroup *c, const char *parent, const char *name,
		      struct error *err)
{
	const char *path;
	size_t above;
	int r = check_slice(name, err);

	if (r < 0)
		return r;
	if (str_eq(name, "-.slice"))
		return error_config(err, WHERE, "names the root slice, which is not for one container");
	path = slice_path(a, name);
	above = (size_t)(strrchr(path, '/') - path);
	if (*parent) {
		const char *wanted = slice_path(a, parent);

		if (strlen(wanted) != above || strncmp(path, wanted, above) != 0)
			return error_config(err, WHERE, "the slice %s lies in %.*s by its name, and not in %s", name,
					    above ? (int)above : 1, path, parent);
	}
	c->unit.name = name;
	c->unit.slice = true;
	c->path = path;
	return 0;
}

static int name_unit(struct arena *a, struct plan *p, struct error *err)
{
	const char *path = p->config->linux_.cgroups_path, *part[3] = {"", "orlop", escape_id(a, p->id)};
	struct plan_cgroup *c = &p->cgroup;
	bool named = path && *path;
	int r = named ? split(a, path, part, err) : 0;

	if (r == 0 && *part[0])
		r = check_slice(part[0], err);
	if (r < 0)
		return r;
	if (named && str_ends(part[2], ".slice"))	/* an id names no slice: it could be one of the host's */
		return name_slice(a, c, part[0], part[2], err);
	if (!*part[0])
		part[0] = c->unit.user ? "user.slice" : "system.slice";
	c->unit.name = arena_printf(a, "%s%s%s.scope", part[1], *part[1] ? "-" : "", part[2]);
	r = check_name(c->unit.name, err);
	if (r < 0)
		return r;
	plan_property(a, &c->unit, "Slice", arena_printf(a, "'%s'", part[0]), WHERE);
	c->path = arena_printf(a, "%s/%s", slice_path(a, part[0]), c->unit.name);
	return 0;
}

/* ---- annotations ----------------------------------------------------------------------------- */

/* Behind what all units have, as of two values for one name systemd takes the later one, and before limits.  The
 * values are judged when the message is made, and the names by systemd. */
static int add_annotations(struct arena *a, struct plan *p, struct error *err)
{
	const struct key_values *all = &p->config->annotations;

	for (size_t i = 0; i < all->n; i++) {
		const char *key = all->v[i].key, *name, *end;

		if (!str_starts(key, ANNOTATION_SYSTEMD))
			continue;
		if (p->cgroup.mode != PLAN_CGROUP_SYSTEMD) {	/* engines write them whatever the manager is */
			log_debug("without a unit of systemd the annotation `%s` has no effect", key);
			continue;
		}
		name = key + strlen(ANNOTATION_SYSTEMD);
		end = name + strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
		if (*end || end - name < 3) {
			error_set(err, EINVAL, "this cannot be the name of a property of systemd: letters and digits, "
				  "three at least");
			return error_at(err, "/annotations/%s", plan_pointer_word(a, key));
		}
		/* Whose processes they are, nobody would ask: they would end with the container. */
		if (str_eq(name, "PIDs") || str_eq(name, "PIDFDs")) {
			error_set(err, EPERM, "which processes are in the unit is not for an annotation to say");
			return error_at(err, "/annotations/%s", key);
		}
		plan_property(a, &p->cgroup.unit, name, all->v[i].value,
			      arena_printf(a, "/annotations/%s", plan_pointer_word(a, key)));
	}
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

void plan_property(struct arena *a, struct plan_unit *u, const char *name, const char *value, const char *where)
{
	arena_push(a, u->properties, u->n_properties) = (struct plan_property){
		.name = name, .value = value, .where = where,
	};
}

int plan_systemd_unit(struct arena *a, struct plan *p, const struct plan_options *o, struct error *err)
{
	static const char *const accounting[] = {
		"MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting",
	};
	struct plan_unit *u = &p->cgroup.unit;
	int r;

	*u = (struct plan_unit){.user = o->systemd_user};
	plan_property(a, u, "Description", arena_printf(a, "'orlop container %s'", p->id), "");
	r = name_unit(a, p, err);
	if (r < 0)
		return r;
	if (!u->slice)
		plan_property(a, u, "Delegate", "true", "");
	for (size_t i = 0; i < ARRAY_SIZE(accounting); i++)
		plan_property(a, u, accounting[i], "true", "");
	plan_property(a, u, "DefaultDependencies", "false", "");
	/* Its processes are in a session of the user, from which only the service manager may move them. */
	p->cgroup.attach_late |= u->user;
	return 0;
}

static void add_devices(struct arena *a, struct plan_cgroup *c, const char *where)
{
	if (!c->device_policy)
		return;
	plan_property(a, &c->unit, "DevicePolicy", c->device_policy, where);
	if (c->unit.started)	/* a list is added to what is there, and only an empty one replaces it */
		plan_property(a, &c->unit, "DeviceAllow", "@a(ss) []", where);
	plan_property(a, &c->unit, "DeviceAllow", c->device_allow, where);
}

void plan_update_unit(struct arena *a, struct plan_cgroup *c, bool devices)
{
	c->unit.started = true;
	plan_systemd_limits(a, c);
	if (devices)
		add_devices(a, c, "/devices");
}

/* The files of the cgroup say what linux.resources does, so systemd has to say the same. */
static void warn_of_two(const struct plan_unit *u, size_t annotations, size_t limits)
{
	for (size_t i = annotations; i < limits; i++)
		for (size_t j = limits; j < u->n_properties; j++)
			if (str_eq(u->properties[i].name, u->properties[j].name)) {
				log_warning("the annotation `" ANNOTATION_SYSTEMD "%s` has no effect: %s says what "
					    "holds", u->properties[i].name, u->properties[j].where);
				break;
			}
}

int plan_systemd_properties(struct arena *a, struct plan *p, struct error *err)
{
	struct plan_cgroup *c = &p->cgroup;
	size_t first = c->unit.n_properties, limits;
	int r = add_annotations(a, p, err);

	if (r < 0 || c->mode != PLAN_CGROUP_SYSTEMD)
		return r;
	limits = c->unit.n_properties;
	plan_systemd_limits(a, c);
	add_devices(a, c, "/linux/resources/devices");
	warn_of_two(&c->unit, first, limits);
	return 0;
}
