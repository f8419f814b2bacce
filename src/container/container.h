/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One function a verb, as seen from the host.  cli/ fills the options and prints errors; nothing here
 * prints except what the verb itself outputs.  All return 0 or -errno with @err.
 */
#ifndef ORLOP_CONTAINER_CONTAINER_H
#define ORLOP_CONTAINER_CONTAINER_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci/resources.h"
#include "oci/types.h"
#include "store/options.h"
#include "util/error.h"

int container_create(const struct create_options *o, struct error *err);
/* *ret_status: the container's exit code, 128+signal; 0 when detached.  With an error too, if it is not 0: its
 * program could not be executed. */
int container_run(const struct create_options *o, int *ret_status, struct error *err);
int container_start(const struct global_options *g, const char *id, struct error *err);

struct exec_options {
	const struct global_options *global;
	const char *id;
	const char *process;		/* --process FILE, else the members below */
	struct strings args, env;
	const char *cwd;
	const char *user;		/* "UID[:GID]" or NULL */
	struct strings caps;
	uint32_t *additional_gids;
	size_t n_additional_gids;
	bool tty, detach, no_new_privs, ignore_paused;
	const char *console_socket, *pidfd_socket, *pid_file;
	const char *apparmor, *process_label;
	const char *cgroup;		/* sub-cgroup of the container's own */
	unsigned preserve_fds;
};

int container_exec(const struct exec_options *o, int *ret_status, struct error *err);

int container_state(const struct global_options *g, const char *id, struct error *err);

struct wait_options {
	const struct global_options *global;
	char **ids;
	size_t n_ids;
	bool any;			/* until one of them has ended */
	bool json;
	int64_t timeout_ms;		/* -1: for ever */
};

/* How it ended is kept for container_state(). */
int container_wait(const struct wait_options *o, struct error *err);
int container_kill(const struct global_options *g, const char *id, int sig, bool all,
		   struct error *err);
int container_delete(const struct global_options *g, const char *id, bool force, struct error *err);
int container_pause(const struct global_options *g, const char *id, struct error *err);
int container_resume(const struct global_options *g, const char *id, struct error *err);

struct update_options {
	const struct global_options *global;
	const char *id;
	const char *resources;		/* --resources FILE, "-" is the standard input; else the next member */
	struct oci_resources given;
	const char *l3_cache_schema, *mem_bw_schema;
};

/* All of it or nothing.  Pointers in errors are those of a bare document of resources. */
int container_update(const struct update_options *o, struct error *err);

struct mounts_options {
	const struct global_options *global;
	const char *id;
	const char *file;		/* an array of mounts; "-" is the standard input */
	bool replace;			/* what is mounted at their destinations */
};

/* All of them or none, but for what was replaced; those that go are found before the first one goes. */
int container_mounts_add(const struct mounts_options *o, struct error *err);
int container_mounts_remove(const struct mounts_options *o, struct error *err);
struct checkpoint_options {
	const struct global_options *global;
	const char *id;
	struct image_options images;
	const char *parent_path;	/* relative to the image directory */
	const char *page_server;	/* "ADDRESS:PORT" */
	const char *status_fd;		/* a number */
	bool leave_running, pre_dump, tcp_skip_in_flight, link_remap;
};

/* The container is deleted afterwards, unless it goes on. */
int container_checkpoint(const struct checkpoint_options *o, struct error *err);

struct restore_options {
	struct create_options create;
	struct image_options images;
	bool tcp_close;
	const char *lsm_profile, *lsm_mount_context;
};

/* As container_run(). */
int container_restore(const struct restore_options *o, int *ret_status, struct error *err);

/*
 * @act for each container whose id the extended regular expression @pattern finds, regex(7): `^x$` is one, `x` all that
 * have it in them.  What fails is logged and the others have their turn; then it is an error.  None: 0.
 */
typedef int container_action(const struct global_options *g, const char *id, const void *ctx, struct error *err);
int container_each(const struct global_options *g, const char *pattern, container_action *act, const void *ctx,
		   struct error *err);

enum list_format { LIST_TABLE, LIST_JSON };
int container_list(const struct global_options *g, enum list_format format, bool quiet,
		   struct error *err);
int container_mounts_list(const struct global_options *g, const char *id, enum list_format format,
			  struct error *err);
/* What is left of dead containers: say it, and with @force remove it. */
int container_gc(const struct global_options *g, enum list_format format, bool force, struct error *err);
/* Lines of JSON until the container ends; @once: one line of figures, now. */
int container_events(const struct global_options *g, const char *id, int64_t interval_ms, bool once,
		     struct error *err);
/* @args: extra arguments for ps(1) in table form, as runc. */
int container_ps(const struct global_options *g, const char *id, enum list_format format,
		 const struct strings *args, struct error *err);

#endif
