/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of this host that a configuration names: sources of bind mounts, namespaces, hooks. */
#include "report/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ns/ns.h"
#include "oci/hooks.h"
#include "util/cleanup.h"
#include "util/fd.h"

/* What may not be looked at may still be opened by whoever runs the container. */
static bool is_no_answer(int r)
{
	return r == -EACCES || r == -EPERM;
}

static void check_file(struct check *c, const char *path, int flags, const char *where, const char *what)
{
	_cleanup_close_ int fd = fd_openat(AT_FDCWD, path, O_PATH | flags, 0);

	if (fd < 0)
		check_note(c, is_no_answer(fd), where, "%s %s: %s", what, path, error_words(fd));
}

static void check_join(struct check *c, size_t i)
{
	struct plan_ns one = c->plan->ns;
	_cleanup_close_ int fd = -1;
	struct error err = {0};
	int r;

	one.joins += i;
	one.n_joins = 1;
	r = ns_open_joins(&one, &fd, &err);
	if (r < 0)
		findings_add(&c->all, is_no_answer(r), &err, FINDING_NO_OFFSET);
}

/* One that comes after the end only gives a warning there, too. */
static void check_hook(struct check *c, const struct oci_hook *hook, bool late, const char *where)
{
	struct stat st;

	if (fstatat(AT_FDCWD, hook->path, &st, 0) < 0)
		check_note(c, late || is_no_answer(-errno), where, "the hook %s: %s", hook->path, error_words(errno));
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		check_note(c, late, where, "the hook %s is not an executable file", hook->path);
}

bool check_is_of_the_container(const struct plan *p, size_t index)
{
	const struct plan_mount *m = &p->rootfs.mounts[index];

	for (size_t i = 0; i < index; i++) {
		const char *place = p->rootfs.mounts[i].destination;
		size_t root = strlen(p->rootfs.path), n = strlen(place);

		if (strncmp(m->source, p->rootfs.path, root) == 0 && strncmp(m->source + root, place, n) == 0)
			return true;
	}
	return false;
}

void check_sources(struct check *c)
{
	const struct plan *p = c->plan;
	char where[64];

	if (!p)
		return;
	for (size_t i = 0; i < p->rootfs.n_mounts; i++) {
		const struct plan_mount *m = &p->rootfs.mounts[i];

		snprintf(where, sizeof(where), "/mounts/%u/source", m->index);
		if (m->kind == MOUNT_BIND && !check_is_of_the_container(p, i))
			check_file(c, m->source, m->options->src_nofollow || m->options->copy_symlink ? O_NOFOLLOW : 0,
				   where, "the source");
	}
	for (size_t i = 0; i < p->ns.n_joins; i++)
		check_join(c, i);
	for (unsigned kind = 0; kind < N_HOOK_KINDS; kind++)
		for (size_t i = 0; kind != HOOK_START_CONTAINER && i < p->hooks->list[kind].n; i++) {
			snprintf(where, sizeof(where), "/hooks/%s/%zu/path", oci_hook_names[kind], i);
			check_hook(c, &p->hooks->list[kind].v[i], kind == HOOK_POSTSTOP, where);
		}
}
