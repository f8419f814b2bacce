/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts, propagation and pivot_root with real namespaces; needs root. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "../userns.h"
#include "scene.h"
#include "util/str.h"

#define RUN(...)                                                                                   \
	do {                                                                                       \
		const struct scene scene_ = {__VA_ARGS__};                                         \
		if (scene_.flags & SCENE_USERNS)                                                   \
			NEEDS_USERNS();                                                            \
		assert_int_equal(scene_run(&scene_), 0);                                           \
	} while (0)

/* Plans are filled by hand, from static storage. */
static struct plan_mount mounts[16];
static struct oci_mount_options options[16];
static char texts[16][256];
static char *words[8];

static struct plan_mount *add(struct plan_rootfs *p, enum plan_mount_kind kind, const char *dst)
{
	struct plan_mount *m = &mounts[p->n_mounts];

	*m = (struct plan_mount){.index = (unsigned)p->n_mounts,
				 .kind = kind,
				 .destination = dst,
				 .options = &options[p->n_mounts]};
	options[p->n_mounts] = (struct oci_mount_options){0};
	p->mounts = mounts;
	p->n_mounts++;
	return m;
}

static struct plan_mount *add_fs(struct plan_rootfs *p, const char *fstype, const char *dst,
				 uint64_t attr)
{
	struct plan_mount *m = add(p, MOUNT_FS, dst);

	m->fstype = fstype;
	options[m->index].attr_set = attr;
	return m;
}

static struct plan_mount *add_bind(struct plan_rootfs *p, const char *src, const char *dst,
				   bool recursive)
{
	struct plan_mount *m = add(p, MOUNT_BIND, dst);

	snprintf(texts[m->index], sizeof(texts[0]), "%s/%s", scene_top, src);
	m->source = texts[m->index];
	options[m->index].bind = true;
	options[m->index].recursive = recursive;
	return m;
}

static void one_word(struct plan_mount *m, const char *word)
{
	words[m->index] = strdup(word);
	m->data = (struct strings){.v = &words[m->index], .n = 1};
}

static struct oci_mount_options *opt(const struct plan_mount *m)
{
	return &options[m->index];
}

/* ---- the root ------------------------------------------------------------------------------- */

static void host_marker(void)
{
	scene_write("rootfs/marker", "inside");
}

static void check_inside(void)
{
	char cwd[64];

	CHECK(str_eq(scene_read("/marker"), "inside"));
	CHECK(access(scene_top, F_OK) < 0 && access("/work", F_OK) < 0);
	CHECK(str_eq(getcwd(cwd, sizeof(cwd)), "/"));
	CHECK(chdir("../../..") == 0 && access("marker", F_OK) == 0);
	CHECK(scene_try_create("/new") == 0);
}

/* Nothing of the host is in the mount namespace any more. */
static void check_pivoted(void)
{
	check_inside();
	CHECK(scene_mounted("/", "scene"));
	CHECK(!scene_mounted("/sys", ""));
}

static void test_pivot(void **state)
{
	(void)state;
	RUN(.host = host_marker, .check = check_pivoted);
	RUN(.flags = SCENE_SHARED, .host = host_marker, .check = check_pivoted);
	RUN(.flags = SCENE_JOIN, .host = host_marker, .check = check_pivoted);
	RUN(.flags = SCENE_JOIN | SCENE_SHARED, .host = host_marker, .check = check_pivoted);
	RUN(.flags = SCENE_USERNS, .host = host_marker, .check = check_pivoted);
	RUN(.flags = SCENE_USERNS | SCENE_SHARED, .host = host_marker, .check = check_pivoted);
	RUN(.flags = SCENE_CHILD, .host = host_marker, .check = check_pivoted);
	RUN(.flags = SCENE_CHILD | SCENE_USERNS, .host = host_marker, .check = check_pivoted);
	RUN(.flags = SCENE_FOREIGN_PIDNS | SCENE_USERNS, .host = host_marker,
	    .check = check_pivoted);
	RUN(.flags = SCENE_NO_PIVOT, .host = host_marker, .check = check_inside);
}

