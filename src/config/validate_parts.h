/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of validate.h, each in the file named after it; no system calls. */
#ifndef ORLOP_CONFIG_VALIDATE_PARTS_H
#define ORLOP_CONFIG_VALIDATE_PARTS_H

#include "oci/config.h"
#include "util/error.h"

/* What takes an index is about that element of a list. */

/* CLONE_NEW* of the kind of namespace that has its own value of the sysctl @key, or 0. */
uint64_t validate_sysctl_namespace(const char *key);
int validate_sysctl(const struct oci_config *c, size_t i, struct error *err);
int validate_mount(const struct oci_config *c, size_t i, struct error *err);
int validate_intelrdt(const struct oci_config *c, struct error *err);
int validate_net_namespace(const struct oci_config *c, struct error *err);
int validate_net_device(const struct oci_config *c, size_t i, struct error *err);
int validate_mappings(const struct oci_config *c, struct error *err);
int validate_mapped_user(const struct oci_config *c, struct error *err);
int validate_mapped_group(const struct oci_config *c, size_t i, struct error *err);
int validate_mapped_device(const struct oci_config *c, size_t i, struct error *err);
int validate_memory_policy(const struct oci_config *c, struct error *err);
int validate_time_offsets(const struct oci_config *c, struct error *err);
int validate_scheduler(const struct oci_scheduler *s, const char *base, struct error *err);

/* One list of mappings alone, whose JSON pointer is @where. */
int validate_extents(const struct oci_id_mappings *m, const char *where, struct error *err);

/* Error EINVAL with a pointer that is a printf result. */
#define invalid_at(err, text, ...) \
	(error_set((err), EINVAL, "%s", (text)), error_at((err), __VA_ARGS__))

#endif
