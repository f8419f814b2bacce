/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container from images.  What a creation makes on the host is made as ever; then CRIU, begun in the container's
 * cgroup, makes its processes, who become our children.  Runs on the host; prepare() in what becomes CRIU.
 *
 * CRIU wants the root file system as a mount of its own.  It gets one in a mount namespace that ends with it, so
 * that nothing of it is ever left.
 */
#include "launch/restoration.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "launch/external.h"
#include "launch/intelrdt.h"
#include "launch/options.h"
#include "security/keyring.h"
#include "store/status.h"
#include "sys/mount_api.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

struct restoration {
	struct creation *c;
	const struct restoration_options *o;
	struct arena *arena;		/* that of the creation is sealed */
	struct images images;
	struct criu_request request;
	struct criu *criu;
	const char *state_path;		/* of the container's directory */
	int inherit[IMAGES_INHERITED + 2];
	size_t n_inherit;
};

/* ---- what CRIU begins with -------------------------------------------------------------------- */

/* In the new mount namespace it is another mount: looked up again, it must be the same directory. */
static int mount_root(const struct restoration *r, struct error *err)
{
	const struct creation *c = r->c;
	_cleanup_close_ int dir = fd_openat(AT_FDCWD, r->state_path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	struct stat now, before;
	int e;

	if (dir < 0 || fstat(dir, &now) < 0 || fstat(c->dir, &before) < 0)
		return error_errno(err, dir < 0 ? dir : errno, "open %s again", r->state_path);
	if (now.st_dev != before.st_dev || now.st_ino != before.st_ino)
		return error_set(err, ESTALE, "%s is not the directory of the container any more", r->state_path);
	e = sys_move_mount(c->spawn.handles.rootfs.tree, "", dir, STORE_CRIU_ROOT, MOVE_MOUNT_F_EMPTY_PATH);
	return e < 0 ? error_errno(err, e, "mount the root file system for criu") : 0;
}

/* The source of masks, with their attributes: CRIU forgets those of all but the first. */
static int mount_null(struct error *err)
{
	_cleanup_close_ int tree = sys_open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};
	struct stat st;
	int e = tree;

	if (tree >= 0 && (fstatat(tree, "", &st, AT_EMPTY_PATH) < 0 || !S_ISCHR(st.st_mode) ||
			  st.st_rdev != makedev(1, 3)))
		return error_set(err, ENODEV, "/dev/null is not the null device, which masks are made of");
	if (e >= 0)
		e = sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr);
	if (e >= 0)
		e = sys_move_mount(tree, "", AT_FDCWD, "/dev/null", MOVE_MOUNT_F_EMPTY_PATH);
	return e < 0 ? error_errno(err, e, "mount /dev/null for masks") : 0;
}

static int enter_cgroup(const struct creation *c, struct error *err)
{
	int r = images_guard_cgroups(&c->plan->cgroup, err);

	return r < 0 || c->cgroup.fd < 0 ? r : cgroup_attach(c->cgroup.fd, getpid(), err);
}

/* CRIU that ignores cgroups restores no namespace of them either: what it makes has its own. */
static int cgroup_ns(const struct restoration *r)
{
	const struct plan_ns *ns = &r->c->plan->ns;

	return r->request.cgroups == CRIU_CGROUPS_IGNORE && ((ns->create | ns->unshare) & CLONE_NEWCGROUP) ?
	       CLONE_NEWCGROUP : 0;
}

/*
 * The caller's keys stay outside: what CRIU restores has its session keyring.  CRIU mounts in its work directory, too:
 * unshare(2) takes the current directory along.
 */
