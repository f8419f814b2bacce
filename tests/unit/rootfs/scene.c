/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char scene_top[64];
int scene_master = -1, scene_peer = -1;
static int private_proc = -1;

static char last_mount[1024];

void scene_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s (errno: %s)\n", file, line, what,
		strerror(errno));
	if (last_mount[0])
		fprintf(stderr, "the last mount looked at: %s\n", last_mount);
	_exit(1);
}

void scene_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

const char *scene_read(const char *path)
{
	static char line[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return line;
}

int scene_try_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

int scene_try_create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	unlink(path);
	return 0;
}

static char *read_all(int fd)
{
	char *text = malloc(1 << 18);
	size_t n = 0;
	ssize_t r;

	while ((r = read(fd, text + n, (1 << 18) - n - 1)) > 0)
		n += (size_t)r;
	close(fd);
	text[n] = '\0';
	return text;
}

bool scene_mounted(const char *point, const char *text)
{
	char *all = read_all(openat(private_proc, "self/mountinfo", O_RDONLY)), *rest = all, *line;
	char where[512];

	last_mount[0] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (sscanf(line, "%*d %*d %*s %*s %511s", where) == 1 && strcmp(where, point) == 0)
			snprintf(last_mount, sizeof(last_mount), "%s", line);
	free(all);
	return last_mount[0] && strstr(last_mount, text);
}

/* ---- the container process ------------------------------------------------------------------ */

static int stages(const struct scene *s, const struct plan_rootfs *p, struct rootfs_handles *h,
		  struct error *err)
{
	struct rootfs r;
	int ret = rootfs_enter(p, h, &r, err);

	if (ret == 0)
		ret = rootfs_mounts(p, h, &r, err);
	if (ret == 0)
		ret = rootfs_devices(p, &r, err);
	if (ret == 0 && (s->flags & SCENE_CONSOLE))
		ret = rootfs_console(p, &r, 1000, &scene_master, &scene_peer, err);
	if (ret == 0)
		ret = rootfs_protect(p, &r, err);
	if (ret == 0)
		ret = rootfs_pivot(p, &r, err);
	private_proc = r.proc;
	return ret;
}

