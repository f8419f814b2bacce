/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that is wrong with a bundle, before anything is made of it.  On the host, with the caller's rights. */
#include "report/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "launch/options.h"
#include "launch/own_user_ns.h"
#include "plan/build.h"
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

static int find_bundle(struct check *c, struct error *err)
{
	const char *name = c->o->bundle ? c->o->bundle : ".";
	char path[PATH_MAX];

	c->bundle = fd_openat(AT_FDCWD, name, O_PATH | O_DIRECTORY, 0);
	if (c->bundle < 0)
		return error_errno(err, c->bundle, "open the bundle %s", name);
	if (!realpath(name, path))
		return error_errno(err, errno, "find the path of the bundle %s", name);
	c->bundle_path = arena_strdup(c->arena, path);
	return 0;
}

/* What the plan would be. */
static void make_plan(struct check *c, struct oci_config *config)
{
	struct plan_options po = {.id = ID, .bundle = c->bundle_path, .all = &c->all,
				  .rootless = options_rootless(c->g, &c->host.facts)};
	struct error err = {0};
	int r;

	if (c->host.here) {
		r = options_cgroup_manager(c->g, &po.cgroup_manager, &po.systemd_user, &err);
		findings_go_on(&c->all, r, &err);
	} else {
		po.cgroup_manager = options_named_manager(c->g);
		po.systemd_user = c->host.facts.euid != 0;
		if (po.cgroup_manager == CGROUP_MANAGER_SYSTEMD && !c->host.systemd)
			check_note(c, false, "", "systemd does not run on that host");
	}
	findings_go_on(&c->all, own_user_ns(c->arena, config, &c->host.facts, &c->host.ids, &err), &err);
	plan_build(c->arena, config, &c->host.facts, &po, &c->plan, &err);
}

static void look(struct check *c)
{
	struct oci_config *config;

	c->all.topic = "configuration";
	config = config_check(c->arena, &c->document, &c->all);
	/* What is wrong with half a configuration on a host is mostly what is wrong with it anywhere. */
	if (c->all.errors == 0) {
		check_names(c, &config->linux_.seccomp);
		c->all.topic = "host";
		make_plan(c, config);
		check_host(c);
		if (c->host.here)
			check_sources(c);
		c->all.topic = "rootfs";
		check_rootfs(c);
	}
	config_place(&c->document, &c->all);
	findings_sort(&c->all);
}

static int check(struct check *c, struct error *err)
{
	const char *name = c->o->config ? c->o->config : "config.json";
	char *text;
	int r = find_bundle(c, err);

	if (r == 0)
		r = config_read(c->arena, c->bundle, name, &text, &c->document.len, err);
	if (r == 0 && c->o->host)
		r = host_read(c->arena, c->o->host, &c->host, err);
	else if (r == 0)
		host_probe(c->arena, options_named_manager(c->g) == CGROUP_MANAGER_DELEGATED, &c->host);
	if (r < 0)
		return r;
	c->document.text = text;
	log_at_least(LOG_LEVEL_WARNING);
	log_redirect(gather, c);
	look(c);
	log_redirect(NULL, NULL);
	return 0;
}

int report_check(const struct global_options *g, const struct check_options *o, int *ret_status, struct error *err)
{
	struct arena *a = arena_new();
	_cleanup_(strbuf_free) struct strbuf out = {0};
	struct check c = {.g = g, .o = o, .arena = a, .all.arena = a, .bundle = -1};
	int r = check(&c, err);

	if (r == 0) {
		(o->json ? check_write_json : check_write_text)(&c, &out);
		r = fd_write_all(STDOUT_FILENO, out.data, out.len);
		if (r < 0)
			error_errno(err, r, "write to the standard output");
	}
	if (c.bundle >= 0)
		close(c.bundle);
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
