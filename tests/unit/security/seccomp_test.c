/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters installed in real processes, which then make the calls. */
#include "forked.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "profile.h"
#include "security/seccomp.h"

#define DENIED SCMP_ACT_ERRNO(EXDEV)	/* an errno that nothing else here gives */

static struct seccomp_program *program(void)
{
	return shared_page(seccomp_program_size());
}

static void release(struct seccomp_program *p)
{
	munmap(p, seccomp_program_size());
}

static struct oci_seccomp simple(uint32_t default_action, struct oci_seccomp_rule *rules, size_t n)
{
	return (struct oci_seccomp){.present = true, .default_action = default_action,
				    .rules = rules, .n_rules = n};
}

static void install(void *arg)
{
	struct error err = {0};
	int listener;

	if (seccomp_install(arg, &listener, &err) < 0) {
		dprintf(2, "%s\n", err.text);
		_exit(97);
	}
	if (listener != -1)
		_exit(98);
}

#ifdef __x86_64__
/* mkdir("", 0) by the 32-bit table of calls. */
static long mkdir_int80(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(39L), "b"(0L), "c"(0L) : "memory", "r8", "r9",
			 "r10", "r11");
	return r;
}

static bool has_ia32(void)
{
	/* Without CONFIG_IA32_EMULATION the instruction is a fault. */
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(mkdir_int80() == -EFAULT ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void native(void *arg)
{
	install(arg);
	CHECK(syscall(SYS_mkdir, "", 0) == -1 && errno == EXDEV);
	CHECK(syscall(-1) == -1 && errno == ENOSYS);
	CHECK(syscall(SYS_getpid) > 0);
}

static void ia32(void *arg)
{
	install(arg);
	CHECK(mkdir_int80() == -EXDEV);
}

static void x32(void *arg)
{
	install(arg);
	CHECK(syscall(0x40000000L | SYS_mkdir, "", 0) == -1 && errno == EXDEV);
}

static void dies_of_sigsys(void (*f)(void *), struct seccomp_program *p)
{
	int status = forked(f, p);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* T75: what is not listed is killed, what is listed obeys the rule. */
static void test_foreign_abis(void **state)
{
	char *names[] = {(char *)"mkdir", NULL};
	struct oci_seccomp_rule rule = {.names = {names, 1}, .action = DENIED};
	uint32_t archs[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};
	struct oci_seccomp profile = simple(SCMP_ACT_ALLOW, &rule, 1);
	struct seccomp_program *p = program();
	struct error err = {0};

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_int_equal(forked(native, p), 0);
	dies_of_sigsys(x32, p);
	if (has_ia32())
		dies_of_sigsys(ia32, p);

	profile.archs = archs;
	profile.n_archs = 3;
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_int_equal(forked(native, p), 0);
	assert_int_equal(forked(x32, p), 0);
	if (has_ia32())
		assert_int_equal(forked(ia32, p), 0);
	release(p);
}
#endif

static void newer_calls(void *arg)
{
	install(arg);
	CHECK(syscall(SYS_mkdirat, -1, "", 0) == -1 && errno == EPERM);
	CHECK(syscall(SYS_openat2, -1, "", NULL, 0) == -1 && errno == ENOSYS);
	CHECK(syscall(600) == -1 && errno == ENOSYS);
	CHECK(syscall(5000) == -1 && errno == ENOSYS);
}

static void newer_calls_other_default(void *arg)
{
	install(arg);
	CHECK(syscall(600) == -1 && errno == EXDEV);
	_exit(1);
}

/* T76.  All of them up to close_range(2), 436, but for mkdirat(2); openat2(2) is 437. */
static void test_newer_calls(void **state)
{
	static char *names[512] = {(char *)"a_call_of_the_future"};
	struct oci_seccomp_rule rule = {.names = {names, 1}, .action = SCMP_ACT_ALLOW};
	struct oci_seccomp profile = simple(SCMP_ACT_ERRNO(EPERM), &rule, 1);
	struct seccomp_program *p = program();
	struct error err = {0};
	int status;

	(void)state;
	NEEDS_ROOT();
	for (int nr = 0; nr <= SYS_close_range; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), nr);

		if (name && nr != SYS_mkdirat)
			names[rule.names.n++] = name;
		else
			free(name);
	}
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_int_equal(forked(newer_calls, p), 0);

	/* Whoever asks for a signal gets one, for new calls as well. */
	profile.default_action = SCMP_ACT_KILL_PROCESS;
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	status = forked(newer_calls_other_default, p);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	release(p);
}

static void same_argument(void *arg)
{
	install(arg);
	CHECK(syscall(SYS_personality, 1ul) == -1 && errno == EXDEV);
	CHECK(syscall(SYS_personality, 2ul) == -1 && errno == EXDEV);
	CHECK(syscall(SYS_personality, 0xfffffffful) >= 0);
	CHECK(syscall(SYS_lseek, 9999, 5, 1) == -1 && errno == EXDEV);
	CHECK(syscall(SYS_lseek, 9999, 5, 0) == -1 && errno == EBADF);
	CHECK(syscall(SYS_lseek, 9999, 4, 1) == -1 && errno == EBADF);
}

static void test_arguments(void **state)
{
	char *one[] = {(char *)"personality", NULL}, *two[] = {(char *)"lseek", NULL};
	struct oci_seccomp_arg alternatives[] = {{.index = 0, .op = SCMP_CMP_EQ, .value = 1},
						 {.index = 0, .op = SCMP_CMP_EQ, .value = 2}};
	struct oci_seccomp_arg both[] = {
		{.index = 1, .op = SCMP_CMP_GE, .value = 5},
		{.index = 2, .op = SCMP_CMP_MASKED_EQ, .value = 3, .value_two = 1},
	};
	struct oci_seccomp_rule rules[] = {
		{.names = {one, 1}, .action = DENIED, .args = alternatives, .n_args = 2},
		{.names = {two, 1}, .action = DENIED, .args = both, .n_args = 2},
		{.names = {two, 1}, .action = DENIED, .args = both, .n_args = 2},	/* twice */
		{.names = {two, 1}, .action = SCMP_ACT_ALLOW},	/* equals the default: skipped */
	};
	struct oci_seccomp profile = simple(SCMP_ACT_ALLOW, rules, 4);
	struct seccomp_program *p = program();
	struct error err = {0};

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_int_equal(forked(same_argument, p), 0);

	both[0].index = 6;
	assert_int_equal(seccomp_compile(&profile, p, &err), -EINVAL);
	assert_string_equal(err.where, "/linux/seccomp/syscalls/1/args/0/index");
	release(p);
}

static void no_new_privs_is_not_ours(void *arg)
{
	install(arg);
}

static void test_what_the_kernel_shows(void **state)
{
	struct oci_seccomp profile = simple(SCMP_ACT_ALLOW, NULL, 0);
	struct seccomp_program *p = program();
	struct error err = {0};
	struct held h;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_int_equal(p->flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	h = hold(no_new_privs_is_not_ours, p);
	assert_string_equal(status_line(h.pid, "NoNewPrivs"), "0");
	assert_string_equal(status_line(h.pid, "Seccomp"), "2");
	assert_string_equal(status_line(h.pid, "Seccomp_filters"), "1");
	let_go(&h);

	profile.has_flags = true;
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_int_equal(p->flags, 0);
	profile.flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG;
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	h = hold(install, p);
	assert_string_equal(status_line(h.pid, "Seccomp"), "2");
	let_go(&h);
	release(p);
}

static void without_power(void *arg)
{
	struct error err = {0};
	int listener;

	CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	CHECK(seccomp_install(arg, &listener, &err) == -EACCES);
	CHECK(strstr(err.text, "CAP_SYS_ADMIN"));
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(seccomp_install(arg, &listener, &err) == 0);
}

static void test_install_refused(void **state)
{
	struct oci_seccomp profile = simple(SCMP_ACT_ALLOW, NULL, 0);
	struct seccomp_program *p = program();
	struct error err = {0};
	int listener = 0;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(seccomp_install(p, &listener, &err), -EINVAL);	/* not compiled */
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_int_equal(forked(without_power, p), 0);
	p->insns[0].code = 0xffff;
	assert_int_equal(seccomp_install(p, &listener, &err), -EINVAL);
	assert_string_equal(err.where, "/linux/seccomp");
	release(p);
}

static void test_refused_profiles(void **state)
{
	char *names[] = {(char *)"mkdir", NULL};
	struct oci_seccomp_rule rule = {.names = {names, 1}, .action = DENIED};
	struct oci_seccomp profile = simple(SCMP_ACT_ALLOW, &rule, 1);
	struct seccomp_program *p = program();
	uint32_t big_endian = SCMP_ARCH_S390X;
	struct error err = {0};

	(void)state;
	profile.has_flags = true;
	profile.flags = 1u << 31;
	assert_int_equal(seccomp_compile(&profile, p, &err), -EINVAL);
	assert_string_equal(err.where, "/linux/seccomp/flags");

	profile.flags = 0;
	profile.archs = &big_endian;
	profile.n_archs = 1;
	assert_true(seccomp_compile(&profile, p, &err) < 0);
	assert_string_equal(err.where, "/linux/seccomp/architectures/0");
	assert_int_equal(p->n, 0);
	release(p);
}

/* In the child: the listener, and a call that only it can answer. */
static void notified(void *arg)
{
	struct seccomp_notif call = {0};
	struct seccomp_notif_resp answer = {.error = -EXDEV};
	struct error err = {0};
	int listener, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	CHECK(seccomp_install(arg, &listener, &err) == 0);
	CHECK(fcntl(listener, F_GETFD) == FD_CLOEXEC);
	CHECK(seccomp_is_listener(listener));
	CHECK(!seccomp_is_listener(null) && !seccomp_is_listener(-1) && !seccomp_is_listener(1));
	pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_mkdir, "", 0) == -1 && errno == EXDEV ? 0 : 1);
	CHECK(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0);
	CHECK(call.data.nr == SYS_mkdir && call.pid == (uint32_t)pid);
	answer.id = call.id;
	CHECK(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0);
	CHECK(waitpid(pid, &null, 0) == pid && null == 0);
	CHECK(seccomp_install(arg, &listener, &err) == -EBUSY && listener == -1);
	CHECK(strstr(err.text, "one for a process"));
}

