/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transaction of `create` and `run`.  Runs on the host. */
#include "launch/creation.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/delegate.h"
#include "launch/agent.h"
#include "launch/core_sharing.h"
#include "launch/destroy.h"
#include "launch/host_hooks.h"
#include "launch/intelrdt.h"
#include "launch/interrupt.h"
#include "launch/options.h"
#include "ns/netdev.h"
#include "ns/ns.h"
#include "store/document.h"
#include "store/state.h"
#include "store/status.h"
#include "store/store.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

/* ---- the documents of hooks ------------------------------------------------------------------ */

/* A state document in two pieces, for the hooks that the child runs: only it knows its pid inside. */
static void hook_document(struct creation *c, enum container_status status,
			  struct hook_document *ret)
{
	static const char mark[] = "\"pid\":";
	size_t len;
	char *text = state_document(&c->st, status, 0, false, &len), *at = strstr(text, mark);

	at += strlen(mark);
	ret->head = arena_strndup(c->arena, text, (size_t)(at - text));
	ret->tail = arena_strdup(c->arena, at + strspn(at, "0123456789"));
	free(text);
}

static void hook_documents(struct creation *c)
{
	struct handles *h = &c->spawn.handles;

	if (c->plan->hooks->list[HOOK_CREATE_CONTAINER].n)
		hook_document(c, STATUS_CREATING, &h->hook_state[0]);
	if (c->plan->hooks->list[HOOK_START_CONTAINER].n)
		hook_document(c, STATUS_CREATED, &h->hook_state[1]);
}

/* `create` leaves the socket to `start`, which stays until the service is ready. */
static int make_notification(struct creation *c, struct error *err)
{
	int r = c->st.notify ? notify_make_directory(c->dir, err) : 0;

	if (r < 0 || !c->st.notify || c->kind == CREATION_WAITS)
		return r;
	c->notify.tell_main = c->o->detach;
	if (!c->o->detach)
		c->spawn.notify = &c->notify;
	return notify_listen(&c->notify, c->dir, &c->st, err);
}

/* ---- steps 3 and 4 --------------------------------------------------------------------------- */

static int open_gate(struct creation *c, bool again, struct error *err)
{
	static const char *const names[] = {STORE_START, STORE_RESULT};
	int *const fds[] = {&c->spawn.handles.start, &c->spawn.handles.result};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (again)
			unlinkat(c->dir, names[i], 0);
		if (mkfifoat(c->dir, names[i], 0600) < 0)
			return error_errno(err, errno, "make the fifo `%s`", names[i]);
		/* Both ends: the child neither sees end of file before `start` nor blocks in open. */
		*fds[i] = fd_openat(c->dir, names[i], O_RDWR | O_NOFOLLOW, 0);
		if (*fds[i] < 0)
			return error_errno(err, *fds[i], "open the fifo `%s`", names[i]);
	}
	return 0;
}

/* The child has the namespaces to be joined alone; keep the one that gets interfaces. */
static int keep_netns(struct creation *c, struct error *err)
{
	const struct plan_ns *ns = &c->plan->ns;

	for (size_t i = 0; ns->n_net_devices && i < ns->n_joins; i++) {
		if (ns->joins[i].flag != CLONE_NEWNET)
			continue;
		c->netns = fcntl(c->spawn.handles.joins[i], F_DUPFD_CLOEXEC, 3);
		if (c->netns < 0)
			return error_errno(err, errno, "keep the network namespace");
	}
	return 0;
}

static void note_cgroup(struct creation *c)
{
	c->st.cgroup_id = c->cgroup.id;
	c->st.cgroup_created = c->cgroup.created;
	c->st.cgroup_created_above = c->cgroup.created_above;
	if (c->cgroup.path) {
		c->st.cgroup_root = (char *)c->plan->cgroup.root;
		c->st.cgroup_path = c->cgroup.path;
	}
}

