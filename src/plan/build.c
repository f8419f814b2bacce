/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan as a whole: its parts in order, and what only several of them together can tell.
 * Runs in the parent, before the first side effect; makes no system call.
 */
#include "plan/build.h"

#include <errno.h>
#include <string.h>

#include "plan/parts.h"

static struct plan *plan_new(struct arena *a, const struct oci_config *config,
			     const struct plan_options *o)
{
	struct plan *p = arena_new_array(a, struct plan, 1);

	p->config = config;
	p->id = arena_strdup(a, o->id);
	p->bundle = arena_strdup(a, o->bundle);
	p->rootless = o->rootless;
	return p;
}

/* A pty whose master nobody holds would hang up at once: conmon and shims pass a socket for it. */
static int check_console(const struct plan *p, const struct plan_options *o, struct error *err)
{
	if (p->process.terminal && o->detached && !o->has_console_socket)
		return error_config(err, "/process/terminal",
				    "a detached process with a terminal needs somebody to hold its other "
				    "end: give --console-socket, or run it in the foreground");
	if (!p->process.terminal && o->has_console_socket)
		return error_config(err, "/process/terminal",
				    "--console-socket is given, but the process has no terminal: set "
				    "process.terminal, or leave the option out");
	return 0;
}

static bool needs_private_proc(const struct plan *p)
{
	for (size_t i = 0; i < p->rootfs.n_mounts; i++)
		if (p->rootfs.mounts[i].options->tmpcopyup)
			return true;
	/* which mounts of the host have to go, if they are there */
	if (p->rootfs.no_pivot && p->rootfs.mount_ns && (!p->rootfs.alone || p->rootfs.foreign))
		return true;
	return p->security.apparmor || p->security.selinux || p->process.n_sysctls > 0;
}

/* What is decided for a cgroup, only if there is one. */
static int plan_cgroup_parts(struct arena *a, struct plan *p, const struct facts *facts,
			     const struct plan_options *options, struct error *err)
{
	int r = plan_cgroup(a, p, facts, options, err);

	if (r == 0)
		r = plan_cgroup_devices(a, p, err);
	return r == 0 ? plan_systemd_properties(a, p, err) : r;
}

int plan_build(struct arena *a, const struct oci_config *config, const struct facts *facts,
	       const struct plan_options *options, const struct plan **ret, struct error *err)
{
	struct plan *p = plan_new(a, config, options);
	struct findings *all = options->all;
	int r;

	p->has_process = config->process.present;
	p->hooks = &config->hooks;

	r = findings_go_on(all, plan_annotations(p, err), err);
	if (r == 0)
		r = findings_go_on(all, plan_ns(a, p, facts, options, err), err);
	if (r == 0)
		r = findings_go_on(all, plan_rootfs(a, p, facts, options, err), err);
	if (r == 0)
		r = findings_go_on(all, plan_cgroup_parts(a, p, facts, options, err), err);
	if (r == 0)
		r = findings_go_on(all, plan_intelrdt(a, p, err), err);
	if (r == 0)
		r = findings_go_on(all, plan_process(a, p, &config->process, facts, options, err), err);
	if (r == 0)
		r = findings_go_on(all, plan_sysctl(a, p, err), err);
	if (r == 0)
		r = findings_go_on(all, plan_security(a, p, &config->process, facts, options, err), err);
	if (r == 0)
		r = findings_go_on(all, check_console(p, options, err), err);
	if (r < 0)
		return r;

	p->rootfs.private_proc = needs_private_proc(p);
	*ret = p;
	return 0;
}

/*
 * What the document of `exec` leaves out it takes from the container: capabilities, labels and
 * execCPUAffinity.  noNewPrivileges, rlimits, environment and ids are its own alone.
 */
static const struct oci_process *with_fallbacks(struct arena *a, const struct oci_config *config,
						const struct oci_process *process)
{
	struct oci_process *m = arena_new_array(a, struct oci_process, 1);
	const struct oci_process *base = &config->process;

	*m = *process;
	m->present = true;
	if (!m->has_capabilities) {
		m->has_capabilities = base->has_capabilities;
		m->capabilities = base->capabilities;
	}
	if (!m->apparmor_profile || !*m->apparmor_profile)
		m->apparmor_profile = base->apparmor_profile;
	if (!m->selinux_label || !*m->selinux_label)
		m->selinux_label = base->selinux_label;
	if (!m->exec_affinity.present)
		m->exec_affinity = base->exec_affinity;
	return m;
}

int plan_build_exec(struct arena *a, const struct oci_config *config,
		    const struct oci_process *process, const struct facts *facts,
		    const struct plan_options *options, const struct plan **ret,
		    struct error *err)
{
	struct plan *p = plan_new(a, config, options);
	const struct oci_process *merged = with_fallbacks(a, config, process);
	int r;

	p->has_process = true;
	r = plan_process(a, p, merged, facts, options, err);
	if (r == 0)
		r = plan_security(a, p, merged, facts, options, err);
	if (r == 0)
		r = check_console(p, options, err);
	if (r < 0)
		return r;

	p->rootfs.private_proc = needs_private_proc(p);
	*ret = p;
	return 0;
}

int plan_build_mounts(struct arena *a, const struct oci_config *config, const struct facts *facts,
		      const struct plan_options *options, bool userns, const struct plan **ret, struct error *err)
{
	struct plan *p = plan_new(a, config, options);
	int r;

	p->ns.userns = userns;
	r = plan_rootfs_added(a, p, facts, err);
	if (r < 0)
		return r;
	p->rootfs.private_proc = needs_private_proc(p);
	*ret = p;
	return 0;
}