static void plan_no_mount_ns(struct plan_rootfs *p)
{
	p->mount_ns = p->any_mounts = false;
	p->private_proc = false;
	add_fs(p, "tmpfs", "/not/done", 0);
}

static void check_chrooted(void)
{
	CHECK(str_eq(scene_read("/marker"), "inside"));
	CHECK(access("/not", F_OK) < 0);
}

static void test_no_mount_namespace(void **state)
{
	(void)state;
	RUN(.host = host_marker, .plan = plan_no_mount_ns, .check = check_chrooted);
}

static void plan_missing(struct plan_rootfs *p)
{
	p->path = "/nonexistent/rootfs";
}

static void plan_file(struct plan_rootfs *p)
{
	p->path = "/proc/version";
}

static void test_bad_root(void **state)
{
	(void)state;
	RUN(.plan = plan_missing, .code = ENOENT, .where = "/root/path");
	RUN(.plan = plan_missing, .flags = SCENE_CHILD, .code = ENOENT, .where = "/root/path");
	RUN(.plan = plan_file, .code = ENOTDIR, .where = "/root/path");
	RUN(.plan = plan_file, .flags = SCENE_CHILD, .code = ENOTDIR, .where = "/root/path");
}

static void plan_shared(struct plan_rootfs *p)
{
	p->propagation = MS_SHARED;
	p->host_propagation = MS_SLAVE | MS_REC;
}

static void plan_slave(struct plan_rootfs *p)
{
	p->propagation = MS_SLAVE | MS_REC;
	p->host_propagation = MS_SLAVE | MS_REC;
}

static void plan_unbindable(struct plan_rootfs *p)
{
	p->propagation = MS_UNBINDABLE;
}

static void check_shared(void)
{
	CHECK(scene_mounted("/", "shared:") && scene_mounted("/", "master:"));
}

static void check_slave(void)
{
	CHECK(scene_mounted("/", "master:") && !scene_mounted("/", "shared:"));
}

static void check_unbindable(void)
{
	CHECK(scene_mounted("/", "unbindable"));
}

static void check_private(void)
{
	CHECK(!scene_mounted("/", "shared:") && !scene_mounted("/", "master:"));
}

static void test_propagation(void **state)
{
	(void)state;
	RUN(.flags = SCENE_SHARED, .plan = plan_shared, .check = check_shared);
	RUN(.flags = SCENE_SHARED, .plan = plan_slave, .check = check_slave);
	RUN(.flags = SCENE_SHARED, .plan = plan_unbindable, .check = check_unbindable);
	RUN(.flags = SCENE_SHARED, .check = check_private);
}

/* ---- file systems --------------------------------------------------------------------------- */

