/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as `linux.resources`: as a document of its own and in a configuration it is the same. */
#include <string.h>

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
