/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The features document and the reader of the configuration say the same: every word printed is
 * accepted in a configuration (runtime-spec features.md), what is printed as false is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/features.h"
#include "config/config.h"
#include "json/tree.h"
#include "oci/annotations.h"
#include "util/cleanup.h"

static struct arena *arena;
static struct json *document;

static int setup(void **state)
{
	struct error err = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;

	(void)state;
	arena = arena_new();
	text = features_text(&len);
	return json_parse(arena, text, len, &document, &err);
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* @path: "linux/seccomp/actions" */
static const struct json *at(const char *path)
{
	char *copy = arena_strdup(arena, path);
	const struct json *v = document;

	for (char *key = strtok(copy, "/"); key; key = strtok(NULL, "/")) {
		v = json_get(v, key);
		if (!v)
			fail_msg("no member %s of %s", key, path);
	}
	return v;
}

static bool flag(const char *path)
{
	assert_int_equal(at(path)->type, JSON_BOOL);
	return at(path)->boolean;
}

static bool lists(const char *path, const char *word)
{
	const struct json *v = at(path);

	for (size_t i = 0; i < v->array.n; i++)
		if (str_eq(v->array.v[i]->string.data, word))
			return true;
	return false;
}

/* Members of `process`, `linux`, and of the top level, each starting with a comma. */
static int read_config(const char *process, const char *linux_members, const char *top,
		       struct oci_config **ret)
{
	char *text = arena_printf(arena, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\"},"
				  "\"process\":{\"cwd\":\"/\",\"args\":[\"true\"],"
				  "\"user\":{\"uid\":0,\"gid\":0}%s},"
				  "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"network\"}]"
				  "%s}%s}", process, linux_members, top);
	struct error err = { 0 };
	int r = config_parse(arena, text, strlen(text), ret, &err);

	print_message("%s%s%s: %s%s%s\n", process, linux_members, top, r < 0 ? err.text : "accepted",
		      err.where[0] ? " at " : "", err.where);
	return r;
}

static void assert_refused(const char *process, const char *linux_members, const char *top)
{
	struct oci_config *config;

	assert_true(read_config(process, linux_members, top, &config) < 0);
}

static const char *with(const char *before, const char *word, const char *after)
{
	return arena_printf(arena, "%s%s%s", before, word, after);
}

/* spec: FE-003 FE-005 */
static void test_versions(void **state)
{
	(void)state;
	assert_string_equal(at("ociVersionMin")->string.data, OCI_VERSION_MIN);
	assert_string_equal(at("ociVersionMax")->string.data, OCI_VERSION);
}

static void test_baseline(void **state)
{
	struct oci_config *config;

	(void)state;
	assert_int_equal(read_config("", "", "", &config), 0);
}

/* spec: FE-009 */
static void test_hooks(void **state)
{
	const struct json *v = at("hooks");
	struct oci_config *config;

	(void)state;
	assert_int_equal(v->array.n, 6);
	for (size_t i = 0; i < v->array.n; i++) {
		assert_int_equal(read_config("", "", with(",\"hooks\":{\"",
				 v->array.v[i]->string.data, "\":[{\"path\":\"/x\"}]}"), &config), 0);
		assert_int_equal(config->hooks.list[i].n, 1);
	}
}

/* spec: FE-010 FL-010 */
static void test_mount_options(void **state)
{
	static const char *const needed[] = { "ro", "rro", "rbind", "bind", "nosuid", "rslave" };
	static const char maps[] = ",\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}],"
				   "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]}]";
	const struct json *v = at("mountOptions");
	struct oci_config *config;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		assert_true(lists("mountOptions", needed[i]));
	for (size_t i = 0; i < v->array.n; i++) {
		const char *word = v->array.v[i]->string.data;
		enum mount_option_kind kind = mount_option_find(word)->kind;
		bool bind = kind == MOUNT_OPTION_LINK || kind == MOUNT_OPTION_NOFOLLOW;
		const char *text = with(",\"mounts\":[{\"destination\":\"/x\",\"type\":\"tmpfs\","
					"\"source\":\"/x\",\"options\":[\"",
					bind ? with("bind\",\"", word, "") : word,
					kind == MOUNT_OPTION_IDMAP ? with("\"]", maps, "") : "\"]}]");

		assert_int_equal(read_config("", "", text, &config), 0);
		/* Recognised: not taken for a word of the file system. */
		assert_int_equal(config->mounts[0].options.data.n, 0);
	}
	assert_true(lists("mountOptions", "tmpcopyup"));
	assert_true(lists("mountOptions", "idmap") && lists("mountOptions", "ridmap"));
	assert_true(flag("linux/mountExtensions/idmap/enabled"));
}

static int read_namespace(const char *type, struct oci_config **ret)
{
	bool user = str_eq(type, "user");
	const char *map = "[{\"containerID\":0,\"hostID\":0,\"size\":1}]";
	char *text = arena_printf(arena, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},"
				  "\"linux\":{\"namespaces\":[{\"type\":\"%s\"}]%s%s%s%s}}", type,
				  user ? ",\"uidMappings\":" : "", user ? map : "",
				  user ? ",\"gidMappings\":" : "", user ? map : "");
	struct error err = { 0 };

	return config_parse(arena, text, strlen(text), ret, &err);
}