static void plan_usual(struct plan_rootfs *p)
{
	uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	struct plan_mount *m;

	add_fs(p, "proc", "/proc", safe);
	m = add_fs(p, "tmpfs", "/dev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY);
	m->late_readonly = true;
	one_word(m, "mode=755");
	one_word(add_fs(p, "devpts", "/dev/pts", MOUNT_ATTR_NOSUID), "newinstance");
	add_fs(p, "tmpfs", "/dev/shm", safe);
	add_fs(p, "mqueue", "/dev/mqueue", safe);
	m = add(p, MOUNT_SYSFS, "/sys");
	m->fstype = "sysfs";
	opt(m)->attr_set = safe | MOUNT_ATTR_RDONLY;
	p->readonly = true;
}

static void check_usual(void)
{
	struct statfs fs;

	CHECK(scene_mounted("/proc", " rw,nosuid,nodev,noexec,relatime - proc proc"));
	CHECK(scene_mounted("/dev", " ro,nosuid,relatime - tmpfs tmpfs rw,"));
	CHECK(scene_mounted("/dev/pts", "- devpts devpts"));
	CHECK(scene_mounted("/dev/shm", " rw,nosuid,nodev,noexec"));
	CHECK(scene_mounted("/dev/mqueue", "- mqueue"));
	CHECK(scene_mounted("/sys", " ro,nosuid,nodev,noexec"));
	CHECK(scene_mounted("/", " ro,relatime"));
	CHECK(statfs("/sys", &fs) == 0 && fs.f_type == 0x62656572);
	CHECK(scene_try_create("/x") == EROFS && scene_try_create("/dev/x") == EROFS);
	CHECK(scene_try_create("/dev/shm/x") == 0);
	CHECK(access("/proc/self/status", R_OK) == 0);
}

static void test_usual_mounts(void **state)
{
	(void)state;
	RUN(.plan = plan_usual, .check = check_usual);
	RUN(.flags = SCENE_SHARED, .plan = plan_usual, .check = check_usual);
	RUN(.flags = SCENE_USERNS, .plan = plan_usual, .check = check_usual);
	RUN(.flags = SCENE_JOIN, .plan = plan_usual, .check = check_usual);
}

static void plan_bad_option(struct plan_rootfs *p)
{
	one_word(add_fs(p, "tmpfs", "/t", 0), "nonsense=1");
}

static void plan_bad_type(struct plan_rootfs *p)
{
	add_fs(p, "nosuchfs", "/t", 0);
}

static void plan_unmapped_gid(struct plan_rootfs *p)
{
	one_word(add_fs(p, "devpts", "/t", 0), "gid=70000");
}

static void test_fs_errors(void **state)
{
	(void)state;
	RUN(.plan = plan_bad_option, .code = EINVAL, .where = "/mounts/0",
	    .text = "Unknown parameter 'nonsense'");
	RUN(.plan = plan_bad_type, .code = ENODEV, .where = "/mounts/0", .text = "nosuchfs");
	RUN(.flags = SCENE_USERNS, .plan = plan_unmapped_gid, .code = EINVAL, .text = "mapped");
}

static void host_tmp(void)
{
	CHECK(mkdir("rootfs/tmp", 0700) == 0 && chmod("rootfs/tmp", 01770) == 0);
}

static void plan_tmp(struct plan_rootfs *p)
{
	add_fs(p, "tmpfs", "/tmp", 0);
	add_fs(p, "tmpfs", "/new", 0);
	one_word(add_fs(p, "tmpfs", "/tmp/given", 0), "mode=711");
}

static void check_tmp(void)
{
	struct stat st;

	CHECK(stat("/tmp", &st) == 0 && (st.st_mode & 07777) == 01770);
	CHECK(stat("/new", &st) == 0 && (st.st_mode & 07777) == 01777);
	CHECK(stat("/tmp/given", &st) == 0 && (st.st_mode & 07777) == 0711);
}

static void test_tmpfs_mode(void **state)
{
	(void)state;
	RUN(.host = host_tmp, .plan = plan_tmp, .check = check_tmp);
}

static void plan_cgroup2(struct plan_rootfs *p)
{
	add(p, MOUNT_CGROUP2, "/cg");
}

static void check_cgroup2(void)
{
	CHECK(scene_mounted("/cg", " / /cg rw,relatime - cgroup2"));
	CHECK(access("/cg/cgroup.procs", R_OK) == 0);
}

/* In this process it is the host's, so the plan's word alone. */
static void plan_joined_cgroup2(struct plan_rootfs *p)
{
	plan_cgroup2(p);
	p->joined_cgroupns = true;
}

static char host_tree[128];

static void plan_host_cgroups(struct plan_rootfs *p)
{
	plan_cgroup2(p);
	snprintf(host_tree, sizeof(host_tree), "%s/cg", scene_top);
	p->cgroup_tree = host_tree;
}

static void plan_readonly_cgroups(struct plan_rootfs *p)
{
	plan_host_cgroups(p);
	p->cgroup_readonly = true;
}

/* Without a namespace of ours the host's are shown; not writable when nobody is privileged. */
static void check_host_cgroups(void)
{
	CHECK(scene_mounted("/cg", " ro,"));
	CHECK(scene_try_create("/cg/x") == EROFS);
}

static void host_cgroup(void)
{
	CHECK(mkdir("cg", 0755) == 0 && mount("cg", "cg", "cgroup2", 0, NULL) == 0);
}

/* The one directory, read-only; and nothing mounted below it reaches the host. */
static void check_own_cgroup(void)
{
	CHECK(scene_mounted("/cg", " ro,relatime - cgroup2") && !scene_mounted("/cg", "shared:"));
	CHECK(access("/cg/cgroup.procs", R_OK) == 0);
}

static void test_cgroup2(void **state)
{
	struct stat st;

	(void)state;
	/* What is joined is ours: where that is not the host's (PROC_CGROUP_INIT_INO) one is mounted. */
	assert_int_equal(stat("/proc/self/ns/cgroup", &st), 0);
	if (st.st_ino == 0xeffffffbu) {
		RUN(.flags = SCENE_CGROUP | SCENE_SHARED, .host = host_cgroup, .plan = plan_joined_cgroup2,
		    .check = check_own_cgroup);
		RUN(.flags = SCENE_CGROUP | SCENE_SHARED | SCENE_USERNS, .host = host_cgroup,
		    .plan = plan_joined_cgroup2, .check = check_own_cgroup);
	}
	RUN(.flags = SCENE_CGROUPNS, .plan = plan_cgroup2, .check = check_cgroup2);
	RUN(.flags = SCENE_CGROUPNS | SCENE_USERNS, .plan = plan_cgroup2, .check = check_cgroup2);
	RUN(.host = host_cgroup, .plan = plan_host_cgroups, .check = check_cgroup2);
	RUN(.flags = SCENE_USERNS, .host = host_cgroup, .plan = plan_host_cgroups, .check = check_cgroup2);
	RUN(.host = host_cgroup, .plan = plan_readonly_cgroups, .check = check_host_cgroups);
	RUN(.flags = SCENE_CHILD, .host = host_cgroup, .plan = plan_readonly_cgroups, .check = check_host_cgroups);
}

/* ---- binds ---------------------------------------------------------------------------------- */

static void host_volume(void)
{
	CHECK(mkdir("volume", 0755) == 0 && mkdir("volume/sub", 0755) == 0);
	scene_write("volume/file", "volume");
	CHECK(mount("sub", "volume/sub", "tmpfs", MS_NOSUID, NULL) == 0);
	scene_write("volume/sub/file", "sub");
}

static void plan_volumes(struct plan_rootfs *p)
{
	struct plan_mount *m;

	add_bind(p, "volume", "/all", true);
	m = add_bind(p, "volume", "/ro", true);
	opt(m)->attr_set = MOUNT_ATTR_RDONLY;
	m = add_bind(p, "volume", "/rro", true);
	opt(m)->rattr_set = MOUNT_ATTR_RDONLY;
	m = add_bind(p, "volume/file", "/etc/file", false);
	opt(m)->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
}

static void check_volumes(void)
{
	CHECK(str_eq(scene_read("/all/file"), "volume") &&
	      str_eq(scene_read("/all/sub/file"), "sub"));
	CHECK(scene_try_create("/all/x") == 0);
	CHECK(scene_try_create("/ro/x") == EROFS && scene_try_create("/ro/sub/x") == 0);
	CHECK(scene_try_create("/rro/x") == EROFS && scene_try_create("/rro/sub/x") == EROFS);
	CHECK(scene_mounted("/rro/sub", " ro,nosuid"));
	CHECK(str_eq(scene_read("/etc/file"), "volume") && scene_try_write("/etc/file") == EROFS);
	CHECK(!scene_mounted("/all", "shared:") && !scene_mounted("/all", "master:"));
	CHECK(!scene_mounted("/all/sub", "shared:"));
}

static void plan_single(struct plan_rootfs *p)
{
	add_bind(p, "volume", "/one", false);
}

static void check_single(void)
{
	CHECK(str_eq(scene_read("/one/file"), "volume") && str_eq(scene_read("/one/sub/file"), ""));
}

static void test_binds(void **state)
{
	static const unsigned ways[] = {0,
					SCENE_SHARED,
					SCENE_CHILD,
					SCENE_USERNS | SCENE_SHARED,
					SCENE_USERNS | SCENE_CHILD,
					SCENE_JOIN | SCENE_SHARED};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		RUN(.flags = ways[i], .host = host_volume, .plan = plan_volumes,
		    .check = check_volumes);
	RUN(.flags = SCENE_SHARED, .host = host_volume, .plan = plan_single, .check = check_single);
	/* The kernel does not uncover what lies below a mount of somebody else. */
	RUN(.flags = SCENE_USERNS | SCENE_CHILD, .host = host_volume, .plan = plan_single,
	    .code = EINVAL, .where = "/mounts/0/source", .text = "rbind");
}

static unsigned long mount_word[] = {MS_SLAVE | MS_REC, MS_SHARED | MS_REC, MS_UNBINDABLE};

static void plan_bind_words(struct plan_rootfs *p)
{
	p->host_propagation = MS_SLAVE; /* as of every plan with such a mount */
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = {"/slave", "/shared", "/unbindable"};
		struct plan_mount *m = add_bind(p, "volume", names[i], true);

		opt(m)->propagation = &mount_word[i];
		opt(m)->n_propagation = 1;
	}
}

