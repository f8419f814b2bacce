/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only the running kernel of this host can tell of a plan: limits of processes, sysctls, interfaces, sockets,
 * processors and memory.  Nothing is changed, and what may change until the container is made is said all the same.
 */
#include "report/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "oci/annotations.h"
#include "process/intelrdt.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define HUGE_PAGES "/sys/kernel/mm/hugepages"
#define NODES "/sys/devices/system/node/"

/* ---- the process ----------------------------------------------------------------------------- */

/* getrlimit(2): who has CAP_SYS_RESOURCE in the initial user namespace may have more, up to fs.nr_open of files. */
static void check_rlimits(struct check *c)
{
	const struct oci_process *p = c->plan->process.oci;
	const struct facts *f = &c->bundle.host.facts;
	bool may_raise = f->cap_sys_resource && f->in_initial_userns;
	char where[64], text[24];
	uint64_t most;

	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *l = &p->rlimits[i];
		struct rlimit have;

		snprintf(where, sizeof(where), "/process/rlimits/%zu/hard", i);
		if (getrlimit(l->resource, &have) == 0 && l->hard > have.rlim_max && !may_raise)
			check_note(c, false, where, "%s: the caller has %llu, and more takes CAP_SYS_RESOURCE", l->name,
				   (unsigned long long)have.rlim_max);
		else if (l->resource == RLIMIT_NOFILE &&
			 fd_read_pseudo(AT_FDCWD, "/proc/sys/fs/nr_open", text, sizeof(text)) > 0 &&
			 str_to_u64(text, &most) == 0 && l->hard > most)
			check_note(c, false, where, "%s: nobody may have more than the sysctl fs.nr_open, %s", l->name,
				   text);
	}
}

/* Some are there only with an interface of the container. */
static bool is_of_interface(const char *file)
{
	return str_starts(file, "net/") && (strstr(file, "/conf/") || strstr(file, "/neigh/"));
}

static bool are_numbers(const char *s)
{
	char *end;

	for (; *s; s = end + strspn(end, " \t\n")) {
		strtoll(s, &end, 10);
		if (end == s || !strchr(" \t\n", *end))
			return false;
	}
	return true;
}

static void check_sysctls(struct check *c)
{
	const struct plan_process *p = &c->plan->process;

	for (size_t i = 0; access("/proc/sys/kernel", F_OK) == 0 && i < p->n_sysctls; i++) {
		const struct plan_sysctl *s = &p->sysctls[i];
		_cleanup_free_ char *path = NULL;
		char now[128];
		ssize_t n;

		path = xasprintf("/proc/sys/%s", s->file);
		n = fd_read_pseudo(AT_FDCWD, path, now, sizeof(now));
		if (n == -ENOENT && !is_of_interface(s->file))
			check_note(c, false, s->where, "the kernel has no sysctl %s: is it misspelt, or of a module "
				   "that is not loaded?", path);
		/* Names, which are words, can look like numbers. */
		else if (n > 0 && are_numbers(now) && !str_starts(s->file, "kernel/domainname") &&
			 !str_starts(s->file, "kernel/hostname") && strcspn(s->value, "0123456789") == strlen(s->value))
			check_note(c, false, s->where, "`%.64s` is no number, and that is what %s has",
				   s->value, path);
	}
}

/* ---- processors and memory ------------------------------------------------------------------- */

/* "0-3,7": is @number among them? */
static bool is_listed(const char *list, unsigned long number)
{
	char *end;

	for (const char *s = list;; s = end + 1) {
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (end == s)
			return false;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (number >= first && number <= last)
			return true;
		if (*end != ',')
			return false;
	}
}

/* The highest number of a list as a configuration has it. */
static unsigned long highest(const char *list)
{
	unsigned long most = 0;

	for (const char *s = list + strcspn(list, "0123456789"); *s; s += strcspn(s, "0123456789")) {
		char *end;
		unsigned long v = strtoul(s, &end, 10);

		most = v > most ? v : most;
		s = end;
	}
	return most;
}

/* The kernel refuses what the host could never have: cpuset_write_resmask(). */
static void check_list(struct check *c, const char *list, const char *file, const char *where, const char *what)
{
	char possible[256];

	if (!list || !*list || fd_read_pseudo(AT_FDCWD, file, possible, sizeof(possible)) <= 0)
		return;
	if (!is_listed(possible, highest(list)))
		check_note(c, false, where, "the host has no %s %lu: all that it can have is %s", what, highest(list),
			   possible);
}

static void check_cpusets(struct check *c)
{
	const struct oci_resources *r = &c->plan->config->linux_.resources;

	if (c->plan->cgroup.mode == PLAN_CGROUP_NONE)
		return;
	check_list(c, r->cpu.cpus, "/sys/devices/system/cpu/possible", "/linux/resources/cpu/cpus", "processor");
	check_list(c, r->cpu.mems, NODES "possible", "/linux/resources/cpu/mems", "memory node");
}

/* The one that is to be replaced has them in the same cgroup, and they will be gone. */
static void check_cgroup(struct check *c)
{
	const struct plan_cgroup *p = &c->plan->cgroup;
	_cleanup_close_ int fd = -1;
	char byte;

	if (c->replaces || p->mode != PLAN_CGROUP_FS || !c->plan->config->linux_.cgroups_path)
		return;
	fd = fd_openat(AT_FDCWD, arena_printf(c->arena, "%s%s/cgroup.procs", p->root, p->path), O_RDONLY, 0);
	if (fd >= 0 && fd_read_up_to(fd, &byte, 1) == 1)
		check_note(c, false, "/linux/cgroupsPath", "the cgroup %s is there already and holds processes",
			   p->path);
}

