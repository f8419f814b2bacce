/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `linux.netDevices`: names that can be names of interfaces, each given once
 * (runtime-spec config-linux.md#network-devices). */
#include <errno.h>
#include <linux/sched.h>
#include <net/if.h>

#include "config/validate_parts.h"
#include "json/pointer.h"

/* dev_valid_name() in net/core/dev.c. */
static const char *bad_name(const char *name)
{
	if (!*name)
		return "the name of an interface must not be empty";
	if (strlen(name) >= IF_NAMESIZE)
		return "the name of an interface has at most 15 bytes";
	if (str_eq(name, ".") || str_eq(name, ".."))
		return "not the name of an interface";
	for (; *name; name++)
		if (strchr("/: \t\n\v\f\r", *name))
			return "the name of an interface has no slash, colon or white space";
	return NULL;
}

/* With "%d" at its end, for which the kernel puts a number, or without any "%". */
static const char *bad_new_name(const char *name)
{
	const char *percent = strchr(name, '%');

	if (percent && !str_eq(percent, "%d"))
		return "`%` is only possible as `%d` at the end of the name";
	return bad_name(name);
}

static const char *new_name(const struct oci_net_device *d)
{
	return d->name ? d->name : d->host_name;
}

static bool is_taken(const struct oci_linux *l, size_t i)
{
	const char *name = new_name(&l->net_devices[i]);

	for (size_t k = 0; !strchr(name, '%') && k < i; k++)
		if (str_eq(new_name(&l->net_devices[k]), name))
			return true;
	return false;
}

int validate_net_device(const struct oci_config *c, size_t i, struct error *err)
{
	const struct oci_linux *l = &c->linux_;
	const struct oci_net_device *d = &l->net_devices[i];
	char where[ERROR_WHERE_MAX] = "/linux/netDevices";
	const char *why = bad_name(d->host_name);

	json_pointer_key(where, sizeof(where), d->host_name);
	if (!why && strchr(d->host_name, '%'))
		why = "the name of an interface of the host has no `%`";
	if (!why && str_eq(d->host_name, "lo"))
		why = "the loopback interface cannot be moved, and each network namespace has its own";
	if (why)
		return error_config(err, where, "%s", why);
	if (d->name)
		json_pointer_key(where, sizeof(where), "name");
	why = str_eq(new_name(d), "lo") ? "each network namespace has an interface `lo` already"
					: bad_new_name(new_name(d));
	if (why)
		return error_config(err, where, "%s", why);
	if (is_taken(l, i))
		return error_config(err, where, "two interfaces cannot both be called `%s`", new_name(d));
	return 0;
}

int validate_net_namespace(const struct oci_config *c, struct error *err)
{
	if (c->linux_.n_net_devices && !oci_find_namespace(c, CLONE_NEWNET))
		return error_config(err, "/linux/netDevices", "needs a `network` namespace in "
				    "/linux/namespaces to move the interfaces to");
	return 0;
}
