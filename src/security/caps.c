/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capabilities(7) of the container process.  Runs in the child.
 *
 * Raw system calls: libcap's archive has a constructor that asks the kernel six questions at every
 * start of the program, and its sets live on the heap.  Everything here is four or five calls.
 */
#include "security/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci/names.h"
#include "util/log.h"

#define BIT(n) ((uint64_t)1 << (n))

struct sets {
	uint64_t effective, permitted, inheritable;
};

/* capset(2) takes 64 bits as two structures, low half first. */
static int sets_read(struct sets *ret)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	ret->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	ret->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	ret->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int sets_write(const struct sets *s)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = (uint32_t)(s->effective >> (32 * i));
		data[i].permitted = (uint32_t)(s->permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(s->inheritable >> (32 * i));
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* "CAP_CHOWN, CAP_KILL" into @buf; a list that is too long ends in "...". */
static void names_of(uint64_t set, char *buf, size_t size)
{
	size_t out = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n_capability_names; i++) {
		const char *name = capability_names[i].name;
		const char *comma = out ? ", " : "";

		if (capability_names[i].value > 63 || !(set & BIT(capability_names[i].value)))
			continue;
		if (out + strlen(comma) + strlen(name) + sizeof("...") >= size) {
			snprintf(buf + out, size - out, "...");
			return;
		}
		out += (size_t)snprintf(buf + out, size - out, "%s%s", comma, name);
	}
}

static void warn_missing(const char *set, uint64_t missing)
{
	char names[512];

	if (!missing)
		return;
	names_of(missing, names, sizeof(names));
	log_warning("capabilities left out of the %s set, because the caller does not have them: %s",
		    set, names);
}

/* Not inherited through a user namespace, but by a plain clone: a caller in "no root" mode would
 * change what every capability set means after execve(2). */
static int reset_securebits(struct error *err)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	if (bits < 0)
		return error_errno(err, errno, "read securebits");
	if (bits != 0 && prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) < 0) {
		error_errno(err, errno, "clear securebits (now 0x%x)", (unsigned)bits);
		return error_hint(err, "they are locked by the calling process; start the runtime "
				       "without them");
	}
	return 0;
}

int caps_limit_bounding(const struct oci_capabilities *caps, unsigned last_cap, struct error *err)
{
	int r = reset_securebits(err);

	if (r < 0)
		return r;
	if (last_cap > 63)
		return error_set(err, EOVERFLOW,
				 "the kernel knows capability %u, more than a set can hold", last_cap);
	for (unsigned cap = 0; cap <= last_cap; cap++) {
		if (caps->bounding & BIT(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		r = -errno;
		/* Without CAP_SETPCAP: fine if it is gone already. */
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0)
			continue;
		return error_errno(err, r, "drop capability %u from the bounding set", cap);
	}
	return 0;
}

int caps_keep(struct error *err)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return error_errno(err, errno, "keep capabilities over the change of user");
	return 0;
}

/* Of @wanted, what the kernel will let into the inheritable set (security/commoncap.c cap_capset,
 * capabilities(7) "Programmatically adjusting capability sets"). */
static uint64_t inheritable_possible(uint64_t wanted, const struct sets *now)
{
	uint64_t possible = now->inheritable | now->permitted;

	if (now->effective & BIT(CAP_SETPCAP))
		possible = wanted;
	for (unsigned cap = 0; cap < 64; cap++) {
		if (!(wanted & possible & ~now->inheritable & BIT(cap)))
			continue;
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 1)
			possible &= ~BIT(cap);
	}
	return wanted & possible;
}

static int set_ambient(uint64_t wanted, struct error *err)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_errno(err, errno, "clear the ambient capabilities");
	for (unsigned cap = 0; cap < 64; cap++)
		if ((wanted & BIT(cap)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return error_errno(err, errno, "raise ambient capability %u", cap);
	return 0;
}

int caps_apply(const struct oci_capabilities *caps, struct error *err)
{
	struct sets now, want, after;
	uint64_t ambient;
	int r;

	r = sets_read(&now);
	if (r < 0)
		return error_errno(err, r, "read the capabilities");
	want.permitted = caps->permitted & now.permitted;
	want.effective = caps->effective & want.permitted;
	want.inheritable = inheritable_possible(caps->inheritable, &now);
	ambient = caps->ambient & want.permitted & want.inheritable;

	warn_missing("permitted", caps->permitted & ~want.permitted);
	warn_missing("effective", caps->effective & ~want.effective & ~caps->permitted);
	warn_missing("inheritable", caps->inheritable & ~want.inheritable);
	warn_missing("ambient", caps->ambient & ~ambient &
		     ~(caps->permitted & ~want.permitted) & ~(caps->inheritable & ~want.inheritable));

	r = sets_write(&want);
	if (r < 0)
		return error_errno(err, r, "set the capabilities");
	r = set_ambient(ambient, err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return error_errno(err, errno, "switch keep-capabilities off");
	r = sets_read(&after);
	if (r < 0)
		return error_errno(err, r, "read the capabilities back");
	if (after.effective != want.effective || after.permitted != want.permitted ||
	    after.inheritable != want.inheritable)
		return error_set(err, EPERM, "the kernel did not take the capability sets");
	return 0;
}
