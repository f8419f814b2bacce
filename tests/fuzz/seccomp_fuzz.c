/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any seccomp profile: our program, the one that libseccomp makes of it, and what its rules say, asked with
 * any architecture, number and arguments (tests/unit/security/seccomp_compare.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

/* The words of cmocka that the header uses. */
#define assert_true(what) must(what)
#define assert_non_null(p) must((p) != NULL)
#define assert_int_equal(a, b) must((a) == (b))
#define fail() must(!"reached")
#define print_message(...) dprintf(fuzz_report_fd, __VA_ARGS__)
#define fail_msg(...) (dprintf(fuzz_report_fd, __VA_ARGS__), must(!"reached"))
extern int fuzz_report_fd;

/* With enough of them for a call it errs with GE and GT, too; what the rules say counts then. */
#define IS_FRAGILE(op) ((op) != SCMP_CMP_EQ && (op) != SCMP_CMP_MASKED_EQ)

#include "tests/unit/security/seccomp_compare.h"

const char fuzz_corpus[] = "tests/fuzz/seccomp";

/* libseccomp 2.5.4 loses nodes of some of its trees: nothing for our leak checker to report. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp";
}

static const uint32_t actions[] = {
	SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ERRNO(ENOSYS), SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD,
	SCMP_ACT_LOG, SCMP_ACT_TRAP, SCMP_ACT_TRACE(7), SCMP_ACT_NOTIFY, SCMP_ACT_ERRNO(EXDEV),
};
static const uint32_t archs[] = {
	SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64, SCMP_ARCH_MIPSEL,
	SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_PPC64LE, SCMP_ARCH_RISCV64,
};

#define OF(table, byte) ((table)[(byte) % (sizeof(table) / sizeof((table)[0]))])
#define MAX_RULES 24
#define MAX_CONDITIONS 9		/* in all: libseccomp's trees grow with the power of it */
#define PATIENCE_MS 500		/* with libseccomp 2.5.4, which loops for ever in some of them */

static char *call_name(struct fuzz_input *in, struct arena *a)
{
	static const char *const odd[] = {"socket", "accept4", "semop", "shmat", "ipc", "socketcall", "breakpoint", "none"};
	uint8_t b = fuzz_byte(in);
	char *name = NULL, *copy;

	if (b < 240)
		name = seccomp_syscall_resolve_num_arch(OF(archs, b >> 6), (int)(fuzz_byte(in) | (b & 1) << 8));
	copy = arena_strdup(a, name ? name : OF(odd, b));
	free(name);
	return copy;
}

static uint64_t value(struct fuzz_input *in)
{
	static const uint64_t some[] = {0, 1, 0xffffffff, 0x100000000, 0xffffffff00000000, ~0ull, 0x8000000000000000};
	uint8_t b = fuzz_byte(in);

	return b < 128 ? b : b < 192 ? OF(some, b) : fuzz_number(in, 1 + b % 8);
}

static struct oci_seccomp *profile(struct fuzz_input *in, struct arena *a)
{
	struct oci_seccomp *p = arena_new_array(a, struct oci_seccomp, 1);
	uint8_t n = fuzz_byte(in) % MAX_RULES;
	unsigned conditions = 0;

	p->default_action = OF(actions, fuzz_byte(in));
	for (uint8_t k = fuzz_byte(in) % 5; k > 0; k--)
		arena_push(a, p->archs, p->n_archs) = OF(archs, fuzz_byte(in));
	p->rules = arena_new_array(a, struct oci_seccomp_rule, MAX_RULES);
	while (n-- > 0 && in->n > 0) {
		struct oci_seccomp_rule *rule = &p->rules[p->n_rules++];
		uint8_t b = fuzz_byte(in);

		rule->action = OF(actions, b);
		for (unsigned k = 1 + (b >> 6); k > 0; k--)
			arena_push(a, rule->names.v, rule->names.n) = call_name(in, a);
		b = fuzz_byte(in);
		rule->args = arena_new_array(a, struct oci_seccomp_arg, 6);
		for (unsigned k = b % 4; k > 0 && conditions < MAX_CONDITIONS; k--, conditions++) {
			b = fuzz_byte(in);
			rule->args[rule->n_args++] = (struct oci_seccomp_arg){
				.index = b % 6, .op = 1 + b / 6 % 7, .value = value(in), .value_two = value(in),
			};
		}
	}
	return p;
}

static void ask_around(const struct oci_seccomp *p, const struct seccomp_program *ours,
		       const struct seccomp_program *theirs, struct fuzz_input *in)
{
	fill_pool(p);
	for (size_t i = 0; i < N_QUESTIONS; i++) {
		const struct question *q = &questions[i];
		bool listed = is_listed(p, q->token);

		for (size_t r = 0; r < p->n_rules && listed; r++)
			for (size_t k = 0; k < p->rules[r].names.n; k++) {
				int nr = seccomp_syscall_resolve_name_arch(q->token, p->rules[r].names.v[k]);

				for (int d = -1; d <= 1 && nr >= 0; d++)
					if (((uint32_t)(nr + d) & X32_BIT) == q->bit)
						ask(p, q, (uint32_t)(nr + d), d ? 2 : 24, listed, ours, theirs);
			}
		for (unsigned k = 0; k < (listed ? 8 : 2); k++)
			ask(p, q, (q->first + dice(q->last - q->first + 1)) | q->bit, 8, listed, ours, theirs);
		ask(p, q, (q->first + (uint32_t)fuzz_number(in, 2) % (q->last - q->first + 1)) | q->bit, 8, listed, ours, theirs);
	}
}

static sigjmp_buf give_up;

static void on_timer(int sig)
{
	(void)sig;
	siglongjmp(give_up, 1);
}

/* Leave out what libseccomp finds contradictory.  False: it did not come to an end. */
static bool have_reference(struct oci_seccomp *p, struct seccomp_program *theirs)
{
	struct itimerval patience = {.it_value.tv_usec = PATIENCE_MS * 1000}, none = {0};
	const int memfd = fuzz_lowest_fd();
	size_t bad;

	signal(SIGVTALRM, on_timer);
	if (sigsetjmp(give_up, 1)) {
		close(memfd);
		return false;
	}
	setitimer(ITIMER_VIRTUAL, &patience, NULL);
	while (reference(p, theirs, &bad) < 0) {
		p->n_rules--;
		memmove(&p->rules[bad], &p->rules[bad + 1], (p->n_rules - bad) * sizeof(p->rules[0]));
	}
	setitimer(ITIMER_VIRTUAL, &none, NULL);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seccomp_program *ours, *theirs;
	struct fuzz_input in = {data, size};
	struct arena *a = arena_new();
	struct oci_seccomp *p = profile(&in, a);
	struct error err = {0};
	bool known;
	int r;

	if (!ours) {
		ours = xcalloc(1, seccomp_program_size());
		theirs = xcalloc(1, seccomp_program_size());
	}
	fuzz_quiet();
	seed = 88172645463325252ull ^ fuzz_number(&in, 4);
	known = have_reference(p, theirs);
	r = seccomp_compile(p, ours, &err);
	if (r < 0)
		fuzz_check_error(r, &err);
	else if (!known)
		seed = 0;
	else if (seed % 64 == 0)
		compare(p, ours, theirs, 4);
	else
		ask_around(p, ours, theirs, &in);
	arena_free(a);
	return 0;
}
