/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A seccomp profile becomes a program in the parent, while the child mounts; the child installs it. */
#include "security/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "security/seccomp_gen.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/mem.h"

#define WHERE "/linux/seccomp"

size_t seccomp_program_size(void)
{
	return sizeof(struct seccomp_program) + SECCOMP_MAX_INSNS * sizeof(struct sock_filter);
}

const char *seccomp_library_version(void)
{
	static char text[32];
	const struct scmp_version *v = seccomp_version();

	if (!text[0])
		snprintf(text, sizeof(text), "%u.%u.%u", v->major, v->minor, v->micro);
	return text;
}

/* seccomp(2) looks at the flags before the program: with a NULL program a known flag gives EFAULT,
 * an unknown one EINVAL. */
static bool flags_supported(uint32_t flags)
{
	return sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, NULL) == -EFAULT;
}

/*
 * What the kernel gets for the profile's flags.  With a listener, TSYNC must say by errno which
 * thread could not follow, since the result is a descriptor; WAIT_KILLABLE_RECV is about the answers of
 * an agent, and EINVAL without one.
 */
static uint32_t kernel_flags(uint32_t flags, bool notifies)
{
	if (!notifies)
		return flags & ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	return flags | SECCOMP_FILTER_FLAG_NEW_LISTENER;
}

uint32_t seccomp_supported_flags(void)
{
	uint32_t all = 0;

	for (size_t i = 0; i < n_seccomp_flag_names; i++) {
		uint32_t flag = (uint32_t)seccomp_flag_names[i].value;

		if (flags_supported(kernel_flags(flag, flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)))
			all |= flag;
	}
	return all;
}

/* Which of the profile's flags the kernel does not take. */
static int error_flags(const struct oci_seccomp *profile, struct error *err)
{
	static const struct {
		uint32_t flag;
		const char *release;
	} releases[] = {
		{SECCOMP_FILTER_FLAG_TSYNC, "3.17"}, {SECCOMP_FILTER_FLAG_LOG, "4.14"},
		{SECCOMP_FILTER_FLAG_SPEC_ALLOW, "4.17"},
		{SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "5.19"},
	};

	for (size_t i = 0; i < n_seccomp_flag_names; i++) {
		uint32_t flag = (uint32_t)seccomp_flag_names[i].value;
		const char *name = seccomp_flag_names[i].name;

		if (!(profile->flags & flag) || flags_supported(kernel_flags(flag, profile->notifies)))
			continue;
		error_config(err, WHERE "/flags", "the running kernel does not support %s", name);
		for (size_t j = 0; j < ARRAY_SIZE(releases); j++)
			if (releases[j].flag == flag)
				error_hint_release(err, name, releases[j].release);
		return -EINVAL;
	}
	return error_config(err, WHERE "/flags", "the running kernel does not support these flags together");
}