static void check_bind_words(void)
{
	CHECK(scene_mounted("/slave", "master:") && !scene_mounted("/slave", "shared:"));
	CHECK(scene_mounted("/slave/sub", "master:"));
	CHECK(scene_mounted("/shared", "shared:") && scene_mounted("/shared/sub", "shared:"));
	CHECK(scene_mounted("/unbindable", "unbindable"));
	/* Seen by nobody else: the host's mounts are compared afterwards. */
	CHECK(mount("x", "/shared/sub", "tmpfs", 0, NULL) == 0);
	CHECK(mount("x", "/slave/sub", "tmpfs", 0, NULL) == 0);
}

static unsigned long want_shared[] = {MS_SHARED | MS_REC};

static void plan_both_shared(struct plan_rootfs *p)
{
	struct plan_mount *m = add_bind(p, "volume", "/v", true);

	plan_shared(p);
	opt(m)->propagation = want_shared;
	opt(m)->n_propagation = 1;
}

/* "Bidirectional": the same peer group as on the host. */
static void check_both_shared(void)
{
	CHECK(scene_mounted("/v", "shared:"));
	CHECK(mkdir("/v/dir", 0755) == 0 && mount("x", "/v/dir", "tmpfs", 0, NULL) == 0);
}

static void after_both_shared(void)
{
	CHECK(umount2("volume/dir", 0) == 0);
}

