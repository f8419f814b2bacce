/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that execve(2) would refuse, seen in their first bytes.  Runs in the child, inside the final root, as
 * the final user.  What looks usual is left to execve(2); the rest may be known to binfmt_misc all the same, so
 * the kernel is asked (trial.c) and what is read here is only the explanation.
 */
#include "process/format.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/process.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define HEAD 1024		/* as a rule the program headers and the loader's name are in it */
#define SCRIPT_LINE 256		/* BINPRM_BUF_SIZE: what the kernel reads of a script */
#define INTERPRETERS 5		/* of interpreters: fs/exec.c, exec_binprm() */

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));	/* ld(1): our own */

struct head {
	int fd;
	size_t n;
	char bytes[HEAD + 1];
};

static bool read_head(const char *path, struct head *h)
{
	ssize_t n;

	h->fd = fd_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (h->fd < 0)
		return false;
	n = pread(h->fd, h->bytes, HEAD, 0);
	h->n = n < 0 ? 0 : (size_t)n;
	h->bytes[h->n] = '\0';
	return n >= 0;
}

/* @n bytes at @at, from what is read already if they are in it. */
static bool read_at(const struct head *h, uint64_t at, void *ret, size_t n)
{
	if (at <= h->n && n <= h->n - at) {
		memcpy(ret, h->bytes + at, n);
		return true;
	}
	return at < INT64_MAX && pread(h->fd, ret, n, (off_t)at) == (ssize_t)n;
}

static bool is_elf(const struct head *h)
{
	return h->n >= SELFMAG && memcmp(h->bytes, ELFMAG, SELFMAG) == 0;
}

static bool is_for_this_machine(const struct head *h)
{
	const ElfW(Ehdr) *own = &__ehdr_start, *e = (const void *)h->bytes;

	return h->n >= sizeof(*e) && memcmp(e->e_ident, own->e_ident, EI_DATA + 1) == 0 &&
	       e->e_machine == own->e_machine && (e->e_type == ET_EXEC || e->e_type == ET_DYN) &&
	       e->e_phentsize == sizeof(ElfW(Phdr));
}

/* The dynamic loader that the program names; "" for none.  False when that cannot be told. */
static bool loader_of(const struct head *h, char ret[PATH_MAX])
{
	const ElfW(Ehdr) *e = (const void *)h->bytes;

	ret[0] = '\0';
	for (unsigned i = 0; i < e->e_phnum && i < 64; i++) {
		ElfW(Phdr) p;

		if (!read_at(h, e->e_phoff + i * sizeof(p), &p, sizeof(p)))
			return false;
		if (p.p_type != PT_INTERP)
			continue;
		if (p.p_filesz < 2 || p.p_filesz > PATH_MAX || !read_at(h, p.p_offset, ret, p.p_filesz))
			return false;
		return ret[p.p_filesz - 1] == '\0';
	}
	return true;
}

/* "#! NAME ARGUMENT": NAME, which ends in the text itself; NULL for what is no script. */
static char *interpreter_of(struct head *h)
{
	char *name;

	if (h->n < 2 || h->bytes[0] != '#' || h->bytes[1] != '!')
		return NULL;
	if (h->n > SCRIPT_LINE)
		h->bytes[SCRIPT_LINE] = '\0';
	name = h->bytes + 2 + strspn(h->bytes + 2, " \t");
	name[strcspn(name, " \t\n")] = '\0';
	return name;
}

/* Its file in @path becomes its interpreter's, where one file leads to another. */
static bool step(char path[PATH_MAX], bool *usual)
{
	struct head h;
	char *name;
	bool more = false;

	*usual = true;
	if (read_head(path, &h)) {
		name = interpreter_of(&h);
		if (name) {
			strcpy(path, name);
			more = *usual = program_check(path) == 0;
		} else if (!is_elf(&h) || !is_for_this_machine(&h)) {
			*usual = false;
		} else {
			char loader[PATH_MAX];

			*usual = loader_of(&h, loader) && (!loader[0] || program_check(loader) == 0);
		}
	}
	if (h.fd >= 0)
		close(h.fd);
	return more;
}

bool format_is_usual(const char *path)
{
	char now[PATH_MAX];
	bool usual = true;

	if (strlen(path) >= sizeof(now))
		return true;
	strcpy(now, path);
	for (unsigned i = 0; i <= INTERPRETERS; i++)
		if (!step(now, &usual))
			return usual;
	return false;
}

static const char *machine_name(unsigned machine, char ret[32])
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {
		{EM_386, "i386"}, {EM_X86_64, "x86_64"}, {EM_ARM, "arm"}, {EM_AARCH64, "aarch64"},
		{EM_RISCV, "riscv"}, {EM_PPC, "ppc"}, {EM_PPC64, "ppc64"}, {EM_S390, "s390x"}, {EM_MIPS, "mips"},
		{258 /* EM_LOONGARCH */, "loongarch"}, {EM_SPARCV9, "sparc64"}, {EM_68K, "m68k"}, {EM_BPF, "bpf"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	snprintf(ret, 32, "number %u", machine);
	return ret;
}

static void explain_elf(const struct head *h, const char *path, int errnum, struct error *err)
{
	const unsigned char *b = (const unsigned char *)h->bytes;
	char loader[PATH_MAX], name[32], own[32];
	bool big = h->n > EI_DATA && b[EI_DATA] == ELFDATA2MSB;
	unsigned machine = h->n < 20 ? 0 : big ? b[18] << 8 | b[19] : b[19] << 8 | b[18];

	if (h->n >= 20 && machine != __ehdr_start.e_machine)
		error_hint(err, "it is a program for machine %s, and this one is %s: without an emulator in "
			   "binfmt_misc it cannot run", machine_name(machine, name),
			   machine_name(__ehdr_start.e_machine, own));
	else if (!is_for_this_machine(h))
		error_hint(err, "it is no complete program for this machine");
	else if (loader_of(h, loader) && loader[0] && program_check(loader) < 0)
		error_hint(err, "the dynamic loader `%s` that it names is %s", loader,
			   program_check(loader) == -ENOENT ? "missing: was it made for another C library?" :
			   "not executable");
	else if (errnum == ENOENT)
		error_hint(err, "`%s` is there: what executes it is missing", path);
}

static void explain_script(const char *name, const char *path, struct error *err)
{
	int r = program_check(name);

	if (name[0] == '\0')
		error_hint(err, "the script `%s` names no interpreter", path);
	else if (name[strlen(name) - 1] == '\r')
		error_hint(err, "the first line of the script `%s` ends in CR LF: save it with Unix line ends",
			   path);
	else if (r < 0)
		error_hint(err, "the interpreter `%s` of the script `%s` is %s", name, path,
			   r == -ENOENT ? "missing" : "not executable");
	else
		error_hint(err, "the interpreter `%s` of the script `%s` cannot be executed", name, path);
}

void format_explain(const char *path, int errnum, struct error *err)
{
	struct head h;
	char *name;

	if (read_head(path, &h)) {
		name = interpreter_of(&h);
		if (name)
			explain_script(name, path, err);
		else if (is_elf(&h))
			explain_elf(&h, path, errnum, err);
		else if (errnum == ENOEXEC)
			error_hint(err, h.n == 0 ? "it is empty" :
				   "neither a program for this machine nor a script that begins with #!");
	}
	if (h.fd >= 0)
		close(h.fd);
}
