/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop plan`: what `run` would do with a bundle, in order, and none of it is done.  On the host. */
#include "report/report.h"

#include <stdlib.h>
#include <unistd.h>

#include "json/tree.h"
#include "report/bundle.h"
#include "report/show.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define ID "container"		/* in names that have one */

/* The order is that of launch/creation.c and of the stages of init/stages.c. */
static int show(struct steps *s, struct arena *a, const struct plan *p, const struct json *config, struct error *err)
{
	int r = 0;

	show_cgroup(s, p, config);
	show_namespaces(s, p);
	show_settings(s, p);
	show_rootfs(s, p);
	show_hooks(s, p, HOOK_PRESTART);
	show_hooks(s, p, HOOK_CREATE_RUNTIME);
	show_hooks(s, p, HOOK_CREATE_CONTAINER);
	show_sysctls(s, p);
	show_protection(s, p);
	if (p->has_process) {
		show_process(s, p);
		r = show_security(s, a, p, err);
	}
	show_hooks(s, p, HOOK_START_CONTAINER);
	if (p->has_process)
		show_execution(s, p);
	show_hooks(s, p, HOOK_POSTSTART);
	show_hooks(s, p, HOOK_POSTSTOP);
	return r;
}

static int plan(struct arena *a, const struct global_options *g, const struct report_plan_options *o,
		struct steps *s, struct error *err)
{
	const struct plan *p = NULL;
	struct oci_config *config;
	struct bundle b;
	int r = bundle_read(a, g, o->bundle, o->config, o->host, &b, err);

	if (r < 0)
		return r;
	r = config_parse(a, b.document.text, b.document.len, &config, err);
	if (r < 0)
		return error_in(err, "%s", b.name);
	r = json_parse(a, b.document.text, b.document.len, &b.document.root, err);
	if (r == 0)
		r = bundle_plan(a, g, &b, o->id ? o->id : ID, config, NULL, &p, err);
	return r == 0 ? show(s, a, p, b.document.root, err) : r;
}

int report_plan(const struct global_options *g, const struct report_plan_options *o, struct error *err)
{
	struct arena *a = arena_new();
	_cleanup_free_ char *text = NULL;
	struct steps s;
	size_t len;
	int r;

	steps_init(&s, o->json);
	r = plan(a, g, o, &s, err);
	text = steps_finish(&s, &len);
	arena_free(a);
	if (r < 0)
		return r;
	r = fd_write_all(STDOUT_FILENO, text, len);
	return r < 0 ? error_errno(err, r, "write to the standard output") : 0;
}