int creation_make_cgroup(struct creation *c, struct error *err)
{
	int r = cgroup_prepare(&c->plan->cgroup, &c->cgroup, err);

	if (r < 0 && !c->cgroup.path)
		c->st.unit = NULL;	/* nothing is left of it */
	note_cgroup(c);
	if (r < 0)
		return error_phase(err, "cgroup");
	if (c->cgroup.fd < 0)
		c->st.cgroup_root = c->st.cgroup_path = c->st.unit = NULL;
	c->spawn.cgroup = c->spawn.handles.rootfs.cgroup = c->cgroup.fd;
	/* What was made by now, so that a later `delete --force` removes all of it even if we are killed. */
	if (c->cgroup.fd >= 0 && !MUTATE(T53)) {
		log_debug("cgroup %s %s", c->st.cgroup_path, c->cgroup.created ? "is made" : "was there");
		r = state_write(c->dir, &c->st, err);
	}
	return r;
}

int creation_join(struct creation *c, struct error *err)
{
	struct handles *h = &c->spawn.handles;
	const struct plan_ns *ns = &c->plan->ns;

	if (ns->n_joins == 0)
		return 0;
	h->joins = xcalloc(ns->n_joins, sizeof(int));
	for (size_t i = 0; i < ns->n_joins; i++)
		h->joins[i] = -1;
	return ns_open_joins(ns, h->joins, err);
}

/* @again: the process has them no more, but what was made outside of it is there. */
static int open_handles(struct creation *c, bool again, struct error *err)
{
	struct handles *h = &c->spawn.handles;
	const struct plan *p = c->plan;
	int r = creation_join(c, err);

	if (r == 0 && !again)
		r = keep_netns(c, err);
	if (r == 0 && p->ns.userns_first)
		r = ns_make_first(&p->ns, &h->user_ns, &h->time_ns, err);
	if (r == 0 && !again)
		r = creation_make_cgroup(c, err);
	if (r == 0 && !again)
		r = container_intelrdt_make(c, err);
	if (r < 0)
		return r;
	/* user first: plan_ns.joins */
	if (p->ns.n_joins > 0 && p->ns.joins[0].flag == CLONE_NEWUSER)
		h->rootfs.userns = h->joins[0];
	h->rootfs.bundle = c->bundle;
	r = rootfs_open(&p->rootfs, &h->rootfs, err);
	if (r == 0 && p->hooks->list[HOOK_CREATE_CONTAINER].n)
		r = host_hooks_open_output(&c->st.annotations, h->hook_output, err);
	if (r == 0 && c->kind == CREATION_WAITS)
		r = open_gate(c, again, err);
	return r;
}

/* Only those of the host are named by a path of the host. */
static int look_for_hooks(const struct oci_hooks *hooks, struct error *err)
{
	for (unsigned kind = 0; kind < N_HOOK_KINDS; kind++)
		for (size_t i = 0; kind != HOOK_START_CONTAINER && i < hooks->list[kind].n; i++) {
			if (access(hooks->list[kind].v[i].path, X_OK) == 0)
				continue;
			error_errno(err, errno, "execute `%s`", hooks->list[kind].v[i].path);
			return error_at(err, "/hooks/%s/%zu", oci_hook_names[kind], i);
		}
	return 0;
}

int creation_rehearse(struct creation *c, struct error *err)
{
	struct handles *h = &c->spawn.handles;
	const struct plan *p = c->plan;
	int output[2] = {-1, -1}, r = creation_join(c, err);

	h->rootfs.bundle = c->bundle;
	if (r == 0 && p->ns.n_joins > 0 && p->ns.joins[0].flag == CLONE_NEWUSER)
		h->rootfs.userns = h->joins[0];
	if (r == 0)
		r = rootfs_open(&p->rootfs, &h->rootfs, err);
	if (r == 0)
		r = look_for_hooks(p->hooks, err);
	if (r == 0)
		r = host_hooks_open_output(&p->config->annotations, output, err);
	for (size_t i = 0; i < ARRAY_SIZE(output); i++)
		if (output[i] >= 0)
			close(output[i]);
	spawn_close_handles(&c->spawn);
	/* What was dumped has its program. */
	return r == 0 && c->o->judge && !c->o->restore ? c->o->judge(c->o->global, p, err) : r;
}

