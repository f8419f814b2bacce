/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container made by hand for the tests: a real process, perhaps in a real cgroup and at a real
 * start gate, and the state that describes it. */
#ifndef TESTS_UNIT_STORE_FAKE_H
#define TESTS_UNIT_STORE_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/lookup.h"
#include "store/status.h"
#include "store/store.h"

enum fake_flags {
	FAKE_CGROUP = 1,	/* in a cgroup of its own */
	FAKE_GATE = 2,		/* waits at the start fifo: created */
	FAKE_PIDNS = 4,		/* process 1 of a pid namespace */
	FAKE_CHILD = 8,		/* has a child in the same cgroup, in another session */
};

struct fake {
	char root[64];			/* the state root, a temporary directory */
	struct global_options g;
	struct store *store;
	int dir;
	struct state st;
	char cgroup[64];		/* path below the root of cgroups */
	pid_t pid, child;
	struct error err;
};

/* Skips the test when it cannot work here. */
void fake_need_root(void);
void fake_need_cgroup(void);

/* A new state root. */
void fake_root(struct fake *f);
/* The container @id in it. */
void fake_make(struct fake *f, const char *id, unsigned flags);
/* Write f->st again, after a test has changed it. */
void fake_rewrite(struct fake *f);
/* As `start` does: the gate is left. */
void fake_pass_gate(struct fake *f);
/* Kill, collect, and remove all. */
void fake_clean(struct fake *f);

/* Does the process live (not even as a zombie)? */
bool fake_lives(pid_t pid);
/* Collect our own child @pid; how it ended: 128 + signal or the exit status. */
int fake_collect(pid_t pid);
bool fake_in_cgroup(const char *cgroup_path, pid_t pid);
bool fake_cgroup_exists(const char *cgroup_path);
char *fake_read(const char *dir, const char *name);
void fake_expect(const char *dir, const char *name, const char *want);
void fake_write(const char *dir, const char *name, const char *text);

/* What @call printed to stdout (@fd 1) or stderr (2) while it ran. */
#define FAKE_CAPTURE(fd, call) FAKE_CAPTURE_(fd, call, __COUNTER__)
#define FAKE_CAPTURE_(fd, call, n) FAKE_CAPTURE__(fd, call, n)
#define FAKE_CAPTURE__(fd, call, n) ({ \
		struct fake_capture cap_##n = fake_capture_start(fd); \
		call; \
		fake_capture_end(&cap_##n); \
	})

struct fake_capture {
	int fd, saved, file;
};

struct fake_capture fake_capture_start(int fd);
char *fake_capture_end(struct fake_capture *c);

#endif
