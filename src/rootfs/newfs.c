/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new file system, detached: fsopen(2), fsconfig(2), fsmount(2).  fsconfig takes values of up to 255 bytes:
 * the layers of an overlay are then given one by one, and what is left mount(2) has to do (oldmount.c).
 * Runs in the container process; for id-mapped mounts also in the parent.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/str.h"

#define VALUE_MAX 255u		/* strndup_user(_value, 256) in fs/fsopen.c */
#define SHOWN_MAX 100u		/* of an option in a message */

/* What the kernel wrote into the log of a file system context: fsopen(2), "e text" lines. */
static void add_kernel_message(int fs, struct error *err)
{
	char line[256], last[256] = "";
	ssize_t n;

	while ((n = read(fs, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'e' || last[0] == '\0')
			strcpy(last, n > 2 ? line + 2 : line);
	}
	if (last[0])
		error_hint(err, "the kernel says: %s", last);
}

static int fail(int fs, int r, struct error *err, const char *what, const char *fstype,
		const char *word)
{
	size_t key = word ? strcspn(word, "=") : 0;

	if (word && strlen(word) > SHOWN_MAX)
		error_errno(err, r, "%s %s: option %.*s of %zu bytes", what, fstype, (int)key, word,
			    strlen(word) - key - (word[key] == '='));
	else
		error_errno(err, r, "%s %s%s%s", what, fstype, word ? ": option " : "", word ? word : "");
	add_kernel_message(fs, err);
	return r;
}

/* ---- the layers of an overlay --------------------------------------------------------------- */

/* Copy one layer of @text to @buf without its backslashes, which protect colons; *ret_len: what it took.
 * -ENAMETOOLONG: it does not go into @buf. */
static int cut_layer(const char *text, char buf[VALUE_MAX + 1], size_t *ret_len)
{
	size_t n = 0, i = 0;

	for (; text[i] && text[i] != ':'; i++) {
		if (text[i] == '\\' && text[i + 1])
			i++;
		if (n == VALUE_MAX)
			return -ENAMETOOLONG;
		buf[n++] = text[i];
	}
	buf[n] = '\0';
	*ret_len = i;
	return 0;
}

/*
 * "a:b::c" as lowerdir+=a, lowerdir+=b, datadir+=c: Documentation/filesystems/overlayfs.rst, Linux 6.8.
 * -EMSGSIZE: not in this way.
 */
static int add_layers(int fs, const char *list, struct error *err)
{
	const char *key = "lowerdir+";
	char layer[VALUE_MAX + 1];
	size_t len;

	for (unsigned count = 1;; count++) {
		int r = cut_layer(list, layer, &len);

		if (r == 0)
			r = sys_fsconfig(fs, FSCONFIG_SET_STRING, key, layer, 0);
		/* Unknown to older kernels; a missing layer is ENOENT. */
		if (r == -ENAMETOOLONG || (r == -EINVAL && count == 1))
			return -EMSGSIZE;
		if (r < 0) {
			error_errno(err, r, "file system overlay: layer %u of lowerdir, %s", count, layer);
			add_kernel_message(fs, err);
			return r;
		}
		list += len;
		if (!*list)
			return 0;
		list++;
		if (*list == ':') {
			key = "datadir+";
			list++;
		}
	}
}

static bool is_long(const char *value)
{
	return value && strlen(value) > VALUE_MAX;
}

/* ---- options -------------------------------------------------------------------------------- */

static int set_word(int fs, const char *fstype, const char *word, struct error *err)
{
	_cleanup_free_ char *copy = xstrdup(word);
	char *value = strchr(copy, '=');
	int r;

	if (value)
		*value++ = '\0';
	if (is_long(value))
		return str_eq(fstype, "overlay") && str_eq(copy, "lowerdir") ? add_layers(fs, value, err)
									       : -EMSGSIZE;
	r = sys_fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, copy, value, 0);
	return r < 0 ? fail(fs, r, err, "file system", fstype, word) : 0;
}

static int configure(int fs, const struct mount_fs *m, struct error *err)
{
	int r = 0;

	if (is_long(m->source))
		return -EMSGSIZE;
	if (m->source && m->source[0])
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", m->source, 0);
	if (r < 0)
		return fail(fs, r, err, "set the source of", m->fstype, NULL);
	for (size_t i = 0; r == 0 && m->flags && i < m->flags->n; i++)
		r = set_word(fs, m->fstype, m->flags->v[i], err);
	for (size_t i = 0; r == 0 && m->data && i < m->data->n; i++)
		r = set_word(fs, m->fstype, m->data->v[i], err);
	if (r < 0)
		return r;
	if (m->mode)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", m->mode, 0);
	if (r < 0)
		return fail(fs, r, err, "set the mode of", m->fstype, NULL);
	r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return r < 0 ? fail(fs, r, err, "create file system", m->fstype, NULL) : 0;
}

