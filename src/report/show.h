/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop plan`: a plan in words, in parts. */
#ifndef ORLOP_REPORT_SHOW_H
#define ORLOP_REPORT_SHOW_H

#include "plan/plan.h"
#include "report/steps.h"

struct json;

/* show_ns.c: namespaces, and what is set in them. */
void show_namespaces(struct steps *s, const struct plan *p);
void show_settings(struct steps *s, const struct plan *p);
void show_sysctls(struct steps *s, const struct plan *p);
/* show_cgroup.c; @config: the document, for what is written there as it stands. */
void show_cgroup(struct steps *s, const struct plan *p, const struct json *config);
/* show_rootfs.c: what is mounted and made, and what hides and protects it then. */
void show_rootfs(struct steps *s, const struct plan *p);
void show_protection(struct steps *s, const struct plan *p);
/* show_process.c: hooks, what the process is before it is confined, and its program. */
void show_hooks(struct steps *s, const struct plan *p, enum oci_hook_kind kind);
void show_process(struct steps *s, const struct plan *p);
void show_execution(struct steps *s, const struct plan *p);
/* "SCMP_ACT_ERRNO 1 operation not permitted" for SECCOMP_RET_*. */
const char *show_answer(struct arena *a, uint32_t answer);
/* show_security.c: 0 or -errno, the profile cannot be compiled. */
int show_security(struct steps *s, struct arena *a, const struct plan *p, struct error *err);

#endif