static void test_bind_propagation(void **state)
{
	(void)state;
	RUN(.flags = SCENE_SHARED, .host = host_volume, .plan = plan_bind_words,
	    .check = check_bind_words);
	RUN(.flags = SCENE_SHARED, .host = host_volume, .plan = plan_both_shared,
	    .check = check_both_shared, .after = after_both_shared);
}

static void host_locked(void)
{
	host_volume();
	CHECK(mount(NULL, "volume/sub", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_RDONLY, NULL) ==
	      0);
}

static void plan_locked(struct plan_rootfs *p)
{
	opt(add_bind(p, "volume/sub", "/v", false))->attr_clr =
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
}

static void plan_not_asked(struct plan_rootfs *p)
{
	add_bind(p, "volume/sub", "/v", false);
	opt(add_bind(p, "volume/sub", "/w", false))->attr_clr = MOUNT_ATTR_NODEV;
}

static void check_still_locked(void)
{
	CHECK(scene_try_create("/v/x") == EROFS && scene_mounted("/v", " ro,nosuid"));
	CHECK(scene_try_create("/w/x") == EROFS);
}

/* In a user namespace the container's root has CAP_SYS_ADMIN over its mounts, and must not undo
 * what the host decided. */
static void host_locked_root(void)
{
	host_locked();
	CHECK(mount("rootfs", "rootfs", NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, "rootfs", NULL, MS_REMOUNT | MS_BIND | MS_NODEV | MS_RDONLY, NULL) == 0);
}

