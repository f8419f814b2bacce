/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules between the members of a configuration that was read well.  No system calls.  An error's
 * `where` is the JSON pointer below @base ("" or "/process", "/linux/resources").
 */
#ifndef ORLOP_CONFIG_VALIDATE_H
#define ORLOP_CONFIG_VALIDATE_H

#include "oci/config.h"
#include "util/error.h"

int validate_config(const struct oci_config *c, struct error *err);
int validate_process(const struct oci_process *p, const char *base, struct error *err);
int validate_resources(const struct oci_resources *r, const char *base, struct error *err);

/* Parts of validate_config in other files. */
/* CLONE_NEW* of the kind of namespace that has its own value of the sysctl @key, or 0. */
uint64_t validate_sysctl_namespace(const char *key);
int validate_sysctl(const struct oci_config *c, struct error *err);
int validate_mounts(const struct oci_config *c, struct error *err);
int validate_intelrdt(const struct oci_config *c, struct error *err);
int validate_net_devices(const struct oci_config *c, struct error *err);
int validate_mappings(const struct oci_config *c, struct error *err);
int validate_mapped_ids(const struct oci_config *c, struct error *err);
int validate_memory_policy(const struct oci_config *c, struct error *err);
int validate_time_offsets(const struct oci_config *c, struct error *err);
int validate_scheduler(const struct oci_scheduler *s, const char *base, struct error *err);

/* One list of mappings alone, whose JSON pointer is @where. */
int validate_extents(const struct oci_id_mappings *m, const char *where, struct error *err);

/* The namespace of the configuration with this CLONE_NEW* flag, or NULL: shared with the host. */
const struct oci_namespace *validate_namespace(const struct oci_config *c, uint64_t flag);

/* Error EINVAL with a pointer that is a printf result. */
#define invalid_at(err, text, ...) \
	(error_set((err), EINVAL, "%s", (text)), error_at((err), __VA_ARGS__))

#endif
