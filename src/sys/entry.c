/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nothing is relocated yet, no thread-local storage is there: no pointer in static data, no errno, no canary, no
 * function of the C library.  configure names orlop_entry as the entry of the program (-e), on these processors.
 */
#include "sys/entry.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "sys/mount_api.h"

bool entry_protected;

#if (defined(__x86_64__) || defined(__aarch64__)) && __has_attribute(no_stack_protector)
#define EARLY __attribute__((no_stack_protector))
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#ifdef __x86_64__
__asm__(".text\n"
	".globl orlop_entry\n"
	".type orlop_entry, @function\n"
	"orlop_entry:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rdx, %rbx\n"	/* the kernel's, for the C library */
	"	mov %rsp, %rdi\n"
	"	call entry_protect\n"
	"	mov %rbx, %rdx\n"
	"	jmp _start\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return r;
}
#else
__asm__(".text\n"
	".globl orlop_entry\n"
	".type orlop_entry, %function\n"
	"orlop_entry:\n"
	"	mov x29, #0\n"
	"	mov x19, x0\n"		/* the kernel's, for the C library */
	"	mov x0, sp\n"
	"	bl entry_protect\n"
	"	mov x0, x19\n"
	"	b _start\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
#endif

static bool same(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Is there one of the commands that need it?  A word that only looks like one does no harm. */
static bool puts_into_container(char *const *argv)
{
	static const char commands[][8] = {"run", "create", "exec", "restore", "mounts"};

	for (char *const *word = argv; *word; word++) {
		for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
			if (same(*word, commands[i]))
				return true;
		}
	}
	return false;
}

/* main() refuses, and says so. */
static bool has_powers_of_its_file(char *const *envp)
{
	const unsigned long *aux;

	while (*envp)
		envp++;
	for (aux = (const unsigned long *)(envp + 1); aux[0] != AT_NULL; aux += 2) {
		if (aux[0] == AT_SECURE)
			return aux[1];
	}
	return true;
}

EARLY static bool is_protected(long exe)
{
	long seals = call(SYS_fcntl, exe, F_GET_SEALS, 0, 0, 0);
	struct statfs st;

	if (seals >= 0 && (seals & SEALS) == SEALS)
		return true;
	return call(SYS_fstatfs, exe, (long)&st, 0, 0, 0) == 0 && (st.f_flags & ST_RDONLY);
}

/* Returns when it cannot be. */
EARLY static void execute_read_only(long exe, char *const *argv, char *const *envp)
{
	struct mount_attr attr;
	long tree = call(SYS_open_tree, exe, (long)"", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, 0, 0);

	if (tree < 0)
		return;
	attr.attr_set = MOUNT_ATTR_RDONLY;
	attr.attr_clr = 0;
	attr.propagation = MS_PRIVATE;
	attr.userns_fd = 0;
	if (call(SYS_mount_setattr, tree, (long)"", AT_EMPTY_PATH, (long)&attr, sizeof(attr)) == 0)
		call(SYS_execveat, tree, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH);
	call(SYS_close, tree, 0, 0, 0, 0);
}

/* @stack: as execve(2) leaves it: argc, the arguments, NULL, the environment, NULL, the auxiliary vector. */
EARLY __attribute__((used)) static void entry_protect(long *stack)
{
	char **argv = (char **)(stack + 1);
	char **envp = argv + stack[0] + 1;
	long exe;

	if (!puts_into_container(argv) || has_powers_of_its_file(envp))
		return;
	exe = call(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY | O_CLOEXEC | O_NOCTTY, 0, 0);
	if (exe < 0)
		return;
	entry_protected = is_protected(exe);
	if (!entry_protected)
		execute_read_only(exe, argv, envp);
	call(SYS_close, exe, 0, 0, 0, 0);
}
#endif
