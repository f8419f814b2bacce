/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can a file of the root file system be executed on a host, and is there what executes it?  Bytes are not trusted. */
#include "report/check.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "report/access.h"
#include "sys/compat.h"
#include "util/cleanup.h"

#define HEAD 4096		/* program headers and the loader's name are in it as a rule */
#define SCRIPT_LINE 256		/* BINPRM_BUF_SIZE: what the kernel reads of a script */
#define INTERPRETERS 5		/* of interpreters: fs/exec.c, exec_binprm() */

struct head {
	size_t n;
	char bytes[HEAD + 1];
};

/* What uname(2) calls a machine whose programs have these in their first bytes; one may take several. */
static const struct machine {
	const char *name;
	unsigned machine;
	unsigned char class, data;
} machines[] = {
	{"x86_64", EM_X86_64, ELFCLASS64, ELFDATA2LSB},	{"x86_64", EM_386, ELFCLASS32, ELFDATA2LSB},
	{"x86_64", EM_X86_64, ELFCLASS32, ELFDATA2LSB},	{"i686", EM_386, ELFCLASS32, ELFDATA2LSB},
	{"i586", EM_386, ELFCLASS32, ELFDATA2LSB},	{"i386", EM_386, ELFCLASS32, ELFDATA2LSB},
	{"aarch64", EM_AARCH64, ELFCLASS64, ELFDATA2LSB}, {"aarch64", EM_ARM, ELFCLASS32, ELFDATA2LSB},
	{"armv7l", EM_ARM, ELFCLASS32, ELFDATA2LSB},	{"armv6l", EM_ARM, ELFCLASS32, ELFDATA2LSB},
	{"armv8l", EM_ARM, ELFCLASS32, ELFDATA2LSB},	{"riscv64", EM_RISCV, ELFCLASS64, ELFDATA2LSB},
	{"ppc64le", EM_PPC64, ELFCLASS64, ELFDATA2LSB},	{"ppc64", EM_PPC64, ELFCLASS64, ELFDATA2MSB},
	{"s390x", EM_S390, ELFCLASS64, ELFDATA2MSB},	{"loongarch64", 258, ELFCLASS64, ELFDATA2LSB},
	{"mips64", EM_MIPS, ELFCLASS64, ELFDATA2MSB},
};

/* An unsigned number of @size bytes at @at, or 0 beyond the end. */
static uint64_t number(const struct head *h, uint64_t at, size_t size)
{
	bool big = h->bytes[EI_DATA] == ELFDATA2MSB;
	uint64_t v = 0;

	if (at > h->n || size > h->n - at)
		return 0;
	for (size_t i = 0; i < size; i++)
		v = v << 8 | (unsigned char)h->bytes[at + (big ? i : size - 1 - i)];
	return v;
}

#define ELF_NUMBER(h, wide, at64, at32, type, member)							\
	((wide) ? number((h), (at64) + offsetof(Elf64_##type, member), sizeof(((Elf64_##type *)0)->member)) :	\
		  number((h), (at32) + offsetof(Elf32_##type, member), sizeof(((Elf32_##type *)0)->member)))

/* The loader that a program names, within the head; NULL: none, or not to be told. */
static const char *loader_of(const struct head *h)
{
	bool wide = h->bytes[EI_CLASS] == ELFCLASS64;
	uint64_t first = ELF_NUMBER(h, wide, 0, 0, Ehdr, e_phoff), n = ELF_NUMBER(h, wide, 0, 0, Ehdr, e_phnum);

	for (uint64_t i = 0; i < n && i < 64; i++) {
		uint64_t at = first + i * (wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)), name, size;

		if (first > h->n || ELF_NUMBER(h, wide, at, at, Phdr, p_type) != PT_INTERP)
			continue;
		name = ELF_NUMBER(h, wide, at, at, Phdr, p_offset);
		size = ELF_NUMBER(h, wide, at, at, Phdr, p_filesz);
		if (size < 2 || name > h->n || size > h->n - name || h->bytes[name + size - 1] != '\0')
			return NULL;
		return h->bytes + name;
	}
	return NULL;
}

/* The kernel reads all of its program headers, and so takes no file without them. */
static bool is_cut(const struct head *h)
{
	bool wide = h->bytes[EI_CLASS] == ELFCLASS64;
	uint64_t first = ELF_NUMBER(h, wide, 0, 0, Ehdr, e_phoff), n = ELF_NUMBER(h, wide, 0, 0, Ehdr, e_phnum);
	uint64_t size = n * (wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));

	return h->n < HEAD && (h->n < (wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) || first > h->n ||
			       size > h->n - first);
}

static const char *machine_of(const struct head *h)
{
	unsigned machine = (unsigned)number(h, offsetof(Elf64_Ehdr, e_machine), 2);

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].machine == machine && machines[i].class == h->bytes[EI_CLASS] &&
		    machines[i].data == h->bytes[EI_DATA])
			return machines[i].name;
	return "another machine";
}

/* Also true of a host whose machine we do not know. */
static bool is_for(const struct head *h, const char *host)
{
	unsigned machine = (unsigned)number(h, offsetof(Elf64_Ehdr, e_machine), 2);
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		const struct machine *m = &machines[i];

		if (!str_eq(m->name, host))
			continue;
		known = true;
		if (m->machine == machine && m->class == h->bytes[EI_CLASS] && m->data == h->bytes[EI_DATA])
			return true;
	}
	return !known;
}

