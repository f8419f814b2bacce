/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as config.json: taken or refused with a reason; and a plan for two hosts of what was taken. */
#include <string.h>

#include "security/seccomp.h"
#include "tests/fuzz/check.h"

const char fuzz_corpus[] = "tests/fuzz/config";

static void check_config(const struct oci_config *c)
{
	must((c->oci_version[0] == '0' || c->oci_version[0] == '1') && c->root.path[0] != '\0');
	if (c->process.present)
		check_process(&c->process);
	for (size_t i = 0; i < c->n_mounts; i++) {
		must(c->mounts[i].destination[0] != '\0');
		check_strings(&c->mounts[i].words);
		check_strings(&c->mounts[i].options.data);
		check_strings(&c->mounts[i].options.sb_flags);
		must(!c->mounts[i].options.tmpcopyup || str_eq(c->mounts[i].type, "tmpfs"));
		must(!c->mounts[i].uid_mappings.n == !c->mounts[i].gid_mappings.n);
	}
	for (size_t i = 0; i < c->linux_.n_namespaces; i++)
		must(c->linux_.namespaces[i].flag != 0);
	for (size_t i = 0; i < c->linux_.seccomp.n_rules; i++)
		must(c->linux_.seccomp.rules[i].names.n > 0);
	check_strings(&c->linux_.masked_paths);
	check_strings(&c->linux_.readonly_paths);
}

static void compile(const struct oci_seccomp *profile)
{
	struct seccomp_program *program = xcalloc(1, seccomp_program_size());
	struct error err = {0};
	int r = seccomp_compile(profile, program, &err);

	if (r < 0)
		fuzz_check_error(r, &err);
	else
		must(program->n > 0 && program->n <= SECCOMP_MAX_INSNS);
	free(program);
}

/* Who looks for all that cannot be finds something exactly if there is something. */
static void plan_on(struct arena *a, const struct oci_config *config, unsigned host, int r)
{
	struct plan_options options = fuzz_options(host);
	struct findings all = {.arena = a};
	const struct plan *plan = NULL;
	struct error err = {0};

	options.all = &all;
	must(plan_build(a, config, &fuzz_facts[host], &options, &plan, &err) == 0 && plan);
	must((all.errors > 0) == (r < 0));
}

static void plan(struct arena *a, const struct oci_config *config, unsigned host)
{
	struct plan_options options = fuzz_options(host);
	const struct plan *plan;
	struct error err = {0};
	int r = plan_build(a, config, &fuzz_facts[host], &options, &plan, &err);

	plan_on(a, config, host, r);
	if (r < 0) {
		fuzz_check_error(r, &err);
		return;
	}
	check_plan(plan);
	if (host == 0 && plan->security.seccomp)
		compile(plan->security.seccomp);
}

/* Who looks for all errors finds one exactly where there is one. */
static void check(struct arena *a, const char *text, size_t len, int r)
{
	struct config_document document = {.text = text, .len = len};
	struct findings all = {.arena = a};

	config_check(a, &document, &all);
	must((all.errors > 0) == (r < 0) && all.n <= FINDINGS_MAX);
	for (size_t i = 0; i < all.n; i++)
		must(all.v[i].error.text[0] && all.v[i].line > 0 && all.v[i].column > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct oci_config *config = NULL;
	struct error err = {0};
	int r;

	fuzz_quiet();
	r = config_parse(a, (const char *)data, size, &config, &err);
	if (r == 0) {
		check_config(config);
		plan(a, config, 0);
		plan(a, config, 1);
	} else {
		fuzz_check_error(r, &err);
	}
	check(a, (const char *)data, size, r);
	arena_free(a);
	return 0;
}
