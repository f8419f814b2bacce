/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.json: there and back, and every way of being damaged; the OCI state document. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake.h"
#include "json/tree.h"
#include "store/document.h"
#include "store/state.h"
#include "store/store.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

static struct fake f;
static struct arena *arena;
static char dir_path[128];

static struct key_value notes[] = {
	{(char *)"com.example.a", (char *)"v"}, {(char *)"q\"\\\n", (char *)"\xc3\xa4\x1b/"},
};

static int set_up(void **state)
{
	(void)state;
	fake_root(&f);
	arena = arena_new();
	assert_int_equal(store_create(f.store, "c", &f.dir, &f.err), 0);
	snprintf(dir_path, sizeof(dir_path), "%s/c", f.root);
	f.st = (struct state){
		.id = strdup("c"), .bundle = (char *)"/b", .rootfs = (char *)"/b/r", .owner_uid = 7,
		.init = {.pid = 42, .start_time = UINT64_MAX, .pidfd_inode = 1ull << 40,
			 .boot_id = "01234567-89ab-cdef-0123-456789abcdef"},
		.cgroup_root = (char *)"/sys/fs/cgroup", .cgroup_path = (char *)"/x/c",
		.cgroup_id = UINT64_MAX - 1, .cgroup_created_above = 3, .cgroup_created = true,
		.intelrdt_root = (char *)"/sys/fs/resctrl", .intelrdt_group = (char *)"/c",
		.intelrdt_monitor = (char *)"/c/mon_groups/c", .intelrdt_inode = 5,
		.intelrdt_monitor_inode = UINT64_MAX, .intelrdt_own = true,
		.ns_flags = 0x6c020000, .ns_inode = {1, 2, 3, 4, 5, 6, 7, UINT64_MAX},
		.has_process = true, .has_poststop = true, .rootless = true, .own_pidns = true,
		.agent_answers = true, .start_timeout_ms = 30000,
		.annotations = {notes, 2},
	};
	state_set_created(&f.st);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	fake_clean(&f);
	return 0;
}

static int read_back(struct state *ret)
{
	memset(&f.err, 0, sizeof(f.err));
	memset(ret, 0xff, sizeof(*ret));
	return state_read(arena, f.dir, "c", ret, &f.err);
}

static void expect_damaged(void)
{
	struct state st;

	assert_int_equal(read_back(&st), -EBADMSG);
	assert_int_equal(f.err.code, EBADMSG);
	assert_non_null(strstr(f.err.text, "the state of container `c` is damaged"));
}

static void test_round_trip(void **state)
{
	struct stat on_disk;
	struct state st;

	(void)state;
	fake_rewrite(&f);
	assert_int_equal(fstatat(f.dir, STORE_STATE, &on_disk, 0), 0);
	assert_int_equal(on_disk.st_mode & 07777, 0600);
	assert_int_equal(read_back(&st), 0);
	assert_string_equal(st.id, "c");
	assert_string_equal(st.bundle, "/b");
	assert_string_equal(st.rootfs, "/b/r");
	assert_string_equal(st.created, f.st.created);
	assert_int_equal(st.owner_uid, 7);
	assert_memory_equal(&st.init, &f.st.init, sizeof(st.init));
	assert_string_equal(st.cgroup_root, "/sys/fs/cgroup");
	assert_string_equal(st.cgroup_path, "/x/c");
	assert_true(st.cgroup_id == UINT64_MAX - 1);
	assert_int_equal(st.cgroup_created_above, 3);
	assert_true(st.cgroup_created && st.has_process && st.has_poststop && st.rootless && st.own_pidns);
	assert_true(st.agent_answers);
	assert_int_equal(st.start_timeout_ms, 30000);
	assert_false(st.has_poststart || st.terminal);
	assert_string_equal(st.intelrdt_root, "/sys/fs/resctrl");
	assert_string_equal(st.intelrdt_group, "/c");
	assert_string_equal(st.intelrdt_monitor, "/c/mon_groups/c");
	assert_true(st.intelrdt_inode == 5 && st.intelrdt_monitor_inode == UINT64_MAX && st.intelrdt_own);
	assert_int_equal(st.ns_flags, 0x6c020000);
	assert_memory_equal(st.ns_inode, f.st.ns_inode, sizeof(st.ns_inode));
	assert_int_equal(st.annotations.n, 2);
	assert_string_equal(st.annotations.v[0].key, "com.example.a");
	assert_string_equal(st.annotations.v[1].key, "q\"\\\n");
	assert_string_equal(st.annotations.v[1].value, "\xc3\xa4\x1b/");
}

