/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bind mount before it has a place: its propagation and its attributes.  Child. */
#include "rootfs/mount.h"

#include <errno.h>

#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"

unsigned long mount_wanted_propagation(const struct plan_mount *m)
{
	unsigned long wanted = 0;

	for (size_t i = 0; i < m->options->n_propagation; i++)
		wanted |= m->options->propagation[i];
	return wanted;
}

bool mount_shares_with_host(const struct plan_rootfs *p, const struct plan_mount *m)
{
	return (mount_wanted_propagation(m) & MS_SHARED) && (p->propagation & MS_SHARED);
}

int mount_isolate(const struct plan_rootfs *p, const struct plan_mount *m, int mnt, struct error *err)
{
	bool slave = (mount_wanted_propagation(m) & MS_SLAVE) || (p->propagation & (MS_SLAVE | MS_SHARED));
	int r;

	if (mount_shares_with_host(p, m))
		return 0;
	r = mount_set_propagation(mnt, MS_REC | (slave ? MS_SLAVE : MS_PRIVATE));
	return r < 0 ? error_errno(err, r, "stop the propagation of the source %s", m->source) : 0;
}

#define PLAIN_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | \
		    MOUNT_ATTR_NOSYMFOLLOW)

#define ATIME_ATTR ((uint64_t)(MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME))

#define LOCKED ": locked by the user namespace that owns it"

static void note_kept(const struct plan_mount *m, uint64_t kept, const char *why)
{
	char names[MOUNT_ATTR_NAMES];

	if (kept)
		log_debug("mounts[%u] (%s): %s of the source stays%s", m->index, m->destination,
			  mount_attr_names(kept, names), why);
}

/* Those that nobody has named: the one or the other may be locked. */
static void clear_each(const struct plan_mount *m, int mnt, uint64_t attr)
{
	uint64_t kept = 0;

	for (uint64_t bit = 1; bit && bit <= attr; bit <<= 1) {
		struct error ignored = {0};

		if ((attr & bit) && mount_change_attr(mnt, 0, bit, false, &ignored) < 0)
			kept |= bit;
	}
	note_kept(m, kept, LOCKED);
}

/*
 * As mount(8) and other runtimes: without a word about attributes the mount has those of its source; with
 * one it has exactly those that are named, and of access times what the source has unless a word is about
 * them.  What is locked and was not named stays: mount_namespaces(7).  @unlocked: it is not, in the clone that
 * the host's root made for a user namespace, but would be in one of the container's own.
 */
static int set_bind_attr(const struct plan_mount *m, int mnt, bool unlocked, struct error *err)
{
	const struct oci_mount_options *o = m->options;
	uint64_t set = mount_early_attr(m), clr = o->attr_clr, rest = 0;
	int r;

	if (!set && !clr) {
		if (log_enabled(LOG_LEVEL_DEBUG))
			note_kept(m, mount_has_attr(mnt, PLAIN_ATTR | MOUNT_ATTR_NODIRATIME), "");
		return 0;
	}
	if ((set | clr) & ATIME_ATTR)
		clr |= MOUNT_ATTR__ATIME;
	rest = mount_has_attr(mnt, (PLAIN_ATTR | (clr & MOUNT_ATTR__ATIME ? ATIME_ATTR : 0)) & ~set & ~clr);
	r = mount_change_attr(mnt, set, unlocked ? clr : clr | rest, false, err);
	if (r == 0 && unlocked)
		note_kept(m, rest, LOCKED);
	if (r != -EPERM || !rest || unlocked)
		return r;
	*err = (struct error){0};
	r = mount_change_attr(mnt, set, clr, false, err);
	if (r == 0)
		clear_each(m, mnt, rest);
	return r;
}

static int prepare_bind(const struct plan_rootfs *p, const struct plan_mount *m, int mnt, bool unlocked,
			struct error *err)
{
	const struct oci_mount_options *o = m->options;
	int r = mount_isolate(p, m, mnt, err);

	if (r == 0)
		r = set_bind_attr(m, mnt, unlocked, err);
	if (r == 0)
		r = mount_change_attr(mnt, o->rattr_set, o->rattr_clr, true, err);
	return r;
}

int mount_make_bind(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *rootfs,
		    int *source, bool from_parent, struct rootfs_source *place, struct error *err)
{
	bool early = place && place->early >= 0;
	const char *path = rootfs->outside.away ? place->path : m->source;
	_cleanup_close_ int own = -1;
	int r;

	if (from_parent && p->devices_by_bind && !m->idmap_where && path && (early || !rootfs->entered))
		own = early ? steal_fd(&place->early) :
		      mount_clone_locked(mount_clone_source(rootfs, m, path), *source);
	if (own >= 0) {
		r = prepare_bind(p, m, own, false, err);
		if (r == 0)
			return steal_fd(&own);
		if (r != -EPERM)
			return r;
		*err = (struct error){0};
	}
	r = prepare_bind(p, m, *source, from_parent && p->devices_by_bind, err);
	return r < 0 ? r : steal_fd(source);
}
