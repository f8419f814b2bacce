/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor: what the kernel has to do for a container, hard-coded.  The bundles of bench/run without
 * reading them: no configuration, no state, no checks but for failure, nothing decided.
 *
 * Usage: floor default|docker|nothing|alone ROOTFS CGROUP [FILTER]
 *        floor exec PID CGROUP
 * nothing: the default bundle with a program that does nothing.  alone: `true` in a cgroup, but in no
 * container.  exec: `true` in the container whose first process is PID.  CGROUP is a directory to make,
 * or that of the container; FILTER a file of compiled seccomp instructions, needed for docker.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_RECURSIVE_ 0x8000
#define PRIVATE_ (1 << 18)		/* MS_PRIVATE */
#define OURS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A call that fails ends all: a floor that does less would be too low. */
#define DO(call) ({ long r_ = (long)(call); if (r_ < 0) fail(#call, __LINE__); r_; })

static _Noreturn void fail(const char *what, int line)
{
	fprintf(stderr, "floor: line %d: %s: %s\n", line, what, strerror(errno));
	_exit(1);
}

/* ---- mounts --------------------------------------------------------------------------------- */

static int attributes(int fd, const char *path, unsigned flags, uint64_t set, uint64_t propagation)
{
	struct mount_attr a = {.attr_set = set, .propagation = propagation};

	return (int)syscall(SYS_mount_setattr, fd, path, flags, &a, sizeof(a));
}

static int clone_tree(int fd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, fd, path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

static int attach(int fd, int dir, const char *path)
{
	return (int)syscall(SYS_move_mount, fd, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH);
}

/* @options: pairs of name and value (NULL: a flag), up to a NULL name. */
static int make_mount(const char *type, uint64_t attr, const char *const *options)
{
	int fs = (int)DO(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)), fd;

	for (; options && options[0]; options += 2)
		DO(syscall(SYS_fsconfig, fs, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			   options[0], options[1], 0));
	DO(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	fd = (int)DO(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr));
	close(fs);
	return fd;
}

static void mount_new(int root, const char *path, const char *type, uint64_t attr,
		      const char *const *options)
{
	int fd = make_mount(type, attr, options);

	DO(attach(fd, root, path));
	close(fd);
}

