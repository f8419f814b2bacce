/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `features --host` and `check --host`: one table for both ways, so that what is written is read again.  On the host;
 * the plan's own facts (sys/probe.h) and what only tells before the container is made what it would tell then.
 */
#include "report/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "config/config.h"
#include "config/read.h"
#include "json/writer.h"
#include "oci/linux.h"
#include "security/lsm.h"
#include "security/seccomp.h"
#include "sys/core_sched.h"
#include "sys/landlock.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/input.h"
#include "util/str.h"

#define BINFMT "/proc/sys/fs/binfmt_misc"
#define ALIASES_MAX (16u << 20)

/* ---- the document ---------------------------------------------------------------------------- */

static const struct field range_fields[] = {
	{FIELD_U32("first", struct oci_id_mapping, host_id), .flags = REQUIRED | IS_ID},
	{FIELD_U32("size", struct oci_id_mapping, size), .flags = REQUIRED},
};

static const struct object range_object = {OBJECT(range_fields, struct oci_id_mapping)};

static const struct field cgroup_fields[] = {
	{FIELD_STRING("root", struct host, cgroup_root), .flags = REQUIRED},
	{FIELD_STRING("home", struct host, cgroup_home), .flags = REQUIRED},
	{FIELD_BOOL("hybrid", struct host, facts.cgroup_hybrid), .flags = REQUIRED},
	{FIELD_STRINGS("controllers", struct host, controllers), .flags = REQUIRED},
};

/* Its members live in struct host itself. */
static const struct object cgroup_object = {OBJECT(cgroup_fields, struct host)};

static const struct field host_fields[] = {
	{FIELD_STRING("release", struct host, release), .flags = REQUIRED | NONEMPTY},
	{FIELD_STRING("machine", struct host, machine), .flags = REQUIRED | NONEMPTY},
	{FIELD_U32("euid", struct host, facts.euid), .flags = REQUIRED | IS_ID},
	{FIELD_U32("egid", struct host, facts.egid), .flags = REQUIRED | IS_ID},
	{FIELD_BOOL("capSysAdmin", struct host, facts.cap_sys_admin), .flags = REQUIRED},
	{FIELD_BOOL("capSysResource", struct host, facts.cap_sys_resource), .flags = REQUIRED},
	{FIELD_BOOL("initialUserNamespace", struct host, facts.in_initial_userns), .flags = REQUIRED},
	{FIELD_BOOL("foreignMounts", struct host, facts.foreign_mounts), .flags = REQUIRED},
	{FIELD_U32("lastCapability", struct host, facts.last_cap), .flags = REQUIRED, RANGE(0, 63)},
	{FIELD_BOOL("procKcore", struct host, facts.proc_kcore), .flags = REQUIRED},
	{.name = "cgroup", .type = FIELD_TYPE_OBJECT, .offset = 0, .object = &cgroup_object, .flags = REQUIRED},
	{FIELD_STRINGS("namespaces", struct host, namespaces), .flags = REQUIRED},
	{FIELD_BOOL("apparmor", struct host, apparmor), .flags = REQUIRED},
	{FIELD_BOOL("selinux", struct host, selinux), .flags = REQUIRED},
	{FIELD_U32("landlock", struct host, landlock), .flags = REQUIRED, RANGE(0, INT32_MAX)},
	{FIELD_BOOL("coreScheduling", struct host, core_sched), .flags = REQUIRED},
	{FIELD_BOOL("smt", struct host, smt), .flags = REQUIRED},
	{FIELD_STRINGS("seccompFlags", struct host, seccomp_flags), .flags = REQUIRED},
	{FIELD_BOOL("systemd", struct host, systemd), .flags = REQUIRED},
	{FIELD_STRINGS("emulators", struct host, emulators), .flags = REQUIRED},
	/* Documents of earlier versions have none of these. */
	{FIELD_BOOL("treeNamespaces", struct host, facts.tree_namespaces)},
	{FIELD_BOOL("foreignTreeNamespaces", struct host, facts.foreign_tree_namespaces)},
	{FIELD_STRINGS("filesystems", struct host, filesystems)},
	{FIELD_BOOL("allFilesystems", struct host, all_filesystems)},
	{FIELD_BOOL("mapHelpers", struct host, ids.helpers), .flags = REQUIRED},
	{FIELD_LIST("subuid", struct host, ids.uids.v, ids.uids.n, &range_object), .flags = REQUIRED},
	{FIELD_LIST("subgid", struct host, ids.gids.v, ids.gids.n, &range_object), .flags = REQUIRED},
};

