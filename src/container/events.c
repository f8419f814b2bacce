/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `events`: lines of JSON about a running container, as clients written for runc read them: its figures at each
 * interval, and that the kernel killed in it for want of memory; until it ends.  Runs on the host.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "cgroup/figures.h"
#include "cgroup/notices.h"
#include "container/container.h"
#include "container/event_stats.h"
#include "container/print.h"
#include "store/ending.h"
#include "store/lookup.h"
#include "store/status.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/mem.h"

struct watch {
	const char *id;
	struct cgroup_reader *reader;
	struct cgroup_figures figures;
	struct cgroup_notices notices;
};

static void watch_done(struct watch *w)
{
	cgroup_notices_close(&w->notices);
	cgroup_figures_free(&w->figures);
	cgroup_reader_free(w->reader);
}

/* @f NULL: a line without data. */
static int print_event(const struct watch *w, const char *type, const struct cgroup_figures *f, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	struct json_writer json;
	size_t len;

	json_write_init(&json, false);
	json_write_object(&json);
	json_write_key(&json, "type");
	json_write_string(&json, type);
	json_write_key(&json, "id");
	json_write_string(&json, w->id);
	if (f) {
		json_write_key(&json, "data");
		event_write_stats(&json, f);
	}
	json_write_end_object(&json);
	strbuf_adds(&json.out, "\n");
	text = json_write_finish(&json, &len);
	return container_print(text, len, err);
}

/* 1 when the cgroup is gone, as the container has ended. */
static int print_stats(struct watch *w, struct error *err)
{
	int r = cgroup_read_figures(w->reader, &w->figures, err);

	if (r == -ENODEV) {
		memset(err, 0, sizeof(*err));
		return 1;
	}
	return r < 0 ? r : print_event(w, "stats", &w->figures, err);
}

static int wait_time(int64_t until_ms)
{
	int64_t left = until_ms - clock_now_ms();

	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* The first figures come after the first interval, as runc has it. */
static int follow(struct watch *w, int pidfd, int64_t interval_ms, struct error *err)
{
	int64_t next = clock_now_ms() + interval_ms;
	int r = cgroup_notices_open(&w->notices, cgroup_reader_dir(w->reader), pidfd, err);

	while (r == 0) {
		int seen = cgroup_notices_wait(&w->notices, STDOUT_FILENO, wait_time(next), err);

		if (seen < 0)
			return seen;
		if (seen & NOTICE_OOM)
			r = print_event(w, "oom", NULL, err);
		if (r < 0 || seen & (NOTICE_END | NOTICE_NO_READER))
			return r;
		if (clock_now_ms() < next)
			continue;
		r = print_stats(w, err);
		next += interval_ms;
		if (next < clock_now_ms())	/* too slow: leave some out */
			next = clock_now_ms() + interval_ms;
	}
	return r < 0 ? r : 0;
}

/* Engines look for these words. */
static int refuse_to_wait(const struct container *c, bool killed, struct error *err)
{
	error_of(err, ERROR_CONTAINER_STATE, ESRCH, "container with id %s is not running", c->state.id);
	return error_hint(err, "it is %s%s", container_status_names[c->status], killed ?
			  ": the kernel killed in it for want of memory (/linux/resources/memory/limit)" : "");
}

/* Of what has ended only this is left to tell, until it is deleted. */
static int tell_of_the_past(const struct container *c, const struct watch *w, bool once, struct error *err)
{
	struct ending e = {0};
	bool killed;
	int r;

	if (c->status == STATUS_STOPPED)
		ending_load(c->arena, c->dir, &c->state, &e);
	killed = e.oom_kills > 0;
	r = killed && !once ? print_event(w, "oom", NULL, err) : 0;
	return r < 0 ? r : refuse_to_wait(c, killed, err);
}

int container_events(const struct global_options *g, const char *id, int64_t interval_ms, bool once,
		     struct error *err)
{
	_cleanup_(container_release) struct container c = CONTAINER_INIT;
	_cleanup_(watch_done) struct watch w = {.id = id, .notices = CGROUP_NOTICES_INIT};
	int cgroup = -1, r = container_lookup(g, id, LOOKUP, &c, err);

	if (r == 0 && (c.status == STATUS_STOPPED || c.status == STATUS_CREATING))
		r = tell_of_the_past(&c, &w, once, err);
	if (r == 0)
		r = state_open_cgroup(&c.state, &cgroup, err);
	if (r < 0)
		return r;
	if (cgroup < 0)
		return error_set(err, ENOENT, "container `%s` has no cgroup, and only of a cgroup there are figures "
				 "and events", id);
	w.reader = cgroup_reader_new(cgroup, FIGURES_ALL, !once);
	r = once ? print_stats(&w, err) : follow(&w, c.pidfd, interval_ms, err);
	if (once && r > 0)
		return error_of(err, ERROR_CONTAINER_STATE, ESRCH, "container with id %s is not running", id);
	return r < 0 ? error_in(err, "container `%s`", id) : 0;
}
