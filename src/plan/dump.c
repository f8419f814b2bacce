/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan as stable text, one decision a line, for golden tests.  What is off, empty or zero is left
 * out.  Runs in the parent; nothing in the runtime depends on it.
 */
#include "plan/dump.h"

#include <inttypes.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "oci/linux.h"
#include "oci/names.h"
#include "util/str.h"

/* Foreign text, so that it cannot forge a line. */
static void put(FILE *out, const char *s)
{
	size_t size = 4 * strlen(s) + 1;
	char *buf = xmalloc(size);

	fputs(str_escape(s, buf, size), out);
	free(buf);
}

static void line(FILE *out, const char *key, const char *value)
{
	if (!value)
		return;
	fprintf(out, "%s ", key);
	put(out, value);
	fputc('\n', out);
}

static void flag(FILE *out, const char *key, bool on)
{
	if (on)
		fprintf(out, "%s\n", key);
}

static void words(FILE *out, const char *key, const struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		line(out, key, s->v[i]);
}

static const char *ns_name(uint64_t bit)
{
	for (size_t i = 0; i < n_namespace_names; i++)
		if (namespace_names[i].value == bit)
			return namespace_names[i].name;
	return "unknown";
}

static void ns_flags(FILE *out, const char *key, uint64_t flags)
{
	if (!flags)
		return;
	fputs(key, out);
	for (uint64_t bit = 1; bit; bit <<= 1)
		if (flags & bit)
			fprintf(out, " %s", ns_name(bit));
	fputc('\n', out);
}

static void dump_ns(const struct plan_ns *n, FILE *out)
{
	static const char *const methods[] = { "none", "write", "helpers" };

	ns_flags(out, "ns.create", n->create);
	ns_flags(out, "ns.unshare", n->unshare);
	ns_flags(out, "ns.from_tree", n->from_tree);
	for (size_t i = 0; i < n->n_joins; i++) {
		fprintf(out, "ns.join %s ", ns_name(n->joins[i].flag));
		put(out, n->joins[i].path);
		fprintf(out, " at %s\n", n->joins[i].where);
	}
	flag(out, "ns.launcher", n->launcher);
	ns_flags(out, "ns.launcher_joins", n->launcher_joins);
	flag(out, "ns.clone_last", n->clone_last);
	flag(out, "ns.userns", n->userns);
	flag(out, "ns.userns_first", n->userns_first);
	if (n->idmap != IDMAP_NONE)
		fprintf(out, "ns.idmap %s\n", methods[n->idmap]);
	line(out, "ns.uid_map", n->uid_map);
	line(out, "ns.gid_map", n->gid_map);
	line(out, "ns.joined_uid_map", n->joined_uid_map);
	line(out, "ns.joined_gid_map", n->joined_gid_map);
	flag(out, "ns.deny_setgroups", n->deny_setgroups);
	flag(out, "ns.loopback_up", n->loopback_up);
	line(out, "ns.time_offsets", n->time_offsets);
	flag(out, "ns.time_in_launcher", n->time_in_launcher);
	line(out, "ns.hostname", n->hostname);
	line(out, "ns.domainname", n->domainname);
	for (size_t i = 0; i < n->n_net_devices; i++) {
		fputs("ns.net_device ", out);
		put(out, n->net_devices[i].host_name);
		fputs(" -> ", out);
		put(out, n->net_devices[i].name);
		fputs(" at ", out);
		put(out, n->net_devices[i].where);
		fputc('\n', out);
	}
}

/* ---- root file system ----------------------------------------------------------------------- */

static const char *propagation_name(unsigned long flags)
{
	switch (flags & (MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE)) {
	case MS_SHARED: return flags & MS_REC ? "rshared" : "shared";
	case MS_SLAVE: return flags & MS_REC ? "rslave" : "slave";
	case MS_PRIVATE: return flags & MS_REC ? "rprivate" : "private";
	case MS_UNBINDABLE: return flags & MS_REC ? "runbindable" : "unbindable";
	default: return "unknown";
	}
}

static void hex(FILE *out, const char *key, uint64_t value)
{
	if (value)
		fprintf(out, " %s=%" PRIx64, key, value);
}

static void words_inline(FILE *out, const char *key, const struct strings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		fprintf(out, " %s=", key);
		put(out, s->v[i]);
	}
}

static void dump_idmap(const struct plan_mount *m, FILE *out)
{
	if (!m->idmap_where)
		return;
	fputs(m->options->idmap_recursive ? " ridmap" : " idmap", out);
	if (m->uid_map) {
		fputs(" uid_map=", out);
		put(out, m->uid_map);
		fputs(" gid_map=", out);
		put(out, m->gid_map);
	}
	fprintf(out, " at %s", m->idmap_where);
}

