/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a hostile or curious program tries.  Each command prints "cmd", "ret" and "errno" (a name, or
 * null), and what else it learned.  Numbers may be decimal, octal or hexadecimal.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long num(const char *s)
{
	return (long)strtoull(s, NULL, 0);
}

static long do_open(char **a)
{
	int flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
	char text[1024];
	int fd;

	flags |= strchr(a[1], 'r') && strchr(a[1], 'w') ? O_RDWR :
		 strchr(a[1], 'w') ? O_WRONLY : O_RDONLY;
	flags |= (strchr(a[1], 'c') ? O_CREAT : 0) | (strchr(a[1], 't') ? O_TRUNC : 0);
	flags |= strchr(a[1], 'd') ? O_DIRECTORY : 0;
	fd = open(a[0], flags, 0666);
	if (fd >= 0 && strchr(a[1], 'r')) {
		ssize_t n = read(fd, text, sizeof(text));
		int e = errno;

		if (n >= 0)
			json_bytes("text", text, n);
		else
			json_string("read_errno", errno_name(e));
	}
	if (fd >= 0 && !strchr(a[1], 'k'))
		close(fd);
	return fd < 0 ? -1 : 0;
}

static long do_write(char **a)
{
	int fd = open(a[0], O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, a[1], strlen(a[1]));
	int e = errno;

	json_bool("opened", fd >= 0);
	if (fd >= 0)
		close(fd);
	errno = e;
	return n < 0 ? -1 : 0;
}

static long do_mknod(char **a)
{
	mode_t type = a[1][0] == 'c' ? S_IFCHR : a[1][0] == 'b' ? S_IFBLK : S_IFIFO;

	return mknod(a[0], type | (mode_t)num(a[4]), makedev(num(a[2]), num(a[3])));
}

static long do_mount(char **a)
{
	return mount(*a[0] ? a[0] : NULL, a[1], *a[2] ? a[2] : NULL, (unsigned long)num(a[3]), a[4]);
}

static long do_stat(char **a)
{
	struct stat st;
	struct statfs fs;

	if (lstat(a[0], &st) < 0)
		return -1;
	json_number("mode", st.st_mode);
	json_number("uid", st.st_uid);
	json_number("gid", st.st_gid);
	json_number("size", st.st_size);
	json_number("ino", (long long)st.st_ino);
	json_number("dev", (long long)st.st_dev);
	json_number("rmajor", major(st.st_rdev));
	json_number("rminor", minor(st.st_rdev));
	json_number("magic", statfs(a[0], &fs) == 0 ? (long long)fs.f_type : -1);
	return 0;
}

static long do_readlink(char **a)
{
	char text[4096];
	ssize_t n = readlink(a[0], text, sizeof(text));

	if (n >= 0)
		json_bytes("text", text, n);
	return n < 0 ? -1 : 0;
}

static long do_list(char **a)
{
	DIR *d = opendir(a[0]);
	struct dirent *e;

	if (!d)
		return -1;
	json_open("names", '[');
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			json_string(NULL, e->d_name);
	json_close(']');
	closedir(d);
	return 0;
}

/* TIOCSTI into fd 0, then into /dev/tty: characters typed on our behalf. */
static long do_tiocsti(char **a)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	long r = 0;

	json_string("dev_tty", fd < 0 ? errno_name(errno) : "open");
	for (const char *c = a[0]; *c && r == 0; c++)
		r = ioctl(fd < 0 ? 0 : fd, TIOCSTI, c);
	return r;
}

static long do_tioclinux(char **a)
{
	char sub = (char)num(a[0]);

	return ioctl(0, TIOCLINUX, &sub);
}

static long do_keyctl_search(char **a)
{
	return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, a[0], a[1], 0);
}

static long six(long nr, char **a, int n)
{
	long v[6] = {0};

	for (int i = 0; i < n && i < 6; i++)
		v[i] = num(a[i]);
	return syscall(nr, v[0], v[1], v[2], v[3], v[4], v[5]);
}

#ifdef __x86_64__
/* By the gate of 32-bit programs; pointers must lie low, so text is copied there. */
static long int80(long nr, char **a, int n)
{
	long v[3] = {0}, r;

	for (int i = 0; i < n && i < 3; i++) {
		if (a[i][0] == '/') {
			char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

			v[i] = (long)strcpy(low, a[i]);
		} else {
			v[i] = num(a[i]);
		}
	}
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(v[0]), "c"(v[1]), "d"(v[2])
			 : "memory", "r8", "r9", "r10", "r11");
	r = (int)r;
	if (r >= 0 || r < -4095)
		return r;
	errno = (int)-r;
	return -1;
}
#endif

