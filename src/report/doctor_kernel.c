/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel has: its calls, namespaces, seccomp and LSMs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "oci/names.h"
#include "report/doctor.h"
#include "sys/compat.h"
#include "sys/landlock.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define OLDEST_RELEASE "5.14"

static void look_at_calls(struct doctor *d)
{
	const struct kernel_call *missing = kernel_missing_call();

	if (kernel_is_older(OLDEST_RELEASE))
		doctor_todo(d, "kernel.release", "it is too old", "this is Linux %s, and containers need "
			    OLDEST_RELEASE " or later", d->host.release);
	else
		doctor_ok(d, "kernel.release", "Linux %s on %s", d->host.release, d->host.machine);
	doctor_need(d);
	if (missing)
		doctor_todo(d, "kernel.calls", "a system call is missing",
			    "%s(2) came with Linux %s; a newer kernel has it hidden by a seccomp filter around "
			    "this program",
			    missing->name, missing->release);
	else
		doctor_ok(d, "kernel.calls", "all system calls are there");
	doctor_need(d);
}

/* What is done in another way without them. */
static void look_at_newer_features(struct doctor *d)
{
	_cleanup_close_ int root = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0),
			    pidfd = sys_pidfd_open(getpid(), 0);
	struct sys_mount_info mount;
	struct statfs fs;

	if (root >= 0 && sys_mount_info(root, &mount) == -ENOSYS)
		doctor_todo(d, "kernel.statmount",
			    "mounts are looked at by mountinfo, which takes longer on hosts with many",
			    "statmount(2) came with Linux 6.8");
	else
		doctor_ok(d, "kernel.statmount", "mounts are looked at by statmount(2)");
	if (pidfd < 0 || fstatfs(pidfd, &fs) < 0 || (unsigned long)fs.f_type != PID_FS_MAGIC)
		doctor_todo(d, "kernel.pidfs", "processes are told apart by their start time",
			    "Linux 6.9 numbers them");
	else
		doctor_ok(d, "kernel.pidfs", "processes are told apart by numbers that never come again");
	if (kernel_is_older("6.15"))
		doctor_todo(d, "kernel.exit", "wait does not learn how ended what its parent collects first",
			    "Linux 6.15 tells it");
	else
		doctor_ok(d, "kernel.exit", "wait learns how processes of others ended");
}

static void look_at_cores(struct doctor *d)
{
	if (!d->host.core_sched)
		doctor_todo(d, "kernel.core-sched", "the kernel has none",
			    "only configurations with the annotation org.orlop.core-sched need it; it came with Linux "
			    "5.14; build it with CONFIG_SCHED_CORE");
	else if (!d->host.smt)
		doctor_todo(d, "kernel.core-sched", "no core has two threads that run",
			    "only configurations with the annotation org.orlop.core-sched need them, and without them "
			    "nobody shares a core; see /sys/devices/system/cpu/smt/control");
	else
		doctor_ok(d, "kernel.core-sched", "a container can have cores to itself while it runs");
}

/* All but the first are about the unprivileged; the second is Debian's, the third Ubuntu's. */
static const char *who_forbids_user_namespaces(bool has_power)
{
	static const struct {
		const char *file, *forbids, *todo;
	} table[] = {
		{"/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces is 0: raise it"},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0",
		 "set sysctl kernel.unprivileged_userns_clone to 1"},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
		 "set sysctl kernel.apparmor_restrict_unprivileged_userns to 0, or give this program an AppArmor "
		 "profile with the rule userns"},
	};
	char text[32];

	for (size_t i = 0; i < (has_power ? 1 : ARRAY_SIZE(table)); i++)
		if (fd_read_pseudo(AT_FDCWD, table[i].file, text, sizeof(text)) > 0 && str_eq(text, table[i].forbids))
			return table[i].todo;
	return NULL;
}

static void look_at_namespaces(struct doctor *d)
{
	for (size_t i = 0; i < n_namespace_names; i++) {
		const char *kind = namespace_names[i].name, *id = arena_printf(d->arena, "namespace.%s", kind);
		bool user = str_eq(kind, "user"), there = host_has(&d->host.namespaces, kind);
		const char *forbidden = user ? who_forbids_user_namespaces(doctor_has_power(d)) : NULL;

		if (forbidden)
			doctor_todo(d, id, "a sysctl forbids them", "%s", forbidden);
		else if (!there)
			doctor_todo(d, id, "the kernel has none",
				    "build it with CONFIG_NAMESPACES and that of this kind");
		else
			doctor_ok(d, id, "can be made");
		if (!str_eq(kind, "time") && (!user || !doctor_has_power(d)))
			doctor_need(d);
	}
}

static void look_at_confinement(struct doctor *d)
{
	int landlock = sys_landlock_abi();

	if (d->host.seccomp_flags.n)
		doctor_ok(d, "seccomp", "filters can be installed");
	else
		doctor_todo(d, "seccomp", "there are no filters", "build the kernel with CONFIG_SECCOMP_FILTER");
	if (d->host.apparmor)
		doctor_ok(d, "lsm.apparmor", "active");
	else
		doctor_todo(d, "lsm.apparmor", "not active",
			    "only configurations with process.apparmorProfile need it; name apparmor in lsm= of "
			    "the kernel's command line");
	if (d->host.selinux)
		doctor_ok(d, "lsm.selinux", "active");
	else
		doctor_todo(d, "lsm.selinux", "not active",
			    "only configurations with process.selinuxLabel need it; name selinux in lsm= of the "
			    "kernel's command line");
	if (landlock > 0)
		doctor_ok(d, "lsm.landlock", "active, version %d", landlock);
	else
		doctor_todo(d, "lsm.landlock", "not active",
			    "only configurations with the annotation org.orlop.landlock need it; it came with "
			    "Linux 5.13; name landlock in lsm= of the kernel's command line");
}

void doctor_kernel(struct doctor *d)
{
	look_at_calls(d);
	look_at_newer_features(d);
	look_at_cores(d);
	look_at_namespaces(d);
	look_at_confinement(d);
}