static void dump_mount(const struct plan_mount *m, FILE *out)
{
	static const char *const kinds[] = { "bind", "fs", "cgroup2", "sysfs", "remount" };
	const struct oci_mount_options *o = m->options;

	fprintf(out, "mount %u %s ", m->index,
		m->kind == MOUNT_BIND && o->recursive ? "rbind" : kinds[m->kind]);
	put(out, m->destination);
	if (m->fstype) {
		fputs(" type=", out);
		put(out, m->fstype);
	}
	if (m->source) {
		fputs(" source=", out);
		put(out, m->source);
	}
	hex(out, "set", o->attr_set);
	hex(out, "clear", o->attr_clr);
	hex(out, "rset", o->rattr_set);
	hex(out, "rclear", o->rattr_clr);
	words_inline(out, "sb", &o->sb_flags);
	words_inline(out, "data", &m->data);
	dump_idmap(m, out);
	for (size_t i = 0; i < o->n_propagation; i++)
		fprintf(out, " %s", propagation_name(o->propagation[i]));
	fprintf(out, "%s%s%s\n", o->tmpcopyup ? " tmpcopyup" : "", m->on_proc ? " on_proc" : "",
		m->late_readonly ? " late_readonly" : "");
}

static void dump_device(const struct plan_device *d, FILE *out)
{
	fputs("device ", out);
	put(out, d->path);
	fprintf(out, " %c %u:%u %04o %u:%u", S_ISBLK(d->mode) ? 'b' : S_ISCHR(d->mode) ? 'c' : 'p',
		major(d->dev), minor(d->dev), d->mode & 07777, d->uid, d->gid);
	fprintf(out, "%s%s", d->any_mode ? " any-mode" : "", d->any_owner ? " any-owner" : "");
	if (d->made_outside)
		fprintf(out, " outside %u:%u", d->host_uid, d->host_gid);
	fprintf(out, "%s%s\n", *d->where ? " at " : "", d->where);
}

static void dump_rootfs(const struct plan_rootfs *r, FILE *out)
{
	flag(out, "rootfs.mount_ns", r->mount_ns);
	flag(out, "rootfs.host_mounts", r->host_mounts);
	line(out, "rootfs.path", r->path);
	flag(out, "rootfs.readonly", r->readonly);
	flag(out, "rootfs.no_pivot", r->no_pivot);
	flag(out, "rootfs.at_path", r->at_path);
	flag(out, "rootfs.alone", r->alone);
	flag(out, "rootfs.foreign", r->foreign);
	line(out, "rootfs.why_copy", r->why_copy);
	flag(out, "rootfs.joined_mounts", r->joined_mounts);
	flag(out, "rootfs.sources_in_child", r->sources_in_child);
	if (r->host_propagation)
		line(out, "rootfs.host_propagation", propagation_name(r->host_propagation));
	if (r->propagation)
		line(out, "rootfs.propagation", propagation_name(r->propagation));
	flag(out, "rootfs.new_cgroupns", r->new_cgroupns);
	flag(out, "rootfs.joined_cgroupns", r->joined_cgroupns);
	flag(out, "rootfs.cgroup_readonly", r->cgroup_readonly);
	flag(out, "rootfs.private_proc", r->private_proc);
	line(out, "rootfs.cwd", r->cwd);
	flag(out, "rootfs.console", r->console);
	flag(out, "rootfs.devices_by_bind", r->devices_by_bind);
	flag(out, "rootfs.skip_default_dev", r->skip_default_dev);
	for (size_t i = 0; i < r->n_mounts; i++)
		dump_mount(&r->mounts[i], out);
	for (size_t i = 0; i < r->n_devices; i++)
		dump_device(&r->devices[i], out);
	for (size_t i = 0; i < r->n_links; i++)
		fprintf(out, "link %s -> %s\n", r->links[i].path, r->links[i].target);
	words(out, "masked", &r->masked);
	words(out, "readonly", &r->readonly_paths);
}

/* ---- cgroup --------------------------------------------------------------------------------- */

