/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `exec`: one more process in a running container.  Runs on the host. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "container/container.h"
#include "init/self_exe.h"
#include "launch/agent.h"
#include "launch/creation.h"
#include "launch/foreground.h"
#include "launch/intelrdt.h"
#include "launch/interrupt.h"
#include "launch/options.h"
#include "oci/names.h"
#include "plan/build.h"
#include "store/state.h"
#include "store/status.h"
#include "store/store.h"
#include "sys/compat.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define ENDING_MS 200
#define CGROUP_FILE_MAX 8192

struct execution {
	const struct exec_options *o;
	struct arena *arena;
	struct store *store;
	int dir, cgroup, agent, console, pidfd_socket, pid_file;
	struct state st;
	enum container_status status;
	struct oci_config *config;
	struct oci_process process;
	struct spawn spawn;
};

static int find_container(struct execution *x, struct error *err)
{
	int r = store_open(x->o->global->root, false, &x->store, err);

	if (r == 0)
		r = store_container(x->store, x->o->id, &x->dir, err);
	if (r == 0)
		r = state_load(x->arena, x->dir, x->o->id, false, &x->st, &x->status,
			       &x->spawn.handles.init_pidfd, err);
	if (r < 0)
		return r;
	if (x->status == STATUS_STOPPED || x->status == STATUS_CREATING)
		return error_set(err, ESRCH, "cannot exec in container `%s`: container not running "
				 "(it is %s)", x->o->id, container_status_names[x->status]);
	if (x->status == STATUS_PAUSED && !MUTATE(T104) && !x->o->ignore_paused)
		return error_set(err, EBUSY, "cannot exec in a paused container: `%s` "
				 "(resume it, or give --ignore-paused)", x->o->id);
	return 0;
}

/* ---- what to run ----------------------------------------------------------------------------- */

static int process_from_file(struct execution *x, struct error *err)
{
	char *text;
	size_t len;
	int r = config_read(x->arena, AT_FDCWD, x->o->process, &text, &len, err);

	if (r < 0)
		return r;
	r = config_parse_process(x->arena, text, len, &x->process, err);
	if (r < 0)
		return error_in(err, "%s", x->o->process);
	/* Engines say both. */
	x->process.terminal |= x->o->tty;
	return 0;
}

/* "UID" keeps the container's gid; "UID:GID" sets both; anything else is an error (T49). */
static int parse_user(const char *word, struct oci_user *user, struct error *err)
{
	_cleanup_free_ char *copy = xstrdup(word);
	char *colon = strchr(copy, ':');
	uint32_t uid, gid = user->gid;

	if (colon)
		*colon = '\0';
	if (str_to_u32(copy, &uid) < 0 || (colon && str_to_u32(colon + 1, &gid) < 0) ||
	    uid == UINT32_MAX || gid == UINT32_MAX) {
		char shown[128];

		return error_set(err, EINVAL, "--user `%s` is not UID or UID:GID in decimal digits",
				 str_escape(word, shown, sizeof(shown)));
	}
	user->uid = uid;
	user->gid = gid;
	return 0;
}

/*
 * As the other runtimes: what is asked for is had, also beyond the container's bounding set, which --process could
 * say as well.  The inheritable set never grows: with it a program's file capabilities would count (T50,
 * CVE-2022-29162); and the ambient set cannot grow beyond that, capabilities(7).
 */
static int add_capabilities(struct execution *x, struct error *err)
{
	struct oci_capabilities *caps = &x->process.capabilities;

	for (size_t i = 0; i < x->o->caps.n; i++) {
		const char *name = x->o->caps.v[i];
		int cap = capability_number(name);
		uint64_t bit;

		if (cap < 0)
			return error_set(err, EINVAL, "--cap %s: there is no such capability", name);
		bit = UINT64_C(1) << cap;
		caps->bounding |= bit;
		caps->permitted |= bit;
		caps->effective |= bit;
		caps->inheritable |= MUTATE(T50) ? bit : 0;
		caps->ambient |= caps->inheritable & bit;
		x->process.has_capabilities = true;
	}
	return 0;
}

static struct strings joined(struct arena *a, const struct strings *first,
			     const struct strings *second)
{
	struct strings all = {.v = arena_new_array(a, char *, first->n + second->n + 1)};

	for (size_t i = 0; i < first->n; i++)
		all.v[all.n++] = first->v[i];
	/* Copied: the command line's memory is overwritten in the child. */
	for (size_t i = 0; i < second->n; i++)
		all.v[all.n++] = arena_strdup(a, second->v[i]);
	return all;
}

