/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as `linux.resources`: as a document of its own and in a configuration it is the same. */
#include <string.h>

#include "plan/plan_update.h"
#include "tests/fuzz/check.h"

const char fuzz_corpus[] = "tests/fuzz/resources";

static const char before[] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"linux\":{"
			     "\"namespaces\":[{\"type\":\"mount\"}],\"resources\":";

static void plan(struct arena *a, const struct oci_config *config)
{
	struct plan_options options = fuzz_options(0);
	const struct plan *plan;
	struct error err = {0};
	int r = plan_build(a, config, &fuzz_facts[0], &options, &plan, &err);

	if (r < 0)
		fuzz_check_error(r, &err);
	else
		check_plan(plan);
}

/* What is saved of it is read as the same: so says the next text, and the plan of it. */
static void save(struct arena *a, const struct oci_resources *r)
{
	struct oci_resources again = {0};
	struct error err = {0};
	size_t len, len2;
	char *text = config_resources_text(r, &len), *text2;

	must(config_parse_resources(a, text, len, &again, &err) == 0);
	text2 = config_resources_text(&again, &len2);
	must(len == len2 && memcmp(text, text2, len) == 0);
	free(text);
	free(text2);
}

/* As the change of a container that has half of what it says, and of one that has all of it. */
static void update(struct arena *a, const struct oci_resources *r)
{
	struct oci_resources half = *r;
	const struct oci_resources *const bases[] = {&half, r};

	half.memory.swap.set = half.cpu.quota.set = half.cpu.idle.set = false;
	half.unified.n /= 2;
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		struct plan_update u = {.cgroup.mode = PLAN_CGROUP_FS};
		struct error err = {0};
		int e = plan_update(a, bases[i], r, i, &u, &err);

		if (e < 0) {
			fuzz_check_error(e, &err);
			must(!str_starts(err.where, "/linux"));
			continue;
		}
		save(a, &u.merged);
		for (size_t j = 0; j < u.cgroup.n_writes; j++)
			must(!strchr(u.cgroup.writes[j].file, '/') && !str_starts(u.cgroup.writes[j].where, "/linux"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct oci_resources resources = {0};
	struct oci_config *config;
	struct error err = {0};
	char *whole;
	int r;

	fuzz_quiet();
	r = config_parse_resources(a, (const char *)data, size, &resources, &err);
	if (r < 0) {
		fuzz_check_error(r, &err);
	} else {
		save(a, &resources);
		update(a, &resources);
		/* Near the limits of depth and size it may be refused there. */
		whole = arena_printf(a, "%s%.*s}}", before, (int)size, (const char *)data);
		r = config_parse(a, whole, strlen(whole), &config, &err);
		if (r < 0)
			must(strstr(err.text, "deep") || strstr(err.text, "values"));
		else
			plan(a, config);
	}
	arena_free(a);
	return 0;
}