static void dump_unit(const struct plan_cgroup *c, FILE *out)
{
	if (c->mode != PLAN_CGROUP_SYSTEMD)
		return;
	line(out, c->unit.user ? "cgroup.user_unit" : "cgroup.unit", c->unit.name);
	flag(out, "cgroup.attach_late", c->attach_late);
	for (size_t i = 0; i < c->unit.n_properties; i++) {
		const struct plan_property *p = &c->unit.properties[i];

		fprintf(out, "cgroup.property %s ", p->name);
		put(out, p->value);
		if (p->bfq_value) {
			fputs(" or for bfq ", out);
			put(out, p->bfq_value);
		}
		fprintf(out, "%s%s\n", *p->where ? " at " : "", p->where);
	}
}

static void dump_cgroup(const struct plan_cgroup *c, FILE *out)
{
	if (c->mode == PLAN_CGROUP_NONE) {
		fputs("cgroup none\n", out);
		return;
	}
	line(out, "cgroup.root", c->root);
	flag(out, "cgroup.hybrid", c->hybrid);
	line(out, "cgroup.path", c->path);
	dump_unit(c, out);
	flag(out, "cgroup.optional", c->optional);
	if (c->owner.set)
		fprintf(out, "cgroup.owner %u\n", c->owner.v);
	flag(out, "cgroup.delegated", c->delegation.where);
	for (unsigned i = 0; i < ARRAY_SIZE(cgroup_controller_names); i++)
		if (c->delegation.controllers & (1u << i))
			line(out, "cgroup.delegated_controller", cgroup_controller_names[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(cgroup_controller_names); i++)
		if (c->controllers & (1u << i))
			line(out, "cgroup.controller", cgroup_controller_names[i]);
	for (size_t i = 0; i < c->n_writes; i++) {
		fprintf(out, "cgroup.write%s ", c->writes[i].optional ? "_optional" : "");
		put(out, c->writes[i].file);
		fputc(' ', out);
		put(out, c->writes[i].value);
		if (c->writes[i].usage_file)
			fprintf(out, " not below %s", c->writes[i].usage_file);
		fprintf(out, " at %s\n", c->writes[i].where);
	}
	if (c->device_program)
		fprintf(out, "cgroup.device_program %zu instructions%s\n", c->n_device_insns,
			c->rootless ? ", optional" : "");
}

static void dump_intelrdt(const struct plan_intelrdt *x, FILE *out)
{
	static const char *const kinds[] = { "own", "shared", "join" };

	if (!x->group)
		return;
	fprintf(out, "intelrdt.group %s ", kinds[x->kind]);
	put(out, x->group);
	fputc('\n', out);
	flag(out, "intelrdt.optional", x->optional);
	line(out, "intelrdt.monitor", x->monitor);
	for (size_t i = 0; i < x->n_lines; i++) {
		fputs("intelrdt.line ", out);
		put(out, x->lines[i].text);
		fprintf(out, "%s at %s\n", x->lines[i].compared ? " compared" : "", x->lines[i].where);
	}
}

/* ---- process, security ---------------------------------------------------------------------- */

static void dump_user(const struct oci_user *u, FILE *out)
{
	fprintf(out, "process.user %u:%u\n", u->uid, u->gid);
	for (size_t i = 0; i < u->n_additional_gids; i++)
		fprintf(out, "process.group %u\n", u->additional_gids[i]);
}

/* The words of the bits in @flags. */
static void flag_names(FILE *out, const struct name_value *names, size_t n, uint64_t flags)
{
	for (size_t i = 0; i < n; i++)
		if (flags & names[i].value)
			fprintf(out, " %s", names[i].name);
}

static void amount(FILE *out, const char *key, uint64_t value)
{
	if (value)
		fprintf(out, " %s=%" PRIu64, key, value);
}

static void dump_attributes(const struct plan_process *p, FILE *out)
{
	const struct oci_scheduler *s = &p->oci->scheduler;
	const struct oci_memory_policy *m = p->memory_policy;

	if (s->present) {
		fprintf(out, "process.scheduler %s", s->name);
		if (s->nice.v)
			fprintf(out, " nice=%d", s->nice.v);
		amount(out, "priority", s->priority.v);
		amount(out, "runtime", s->runtime.v);
		amount(out, "deadline", s->deadline.v);
		amount(out, "period", s->period.v);
		flag_names(out, scheduler_flag_names, n_scheduler_flag_names, s->flags);
		fputc('\n', out);
	}
	if (p->oci->io_priority.present)
		fprintf(out, "process.io_priority %s %u\n", p->oci->io_priority.name,
			p->oci->io_priority.level);
	flag(out, "process.scheduled_by_parent", p->scheduled_by_parent);
	line(out, "process.initial_affinity", p->initial_affinity ? p->initial_affinity->text : NULL);
	line(out, "process.affinity", p->affinity ? p->affinity->text : NULL);
	if (m) {
		fprintf(out, "process.memory_policy %s", m->name);
		flag_names(out, memory_flag_names, n_memory_flag_names, m->flags);
		fprintf(out, "%s%s\n", m->nodes.text ? " nodes=" : "", m->nodes.text ? m->nodes.text : "");
	}
	if (p->personality.set)
		fprintf(out, "process.personality %#" PRIx64 "\n", p->personality.v);
}

static void dump_process(const struct plan_process *p, FILE *out)
{
	for (char *const *v = p->argv; *v; v++)
		line(out, "process.arg", *v);
	for (char *const *v = p->envp; *v; v++)
		line(out, "process.env", *v);
	flag(out, "process.add_home", p->add_home);
	line(out, "process.cwd", p->cwd);
	dump_user(&p->oci->user, out);
	fprintf(out, "process.umask %04o\n", p->umask);
	for (size_t i = 0; i < p->oci->n_rlimits; i++)
		fprintf(out, "process.rlimit %s %" PRIu64 " %" PRIu64 "\n", p->oci->rlimits[i].name,
			p->oci->rlimits[i].soft, p->oci->rlimits[i].hard);
	if (p->oci->oom_score_adj.set)
		fprintf(out, "process.oom_score_adj %d%s\n", p->oci->oom_score_adj.v,
			p->oom_optional ? " optional" : "");
	flag(out, "process.terminal", p->terminal);
	flag(out, "process.die_with_parent", p->die_with_parent);
	if (p->keep_fds)
		fprintf(out, "process.keep_fds %u\n", p->keep_fds);
	flag(out, "process.listen_fds", p->listen_fds > 0);
	flag(out, "process.new_keyring", p->new_keyring);
	flag(out, "process.keep_groups", p->keep_groups);
	dump_attributes(p, out);
	for (size_t i = 0; i < p->n_sysctls; i++) {
		fputs("sysctl ", out);
		put(out, p->sysctls[i].file);
		fputs(" = ", out);
		put(out, p->sysctls[i].value);
		fputs(" at ", out);
		put(out, p->sysctls[i].where);
		fputc('\n', out);
	}
}

static void dump_caps(FILE *out, const char *set, uint64_t caps)
{
	char name[32];

	fprintf(out, "caps.%s", set);
	for (unsigned i = 0; i < 64; i++)
		if (caps & 1ull << i)
			fprintf(out, " %s", capability_name(i, name) ? name + strlen("CAP_") : "?");
	fputc('\n', out);
}

static void dump_security(const struct plan_security *s, FILE *out)
{
	dump_caps(out, "bounding", s->caps.bounding);
	dump_caps(out, "permitted", s->caps.permitted);
	dump_caps(out, "effective", s->caps.effective);
	dump_caps(out, "inheritable", s->caps.inheritable);
	dump_caps(out, "ambient", s->caps.ambient);
	flag(out, "security.no_new_privs", s->no_new_privs);
	flag(out, "security.sys_admin_until_exec", s->until_exec);
	line(out, "security.apparmor", s->apparmor);
	line(out, "security.selinux", s->selinux);
	line(out, "security.mount_label", s->mount_label);
	if (s->seccomp)
		fprintf(out, "security.seccomp default %08x, %zu rules\n", s->seccomp->default_action,
			s->seccomp->n_rules);
	flag(out, "security.landlock", s->landlock);
	line(out, "security.core_sched", core_sched_name(s->core_sched));
	line(out, "security.core_sched_with", s->core_sched_with);
	line(out, "security.seccomp_agent", s->seccomp_agent);
}

static void dump_hooks(const struct oci_hooks *hooks, FILE *out)
{
	for (unsigned kind = 0; kind < N_HOOK_KINDS; kind++)
		for (size_t i = 0; i < hooks->list[kind].n; i++) {
			fprintf(out, "hook %s ", oci_hook_names[kind]);
			put(out, hooks->list[kind].v[i].path);
			fputc('\n', out);
		}
}

void plan_dump(const struct plan *p, FILE *out)
{
	line(out, "id", p->id);
	line(out, "bundle", p->bundle);
	flag(out, "rootless", p->rootless);
	dump_ns(&p->ns, out);
	dump_rootfs(&p->rootfs, out);
	dump_cgroup(&p->cgroup, out);
	dump_intelrdt(&p->intelrdt, out);
	if (p->has_process)
		dump_process(&p->process, out);
	else
		fputs("process none\n", out);
	dump_security(&p->security, out);
	if (p->hooks)
		dump_hooks(p->hooks, out);
}