/* spec: FL-001 */
static void test_namespaces(void **state)
{
	const struct json *v = at("linux/namespaces");
	struct oci_config *config;

	(void)state;
	assert_int_equal(v->array.n, 8);
	for (size_t i = 0; i < v->array.n; i++) {
		assert_int_equal(read_namespace(v->array.v[i]->string.data, &config), 0);
		assert_string_equal(config->linux_.namespaces[0].name, v->array.v[i]->string.data);
	}
	assert_true(lists("linux/namespaces", "time"));
	assert_true(read_namespace("net", &config) < 0);
}

/* spec: FL-002 */
static void test_capabilities(void **state)
{
	const struct json *v = at("linux/capabilities");
	struct oci_config *config;
	uint64_t seen = 0;

	(void)state;
	for (size_t i = 0; i < v->array.n; i++) {
		assert_int_equal(read_config(with(",\"capabilities\":{\"bounding\":[\"",
				 v->array.v[i]->string.data, "\"]}"), "", "", &config), 0);
		assert_int_equal(__builtin_popcountll(config->process.capabilities.bounding), 1);
		seen |= config->process.capabilities.bounding;
	}
	/* CAP_CHOWN 0 to CAP_CHECKPOINT_RESTORE 40 */
	assert_int_equal(seen, (1ull << 41) - 1);
}

/* Each word of @path in the place between @before and @after of `linux.seccomp`. */
static void assert_seccomp_words(const char *path, const char *before, const char *after)
{
	const struct json *v = at(path);
	struct oci_config *config;

	assert_true(v->array.n > 0);
	for (size_t i = 0; i < v->array.n; i++)
		assert_int_equal(read_config("", with(before, v->array.v[i]->string.data, after), "",
					     &config), 0);
	assert_refused("", with(before, "SCMP_BOGUS", after), "");
}

