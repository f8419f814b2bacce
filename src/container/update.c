/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `update`: other limits for a container that is there.  Runs on the host, with the container's lock.
 * What holds is kept in the state directory as a whole (STORE_RESOURCES), so that the next update knows what it
 * changes; until there is one it is what config.json says.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/update.h"
#include "config/config.h"
#include "container/container.h"
#include "plan/plan_resources.h"
#include "plan/plan_update.h"
#include "process/intelrdt.h"
#include "store/lookup.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/input.h"
#include "util/log.h"
#include "util/str.h"

struct update {
	const struct update_options *o;
	struct arena *arena;
	struct container c;
	struct oci_resources given;
	struct plan_update plan;
	struct plan_cgroup before;	/* what a unit was told */
	struct cgroup_update *cgroup;
	struct plan_intelrdt_line schemata[2];
	size_t n_schemata;
	int resctrl;
	char *old_schemata;
	char *text;			/* to be saved */
	size_t len;
};

/* ---- what is asked for ---------------------------------------------------------------------------- */

static int read_given(struct update *u, struct error *err)
{
	const char *name = u->o->resources;
	char *text = NULL;
	size_t len = 0;
	int r;

	if (!name) {
		u->given = u->o->given;
		return 0;
	}
	r = config_read(u->arena, AT_FDCWD, input_path(name), &text, &len, err);
	if (r == 0)
		r = config_parse_resources(u->arena, text, len, &u->given, err);
	return r < 0 ? error_in(err, "%s", str_eq(name, "-") ? "the resources on the standard input" : name) : 0;
}

static int add_schema(struct update *u, const char *option, const char *prefix, const char *text, struct error *err)
{
	if (!text)
		return 0;
	if (strchr(text, '\n') || !str_starts(text, prefix))
		return error_usage(err, "option `--%s` must be one line that begins with `%s`", option, prefix);
	u->schemata[u->n_schemata++] = (struct plan_intelrdt_line){.text = text, .where = ""};
	return 0;
}

static int read_schemata(struct update *u, struct error *err)
{
	int r = add_schema(u, "l3-cache-schema", "L3", u->o->l3_cache_schema, err);

	return r < 0 ? r : add_schema(u, "mem-bw-schema", "MB:", u->o->mem_bw_schema, err);
}

/* ---- of which container ----------------------------------------------------------------------------- */

static int find(struct update *u, struct error *err)
{
	int r = container_lookup(u->o->global, u->o->id, LOOKUP_LOCKED_IF_MADE, &u->c, err);
	const struct state *st = &u->c.state;

	if (r < 0)
		return r;
	if (u->c.status == STATUS_STOPPED || u->c.status == STATUS_CREATING)
		return error_of(err, ERROR_CONTAINER_STATE, ESRCH,
				"container not running: container `%s` is %s",
				u->o->id, container_status_names[u->c.status]);
	if (!st->cgroup_path)
		return error_set(err, ENOENT, "container `%s` has no cgroup, and only a cgroup can be limited",
				 u->o->id);
	if (u->n_schemata && !st->intelrdt_group)
		return error_set(err, ENOENT, "container `%s` has no group of resctrl: its configuration has no "
				 "linux.intelRdt", u->o->id);
	return 0;
}

static int load_base(struct update *u, struct oci_resources *ret, struct error *err)
{
	struct oci_config *config;
	char *text = NULL;
	size_t len = 0;
	int r = config_read(u->arena, u->c.dir, STORE_RESOURCES, &text, &len, err);

	if (r == 0)
		r = config_parse_resources(u->arena, text, len, ret, err);
	if (r != -ENOENT)
		return r < 0 ? error_in(err, "the saved resources of container `%s`", u->o->id) : 0;
	memset(err, 0, sizeof(*err));
	r = config_load(u->arena, u->c.dir, STORE_CONFIG, &config, NULL, NULL, err);
	if (r < 0)
		return error_in(err, "the saved configuration of container `%s`", u->o->id);
	*ret = config->linux_.resources;
	return 0;
}

