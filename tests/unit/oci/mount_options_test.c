/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mount.h>

#include "oci/mount.h"
#include "util/mem.h"
#include "util/str.h"

#define ATIME MOUNT_ATTR__ATIME

/* Every word of the specification's table, with its effect alone. */
static const struct {
	const char *word;
	uint64_t set, clr, rset, rclr;
	unsigned long propagation;
	const char *sb;
	bool bind, recursive, remount, idmap, ridmap, copyup, link, nofollow_src, nofollow_dest;
} words[] = {
	{.word = "async"},
	{.word = "atime", .clr = ATIME},
	{.word = "bind", .bind = true},
	{.word = "copy-symlink", .link = true},
	{.word = "defaults"},
	{.word = "dest-nofollow", .nofollow_dest = true},
	{.word = "dev", .clr = MOUNT_ATTR_NODEV},
	{.word = "diratime", .clr = MOUNT_ATTR_NODIRATIME},
	{.word = "dirsync", .sb = "dirsync"},
	{.word = "exec", .clr = MOUNT_ATTR_NOEXEC},
	{.word = "idmap", .idmap = true},
	{.word = "iversion"},
	{.word = "lazytime", .sb = "lazytime"},
	{.word = "loud"},
	{.word = "mand", .sb = "mand"},
	{.word = "noatime", .set = MOUNT_ATTR_NOATIME, .clr = ATIME},
	{.word = "nodev", .set = MOUNT_ATTR_NODEV},
	{.word = "nodiratime", .set = MOUNT_ATTR_NODIRATIME},
	{.word = "noexec", .set = MOUNT_ATTR_NOEXEC},
	{.word = "noiversion"},
	{.word = "nolazytime"},
	{.word = "nomand"},
	{.word = "norelatime"},
	{.word = "nostrictatime", .clr = ATIME},
	{.word = "nosuid", .set = MOUNT_ATTR_NOSUID},
	{.word = "nosymfollow", .set = MOUNT_ATTR_NOSYMFOLLOW},
	{.word = "private", .propagation = MS_PRIVATE},
	{.word = "ratime", .rclr = ATIME},
	{.word = "rbind", .bind = true, .recursive = true},
	{.word = "rdev", .rclr = MOUNT_ATTR_NODEV},
	{.word = "rdiratime", .rclr = MOUNT_ATTR_NODIRATIME},
	{.word = "relatime", .clr = ATIME},
	{.word = "remount", .remount = true},
	{.word = "rexec", .rclr = MOUNT_ATTR_NOEXEC},
	{.word = "ridmap", .idmap = true, .ridmap = true},
	{.word = "rnoatime", .rset = MOUNT_ATTR_NOATIME, .rclr = ATIME},
	{.word = "rnodev", .rset = MOUNT_ATTR_NODEV},
	{.word = "rnodiratime", .rset = MOUNT_ATTR_NODIRATIME},
	{.word = "rnoexec", .rset = MOUNT_ATTR_NOEXEC},
	{.word = "rnorelatime", .rclr = ATIME},
	{.word = "rnostrictatime", .rclr = ATIME},
	{.word = "rnosuid", .rset = MOUNT_ATTR_NOSUID},
	{.word = "rnosymfollow", .rset = MOUNT_ATTR_NOSYMFOLLOW},
	{.word = "ro", .set = MOUNT_ATTR_RDONLY},
	{.word = "rprivate", .propagation = MS_PRIVATE | MS_REC},
	{.word = "rrelatime", .rclr = ATIME},
	{.word = "rro", .rset = MOUNT_ATTR_RDONLY},
	{.word = "rrw", .rclr = MOUNT_ATTR_RDONLY},
	{.word = "rshared", .propagation = MS_SHARED | MS_REC},
	{.word = "rslave", .propagation = MS_SLAVE | MS_REC},
	{.word = "rstrictatime", .rset = MOUNT_ATTR_STRICTATIME, .rclr = ATIME},
	{.word = "rsuid", .rclr = MOUNT_ATTR_NOSUID},
	{.word = "rsymfollow", .rclr = MOUNT_ATTR_NOSYMFOLLOW},
	{.word = "runbindable", .propagation = MS_UNBINDABLE | MS_REC},
	{.word = "rw", .clr = MOUNT_ATTR_RDONLY},
	{.word = "shared", .propagation = MS_SHARED},
	{.word = "silent"},
	{.word = "slave", .propagation = MS_SLAVE},
	{.word = "src-nofollow", .nofollow_src = true},
	{.word = "strictatime", .set = MOUNT_ATTR_STRICTATIME, .clr = ATIME},
	{.word = "suid", .clr = MOUNT_ATTR_NOSUID},
	{.word = "symfollow", .clr = MOUNT_ATTR_NOSYMFOLLOW},
	{.word = "sync", .sb = "sync"},
	{.word = "tmpcopyup", .copyup = true},
	{.word = "unbindable", .propagation = MS_UNBINDABLE},
};

/* @list: words with commas between them. */
static struct oci_mount_options parse(struct arena *a, const char *list)
{
	struct oci_mount_options o;
	struct strings s = {0};
	char *copy = arena_strdup(a, list);

	for (char *p = copy; p;) {
		char *word = strsep(&p, ",");

		arena_push(a, s.v, s.n) = word;
	}
	memset(&o, 0xff, sizeof(o));
	mount_options_parse(a, &s, &o);
	return o;
}

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

