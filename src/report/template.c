/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration to start from, as text.  Runs in the command's own process. */
#include "report/template.h"

#include "json/writer.h"
#include "oci/config.h"

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
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL,
};
static const char *const program[] = { "sh", NULL };
static const char *const capabilities[] = {
	"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE", NULL,
};
static const char *const capability_sets[] = { "bounding", "effective", "permitted" };

static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
	"/sys/firmware", "/sys/devices/virtual/powercap", "/sys/devices/virtual/tpm", NULL,
};
static const char *const readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

static const char *const namespaces[] = {
	"pid", "network", "ipc", "uts", "mount", "cgroup", NULL,
};
/* Without privileges nobody could give a new network a way out. */
static const char *const rootless_namespaces[] = {
	"user", "pid", "ipc", "uts", "mount", "cgroup", NULL,
};

static void write_member(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, key);
	json_write_string(w, value);
}

static void write_words(struct json_writer *w, const char *key, const char *const *words)
{
	json_write_key(w, key);
	json_write_array(w);
	for (; *words; words++)
		json_write_string(w, *words);
	json_write_end_array(w);
}

static void write_process(struct json_writer *w)
{
	json_write_key(w, "process");
	json_write_object(w);
	json_write_key(w, "terminal");
	json_write_bool(w, true);
	json_write_key(w, "user");
	json_write_object(w);
	json_write_key(w, "uid");
	json_write_u64(w, 0);
	json_write_key(w, "gid");
	json_write_u64(w, 0);
	json_write_end_object(w);
	write_words(w, "args", program);
	write_words(w, "env", environment);
	write_member(w, "cwd", "/");
	json_write_key(w, "capabilities");
	json_write_object(w);
	for (size_t i = 0; i < ARRAY_SIZE(capability_sets); i++)
		write_words(w, capability_sets[i], capabilities);
	json_write_end_object(w);
	json_write_key(w, "rlimits");
	json_write_array(w);
	json_write_object(w);
	write_member(w, "type", "RLIMIT_NOFILE");
	json_write_key(w, "hard");
	json_write_u64(w, 1024);
	json_write_key(w, "soft");
	json_write_u64(w, 1024);
	json_write_end_object(w);
	json_write_end_array(w);
	json_write_key(w, "noNewPrivileges");
	json_write_bool(w, true);
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

static void write_mounts(struct json_writer *w, bool rootless)
{
	json_write_key(w, "mounts");
	json_write_array(w);
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		const struct mount_row *m = &mounts[i];

		if (rootless && str_eq(m->destination, rootless_sys.destination))
			m = &rootless_sys;
		write_mount(w, m, rootless);
	}
	json_write_end_array(w);
}

static void write_mapping(struct json_writer *w, const char *key, uint32_t id)
{
	json_write_key(w, key);
	json_write_array(w);
	json_write_object(w);
	json_write_key(w, "containerID");
	json_write_u64(w, 0);
	json_write_key(w, "hostID");
	json_write_u64(w, id);
	json_write_key(w, "size");
	json_write_u64(w, 1);
	json_write_end_object(w);
	json_write_end_array(w);
}

static void write_device_rules(struct json_writer *w)
{
	json_write_key(w, "resources");
	json_write_object(w);
	json_write_key(w, "devices");
	json_write_array(w);
	json_write_object(w);
	json_write_key(w, "allow");
	json_write_bool(w, false);
	write_member(w, "access", "rwm");
	json_write_end_object(w);
	json_write_end_array(w);
	json_write_end_object(w);
}

static void write_linux(struct json_writer *w, const struct template *t)
{
	const char *const *ns = t->rootless ? rootless_namespaces : namespaces;

	json_write_key(w, "linux");
	json_write_object(w);
	if (t->rootless) {
		write_mapping(w, "uidMappings", t->uid);
		write_mapping(w, "gidMappings", t->gid);
	} else {
		write_device_rules(w);
	}
	json_write_key(w, "namespaces");
	json_write_array(w);
	for (; *ns; ns++) {
		json_write_object(w);
		write_member(w, "type", *ns);
		json_write_end_object(w);
	}
	json_write_end_array(w);
	write_words(w, "maskedPaths", masked);
	write_words(w, "readonlyPaths", readonly);
	json_write_end_object(w);
}

char *template_text(const struct template *t, size_t *ret_len)
{
	struct json_writer w;

	json_write_init(&w, true);
	json_write_object(&w);
	write_member(&w, "ociVersion", OCI_VERSION);
	write_process(&w);
	json_write_key(&w, "root");
	json_write_object(&w);
	write_member(&w, "path", "rootfs");
	json_write_key(&w, "readonly");
	json_write_bool(&w, true);
	json_write_end_object(&w);
	write_member(&w, "hostname", "orlop");
	write_mounts(&w, t->rootless);
	write_linux(&w, t);
	json_write_end_object(&w);
	return json_write_finish(&w, ret_len);
}
