/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages: confined and ready; the start gate; the filter and execve.  From stage_ready() on only read, write,
 * close and execve are used (besides hooks): a filter with an agent is there already and may refuse more. */
#include "init/protocol_receive.h"
#include "init/protocol_send.h"
#include "init/stages.h"
#include "process/hooks.h"
#include "process/process.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>


/* What survives execve although it was the caller's: the mask and the ignored signals. */
static int default_signals(uint64_t ignored, struct error *err)
{
	sigset_t none;

	for (int sig = 1; sig <= 64; sig++)
		if ((ignored >> (sig - 1) & 1) && !MUTATE(T87))
			sys_signal_default(sig);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return error_errno(err, errno, "sigprocmask");
	return 0;
}

static void end(int sig)
{
	sys_exit(128 + sig);
}

/*
 * Does: signals as a program expects them.  While it waits for `start` the first process of a pid namespace would not
 * even end by those that ask it to, pid_namespaces(7): it has a handler, which execve takes away.
 */
int stage_signals(struct stage_context *c, struct error *err)
{
	static const int asking[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	int r = default_signals(c->h->ignored_signals, err);

	for (size_t i = 0; r == 0 && c->h->start >= 0 && i < ARRAY_SIZE(asking); i++)
		if (signal(asking[i], end) == SIG_ERR)
			return error_errno(err, errno, "signal");
	return r;
}

/*
 * Does: let the parent's death kill us no more, or, with --die-with-parent, still: a clone or other ids forget it.
 * Until the parent has let us go we see its death as the end of the conversation.
 */
int stage_alone(struct stage_context *c, struct error *err)
{
	int wanted = c->p->process.die_with_parent ? SIGKILL : 0, sig = -1;

	if (prctl(PR_SET_PDEATHSIG, wanted) < 0 || prctl(PR_GET_PDEATHSIG, &sig) < 0)
		return error_errno(err, errno, "prctl(PR_SET_PDEATHSIG)");
	if (sig == wanted)
		return 0;
	return error_set(err, EPROTO, "the process would %s its runtime", wanted ? "outlive" : "end with");
}

/* Does: say so, and wait until the parent has seen for itself (rule R12). */
int stage_ready(struct stage_context *c, struct error *err)
{
	int r = conversation_send(&c->conv, MSG_READY, -1, err);

	return r < 0 ? r : conversation_expect(&c->conv, MSG_PROCEED, -1, -1, NULL, err);
}

/* In the process of a startContainer hook, which is code of the container. */
static int confine_hook(void *ctx)
{
	struct error err = {0};
	int listener;

	return stage_install_filter(ctx, &listener, &err);
}

/*
 * Does: for `create`, let the parent go and wait at the fifo for one byte; run startContainer hooks
 * with the credentials, the filter, the environment and the directory of the process: they are the
 * container's code.
 */
int stage_start(struct stage_context *c, struct error *err)
{
	struct hook_run run = {.default_env = c->env, .ctx = c};
	int r;

	if (c->h->start >= 0) {
		struct start_go go = {0};
		ssize_t n;

		close(c->conv.fd);
		c->conv.fd = -1;
		do
			n = read(c->h->start, &go, sizeof(go));
		while (n < 0 && errno == EINTR);
		if (n < 1)
			sys_exit(1);
		if (go.rows && c->p->process.terminal)
			tty_size_unless_known(STDIN_FILENO, go.rows, go.cols);
	}
	if (c->h->exec || !c->p->has_process || !c->p->hooks->list[HOOK_START_CONTAINER].n)
		return 0;
	if (c->p->security.seccomp && !c->filtered)
		run.before_exec = confine_hook;
	r = stage_run_hooks(c, HOOK_START_CONTAINER, &c->h->hook_state[1], &run, err);
	/* The C library blocks signals while it makes a process, and nobody looks whether it takes that back. */
	return r < 0 ? r : default_signals(c->h->ignored_signals, err);
}

/* A filter says what its author told it to; these two it says of most calls. */
static bool looks_filtered(const struct oci_seccomp *profile, int errnum)
{
	const uint32_t action = profile->default_action;

	if (errnum == EPERM || errnum == ENOSYS || (action & 0xffff) == (unsigned)errnum)
		return true;
	for (size_t i = 0; i < profile->n_rules; i++)
		if ((profile->rules[i].action & 0xffff) == (unsigned)errnum)
			return true;
	return false;
}

/*
 * Does: the filter.  Whatever else there is to do but execve is done by now.
 * Must not: make another call after it.
 */
int stage_last_filter(struct stage_context *c, struct error *err)
{
	int listener;

	if (!c->p->security.seccomp || c->filtered)
		return 0;
	return stage_install_filter(c, &listener, err);
}

/* Must not: need a call that a filter may refuse, to say that it failed: so the file is not looked at then. */
int stage_exec(struct stage_context *c, struct error *err)
{
	const struct oci_seccomp *profile = c->p->security.seccomp;
	int r;

	execve(c->program, c->p->process.argv, c->env);
	r = errno;
	if (!profile)
		process_exec_error(c->program, r, err);
	else
		error_errno(err, r, "exec `%s`", c->program);
	error_kind(err, ERROR_PROGRAM);
	error_path(err, c->program);
	error_at(err, "/process/args/0");
	if (r == EACCES)
		stage_explain_landlock(c, err);
	if (profile && looks_filtered(profile, r))
		error_hint(err, "the seccomp profile may deny execve(2)");
	return -err->code;
}
