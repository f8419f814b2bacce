/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The template of `orlop spec` is one that our own reader takes, and says what it should. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "config/config.h"
#include "report/template.h"
#include "util/cleanup.h"

static struct oci_config *read_template(struct arena *a, const struct template *t)
{
	struct oci_config *config = NULL;
	struct error err = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (template_text(t, &text, &len, &err) < 0)
		fail_msg("%s (at %s)", err.text, err.where);
	assert_int_equal(strlen(text), len);
	if (config_parse(a, text, len, &config, &err) < 0)
		fail_msg("%s (at %s)", err.text, err.where);
	return config;
}

static uint64_t namespace_flags(const struct oci_config *c)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < c->linux_.n_namespaces; i++) {
		assert_null(c->linux_.namespaces[i].path);
		flags |= c->linux_.namespaces[i].flag;
	}
	return flags;
}

static const struct oci_mount *mount_at(const struct oci_config *c, const char *destination)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (str_eq(c->mounts[i].destination, destination))
			return &c->mounts[i];
	fail_msg("no mount at %s", destination);
	return NULL;
}

static bool has_word(const struct oci_mount *m, const char *word)
{
	for (size_t i = 0; i < m->words.n; i++)
		if (str_eq(m->words.v[i], word))
			return true;
	return false;
}

static void test_privileged(void **state)
{
	struct arena *a = arena_new();
	const struct oci_config *c = read_template(a, &(struct template){ .rootless = false });

	(void)state;
	assert_string_equal(c->oci_version, OCI_VERSION);
	assert_true(c->process.terminal);
	assert_string_equal(c->process.args.v[0], "sh");
	assert_int_equal(c->process.args.n, 1);
	assert_true(c->process.no_new_privileges);
	/* CAP_KILL 5, CAP_NET_BIND_SERVICE 10, CAP_AUDIT_WRITE 29 */
	assert_int_equal(c->process.capabilities.bounding, 1u << 5 | 1u << 10 | 1u << 29);
	assert_int_equal(c->process.capabilities.effective, c->process.capabilities.bounding);
	assert_int_equal(c->process.capabilities.permitted, c->process.capabilities.bounding);
	assert_int_equal(c->process.capabilities.inheritable, 0);
	assert_int_equal(c->process.capabilities.ambient, 0);
	assert_true(c->root.readonly);
	assert_string_equal(c->root.path, "rootfs");
	assert_int_equal(namespace_flags(c), CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			 CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWCGROUP);
	assert_int_equal(c->n_mounts, 7);
	assert_string_equal(mount_at(c, "/sys")->type, "sysfs");
	assert_true(has_word(mount_at(c, "/dev/pts"), "gid=5"));
	assert_int_equal(c->linux_.resources.n_devices, 1);
	assert_false(c->linux_.resources.devices[0].allow);
	assert_int_equal(c->linux_.uid_mappings.n, 0);
	assert_true(c->linux_.masked_paths.n > 0 && c->linux_.readonly_paths.n > 0);
	arena_free(a);
}

static void test_rootless(void **state)
{
	const struct template t = { .rootless = true, .uid = 1000, .gid = 100 };
	struct arena *a = arena_new();
	const struct oci_config *c = read_template(a, &t);

	(void)state;
	assert_int_equal(namespace_flags(c), CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC |
			 CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWCGROUP);
	assert_int_equal(c->linux_.uid_mappings.n, 1);
	assert_int_equal(c->linux_.uid_mappings.v[0].container_id, 0);
	assert_int_equal(c->linux_.uid_mappings.v[0].host_id, 1000);
	assert_int_equal(c->linux_.uid_mappings.v[0].size, 1);
	assert_int_equal(c->linux_.gid_mappings.v[0].host_id, 100);
	assert_true(mount_at(c, "/sys")->options.bind);
	assert_true(mount_at(c, "/sys")->options.recursive);
	assert_false(has_word(mount_at(c, "/dev/pts"), "gid=5"));
	assert_true(has_word(mount_at(c, "/dev/pts"), "newinstance"));
	assert_false(c->linux_.resources.present);
	arena_free(a);
}

static int spec(const char *bundle, const char *file)
{
	char *argv[] = { (char *)"orlop", (char *)"spec", (char *)"-b", (char *)bundle,
			 (char *)(file ? "-f" : NULL), (char *)file, NULL };

	return cli_main(file ? 6 : 4, argv);
}

static void test_files(void **state)
{
	char bundle[] = "/tmp/orlop-spec-test-XXXXXX";
	char path[64], link[64], other[64];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(bundle));
	snprintf(path, sizeof(path), "%s/config.json", bundle);
	snprintf(link, sizeof(link), "%s/link", bundle);
	snprintf(other, sizeof(other), "%s/other.json", bundle);

	assert_int_equal(spec(bundle, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 1000);

	/* What is there stays as it is. */
	assert_int_equal(truncate(path, 3), 0);
	assert_int_equal(spec(bundle, NULL), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 3);

	/* A dangling link is no way to another place. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(link, path), 0);
	assert_int_equal(spec(bundle, NULL), 1);
	assert_int_equal(lstat(link, &st), -1);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(spec(bundle, "other.json"), 0);
	assert_int_equal(truncate(other, 3), 0);
	assert_int_equal(spec(bundle, "other.json"), 0);
	assert_int_equal(stat(other, &st), 0);
	assert_true(st.st_size > 1000);
	assert_int_equal(unlink(other), 0);

	assert_int_equal(spec("/nonexistent", NULL), 1);
	assert_int_equal(rmdir(bundle), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_privileged), cmocka_unit_test(test_rootless),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
