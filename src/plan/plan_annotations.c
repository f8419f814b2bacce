/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Annotations of crun's, which engines set: honoured, or said not to be; our own: honoured, or refused.
 * Runs in the parent, before the first side effect; makes no system call.
 */
#include "plan/parts.h"

#include <errno.h>

#include "oci/annotations.h"
#include "util/log.h"

static bool is_honoured(const char *key)
{
	for (size_t i = 0; i < n_annotation_names; i++)
		if (str_eq(annotation_names[i].name, key))
			return true;
	return false;
}

bool plan_keeps_groups(const struct oci_config *config)
{
	const char *value = annotation_value(&config->annotations, ANNOTATION_KEEP_GROUPS);

	return value && !str_eq(value, "0");
}

enum core_sched plan_core_sched(const struct oci_config *config, const char **ret_with)
{
	const char *value = annotation_value(&config->annotations, ANNOTATION_CORE_SCHED);

	*ret_with = NULL;
	return value ? core_sched_value(value, ret_with) : CORE_SCHED_NONE;
}

/* A mistake taken for "no" would leave it out. */
static int check_core_sched(const struct oci_config *config, struct error *err)
{
	const char *value = annotation_value(&config->annotations, ANNOTATION_CORE_SCHED), *with;
	char shown[128];

	if (!value || plan_core_sched(config, &with))
		return 0;
	return error_config(err, "/annotations/" ANNOTATION_CORE_SCHED, "`%s` is not true, best-effort or "
			    "share:ID", str_escape(value, shown, sizeof(shown)));
}

static int check_context_type(const struct oci_config *config, struct error *err)
{
	static const char *const types[] = {"context", "fscontext", "defcontext", "rootcontext"};
	const char *value = annotation_value(&config->annotations, ANNOTATION_CONTEXT_TYPE);
	char shown[128];

	for (size_t i = 0; value && i < ARRAY_SIZE(types); i++)
		if (str_eq(value, types[i]))
			return 0;
	if (!value)
		return 0;
	return error_config(err, "/annotations/" ANNOTATION_CONTEXT_TYPE,
			    "`%s` is not context, fscontext, defcontext or rootcontext",
			    str_escape(value, shown, sizeof(shown)));
}

/* Later commands, which open them again, are called elsewhere. */
static int check_hook_output(const struct oci_config *config, struct error *err)
{
	static const char *const keys[] = {ANNOTATION_HOOKS_STDOUT, ANNOTATION_HOOKS_STDERR};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = annotation_value(&config->annotations, keys[i]);

		if (!value || *value == '/')
			continue;
		error_set(err, EINVAL, "`%s` is not the absolute path of a file", keys[i]);
		return error_at(err, "/annotations/%s", keys[i]);
	}
	return 0;
}

/* Those are the container's code, which gets no file of the host. */
static void warn_of_hooks_inside(const struct oci_config *config)
{
	static const char *const keys[] = {ANNOTATION_HOOKS_STDOUT, ANNOTATION_HOOKS_STDERR};

	for (size_t i = 0; config->hooks.list[HOOK_START_CONTAINER].n && i < ARRAY_SIZE(keys); i++)
		if (annotation_value(&config->annotations, keys[i]))
			log_warning("the annotation `%s` has no effect on startContainer hooks", keys[i]);
}

/* A confinement that is asked for by a wrong name would not be there. */
static int unknown_of_ours(const char *key, struct error *err)
{
	const char *nearest = name_nearest(annotation_names, n_annotation_names, key);

	error_set(err, EINVAL, "unknown annotation `%s`", key);
	error_at(err, "/annotations/%s", key);
	if (nearest)
		return error_hint(err, "did you mean `%s`?", nearest);
	return error_hint(err, "those that begin with " ANNOTATION_OWN " are orlop's own: see orlop-config(5)");
}

int plan_annotations(const struct plan *p, struct error *err)
{
	const struct key_values *all = &p->config->annotations;

	for (size_t i = 0; i < all->n; i++) {
		const char *key = all->v[i].key, *why;

		if (is_honoured(key) || !(str_starts(key, ANNOTATION_PREFIX) || str_starts(key, ANNOTATION_OWN)))
			continue;
		if (str_starts(key, ANNOTATION_OWN))
			return unknown_of_ours(key, err);
		why = annotation_refusal(key);
		if (why) {
			error_set(err, ENOTSUP, "the annotation `%s` cannot be left out: %s", key, why);
			return error_at(err, "/annotations/%s", key);
		}
		log_warning("the annotation `%s` has no effect", key);
	}
	if (plan_keeps_groups(p->config) && p->config->process.user.n_additional_gids > 0)
		log_warning("process.user.additionalGids are not set: the annotation `%s` keeps the groups of the "
			    "caller", ANNOTATION_KEEP_GROUPS);
	warn_of_hooks_inside(p->config);
	if (check_core_sched(p->config, err) < 0)
		return -err->code;
	return check_context_type(p->config, err) < 0 ? -err->code : check_hook_output(p->config, err);
}