/* ---- the whole ------------------------------------------------------------------------------ */

bool mount_name_longest(const struct mount_fs *m, char *buf, size_t size)
{
	size_t most = m->source ? strlen(m->source) : 0;

	snprintf(buf, size, "source of %zu bytes", most);
	for (size_t i = 0; m->data && i < m->data->n; i++) {
		const char *word = m->data->v[i], *value = strchr(word, '=');

		if (!value || strlen(value + 1) <= most)
			continue;
		most = strlen(value + 1);
		snprintf(buf, size, "option %.*s of %zu bytes", (int)(value - word), word, most);
	}
	return most > VALUE_MAX;
}

/*
 * A procfs is of the pid namespace of whoever opens it, or says so: Linux 6.17.  EINVAL: the kernel does not know the
 * option; what it finds wrong with a namespace has other numbers.
 */
static int open_foreign(const struct rootfs *r, struct error *err)
{
	_cleanup_close_ int fs = sys_fsopen("proc", FSOPEN_CLOEXEC);
	int ret = fs < 0 ? fs : sys_fsconfig(fs, FSCONFIG_SET_FD, "pidns", NULL, r->pid_ns);

	if (ret >= 0)
		return steal_fd(&fs);
	if (fs >= 0 && ret == -EINVAL)
		return r->foreign_proc(r->pid_ns, err);
	return error_errno(err, ret, "open a procfs of the pid namespace that is joined");
}

/* mount_too_revealing() in fs/namespace.c looks for one in the mount namespace that we are in. */
static int make_where_seen(const struct mount_fs *m, int fs)
{
	_cleanup_close_ int mnt = -1;
	int r = m->seen_at && m->seen_by ? outside_begin(m->seen_by, m->seen_at) : 0;

	if (r < 0)
		return r;
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)m->attr);
	r = m->seen_at && m->seen_by ? outside_end(m->seen_by) : 0;
	return r < 0 ? r : steal_fd(&mnt);
}

int mount_new_fs(const struct mount_fs *m, struct error *err)
{
	_cleanup_close_ int fs = -1;
	int r;

	fs = m->foreign ? open_foreign(m->foreign, err) : sys_fsopen(m->fstype, FSOPEN_CLOEXEC);
	if (fs < 0 && m->foreign)
		return fs;
	if (fs < 0) {
		error_errno(err, fs, "file system type %s", m->fstype);
		return fs == -ENODEV ? error_hint(err, "the kernel does not have it") : fs;
	}
	r = configure(fs, m, err);
	if (r == -EMSGSIZE && m->private_ns)
		return mount_old_way(m, err);
	if (r == -EMSGSIZE) {
		char name[80];

		mount_name_longest(m, name, sizeof(name));
		return error_set(err, E2BIG, "file system %s: %s: with an id mapping, or without a mount "
				 "namespace, %u are possible", m->fstype, name, VALUE_MAX);
	}
	if (r < 0)
		return r;
	r = make_where_seen(m, fs);
	return r < 0 ? fail(fs, r, err, "mount file system", m->fstype, NULL) : r;
}

const char *mount_seen_at(const struct plan_rootfs *p, const char *fstype)
{
	if (!p->devices_by_bind)	/* not in a user namespace */
		return NULL;
	return str_eq(fstype, "proc") ? "/proc" : str_eq(fstype, "sysfs") ? "/sys" :
	       str_eq(fstype, "cgroup2") ? p->cgroup_tree : NULL;
}

int mount_open_fs(const struct plan_rootfs *p, const struct plan_mount *m, const char *mode, const struct rootfs *r,
		  struct error *err)
{
	const struct mount_fs fs = {
		.fstype = m->fstype,
		.source = m->source ? m->source : m->fstype,
		.flags = &m->options->sb_flags,
		.data = &m->data,
		.mode = mode,
		.attr = mount_early_attr(m),
		.private_ns = r && p->mount_ns,
		.foreign = r && r->pid_ns >= 0 && str_eq(m->fstype, "proc") ? r : NULL,
		.seen_by = r,
		.seen_at = r ? mount_seen_at(p, m->fstype) : NULL,
	};

	return mount_new_fs(&fs, err);
}