static void plan_locked_tree(struct plan_rootfs *p)
{
	add_fs(p, "tmpfs", "/v", 0);
	add_bind(p, "volume", "/v/t", true);
}

static void host_locked_root_v(void)
{
	CHECK(mkdir("rootfs/v", 0755) == 0);
	host_locked_root();
}

static void check_locked_for_good(void)
{
	CHECK(scene_mounted("/", " ro,nodev"));
	CHECK(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) < 0 && errno == EPERM);
	CHECK(mount(NULL, "/v/t/sub", NULL, MS_REMOUNT | MS_BIND, NULL) < 0 && errno == EPERM);
	CHECK(umount2("/v/t/sub", MNT_DETACH) < 0 && errno == EINVAL);
}

/* Asked for, and the parent may: the host's root said so in config.json. */
static void check_unlocked(void)
{
	CHECK(scene_try_create("/v/x") == 0 && scene_mounted("/v", " rw,nosuid"));
}

/* The container's root may not even look there. */
static void host_unreachable(void)
{
	host_volume();
	CHECK(chown("volume", 5, 5) == 0 && chmod("volume", 0700) == 0);
}

static void plan_unreachable(struct plan_rootfs *p)
{
	add_bind(p, "volume/sub", "/v", false);
}

static void check_reached(void)
{
	CHECK(str_eq(scene_read("/v/file"), "sub"));
}

static void test_locked_flags(void **state)
{
	(void)state;
	RUN(.flags = SCENE_USERNS, .host = host_locked_root_v, .plan = plan_locked_tree,
	    .check = check_locked_for_good);
	RUN(.flags = SCENE_USERNS | SCENE_SHARED, .host = host_locked_root_v,
	    .plan = plan_locked_tree, .check = check_locked_for_good);
	RUN(.flags = SCENE_USERNS, .host = host_locked, .plan = plan_locked,
	    .check = check_unlocked);
	RUN(.flags = SCENE_USERNS, .host = host_unreachable, .plan = plan_unreachable,
	    .check = check_reached);
	RUN(.flags = SCENE_USERNS | SCENE_CHILD, .host = host_locked, .plan = plan_locked,
	    .code = EPERM, .where = "/mounts/0", .text = "source: ro)");
	RUN(.flags = SCENE_USERNS | SCENE_CHILD, .host = host_locked, .plan = plan_not_asked,
	    .check = check_still_locked);
}

static void plan_remount(struct plan_rootfs *p)
{
	add_bind(p, "volume", "/v", true);
	opt(add(p, MOUNT_REMOUNT, "/v"))->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;
	opt(add(p, MOUNT_REMOUNT, "/"))->attr_set = MOUNT_ATTR_NOSUID;
}

static void check_remount(void)
{
	CHECK(scene_mounted("/v", " ro,noexec") && scene_mounted("/", " rw,nosuid"));
}

static void plan_remount_nothing(struct plan_rootfs *p)
{
	add_bind(p, "volume", "/v", true);
	opt(add(p, MOUNT_REMOUNT, "/v/file"))->attr_set = MOUNT_ATTR_RDONLY;
}

static void test_remount(void **state)
{
	(void)state;
	RUN(.host = host_volume, .plan = plan_remount, .check = check_remount);
	RUN(.host = host_volume, .plan = plan_remount_nothing, .code = EINVAL,
	    .where = "/mounts/1");
}

