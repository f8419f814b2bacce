/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's root file system set up for real: a "host" (a mount namespace of its own with a
 * tmpfs that holds rootfs/ and canary/), and in it a container process that runs the stages.
 */
#ifndef ORLOP_TESTS_ROOTFS_SCENE_H
#define ORLOP_TESTS_ROOTFS_SCENE_H

#include <stdbool.h>

#include "rootfs/rootfs.h"

enum scene_flags {
	SCENE_USERNS = 1,		/* the container has a user namespace */
	SCENE_SHARED = 2,		/* every mount of the host is shared */
	SCENE_JOIN = 4,			/* the container joins a mount namespace that exists */
	SCENE_CHILD = 8,		/* sources_in_child */
	SCENE_CONSOLE = 16,
	SCENE_NO_PIVOT = 32,
	SCENE_FOREIGN_PIDNS = 64,	/* no pid namespace of its own */
	SCENE_CGROUPNS = 128,
	SCENE_CGROUP = 256,		/* the host makes "cg" a cgroup2 and hands it over */
};

struct scene {
	unsigned flags;
	/* On the host, in the directory that holds rootfs/ and canary/: make files.  May be NULL. */
	void (*host)(void);
	/* Fill in what differs from an empty plan. */
	void (*plan)(struct plan_rootfs *p);
	/* In the container, at its "/".  May be NULL. */
	void (*check)(void);
	/* On the host, when the container has ended: undo what the container did to it. */
	void (*after)(void);
	/* The set-up must fail with this error; 0: succeed. */
	int code;
	const char *where, *text;	/* JSON pointer, and a piece of the text; NULL: anything */
};

/* 0 if all was as expected; else it was told on stderr.  Afterwards the host's mounts and canary/
 * are as before, or it fails. */
int scene_run(const struct scene *s);

/* Where the host directory is. */
extern char scene_top[64];

/* For the callbacks, which run in a process of their own: end it when @cond does not hold. */
#define CHECK(cond)                                                             \
	do {                                                                    \
		if (!(cond))                                                    \
			scene_fail(__FILE__, __LINE__, #cond);                  \
	} while (0)
void scene_fail(const char *file, int line, const char *what) __attribute__((noreturn));

/* A line of mountinfo for the container path @point (the topmost there) contains @text; read from the
 * private procfs. */
bool scene_mounted(const char *point, const char *text);

/* In the container: the pty of rootfs_console(). */
extern int scene_master, scene_peer;

void scene_write(const char *path, const char *text);
/* The first line of a file, "" when it cannot be read. */
const char *scene_read(const char *path);
/* errno of open(2) for writing (without O_CREAT), 0 when it works. */
int scene_try_write(const char *path);
int scene_try_create(const char *path);

#endif