static int process_from_options(struct execution *x, struct error *err)
{
	static const struct strings none;
	const struct exec_options *o = x->o;
	struct oci_process *p = &x->process;
	int r = 0;

	if (!x->config->process.present)
		return error_config(err, "/process", "the container was created without `process`: "
				    "use --process");
	*p = x->config->process;
	p->args = joined(x->arena, &none, &o->args);
	p->env = joined(x->arena, &p->env, &o->env);
	p->terminal = o->tty;
	p->console_size.set = false;
	if (o->cwd)
		p->cwd = arena_strdup(x->arena, o->cwd);
	if (o->no_new_privs)
		p->no_new_privileges = true;
	if (o->apparmor)
		p->apparmor_profile = arena_strdup(x->arena, o->apparmor);
	if (o->process_label)
		p->selinux_label = arena_strdup(x->arena, o->process_label);
	if (o->n_additional_gids > 0) {
		p->user.additional_gids = o->additional_gids;
		p->user.n_additional_gids = o->n_additional_gids;
	}
	if (p->cwd[0] != '/')
		return error_set(err, EINVAL, "--cwd %s is not absolute", p->cwd);
	for (size_t i = 0; i < o->env.n; i++)
		if (!strchr(o->env.v[i], '=') || o->env.v[i][0] == '=')
			return error_set(err, EINVAL, "--env %s is not NAME=VALUE", o->env.v[i]);
	if (o->user)
		r = parse_user(o->user, &p->user, err);
	return r < 0 ? r : add_capabilities(x, err);
}

static int make_plan(struct execution *x, struct error *err)
{
	struct plan_options po = {
		.id = x->st.id, .bundle = x->st.bundle, .detached = x->o->detach,
		.has_console_socket = x->o->console_socket, .preserve_fds = x->o->preserve_fds,
	};
	struct facts facts;
	int r;

	facts_probe(&facts);
	po.rootless = options_rootless(x->o->global, &facts);
	if (MUTATE(T26))
		r = config_load(x->arena, AT_FDCWD, arena_printf(x->arena, "%s/config.json", x->st.bundle), &x->config,
				NULL, NULL, err);
	else
		r = config_load(x->arena, x->dir, STORE_CONFIG, &x->config, NULL, NULL, err);
	if (r < 0)
		return error_in(err, "the saved configuration of container `%s`", x->o->id);
	r = x->o->process ? process_from_file(x, err) : process_from_options(x, err);
	if (r == 0)
		r = plan_build_exec(x->arena, x->config, &x->process, &facts, &po, &x->spawn.plan, err);
	if (r < 0)
		return r;
	x->spawn.handles.last_cap = facts.last_cap;
	if (x->process.terminal && x->o->detach && !x->o->console_socket)
		return error_set(err, EINVAL, "the process wants a terminal, and nobody would hold it "
				 "(give --console-socket, or leave out --detach)");
	if (!x->process.terminal && x->o->console_socket)
		return error_set(err, EINVAL, "--console-socket is of no use without a terminal");
	return options_check_security(&x->spawn.plan->security, err);
}

/* ---- where ----------------------------------------------------------------------------------- */

static int open_sub_cgroup(struct execution *x, struct error *err)
{
	const char *sub = x->o->cgroup + strspn(x->o->cgroup, "/");
	int fd;

	if (*sub == '\0')
		return 0;
	fd = sys_openat2(x->cgroup, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd == -EXDEV)
		return error_set(err, EXDEV, "bad sub cgroup path `%s`: it leads out of the cgroup of the "
				 "container (--cgroup takes one below it)", x->o->cgroup);
	if (fd < 0)
		return error_errno(err, fd, "open the sub-cgroup %s of the container", x->o->cgroup);
	close(x->cgroup);
	x->cgroup = fd;
	return 0;
}

/* Where the first process is now, below the container's cgroup: "/init.scope", or "" at its top; NULL, and an error,
 * outside of it. */
static const char *place_of_init(const struct execution *x, char text[CGROUP_FILE_MAX], struct error *err)
{
	char file[40], *path, *end;
	size_t n = strlen(x->st.cgroup_path);

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)x->st.init.pid);
	if (fd_read_pseudo(AT_FDCWD, file, text, CGROUP_FILE_MAX) < 0 || !(path = strstr(text, "0::/"))) {
		error_set(err, EBUSY, "the cgroup of the container's first process is not known");
		return NULL;
	}
	path += 3;
	end = strchr(path, '\n');
	if (end)
		*end = '\0';
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
	int fd;

	if (place && !*place)
		return error_set(err, EBUSY, "the container's cgroup takes no processes, though the first is there");
	if (!place)
		return error_in(err, "the container's cgroup takes no processes");
	fd = sys_openat2(x->cgroup, place + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return error_errno(err, fd, "open the cgroup %s of the container's first process", place);
	close(x->cgroup);
	x->cgroup = s->cgroup = fd;
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
	x->spawn.subgroup = str_eq(place, "/") ? "" :
			    arena_printf(x->arena, "%s%s", place[0] && place[0] != '/' ? "/" : "", place);
	return 0;
}

