/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a host must have for a plan: kernel, namespaces, controllers, security modules, ids.  All of it are facts. */
#include "report/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/controllers.h"
#include "cgroup/delegate.h"
#include "oci/linux.h"
#include "oci/seccomp.h"
#include "security/core_sched.h"
#include "security/landlock.h"
#include "security/lsm.h"
#include "security/seccomp.h"
#include "util/cleanup.h"

#define OLDEST_RELEASE "5.14"

static void check_kernel(struct check *c)
{
	const struct kernel_call *missing = c->bundle.host.here ? kernel_missing_call() : NULL;

	if (release_is_older(c->bundle.host.release, OLDEST_RELEASE))
		check_note(c, false, "", "orlop needs Linux " OLDEST_RELEASE " or later, this is %s",
			   c->bundle.host.release);
	else if (missing)
		check_note(c, false, "", "there is no %s(2), which came with Linux %s: a seccomp filter of the host "
			   "may hide it", missing->name, missing->release);
}

static void check_namespaces(struct check *c)
{
	const struct oci_linux *l = &c->plan->config->linux_;

	for (size_t i = 0; i < l->n_namespaces; i++) {
		char where[64];

		if (host_has(&c->bundle.host.namespaces, l->namespaces[i].name))
			continue;
		snprintf(where, sizeof(where), "/linux/namespaces/%zu/type", i);
		check_note(c, false, where, "the host has no %s namespaces%s", l->namespaces[i].name,
			   str_eq(l->namespaces[i].name, "user") ?
			   ", or has them switched off (sysctls user.max_user_namespaces, "
			   "kernel.unprivileged_userns_clone)" : "");
	}
}

/* Those that the kernel brought later than the oldest release that will do. */
static void check_releases(struct check *c)
{
	const struct oci_memory_policy *m = &c->plan->config->linux_.memory_policy;
	static const struct {
		const char *name, *release;
	} modes[] = {
		{"MPOL_PREFERRED_MANY", "5.15"}, {"MPOL_WEIGHTED_INTERLEAVE", "6.9"},
	};

	for (size_t i = 0; m->present && i < ARRAY_SIZE(modes); i++)
		if (str_eq(m->name, modes[i].name) && release_is_older(c->bundle.host.release, modes[i].release))
			check_note(c, false, "/linux/memoryPolicy/mode", "%s needs Linux %s or later, this is %s",
				   m->name, modes[i].release, c->bundle.host.release);
}

/* ---- cgroup --------------------------------------------------------------------------------- */

static void missing_controller(struct check *c, const char *where, const char *what, unsigned bit)
{
	const struct plan_cgroup *p = &c->plan->cgroup;
	struct error err = {0};

	if (c->bundle.host.here && !c->bundle.host.cgroup_home[0]) {
		cgroup_no_controller(p, cgroup_controller_names[bit], what, &err);
		error_at(&err, "%s", where);
		findings_add(&c->all, false, &err, FINDING_NO_OFFSET);
		return;
	}
	check_note(c, false, where, "%s needs the %s controller, which is not in %s%s/cgroup.controllers%s", what,
		   cgroup_controller_names[bit], c->bundle.host.cgroup_root, c->bundle.host.cgroup_home,
		   p->rootless ? ": systemd delegates it with Delegate=yes in a drop-in of user@.service" : "");
}

/* Without privileges a cgroup can only be made where one was delegated: for limits there must be one. */
static bool may_make_cgroups(const struct check *c)
{
	const struct plan_cgroup *p = &c->plan->cgroup;
	const struct host *h = &c->bundle.host;

	if (p->mode != PLAN_CGROUP_FS || !p->rootless || p->optional || h->cgroup_home[0] || !h->here)
		return true;
	/* Also in a cgroup namespace, where it is the root. */
	return faccessat(AT_FDCWD, h->cgroup_root, W_OK, AT_EACCESS) == 0;
}

