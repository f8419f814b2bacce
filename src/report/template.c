/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration to start from, as text.  Runs in the command's own process. */
#include "report/template.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "json/writer.h"
#include "report/template_parts.h"
#include "report/template_profile.h"
#include "util/fd.h"

struct mount_row {
	const char *destination, *type, *source;
	const char *options[8];
};

static const struct mount_row mounts[] = {
	{ "/proc", "proc", "proc", { NULL } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts", "devpts", "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};

/* sysfs of a network namespace that is not ours cannot be mounted in a new user namespace. */
static const struct mount_row rootless_sys = {
	"/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" },
};

static const char *const environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
};
static const char *const capability_sets[] = { "bounding", "effective", "permitted" };
static const char *const namespaces[] = { "pid", "ipc", "uts", "mount", "cgroup" };

/* What the document is made of. */
struct document {
	struct json_writer w;
	struct arena *arena;
	const struct template *t;
	const struct template_profile *profile;
	struct template_ids ids;	/* of the process */
	bool own_network;
};

static void write_member(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, key);
	json_write_string(w, value);
}

static void write_number(struct json_writer *w, const char *key, uint64_t value)
{
	json_write_key(w, key);
	json_write_u64(w, value);
}

static void write_flag(struct json_writer *w, const char *key, bool value)
{
	json_write_key(w, key);
	json_write_bool(w, value);
}

/* "a b c" as an array. */
static void write_words(struct document *d, const char *key, const char *words)
{
	json_write_key(&d->w, key);
	json_write_array(&d->w);
	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		json_write_string(&d->w, arena_strndup(d->arena, words, n));
	}
	json_write_end_array(&d->w);
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=") + 1;

	return strncmp(a, b, n) == 0;
}

/* Of those that are given the last one of a name counts, and before all that are not given. */
static bool is_given(const struct strings *env, size_t from, const char *variable)
{
	for (size_t i = from; i < env->n; i++)
		if (same_name(variable, env->v[i]))
			return true;
	return false;
}

static void write_environment(struct document *d)
{
	const struct strings *env = &d->t->env;

	json_write_key(&d->w, "env");
	json_write_array(&d->w);
	for (size_t i = 0; i < ARRAY_SIZE(environment); i++)
		if (!is_given(env, 0, environment[i]))
			json_write_string(&d->w, environment[i]);
	for (size_t i = 0; i < env->n; i++)
		if (!is_given(env, i + 1, env->v[i]))
			json_write_string(&d->w, env->v[i]);
	json_write_end_array(&d->w);
}

static void write_rlimits(struct json_writer *w)
{
	json_write_key(w, "rlimits");
	json_write_array(w);
	json_write_object(w);
	write_member(w, "type", "RLIMIT_NOFILE");
	write_number(w, "hard", 1024);
	write_number(w, "soft", 1024);
	json_write_end_object(w);
	json_write_end_array(w);
}

static void write_process(struct document *d)
{
	struct json_writer *w = &d->w;

	json_write_key(w, "process");
	json_write_object(w);
	write_flag(w, "terminal", !d->t->no_terminal);
	json_write_key(w, "user");
	json_write_object(w);
	write_number(w, "uid", d->ids.uid);
	write_number(w, "gid", d->ids.gid);
	json_write_end_object(w);
	if (d->t->args.n) {
		json_write_key(w, "args");
		json_write_strings(w, &d->t->args);
	} else {
		write_words(d, "args", "sh");
	}
	write_environment(d);
	write_member(w, "cwd", "/");
	json_write_key(w, "capabilities");
	json_write_object(w);
	for (size_t i = 0; i < ARRAY_SIZE(capability_sets); i++)
		write_words(d, capability_sets[i], d->profile->capabilities);
	json_write_end_object(w);
	if (d->profile->few_files)
		write_rlimits(w);
	write_flag(w, "noNewPrivileges", d->profile->no_new_privileges);
	json_write_end_object(w);
}

static void write_mount(struct json_writer *w, const struct mount_row *m, bool rootless)
{
	json_write_object(w);
	write_member(w, "destination", m->destination);
	write_member(w, "type", m->type);
	write_member(w, "source", m->source);
	if (m->options[0]) {
		json_write_key(w, "options");
		json_write_array(w);
		for (size_t i = 0; i < ARRAY_SIZE(m->options) && m->options[i]; i++)
			/* Only id 0 is mapped, so no other group can own anything. */
			if (!rootless || !str_starts(m->options[i], "gid="))
				json_write_string(w, m->options[i]);
		json_write_end_array(w);
	}
	json_write_end_object(w);
}

static int write_mounts(struct document *d, struct error *err)
{
	bool rootless = d->t->rootless;
	int r = 0;

	json_write_key(&d->w, "mounts");
	json_write_array(&d->w);
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		const struct mount_row *m = &mounts[i];

		if (rootless && !d->own_network && str_eq(m->destination, rootless_sys.destination))
			m = &rootless_sys;
		write_mount(&d->w, m, rootless);
	}
	for (size_t i = 0; r == 0 && i < d->t->mounts.n; i++)
		r = template_write_mount(d->arena, &d->w, d->t->mounts.v[i], err);
	json_write_end_array(&d->w);
	return r;
}

