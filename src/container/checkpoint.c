/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `checkpoint`: CRIU writes all that a container is into images.  Runs on the host, with the container's lock. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "container/container.h"
#include "launch/destroy.h"
#include "launch/external.h"
#include "launch/images.h"
#include "launch/options.h"
#include "plan/build.h"
#include "store/added.h"
#include "store/lookup.h"
#include "sys/probe.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

struct dump {
	const struct checkpoint_options *o;
	struct arena *arena;
	struct container c;
	const struct plan *plan;
	struct images images;
	struct criu_request request;
	int proc_pid;			/* directory of init in /proc */
	int status_fd;
};

/* ---- options ---------------------------------------------------------------------------------- */

/* The port is behind the last colon: "[::1]:27". */
static int read_page_server(struct dump *d, struct error *err)
{
	const char *text = d->o->page_server, *colon = text ? strrchr(text, ':') : NULL;
	char shown[128];
	size_t n;
	uint32_t port;

	if (!text)
		return 0;
	if (!colon || colon == text || str_to_u32(colon + 1, &port) < 0 || port == 0 || port > UINT16_MAX)
		return error_usage(err, "option `--page-server`: `%s` is not ADDRESS:PORT",
				   str_escape(text, shown, sizeof(shown)));
	n = (size_t)(colon - text);
	if (text[0] == '[' && colon[-1] == ']' && n > 2) {
		text++;
		n -= 2;
	}
	d->request.page_server = arena_strndup(d->arena, text, n);
	d->request.page_server_port = (uint16_t)port;
	return 0;
}

static int read_status_fd(struct dump *d, struct error *err)
{
	const char *text = d->o->status_fd;
	uint32_t fd;
	int flags;

	if (!text)
		return 0;
	if (!d->o->images.lazy_pages)
		return error_usage(err, "option `--status-fd` is only of use with --lazy-pages");
	if (str_to_u32(text, &fd) < 0 || fd > INT32_MAX)
		return error_usage(err, "option `--status-fd`: not the number of a descriptor");
	flags = fcntl((int)fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return error_set(err, EBADF, "option `--status-fd`: descriptor %u is not open for writing",
				 (unsigned)fd);
	d->status_fd = fcntl((int)fd, F_DUPFD_CLOEXEC, 3);
	return d->status_fd < 0 ? error_errno(err, errno, "option `--status-fd`") : 0;
}

static int check_options(struct dump *d, struct error *err)
{
	const struct checkpoint_options *o = d->o;
	int r = images_check_caller(err);

	if (r < 0)
		return r;
	if (o->pre_dump && o->images.lazy_pages)
		return error_usage(err, "options `--pre-dump` and `--lazy-pages` exclude each other");
	if (o->images.lazy_pages && !o->page_server)
		return error_usage(err, "option `--lazy-pages` needs --page-server: somebody has to serve "
				   "the pages");
	if (o->parent_path && (o->parent_path[0] == '/' || !*o->parent_path))
		return error_usage(err, "option `--parent-path` is relative to the image directory, such as "
				   "../before");
	r = read_page_server(d, err);
	return r < 0 ? r : read_status_fd(d, err);
}

/* ---- of which container ----------------------------------------------------------------------- */

/* What came later is in no configuration, and could not be restored. */
static int check_added(struct dump *d, struct error *err)
{
	struct added_mounts added;
	int r = added_load(d->arena, d->c.dir, &added, err);

	if (r < 0 || added.n == 0)
		return r;
	error_set(err, ENOTSUP, "container `%s` has mounts of `mounts add`, such as %.200s, which restore does "
		  "not know", d->o->id, added.v[0].destination);
	return error_hint(err, "remove them before");
}

static int find(struct dump *d, struct error *err)
{
	int r = container_lookup(d->o->global, d->o->id, LOOKUP_LOCKED_IF_MADE, &d->c, err);

	if (r < 0)
		return r;
	/* containerd pauses it before. */
	if (d->c.status != STATUS_RUNNING && d->c.status != STATUS_PAUSED)
		return error_of(err, ERROR_CONTAINER_STATE, EBUSY,
				"container `%s` cannot be checkpointed in state %s (it has to run)",
				d->o->id, container_status_names[d->c.status]);
	if (d->c.state.notify)
		return error_set(err, ENOTSUP, "container `%s` was started with NOTIFY_SOCKET, whose socket cannot "
				 "be checkpointed", d->o->id);
	return check_added(d, err);
}

/* The process is what the state says as long as it lives while its directory is open (rule R14). */
static int open_process(struct dump *d, struct error *err)
{
	char name[24];
	int alive;

	snprintf(name, sizeof(name), "/proc/%d", (int)d->c.state.init.pid);
	d->proc_pid = fd_openat(AT_FDCWD, name, O_RDONLY | O_DIRECTORY, 0);
	alive = d->c.pidfd < 0 ? 1 : fd_wait(d->c.pidfd, POLLIN, 0);
	if (d->proc_pid < 0 || alive != 0)
		return error_of(err, ERROR_CONTAINER_STATE, ESRCH, "container `%s` has just ended", d->o->id);
	return 0;
}

static int make_plan(struct dump *d, struct error *err)
{
	const struct state *st = &d->c.state;
	struct plan_options po = {
		.id = d->o->id, .bundle = st->bundle,
		.cgroup_manager = st->unit ? CGROUP_MANAGER_SYSTEMD : st->cgroup_path ? CGROUP_MANAGER_CGROUPFS :
				  CGROUP_MANAGER_DISABLED, .systemd_user = st->unit_user,
		.has_console_socket = st->terminal, .rootless = st->rootless,
	};
	struct oci_config *config;
	struct facts facts;
	int r;

	r = config_load(d->arena, d->c.dir, STORE_CONFIG, &config, NULL, NULL, err);
	if (r < 0)
		return error_in(err, "the saved configuration of container `%s`", d->o->id);
	facts_probe(&facts);
	r = plan_build(d->arena, config, &facts, &po, &d->plan, err);
	return r < 0 ? r : external_check(d->plan, err);
}

/* ---- the dump --------------------------------------------------------------------------------- */

/* CRIU would find out in the middle of it. */
static int check_parent(const struct dump *d, struct error *err)
{
	struct stat st;

	if (!d->o->parent_path)
		return 0;
	if (fstatat(d->images.dir, d->o->parent_path, &st, 0) < 0)
		return error_errno(err, errno, "option `--parent-path`: look at %s, from the image directory on",
				   d->o->parent_path);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "option `--parent-path`: %s is no directory", d->o->parent_path);
	return 0;
}

