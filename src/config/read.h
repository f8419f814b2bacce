/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The objects of config.json, each a field table in read_*.c. */
#ifndef ORLOP_CONFIG_READ_H
#define ORLOP_CONFIG_READ_H

#include "config/reader.h"

extern const struct object process_object;	/* struct oci_process */
extern const struct object mount_object;	/* struct oci_mount */
extern const struct object hooks_object;	/* struct oci_hooks */
extern const struct object linux_object;	/* struct oci_linux */
extern const struct object resources_object;	/* struct oci_resources */
extern const struct object id_mapping_object;	/* struct oci_id_mapping */

/* read_attributes.c */
extern const struct object scheduler_object;	/* struct oci_scheduler */
extern const struct object io_priority_object;	/* struct oci_io_priority */
extern const struct object exec_affinity_object;	/* struct oci_exec_affinity */
extern const struct object memory_policy_object;	/* struct oci_memory_policy */
int read_personality(struct reader *r, const struct at *at, const struct json *v, void *base);
int read_time_offsets(struct reader *r, const struct at *at, const struct json *v, void *base);

/* struct oci_seccomp; computes the digest */
int read_seccomp(struct reader *r, const struct at *at, const struct json *v, void *base);

/* The annotation org.orlop.landlock, when all else is read; @base is struct oci_config. */
int read_landlock(struct reader *r, const struct at *at, const struct json *v, void *base);

/* A text that is one @object, read into @base; errors as those of config.h. */
int read_object_text(struct arena *a, const char *text, size_t len, const struct object *object, void *base,
		     struct error *err);

#define OBJECT(fields_, struct_) \
	.fields = (fields_), .n_fields = ARRAY_SIZE(fields_), .size = sizeof(struct_)

#endif
