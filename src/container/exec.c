/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `exec`: one more process in a running container.  Runs on the host. */
#include "container/execution.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/self_exe.h"
#include "launch/agent.h"
#include "launch/creation.h"
#include "launch/foreground.h"
#include "launch/intelrdt.h"
#include "launch/interrupt.h"
#include "launch/options.h"
#include "store/status.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define ENDING_MS 200

static int find_container(struct execution *x, struct error *err)
{
	int r = store_open(x->o->global->root, false, &x->store, err);

	if (r == 0)
		r = store_container(x->store, x->o->id, &x->dir, err);
	if (r == 0)
		r = state_load(x->arena, x->dir, x->o->id, false, &x->st, &x->status,
			       &x->spawn.handles.init_pidfd, err);
	if (r < 0)
		return r;
	if (x->status == STATUS_STOPPED || x->status == STATUS_CREATING)
		return error_of(err, ERROR_CONTAINER_STATE, ESRCH,
				"cannot exec in container `%s`: container not running (it is %s)",
				x->o->id, container_status_names[x->status]);
	if (x->status == STATUS_PAUSED && !MUTATE(T104) && !x->o->ignore_paused)
		return error_of(err, ERROR_CONTAINER_STATE, EBUSY, "cannot exec in a paused container: `%s` "
				"(resume it, or give --ignore-paused)", x->o->id);
	return 0;
}

/* Those that it was given, and of the others those that are not ours: it may have been created elsewhere.
 * Entering one's own is nothing, but EINVAL for the user namespace: setns(2). */
static void choose_namespaces(struct execution *x)
{
	_cleanup_close_ int self = -1;

	for (size_t i = 0; i < N_NAMESPACES; i++) {
		uint64_t flag = namespace_files[i].flag, ours;
		bool given = x->st.ns_flags & flag;

		if (x->st.ns_inode[i] == 0 && !given)
			continue;
		if ((!given || flag == CLONE_NEWUSER) &&
		    readback_own_namespace(&self, x->spawn.proc, i, &ours) == 0 && ours == x->st.ns_inode[i])
			continue;
		x->spawn.handles.init_namespaces |= flag;
	}
}

/*
 * The pid namespace is entered last, so that the process is seen there only when there is nothing left to see; not
 * where a user namespace is entered: in that the power to do it may be gone, and nobody in it can look into a process
 * whose memory belongs to the one outside.
 */
static int open_pid_namespace(struct execution *x, struct error *err)
{
	struct handles *h = &x->spawn.handles;
	char process[24];
	size_t i = 0;
	int r;

	if (!(h->init_namespaces & CLONE_NEWPID) || (h->init_namespaces & CLONE_NEWUSER))
		return 0;
	while (namespace_files[i].flag != CLONE_NEWPID)
		i++;
	snprintf(process, sizeof(process), "%d/", (int)x->st.init.pid);
	h->pid_ns = readback_open_namespace(h->init_pidfd, x->spawn.proc, process, i);
	r = h->pid_ns < 0 ? h->pid_ns : sys_pidfd_send_signal(h->init_pidfd, 0, NULL, 0);
	return r < 0 ? error_errno(err, r, "open the pid namespace of the container's first process") : 0;
}

/* Where init shares our mount namespace its root is its own: a chroot(2).  A process is what it was as long as
 * its pidfd can be signalled. */
static int open_root(struct execution *x, struct error *err)
{
	struct handles *h = &x->spawn.handles;
	char path[32];
	int r;

	if (h->init_namespaces & CLONE_NEWNS)
		return 0;
	snprintf(path, sizeof(path), "%d/root", (int)x->st.init.pid);
	h->init_root = fd_openat(x->spawn.proc, path, O_PATH | O_DIRECTORY, 0);
	r = h->init_root < 0 ? h->init_root : sys_pidfd_send_signal(h->init_pidfd, 0, NULL, 0);
	return r < 0 ? error_errno(err, r, "open the root of the container's first process") : 0;
}

/* Init may have gone elsewhere since (unshare, setns): then we are not where we should be (T48). */
static int same_namespaces(const struct execution *x, const uint64_t *now, struct error *err)
{
	for (size_t i = 0; i < N_NAMESPACES; i++)
		if (x->st.ns_inode[i] && now[i] && x->st.ns_inode[i] != now[i] && !MUTATE(T48))
			return error_set(err, ESTALE, "the first process of container `%s` has left its "
					 "namespace (%s): refusing to follow it", x->o->id,
					 namespace_files[i].file);
	return 0;
}

/* By now all that the command line names is open. */
static int close_others(const struct execution *x, struct error *err)
{
	const int own[] = {store_fd(x->store), x->dir, x->cgroup, x->sub_cgroup, x->spawn.handles.init_pidfd,
			   x->console, x->pidfd_socket, x->agent, x->pid_file};

	return options_close_others(x->o->preserve_fds, own, ARRAY_SIZE(own), err);
}

static int prepare(struct execution *x, struct error *err)
{
	unsigned listening;	/* LISTEN_FDS belongs to the container's first process alone */
	int r = self_exe_protect(x->o->global->argv, err);

	if (r == 0)
		r = options_descriptors(x->o->preserve_fds, &listening, err);
	if (r == 0)
		r = find_container(x, err);
	if (r == 0)
		r = execution_plan(x, err);
	if (r == 0)
		r = execution_find_cgroup(x, err);
	if (r == 0)
		r = options_find_console(x->o->console_socket, &x->console, err);
	if (r == 0)
		r = options_connect_pidfd(x->o->pidfd_socket, &x->pidfd_socket, err);
	if (r == 0)
		r = agent_connect(x->spawn.plan, &x->agent, err);
	if (r == 0)
		r = pid_file_open(x->o->pid_file, &x->pid_file, err);
	return r < 0 ? r : close_others(x, err);
}

