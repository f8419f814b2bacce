/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices, links, masks, read-only paths and the console with real namespaces; needs root. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

static bool is_node(const char *path, mode_t mode, unsigned maj, unsigned min, uid_t uid, gid_t gid)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_mode == mode && st.st_rdev == makedev(maj, min) &&
	       st.st_uid == uid && st.st_gid == gid;
}

static bool is_link(const char *path, const char *text)
{
	char buf[128] = "";

	return readlink(path, buf, sizeof(buf) - 1) > 0 && str_eq(buf, text);
}

/* ---- devices -------------------------------------------------------------------------------- */

static struct plan_device devices[8];
static struct plan_link links[] = {
	{.target = "/proc/self/fd", .path = "/dev/fd"}, {.target = "pts/ptmx", .path = "/dev/ptmx"},
};

static struct plan_device *add_device(struct plan_rootfs *p, const char *path, mode_t mode,
				      unsigned maj, unsigned min, const char *where)
{
	struct plan_device *d = &devices[p->n_devices++];

	*d = (struct plan_device){
		.path = path, .mode = mode, .dev = makedev(maj, min), .where = where};
	p->devices = devices;
	return d;
}

static void add_defaults(struct plan_rootfs *p)
{
	add_device(p, "/dev/null", S_IFCHR | 0666, 1, 3, "");
	add_device(p, "/dev/zero", S_IFCHR | 0666, 1, 5, "");
	p->links = links;
	p->n_links = ARRAY_SIZE(links);
}

static void plan_devices(struct plan_rootfs *p)
{
	struct plan_device *d;

	add_defaults(p);
	d = add_device(p, "/dev/sub/x", S_IFBLK | 0640, 8, 666, "/linux/devices/0");
	d->uid = 1;
	d->gid = 2;
	add_device(p, "/opt/fifo", S_IFIFO | 0604, 0, 0, "/linux/devices/1");
	add_device(p, "/dev/zero", S_IFCHR | 0600, 1, 5, "/linux/devices/2");
}

static void check_devices(void)
{
	CHECK(is_node("/dev/null", S_IFCHR | 0666, 1, 3, 0, 0));
	CHECK(is_node("/dev/zero", S_IFCHR | 0600, 1, 5, 0, 0));
	CHECK(is_node("/dev/sub/x", S_IFBLK | 0640, 8, 666, 1, 2));
	CHECK(is_node("/opt/fifo", S_IFIFO | 0604, 0, 0, 0, 0));
	CHECK(is_link("/dev/fd", "/proc/self/fd") && is_link("/dev/ptmx", "pts/ptmx"));
}

static void plan_default_devices(struct plan_rootfs *p)
{
	add_defaults(p);
	add_device(p, "/dev/fifo", S_IFIFO | 0600, 0, 0, "/linux/devices/0");
}

/* The host's nodes: the owner is one that the user namespace maps, because it is root. */
static void check_bound_devices(void)
{
	CHECK(is_node("/dev/null", S_IFCHR | 0666, 1, 3, 0, 0));
	CHECK(is_node("/dev/zero", S_IFCHR | 0666, 1, 5, 0, 0));
	CHECK(scene_mounted("/dev/null", "- devtmpfs") || scene_mounted("/dev/null", "- tmpfs"));
	CHECK(scene_try_write("/dev/null") == 0);
	CHECK(is_node("/dev/fifo", S_IFIFO | 0600, 0, 0, 0, 0));
}

static void plan_foreign_device(struct plan_rootfs *p)
{
	add_device(p, "/dev/null", S_IFCHR | 0666, 1, 5, "/linux/devices/0");
}

static void test_devices(void **state)
{
	(void)state;
	RUN(.plan = plan_devices, .check = check_devices);
	RUN(.flags = SCENE_USERNS, .plan = plan_default_devices, .check = check_bound_devices);
	RUN(.flags = SCENE_USERNS | SCENE_CHILD, .plan = plan_default_devices,
	    .check = check_bound_devices);
	RUN(.flags = SCENE_USERNS, .plan = plan_foreign_device, .code = ENODEV,
	    .where = "/linux/devices/0", .text = "1:3, not 1:5");
}

static void (*make_wrong)(void);

static void host_wrong(void)
{
	CHECK(mkdir("rootfs/dev", 0755) == 0);
	make_wrong();
}

