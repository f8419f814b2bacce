/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds of every configuration that was taken, and of every plan made of one. */
#ifndef ORLOP_TESTS_FUZZ_CHECK_H
#define ORLOP_TESTS_FUZZ_CHECK_H

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "plan/build.h"
#include "plan/dump.h"
#include "tests/fuzz/fuzz.h"
#include "util/str.h"

static inline void check_strings(const struct strings *s)
{
	must((s->v == NULL) == (s->n == 0));
	for (size_t i = 0; i < s->n; i++)
		must(str_utf8_valid(s->v[i], strlen(s->v[i])));
	must(s->n == 0 || s->v[s->n] == NULL);
}

static inline void check_process(const struct oci_process *p)
{
	must(p->present && p->cwd[0] == '/' && p->args.n > 0);
	check_strings(&p->args);
	check_strings(&p->env);
	for (size_t i = 0; i < p->env.n; i++)
		must(strchr(p->env.v[i], '=') > p->env.v[i]);
	must(p->user.uid != UINT32_MAX && p->user.gid != UINT32_MAX);
	for (size_t i = 0; i < p->user.n_additional_gids; i++)
		must(p->user.additional_gids[i] != UINT32_MAX);
	for (size_t i = 0; i < p->n_rlimits; i++)
		must(p->rlimits[i].name && p->rlimits[i].soft <= p->rlimits[i].hard);
}

/* "/a/b": no "..", no ".", no empty piece; "/" alone as @root says. */
static inline bool is_clean(const char *s, bool root)
{
	if (s[0] != '/')
		return false;
	if (s[1] == '\0')
		return root;
	while (*s) {
		size_t n = strcspn(++s, "/");

		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		s += n;
	}
	return true;
}

static inline void check_paths(const struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		must(is_clean(s->v[i], true));
}

/* Names are clean whatever the configuration wrote, and capabilities are not more than it asked for. */
static inline void check_plan(const struct plan *p)
{
	const struct plan_rootfs *r = &p->rootfs;
	static FILE *null;

	for (size_t i = 0; i < r->n_mounts; i++)
		must(is_clean(r->mounts[i].destination, true));
	for (size_t i = 0; i < r->n_devices; i++)
		must(is_clean(r->devices[i].path, false));
	for (size_t i = 0; i < r->n_links; i++)
		must(is_clean(r->links[i].path, false));
	check_paths(&r->masked);
	check_paths(&r->readonly_paths);
	if (p->cgroup.path)
		must(is_clean(p->cgroup.path, false));
	for (size_t i = 0; i < p->cgroup.n_writes; i++) {
		const char *file = p->cgroup.writes[i].file;

		must(file[0] && !strchr(file, '/') && !str_eq(file, ".") && !str_eq(file, ".."));
	}
	for (size_t i = 0; i < p->process.n_sysctls; i++) {
		char *slashed = xasprintf("/%s", p->process.sysctls[i].file);

		must(is_clean(slashed, false));
		free(slashed);
	}
	if (!null)
		null = fopen("/dev/null", "we");
	plan_dump(p, null);
}

/* Root of a host with everything, and an ordinary user with nothing. */
static const struct facts fuzz_facts[] = {
	{.cap_sys_admin = true, .in_initial_userns = true, .cap_sys_resource = true, .last_cap = 40,
	 .cgroup_root = "/sys/fs/cgroup"},
	{.euid = 1000, .egid = 1000, .in_initial_userns = true, .last_cap = 40, .cgroup_root = "/sys/fs/cgroup/unified",
	 .cgroup_home = "/user/1000", .cgroup_hybrid = true},
};

static inline struct plan_options fuzz_options(unsigned host)
{
	return (struct plan_options){.id = "box", .bundle = "/bundle", .rootless = host == 1, .detached = host == 1};
}

#endif
