/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the container process sets once in its own new namespaces: the loopback interface and the
 * names of the machine.
 */
#include "ns/ns.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util/cleanup.h"

/*
 * Any socket passes the request on to the device (netdevice(7)); an AF_UNIX one also exists in kernels
 * without IPv4.  The kernel gives 127.0.0.1 and ::1 to lo when it comes up.
 */
int ns_loopback_up(struct error *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0)
		return error_errno(err, errno, "make a socket to bring lo up");
	if (ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		return error_errno(err, errno, "bring the network interface lo up");
	if (ioctl(fd, SIOCGIFFLAGS, &req) < 0 || !(req.ifr_flags & IFF_UP))
		return error_set(err, EIO, "the network interface lo is still down");
	return 0;
}

/* Read back: a name that is not the wanted one would be the host's. */
int ns_set_names(const struct plan_ns *p, struct error *err)
{
	struct utsname now;

	if (p->hostname && sethostname(p->hostname, strlen(p->hostname)) < 0) {
		error_errno(err, errno, "set the host name to `%s`", p->hostname);
		return error_at(err, "/hostname");
	}
	if (p->domainname && setdomainname(p->domainname, strlen(p->domainname)) < 0) {
		error_errno(err, errno, "set the domain name to `%s`", p->domainname);
		return error_at(err, "/domainname");
	}
	if (!p->hostname && !p->domainname)
		return 0;
	if (uname(&now) < 0)
		return error_errno(err, errno, "read the host name back");
	if (p->hostname && strcmp(now.nodename, p->hostname) != 0)
		return error_set(err, EIO, "the host name is `%s` instead of `%s`", now.nodename,
				 p->hostname);
	if (p->domainname && strcmp(now.domainname, p->domainname) != 0)
		return error_set(err, EIO, "the domain name is `%s` instead of `%s`", now.domainname,
				 p->domainname);
	return 0;
}
