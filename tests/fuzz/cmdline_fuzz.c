/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any words as the command line.  The verbs of container/ and report/ are replaced: they look at what they are given.  A
 * slash is in no word, so that nothing is written but in a directory of our own (`spec`, --log).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "container/container.h"
#include "report/report.h"
#include "tests/fuzz/fuzz.h"
#include "util/log.h"
#include "util/str.h"

const char fuzz_corpus[] = "tests/fuzz/cmdline";

/* ---- the verbs ---- */

static void check_text(const char *s)
{
	must(!s || *s);
}

static int no_verb(const struct global_options *g, const char *id, struct error *err)
{
	must(g && g->argv);
	must(id != NULL);
	check_text(g->root);
	check_text(g->log);
	return error_set(err, ENOSYS, "no verb for `%s`", id);
}

static int check_create(const struct create_options *o, struct error *err)
{
	check_text(o->bundle);
	check_text(o->config);
	check_text(o->console_socket);
	check_text(o->pidfd_socket);
	check_text(o->pid_file);
	must(o->preserve_fds <= INT32_MAX);
	return no_verb(o->global, o->id, err);
}

int container_create(const struct create_options *o, struct error *err)
{
	return check_create(o, err);
}

int container_run(const struct create_options *o, int *ret_status, struct error *err)
{
	*ret_status = 0;
	return check_create(o, err);
}

int container_start(const struct global_options *g, const char *id, struct error *err)
{
	return no_verb(g, id, err);
}

/* "1", "1:2": digits without leading zeros, below 4294967295. */
static bool is_user(const char *s)
{
	for (unsigned part = 0; part < 2; part++) {
		size_t n = strspn(s, "0123456789");

		if (n == 0 || n > 10 || (n > 1 && *s == '0') || (n == 10 && strncmp(s, "4294967295", 10) >= 0))
			return false;
		s += n;
		if (*s == '\0')
			return true;
		if (*s++ != ':')
			return false;
	}
	return false;
}

int container_exec(const struct exec_options *o, int *ret_status, struct error *err)
{
	must(!o->user || o->process || is_user(o->user));
	must(o->process || (o->args.n > 0 && o->args.v[0][0] != '-'));
	must(!o->process || (o->args.n == 0 && o->env.n == 0 && !o->user && !o->cwd && o->caps.n == 0));
	must(o->args.n == 0 || o->args.v[o->args.n] == NULL);
	for (size_t i = 0; i < o->env.n; i++)
		must(strchr(o->env.v[i], '=') > o->env.v[i]);
	for (size_t i = 0; i < o->n_additional_gids; i++)
		must(o->additional_gids[i] != UINT32_MAX);
	*ret_status = 0;
	return no_verb(o->global, o->id, err);
}

int container_state(const struct global_options *g, const char *id, struct error *err)
{
	return no_verb(g, id, err);
}

int container_kill(const struct global_options *g, const char *id, int sig, bool all, struct error *err)
{
	(void)all;
	must(sig >= 0 && sig <= 64);
	return no_verb(g, id, err);
}

int container_delete(const struct global_options *g, const char *id, bool force, struct error *err)
{
	(void)force;
	return no_verb(g, id, err);
}

int container_pause(const struct global_options *g, const char *id, struct error *err)
{
	return no_verb(g, id, err);
}

int container_resume(const struct global_options *g, const char *id, struct error *err)
{
	return no_verb(g, id, err);
}

int container_each(const struct global_options *g, const char *pattern, container_action *act, const void *ctx,
		   struct error *err)
{
	must(pattern);
	return act(g, "x", ctx, err);
}

int container_list(const struct global_options *g, enum list_format format, bool quiet, struct error *err)
{
	(void)quiet;
	must(format == LIST_TABLE || format == LIST_JSON);
	return no_verb(g, "", err);
}

int container_gc(const struct global_options *g, enum list_format format, bool force, struct error *err)
{
	(void)force;
	must(format == LIST_TABLE || format == LIST_JSON);
	return no_verb(g, "", err);
}

int container_ps(const struct global_options *g, const char *id, enum list_format format,
		 const struct strings *args, struct error *err)
{
	(void)args;
	must(format == LIST_TABLE || format == LIST_JSON);
	return no_verb(g, id, err);
}

int container_mounts_add(const struct mounts_options *o, struct error *err)
{
	check_text(o->file);
	return no_verb(o->global, o->id, err);
}

int container_mounts_remove(const struct mounts_options *o, struct error *err)
{
	check_text(o->file);
	must(!o->replace);
	return no_verb(o->global, o->id, err);
}

int container_mounts_list(const struct global_options *g, const char *id, enum list_format format, struct error *err)
{
	must(format == LIST_TABLE || format == LIST_JSON);
	return no_verb(g, id, err);
}