static void test_listener(void **state)
{
	static const uint32_t flags[] = {
		0, SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_TSYNC,
		SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
	};
	char *names[] = {(char *)"mkdir", NULL};
	struct oci_seccomp_rule rule = {.names = {names, 1}, .action = SCMP_ACT_NOTIFY};
	struct oci_seccomp profile = simple(SCMP_ACT_ALLOW, &rule, 1);
	struct seccomp_program *p = program();
	struct error err = {0};

	(void)state;
	NEEDS_ROOT();
	profile.notifies = profile.has_flags = true;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		profile.flags = flags[i];
		assert_int_equal(seccomp_compile(&profile, p, &err), 0);
		assert_int_equal(p->flags & flags[i], flags[i]);
		assert_int_equal(forked(notified, p), 0);
	}
	/* Nothing to wait for: the flag, which the kernel would refuse, is not given to it. */
	profile.notifies = false;
	profile.flags = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	rule.action = DENIED;
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_int_equal(p->flags, 0);
	assert_int_equal(forked(install, p), 0);
	release(p);
}

static void test_too_long(void **state)
{
	enum { N = 1500 };
	struct oci_seccomp_rule *rules = calloc(N, sizeof(*rules));
	struct oci_seccomp_arg *args = calloc(N, sizeof(*args));
	char *names[] = {(char *)"ioctl", NULL};
	struct seccomp_program *p = program();
	struct oci_seccomp profile = simple(SCMP_ACT_ALLOW, rules, N);
	struct error err = {0};

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		args[i] = (struct oci_seccomp_arg){.index = 1, .op = SCMP_CMP_EQ,
						   .value = ((uint64_t)i << 32) + i};
		rules[i] = (struct oci_seccomp_rule){.names = {names, 1}, .action = DENIED,
						     .args = &args[i], .n_args = 1};
	}
	assert_int_equal(seccomp_compile(&profile, p, &err), -EINVAL);
	assert_non_null(strstr(err.text, "4096"));
	assert_int_equal(p->n, 0);
	release(p);
	free(rules);
	free(args);
}

