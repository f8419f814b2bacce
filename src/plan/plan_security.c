/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capabilities, labels, seccomp: what the process is allowed.  Runs in the parent, before the first
 * side effect; makes no system call.
 */
#include "plan/parts.h"

#include <linux/capability.h>
#include <stdio.h>

#include "oci/names.h"
#include "util/log.h"
#include "util/str.h"

static const char *or_null(const char *s)
{
	return s && *s ? s : NULL;
}

/* One of the sets, and where its members have their places; NULL: not in the container's configuration. */
struct caps_set {
	const char *name;
	uint64_t *bits;
	const uint16_t *at;
};

static void warn_dropped(const struct caps_set *s, uint64_t caps, const char *why)
{
	for (unsigned i = 0; i < 64; i++) {
		char name[32], place[16] = "";

		if (!(caps & (1ull << i)))
			continue;
		if (s->at)
			snprintf(place, sizeof(place), "/%u", s->at[i]);
		log_warning("%s%s%s: capability %u (%s) is left out: %s",
			    s->at ? "/process/capabilities/" : "process.capabilities.", s->name, place, i,
			    capability_name(i, name) ? name : "unknown", why);
	}
}

static void keep_only(const struct caps_set *s, uint64_t possible, const char *why)
{
	warn_dropped(s, *s->bits & ~possible, why);
	*s->bits &= possible;
}

/*
 * What cannot be granted is logged and left out, never an error (runtime-spec config.md#linux-process).
 * capset(2) fails as a whole for effective bits outside permitted, and the kernel raises an ambient
 * capability only when it is both permitted and inheritable: capabilities(7).
 */
static void plan_caps(struct oci_capabilities *c, unsigned last_cap, bool of_config)
{
	const struct caps_set bounding = {"bounding", &c->bounding, of_config ? c->at.bounding : NULL};
	const struct caps_set permitted = {"permitted", &c->permitted, of_config ? c->at.permitted : NULL};
	const struct caps_set inheritable = {"inheritable", &c->inheritable, of_config ? c->at.inheritable : NULL};
	const struct caps_set effective = {"effective", &c->effective, of_config ? c->at.effective : NULL};
	const struct caps_set ambient = {"ambient", &c->ambient, of_config ? c->at.ambient : NULL};
	const struct caps_set *const all[] = {&bounding, &permitted, &inheritable, &effective, &ambient};
	uint64_t known = last_cap >= 63 ? UINT64_MAX : (1ull << (last_cap + 1)) - 1;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		keep_only(all[i], known, "the kernel does not know it");
	keep_only(&effective, c->permitted, "it is not in the permitted set");
	keep_only(&ambient, c->permitted & c->inheritable,
		  "it is not in both the permitted and the inheritable set");
}

int plan_security(struct arena *a, struct plan *p, const struct oci_process *process,
		  const struct facts *f, const struct plan_options *o, struct error *err)
{
	const struct oci_linux *l = &p->config->linux_;
	struct plan_security *s = &p->security;

	(void)a;
	(void)o;
	(void)err;
	if (process->has_capabilities)
		s->caps = process->capabilities;
	plan_caps(&s->caps, f->last_cap, process == &p->config->process);
	s->no_new_privs = process->no_new_privileges;
	s->apparmor = or_null(process->apparmor_profile);
	s->selinux = or_null(process->selinux_label);
	s->mount_label = or_null(l->mount_label);
	s->seccomp = l->seccomp.present ? &l->seccomp : NULL;
	s->landlock = p->config->landlock.present ? &p->config->landlock : NULL;
	s->core_sched = plan_core_sched(p->config, &s->core_sched_with);
	s->until_exec = (s->seccomp || s->landlock) && !s->no_new_privs ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
	/* Without such a rule listenerPath means nothing: config-linux.md#seccomp. */
	s->seccomp_agent = s->seccomp && l->seccomp.notifies ? l->seccomp.listener_path : NULL;
	return 0;
}
