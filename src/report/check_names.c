/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names in a seccomp profile that libseccomp does not know are left out, as profiles are written for many releases.
 * One that is nearly the name of a system call of which the profile says nothing is probably a mistake.
 */
#include "report/check.h"

#include <stdio.h>

#include "security/seccomp.h"

static bool is_named(const struct oci_seccomp *profile, const char *name)
{
	for (size_t i = 0; i < profile->n_rules; i++)
		if (host_has(&profile->rules[i].names, name))
			return true;
	return false;
}

/* dup2, dup3: the same up to the digits at their ends, which make another system call and no mistake? */
static bool differ_in_number(const char *a, const char *b)
{
	size_t n = strcspn(a, "0123456789");

	return n == strcspn(b, "0123456789") && strncmp(a, b, n) == 0;
}

static const char *nearest(const struct strings *known, const char *name)
{
	const char *near = NULL;
	unsigned least = NAME_NEAR;

	for (size_t i = 0; i < known->n; i++)
		if (name_is_nearer(known->v[i], name, &least))
			near = known->v[i];
	return near && !differ_in_number(near, name) ? near : NULL;
}

static void check_name(struct check *c, const struct oci_seccomp *profile, const struct strings *known,
		       const char *name, const char *where)
{
	const char *near = seccomp_is_known(name) ? NULL : nearest(known, name);

	if (near && !is_named(profile, near))
		check_note(c, true, where, "no system call `%s` is known, and it is left out: did you mean `%s`?", name,
			   near);
}

void check_names(struct check *c, const struct oci_seccomp *profile)
{
	struct strings known = {0};

	if (profile->n_rules)
		seccomp_known_names(c->arena, &known);
	for (size_t i = 0; i < profile->n_rules; i++)
		for (size_t k = 0; k < profile->rules[i].names.n; k++) {
			char where[96];

			snprintf(where, sizeof(where), "/linux/seccomp/syscalls/%zu/names/%zu", i, k);
			check_name(c, profile, &known, profile->rules[i].names.v[k], where);
		}
}
