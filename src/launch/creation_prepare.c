/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The beginning of `create` and `run`, which changes nothing: what is asked for, can it be had?  Runs on the host. */
#include "launch/creation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "init/self_exe.h"
#include "launch/agent.h"
#include "launch/core_sharing.h"
#include "launch/options.h"
#include "launch/own_user_ns.h"
#include "oci/annotations.h"
#include "plan/build.h"
#include "sys/mutate.h"
#include "sys/probe.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/input.h"
#include "util/log.h"
#include "util/str.h"
#include "util/trace.h"

/* The bundle's absolute path, without links: state and hooks name it so. */
static int open_bundle(struct creation *c, int *ret_fd, const char **ret_path, struct error *err)
{
	_cleanup_close_ int fd = fd_openat(AT_FDCWD, c->o->bundle, O_PATH | O_DIRECTORY, 0);
	char link[40], path[PATH_MAX];
	ssize_t n;

	if (fd < 0)
		return error_errno(err, fd, "open the bundle %s", c->o->bundle);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || path[0] != '/')
		return error_errno(err, n < 0 ? errno : ENOENT, "find the path of the bundle %s",
				   c->o->bundle);
	*ret_path = arena_strndup(c->arena, path, (size_t)n);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int check_terminal(const struct creation *c, struct error *err)
{
	bool terminal = c->plan->has_process && c->plan->process.terminal;
	bool detached = c->kind == CREATION_WAITS || c->o->detach;

	if (terminal && detached && !c->o->console_socket) {
		error_set(err, EINVAL, "the process wants a terminal, and nobody would hold it");
		error_at(err, "/process/terminal");
		return error_hint(err, "give --console-socket, or set process.terminal to false%s",
				  c->kind != CREATION_WAITS ? ", or leave out --detach" : "");
	}
	if (!terminal && c->o->console_socket) {
		error_usage(err, "--console-socket is of no use: process.terminal is false");
		return error_at(err, "/process/terminal");
	}
	return 0;
}

/* Only where something can be mounted, and somebody is there to notify of anything. */
static int plan_notification(struct creation *c, const struct oci_config *config, const char **ret,
			     struct error *err)
{
	const char *dir, *manager = getenv("NOTIFY_SOCKET");
	bool mounts = false;
	int r;

	if (c->o->restore)	/* what was dumped has it, or has it not */
		return 0;
	if (c->o->sdnotify && str_eq(c->o->sdnotify, "ignore"))
		return 0;
	c->notify.runtime = c->o->sdnotify && str_eq(c->o->sdnotify, "runtime");
	if (c->notify.runtime) {
		notify_connect(&c->notify);
		return 0;
	}
	for (size_t i = 0; i < config->linux_.n_namespaces; i++)
		mounts = mounts || config->linux_.namespaces[i].flag == CLONE_NEWNS;
	if (mounts && config->process.present)
		notify_connect(&c->notify);
	else if (config->process.present && manager && *manager)
		log_warning("NOTIFY_SOCKET is not handed on: that takes a mount namespace of the container");
	if (c->notify.host < 0)
		return 0;
	r = store_directory(c->arena, c->o->global->root, c->o->id, &dir, err);
	if (r == 0)
		*ret = arena_printf(c->arena, "%s/" STORE_NOTIFY, dir);
	return r;
}

static int load_config(struct creation *c, int bundle, const char *path, struct oci_config **ret,
		       struct error *err)
{
	bool piped = str_eq(c->o->config, "-");
	const char *name = input_path(c->o->config);
	int r = config_load(c->arena, bundle, name, ret, &c->config_text, &c->config_len, err);

	if (r < 0 && piped)
		return error_in(err, "the configuration on the standard input");
	if (r == -ENOENT && name[0] != '/')
		error_hint(err, "the bundle is %s: `orlop spec` writes a config.json there to start from, and the "
			   "files of the container belong into rootfs/ beside it", path);
	return r;
}

static int make_plan(struct creation *c, struct facts *facts, unsigned listening,
		     struct error *err)
{
	TRACE("plan", NULL);
	struct plan_options po = {
		.id = arena_strdup(c->arena, c->o->id), .no_pivot = c->o->no_pivot,
		.no_new_keyring = c->o->no_new_keyring, .detached = c->kind == CREATION_WAITS || c->o->detach,
		.die_with_parent = c->o->die_with_parent, .restores = c->kind == CREATION_RESTORES,
		.has_console_socket = c->o->console_socket, .preserve_fds = c->o->preserve_fds,
		.listen_fds = listening, .listen_names = getenv("LISTEN_FDNAMES"),
		.rootless = options_rootless(c->o->global, facts),
	};
	struct oci_config *config;
	int r = options_cgroup_manager(c->o->global, &po.cgroup_manager, &po.systemd_user, err);

