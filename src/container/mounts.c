/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `mounts add` and `mounts remove`: mounts of a container that is there.  Runs on the host, with the container's
 * lock; what is done inside is done by a helper (launch/live.c).  What was added is kept in the state directory,
 * so that it can be told from what else somebody has mounted in the container.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "container/container.h"
#include "init/self_exe.h"
#include "launch/live.h"
#include "launch/options.h"
#include "plan/build.h"
#include "store/added.h"
#include "store/lookup.h"
#include "util/cleanup.h"
#include "util/input.h"
#include "util/log.h"
#include "util/str.h"

struct change {
	const struct mounts_options *o;
	struct arena *arena;
	struct container c;
	struct oci_config *own, *given;	/* of the container; and the same with the mounts of the list */
	const struct plan *plan;
	struct added_mounts added;
	size_t n_before;		/* of them, before this command */
	struct live live;
	struct live_job job;
};

static const char *place(const struct change *x, const struct oci_mount *m)
{
	return plan_mount_destination(x->arena, m->destination, x->c.state.rootfs);
}

static int read_list(struct change *x, bool adding, struct error *err)
{
	char *text = NULL;
	size_t len = 0;
	int r = config_load(x->arena, x->c.dir, STORE_CONFIG, &x->own, NULL, NULL, err);

	if (r < 0)
		return error_in(err, "the saved configuration of container `%s`", x->o->id);
	r = config_read(x->arena, AT_FDCWD, input_path(x->o->file), &text, &len, err);
	if (r == 0)
		r = config_parse_mounts(x->arena, text, len, x->own, adding, &x->given, err);
	return r < 0 ? error_in(err, "%s", str_eq(x->o->file, "-") ? "the mounts on the standard input" : x->o->file)
		     : 0;
}

static int find_container(struct change *x, struct error *err)
{
	int r = container_lookup(x->o->global, x->o->id, LOOKUP_LOCKED_IF_MADE, &x->c, err);

	if (r < 0)
		return r;
	if (x->c.status == STATUS_STOPPED || x->c.status == STATUS_CREATING)
		return error_of(err, ERROR_CONTAINER_STATE, ESRCH,
				"container not running: container `%s` is %s",
				x->o->id, container_status_names[x->c.status]);
	return added_load(x->arena, x->c.dir, &x->added, err);
}

static int make_plan(struct change *x, struct error *err)
{
	const struct state *st = &x->c.state;
	struct plan_options po = {.id = st->id, .bundle = st->bundle};
	struct facts facts;

	facts_probe(&facts);
	po.rootless = options_rootless(x->o->global, &facts);
	return plan_build_mounts(x->arena, x->given, &facts, &po, live_job_userns(&x->job) >= 0, &x->plan, err);
}

/* The last mount of ours at @v->destination: one that was added, or one of config.json. */
static void look_for(const struct change *x, struct live_mount *v)
{
	const struct added_mount *a = added_find(&x->added, v->destination);

	v->known = a != NULL;
	v->known_id = a ? a->id : 0;
	if (a)
		v->destination = a->point;
	for (size_t i = 0; !a && i < x->own->n_mounts; i++)
		if (str_eq(place(x, &x->own->mounts[i]), v->destination))
			v->known = true;
}

static void list_mounts(struct change *x)
{
	size_t n = x->given->n_mounts;

	x->live.v = arena_new_array(x->arena, struct live_mount, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct live_mount *v = &x->live.v[i];

		*v = (struct live_mount){
			.index = (unsigned)i, .source = -1, .mnt = -1, .place.early = -1, .place.map = -1,
		};
		v->destination = place(x, &x->given->mounts[i]);
	}
	x->live.n = n;
}