static int move_net_devices(struct creation *c, struct error *err)
{
	if (c->plan->ns.n_net_devices == 0)
		return 0;
	if (c->netns < 0)
		c->netns = fd_openat(c->spawn.proc_pid, "ns/net", O_RDONLY, 0);
	if (c->netns < 0)
		return error_errno(err, c->netns, "open the network namespace of the container");
	return netdev_move(&c->plan->ns, c->netns, &c->netdevs, err);
}

int creation_hooks(struct creation *c, enum oci_hook_kind kind, enum container_status status,
		   struct error *err)
{
	return host_hooks_run(kind, &c->plan->hooks->list[kind], &c->st, status, c->spawn.pid,
			      interrupt_flag(), err);
}

static int host_hooks(void *ctx, struct error *err)
{
	struct creation *c = ctx;
	int r;

	c->hooks_ran = true;
	/* They may ask `state` for the process, and `delete --force` finds it if we are killed while they run. */
	r = state_identify(c->spawn.pid, c->spawn.pidfd, &c->st.init, err);
	if (r == 0)
		r = state_write(c->dir, &c->st, err);
	if (r < 0)
		return r;
	r = creation_hooks(c, HOOK_PRESTART, STATUS_CREATING, err);
	return r < 0 ? r : creation_hooks(c, HOOK_CREATE_RUNTIME, STATUS_CREATING, err);
}

static int send_listener(struct spawn *s, int listener, struct error *err)
{
	struct creation *c = s->ctx;

	return agent_send(&c->agent, c->plan, &c->st, STATUS_CREATING, s->pid, listener, err);
}

/* An unprivileged caller could make it but not use it, and nothing depends on it. */
static void drop_cgroup(struct creation *c)
{
	struct error second = {0};

	if (cgroup_destroy(c->st.cgroup_root, c->st.cgroup_path, c->cgroup.id,
			   c->cgroup.created_above, false, 0, &second) < 0)
		log_error(&second);
	c->st.cgroup_root = c->st.cgroup_path = NULL;
}

/* What only its pid leads to. */
static int attach_to_it(struct creation *c, struct error *err)
{
	int r = container_intelrdt_attach(&c->st, c->spawn.pid, err);

	return r < 0 ? r : move_net_devices(c, err);
}

/* Of its namespace that is the root by now, and no program of the container runs yet. */
static int divide_cgroup(const struct creation *c, struct error *err)
{
	int r = c->plan->cgroup.delegation.where ? cgroup_divide(c->cgroup.fd, &c->plan->cgroup, err) : 0;

	return r < 0 ? error_phase(err, "cgroup") : 0;
}

int creation_tell(struct creation *c, struct error *err)
{
	struct spawn *s = &c->spawn;
	int r = state_identify(s->pid, s->pidfd, &c->st.init, err);

	c->st.creating = false;
	if (r == 0)
		r = state_write(c->dir, &c->st, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(c->pidfd_sockets); i++) {
		if (c->pidfd_sockets[i] < 0)
			continue;
		r = fd_send(c->pidfd_sockets[i], "standard", 8, &s->pidfd, 1);
		if (r < 0)
			error_errno(err, r, "send the pidfd");
	}
	if (r == 0 && c->o->pid_file) {
		r = pid_file_write(c->o->pid_file, c->pid_file, s->pid, err);
		c->pid_file_made = r == 0 && c->pid_file < 0;
	}
	return r;
}

