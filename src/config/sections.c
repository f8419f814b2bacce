/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of the runtime specification by member of config.json.  No system calls. */
#include "config/sections.h"

#include <stddef.h>

#include "util/str.h"

/* The longest beginning counts. */
static const struct {
	const char *where, *section;
} sections[] = {
	{"", "config.md"},
	{"/ociVersion", "config.md#specification-version"},
	{"/root", "config.md#root"},
	{"/mounts", "config.md#mounts"},
	{"/process", "config.md#process"},
	{"/process/user", "config.md#user"},
	{"/process/rlimits", "config.md#posix-process"},
	{"/process/capabilities", "config.md#linux-process"},
	{"/process/apparmorProfile", "config.md#linux-process"},
	{"/process/selinuxLabel", "config.md#linux-process"},
	{"/process/noNewPrivileges", "config.md#linux-process"},
	{"/process/oomScoreAdj", "config.md#linux-process"},
	{"/process/scheduler", "config.md#linux-process"},
	{"/process/ioPriority", "config.md#linux-process"},
	{"/process/execCPUAffinity", "config.md#linux-process"},
	{"/hostname", "config.md#hostname"},
	{"/domainname", "config.md#domainname"},
	{"/hooks", "config.md#posix-platform-hooks"},
	{"/annotations", "config.md#annotations"},
	{"/linux", "config.md#platform-specific-configuration"},
	{"/linux/namespaces", "config-linux.md#namespaces"},
	{"/linux/uidMappings", "config-linux.md#user-namespace-mappings"},
	{"/linux/gidMappings", "config-linux.md#user-namespace-mappings"},
	{"/linux/timeOffsets", "config-linux.md#offset-for-time-namespace"},
	{"/linux/devices", "config-linux.md#devices"},
	{"/linux/netDevices", "config-linux.md#network-devices"},
	{"/linux/cgroupsPath", "config-linux.md#cgroups-path"},
	{"/linux/resources", "config-linux.md#control-groups"},
	{"/linux/resources/devices", "config-linux.md#allowed-device-list"},
	{"/linux/resources/memory", "config-linux.md#memory"},
	{"/linux/resources/cpu", "config-linux.md#cpu"},
	{"/linux/resources/blockIO", "config-linux.md#block-io"},
	{"/linux/resources/hugepageLimits", "config-linux.md#huge-page-limits"},
	{"/linux/resources/network", "config-linux.md#network"},
	{"/linux/resources/pids", "config-linux.md#pids"},
	{"/linux/resources/rdma", "config-linux.md#rdma"},
	{"/linux/resources/unified", "config-linux.md#unified"},
	{"/linux/intelRdt", "config-linux.md#intelrdt"},
	{"/linux/memoryPolicy", "config-linux.md#memory-policy"},
	{"/linux/sysctl", "config-linux.md#sysctl"},
	{"/linux/seccomp", "config-linux.md#seccomp"},
	{"/linux/rootfsPropagation", "config-linux.md#rootfs-mount-propagation"},
	{"/linux/maskedPaths", "config-linux.md#masked-paths"},
	{"/linux/readonlyPaths", "config-linux.md#readonly-paths"},
	{"/linux/mountLabel", "config-linux.md#mount-label"},
	{"/linux/personality", "config-linux.md#personality"},
};

const char *config_section(const char *where)
{
	size_t longest = 0;

	for (size_t i = 1; i < ARRAY_SIZE(sections); i++) {
		size_t n = strlen(sections[i].where);

		if (n > strlen(sections[longest].where) && str_starts(where, sections[i].where) &&
		    (where[n] == '\0' || where[n] == '/'))
			longest = i;
	}
	return sections[longest].section;
}