static void check_controllers(struct check *c)
{
	const struct plan_cgroup *p = &c->plan->cgroup;
	bool may = may_make_cgroups(c);

	for (size_t i = 0; p->mode != PLAN_CGROUP_NONE && i < p->n_writes; i++) {
		const struct plan_cgroup_write *w = &p->writes[i];

		if (w->optional || (i > 0 && str_eq(w->where, p->writes[i - 1].where)))
			continue;
		if (!may) {
			check_note(c, false, w->where, "no cgroup is delegated to the caller, so none can be limited: "
				   "run it in a unit with Delegate=yes, as systemd-run --user --scope "
				   "-p Delegate=yes does");
			continue;
		}
		for (unsigned bit = 0; bit < ARRAY_SIZE(cgroup_controller_names); bit++)
			if (w->controller & 1u << bit &&
			    !host_has(&c->bundle.host.controllers, cgroup_controller_names[bit]))
				missing_controller(c, w->where, "this limit", bit);
	}
}

/* The kernel may know more than we do. */
static void check_unified(struct check *c)
{
	const struct plan_cgroup *p = &c->plan->cgroup;

	for (size_t i = 0; p->mode != PLAN_CGROUP_NONE && i < p->n_writes; i++) {
		const struct plan_cgroup_write *w = &p->writes[i];
		const char *near;

		if (!str_starts(w->where, "/linux/resources/unified/") || cgroup_knows_file(w->file))
			continue;
		near = cgroup_nearest_file(w->file);
		check_note(c, true, w->where, "no file %s of a cgroup is known that can be written%s%s%s", w->file,
			   near ? ": did you mean `" : "", near ? near : "", near ? "`?" : "");
	}
}

static void check_delegation(struct check *c)
{
	const struct plan_delegation *d = &c->plan->cgroup.delegation;
	struct error err = {0};

	for (unsigned bit = 0; bit < ARRAY_SIZE(cgroup_controller_names); bit++)
		if (d->controllers & 1u << bit && !host_has(&c->bundle.host.controllers, cgroup_controller_names[bit]))
			missing_controller(c, d->where, "this annotation", bit);
	if (d->where && c->bundle.host.here && cgroup_check_confined(&c->plan->cgroup, &err) < 0)
		findings_go_on(&c->all, -err.code, &err);
}

/* ---- security ------------------------------------------------------------------------------- */

static void check_security_here(struct check *c)
{
	const struct plan_security *s = &c->plan->security;
	struct error err = {0};

	if (selinux_check(s->selinux, "/process/selinuxLabel", &err) < 0)
		findings_go_on(&c->all, -err.code, &err);
	if (selinux_check(s->mount_label, "/linux/mountLabel", &err) < 0)
		findings_go_on(&c->all, -err.code, &err);
	if (apparmor_check(s->apparmor, &err) < 0) {
		error_at(&err, "/process/apparmorProfile");
		findings_go_on(&c->all, -err.code, &err);
	}
	if (s->seccomp && seccomp_check(s->seccomp, &err) < 0)
		findings_go_on(&c->all, -err.code, &err);
}

/* What `run` compiles while the child mounts, and what it answers to the program's own beginning. */
static void check_filter(struct check *c)
{
	static const uint64_t none[6];
	const struct oci_seccomp *profile = c->plan->security.seccomp;
	_cleanup_free_ struct seccomp_program *program = NULL;
	struct error err = {0};
	uint32_t answer;

	if (!profile || !c->plan->has_process)
		return;
	program = xcalloc(1, seccomp_program_size());
	if (seccomp_compile(profile, program, &err) < 0) {
		if (!findings_touch(&c->all, "/linux/seccomp"))
			findings_go_on(&c->all, -err.code, &err);
		return;
	}
	if (seccomp_has_conditions(profile, "execve"))
		return;
	answer = seccomp_answer(program, "execve", none) & SECCOMP_RET_ACTION_FULL;
	if (answer == SECCOMP_RET_ERRNO || answer == SECCOMP_RET_TRAP || answer == SECCOMP_RET_KILL_PROCESS ||
	    answer == SECCOMP_RET_KILL_THREAD)
		check_note(c, false, "/linux/seccomp", "the profile does not allow execve(2), so the program cannot be "
			   "executed");
}

