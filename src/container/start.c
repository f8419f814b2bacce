/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `start`: open the gate of a created container, and stay until its program runs.  Runs on the host.
 *
 * The waiting process holds both ends of two fifos.  One byte into `start` lets it go; `result` ends
 * (close-on-exec) when execve has succeeded, or holds the error that it did not: then the container has run
 * and ended, with 126 or 127 and the text on its stderr, and `start` has done what it should.  An engine that
 * was told of an error would keep the container for one that never ran.
 * Opening a fifo for writing without blocking fails with ENXIO when nobody holds it: so a container that
 * runs already, or has ended, cannot be started whatever the files say.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "container/container.h"
#include "launch/creation.h"
#include "launch/destroy.h"
#include "launch/host_hooks.h"
#include "launch/notify.h"
#include "launch/patience.h"
#include "process/process.h"
#include "store/state.h"
#include "store/status.h"
#include "store/store.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"

struct starting {
	struct store *store;
	struct arena *arena;
	const char *id;
	int dir, pidfd, gate, result;
	bool exec_failed;
	struct state st;
	struct notify notify;
	struct oci_config *config;	/* loaded when there are poststart hooks */
};

static int open_fifos(struct starting *s, struct error *err)
{
	struct stat st;

	s->gate = store_open_start(s->dir);
	if (s->gate == -ENXIO || s->gate == -ENOENT)
		return error_of(err, ERROR_CONTAINER_STATE, EINVAL, "cannot start a container that is running already");
	if (s->gate < 0)
		return error_errno(err, s->gate, "open the start gate");
	s->result = fd_openat(s->dir, STORE_RESULT, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
	if (s->result < 0)
		return error_errno(err, s->result, "open the fifo `%s`", STORE_RESULT);
	if (fstat(s->result, &st) < 0 || !S_ISFIFO(st.st_mode))
		return error_set(err, EBADMSG, "`%s` in the state directory is not a fifo", STORE_RESULT);
	return 0;
}

static int check_status(struct starting *s, struct error *err)
{
	enum container_status status;
	int r = state_load(s->arena, s->dir, s->id, true, &s->st, &status, &s->pidfd, err);

	if (r < 0)
		return r;
	if (status == STATUS_STOPPED)
		return error_of(err, ERROR_CONTAINER_STATE, EINVAL, "cannot start a container that has stopped");
	if (status == STATUS_PAUSED)
		return error_of(err, ERROR_CONTAINER_STATE, EINVAL, "cannot start a container that is paused");
	if (status != STATUS_CREATED)
		return error_of(err, ERROR_CONTAINER_STATE, EINVAL, "cannot start a container that is running already");
	if (!s->st.has_process)
		return error_config(err, "/process", "there is nothing to start: the container was "
				    "created without `process`");
	return 0;
}

static int load_hooks(struct starting *s, struct error *err)
{
	if (!s->st.has_poststart)
		return 0;
	return config_load(s->arena, s->dir, STORE_CONFIG, &s->config, NULL, NULL, err);
}

/* Its directory in /proc, to look how it is. */
static int open_process(const struct starting *s)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)s->st.init.pid);
	return fd_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
}

/* Wait for the outcome of execve; the process itself is watched too. */
static int await_exec(struct starting *s, struct error *err)
{
	struct pollfd p[2] = {{.fd = s->result, .events = POLLIN}, {.fd = s->pidfd, .events = POLLIN}};
	_cleanup_close_ int proc = open_process(s);
	struct start_result result;
	struct patience patience;
	ssize_t n;

	patience_begin(&patience, proc, s->st.start_timeout_ms, s->st.agent_answers);
	for (;;) {
		int r = poll(p, 2, PATIENCE_SLICE_MS);

		if (r < 0 && errno != EINTR)
			return error_errno(err, errno, "wait for the container process");
		if (r == 0) {
			r = patience_check(&patience, err);
			if (r == 0)
				continue;
			sys_pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
			return r;
		}
		n = read(s->result, &result, sizeof(result));
		if (n == 0)
			break;
		if (n == (ssize_t)sizeof(result) && result.magic == MESSAGE_MAGIC &&
		    result.error.code > 0) {
			*err = result.error;
			error_received(err);
			s->exec_failed = !result.hook_failed;
			return -err->code;
		}
		if (n > 0 || (errno != EAGAIN && errno != EINTR))
			return error_set(err, EPROTO, "the container process says nonsense at its gate");
	}
	return 0;	/* end of file: execve has happened, or the process died, which `state` tells */
}