/* Run a call in a child: it may be killed. */
static long in_child(long (*call)(long, char **, int), long nr, char **a, int n)
{
	int status, fds[2], e[2] = {-1, 0};
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		long r;

		errno = 0;
		r = call(nr, a, n);
		e[0] = (int)r;
		e[1] = r < 0 ? errno : 0;
		_exit(write(fds[1], e, sizeof(e)) != sizeof(e));
	}
	if (pid < 0)
		return -1;
	close(fds[1]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	json_number("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	if (read(fds[0], e, sizeof(e)) != sizeof(e))
		errno = EINTR;
	else
		errno = e[1];
	close(fds[0]);
	return e[0];
}

static long do_hog(char **a)
{
	size_t step = 1 << 20, n = (size_t)num(a[0]), done = 0;

	for (; done < n; done++) {
		char *p = mmap(NULL, step, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (p == MAP_FAILED)
			break;
		memset(p, 1, step);
	}
	json_number("mib", (long long)done);
	return done == n ? 0 : -1;
}

static long do_fork(char **a)
{
	long n = num(a[0]), done = 0;
	int e = 0;

	for (; done < n; done++) {
		pid_t pid = fork();

		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0) {
			e = errno;
			break;
		}
	}
	json_number("forked", done);
	kill(0, 0);
	errno = e;
	return done == n ? 0 : -1;
}

static long do_spin(char **a)
{
	struct timespec now;
	struct rusage u;
	double end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = (double)now.tv_sec + (double)now.tv_nsec / 1e9 + strtod(a[0], NULL);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((double)now.tv_sec + (double)now.tv_nsec / 1e9 < end);
	getrusage(RUSAGE_SELF, &u);
	json_number("cpu_us", (long long)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
		    u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	return 0;
}

/* Execute a program in a child with our stdout, as a line after ours. */
static long do_exec(char **a)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int out = open("/tmp/exec.out", O_WRONLY | O_CREAT | O_TRUNC, 0666);

		dup2(out, 1);
		execv(a[0], a);
		_exit(128 + errno);
	}
	waitpid(pid, &status, 0);
	json_number("status", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	return 0;
}

static long do_connect(char **a)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)num(a[1]))};
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
	long r;

	inet_pton(AF_INET, a[0], &in.sin_addr);
	r = bind(l, (struct sockaddr *)&in, sizeof(in));
	if (r == 0)
		r = listen(l, 1);
	if (r == 0)
		r = connect(c, (struct sockaddr *)&in, sizeof(in));
	return r;
}

static long do_ioctl(char **a)
{
	char buf[256] = {0};
	int fd = a[0][0] == '/' ? open(a[0], O_RDWR | O_NOCTTY | O_NONBLOCK) : (int)num(a[0]);

	return fd < 0 ? -1 : ioctl(fd, (unsigned long)num(a[1]), buf);
}

/* For some time: open the executable of every other process in sight, and try to write to it. */
static long do_overwrite(char **a)
{
	time_t end = time(NULL) + num(a[0]);
	long seen = 0, written = 0;

	while (time(NULL) < end) {
		DIR *d = opendir("/proc");
		struct dirent *e;

		while (d && (e = readdir(d))) {
			char path[64];
			int fd, w;

			if (atoi(e->d_name) < 2)
				continue;
			snprintf(path, sizeof(path), "/proc/%.20s/exe", e->d_name);
			fd = open(path, O_PATH | O_CLOEXEC);
			if (fd < 0)
				continue;
			seen++;
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			w = open(path, O_WRONLY | O_CLOEXEC);
			written += w >= 0;
			if (w >= 0)
				close(w);
			close(fd);
		}
		if (d)
			closedir(d);
	}
	json_number("seen", seen);
	json_number("written", written);
	return 0;
}