static int find_cgroup(struct execution *x, struct error *err)
{
	int r;

	if (!x->st.cgroup_path) {
		if (x->o->cgroup)
			return error_set(err, EINVAL, "--cgroup: the container has no cgroup of its own");
		return 0;
	}
	r = cgroup_open(x->st.cgroup_root, x->st.cgroup_path, x->st.cgroup_id, &x->cgroup, err);
	if (r == 0 && x->o->cgroup)
		r = open_sub_cgroup(x, err);
	x->spawn.cgroup = x->cgroup;
	if (r == 0 && x->st.unit_user)
		return use_unit(x, err);
	if (!x->o->cgroup)
		x->spawn.find_other_cgroup = cgroup_of_init;
	return r;
}

/* Those that it was given, and of the others those that are not ours: it may have been created elsewhere.
 * Entering one's own is nothing, but EINVAL for the user namespace: setns(2). */
static void choose_namespaces(struct execution *x)
{
	_cleanup_close_ int self = -1;

	for (size_t i = 0; i < N_NAMESPACES; i++) {
		uint64_t flag = namespace_files[i].flag, ours;
		bool given = x->st.ns_flags & flag;

		if (x->st.ns_inode[i] == 0 && !given)
			continue;
		if ((!given || flag == CLONE_NEWUSER) &&
		    readback_own_namespace(&self, x->spawn.proc, i, &ours) == 0 && ours == x->st.ns_inode[i])
			continue;
		x->spawn.handles.init_namespaces |= flag;
	}
}

/*
 * The pid namespace is entered last, so that the process is seen there only when there is nothing left to see; not
 * where a user namespace is entered: in that the power to do it may be gone, and nobody in it can look into a process
 * whose memory belongs to the one outside.
 */
static int open_pid_namespace(struct execution *x, struct error *err)
{
	struct handles *h = &x->spawn.handles;
	char process[24];
	size_t i = 0;
	int r;

	if (!(h->init_namespaces & CLONE_NEWPID) || (h->init_namespaces & CLONE_NEWUSER))
		return 0;
	while (namespace_files[i].flag != CLONE_NEWPID)
		i++;
	snprintf(process, sizeof(process), "%d/", (int)x->st.init.pid);
	h->pid_ns = readback_open_namespace(h->init_pidfd, x->spawn.proc, process, i);
	r = h->pid_ns < 0 ? h->pid_ns : sys_pidfd_send_signal(h->init_pidfd, 0, NULL, 0);
	return r < 0 ? error_errno(err, r, "open the pid namespace of the container's first process") : 0;
}

/* Where init shares our mount namespace its root is its own: a chroot(2).  A process is what it was as long as
 * its pidfd can be signalled. */
static int open_root(struct execution *x, struct error *err)
{
	struct handles *h = &x->spawn.handles;
	char path[32];
	int r;

	if (h->init_namespaces & CLONE_NEWNS)
		return 0;
	snprintf(path, sizeof(path), "%d/root", (int)x->st.init.pid);
	h->init_root = fd_openat(x->spawn.proc, path, O_PATH | O_DIRECTORY, 0);
	r = h->init_root < 0 ? h->init_root : sys_pidfd_send_signal(h->init_pidfd, 0, NULL, 0);
	return r < 0 ? error_errno(err, r, "open the root of the container's first process") : 0;
}

/* Init may have gone elsewhere since (unshare, setns): then we are not where we should be (T48). */
static int same_namespaces(const struct execution *x, const uint64_t *now, struct error *err)
{
	for (size_t i = 0; i < N_NAMESPACES; i++)
		if (x->st.ns_inode[i] && now[i] && x->st.ns_inode[i] != now[i] && !MUTATE(T48))
			return error_set(err, ESTALE, "the first process of container `%s` has left its "
					 "namespace (%s): refusing to follow it", x->o->id,
					 namespace_files[i].file);
	return 0;
}

/* By now all that the command line names is open. */
static int close_others(const struct execution *x, struct error *err)
{
	const int own[] = {store_fd(x->store), x->dir, x->cgroup, x->spawn.handles.init_pidfd, x->console,
			   x->pidfd_socket, x->agent, x->pid_file};

	return options_close_others(x->o->preserve_fds, own, ARRAY_SIZE(own), err);
}

static int prepare(struct execution *x, struct error *err)
{
	unsigned listening;	/* LISTEN_FDS belongs to the container's first process alone */
	int r = self_exe_protect(x->o->global->argv, err);

	if (r == 0)
		r = options_descriptors(x->o->preserve_fds, &listening, err);
	if (r == 0)
		r = find_container(x, err);
	if (r == 0)
		r = make_plan(x, err);
	if (r == 0)
		r = find_cgroup(x, err);
	if (r == 0)
		r = options_connect("console", x->o->console_socket, &x->console, err);
	if (r == 0)
		r = options_connect("pidfd", x->o->pidfd_socket, &x->pidfd_socket, err);
	if (r == 0)
		r = agent_connect(x->spawn.plan, &x->agent, err);
	if (r == 0)
		r = pid_file_open(x->o->pid_file, &x->pid_file, err);
	return r < 0 ? r : close_others(x, err);
}

