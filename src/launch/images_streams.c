/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The standard streams of a container that is dumped: pipes and files of the host, which are others when it is
 * restored.  What each was is in descriptors.json beside the images, as runc and crun have it.  Runs on the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "config/config.h"
#include "json/tree.h"
#include "json/writer.h"
#include "launch/images.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mountinfo.h"
#include "util/str.h"

#define STREAMS_FILE "descriptors.json"
#define STREAMS_MAX 3
#define MEM_MAJOR 1		/* null, zero and the like: mem(4) */

/* proc_pid_fdinfo(5): the mount that the file was opened on. */
static int mount_of(int proc_pid, unsigned fd, uint64_t *ret)
{
	char name[24], text[4096];
	uint32_t id;
	const char *p;
	ssize_t n;

	snprintf(name, sizeof(name), "fdinfo/%u", fd);
	n = fd_read_pseudo(proc_pid, name, text, sizeof(text));
	p = n < 0 ? NULL : strstr(text, "mnt_id:");
	if (!p || !str_scan_u32(p + strlen("mnt_id:"), &id, 1))
		return n < 0 ? (int)n : -EPROTO;
	*ret = id;
	return 0;
}

static int is_mounted(int proc_pid, uint64_t id, bool *ret)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	int r = mountinfo_read(proc_pid, "mountinfo", &text);
	char *rest = text.data, *line;
	struct mountinfo m;

	*ret = false;
	while (r == 0 && rest && (line = strsep(&rest, "\n")))
		*ret = *ret || (mountinfo_parse(line, &m) && m.id == id);
	return r;
}

/* A file of the host, which the container cannot reach by a name: CRIU knows it by mount and inode. */
static int name_of_file(struct arena *a, int proc_pid, unsigned fd, const char **ret)
{
	bool mounted = true;
	struct stat st;
	char name[24];
	uint64_t id = 0;
	int r;

	snprintf(name, sizeof(name), "fd/%u", fd);
	if (fstatat(proc_pid, name, &st, 0) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !(S_ISCHR(st.st_mode) && major(st.st_rdev) == MEM_MAJOR))
		return 0;
	r = mount_of(proc_pid, fd, &id);
	if (r == 0)
		r = is_mounted(proc_pid, id, &mounted);
	if (r == 0 && !mounted)
		*ret = arena_printf(a, "file[%llx:%llx]", (unsigned long long)id, (unsigned long long)st.st_ino);
	return r;
}

/* "" for one that is closed. */
static int name_of_stream(struct arena *a, int proc_pid, unsigned fd, const char **ret)
{
	char name[24], link[PATH_MAX];
	ssize_t n;

	snprintf(name, sizeof(name), "fd/%u", fd);
	n = readlinkat(proc_pid, name, link, sizeof(link) - 1);
	if (n < 0 && errno == ENOENT)
		n = 0;
	if (n < 0)
		return -errno;
	*ret = arena_strndup(a, link, (size_t)n);
	return n > 0 && link[0] == '/' ? name_of_file(a, proc_pid, fd, ret) : 0;
}

int images_save_streams(struct arena *a, const struct images *im, int proc_pid, const char *const **ret_external,
			size_t *ret_n, struct error *err)
{
	const char **external = arena_new_array(a, const char *, STREAMS_MAX);
	struct json_writer w;
	char *text;
	size_t len, n = 0;
	int r = 0;

	json_write_init(&w, false);
	json_write_array(&w);
	for (unsigned fd = 0; r == 0 && fd < STREAMS_MAX; fd++) {
		const char *name = "";

		r = name_of_stream(a, proc_pid, fd, &name);
		if (str_starts(name, "file["))
			external[n++] = name;
		json_write_string(&w, name);
	}
	json_write_end_array(&w);
	text = json_write_finish(&w, &len);
	if (r < 0)
		error_errno(err, r, "look at the standard streams of the container");
	else
		r = fd_write_atomic(im->dir, STREAMS_FILE, text, len, 0600);
	free(text);
	if (r < 0 && !err->code)
		return error_errno(err, r, "write " STREAMS_FILE " to the image directory");
	*ret_external = external;
	*ret_n = n;
	return r;
}

int images_load_streams(struct arena *a, const struct images *im, struct criu_inherit **ret, size_t *ret_n,
			struct error *err)
{
	struct criu_inherit *v = arena_new_array(a, struct criu_inherit, STREAMS_MAX);
	struct json *list;
	char *text = NULL;
	size_t len = 0, n = 0;
	int r = config_read(a, im->dir, STREAMS_FILE, &text, &len, err);

	if (r == 0)
		r = json_parse(a, text, len, &list, err);
	if (r == 0 && (list->type != JSON_ARRAY || list->array.n > STREAMS_MAX))
		r = error_set(err, EINVAL, "not an array of at most %d strings", STREAMS_MAX);
	for (size_t i = 0; r == 0 && i < list->array.n; i++) {
		const struct json *e = list->array.v[i];
		bool known = false;

		if (e->type != JSON_STRING)
			r = error_set(err, EINVAL, "not an array of strings");
		else if (!str_starts(e->string.data, "pipe:[") && !str_starts(e->string.data, "file["))
			continue;
		for (size_t j = 0; j < n; j++)
			known = known || (r == 0 && str_eq(v[j].key, e->string.data));
		if (r == 0 && !known)
			v[n++] = (struct criu_inherit){.key = e->string.data, .fd = (int)i};
	}
	if (r < 0)
		return error_in(err, STREAMS_FILE " in the image directory");
	*ret = v;
	*ret_n = n;
	return 0;
}
