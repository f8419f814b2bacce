/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which namespaces are made and which are joined, in what order, and how ids are mapped.
 * Runs in the parent, before the first side effect; makes no system call.
 */
#include "plan/parts.h"

#include <errno.h>
#include <linux/sched.h>

#include "util/str.h"

/* user_namespaces(7): one write(2) of less than a page; the smallest page there is. */
#define ID_MAP_MAX_BYTES 4096

static const struct oci_namespace *find_ns(const struct oci_linux *l, uint64_t flag)
{
	for (size_t i = 0; i < l->n_namespaces; i++)
		if (l->namespaces[i].flag == flag)
			return &l->namespaces[i];
	return NULL;
}

uint64_t plan_ns_made(const struct plan *p)
{
	return p->ns.create | p->ns.unshare | p->ns.from_tree | (p->ns.userns_first ? CLONE_NEWUSER : 0);
}

uint64_t plan_ns_flags(const struct plan *p)
{
	uint64_t flags = plan_ns_made(p);

	for (size_t i = 0; i < p->ns.n_joins; i++)
		flags |= p->ns.joins[i].flag;
	return flags;
}

/*
 * The user namespace comes first, because it gives the power to enter those that it owns; ns_enter_joins()
 * enters before it what only the caller has power over.  The mount namespace comes last, because everything
 * after it sees other files.  The rest as listed.
 */
static unsigned join_rank(uint64_t flag)
{
	return flag == CLONE_NEWUSER ? 0 : flag == CLONE_NEWNS ? 2 : 1;
}

static void plan_joins(struct arena *a, struct plan_ns *ns, const struct oci_linux *l)
{
	for (unsigned rank = 0; rank <= 2; rank++) {
		for (size_t i = 0; i < l->n_namespaces; i++) {
			const struct oci_namespace *n = &l->namespaces[i];

			if (!n->path || join_rank(n->flag) != rank)
				continue;
			arena_push(a, ns->joins, ns->n_joins) = (struct plan_join){
				.flag = n->flag,
				.path = n->path,
				.where = arena_printf(a, "/linux/namespaces/%zu/path", i),
			};
		}
	}
}

static void plan_time(struct arena *a, struct plan_ns *ns, const struct oci_linux *l)
{
	const struct oci_time_offset *m = &l->time_offsets.monotonic, *b = &l->time_offsets.boottime;

	if (m->present || b->present)
		ns->time_offsets = arena_printf(a, TIME_OFFSETS_FORMAT, (long long)m->secs,
						m->nanosecs, (long long)b->secs, b->nanosecs);
}

static void plan_flags(struct arena *a, struct plan_ns *ns, const struct oci_linux *l, const struct facts *f)
{
	uint64_t joined = 0;

	for (size_t i = 0; i < l->n_namespaces; i++) {
		const struct oci_namespace *n = &l->namespaces[i];

		if (n->path)
			joined |= n->flag;
		else if (n->flag == CLONE_NEWCGROUP || (n->flag == CLONE_NEWTIME && ns->time_offsets))
			ns->unshare |= n->flag;
		else
			ns->create |= n->flag;
	}
	plan_joins(a, ns, l);

	ns->clone_last = joined & CLONE_NEWPID;
	ns->launcher_joins = joined & CLONE_NEWUSER;
	if (ns->create & CLONE_NEWUSER)
		ns->launcher_joins = joined;
	ns->userns_first = (ns->create & CLONE_NEWUSER) && f->euid != 0;
	if (ns->userns_first)
		ns->create &= ~(uint64_t)CLONE_NEWUSER;
	ns->launcher = ns->launcher_joins != 0 || ns->userns_first;
	/* A new user namespace has to own it, and only the container process is in that one. */
	ns->time_in_launcher = ns->launcher && (ns->unshare & CLONE_NEWTIME) &&
			       !(ns->create & CLONE_NEWUSER) && !ns->userns_first;
	ns->userns = find_ns(l, CLONE_NEWUSER) != NULL;
	ns->loopback_up = (ns->create & CLONE_NEWNET) != 0;
}

/* What is written into uid_map or gid_map. */
int plan_id_map(struct arena *a, const struct oci_id_mappings *m, const char *where,
		const char **ret, struct error *err)
{
	char *text = arena_strdup(a, "");

	for (size_t i = 0; i < m->n; i++)
		text = arena_printf(a, "%s%u %u %u\n", text, m->v[i].container_id, m->v[i].host_id,
				    m->v[i].size);
	if (strlen(text) >= ID_MAP_MAX_BYTES)
		return error_config(err, where, "%zu entries make %zu bytes: the kernel takes less than "
				    "%d at once", m->n, strlen(text), ID_MAP_MAX_BYTES);
	*ret = text;
	return 0;
}

bool plan_host_id(const struct oci_id_mappings *maps, uint32_t id, uint32_t *ret)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_id_mapping *m = &maps->v[i];

		if (id >= m->container_id && id - m->container_id < m->size) {
			*ret = m->host_id + (id - m->container_id);
			return true;
		}
	}
	return false;
}

static bool maps_only(const struct oci_id_mappings *m, uint32_t id)
{
	return m->n == 1 && m->v[0].host_id == id && m->v[0].size == 1;
}

static bool maps_root(const struct oci_id_mappings *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].container_id == 0 && m->v[i].size > 0)
			return true;
	return false;
}

static int plan_joined_maps(struct arena *a, struct plan_ns *ns, const struct oci_linux *l,
			    struct error *err)
{
	int r = 0;

