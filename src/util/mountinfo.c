/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fd.h"

#define MAX_BYTES (16u << 20)

int mountinfo_read(int dirfd, const char *path, struct strbuf *ret)
{
	_cleanup_close_ int fd = fd_openat(dirfd, path, O_RDONLY, 0);
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = read(fd, buf, sizeof(buf));
		if (n > 0)
			strbuf_add(ret, buf, (size_t)n);
	} while ((n > 0 && ret->len < MAX_BYTES) || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : n > 0 ? -E2BIG : 0;
}

/* \040 and the like. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* Its fields: id, parent, device, root, mount point, options, ..., "-", type, source, options of the file system */
bool mountinfo_parse(char *line, struct mountinfo *ret)
{
	char *type = strstr(line, " - "), *rest = line, *id, *parent, *root, *point, *options, *source, *fs_options;

	if (!type)
		return false;
	*type = '\0';
	type += strlen(" - ");
	source = type;
	type = strsep(&source, " ");
	id = strsep(&rest, " ");
	parent = strsep(&rest, " ");
	strsep(&rest, " ");
	root = strsep(&rest, " ");
	point = strsep(&rest, " ");
	options = strsep(&rest, " ");
	if (!options)
		return false;
	fs_options = source;
	strsep(&fs_options, " ");
	if (!source)
		source = type + strlen(type);
	unescape(source);
	unescape(root);
	unescape(point);
	*ret = (struct mountinfo){
		.id = strtoull(id, NULL, 10), .parent = strtoull(parent, NULL, 10),
		.root = root, .point = point, .options = options, .type = type, .source = source,
		.fs_options = fs_options ? fs_options : "",
	};
	return true;
}
