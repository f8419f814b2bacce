/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Constants and structures that the kernel's or the C library's headers of the build host may lack. */
#ifndef ORLOP_SYS_COMPAT_H
#define ORLOP_SYS_COMPAT_H

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* glibc has the new mount interface in <sys/mount.h>, which cannot be included together with every
 * <linux/mount.h>; other C libraries leave it to the kernel's header. */
#ifndef FSOPEN_CLOEXEC
#include <linux/mount.h>
#endif

/* statx(2).  C libraries differ in which of its members they have, and whether the kernel's header can be
 * included together with theirs: so it is written out. */
struct kernel_statx {
	uint32_t stx_mask, stx_blksize;
	uint64_t stx_attributes;
	uint32_t stx_nlink, stx_uid, stx_gid;
	uint16_t stx_mode, pad;
	uint64_t stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct {
		int64_t sec;
		uint32_t nsec;
		int32_t pad;
	} stx_atime, stx_btime, stx_ctime, stx_mtime;
	uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	uint64_t stx_mnt_id, rest[13];
};
_Static_assert(sizeof(struct kernel_statx) == 256 && offsetof(struct kernel_statx, stx_mnt_id) == 0x90,
	       "statx(2)");

#ifndef STATX_TYPE
#define STATX_TYPE 1u
#define STATX_MODE 2u
#define STATX_INO 0x100u
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000u
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

/* One entry of getdents64(2), d_reclen bytes. */
struct kernel_dirent {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
};

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_NAMESPACE
#define OPEN_TREE_NAMESPACE 2
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef STATMOUNT_MNT_BASIC
#define STATMOUNT_MNT_BASIC 2
#endif
#ifndef STATMOUNT_MNT_POINT
#define STATMOUNT_MNT_POINT 0x10
#endif
/* Of struct statmount: mnt_attr, mnt_propagation and the strings, in units of 8 bytes; mnt_point, in bytes. */
#define STATMOUNT_ATTR_AT 8
#define STATMOUNT_PROPAGATION_AT 9
#define STATMOUNT_STRINGS_AT 64
#define STATMOUNT_POINT_AT 108
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/* Magic numbers of file systems, statfs(2). */
#ifndef CGROUP2_SUPER_MAGIC
#define CGROUP2_SUPER_MAGIC 0x63677270
#endif
#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif
#ifndef PROC_SUPER_MAGIC
#define PROC_SUPER_MAGIC 0x9fa0
#endif
#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif
#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446
#endif

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif
#ifndef NS_GET_USERNS
#define NS_GET_USERNS _IO(0xb7, 1)
#endif
/* linux/pidfd.h: a descriptor of a namespace of the process (6.11); the argument must be 0. */
#define PIDFD_NAMESPACE_IOCTL(n) _IO(0xff, n)

/* The same: what is known of the process (6.13), as far as @mask asks for it. */
struct kernel_pidfd_info {
	uint64_t mask, cgroup_id;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;		/* PIDFD_EXIT (6.15), as of waitpid(2): once it was collected */
};
_Static_assert(sizeof(struct kernel_pidfd_info) == 64, "PIDFD_INFO_SIZE_VER0");
#define PIDFD_EXIT 8u
#define PIDFD_INFO_IOCTL _IOWR(0xff, 11, struct kernel_pidfd_info)

#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING (1 << 13)
#endif
#define MPOL_MODE_PREFERRED_MANY 5	/* members of an enum in linux/mempolicy.h, or not there yet */
#define MPOL_MODE_WEIGHTED_INTERLEAVE 6

/* dup2(2) of newer machines is the library's. */
#include <sys/syscall.h>
#ifndef SYS_dup2
#define SYS_dup2 SYS_dup3
#endif

#endif
