/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `exec`: which cgroup the new process is in.  Runs on the host. */
#include "container/execution.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/delegate.h"
#include "oci/annotations.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

#define CGROUP_FILE_MAX 8192

/* -errno, and no words. */
static int enter_below(struct execution *x, const char *sub)
{
	int fd = sys_openat2(x->cgroup, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	if (fd < 0)
		return fd;
	if (x->sub_cgroup >= 0)
		close(x->sub_cgroup);
	x->sub_cgroup = x->spawn.cgroup = fd;
	return 0;
}

static int open_sub_cgroup(struct execution *x, struct error *err)
{
	const char *sub = x->o->cgroup + strspn(x->o->cgroup, "/");
	int r = *sub ? enter_below(x, sub) : 0;

	if (r == -EXDEV)
		return error_set(err, EXDEV, "bad sub cgroup path `%s`: %s is not a sub cgroup path, it leads out of "
				 "the cgroup of the container", x->o->cgroup, x->o->cgroup);
	return r < 0 ? error_errno(err, r, "open the sub-cgroup %s of the container", x->o->cgroup) : 0;
}

/* Where the first process is now; NULL, and an error, when that is not known. */
static const char *cgroup_now(const struct execution *x, char text[CGROUP_FILE_MAX], struct error *err)
{
	char file[40], *path, *end;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)x->st.init.pid);
	if (fd_read_pseudo(AT_FDCWD, file, text, CGROUP_FILE_MAX) < 0 || !(path = strstr(text, "0::/"))) {
		error_set(err, EBUSY, "the cgroup of the container's first process is not known");
		return NULL;
	}
	path += 3;
	end = strchr(path, '\n');
	if (end)
		*end = '\0';
	return path;
}

/* The same below the container's cgroup: "/init.scope", or "" at its top; NULL, and an error, outside of it. */
static const char *place_of_init(const struct execution *x, char text[CGROUP_FILE_MAX], struct error *err)
{
	const char *path = cgroup_now(x, text, err);
	size_t n = strlen(x->st.cgroup_path);

	if (!path)
		return NULL;
	if (strncmp(path, x->st.cgroup_path, n) != 0 || (path[n] != '/' && path[n])) {
		error_set(err, EBUSY, "the container's first process is outside of its cgroup (%s)", path);
		return NULL;
	}
	return path + n;
}

/*
 * cgroups(7), "no internal processes": an init system in the container has enabled controllers for
 * sub-cgroups and moved itself into one.  Then its company is where init is now, if that is still inside.
 */
static int cgroup_of_init(struct spawn *s, void *ctx, struct error *err)
{
	struct execution *x = ctx;
	char text[CGROUP_FILE_MAX];
	const char *place = place_of_init(x, text, err);
	int r;

	(void)s;
	if (place && !*place)
		return error_set(err, EBUSY, "the container's cgroup takes no processes, though the first is there");
	if (!place)
		return error_in(err, "the container's cgroup takes no processes");
	r = enter_below(x, place + 1);
	return r < 0 ? error_errno(err, r, "open the cgroup %s of the container's first process", place) : 0;
}

/*
 * Whoever rules the host has moved the container elsewhere and removed what we made.  As with runc the new process
 * keeps the first one company there.
 */
static int follow_init(struct execution *x, struct error *err)
{
	char text[CGROUP_FILE_MAX];
	const char *path = cgroup_now(x, text, err);
	int r;

	if (!path)
		return -err->code;
	memset(err, 0, sizeof(*err));
	r = cgroup_open(x->st.cgroup_root, path, 0, &x->cgroup, err);
	if (r == 0 && cgroup_frozen(x->cgroup) == 1 && !x->o->ignore_paused)
		return error_set(err, EBUSY, "the cgroup of the container's first process, %s, is frozen", path);
	if (r == 0)
		log_warning("the cgroup of the container, %s, is gone: exec in that of its first process, %s",
			    x->st.cgroup_path, path);
	return r;
}

/*
 * It shares its cgroup out (ANNOTATION_DELEGATE): a process in that itself would be in the way of its controllers.
 * Where all began is a good place as long as it is there; the container may do with it what it likes.
 */
static int enter_inner(struct execution *x, struct error *err)
{
	int r = enter_below(x, CGROUP_DELEGATE_INNER);

	if (r == -ENOENT || r == -ENODEV)
		return cgroup_of_init(&x->spawn, x, err);
	if (r < 0)
		return error_errno(err, r, "open the cgroup " CGROUP_DELEGATE_INNER " of the container");
	if (cgroup_frozen(x->sub_cgroup) == 1 && !x->o->ignore_paused) {
		error_set(err, EBUSY, "the container has frozen its cgroup " CGROUP_DELEGATE_INNER ", where the "
			  "process would go");
		return error_hint(err, "name another one with --cgroup, or let it wait there with --ignore-paused");
	}
	return 0;
}

/* Only the service manager may move a process from the session of a user to a unit. */
static int use_unit(struct execution *x, struct error *err)
{
	char text[CGROUP_FILE_MAX];
	const char *place = x->o->cgroup ? x->o->cgroup : place_of_init(x, text, err);

	if (!place)
		return -err->code;
	x->spawn.attach_late = true;
	x->spawn.unit = x->st.unit;
	x->spawn.unit_user = true;
	x->spawn.subgroup = arena_printf(x->arena, "%s%s%s", cgroup_unit_inside(x->st.cgroup_path, x->st.unit),
					 place[0] && place[0] != '/' ? "/" : "", str_eq(place, "/") ? "" : place);
	return 0;
}

int execution_find_cgroup(struct execution *x, struct error *err)
{
	int r;

	if (!x->st.cgroup_path) {
		if (x->o->cgroup)
			return error_usage(err, "--cgroup: the container has no cgroup of its own");
		return 0;
	}
	r = cgroup_open(x->st.cgroup_root, x->st.cgroup_path, x->st.cgroup_id, &x->cgroup, err);
	if (r == -ENOENT && !x->o->cgroup) {
		r = follow_init(x, err);
		x->spawn.cgroup = x->cgroup;
		return r;
	}
	x->spawn.cgroup = x->cgroup;
	if (r == 0 && x->o->cgroup)
		r = open_sub_cgroup(x, err);
	else if (r == 0 && annotation_value(&x->st.annotations, ANNOTATION_DELEGATE))
		r = enter_inner(x, err);
	if (r == 0 && x->st.unit_user)
		return use_unit(x, err);
	if (!x->o->cgroup)
		x->spawn.find_other_cgroup = cgroup_of_init;
	return r;
}