static void check_memory_policy(struct check *c)
{
	const struct oci_memory_policy *m = c->plan->process.memory_policy;
	char have[256];

	if (!m || !m->nodes.n_bits || m->flags & MPOL_F_RELATIVE_NODES ||
	    fd_read_pseudo(AT_FDCWD, NODES "has_memory", have, sizeof(have)) <= 0)
		return;
	for (unsigned i = 0; i < m->nodes.n_bits; i++)
		if (m->nodes.v[i / (8 * sizeof(long))] & 1ul << i % (8 * sizeof(long)) && is_listed(have, i))
			return;
	check_note(c, false, "/linux/memoryPolicy/nodes", "the host has none of the nodes %s: it has %s", m->nodes.text,
		   have);
}

/* "2MB": 2048, as sysfs counts; 0: not known. */
static unsigned long long in_kilobytes(const char *size)
{
	static const struct name_value units[] = {{"KB", 0}, {"MB", 10}, {"GB", 20}};
	char *end;
	unsigned long long n = strtoull(size, &end, 10);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (str_eq(end, units[i].name))
			return n << units[i].value;
	return 0;
}

static void check_huge_pages(struct check *c)
{
	const struct oci_resources *r = &c->plan->config->linux_.resources;

	for (size_t i = 0; i < r->n_hugepage_limits && access(HUGE_PAGES, F_OK) == 0; i++) {
		unsigned long long size = in_kilobytes(r->hugepage_limits[i].page_size);
		char path[80], where[64];

		snprintf(path, sizeof(path), HUGE_PAGES "/hugepages-%llukB", size);
		snprintf(where, sizeof(where), "/linux/resources/hugepageLimits/%zu/pageSize", i);
		if (size && access(path, F_OK) < 0 && errno == ENOENT)
			check_note(c, false, where, "the host has no huge pages of %s: there is no %s",
				   r->hugepage_limits[i].page_size, path);
	}
}

static void check_intelrdt(struct check *c)
{
	_cleanup_free_ char *path = NULL;
	struct error err = {0};

	if (!c->plan->intelrdt.group || c->plan->intelrdt.optional ||
	    intelrdt_find("/proc/self/mountinfo", &path, &err) >= 0)
		return;
	error_at(&err, "/linux/intelRdt");
	findings_go_on(&c->all, -err.code, &err);
}

/* ---- network, sockets, clocks ---------------------------------------------------------------- */

static void check_network(struct check *c)
{
	const struct plan_ns *ns = &c->plan->ns;

	for (size_t i = 0; i < ns->n_net_devices; i++)
		if (if_nametoindex(ns->net_devices[i].host_name) == 0 && errno == ENODEV)
			check_note(c, false, ns->net_devices[i].where, "the host has no network interface `%s`",
				   ns->net_devices[i].host_name);
	if (ns->loopback_up && ns->create & CLONE_NEWNET && !ns->userns && !probe_effective_cap(CAP_NET_ADMIN))
		check_note(c, false, "/linux/namespaces", "a network namespace takes CAP_NET_ADMIN, which the caller "
			   "does not have here: its interface lo could not be brought up");
}

static void check_socket(struct check *c, const char *path, const char *where, const char *what)
{
	struct stat st;

	if (!path)
		return;
	if (fstatat(AT_FDCWD, path, &st, 0) < 0)
		check_note(c, errno == EACCES, where, "%s %s: %s", what, path, error_words(errno));
	else if (!S_ISSOCK(st.st_mode))
		check_note(c, false, where, "%s %s is not a socket", what, path);
}

/* KTIME_SEC_MAX / 2: proc_timens_set_offset(). */
static void check_clock(struct check *c, clockid_t clock, const struct oci_time_offset *o, const char *where)
{
	struct timespec now;

	if (clock_gettime(clock, &now) < 0)
		return;
	if (o->secs < -now.tv_sec - 1 || o->secs > 4611686018ll - now.tv_sec)
		check_note(c, false, where, "the clock, at %lld seconds here, would be below zero, or above half of "
			   "what the kernel can count", (long long)now.tv_sec);
}

void check_here(struct check *c)
{
	const struct plan *p = c->plan;
	const struct oci_linux *l = &p->config->linux_;

	if (p->has_process && p->process.oci)
		check_rlimits(c);
	check_sysctls(c);
	check_cgroup(c);
	check_cpusets(c);
	check_memory_policy(c);
	check_huge_pages(c);
	check_intelrdt(c);
	check_network(c);
	if (p->has_process)
		check_socket(c, p->security.seccomp_agent, "/linux/seccomp/listenerPath", "the seccomp agent");
	check_socket(c, annotation_value(&p->config->annotations, ANNOTATION_PIDFD_RECEIVER),
		     "/annotations/" ANNOTATION_PIDFD_RECEIVER, "the receiver of the pidfd");
	if (p->ns.time_offsets) {
		check_clock(c, CLOCK_MONOTONIC, &l->time_offsets.monotonic, "/linux/timeOffsets/monotonic");
		check_clock(c, CLOCK_BOOTTIME, &l->time_offsets.boottime, "/linux/timeOffsets/boottime");
	}
}