	if (po.cgroup_manager == CGROUP_MANAGER_DELEGATED)
		probe_delegation(facts);
	if (r == 0)
		r = open_bundle(c, &c->bundle, &po.bundle, err);
	if (r == 0)
		r = load_config(c, c->bundle, po.bundle, &config, err);
	if (r == 0)
		r = own_user_ns(c->arena, config, facts, NULL, err);
	if (r == 0)
		r = plan_notification(c, config, &po.notify, err);
	if (r == 0)
		r = plan_build(c->arena, config, facts, &po, &c->plan, err);
	if (r < 0 && err->where[0] && err->code == EINVAL)	/* not what this host lacks */
		error_kind(err, ERROR_CONFIG);
	return r < 0 ? error_phase(err, "plan") : 0;
}

/* Who wants the pidfd of the container's process. */
static int connect_pidfd(struct creation *c, struct error *err)
{
	const char *receiver = annotation_value(&c->plan->config->annotations, ANNOTATION_PIDFD_RECEIVER);
	int r = options_connect_pidfd(c->o->pidfd_socket, &c->pidfd_sockets[0], err);

	if (r < 0)
		return r;
	r = options_connect_pidfd(receiver, &c->pidfd_sockets[1], err);
	return r < 0 ? error_at(err, "/annotations/" ANNOTATION_PIDFD_RECEIVER) : 0;
}

/* Who called us, for --die-with-parent: one that has ended before we looked is not seen. */
static int find_caller(struct creation *c, struct error *err)
{
	pid_t parent;

	if (!c->o->die_with_parent)
		return 0;
	parent = getppid();
	if (parent == 0)
		return error_set(err, ESRCH, "--die-with-parent: the process that called is in another pid "
				 "namespace, and its end cannot be seen from here");
	c->spawn.caller = sys_pidfd_open(parent, 0);
	if (c->spawn.caller < 0)
		return error_errno(err, c->spawn.caller, "--die-with-parent: watch the process that called (pid %d)",
				   (int)parent);
	return 0;
}

static int close_others(const struct creation *c, unsigned listening, struct error *err)
{
	const int own[] = {c->bundle, c->console, c->pidfd_sockets[0], c->pidfd_sockets[1], c->agent, c->notify.host,
			   c->pid_file, c->spawn.caller};

	return options_close_others(listening + c->o->preserve_fds, own, ARRAY_SIZE(own), err);
}

int creation_prepare(struct creation *c, const struct create_options *o, enum creation_kind kind,
		     struct error *err)
{
	unsigned listening = 0;
	struct facts facts;
	int r;

	memset(c, 0, sizeof(*c));
	c->o = o;
	c->kind = kind;
	c->dir = c->bundle = c->netns = c->agent = c->console = c->pid_file = -1;
	c->pidfd_sockets[0] = c->pidfd_sockets[1] = -1;
	c->cgroup = (struct cgroup)CGROUP_INIT;
	c->notify = (struct notify)NOTIFY_INIT;
	c->arena = arena_new();
	spawn_init(&c->spawn, NULL);
	if (!str_is_container_id(o->id) && !MUTATE(T55)) {
		char shown[256];

		return error_of(err, ERROR_USAGE, EINVAL, "`%s` is not a container id (1 to 200 of "
				"A-Z a-z 0-9 _ + . -, the first a letter, digit or _)",
				str_escape(o->id, shown, sizeof(shown)));
	}
	r = self_exe_protect(o->global->argv, err);
	if (r == 0)
		r = options_descriptors(o->preserve_fds, &listening, err);
	if (r < 0)
		return r;
	facts_probe(&facts);
	r = make_plan(c, &facts, listening, err);
	if (r == 0)
		r = check_terminal(c, err);
	if (r == 0)
		r = options_check_security(&c->plan->security, err);
	if (r == 0)
		r = core_sharing_check(o->global, c->plan, err);
	if (r == 0)
		r = options_find_console(o->console_socket, &c->console, err);
	if (r == 0)
		r = connect_pidfd(c, err);
	if (r == 0)
		r = agent_connect(c->plan, &c->agent, err);
	if (r == 0)
		r = find_caller(c, err);
	if (r == 0)
		r = pid_file_open(o->pid_file, &c->pid_file, err);
	if (r == 0)
		r = close_others(c, listening, err);
	if (r < 0)
		return r;
	log_debug("container `%s` is planned: bundle %s", o->id, c->plan->bundle);
	c->spawn.plan = c->plan;
	c->spawn.attach_late = c->plan->cgroup.attach_late;
	c->spawn.unit = c->plan->cgroup.unit.name;
	c->spawn.unit_user = c->plan->cgroup.unit.user;
	c->spawn.subgroup = c->plan->cgroup.unit.slice ? "" : "/" CGROUP_UNIT_INNER;
	c->spawn.handles.last_cap = facts.last_cap;
	return 0;
}
