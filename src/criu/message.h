/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to CRIU and its answers: images/rpc.proto of CRIU 3.16 and later. */
#ifndef ORLOP_CRIU_MESSAGE_H
#define ORLOP_CRIU_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/str.h"

enum criu_type {
	CRIU_EMPTY = 0, CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4, CRIU_NOTIFY = 6,
	CRIU_FEATURE_CHECK = 9, CRIU_VERSION = 10,
};

enum criu_cgroups { CRIU_CGROUPS_IGNORE = 0, CRIU_CGROUPS_SOFT = 3, CRIU_CGROUPS_FULL = 4, CRIU_CGROUPS_STRICT = 5 };
enum criu_network_lock { CRIU_LOCK_DEFAULT = 0, CRIU_LOCK_IPTABLES = 1, CRIU_LOCK_NFTABLES = 2, CRIU_LOCK_SKIP = 3 };

#define CRIU_MEM_TRACK 1u	/* features */
#define CRIU_LAZY_PAGES 2u

struct criu_pair {
	const char *key, *value;
};

struct criu_inherit {
	const char *key;		/* what it was when it was dumped */
	int fd;				/* that CRIU inherits */
};

/* Members that are NULL, 0 or false are not said. */
struct criu_request {
	enum criu_type type;
	int images, work;		/* directories: descriptors that CRIU inherits */
	const char *log_file;		/* in `work` */
	const char *root;
	pid_t pid;
	bool leave_running, ext_unix_sk, tcp_established, tcp_close, tcp_skip_in_flight, evasive_devices, shell_job,
		file_locks, track_mem, auto_dedup, link_remap, lazy_pages, orphan_pts_master, rst_sibling, notify;
	const char *page_server;	/* address */
	uint16_t page_server_port;
	const char *parent_images;	/* relative to `images` */
	const struct criu_pair *external_mounts;
	size_t n_external_mounts;
	const char *const *external;	/* "net[4026531840]:name" */
	size_t n_external;
	const struct criu_inherit *inherit;
	size_t n_inherit;
	const struct criu_pair *join;	/* namespace, file */
	size_t n_join;
	enum criu_cgroups cgroups;
	const struct criu_pair *cgroup_roots;	/* controller ("": of version 2), where they are restored below */
	size_t n_cgroup_roots;
	const char *freeze_cgroup;	/* absolute path */
	uint32_t empty_ns;		/* CLONE_NEWNET */
	enum criu_network_lock network_lock;
	const char *config_file, *lsm_profile, *lsm_mount_context;
	unsigned features;		/* FEATURE_CHECK: CRIU_MEM_TRACK, ... */
};

/* Is @key, a name from inside a container, one that CRIU does not take for more than it is?  It becomes a part of
 * "mnt[KEY]:VALUE". */
bool criu_key_is_safe(const char *key);

void criu_put_request(struct strbuf *out, const struct criu_request *r);
/* The answer to a notification. */
void criu_put_notified(struct strbuf *out, bool success);

struct criu_answer {
	enum criu_type type;
	bool success;
	int errnum;			/* positive, or 0 */
	char message[512];		/* CRIU's first error line, or "" */
	pid_t pid;			/* RESTORE; also of some notifications */
	char script[64];		/* NOTIFY: what it is about */
	unsigned features;
	unsigned version;		/* 31701: 3.17.1 */
};

/* 0 or -EBADMSG. */
int criu_answer_parse(const void *data, size_t n, struct criu_answer *ret);

#endif