static const struct object host_object = {OBJECT(host_fields, struct host)};

static int copy_text(const char *s, char *ret, size_t size, const char *where, struct error *err)
{
	if (strlen(s) >= size)
		return error_config(err, where, "longer than %zu bytes", size - 1);
	strcpy(ret, s);
	return 0;
}

int host_read(struct arena *a, const char *file, struct host *ret, struct error *err)
{
	char *text;
	size_t len;
	int r = config_read(a, AT_FDCWD, input_path(file), &text, &len, err);

	memset(ret, 0, sizeof(*ret));
	if (r == 0)
		r = read_object_text(a, text, len, &host_object, ret, err);
	if (r == 0)
		r = copy_text(ret->cgroup_root, ret->facts.cgroup_root, sizeof(ret->facts.cgroup_root),
			      "/cgroup/root", err);
	if (r == 0)
		r = copy_text(ret->cgroup_home, ret->facts.cgroup_home, sizeof(ret->facts.cgroup_home),
			      "/cgroup/home", err);
	if (r < 0)
		error_in(err, "facts of a host in %s", file);
	return r < 0 ? error_hint(err, "`orlop features --host` writes them there") : 0;
}

static void write_object(struct json_writer *w, const struct object *o, const char *base);

static void write_list(struct json_writer *w, const struct field *f, const char *base)
{
	const char *v = *(char *const *)(base + f->offset);
	size_t n = *(const size_t *)(base + f->n_offset);

	json_write_array(w);
	for (size_t i = 0; i < n; i++)
		write_object(w, f->object, v + i * f->object->size);
	json_write_end_array(w);
}

static void write_object(struct json_writer *w, const struct object *o, const char *base)
{
	json_write_object(w);
	for (size_t i = 0; i < o->n_fields; i++) {
		const struct field *f = &o->fields[i];
		const void *at = base + f->offset;

		json_write_key(w, f->name);
		if (f->type == FIELD_TYPE_BOOL)
			json_write_bool(w, *(const bool *)at);
		else if (f->type == FIELD_TYPE_STRING)
			json_write_string(w, *(char *const *)at);
		else if (f->type == FIELD_TYPE_STRINGS)
			json_write_strings(w, at);
		else if (f->type == FIELD_TYPE_OBJECT)
			write_object(w, f->object, at);
		else if (f->type == FIELD_TYPE_LIST)
			write_list(w, f, base);
		else
			json_write_u64(w, *(const uint32_t *)at);
	}
	json_write_end_object(w);
}

char *host_text(const struct host *h, size_t *ret_len)
{
	struct json_writer w;

	json_write_init(&w, true);
	write_object(&w, &host_object, (const char *)h);
	strbuf_adds(&w.out, "\n");
	return json_write_finish(&w, ret_len);
}

/* ---- this machine ---------------------------------------------------------------------------- */

static void push(struct arena *a, struct strings *s, const char *word, size_t n)
{
	arena_push(a, s->v, s->n) = arena_strndup(a, word, n);
}

/* 0 where the file is, and says so. */
static bool says_zero(const char *file)
{
	char text[16];

	return fd_read_pseudo(AT_FDCWD, file, text, sizeof(text)) > 0 && str_eq(text, "0");
}

static bool has_namespace(const struct facts *f, const struct name_value *kind)
{
	const char *file = str_eq(kind->name, "mount") ? "mnt" : str_eq(kind->name, "network") ? "net" : kind->name;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", file);
	if (access(path, F_OK) < 0)
		return false;
	if (!str_eq(kind->name, "user"))
		return true;
	/* namespaces(7); the second is Debian's */
	return !says_zero("/proc/sys/user/max_user_namespaces") &&
	       (f->cap_sys_admin || !says_zero("/proc/sys/kernel/unprivileged_userns_clone"));
}