static int send_listener(struct spawn *s, int listener, struct error *err)
{
	struct execution *x = s->ctx;

	return agent_send(&x->agent, s->plan, &x->st, x->status, s->pid, listener, err);
}

/* @now: the inodes of its namespaces. */
static int make_process(struct execution *x, uint64_t now[N_NAMESPACES], struct error *err)
{
	struct spawn *s = &x->spawn;
	int r;

	s->proc = fd_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
	if (s->proc < 0)
		return error_errno(err, s->proc, "open /proc");
	choose_namespaces(x);
	s->handles.init_pid = x->st.init.pid;
	r = open_root(x, err);
	if (r == 0)
		r = open_pid_namespace(x, err);
	if (r == 0)
		r = spawn_start(s, err);
	return r == 0 ? spawn_serve(s, NULL, NULL, now, err) : r;
}

static int make_process_again(struct execution *x, uint64_t now[N_NAMESPACES], struct error *err)
{
	int init = steal_fd(&x->spawn.handles.init_pidfd);

	memset(err, 0, sizeof(*err));
	spawn_again(&x->spawn);
	x->spawn.handles.init_pidfd = init;
	return make_process(x, now, err);
}

static int launch(struct execution *x, struct error *err)
{
	struct spawn *s = &x->spawn;
	uint64_t now[N_NAMESPACES];
	int r;

	arena_seal(x->arena);
	s->send_listener = send_listener;
	s->ctx = x;
	r = make_process(x, now, err);
	if (r < 0 && spawn_killed_at_birth(s, err))
		r = make_process_again(x, now, err);
	if (r == 0)
		r = container_intelrdt_attach(&x->st, s->pid, err);
	if (r == 0)
		r = same_namespaces(x, now, err);
	if (r == 0)
		r = options_hand_over_console(s, &x->console, x->o->console_socket, err);
	if (r == 0 && x->pidfd_socket >= 0) {
		r = fd_send(x->pidfd_socket, "setns", 5, &s->pidfd, 1);
		if (r < 0)
			error_errno(err, r, "send the pidfd");
	}
	if (r == 0)
		r = spawn_proceed(s, true, err);
	/* conmon takes a pid file for the proof that the process was started: so only now. */
	if (r == 0 && x->o->pid_file)
		r = pid_file_write(x->o->pid_file, x->pid_file, s->pid, err);
	return r;
}

/*
 * Whatever failed, if the container has ended meanwhile that is why: its namespaces take nobody in, and what was
 * on the way is killed.  @init: pidfd of its first process.
 */
static void explain_end(const struct execution *x, int init, struct error *err)
{
	int left = err->where[0] ? 0 : ENDING_MS, r;	/* what is wrong in a configuration was so anyhow */

	/* The kernel may be about to end the pid namespace, and waits for us to collect a process of it that did not
	 * come so far as to tell its pid. */
	for (; (r = fd_wait(init, POLLIN, left > 0 ? 10 : 0)) == 0 && left > 0; left -= 10)
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	if (r > 0)
		error_of(err, ERROR_CONTAINER_STATE, ESRCH,
			 "cannot exec in container `%s`: container not running (it has just ended)", x->o->id);
}

static int run(struct execution *x, int *ret_status, struct error *err)
{
	sigset_t forwarded;
	int signal_fd = -1, r = 0, sig;

	x->spawn.handles.exec = true;
	interrupt_arm(&x->spawn.pidfd);
	if (!x->o->detach) {
		signal_fd = foreground_signals(&forwarded, err);
		r = signal_fd < 0 ? signal_fd : 0;
	}
	if (r == 0)
		r = launch(x, err);
	sig = interrupt_disarm(r == 0 && x->o->detach);
	if (sig)
		r = -EINTR;
	if (r < 0) {
		_cleanup_close_ int init = steal_fd(&x->spawn.handles.init_pidfd);

		spawn_abort(&x->spawn);
		explain_end(x, init, err);
		if (sig)
			interrupt_explain(sig, err);
	} else if (!x->o->detach) {
		r = foreground_wait(&x->spawn, &forwarded, signal_fd, err);
		*ret_status = r;
		if (r < 0)	/* nobody would wait for its end: so it ends now */
			spawn_abort(&x->spawn);
	}
	if (signal_fd >= 0)
		close(signal_fd);
	return r < 0 ? r : 0;
}

int container_exec(const struct exec_options *o, int *ret_status, struct error *err)
{
	struct execution x = {.o = o, .dir = -1, .cgroup = -1, .sub_cgroup = -1, .agent = -1, .console = -1,
			      .pidfd_socket = -1, .pid_file = -1, .arena = arena_new()};
	int r;

	*ret_status = 0;
	spawn_init(&x.spawn, NULL);
	r = prepare(&x, err);
	if (r == 0)
		r = run(&x, ret_status, err);
	spawn_close(&x.spawn);
	for (size_t i = 0; i < 7; i++) {
		int fd = ((int[]){x.dir, x.cgroup, x.sub_cgroup, x.agent, x.console, x.pidfd_socket, x.pid_file})[i];

		if (fd >= 0)
			close(fd);
	}
	store_close(x.store);
	arena_free(x.arena);
	return r;
}
