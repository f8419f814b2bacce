/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nothing is relocated yet, no thread-local storage is there: no pointer in static data, no errno, no canary, no
 * function of the C library.  configure names orlop_entry as the entry of the program (-e), on these processors.
 */
#include "sys/entry.h"

#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
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

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}
#endif

/* Where the linker has put the first byte of our file. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

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

static unsigned long auxiliary(char *const *envp, unsigned long type, unsigned long missing)
{
	const unsigned long *aux;

	while (*envp)
		envp++;
	for (aux = (const unsigned long *)(envp + 1); aux[0] != AT_NULL; aux += 2) {
		if (aux[0] == type)
			return aux[1];
	}
	return missing;
}

/* main() refuses, and says so. */
static bool has_powers_of_its_file(char *const *envp)
{
	return auxiliary(envp, AT_SECURE, 1);
}

EARLY static bool is_protected(long exe)
{
	long seals = call(SYS_fcntl, exe, F_GET_SEALS, 0, 0, 0, 0);
	struct statfs st;

	if (seals >= 0 && (seals & SEALS) == SEALS)
		return true;
	return call(SYS_fstatfs, exe, (long)&st, 0, 0, 0, 0) == 0 && (st.f_flags & ST_RDONLY);
}

static long open_exe(void)
{
	return call(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY | O_CLOEXEC | O_NOCTTY, 0, 0, 0);
}

/* A segment of @file in place of the same one of the file that was executed. */
EARLY static bool map_segment(long file, unsigned long base, unsigned long page, const ElfW(Phdr) *p)
{
	unsigned long before = p->p_vaddr & (page - 1), start = base + p->p_vaddr - before;
	char *end = (char *)base + p->p_vaddr + p->p_filesz;
	long prot = (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
		(p->p_flags & PF_X ? PROT_EXEC : 0);

	if (call(SYS_mmap, (long)start, (long)(before + p->p_filesz), prot, MAP_PRIVATE | MAP_FIXED, file,
		 (long)(p->p_offset - before)) != (long)start)
		return false;
	/* variables, which the kernel has made zero */
	while (p->p_memsz > p->p_filesz && (unsigned long)end & (page - 1))
		*(volatile char *)end++ = 0;
	return true;
}

/*
 * All that is mapped of our file, from @file: the same, so nothing changes for who runs in it.  Nothing of it has
 * been written yet; not if there is an interpreter, which has relocated it already.
 */
EARLY static bool map_again(long file, char *const *envp, struct prctl_mm_map *ret)
{
	const ElfW(Phdr) *p = (const ElfW(Phdr) *)auxiliary(envp, AT_PHDR, 0);
	const ElfW(Phdr) *last = p + auxiliary(envp, AT_PHNUM, 0);
	unsigned long base = (unsigned long)__ehdr_start, page = auxiliary(envp, AT_PAGESZ, 0);

	if (!p || !page)
		return false;
	for (const ElfW(Phdr) *i = p; i < last; i++) {
		if (i->p_type == PT_INTERP)
			return false;
	}
	for (; p < last; p++) {
		if (p->p_type != PT_LOAD)
			continue;
		if (!map_segment(file, base, page, p))
			return false;
		if (p->p_flags & PF_X) {
			ret->start_code = base + p->p_vaddr;
			ret->end_code = ret->start_code + p->p_filesz;
		} else if (p->p_flags & PF_W) {
			ret->start_data = base + p->p_vaddr;
			ret->end_data = ret->start_data + p->p_filesz;
		}
	}
	return true;
}

static unsigned long end_of(const char *word)
{
	while (*word != '\0')
		word++;
	return (unsigned long)word + 1;
}

/* PR_SET_MM_MAP, prctl(2): all but exe_fd is as it was.  The kernel refuses while the file that was is mapped. */
EARLY static bool set_exe(long file, struct prctl_mm_map *map, long *stack, char *const *argv, char *const *envp)
{
	char *const *word = envp;

	map->start_brk = map->brk = (unsigned long)call(SYS_brk, 0, 0, 0, 0, 0, 0);
	map->start_stack = (unsigned long)stack;
	map->arg_start = (unsigned long)argv[0];
	map->arg_end = map->env_start = map->env_end = end_of(argv[stack[0] - 1]);
	while (*word)
		map->env_end = end_of(*word++);
	map->auxv = NULL;
	map->auxv_size = 0;
	map->exe_fd = (unsigned)file;
	return call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)map, sizeof(*map), 0, 0) == 0;
}

/* The file below @tree, opened to be read: through /proc, as open_tree(2) gives O_PATH. */
EARLY static long reopen(long tree)
{
	char name[] = "/proc/self/fd/0";

	if (tree > 9)
		return -1;
	name[sizeof(name) - 2] = (char)('0' + tree);
	return call(SYS_openat, AT_FDCWD, (long)name, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0, 0, 0);
}

/*
 * Without a second execution: what is mapped of our file and the name of it that the kernel has are changed for
 * those of the file on the read-only mount.  The kernel lets those do it who may restore processes.
 */
EARLY static bool become_read_only(long tree, long *stack, char *const *argv, char *const *envp)
{
	long file = reopen(tree), exe;
	struct prctl_mm_map map;
	bool done;

	if (file < 0)
		return false;
	done = map_again(file, envp, &map) && set_exe(file, &map, stack, argv, envp);
	call(SYS_close, file, 0, 0, 0, 0, 0);
	if (!done)
		return false;
	exe = open_exe();
	done = exe >= 0 && is_protected(exe);
	call(SYS_close, exe, 0, 0, 0, 0, 0);
	return done;
}

EARLY static long readonly_mount(long exe)
{
	struct mount_attr attr;
	long tree = call(SYS_open_tree, exe, (long)"", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, 0, 0, 0);

	attr.attr_set = MOUNT_ATTR_RDONLY;
	attr.attr_clr = 0;
	attr.propagation = MS_PRIVATE;
	attr.userns_fd = 0;
	if (tree < 0 || call(SYS_mount_setattr, tree, (long)"", AT_EMPTY_PATH, (long)&attr, sizeof(attr), 0) == 0)
		return tree;
	call(SYS_close, tree, 0, 0, 0, 0, 0);
	return -1;
}

/* @stack: as execve(2) leaves it: argc, the arguments, NULL, the environment, NULL, the auxiliary vector. */
EARLY __attribute__((used)) static void entry_protect(long *stack)
{
	char **argv = (char **)(stack + 1);
	char **envp = argv + stack[0] + 1;
	long exe, tree = -1;
	bool done;

	if (!puts_into_container(argv) || has_powers_of_its_file(envp))
		return;
	exe = open_exe();
	if (exe < 0)
		return;
	done = is_protected(exe);
	if (!done)
		tree = readonly_mount(exe);
	call(SYS_close, exe, 0, 0, 0, 0, 0);
	if (tree >= 0) {
		done = become_read_only(tree, stack, argv, envp);
		if (!done)
			call(SYS_execveat, tree, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH, 0);
		call(SYS_close, tree, 0, 0, 0, 0, 0);
	}
	entry_protected = done;
}
#endif
