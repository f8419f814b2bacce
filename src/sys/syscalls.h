/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls without (or with an unwanted) libc wrapper.  All return >= 0 or -errno. */
#ifndef ORLOP_SYS_SYSCALLS_H
#define ORLOP_SYS_SYSCALLS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct clone_args;
struct open_how;
struct cmsghdr;
struct mount_attr;
struct msghdr;
struct kernel_statx;

pid_t sys_clone3(struct clone_args *args);
/* clone(2) of a process that continues like fork(2), and whose parent is ours (CLONE_PARENT).  Not clone3(2), which
 * profiles refuse, as they cannot look into its arguments. */
pid_t sys_clone_sibling(int *ret_pidfd);	/* NULL: none is wanted */
/* The same for a process that ends with it: returns in the new one alone, 0, or an error.  Nothing of the memory is
 * copied where we know how; besides clone(2) and exit_group(2) it takes rt_sigprocmask(2). */
pid_t sys_clone_successor(void);
#if defined(__x86_64__) || defined(__aarch64__)
#define SYS_SUCCESSOR_SHARES
#define SYS_SUCCESSOR_FLAGS (CLONE_PARENT | CLONE_VM)
#else
#define SYS_SUCCESSOR_FLAGS CLONE_PARENT
#endif
int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int sys_close_range(unsigned first, unsigned last, unsigned flags);
ssize_t sys_getdents64(int fd, void *buf, size_t size);	/* struct kernel_dirent, getdents(2) */
int sys_pidfd_open(pid_t pid, unsigned flags);
int sys_pidfd_getfd(int pidfd, int fd, unsigned flags);
int sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags);
/* How a process ended, as of waitpid(2), which its parent has collected since the pidfd was opened (6.15).  -EAGAIN: it
 * is not collected; -ENOTTY, -ESRCH, -EINVAL: the kernel is older. */
int sys_pidfd_exit(int pidfd, int *ret_wait_status);
/* SIG_DFL also for 32 and 33, which sigaction(2) of libc refuses although its posix_spawn(3) leaves
 * them ignored in the new process. */
int sys_signal_default(int sig);
/* Every signal, also those that the C library keeps for itself and leaves out of sigfillset(3). */
void sys_all_signals(sigset_t *ret);
int sys_faccessat2(int dirfd, const char *path, int mode, int flags);
int sys_pivot_root(const char *new_root, const char *put_old);
/* struct rlimit64 of prlimit(2): 64 bits everywhere; UINT64_MAX is RLIM_INFINITY. */
struct sys_rlimit {
	uint64_t soft, hard;
};
struct cmsghdr *sys_cmsg_next(struct msghdr *msg, struct cmsghdr *c);	/* cmsg(3) */
int sys_prlimit(pid_t pid, int resource, const struct sys_rlimit *set, struct sys_rlimit *ret_old);
int sys_setgroups(size_t n, const gid_t *list);
int sys_setresuid(uid_t r, uid_t e, uid_t s);
int sys_setresgid(gid_t r, gid_t e, gid_t s);
int sys_seccomp(unsigned op, unsigned flags, void *args);
/* _exit(2), or a trap where a seccomp filter refuses even that: the C library's tries for ever. */
_Noreturn void sys_exit(int status);
int sys_bpf(int cmd, void *attr, unsigned size);
/* Without a payload. */
long sys_add_key(const char *type, const char *description, int keyring);
long sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int sys_statx(int dirfd, const char *path, int flags, unsigned mask, struct kernel_statx *ret);
ssize_t sys_getcwd(char *buf, size_t size);	/* the kernel's own: "(unreachable)..." possible */
int sys_execveat(int dirfd, const char *path, char *const *argv, char *const *envp, int flags);

/* struct sched_attr of sched_setattr(2), as of Linux 5.3; libc and kernel headers disagree about who
 * declares it. */
struct sys_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

/* @pid 0: the caller. */
int sys_sched_setattr(pid_t pid, struct sys_sched_attr *attr);	/* sets attr->size */
int sys_sched_getattr(pid_t pid, struct sys_sched_attr *ret);
int sys_ioprio_set(pid_t pid, int ioprio);
int sys_ioprio_get(pid_t pid);
int sys_set_mempolicy(int mode, const unsigned long *nodes, unsigned long max_node);
int sys_get_mempolicy(int *ret_mode, unsigned long *ret_nodes, unsigned long max_node);

/* The new mount API, and for one purpose (rootfs/oldmount.c) the old. */
int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags,
	      const void *data);
int sys_fsopen(const char *fstype, unsigned flags);
int sys_fsconfig(int fs, unsigned cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fs, unsigned flags, unsigned attr);
int sys_open_tree(int dirfd, const char *path, unsigned flags);
int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags);
/* What statmount(2) (Linux 6.8) says of a mount. */
struct sys_mount_info {
	uint64_t id;		/* never used again for another mount, unlike that of mountinfo */
	uint64_t attr;		/* MOUNT_ATTR_* */
	uint64_t propagation;	/* MS_SHARED, MS_SLAVE, ... */
	char point[256];	/* below our root; "" when it is longer, or not to be reached from there */
};

/*
 * Of the mount of @fd, or the one with this id.  -ENOENT when it is attached nowhere in this mount namespace.
 * -ENOSYS when it cannot be asked: the kernel is older, or a filter hides the call, with whatever error.
 */
int sys_mount_info(int fd, struct sys_mount_info *ret);
int sys_statmount(uint64_t id, struct sys_mount_info *ret);
int sys_mount_setattr(int dirfd, const char *path, unsigned flags, const struct mount_attr *attr);

#endif
