/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `run`: create and start in one, and stay until the end unless detached.  `restore`: the same of what was dumped.
 * Runs on the host.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "container/container.h"
#include "container/delete.h"
#include "launch/creation.h"
#include "launch/destroy.h"
#include "launch/foreground.h"
#include "launch/interrupt.h"
#include "launch/restoration.h"
#include "process/process.h"
#include "store/ending.h"
#include "store/store.h"
#include "util/log.h"

/* runtime-spec 1.3, runtime.md#lifecycle step 9: a failing poststart hook stops the container. */
static int start_process(struct creation *c, struct error *err)
{
	int r = spawn_proceed(&c->spawn, true, err);

	if (r == 0 && !c->plan->has_process)
		r = error_config(err, "/process", "there is nothing to run: `process` is missing");
	return r < 0 ? r : creation_hooks(c, HOOK_POSTSTART, STATUS_RUNNING, err);
}

/* The cgroup tells it until it is removed.  Said once, and not in a log of JSON, which is for errors. */
static void look_at_memory(struct ending *e, const struct state *st)
{
	char words[128];

	ending_add_memory(e, st);
	if (ending_is_oom(e))
		log_warning("container `%s`: %s", st->id, ending_oom_words(e, words, sizeof(words)));
}

static int finish(struct creation *c, struct error *err)
{
	struct ending e = {0};

	ending_of_status(&e, c->spawn.wait_status);
	if (ending_code(&e) == 128 + SIGKILL)
		look_at_memory(&e, &c->st);
	if (c->o->keep)
		return ending_save(c->store, c->o->id, c->dir, &e, err);
	return container_destroy(c->store, c->o->id, c->dir, &c->st, true, err);
}

/* The container is made, and its program cannot be executed: it has ended, with the status that says so. */
static int ended_at_exec(struct creation *c, int r, int *ret_status, const struct error *err)
{
	struct error ignored = {0};
	struct ending e = {0};

	*ret_status = process_exec_status(err->code);
	if (!c->o->keep) {
		creation_undo(c);
	} else if (spawn_wait(&c->spawn, &ignored) >= 0) {
		ending_of_status(&e, c->spawn.wait_status);
		ending_save(c->store, c->o->id, c->dir, &e, &ignored);
	}
	return r;
}

/* It runs, and nobody would wait for its end: so it ends now. */
static int give_up(struct creation *c, int r)
{
	c->hooks_ran = true;	/* those of its start were due, so are those of its end */
	creation_undo(c);
	return r;
}

/* Until the end, or until it is ready. */
static int stay(struct creation *c, const sigset_t *forwarded, int signal_fd, int *ret_status, struct error *err)
{
	int r;

	if (c->notify.runtime && c->notify.host >= 0)
		notify_ready(&c->notify, c->o->detach ? c->st.init.pid : 0);
	if (c->o->detach && c->notify.socket < 0)
		return 0;
	/* Others may work on it now: `kill` and `delete` need the lock that we hold. */
	r = store_unlock(c->dir, err);
	if (r == 0 && c->o->detach)
		r = notify_wait(&c->notify, c->spawn.pidfd, err);
	else if (r == 0)
		r = foreground_wait(&c->spawn, forwarded, signal_fd, err);
	if (r < 0)
		return give_up(c, r);
	if (c->o->detach)
		return 0;
	*ret_status = r;
	return finish(c, err);
}

/* @images: begin with what is in them, or NULL. */
static int run(struct creation *c, const struct restoration_options *images, int *ret_status, struct error *err)
{
	sigset_t forwarded;
	int signal_fd = -1, sig, r;

	interrupt_arm(&c->spawn.pidfd);
	creation_may_undo(c);
	r = images ? restoration_build(c, images, err) : creation_build(c, err);
	if (r == 0 && !c->o->detach) {
		signal_fd = foreground_signals(&forwarded, err);
		r = signal_fd < 0 ? signal_fd : 0;
	}
	if (r == 0 && !images)
		r = start_process(c, err);
	sig = interrupt_disarm(r == 0 && c->o->detach && c->notify.socket < 0);
	if (r < 0 && c->spawn.exec_failed)
		return ended_at_exec(c, r, ret_status, err);
	if (sig)
		r = -EINTR;
	if (r < 0) {
		creation_undo(c);
		if (sig)
			interrupt_explain(sig, err);
		return r;
	}
	r = stay(c, &forwarded, signal_fd, ret_status, err);
	if (signal_fd >= 0)
		close(signal_fd);
	return r;
}

static int prepare_and_run(const struct create_options *o, const struct restoration_options *images, int *ret_status,
			   struct error *err)
{
	struct creation c;
	int r = creation_prepare(&c, o, images ? CREATION_RESTORES : CREATION_RUNS, err);

	*ret_status = 0;
	if (r == 0)
		r = container_make_room(&c, err);
	if (r == 0)
		r = run(&c, images, ret_status, err);
	creation_close(&c);
	return r;
}

int container_run(const struct create_options *o, int *ret_status, struct error *err)
{
	return prepare_and_run(o, NULL, ret_status, err);
}

int container_restore(const struct restore_options *o, int *ret_status, struct error *err)
{
	struct restoration_options images = {
		.images = &o->images, .tcp_close = o->tcp_close, .lsm_profile = o->lsm_profile,
		.lsm_mount_context = o->lsm_mount_context,
	};

	return prepare_and_run(&o->create, &images, ret_status, err);
}
