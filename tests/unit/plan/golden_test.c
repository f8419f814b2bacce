/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Golden plans: each directory of tests/plan is a case.
 *
 *   config.json	what is planned
 *   facts		the host and the command line, "key=value" lines (see the tables below)
 *   process.json	for "exec=1": the process to run in a container of config.json
 *   expected		warnings, then the plan as plan_dump() prints it, or "error WHERE: TEXT"
 *
 * schema-NAME and schema-bad-NAME are the sample documents of the OCI runtime specification (Apache
 * License 2.0), as they are.  Where a good one asks for what Linux or cgroup v2 cannot give, the case
 * shows the refusal, and schema-NAME-uts, -network or -v2 the plan of the rest.  The bad one for FreeBSD
 * is planned: what other systems' members hold is not looked at.
 *
 * UPDATE=1 in the environment rewrites `expected`; read the difference before it is committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "plan/build.h"
#include "plan/dump.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

#define MIN_CASES 25
#define MAX_CASES 200
#define MAX_FILE  (1 << 20)

struct host {
	struct facts facts;
	struct plan_options options;
	bool exec;
};

static const struct host default_host = {
	.facts = { .cap_sys_admin = true, .in_initial_userns = true, .cap_sys_resource = true,
		   .last_cap = 40, .cgroup_root = "/sys/fs/cgroup" },
	.options = { .id = "box", .bundle = "/bundle" },
};

enum kind { NUMBER, BOOL, STRING, TEXT64, MANAGER };

static const struct {
	const char *key;
	enum kind kind;
	size_t offset;
} keys[] = {
	{ "euid", NUMBER, offsetof(struct host, facts.euid) },
	{ "egid", NUMBER, offsetof(struct host, facts.egid) },
	{ "last_cap", NUMBER, offsetof(struct host, facts.last_cap) },
	{ "cap_sys_admin", BOOL, offsetof(struct host, facts.cap_sys_admin) },
	{ "cap_sys_resource", BOOL, offsetof(struct host, facts.cap_sys_resource) },
	{ "in_initial_userns", BOOL, offsetof(struct host, facts.in_initial_userns) },
	{ "tree_namespaces", BOOL, offsetof(struct host, facts.tree_namespaces) },
	{ "foreign_tree_namespaces", BOOL, offsetof(struct host, facts.foreign_tree_namespaces) },
	{ "cgroup_hybrid", BOOL, offsetof(struct host, facts.cgroup_hybrid) },
	{ "proc_kcore", BOOL, offsetof(struct host, facts.proc_kcore) },
	{ "cgroup_root", TEXT64, offsetof(struct host, facts.cgroup_root) },
	{ "cgroup_home", TEXT64, offsetof(struct host, facts.cgroup_home) },
	{ "id", STRING, offsetof(struct host, options.id) },
	{ "bundle", STRING, offsetof(struct host, options.bundle) },
	{ "cgroup_manager", MANAGER, offsetof(struct host, options.cgroup_manager) },
	{ "systemd_user", BOOL, offsetof(struct host, options.systemd_user) },
	{ "no_pivot", BOOL, offsetof(struct host, options.no_pivot) },
	{ "no_new_keyring", BOOL, offsetof(struct host, options.no_new_keyring) },
	{ "detached", BOOL, offsetof(struct host, options.detached) },
	{ "console_socket", BOOL, offsetof(struct host, options.has_console_socket) },
	{ "preserve_fds", NUMBER, offsetof(struct host, options.preserve_fds) },
	{ "listen_fds", NUMBER, offsetof(struct host, options.listen_fds) },
	{ "rootless", BOOL, offsetof(struct host, options.rootless) },
	{ "notify", STRING, offsetof(struct host, options.notify) },
	{ "exec", BOOL, offsetof(struct host, exec) },
};