static void plan_missing_source(struct plan_rootfs *p)
{
	add_bind(p, "volume/file", "/ok", false);
	add_bind(p, "nothing", "/x", false);
}

static void plan_dir_on_file(struct plan_rootfs *p)
{
	add_bind(p, "volume", "/marker", true);
}

static void host_dir_on_file(void)
{
	host_marker();
	host_volume();
}

static void plan_on_root(struct plan_rootfs *p)
{
	add_bind(p, "volume", "/", true);
}

static void plan_on_root_by_link(struct plan_rootfs *p)
{
	add_bind(p, "volume", "/link", true);
}

static void host_root_link(void)
{
	host_volume();
	CHECK(symlink("..", "rootfs/link") == 0);
}

static void test_bind_errors(void **state)
{
	(void)state;
	RUN(.host = host_volume, .plan = plan_missing_source, .code = ENOENT,
	    .where = "/mounts/1/source");
	RUN(.host = host_dir_on_file, .plan = plan_dir_on_file, .code = ENOTDIR,
	    .where = "/mounts/0", .text = "volume, a directory, cannot be mounted on a file: not a directory");
	RUN(.host = host_volume, .plan = plan_on_root, .code = EINVAL, .where = "/mounts/0");
	RUN(.host = host_root_link, .plan = plan_on_root_by_link, .code = EINVAL,
	    .where = "/mounts/0");
}

/* ---- hostile names -------------------------------------------------------------------------- */

/* What goes before and after the path of the scene; none of it when there is nothing to go after. */
static const struct {
	const char *front, *back;
} link_texts[] = {
	{"", "/canary"}, {"../../../../../../../../../..", "/canary"}, {"/proc/self/root", NULL},
	{"/proc/1/root", "/canary"}, {"link2", NULL},
};
static unsigned link_text;

/* rootfs/PATH is a link to the outside, at the last component or in the middle. */
static void hostile_link(const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "%s%s%s", link_texts[link_text].front,
		 link_texts[link_text].back ? scene_top : "",
		 link_texts[link_text].back ? link_texts[link_text].back : "");
	CHECK(symlink(text, path) == 0);
	CHECK(symlink("link", "rootfs/link2") == 0);
	host_volume();
}

static void host_link_last(void)
{
	CHECK(mkdir("rootfs/a", 0755) == 0 && mkdir("rootfs/a/b", 0755) == 0);
	hostile_link("rootfs/a/b/c");
}

static void host_link_middle(void)
{
	CHECK(mkdir("rootfs/a", 0755) == 0);
	hostile_link("rootfs/a/b");
}

static void host_link_first(void)
{
	hostile_link("rootfs/a");
}

static void plan_hostile(struct plan_rootfs *p)
{
	add_bind(p, "volume", "/a/b/c", true);
	add_bind(p, "volume/file", "/a/b/d/file", false);
}

static void check_hostile(void)
{
	CHECK(str_eq(scene_read("/a/b/c/file"), "volume"));
}

static void test_links(void **state)
{
	(void)state;
	/* The canary is looked at, and the host's mounts are compared, after each. */
	for (link_text = 0; link_text < ARRAY_SIZE(link_texts); link_text++) {
		RUN(.flags = SCENE_SHARED, .host = host_link_last, .plan = plan_hostile,
		    .check = check_hostile);
		RUN(.host = host_link_middle, .plan = plan_hostile, .check = check_hostile);
		RUN(.host = host_link_first, .plan = plan_hostile, .check = check_hostile);
	}
}

static void host_loop(void)
{
	host_volume();
	CHECK(symlink("a", "rootfs/a") == 0);
}

static void host_odd(void)
{
	host_volume();
	CHECK(mkfifo("rootfs/fifo", 0644) == 0);
	CHECK(link("canary/file", "rootfs/hard") == 0);
}