static int send_listener(struct spawn *s, int listener, struct error *err)
{
	struct execution *x = s->ctx;

	return agent_send(&x->agent, s->plan, &x->st, x->status, s->pid, listener, err);
}

static int launch(struct execution *x, struct error *err)
{
	struct spawn *s = &x->spawn;
	uint64_t now[N_NAMESPACES];
	int r;

	s->proc = fd_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
	if (s->proc < 0)
		return error_errno(err, s->proc, "open /proc");
	choose_namespaces(x);
	r = open_root(x, err);
	if (r == 0)
		r = open_pid_namespace(x, err);
	if (r < 0)
		return r;
	arena_seal(x->arena);
	s->send_listener = send_listener;
	s->ctx = x;
	r = spawn_start(s, err);
	if (r == 0)
		r = spawn_serve(s, NULL, NULL, now, err);
	if (r == 0)
		r = container_intelrdt_attach(&x->st, s->pid, err);
	if (r == 0)
		r = same_namespaces(x, now, err);
	if (r == 0)
		r = options_hand_over_console(s, &x->console, err);
	if (r == 0 && x->pidfd_socket >= 0) {
		r = fd_send(x->pidfd_socket, "setns", 5, &s->pidfd, 1);
		if (r < 0)
			error_errno(err, r, "send the pidfd");
	}
	if (r == 0)
		r = spawn_proceed(s, true, err);
	/* conmon takes a pid file for the proof that the process was started: so only now. */
	if (r == 0 && x->o->pid_file)
		r = pid_file_write(x->o->pid_file, x->pid_file, s->pid, err);
	return r;
}

/*
 * Whatever failed, if the container has ended meanwhile that is why: its namespaces take nobody in, and what was
 * on the way is killed.  @init: pidfd of its first process.
 */
static void explain_end(const struct execution *x, int init, struct error *err)
{
	int left = err->where[0] ? 0 : ENDING_MS, r;	/* what is wrong in a configuration was so anyhow */

	/* The kernel may be about to end the pid namespace, and waits for us to collect a process of it that did not
	 * come so far as to tell its pid. */
	for (; (r = fd_wait(init, POLLIN, left > 0 ? 10 : 0)) == 0 && left > 0; left -= 10)
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	if (r > 0)
		error_set(err, ESRCH, "cannot exec in container `%s`: container not running (it has just ended)",
			  x->o->id);
}

static int run(struct execution *x, int *ret_status, struct error *err)
{
	sigset_t forwarded;
	int signal_fd = -1, r = 0, sig;

	x->spawn.handles.exec = true;
	interrupt_arm(&x->spawn.pidfd);
	if (!x->o->detach) {
		signal_fd = foreground_signals(&forwarded, err);
		r = signal_fd < 0 ? signal_fd : 0;
	}
	if (r == 0)
		r = launch(x, err);
	sig = interrupt_disarm(r == 0 && x->o->detach);
	if (sig)
		r = -EINTR;
	if (r < 0) {
		_cleanup_close_ int init = steal_fd(&x->spawn.handles.init_pidfd);

		spawn_abort(&x->spawn);
		explain_end(x, init, err);
		if (sig)
			interrupt_explain(sig, err);
	} else if (!x->o->detach) {
		r = foreground_wait(&x->spawn, &forwarded, signal_fd, err);
		*ret_status = r;
		if (r < 0)	/* nobody would wait for its end: so it ends now */
			spawn_abort(&x->spawn);
	}
	if (signal_fd >= 0)
		close(signal_fd);
	return r < 0 ? r : 0;
}

int container_exec(const struct exec_options *o, int *ret_status, struct error *err)
{
	struct execution x = {.o = o, .dir = -1, .cgroup = -1, .agent = -1, .console = -1, .pidfd_socket = -1,
			      .pid_file = -1, .arena = arena_new()};
	int r;

	*ret_status = 0;
	spawn_init(&x.spawn, NULL);
	r = prepare(&x, err);
	if (r == 0)
		r = run(&x, ret_status, err);
	spawn_close(&x.spawn);
	for (size_t i = 0; i < 6; i++) {
		int fd = ((int[]){x.dir, x.cgroup, x.agent, x.console, x.pidfd_socket, x.pid_file})[i];

		if (fd >= 0)
			close(fd);
	}
	store_close(x.store);
	arena_free(x.arena);
	return r;
}
