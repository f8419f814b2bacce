/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Annotations that change what a container is: of crun's, which engines set, `run.oci.*`; of others; our own. */
#ifndef ORLOP_OCI_ANNOTATIONS_H
#define ORLOP_OCI_ANNOTATIONS_H

#include <stdbool.h>

#include "oci/types.h"
#include "util/str.h"

#define ANNOTATION_PREFIX "run.oci."
#define ANNOTATION_KEEP_GROUPS ANNOTATION_PREFIX "keep_original_groups"
#define ANNOTATION_CONTEXT_TYPE ANNOTATION_PREFIX "mount_context_type"
/* Files to which hooks write what they have to say. */
#define ANNOTATION_HOOKS_STDOUT ANNOTATION_PREFIX "hooks.stdout"
#define ANNOTATION_HOOKS_STDERR ANNOTATION_PREFIX "hooks.stderr"
/* A socket as for --pidfd-socket. */
#define ANNOTATION_PIDFD_RECEIVER ANNOTATION_PREFIX "pidfd_receiver"

/* Followed by the name of a property of the unit, with the systemd cgroup manager: as runc and crun. */
#define ANNOTATION_SYSTEMD "org.systemd.property."

/* A file of options for CRIU, as runc and crun. */
#define ANNOTATION_CRIU_CONFIG "org.criu.config"

/* Ours: all that begin so are known, or refused. */
#define ANNOTATION_OWN "org.orlop."
#define ANNOTATION_LANDLOCK ANNOTATION_OWN "landlock"	/* oci/landlock.h */
/* "true", or the controllers that the container gets for its cgroup, with spaces between. */
#define ANNOTATION_DELEGATE ANNOTATION_OWN "cgroup.delegate"
#define ANNOTATION_CORE_SCHED ANNOTATION_OWN "core-sched"	/* oci/core_sched.h */

/* Those that are honoured; one that ends in a dot is the beginning of many. */
extern const struct name_value annotation_names[];
extern const size_t n_annotation_names;

/* Its value, or NULL. */
const char *annotation_value(const struct key_values *annotations, const char *key);

/* Why @key cannot be left out, where the container would be less confined without; NULL for all others. */
const char *annotation_refusal(const char *key);

#endif
