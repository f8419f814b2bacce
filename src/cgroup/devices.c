/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load and attach the device program, bpf(2), and another one in its place.  On the host side.
 * It lives as long as the cgroup.  Before Linux 5.11 its memory counts against RLIMIT_MEMLOCK, which
 * is left as it is: raising it needs a capability that a container engine may well lack.
 */
#include "cgroup/devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

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

/* @replaced: the program whose place it takes, with BPF_F_REPLACE. */
static int attach_command(int command, int fd, int program, unsigned flags, int replaced)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)fd;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = flags;
	if (flags & BPF_F_REPLACE)
		attr.replace_bpf_fd = (uint32_t)replaced;
	return sys_bpf(command, &attr, sizeof(attr));
}

static int ask(int program, struct bpf_prog_info *ret)
{
	union bpf_attr attr;

	memset(ret, 0, sizeof(*ret));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info_len = sizeof(*ret);
	attr.info.info = (uintptr_t)ret;
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
}

static bool is_ours(int program)
{
	struct bpf_prog_info info;

	return ask(program, &info) >= 0 && strncmp(info.name, PROGRAM_NAME, sizeof(info.name)) == 0;
}

static int query(int fd, uint32_t *ids, uint32_t *ret_n)
{
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = PROGRAMS_MAX;
	r = sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr));
	*ret_n = attr.query.prog_cnt < PROGRAMS_MAX ? attr.query.prog_cnt : PROGRAMS_MAX;
	return r < 0 ? r : 0;
}

static int open_program(uint32_t id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
}

/* All programs of a cgroup must allow an access: the one of the last container would still decide. */
int cgroup_detach_devices(int fd)
{
	uint32_t ids[PROGRAMS_MAX], n;
	int r = query(fd, ids, &n);

	for (uint32_t i = 0; r == 0 && i < n; i++) {
		_cleanup_close_ int program = open_program(ids[i]);

		if (program >= 0 && is_ours(program))
			r = attach_command(BPF_PROG_DETACH, fd, program, 0, -1);
	}
	return r < 0 ? r : 0;
}

static int error_attach(const char *path, int r, struct error *err)
{
	error_errno(err, r, "attach the device program to cgroup %s", path);
	if (r == -EPERM)
		error_hint(err, "it needs CAP_NET_ADMIN, and a cgroup above must not have a program that "
			   "forbids more of them");
	return r;
}

static int load_and_attach(int fd, const struct plan_cgroup *p, bool replace, struct error *err)
{
	_cleanup_close_ int program = load(p, NULL);
	int r;

	if (program < 0)
		return error_load(p, program, err);
	r = replace ? cgroup_detach_devices(fd) : 0;
	if (r < 0)
		return error_errno(err, r, "detach the device program of an earlier container from cgroup %s",
				   p->path);
	r = attach_command(BPF_PROG_ATTACH, fd, program, BPF_F_ALLOW_MULTI, -1);
	return r < 0 ? error_attach(p->path, r, err) : 0;
}

/* Without privilege on the host there is no device node that could be opened. */
static bool may_stay_open(const struct plan_cgroup *p, int r)
{
	return (r == -EPERM || r == -EACCES) && (MUTATE(T93) || (p->rootless &&
		!(probe_initial_userns() && probe_effective_cap(CAP_SYS_ADMIN))));
}

int cgroup_attach_devices(int fd, const struct plan_cgroup *p, bool replace, struct error *err)
{
	int r;

	if (!p->device_program)
		return 0;
	r = load_and_attach(fd, p, replace, err);
	if (may_stay_open(p, r)) {
		log_debug("device access stays unrestricted: %s", err->text);
		return 0;
	}
	return r < 0 ? error_at(err, "/linux/resources/devices") : 0;
}

/* ---- another one in its place ------------------------------------------------------------------ */

/* The one of ours, -1 when there is none, or another -errno. */
static int find_ours(int fd, const char *path, int *ret, struct error *err)
{
	_cleanup_close_ int found = -1;
	uint32_t ids[PROGRAMS_MAX], n;
	int r = query(fd, ids, &n);

	if (r < 0)
		return error_errno(err, r, "ask for the device programs of cgroup %s", path);
	for (uint32_t i = 0; i < n; i++) {
		_cleanup_close_ int program = open_program(ids[i]);

		/* Somebody else's may be detached, and gone, between both calls. */
		if (program < 0 && program != -ENOENT)
			return error_errno(err, program, "open a device program of cgroup %s", path);
		if (program < 0 || !is_ours(program))
			continue;
		if (found >= 0)
			return error_set(err, EBUSY, "cgroup %s has two device programs of ours: somebody else "
					 "changes it", path);
		found = steal_fd(&program);
	}
	*ret = steal_fd(&found);
	return 0;
}

/* BPF_F_REPLACE, Linux 5.6, is older than all that we need. */
static int exchange(int fd, int before, int after)
{
	if (before >= 0 && after >= 0 && !MUTATE(T93_replace))
		return attach_command(BPF_PROG_ATTACH, fd, after, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, before);
	if (before >= 0 && (after < 0 || MUTATE(T93_replace))) {
		int r = attach_command(BPF_PROG_DETACH, fd, before, 0, -1);

		if (r < 0 || after < 0)
			return r;
	}
	return after >= 0 ? attach_command(BPF_PROG_ATTACH, fd, after, BPF_F_ALLOW_MULTI, -1) : 0;
}

/* Rule R12. */
static int check_exchanged(int fd, const char *path, int after, struct error *err)
{
	struct bpf_prog_info wanted = {.id = 0}, there = {.id = 0};
	_cleanup_close_ int ours = -1;
	int r = find_ours(fd, path, &ours, err);

	if (r < 0)
		return r;
	if ((ours >= 0 && ask(ours, &there) < 0) || (after >= 0 && ask(after, &wanted) < 0) ||
	    there.id != wanted.id)
		return error_set(err, EIO, "the device program of cgroup %s is not the one that was attached",
				 path);
	return 0;
}

int cgroup_replace_devices(int fd, const struct plan_cgroup *p, struct cgroup_devices *ret, struct error *err)
{
	int r = 0;

	if (p->device_program) {
		ret->after = load(p, NULL);
		r = ret->after < 0 ? error_load(p, ret->after, err) : 0;
	}
	if (r == 0)
		r = find_ours(fd, p->path, &ret->before, err);
	if (r == 0) {
		r = exchange(fd, ret->before, ret->after);
		ret->changed = r >= 0;
		r = r < 0 ? error_attach(p->path, r, err) : check_exchanged(fd, p->path, ret->after, err);
	}
	if (!ret->changed && may_stay_open(p, r)) {
		log_debug("device access stays unrestricted: %s", err->text);
		*err = (struct error){0};
		return 0;
	}
	return r < 0 ? error_at(err, "/devices") : 0;
}

int cgroup_restore_devices(int fd, struct cgroup_devices *d, struct error *err)
{
	int r = d->changed ? exchange(fd, d->after, d->before) : 0;

	d->changed = d->changed && r < 0;
	return r < 0 ? error_errno(err, r, "attach the device program that was there before") : 0;
}

void cgroup_devices_done(struct cgroup_devices *d)
{
	if (d->before >= 0)
		close(d->before);
	if (d->after >= 0)
		close(d->after);
	*d = (struct cgroup_devices)CGROUP_DEVICES_INIT;
}
