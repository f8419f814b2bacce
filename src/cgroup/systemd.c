/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units for containers.  On the host side; hold() runs in the process that keeps a new scope alive. */
#include "cgroup/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/controllers.h"
#include "cgroup/events.h"
#include "dbus/systemd.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/caller.h"
#include "util/cleanup.h"
#include "util/empty.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

#define CONNECT_MS 10000
#define JOB_MS 30000

/*
 * It has nothing, and waits to be killed, also when its parent is.  Root's is dark from the beginning; that of an
 * unprivileged caller no container can look into: it is in another user namespace than any of them (ptrace(2),
 * PTRACE_MODE_READ_FSCREDS), and may not change its root.
 */
static _Noreturn void hold(pid_t parent)
{
	caller_hide_arguments();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		sys_exit(1);
	if (geteuid() == 0 ? empty_self(NULL, 0) < 0 : fd_close_others(0, NULL, 0) < 0)
		sys_exit(1);
	for (;;)
		pause();
}

static int make_holder(struct cgroup_holder *ret, struct error *err)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD,
	};
	pid_t parent = getpid(), pid = sys_clone3(&args);

	if (pid < 0)
		return error_errno(err, pid, "clone3 the process that a new scope begins with");
	if (pid == 0)
		hold(parent);
	ret->pid = pid;
	ret->pidfd = pidfd;
	return 0;
}

const char *cgroup_unit_inside(const char *path, const char *unit)
{
	const char *last = strrchr(path, '/');

	return str_eq(last + 1, unit) ? "" : last;
}

void cgroup_unit_release(struct cgroup_holder *h)
{
	if (h->pid <= 0)
		return;
	sys_pidfd_send_signal(h->pidfd, SIGKILL, NULL, 0);
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(h->pidfd);
	*h = (struct cgroup_holder){.pidfd = -1};
}

static bool has_ended(pid_t child)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
}

/* cgroups(7), /proc/PID/cgroup: where systemd has put it. */
static int find_path(const struct plan_cgroup *p, pid_t pid, char **ret, struct error *err)
{
	char file[40], text[8192], *path, *end;
	const char *name;
	ssize_t n;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	n = fd_read_pseudo(AT_FDCWD, file, text, sizeof(text));
	if (n < 0)
		return error_errno(err, (int)n, "read %s", file);
	path = strncmp(text, "0::/", 4) == 0 ? text + 3 : strstr(text, "\n0::/");
	path = path && *path == '\n' ? path + 4 : path;
	if (!path)
		return error_set(err, EPROTO, "%s names no cgroup of version 2", file);
	end = strchr(path, '\n');
	if (end)
		*end = '\0';
	name = strrchr(path, '/') + 1;
	if (has_ended(pid))
		return error_set(err, ESRCH, "the process that the unit %s was to begin with was killed", p->unit.name);
	if (!str_eq(name, p->unit.name) || str_starts(path, "/..")) {
		error_set(err, ENOENT, "systemd started the unit %s, and its process is in the cgroup %s", p->unit.name,
			  path);
		return error_hint(err, "is this systemd the one of another cgroup namespace?");
	}
	*ret = xstrdup(path);
	return 0;
}

/* @path is below the manager's own cgroup. */
static int whole_path(struct systemd *s, bool user, const char *path, char **ret, struct error *err)
{
	_cleanup_free_ char *above = NULL;
	int r = user ? systemd_control_group(s, &above, err) : 0;

	if (r == 0)
		*ret = xasprintf("%s%s", above ? above : "", path);
	return r;
}

static struct systemd_property *properties_of(const struct plan_unit *u, bool bfq)
{
	struct systemd_property *v = xcalloc(u->n_properties, sizeof(*v));

	for (size_t i = 0; i < u->n_properties; i++) {
		const struct plan_property *p = &u->properties[i];

		v[i] = (struct systemd_property){
			.name = p->name, .value = bfq && p->bfq_value ? p->bfq_value : p->value,
			.where = p->where, .unsure = str_starts(p->where, "/annotations/"),
		};
	}
	return v;
}

/* A systemd that is older than the word of a limit says so: then the file alone has it.  True: try again. */
static bool leave_out_unknown(struct systemd_property *v, size_t *n, int r, struct error *err)
{
	for (size_t i = 0; r == -EROFS && i < *n; i++) {
		_cleanup_free_ char *words = xasprintf("property %s, or unknown", v[i].name);

		if (v[i].unsure || !v[i].where[0] || !strstr(err->text, words))
			continue;
		log_debug("this systemd does not know %s, which only the cgroup has then", v[i].name);
		memmove(v + i, v + i + 1, (*n - i - 1) * sizeof(*v));
		*n -= 1;
		memset(err, 0, sizeof(*err));
		return true;
	}
	return false;
}

static int check_controllers(int root, struct systemd *s, const struct plan_cgroup *p, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (!p->rootless || !p->controllers)
		return 0;
	r = whole_path(s, p->unit.user, p->path, &path, err);
	return r < 0 ? r : cgroup_check_controllers(root, path, p, err);
}