static void under_docker(void *arg)
{
	install(arg);
	CHECK(syscall(SYS_getpid) > 0);
	CHECK(syscall(SYS_mount, 0, 0, 0, 0, 0) == -1 && errno == EPERM);
	CHECK(syscall(SYS_unshare, 0) == -1 && errno == EPERM);
	CHECK(syscall(SYS_clone3, 0, 0) == -1 && errno == ENOSYS);
	CHECK(syscall(SYS_socket, 40, 1, 0) == -1 && errno == EPERM);
	CHECK(syscall(SYS_socket, 1, 1, 0) >= 0);
	CHECK(syscall(SYS_personality, 0xfffffffful) >= 0);
	CHECK(syscall(SYS_personality, 0x40000ul) == -1 && errno == EPERM);
	CHECK(syscall(SYS_clone, 0x10000000ul, 0, 0, 0, 0) == -1 && errno == EPERM);
	CHECK(syscall(SYS_bpf, 0, 0, 0) == -1 && errno == EPERM);
	CHECK(syscall(2000) == -1 && errno == ENOSYS);
}

static void test_docker_profile(void **state)
{
	struct oci_seccomp *profile = load_profile("docker-seccomp.json");
	struct seccomp_program *p = program();
	struct error err = {0};

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(seccomp_compile(profile, p, &err), 0);
	print_message("libseccomp %s: %u instructions\n", seccomp_library_version(), p->n);
	assert_int_equal(forked(under_docker, p), 0);
	release(p);
}

