/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gc`: what containers of this state root left behind because something was killed or removed by hand.  A container
 * is looked at with its lock, so that nobody is at work on it; one that may be alive is left alone.  A cgroup belongs
 * to us if it lies where we put them and bears our mark; it may belong to a container of another state root, so one
 * with processes is left alone, and one that was made just now, too.
 *
 * Kinds of things are rows of collectors[]: the scopes of a cgroup manager that has them come there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/leftover.h"
#include "container/container.h"
#include "container/damaged.h"
#include "container/delete.h"
#include "container/print.h"
#include "container/table.h"
#include "json/writer.h"
#include "launch/options.h"
#include "plan/build.h"
#include "store/lookup.h"
#include "store/status.h"
#include "sys/probe.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#define COLUMNS 4
#define YOUNG_S 60	/* a cgroup of another state root, whose container is being made */

struct collection {
	const struct global_options *global;
	struct store *store;
	struct arena *arena;
	bool force;
	enum list_format format;
	struct table table;
	struct json_writer json;
	struct strings used;		/* cgroups that some state names */
	struct cgroup_leftovers cgroups;	/* as they were before the states were read */
	char *cgroup_root;
	size_t failed;
};

/* What is to become of something. */
enum fate { KEEP, REMOVE };

static void add_json(struct collection *g, const char *kind, const char *name, const char *found, enum fate fate,
		     bool done, const struct error *failure)
{
	json_write_object(&g->json);
	json_write_key(&g->json, "kind");
	json_write_string(&g->json, kind);
	json_write_key(&g->json, "name");
	json_write_string(&g->json, name);
	json_write_key(&g->json, "found");
	json_write_string(&g->json, found);
	json_write_key(&g->json, "action");
	json_write_string(&g->json, fate == REMOVE ? "remove" : "none");
	json_write_key(&g->json, "done");
	json_write_bool(&g->json, done);
	if (failure) {
		json_write_key(&g->json, "error");
		json_write_string(&g->json, failure->text);
	}
	json_write_end_object(&g->json);
}

/* One row; @r: how it went, if it was to be removed now. */
static void report(struct collection *g, const char *kind, const char *name, const char *found, enum fate fate, int r,
		   const struct error *err)
{
	bool done = fate == REMOVE && g->force && r == 0;
	const char *action = fate == KEEP ? "left alone" : !g->force ? "would be removed" : done ? "removed"
										 : "not removed";

	if (fate == REMOVE && g->force && r < 0) {
		g->failed++;
		log_warning("%s %s: %s", kind, name, err->text);
	}
	if (g->format == LIST_JSON) {
		add_json(g, kind, name, found, fate, done, fate == REMOVE && g->force && r < 0 ? err : NULL);
	} else {
		size_t size = strlen(name) * 6 + 1;
		struct table_row *row = table_add(&g->table);

		row->cell[0] = xstrdup(kind);
		row->cell[1] = xmalloc(size);
		str_escape(name, row->cell[1], size);
		row->cell[2] = xstrdup(action);
		row->cell[3] = xstrdup(found);
	}
}

/* ---- containers ------------------------------------------------------------------------------ */

static void use_cgroup(struct collection *g, const struct state *st)
{
	if (!st->cgroup_path)
		return;
	g->used.v = xrealloc(g->used.v, g->used.n + 1, sizeof(*g->used.v));
	g->used.v[g->used.n++] = xstrdup(st->cgroup_path);
}

static bool has_processes(const struct state *st)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ pid_t *pids = NULL;
	struct error ignored = {0};
	size_t n = 0;

	return state_open_cgroup(st, &fd, &ignored) == 0 && fd >= 0 &&
	       (cgroup_procs(fd, &pids, &n, &ignored) < 0 || n > 0);
}

/* Its state does not say whether it lives: does anything else? */
static bool may_be_alive(struct collection *g, struct container *c, const char *id)
{
	_cleanup_close_ int pidfd = -1;
	struct error ignored = {0};

	state_salvage(c->arena, c->dir, id, &c->state);
	if (state_open_init(&c->state, &pidfd, &ignored) < 0 || pidfd >= 0 || has_processes(&c->state))
		return true;
	return container_check_stateless(g->global, c, id, &ignored) < 0;
}

/* @r: what reading its state gave; NULL: it is as it should be. */
static const char *what_is_wrong(const struct container *c, int r)
{
	if (r == -ENOENT)
		return "has no state: its creation was interrupted";
	if (r < 0)
		return "its state cannot be read";
	if (c->status != STATUS_STOPPED)
		return NULL;
	return c->state.creating ? "its creation was interrupted" : "its process has ended";
}

static void look_at(struct collection *g, struct container *c, const char *id)
{
	struct error err = {0};
	enum fate fate = REMOVE;
	int r = container_refresh(c, id, &err);
	const char *found = what_is_wrong(c, r);

	if (r < 0 && !container_is_without_state(r)) {
		log_warning("container `%s`: %s", id, err.text);
		return;
	}
	if (r < 0 && may_be_alive(g, c, id)) {
		found = "its state cannot be read, and it may be alive: see `delete --force`";
		fate = KEEP;
	}
	use_cgroup(g, &c->state);
	if (!found)
		return;
	if (g->force && fate == REMOVE)
		r = container_remove_locked(g->global, c, id, r, &err);
	report(g, "container", id, found, fate, r, &err);
}

static int collect_containers(struct collection *g, struct error *err)
{
	_cleanup_(store_list_free) struct strings ids = {0};
	int r = store_list(g->store, &ids, err);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct container c = CONTAINER_INIT;
		struct error why = {0};

		/* Busy: somebody is at work on it.  Gone: deleted since the directory was read. */
		if (store_container_locked(g->store, ids.v[i], 0, &c.dir, &why) == 0) {
			c.locked = true;
			c.store = g->store;
			look_at(g, &c, ids.v[i]);
			c.store = NULL;
		} else if (why.code == EBUSY) {
			c.locked = false;
			if (store_container(g->store, ids.v[i], &c.dir, &why) == 0 &&
			    container_refresh(&c, ids.v[i], &why) == 0)
				use_cgroup(g, &c.state);
		} else if (why.code != ENOENT) {
			log_warning("%s", why.text);
		}
		container_release(&c);
	}
	return r;
}

/* ---- cgroups --------------------------------------------------------------------------------- */

static int list_cgroups(struct collection *g, struct error *err)
{
	enum cgroup_manager manager;
	const char *parent;
	struct facts facts;
	bool user;
	int r = options_cgroup_manager(g->global, &manager, &user, err);

	if (r < 0)
		return r;
	facts_probe(&facts);
	if (!facts.cgroup_root[0])
		return 0;
	g->cgroup_root = arena_strdup(g->arena, facts.cgroup_root);
	parent = plan_cgroup_parent(g->arena, &facts, options_rootless(g->global, &facts));
	return cgroup_leftovers(g->cgroup_root, parent, &g->cgroups, err);
}

static bool is_used(const struct collection *g, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < g->used.n; i++)
		if (strncmp(g->used.v[i], path, n) == 0 && (g->used.v[i][n] == '\0' || g->used.v[i][n] == '/'))
			return true;
	return false;
}

static int collect_cgroups(struct collection *g, struct error *err)
{
	(void)err;
	for (size_t i = 0; i < g->cgroups.n; i++) {
		const struct cgroup_leftover *l = &g->cgroups.v[i];
		struct state st = {.cgroup_root = g->cgroup_root, .cgroup_path = l->path, .cgroup_id = l->id};
		struct error why = {0};
		int r = 0;

		if (is_used(g, l->path))
			continue;
		if (has_processes(&st)) {
			report(g, "cgroup", l->path, "no container is known here, but it has processes: is it of "
			       "another --root?", KEEP, 0, NULL);
			continue;
		}
		if (l->age_s < YOUNG_S)
			continue;
		if (g->force)
			r = cgroup_destroy(g->cgroup_root, l->path, l->id, 1, false, 0, &why);
		report(g, "cgroup", l->path, "no container is known here, and it is empty", REMOVE, r, &why);
	}
	return 0;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* In this order: a cgroup that was there before the states were read, and that none of them names, is nobody's. */
static int (*const collectors[])(struct collection *, struct error *) = {
	list_cgroups, collect_containers, collect_cgroups,
};

static int print(struct collection *g, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (g->format == LIST_TABLE)
		return table_print(&g->table, err);
	json_write_end_array(&g->json);
	text = json_write_finish(&g->json, &len);
	text = xrealloc(text, len + 2, 1);
	text[len] = '\n';
	return container_print(text, len + 1, err);
}

static int collect(struct collection *g, struct error *err)
{
	static const char *const names[COLUMNS] = {"KIND", "NAME", "ACTION", "FOUND"};
	int r = store_open(g->global->root, false, &g->store, err);

	if (r < 0)
		return r;
	table_init(&g->table, names, COLUMNS);
	json_write_init(&g->json, false);
	json_write_array(&g->json);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(collectors); i++)
		r = collectors[i](g, err);
	if (r == 0)
		r = print(g, err);
	if (r == 0 && g->failed > 0)
		return error_set(err, EBUSY, "%zu of what was found could not be removed: see the warnings", g->failed);
	return r;
}

int container_gc(const struct global_options *o, enum list_format format, bool force, struct error *err)
{
	struct collection g = {.global = o, .format = format, .force = force, .arena = arena_new()};
	int r = collect(&g, err);

	cgroup_leftovers_free(&g.cgroups);
	store_list_free(&g.used);
	table_free(&g.table);
	store_close(g.store);
	arena_free(g.arena);
	return r;
}
