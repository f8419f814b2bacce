/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Annotations that change what a container is.  Pure data. */
#include "oci/annotations.h"

const struct name_value annotation_names[] = {
	{ANNOTATION_KEEP_GROUPS, 0}, {ANNOTATION_CONTEXT_TYPE, 0}, {ANNOTATION_PIDFD_RECEIVER, 0},
	{ANNOTATION_HOOKS_STDOUT, 0}, {ANNOTATION_HOOKS_STDERR, 0}, {ANNOTATION_SYSTEMD, 0},
	{ANNOTATION_CRIU_CONFIG, 0}, {ANNOTATION_LANDLOCK, 0}, {ANNOTATION_DELEGATE, 0}, {ANNOTATION_CORE_SCHED, 0},
};
const size_t n_annotation_names = ARRAY_SIZE(annotation_names);

static const struct {
	const char *key, *why;
} refused[] = {
	{ANNOTATION_PREFIX "seccomp_bpf_data", "it replaces the seccomp profile; write that as linux.seccomp"},
	{ANNOTATION_PREFIX "seccomp_fail_unknown_syscall", "names that libseccomp does not know are always skipped"},
};

const char *annotation_value(const struct key_values *annotations, const char *key)
{
	for (size_t i = 0; i < annotations->n; i++)
		if (str_eq(annotations->v[i].key, key))
			return annotations->v[i].value;
	return NULL;
}

const char *annotation_refusal(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (str_eq(refused[i].key, key))
			return refused[i].why;
	return NULL;
}