int seccomp_check(const struct oci_seccomp *profile, struct error *err)
{
	if (profile->notifies && !flags_supported(SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return error_config(err, WHERE "/syscalls",
				    "the running kernel does not support SCMP_ACT_NOTIFY");
	if (profile->flags && !flags_supported(kernel_flags(profile->flags, profile->notifies)))
		return error_flags(profile, err);
	return 0;
}

#define NUMBERS 1024		/* more than any kernel has, without those of x32 */

bool seccomp_is_known(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

void seccomp_known_names(struct arena *a, struct strings *ret)
{
	for (int nr = 0; nr < NUMBERS; nr++) {
		_cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

		if (name)
			arena_push(a, ret->v, ret->n) = arena_strdup(a, name);
	}
}

static int check_args(const struct oci_seccomp *profile, struct error *err)
{
	for (size_t i = 0; i < profile->n_rules; i++)
		for (size_t j = 0; j < profile->rules[i].n_args; j++)
			if (profile->rules[i].args[j].index > 5) {
				error_set(err, EINVAL, "a system call has arguments 0 to 5");
				return error_at(err, WHERE "/syscalls/%zu/args/%zu/index", i, j);
			}
	return 0;
}

/* The native architecture, and the listed; each once. */
static int find_archs(const struct oci_seccomp *profile, struct seccomp_arch *ret, size_t *ret_n,
		      struct error *err)
{
	size_t n = 0;

	seccomp_arch_find(SCMP_ARCH_NATIVE, &ret[n++]);
	for (size_t i = 0; i < profile->n_archs; i++) {
		int r = seccomp_arch_find(profile->archs[i], &ret[n]);
		bool seen = false;

		if (r < 0) {
			error_errno(err, r, "seccomp architecture 0x%x: libseccomp %s",
				    profile->archs[i], seccomp_library_version());
			return error_at(err, WHERE "/architectures/%zu", i);
		}
		if (ret[n].big_endian != ret[0].big_endian) {
			error_set(err, EINVAL, "this machine has no calls of seccomp architecture 0x%x: "
				  "its byte order is another", profile->archs[i]);
			return error_at(err, WHERE "/architectures/%zu", i);
		}
		for (size_t j = 0; j < n && !seen; j++)
			seen = ret[j].token == ret[n].token;
		n += !seen;
	}
	*ret_n = n;
	return 0;
}

int seccomp_compile(const struct oci_seccomp *profile, struct seccomp_program *ret,
		    struct error *err)
{
	_cleanup_free_ struct seccomp_arch *archs = xcalloc(profile->n_archs + 2, sizeof(*archs));
	size_t n_archs = 0, n;
	unsigned unknown;
	int r;

	r = seccomp_check(profile, err);
	if (r == 0)
		r = check_args(profile, err);
	if (r == 0)
		r = find_archs(profile, archs, &n_archs, err);
	if (r < 0)
		return r;
	n = seccomp_generate(profile, archs, n_archs, ret->insns, &unknown);
	if (unknown)
		log_debug("seccomp: libseccomp %s does not know %u names of system calls; skipped",
			  seccomp_library_version(), unknown);
	if (n > SECCOMP_MAX_INSNS)
		return error_config(err, WHERE, "the profile makes a program of %zu instructions; the "
				    "kernel takes %d at most", n, SECCOMP_MAX_INSNS);
	ret->flags = kernel_flags(profile->has_flags ? profile->flags : SECCOMP_FILTER_FLAG_SPEC_ALLOW,
				  profile->notifies);
	/* Last: the child takes a program with n != 0 for a complete one. */
	__atomic_store_n(&ret->n, (uint32_t)n, __ATOMIC_RELEASE);
	return 0;
}

static int is_in_force(struct error *err)
{
	if (sys_seccomp(SECCOMP_PROOF_OP, 0, NULL) == -SECCOMP_PROOF_ERRNO)
		return 0;
	error_set(err, EPROTO, "the kernel said that the seccomp filter is installed, and it is not in force");
	return error_at(err, WHERE);
}

int seccomp_install(const struct seccomp_program *prog, int *ret_listener, struct error *err)
{
	bool listener = prog->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	uint32_t n = __atomic_load_n(&prog->n, __ATOMIC_ACQUIRE);
	struct sock_fprog fprog = {.len = (unsigned short)n,
				   .filter = (struct sock_filter *)prog->insns};
	int r;

	*ret_listener = -1;
	if (n == 0 || n > SECCOMP_MAX_INSNS)
		return error_set(err, EINVAL, "install the seccomp filter: no program");
	r = sys_seccomp(SECCOMP_SET_MODE_FILTER, prog->flags, &fprog);
	if (r > 0 && !listener)	/* SECCOMP_FILTER_FLAG_TSYNC: the thread that could not follow */
		return error_set(err, ESRCH, "install the seccomp filter: thread %d has another one", r);
	if (r >= 0) {
		if (listener)
			*ret_listener = r;	/* close-on-exec already */
		return is_in_force(err);
	}
	error_errno(err, r, "install the seccomp filter (%u instructions, flags 0x%x)", n,
		    prog->flags);
	if (r == -EACCES)
		error_hint(err, "without noNewPrivileges this needs CAP_SYS_ADMIN");
	if (r == -EBUSY && listener)
		error_hint(err, "orlop runs under a filter with a listener itself, and the kernel allows "
			   "one for a process");
	return error_at(err, WHERE);
}

bool seccomp_is_listener(int fd)
{
	uint64_t none = 0;	/* ids are random, and nothing waits yet: seccomp_unotify(2) */

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &none) < 0 && errno == ENOENT;
}
