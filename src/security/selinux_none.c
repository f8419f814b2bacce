/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of selinux.c for a build without libselinux: any label is refused. */
#include "security/lsm.h"
#include "util/str.h"

int selinux_check(const char *label, const char *where, struct error *err)
{
	if (!label || label[0] == '\0')
		return 0;
	return error_config(err, where, "SELinux label `%s` is asked for, but this program was built "
					"without SELinux", label);
}

bool selinux_same(const char *label, const char *got)
{
	return str_eq(label, got);
}

int selinux_set_exec(int proc, const char *label, struct error *err)
{
	(void)proc;
	return selinux_check(label, "/process/selinuxLabel", err);
}

int selinux_set_key(int proc, const char *label, struct error *err)
{
	(void)proc;
	return selinux_check(label, "/process/selinuxLabel", err);
}
