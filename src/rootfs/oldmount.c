/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The old way to mount, for options that fsconfig(2) has no room for.  mount(2) wants a place: over "/" of the
 * container process, whose mounts nobody else sees.  Lookups that begin at "/" do not go up to what lies on it,
 * but ".." there does (pivot.c relies on it too): from there it is cloned, detached, and taken away again.
 * Container process, in its mount namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/mem.h"
#include "util/str.h"

#define DATA_MAX 4095u		/* a page, with its end: copy_mount_options() in fs/namespace.c */
#define TOP "/.."

static unsigned long flag_of(const char *word)
{
	static const struct {
		const char *word;
		unsigned long flag;
	} flags[] = {
		{"sync", MS_SYNCHRONOUS}, {"dirsync", MS_DIRSYNC}, {"mand", MS_MANDLOCK}, {"lazytime", MS_LAZYTIME},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (str_eq(word, flags[i].word))
			return flags[i].flag;
	return 0;
}

/* Commas in the value, of an LSM context, are protected by quotes: so the plan found it. */
static void add_word(struct strbuf *data, const char *word)
{
	const char *value = strchr(word, '=');
	bool quote = value && strstr(word, "context=") && strchr(value, ',');

	if (data->len)
		strbuf_adds(data, ",");
	if (!quote) {
		strbuf_adds(data, word);
		return;
	}
	strbuf_add(data, word, (size_t)(value + 1 - word));
	strbuf_adds(data, "\"");
	strbuf_adds(data, value + 1);
	strbuf_adds(data, "\"");
}

static int top_mount(uint64_t *ret)
{
	struct kernel_statx st;
	int r = sys_statx(AT_FDCWD, TOP, 0, STATX_MNT_ID, &st);

	*ret = st.stx_mnt_id;
	return r;
}

/* The mount on top of "/", which was not there @before: a detached clone of it, and it is gone. */
static int take_top(uint64_t before, struct error *err)
{
	_cleanup_close_ int fd = -1;
	uint64_t now;
	int r = top_mount(&now);

	if (r == 0 && now == before)
		r = -EPROTO;
	if (r < 0)
		return error_errno(err, r, "find the new mount");
	fd = mount_clone(AT_FDCWD, TOP, false);
	if (umount2(TOP, MNT_DETACH) < 0)
		return error_errno(err, errno, "take the new mount off /");
	return fd < 0 ? error_errno(err, fd, "clone the new mount") : steal_fd(&fd);
}

static int mount_on_top(const struct mount_fs *m, const char *data, const char *longest,
			struct error *err)
{
	unsigned long flags = 0;
	uint64_t before;
	int r = top_mount(&before);

	if (r < 0)
		return error_errno(err, r, "look at the mount of /");
	for (size_t i = 0; m->flags && i < m->flags->n; i++)
		flags |= flag_of(m->flags->v[i]);
	r = sys_mount(m->source ? m->source : m->fstype, "/", m->fstype, flags, data);
	if (r < 0)
		return error_errno(err, r, "file system %s: %s", m->fstype, longest);
	return take_top(before, err);
}

int mount_old_way(const struct mount_fs *m, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf data = {0};
	_cleanup_close_ int fd = -1;
	uint64_t clr = m->attr & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0;
	char longest[80];
	int r;

	mount_name_longest(m, longest, sizeof(longest));
	for (size_t i = 0; m->data && i < m->data->n; i++)
		add_word(&data, m->data->v[i]);
	if (m->mode) {
		add_word(&data, "mode=");
		strbuf_adds(&data, m->mode);
	}
	if (data.len > DATA_MAX) {
		error_set(err, E2BIG, "file system %s: %s, and of all together %zu: mount(2) takes %u", m->fstype,
			  longest, data.len, DATA_MAX);
		if (str_eq(m->fstype, "overlay"))
			error_hint_release(err, "a longer list of layers", "6.8");
		return -err->code;
	}
	fd = mount_on_top(m, data.data ? data.data : "", longest, err);
	if (fd < 0)
		return fd;
	r = mount_change_attr(fd, m->attr, clr, false, err);
	return r < 0 ? r : steal_fd(&fd);
}
