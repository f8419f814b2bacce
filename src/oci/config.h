/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole config.json as plain data: what `config/` reads and `plan/` decides upon. */
#ifndef ORLOP_OCI_CONFIG_H
#define ORLOP_OCI_CONFIG_H

#include "oci/hooks.h"
#include "oci/landlock.h"
#include "oci/linux.h"
#include "oci/mount.h"
#include "oci/process.h"
#include "oci/types.h"

#define OCI_VERSION "1.3.0"	/* the specification we follow: state document, features */
#define OCI_VERSION_MIN "1.0.0"

struct oci_config {
	char *oci_version;
	struct { bool present; char *path; bool readonly; } root;	/* path as written */
	struct oci_mount *mounts;
	size_t n_mounts;
	struct oci_process process;
	char *hostname, *domainname;	/* NULL when absent or "" */
	struct oci_hooks hooks;
	struct key_values annotations;
	struct oci_linux linux_;
	struct oci_landlock landlock;	/* of the annotation */
};

/* The namespace of the configuration with this CLONE_NEW* flag, or NULL: shared with the host. */
const struct oci_namespace *oci_find_namespace(const struct oci_config *c, uint64_t flag);

#endif
