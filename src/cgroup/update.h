/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several limits as one change: what is there is read before anything is written, and written again, in reverse,
 * when one is refused.  On the host side.
 */
#ifndef ORLOP_CGROUP_UPDATE_H
#define ORLOP_CGROUP_UPDATE_H

#include <stdbool.h>

#include "plan/plan.h"
#include "util/error.h"
#include "util/mem.h"

struct cgroup_update;

/*
 * Open the cgroup of @p->root and @p->path, which must have @id; have its controllers passed on; read what the files
 * of @p->writes say now, and compare with what is in use (checkBeforeUpdate).  No limit is changed yet.
 * @devices: @p->device_program takes the place of the one that is attached.
 */
int cgroup_update_prepare(const struct plan_cgroup *p, uint64_t id, bool devices, struct cgroup_update **ret,
			  struct error *err);

/* All of it, or nothing: then the error says which was refused, and if something could not be undone. */
int cgroup_update_apply(struct cgroup_update *u, struct error *err);

/*
 * After cgroup_update_apply(), so that systemd hears only of what the kernel has taken: its unit is told, and as it
 * writes files itself, what it has no word for or rounds is written again.
 */
int cgroup_update_tell(struct cgroup_update *u, const struct plan_unit *unit, struct error *err);
/* Back again, before cgroup_update_undo(). */
int cgroup_update_untell(struct cgroup_update *u, const struct plan_unit *unit, struct error *err);

/* As it was before cgroup_update_apply(); @err, which says why, gets more text if that fails. */
void cgroup_update_undo(struct cgroup_update *u, struct error *err);

/* What the files said before, as the writes that would bring it back. */
void cgroup_update_before(const struct cgroup_update *u, struct arena *a, struct plan_cgroup *ret);

/* Close and free; NULL is fine. */
void cgroup_update_done(struct cgroup_update *u);

#endif
