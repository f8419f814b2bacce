/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages: the root file system, from the host's tree to the container's.  Run in the container
 * process with the capabilities of its user namespace. */
#include "init/protocol_receive.h"
#include "init/protocol_send.h"
#include "init/stages.h"
#include "process/hooks.h"
#include "process/process.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>


static int ask_for_ids(void *ctx, int mnt, struct error *err)
{
	struct conversation *conv = ctx;
	int r = conversation_send(conv, MSG_IDMAP, mnt, err);

	return r < 0 ? r : conversation_expect(conv, MSG_IDMAPPED, -1, -1, NULL, err);
}

/* Needs: the mount namespace.  Does: cut it off from the host's, attach the root tree. */
int stage_enter(struct stage_context *c, struct error *err)
{
	int r = rootfs_enter(&c->p->rootfs, &c->h->rootfs, &c->rootfs, err);

	c->rootfs.pid_ns = stage_pid_join(c);
	c->rootfs.foreign_proc = init_foreign_proc;
	c->rootfs.ask_for_ids = ask_for_ids;
	c->rootfs.ask_ctx = &c->conv;
	return r;
}

/* Must not: resolve a name of the root file system twice (rule R1). */
int stage_mounts(struct stage_context *c, struct error *err)
{
	return rootfs_mounts(&c->p->rootfs, &c->h->rootfs, &c->rootfs, err);
}

int stage_devices(struct stage_context *c, struct error *err)
{
	return rootfs_devices(&c->p->rootfs, &c->rootfs, err);
}

/* One list of hooks of the container's side; the pid in the document is ours, as seen inside. */
int stage_run_hooks(struct stage_context *c, enum oci_hook_kind kind,
		    const struct hook_document *doc, struct hook_run *run, struct error *err)
{
	char *text;

	run->kind = kind;
	run->list = &c->p->hooks->list[kind];
	if (run->list->n == 0)
		return 0;
	text = arena_printf(c->scratch, "%s%d%s", doc->head, (int)getpid(), doc->tail);
	run->state_json = text;
	run->state_len = strlen(text);
	return hooks_run(run, false, err);
}

/*
 * Needs: the mounts, and the host's tree still visible: createContainer hooks are named in the
 * runtime's namespace and run in ours (runtime-spec config.md#posix-platform-hooks).
 * Does: let the parent run prestart and createRuntime hooks, then run createContainer hooks.
 * Must not: give them the caller's environment or directory; theirs is the root file system.
 */
int stage_hooks(struct stage_context *c, struct error *err)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	static char *const env[] = {path, NULL};
	int *const output = c->h->hook_output;
	struct hook_run run = {.default_env = env, .cwd = c->rootfs.root, .out = output[0], .err = output[1]};
	int r;

	if (!(c->conv.flags & CONV_HOOKS))
		return 0;
	r = conversation_send(&c->conv, MSG_ROOTFS_READY, -1, err);
	if (r == 0)
		r = conversation_expect(&c->conv, MSG_HOOKS_DONE, -1, -1, NULL, err);
	if (r < 0)
		return r;
	r = stage_run_hooks(c, HOOK_CREATE_CONTAINER, &c->h->hook_state[0], &run, err);
	for (size_t i = 0; i < ARRAY_SIZE(c->h->hook_output); i++) {	/* the container is not to see them */
		if (output[i] >= 0)
			close(output[i]);
		output[i] = -1;
	}
	return r;
}

/*
 * Needs: devpts mounted (or, for exec, "/" of the container).
 * Does: open a pty there, send its master to the parent, keep the peer.
 */
int stage_console(struct stage_context *c, struct error *err)
{
	const struct oci_process *o = c->p->process.oci;
	_cleanup_close_ int master = -1;
	int r;

	if (!(c->conv.flags & CONV_CONSOLE))
		return 0;
	if (c->h->exec) {
		c->rootfs.root = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
		if (c->rootfs.root < 0)
			return error_errno(err, c->rootfs.root, "open / of the container");
	}
	r = rootfs_console(&c->p->rootfs, &c->rootfs, o->user.uid, &master, &c->console, err);
	if (r < 0)
		return r;
	if (o->console_size.set) {
		r = tty_set_size(c->console, o->console_size.rows, o->console_size.cols, err);
		if (r < 0)
			return error_at(err, "/process/consoleSize");
	}
	return conversation_send(&c->conv, MSG_CONSOLE, master, err);
}

int stage_protect(struct stage_context *c, struct error *err)
{
	return rootfs_protect(&c->p->rootfs, &c->rootfs, err);
}

/*
 * Does: write sysctls through the private procfs (before any of it could be hidden), then make the
 * container's root ours and let go of the host's.
 */
int stage_pivot(struct stage_context *c, struct error *err)
{
	_cleanup_close_ int theirs = MUTATE(T27) ? path_open_in_root(c->rootfs.root, "/proc", O_PATH) : -1;
	int r = 0;

	if (c->p->process.n_sysctls > 0)
		r = process_write_sysctls(&c->p->process, MUTATE(T27) ? theirs : c->rootfs.proc, err);
	return r < 0 ? r : rootfs_pivot(&c->p->rootfs, &c->rootfs, err);
}