static int prepare(void *ctx, struct error *err)
{
	struct restoration *r = ctx;
	struct mount_attr slave = {.propagation = MS_SLAVE};
	int e = r->c->plan->process.new_keyring ? keyring_new_session(err) : 0;

	if (e < 0)
		return e;
	e = enter_cgroup(r->c, err);
	if (e < 0)
		return e;
	if (fchdir(r->images.work) < 0 || unshare(CLONE_NEWNS | cgroup_ns(r)) < 0)
		return error_errno(err, errno, "make a mount namespace for criu");
	e = sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave);
	if (e < 0)
		return error_errno(err, e, "stop propagation to the host");
	r->inherit[1] = fd_openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0);
	if (r->inherit[1] < 0)
		return error_errno(err, r->inherit[1], "open the work directory again");
	e = mount_null(err);
	return e < 0 ? e : mount_root(r, err);
}

static int open_handles(struct restoration *r, struct error *err)
{
	struct creation *c = r->c;
	struct handles *h = &c->spawn.handles;
	int e = creation_join(c, err);

	if (e == 0)
		e = creation_make_cgroup(c, err);
	if (e == 0)
		e = container_intelrdt_make(c, err);
	if (e < 0)
		return e;
	h->rootfs.bundle = c->bundle;
	e = rootfs_open(&c->plan->rootfs, &h->rootfs, err);
	if (e == 0 && mkdirat(c->dir, STORE_CRIU_ROOT, 0700) < 0)
		e = error_errno(err, errno, "make a place for the root file system");
	return e;
}

static void add_cgroup_root(struct restoration *r, const char *controller, const char *path)
{
	struct criu_request *q = &r->request;
	struct criu_pair *v = (struct criu_pair *)q->cgroup_roots;

	arena_push(r->arena, v, q->n_cgroup_roots) = (struct criu_pair){controller, path};
	q->cgroup_roots = v;
}

/* Cgroups are restored below where CRIU begins: of version 2 that of the container, of version 1 ours; cgroups(7). */
static int add_cgroup_roots(struct restoration *r, struct error *err)
{
	char *text = arena_alloc(r->arena, 1, PATH_MAX * 4), *line;
	ssize_t n;

	if (r->c->cgroup.fd < 0 || r->request.cgroups == CRIU_CGROUPS_IGNORE)
		return 0;
	n = fd_read_pseudo(AT_FDCWD, "/proc/self/cgroup", text, PATH_MAX * 4);
	if (n < 0)
		return error_errno(err, (int)n, "read /proc/self/cgroup");
	while ((line = strsep(&text, "\n"))) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL, *name;

		if (!path)
			continue;
		*path++ = '\0';
		names++;
		if (!*names)
			add_cgroup_root(r, "", r->c->st.cgroup_path);
		while (names && *names && (name = strsep(&names, ",")))
			add_cgroup_root(r, name, path);
	}
	return 0;
}

static int make_request(struct restoration *r, struct error *err)
{
	const struct creation *c = r->c;
	struct criu_request *q = &r->request;
	struct criu_inherit *streams = NULL;
	size_t n = 0;
	int e = images_request(r->arena, r->o->images, c->plan->config, &r->images, q, err);

	if (e == 0)
		e = images_check_points(r->arena, &r->images, c->spawn.handles.rootfs.tree, err);
	if (e == 0)
		e = images_load_streams(r->arena, &r->images, &streams, &n, err);
	if (e == 0)
		e = external_restored_namespaces(r->arena, c->plan, c->spawn.handles.joins, streams, n, q, r->inherit,
						 &r->n_inherit, err);
	if (e == 0)
		e = external_restored(r->arena, c->plan, c->spawn.handles.rootfs.tree, q, err);
	q->type = CRIU_RESTORE;
	r->state_path = arena_printf(r->arena, "%s/%s", store_path(c->store), c->o->id);
	q->root = arena_printf(r->arena, "%s/" STORE_CRIU_ROOT, r->state_path);
	q->rst_sibling = q->evasive_devices = true;
	q->tcp_close = r->o->tcp_close;
	q->lsm_profile = r->o->lsm_profile;
	q->lsm_mount_context = r->o->lsm_mount_context;
	return e < 0 ? e : add_cgroup_roots(r, err);
}

