/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of rtnetlink(7) as moving an interface takes. */
#ifndef ORLOP_NS_NETLINK_H
#define ORLOP_NS_NETLINK_H

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One socket in one network namespace. */
struct netlink {
	int fd;
	uint32_t seq;
	bool disturbed;			/* what is dumped changed meanwhile */
	char message[128];		/* of the kernel about the last error, or "" */
};

struct link {
	unsigned index, flags;		/* IFF_* */
	char name[IF_NAMESIZE];
};

/* A message of RTM_NEWADDR as the kernel gave it, without its header. */
struct address {
	struct ifaddrmsg head;
	size_t n;			/* bytes of attributes */
	char *attributes;
};

struct addresses {
	struct address *v;
	size_t n;
};

/* All return 0 or -errno. */

/* @netns: a namespace to make the socket in, or -1 for our own; we are back in @own afterwards. */
int netlink_open(struct netlink *nl, int netns, int own);
void netlink_close(struct netlink *nl);

/* -ENODEV when there is none.  @name: not an alternative name. */
int link_by_name(struct netlink *nl, const char *name, struct link *ret);
int link_by_index(struct netlink *nl, unsigned index, struct link *ret);
/* Into the network namespace @netns, where it is @name. */
int link_move(struct netlink *nl, unsigned index, int netns, const char *name);
int link_rename(struct netlink *nl, unsigned index, const char *name);
int link_up(struct netlink *nl, unsigned index);

/* Every address that is permanent and global (IFA_F_PERMANENT, RT_SCOPE_UNIVERSE), of any family. */
int addresses_read(struct netlink *nl, unsigned index, struct addresses *ret);
void addresses_free(struct addresses *a);
/* The same address for another interface; @old, @now: names, for the labels of IPv4 addresses. */
int address_add(struct netlink *nl, unsigned index, const struct address *a, const char *old,
		const char *now);

#endif