/*
 * It is ours: if it is not to be used, it goes.  By itself it would stay if its process died before it was in it: the
 * kernel takes that for moved, and tells systemd only when the last one leaves.
 */
static int find_started(struct systemd *s, const struct plan_cgroup *p, pid_t pid, char **ret, struct error *err)
{
	struct error ignored = {0};
	int r = p->unit.slice ? whole_path(s, p->unit.user, p->path, ret, err) : find_path(p, pid, ret, err);

	if (r < 0 && systemd_stop_unit(s, p->unit.name, JOB_MS, &ignored) == 0)
		systemd_reset_failed(s, p->unit.name, &ignored);
	return r;
}

int cgroup_unit_start(int root, const struct plan_cgroup *p, struct cgroup_holder *ret, char **ret_path,
		      struct error *err)
{
	_cleanup_free_ struct systemd_property *properties = properties_of(&p->unit, false);
	size_t n = p->unit.n_properties;
	struct systemd *s = NULL;
	int r = systemd_check_properties(properties, n, err);

	*ret = (struct cgroup_holder){.pidfd = -1};
	if (r == 0)
		r = systemd_connect(p->unit.user, CONNECT_MS, &s, err);
	if (r == 0)
		r = check_controllers(root, s, p, err);
	if (r == 0 && !p->unit.slice)
		r = make_holder(ret, err);
	if (r == 0)
		do
			r = systemd_start_unit(s, p->unit.name, properties, n, ret->pid, ret->pidfd, JOB_MS, err);
		while (leave_out_unknown(properties, &n, r, err));
	if (r == -EEXIST)
		error_in(err, "container's cgroup is not empty");
	if (r == 0)
		r = find_started(s, p, ret->pid, ret_path, err);
	systemd_close(s);
	return r;
}

int cgroup_unit_attach(const char *unit, bool user, const char *sub, pid_t pid, struct error *err)
{
	struct systemd *s = NULL;
	int r = systemd_connect(user, CONNECT_MS, &s, err);

	if (r == 0)
		r = systemd_attach(s, unit, sub, &pid, 1, err);
	systemd_close(s);
	return r;
}

/* The kernel has it as long as there is the scheduler. */
static bool has_bfq(int fd)
{
	return faccessat(fd, "io.bfq.weight", F_OK, 0) == 0;
}

int cgroup_unit_set(const struct plan_unit *u, int fd, struct error *err)
{
	_cleanup_free_ struct systemd_property *properties = properties_of(u, has_bfq(fd));
	size_t n = u->n_properties;
	struct systemd *s = NULL;
	int r = 0;

	if (n == 0)
		return 0;
	r = systemd_connect(u->user, CONNECT_MS, &s, err);
	if (r == 0)
		do
			r = n ? systemd_set_properties(s, u->name, properties, n, err) : 0;
		while (leave_out_unknown(properties, &n, r, err));
	systemd_close(s);
	return r;
}

/* At the start there was no cgroup to look at. */
int cgroup_unit_set_weights(const struct plan_unit *u, int fd, struct error *err)
{
	_cleanup_free_ struct plan_property *weights = xcalloc(u->n_properties + 1, sizeof(*weights));
	struct plan_unit some = {.name = u->name, .user = u->user, .properties = weights};

	for (size_t i = 0; i < u->n_properties; i++)
		if (u->properties[i].bfq_value)
			weights[some.n_properties++] = u->properties[i];
	return some.n_properties && has_bfq(fd) ? cgroup_unit_set(&some, fd, err) : 0;
}

int cgroup_unit_end(const char *unit, bool user, bool stop, struct error *err)
{
	struct systemd *s = NULL;
	int r = systemd_connect(user, CONNECT_MS, &s, err);

	if (r == 0 && stop)
		r = systemd_stop_unit(s, unit, JOB_MS, err);
	if (r == 0)
		r = systemd_reset_failed(s, unit, err);
	systemd_close(s);
	return r;
}

/* May it be stopped?  It has no cgroup (any more), or the one that it would have, and that is empty. */
static bool is_abandoned(const char *root, const char *whole, const char *cgroup)
{
	_cleanup_close_ int fd = -1;
	int64_t populated = 1, frozen;
	struct error none = {0};
	int r;

	if (!*cgroup)
		return true;
	if (!str_eq(cgroup, whole))
		return false;
	r = cgroup_open(root, whole, 0, &fd, &none);
	return r == -ENOENT || (r == 0 && cgroup_read_events(fd, &populated, &frozen) == 0 && !populated);
}

int cgroup_unit_abandon(const char *root, const char *path, const char *unit, bool user, struct error *err)
{
	_cleanup_free_ char *whole = NULL, *cgroup = NULL;
	struct systemd *s = NULL;
	int r = systemd_connect(user, CONNECT_MS, &s, err);

	if (r == 0)
		r = whole_path(s, user, path, &whole, err);
	if (r == 0)
		r = systemd_unit_control_group(s, unit, &cgroup, err);
	if (r == 0 && is_abandoned(root, whole, cgroup))
		r = systemd_stop_unit(s, unit, JOB_MS, err);
	if (r == 0)
		r = systemd_reset_failed(s, unit, err);
	systemd_close(s);
	return r;
}
