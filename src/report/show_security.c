/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities, labels and the system call filter of a plan.  The filter is compiled, and asked. */
#include "report/show.h"

#include <errno.h>
#include <stdio.h>

#include "oci/annotations.h"
#include "oci/landlock.h"
#include "oci/names.h"
#include "oci/seccomp.h"
#include "security/seccomp.h"
#include "util/cleanup.h"

static void show_caps(struct steps *s, struct arena *a, const char *set, uint64_t bits)
{
	struct strings names = {0};
	char buf[32];
	char where[64];

	for (unsigned i = 0; i < 64; i++)
		if (bits & 1ull << i && capability_name(i, buf))
			arena_push(a, names.v, names.n) = arena_strdup(a, buf);
	snprintf(where, sizeof(where), "/process/capabilities/%s", set);
	steps_begin(s, "capabilities");
	steps_text(s, "set", set);
	steps_list(s, "names", &names);
	steps_flag(s, "empty", names.n == 0);
	steps_end(s, where);
}

/* "SCMP_ACT_ERRNO 1 operation not permitted" */
const char *show_answer(struct arena *a, uint32_t answer)
{
	uint32_t action = answer & 0xffff0000u, data = answer & 0xffffu;

	for (size_t i = 0; i < n_seccomp_action_names; i++) {
		const char *name = seccomp_action_names[i].name;

		if (seccomp_action_names[i].value != action)
			continue;
		if (str_eq(name, "SCMP_ACT_ERRNO"))
			return arena_printf(a, "%s %u %s", name, data, error_words((int)data));
		return data ? arena_printf(a, "%s %u", name, data) : name;
	}
	return "unknown";
}

struct answer {
	uint32_t value;
	struct strings calls;
};

static void note_call(struct arena *a, struct answer *answers, size_t *n, size_t max, uint32_t value, char *name)
{
	size_t i = 0;

	while (i < *n && answers[i].value != value)
		i++;
	if (i == *n && *n < max)
		answers[(*n)++] = (struct answer){.value = value};
	if (i < *n)
		arena_push(a, answers[i].calls.v, answers[i].calls.n) = name;
}

static void show_answers(struct steps *s, struct arena *a, const struct oci_seccomp *profile,
			 const struct seccomp_program *program)
{
	static const uint64_t none[6];
	struct strings known = {0}, depends = {0};
	struct answer answers[64];
	size_t n = 0;

	seccomp_known_names(a, &known);
	for (size_t i = 0; i < known.n; i++) {
		char *name = known.v[i];

		if (seccomp_has_conditions(profile, name))
			arena_push(a, depends.v, depends.n) = name;
		else
			note_call(a, answers, &n, ARRAY_SIZE(answers), seccomp_answer(program, name, none), name);
	}
	for (size_t i = 0; i < n; i++) {
		steps_begin(s, "seccomp");
		steps_text(s, "answer", show_answer(a, answers[i].value));
		steps_list(s, "calls", &answers[i].calls);
		steps_end(s, "/linux/seccomp");
	}
	if (!depends.n)
		return;
	steps_begin(s, "seccomp");
	steps_text(s, "answer", "depends on the arguments");
	steps_list(s, "calls", &depends);
	steps_end(s, "/linux/seccomp");
}

static int show_filter(struct steps *s, struct arena *a, const struct oci_seccomp *profile, struct error *err)
{
	_cleanup_free_ struct seccomp_program *program = xcalloc(1, seccomp_program_size());
	int r = seccomp_compile(profile, program, err);

	if (r < 0)
		return r;
	steps_begin(s, "seccomp");
	steps_number(s, "instructions", program->n);
	steps_text(s, "default", show_answer(a, profile->default_action));
	steps_text(s, "listener", profile->listener_path);
	steps_end(s, "/linux/seccomp");
	show_answers(s, a, profile, program);
	return 0;
}

static void show_landlock(struct steps *s, const struct oci_landlock *l)
{
	steps_begin(s, "landlock");
	for (size_t i = 0; i < N_LANDLOCK_PATHS; i++)
		steps_list(s, landlock_path_names[i], &l->paths[i]);
	for (size_t i = 0; i < N_LANDLOCK_PORTS; i++)
		if (l->ports[i].present)
			steps_format(s, landlock_port_names[i], "%zu ports", l->ports[i].n);
	steps_flag(s, "best-effort", l->best_effort);
	steps_end(s, "/annotations/" ANNOTATION_LANDLOCK);
}

static void show_core_sched(struct steps *s, const struct plan_security *x)
{
	steps_begin(s, "core-sched");
	steps_text(s, "cookie", core_sched_name(x->core_sched));
	steps_text(s, "with", x->core_sched_with);
	steps_end(s, "/annotations/" ANNOTATION_CORE_SCHED);
}

int show_security(struct steps *s, struct arena *a, const struct plan *p, struct error *err)
{
	const struct plan_security *x = &p->security;

	show_caps(s, a, "bounding", x->caps.bounding);
	show_caps(s, a, "permitted", x->caps.permitted);
	show_caps(s, a, "effective", x->caps.effective);
	show_caps(s, a, "inheritable", x->caps.inheritable);
	show_caps(s, a, "ambient", x->caps.ambient);
	if (x->no_new_privs)
		steps_one(s, "no-new-privs", "set", "true", "/process/noNewPrivileges");
	steps_one(s, "apparmor", "profile", x->apparmor, "/process/apparmorProfile");
	steps_one(s, "selinux", "label", x->selinux, "/process/selinuxLabel");
	if (x->landlock)
		show_landlock(s, x->landlock);
	if (x->core_sched)
		show_core_sched(s, x);
	return x->seccomp ? show_filter(s, a, x->seccomp, err) : 0;
}
