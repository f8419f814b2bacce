/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `mounts`: what each entry means, in the listed order.  Destinations are cleaned as text and never
 * looked up here.  Runs in the parent, before the first side effect; makes no system call.
 */
#include "plan/parts.h"

#include <errno.h>

#include "oci/annotations.h"
#include "plan/build.h"
#include "sys/compat.h"
#include "sys/mutate.h"
#include "util/log.h"
#include "util/path.h"
#include "util/str.h"

/*
 * A mount over a file of procfs can turn the kernel's answers into somebody's lies (LSM attributes,
 * sysctls).  These are the files that engines and lxcfs cover to show the container's own numbers.
 */
static const char *const proc_files[] = {
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/net/dev",
	"/proc/slabinfo", "/proc/stat", "/proc/swaps", "/proc/sys/crypto/fips_enabled",
	"/proc/sys/kernel/ns_last_pid", "/proc/uptime",
};

static bool is_on_proc(const char *destination)
{
	return str_starts(destination, "/proc/");
}

static bool may_cover(const char *destination)
{
	for (size_t i = 0; i < ARRAY_SIZE(proc_files); i++)
		if (str_eq(destination, proc_files[i]))
			return true;
	return false;
}

int plan_check_destination(const char *destination, bool bind, struct error *err)
{
	if (str_eq(destination, "/") && !MUTATE(T16))
		return error_config(err, "destination", "a mount on / would hide the root file system: "
				    "use root.path for what the container sees as /");
	if (!is_on_proc(destination))
		return 0;
	if (!may_cover(destination))
		return error_config(err, "destination", "%s: nothing may be mounted below /proc except on "
				    "files such as /proc/cpuinfo, /proc/meminfo and /proc/uptime", destination);
	if (!bind)
		return error_config(err, "destination", "%s is a file: only a bind mount can cover it", destination);
	return 0;
}

static int check_type(const struct oci_mount *c, struct error *err)
{
	if (c->type && *c->type && !str_eq(c->type, "none") && !str_eq(c->type, "bind"))
		return 0;
	return error_config(err, "type", "a file system type is needed, as in /proc/filesystems; for a bind "
			    "mount add \"bind\" or \"rbind\" to the options");
}

static int plan_kind(struct plan_mount *m, const struct oci_mount *c, struct error *err)
{
	if (c->options.remount) {
		m->kind = MOUNT_REMOUNT;
	} else if (c->options.bind) {
		m->kind = MOUNT_BIND;
	} else {
		int r = check_type(c, err);

		if (r < 0)
			return r;
		if (str_eq(c->type, "cgroup") || str_eq(c->type, "cgroup2"))
			m->kind = MOUNT_CGROUP2;
		else if (str_eq(c->type, "sysfs"))
			m->kind = MOUNT_SYSFS;
		else
			m->kind = MOUNT_FS;
	}
	return 0;
}

static int plan_source(struct arena *a, struct plan_mount *m, const struct oci_mount *c,
		       const char *bundle, struct error *err)
{
	bool given = c->source && *c->source;

	switch (m->kind) {
	case MOUNT_BIND:
		if (!given)
			return error_config(err, "source", "a bind mount needs a source");
		m->source = path_join(a, bundle, c->source);
		break;
	case MOUNT_CGROUP2:
		m->fstype = "cgroup2";
		m->source = "cgroup";
		break;
	case MOUNT_SYSFS:
	case MOUNT_FS:
		m->fstype = c->type;
		m->source = given ? c->source : c->type;
		break;
	case MOUNT_REMOUNT:
		break;
	}
	return 0;
}

/* ---- id mappings ---------------------------------------------------------------------------- */

/* user_namespaces(7), mount_setattr(2): the file system must belong to a user namespace in which we
 * have CAP_SYS_ADMIN, and nothing that an unprivileged user could want mapped does. */
static int plan_idmap(struct arena *a, struct plan_mount *m, const struct oci_mount *c,
		      const struct plan *p, struct error *err)
{
	bool maps = c->uid_mappings.n > 0;
	const char *where;
	int r;

	if (!maps && !c->options.idmap)
		return 0;
	where = maps ? "uidMappings"
		     : arena_printf(a, "options/%zu",
				    mount_option_last(&c->words, MOUNT_OPTION_IDMAP));
	m->idmap_where = arena_printf(a, "/mounts/%u/%s", m->index, where);
	if (p->rootfs.sources_in_child) {
		error_set(err, EPERM, "%s: an id-mapped mount needs CAP_SYS_ADMIN, which the caller does "
			  "not have here", m->destination);
		return error_at(err, "%s", where);
	}
	if (!maps) {
		m->uid_map = p->ns.uid_map;
		m->gid_map = p->ns.gid_map;
		return 0;
	}
	r = plan_id_map(a, &c->uid_mappings, "uidMappings", &m->uid_map, err);
	return r < 0 ? r : plan_id_map(a, &c->gid_mappings, "gidMappings", &m->gid_map, err);
}

