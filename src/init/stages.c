/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stage table and its loop.  Runs in the container process between clone3 and execve.
 *
 * The order is a rule of security (who may still do what, what is still visible): a stage is moved
 * only together with its Needs/Must-not comment.
 */
#include "init/stages.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/protocol_send.h"
#include "ns/ns.h"
#include "process/process.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/caller.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"
#include "util/trace.h"

enum stage_for {
	FOR_CONTAINER = 1,	/* create, run */
	FOR_EXEC = 2,
	FOR_ALL = 3,
	NEEDS_PROCESS = 4,	/* config.json has `process` */
	SPEAKS_FOR_ITSELF = 8,	/* engines know the words of its errors: no stage in front */
	CLONED_FIRST = 16,	/* only if this process is the one that executes the program */
	CLONED_LAST = 32,	/* only if that one is cloned in the end (stage_clone.c) */
};

static const struct stage {
	const char *name;
	unsigned when;
	int (*run)(struct stage_context *c, struct error *err);
} stages[] = {
	{"labels", FOR_EXEC | NEEDS_PROCESS, stage_labels},
	{"core scheduling", FOR_EXEC | NEEDS_PROCESS, stage_core_sched},
	{"time namespace", FOR_CONTAINER, stage_time},
	{"user namespace", FOR_ALL, stage_maps},
	{"namespaces", FOR_CONTAINER, stage_namespaces},
	{"namespaces", FOR_EXEC, stage_enter_container},
	{"host names", FOR_CONTAINER, stage_names},
	{"root file system", FOR_CONTAINER, stage_enter},
	{"mounts", FOR_CONTAINER, stage_mounts},
	{"devices", FOR_CONTAINER, stage_devices},
	{"hooks", FOR_CONTAINER | SPEAKS_FOR_ITSELF, stage_hooks},
	{"console", FOR_ALL | NEEDS_PROCESS, stage_console},
	{"protected paths", FOR_CONTAINER, stage_protect},
	{"pivot", FOR_CONTAINER, stage_pivot},
	{"labels", FOR_CONTAINER | NEEDS_PROCESS, stage_labels},
	{"keys", FOR_ALL, stage_keys},
	{"session", FOR_ALL | CLONED_FIRST, stage_session},
	{"core scheduling", FOR_CONTAINER | NEEDS_PROCESS, stage_core_sched},
	{"scheduling", FOR_ALL | NEEDS_PROCESS, stage_attributes},
	{"working directory", FOR_ALL | NEEDS_PROCESS | SPEAKS_FOR_ITSELF, stage_cwd},
	{"landlock", FOR_ALL | NEEDS_PROCESS, stage_landlock_rules},
	{"descriptors", FOR_ALL, stage_descriptors},
	{"limits", FOR_ALL | NEEDS_PROCESS | CLONED_FIRST, stage_limits},
	{"limits", FOR_ALL | NEEDS_PROCESS | CLONED_LAST, stage_lift_limits},
	{"credentials", FOR_ALL, stage_credentials},
	{"program", FOR_ALL | NEEDS_PROCESS | SPEAKS_FOR_ITSELF, stage_program},
	{"signals", FOR_ALL, stage_signals},
	{"pid namespace", FOR_ALL | CLONED_LAST, stage_pid_namespace},
	{"alone", FOR_ALL | CLONED_FIRST, stage_alone},
	{"landlock", FOR_ALL | NEEDS_PROCESS, stage_landlock},
	{"seccomp", FOR_ALL | NEEDS_PROCESS, stage_filter},
	{"clone", FOR_ALL | CLONED_LAST, stage_clone},
	{"session", FOR_ALL | CLONED_LAST, stage_session},
	{"limits", FOR_ALL | NEEDS_PROCESS | CLONED_LAST, stage_limits},
	{"alone", FOR_ALL | CLONED_LAST, stage_alone},
	{"seccomp", FOR_ALL | NEEDS_PROCESS, stage_agent_filter},
	{"ready", FOR_ALL, stage_ready},
	{"start", FOR_ALL | SPEAKS_FOR_ITSELF, stage_start},
	{"seccomp", FOR_ALL | NEEDS_PROCESS, stage_last_filter},
	{"exec", FOR_ALL | NEEDS_PROCESS | SPEAKS_FOR_ITSELF, stage_exec},
};

