/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory with images of CRIU, and what both directions ask of CRIU.  Private to launch/ and container/. */
#ifndef ORLOP_LAUNCH_IMAGES_H
#define ORLOP_LAUNCH_IMAGES_H

#include "criu/connection.h"
#include "oci/config.h"
#include "plan/plan.h"
#include "store/options.h"
#include "util/error.h"
#include "util/mem.h"

/* From one message of CRIU's to the next: gigabytes of memory are written meanwhile. */
#define IMAGES_TIMEOUT_MS 1800000

struct images {
	int dir, work;			/* opened once: CRIU gets these descriptors, and no names */
	const char *work_path;		/* for messages */
	const char *log;		/* its name in `work` */
};

/* They are handed on to CRIU as its first descriptors; others follow. */
#define IMAGES_DIR CRIU_FIRST_INHERITED
#define IMAGES_WORK (CRIU_FIRST_INHERITED + 1)
#define IMAGES_INHERITED 2

#define IMAGES_INIT {.dir = -1, .work = -1}

/* @make: they may be missing.  A directory that other users may change is refused. */
int images_open(const struct image_options *o, bool make, const char *log, struct images *ret, struct error *err);
void images_close(struct images *im);

/* What the options say, and org.criu.config of @config.  Text is the options' own, or in @a. */
int images_request(struct arena *a, const struct image_options *o, const struct oci_config *config,
		   const struct images *im, struct criu_request *ret, struct error *err);

/* May the caller use CRIU like this? */
int images_check_caller(struct error *err);

/* Is CRIU there, new enough, and can it and the kernel do all of @features (CRIU_MEM_TRACK, ...)? */
int images_check_criu(unsigned features, struct error *err);

/*
 * In what becomes CRIU, before it is in any cgroup but ours: it mounts cgroup2 without options, which in the first
 * cgroup namespace changes those of the host's (nsdelegate, memory_recursiveprot); in another one it cannot.
 */
int images_guard_cgroups(const struct plan_cgroup *p, struct error *err);

/* An answer without success, or @r < 0, a conversation that ended early: why, with the errors of CRIU's log. */
int images_explain(const struct images *im, const struct criu_answer *answer, int r, struct error *err);

/* Where mounts are, when it is dumped; and when it is restored that none of these places leads through a link. */
int images_save_points(struct arena *a, const struct images *im, int proc_pid, struct error *err);
int images_check_points(struct arena *a, const struct images *im, int root, struct error *err);

/* The standard streams of a process that is dumped, in our file beside CRIU's: what is told to CRIU of them when it
 * is dumped (*ret_external, in @a), and when it is restored. */
int images_save_streams(struct arena *a, const struct images *im, int proc_pid, const char *const **ret_external,
			size_t *ret_n, struct error *err);
int images_load_streams(struct arena *a, const struct images *im, struct criu_inherit **ret, size_t *ret_n,
			struct error *err);

#endif
