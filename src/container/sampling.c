/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `stats` looks at.  Nothing is entered and nothing is locked; runs on the host. */
#include "container/sampling.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "container/container.h"
#include "store/status.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/mem.h"

#define OTHER_DESCRIPTORS 32	/* of everything but samples */
#define OWN_DESCRIPTORS 3	/* of a sample, besides those of its reader: directory, pidfd, /proc/PID */

struct sample_handles {
	struct cgroup_reader *reader;
	int proc;
	bool kept;			/* its descriptors stay open between two looks */
	bool listed;			/* is there in this look */
	bool warned;
	uint64_t cpu_us;		/* at the last look */
	int64_t at_us;			/* when that was; 0: none */
};

struct sampling {
	struct store *store;
	const char *root;		/* as given */
	const struct strings *ids;	/* NULL: all */
	enum figures_extent extent;
	bool looked;
	uint64_t descriptors;		/* that may still be kept */
	uint64_t net_inode;		/* our own network namespace */
	struct sample **v, **shown;
	size_t n;
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- descriptors ---------------------------------------------------------------------------- */

/* As many as we may have: the soft limit is for programs that use select(2). */
static uint64_t count_descriptors(void)
{
	struct sys_rlimit limit;

	if (sys_prlimit(0, RLIMIT_NOFILE, NULL, &limit) < 0)
		return 0;
	if (limit.soft < limit.hard) {
		struct sys_rlimit more = {.soft = limit.hard, .hard = limit.hard};

		if (sys_prlimit(0, RLIMIT_NOFILE, &more, NULL) == 0)
			limit = more;
	}
	return limit.soft > OTHER_DESCRIPTORS ? limit.soft - OTHER_DESCRIPTORS : 0;
}

static bool keep_open(struct sampling *s)
{
	unsigned need = cgroup_reader_descriptors + OWN_DESCRIPTORS;

	if (s->descriptors < need)
		return false;
	s->descriptors -= need;
	return true;
}

/* What is known of it stays. */
static void close_handles(struct sample *x)
{
	cgroup_reader_free(x->handles->reader);
	x->handles->reader = NULL;
	cleanup_closep(&x->handles->proc);
	cleanup_closep(&x->c.dir);
	cleanup_closep(&x->c.pidfd);
	x->handles->proc = x->c.dir = x->c.pidfd = -1;
}

static void let_go(struct sampling *s, struct sample *x)
{
	close_handles(x);
	if (x->handles->kept)
		s->descriptors += cgroup_reader_descriptors + OWN_DESCRIPTORS;
	x->handles->kept = false;
}

static void free_sample(struct sampling *s, struct sample *x)
{
	let_go(s, x);
	container_release(&x->c);
	cgroup_figures_free(&x->figures);
	traffic_free(&x->traffic);
	free(x->handles);
	free(x->id);
	free(x);
}

/* ---- finding -------------------------------------------------------------------------------- */

/* By its own directory in /proc, which is of no other process later; only if the namespace is not ours. */
static int open_proc(const struct sampling *s, const struct container *c)
{
	_cleanup_close_ int fd = -1;
	char path[32];
	struct stat st;

	if (!(c->state.ns_flags & CLONE_NEWNET) || c->pidfd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d", (int)c->state.init.pid);
	fd = fd_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0 || fd_wait(c->pidfd, POLLIN, 0) != 0)	/* it has ended: is this still its number? */
		return -1;
	if (fstatat(fd, "ns/net", &st, 0) == 0 && st.st_ino == s->net_inode)
		return -1;
	return steal_fd(&fd);
}

static int find(struct sampling *s, struct sample *x, struct error *err)
{
	uint64_t cgroup_id = x->c.state.cgroup_id;
	int cgroup = -1, r;

	r = store_container(s->store, x->id, &x->c.dir, err);
	if (r == 0)
		r = container_refresh(&x->c, x->id, err);
	if (r == 0 && x->c.status != STATUS_STOPPED)
		r = state_open_cgroup(&x->c.state, &cgroup, err);
	if (r < 0)
		return r;
	x->status = x->c.status;
	if (x->status == STATUS_STOPPED || x->status == STATUS_CREATING)
		return 0;
	if (cgroup_id != x->c.state.cgroup_id)
		x->handles->at_us = 0;
	x->handles->kept = keep_open(s);
	if (cgroup >= 0)
		x->handles->reader = cgroup_reader_new(cgroup, s->extent, x->handles->kept);
	x->handles->proc = open_proc(s, &x->c);
	return 0;
}

/* ---- one look ------------------------------------------------------------------------------- */

static void compute_cpu(struct sample *x)
{
	struct sample_handles *h = x->handles;
	int64_t now = now_us(), passed = now - h->at_us;
	uint64_t used = x->figures.cpu.usage_us - h->cpu_us;

	x->cpu_percent = -1;
	if (h->at_us && passed > 0 && x->figures.cpu.usage_us >= h->cpu_us)
		x->cpu_percent = (int64_t)(used * 10000 / (uint64_t)passed);
	h->at_us = now;
	h->cpu_us = x->figures.cpu.usage_us;
}

static int read_figures(struct sample *x, struct error *err)
{
	int r;

	x->has_figures = false;
	x->traffic.known = false;
	if (x->c.pidfd >= 0 && fd_wait(x->c.pidfd, POLLIN, 0) > 0) {
		x->status = STATUS_STOPPED;
		return 0;
	}
	if (x->handles->proc >= 0)
		traffic_read(x->handles->proc, &x->traffic);
	if (!x->handles->reader)
		return 0;
	r = cgroup_read_figures(x->handles->reader, &x->figures, err);
	if (r == -ENODEV) {
		memset(err, 0, sizeof(*err));
		x->status = STATUS_STOPPED;
		return 0;
	}
	if (r < 0)
		return r;
	x->has_figures = true;
	compute_cpu(x);
	/* Whether it waits for `start` was asked when it was found; running is what most do later. */
	if (x->figures.frozen)
		x->status = STATUS_PAUSED;
	else if (x->status == STATUS_PAUSED)
		x->status = STATUS_RUNNING;
	return 0;
}

/* What is created becomes running, a name may be given again, and what nothing is kept of is looked for each time; so
 * are those that do not run. */
static bool must_find(struct sampling *s, const struct sample *x)
{
	return x->c.dir < 0 || x->status == STATUS_CREATED || !store_is_current(s->store, x->id, x->c.dir);
}

static int look_at(struct sampling *s, struct sample *x, struct error *err)
{
	int r;

	if (must_find(s, x)) {
		let_go(s, x);
		r = find(s, x, err);
		if (r < 0)
			return r;
	}
	if (x->status == STATUS_STOPPED || x->status == STATUS_CREATING) {
		let_go(s, x);
		return 0;
	}
	r = read_figures(x, err);
	if (!x->handles->kept || x->status == STATUS_STOPPED)
		let_go(s, x);
	return r;
}

/* Of all containers one that cannot be read is a warning, once, and not shown. */
static int look_at_one_of_all(struct sampling *s, struct sample *x)
{
	struct error err = {0};
	int r = look_at(s, x, &err);

	if (r == 0)
		return 0;
	x->status = STATUS_STOPPED;
	if (r != -ENOENT && !x->handles->warned)
		log_warning("load container %s: %s", x->id, err.text);
	x->handles->warned = true;
	return 0;
}

static int look_at_named(struct sampling *s, struct sample *x, struct error *err)
{
	int r = look_at(s, x, err);

	if (r < 0 && s->looked && r == -ENOENT) {	/* deleted since */
		memset(err, 0, sizeof(*err));
		x->status = STATUS_STOPPED;
		return 0;
	}
	if (r < 0 || s->looked || (x->status != STATUS_STOPPED && x->status != STATUS_CREATING))
		return r;
	error_of(err, ERROR_CONTAINER_STATE, ESRCH, "container with id %s is not running", x->id);
	return error_hint(err, "it is %s", container_status_names[x->status]);
}

/* ---- which ---------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
	return strcmp((*(struct sample *const *)a)->id, (*(struct sample *const *)b)->id);
}

static struct sample *find_known(const struct sampling *s, size_t n, const char *id)
{
	struct sample key = {.id = (char *)id}, *p = &key;
	struct sample **found = n ? bsearch(&p, s->v, n, sizeof(*s->v), compare_ids) : NULL;

	return found ? *found : NULL;
}

static void add(struct sampling *s, const char *id)
{
	struct sample *x = xcalloc(1, sizeof(*x));

	x->id = xstrdup(id);
	x->c = (struct container)CONTAINER_INIT;
	x->status = STATUS_STOPPED;
	x->cpu_percent = -1;
	x->handles = xcalloc(1, sizeof(*x->handles));
	x->handles->proc = -1;
	x->handles->listed = true;
	s->v = xrealloc(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = x;
}

/* One that is named twice is one. */
static void add_sorted(struct sampling *s, const char *id)
{
	if (find_known(s, s->n, id))
		return;
	add(s, id);
	qsort(s->v, s->n, sizeof(*s->v), compare_ids);
}

/* @s->v becomes one for each id, sorted. */
static void take_ids(struct sampling *s, const struct strings *ids)
{
	size_t known = s->n, kept = 0;

	for (size_t i = 0; i < known; i++)
		s->v[i]->handles->listed = false;
	for (size_t i = 0; i < ids->n; i++) {
		struct sample *x = find_known(s, known, ids->v[i]);

		if (x)
			x->handles->listed = true;
		else
			add(s, ids->v[i]);
	}
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i]->handles->listed)
			s->v[kept++] = s->v[i];
		else
			free_sample(s, s->v[i]);
	}
	s->n = kept;
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare_ids);
}

