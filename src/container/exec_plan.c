/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `exec`: what is to run.  Runs on the host. */
#include "container/execution.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "launch/options.h"
#include "oci/names.h"
#include "plan/build.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/str.h"

static int process_from_file(struct execution *x, struct error *err)
{
	char *text;
	size_t len;
	int r = config_read(x->arena, AT_FDCWD, x->o->process, &text, &len, err);

	if (r < 0)
		return r;
	r = config_parse_process(x->arena, text, len, &x->process, err);
	if (r < 0)
		return error_in(err, "%s", x->o->process);
	/* Engines say both. */
	x->process.terminal |= x->o->tty;
	return 0;
}

/* "UID" keeps the container's gid; "UID:GID" sets both; anything else is an error (T49). */
static int parse_user(const char *word, struct oci_user *user, struct error *err)
{
	_cleanup_free_ char *copy = xstrdup(word);
	char *colon = strchr(copy, ':');
	uint32_t uid, gid = user->gid;

	if (colon)
		*colon = '\0';
	if (str_to_u32(copy, &uid) < 0 || (colon && str_to_u32(colon + 1, &gid) < 0) ||
	    uid == UINT32_MAX || gid == UINT32_MAX) {
		char shown[128];

		return error_usage(err, "--user `%s` is not UID or UID:GID in decimal digits",
				   str_escape(word, shown, sizeof(shown)));
	}
	user->uid = uid;
	user->gid = gid;
	return 0;
}

/*
 * As the other runtimes: what is asked for is had, also beyond the container's bounding set, which --process could
 * say as well.  The inheritable set never grows: with it a program's file capabilities would count (T50,
 * CVE-2022-29162); and the ambient set cannot grow beyond that, capabilities(7).
 */
static void add_capabilities(struct execution *x)
{
	struct oci_capabilities *caps = &x->process.capabilities;

	for (size_t i = 0; i < x->o->caps.n; i++) {
		const char *name = x->o->caps.v[i];
		int cap = capability_number(name);
		uint64_t bit;

		if (cap < 0) {	/* as in a configuration, config.md, "Process" */
			char shown[128], buf[32];
			const char *near = capability_nearest(name, buf);

			log_warning("--cap %s: unknown capability, left out%s%s%s",
				    str_escape(name, shown, sizeof(shown)), near ? " (did you mean `" : "",
				    near ? near : "", near ? "`?)" : "");
			continue;
		}
		bit = UINT64_C(1) << cap;
		caps->bounding |= bit;
		caps->permitted |= bit;
		caps->effective |= bit;
		caps->inheritable |= MUTATE(T50) ? bit : 0;
		caps->ambient |= caps->inheritable & bit;
		x->process.has_capabilities = true;
	}
}

static struct strings joined(struct arena *a, const struct strings *first,
			     const struct strings *second)
{
	struct strings all = {.v = arena_new_array(a, char *, first->n + second->n + 1)};

	for (size_t i = 0; i < first->n; i++)
		all.v[all.n++] = first->v[i];
	/* Copied: the command line's memory is overwritten in the child. */
	for (size_t i = 0; i < second->n; i++)
		all.v[all.n++] = arena_strdup(a, second->v[i]);
	return all;
}

static int process_from_options(struct execution *x, struct error *err)
{
	static const struct strings none;
	const struct exec_options *o = x->o;
	struct oci_process *p = &x->process;
	int r = 0;

	if (!x->config->process.present)
		return error_config(err, "/process", "the container was created without `process`: "
				    "use --process");
	*p = x->config->process;
	p->args = joined(x->arena, &none, &o->args);
	p->env = joined(x->arena, &p->env, &o->env);
	p->terminal = o->tty;
	p->console_size.set = false;
	if (o->cwd)
		p->cwd = arena_strdup(x->arena, o->cwd);
	if (o->no_new_privs)
		p->no_new_privileges = true;
	if (o->apparmor)
		p->apparmor_profile = arena_strdup(x->arena, o->apparmor);
	if (o->process_label)
		p->selinux_label = arena_strdup(x->arena, o->process_label);
	if (o->n_additional_gids > 0) {
		p->user.additional_gids = o->additional_gids;
		p->user.n_additional_gids = o->n_additional_gids;
	}
	if (p->cwd[0] != '/')
		return error_usage(err, "--cwd %s is not absolute", p->cwd);
	for (size_t i = 0; i < o->env.n; i++)
		if (!strchr(o->env.v[i], '=') || o->env.v[i][0] == '=')
			return error_usage(err, "--env %s is not NAME=VALUE", o->env.v[i]);
	if (o->user)
		r = parse_user(o->user, &p->user, err);
	add_capabilities(x);
	return r;
}

int execution_plan(struct execution *x, struct error *err)
{
	struct plan_options po = {
		.id = x->st.id, .bundle = x->st.bundle, .detached = x->o->detach,
		.has_console_socket = x->o->console_socket, .preserve_fds = x->o->preserve_fds,
	};
	struct facts facts;
	int r;

	facts_probe(&facts);
	po.rootless = options_rootless(x->o->global, &facts);
	if (MUTATE(T26))
		r = config_load(x->arena, AT_FDCWD, arena_printf(x->arena, "%s/config.json", x->st.bundle), &x->config,
				NULL, NULL, err);
	else
		r = config_load(x->arena, x->dir, STORE_CONFIG, &x->config, NULL, NULL, err);
	if (r < 0)
		return error_in(err, "the saved configuration of container `%s`", x->o->id);
	r = x->o->process ? process_from_file(x, err) : process_from_options(x, err);
	if (r == 0)
		r = plan_build_exec(x->arena, x->config, &x->process, &facts, &po, &x->spawn.plan, err);
	if (r < 0)
		return r;
	x->spawn.handles.last_cap = facts.last_cap;
	if (x->process.terminal && x->o->detach && !x->o->console_socket)
		return error_set(err, EINVAL, "the process wants a terminal, and nobody would hold it "
				 "(give --console-socket, or leave out --detach)");
	if (!x->process.terminal && x->o->console_socket)
		return error_usage(err, "--console-socket is of no use without a terminal");
	return options_check_security(&x->spawn.plan->security, err);
}