/* ---- file system options -------------------------------------------------------------------- */

/*
 * mount(2) took one string in which commas separate and quotes protect them; fsconfig(2) takes one
 * option at a time and no quotes.  So a word such as `size=1m,mode=700` is cut, except where a comma is
 * quoted or (overlayfs) escaped, and the quotes around an LSM context go.
 */
static size_t option_length(const char *s)
{
	bool quoted = false;
	size_t n = 0;

	for (; s[n] && (quoted || s[n] != ','); n++) {
		if (s[n] == '"')
			quoted = !quoted;
		else if (s[n] == '\\' && s[n + 1])
			n++;
	}
	return n;
}

static bool is_context(const char *word)
{
	return str_starts(word, "context=") || str_starts(word, "fscontext=") ||
	       str_starts(word, "defcontext=") || str_starts(word, "rootcontext=");
}

static char *without_quotes(char *word)
{
	char *value = strchr(word, '=') + 1;
	size_t n = strlen(value);

	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		memmove(value, value + 1, n - 2);
		value[n - 2] = '\0';
	}
	return word;
}

static void push_data(struct arena *a, struct strings *data, const char *word, size_t n)
{
	char *copy = arena_strndup(a, word, n);

	arena_push(a, data->v, data->n) = is_context(copy) ? without_quotes(copy) : copy;
}

static bool has_context(const struct strings *data)
{
	for (size_t i = 0; i < data->n; i++)
		if (is_context(data->v[i]))
			return true;
	return false;
}

/* File systems without security labels of their own on disk, which start empty for each container. */
static bool takes_label(const struct plan_mount *m)
{
	return m->kind == MOUNT_FS && (str_eq(m->fstype, "tmpfs") || str_eq(m->fstype, "devpts"));
}

/* The group of terminals: tty in every distribution; 5 must be mapped, or the file system cannot be made. */
#define TTY_GID 5

static bool maps_tty(const struct plan *p)
{
	uint32_t host;

	return !p->ns.userns || plan_host_id(&p->config->linux_.gid_mappings, TTY_GID, &host);
}

/* Where the configuration says nothing: with the kernel's own defaults nobody could open /dev/ptmx. */
static void plan_devpts(struct arena *a, struct plan_mount *m, const struct plan *p)
{
	static const char *const words[] = {"newinstance", "ptmxmode=0666", "mode=0620"};
	const char *gid;

	if (m->kind != MOUNT_FS || !str_eq(m->fstype, "devpts"))
		return;
	for (size_t i = 0; i < m->data.n; i++)
		if (!str_eq(m->data.v[i], "newinstance"))
			return;
	for (size_t i = m->data.n > 0; i < ARRAY_SIZE(words); i++)
		push_data(a, &m->data, words[i], strlen(words[i]));
	gid = arena_printf(a, "gid=%d", TTY_GID);
	if (maps_tty(p))
		push_data(a, &m->data, gid, strlen(gid));
}

/* The kernel ignores them too; configurations with such words exist and work elsewhere. */
static void warn_of_words(const struct plan_mount *m)
{
	const struct strings *words = &m->options->data;

	for (size_t i = 0; i < words->n; i++) {
		const struct mount_option_row *near = mount_option_near(words->v[i]);

		log_warning("/mounts/%u/options: %s: option `%s` means nothing for a bind mount, it is left out%s%s%s",
			    m->index, m->destination, words->v[i], near ? " (did you mean `" : "",
			    near ? near->name : "", near ? "`?)" : "");
	}
}

static void plan_data(struct arena *a, struct plan_mount *m, const struct plan *p, const char *label)
{
	const char *type = annotation_value(&p->config->annotations, ANNOTATION_CONTEXT_TYPE);
	const struct strings *words = &m->options->data;

	if (m->kind == MOUNT_BIND) {
		warn_of_words(m);
		return;
	}
	for (size_t i = 0; i < words->n; i++) {
		for (const char *s = words->v[i]; *s; s += *s == ',') {
			size_t n = option_length(s);

			if (n > 0)
				push_data(a, &m->data, s, n);
			s += n;
		}
	}
	plan_devpts(a, m, p);
	if (label && takes_label(m) && !has_context(&m->data))
		arena_push(a, m->data.v, m->data.n) = arena_printf(a, "%s=%s", type ? type : "context", label);
	arena_push(a, m->data.v, m->data.n) = NULL;
	m->data.n--;
}

static size_t word_with(const struct strings *words, const char *piece)
{
	size_t k = 0;

	while (k + 1 < words->n && !strstr(words->v[k], piece))
		k++;
	return k;
}