int container_update(const struct update_options *o, struct error *err)
{
	const struct oci_resources *given = &o->given;

	check_text(o->resources);
	must(!o->resources || (!given->memory.limit.set && !given->cpu.quota.set && !given->pids_limit.set));
	must(!given->memory.limit.set || given->memory.limit.v >= -1);
	must(!given->block_io.weight.set || given->block_io.weight.v <= 1000);
	return no_verb(o->global, o->id, err);
}

static void check_images(const struct image_options *o)
{
	check_text(o->image_path);
	check_text(o->work_path);
	must(!o->cgroups_mode || strchr("sfi", o->cgroups_mode[0]));
	must(!o->network_lock || strchr("ins", o->network_lock[0]));
}

int container_checkpoint(const struct checkpoint_options *o, struct error *err)
{
	check_images(&o->images);
	check_text(o->parent_path);
	check_text(o->page_server);
	check_text(o->status_fd);
	return no_verb(o->global, o->id, err);
}

int container_restore(const struct restore_options *o, int *ret_status, struct error *err)
{
	check_images(&o->images);
	must(o->create.restore && !o->create.preserve_fds && o->create.bundle && o->create.config);
	must(!o->lsm_profile || strchr(o->lsm_profile, ':'));
	*ret_status = 0;
	return no_verb(o->create.global, o->create.id, err);
}

int container_events(const struct global_options *g, const char *id, int64_t interval_ms, bool once,
		     struct error *err)
{
	(void)once;
	must(interval_ms > 0);
	return no_verb(g, id, err);
}

int container_wait(const struct wait_options *o, struct error *err)
{
	must(o->n_ids > 0 && (o->timeout_ms == -1 || o->timeout_ms > 0));
	for (size_t i = 0; i < o->n_ids; i++)
		must(o->ids[i]);
	return no_verb(o->global, o->ids[0], err);
}

int report_doctor(const struct global_options *g, bool json, int *ret_status, struct error *err)
{
	(void)json;
	*ret_status = 0;
	return no_verb(g, "", err);
}

int report_check(const struct global_options *g, const struct check_options *o, int *ret_status, struct error *err)
{
	(void)o;
	*ret_status = 0;
	return no_verb(g, "", err);
}

int report_judge(const struct global_options *g, const struct plan *plan, struct error *err)
{
	(void)plan;
	return no_verb(g, "", err);
}

int report_explain(const struct explain_options *o, struct error *err)
{
	must(o->config && o->call);
	return error_set(err, EINVAL, "explained");
}

int report_plan(const struct global_options *g, const struct report_plan_options *o, struct error *err)
{
	must(!o->id || str_is_container_id(o->id));
	return no_verb(g, "", err);
}

int report_host(const struct global_options *g, struct error *err)
{
	return no_verb(g, "", err);
}

int report_trace_begin(const char *path, struct error *err)
{
	check_text(path);
	memset(err, 0, sizeof(*err));
	return 0;
}

int report_trace_end(const char *path, struct error *err)
{
	return report_trace_begin(path, err);
}

int report_trace_show(const char *path, bool svg, struct error *err)
{
	(void)svg;
	check_text(path);
	return error_set(err, ENOSYS, "no verb");
}

int report_resources(const struct global_options *g, const char *id, bool json, struct error *err)
{
	(void)json;
	return no_verb(g, id, err);
}

int report_stats(const struct global_options *g, const struct stats_options *o, struct error *err)
{
	must(o->interval_ms > 0);
	must(o->format >= STATS_TABLE && o->format <= STATS_OPENMETRICS);
	must(o->order >= STATS_BY_CPU && o->order <= STATS_BY_ID);
	for (size_t i = 0; i < o->ids.n; i++)
		must(o->ids.v[i]);
	return no_verb(g, "", err);
}

/* ---- one command line ---- */

static void empty(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;

	must(d);
	for (struct dirent *e; (e = readdir(d));)
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			must(unlinkat(dir, e->d_name, 0) == 0);
	closedir(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct error err = {0};
	struct arena *a;
	static int above = -1, dir = -1;
	char *argv[66] = {(char *)"orlop"};
	int argc = 1, next, r;
	unsigned before;

	if (memchr(data, '/', size) || size > 4096)
		return 0;
	if (dir < 0) {
		/* one below it, so that ".." is ours, too */
		above = fuzz_scratch();
		must(mkdirat(above, "in", 0700) == 0);
		dir = openat(above, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		must(dir >= 0);
	}
	must(fchdir(dir) == 0);
	a = arena_new();
	before = fuzz_open_fds();
	next = fuzz_lowest_fd();
	while (in.n > 0 && argc < 65)
		argv[argc++] = fuzz_text(&in, a);
	log_redirect(NULL, NULL);
	r = cli_main(argc, argv);
	must(r == 0 || r == 1 || r == 255);
	signal(SIGXFSZ, SIG_DFL);
	if (log_fd() == next)
		close(next);
	must(log_open(NULL, LOG_FORMAT_TEXT, LOG_LEVEL_WARNING, &err) == 0);
	must(fuzz_open_fds() == before);
	empty(dir);
	arena_free(a);
	return 0;
}
