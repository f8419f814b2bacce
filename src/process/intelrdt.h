/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.intelRdt: groups of the resctrl file system (Documentation/filesystems/resctrl.rst).  Runs on
 * the host.  @root is a descriptor of its mount point; a path is below it and begins with "/".
 */
#ifndef ORLOP_PROCESS_INTELRDT_H
#define ORLOP_PROCESS_INTELRDT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan/plan.h"
#include "util/error.h"

/* Where resctrl is mounted, from a file like /proc/self/mountinfo; malloc'ed. */
int intelrdt_find(const char *mountinfo, char **ret, struct error *err);
/* @path: the mount point. */
int intelrdt_open(const char *path, struct error *err);

/* Would intelrdt_make_group() find what only it may make?  Then an error now. */
int intelrdt_check_free(const struct plan_intelrdt *p, int root, struct error *err);
/* Make the group, or find it, as the plan says.  *ret_made: it was made just now. */
int intelrdt_make_group(const struct plan_intelrdt *p, int root, bool *ret_made, uint64_t *ret_inode,
			struct error *err);
/* Write the lines of the plan into its `schemata`; when it was there already (not @made), those to be
 * compared must say what holds. */
int intelrdt_write_schemata(const struct plan_intelrdt *p, int root, bool made, struct error *err);
int intelrdt_make_monitor(const struct plan_intelrdt *p, int root, uint64_t *ret_inode,
			  struct error *err);

/* Put process @pid into the group @path, which must still have @inode. */
int intelrdt_attach(int root, const char *path, uint64_t inode, pid_t pid, struct error *err);

/*
 * Write @lines into the `schemata` of the group @path, which must still have @inode.  *ret_old: what it said before,
 * malloc'ed, for intelrdt_restore(); on failure it says that again.
 */
int intelrdt_change(int root, const char *path, uint64_t inode, const struct plan_intelrdt_line *lines, size_t n,
		    char **ret_old, struct error *err);
/* The resources that @lines are about have again what @old says. */
int intelrdt_restore(int root, const char *path, uint64_t inode, const struct plan_intelrdt_line *lines, size_t n,
		     const char *old, struct error *err);

/*
 * Remove the group @path if it is still the one with @inode.  @inode 0: it was about to be made; then
 * only one without processes is removed.  What is gone already is not an error.
 */
int intelrdt_remove(int root, const char *path, uint64_t inode, struct error *err);

#endif