static int make_plan(struct update *u, struct error *err)
{
	const struct state *st = &u->c.state;
	struct oci_resources base = {0};
	int r = load_base(u, &base, err);

	u->plan.cgroup.mode = u->before.mode = st->unit ? PLAN_CGROUP_SYSTEMD : PLAN_CGROUP_FS;
	if (r == 0)
		r = plan_update(u->arena, &base, &u->given, plan_is_podmans(&st->annotations), &u->plan, err);
	if (r == 0 && st->unit)
		r = plan_device_program(u->arena, &base, &u->before, err);
	u->plan.cgroup.root = st->cgroup_root;
	u->plan.cgroup.path = st->cgroup_path;
	u->plan.cgroup.rootless = st->rootless;
	if (r == 0 && st->unit) {
		u->plan.cgroup.unit = (struct plan_unit){.name = st->unit, .user = st->unit_user};
		plan_update_unit(u->arena, &u->plan.cgroup, u->plan.devices);
	}
	return r;
}

/* ---- the change --------------------------------------------------------------------------------------- */

static int change_schemata(struct update *u, struct error *err)
{
	const struct state *st = &u->c.state;

	if (!u->n_schemata)
		return 0;
	u->resctrl = intelrdt_open(st->intelrdt_root, err);
	if (u->resctrl < 0)
		return u->resctrl;
	return intelrdt_change(u->resctrl, st->intelrdt_group, st->intelrdt_inode, u->schemata, u->n_schemata,
			       &u->old_schemata, err);
}

static void undo_schemata(struct update *u, struct error *err)
{
	const struct state *st = &u->c.state;
	struct error second = {0};

	if (u->old_schemata && intelrdt_restore(u->resctrl, st->intelrdt_group, st->intelrdt_inode, u->schemata,
						u->n_schemata, u->old_schemata, &second) < 0)
		error_hint(err, "and not all could be undone: %s", second.text);
}

static int save(struct update *u, struct error *err)
{
	int r = u->len > CONFIG_MAX_BYTES ? -E2BIG : fd_write_atomic(u->c.dir, STORE_RESOURCES, u->text, u->len, 0600);

	return r < 0 ? error_errno(err, r, "save the resources of container `%s`", u->o->id) : 0;
}

/* What it was told before, in which it has again what it was not told of: the kernel's files say both. */
static void untell_systemd(struct update *u, struct error *err)
{
	struct error second = {0};

	u->before.unit = (struct plan_unit){.name = u->c.state.unit, .user = u->c.state.unit_user};
	plan_update_unit(u->arena, &u->before, u->plan.devices);
	if (cgroup_update_untell(u->cgroup, &u->before.unit, &second) < 0)
		error_hint(err, "and the unit could not be set back: %s", second.text);
}

static int tell_and_save(struct update *u, struct error *err)
{
	bool unit = u->c.state.unit != NULL;
	int r = unit ? cgroup_update_tell(u->cgroup, &u->plan.cgroup.unit, err) : 0;

	if (r == 0)
		r = save(u, err);
	if (r < 0 && unit)
		untell_systemd(u, err);
	return r;
}

/* What needs memory, which may end us, comes first. */
static int change_all(struct update *u, struct error *err)
{
	int r = change_schemata(u, err);

	if (r < 0)
		return r;
	cgroup_update_before(u->cgroup, u->arena, &u->before);
	r = cgroup_update_apply(u->cgroup, err);
	if (r == 0) {
		r = tell_and_save(u, err);
		if (r < 0)
			cgroup_update_undo(u->cgroup, err);
	}
	if (r < 0)
		undo_schemata(u, err);
	return r;
}

/*
 * Whoever interrupts us gets all of it or nothing: signals that end a process wait till then.  Only SIGKILL leaves
 * limits that the saved document does not have; the next update of them sets both.
 */
static int change(struct update *u, struct error *err)
{
	sigset_t all, before;
	int r;

	u->text = config_resources_text(&u->plan.merged, &u->len);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	r = change_all(u, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int run(struct update *u, struct error *err)
{
	int r = read_schemata(u, err);

	if (r == 0)
		r = read_given(u, err);
	if (r == 0)
		r = find(u, err);
	if (r == 0)
		r = make_plan(u, err);
	if (r == 0)
		r = cgroup_update_prepare(&u->plan.cgroup, u->c.state.cgroup_id, u->plan.devices, &u->cgroup, err);
	return r < 0 ? r : change(u, err);
}

int container_update(const struct update_options *o, struct error *err)
{
	struct update u = {.o = o, .c = CONTAINER_INIT, .resctrl = -1, .arena = arena_new()};
	int r = run(&u, err);

	cgroup_update_done(u.cgroup);
	if (u.resctrl >= 0)
		close(u.resctrl);
	free(u.old_schemata);
	free(u.text);
	container_release(&u.c);
	arena_free(u.arena);
	return r < 0 ? error_in(err, "update container `%s`", o->id) : 0;
}