static void mount_all(int root, int view)
{
	static const char *const dev[] = {"mode", "755", "size", "65536k", NULL};
	static const char *const pts[] = {"newinstance", NULL, "ptmxmode", "0666", "mode", "0620",
					  "gid", "5", NULL};
	static const char *const shm[] = {"mode", "1777", "size", "65536k", NULL};

	mount_new(root, "proc", "proc", 0, NULL);
	mount_new(root, "dev", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME, dev);
	DO(mkdirat(root, "dev/pts", 0755));
	mount_new(root, "dev/pts", "devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, pts);
	DO(mkdirat(root, "dev/shm", 0755));
	mount_new(root, "dev/shm", "tmpfs", OURS, shm);
	DO(mkdirat(root, "dev/mqueue", 0755));
	mount_new(root, "dev/mqueue", "mqueue", OURS, NULL);
	mount_new(root, "sys", "sysfs", OURS | MOUNT_ATTR_RDONLY, NULL);
	DO(attributes(view, "", AT_EMPTY_PATH, OURS | MOUNT_ATTR_RDONLY, 0));
	DO(attach(view, root, "sys/fs/cgroup"));
}

static void make_devices(int root)
{
	static const struct { const char *path; unsigned major, minor; } nodes[] = {
		{"dev/null", 1, 3}, {"dev/zero", 1, 5}, {"dev/full", 1, 7},
		{"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0},
	};
	static const char *const links[][2] = {
		{"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"},
		{"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
		{"pts/ptmx", "dev/ptmx"},
	};

	for (size_t i = 0; i < COUNT(nodes); i++)
		DO(mknodat(root, nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
	for (size_t i = 0; i < COUNT(links); i++)
		DO(symlinkat(links[i][0], root, links[i][1]));
}

/*
 * Not all of these paths exist on every host.  *@source is attached itself at first and cloned from
 * then on: a detached mount that is closed without having been attached costs the kernel an RCU
 * grace period.
 */
static void cover(int *source, int *used, int root, const char *path)
{
	int fd = *used ? (int)DO(clone_tree(*source, "", 0)) : *source;

	if (attach(fd, root, path) == 0)
		*used = 1;
	else if (errno != ENOENT)
		fail(path, __LINE__);
	if (fd != *source)
		close(fd);
}

static void protect(int root, int docker)
{
	static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
						"proc/sysrq-trigger", "proc/driver"};
	static const struct { const char *path; int directory; } masked[] = {
		{"proc/keys", 0}, {"proc/timer_list", 0}, {"sys/firmware", 1}, {"proc/acpi", 1},
		{"proc/asound", 1}, {"proc/kcore", 0}, {"proc/latency_stats", 0},
		{"proc/timer_stats", 0}, {"proc/sched_debug", 0}, {"proc/scsi", 1},
		{"proc/interrupts", 0}, {"sys/devices/virtual/powercap", 1},
	};
	static const char *const tiny[] = {"size", "4k", "nr_inodes", "1", "mode", "555", NULL};
	int source[2], used[2] = {0, 0}, fd;

	source[0] = (int)DO(clone_tree(root, "dev/null", 0));
	source[1] = make_mount("tmpfs", OURS | MOUNT_ATTR_RDONLY, tiny);
	for (size_t i = 0; i < COUNT(read_only) - !docker; i++) {
		fd = clone_tree(root, read_only[i], AT_RECURSIVE_);
		if (fd < 0 && errno == ENOENT)
			continue;
		DO(fd);
		DO(attributes(fd, "", AT_EMPTY_PATH | AT_RECURSIVE_, MOUNT_ATTR_RDONLY, 0));
		DO(attach(fd, root, read_only[i]));
		close(fd);
	}
	DO(attributes(source[0], "", AT_EMPTY_PATH,
		      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, 0));
	for (size_t i = 0; i < COUNT(masked) - (docker ? 0 : 2); i++) {
		int kind = masked[i].directory;

		/* A clone for what is not there would be closed without having been attached. */
		if (faccessat(root, masked[i].path, F_OK, 0) == 0)
			cover(&source[kind], &used[kind], root, masked[i].path);
	}
}

/* ---- the process ---------------------------------------------------------------------------- */

#define CAP(x) (UINT64_C(1) << (x))

/* What every runtime does unasked: a container has a loopback interface and a session keyring of its own. */
static void give_unasked(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = (int)DO(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	DO(ioctl(fd, SIOCSIFFLAGS, &lo));
	close(fd);
	DO(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
}

static void restrict_process(int docker, const char *filter, size_t filter_size)
{
	uint64_t keep = CAP(CAP_AUDIT_WRITE) | CAP(CAP_KILL) | CAP(CAP_NET_BIND_SERVICE);
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	struct rlimit files = {1024, 1024};

	if (docker)
		keep |= CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FSETID) | CAP(CAP_FOWNER) |
			CAP(CAP_MKNOD) | CAP(CAP_NET_RAW) | CAP(CAP_SETGID) | CAP(CAP_SETUID) |
			CAP(CAP_SETFCAP) | CAP(CAP_SETPCAP) | CAP(CAP_SYS_CHROOT);
	DO(setrlimit(RLIMIT_NOFILE, &files));
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if (!(keep >> i & 1))
			DO(prctl(PR_CAPBSET_DROP, i, 0, 0, 0));
	DO(setgroups(0, NULL));
	DO(syscall(SYS_setresgid, 0, 0, 0));
	DO(syscall(SYS_setresuid, 0, 0, 0));
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(keep >> 32 * i);
	DO(syscall(SYS_capset, &head, data));
	DO(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (docker) {
		struct sock_fprog program = {
			.len = (unsigned short)(filter_size / sizeof(struct sock_filter)),
			.filter = (struct sock_filter *)(uintptr_t)filter,
		};

		DO(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	}
}

static _Noreturn void execute(const char *program)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	static char name[] = "true", term[] = "TERM=xterm";
	static char *const argv[] = {name, NULL}, *const envp[] = {path, term, NULL};

	execve(program, argv, envp);
	fail("execve", __LINE__);
}

static _Noreturn void child(const char *program, int docker, int root, int view,
			    const char *filter, size_t filter_size)
{
	DO(sethostname("bench", 5));
	give_unasked();
	DO(attributes(AT_FDCWD, "/", AT_RECURSIVE_, 0, PRIVATE_));
	DO(attach(root, AT_FDCWD, "/"));
	umask(0);
	mount_all(root, view);
	make_devices(root);
	protect(root, docker);
	umask(022);
	DO(attributes(root, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0));
	DO(fchdir(root));
	DO(syscall(SYS_pivot_root, ".", "."));
	DO(syscall(SYS_umount2, ".", 2 /* MNT_DETACH */));
	DO(chdir("/"));
	DO(setsid());
	restrict_process(docker, filter, filter_size);
	execute(program);
}

/* ---- the host's side ------------------------------------------------------------------------ */

#define ALLOW(maj, min) /* if it is this device, allow; otherwise go on */ \
	{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 4, .off = 3, .imm = (maj)}, \
	{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 5, .off = 2, .imm = (min)}, \
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1}, \
	{.code = BPF_JMP | BPF_EXIT}

/* The default devices, and making any node (access bit 1). */
static void limit_devices(int cgroup)
{
	static const struct bpf_insn program[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 3, .src_reg = 2},
		{.code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = 3, .imm = 16},
		{.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 4, .src_reg = 1, .off = 4},
		{.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 5, .src_reg = 1, .off = 8},
		{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 3, .off = 2, .imm = 1},	/* mknod */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
		ALLOW(1, 3), ALLOW(1, 5), ALLOW(1, 7), ALLOW(1, 8), ALLOW(1, 9),
		ALLOW(5, 0), ALLOW(5, 2),
		{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 4, .off = 2, .imm = 136},	/* pts */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uintptr_t)program;
	a.insn_cnt = COUNT(program);
	a.license = (uintptr_t)"GPL";
	fd = (int)DO(syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a)));
	memset(&a, 0, sizeof(a));
	a.target_fd = (uint32_t)cgroup;
	a.attach_bpf_fd = (uint32_t)fd;
	a.attach_type = BPF_CGROUP_DEVICE;
	a.attach_flags = BPF_F_ALLOW_MULTI;
	DO(syscall(SYS_bpf, BPF_PROG_ATTACH, &a, sizeof(a)));
	close(fd);
}

static void remove_cgroup(const char *path)
{
	for (int i = 0; rmdir(path) < 0; i++) {
		if (errno != EBUSY || i == 1000)
			fail("rmdir", __LINE__);
		usleep(50);	/* a moment after the last exit */
	}
}

static int wait_for(pid_t pid)
{
	int status;

	DO(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int enter_container(pid_t init, const char *cgroup)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)DO(open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
	};
	int pidfd = (int)DO(syscall(SYS_pidfd_open, init, 0));
	long pid;

	DO(setns(pidfd, CLONE_NEWPID));
	pid = DO(syscall(SYS_clone3, &args, sizeof(args)));
	if (pid == 0) {
		DO(setns(pidfd, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS));
		DO(setsid());
		DO(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
		DO(chdir("/"));
		restrict_process(0, NULL, 0);
		execute("/bin/true");
	}
	return wait_for((pid_t)pid);
}

static int run_alone(const char *root, const char *path)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	int status;
	long pid;

	DO(mkdir(path, 0755));
	args.cgroup = (uint64_t)DO(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	pid = DO(syscall(SYS_clone3, &args, sizeof(args)));
	if (pid == 0) {
		DO(chroot(root));
		execute("/bin/true");
	}
	status = wait_for((pid_t)pid);
	remove_cgroup(path);
	return status;
}

int main(int argc, char **argv)
{
	static char filter[1 << 16];
	int docker = argc > 4 && strcmp(argv[1], "docker") == 0, cgroup, root, view, status, pidfd;
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS |
			 CLONE_INTO_CGROUP | CLONE_PIDFD,
		.exit_signal = SIGCHLD,
	};
	long size = 0, pid;

	if (argc < 4)
		return 2;
	if (strcmp(argv[1], "exec") == 0)
		return enter_container(atoi(argv[2]), argv[3]);
	if (strcmp(argv[1], "alone") == 0)
		return run_alone(argv[2], argv[3]);
	if (docker) {
		int fd = (int)DO(open(argv[4], O_RDONLY | O_CLOEXEC));

		size = DO(read(fd, filter, sizeof(filter)));
		close(fd);
	}
	DO(mkdir(argv[3], 0755));
	cgroup = (int)DO(open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	limit_devices(cgroup);
	root = (int)DO(clone_tree(AT_FDCWD, argv[2], AT_RECURSIVE_));
	DO(attributes(root, "", AT_EMPTY_PATH | AT_RECURSIVE_, 0, PRIVATE_));
	/* The child could not: the original is not in its namespace. */
	view = (int)DO(clone_tree(cgroup, "", 0));
	args.cgroup = (uint64_t)cgroup;
	args.pidfd = (uintptr_t)&pidfd;
	pid = DO(syscall(SYS_clone3, &args, sizeof(args)));
	if (pid == 0)
		child(strcmp(argv[1], "nothing") ? "/bin/true" : "/bin/nothing", docker, root, view,
		      filter, (size_t)size);
	close(view);
	status = wait_for((pid_t)pid);
	remove_cgroup(argv[3]);
	return status;
}