static void wrong_link(void)
{
	char text[128];

	snprintf(text, sizeof(text), "%s/canary/file", scene_top);
	CHECK(symlink(text, "rootfs/dev/x") == 0);
}

static void wrong_file(void)
{
	scene_write("rootfs/dev/x", "regular");
}

static void wrong_dir(void)
{
	CHECK(mkdir("rootfs/dev/x", 0755) == 0);
}

static void wrong_number(void)
{
	CHECK(mknod("rootfs/dev/x", S_IFCHR | 0666, makedev(1, 5)) == 0);
	CHECK(chmod("rootfs/dev/x", 0666) == 0);
}

static void wrong_type(void)
{
	CHECK(mknod("rootfs/dev/x", S_IFBLK | 0666, makedev(1, 3)) == 0);
}

static void wrong_mode(void)
{
	CHECK(mknod("rootfs/dev/x", S_IFCHR | 0600, makedev(1, 3)) == 0);
}

static void wrong_owner(void)
{
	CHECK(mknod("rootfs/dev/x", S_IFCHR | 0666, makedev(1, 3)) == 0);
	CHECK(chmod("rootfs/dev/x", 0666) == 0 && chown("rootfs/dev/x", 7, 0) == 0);
}

static void right_node(void)
{
	CHECK(mknod("rootfs/dev/x", S_IFCHR | 0666, makedev(1, 3)) == 0);
	CHECK(chmod("rootfs/dev/x", 0666) == 0);
}

static void plan_x(struct plan_rootfs *p)
{
	add_device(p, "/dev/x", S_IFCHR | 0666, 1, 3, "/linux/devices/0");
}

static void plan_default_x(struct plan_rootfs *p)
{
	add_device(p, "/dev/x", S_IFCHR | 0666, 1, 3, "");
}

static void check_x(void)
{
	CHECK(is_node("/dev/x", S_IFCHR | 0666, 1, 3, 0, 0));
}

static void test_existing_devices(void **state)
{
	static void (*const wrong[])(void) = {wrong_link, wrong_file, wrong_dir,  wrong_number,
					      wrong_type, wrong_mode, wrong_owner};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		make_wrong = wrong[i];
		RUN(.host = host_wrong, .plan = plan_x, .code = EEXIST,
		    .where = "/linux/devices/0");
	}
	make_wrong = right_node;
	RUN(.host = host_wrong, .plan = plan_x, .check = check_x);
	make_wrong = wrong_number;
	RUN(.host = host_wrong, .plan = plan_default_x, .code = EEXIST);
	make_wrong = wrong_mode;
	RUN(.host = host_wrong, .plan = plan_default_x);
}

/* /dev of the image leads outside: everything lands inside of the root all the same. */
static void host_dev_link(void)
{
	char text[128];

	snprintf(text, sizeof(text), "%s/canary", scene_top);
	CHECK(symlink(text, "rootfs/dev") == 0);
}

static void host_image_dev(void)
{
	CHECK(mkdir("rootfs/dev", 0755) == 0);
	CHECK(symlink("/somewhere", "rootfs/dev/fd") == 0);
	CHECK(mknod("rootfs/dev/ptmx", S_IFCHR | 0666, makedev(5, 2)) == 0);
}

static void check_image_dev(void)
{
	CHECK(is_link("/dev/fd", "/somewhere") && is_link("/dev/ptmx", "pts/ptmx"));
}

static void host_file_ptmx(void)
{
	CHECK(mkdir("rootfs/dev", 0755) == 0);
	scene_write("rootfs/dev/ptmx", "");
}

static void test_links(void **state)
{
	(void)state;
	RUN(.host = host_dev_link, .plan = plan_devices, .check = check_devices);
	RUN(.host = host_image_dev, .plan = plan_devices, .check = check_image_dev);
	RUN(.host = host_file_ptmx, .plan = plan_devices, .code = EEXIST, .text = "/dev/ptmx");
}

static void plan_skip(struct plan_rootfs *p)
{
	p->skip_default_dev = true;
	add_defaults(p);
	add_device(p, "/other/x", S_IFCHR | 0666, 1, 3, "/linux/devices/0");
}

static void check_skipped(void)
{
	CHECK(access("/dev", F_OK) < 0 && is_node("/other/x", S_IFCHR | 0666, 1, 3, 0, 0));
}

