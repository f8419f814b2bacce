/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of plan_build(), each in the file named after it.  Private to plan/. */
#ifndef ORLOP_PLAN_PARTS_H
#define ORLOP_PLAN_PARTS_H

#include "plan/plan.h"

int plan_id_map(struct arena *a, const struct oci_id_mappings *m, const char *where,
		const char **ret, struct error *err);
/* What @id of the container is on the host; false: it is not mapped. */
bool plan_host_id(const struct oci_id_mappings *m, uint32_t id, uint32_t *ret);
/* Check and warn; the parts look at those that concern them. */
int plan_annotations(const struct plan *p, struct error *err);
bool plan_keeps_groups(const struct oci_config *config);
enum core_sched plan_core_sched(const struct oci_config *config, const char **ret_with);
uint64_t plan_ns_flags(const struct plan *p);	/* CLONE_NEW* of all namespaces made or joined */
int plan_mounts(struct arena *a, struct plan *p, const char *notify, struct error *err);
int plan_ns(struct arena *a, struct plan *p, const struct facts *f, const struct plan_options *o,
	    struct error *err);
int plan_rootfs(struct arena *a, struct plan *p, const struct facts *f,
		const struct plan_options *o, struct error *err);
/* plan_tree.c: what a new mount namespace begins with, when the mounts are known. */
void plan_tree(struct plan *p, const struct facts *f, const struct plan_options *o);
int plan_rootfs_added(struct arena *a, struct plan *p, const struct facts *f, struct error *err);
int plan_cgroup(struct arena *a, struct plan *p, const struct facts *f,
		const struct plan_options *o, struct error *err);
/* plan_delegate.c: the annotation; into @p->cgroup, and the mounts become writable. */
int plan_delegation(struct arena *a, struct plan *p, struct error *err);
/* Mode SYSTEMD: the unit and what it always has; and, when limits and devices are known, their properties and those
 * of annotations. */
int plan_systemd_unit(struct arena *a, struct plan *p, const struct plan_options *o, struct error *err);
int plan_systemd_properties(struct arena *a, struct plan *p, struct error *err);
/* plan_systemd_limits.c: what @c->writes say, as properties of @c->unit.  May round values. */
void plan_systemd_limits(struct arena *a, struct plan_cgroup *c);
void plan_property(struct arena *a, struct plan_unit *u, const char *name, const char *value, const char *where);
/* A member name as it stands in a JSON pointer, RFC 6901. */
const char *plan_pointer_word(struct arena *a, const char *key);
int plan_intelrdt(struct arena *a, struct plan *p, struct error *err);
int plan_cgroup_devices(struct arena *a, struct plan *p, struct error *err);
int plan_process(struct arena *a, struct plan *p, const struct oci_process *process,
		 const struct facts *f, const struct plan_options *o, struct error *err);
int plan_sysctl(struct arena *a, struct plan *p, struct error *err);
int plan_security(struct arena *a, struct plan *p, const struct oci_process *process,
		  const struct facts *f, const struct plan_options *o, struct error *err);

#endif
