/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime-spec config-linux.md#seccomp.  Values are the kernel's and libseccomp's, as numbers, so that
 * words newer than the build host's <seccomp.h> are known too; the unit test compares the two.
 */
#include "oci/seccomp.h"

const struct name_value seccomp_action_names[] = {
	{"SCMP_ACT_ALLOW", 0x7fff0000},
	{"SCMP_ACT_ERRNO", 0x00050000},		/* | errno */
	{"SCMP_ACT_KILL", 0x00000000},		/* an old name of the next */
	{"SCMP_ACT_KILL_THREAD", 0x00000000},
	{"SCMP_ACT_KILL_PROCESS", 0x80000000},
	{"SCMP_ACT_LOG", 0x7ffc0000},
	{"SCMP_ACT_NOTIFY", 0x7fc00000},
	{"SCMP_ACT_TRACE", 0x7ff00000},		/* | 16 bits for the tracer */
	{"SCMP_ACT_TRAP", 0x00030000},
};

const size_t n_seccomp_action_names = ARRAY_SIZE(seccomp_action_names);

/* enum scmp_compare */
const struct name_value seccomp_operator_names[] = {
	{"SCMP_CMP_NE", 1},
	{"SCMP_CMP_LT", 2},
	{"SCMP_CMP_LE", 3},
	{"SCMP_CMP_EQ", 4},
	{"SCMP_CMP_GE", 5},
	{"SCMP_CMP_GT", 6},
	{"SCMP_CMP_MASKED_EQ", 7},
};

const size_t n_seccomp_operator_names = ARRAY_SIZE(seccomp_operator_names);

/* AUDIT_ARCH_*: the ELF machine, 0x80000000 for 64 bit, 0x40000000 for little endian. */
const struct name_value seccomp_arch_names[] = {
	{"SCMP_ARCH_X86", 0x40000003},
	{"SCMP_ARCH_X86_64", 0xc000003e},
	{"SCMP_ARCH_X32", 0x4000003e},		/* libseccomp's own: the kernel shows X86_64 */
	{"SCMP_ARCH_ARM", 0x40000028},
	{"SCMP_ARCH_AARCH64", 0xc00000b7},
	{"SCMP_ARCH_MIPS", 0x00000008},
	{"SCMP_ARCH_MIPS64", 0x80000008},
	{"SCMP_ARCH_MIPS64N32", 0xa0000008},
	{"SCMP_ARCH_MIPSEL", 0x40000008},
	{"SCMP_ARCH_MIPSEL64", 0xc0000008},
	{"SCMP_ARCH_MIPSEL64N32", 0xe0000008},
	{"SCMP_ARCH_PPC", 0x00000014},
	{"SCMP_ARCH_PPC64", 0x80000015},
	{"SCMP_ARCH_PPC64LE", 0xc0000015},
	{"SCMP_ARCH_S390", 0x00000016},
	{"SCMP_ARCH_S390X", 0x80000016},
	{"SCMP_ARCH_PARISC", 0x0000000f},
	{"SCMP_ARCH_PARISC64", 0x8000000f},
	{"SCMP_ARCH_RISCV64", 0xc00000f3},
	/* libseccomp 2.6 and later */
	{"SCMP_ARCH_LOONGARCH64", 0xc0000102},
	{"SCMP_ARCH_M68K", 0x00000004},
	{"SCMP_ARCH_SH", 0x4000002a},		/* little endian, AUDIT_ARCH_SHEL */
	{"SCMP_ARCH_SHEB", 0x0000002a},
};

const size_t n_seccomp_arch_names = ARRAY_SIZE(seccomp_arch_names);

/* seccomp(2) */
const struct name_value seccomp_flag_names[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", 1 << 0},
	{"SECCOMP_FILTER_FLAG_LOG", 1 << 1},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 1 << 2},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1 << 5},
};

const size_t n_seccomp_flag_names = ARRAY_SIZE(seccomp_flag_names);
