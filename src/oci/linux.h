/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json `linux` (runtime-spec config-linux.md). */
#ifndef ORLOP_OCI_LINUX_H
#define ORLOP_OCI_LINUX_H

#include <sys/types.h>

#include "oci/resources.h"
#include "oci/seccomp.h"
#include "oci/types.h"
#include "util/str.h"

struct oci_namespace {
	uint64_t flag;			/* CLONE_NEW* */
	const char *name;		/* "network" */
	char *path;			/* NULL = make a new one */
};

struct oci_device {
	mode_t type;			/* S_IFCHR, S_IFBLK or S_IFIFO */
	char *path;			/* as written, absolute */
	dev_t dev;
	mode_t mode;			/* permission bits; absent in the file = 0666 */
	uint32_t uid, gid;
	bool any_mode, any_owner;	/* absent in the file: any will do of a node that is there */
};

struct oci_time_offset {
	bool present;
	int64_t secs;
	uint32_t nanosecs;		/* below 1000000000 */
};

/* set_mempolicy(2) */
struct oci_memory_policy {
	bool present;
	const char *name;		/* "MPOL_BIND" */
	unsigned mode;			/* MPOL_* */
	uint64_t flags;			/* MPOL_F_* that go with a mode */
	struct oci_bits nodes;
};

struct oci_net_device {
	char *host_name;		/* the key */
	char *name;			/* NULL = the same */
};

struct oci_intelrdt {
	bool present;
	char *clos_id;			/* NULL: a group of the container's own */
	char *l3_cache_schema, *mem_bw_schema;	/* NULL when absent or "" */
	struct strings schemata;
	bool enable_monitoring;
};

struct oci_linux {
	struct oci_namespace *namespaces;
	size_t n_namespaces;
	struct oci_id_mappings uid_mappings, gid_mappings;
	struct oci_device *devices;
	size_t n_devices;
	struct oci_net_device *net_devices;
	size_t n_net_devices;
	char *cgroups_path;		/* NULL when absent or "" */
	struct oci_resources resources;
	struct key_values sysctl;	/* keys as written */
	struct oci_seccomp seccomp;
	char *rootfs_propagation_word;	/* NULL when absent */
	unsigned long rootfs_propagation;	/* MS_SHARED, ...; 0 when absent */
	struct strings masked_paths, readonly_paths;
	char *mount_label;		/* NULL or "" = none */
	struct { struct oci_time_offset monotonic, boottime; } time_offsets;
	struct oci_memory_policy memory_policy;
	struct oci_intelrdt intelrdt;
	struct { bool present; const char *name; uint64_t domain; } personality;
};

extern const struct name_value namespace_names[];	/* "cgroup" -> CLONE_NEWCGROUP */
extern const size_t n_namespace_names;

#endif
