/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw system calls, for every process of ours. */
#include "sys/syscalls.h"

#include <errno.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/compat.h"

#define CALL(...)                                              \
	({                                                     \
		long call_ret_ = syscall(__VA_ARGS__);         \
		call_ret_ < 0 ? -(long)errno : call_ret_;      \
	})

pid_t sys_clone3(struct clone_args *args)
{
	return (pid_t)CALL(SYS_clone3, args, sizeof(*args));
}

pid_t sys_clone_sibling(int *ret_pidfd)
{
	unsigned long flags = CLONE_PARENT | (ret_pidfd ? CLONE_PIDFD : 0);

#if defined(__s390__) || defined(__cris__)	/* clone(2), "C library/kernel differences" */
	return (pid_t)CALL(SYS_clone, 0L, flags, ret_pidfd, 0L, 0L);
#else
	return (pid_t)CALL(SYS_clone, flags, 0L, ret_pidfd, 0L, 0L);
#endif
}

/* Between the clone and its end the caller may not touch the stack, which is the other's: so both are one piece. */
#if defined(__x86_64__)
static long clone_and_exit(long flags)
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	long r;

	__asm__ volatile("syscall\n"
			 "	test %%rax, %%rax\n"
			 "	jle 1f\n"
			 "	mov %[exit], %%eax\n"
			 "	xor %%edi, %%edi\n"
			 "	syscall\n"
			 "	hlt\n"
			 "1:\n"
			 : "=a"(r), "+D"(flags)
			 : "0"(SYS_clone), "S"(0L), "d"(0L), "r"(r10), "r"(r8), [exit] "i"(SYS_exit_group)
			 : "rcx", "r11", "memory");
	return r;
}
#elif defined(__aarch64__)
static long clone_and_exit(long flags)
{
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = flags;
	register long x1 __asm__("x1") = 0;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile("svc 0\n"
			 "	cmp x0, 0\n"
			 "	b.le 1f\n"
			 "	mov x8, %[exit]\n"
			 "	mov x0, 0\n"
			 "	svc 0\n"
			 "	brk 1\n"
			 "1:\n"
			 : "+r"(x0), "+r"(x8)
			 : "r"(x1), "r"(x2), "r"(x3), "r"(x4), [exit] "i"(SYS_exit_group)
			 : "cc", "memory");
	return x0;
}
#endif

pid_t sys_clone_successor(void)
{
#ifdef SYS_SUCCESSOR_SHARES
	sigset_t all, before;
	long r;

	sys_all_signals(&all);
	if (sigprocmask(SIG_SETMASK, &all, &before) < 0)	/* a handler would use the stack */
		return -errno;
	r = clone_and_exit(SYS_SUCCESSOR_FLAGS);
	if (sigprocmask(SIG_SETMASK, &before, NULL) < 0 && r == 0)
		sys_exit(1);
	return (pid_t)r;
#else
	pid_t pid = sys_clone_sibling(NULL);

	if (pid > 0)
		sys_exit(0);
	return pid;
#endif
}

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};

	return (int)CALL(SYS_openat2, dirfd, path, &how, sizeof(how));
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)CALL(SYS_close_range, first, last, flags);
}

ssize_t sys_getdents64(int fd, void *buf, size_t size)
{
	return CALL(SYS_getdents64, fd, buf, size);
}

int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)CALL(SYS_pidfd_open, pid, flags);
}

int sys_pidfd_getfd(int pidfd, int fd, unsigned flags)
{
	return (int)CALL(SYS_pidfd_getfd, pidfd, fd, flags);
}

int sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags)
{
	return (int)CALL(SYS_pidfd_send_signal, pidfd, sig, info, flags);
}

int sys_pidfd_exit(int pidfd, int *ret_wait_status)
{
	struct kernel_pidfd_info info = {.mask = PIDFD_EXIT};

	if (ioctl(pidfd, PIDFD_INFO_IOCTL, &info) < 0)
		return -errno;
	if (!(info.mask & PIDFD_EXIT))
		return -EAGAIN;
	*ret_wait_status = info.exit_code;
	return 0;
}

int sys_signal_default(int sig)
{
	/* The kernel's struct sigaction, which is not libc's, zero: SIG_DFL, no flags, no mask.  Its
	 * size differs between architectures and is never above this; the last argument is that of
	 * the mask: rt_sigaction(2). */
	static const unsigned long act[8];

	return (int)CALL(SYS_rt_sigaction, sig, act, NULL, 8);
}

void sys_all_signals(sigset_t *ret)
{
	memset(ret, 0xff, sizeof(*ret));
}

int sys_statx(int dirfd, const char *path, int flags, unsigned mask, struct kernel_statx *ret)
{
	return (int)CALL(SYS_statx, dirfd, path, flags, mask, ret);
}

int sys_faccessat2(int dirfd, const char *path, int mode, int flags)
{
	return (int)CALL(SYS_faccessat2, dirfd, path, mode, flags);
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)CALL(SYS_pivot_root, new_root, put_old);
}

int sys_prlimit(pid_t pid, int resource, const struct sys_rlimit *set, struct sys_rlimit *ret_old)
{
	return (int)CALL(SYS_prlimit64, pid, resource, set, ret_old);
}