static void test_round_trip_of_little(void **state)
{
	struct state st;

	(void)state;
	f.st = (struct state){.id = f.st.id, .bundle = (char *)"/b"};
	state_set_created(&f.st);
	fake_rewrite(&f);
	assert_int_equal(read_back(&st), 0);
	assert_null(st.rootfs);
	assert_null(st.cgroup_root);
	assert_null(st.cgroup_path);
	assert_int_equal(st.init.pid, 0);
	assert_int_equal(st.annotations.n, 0);
}

static void test_missing(void **state)
{
	struct state st;

	(void)state;
	assert_int_equal(read_back(&st), -ENOENT);
	assert_non_null(strstr(f.err.text, "incomplete"));
}

static void test_every_truncation(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	(void)state;
	fake_rewrite(&f);
	text = fake_read(dir_path, STORE_STATE);
	len = strlen(text);
	assert_true(len > 300);
	for (size_t n = 0; n < len; n++) {
		assert_int_equal(truncate(strcat(strcpy((char[160]){0}, dir_path), "/state.json"), (off_t)n),
				 0);
		expect_damaged();
		fake_write(dir_path, STORE_STATE, text);
	}
	text[len - 1] = '\0';
	fake_write(dir_path, STORE_STATE, strcat(strcpy((char[8192]){0}, text), "}x"));
	expect_damaged();
}

/* The text with the value of the member number @i replaced by @value. */
static char *with_value(const struct json *o, const char *text, size_t i, const char *value)
{
	struct strbuf b = {0};

	strbuf_adds(&b, "{");
	for (size_t k = 0; k < o->object.n; k++) {
		size_t begin = o->object.v[k]->offset;
		/* up to the quote of the next key, and the comma before it */
		size_t end = k + 1 < o->object.n ?
			(size_t)(strstr(text + begin, o->object.keys[k + 1]) - text) - 2 :
			strlen(text) - 1;

		strbuf_addf(&b, "%s\"%s\":", k ? "," : "", o->object.keys[k]);
		if (k == i)
			strbuf_adds(&b, value);
		else
			strbuf_add(&b, text + begin, end - begin);
	}
	strbuf_adds(&b, "}");
	return b.data;
}

static void test_wrong_values(void **state)
{
	static const char *const values[] = {
		"null", "true", "-1", "1.5", "1e3", "\"\"", "\"x\"", "\"/\"", "\"/..\"", "[]", "[1]", "{}",
		"18446744073709551616", "{\"a\":1}", "\"/a/../b\"", "\"/a//b\"", "\"/a/./b\"", "\"/a/\"",
	};
	_cleanup_free_ char *text = NULL;
	unsigned accepted = 0;
	struct json *o;

	(void)state;
	f.st.annotations.n = 0;
	fake_rewrite(&f);
	text = fake_read(dir_path, STORE_STATE);
	assert_int_equal(json_parse(arena, text, strlen(text), &o, &f.err), 0);
	assert_int_equal(o->object.n, 38);
	{	/* the control: rebuilt with an equal value it is what it was */
		_cleanup_free_ char *same = with_value(o, text, 0, "3");

		assert_string_equal(same, text);
	}
	for (size_t i = 0; i < o->object.n; i++) {
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			_cleanup_free_ char *changed = with_value(o, text, i, values[v]);
			const char *key = o->object.keys[i];
			enum json_type type = o->object.v[i]->type;
			bool absolute = values[v][0] == '"' && values[v][1] == '/';
			bool fine = (type == JSON_BOOL && str_eq(values[v], "true")) ||
				    (str_eq(key, "annotations") && str_eq(values[v], "{}")) ||
				    ((str_eq(key, "rootfs") || str_eq(key, "intelRdtGroup") ||
				      str_eq(key, "intelRdtMonitor") || str_eq(key, "systemdUnit")) &&
				     str_eq(values[v], "null")) ||
				    (absolute && (str_eq(key, "bundle") || str_eq(key, "rootfs") ||
						  str_eq(key, "cgroupRoot") ||
						  str_eq(key, "intelRdtRoot")));
			struct state st;

			fake_write(dir_path, STORE_STATE, changed);
			if (!fine) {
				expect_damaged();
				continue;
			}
			assert_int_equal(read_back(&st), 0);
			accepted++;
		}
	}
	assert_int_equal(accepted, 12 + 1 + 4 + 4 * 6);
}

