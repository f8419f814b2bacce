/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cgroups of ours that no state knows any more, for `gc`.  On the host side. */
#include "cgroup/leftover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/str.h"

static void add(struct cgroup_leftovers *l, const char *path, const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	l->v = xrealloc(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = (struct cgroup_leftover){
		.path = xstrdup(path), .id = st->st_ino, .age_s = now.tv_sec - st->st_mtim.tv_sec,
	};
}

int cgroup_leftovers(const char *root, const char *parent, struct cgroup_leftovers *ret, struct error *err)
{
	_cleanup_close_ int root_fd = cgroup_open_root(root, O_RDONLY, err), fd = -1;
	struct dirent *e;
	DIR *d;
	int r;

	*ret = (struct cgroup_leftovers){0};
	if (root_fd < 0)
		return root_fd;
	r = cgroup_open_below(root_fd, parent, 0, &fd, err);
	if (r == -ENOENT) {
		memset(err, 0, sizeof(*err));
		return 0;
	}
	if (r < 0)
		return r;
	d = fdopendir(fd);
	if (!d)
		return error_errno(err, errno, "read cgroup %s", parent);
	fd = -1;
	while ((e = readdir(d))) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (st.st_mode & 07777) != CGROUP_OUR_MODE)
			continue;
		path = xasprintf("%s/%s", parent, e->d_name);
		add(ret, path, &st);
	}
	closedir(d);
	return 0;
}

void cgroup_leftovers_free(struct cgroup_leftovers *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
}
