/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A seccomp profile becomes a program in the parent (libseccomp takes milliseconds: the child mounts
 * meanwhile); the child only installs it.
 */
#include "security/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/mem.h"

#define WHERE "/linux/seccomp"

static void ctx_freep(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

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

int seccomp_check(const struct oci_seccomp *profile, struct error *err)
{
	if (profile->notifies && !flags_supported(SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return error_config(err, WHERE "/syscalls",
				    "the running kernel does not support SCMP_ACT_NOTIFY");
	if (profile->flags && !flags_supported(kernel_flags(profile->flags, profile->notifies)))
		return error_config(err, WHERE "/flags",
				    "the running kernel does not support these seccomp flags (0x%x)",
				    profile->flags);
	return 0;
}

/* @args as libseccomp wants them; false when one argument has several conditions. */
static bool convert_args(const struct oci_seccomp_rule *rule, struct scmp_arg_cmp *ret)
{
	unsigned seen = 0;

	for (size_t i = 0; i < rule->n_args; i++) {
		const struct oci_seccomp_arg *a = &rule->args[i];

		if (seen & 1u << a->index)
			return false;
		seen |= 1u << a->index;
		ret[i] = (struct scmp_arg_cmp){
			.arg = a->index, .op = (enum scmp_compare)a->op,
			.datum_a = a->value, .datum_b = a->value_two,
		};
	}
	return true;
}

static int add_one(scmp_filter_ctx ctx, uint32_t action, int nr, const struct scmp_arg_cmp *args,
		   size_t n)
{
	int r = seccomp_rule_add_array(ctx, action, nr, (unsigned)n, args);

	return r == -EEXIST ? 0 : r;
}

static int add_name(scmp_filter_ctx ctx, const struct oci_seccomp_rule *rule, int nr)
{
	struct scmp_arg_cmp args[6];
	int r = 0;

	if (convert_args(rule, args))
		return add_one(ctx, rule->action, nr, args, rule->n_args);
	/* libseccomp refuses several conditions on one argument.  As runc does, the rule is split into
	 * one for each condition, so that they become alternatives. */
	for (size_t i = 0; i < rule->n_args && r == 0; i++) {
		const struct oci_seccomp_arg *a = &rule->args[i];
		struct scmp_arg_cmp one = {
			.arg = a->index, .op = (enum scmp_compare)a->op,
			.datum_a = a->value, .datum_b = a->value_two,
		};

		r = add_one(ctx, rule->action, nr, &one, 1);
	}
	return r;
}

static int add_rule(scmp_filter_ctx ctx, const struct oci_seccomp *profile, size_t index,
		    unsigned *unknown, struct error *err)
{
	const struct oci_seccomp_rule *rule = &profile->rules[index];

	if (rule->action == profile->default_action)
		return 0;	/* redundant, and -EACCES from libseccomp */
	for (size_t i = 0; i < rule->n_args; i++)
		if (rule->args[i].index > 5) {
			error_set(err, EINVAL, "a system call has arguments 0 to 5");
			return error_at(err, WHERE "/syscalls/%zu/args/%zu/index", index, i);
		}
	for (size_t i = 0; i < rule->names.n; i++) {
		int nr = seccomp_syscall_resolve_name(rule->names.v[i]);
		int r;

		if (nr == __NR_SCMP_ERROR) {
			log_debug("seccomp: libseccomp %s does not know system call `%s`",
				  seccomp_library_version(), rule->names.v[i]);
			++*unknown;
			continue;
		}
		r = add_name(ctx, rule, nr);
		if (r < 0) {
			error_errno(err, r, "seccomp rule for `%s`: libseccomp", rule->names.v[i]);
			return error_at(err, WHERE "/syscalls/%zu/names/%zu", index, i);
		}
	}
	return 0;
}

static int set_attributes(scmp_filter_ctx ctx, struct error *err)
{
	static const struct {
		enum scmp_filter_attr attr;
		uint32_t value;
		const char *name;
	} attrs[] = {
		/* noNewPrivileges is its own decision. */
		{SCMP_FLTATR_CTL_NNP, 0, "no_new_privs"},
		/* A call through an ABI that nobody listed (int 0x80, x32) ends the process. */
		{SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS, "bad architecture action"},
		{SCMP_FLTATR_CTL_OPTIMIZE, 2, "binary tree"},
	};

	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		int r = seccomp_attr_set(ctx, attrs[i].attr, attrs[i].value);

		if (r < 0) {
			error_errno(err, r, "libseccomp: set %s", attrs[i].name);
			return error_at(err, WHERE);
		}
	}
	return 0;
}

static int add_architectures(scmp_filter_ctx ctx, const struct oci_seccomp *profile,
			     struct error *err)
{
	for (size_t i = 0; i < profile->n_archs; i++) {
		int r = seccomp_arch_add(ctx, profile->archs[i]);

		if (r < 0 && r != -EEXIST) {
			error_errno(err, r, "libseccomp: add architecture 0x%x", profile->archs[i]);
			return error_at(err, WHERE "/architectures/%zu", i);
		}
	}
	return 0;
}

/* libseccomp 2.5 writes to a descriptor only (seccomp_export_bpf_mem came with 2.6). */
static int export(scmp_filter_ctx ctx, struct sock_filter *ret, size_t max, size_t *ret_n,
		  struct error *err)
{
	_cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
	off_t size;
	int r;

	if (fd < 0)
		return error_errno(err, errno, "memfd_create for the seccomp program");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0) {
		error_errno(err, r, "libseccomp: generate the program");
		return error_at(err, WHERE);
	}
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return error_errno(err, errno, "size of the seccomp program");
	if ((size_t)size > max * sizeof(*ret))
		return error_config(err, WHERE, "the profile makes a program of %zu instructions; the "
				    "kernel takes %d at most", (size_t)size / sizeof(*ret),
				    SECCOMP_MAX_INSNS);
	if (pread(fd, ret, (size_t)size, 0) != size || (size_t)size % sizeof(*ret) != 0)
		return error_set(err, EIO, "read the seccomp program: short");
	*ret_n = (size_t)size / sizeof(*ret);
	return 0;
}

/* What the filter is for: the native architecture, which libseccomp always has, and the listed. */
static size_t all_archs(const struct oci_seccomp *profile, uint32_t *ret)
{
	size_t n = 0;

	ret[n++] = seccomp_arch_native();
	for (size_t i = 0; i < profile->n_archs; i++) {
		bool seen = profile->archs[i] == SCMP_ARCH_NATIVE;

		for (size_t j = 0; j < n && !seen; j++)
			seen = ret[j] == profile->archs[i];
		if (!seen)
			ret[n++] = profile->archs[i];
	}
	return n;
}

int seccomp_compile(const struct oci_seccomp *profile, struct seccomp_program *ret,
		    struct error *err)
{
	_cleanup_(ctx_freep) scmp_filter_ctx ctx = NULL;
	_cleanup_free_ uint32_t *archs = NULL;
	size_t stub, n = 0;
	unsigned unknown = 0;
	int r;

	r = seccomp_check(profile, err);
	if (r < 0)
		return r;
	ctx = seccomp_init(profile->default_action);
	if (!ctx)
		return error_config(err, WHERE "/defaultAction",
				    "libseccomp %s refuses the default action 0x%x",
				    seccomp_library_version(), profile->default_action);
	r = set_attributes(ctx, err);
	if (r == 0)
		r = add_architectures(ctx, profile, err);
	for (size_t i = 0; i < profile->n_rules && r == 0; i++)
		r = add_rule(ctx, profile, i, &unknown, err);
	if (r < 0)
		return r;
	if (unknown)
		log_debug("seccomp: %u names of system calls are unknown and skipped", unknown);

	archs = xcalloc(profile->n_archs + 1, sizeof(*archs));
	stub = seccomp_stub(profile, archs, all_archs(profile, archs), ret->insns);
	r = export(ctx, ret->insns + stub, SECCOMP_MAX_INSNS - stub, &n, err);
	if (r < 0)
		return r;
	ret->flags = kernel_flags(profile->has_flags ? profile->flags : SECCOMP_FILTER_FLAG_SPEC_ALLOW,
				  profile->notifies);
	/* Last: the child takes a program with n != 0 for a complete one. */
	__atomic_store_n(&ret->n, (uint32_t)(stub + n), __ATOMIC_RELEASE);
	return 0;
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
	if (r >= 0 && listener) {
		*ret_listener = r;	/* close-on-exec already */
		return 0;
	}
	if (r > 0)	/* SECCOMP_FILTER_FLAG_TSYNC: the thread that could not follow */
		return error_set(err, ESRCH, "install the seccomp filter: thread %d has another one", r);
	if (r == 0)
		return 0;
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