static void plan_odd(struct plan_rootfs *p)
{
	add_bind(p, "volume/file", "/fifo", false);
	add_bind(p, "volume/file", "/hard", false);
}

static void check_odd(void)
{
	CHECK(str_eq(scene_read("/fifo"), "volume") && str_eq(scene_read("/hard"), "volume"));
}

static void test_odd_targets(void **state)
{
	(void)state;
	RUN(.host = host_loop, .plan = plan_hostile, .code = ELOOP, .where = "/mounts/0");
	RUN(.host = host_odd, .plan = plan_odd, .check = check_odd);
}

static void host_proc_link(void)
{
	CHECK(mkdir("rootfs/real", 0755) == 0 && symlink("real", "rootfs/proc") == 0);
	CHECK(symlink("real", "rootfs/sys") == 0);
	host_volume();
}

static void plan_proc(struct plan_rootfs *p)
{
	add_fs(p, "proc", "/proc", 0);
}

static void plan_sys(struct plan_rootfs *p)
{
	add(p, MOUNT_SYSFS, "/sys")->fstype = "sysfs";
}

/* /proc is a link to where a procfs will be: a name below it proves nothing. */
static void plan_proc_aside(struct plan_rootfs *p)
{
	add_fs(p, "proc", "/real", 0);
	add_bind(p, "volume/file", "/proc/stat", false);
}

static void plan_proc_good(struct plan_rootfs *p)
{
	plan_proc(p);
	add_bind(p, "volume/file", "/proc/stat", false);
	add_bind(p, "volume/file", "/proc/sys/kernel/ns_last_pid", false);
}

static void check_proc_good(void)
{
	CHECK(str_eq(scene_read("/proc/stat"), "volume"));
	CHECK(str_eq(scene_read("/proc/sys/kernel/ns_last_pid"), "volume"));
}

static const char *proc_destination;

static void host_link_to_proc(void)
{
	host_volume();
	CHECK(symlink("/proc/self", "rootfs/x") == 0 && symlink("/proc", "rootfs/y") == 0);
}

static void plan_proc_bad(struct plan_rootfs *p)
{
	plan_proc(p);
	add_bind(p, "volume/sub", proc_destination, false);
}

static void test_proc(void **state)
{
	static const char *const bad[] = {
		"/proc/self",	    "/proc/1",		 "/proc/self/attr",
		"/proc/sys/kernel", "/proc/thread-self", "/x",
		"/x/attr",	    "/y/stat",		 "/proc/sys/kernel/core_pattern"};

	(void)state;
	RUN(.host = host_proc_link, .plan = plan_proc, .code = ENOTDIR, .text = "not a directory");
	RUN(.host = host_proc_link, .plan = plan_sys, .code = ENOTDIR, .text = "not a directory");
	RUN(.host = host_proc_link, .plan = plan_proc_aside, .code = ENOTDIR, .where = "/mounts/1");
	RUN(.host = host_volume, .plan = plan_proc_good, .check = check_proc_good);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		proc_destination = bad[i];
		RUN(.host = host_link_to_proc, .plan = plan_proc_bad, .code = EPERM,
		    .where = "/mounts/1");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pivot),	     cmocka_unit_test(test_no_mount_namespace),
		cmocka_unit_test(test_bad_root),     cmocka_unit_test(test_propagation),
		cmocka_unit_test(test_usual_mounts), cmocka_unit_test(test_fs_errors),
		cmocka_unit_test(test_tmpfs_mode),   cmocka_unit_test(test_cgroup2),
		cmocka_unit_test(test_binds),	     cmocka_unit_test(test_bind_propagation),
		cmocka_unit_test(test_locked_flags), cmocka_unit_test(test_remount),
		cmocka_unit_test(test_bind_errors),  cmocka_unit_test(test_links),
		cmocka_unit_test(test_odd_targets),  cmocka_unit_test(test_proc),
	};

	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
