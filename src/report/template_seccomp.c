/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seccomp profile of `spec --profile`: what engines allow a container by default, with the capabilities that they
 * give it, on this machine's architecture.  What is not in the list fails with EPERM.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

#include "oci/seccomp.h"
#include "report/template_profile.h"

/* One string: a table of pointers is relocated at each start of the program. */
static const char allowed[] =
	"accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod "
	"chown chown32 chroot clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 "
	"clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect "
	"copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
	"epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit "
	"exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod "
	"fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock "
	"fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate "
	"ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat "
	"get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid "
	"geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid "
	"getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage "
	"getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr getxattrat "
	"inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents "
	"io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill "
	"landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link "
	"linkat listen listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr "
	"lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir "
	"mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt mprotect mq_getsetattr "
	"mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 "
	"mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap "
	"name_to_handle_at nanosleep newfstatat _newselect open openat openat2 pause pidfd_open "
	"pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl "
	"pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 "
	"pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv "
	"recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename "
	"renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask "
	"rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 "
	"rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr "
	"sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
	"sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select "
	"semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg "
	"sendto set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 "
	"setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 "
	"setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt "
	"setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd "
	"signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 "
	"statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time "
	"timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
	"timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
	"timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat "
	"uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write "
	"writev";

/* The kernel runs programs of these, too. */
static const struct {
	uint32_t native, also[2];
} families[] = {
	{SCMP_ARCH_X86_64, {SCMP_ARCH_X86, SCMP_ARCH_X32}},
	{SCMP_ARCH_AARCH64, {SCMP_ARCH_ARM}},
	{SCMP_ARCH_S390X, {SCMP_ARCH_S390}},
};

/* personality(2): query, Linux, and these without randomised addresses or with the release of 2.6. */
static const uint64_t personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};

/* A user namespace would have capabilities that its creator has not. */
#define NEW_NAMESPACES (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
			CLONE_NEWCGROUP)

static void write_arch(struct json_writer *w, uint32_t arch)
{
	for (size_t i = 0; arch && i < n_seccomp_arch_names; i++)
		if (seccomp_arch_names[i].value == arch)
			json_write_string(w, seccomp_arch_names[i].name);
}

static void write_architectures(struct json_writer *w)
{
	uint32_t native = seccomp_arch_native();

	json_write_key(w, "architectures");
	json_write_array(w);
	write_arch(w, native);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (size_t j = 0; families[i].native == native && j < ARRAY_SIZE(families[i].also); j++)
			write_arch(w, families[i].also[j]);
	json_write_end_array(w);
}

/* "a b c" */
static void begin_rule(struct json_writer *w, const char *names, const char *action)
{
	char name[32];

	json_write_object(w);
	json_write_key(w, "names");
	json_write_array(w);
	for (size_t n; *names; names += n + (names[n] == ' ')) {
		n = strcspn(names, " ");
		memcpy(name, names, n);
		name[n] = '\0';
		json_write_string(w, name);
	}
	json_write_end_array(w);
	json_write_key(w, "action");
	json_write_string(w, action);
}

/* Of the first argument. */
static void write_conditional(struct json_writer *w, const char *name, const char *op, uint64_t value)
{
	begin_rule(w, name, "SCMP_ACT_ALLOW");
	json_write_key(w, "args");
	json_write_array(w);
	json_write_object(w);
	json_write_key(w, "index");
	json_write_u64(w, 0);
	json_write_key(w, "value");
	json_write_u64(w, value);
	json_write_key(w, "op");
	json_write_string(w, op);
	json_write_end_object(w);
	json_write_end_array(w);
	json_write_end_object(w);
}

static void write_errno(struct json_writer *w, const char *key, unsigned number)
{
	json_write_key(w, key);
	json_write_u64(w, number);
}

void template_write_seccomp(struct json_writer *w)
{
	json_write_key(w, "seccomp");
	json_write_object(w);
	json_write_key(w, "defaultAction");
	json_write_string(w, "SCMP_ACT_ERRNO");
	write_errno(w, "defaultErrnoRet", EPERM);
	write_architectures(w);
	json_write_key(w, "syscalls");
	json_write_array(w);
	begin_rule(w, allowed, "SCMP_ACT_ALLOW");
	json_write_end_object(w);
	write_conditional(w, "socket", "SCMP_CMP_NE", AF_VSOCK);	/* knows no namespaces */
	for (size_t i = 0; i < ARRAY_SIZE(personalities); i++)
		write_conditional(w, "personality", "SCMP_CMP_EQ", personalities[i]);
	write_conditional(w, "clone", "SCMP_CMP_MASKED_EQ", NEW_NAMESPACES);
	/* Its flags are in memory, which no filter can read; a C library takes clone(2) after ENOSYS. */
	begin_rule(w, "clone3", "SCMP_ACT_ERRNO");
	write_errno(w, "errnoRet", ENOSYS);
	json_write_end_object(w);
	json_write_end_array(w);
	json_write_end_object(w);
}
