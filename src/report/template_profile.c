/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profiles of `spec`. */
#include "report/template_profile.h"

#include "util/str.h"

#define HIDDEN "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi " \
	       "/proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware"
#define TPM "/sys/devices/virtual/tpm"
#define INTERRUPTS "/proc/interrupts"
#define READABLE "/proc/bus /proc/fs /proc/irq /proc/sysrq-trigger"

static const struct template_profile profiles[] = {
	{
		.name = "", .capabilities = "CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE",
		.masked = HIDDEN " " TPM, .readonly = READABLE " /proc/sys",
		.no_new_privileges = true, .readonly_root = true, .few_files = true,
	},
	{
		.name = "docker",
		.capabilities = "CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD "
				"CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID "
				"CAP_SYS_CHROOT",
		.masked = HIDDEN " " INTERRUPTS, .readonly = READABLE " /proc/sys", .seccomp = true,
	},
	{
		.name = "strict", .capabilities = "",
		.masked = HIDDEN " " TPM " " INTERRUPTS " " READABLE, .readonly = "/proc/sys",
		.no_new_privileges = true, .readonly_root = true, .few_files = true, .seccomp = true,
	},
};

const struct template_profile *template_profile(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++)
		if (str_eq(profiles[i].name, name ? name : ""))
			return &profiles[i];
	return NULL;
}