/* spec: FL-003..FL-006 */
static void test_seccomp(void **state)
{
	(void)state;
	assert_true(flag("linux/seccomp/enabled"));
	assert_seccomp_words("linux/seccomp/actions",
			     ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
			     "\"listenerPath\":\"/x\",\"syscalls\":["
			     "{\"names\":[\"sync\"],\"action\":\"", "\"}]}");
	assert_seccomp_words("linux/seccomp/operators",
			     ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
			     "{\"names\":[\"sync\"],\"action\":\"SCMP_ACT_ERRNO\","
			     "\"args\":[{\"index\":0,\"value\":1,\"op\":\"", "\"}]}]}");
	assert_seccomp_words("linux/seccomp/archs", ",\"seccomp\":{\"defaultAction\":"
			     "\"SCMP_ACT_ALLOW\",\"architectures\":[\"", "\"]}");
	assert_seccomp_words("linux/seccomp/knownFlags", ",\"seccomp\":{\"defaultAction\":"
			     "\"SCMP_ACT_ALLOW\",\"flags\":[\"", "\"]}");
	for (size_t i = 0; i < at("linux/seccomp/supportedFlags")->array.n; i++)
		assert_true(lists("linux/seccomp/knownFlags",
				  at("linux/seccomp/supportedFlags")->array.v[i]->string.data));
	assert_true(lists("linux/seccomp/actions", "SCMP_ACT_NOTIFY"));
	assert_true(lists("linux/seccomp/supportedFlags", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"));
}

/* spec: FL-008 FL-009 */
static void test_memory_policy(void **state)
{
	static const char nodes[] = "\",\"nodes\":\"0\"}";
	const struct json *modes = at("linux/memoryPolicy/modes"), *flags = at("linux/memoryPolicy/flags");
	struct oci_config *config;

	(void)state;
	assert_int_equal(modes->array.n, 7);
	assert_int_equal(flags->array.n, 3);
	for (size_t i = 0; i < modes->array.n; i++) {
		const char *mode = modes->array.v[i]->string.data;
		bool none = str_eq(mode, "MPOL_DEFAULT") || str_eq(mode, "MPOL_LOCAL");

		assert_int_equal(read_config("", with(",\"memoryPolicy\":{\"mode\":\"", mode,
						      none ? "\"}" : nodes), "", &config), 0);
		assert_string_equal(config->linux_.memory_policy.name, mode);
	}
	for (size_t i = 0; i < flags->array.n; i++)
		assert_int_equal(read_config("", with(",\"memoryPolicy\":{\"mode\":\"MPOL_BIND\","
						      "\"nodes\":\"0\",\"flags\":[\"",
						      flags->array.v[i]->string.data, "\"]}"), "",
					     &config), 0);
	assert_refused("", ",\"memoryPolicy\":{\"mode\":\"MPOL_OTHER\"}", "");
}

static void test_devices_and_rdt(void **state)
{
	struct oci_config *config;

	(void)state;
	assert_true(flag("linux/intelRdt/enabled") && flag("linux/intelRdt/schemata") &&
		    flag("linux/intelRdt/monitoring"));
	assert_int_equal(read_config("", ",\"intelRdt\":{\"closID\":\"x\",\"schemata\":[\"MB:0=1\"],"
				     "\"enableMonitoring\":true}", "", &config), 0);
	assert_int_equal(config->linux_.intelrdt.schemata.n, 1);
	assert_true(config->linux_.intelrdt.enable_monitoring);
	assert_true(flag("linux/netDevices/enabled"));
	assert_int_equal(read_config("", ",\"netDevices\":{\"eth0\":{\"name\":\"x%d\"}}", "", &config), 0);
	assert_string_equal(config->linux_.net_devices[0].name, "x%d");
}

/* spec: FE-002 */
static void test_not_built(void **state)
{
	(void)state;
	assert_false(flag("linux/cgroup/v1"));
	assert_true(flag("linux/cgroup/v2"));
	assert_true(flag("linux/cgroup/systemd"));
	assert_true(flag("linux/cgroup/systemdUser"));
}

/* spec: CF-082 FE-012 */
static void test_annotations(void **state)
{
	const struct json *v = at("annotations");

	(void)state;
	for (size_t i = 0; i < v->object.n; i++) {
		assert_int_equal(v->object.v[i]->type, JSON_STRING);
		/* Reserved to the specification. */
		assert_false(str_starts(v->object.keys[i], "org.opencontainers."));
	}
	assert_int_equal(at("potentiallyUnsafeConfigAnnotations")->array.n, n_annotation_names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions), cmocka_unit_test(test_baseline),
		cmocka_unit_test(test_hooks), cmocka_unit_test(test_mount_options),
		cmocka_unit_test(test_namespaces), cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_seccomp), cmocka_unit_test(test_memory_policy),
		cmocka_unit_test(test_devices_and_rdt), cmocka_unit_test(test_not_built),
		cmocka_unit_test(test_annotations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