static void probe_controllers(struct arena *a, struct host *h)
{
	const char *file = arena_printf(a, "%s%s/cgroup.controllers", h->cgroup_root, h->cgroup_home);
	char text[512];

	if (!h->cgroup_root[0] || fd_read_pseudo(AT_FDCWD, file, text, sizeof(text)) < 0)
		return;
	for (const char *s = text; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		push(a, &h->controllers, s, n);
		s += n;
	}
}

/* Documentation/admin-guide/binfmt-misc.rst: a file for each that is registered. */
static void probe_emulators(struct arena *a, struct strings *ret)
{
	DIR *dir = opendir(BINFMT);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.' && !str_eq(d->d_name, "register") && !str_eq(d->d_name, "status"))
			push(a, ret, d->d_name, strlen(d->d_name));
	if (dir)
		closedir(dir);
}

/* The kernel with core scheduling looks for threads first, and says so (ENODEV). */
static void probe_cores(struct host *h)
{
	uint64_t cookie;
	char text[8];
	int r = sys_core_sched_get(0, &cookie);

	h->core_sched = r == 0 || r == -ENODEV;
	h->smt = r == 0 || (fd_read_pseudo(AT_FDCWD, "/sys/devices/system/cpu/smt/active", text, sizeof(text)) > 0 &&
			    str_eq(text, "1"));
}

int host_core_sched(const struct host *h)
{
	return !h->core_sched ? -EINVAL : !h->smt ? -ENODEV : 0;
}

/* Lines of modules.alias(5), "alias fs-xfs xfs": for these the kernel asks modprobe(8), get_fs_type(). */
static void probe_modules(struct arena *a, struct host *h)
{
	const char *file = arena_printf(a, "/lib/modules/%s/modules.alias", h->release), *mark = "alias fs-";
	_cleanup_free_ char *text = NULL;

	h->all_filesystems = access("/proc/modules", F_OK) < 0;	/* it loads none */
	if (h->all_filesystems || fd_read_regular(AT_FDCWD, file, ALIASES_MAX, &text) < 0)
		return;
	h->all_filesystems = true;
	for (const char *s = text; (s = strstr(s, mark));) {
		s += strlen(mark);
		push(a, &h->filesystems, s, strcspn(s, " \n"));
	}
}

/* proc_filesystems(5): "nodev\ttmpfs", "\text4" */
static void probe_filesystems(struct arena *a, struct host *h)
{
	char text[4096], *save = NULL;

	if (fd_read_pseudo(AT_FDCWD, "/proc/filesystems", text, sizeof(text)) < 0)
		return;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const char *name = strchr(l, '\t');

		if (name)
			push(a, &h->filesystems, name + 1, strlen(name + 1));
	}
	probe_modules(a, h);
}

void host_probe(struct arena *a, bool delegated, struct host *h)
{
	uint32_t flags = seccomp_supported_flags();
	int abi = sys_landlock_abi();
	struct utsname u;
	struct stat st;

	memset(h, 0, sizeof(*h));
	h->here = true;
	facts_probe(&h->facts);
	if (delegated)
		probe_delegation(&h->facts);
	h->cgroup_root = arena_strdup(a, h->facts.cgroup_root);
	h->cgroup_home = arena_strdup(a, h->facts.cgroup_home);
	uname(&u);
	h->release = arena_strdup(a, u.release);
	h->machine = arena_strdup(a, u.machine);
	probe_controllers(a, h);
	for (size_t i = 0; i < n_namespace_names; i++)
		if (has_namespace(&h->facts, &namespace_names[i]))
			push(a, &h->namespaces, namespace_names[i].name, strlen(namespace_names[i].name));
	for (size_t i = 0; i < n_seccomp_flag_names; i++)
		if (flags & seccomp_flag_names[i].value)
			push(a, &h->seccomp_flags, seccomp_flag_names[i].name, strlen(seccomp_flag_names[i].name));
	probe_emulators(a, &h->emulators);
	probe_filesystems(a, h);
	h->apparmor = apparmor_is_enabled();
	probe_cores(h);
	h->landlock = abi > 0 ? (uint32_t)abi : 0;
	h->selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
	h->systemd = stat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
	own_ids_find(a, h->facts.euid, &h->ids);
}

bool host_has(const struct strings *s, const char *word)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i], word))
			return true;
	return false;
}
