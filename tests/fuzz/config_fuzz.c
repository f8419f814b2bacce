/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as config.json, process.json and resources: taken or refused with a reason. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "tests/fuzz/fuzz.h"
#include "util/log.h"
#include "util/str.h"

const char fuzz_corpus[] = "tests/fuzz/config";

static void must(bool what)
{
	if (!what)
		abort();
}

static void ignore(void *ctx, enum log_level level, const char *text)
{
	(void)ctx, (void)level;
	must(text[0] != '\0');
}

/* A refusal says where and why, in text that is whole. */
static void check_error(int r, const struct error *err)
{
	must(r == -err->code && (r == -EINVAL || r == -EFBIG));
	must(memchr(err->where, 0, sizeof(err->where)) && memchr(err->text, 0, sizeof(err->text)));
	must(err->text[0] != '\0');
	must(err->where[0] == '\0' || err->where[0] == '/');
	must(str_utf8_valid(err->where, strlen(err->where)));
}

static void check_strings(const struct strings *s)
{
	must((s->v == NULL) == (s->n == 0));
	for (size_t i = 0; i < s->n; i++)
		must(str_utf8_valid(s->v[i], strlen(s->v[i])));
	must(s->n == 0 || s->v[s->n] == NULL);
}

static void check_process(const struct oci_process *p)
{
	must(p->present && p->cwd[0] == '/' && p->args.n > 0);
	check_strings(&p->args);
	check_strings(&p->env);
	for (size_t i = 0; i < p->env.n; i++)
		must(strchr(p->env.v[i], '=') > p->env.v[i]);
	must(p->user.uid != UINT32_MAX && p->user.gid != UINT32_MAX);
	for (size_t i = 0; i < p->n_rlimits; i++)
		must(p->rlimits[i].name && p->rlimits[i].soft <= p->rlimits[i].hard);
}

static void check_config(const struct oci_config *c)
{
	must(c->oci_version[0] == '1' && c->root.path[0] != '\0');
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = (const char *)data;
	struct oci_config *config = NULL;
	struct oci_process process = {0};
	struct oci_resources resources = {0};
	struct error err = {0};
	int r;

	log_redirect(ignore, NULL);
	r = config_parse(a, text, size, &config, &err);
	if (r == 0)
		check_config(config);
	else
		check_error(r, &err);

	err = (struct error){0};
	r = config_parse_process(a, text, size, &process, &err);
	if (r == 0)
		check_process(&process);
	else
		check_error(r, &err);

	err = (struct error){0};
	r = config_parse_resources(a, text, size, &resources, &err);
	if (r < 0)
		check_error(r, &err);
	arena_free(a);
	return 0;
}
