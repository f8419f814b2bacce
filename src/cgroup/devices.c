/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load and attach the device program, bpf(2).  On the host side.
 * It lives as long as the cgroup.  Before Linux 5.11 its memory counts against RLIMIT_MEMLOCK, which
 * is left as it is: raising it needs a capability that a container engine may well lack.
 */
#include "cgroup/devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

#include "sys/mutate.h"
#include "sys/probe.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#define PROGRAM_NAME "orlop_devices"	/* at most 15 bytes */
#define LICENSE "GPL"
#define LOG_SIZE (64u << 10)
#define PROGRAMS_MAX 64			/* BPF_CGROUP_MAX_PROGS */

static int load(const struct plan_cgroup *p, char *log)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insns = (uintptr_t)p->device_program;
	attr.insn_cnt = (uint32_t)p->n_device_insns;
	attr.license = (uintptr_t)LICENSE;
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	if (log) {
		attr.log_level = 1;
		attr.log_buf = (uintptr_t)log;
		attr.log_size = LOG_SIZE;
	}
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Once more with a log, for the message; its last lines say what was wrong. */
static int error_load(const struct plan_cgroup *p, int e, struct error *err)
{
	_cleanup_free_ char *log = xcalloc(1, LOG_SIZE);
	_cleanup_close_ int unexpected = -1;
	const char *tail;

	error_errno(err, e, "load the device program of %zu instructions", p->n_device_insns);
	if (e == -EPERM)
		error_hint(err, "it needs CAP_BPF and CAP_NET_ADMIN or CAP_SYS_ADMIN, and before Linux "
			   "5.11 a larger RLIMIT_MEMLOCK");
	else if (e == -ENOSYS)
		error_hint(err, "the kernel is built without CONFIG_BPF_SYSCALL");
	else
		unexpected = load(p, log);
	if (!log[0])
		return e;
	tail = strlen(log) > 400 ? log + strlen(log) - 400 : log;
	return error_hint(err, "the kernel's verifier says: %s", tail);
}

static int attach_command(int command, int fd, int program, unsigned flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)fd;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = flags;
	return sys_bpf(command, &attr, sizeof(attr));
}

static bool is_ours(int program)
{
	struct bpf_prog_info info;
	union bpf_attr attr;

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) >= 0 &&
	       strncmp(info.name, PROGRAM_NAME, sizeof(info.name)) == 0;
}

/* All programs of a cgroup must allow an access: the one of the last container would still decide. */
static int detach_ours(int fd)
{
	uint32_t ids[PROGRAMS_MAX];
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = PROGRAMS_MAX;
	r = sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr));
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < attr.query.prog_cnt && i < PROGRAMS_MAX; i++) {
		_cleanup_close_ int program = -1;
		union bpf_attr get;

		memset(&get, 0, sizeof(get));
		get.prog_id = ids[i];
		program = sys_bpf(BPF_PROG_GET_FD_BY_ID, &get, sizeof(get));
		if (program < 0 || !is_ours(program))
			continue;
		r = attach_command(BPF_PROG_DETACH, fd, program, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_and_attach(int fd, const struct plan_cgroup *p, bool replace, struct error *err)
{
	_cleanup_close_ int program = load(p, NULL);
	int r;

	if (program < 0)
		return error_load(p, program, err);
	r = replace ? detach_ours(fd) : 0;
	if (r < 0)
		return error_errno(err, r, "detach the device program of an earlier container from cgroup %s",
				   p->path);
	r = attach_command(BPF_PROG_ATTACH, fd, program, BPF_F_ALLOW_MULTI);
	if (r >= 0)
		return 0;
	error_errno(err, r, "attach the device program to cgroup %s", p->path);
	if (r == -EPERM)
		error_hint(err, "it needs CAP_NET_ADMIN, and a cgroup above must not have a program that "
			   "forbids more of them");
	return r;
}

int cgroup_attach_devices(int fd, const struct plan_cgroup *p, bool replace, struct error *err)
{
	int r;

	if (!p->device_program)
		return 0;
	r = load_and_attach(fd, p, replace, err);
	/* Without privilege on the host there is no device node that could be opened. */
	if ((r == -EPERM || r == -EACCES) && (MUTATE(T93) || (p->device_program_optional &&
	    !(probe_initial_userns() && probe_effective_cap(CAP_SYS_ADMIN))))) {
		log_debug("device access stays unrestricted: %s", err->text);
		return 0;
	}
	return r < 0 ? error_at(err, "/linux/resources/devices") : 0;
}