static long do_setns(char **a)
{
	int fd = open(a[0], O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : syscall(SYS_setns, fd, 0);
}

static long do_ptrace(char **a)
{
	return ptrace(PTRACE_SEIZE, (pid_t)num(a[0]), 0, 0);
}

static long do_touch(char **a) { return open(a[0], O_WRONLY | O_CREAT | O_EXCL, 0666) < 0 ? -1 : 0; }
static long do_mkdir(char **a) { return mkdir(a[0], 0777); }
static long do_unlink(char **a) { return unlink(a[0]); }
static long do_rmdir(char **a) { return rmdir(a[0]); }
static long do_symlink(char **a) { return symlink(a[0], a[1]); }
static long do_chmod(char **a) { return chmod(a[0], (mode_t)num(a[1])); }
static long do_chown(char **a) { return chown(a[0], (uid_t)num(a[1]), (gid_t)num(a[2])); }
static long do_umount(char **a) { return umount2(a[0], (int)num(a[1])); }
static long do_chroot(char **a) { return chroot(a[0]); }
static long do_chdir(char **a) { return chdir(a[0]); }
static long do_kill(char **a) { return kill((pid_t)num(a[0]), (int)num(a[1])); }
static long do_setuid(char **a) { return setuid((uid_t)num(a[0])); }
static long do_setgid(char **a) { return setgid((gid_t)num(a[0])); }
static long do_unshare(char **a) { return syscall(SYS_unshare, num(a[0])); }
static long do_nice(char **a) { return setpriority(PRIO_PROCESS, 0, (int)num(a[0])); }
static long do_sethostname(char **a) { return sethostname(a[0], strlen(a[0])); }

static const struct {
	const char *name;
	int args;
	long (*run)(char **args);
} commands[] = {
	{"open", 2, do_open},		/* PATH r|w|c|t|d */
	{"write", 2, do_write},		/* PATH TEXT */
	{"touch", 1, do_touch},
	{"mkdir", 1, do_mkdir},
	{"rmdir", 1, do_rmdir},
	{"unlink", 1, do_unlink},
	{"symlink", 2, do_symlink},
	{"chmod", 2, do_chmod},
	{"chown", 3, do_chown},
	{"mknod", 5, do_mknod},		/* PATH c|b|p MAJOR MINOR MODE */
	{"mount", 5, do_mount},		/* SOURCE TARGET TYPE FLAGS DATA */
	{"umount", 2, do_umount},	/* PATH FLAGS */
	{"stat", 1, do_stat},
	{"readlink", 1, do_readlink},
	{"list", 1, do_list},
	{"chroot", 1, do_chroot},
	{"chdir", 1, do_chdir},
	{"kill", 2, do_kill},		/* PID SIGNAL */
	{"setuid", 1, do_setuid},
	{"setgid", 1, do_setgid},
	{"unshare", 1, do_unshare},	/* FLAGS */
	{"setns", 1, do_setns},		/* PATH */
	{"nice", 1, do_nice},
	{"sethostname", 1, do_sethostname},
	{"ptrace", 1, do_ptrace},	/* PID */
	{"overwrite", 1, do_overwrite},	/* SECONDS */
	{"tiocsti", 1, do_tiocsti},	/* TEXT */
	{"tioclinux", 1, do_tioclinux},
	{"keyctl-search", 2, do_keyctl_search},	/* TYPE DESCRIPTION */
	{"ioctl", 2, do_ioctl},		/* FD|PATH REQUEST */
	{"connect", 2, do_connect},	/* ADDRESS PORT: listen and connect */
	{"hog", 1, do_hog},		/* MIB */
	{"fork", 1, do_fork},		/* N: children that stay */
	{"spin", 1, do_spin},		/* SECONDS */
	{"exec", 1, do_exec},		/* PATH ARGS...: stdout goes to /tmp/exec.out */
};

void attack(int argc, char **argv)
{
	long r = -1;

	json_string("cmd", argv[0]);
	errno = ENOSYS;
	if (!strcmp(argv[0], "syscall") && argc >= 2) {		/* NR ARGS... */
		r = in_child(six, num(argv[1]), argv + 2, argc - 2);
#ifdef __x86_64__
	} else if (!strcmp(argv[0], "int80") && argc >= 2) {
		r = in_child(int80, num(argv[1]), argv + 2, argc - 2);
	} else if (!strcmp(argv[0], "x32") && argc >= 2) {
		r = in_child(six, 0x40000000 | num(argv[1]), argv + 2, argc - 2);
#endif
	} else {
		for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
			if (strcmp(argv[0], commands[i].name) || argc <= commands[i].args)
				continue;
			errno = 0;
			r = commands[i].run(argv + 1);
			break;
		}
	}
	json_number("ret", r);
	json_string("errno", r < 0 ? errno_name(errno) : NULL);
}