/* The words are those of process_find_program(), which finds the same out in the container. */
static bool check_access(struct check *c, const struct inside *in, const char *path, const char *where,
			 const char *what, int fd, const struct stat *st, const struct plan_mount *m)
{
	const struct access_user *u = c->user;
	const char *dir;

	if (!u)
		return true;
	if (!inside_may_reach(in, path, u, c->arena, &dir)) {
		check_note(c, false, where, "%s `%s` cannot be reached: the user of the process may not enter `%s` "
			   "on the way to it", what, path, dir);
		return false;
	}
	if (access_may_execute(u, fd, st, m))
		return true;
	check_note(c, false, where, "%s `%s`: its mode %04o of %u:%u does not allow it to the user of the process",
		   what, path, st->st_mode & 07777, st->st_uid, st->st_gid);
	return false;
}

static bool on_noexec(struct check *c, const char *path, const char *where, const char *what, int fd,
		      const struct plan_mount *m)
{
	bool on = access_is_noexec(fd, m, c->bundle.host.here);

	if (on && m)
		check_note(c, false, where, "%s `%s` lies on /mounts/%u, which has the option `noexec`", what, path,
			   m->index);
	else if (on)
		check_note(c, false, where, "%s `%s` lies on a mount of the host with the option `noexec`", what, path);
	return on;
}

/* Opens it and reads its head.  False: it is not one to be executed, which was said, or nothing more is known. */
static bool read_program(struct check *c, const struct inside *in, const char *path, const char *where,
			 const char *what, const char *missing, struct head *h)
{
	const struct plan_mount *m = NULL;
	_cleanup_close_ int fd = inside_open(in, path, &m);
	struct stat st;
	ssize_t n;

	if (fd == -EXDEV || fd == -EACCES)
		return false;
	if (fd < 0)
		check_note(c, false, where, "%s `%s` is not there%s%s", what, path,
			   fd == -ENOENT ? "" : ": ", fd == -ENOENT ? missing : error_words(fd));
	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	if (!S_ISREG(st.st_mode))
		check_note(c, false, where, "%s `%s` is not a regular file", what, path);
	else if (!(st.st_mode & 0111))
		check_note(c, false, where, "%s `%s` has no execute bit in its mode %04o", what, path,
			   st.st_mode & 07777);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111) || on_noexec(c, path, where, what, fd, m) ||
	    !check_access(c, in, path, where, what, fd, &st, m))
		return false;
	n = inside_read(fd, h->bytes, HEAD);
	h->n = n < 0 ? 0 : (size_t)n;
	h->bytes[h->n] = '\0';
	return n >= 0;
}

static void check_elf(struct check *c, const struct inside *in, const struct head *h, const char *path,
		      const char *where)
{
	const char *loader;
	struct head ignored;

	if (is_cut(h)) {
		check_note(c, false, where, "`%s` ends within its own program headers: was it copied as a whole?",
			   path);
		return;
	}
	if (!is_for(h, c->bundle.host.machine)) {
		bool emulated = c->bundle.host.emulators.n > 0;

		check_note(c, emulated, where, "`%s` is a program for %s, and the host is %s: %s", path, machine_of(h),
			   c->bundle.host.machine, emulated ? "an emulator of binfmt_misc has to take it" :
			   "without an emulator in binfmt_misc it cannot run");
		return;
	}
	loader = loader_of(h);
	if (loader && loader[0] == '/')
		read_program(c, in, loader, where, arena_printf(c->arena, "the dynamic loader that `%s` names,", path),
			     ": was it made for another C library?", &ignored);
}

/* "#! NAME ARGUMENT": NAME; NULL for what is no script. */
static const char *interpreter_of(struct check *c, const struct head *h)
{
	const char *name = h->bytes + 2, *end = h->bytes + (h->n < SCRIPT_LINE ? h->n : SCRIPT_LINE);

	if (h->n < 2 || h->bytes[0] != '#' || h->bytes[1] != '!')
		return NULL;
	while (name < end && (*name == ' ' || *name == '\t'))
		name++;
	return arena_strndup(c->arena, name, strcspn(name, " \t\n") < (size_t)(end - name) ? strcspn(name, " \t\n") :
			     (size_t)(end - name));
}

/* The next to look at, or NULL. */
static const char *check_script(struct check *c, const char *name, const char *path, const char *where)
{
	if (!*name)
		check_note(c, false, where, "the script `%s` names no interpreter", path);
	else if (name[strlen(name) - 1] == '\r')
		check_note(c, false, where, "the first line of the script `%s` ends in CR LF: save it with Unix line "
			   "ends", path);
	else if (name[0] == '/')	/* else it depends on the working directory */
		return name;
	return NULL;
}

void check_program(struct check *c, const struct inside *in, const char *path, const char *where,
		   const char *missing)
{
	const char *what = "the program";
	struct head *h = arena_new_array(c->arena, struct head, 1);

	for (unsigned i = 0; path && i <= INTERPRETERS; i++) {
		const char *name;

		if (!read_program(c, in, path, where, what, missing, h))
			return;
		name = interpreter_of(c, h);
		if (!name && h->n >= sizeof(Elf32_Ehdr) && memcmp(h->bytes, ELFMAG, SELFMAG) == 0) {
			check_elf(c, in, h, path, where);
			return;
		}
		if (!name) {
			check_note(c, c->bundle.host.emulators.n > 0, where, h->n == 0 ? "`%s` is empty" :
				   "`%s` is neither a program nor a script that begins with #!", path);
			return;
		}
		what = arena_printf(c->arena, "the interpreter that the script `%s` names,", path);
		path = check_script(c, name, path, where);
		missing = "";
	}
	if (path)
		check_note(c, false, where, "the interpreters of `%s` are scripts themselves, more than %u", path,
			   INTERPRETERS);
}
