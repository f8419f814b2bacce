/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink(7): links and addresses.  Runs in the parent. */
#include "ns/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/str.h"

#define BUFFER	    65536	/* one datagram of a dump has at most 32 KiB */
#define DUMPS	    8		/* a dump that is disturbed begins anew, not for ever */
#define TIMEOUT_S   10
#define IFA_ORIGIN_ 11		/* IFA_PROTO, 5.18 */

struct request {
	struct nlmsghdr h;
	char body[1024];
};

/* ---- messages ------------------------------------------------------------------------------- */

static void *begin(struct request *q, uint16_t type, uint16_t flags, size_t head)
{
	memset(q, 0, sizeof(*q));
	q->h.nlmsg_len = (uint32_t)NLMSG_SPACE(head);
	q->h.nlmsg_type = type;
	q->h.nlmsg_flags = NLM_F_REQUEST | flags;
	return q->body;
}

static int put(struct request *q, uint16_t type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)((char *)q + q->h.nlmsg_len);

	if (q->h.nlmsg_len + RTA_SPACE(n) > sizeof(*q))
		return -EMSGSIZE;
	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	q->h.nlmsg_len += (uint32_t)RTA_SPACE(n);
	return 0;
}

static int put_string(struct request *q, uint16_t type, const char *s)
{
	return put(q, type, s, strlen(s) + 1);
}

static const struct rtattr *find(const void *attributes, size_t n, uint16_t type)
{
	const struct rtattr *a = attributes;

	for (; RTA_OK(a, n); a = RTA_NEXT(a, n))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static bool text_of(const struct rtattr *a, char *ret, size_t size)
{
	size_t n = a ? RTA_PAYLOAD(a) : 0;

	if (n == 0 || n > size || ((const char *)RTA_DATA(a))[n - 1] != '\0')
		return false;
	memcpy(ret, RTA_DATA(a), n);
	return true;
}

/* ---- the conversation ----------------------------------------------------------------------- */

int netlink_open(struct netlink *nl, int netns, int own)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	const int on = 1;
	int r = 0;

	*nl = (struct netlink){.fd = -1};
	if (netns >= 0 && setns(netns, CLONE_NEWNET) < 0)
		return -errno;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (nl->fd < 0)
		r = -errno;
	if (netns >= 0 && setns(own, CLONE_NEWNET) < 0)
		r = -errno;
	if (r == 0 && setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		r = -errno;
	if (r < 0) {
		netlink_close(nl);
		return r;
	}
	/* words with the error number: 4.12; without them there is the number alone */
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

static void keep_words(struct netlink *nl, const struct nlmsghdr *h, const struct nlmsgerr *e)
{
	size_t head = NLMSG_LENGTH(sizeof(*e));

	/* with NETLINK_CAP_ACK the request is not repeated but for its header */
	if ((h->nlmsg_flags & NLM_F_ACK_TLVS) && h->nlmsg_len > head)
		text_of(find((const char *)h + NLMSG_ALIGN(head), h->nlmsg_len - NLMSG_ALIGN(head),
			     NLMSGERR_ATTR_MSG), nl->message, sizeof(nl->message));
}

typedef int (*on_message)(const struct nlmsghdr *h, void *ctx);

/* One datagram.  1: more is to come; 0: the end; -errno. */
static int receive(struct netlink *nl, char *buf, on_message f, void *ctx)
{
	ssize_t got = recv(nl->fd, buf, BUFFER, MSG_TRUNC);
	unsigned n;

	if (got < 0)
		return errno == EINTR ? 1 : errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (got > BUFFER)
		return -EMSGSIZE;
	n = (unsigned)got;
	for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		const struct nlmsgerr *e = NLMSG_DATA(h);
		int r;

		if (h->nlmsg_seq != nl->seq)
			continue;
		/* read to its end: until then the socket takes no other dump */
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			nl->disturbed = true;
		if (h->nlmsg_type == NLMSG_DONE)
			return nl->disturbed ? -EAGAIN : 0;
		if (h->nlmsg_type == NLMSG_ERROR) {
			if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
				return -EPROTO;
			if (e->error)
				keep_words(nl, h, e);
			return e->error;
		}
		r = f ? f(h, ctx) : 0;
		if (r < 0)
			return r;
	}
	return 1;
}

/* Send @q and read up to its acknowledgement, or the end of the dump. */
static int talk(struct netlink *nl, struct request *q, on_message f, void *ctx)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	char *buf;
	int r = 1;

	nl->message[0] = '\0';
	nl->disturbed = false;
	q->h.nlmsg_seq = ++nl->seq;
	/* two bits, one of which means NLM_F_EXCL for other messages */
	if ((q->h.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		q->h.nlmsg_flags |= NLM_F_ACK;
	if (sendto(nl->fd, q, q->h.nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	buf = xmalloc(BUFFER);
	while (r == 1)
		r = receive(nl, buf, f, ctx);
	free(buf);
	return r;
}

/* ---- links ---------------------------------------------------------------------------------- */

static int read_link(const struct nlmsghdr *h, void *ctx)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	struct link *l = ctx;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return 0;
	l->index = (unsigned)info->ifi_index;
	l->flags = info->ifi_flags;
	return text_of(find(IFLA_RTA(info), IFLA_PAYLOAD(h), IFLA_IFNAME), l->name, sizeof(l->name))
		       ? 0 : -EPROTO;
}

int link_by_index(struct netlink *nl, unsigned index, struct link *ret)
{
	struct request q;
	struct ifinfomsg *info = begin(&q, RTM_GETLINK, 0, sizeof(*info));
	struct link l = {0};
	int r;

	info->ifi_index = (int)index;
	r = talk(nl, &q, read_link, &l);
	if (r == 0)
		*ret = l;
	return r;
}

int link_by_name(struct netlink *nl, const char *name, struct link *ret)
{
	struct request q;
	struct link l = {0};
	int r;

	begin(&q, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	r = put_string(&q, IFLA_IFNAME, name);
	if (r == 0)
		r = talk(nl, &q, read_link, &l);
	if (r == 0 && !str_eq(l.name, name))
		return -ENODEV;
	if (r == 0)
		*ret = l;
	return r;
}

/*
 * The kernel first moves and then renames, and does not undo the first when the second fails: so
 * @name must be one that is free there.
 */
int link_move(struct netlink *nl, unsigned index, int netns, const char *name)
{
	struct request q;
	struct ifinfomsg *info = begin(&q, RTM_NEWLINK, 0, sizeof(*info));
	uint32_t fd = (uint32_t)netns;
	int r;

	info->ifi_index = (int)index;
	r = put(&q, IFLA_NET_NS_FD, &fd, sizeof(fd));
	if (r == 0)
		r = put_string(&q, IFLA_IFNAME, name);
	return r < 0 ? r : talk(nl, &q, NULL, NULL);
}

int link_rename(struct netlink *nl, unsigned index, const char *name)
{
	struct request q;
	struct ifinfomsg *info = begin(&q, RTM_NEWLINK, 0, sizeof(*info));
	int r;

	info->ifi_index = (int)index;
	r = put_string(&q, IFLA_IFNAME, name);
	return r < 0 ? r : talk(nl, &q, NULL, NULL);
}

int link_up(struct netlink *nl, unsigned index)
{
	struct request q;
	struct ifinfomsg *info = begin(&q, RTM_NEWLINK, 0, sizeof(*info));

	info->ifi_index = (int)index;
	info->ifi_flags = info->ifi_change = IFF_UP;
	return talk(nl, &q, NULL, NULL);
}

/* ---- addresses ------------------------------------------------------------------------------ */

struct reading {
	unsigned index;
	struct addresses list;
};

static uint32_t flags_of(const struct ifaddrmsg *head, const void *attributes, size_t n)
{
	const struct rtattr *a = find(attributes, n, IFA_FLAGS);
	uint32_t flags = head->ifa_flags;

	if (a && RTA_PAYLOAD(a) >= sizeof(flags))
		memcpy(&flags, RTA_DATA(a), sizeof(flags));
	return flags;
}

static int read_address(const struct nlmsghdr *h, void *ctx)
{
	const struct ifaddrmsg *head = NLMSG_DATA(h);
	struct reading *x = ctx;
	struct address a;

	if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*head)))
		return 0;
	a = (struct address){.head = *head, .n = IFA_PAYLOAD(h)};
	if (head->ifa_index != x->index || head->ifa_scope != RT_SCOPE_UNIVERSE ||
	    !(flags_of(head, IFA_RTA(head), a.n) & IFA_F_PERMANENT))
		return 0;
	a.attributes = xmalloc(a.n ? a.n : 1);
	memcpy(a.attributes, IFA_RTA(head), a.n);
	x->list.v = xrealloc(x->list.v, x->list.n + 1, sizeof(a));
	x->list.v[x->list.n++] = a;
	return 0;
}

int addresses_read(struct netlink *nl, unsigned index, struct addresses *ret)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < DUMPS; i++) {
		struct reading x = {.index = index};
		struct request q;

		begin(&q, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
		r = talk(nl, &q, read_address, &x);
		if (r == 0)
			*ret = x.list;
		else
			addresses_free(&x.list);
	}
	return r;
}