static void test_skip_default(void **state)
{
	(void)state;
	RUN(.plan = plan_skip, .check = check_skipped);
}

/* ---- masks and read-only paths -------------------------------------------------------------- */

static char *masked[] = {(char *)"/file",	(char *)"/dir",	    (char *)"/dir2",
			 (char *)"/to-file",	(char *)"/missing", (char *)"/dir/below",
			 (char *)"/file/below", (char *)"/file2",   (char *)"/dir",
			 (char *)"/outside"};
static char *readonly_paths[] = {(char *)"/tree", (char *)"/missing", (char *)"/one",
				 (char *)"/dir2"};

static void host_masks(void)
{
	char text[128];

	scene_write("rootfs/file", "secret");
	scene_write("rootfs/file2", "secret");
	scene_write("rootfs/target", "secret");
	CHECK(symlink("target", "rootfs/to-file") == 0);
	snprintf(text, sizeof(text), "%s/canary/file", scene_top);
	CHECK(symlink(text, "rootfs/outside") == 0);
	CHECK(mkdir("rootfs/dir", 0755) == 0 && mkdir("rootfs/dir/below", 0755) == 0);
	CHECK(mkdir("rootfs/dir2", 0755) == 0);
	scene_write("rootfs/dir/file", "secret");
	scene_write("rootfs/dir2/file", "secret");
	CHECK(mkdir("rootfs/tree", 0755) == 0 && mkdir("rootfs/tree/sub", 0755) == 0);
	CHECK(mount("sub", "rootfs/tree/sub", "tmpfs", MS_NOSUID | MS_NOEXEC, NULL) == 0);
	scene_write("rootfs/one", "text");
	/* What the image calls /dev/null is of no interest. */
	CHECK(mkdir("rootfs/dev", 0755) == 0 && symlink("/target", "rootfs/dev/null") == 0);
}

static void plan_masks(struct plan_rootfs *p)
{
	p->masked = (struct strings){.v = masked, .n = ARRAY_SIZE(masked)};
	p->readonly_paths = (struct strings){.v = readonly_paths, .n = ARRAY_SIZE(readonly_paths)};
}

