/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `wait`: for the ends of containers, and how they came.  A pidfd is opened while the first process lives, so that the
 * kernel tells us what it tells its parent; what is learned is kept for `state`.  Runs on the host.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "container/container.h"
#include "container/print.h"
#include "json/writer.h"
#include "store/ending.h"
#include "store/lookup.h"
#include "store/status.h"
#include "sys/probe.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

#define TELLING_RELEASE "6.15"		/* what has ended tells it to others than its parent, too */

struct waited {
	struct container c;
	int proc;			/* its directory in /proc, or -1 */
	bool ended;
	struct ending ending;
};

struct waiting {
	const struct wait_options *o;
	struct waited *v;
	struct pollfd *fds;		/* -1: has ended */
};

static void waiting_done(struct waiting *w)
{
	for (size_t i = 0; w->v && i < w->o->n_ids; i++) {
		cleanup_closep(&w->v[i].proc);
		container_release(&w->v[i].c);
	}
	free(w->v);
	free(w->fds);
}

static void warn_unknown(const struct waited *w, bool seen)
{
	const char *id = w->c.state.id;

	if (!seen)
		log_warning("how container `%s` ended is unknown: nobody waited for it then", id);
	else if (kernel_is_older(TELLING_RELEASE))
		log_warning("how container `%s` ended is unknown: its parent has learned it first, and Linux tells "
			    "others since " TELLING_RELEASE, id);
	else
		log_warning("how container `%s` ended is unknown: the kernel does not tell us", id);
}

static int look_up(struct waited *w, const struct global_options *g, const char *id, struct error *err)
{
	int r = container_lookup(g, id, LOOKUP, &w->c, err);

	if (r < 0)
		return r;
	if (w->c.status == STATUS_CREATING)
		return error_of(err, ERROR_CONTAINER_STATE, EBUSY, "container `%s` is still being created", id);
	w->ended = w->c.status == STATUS_STOPPED;
	if (!w->ended) {
		w->proc = state_open_proc(&w->c.state.init, w->c.pidfd);
		return 0;
	}
	ending_load(w->c.arena, w->c.dir, &w->c.state, &w->ending);
	return 0;
}

/* That it cannot be kept is no reason not to tell it. */
static void has_ended(struct waited *w)
{
	struct error err = {0};

	w->ended = true;
	ending_seen(&w->ending, w->c.pidfd, w->proc);
	ending_add_memory(&w->ending, &w->c.state);
	if (!w->ending.known)
		warn_unknown(w, true);
	else if (ending_save(w->c.store, w->c.state.id, w->c.dir, &w->ending, &err) < 0)
		log_warning("%s", err.text);
}

/* How many have ended. */
static size_t count(const struct waiting *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->o->n_ids; i++)
		n += w->v[i].ended;
	return n;
}

static int time_left(int64_t deadline)
{
	int64_t left = deadline < 0 ? -1 : deadline - clock_now_ms();

	return deadline < 0 ? -1 : left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static int explain_timeout(const struct waiting *w, struct error *err)
{
	size_t i = 0;

	while (w->v[i].ended)
		i++;
	return error_set(err, ETIMEDOUT, "container `%s` has not ended in %lld ms", w->v[i].c.state.id,
			 (long long)w->o->timeout_ms);
}

static int wait_for_ends(struct waiting *w, struct error *err)
{
	int64_t deadline = w->o->timeout_ms < 0 ? -1 : clock_now_ms() + w->o->timeout_ms;
	size_t n = w->o->n_ids, wanted = w->o->any ? 1 : n;

	while (count(w) < wanted) {
		int r;

		for (size_t i = 0; i < n; i++)
			w->fds[i] = (struct pollfd){.fd = w->v[i].ended ? -1 : w->v[i].c.pidfd, .events = POLLIN};
		r = poll(w->fds, n, time_left(deadline));
		if (r < 0 && errno != EINTR)
			return error_errno(err, errno, "wait for the ends of %zu containers", n);
		if (r == 0 && time_left(deadline) == 0)
			return explain_timeout(w, err);
		for (size_t i = 0; r > 0 && i < n; i++)
			if (w->fds[i].revents)
				has_ended(&w->v[i]);
	}
	return 0;
}

static void add_json(struct strbuf *out, const struct waited *w)
{
	struct json_writer json;

	json_write_init(&json, false);
	json_write_object(&json);
	json_write_key(&json, "id");
	json_write_string(&json, w->c.state.id);
	json_write_key(&json, "exit");
	ending_write(&json, &w->ending);
	json_write_end_object(&json);
	strbuf_add(out, json.out.data, json.out.len);
	strbuf_adds(out, "\n");
	strbuf_free(&json.out);
}

static void add_text(struct strbuf *out, const struct waited *w, bool with_id)
{
	if (with_id)
		strbuf_addf(out, "%s ", w->c.state.id);
	if (w->ending.known)
		strbuf_addf(out, "%d\n", ending_code(&w->ending));
	else
		strbuf_adds(out, "unknown\n");
}

static int tell(const struct waiting *w, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};

	for (size_t i = 0; i < w->o->n_ids; i++) {
		if (!w->v[i].ended)
			continue;
		if (!w->v[i].ending.known && !w->v[i].ending.time[0])
			warn_unknown(&w->v[i], false);
		if (w->o->json)
			add_json(&out, &w->v[i]);
		else
			add_text(&out, &w->v[i], w->o->any);
		if (w->o->any)
			break;
	}
	return container_print(out.data, out.len, err);
}

int container_wait(const struct wait_options *o, struct error *err)
{
	_cleanup_(waiting_done) struct waiting w = {.o = o};
	int r = 0;

	w.fds = xcalloc(o->n_ids, sizeof(*w.fds));
	w.v = xcalloc(o->n_ids, sizeof(*w.v));
	for (size_t i = 0; i < o->n_ids; i++)
		w.v[i] = (struct waited){.c = CONTAINER_INIT, .proc = -1};
	for (size_t i = 0; r == 0 && i < o->n_ids; i++)
		r = look_up(&w.v[i], o->global, o->ids[i], err);
	if (r == 0)
		r = wait_for_ends(&w, err);
	return r < 0 ? r : tell(&w, err);
}
