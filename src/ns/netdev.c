/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.netDevices (runtime-spec config-linux.md#network-devices).  Runs in the parent, which has power
 * over both network namespaces, through one netlink socket in each.
 */
#include "ns/netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "ns/netlink.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

struct netdev {
	const struct plan_net_device *plan;
	struct link before, inside;
	struct addresses addresses;
	bool moved;
};

struct netdevs {
	int own, target;		/* network namespaces */
	struct netlink host, container;
	struct netdev *v;
	size_t n;
};

static int fail(const struct netdev *d, struct netlink *nl, int r, const char *what, struct error *err)
{
	error_errno(err, r, "network device %s: %s", d->plan->host_name, what);
	if (nl->message[0])
		error_hint(err, "the kernel says: %s", nl->message);
	return error_at(err, "%s", d->plan->where);
}

static bool is_template(const char *name)
{
	return strchr(name, '%') != NULL;
}

/* ---- before anything is changed ------------------------------------------------------------- */

static int look(struct netdevs *n, struct netdev *d, struct error *err)
{
	struct link there;
	int r = link_by_name(&n->host, d->plan->host_name, &d->before);

	if (r == -ENODEV) {
		error_set(err, ENODEV, "network device %s: the host has no interface of this name",
			  d->plan->host_name);
		return error_at(err, "%s", d->plan->where);
	}
	if (r < 0)
		return fail(d, &n->host, r, "find it", err);
	r = is_template(d->plan->name) ? -ENODEV
				       : link_by_name(&n->container, d->plan->name, &there);
	if (r == 0) {
		error_set(err, EEXIST, "network device %s: the network namespace has an interface %s already",
			  d->plan->host_name, d->plan->name);
		error_hint(err, "a name that ends in %%d lets the kernel choose a number");
		return error_at(err, "%s", d->plan->where);
	}
	if (r != -ENODEV)
		return fail(d, &n->container, r, "look for its new name", err);
	r = addresses_read(&n->host, d->before.index, &d->addresses);
	return r < 0 ? fail(d, &n->host, r, "read its addresses", err) : 0;
}

/* ---- there ---------------------------------------------------------------------------------- */

static int add_addresses(struct netlink *nl, unsigned index, const struct netdev *d, const char *now)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->addresses.n; i++)
		r = address_add(nl, index, &d->addresses.v[i], d->before.name, now);
	return r;
}

/* A name that nobody has: by it the interface is found again, whatever number it gets. */
static int move(struct netdevs *n, struct netdev *d, struct error *err)
{
	char name[IF_NAMESIZE];
	unsigned random;
	int r;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_errno(err, errno, "get a random number");
	snprintf(name, sizeof(name), "orlop%08x", random);
	r = link_move(&n->host, d->before.index, n->target, name);
	if (r < 0) {
		fail(d, &n->host, r, "move it into the network namespace of the container", err);
		return r == -EINVAL && !n->host.message[0]
			       ? error_hint(err, "not every kind of interface can leave its namespace") : r;
	}
	r = link_by_name(&n->container, name, &d->inside);
	if (r < 0)
		return fail(d, &n->container, r, "find it in the network namespace of the container", err);
	d->moved = true;
	return 0;
}

static int set_up(struct netdevs *n, struct netdev *d, struct error *err)
{
	struct netlink *nl = &n->container;
	unsigned index = d->inside.index;
	int r = link_rename(nl, index, d->plan->name);

	if (r < 0)
		return fail(d, nl, r, "give it its name in the container", err);
	r = link_by_index(nl, index, &d->inside);
	if (r == 0)
		r = add_addresses(nl, index, d, d->inside.name);
	if (r < 0)
		return fail(d, nl, r, "give it its addresses in the container", err);
	r = link_up(nl, index);
	if (r == 0)
		r = link_by_index(nl, index, &d->inside);
	if (r < 0)
		return fail(d, nl, r, "set it up in the container", err);
	if (!(d->inside.flags & IFF_UP))
		return fail(d, nl, -EIO, "it is still down in the container", err);
	return 0;
}

/* ---- and back ------------------------------------------------------------------------------- */

static void move_back(struct netdevs *n, struct netdev *d)
{
	struct netlink *nl = &n->container;
	int r = link_move(nl, d->inside.index, n->own, d->before.name);
	struct link now;

	d->moved = false;
	if (r == 0) {
		nl = &n->host;
		r = link_by_name(nl, d->before.name, &now);
	}
	if (r == 0)
		r = add_addresses(nl, now.index, d, now.name);
	if (r == 0 && (d->before.flags & IFF_UP))
		r = link_up(nl, now.index);
	if (r < 0)
		log_warning("network device %s: it cannot be given back to the host as it was: %s%s%s",
			    d->before.name, error_words(r), nl->message[0] ? ": " : "", nl->message);
}

void netdev_move_back(struct netdevs *n)
{
	for (size_t i = n ? n->n : 0; i-- > 0;)
		if (n->v[i].moved)
			move_back(n, &n->v[i]);
}

void netdev_free(struct netdevs *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++)
		addresses_free(&n->v[i].addresses);
	netlink_close(&n->host);
	netlink_close(&n->container);
	if (n->own >= 0)
		close(n->own);
	if (n->target >= 0)
		close(n->target);
	free(n->v);
	free(n);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static int open_both(struct netdevs *n, int target, struct error *err)
{
	int r;

	n->own = fd_openat(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0);
	if (n->own < 0)
		return error_errno(err, n->own, "open our own network namespace");
	n->target = fcntl(target, F_DUPFD_CLOEXEC, 3);
	if (n->target < 0)
		return error_errno(err, errno, "keep the network namespace of the container");
	r = netlink_open(&n->host, -1, -1);
	if (r == 0)
		r = netlink_open(&n->container, target, n->own);
	return r < 0 ? error_errno(err, r, "make a netlink socket") : 0;
}

static int move_all(struct netdevs *n, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n->n; i++)
		r = look(n, &n->v[i], err);
	for (size_t i = 0; r == 0 && i < n->n; i++) {
		r = move(n, &n->v[i], err);
		if (r == 0)
			r = set_up(n, &n->v[i], err);
	}
	return r;
}

int netdev_move(const struct plan_ns *p, int target, struct netdevs **ret, struct error *err)
{
	struct netdevs *n = xcalloc(1, sizeof(*n));
	int r;

	n->own = n->target = n->host.fd = n->container.fd = -1;
	n->v = xcalloc(p->n_net_devices, sizeof(*n->v));
	for (; n->n < p->n_net_devices; n->n++)
		n->v[n->n].plan = &p->net_devices[n->n];
	r = open_both(n, target, err);
	if (r == 0)
		r = move_all(n, err);
	if (r < 0) {
		netdev_move_back(n);
		netdev_free(n);
		return r;
	}
	*ret = n;
	return 0;
}