/* musl's macro compares signed with unsigned, which clang does not overlook. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"
struct cmsghdr *sys_cmsg_next(struct msghdr *msg, struct cmsghdr *c)
{
	return CMSG_NXTHDR(msg, c);
}
#pragma GCC diagnostic pop

int sys_setgroups(size_t n, const gid_t *list)
{
	return (int)CALL(SYS_setgroups, n, list);
}

int sys_setresuid(uid_t r, uid_t e, uid_t s)
{
	return (int)CALL(SYS_setresuid, r, e, s);
}

int sys_setresgid(gid_t r, gid_t e, gid_t s)
{
	return (int)CALL(SYS_setresgid, r, e, s);
}

int sys_seccomp(unsigned op, unsigned flags, void *args)
{
	return (int)CALL(SYS_seccomp, op, flags, args);
}

_Noreturn void sys_exit(int status)
{
	syscall(SYS_exit_group, status);
	syscall(SYS_exit, status);
	__builtin_trap();
}

int sys_bpf(int cmd, void *attr, unsigned size)
{
	return (int)CALL(SYS_bpf, cmd, attr, size);
}

long sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return CALL(SYS_keyctl, op, a, b, c, d);
}

long sys_add_key(const char *type, const char *description, int keyring)
{
	return CALL(SYS_add_key, type, description, NULL, 0, keyring);
}

ssize_t sys_getcwd(char *buf, size_t size)
{
	return CALL(SYS_getcwd, buf, size);
}

int sys_execveat(int dirfd, const char *path, char *const *argv, char *const *envp, int flags)
{
	return (int)CALL(SYS_execveat, dirfd, path, argv, envp, flags);
}

int sys_sched_setattr(pid_t pid, struct sys_sched_attr *attr)
{
	attr->size = sizeof(*attr);
	return (int)CALL(SYS_sched_setattr, pid, attr, 0);
}

int sys_sched_getattr(pid_t pid, struct sys_sched_attr *ret)
{
	return (int)CALL(SYS_sched_getattr, pid, ret, sizeof(*ret), 0);
}

int sys_ioprio_set(pid_t pid, int ioprio)
{
	return (int)CALL(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, pid, ioprio);
}

int sys_ioprio_get(pid_t pid)
{
	return (int)CALL(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, pid);
}

int sys_set_mempolicy(int mode, const unsigned long *nodes, unsigned long max_node)
{
	return (int)CALL(SYS_set_mempolicy, mode, nodes, max_node);
}

int sys_get_mempolicy(int *ret_mode, unsigned long *ret_nodes, unsigned long max_node)
{
	return (int)CALL(SYS_get_mempolicy, ret_mode, ret_nodes, max_node, NULL, 0);
}

int sys_fsopen(const char *fstype, unsigned flags)
{
	return (int)CALL(SYS_fsopen, fstype, flags);
}

int sys_fsconfig(int fs, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)CALL(SYS_fsconfig, fs, cmd, key, value, aux);
}

int sys_fsmount(int fs, unsigned flags, unsigned attr)
{
	return (int)CALL(SYS_fsmount, fs, flags, attr);
}

int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)CALL(SYS_open_tree, dirfd, path, flags);
}

int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return (int)CALL(SYS_move_mount, from, from_path, to, to_path, flags);
}

/* Flags that no kernel knows are EINVAL for one that has the call, whatever else is wrong. */
static _Bool statmount_is_hidden(void)
{
	return CALL(SYS_statmount, NULL, NULL, 0, ~0u) != -EINVAL;
}

int sys_statmount(uint64_t id, struct sys_mount_info *ret)
{
	struct {
		uint32_t size, spare;
		uint64_t mnt_id, mask;
	} request = {.size = sizeof(request), .mnt_id = id, .mask = STATMOUNT_MNT_BASIC | STATMOUNT_MNT_POINT};
	uint64_t answer[STATMOUNT_STRINGS_AT + sizeof(ret->point) / 8] = {0};
	const char *strings = (const char *)(answer + STATMOUNT_STRINGS_AT);
	uint32_t at;
	int r = (int)CALL(SYS_statmount, &request, answer, sizeof(answer), 0);

	if (r == -EOVERFLOW) {
		request.mask = STATMOUNT_MNT_BASIC;
		r = (int)CALL(SYS_statmount, &request, answer, sizeof(answer), 0);
	}
	if ((r == -ENOSYS || r == -EPERM) && statmount_is_hidden())
		return -ENOSYS;
	if (r < 0)
		return r == -ENOSYS ? -EIO : r;
	ret->id = id;
	ret->attr = answer[STATMOUNT_ATTR_AT];
	ret->propagation = answer[STATMOUNT_PROPAGATION_AT];
	memcpy(&at, (const char *)answer + STATMOUNT_POINT_AT, sizeof(at));
	memset(ret->point, 0, sizeof(ret->point));
	if ((answer[1] & request.mask & STATMOUNT_MNT_POINT) && at < sizeof(ret->point))
		memcpy(ret->point, strings + at, sizeof(ret->point) - at - 1);
	return 0;
}

int sys_mount_info(int fd, struct sys_mount_info *ret)
{
	struct kernel_statx st = {0};
	int r = sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE, &st);

	if (r < 0)	/* -ENOSYS says that there is no statmount(2); statx(2) is there */
		return r == -ENOSYS ? -EIO : r;
	return st.stx_mask & STATX_MNT_ID_UNIQUE ? sys_statmount(st.stx_mnt_id, ret) : -ENOSYS;
}

int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags,
	      const void *data)
{
	return (int)CALL(SYS_mount, source, target, fstype, flags, data);
}

int sys_mount_setattr(int dirfd, const char *path, unsigned flags, const struct mount_attr *attr)
{
	return (int)CALL(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}
