/* SPDX-License-Identifier: GPL-2.0-or-later */
/* signal(7) words, as `kill` takes them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "oci/names.h"

/* What kill(1) and glibc call RTMIN and RTMAX; the kernel starts at 32, glibc keeps two for itself. */
#define RT_FIRST 34
#define RT_LAST 64

const struct name_value signal_names[] = {
	{"HUP", SIGHUP},
	{"INT", SIGINT},
	{"QUIT", SIGQUIT},
	{"ILL", SIGILL},
	{"TRAP", SIGTRAP},
	{"ABRT", SIGABRT},
	{"BUS", SIGBUS},
	{"FPE", SIGFPE},
	{"KILL", SIGKILL},
	{"USR1", SIGUSR1},
	{"SEGV", SIGSEGV},
	{"USR2", SIGUSR2},
	{"PIPE", SIGPIPE},
	{"ALRM", SIGALRM},
	{"TERM", SIGTERM},
	{"STKFLT", SIGSTKFLT},
	{"CHLD", SIGCHLD},
	{"CONT", SIGCONT},
	{"STOP", SIGSTOP},
	{"TSTP", SIGTSTP},
	{"TTIN", SIGTTIN},
	{"TTOU", SIGTTOU},
	{"URG", SIGURG},
	{"XCPU", SIGXCPU},
	{"XFSZ", SIGXFSZ},
	{"VTALRM", SIGVTALRM},
	{"PROF", SIGPROF},
	{"WINCH", SIGWINCH},
	{"IO", SIGIO},
	{"PWR", SIGPWR},
	{"SYS", SIGSYS},
	/* other names of the same numbers */
	{"IOT", SIGABRT},
	{"CLD", SIGCHLD},
	{"POLL", SIGIO},
	{"UNUSED", SIGSYS},
	{"RTMIN", RT_FIRST},
	{"RTMAX", RT_LAST},
};

const size_t n_signal_names = ARRAY_SIZE(signal_names);

/* "RTMIN+3", "RTMAX-2" (in capitals); -EINVAL for anything else. */
static int real_time(const char *word)
{
	uint32_t n;

	if ((str_starts(word, "RTMIN+") || str_starts(word, "RTMAX-")) &&
	    str_to_u32(word + 6, &n) == 0 && n <= RT_LAST - RT_FIRST)
		return word[5] == '+' ? RT_FIRST + (int)n : RT_LAST - (int)n;
	return -EINVAL;
}

int signal_parse(const char *word)
{
	char upper[16];
	const struct name_value *row;
	const char *name = upper;
	uint32_t n;
	size_t i;

	if (str_to_u32(word, &n) == 0)
		return n <= RT_LAST ? (int)n : -EINVAL;
	for (i = 0; word[i] && i < sizeof(upper) - 1; i++)
		upper[i] = word[i] >= 'a' && word[i] <= 'z' ? (char)(word[i] - 'a' + 'A') : word[i];
	upper[i] = '\0';
	if (word[i])
		return -EINVAL;
	if (str_starts(upper, "SIG"))
		name += 3;
	row = name_find(signal_names, n_signal_names, name);
	return row ? (int)row->value : real_time(name);
}

const char *signal_name(int sig, char buf[16])
{
	for (size_t i = 0; i < n_signal_names; i++)
		if (signal_names[i].value == (uint64_t)sig) {
			snprintf(buf, 16, "SIG%s", signal_names[i].name);
			return buf;
		}
	if (sig > RT_FIRST && sig < RT_LAST)
		snprintf(buf, 16, "SIGRTMIN+%d", sig - RT_FIRST);
	else
		snprintf(buf, 16, "signal %d", sig);
	return buf;
}
