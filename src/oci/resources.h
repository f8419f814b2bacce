/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json `linux.resources` (runtime-spec config-linux.md#control-groups). */
#ifndef ORLOP_OCI_RESOURCES_H
#define ORLOP_OCI_RESOURCES_H

#include "oci/types.h"

enum { DEVICE_ACCESS_READ = 1, DEVICE_ACCESS_WRITE = 2, DEVICE_ACCESS_MKNOD = 4 };

struct oci_device_rule {
	bool allow;
	char type;			/* 'a', 'b' or 'c' */
	int64_t major, minor;		/* -1 = any */
	unsigned access;		/* DEVICE_ACCESS_*; absent in the file = all three */
};

struct oci_throttle {
	int64_t major, minor;
	uint64_t rate;
};

struct oci_weight_device {
	int64_t major, minor;
	struct opt_u32 weight, leaf_weight;
};

struct oci_hugepage_limit {
	char *page_size;		/* "2MB" */
	uint64_t limit;			/* bytes */
};

struct oci_rdma {
	char *device;
	struct opt_u32 hca_handles, hca_objects;
};

struct oci_throttles {
	struct oci_throttle *v;
	size_t n;
};

struct oci_resources {
	bool present;
	bool has_devices;		/* absent: no device program at all */
	struct oci_device_rule *devices;
	size_t n_devices;

	struct {			/* bytes; -1 = unlimited */
		struct opt_i64 limit, reservation, swap, kernel, kernel_tcp;
		struct opt_u64 swappiness;
		struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
	} memory;

	struct {			/* times in microseconds */
		struct opt_u64 shares, period, burst, realtime_period;
		struct opt_i64 quota, realtime_runtime, idle;
		char *cpus, *mems;
	} cpu;

	struct {
		struct opt_u32 weight, leaf_weight;
		struct oci_weight_device *weight_device;
		size_t n_weight_device;
		struct oci_throttles read_bps, write_bps, read_iops, write_iops;
	} block_io;

	struct oci_hugepage_limit *hugepage_limits;
	size_t n_hugepage_limits;

	struct {
		struct opt_u32 class_id;
		size_t n_priorities;
	} network;

	struct opt_i64 pids_limit;

	struct oci_rdma *rdma;
	size_t n_rdma;

	struct key_values unified;
};

#endif