static void set_key(struct arena *a, struct host *h, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		void *to = (char *)h + keys[i].offset;
		uint32_t n;

		if (!str_eq(keys[i].key, key))
			continue;
		switch (keys[i].kind) {
		case NUMBER:
			assert_int_equal(str_to_u32(value, &n), 0);
			*(unsigned *)to = n;
			return;
		case BOOL:
			assert_true(str_eq(value, "0") || str_eq(value, "1"));
			*(bool *)to = value[0] == '1';
			return;
		case STRING:
			*(char **)to = arena_strdup(a, value);
			return;
		case TEXT64:
			assert_true(strlen(value) < 64);
			strcpy(to, value);
			return;
		case MANAGER:
			*(enum cgroup_manager *)to = str_eq(value, "systemd") ? CGROUP_MANAGER_SYSTEMD :
				str_eq(value, "disabled") ? CGROUP_MANAGER_DISABLED :
				str_eq(value, "delegated") ? CGROUP_MANAGER_DELEGATED : CGROUP_MANAGER_CGROUPFS;
			return;
		}
	}
	fail_msg("facts: unknown key %s", key);
}

static void read_facts(struct arena *a, int dir, struct host *h)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;

	*h = default_host;
	assert_true(fd_read_regular(dir, "facts", MAX_FILE, &text) >= 0);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(l, '=');

		if (l[0] == '#')
			continue;
		assert_non_null(value);
		*value++ = '\0';
		set_key(a, h, l, value);
	}
}

static void note_warning(void *ctx, enum log_level level, const char *text)
{
	if (level <= LOG_LEVEL_WARNING)
		fprintf(ctx, "warning %s\n", text);
}

static int make_plan(struct arena *a, int dir, const struct plan **ret, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	struct oci_config *config;
	struct oci_process process = {0};
	struct host h;
	ssize_t n;
	int r;

	read_facts(a, dir, &h);
	r = config_load(a, dir, "config.json", &config, NULL, NULL, err);
	if (r < 0)
		return r;
	if (!h.exec)
		return plan_build(a, config, &h.facts, &h.options, ret, err);

	n = fd_read_regular(dir, "process.json", MAX_FILE, &text);
	assert_true(n > 0);
	r = config_parse_process(a, text, (size_t)n, &process, err);
	return r < 0 ? r : plan_build_exec(a, config, &process, &h.facts, &h.options, ret, err);
}

static char *render(int dir, size_t *ret_len)
{
	struct arena *a = arena_new();
	const struct plan *p = NULL;
	struct error err = {0};
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);
	int r;

	assert_non_null(out);
	log_redirect(note_warning, out);
	r = make_plan(a, dir, &p, &err);
	log_redirect(NULL, NULL);
	if (r < 0) {
		assert_int_equal(r, -err.code);
		fprintf(out, "error %s: %s\n", err.where, err.text);
	} else {
		arena_seal(a);	/* printing a plan changes nothing in it */
		plan_dump(p, out);
	}
	fclose(out);
	arena_free(a);
	return text;
}

static void test_case(void **state)
{
	const char *path = *state;
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *got = NULL, *expected = NULL;
	size_t len;

	assert_true(dir >= 0);
	got = render(dir, &len);
	if (getenv("UPDATE")) {
		assert_int_equal(fd_write_atomic(dir, "expected", got, len, 0644), 0);
		return;
	}
	assert_true(fd_read_regular(dir, "expected", MAX_FILE, &expected) > 0);
	if (!str_eq(got, expected)) {
		size_t i = 0, line = 1;

		for (; got[i] == expected[i]; i++)
			line += got[i] == '\n';
		while (i > 0 && got[i - 1] != '\n')
			i--;
		fail_msg("%s: line %zu is `%.*s`, expected `%.*s`", path, line,
			 (int)strcspn(got + i, "\n"), got + i, (int)strcspn(expected + i, "\n"),
			 expected + i);
	}
}

static int no_dots(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(void)
{
	static struct CMUnitTest tests[MAX_CASES];
	const char *srcdir = getenv("srcdir") ? getenv("srcdir") : ".";
	static struct dirent **found;	/* the names stay in use */
	char root[4096];
	size_t n = 0;
	int all;

	snprintf(root, sizeof(root), "%s/tests/plan", srcdir);
	all = scandir(root, &found, no_dots, alphasort);
	for (int i = 0; i < all && n < MAX_CASES; i++) {
		char *path = xasprintf("%s/%s", root, found[i]->d_name);
		struct stat st;

		if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		tests[n++] = (struct CMUnitTest){ .name = found[i]->d_name, .test_func = test_case,
						  .initial_state = path };
	}
	if (n < MIN_CASES) {
		fprintf(stderr, "only %zu cases in %s\n", n, root);
		return 1;
	}
	return _cmocka_run_group_tests("golden plans", tests, n, NULL, NULL);
}