void addresses_free(struct addresses *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i].attributes);
	free(a->v);
	*a = (struct addresses){0};
}

/* "eth0" and "eth0:1" name the interface; the new one is called otherwise. */
static int put_label(struct request *q, const struct rtattr *a, const char *old, const char *now)
{
	char label[IF_NAMESIZE], name[2 * IF_NAMESIZE];
	size_t n = strlen(old);

	if (!text_of(a, label, sizeof(label)) || str_eq(label, old))
		return 0;	/* the kernel's own choice is the name */
	snprintf(name, sizeof(name), "%s", label);
	if (str_starts(label, old) && label[n] == ':')
		snprintf(name, sizeof(name), "%s%s", now, label + n);
	name[IF_NAMESIZE - 1] = '\0';
	return put_string(q, IFA_LABEL, name);
}

/* What was asked for when the address was made, and not what became of it. */
#define KEPT_FLAGS (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | \
		    IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)

int address_add(struct netlink *nl, unsigned index, const struct address *a, const char *old,
		const char *now)
{
	static const uint16_t kept[] = {IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_CACHEINFO,
					IFA_RT_PRIORITY, IFA_ORIGIN_};
	uint32_t flags = flags_of(&a->head, a->attributes, a->n) & KEPT_FLAGS;
	struct request q;
	struct ifaddrmsg *head = begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*head));
	int r;

	*head = (struct ifaddrmsg){.ifa_family = a->head.ifa_family,
				   .ifa_prefixlen = a->head.ifa_prefixlen,
				   .ifa_flags = (uint8_t)flags,
				   .ifa_scope = a->head.ifa_scope,
				   .ifa_index = index};
	r = put(&q, IFA_FLAGS, &flags, sizeof(flags));
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kept); i++) {
		const struct rtattr *x = find(a->attributes, a->n, kept[i]);

		if (x)
			r = put(&q, kept[i], RTA_DATA(x), RTA_PAYLOAD(x));
	}
	if (r == 0)
		r = put_label(&q, find(a->attributes, a->n, IFA_LABEL), old, now);
	return r < 0 ? r : talk(nl, &q, NULL, NULL);
}