#define N_STAGES (sizeof(stages) / sizeof(stages[0]))

const char *init_stage_name(unsigned stage)
{
	return stage < N_STAGES ? stages[stage].name : "launcher";
}

static void send_log(void *ctx, enum log_level level, const char *text)
{
	struct stage_context *c = ctx;

	conversation_send_log(&c->conv, level, text);
}

bool init_stage_is_exec(unsigned stage)
{
	return stage < N_STAGES && stages[stage].run == stage_exec;
}

/* A created container has ended as one does whose program ended: the text is in what its engine collects. */
static void tell_on_stderr(const struct error *e)
{
	char text[2 * ERROR_TEXT_MAX], line[sizeof(text) + ERROR_WHERE_MAX + 32];
	int n = snprintf(line, sizeof(line), "orlop: %s (at %s)\n", str_escape(e->text, text, sizeof(text)), e->where);

	fd_write_all(STDERR_FILENO, line, (size_t)n);
}

/*
 * Whoever waits hears it: the parent until it let us go, afterwards the `start` command.  A failed
 * write changes nothing: the process ends, and that is seen.  Returns its exit status.
 */
static int tell(struct stage_context *c, unsigned stage, const struct error *e)
{
	struct start_result result = {
		.magic = MESSAGE_MAGIC, .hook_failed = !init_stage_is_exec(stage), .error = *e,
	};

	if (c->h->last_words)
		*c->h->last_words = *e;
	if (c->conv.fd >= 0)
		conversation_send_error(&c->conv, stage, e);
	else if (c->h->result >= 0)
		fd_write_all(c->h->result, &result, sizeof(result));
	if (!init_stage_is_exec(stage))
		return 1;
	if (c->conv.fd < 0)
		tell_on_stderr(e);
	return process_exec_status(e->code);
}

static int die_with_parent(struct error *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_errno(err, errno, "prctl(PR_SET_PDEATHSIG)");
	return 0;
}

int stage_go_dark(struct error *err)
{
	int r = die_with_parent(err);

	return r < 0 ? r : caller_go_dark(err);
}

/* From the filter on no call is made that was not asked for: the clock may be one. */
static int run_stage(struct stage_context *c, const struct stage *s, struct error *err)
{
	if (s->run == stage_filter && c->p->security.seccomp)
		trace_stop();
	TRACE(s->name, NULL);
	return s->run(c, err);
}

_Noreturn void init_main(const struct plan *p, struct handles *h, unsigned conversation_flags)
{
	struct stage_context c = {
		.p = p, .h = h, .console = -1, .landlock.fd = -1,
		.rootfs = {.root = -1, .proc = -1, .nodes = -1, .outside = OUTSIDE_NONE},
		.conv = {.fd = h->sync, .parent = false, .flags = conversation_flags,
			 .state = conversation_start(conversation_flags & ~(unsigned)CONV_LAUNCHER),
			 .n_idmaps = h->rootfs.n_asked},
		.scratch = arena_new(),
	};
	unsigned mode = h->exec ? FOR_EXEC : FOR_CONTAINER, i = 0;
	unsigned not = conversation_flags & CONV_CLONE_LAST ? CLONED_FIRST : CLONED_LAST;
	struct error err = {0};
	int r, status = 1;

	log_redirect(send_log, &c);
	trace_lane(TRACE_CONTAINER);
	r = stage_go_dark(&err);	/* as the parent is already */
	for (; r == 0 && i < N_STAGES; i++) {
		const struct stage *s = &stages[i];

		if (!(s->when & mode) || (s->when & not) || ((s->when & NEEDS_PROCESS) && !p->has_process))
			continue;
		r = run_stage(&c, s, &err);
		if (r < 0)
			break;
	}
	if (r < 0) {
		error_phase(&err, stages[i].name);
		if (!(stages[i].when & SPEAKS_FOR_ITSELF))
			error_in(&err, "%s", stages[i].name);
		status = tell(&c, i, &err);
	}
	sys_exit(status);
}

/* Close what is not in @h: state directory, cgroup, mostly the host's /proc.  The process that is cloned next may
 * be visible to others in a joined pid namespace. */
