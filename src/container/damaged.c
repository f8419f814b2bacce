/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `delete --force` of a container whose state is damaged, or of another version.  What can still be read of
 * the state is used where it names the process or the cgroup beyond doubt; if that does not lead to the
 * cgroup, the saved config.json does.  Runs on the host.
 */
#include "container/damaged.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "config/config.h"
#include "launch/destroy.h"
#include "launch/options.h"
#include "launch/own_user_ns.h"
#include "plan/build.h"
#include "store/state.h"
#include "store/store.h"
#include "sys/probe.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/str.h"

/* Has another container of this root the same cgroup?  What is in there may be that one's then. */
static bool is_shared(struct arena *a, struct container *c, const char *id, const char *path)
{
	_cleanup_(store_list_free) struct strings ids = {0};
	struct error ignored = {0};
	bool shared = false;

	if (store_list(c->store, &ids, &ignored) < 0)
		return true;
	for (size_t i = 0; i < ids.n; i++) {
		_cleanup_close_ int dir = -1;
		struct state other;

		if (!str_eq(ids.v[i], id) && store_container(c->store, ids.v[i], &dir, &ignored) == 0 &&
		    state_read(a, dir, ids.v[i], &other, &ignored) == 0 && other.cgroup_path &&
		    str_eq(other.cgroup_path, path))
			shared = true;
	}
	return shared;
}

/* Which driver made it, its path says as well. */
static bool names_unit(const char *path)
{
	const char *colon = path && path[0] != '/' ? strchr(path, ':') : NULL;

	return colon && strchr(colon + 1, ':');
}

static int plan_saved(struct arena *a, const struct global_options *g, struct container *c, const char *id,
		      const struct plan **ret, struct error *err)
{
	struct plan_options o = {.id = id, .bundle = c->state.bundle};
	struct oci_config *config;
	struct facts facts;
	int r = options_cgroup_manager(g, &o.cgroup_manager, &o.systemd_user, err);

	if (r == 0)
		r = config_load(a, c->dir, STORE_CONFIG, &config, NULL, NULL, err);
	if (r < 0)
		return r;
	if (names_unit(config->linux_.cgroups_path))
		o.cgroup_manager = CGROUP_MANAGER_SYSTEMD;
	facts_probe(&facts);
	o.rootless = options_rootless(g, &facts);
	r = own_user_ns(a, config, &facts, NULL, err);
	return r < 0 ? r : plan_build(a, config, &facts, &o, ret, err);
}

/*
 * A cgroup with processes is refused at create: what is in this one came later, and nobody else of this
 * root has a claim on it.  *ret_known: is it clear now where its processes were, or that there are none?
 */
static int find_cgroup(struct arena *a, const struct global_options *g, struct container *c,
		       const char *id, bool *ret_known, struct error *err)
{
	struct state *st = &c->state;
	_cleanup_close_ int fd = -1;
	const struct plan *p;
	const char *named;
	struct stat sb;
	int r = plan_saved(a, g, c, id, &p, err);

	if (r < 0)
		return r;
	st->has_poststop = p->hooks->list[HOOK_POSTSTOP].n > 0;
	if (st->cgroup_path || p->cgroup.mode == PLAN_CGROUP_NONE)
		return 0;
	if (is_shared(a, c, id, p->cgroup.path))
		return error_set(err, EEXIST, "another container has the cgroup %s, too", p->cgroup.path);
	r = cgroup_open(p->cgroup.root, p->cgroup.path, 0, &fd, err);
	/* Where it must have been made, its absence says that nobody is in it. */
	*ret_known = r == 0 || (r == -ENOENT && !p->cgroup.optional);
	if (r < 0)
		return r;
	if (fstat(fd, &sb) < 0)
		return error_errno(err, errno, "look at cgroup %s", p->cgroup.path);
	st->cgroup_root = (char *)p->cgroup.root;
	st->cgroup_path = (char *)p->cgroup.path;
	st->unit = (char *)p->cgroup.unit.name;
	st->unit_user = p->cgroup.unit.user;
	st->cgroup_id = sb.st_ino;
	st->cgroup_created = true;
	named = p->config->linux_.cgroups_path;
	/* our own, which stays while it is used */
	st->cgroup_created_above = st->unit ? 0 : !named || named[0] != '/';
	return 0;
}

int container_delete_damaged(const struct global_options *g, struct container *c, const char *id,
			     struct error *err)
{
	struct error why = {0};
	bool known = false;
	int r;

	log_warning("%s", err->text);
	memset(err, 0, sizeof(*err));
	state_salvage(c->arena, c->dir, id, &c->state);
	/* config.json is saved first of all: without it nothing else was made. */
	if (c->state.init.pid || c->state.cgroup_path || faccessat(c->dir, STORE_CONFIG, F_OK, 0) < 0)
		known = true;
	r = find_cgroup(c->arena, g, c, id, &known, &why);
	if (r < 0 && !c->state.cgroup_path && !(known && r == -ENOENT))
		log_warning("container `%s`: its saved config.json: %s", id, why.text);
	r = container_destroy(c->store, id, c->dir, &c->state, true, err);
	if (r < 0 || known)
		return r;
	return error_of(err, ERROR_CONTAINER_DAMAGED, EBADMSG,
			"the directory of container `%s` is removed, but its state and its saved config.json "
			"say nothing of its processes and its cgroup: look for both, they may be there still",
			id);
}

int container_check_stateless(const struct global_options *g, struct container *c, const char *id,
			      struct error *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ pid_t *pids = NULL;
	struct error ignored = {0};
	bool known = false;
	size_t n = 0;

	state_salvage(c->arena, c->dir, id, &c->state);
	if (find_cgroup(c->arena, g, c, id, &known, &ignored) < 0 || !c->state.cgroup_path)
		return 0;
	if (cgroup_open(c->state.cgroup_root, c->state.cgroup_path, c->state.cgroup_id, &fd, &ignored) < 0 ||
	    cgroup_procs(fd, &pids, &n, &ignored) < 0 || n == 0)
		return 0;
	return error_set(err, EBUSY, "container `%s` has no state, and in the cgroup that its saved config.json names, "
			 "%s%s, are processes, which may be its own: end them, and try again", id,
			 c->state.cgroup_root, c->state.cgroup_path);
}
