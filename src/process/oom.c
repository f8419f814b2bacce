/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oom_score_adj of the container process (proc_pid_oom_score_adj(5)).  Runs in the parent. */
#include <errno.h>
#include <stdio.h>
#include <sys/capability.h>

#include "process/process.h"
#include "sys/probe.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

int process_set_oom_score(int proc_pid, int value, bool optional, struct error *err)
{
	char text[16];
	int64_t now = value;
	int n, r;

	if (value < -1000 || value > 1000)
		return error_config(err, "/process/oomScoreAdj", "%d is not from -1000 to 1000", value);
	r = (int)fd_read_pseudo(proc_pid, "oom_score_adj", text, sizeof(text));
	if (r >= 0 && str_to_i64(text, &now) == 0 && now == value)
		return 0;
	n = snprintf(text, sizeof(text), "%d", value);
	r = fd_write_pseudo(proc_pid, "oom_score_adj", text, (size_t)n);
	if (r == -EACCES && optional && value < now && !probe_effective_cap(CAP_SYS_RESOURCE)) {
		log_warning("oom_score_adj stays as it is: %s (lowering it to %d needs "
			    "CAP_SYS_RESOURCE)", error_words(r), value);
		return 0;
	}
	if (r < 0) {
		error_errno(err, r, "set oom_score_adj to %d", value);
		if (r == -EACCES || r == -EPERM)
			error_hint(err, "lowering it needs CAP_SYS_RESOURCE");
		return error_at(err, "/process/oomScoreAdj");
	}
	return 0;
}