static void write_mapping(struct json_writer *w, const char *key, uint32_t id)
{
	json_write_key(w, key);
	json_write_array(w);
	json_write_object(w);
	write_number(w, "containerID", 0);
	write_number(w, "hostID", id);
	write_number(w, "size", 1);
	json_write_end_object(w);
	json_write_end_array(w);
}

static void write_device_rules(struct json_writer *w)
{
	json_write_key(w, "devices");
	json_write_array(w);
	json_write_object(w);
	write_flag(w, "allow", false);
	write_member(w, "access", "rwm");
	json_write_end_object(w);
	json_write_end_array(w);
}

static void write_resources(struct document *d)
{
	const struct template *t = d->t;
	struct json_writer *w = &d->w;

	if (t->rootless && !t->memory && !t->cpu_quota)
		return;
	json_write_key(w, "resources");
	json_write_object(w);
	if (!t->rootless)
		write_device_rules(w);
	if (t->memory) {
		json_write_key(w, "memory");
		json_write_object(w);
		write_number(w, "limit", (uint64_t)t->memory);
		if ((uint64_t)t->memory <= INT64_MAX / 2)	/* with the swap space, as `docker run --memory` */
			write_number(w, "swap", 2 * (uint64_t)t->memory);
		json_write_end_object(w);
	}
	if (t->cpu_quota) {
		json_write_key(w, "cpu");
		json_write_object(w);
		write_number(w, "quota", t->cpu_quota);
		write_number(w, "period", TEMPLATE_CPU_PERIOD);
		json_write_end_object(w);
	}
	json_write_end_object(w);
}

static void write_namespace(struct json_writer *w, const char *type)
{
	json_write_object(w);
	write_member(w, "type", type);
	json_write_end_object(w);
}

static void write_linux(struct document *d)
{
	struct json_writer *w = &d->w;

	json_write_key(w, "linux");
	json_write_object(w);
	if (d->t->rootless) {
		write_mapping(w, "uidMappings", d->t->uid);
		write_mapping(w, "gidMappings", d->t->gid);
	}
	write_resources(d);
	json_write_key(w, "namespaces");
	json_write_array(w);
	if (d->t->rootless)
		write_namespace(w, "user");
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		write_namespace(w, namespaces[i]);
	if (d->own_network)
		write_namespace(w, "network");
	json_write_end_array(w);
	if (d->profile->seccomp)
		template_write_seccomp(w);
	write_words(d, "maskedPaths", d->profile->masked);
	write_words(d, "readonlyPaths", d->profile->readonly);
	json_write_end_object(w);
}

static int write_document(struct document *d, struct error *err)
{
	struct json_writer *w = &d->w;
	int r;

	json_write_init(w, true);
	json_write_object(w);
	write_member(w, "ociVersion", OCI_VERSION);
	write_process(d);
	json_write_key(w, "root");
	json_write_object(w);
	write_member(w, "path", d->ids.rootfs);
	write_flag(w, "readonly", d->profile->readonly_root);
	json_write_end_object(w);
	write_member(w, "hostname", "orlop");
	r = write_mounts(d, err);
	write_linux(d);
	json_write_end_object(w);
	return r;
}

/* Who runs the process, and in which network. */
static int decide(struct document *d, struct error *err)
{
	const struct template *t = d->t;
	int r = 0;

	d->profile = template_profile(t->profile);
	/* Without privileges nobody could give a new network a way out. */
	d->own_network = t->net ? str_eq(t->net, "none") : !t->rootless;
	d->ids.rootfs = t->rootfs ? t->rootfs : "rootfs";
	if (!t->user)
		return 0;
	d->ids.root = fd_openat(t->bundle, d->ids.rootfs, O_PATH | O_DIRECTORY, 0);
	r = template_find_ids(d->arena, t->user, &d->ids, err);
	if (r == 0 && t->rootless && (d->ids.uid || d->ids.gid)) {
		error_usage(err, "option `--rootless` maps root alone: uid %u and gid %u would be nobody's", d->ids.uid,
			    d->ids.gid);
		r = error_hint(err, "without it orlop maps the caller's subordinate ids, subuid(5)");
	}
	if (d->ids.root >= 0)
		close(d->ids.root);
	return r;
}

int template_text(const struct template *t, char **ret, size_t *ret_len, struct error *err)
{
	struct document d = {.arena = arena_new(), .t = t};
	struct oci_config *config;
	int r = decide(&d, err);

	if (r == 0)
		r = write_document(&d, err);
	*ret = json_write_finish(&d.w, ret_len);
	/* What the words of the command line came to is judged by the reader itself. */
	if (r == 0)
		r = config_parse(d.arena, *ret, *ret_len, &config, err);
	arena_free(d.arena);
	return r;
}
