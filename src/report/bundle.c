/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a bundle to a plan as `run` makes it, without a container.  On the host, with the caller's rights. */
#include "report/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "launch/options.h"
#include "launch/own_user_ns.h"
#include "plan/build.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/input.h"
#include "util/str.h"

int bundle_read(struct arena *a, const struct global_options *g, const char *name, const char *config,
		const char *host, struct bundle *ret, struct error *err)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX], *text;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->name = config ? config : "config.json";
	name = name ? name : ".";
	fd = fd_openat(AT_FDCWD, name, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return error_errno(err, fd, "open the bundle %s", name);
	if (!realpath(name, path))
		return error_errno(err, errno, "find the path of the bundle %s", name);
	ret->path = arena_strdup(a, path);
	r = config_read(a, fd, input_path(ret->name), &text, &ret->document.len, err);
	if (r < 0)
		return r;
	ret->document.text = text;
	if (host)
		return host_read(a, host, &ret->host, err);
	host_probe(a, options_named_manager(g) == CGROUP_MANAGER_DELEGATED, &ret->host);
	return 0;
}

static int find_manager(const struct global_options *g, const struct host *h, struct plan_options *po,
			struct error *err)
{
	if (h->here)
		return options_cgroup_manager(g, &po->cgroup_manager, &po->systemd_user, err);
	po->cgroup_manager = options_named_manager(g);
	po->systemd_user = h->facts.euid != 0;
	if (po->cgroup_manager == CGROUP_MANAGER_SYSTEMD && !h->systemd)
		return error_set(err, ENOTSUP, "systemd does not run on that host");
	return 0;
}

int bundle_plan(struct arena *a, const struct global_options *g, const struct bundle *b, const char *id,
		struct oci_config *config, struct findings *all, const struct plan **ret, struct error *err)
{
	struct plan_options po = {.id = id, .bundle = b->path, .all = all,
				  .rootless = options_rootless(g, &b->host.facts)};
	int r = findings_go_on(all, find_manager(g, &b->host, &po, err), err);

	if (r == 0)
		r = findings_go_on(all, own_user_ns(a, config, &b->host.facts, &b->host.ids, err), err);
	return r == 0 ? plan_build(a, config, &b->host.facts, &po, ret, err) : r;
}