static bool is_label(const char *s)
{
	return s && *s;
}

static void check_security_there(struct check *c)
{
	const struct plan_security *s = &c->plan->security;

	if (is_label(s->selinux) && !c->bundle.host.selinux)
		check_note(c, false, "/process/selinuxLabel", "SELinux is not enabled on that host");
	if (is_label(s->mount_label) && !c->bundle.host.selinux)
		check_note(c, false, "/linux/mountLabel", "SELinux is not enabled on that host");
	if (is_label(s->apparmor) && !str_eq(s->apparmor, APPARMOR_UNCONFINED) && !c->bundle.host.apparmor)
		check_note(c, false, "/process/apparmorProfile", "AppArmor is not enabled on that host");
	for (size_t i = 0; s->seccomp && i < n_seccomp_flag_names; i++)
		if (s->seccomp->flags & seccomp_flag_names[i].value &&
		    !host_has(&c->bundle.host.seccomp_flags, seccomp_flag_names[i].name))
			check_note(c, false, "/linux/seccomp/flags", "the kernel of that host does not support %s",
				   seccomp_flag_names[i].name);
}

/* ---- ids ------------------------------------------------------------------------------------ */

static bool is_given(const struct oci_id_mappings *ranges, const struct oci_id_mapping *m)
{
	for (size_t i = 0; i < ranges->n; i++)
		if (m->host_id >= ranges->v[i].host_id &&
		    (uint64_t)m->host_id + m->size <= (uint64_t)ranges->v[i].host_id + ranges->v[i].size)
			return true;
	return false;
}

static void check_ids(struct check *c, const struct oci_id_mappings *maps, const struct oci_id_mappings *ranges,
		      uint32_t own, const char *list, const char *file)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_id_mapping *m = &maps->v[i];
		char where[64];

		if ((m->host_id == own && m->size == 1) || is_given(ranges, m))
			continue;
		snprintf(where, sizeof(where), "/linux/%s/%zu/hostID", list, i);
		check_note(c, false, where, "the ids %u to %llu of the host are not the caller's to give: %s has no "
			   "such range for it (usermod --add-subuids, --add-subgids)", m->host_id,
			   (unsigned long long)m->host_id + m->size - 1, file);
	}
}

static void check_landlock(struct check *c)
{
	const struct oci_landlock *l = c->plan->security.landlock;
	int abi = c->bundle.host.landlock ? (int)c->bundle.host.landlock : -EOPNOTSUPP;
	struct error err = {0};

	if (l && c->bundle.host.here)
		findings_go_on(&c->all, landlock_check(l, &err), &err);
	else if (l)
		findings_go_on(&c->all, landlock_check_abi(l, abi, &err), &err);
}

static void check_core_sched(struct check *c)
{
	struct error err = {0};

	findings_go_on(&c->all, core_sched_check_answer(c->plan->security.core_sched, host_core_sched(&c->bundle.host),
							&err), &err);
}

static void check_mappings(struct check *c)
{
	const struct oci_linux *l = &c->plan->config->linux_;
	const struct host *h = &c->bundle.host;

	if (c->plan->ns.idmap != IDMAP_HELPERS)
		return;
	if (!h->ids.helpers) {
		check_note(c, false, "/linux/uidMappings", "these mappings take newuidmap(1) and newgidmap(1), which "
			   "are not there (package uidmap)");
		return;
	}
	check_ids(c, &l->uid_mappings, &h->ids.uids, h->facts.euid, "uidMappings", "/etc/subuid");
	check_ids(c, &l->gid_mappings, &h->ids.gids, h->facts.egid, "gidMappings", "/etc/subgid");
}

void check_host(struct check *c)
{
	check_kernel(c);
	if (!c->plan)
		return;
	check_namespaces(c);
	check_releases(c);
	check_controllers(c);
	check_unified(c);
	check_delegation(c);
	check_mappings(c);
	check_landlock(c);
	check_core_sched(c);
	check_types(c);
	if (c->bundle.host.here) {
		check_security_here(c);
		check_filter(c);
		check_here(c);
	} else {
		check_security_there(c);
	}
}