static int keep_handles_only(const struct plan *p, const struct handles *h, struct error *err)
{
	size_t n = 8, most = 8 + p->ns.n_joins + h->rootfs.n_sources;
	int *keep = xcalloc(most, sizeof(*keep)), r;

	keep[0] = h->sync;
	keep[1] = h->start;
	keep[2] = h->result;
	keep[3] = h->rootfs.tree;
	keep[4] = h->proc;
	keep[5] = h->rootfs.nodes;
	keep[6] = h->hook_output[0];
	keep[7] = h->hook_output[1];
	for (size_t i = 0; i < p->ns.n_joins; i++)
		keep[n++] = h->joins[i];
	for (size_t i = 0; i < h->rootfs.n_sources; i++)
		keep[n++] = h->rootfs.sources[i];
	r = stage_close_others(3 + (int)p->process.keep_fds, keep, n, err);
	free(keep);
	return r;
}

/* What stage_hooks runs would be visible in the pid namespace, and has the host's root. */
static int check_early_pid(const struct plan *p, const struct handles *h, struct error *err)
{
	for (size_t i = 0; i < p->ns.n_joins; i++)
		if (p->ns.joins[i].flag == CLONE_NEWPID && h->joins[i] < 0 &&
		    p->hooks->list[HOOK_CREATE_CONTAINER].n) {
			error_set(err, EPERM, "createContainer hooks would show the host's files to the processes of "
				  "the pid namespace that is joined, which does not belong to the user namespace that "
				  "is");
			return error_at(err, "/hooks/createContainer");
		}
	return 0;
}

/*
 * Needs: the namespaces' descriptors; the caller's privilege.
 * Does: enter the user namespace, and what only the caller may enter; make a time namespace with offsets, which
 * only counts for children.
 */
static int enter_joined(const struct plan *p, struct handles *h, struct error *err)
{
	int offsets = -1, r;

	if (p->ns.time_in_launcher) {
		offsets = ns_time_open(h->proc, err);
		if (offsets < 0)
			return offsets;
		h->proc = -1;	/* no more needed */
	}
	r = p->ns.userns_first ? ns_enter_first(&p->ns, h->joins, h->user_ns, h->time_ns, err)
			       : ns_enter_joins(&p->ns, h->joins, p->ns.launcher_joins, err);
	if (r == 0 && p->ns.time_in_launcher)
		r = ns_time_make(&p->ns, offsets, err);
	if (r == 0)	/* @offsets too */
		r = keep_handles_only(p, h, err);
	if (r == 0)
		r = check_early_pid(p, h, err);
	if (r < 0 || !(p->ns.userns_first || (p->ns.launcher_joins & CLONE_NEWUSER)))
		return r;
	return ns_become_root(p->has_process ? &p->process.oci->user : NULL, p->process.keep_groups, err);
}

_Noreturn void init_launcher(const struct plan *p, struct handles *h, uint64_t create_flags,
			     unsigned conversation_flags)
{
	struct conversation conv = {.fd = h->sync, .flags = conversation_flags,
				    .state = conversation_start(conversation_flags)};
	struct error err = {0};
	int r = stage_go_dark(&err);

	trace_lane(TRACE_CONTAINER);
	if (r == 0)
		r = enter_joined(p, h, &err);
	/* What it clones would be visible in a joined pid namespace: it goes on itself. */
	if (r == 0 && p->ns.clone_last && unshare((int)create_flags) < 0)
		r = error_hint_limits(&err, error_errno(&err, errno, "make namespaces"));
	if (r == 0 && !p->ns.clone_last) {
		/* The runtime stays the parent: no intermediate process is left (CLONE_PARENT). */
		r = ns_clone(CLONE_PARENT | create_flags, -1, NULL);
		if (r > 0)
			sys_exit(0);
		if (r < 0)
			error_hint_limits(&err, error_errno(&err, r, "clone3 the container process"));
	}
	if (r == 0)	/* its pid travels as credentials, which the kernel translates */
		r = conversation_send(&conv, MSG_CHILD_PID, -1, &err);
	if (r == 0)
		init_main(p, h, conversation_flags);
	conversation_send_error(&conv, N_STAGES, &err);
	sys_exit(1);
}
