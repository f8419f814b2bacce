/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ENOSYS for system calls that are newer than a seccomp profile.  Runs in the parent; pure.
 *
 * A profile that lists what is allowed and answers EPERM to the rest cannot know the calls of later
 * kernels.  libc tries such a call, falls back on ENOSYS, but gives up on EPERM.  So numbers above
 * the newest one that the profile names, in whatever rule, are answered as a kernel without the call
 * would.  Only when the default action is ERRNO: who asks for a signal or a log gets it.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "security/seccomp_gen.h"
#include "sys/mutate.h"

#define ENOSYS_ACTION SCMP_ACT_ERRNO(ENOSYS)

/*
 * How the numbers of an architecture lie.
 * @low, @high: a block of its own that has nothing to do with age: arch/x86 has x32's special entries
 * from 512 to 547, ARM has private calls.
 * @free_zero: number 0 is what a call unknown to the kernel shows up as (s390 keeps numbers that do
 * not fit the svc instruction in a register, and setup(2), the old number 0, is gone).
 */
static const struct numbering {
	uint32_t token;			/* SCMP_ARCH_* */
	uint32_t low, high;
	bool free_zero;
} numberings[] = {
	{SCMP_ARCH_X86_64, 512, 547, false},
	{SCMP_ARCH_X32, SECCOMP_X32_BIT | 512, SECCOMP_X32_BIT | 547, false},
	{SCMP_ARCH_ARM, 0x0f0000, 0x0fffff, false},
	{SCMP_ARCH_S390, 0, 0, true},
	{SCMP_ARCH_S390X, 0, 0, true},
};

static struct numbering numbering_of(uint32_t token)
{
	for (size_t i = 0; i < sizeof(numberings) / sizeof(numberings[0]); i++)
		if (numberings[i].token == token)
			return numberings[i];
	return (struct numbering){.token = token};
}

/* Is @nr one of the numbers that say nothing about age? */
bool seccomp_is_special(const struct seccomp_arch *arch, uint32_t nr)
{
	struct numbering a = numbering_of(arch->token);

	return a.high && nr >= a.low && nr <= a.high;
}

size_t seccomp_stub(uint32_t default_action, const struct seccomp_arch *arch, uint32_t newest,
		    struct seccomp_range *ret)
{
	uint32_t first = arch->token == SCMP_ARCH_X32 ? SECCOMP_X32_BIT : 0;
	struct numbering a = numbering_of(arch->token);
	size_t n = 0;

	ret[n++] = (struct seccomp_range){first, default_action};
	if ((default_action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO || newest == 0 || MUTATE(T76))
		return n;
	if (a.free_zero) {
		ret[0].action = ENOSYS_ACTION;
		ret[n++] = (struct seccomp_range){first + 1, default_action};
	}
	ret[n++] = (struct seccomp_range){newest + 1, ENOSYS_ACTION};
	if (a.high > newest) {
		ret[n++] = (struct seccomp_range){a.low, default_action};
		ret[n++] = (struct seccomp_range){a.high + 1, ENOSYS_ACTION};
	}
	return n;
}
