/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session keyring of the container's own.  Runs in the child, before the ids change.
 *
 * Anonymous (no name given), because a named one may have been made by somebody else beforehand:
 * keyctl(2) KEYCTL_JOIN_SESSION_KEYRING would then join it.
 */
#include "security/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdbool.h>

#include "sys/syscalls.h"
#include "util/log.h"

#define POSSESSOR_ALL 0x3f000000ul	/* KEY_POS_ALL of keyutils.h; nothing for user, group, other */

/* What a kernel without keyrings, or a filter for good, says of every request. */
static bool has_no_keyrings(void)
{
	return sys_keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0, 0) == -ENOSYS;
}

/* Another key cannot be made either. */
static bool is_quota_used_up(void)
{
	return sys_add_key("keyring", "quota", KEY_SPEC_PROCESS_KEYRING) == -EDQUOT;
}

int keyring_new_session(struct error *err)
{
	long serial = sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
	long r;

	if (serial == -ENOSYS && has_no_keyrings()) {
		log_warning("no session keyring of its own: the kernel has no keyrings (CONFIG_KEYS), "
			    "or a seccomp filter around us denies keyctl");
		return 0;
	}
	if (serial == -EDQUOT && is_quota_used_up()) {
		log_warning("no session keyring of its own: the user's quota of keys is used up; raise "
			    "the sysctls kernel.keys.maxkeys and kernel.keys.maxbytes (root: "
			    "kernel.keys.root_maxkeys), or use --no-new-keyring");
		return 0;
	}
	if (serial < 0) {
		error_errno(err, (int)serial, "make a session keyring");
		return error_hint(err, "--no-new-keyring goes on without one");
	}
	if (serial == 0)
		return error_set(err, EPROTO, "make a session keyring: the kernel gave none");
	r = sys_keyctl(KEYCTL_SETPERM, (unsigned long)serial, POSSESSOR_ALL, 0, 0);
	if (r < 0)
		return error_errno(err, (int)r, "restrict the session keyring to its possessor");
	return 0;
}