static void test_features(void **state)
{
	uint32_t flags = seccomp_supported_flags();

	(void)state;
	assert_true(flags & SECCOMP_FILTER_FLAG_TSYNC);
	assert_true(flags & SECCOMP_FILTER_FLAG_LOG);
	assert_true(flags & SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_true(flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	assert_true(seccomp_library_version()[0] >= '2');
}

/* What the program says of a call, told without making one, is what the kernel makes of it. */
static void test_allows(void **state)
{
	static char *denied[] = {(char *)"mkdir", (char *)"getppid"}, *some[] = {(char *)"ioctl"};
	struct oci_seccomp_arg arg = {.index = 1, .op = SCMP_CMP_EQ, .value = 0x5413};
	struct oci_seccomp_rule rules[] = {
		{.names = {.v = denied, .n = 2}, .action = DENIED},
		{.names = {.v = some, .n = 1}, .action = DENIED, .args = &arg, .n_args = 1},
	};
	struct oci_seccomp profile = simple(SCMP_ACT_ALLOW, rules, 2);
	struct seccomp_program *p = program();
	struct error err = {0};

	(void)state;
	assert_false(seccomp_allows(p, SYS_read, 0, 0));	/* not compiled yet: nobody knows */
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_true(seccomp_allows(p, SYS_read, 0, 0));
	assert_false(seccomp_allows(p, SYS_getppid, 0, 0));
	assert_false(seccomp_allows(p, SYS_ioctl, 0, 0x5413));
	assert_true(seccomp_allows(p, SYS_ioctl, 0, 0x5414));
	profile = simple(SCMP_ACT_LOG, rules, 1);
	p->n = 0;
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_true(seccomp_allows(p, SYS_read, 0, 0));
	profile = simple(SCMP_ACT_TRAP, NULL, 0);
	p->n = 0;
	assert_int_equal(seccomp_compile(&profile, p, &err), 0);
	assert_false(seccomp_allows(p, SYS_read, 0, 0));
	p->insns[0].code = 0xffff;		/* no such instruction */
	assert_false(seccomp_allows(p, SYS_read, 0, 0));
	release(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(test_allows),
		cmocka_unit_test(test_foreign_abis),
#endif
		cmocka_unit_test(test_newer_calls),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_what_the_kernel_shows),
		cmocka_unit_test(test_install_refused),
		cmocka_unit_test(test_refused_profiles),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_docker_profile),
		cmocka_unit_test(test_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
