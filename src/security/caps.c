/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capabilities(7) of the container process, by libcap.  Runs in the child. */
#include "security/caps.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "oci/names.h"
#include "sys/mutate.h"
#include "util/log.h"

#define BIT(n) ((uint64_t)1 << (n))

struct sets {
	uint64_t effective, permitted, inheritable;
};

static uint64_t flag_of(cap_t c, cap_flag_t flag)
{
	cap_flag_value_t raised;
	uint64_t set = 0;

	for (cap_value_t i = 0; i < 64; i++)
		if (cap_get_flag(c, i, flag, &raised) == 0 && raised == CAP_SET)
			set |= BIT(i);
	return set;
}

static void set_flag(cap_t c, cap_flag_t flag, uint64_t set)
{
	for (cap_value_t i = 0; i < 64; i++)
		if (set & BIT(i))
			cap_set_flag(c, flag, 1, &i, CAP_SET);
}

static int sets_read(struct sets *ret)
{
	cap_t c = cap_get_proc();

	if (!c)
		return -errno;
	ret->effective = flag_of(c, CAP_EFFECTIVE);
	ret->permitted = flag_of(c, CAP_PERMITTED);
	ret->inheritable = flag_of(c, CAP_INHERITABLE);
	cap_free(c);
	return 0;
}

static int sets_write(const struct sets *s)
{
	cap_t c = cap_init();
	int r;

	if (!c)
		return -errno;
	set_flag(c, CAP_EFFECTIVE, s->effective);
	set_flag(c, CAP_PERMITTED, s->permitted);
	set_flag(c, CAP_INHERITABLE, s->inheritable);
	r = cap_set_proc(c) < 0 ? -errno : 0;
	cap_free(c);
	return r;
}

static void warn_missing(const char *set, uint64_t missing)
{
	char *names;

	if (!missing)
		return;
	names = capability_list(missing);
	log_warning("capabilities left out of the %s set, because the caller does not have them: %s",
		    set, names);
	free(names);
}

/* Not inherited through a user namespace, but by a plain clone: a caller in "no root" mode would
 * change what every capability set means after execve(2). */
static int reset_securebits(struct error *err)
{
	unsigned bits = cap_get_secbits();

	if (bits == (unsigned)-1)
		return error_errno(err, errno, "read securebits");
	if (bits != 0 && cap_set_secbits(0) < 0) {
		error_errno(err, errno, "clear securebits (now 0x%x)", bits);
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
		if ((caps->bounding & BIT(cap)) || MUTATE(T80))
			continue;
		if (cap_drop_bound((cap_value_t)cap) == 0)
			continue;
		r = -errno;
		/* Without CAP_SETPCAP: fine if it is gone already. */
		if (cap_get_bound((cap_value_t)cap) == 0)
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
		if (cap_get_bound((cap_value_t)cap) != 1)
			possible &= ~BIT(cap);
	}
	return wanted & possible;
}

static int set_ambient(uint64_t wanted, struct error *err)
{
	/* Not cap_reset_ambient(): it looks at one capability after the other, for as long as prctl(2) says 0. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_errno(err, errno, "clear the ambient capabilities");
	for (cap_value_t cap = 0; cap < 64; cap++)
		if ((wanted & BIT(cap)) && cap_set_ambient(cap, CAP_SET) < 0)
			return error_errno(err, errno, "raise ambient capability %d", cap);
	return 0;
}

int caps_apply(const struct oci_capabilities *caps, uint64_t until_exec, struct error *err)
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

	want.permitted |= until_exec & now.permitted;
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

int caps_raise(uint64_t set, struct error *err)
{
	struct sets now;
	int r = sets_read(&now);

	if (r == 0 && (now.effective & set) != (now.permitted & set)) {
		now.effective |= now.permitted & set;
		r = sets_write(&now);
	}
	return r < 0 ? error_errno(err, r, "raise a capability") : 0;
}

int caps_drop(const struct oci_capabilities *caps, uint64_t set, struct error *err)
{
	struct sets now;
	int r = sets_read(&now);

	if (r == 0) {
		now.permitted &= ~set | caps->permitted;
		now.effective &= caps->effective & now.permitted;
		r = sets_write(&now);
	}
	return r < 0 ? error_errno(err, r, "drop a capability") : 0;
}
