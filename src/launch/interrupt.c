/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals to the runtime while a container is half made.  Runs on the host. */
#include <errno.h>
#include <stddef.h>

#include "launch/creation.h"
#include "launch/interrupt.h"
#include "oci/names.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* The one signal flag, and what its handler needs. */
static volatile sig_atomic_t came;
static const int *volatile victim;
static struct sigaction saved[N_SIGNALS];

static void on_signal(int sig)
{
	int keep = errno;

	came = sig;
	if (victim && *victim >= 0)
		sys_pidfd_send_signal(*victim, SIGKILL, NULL, 0);
	errno = keep;
}

void interrupt_arm(const int *pidfd)
{
	struct sigaction act = {.sa_handler = on_signal};

	came = 0;
	victim = pidfd;
	if (MUTATE(T102))
		return;
	for (size_t i = 0; i < N_SIGNALS; i++) {
		sigaction(signals[i], &act, &saved[i]);
		/* What the caller made us ignore (nohup) stays ignored. */
		if (saved[i].sa_handler == SIG_IGN)
			sigaction(signals[i], &saved[i], NULL);
	}
}

const volatile sig_atomic_t *interrupt_flag(void)
{
	return &came;
}

int interrupt_disarm(bool over)
{
	victim = NULL;
	for (size_t i = 0; i < N_SIGNALS && !over; i++)
		sigaction(signals[i], &saved[i], NULL);
	return came;
}

int interrupt_explain(int sig, struct error *err)
{
	char name[16];

	return error_set(err, EINTR, "interrupted by %s", signal_name(sig, name));
}
