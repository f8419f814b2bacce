/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/state.h"
#include "store/status.h"
#include "store/store.h"
#include "sys/probe.h"
#include "sys/syscalls.h"
#include "util/fd.h"
#include "util/str.h"

static const char *cgroup_root(void)
{
	static struct facts facts;

	if (!facts.cgroup_root[0])
		facts_probe(&facts);
	return facts.cgroup_root;
}

void fake_need_root(void)
{
	if (geteuid() != 0)
		skip();
}

void fake_need_cgroup(void)
{
	fake_need_root();
	if (!cgroup_root()[0])
		skip();
}

void fake_root(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->dir = -1;
	strcpy(f->root, "/tmp/orlop-test-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	f->g.root = f->root;
	assert_int_equal(store_open(f->root, true, &f->store, &f->err), 0);
}

static void write_at(const char *path, const char *text)
{
	assert_int_equal(fd_write_pseudo(AT_FDCWD, path, text, strlen(text)), 0);
}

static void make_cgroup(struct fake *f)
{
	char path[256];
	struct stat st;

	snprintf(f->cgroup, sizeof(f->cgroup), "/orlop-test-%d-%s", (int)getpid(), f->st.id);
	snprintf(path, sizeof(path), "%s%s", cgroup_root(), f->cgroup);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(stat(path, &st), 0);
	f->st.cgroup_root = (char *)cgroup_root();
	f->st.cgroup_path = f->cgroup;
	f->st.cgroup_id = st.st_ino;
	f->st.cgroup_created = true;
}

static void enter_cgroup(const struct fake *f, pid_t pid)
{
	char path[256], number[16];

	if (!f->cgroup[0])
		return;
	snprintf(path, sizeof(path), "%s%s/cgroup.procs", cgroup_root(), f->cgroup);
	snprintf(number, sizeof(number), "%d", (int)pid);
	write_at(path, number);
}

/* The container process.  A byte at the gate is `start`; then the gate is closed, as execve does. */
static _Noreturn void be_container(int gate, int ready, unsigned flags)
{
	pid_t child = 0;
	char go;

	if (flags & FAKE_CHILD) {
		child = fork();
		if (child == 0) {
			setsid();
			for (;;)
				pause();
		}
	}
	if (write(ready, &child, sizeof(child)) != sizeof(child))
		_exit(1);
	close(ready);
	if (gate >= 0 && read(gate, &go, 1) != 1)
		_exit(2);
	close(gate);
	for (;;)
		pause();
}

void fake_make(struct fake *f, const char *id, unsigned flags)
{
	int gate = -1, pidfd, ready[2], enter[2];
	char go = 0;

	free(f->st.id);
	f->st = (struct state){.id = strdup(id), .bundle = (char *)"/b", .rootfs = (char *)"/b/rootfs",
			       .has_process = true, .own_pidns = flags & FAKE_PIDNS};
	f->cgroup[0] = '\0';
	f->child = 0;
	state_set_created(&f->st);
	if (f->dir >= 0)
		close(f->dir);
	assert_int_equal(store_create(f->store, id, &f->dir, &f->err), 0);
	if (flags & FAKE_CGROUP)
		make_cgroup(f);
	if (flags & FAKE_GATE) {
		assert_int_equal(mkfifoat(f->dir, STORE_START, 0600), 0);
		gate = fd_openat(f->dir, STORE_START, O_RDWR, 0);
		assert_true(gate >= 0);
	}
	assert_int_equal(pipe2(ready, O_CLOEXEC) | pipe2(enter, O_CLOEXEC), 0);
	f->pid = (pid_t)syscall(SYS_clone, SIGCHLD | (flags & FAKE_PIDNS ? CLONE_NEWPID : 0), 0, 0, 0, 0);
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(f->dir);
		if (read(enter[0], &go, 1) != 1)
			_exit(3);
		be_container(gate, ready[1], flags);
	}
	if (gate >= 0)
		close(gate);
	enter_cgroup(f, f->pid);
	assert_int_equal(write(enter[1], &go, 1), 1);
	assert_int_equal(read(ready[0], &f->child, sizeof(f->child)), sizeof(f->child));
	close(ready[0]);
	close(ready[1]);
	close(enter[0]);
	close(enter[1]);
	pidfd = sys_pidfd_open(f->pid, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(state_identify(f->pid, pidfd, &f->st.init, &f->err), 0);
	close(pidfd);
	fake_rewrite(f);
	assert_int_equal(store_unlock(f->dir, &f->err), 0);
}

void fake_rewrite(struct fake *f)
{
	assert_int_equal(state_write(f->dir, &f->st, &f->err), 0);
}

static void wait_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

void fake_pass_gate(struct fake *f)
{
	int fd = store_open_start(f->dir);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "", 1), 1);
	close(fd);
	for (unsigned i = 0; i < 2000; i++) {
		fd = store_open_start(f->dir);
		if (fd == -ENXIO)
			return;
		assert_true(fd >= 0);
		close(fd);
		wait_ms(1);
	}
	fail_msg("the gate stays open");
}

bool fake_lives(pid_t pid)
{
	char path[32], buf[512], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_pseudo(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return false;
	p = strrchr(buf, ')');
	return p && p[2] != 'Z' && p[2] != 'X';
}

int fake_collect(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool fake_in_cgroup(const char *path, pid_t pid)
{
	char file[64], text[4096], want[128];

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	snprintf(want, sizeof(want), "0::%s", path);
	return fd_read_pseudo(AT_FDCWD, file, text, sizeof(text)) > 0 && strstr(text, want);
}

bool fake_cgroup_exists(const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", cgroup_root(), path);
	return access(full, F_OK) == 0;
}

char *fake_read(const char *dir, const char *name)
{
	char path[512], *text;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fd_read_regular(AT_FDCWD, path, 1u << 24, &text) < 0 ? NULL : text;
}

void fake_expect(const char *dir, const char *name, const char *want)
{
	char *text = fake_read(dir, name);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

void fake_write(const char *dir, const char *name, const char *text)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fake_clean(struct fake *f)
{
	char path[256];

	if (f->pid > 0 && waitpid(f->pid, NULL, WNOHANG) == 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	if (f->cgroup[0] && fake_cgroup_exists(f->cgroup)) {
		snprintf(path, sizeof(path), "%s%s/cgroup.kill", cgroup_root(), f->cgroup);
		fd_write_pseudo(AT_FDCWD, path, "1", 1);
		snprintf(path, sizeof(path), "%s%s", cgroup_root(), f->cgroup);
		for (unsigned i = 0; i < 1000 && rmdir(path) < 0; i++)
			wait_ms(2);
	}
	if (f->dir >= 0)
		close(f->dir);
	f->dir = -1;
	free(f->st.id);
	store_close(f->store);
	nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct fake_capture fake_capture_start(int fd)
{
	struct fake_capture c = {.fd = fd};

	fflush(stdout);
	c.saved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	c.file = memfd_create("captured", MFD_CLOEXEC);
	assert_true(c.saved >= 0 && c.file >= 0);
	dup2(c.file, fd);
	return c;
}

char *fake_capture_end(struct fake_capture *c)
{
	off_t len = lseek(c->file, 0, SEEK_END);
	char *text = calloc(1, (size_t)len + 1);

	dup2(c->saved, c->fd);
	close(c->saved);
	if (pread(c->file, text, (size_t)len, 0) != len)
		text[0] = '\0';
	close(c->file);
	return text;
}
