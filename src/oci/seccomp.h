/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json `linux.seccomp` (runtime-spec config-linux.md#seccomp).  Values are libseccomp's own
 * (SCMP_ACT_*, SCMP_ARCH_*, enum scmp_compare), so this header does not need <seccomp.h>. */
#ifndef ORLOP_OCI_SECCOMP_H
#define ORLOP_OCI_SECCOMP_H

#include "oci/types.h"
#include "util/str.h"

struct oci_seccomp_arg {
	unsigned index;			/* 0..5 */
	unsigned op;			/* enum scmp_compare */
	uint64_t value, value_two;
};

struct oci_seccomp_rule {
	struct strings names;
	uint32_t action;		/* with the errno already folded in (SCMP_ACT_ERRNO(x)) */
	struct oci_seccomp_arg *args;
	size_t n_args;
};

struct oci_seccomp {
	bool present;
	uint32_t default_action;	/* with the errno folded in */
	uint32_t *archs;		/* SCMP_ARCH_* */
	size_t n_archs;
	bool has_flags;			/* absent differs from [] */
	uint32_t flags;			/* SECCOMP_FILTER_FLAG_* */
	bool notifies;			/* a rule has SCMP_ACT_NOTIFY; then listener_path is set */
	char *listener_path, *listener_metadata;	/* NULL when absent or "" */
	struct oci_seccomp_rule *rules;
	size_t n_rules;
	uint64_t digest;		/* of the profile's bytes: two equal profiles have the same */
};

/* Name tables: the reader and `features` use them. */
extern const struct name_value seccomp_action_names[];
extern const size_t n_seccomp_action_names;
extern const struct name_value seccomp_operator_names[];
extern const size_t n_seccomp_operator_names;
extern const struct name_value seccomp_arch_names[];
extern const size_t n_seccomp_arch_names;
extern const struct name_value seccomp_flag_names[];
extern const size_t n_seccomp_flag_names;

#endif
