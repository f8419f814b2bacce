/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.intelRdt (runtime-spec config-linux.md#intelrdt).  Runs on the host. */
#include "process/intelrdt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mountinfo.h"
#include "util/str.h"

#define WHERE		"/linux/intelRdt"
#define SCHEMATA_MAX	65536

/* ---- the mount ------------------------------------------------------------------------------ */

/* The mount point of a line about the root of a resctrl, or NULL.  Cuts the line. */
static const char *resctrl_of(char *line)
{
	struct mountinfo m;

	if (!mountinfo_parse(line, &m) || !str_eq(m.type, "resctrl") || !str_eq(m.root, "/"))
		return NULL;
	return m.point;
}

int intelrdt_find(const char *mountinfo, char **ret, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	int r = mountinfo_read(AT_FDCWD, mountinfo, &text);
	char *rest = text.data, *line;

	if (r < 0)
		return error_errno(err, r, "read %s", mountinfo);
	while (rest && (line = strsep(&rest, "\n"))) {
		const char *point = resctrl_of(line);

		if (point) {
			*ret = xstrdup(point);
			return 0;
		}
	}
	error_set(err, ENODEV, "no resctrl file system is mounted here");
	error_hint(err, "mount -t resctrl resctrl /sys/fs/resctrl, on a processor and kernel that have it");
	return error_at(err, WHERE);
}

int intelrdt_open(const char *path, struct error *err)
{
	int fd = fd_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? error_errno(err, fd, "open %s", path) : fd;
}

/* ---- groups --------------------------------------------------------------------------------- */

static const char *below(const char *path)
{
	path += strspn(path, "/");
	return *path ? path : ".";
}

static int open_group(int root, const char *path)
{
	return fd_openat(root, below(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

/* Why the kernel refused: it keeps the words for the last command. */
static int refused(int root, struct error *err)
{
	char words[256];

	if (fd_read_pseudo(root, "info/last_cmd_status", words, sizeof(words)) > 0 && !str_eq(words, "ok"))
		error_hint(err, "the kernel says: %s", words);
	return -err->code;
}

static int make(int root, const char *path, const char *what, struct error *err)
{
	int r;

	if (mkdirat(root, below(path), 0755) == 0)
		return 0;
	r = -errno;
	if (r == -EEXIST)
		return r;
	error_errno(err, r, "make the %s %s", what, path);
	if (r == -ENOSPC)
		error_hint(err, "the processor has no more of them");
	return refused(root, err);
}

static int inode_of(int root, const char *path, uint64_t *ret)
{
	_cleanup_close_ int fd = open_group(root, path);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

static int exists_already(const char *path, const char *hint, struct error *err)
{
	error_set(err, EEXIST, "there is a resctrl group %s already, which is not this container's", path);
	error_hint(err, "%s", hint);
	return error_at(err, WHERE);
}

#define HINT_CLOSID "name it in closID to join it"
#define HINT_MONITOR "it may be left from a container of the same name"

int intelrdt_check_free(const struct plan_intelrdt *p, int root, struct error *err)
{
	struct stat st;

	if (p->kind == INTELRDT_OWN && fstatat(root, below(p->group), &st, AT_SYMLINK_NOFOLLOW) == 0)
		return exists_already(p->group, HINT_CLOSID, err);
	if (p->monitor && fstatat(root, below(p->monitor), &st, AT_SYMLINK_NOFOLLOW) == 0)
		return exists_already(p->monitor, HINT_MONITOR, err);
	return 0;
}

int intelrdt_make_group(const struct plan_intelrdt *p, int root, bool *ret_made, uint64_t *ret_inode,
			struct error *err)
{
	bool made = false;
	int r = 0;

	if (p->kind != INTELRDT_JOIN && !str_eq(p->group, "/")) {
		r = make(root, p->group, "resctrl group", err);
		made = r == 0;
		if (r == -EEXIST && p->kind == INTELRDT_OWN)
			return exists_already(p->group, HINT_CLOSID, err);
		if (r < 0 && r != -EEXIST)
			return error_at(err, WHERE);
	}
	*ret_made = made;
	r = inode_of(root, p->group, ret_inode);
	if (r == 0)
		return 0;
	error_errno(err, r, "open the resctrl group %s", p->group);
	if (r == -ENOENT)
		error_hint(err, "it is made only when a schema is given too");
	return error_at(err, WHERE "/closID");
}

int intelrdt_make_monitor(const struct plan_intelrdt *p, int root, uint64_t *ret_inode,
			  struct error *err)
{
	int r = make(root, p->monitor, "monitoring group", err);

	if (r == -EEXIST)
		return exists_already(p->monitor, HINT_MONITOR, err);
	if (r == 0) {
		r = inode_of(root, p->monitor, ret_inode);
		if (r < 0)
			error_errno(err, r, "open the monitoring group %s", p->monitor);
	}
	return r < 0 ? error_at(err, WHERE "/enableMonitoring") : 0;
}

static int open_same_group(int root, const char *path, uint64_t inode, struct error *err)
{
	_cleanup_close_ int fd = open_group(root, path);
	struct stat st;

	if (fd < 0)
		return error_errno(err, fd, "open the resctrl group %s", path);
	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at the resctrl group %s", path);
	if (st.st_ino != inode)
		return error_set(err, ESTALE, "the resctrl group %s was removed and made anew by somebody else",
				 path);
	return steal_fd(&fd);
}

int intelrdt_attach(int root, const char *path, uint64_t inode, pid_t pid, struct error *err)
{
	_cleanup_close_ int fd = open_same_group(root, path, inode, err);
	char text[16];
	int r;

	if (fd < 0)
		return fd;
	r = fd_write_pseudo(fd, "tasks", text, (size_t)snprintf(text, sizeof(text), "%d", (int)pid));
	if (r == 0)
		return 0;
	error_errno(err, r, "put process %d into the resctrl group %s", (int)pid, path);
	return refused(root, err);
}

static bool has_tasks(int fd)
{
	char text[64];
	ssize_t n = fd_read_pseudo(fd, "tasks", text, sizeof(text));

	return n > 0 || n == -E2BIG;
}

int intelrdt_remove(int root, const char *path, uint64_t inode, struct error *err)
{
	_cleanup_close_ int fd = open_group(root, path);
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? 0 : error_errno(err, fd, "open the resctrl group %s", path);
	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at the resctrl group %s", path);
	if (inode ? st.st_ino != inode : has_tasks(fd))
		return 0;	/* somebody else's */
	if (unlinkat(root, below(path), AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_errno(err, errno, "remove the resctrl group %s", path);
	return 0;
}

/* ---- schemata ------------------------------------------------------------------------------- */

/* "L3:0=ff;1=f" taken apart from the front; spaces pad what the kernel prints. */
static size_t trim(const char **s, size_t n)
{
	while (n > 0 && **s == ' ') {
		(*s)++;
		n--;
	}
	while (n > 0 && (*s)[n - 1] == ' ')
		n--;
	return n;
}

static bool same_number(const char *a, size_t na, const char *b, size_t nb)
{
	na = trim(&a, na);
	nb = trim(&b, nb);
	for (; na > 1 && *a == '0'; na--)
		a++;
	for (; nb > 1 && *b == '0'; nb--)
		b++;
	return na == nb && na > 0 && strncasecmp(a, b, na) == 0;
}

/* Does @list, up to the end of its line, have the domain of @entry with the same value? */
static bool has_entry(const char *list, const char *entry, size_t n)
{
	size_t id = strcspn(entry, "=");

	if (id >= n)
		return false;
	while (*list && *list != '\n') {
		size_t len = strcspn(list, ";\n"), other = strcspn(list, "=");

		if (other < len && same_number(list, other, entry, id))
			return same_number(list + other + 1, len - other - 1, entry + id + 1, n - id - 1);
		list += len + (list[len] == ';');
	}
	return false;
}

/* What follows "NAME:" in the line of @name, or NULL. */
static const char *find_resource(const char *text, const char *name, size_t n)
{
	while (*text) {
		const char *at = text + strspn(text, " ");

		if (strncmp(at, name, n) == 0 && at[n] == ':')
			return at + n + 1;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return NULL;
}

/* Each domain of @line has the value that @now, a text of the kernel, shows. */
static bool holds(const char *now, const char *line)
{
	size_t n = strcspn(line, ":");
	const char *list = line[n] ? find_resource(now, line, n) : NULL, *entry = line + n + 1;

	if (!list || !*entry)
		return false;
	while (*entry) {
		size_t len = strcspn(entry, ";");

		if (!has_entry(list, entry, len))
			return false;
		entry += len + (entry[len] == ';');
	}
	return true;
}

static int compare(const struct plan_intelrdt *p, int group, struct error *err)
{
	_cleanup_free_ char *now = xmalloc(SCHEMATA_MAX);
	ssize_t n = fd_read_pseudo(group, "schemata", now, SCHEMATA_MAX);

	if (n < 0)
		return error_errno(err, (int)n, "read the schemata of the resctrl group %s", p->group);
	for (size_t i = 0; i < p->n_lines; i++) {
		if (!p->lines[i].compared || holds(now, p->lines[i].text))
			continue;
		error_set(err, EINVAL, "the resctrl group %s exists with another schema than %s", p->group,
			  p->lines[i].text);
		return error_at(err, "%s", p->lines[i].where);
	}
	return 0;
}

static int write_line(const char *path, int root, int group, const struct plan_intelrdt_line *l,
		      struct error *err)
{
	_cleanup_free_ char *text = xasprintf("%s\n", l->text);
	int r = fd_write_pseudo(group, "schemata", text, strlen(text));

	if (r == 0)
		return 0;
	error_errno(err, r, "write the schema %s of the resctrl group %s", l->text, path);
	refused(root, err);
	return error_at(err, "%s", l->where);
}

int intelrdt_write_schemata(const struct plan_intelrdt *p, int root, bool made, struct error *err)
{
	_cleanup_close_ int group = -1;
	int r = 0;

	if (p->n_lines == 0)
		return 0;
	group = open_group(root, p->group);
	if (group < 0)
		return error_errno(err, group, "open the resctrl group %s", p->group);
	if (!made)
		r = compare(p, group, err);
	for (size_t i = 0; r == 0 && i < p->n_lines; i++)
		r = write_line(p->group, root, group, &p->lines[i], err);
	return r;
}

/* ---- later ---------------------------------------------------------------------------------- */

static int restore_line(const char *path, int root, int group, const struct plan_intelrdt_line *l,
			const char *old, struct error *err)
{
	size_t n = strcspn(l->text, ":");
	const char *list = find_resource(old, l->text, n);
	_cleanup_free_ char *text = NULL;
	struct plan_intelrdt_line line = {.where = l->where};

	if (!list)
		return 0;
	line.text = text = xasprintf("%.*s:%.*s", (int)n, l->text, (int)strcspn(list, "\n"), list);
	return write_line(path, root, group, &line, err);
}

int intelrdt_restore(int root, const char *path, uint64_t inode, const struct plan_intelrdt_line *lines, size_t n,
		     const char *old, struct error *err)
{
	_cleanup_close_ int group = open_same_group(root, path, inode, err);
	int r = group < 0 ? group : 0;

	while (r == 0 && n-- > 0)
		r = restore_line(path, root, group, &lines[n], old, err);
	return r;
}

int intelrdt_change(int root, const char *path, uint64_t inode, const struct plan_intelrdt_line *lines, size_t n,
		    char **ret_old, struct error *err)
{
	_cleanup_close_ int group = open_same_group(root, path, inode, err);
	_cleanup_free_ char *old = xmalloc(SCHEMATA_MAX);
	struct error second = {0};
	ssize_t len;
	int r = 0;
	size_t i;

	if (group < 0)
		return group;
	len = fd_read_pseudo(group, "schemata", old, SCHEMATA_MAX);
	if (len < 0)
		return error_errno(err, (int)len, "read the schemata of the resctrl group %s", path);
	for (i = 0; r == 0 && i < n; i++)
		r = write_line(path, root, group, &lines[i], err);
	if (r == 0)
		*ret_old = steal_ptr(old);
	else if (i > 1 && intelrdt_restore(root, path, inode, lines, i - 1, old, &second) < 0)
		error_hint(err, "and it could not be undone: %s", second.text);
	return r;
}