static int poststart(struct starting *s, struct error *err)
{
	if (!s->config)
		return 0;
	return host_hooks_run(HOOK_POSTSTART, &s->config->hooks.list[HOOK_POSTSTART], &s->st, STATUS_RUNNING,
			      s->st.init.pid, NULL, err);
}

/* The caller of `start` may be another one than that of `create`, so it is its environment that counts. */
static int listen_for_notifications(struct starting *s, struct error *err)
{
	if (!s->st.notify)
		return 0;
	notify_connect(&s->notify);
	s->notify.tell_main = true;
	return s->notify.host < 0 ? 0 : notify_listen(&s->notify, s->dir, &s->st, err);
}

/* As a service starts: it is done when the container says that it is ready.  Others may work on it meanwhile. */
static int wait_until_ready(struct starting *s, struct error *err)
{
	int r = s->notify.socket < 0 ? 0 : store_unlock(s->dir, err);

	return r < 0 || s->notify.socket < 0 ? r : notify_wait(&s->notify, s->pidfd, err);
}

/* runtime-spec runtime.md#lifecycle step 9: a failed poststart hook destroys the container. */
static void destroy(struct starting *s, struct error *err)
{
	struct error second = {0};

	if (container_destroy(s->store, s->id, s->dir, &s->st, true, &second) < 0)
		error_in(err, "%s; and then", second.text);
}

/* The reader, which holds both ends, was there a moment ago. */
static int let_go(const struct starting *s, const struct start_go *go, struct error *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	int r;

	sigaction(SIGPIPE, &ignore, &before);
	r = fd_write_all(s->gate, go, go->rows ? sizeof(*go) : 1);
	sigaction(SIGPIPE, &before, NULL);
	if (r == -EPIPE)
		return error_of(err, ERROR_CONTAINER_STATE, EINVAL, "cannot start a container that has stopped");
	return r < 0 ? error_errno(err, r, "open the start gate") : 0;
}

static int start(struct starting *s, struct error *err)
{
	struct start_go go = {.go = 1};
	int r = check_status(s, err);

	if (r == 0)
		r = load_hooks(s, err);
	if (r == 0)
		r = open_fifos(s, err);
	if (r == 0)
		r = listen_for_notifications(s, err);
	if (r < 0)
		return r;	/* nothing happened to the container */
	/* An engine that holds the terminal is told its size by its user, and hands it on when it comes to it, which
	 * may be after the program has looked.  Its user's terminal is often ours as well. */
	if (s->st.terminal)
		tty_own_size(&go.rows, &go.cols);
	r = let_go(s, &go, err);
	if (r < 0)
		return r;
	r = await_exec(s, err);
	/* It ends by itself now: do not let `state` see it on its way. */
	if (r < 0)
		fd_wait(s->pidfd, POLLIN, 5000);
	unlinkat(s->dir, STORE_START, 0);
	unlinkat(s->dir, STORE_RESULT, 0);
	if (s->exec_failed) {
		log_error(err);
		return 0;
	}
	/* A startContainer hook that failed has stopped it.  The engine that made it asks for its state and
	 * deletes it, so its end (runtime-spec runtime.md#lifecycle, steps 12 and 13) is left to `delete`. */
	if (r < 0)
		return r;
	r = poststart(s, err);
	return r < 0 ? destroy(s, err), r : wait_until_ready(s, err);
}

int container_start(const struct global_options *g, const char *id, struct error *err)
{
	struct starting s = {.id = id, .dir = -1, .pidfd = -1, .gate = -1, .result = -1,
			     .notify = NOTIFY_INIT, .arena = arena_new()};
	int r = store_open(g->root, false, &s.store, err);

	if (r == 0)
		r = store_container_locked(s.store, id, 1000, &s.dir, err);
	if (r == 0)
		r = start(&s, err);
	for (size_t i = 0; i < 4; i++) {
		int fd = ((int[]){s.dir, s.pidfd, s.gate, s.result})[i];

		if (fd >= 0)
			close(fd);
	}
	notify_close(&s.notify);
	store_close(s.store);
	arena_free(s.arena);
	return r;
}