static int start_criu(struct restoration *r, struct error *err)
{
	struct creation *c = r->c;
	struct criu_setup setup = {
		.cgroup = -1, .stdio = true, .inherit = r->inherit, .n_inherit = r->n_inherit,
		.prepare = prepare, .ctx = r,
	};
	int e;

	r->inherit[0] = r->images.dir;
	r->inherit[1] = r->images.work;
	if (c->spawn.attach_late)
		return error_config(err, "/linux/resources/pids/limit", "CRIU, which begins in the cgroup of the "
				    "container, has no room there");
	e = criu_open(&setup, &r->criu, err);
	if (e < 0)
		return e;
	/* Whoever interrupts us ends CRIU. */
	c->spawn.pidfd = fcntl(criu_pidfd(r->criu), F_DUPFD_CLOEXEC, 3);
	return c->spawn.pidfd < 0 ? error_errno(err, errno, "keep the pidfd of criu") : 0;
}

/* ---- what CRIU tells -------------------------------------------------------------------------- */

/* The container's first process, a child of ours, so that its pid is of no other (rule R14). */
static int learn_pid(struct creation *c, pid_t pid, struct error *err)
{
	int fd, before = c->spawn.pidfd;

	if (pid <= 0)
		return error_set(err, EPROTO, "criu does not say which process it has made");
	if (c->spawn.pid == pid)
		return 0;
	fd = sys_pidfd_open(pid, 0);
	if (fd < 0)
		return error_errno(err, fd, "pidfd_open process %d, which criu has made", (int)pid);
	c->spawn.pid = pid;
	c->spawn.pidfd = fd;	/* from now on interrupts end it */
	close(before);
	return 0;
}

static int run_hooks(struct creation *c, struct error *err)
{
	int r = state_identify(c->spawn.pid, c->spawn.pidfd, &c->st.init, err);

	c->hooks_ran = true;
	if (r == 0)
		r = state_write(c->dir, &c->st, err);
	if (r == 0)
		r = creation_hooks(c, HOOK_PRESTART, STATUS_CREATING, err);
	return r < 0 ? r : creation_hooks(c, HOOK_CREATE_RUNTIME, STATUS_CREATING, err);
}

static int take_terminal(struct creation *c, int fd, struct error *err)
{
	if (fd < 0 || c->spawn.master >= 0)
		return error_set(err, EPROTO, "criu hands over no terminal, or more than one");
	c->spawn.master = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return c->spawn.master < 0 ? error_errno(err, errno, "take the terminal from criu") : 0;
}

static int notified(void *ctx, const struct criu_answer *a, int fd, struct error *err)
{
	struct creation *c = ctx;
	int r;

	if (str_eq(a->script, "setup-namespaces")) {
		r = learn_pid(c, a->pid, err);
		return r < 0 ? r : run_hooks(c, err);
	}
	if (str_eq(a->script, "post-restore"))
		return learn_pid(c, a->pid, err);
	if (str_eq(a->script, "orphan-pts-master"))
		return take_terminal(c, fd, err);
	return 0;
}

static int call_criu(struct restoration *r, struct error *err)
{
	struct criu_answer answer = {0};
	int e = criu_call(r->criu, &r->request, IMAGES_TIMEOUT_MS, notified, r->c, &answer, err);

	criu_close(r->criu);
	r->criu = NULL;
	if (e < 0 || !answer.success)
		return images_explain(&r->images, &answer, e, err);
	return learn_pid(r->c, answer.pid, err);
}

/* ---- what has become of it -------------------------------------------------------------------- */

