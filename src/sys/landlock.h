/* SPDX-License-Identifier: GPL-2.0-or-later */
/* landlock(7), up to its ABI 6: written out, as kernel headers of build hosts are older.  All return >= 0 or -errno. */
#ifndef ORLOP_SYS_LANDLOCK_H
#define ORLOP_SYS_LANDLOCK_H

#include <stdint.h>

/* LANDLOCK_ACCESS_FS_*, by bit. */
enum {
	LL_EXECUTE = 1 << 0, LL_WRITE_FILE = 1 << 1, LL_READ_FILE = 1 << 2, LL_READ_DIR = 1 << 3,
	LL_REMOVE_DIR = 1 << 4, LL_REMOVE_FILE = 1 << 5, LL_MAKE_CHAR = 1 << 6, LL_MAKE_DIR = 1 << 7,
	LL_MAKE_REG = 1 << 8, LL_MAKE_SOCK = 1 << 9, LL_MAKE_FIFO = 1 << 10, LL_MAKE_BLOCK = 1 << 11,
	LL_MAKE_SYM = 1 << 12, LL_REFER = 1 << 13, LL_TRUNCATE = 1 << 14, LL_IOCTL_DEV = 1 << 15,
};

/* LANDLOCK_ACCESS_NET_* and LANDLOCK_SCOPE_* */
enum { LL_BIND_TCP = 1 << 0, LL_CONNECT_TCP = 1 << 1 };
enum { LL_SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, LL_SCOPE_SIGNAL = 1 << 1 };

/* struct landlock_ruleset_attr; a kernel takes what it does not know if it is 0. */
struct sys_landlock {
	uint64_t fs, net, scoped;
};

/* The newest ABI that the kernel has.  -ENOSYS: it has none; -EOPNOTSUPP: it was not enabled when it started. */
int sys_landlock_abi(void);
/* A descriptor, closed on exec. */
int sys_landlock_create(const struct sys_landlock *handled);
int sys_landlock_add_path(int ruleset, uint64_t allowed, int path);
int sys_landlock_add_port(int ruleset, uint64_t allowed, uint16_t port);
/* Needs no_new_privs or CAP_SYS_ADMIN in our user namespace. */
int sys_landlock_restrict(int ruleset);

#endif