/* spec: MO-009 MO-016 MO-018 MO-019 */
static void test_every_word(void **state)
{
	assert_int_equal(mount_option_table_len, ARRAY_SIZE(words));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct oci_mount_options o = parse(*state, words[i].word);

		/* Sorted, for the lookup. */
		assert_string_equal(mount_option_table[i].name, words[i].word);
		assert_ptr_equal(mount_option_find(words[i].word), &mount_option_table[i]);
		if (i > 0)
			assert_true(strcmp(words[i - 1].word, words[i].word) < 0);

		assert_int_equal(o.attr_set, words[i].set);
		assert_int_equal(o.attr_clr, words[i].clr);
		assert_int_equal(o.rattr_set, words[i].rset);
		assert_int_equal(o.rattr_clr, words[i].rclr);
		assert_int_equal(o.ro, (words[i].set & MOUNT_ATTR_RDONLY) != 0);
		assert_int_equal(o.bind, words[i].bind);
		assert_int_equal(o.recursive, words[i].recursive);
		assert_int_equal(o.remount, words[i].remount);
		assert_int_equal(o.idmap, words[i].idmap);
		assert_int_equal(o.idmap_recursive, words[i].ridmap);
		assert_int_equal(o.tmpcopyup, words[i].copyup);
		assert_int_equal(o.copy_symlink, words[i].link);
		assert_int_equal(o.src_nofollow, words[i].nofollow_src);
		assert_int_equal(o.dest_nofollow, words[i].nofollow_dest);
		assert_int_equal(o.n_propagation, words[i].propagation ? 1 : 0);
		if (words[i].propagation)
			assert_int_equal(o.propagation[0], words[i].propagation);
		assert_int_equal(o.sb_flags.n, words[i].sb ? 1 : 0);
		if (words[i].sb)
			assert_string_equal(o.sb_flags.v[0], words[i].sb);
		assert_int_equal(o.data.n, 0);
		assert_null(o.data.v);
	}
}

/* spec: MO-019 */
static void test_last_wins(void **state)
{
	static const struct {
		const char *list;
		uint64_t set, clr, rset, rclr;
	} rows[] = {
		{"ro,rw", 0, MOUNT_ATTR_RDONLY, 0, 0},
		{"rw,ro", MOUNT_ATTR_RDONLY, 0, 0, 0},
		{"nosuid,suid,nosuid", MOUNT_ATTR_NOSUID, 0, 0, 0},
		{"nosuid,nodev,noexec,ro", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, 0, 0, 0},
		{"noatime,relatime", 0, ATIME, 0, 0},
		{"noatime,strictatime", MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
		{"strictatime,noatime", MOUNT_ATTR_NOATIME, ATIME, 0, 0},
		{"noatime,atime", 0, ATIME, 0, 0},
		{"strictatime,atime", MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
		{"noatime,nostrictatime", MOUNT_ATTR_NOATIME, ATIME, 0, 0},
		{"noatime,norelatime", MOUNT_ATTR_NOATIME, ATIME, 0, 0},
		{"noatime,nodiratime", MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME, ATIME, 0, 0},
		{"rro,rrw", 0, 0, 0, MOUNT_ATTR_RDONLY},
		{"ro,rrw", MOUNT_ATTR_RDONLY, 0, 0, MOUNT_ATTR_RDONLY},
		{"rnoatime,ratime", 0, 0, 0, ATIME},
		{"rnoatime,rnodev,rrelatime", 0, 0, MOUNT_ATTR_NODEV, ATIME},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oci_mount_options o = parse(*state, rows[i].list);

		if (o.attr_set != rows[i].set || o.attr_clr != rows[i].clr ||
		    o.rattr_set != rows[i].rset || o.rattr_clr != rows[i].rclr)
			fail_msg("%s: %#lx %#lx %#lx %#lx", rows[i].list, (long)o.attr_set,
				 (long)o.attr_clr, (long)o.rattr_set, (long)o.rattr_clr);
	}
}

static void test_lists(void **state)
{
	struct oci_mount_options o = parse(*state, "sync,mode=755,shared,lazytime,,RO,async,rslave,"
					   "size=64k,dirsync,sync,sync,nolazytime,rbind,bind");

	assert_int_equal(o.sb_flags.n, 2);
	assert_string_equal(o.sb_flags.v[0], "dirsync");
	assert_string_equal(o.sb_flags.v[1], "sync");
	assert_null(o.sb_flags.v[2]);
	assert_int_equal(o.data.n, 3);
	assert_string_equal(o.data.v[0], "mode=755");
	assert_string_equal(o.data.v[1], "RO");
	assert_string_equal(o.data.v[2], "size=64k");
	assert_null(o.data.v[3]);
	assert_int_equal(o.n_propagation, 2);
	assert_int_equal(o.propagation[0], MS_SHARED);
	assert_int_equal(o.propagation[1], MS_SLAVE | MS_REC);
	assert_true(o.bind);
	assert_true(o.recursive);
}

static void test_nothing(void **state)
{
	struct oci_mount_options o, zero = {0};

	memset(&o, 0xff, sizeof(o));
	mount_options_parse(*state, &(struct strings){0}, &o);
	assert_memory_equal(&o.attr_set, &zero.attr_set, 4 * sizeof(uint64_t));
	assert_int_equal(o.sb_flags.n + o.data.n + o.n_propagation, 0);
	assert_false(o.bind || o.ro || o.remount || o.idmap || o.tmpcopyup || o.copy_symlink);
	assert_false(o.src_nofollow || o.dest_nofollow);
	assert_null(mount_option_find(""));
	assert_null(mount_option_find("zzz"));
	assert_null(mount_option_find("r"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_every_word), T(test_last_wins), T(test_lists), T(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
