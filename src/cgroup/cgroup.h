/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup v2, directly in its file system (the cgroupfs manager).  Runs on the host side only.
 * A cgroup is known by (path, id): the id is the inode number of its directory (the kernel's cgroup
 * id), stored at creation and compared on the opened descriptor before anything is done to it.
 */
#ifndef ORLOP_CGROUP_CGROUP_H
#define ORLOP_CGROUP_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/systemd.h"
#include "plan/plan.h"
#include "util/error.h"

/* Our mark on directories that are made for containers, at no cost: see `gc` and remove_above().  On cgroups the sticky
 * bit means nothing but that others than their owner may not remove those below. */
#define CGROUP_OUR_MODE 01755

struct cgroup {
	int fd;				/* O_PATH|O_DIRECTORY would not do for CLONE_INTO_CGROUP:
					 * O_RDONLY|O_DIRECTORY; -1 = none */
	uint64_t id;
	bool created;			/* the leaf was made by us (else it existed: leave it) */
	unsigned created_above;		/* how many directories above it we made, too */
	char *path;			/* of a unit's cgroup, which systemd tells; malloc'ed, else NULL */
	struct cgroup_holder holder;	/* of a new scope: to be released when the container is in it */
};

#define CGROUP_INIT {.fd = -1, .holder.pidfd = -1}

/*
 * Make the directories, enable controllers on the way down, write the limits, attach the device
 * program; *ret->fd is ready for clone3(CLONE_INTO_CGROUP).  A cgroup that exists already and holds
 * processes or is frozen is refused.  On failure what was made is removed again;
 * what could not be is in *ret, with fd -1; a unit of systemd is left to cgroup_unit_end() then.
 * With plan mode NONE, or optional and refused: fd -1 and 0.
 */
int cgroup_prepare(const struct plan_cgroup *p, struct cgroup *ret, struct error *err);

/* limits.c: do we know the file as one that can be written?  If not, which may be meant, or NULL? */
bool cgroup_knows_file(const char *file);
const char *cgroup_nearest_file(const char *file);

/* Close and free, and end the holder. */
void cgroup_release(struct cgroup *c);

/* Open an existing cgroup of ours by path below the root, checking @id (0 = do not check; -ESTALE
 * when it is another one now, -ENOENT when gone). */
int cgroup_open(const char *root, const char *path, uint64_t id, int *ret_fd, struct error *err);
/* The same below the descriptor of a root. */
int cgroup_open_root(const char *root, int flags, struct error *err);
int cgroup_open_below(int root, const char *path, uint64_t id, int *ret_fd, struct error *err);

/* Move one process in (when CLONE_INTO_CGROUP could not be used). */
int cgroup_attach(int fd, pid_t pid, struct error *err);

/* Freeze (or thaw) and wait for cgroup.events to say so, at most @timeout_ms; on a timeout the cgroup
 * is thawed again and -ETIMEDOUT returned, and so it is, with -EINTR, when @cancel (-1: none) can be read. */
int cgroup_freeze(int fd, bool freeze, int timeout_ms, int cancel, struct error *err);
/* 1 frozen, 0 not, -errno. */
int cgroup_frozen(int fd);

/* cgroup.kill (5.14): SIGKILL for all in it and below; nothing left running is not an error. */
int cgroup_kill_all(int fd, struct error *err);
/* Send @sig to every process in it and below, by pidfd, until none is unsignalled. */
int cgroup_signal_all(int fd, int sig, struct error *err);

/* Move all that is in @from, but not what is below it. */
int cgroup_move_all(int from, int to, struct error *err);

/* All process ids in it and below, ascending; *ret is malloc'ed. */
int cgroup_procs(int fd, pid_t **ret, size_t *ret_n, struct error *err);

/*
 * Remove @path with its sub-cgroups and up to @above directories over it if they are empty.  Waits for
 * cgroup.events to say "populated 0" up to @timeout_ms; still populated then: -EBUSY, naming the
 * processes.  Not there: 0.  The id is checked first (0 = do not): another one is left alone with a
 * warning, and 0.  Processes are killed first with @kill_rest.
 */
int cgroup_destroy(const char *root, const char *path, uint64_t id, unsigned above, bool kill_rest,
		   int timeout_ms, struct error *err);

/* The end of a container whose cgroup was there before it and stays: not frozen, and without our device program. */
int cgroup_leave(int fd, const char *path, struct error *err);

/* Removed meanwhile, as a service manager does with that of a unit whose last process has ended. */
bool cgroup_is_gone(int fd);

/*
 * Does the kernel kill whatever is cloned into it from our own cgroup? Linux counts how often a cgroup was killed as a
 * whole (cgroup.kill), and since 6.14, and releases of older series, it takes the count of the parent's cgroup for that
 * of the new one. Makes a process to find out.
 */
bool cgroup_kills_newcomers(int fd);

/* "oom_kill" of memory.events since creation, 0 when there is no memory controller. */
uint64_t cgroup_oom_kills(int fd);

#endif
