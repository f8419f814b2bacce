/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a machine can do, as far as it decides what becomes of a configuration; also as a document. */
#ifndef ORLOP_REPORT_HOST_H
#define ORLOP_REPORT_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/own_user_ns.h"
#include "oci/types.h"
#include "sys/probe.h"
#include "util/error.h"
#include "util/mem.h"

struct host {
	bool here;			/* it is this machine: what else is asked can be looked at */
	struct facts facts;
	char *release, *machine;	/* uname(2) */
	char *cgroup_root, *cgroup_home;	/* of facts */
	struct strings controllers;	/* that the cgroup has below which containers come */
	struct strings namespaces;	/* as linux.namespaces calls them */
	struct strings seccomp_flags;	/* SECCOMP_FILTER_FLAG_* */
	struct strings emulators;	/* of binfmt_misc */
	struct strings filesystems;	/* types that the kernel has, or its modules; none: not known */
	bool all_filesystems;		/* no other module can bring one */
	bool apparmor, selinux, systemd;
	uint32_t landlock;		/* its ABI; 0: none */
	bool core_sched;		/* the kernel was built with it */
	bool smt;			/* a core has two threads that run */
	struct own_ids ids;
};

/* Ask this one.  @delegated: with --cgroup-manager=delegated. */
void host_probe(struct arena *a, bool delegated, struct host *ret);

/* The document that host_text() made somewhere; FILE "-" is the standard input. */
int host_read(struct arena *a, const char *file, struct host *ret, struct error *err);

/* malloc'ed, *ret_len bytes, with a line break at its end. */
char *host_text(const struct host *h, size_t *ret_len);

/* What it answers to sys_core_sched_get() of its own process: 0 or -errno. */
int host_core_sched(const struct host *h);

bool host_has(const struct strings *s, const char *word);

#endif
