/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line says that more than one room needs; cli/ fills it in.  Nothing is checked yet. */
#ifndef ORLOP_STORE_OPTIONS_H
#define ORLOP_STORE_OPTIONS_H

#include <stdbool.h>

#include "oci/types.h"

struct error;
struct plan;

struct global_options {
	char *const *argv;		/* of the program: to execute it again, protected */
	const char *root;		/* --root or NULL */
	const char *log, *log_format, *log_level, *error_format;
	bool debug;
	const char *cgroup_manager;	/* as given */
	bool systemd_cgroup;
	const char *trace;		/* file for what took how long, or NULL */
	const char *rootless;		/* "true", "false", "auto" or NULL */
};

struct create_options {
	const struct global_options *global;
	const char *id;
	const char *bundle;		/* default "." */
	const char *config;		/* default "config.json" */
	const char *console_socket;
	const char *pidfd_socket;
	const char *pid_file;
	bool no_pivot, no_new_keyring, no_subreaper, replace;
	unsigned preserve_fds;
	bool detach, keep;		/* run, restore */
	bool die_with_parent;		/* run: its end is due when that of our caller has come */
	const char *sdnotify;		/* run: who says READY, "container" (NULL), "ignore" or "runtime" */
	bool restore;			/* of what was dumped, which begins in the middle */
	/* For --replace: is it known already that the container of this plan would fail?  It is the error then. */
	int (*judge)(const struct global_options *g, const struct plan *plan, struct error *err);
};

/* What checkpoint and restore have in common: of CRIU's options, by their names. */
struct image_options {
	const char *image_path;		/* default "checkpoint" */
	const char *work_path;		/* for logs; default: image_path */
	bool tcp_established, ext_unix_sk, shell_job, file_locks, lazy_pages, auto_dedup;
	const char *cgroups_mode;	/* "soft", "full", "strict", "ignore"; default: soft */
	const char *network_lock;	/* "iptables", "nftables", "skip"; default: CRIU's */
	struct strings empty_ns;
};

#endif