	if (l->uid_mappings.n)
		r = plan_id_map(a, &l->uid_mappings, "/linux/uidMappings", &ns->joined_uid_map, err);
	if (r == 0 && l->gid_mappings.n)
		r = plan_id_map(a, &l->gid_mappings, "/linux/gidMappings", &ns->joined_gid_map, err);
	return r;
}

/*
 * user_namespaces(7): without CAP_SETUID and CAP_SETGID in the parent namespace the kernel takes one
 * line that maps the writer's own effective id, and a gid_map only after setgroups(2) is denied for
 * good.  Anything else is for newuidmap(1) and newgidmap(1), which obey subuid(5).
 */
static int plan_idmap(struct arena *a, struct plan_ns *ns, const struct oci_config *c,
		      const struct facts *f, struct error *err)
{
	const struct oci_linux *l = &c->linux_;
	int r;

	if (!(ns->create & CLONE_NEWUSER) && !ns->userns_first)
		return plan_joined_maps(a, ns, l, err);

	r = plan_id_map(a, &l->uid_mappings, "/linux/uidMappings", &ns->uid_map, err);
	if (r == 0)
		r = plan_id_map(a, &l->gid_mappings, "/linux/gidMappings", &ns->gid_map, err);
	if (r < 0)
		return r;
	/* Somebody makes the mounts: ns_become_root(). */
	if (!c->process.present && !maps_root(&l->uid_mappings))
		return error_config(err, "/linux/uidMappings", "containerID 0 is not mapped, and there is no "
				    "process.user: the container is set up as one of them");
	if (!c->process.present && !maps_root(&l->gid_mappings))
		return error_config(err, "/linux/gidMappings", "containerID 0 is not mapped, and there is no "
				    "process.user: the container is set up as one of them");

	if (f->cap_sys_admin) {
		ns->idmap = IDMAP_WRITE;
	} else if (maps_only(&l->uid_mappings, f->euid) && maps_only(&l->gid_mappings, f->egid)) {
		ns->idmap = IDMAP_WRITE;
		ns->deny_setgroups = true;
	} else {
		ns->idmap = IDMAP_HELPERS;
	}
	return 0;
}

static int check_privilege(const struct plan_ns *ns, const struct facts *f, struct error *err)
{
	if (f->cap_sys_admin || ns->userns)
		return 0;
	error_set(err, EPERM, "a container without a user namespace needs CAP_SYS_ADMIN, which uid %u "
		  "does not have here: add {\"type\": \"user\"} to linux.namespaces, with "
		  "linux.uidMappings and linux.gidMappings (`orlop spec --rootless` writes such a "
		  "configuration), or run as root", (unsigned)f->euid);
	return error_at(err, "/linux/namespaces");
}

/* RFC 6901; a valid name has no slash. */
static const char *escape_pointer(struct arena *a, const char *name)
{
	char *out = arena_alloc(a, 2 * strlen(name) + 1, 1), *to = out;

	for (; *name; name++) {
		*to++ = *name;
		if (*name == '~')
			*to++ = '0';
	}
	return out;
}

/* Interfaces belong to whoever has CAP_NET_ADMIN over the host's network namespace. */
static int plan_net_devices(struct arena *a, struct plan_ns *ns, const struct oci_linux *l,
			    bool unprivileged, struct error *err)
{
	if (l->n_net_devices == 0)
		return 0;
	if (unprivileged) {
		error_set(err, EPERM, "interfaces of the host can be moved by root only, and this is a "
			  "rootless container");
		return error_at(err, "/linux/netDevices");
	}
	ns->changed |= CLONE_NEWNET;
	ns->net_devices = arena_new_array(a, struct plan_net_device, l->n_net_devices);
	for (size_t i = 0; i < l->n_net_devices; i++) {
		const struct oci_net_device *d = &l->net_devices[i];

		ns->net_devices[ns->n_net_devices++] = (struct plan_net_device){
			.host_name = d->host_name,
			.name = d->name ? d->name : d->host_name,
			.where = arena_printf(a, "/linux/netDevices/%s%s",
					      escape_pointer(a, d->host_name), d->name ? "/name" : ""),
		};
	}
	return 0;
}

/*
 * Power over a pid namespace made outside is gone in the new user namespace: so it is entered before, and every
 * process made afterwards is visible there.
 */
static int check_hooks(const struct plan_ns *ns, const struct oci_config *c, struct error *err)
{
	if (!ns->clone_last || !((ns->create & CLONE_NEWUSER) || ns->userns_first) ||
	    !c->hooks.list[HOOK_CREATE_CONTAINER].n)
		return 0;
	return error_config(err, "/hooks/createContainer", "with a new user namespace and a pid namespace that is "
			    "joined these hooks would show the host's files to the processes of that pid namespace: "
			    "join its user namespace as well");
}

int plan_ns(struct arena *a, struct plan *p, const struct facts *f, const struct plan_options *o,
	    struct error *err)
{
	const struct oci_linux *l = &p->config->linux_;
	int r;

	plan_time(a, &p->ns, l);
	plan_flags(a, &p->ns, l, f);
	r = check_hooks(&p->ns, p->config, err);
	if (r == 0)
		r = check_privilege(&p->ns, f, err);
	if (r == 0)
		r = plan_idmap(a, &p->ns, p->config, f, err);
	if (r == 0)
		r = plan_net_devices(a, &p->ns, l, o->rootless || !f->cap_sys_admin, err);
	p->ns.hostname = p->config->hostname;
	p->ns.domainname = p->config->domainname;
	if (p->ns.hostname || p->ns.domainname)
		p->ns.changed |= CLONE_NEWUTS;
	return r;
}
