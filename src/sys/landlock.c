/* SPDX-License-Identifier: GPL-2.0-or-later */
/* landlock(7): its three system calls have no wrapper in any C library.  In the container process. */
#include "sys/landlock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ASK_VERSION 1u		/* LANDLOCK_CREATE_RULESET_VERSION */
#define PATH_BENEATH 1		/* enum landlock_rule_type */
#define NET_PORT 2

struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct net_port {
	uint64_t allowed, port;
};

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int sys_landlock_abi(void)
{
	return result(syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, ASK_VERSION));
}

int sys_landlock_create(const struct sys_landlock *handled)
{
	return result(syscall(SYS_landlock_create_ruleset, handled, sizeof(*handled), 0u));
}

int sys_landlock_add_path(int ruleset, uint64_t allowed, int path)
{
	struct path_beneath rule = {.allowed = allowed, .parent = path};

	return result(syscall(SYS_landlock_add_rule, ruleset, PATH_BENEATH, &rule, 0u));
}

int sys_landlock_add_port(int ruleset, uint64_t allowed, uint16_t port)
{
	struct net_port rule = {.allowed = allowed, .port = port};

	return result(syscall(SYS_landlock_add_rule, ruleset, NET_PORT, &rule, 0u));
}

int sys_landlock_restrict(int ruleset)
{
	return result(syscall(SYS_landlock_restrict_self, ruleset, 0u));
}