static int add_external(struct dump *d, struct error *err)
{
	_cleanup_close_ int root = fd_openat(d->proc_pid, "root", O_PATH | O_DIRECTORY, 0);
	const char *const *streams = NULL;
	size_t n = 0;
	int r = 0;

	if (root < 0)
		return error_errno(err, root, "open the root directory of the container");
	/* A dump before the dump holds nothing but memory. */
	if (!d->o->pre_dump)
		r = images_save_streams(d->arena, &d->images, d->proc_pid, &streams, &n, err);
	if (r == 0 && !d->o->pre_dump)
		r = images_save_points(d->arena, &d->images, d->proc_pid, err);
	if (r == 0)
		r = external_dumped_namespaces(d->arena, d->plan, &d->c.state, streams, n, &d->request, err);
	return r < 0 ? r : external_dumped(d->arena, d->plan, root, &d->request, err);
}

static int make_request(struct dump *d, struct error *err)
{
	const struct checkpoint_options *o = d->o;
	const struct state *st = &d->c.state;
	struct criu_request *q = &d->request;
	int r = images_request(d->arena, &o->images, d->plan->config, &d->images, q, err);

	if (r < 0)
		return r;
	q->type = o->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP;
	q->pid = st->init.pid;
	q->root = st->rootfs;
	q->leave_running = o->leave_running || o->pre_dump;
	q->tcp_skip_in_flight = o->tcp_skip_in_flight;
	q->link_remap = o->link_remap;
	q->parent_images = o->parent_path;
	q->track_mem = o->pre_dump || o->parent_path;
	if (st->cgroup_path)
		q->freeze_cgroup = arena_printf(d->arena, "%s%s", st->cgroup_root, st->cgroup_path);
	return add_external(d, err);
}

/* The page server waits for whoever takes the pages. */
static int notified(void *ctx, const struct criu_answer *a, int fd, struct error *err)
{
	struct dump *d = ctx;
	int r;

	(void)fd;
	if (!str_eq(a->script, "status-ready") || d->status_fd < 0)
		return 0;
	r = fd_write_all(d->status_fd, "", 1);
	close(d->status_fd);
	d->status_fd = -1;
	return r < 0 ? error_errno(err, r, "option `--status-fd`: write that the page server is ready") : 0;
}

static int prepare(void *ctx, struct error *err)
{
	const struct dump *d = ctx;

	return images_guard_cgroups(&d->plan->cgroup, err);
}

static int call_criu(struct dump *d, struct error *err)
{
	int inherit[] = {d->images.dir, d->images.work};
	struct criu_setup setup = {
		.cgroup = -1, .inherit = inherit, .n_inherit = IMAGES_INHERITED, .prepare = prepare, .ctx = d,
	};
	struct criu_answer answer = {0};
	struct criu *criu = NULL;
	int r = criu_open(&setup, &criu, err);

	if (r == 0)
		r = criu_call(criu, &d->request, IMAGES_TIMEOUT_MS, notified, d, &answer, err);
	criu_close(criu);
	return images_explain(&d->images, &answer, r, err);
}

static int run(struct dump *d, struct error *err)
{
	const struct checkpoint_options *o = d->o;
	unsigned features = o->images.lazy_pages ? CRIU_LAZY_PAGES : 0;
	int r = check_options(d, err);

	if (o->pre_dump || o->parent_path)
		features |= CRIU_MEM_TRACK;
	if (r == 0)
		r = find(d, err);
	if (r == 0)
		r = open_process(d, err);
	if (r == 0)
		r = make_plan(d, err);
	if (r == 0)
		r = images_check_criu(features, err);
	if (r == 0)
		r = images_open(&o->images, true, "dump.log", &d->images, err);
	if (r == 0)
		r = check_parent(d, err);
	if (r == 0)
		r = make_request(d, err);
	if (r == 0)
		r = call_criu(d, err);
	if (r < 0 || d->request.leave_running)
		return r;
	return container_destroy(d->c.store, o->id, d->c.dir, &d->c.state, true, err);
}

int container_checkpoint(const struct checkpoint_options *o, struct error *err)
{
	struct dump d = {
		.o = o, .c = CONTAINER_INIT, .images = IMAGES_INIT, .proc_pid = -1, .status_fd = -1,
		.arena = arena_new(),
	};
	int r = run(&d, err);

	images_close(&d.images);
	cleanup_closep(&d.proc_pid);
	cleanup_closep(&d.status_fd);
	container_release(&d.c);
	arena_free(d.arena);
	return r < 0 ? error_in(err, "checkpoint container `%s`", o->id) : 0;
}