/* All namespaces that are not ours; CRIU also makes one of time where none was. */
static int read_namespaces(struct creation *c, struct error *err)
{
	struct spawn *s = &c->spawn;
	uint64_t wanted = plan_ns_made(c->plan);

	c->st.ns_flags = 0;
	for (size_t i = 0; i < N_NAMESPACES; i++) {
		struct stat own, its;
		char ours[32];

		snprintf(ours, sizeof(ours), "self/%s", namespace_files[i].file);
		if (fstatat(s->proc_pid, namespace_files[i].file, &its, 0) < 0 || fstatat(s->proc, ours, &own, 0) < 0)
			return error_errno(err, errno, "look at %s", namespace_files[i].file);
		c->st.ns_inode[i] = its.st_ino;
		if (its.st_ino != own.st_ino)
			c->st.ns_flags |= namespace_files[i].flag;
		else if (wanted & namespace_files[i].flag)
			return error_set(err, EPROTO, "the container has our own namespace (%s), and its configuration "
					 "asks for one of its own: was it dumped like this?", namespace_files[i].file);
	}
	return 0;
}

static int check_cgroup(const struct creation *c, struct error *err)
{
	const char *want = c->st.cgroup_path;
	char text[8192], *path, *end;
	ssize_t n;

	if (c->cgroup.fd < 0)
		return 0;
	n = fd_read_pseudo(c->spawn.proc_pid, "cgroup", text, sizeof(text));
	if (n < 0)
		return error_errno(err, (int)n, "read the cgroup of the container");
	path = str_starts(text, "0::") ? text + 3 : strstr(text, "\n0::");
	path = path && *path == '\n' ? path + 4 : path;
	end = path ? strchr(path, '\n') : NULL;
	if (end)
		*end = '\0';
	if (path && str_starts(path, want) && (path[strlen(want)] == '/' || !path[strlen(want)]))
		return 0;
	return error_set(err, EPROTO, "criu has put the container into the cgroup %.300s, and not below %s",
			 path ? path : "?", want);
}

static int look(struct creation *c, struct error *err)
{
	struct spawn *s = &c->spawn;
	char name[24];
	int r;

	snprintf(name, sizeof(name), "%d", (int)s->pid);
	s->proc = fd_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
	s->proc_pid = s->proc < 0 ? s->proc : fd_openat(s->proc, name, O_RDONLY | O_DIRECTORY, 0);
	if (s->proc_pid < 0)
		return error_errno(err, s->proc_pid, "open /proc/%s", name);
	r = read_namespaces(c, err);
	return r < 0 ? r : check_cgroup(c, err);
}

static int build(struct restoration *r, struct error *err)
{
	struct creation *c = r->c;
	int e = images_check_caller(err);

	if (e == 0)
		e = external_check(c->plan, err);
	if (e == 0)
		e = images_check_criu(r->o->images->lazy_pages ? CRIU_LAZY_PAGES : 0, err);
	if (e == 0)
		e = images_open(r->o->images, false, "restore.log", &r->images, err);
	if (e == 0)
		e = creation_record(c, err);
	if (e == 0)
		e = open_handles(r, err);
	if (e == 0)
		e = make_request(r, err);
	if (e == 0)
		e = start_criu(r, err);
	if (e == 0)
		e = call_criu(r, err);
	if (e == 0)
		e = look(c, err);
	if (e < 0)
		return e;
	cgroup_unit_release(&c->cgroup.holder);
	unlinkat(c->dir, STORE_CRIU_ROOT, AT_REMOVEDIR);
	e = container_intelrdt_attach(&c->st, c->spawn.pid, err);
	if (e == 0 && c->st.terminal && c->spawn.master < 0)
		e = error_set(err, EPROTO, "criu has restored no terminal: the container was dumped without one");
	if (e == 0)
		e = options_hand_over_console(&c->spawn, &c->console, c->o->console_socket, err);
	return e < 0 ? e : creation_tell(c, err);
}

int restoration_build(struct creation *c, const struct restoration_options *o, struct error *err)
{
	struct restoration r = {
		.c = c, .o = o, .arena = arena_new(), .images = IMAGES_INIT, .n_inherit = IMAGES_INHERITED,
	};
	int e = build(&r, err);

	criu_close(r.criu);
	images_close(&r.images);
	if (e < 0 && c->dir >= 0)
		unlinkat(c->dir, STORE_CRIU_ROOT, AT_REMOVEDIR);
	arena_free(r.arena);
	return e;
}
