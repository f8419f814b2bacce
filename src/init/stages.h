/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stages share, private to init/.  Above each stage: Needs, Does, Must not. */
#ifndef ORLOP_INIT_STAGES_H
#define ORLOP_INIT_STAGES_H

#include <linux/capability.h>

#include "init/init.h"
#include "security/landlock.h"

struct hook_run;

struct stage_context {
	const struct plan *p;
	struct handles *h;
	struct conversation conv;
	struct rootfs rootfs;
	struct arena *scratch;		/* the plan's arena is sealed */
	int console;			/* the pty's peer until it became 0-2, else -1 */
	bool cwd_entered;
	bool filtered;			/* the seccomp filter is installed */
	struct landlock_rules landlock;	/* to be enforced */
	const char *program;		/* what execve gets */
	char **env;
};

/* Not to be watched or dumped, and not to outlive the parent while half confined (rule R10); again
 * after every change of credentials, which resets both. */
int stage_go_dark(struct error *err);

/* Close every descriptor >= @from except the @n in @keep, which is sorted on the way (-1 is skipped). */
int stage_close_others(int from, int *keep, size_t n, struct error *err);

/* stage_ns.c */
int stage_time(struct stage_context *c, struct error *err);
int stage_maps(struct stage_context *c, struct error *err);
int stage_namespaces(struct stage_context *c, struct error *err);
int stage_names(struct stage_context *c, struct error *err);
/* foreign_proc.c: what fsopen(2) of a procfs of @pid_ns gives, or -errno. */
int init_foreign_proc(int pid_ns, struct error *err);
/* stage_clone.c */
int stage_enter_container(struct stage_context *c, struct error *err);
int stage_lift_limits(struct stage_context *c, struct error *err);
int stage_pid_namespace(struct stage_context *c, struct error *err);
int stage_clone(struct stage_context *c, struct error *err);
/* The capability that stays permitted for stage_pid_namespace(). */
#define STAGE_UNTIL_CLONE (UINT64_C(1) << CAP_SYS_ADMIN)
/* The descriptor of the pid namespace that is to be joined and was not yet, or -1. */
int stage_pid_join(const struct stage_context *c);
/* stage_rootfs.c */
int stage_enter(struct stage_context *c, struct error *err);
int stage_mounts(struct stage_context *c, struct error *err);
int stage_devices(struct stage_context *c, struct error *err);
int stage_hooks(struct stage_context *c, struct error *err);
int stage_run_hooks(struct stage_context *c, enum oci_hook_kind kind,
		    const struct hook_document *doc, struct hook_run *run, struct error *err);
int stage_console(struct stage_context *c, struct error *err);
int stage_protect(struct stage_context *c, struct error *err);
int stage_pivot(struct stage_context *c, struct error *err);
/* stage_process.c */
int stage_labels(struct stage_context *c, struct error *err);
int stage_keys(struct stage_context *c, struct error *err);
int stage_session(struct stage_context *c, struct error *err);
int stage_attributes(struct stage_context *c, struct error *err);
int stage_cwd(struct stage_context *c, struct error *err);
int stage_descriptors(struct stage_context *c, struct error *err);
int stage_limits(struct stage_context *c, struct error *err);
/* stage_security.c */
int stage_credentials(struct stage_context *c, struct error *err);
int stage_program(struct stage_context *c, struct error *err);
int stage_landlock_rules(struct stage_context *c, struct error *err);
/* After EACCES of execve(2).  Returns the error. */
int stage_explain_landlock(const struct stage_context *c, struct error *err);
int stage_landlock(struct stage_context *c, struct error *err);
int stage_core_sched(struct stage_context *c, struct error *err);
int stage_filter(struct stage_context *c, struct error *err);
int stage_agent_filter(struct stage_context *c, struct error *err);
/* Install it now; *ret_listener: see seccomp_install(). */
int stage_install_filter(struct stage_context *c, int *ret_listener, struct error *err);
/* stage_exec.c */
int stage_signals(struct stage_context *c, struct error *err);
int stage_alone(struct stage_context *c, struct error *err);
int stage_ready(struct stage_context *c, struct error *err);
int stage_start(struct stage_context *c, struct error *err);
int stage_last_filter(struct stage_context *c, struct error *err);
int stage_exec(struct stage_context *c, struct error *err);

#endif