/* Nothing but stdio, the private procfs, the pty and what the test itself holds is left open. */
static int count_fds(void)
{
	int n = 0;

	for (int fd = 3; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void container(const struct scene *s, const struct plan_rootfs *p, struct rootfs_handles *h)
{
	struct error err = {0};
	int r, before = count_fds();
	size_t opened = h->tree >= 0;

	for (size_t i = 0; i < h->n_sources; i++)
		opened += h->sources[i] >= 0;
	r = stages(s, p, h, &err);
	if (r < 0)
		fprintf(stderr, "    %s%s%s\n", err.text, err.where[0] ? " at " : "", err.where);
	if (s->code) {
		CHECK(r == -s->code && err.code == s->code);
		CHECK(!s->where || strcmp(s->where, err.where) == 0);
		CHECK(!s->text || strstr(err.text, s->text));
		_exit(0);
	}
	CHECK(r == 0);
	CHECK(count_fds() ==
	      before - (int)opened + (private_proc >= 0) + (s->flags & SCENE_CONSOLE ? 2 : 0));
	if (s->check)
		s->check();
	_exit(0);
}

static void map_ids(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	scene_write(path, "0 0 1\n1 100001 65000\n");
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	scene_write(path, "0 0 1\n1 100001 65000\n");
}

static int wait_for(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* A process that keeps a mount namespace alive; the descriptor of the namespace. */
static int other_mount_ns(pid_t *ret_pid)
{
	int ready[2];
	char path[64], c;

	CHECK(pipe(ready) == 0);
	*ret_pid = fork();
	if (*ret_pid == 0) {
		CHECK(unshare(CLONE_NEWNS) == 0 && write(ready[1], "x", 1) == 1);
		pause();
	}
	CHECK(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", *ret_pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void enter_namespaces(const struct scene *s, int unshared, int mapped, int join)
{
	int flags = CLONE_NEWIPC;
	char c;

	if (s->flags & SCENE_USERNS)
		flags |= CLONE_NEWUSER | CLONE_NEWNET;
	if (!(s->flags & SCENE_FOREIGN_PIDNS))
		flags |= CLONE_NEWPID;
	if (s->flags & SCENE_CGROUPNS)
		flags |= CLONE_NEWCGROUP;
	if (join >= 0)
		CHECK(setns(join, CLONE_NEWNS) == 0);
	CHECK(unshare(join >= 0 ? flags : flags | CLONE_NEWNS) == 0);
	if (!(s->flags & SCENE_USERNS))
		return;
	CHECK(write(unshared, "x", 1) == 1 && read(mapped, &c, 1) == 1);
	CHECK(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
}

static int spawn(const struct scene *s, const struct plan_rootfs *p, struct rootfs_handles *h)
{
	int unshared[2], mapped[2], join = -1, r;
	pid_t holder = 0, pid;
	char c;

	if (s->flags & SCENE_JOIN)
		join = other_mount_ns(&holder);
	CHECK(pipe(unshared) == 0 && pipe(mapped) == 0);
	pid = fork();
	if (pid == 0) {
		enter_namespaces(s, unshared[1], mapped[0], join);
		pid = fork();
		if (pid == 0)
			container(s, p, h);
		_exit(wait_for(pid));
	}
	rootfs_handles_close(h);
	close(unshared[1]);
	if (s->flags & SCENE_USERNS) {
		CHECK(read(unshared[0], &c, 1) == 1);
		map_ids(pid);
		CHECK(write(mapped[1], "x", 1) == 1);
	}
	r = wait_for(pid);
	if (holder > 0) {
		kill(holder, SIGKILL);
		wait_for(holder);
		close(join);
	}
	close(unshared[0]);
	close(mapped[0]);
	close(mapped[1]);
	return r;
}

/* ---- the host ------------------------------------------------------------------------------- */

static void make_canary(void)
{
	CHECK(mkdir("rootfs", 0755) == 0 && mkdir("canary", 0755) == 0);
	CHECK(mkdir("canary/dir", 0751) == 0);
	scene_write("canary/file", "canary");
}

static void check_canary(void)
{
	struct stat st;

	CHECK(strcmp(scene_read("canary/file"), "canary") == 0 && unlink("canary/file") == 0);
	CHECK(stat("canary/dir", &st) == 0 && (st.st_mode & 07777) == 0751);
	CHECK(rmdir("canary/dir") == 0);
	CHECK(rmdir("canary") == 0);
}

static void host(const struct scene *s)
{
	struct rootfs_handles h;
	struct plan_rootfs p = {
		.mount_ns = true, .any_mounts = true,
		.host_propagation = MS_PRIVATE | MS_REC,
		.private_proc = true,
		.sources_in_child = s->flags & SCENE_CHILD,
		.devices_by_bind = s->flags & SCENE_USERNS,
		.no_pivot = s->flags & SCENE_NO_PIVOT,
		.cgroup_tree = "/sys/fs/cgroup",
		.new_cgroupns = s->flags & SCENE_CGROUPNS,
		.console = s->flags & SCENE_CONSOLE,
	};
	struct error err = {0};
	char rootfs[128], *before;
	int r, fds;

	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == 0);
	CHECK(mount("scene", scene_top, "tmpfs", 0, NULL) == 0 && chdir(scene_top) == 0);
	if (s->flags & SCENE_SHARED)
		CHECK(mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL) == 0);
	make_canary();
	if (s->host)
		s->host();
	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", scene_top);
	p.path = rootfs;
	if (s->plan)
		s->plan(&p);
	before = read_all(open("/proc/self/mountinfo", O_RDONLY));
	fds = count_fds();
	rootfs_handles_init(&h);
	if (s->flags & SCENE_CGROUP)
		h.cgroup = open("cg", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = rootfs_open(&p, &h, &err);
	if (r < 0) {
		fprintf(stderr, "    %s%s%s\n", err.text, err.where[0] ? " at " : "", err.where);
		CHECK(r == -s->code && (!s->where || strcmp(s->where, err.where) == 0));
		rootfs_handles_close(&h);
	} else {
		CHECK(spawn(s, &p, &h) == 0);
	}
	if (s->after)
		s->after();
	CHECK(strcmp(before, read_all(open("/proc/self/mountinfo", O_RDONLY))) == 0);
	CHECK(count_fds() == fds + !!(s->flags & SCENE_CGROUP));
	check_canary();
	_exit(0);
}

int scene_run(const struct scene *s)
{
	pid_t pid;
	int r;

	strcpy(scene_top, "/tmp/orlop-rootfs-XXXXXX");
	if (!mkdtemp(scene_top))
		return 1;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		host(s);
	r = wait_for(pid);
	rmdir(scene_top);
	return r;
}
