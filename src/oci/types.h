/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vocabulary shared by the types below: optional scalars and lists.  Data only.  Everything a
 * `struct oci_*` points to belongs to the arena it was read into.
 */
#ifndef ORLOP_OCI_TYPES_H
#define ORLOP_OCI_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opt_i64 { bool set; int64_t v; };
struct opt_u64 { bool set; uint64_t v; };
struct opt_u32 { bool set; uint32_t v; };
struct opt_i32 { bool set; int32_t v; };
struct opt_bool { bool set; bool v; };

/* A list of strings; v is NULL-terminated (v[n] == NULL) so it can be an argv; v is NULL if n = 0. */
struct strings {
	char **v;
	size_t n;
};

struct key_value {
	char *key, *value;
};

struct key_values {
	struct key_value *v;
	size_t n;
};

/* A list of small numbers such as "0-3,7", one bit each. */
struct oci_bits {
	const char *text;		/* as written; NULL = absent or blank */
	unsigned long *v;
	size_t n_bits;			/* the highest number + 1; 0 = none */
};

struct oci_id_mapping {
	uint32_t container_id, host_id, size;
};

struct oci_id_mappings {
	struct oci_id_mapping *v;
	size_t n;
};

#endif
