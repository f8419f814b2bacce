/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where mounts were when a container was dumped, in our file beside CRIU's.  CRIU mounts there by names that it
 * follows wherever they lead: if one of them is a link in the root file system by now, the mount would come to lie
 * elsewhere, and be missing in the container (threats T18).  Runs on the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "json/tree.h"
#include "json/writer.h"
#include "launch/images.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mountinfo.h"
#include "util/str.h"

#define POINTS_FILE "mountpoints.json"

/* mountinfo writes blanks, line ends and backslashes as three octal digits: proc_pid_mountinfo(5). */
static char *unescape(struct arena *a, const char *s)
{
	char *text = arena_strdup(a, s), *to = text;

	for (const char *p = text; *p; to++) {
		bool octal = p[0] == '\\' && p[1] && p[2] && p[3];

		*to = octal ? (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0')) : *p;
		p += octal ? 4 : 1;
	}
	*to = '\0';
	return text;
}

int images_save_points(struct arena *a, const struct images *im, int proc_pid, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	int r = mountinfo_read(proc_pid, "mountinfo", &text);
	char *rest = text.data, *line, *out;
	struct json_writer w;
	struct mountinfo m;
	size_t len;

	if (r < 0)
		return error_errno(err, r, "read the mounts of the container");
	json_write_init(&w, false);
	json_write_array(&w);
	while (rest && (line = strsep(&rest, "\n")))
		if (mountinfo_parse(line, &m) && !str_eq(m.point, "/"))
			json_write_string(&w, unescape(a, m.point));
	json_write_end_array(&w);
	out = json_write_finish(&w, &len);
	r = fd_write_atomic(im->dir, POINTS_FILE, out, len, 0600);
	free(out);
	return r < 0 ? error_errno(err, r, "write " POINTS_FILE " to the image directory") : 0;
}

/* Below another one of them it is a place in that, and what the root file system has there will be covered. */
static bool is_covered(const struct json *list, const char *path)
{
	for (size_t i = 0; i < list->array.n; i++) {
		const char *above = list->array.v[i]->string.data;
		size_t n = strlen(above);

		if (strncmp(path, above, n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

/* What is not there is CRIU's to find out. */
static int check_point(int root, const char *path, struct error *err)
{
	char shown[256];
	int fd = sys_openat2(root, path + strspn(path, "/"), O_PATH | O_CLOEXEC, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	if (fd >= 0)
		close(fd);
	if (fd != -ELOOP && fd != -EXDEV)
		return 0;
	error_set(err, EXDEV, "%s, where something was mounted, leads through a link in the root file system",
		  str_escape(path, shown, sizeof(shown)));
	return error_hint(err, "CRIU would mount elsewhere: restore the root file system as it was");
}

int images_check_points(struct arena *a, const struct images *im, int root, struct error *err)
{
	struct json *list;
	char *text = NULL;
	size_t len = 0;
	int r;

	/* Images of other runtimes have none. */
	if (faccessat(im->dir, POINTS_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	r = config_read(a, im->dir, POINTS_FILE, &text, &len, err);
	if (r == 0)
		r = json_parse(a, text, len, &list, err);
	if (r == 0 && list->type != JSON_ARRAY)
		r = error_set(err, EINVAL, "not an array of strings");
	for (size_t i = 0; r == 0 && i < list->array.n; i++)
		if (list->array.v[i]->type != JSON_STRING)
			r = error_set(err, EINVAL, "not an array of strings");
	for (size_t i = 0; r == 0 && i < list->array.n; i++)
		if (!is_covered(list, list->array.v[i]->string.data))
			r = check_point(root, list->array.v[i]->string.data, err);
	return r < 0 ? error_in(err, POINTS_FILE " in the image directory") : 0;
}
