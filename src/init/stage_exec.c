/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages: confined and ready; the start gate; execve.  Only read, write, close and execve are used
 * here (besides hooks), because a filter may refuse more. */
#include "init/protocol_receive.h"
#include "init/protocol_send.h"
#include "init/stages.h"
#include "process/process.h"
#include "sys/syscalls.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>


/* Does: say so, and wait until the parent has seen for itself (rule R12). */
int stage_ready(struct stage_context *c, struct error *err)
{
	int r;

	/* `create` ends as soon as it has let us go.  If it dies before, end of file says so. */
	if (c->h->start >= 0 && prctl(PR_SET_PDEATHSIG, 0) < 0)
		return error_errno(err, errno, "prctl");
	r = conversation_send(&c->conv, MSG_READY, -1, err);
	return r < 0 ? r : conversation_expect(&c->conv, MSG_PROCEED, -1, -1, NULL, err);
}

/*
 * Does: for `create`, let the parent go and wait at the fifo for one byte; run startContainer hooks
 * with the credentials and the environment of the process: they are the container's code.
 */
int stage_start(struct stage_context *c, struct error *err)
{
	if (c->h->start >= 0) {
		char go;
		ssize_t n;

		close(c->conv.fd);
		c->conv.fd = -1;
		do
			n = read(c->h->start, &go, 1);
		while (n < 0 && errno == EINTR);
		if (n != 1)
			_exit(1);
	}
	if (c->h->exec || !c->p->has_process)
		return 0;
	return stage_run_hooks(c, HOOK_START_CONTAINER, &c->h->hook_state[1], c->env, err);
}

/* What survives execve although it was the caller's: the mask and the ignored signals. */
static int default_signals(uint64_t ignored, struct error *err)
{
	sigset_t none;

	for (int sig = 1; sig <= 64; sig++)
		if (ignored >> (sig - 1) & 1)
			sys_signal_default(sig);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return error_errno(err, errno, "sigprocmask");
	return 0;
}

int stage_exec(struct stage_context *c, struct error *err)
{
	int r = default_signals(c->h->ignored_signals, err);

	if (r < 0)
		return r;
	if (prctl(PR_SET_PDEATHSIG, 0) < 0)
		return error_errno(err, errno, "prctl");
	execve(c->program, c->p->process.argv, c->env);
	return process_exec_error(c->program, errno, err);
}
