/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a new mount namespace begins with.  clone3(2) copies all mounts of the host, however many there are, to be cut
 * off, covered and taken away again.  Linux 7.0 can make one of the root file system alone (open_tree(2),
 * OPEN_TREE_NAMESPACE): then nothing of the host is ever in it, and its making takes as long on a host with ten mounts
 * as with ten thousand.  Runs in the parent; makes no system call.
 */
#include "plan/parts.h"

#include <linux/sched.h>

#include "util/str.h"

/* File systems whose source and options name nothing of the host. */
static bool is_nameless(const char *fstype)
{
	static const char *const types[] = {
		"proc", "tmpfs", "devpts", "mqueue", "ramfs", "hugetlbfs", "debugfs", "tracefs", "securityfs", "bpf",
		"configfs", "fusectl", "binfmt_misc", "devtmpfs", "pstore", "efivarfs", "selinuxfs",
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(fstype, types[i]))
			return true;
	return false;
}

/* NULL: for nothing. */
static const char *needs_host_mounts(const struct plan *p, const struct facts *f)
{
	const struct plan_rootfs *rf = &p->rootfs;
	const struct oci_hooks *hooks = &p->config->hooks;

	if (!f->tree_namespaces)
		return "Linux before 7.0 makes no other";
	if (rf->foreign && !f->foreign_tree_namespaces)
		return "before Linux 7.2.13 it uncovers files for who has no power over the host's mounts";
	/* createContainer are programs of the host; the others may enter it, to find the tree at its path. */
	if (hooks->list[HOOK_PRESTART].n || hooks->list[HOOK_CREATE_RUNTIME].n || hooks->list[HOOK_CREATE_CONTAINER].n)
		return "hooks";
	for (size_t i = 0; i < rf->n_mounts; i++)
		if (rf->mounts[i].kind == MOUNT_FS && !is_nameless(rf->mounts[i].fstype))
			return "source or options of a file system";
	return NULL;
}

void plan_tree(struct plan *p, const struct facts *f, const struct plan_options *o)
{
	struct plan_rootfs *rf = &p->rootfs;

	if (!(p->ns.create & CLONE_NEWNS))
		return;
	rf->foreign = p->ns.userns || rf->sources_in_child;
	rf->why_copy = o->restores ? "CRIU" : needs_host_mounts(p, f);
	rf->alone = !rf->why_copy;
	if (!rf->alone)
		return;
	p->ns.create &= ~(uint64_t)CLONE_NEWNS;
	p->ns.from_tree = CLONE_NEWNS;
	rf->at_path = false;
}
