/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Users and groups by their names in a root file system, which is not trusted: its files are opened below it, links
 * of it lead nowhere else, and only regular files are read.
 */
#include <errno.h>
#include <fcntl.h>

#include "process/passwd.h"
#include "report/inside.h"
#include "report/template_parts.h"
#include "util/cleanup.h"
#include "util/path.h"
#include "util/str.h"

#define LIST_MAX (1u << 20)

static int look_up(int root, const char *list, const struct passwd_question *q, uint32_t *ret)
{
	_cleanup_close_ int handle = root < 0 ? root : path_open_in_root(root, list, O_PATH);
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	if (handle < 0)
		return handle;
	text = xmalloc(LIST_MAX);
	n = inside_read(handle, text, LIST_MAX);
	if (n < 0)
		return (int)n;
	if (n == LIST_MAX)
		return -EFBIG;
	return passwd_number(text, (size_t)n, q, ret) ? 0 : -ENOKEY;
}

static int find_name(const struct template_ids *t, const char *list, const char *word, unsigned wanted, uint32_t *ret,
		     struct error *err)
{
	char shown[128];
	int r = look_up(t->root, list, &(struct passwd_question){PASSWD_NAME, word, wanted}, ret);

	str_escape(word, shown, sizeof(shown));
	if (r == -ENOKEY || (r == 0 && *ret == UINT32_MAX))
		return error_usage(err, "option `--user`: %s of the root file system %s has no `%s`", list,
				 t->rootfs, shown);
	if (r < 0) {
		error_errno(err, r, "option `--user`: look up `%s` in %s of the root file system %s", shown, list,
			    t->rootfs);
		return error_hint(err, "numbers need no list");
	}
	return 0;
}

/* True: it is a number, whether or not one that can be had. */
static bool is_number(const char *word, uint32_t *ret)
{
	if (!word[0] || word[strspn(word, "0123456789")] != '\0')
		return false;
	if (str_to_u32(word, ret) < 0)
		*ret = UINT32_MAX;
	return true;
}

static int find_group(struct template_ids *t, const char *user, const char *group, bool named, struct error *err)
{
	const struct passwd_question of_uid = {PASSWD_UID, user, PASSWD_GID};

	if (group && is_number(group, &t->gid))
		return 0;
	if (group)
		return find_name(t, "/etc/group", group, GROUP_GID, &t->gid, err);
	if (named)
		return find_name(t, "/etc/passwd", user, PASSWD_GID, &t->gid, err);
	/* A number needs no list, and so no root file system. */
	if (look_up(t->root, "/etc/passwd", &of_uid, &t->gid) < 0)
		t->gid = 0;
	return 0;
}

int template_find_ids(struct arena *a, const char *word, struct template_ids *t, struct error *err)
{
	char *user = arena_strdup(a, word), *group = strchr(user, ':');
	bool named;
	int r = 0;

	if (group)
		*group++ = '\0';
	if (!*user || (group && (!*group || strchr(group, ':'))))
		return error_usage(err, "option `--user`: `%s` is not USER or USER:GROUP", word);
	named = !is_number(user, &t->uid);
	if (named)
		r = find_name(t, "/etc/passwd", user, PASSWD_UID, &t->uid, err);
	if (r == 0)
		r = find_group(t, user, group, named, err);
	if (r == 0 && (t->uid == UINT32_MAX || t->gid == UINT32_MAX))
		return error_usage(err, "option `--user`: `%s`: ids are below 4294967295", word);
	return r;
}
