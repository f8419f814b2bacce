/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop check`: what its parts share. */
#ifndef ORLOP_REPORT_CHECK_H
#define ORLOP_REPORT_CHECK_H

#include "config/config.h"
#include "plan/plan.h"
#include "report/bundle.h"
#include "report/inside.h"
#include "report/report.h"
#include "util/str.h"

struct check {
	const struct global_options *g;
	const struct check_options *o;
	struct arena *arena;
	struct findings all;
	struct bundle bundle;
	const struct plan *plan;	/* as much of it as could be made */
	bool replaces;			/* one with its id, which runs now */
	const struct access_user *user;	/* of its process, for the root file system; or NULL */
};

/* An error, or a warning, at the JSON pointer @where, or at none: "". */
void check_note(struct check *c, bool warning, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* check_names.c: names of system calls that are nearly right. */
void check_names(struct check *c, const struct oci_seccomp *profile);
/* check_host.c: can this host, or the one that was described, do what is planned? */
void check_host(struct check *c);
/* check_here.c: can this one, which can be asked? */
void check_here(struct check *c);
/* check_sources.c: is on this host what is named of it? */
void check_sources(struct check *c);
/* Does the source of mount @index of the plan lie on an earlier mount, at its path in the container? */
bool check_is_of_the_container(const struct plan *p, size_t index);
/* check_rootfs.c: what the root file system has for the process. */
void check_rootfs(struct check *c);
/* check_mounts.c: does the host have the file systems? */
void check_types(struct check *c);
/* can mounts and devices have the places that they are to have? */
void check_mounts(struct check *c, const struct inside *in);
/* check_program.c: can @path inside be executed?  @missing: what is said of one that is not there. */
void check_program(struct check *c, const struct inside *in, const char *path, const char *where,
		   const char *missing);

/* check_text.c */
void check_write_text(const struct check *c, struct strbuf *out);
void check_write_json(const struct check *c, struct strbuf *out);

#endif