/* Nobody who interrupts us gets half of it, or one that nobody knows of. */
static int uninterrupted(struct change *x, int (*run)(struct change *x, struct error *err), struct error *err)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	r = run(x, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* ---- add ----------------------------------------------------------------------------------------- */

/* @v->point is "" as long as it is not there. */
static void note_one(struct change *x, const struct live_mount *v)
{
	const struct oci_mount *m = &x->given->mounts[v->index];
	char *destination = arena_strdup(x->arena, v->m->destination);
	struct added_mount one = {
		.destination = destination, .point = *v->point ? arena_strdup(x->arena, v->point) : destination,
		.source = v->m->kind == MOUNT_BIND ? arena_strdup(x->arena, v->m->source) : m->source,
		.type = v->m->kind == MOUNT_BIND ? NULL : m->type, .id = v->id,
	};

	for (size_t i = x->added.n; v->replaced && i-- > 0;)
		if (x->added.v[i].id == v->known_id)
			added_remove(&x->added, i);
	added_push(x->arena, &x->added, &one);
}

/* Before the first one is mounted: should all of us be killed, there is none that `remove` does not know. */
static int note_intent(struct change *x, struct error *err)
{
	x->n_before = x->added.n;
	for (size_t i = 0; i < x->live.n; i++)
		note_one(x, &x->live.v[i]);
	return added_save(x->c.dir, &x->added, err);
}

static int note_added(struct change *x, bool failed, struct error *err)
{
	x->added.n = x->n_before;
	for (size_t i = 0; i < x->job.done; i++)
		if (!failed || x->live.v[i].replaced)
			note_one(x, &x->live.v[i]);
	return added_save(x->c.dir, &x->added, err);
}

/* The helper was killed, say, before it could undo what it had announced: another one does. */
static int clean_up(struct change *x, struct error *err)
{
	struct live l;
	struct live_job job;
	int r;

	live_init(&l);
	l.forgiving = true;
	l.v = arena_new_array(x->arena, struct live_mount, x->live.n + 1);
	for (size_t i = 0; i < x->live.n; i++) {
		const struct live_mount *v = &x->live.v[i];

		if (!v->id || v->replaced)
			continue;
		l.v[l.n++] = (struct live_mount){
			.index = v->index, .destination = v->point, .known = true, .known_id = v->id,
			.source = -1, .mnt = -1, .place.early = -1, .place.map = -1,
		};
	}
	live_job_init(&job, &l, &x->c.state, x->c.pidfd);
	r = live_job_open(&job, err);
	if (r == 0)
		r = live_job_run(&job, err);
	live_job_end(&job, true);
	live_job_close(&job);
	live_close(&l);
	return r;
}

/* After an error what was replaced is there, and the rest is gone. */
static int add_all(struct change *x, struct error *err)
{
	struct error second = {0};
	int r = live_job_run(&x->job, err), end;

	if (r == 0)
		r = note_added(x, false, err);
	end = live_job_end(&x->job, r == 0);
	if (r == 0 && end == 0)
		return 0;
	if (r == 0)
		r = error_set(err, EPIPE, "the helper in the container has ended early");
	if (end == -EPIPE && clean_up(x, &second) < 0)
		return error_hint(err, "and what is mounted could not be undone: %s", second.text);
	if (note_added(x, true, &second) < 0)
		error_hint(err, "and: %s", second.text);
	return r;
}

static int add(struct change *x, struct error *err)
{
	int r;

	for (size_t i = 0; i < x->live.n; i++) {
		x->live.v[i].m = &x->plan->rootfs.mounts[i];
		x->live.v[i].destination = x->live.v[i].m->destination;
		if (x->o->replace)
			look_for(x, &x->live.v[i]);
	}
	x->live.p = &x->plan->rootfs;
	x->live.replace = x->o->replace;
	r = live_job_open(&x->job, err);	/* which namespaces it takes depends on them */
	if (r == 0)
		r = live_open(&x->live, x->c.state.rootfs, live_job_userns(&x->job), err);
	if (r == 0)
		r = note_intent(x, err);
	return r < 0 ? r : uninterrupted(x, add_all, err);
}

/* ---- remove -------------------------------------------------------------------------------------- */

static int check_ours(const struct change *x, struct error *err)
{
	for (size_t i = 0; i < x->live.n; i++) {
		const struct live_mount *v = &x->live.v[i];

		if (v->known)
			continue;
		error_set(err, ENOENT, "mount %s: container `%s` has no such mount, neither of its configuration nor "
			  "of `mounts add`", v->destination, x->o->id);
		error_hint(err, "see `orlop mounts list %s`", x->o->id);
		return error_at(err, "/mounts/%zu", i);
	}
	return 0;
}

/* Those that went, from the end of the list on, and one that somebody else has taken away. */
static int note_removed(struct change *x, struct error *err)
{
	bool any = false;

	for (size_t i = 0; i < x->live.n; i++) {
		const struct live_mount *v = &x->live.v[i];
		uint64_t id = v->gone ? v->known_id : i >= x->live.n - x->job.done ? v->id : 0;

		for (size_t k = x->added.n; id && k-- > 0;)
			if (x->added.v[k].id == id) {
				added_remove(&x->added, k);
				any = true;
			}
	}
	return any ? added_save(x->c.dir, &x->added, err) : 0;
}

static int remove_all(struct change *x, struct error *err)
{
	struct error second = {0};
	int r = live_job_run(&x->job, err);

	if (note_removed(x, r < 0 ? &second : err) < 0 && r == 0)
		r = -err->code;
	live_job_end(&x->job, true);
	return r;
}

static int take_away(struct change *x, struct error *err)
{
	int r;

	for (size_t i = 0; i < x->live.n; i++)
		look_for(x, &x->live.v[i]);
	r = check_ours(x, err);
	if (r < 0)
		return r;
	r = uninterrupted(x, remove_all, err);
	if (r < 0 && x->job.done)
		error_hint(err, "%zu of the list, from its end on, are removed", x->job.done);
	return r;
}

/* ---- both ---------------------------------------------------------------------------------------- */

static int prepare(struct change *x, bool adding, struct error *err)
{
	int r = self_exe_protect(x->o->global->argv, err);

	if (r == 0)
		r = find_container(x, err);
	if (r == 0)
		r = read_list(x, adding, err);
	if (r < 0)
		return r;
	list_mounts(x);
	live_job_init(&x->job, &x->live, &x->c.state, x->c.pidfd);
	r = live_job_open(&x->job, err);
	return r < 0 || !adding ? r : make_plan(x, err);
}

static int change(struct change *x, bool adding, struct error *err)
{
	int r = prepare(x, adding, err);

	if (r < 0 || !x->live.n)
		return r;
	return adding ? add(x, err) : take_away(x, err);
}

static int run(const struct mounts_options *o, bool adding, struct error *err)
{
	struct change x = {.o = o, .c = CONTAINER_INIT, .arena = arena_new()};
	int r;

	live_init(&x.live);
	live_job_init(&x.job, &x.live, NULL, -1);
	r = change(&x, adding, err);
	live_job_close(&x.job);
	live_close(&x.live);
	container_release(&x.c);
	arena_free(x.arena);
	return r;
}

int container_mounts_add(const struct mounts_options *o, struct error *err)
{
	return run(o, true, err) < 0 ? error_in(err, "add mounts to container `%s`", o->id) : 0;
}

int container_mounts_remove(const struct mounts_options *o, struct error *err)
{
	return run(o, false, err) < 0 ? error_in(err, "remove mounts of container `%s`", o->id) : 0;
}
