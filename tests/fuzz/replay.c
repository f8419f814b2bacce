/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main program of a fuzz target that is built without libFuzzer. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "util/fd.h"
#include "util/str.h"

extern int fuzz_report_fd;
/* Of a sanitizer's runtime, if there is one. */
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

static unsigned replayed;

static void replay_bytes(const char *data, size_t n)
{
	/* Of the exact size, so that a sanitizer sees one byte too much. */
	uint8_t *exact = xmalloc(n);

	memcpy(exact, data, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	replayed++;
}

/* Each input with its length before it, four bytes, the lowest first. */
static void replay_pack(const char *data, size_t size)
{
	while (size >= 4) {
		const unsigned char *b = (const unsigned char *)data;
		size_t n = (size_t)b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;

		must(n <= size - 4);
		replay_bytes(data + 4, n);
		data += 4 + n;
		size -= 4 + n;
	}
	must(size == 0);
}

static void replay_file(int dir, const char *name)
{
	size_t len = strlen(name);
	char *data;
	ssize_t n = fd_read_regular(dir, name, 64u << 20, &data);

	if (n < 0) {
		dprintf(fuzz_report_fd, "%s: cannot be read\n", name);
		exit(1);
	}
	if (len > 6 && str_eq(name + len - 6, ".seeds"))
		replay_pack(data, (size_t)n);
	else
		replay_bytes(data, (size_t)n);
	free(data);
}

static void replay(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir) {
		replay_file(AT_FDCWD, path);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.')
			replay_file(dirfd(dir), e->d_name);
	closedir(dir);
}

static void replay_corpus(void)
{
	const char *top = getenv("srcdir");
	char *path = xasprintf("%s/%s", top ? top : ".", fuzz_corpus);
	char *pack = xasprintf("%s.seeds", path);

	replay(path);
	if (access(pack, F_OK) == 0)
		replay(pack);
	free(path);
	free(pack);
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* What the code under test prints is nobody's, what we and sanitizers find is. */
	fuzz_report_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fuzz_report_fd < 0 || null < 0)
		return 1;
	if (__sanitizer_set_report_fd)
		__sanitizer_set_report_fd((void *)(intptr_t)fuzz_report_fd);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay_corpus();
	dprintf(fuzz_report_fd, "%u inputs\n", replayed);
	return replayed > 0 ? 0 : 1;
}