static void check_null(const char *path)
{
	struct stat st;

	CHECK(stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	CHECK(str_eq(scene_read(path), ""));
	CHECK(chmod(path, 0600) < 0 && errno == EROFS);
}

static void check_empty(const char *path)
{
	char name[64];
	struct statfs fs;

	snprintf(name, sizeof(name), "%s/file", path);
	CHECK(access(name, F_OK) < 0 && errno == ENOENT);
	snprintf(name, sizeof(name), "%s/new", path);
	CHECK(scene_try_create(name) == EROFS);
	CHECK(statfs(path, &fs) == 0 && fs.f_files == 1);
	CHECK(scene_mounted(path, " ro,nosuid,nodev,noexec,"));
}

static void check_masks(void)
{
	check_null("/file");
	check_null("/file2");
	check_null("/target");
	check_empty("/dir");
	check_empty("/dir2");
	CHECK(scene_try_create("/tree/x") == EROFS && scene_try_create("/tree/sub/x") == EROFS);
	CHECK(scene_mounted("/tree/sub", " ro,nosuid,noexec"));
	CHECK(scene_try_write("/one") == EROFS && str_eq(scene_read("/one"), "text"));
	CHECK(scene_try_create("/x") == 0);
}

static char *magic[] = {(char *)"/proc/self/root/x"};
static char *whole[] = {(char *)"/"};

static struct plan_mount proc_mount;
static const struct oci_mount_options no_options;

static void plan_magic(struct plan_rootfs *p)
{
	proc_mount = (struct plan_mount){
		.kind = MOUNT_FS, .fstype = "proc", .destination = "/proc", .options = &no_options};
	p->mounts = &proc_mount;
	p->n_mounts = 1;
	p->masked = (struct strings){.v = magic, .n = 1};
}

static void plan_mask_root(struct plan_rootfs *p)
{
	p->masked = (struct strings){.v = whole, .n = 1};
}

static void plan_readonly_root(struct plan_rootfs *p)
{
	p->readonly_paths = (struct strings){.v = whole, .n = 1};
}

static void check_readonly_root(void)
{
	CHECK(scene_try_create("/x") == EROFS && scene_try_create("/tree/sub/x") == EROFS);
}

static void test_masks(void **state)
{
	static const unsigned ways[] = {0, SCENE_SHARED, SCENE_JOIN, SCENE_USERNS,
					SCENE_USERNS | SCENE_CHILD};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		RUN(.flags = ways[i], .host = host_masks, .plan = plan_masks, .check = check_masks);
	RUN(.plan = plan_magic, .code = ELOOP, .where = "/linux/maskedPaths/0");
	RUN(.plan = plan_mask_root, .code = EINVAL, .where = "/linux/maskedPaths/0");
	RUN(.host = host_masks, .plan = plan_readonly_root, .check = check_readonly_root);
}

/* ---- console -------------------------------------------------------------------------------- */

static struct plan_mount pts_mount;
static char *pts_words[] = {(char *)"newinstance", (char *)"ptmxmode=0666", (char *)"mode=0620"};

static void plan_console(struct plan_rootfs *p)
{
	pts_mount = (struct plan_mount){.kind = MOUNT_FS,
					.fstype = "devpts",
					.destination = "/dev/pts",
					.options = &no_options,
					.data = {.v = pts_words, .n = ARRAY_SIZE(pts_words)}};
	p->mounts = &pts_mount;
	p->n_mounts = 1;
}

static void check_console(void)
{
	struct stat console, pts, peer;
	char c = 0;

	CHECK(stat("/dev/console", &console) == 0 && stat("/dev/pts", &pts) == 0);
	CHECK(fstat(scene_peer, &peer) == 0 && console.st_ino == peer.st_ino);
	CHECK(console.st_dev == pts.st_dev && major(console.st_rdev) == 136);
	CHECK(console.st_uid == 1000 && (console.st_mode & 07777) == 0620);
	CHECK(stat("/dev/pts/0", &pts) == 0 && pts.st_ino == peer.st_ino);
	CHECK(write(scene_peer, "y", 1) == 1 && read(scene_master, &c, 1) == 1 && c == 'y');
	CHECK(fcntl(scene_master, F_GETFD) & FD_CLOEXEC && fcntl(scene_peer, F_GETFD) & FD_CLOEXEC);
}

static void host_console_link(void)
{
	char text[128];

	CHECK(mkdir("rootfs/dev", 0755) == 0);
	snprintf(text, sizeof(text), "%s/canary/c", scene_top);
	CHECK(symlink(text, "rootfs/dev/console") == 0);
	CHECK(symlink("/dev/zero", "rootfs/dev/ptmx") == 0);
}

static void host_fake_pts(void)
{
	CHECK(mkdir("rootfs/dev", 0755) == 0 && mkdir("rootfs/dev/pts", 0755) == 0);
	CHECK(mknod("rootfs/dev/pts/ptmx", S_IFCHR | 0666, makedev(5, 2)) == 0);
}

static struct plan_mount over_mounts[2];
static char over_source[128];

/* Something is mounted over the ptmx of a good devpts. */
static void plan_covered_ptmx(struct plan_rootfs *p)
{
	plan_console(p);
	over_mounts[0] = pts_mount;
	snprintf(over_source, sizeof(over_source), "%s/canary/file", scene_top);
	over_mounts[1] = (struct plan_mount){.index = 1,
					     .kind = MOUNT_BIND,
					     .source = over_source,
					     .destination = "/dev/pts/ptmx",
					     .options = &no_options};
	p->mounts = over_mounts;
	p->n_mounts = 2;
}

static void test_console(void **state)
{
	(void)state;
	RUN(.flags = SCENE_CONSOLE, .plan = plan_console, .check = check_console);
	RUN(.flags = SCENE_CONSOLE | SCENE_USERNS, .plan = plan_console, .check = check_console);
	RUN(.flags = SCENE_CONSOLE, .host = host_console_link, .plan = plan_console,
	    .check = check_console);
	RUN(.flags = SCENE_CONSOLE, .host = host_fake_pts, .code = ENODEV, .text = "not a devpts");
	RUN(.flags = SCENE_CONSOLE, .plan = plan_covered_ptmx, .code = EXDEV);
	RUN(.flags = SCENE_CONSOLE, .code = ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices), cmocka_unit_test(test_existing_devices),
		cmocka_unit_test(test_links),	cmocka_unit_test(test_skip_default),
		cmocka_unit_test(test_masks),	cmocka_unit_test(test_console),
	};

	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