/* The process, until it waits for `start`. */
static int make_process(struct creation *c, struct error *err)
{
	struct spawn *s = &c->spawn;
	/* The process that clones another in the end does not wait for us, but with hooks, who want it done. */
	bool late = c->plan->ns.clone_last && !(c->plan->hooks->list[HOOK_PRESTART].n ||
						c->plan->hooks->list[HOOK_CREATE_RUNTIME].n ||
						c->plan->hooks->list[HOOK_CREATE_CONTAINER].n);
	int r = spawn_start(s, err);

	if (r < 0)
		return r;
	cgroup_unit_release(&c->cgroup.holder);
	if (s->cgroup_dropped)
		drop_cgroup(c);
	c->st.init.pid = s->pid;
	r = late ? 0 : attach_to_it(c, err);
	if (r < 0)
		return r;
	r = spawn_serve(s, host_hooks, c, c->st.ns_inode, err);
	if (r == 0 && late)
		r = attach_to_it(c, err);
	if (r == 0)
		r = core_sharing_apply(c->o->global, c->plan, s->pid, err);
	return r == 0 ? divide_cgroup(c, err) : r;
}

/* It was killed before it did anything; what it had is made once more. A unit and interfaces are gone with it. */
static int make_process_again(struct creation *c, struct error *err)
{
	int r;

	memset(err, 0, sizeof(*err));
	spawn_again(&c->spawn);
	r = open_handles(c, true, err);
	return r < 0 ? r : make_process(c, err);
}

static int build(struct creation *c, struct error *err)
{
	struct spawn *s = &c->spawn;
	int r = creation_record(c, err);

	if (r == 0)
		r = make_notification(c, err);
	if (r == 0)
		r = open_handles(c, false, err);
	if (r < 0)
		return r;
	hook_documents(c);
	arena_seal(c->arena);
	s->send_listener = send_listener;
	s->ctx = c;
	r = make_process(c, err);
	if (r < 0 && !c->hooks_ran && spawn_killed_at_birth(s, err) && !c->st.unit && c->plan->ns.n_net_devices == 0)
		r = make_process_again(c, err);
	if (r == 0)
		r = options_hand_over_console(s, &c->console, c->o->console_socket, err);
	return r < 0 ? r : creation_tell(c, err);
}

int creation_build(struct creation *c, struct error *err)
{
	int r = build(c, err);

	if (r < 0 && str_starts(err->where, "/mounts/") && strstr(err->where, "/source"))
		error_not_of_program(err);
	return r;
}

static void undo(void *c)
{
	creation_undo(c);
}

void creation_may_undo(struct creation *c)
{
	mem_undo(c ? undo : NULL, c);
}

void creation_undo(struct creation *c)
{
	struct error second = {0};

	spawn_abort(&c->spawn);
	cgroup_unit_release(&c->cgroup.holder);
	netdev_move_back(c->netdevs);
	netdev_free(steal_ptr(c->netdevs));
	if (c->dir < 0 || MUTATE(T110))
		return;
	if (c->pid_file_made && unlink(c->o->pid_file) < 0 && errno != ENOENT)
		log_warning("the pid file %s is still there: %s", c->o->pid_file, error_words(errno));
	c->st.init = (struct state_process){0};	/* collected above */
	if (c->cgroup.id)
		note_cgroup(c);		/* also when memory ended before it was noted */
	if (container_destroy(c->store, c->o->id, c->dir, &c->st, c->hooks_ran, &second) < 0) {
		log_error(&second);
		state_write(c->dir, &c->st, &second);	/* with what is left for `delete --force` */
	}
	container_intelrdt_undo(c);
}

void creation_close(struct creation *c)
{
	creation_may_undo(NULL);
	spawn_close(&c->spawn);
	netdev_free(c->netdevs);
	if (c->netns >= 0)
		close(c->netns);
	cgroup_release(&c->cgroup);
	notify_close(&c->notify);
	if (c->agent >= 0)
		close(c->agent);
	if (c->console >= 0)
		close(c->console);
	for (size_t i = 0; i < ARRAY_SIZE(c->pidfd_sockets); i++)
		if (c->pidfd_sockets[i] >= 0)
			close(c->pidfd_sockets[i]);
	if (c->pid_file >= 0)
		close(c->pid_file);
	if (c->bundle >= 0)
		close(c->bundle);
	if (c->dir >= 0)
		close(c->dir);
	store_close(c->store);
	arena_free(c->arena);
}