/* The root may be made after we began. */
static int list_all(struct sampling *s, struct error *err)
{
	_cleanup_(store_list_free) struct strings ids = {0};
	int r = 0;

	if (store_fd(s->store) < 0) {
		store_close(s->store);
		s->store = NULL;
		r = store_open(s->root, false, &s->store, err);
	}
	if (r == 0)
		r = store_list(s->store, &ids, err);
	if (r == 0)
		take_ids(s, &ids);
	return r;
}

int sampling_look(struct sampling *s, struct error *err)
{
	int r = s->ids ? 0 : list_all(s, err);

	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = s->ids ? look_at_named(s, s->v[i], err) : look_at_one_of_all(s, s->v[i]);
	s->looked = true;
	return r;
}

size_t sampling_list(struct sampling *s, struct sample ***ret)
{
	size_t n = 0;

	s->shown = xrealloc(s->shown, s->n + 1, sizeof(*s->shown));
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->status != STATUS_STOPPED && s->v[i]->status != STATUS_CREATING)
			s->shown[n++] = s->v[i];
	*ret = s->shown;
	return n;
}

int sampling_open(const struct global_options *g, const struct strings *ids, enum figures_extent extent,
		  struct sampling **ret, struct error *err)
{
	struct sampling *s = xcalloc(1, sizeof(*s));
	struct stat st;
	int r = store_open(g->root, false, &s->store, err);

	if (r < 0) {
		free(s);
		return r;
	}
	s->root = g->root;
	s->extent = extent;
	s->descriptors = count_descriptors();
	s->net_inode = stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;
	if (ids->n) {
		s->ids = ids;
		for (size_t i = 0; i < ids->n; i++)
			add_sorted(s, ids->v[i]);
	}
	*ret = s;
	return 0;
}

void sampling_close(struct sampling *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free_sample(s, s->v[i]);
	free(s->v);
	free(s->shown);
	store_close(s->store);
	free(s);
}