/* The kernel takes none that its user namespace does not map.  Of one that is joined the maps need not be known. */
static int check_owner(const struct plan_mount *m, const struct oci_mount *c, const struct plan *p, struct error *err)
{
	const struct oci_linux *l = &p->config->linux_;
	uint32_t id, host;

	if (!p->ns.userns || !l->gid_mappings.n || m->kind != MOUNT_FS || m->idmap_where ||
	    !(str_eq(m->fstype, "devpts") || str_eq(m->fstype, "tmpfs")))
		return 0;
	for (size_t i = 0; i < m->data.n; i++) {
		bool gid = str_starts(m->data.v[i], "gid=");

		if (!(gid || str_starts(m->data.v[i], "uid=")) || str_to_u32(m->data.v[i] + 4, &id) < 0 ||
		    plan_host_id(gid ? &l->gid_mappings : &l->uid_mappings, id, &host))
			continue;
		error_config(err, "", "%s: `%s`: %u is not mapped into the user namespace of the container",
			     m->destination, m->data.v[i], id);
		error_hint(err, "leave the option out%s, or map it in /linux/%s",
			   str_eq(m->fstype, "devpts") ? ", as `orlop spec --rootless` does" : "",
			   gid ? "gidMappings" : "uidMappings");
		return error_at(err, "options/%zu", word_with(&c->words, m->data.v[i]));
	}
	return 0;
}

/* ---- one mount ------------------------------------------------------------------------------ */

/*
 * "ro" belongs to the mount, but the runtime still has to make things there: mount points of later
 * entries, device nodes, links.  Other file systems come with their contents.
 */
static bool read_only_later(const struct plan_mount *m)
{
	return m->kind == MOUNT_FS && m->options->ro &&
	       (str_eq(m->fstype, "tmpfs") || str_eq(m->fstype, "ramfs") ||
		str_eq(m->destination, "/dev"));
}

/* A path of the host that leads into the root file system means the place in it: so runc has it, and so do sources. */
const char *plan_mount_destination(struct arena *a, const char *text, const char *rootfs)
{
	const char *destination = path_clean(a, text);
	size_t n = rootfs ? strlen(rootfs) : 0;

	if (n < 2 || strncmp(destination, rootfs, n) != 0 || (destination[n] && destination[n] != '/'))
		return destination;
	return destination[n] ? destination + n : "/";
}

static int plan_mount(struct arena *a, struct plan *p, unsigned index, struct plan_mount *m,
		      struct error *err)
{
	const struct oci_mount *c = &p->config->mounts[index];
	const char *label = p->config->linux_.mount_label;
	int r;

	m->index = index;
	m->options = &c->options;
	m->destination = plan_mount_destination(a, c->destination, p->rootfs.path);
	m->on_proc = is_on_proc(m->destination);

	r = plan_kind(m, c, err);
	if (r == 0)
		r = plan_check_destination(m->destination, m->kind == MOUNT_BIND, err);
	if (r == 0)
		r = plan_source(a, m, c, p->bundle, err);
	if (r == 0)
		r = plan_idmap(a, m, c, p, err);
	if (r < 0)
		return r;
	if (m->kind == MOUNT_REMOUNT && (c->options.data.n > 0 || c->options.sb_flags.n > 0))
		return error_config(err, "options", "%s: remount changes what mounts have (ro, nosuid, ...); "
				    "options of the file system (%s) are not supported with it",
				    m->destination, c->options.data.n > 0 ? c->options.data.v[0]
									  : c->options.sb_flags.v[0]);
	plan_data(a, m, p, label && *label ? label : NULL);
	m->late_readonly = read_only_later(m) || MUTATE(T15);
	return check_owner(m, c, p, err);
}

/* The last of all, so that a mount on /run does not hide it; nothing can be changed there. */
static void plan_notify(struct plan_mount *m, unsigned index, const char *source)
{
	static const struct oci_mount_options options = {
		.bind = true, .ro = true,
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	};

	*m = (struct plan_mount){.index = index, .kind = MOUNT_BIND, .source = source,
				 .destination = PLAN_NOTIFY_PLACE, .options = &options};
}

int plan_mounts(struct arena *a, struct plan *p, const char *notify, struct error *err)
{
	struct plan_rootfs *rf = &p->rootfs;
	size_t n = p->config->n_mounts;

	rf->mounts = arena_new_array(a, struct plan_mount, n + 1);
	for (; rf->n_mounts < n; rf->n_mounts++) {
		unsigned i = rf->n_mounts;
		int r = plan_mount(a, p, i, &rf->mounts[i], err);

		if (r < 0) {
			char member[ERROR_WHERE_MAX];

			strcpy(member, err->where);
			err->where[0] = '\0';
			return error_at(err, "/mounts/%u/%s", i, member);
		}
	}
	if (notify)
		plan_notify(&rf->mounts[rf->n_mounts++], (unsigned)n, arena_strdup(a, notify));
	return 0;
}
