/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as the file of `mounts add` and `mounts remove`, and a plan of what was taken, for two hosts. */
#include <string.h>

#include "tests/fuzz/check.h"

const char fuzz_corpus[] = "tests/fuzz/mounts";

static const char container[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,"
	"\"hostID\":1000,\"size\":9}],\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":9}]}}";

static void check_mounts(const struct oci_config *c, bool to_add)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		must(c->mounts[i].destination[0] != '\0');
		check_strings(&c->mounts[i].words);
		must(!to_add || !c->mounts[i].options.remount);
		must(!to_add || !c->mounts[i].uid_mappings.n == !c->mounts[i].gid_mappings.n);
	}
}

static int plan(struct arena *a, const struct oci_config *config, unsigned host, struct error *err)
{
	struct plan_options options = fuzz_options(host);
	const struct plan *plan;
	int r = plan_build_mounts(a, config, &fuzz_facts[host], &options, host == 1, &plan, err);

	if (r < 0)
		return r;
	must(plan->rootfs.n_mounts == config->n_mounts);
	for (size_t i = 0; i < plan->rootfs.n_mounts; i++) {
		const struct plan_mount *m = &plan->rootfs.mounts[i];

		must(is_clean(m->destination, false) && m->kind != MOUNT_REMOUNT);
		must(m->kind != MOUNT_BIND || m->source[0] == '/');
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct oci_config *of, *config;
	int r;

	fuzz_quiet();
	for (unsigned host = 0; host < 2; host++) {
		struct error err = {0};

		must(config_parse(a, container, strlen(container), &of, &err) == 0);
		r = config_parse_mounts(a, (const char *)data, size, of, host == 0, &config, &err);
		if (r == 0)
			check_mounts(config, host == 0);
		if (r == 0 && host == 0)
			r = plan(a, config, 0, &err);
		if (r == 0 && host == 0)
			r = plan(a, config, 1, &err);
		if (r < 0)
			fuzz_check_error(r, &err);
	}
	arena_free(a);
	return 0;
}