static void test_wrong_shape(void **state)
{
	static const char *const texts[] = {
		"", " ", "null", "[]", "{}", "7", "\"c\"", "{\"version\":3}", "\xef\xbb\xbf{}", "{\"id\":\"c\"}",
	};
	_cleanup_free_ char *text = NULL, *more = NULL;
	struct state st;
	char *at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fake_write(dir_path, STORE_STATE, texts[i]);
		expect_damaged();
	}
	fake_rewrite(&f);
	text = fake_read(dir_path, STORE_STATE);
	more = xasprintf("{\"later\":[{}],%.*s,\"extra\":1}", (int)strlen(text) - 2, text + 1);
	fake_write(dir_path, STORE_STATE, more);
	assert_int_equal(read_back(&st), 0);
	assert_int_equal(st.init.pid, 42);
	at = strstr(text, "\"pid\"");
	memcpy(at, "\"PID\"", 5);
	fake_write(dir_path, STORE_STATE, text);
	expect_damaged();
	memcpy(at, "\"pid\"", 5);
	memcpy(strstr(text, "\"version\":3"), "\"version\":0", 11);
	fake_write(dir_path, STORE_STATE, text);
	assert_int_equal(read_back(&st), -EPROTONOSUPPORT);
	assert_non_null(strstr(f.err.text, "has format 0, of another version of orlop"));
}

/* @text without the member @key. */
static void without(char *text, const char *key)
{
	char *at = strstr(text, key), *end = strchr(at, ',');

	memmove(at, end + 1, strlen(end + 1) + 1);
}

/* A container outlives the program that made it, and may be deleted by a later one. */
static void test_older_formats(void **state)
{
	static const char *const later[] = {
		"\"systemdUnit\"", "\"systemdUser\"", "\"startTimeout\"", "\"notify\"", "\"creating\"", "\"hostMount\"",
	};
	struct state st;
	_cleanup_free_ char *text = NULL, *second = NULL;

	(void)state;
	fake_rewrite(&f);
	text = fake_read(dir_path, STORE_STATE);
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		without(text, later[i]);
	for (char format = '1'; format <= '3'; format++) {
		strstr(text, "\"version\":")[10] = format;
		fake_write(dir_path, STORE_STATE, text);
		if (format == '1')
			assert_int_equal(read_back(&st), 0);
		else
			expect_damaged();
	}
	assert_int_equal(st.init.pid, 42);
	assert_null(st.unit);
	assert_true(st.start_timeout_ms == 0);
	fake_rewrite(&f);
	second = fake_read(dir_path, STORE_STATE);
	without(second, later[0]);
	without(second, later[1]);
	strstr(second, "\"version\":")[10] = '2';
	fake_write(dir_path, STORE_STATE, second);
	assert_int_equal(read_back(&st), 0);
}

