/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as the file of `exec --process`, and a plan of what was taken. */
#include <string.h>

#include "tests/fuzz/check.h"

const char fuzz_corpus[] = "tests/fuzz/process";

static const char container[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],"
	"\"user\":{\"uid\":0,\"gid\":0},\"capabilities\":{\"bounding\":[\"CAP_KILL\"]}},"
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"}]}}";

/* A process may be given more than the container has, but not what it did not ask for. */
static void check_caps(const struct oci_process *asked, const struct plan_security *s)
{
	must((s->caps.ambient & ~s->caps.permitted) == 0 && (s->caps.ambient & ~s->caps.inheritable) == 0);
	must((s->caps.effective & ~s->caps.permitted) == 0);
	must(s->no_new_privs == asked->no_new_privileges);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct plan_options options = fuzz_options(0);
	struct oci_process process = {0};
	struct oci_config *config;
	const struct plan *plan;
	struct error err = {0};
	int r;

	fuzz_quiet();
	must(config_parse(a, container, strlen(container), &config, &err) == 0);
	r = config_parse_process(a, (const char *)data, size, &process, &err);
	if (r == 0) {
		check_process(&process);
		r = plan_build_exec(a, config, &process, &fuzz_facts[0], &options, &plan, &err);
		if (r == 0) {
			check_caps(&process, &plan->security);
			check_plan(plan);
		}
	}
	if (r < 0)
		fuzz_check_error(r, &err);
	arena_free(a);
	return 0;
}
