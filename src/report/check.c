/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that is wrong with a bundle, before anything is made of it.  On the host, with the caller's rights. */
#include "report/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "launch/options.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"

#define ID "check"		/* the container that is never made */

static void note(struct check *c, bool warning, const char *where, const char *text)
{
	struct error err;

	error_config(&err, where, "%s", text);
	findings_add(&c->all, warning, &err, FINDING_NO_OFFSET);
}

void check_note(struct check *c, bool warning, const char *where, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note(c, warning, where, text);
}

/* "/a/b: TEXT" */
static void gather(void *ctx, enum log_level level, const char *text)
{
	char where[ERROR_WHERE_MAX] = "";
	const char *colon = text[0] == '/' ? strstr(text, ": ") : NULL;

	if (level > LOG_LEVEL_WARNING)
		return;
	if (colon && (size_t)(colon - text) < sizeof(where)) {
		snprintf(where, sizeof(where), "%.*s", (int)(colon - text), text);
		text = colon + 2;
	}
	note(ctx, true, where, text);
}

static void look(struct check *c)
{
	struct oci_config *config;
	struct error err = {0};

	c->all.topic = "configuration";
	config = config_check(c->arena, &c->bundle.document, &c->all);
	/* What is wrong with half a configuration on a host is mostly what is wrong with it anywhere. */
	if (c->all.errors == 0) {
		check_names(c, &config->linux_.seccomp);
		c->all.topic = "host";
		bundle_plan(c->arena, c->g, &c->bundle, ID, config, &c->all, &c->plan, &err);
		check_host(c);
		if (c->bundle.host.here)
			check_sources(c);
		c->all.topic = "rootfs";
		check_rootfs(c);
	}
	config_place(&c->bundle.document, &c->all);
	findings_sort(&c->all);
}

static int check(struct check *c, struct error *err)
{
	int r = bundle_read(c->arena, c->g, c->o->bundle, c->o->config, c->o->host, &c->bundle, err);

	if (r < 0)
		return r;
	log_at_least(LOG_LEVEL_WARNING);
	log_redirect(gather, c);
	look(c);
	log_redirect(NULL, NULL);
	return 0;
}

/* They come before the program, and may put there what is missing. */
static bool has_early_hooks(const struct oci_hooks *hooks)
{
	return hooks->list[HOOK_PRESTART].n || hooks->list[HOOK_CREATE_RUNTIME].n ||
	       hooks->list[HOOK_CREATE_CONTAINER].n;
}

int report_judge(const struct global_options *g, const struct plan *plan, struct error *err)
{
	struct arena *a = arena_new();
	struct check c = {.g = g, .arena = a, .all.arena = a, .plan = plan, .replaces = true};
	int r = 0;

	host_probe(a, options_named_manager(g) == CGROUP_MANAGER_DELEGATED, &c.bundle.host);
	log_redirect(gather, &c);
	check_host(&c);
	if (!has_early_hooks(plan->hooks))
		check_rootfs(&c);
	log_redirect(NULL, NULL);
	for (size_t i = 0; r == 0 && i < c.all.n; i++) {
		if (c.all.v[i].warning)
			continue;
		*err = c.all.v[i].error;
		r = -err->code;
	}
	arena_free(a);
	return r;
}

int report_check(const struct global_options *g, const struct check_options *o, int *ret_status, struct error *err)
{
	struct arena *a = arena_new();
	_cleanup_(strbuf_free) struct strbuf out = {0};
	struct check c = {.g = g, .o = o, .arena = a, .all.arena = a};
	int r = check(&c, err);

	if (r == 0) {
		(o->json ? check_write_json : check_write_text)(&c, &out);
		r = fd_write_all(STDOUT_FILENO, out.data, out.len);
		if (r < 0)
			error_errno(err, r, "write to the standard output");
	}
	*ret_status = c.all.errors ? 1 : c.all.n ? 2 : 0;
	arena_free(a);
	return r;
}

int report_host(const struct global_options *g, struct error *err)
{
	struct arena *a = arena_new();
	_cleanup_free_ char *text = NULL;
	struct host host;
	size_t len;
	int r;

	host_probe(a, options_named_manager(g) == CGROUP_MANAGER_DELEGATED, &host);
	text = host_text(&host, &len);
	arena_free(a);
	r = fd_write_all(STDOUT_FILENO, text, len);
	return r < 0 ? error_errno(err, r, "write to the standard output") : 0;
}