/* What names the process or the cgroup is taken whole or not at all, and nothing of another container. */
static void test_salvage(void **state)
{
	static const struct {
		const char *from, *to;
		bool process, cgroup;
	} cases[] = {
		{"\"created\":\"2", "\"created\":\"x", true, true},
		{"\"version\":3", "\"version\":7", true, true},
		{"\"pid\":42", "\"pid\":-1", true, true},	/* no process of that number is opened */
		{"\"bootId\":\"0123", "\"bootId\":\"", false, true},
		{"\"cgroupPath\":\"/x/c\"", "\"cgroupPath\":\"/../c\"", true, false},
		{"\"cgroupRoot\":\"/", "\"cgroupRoot\":\"", true, false},
		{"\"cgroupId\":1", "\"cgroupId\":0,\"x\":1", true, false},
		{"\"id\":\"c\"", "\"id\":\"d\"", false, false},
		{"{", "[{", false, false}, {"}}", "}", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL, *changed = NULL;
		struct state st;
		char *at;

		fake_rewrite(&f);
		text = fake_read(dir_path, STORE_STATE);
		at = strstr(text, cases[i].from);
		assert_non_null(at);
		changed = xasprintf("%.*s%s%s", (int)(at - text), text, cases[i].to,
				    at + strlen(cases[i].from));
		fake_write(dir_path, STORE_STATE, changed);
		state_salvage(arena, f.dir, "c", &st);
		assert_string_equal(st.id, "c");
		assert_non_null(st.bundle);
		assert_int_equal(st.init.boot_id[0] != 0, cases[i].process);
		assert_int_equal(st.cgroup_path && st.cgroup_root && st.cgroup_id, cases[i].cgroup);
	}
}

static void test_values_out_of_range(void **state)
{
	struct state st;

	(void)state;
	f.st.init.pid = (1 << 22) + 1;
	fake_rewrite(&f);
	expect_damaged();
	f.st.init.pid = 1 << 22;
	fake_rewrite(&f);
	assert_int_equal(read_back(&st), 0);
	f.st.init.boot_id[35] = '\0';
	fake_rewrite(&f);
	expect_damaged();
	strcpy(f.st.init.boot_id, "01234567-89ab-cdef-0123-456789abcdef");
	strcpy(f.st.created, "2026-01-01T00:00:00Z");
	fake_rewrite(&f);
	expect_damaged();
	state_set_created(&f.st);
	f.st.intelrdt_group = (char *)"/";	/* nobody owns the default group */
	fake_rewrite(&f);
	expect_damaged();
	f.st.intelrdt_own = false;
	fake_rewrite(&f);
	assert_int_equal(read_back(&st), 0);
	f.st.intelrdt_root = NULL;
	fake_rewrite(&f);
	expect_damaged();
	f.st.intelrdt_group = f.st.intelrdt_monitor = NULL;
	fake_rewrite(&f);
	assert_int_equal(read_back(&st), 0);
	f.st.cgroup_root = NULL;
	fake_rewrite(&f);
	expect_damaged();
}

/* The state of another container, moved here. */
static void test_other_id(void **state)
{
	(void)state;
	f.st.id[0] = 'd';
	fake_rewrite(&f);
	expect_damaged();
}

static void test_hostile_file(void **state)
{
	_cleanup_free_ char *big = calloc(1, STATE_MAX_BYTES + 2);

	(void)state;
	fake_rewrite(&f);
	assert_int_equal(renameat(f.dir, STORE_STATE, f.dir, "moved"), 0);
	assert_int_equal(symlinkat("moved", f.dir, STORE_STATE), 0);
	expect_damaged();
	unlinkat(f.dir, STORE_STATE, 0);
	assert_int_equal(mkfifoat(f.dir, STORE_STATE, 0600), 0);
	expect_damaged();	/* and does not hang */
	unlinkat(f.dir, STORE_STATE, 0);
	assert_int_equal(mkdirat(f.dir, STORE_STATE, 0700), 0);
	expect_damaged();
	unlinkat(f.dir, STORE_STATE, AT_REMOVEDIR);
	memset(big, ' ', STATE_MAX_BYTES + 1);
	fake_write(dir_path, STORE_STATE, big);
	expect_damaged();
	unlinkat(f.dir, STORE_STATE, 0);
	fake_rewrite(&f);
	assert_int_equal(fchmodat(f.dir, STORE_STATE, 0666, 0), 0);
	expect_damaged();
	if (geteuid() == 0) {
		assert_int_equal(fchmodat(f.dir, STORE_STATE, 0600, 0), 0);
		assert_int_equal(fchownat(f.dir, STORE_STATE, 12345, 12345, 0), 0);
		expect_damaged();
	}
}

/* What would not be read back is not written, and the old state stays. */
static void test_too_large(void **state)
{
	struct state st;

	(void)state;
	fake_rewrite(&f);
	notes[0].value = malloc(STATE_MAX_BYTES + 1);
	memset(notes[0].value, 'x', STATE_MAX_BYTES);
	notes[0].value[STATE_MAX_BYTES] = '\0';
	assert_int_equal(state_write(f.dir, &f.st, &f.err), -E2BIG);
	assert_non_null(strstr(f.err.text, "annotations"));
	free(notes[0].value);
	notes[0].value = (char *)"v";
	assert_int_equal(read_back(&st), 0);
}

/* ---- the document ---- */

static const char *text_at(const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	assert_non_null(v);
	assert_int_equal(v->type, JSON_STRING);
	return v->string.data;
}

static const struct json *parse_document(enum container_status status, pid_t pid, bool pretty)
{
	struct json *o;
	size_t len;
	char *text = state_document(&f.st, status, pid, pretty, &len);

	assert_int_equal(len, strlen(text));
	assert_int_equal(!strchr(text, '\n'), !pretty);
	assert_int_equal(json_parse(arena, text, len, &o, &f.err), 0);
	free(text);
	assert_string_equal(text_at(o, "ociVersion"), "1.3.0");
	assert_string_equal(text_at(o, "id"), "c");
	assert_string_equal(text_at(o, "bundle"), "/b");
	assert_string_equal(json_get(o, "annotations")->object.keys[1], "q\"\\\n");
	return o;
}

static void test_document(void **state)
{
	static const char *const words[] = {"creating", "created", "running", "paused", "stopped"};
	const struct json *o;
	int64_t pid;

	(void)state;
	for (unsigned s = 0; s < 5; s++) {
		o = parse_document((enum container_status)s, 4711, s & 1);
		assert_string_equal(text_at(o, "status"), words[s]);
		assert_int_equal(json_i64(json_get(o, "pid"), &pid), 0);
		assert_int_equal(pid, 4711);
	}
	o = parse_document(STATUS_STOPPED, 0, true);
	assert_string_equal(json_get(o, "pid")->number, "0");
	assert_string_equal(text_at(o, "rootfs"), "/b/r");
	assert_string_equal(text_at(o, "created"), f.st.created);
	f.st.owner_uid = 4294967294u;
	assert_string_equal(text_at(parse_document(STATUS_STOPPED, 0, true), "owner"), "");
	f.st.owner_uid = 0;
	assert_string_equal(text_at(parse_document(STATUS_STOPPED, 0, true), "owner"), "root");
	assert_null(json_get(parse_document(STATUS_CREATING, 1, false), "owner"));
}

/* The specification's schema knows nothing else that is required, and annotations must be an object. */
static void test_document_without_annotations(void **state)
{
	_cleanup_free_ char *text = NULL;

	(void)state;
	f.st.annotations.n = 0;
	text = state_document(&f.st, STATUS_CREATED, 5, false, NULL);
	assert_string_equal(text, "{\"ociVersion\":\"1.3.0\",\"id\":\"c\",\"pid\":5,\"status\":\"created\","
			    "\"bundle\":\"/b\",\"annotations\":{}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_round_trip_of_little, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_truncation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_older_formats, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_shape, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_salvage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_values_out_of_range, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_large, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_document, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_document_without_annotations, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
