/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/net/dev: proc_pid_net(5).  On the host side; nothing is entered. */
#include "ns/traffic.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/str.h"

#define TEXT_MAX (1u << 20)
#define NUMBERS 16

static const char *take_number(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	s += strspn(s, " ");
	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	*ret = v;
	return s;
}

/* "  eth0: bytes packets errs drop fifo frame compressed multicast bytes packets errs drop ..." */
static bool scan_line(const char *s, struct traffic_interface *ret)
{
	const char *colon = strchr(s, ':');
	uint64_t v[NUMBERS];
	size_t len;

	s += strspn(s, " ");
	len = colon ? (size_t)(colon - s) : 0;
	if (len == 0 || len >= sizeof(ret->name))
		return false;
	*ret = (struct traffic_interface){0};
	memcpy(ret->name, s, len);
	s = colon + 1;
	for (size_t i = 0; i < NUMBERS; i++) {
		s = take_number(s, &v[i]);
		if (!s)
			return false;
	}
	ret->in = (struct traffic_counters){v[0], v[1], v[2], v[3]};
	ret->out = (struct traffic_counters){v[8], v[9], v[10], v[11]};
	return true;
}

void traffic_scan(const char *text, struct traffic *ret)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy, *line;

	ret->n = 0;
	ret->known = true;
	while ((line = strsep(&rest, "\n"))) {
		struct traffic_interface i;

		if (!scan_line(line, &i) || str_eq(i.name, "lo"))
			continue;
		ret->v = xrealloc(ret->v, ret->n + 1, sizeof(*ret->v));
		ret->v[ret->n++] = i;
	}
}

void traffic_read(int proc, struct traffic *ret)
{
	_cleanup_close_ int fd = fd_openat(proc, "net/dev", O_RDONLY, 0);
	_cleanup_free_ char *text = NULL;
	size_t size = 4096;

	ret->known = false;
	ret->n = 0;
	while (fd >= 0 && size <= TEXT_MAX) {
		ssize_t n;

		text = xrealloc(text, size, 1);
		if (lseek(fd, 0, SEEK_SET) < 0)
			return;
		n = fd_read_up_to(fd, text, size - 1);
		if (n < 0)
			return;
		text[n] = '\0';
		if ((size_t)n < size - 1)
			return traffic_scan(text, ret);
		size *= 4;
	}
}

void traffic_free(struct traffic *t)
{
	free(t->v);
	*t = (struct traffic){0};
}
