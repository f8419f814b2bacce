/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `orlop features` (runtime-spec features.md): what this program implements, not what the host
 * offers.  Every word comes from the table that the reader of the configuration uses.  What is known
 * not to be built is printed as false or as an empty list; null would mean "unknown".
 */
#include "cli/features.h"

#include "cli/commands.h"
#include "cli/version.h"
#include "json/writer.h"
#include "oci/annotations.h"
#include "oci/config.h"
#include "oci/names.h"
#include "report/report.h"
#include "util/cleanup.h"

static void write_member(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, key);
	json_write_string(w, value);
}

static void write_flag(struct json_writer *w, const char *key, bool value)
{
	json_write_key(w, key);
	json_write_bool(w, value);
}

static void begin(struct json_writer *w, const char *key)
{
	json_write_key(w, key);
	json_write_object(w);
}

static void write_names(struct json_writer *w, const char *key, const struct name_value *names,
			size_t n)
{
	json_write_key(w, key);
	json_write_array(w);
	for (size_t i = 0; i < n; i++)
		json_write_string(w, names[i].name);
	json_write_end_array(w);
}

static void write_mount_options(struct json_writer *w)
{
	json_write_key(w, "mountOptions");
	json_write_array(w);
	for (size_t i = 0; i < mount_option_table_len; i++)
		json_write_string(w, mount_option_table[i].name);
	json_write_end_array(w);
}

static void write_hooks(struct json_writer *w)
{
	json_write_key(w, "hooks");
	json_write_array(w);
	for (size_t i = 0; i < N_HOOK_KINDS; i++)
		json_write_string(w, oci_hook_names[i]);
	json_write_end_array(w);
}


static void write_cgroup(struct json_writer *w)
{
	begin(w, "cgroup");
	write_flag(w, "v1", false);
	write_flag(w, "v2", true);
	write_flag(w, "systemd", true);
	write_flag(w, "systemdUser", true);
	write_flag(w, "rdma", true);
	json_write_end_object(w);
}

static void write_seccomp(struct json_writer *w)
{
	begin(w, "seccomp");
	write_flag(w, "enabled", true);
	write_names(w, "actions", seccomp_action_names, n_seccomp_action_names);
	write_names(w, "operators", seccomp_operator_names, n_seccomp_operator_names);
	write_names(w, "archs", seccomp_arch_names, n_seccomp_arch_names);
	write_names(w, "knownFlags", seccomp_flag_names, n_seccomp_flag_names);
	write_names(w, "supportedFlags", seccomp_flag_names, n_seccomp_flag_names);
	json_write_end_object(w);
}

/* Objects with the single member "enabled". */
static void write_enabled(struct json_writer *w, const char *key, bool value)
{
	begin(w, key);
	write_flag(w, "enabled", value);
	json_write_end_object(w);
}

static void write_memory_policy(struct json_writer *w)
{
	begin(w, "memoryPolicy");
	write_names(w, "modes", memory_mode_names, n_memory_mode_names);
	write_names(w, "flags", memory_flag_names, n_memory_flag_names);
	json_write_end_object(w);
}

static void write_not_built(struct json_writer *w)
{
	begin(w, "intelRdt");
	write_flag(w, "enabled", true);
	write_flag(w, "schemata", true);
	write_flag(w, "monitoring", true);
	json_write_end_object(w);
	begin(w, "mountExtensions");
	write_enabled(w, "idmap", true);
	json_write_end_object(w);
	write_enabled(w, "netDevices", true);
}

static void write_annotations(struct json_writer *w)
{
	_cleanup_(strbuf_free) struct strbuf seccomp = { 0 }, honoured = { 0 };

	begin(w, "annotations");
	write_member(w, "run.orlop.version", version_orlop);
	write_member(w, "run.orlop.commit", version_commit);
	for (size_t i = 0; i < n_annotation_names; i++)
		strbuf_addf(&honoured, "%s%s", i ? " " : "", annotation_names[i].name);
	write_member(w, "run.orlop.annotations.honoured", honoured.data);
	write_member(w, "run.orlop.annotations.ignored", ANNOTATION_PREFIX "*");
	write_member(w, "io.github.seccomp.libseccomp.version", version_libseccomp(&seccomp));
	json_write_end_object(w);
}

/* All that libcap has a name for. */
static void write_capabilities(struct json_writer *w)
{
	char name[32];

	json_write_key(w, "capabilities");
	json_write_array(w);
	for (unsigned i = 0; i < 64; i++)
		if (capability_name(i, name))
			json_write_string(w, name);
	json_write_end_array(w);
}

char *features_text(size_t *ret_len)
{
	struct json_writer w;

	json_write_init(&w, true);
	json_write_object(&w);
	write_member(&w, "ociVersionMin", OCI_VERSION_MIN);
	write_member(&w, "ociVersionMax", OCI_VERSION);
	write_hooks(&w);
	write_mount_options(&w);
	begin(&w, "linux");
	write_names(&w, "namespaces", namespace_names, n_namespace_names);
	write_capabilities(&w);
	write_cgroup(&w);
	write_seccomp(&w);
	write_enabled(&w, "apparmor", true);
	write_enabled(&w, "selinux", built_with_selinux);
	write_memory_policy(&w);
	write_not_built(&w);
	json_write_end_object(&w);
	write_annotations(&w);
	write_names(&w, "potentiallyUnsafeConfigAnnotations", annotation_names, n_annotation_names);
	json_write_end_object(&w);
	return json_write_finish(&w, ret_len);
}

struct features_options {
	bool host;
};

static const struct option rows[] = {
	{ "host", 0, OPTION_FLAG, offsetof(struct features_options, host), NULL,
	  "show what this host has, which `orlop check` takes with --host" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct features_options *o = inv->options;
	_cleanup_(strbuf_free) struct strbuf out = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (o->host)
		return report_host(inv->global, err);
	text = features_text(&len);
	strbuf_add(&out, text, len);
	strbuf_adds(&out, "\n");
	return command_print(&out, err);
}

const struct command command_features = {
	.name = "features", .arguments = "", .max_args = 0,
	.summary = "Show as JSON what this runtime implements",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct features_options), .run = run,
};
