/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main program of a fuzz target that is built without libFuzzer. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "util/fd.h"
#include "util/mem.h"

static unsigned replayed;

static void replay_file(int dir, const char *name)
{
	char *data;
	ssize_t n = fd_read_regular(dir, name, 64u << 20, &data);
	uint8_t *exact;

	if (n < 0) {
		fprintf(stderr, "%s: cannot be read\n", name);
		exit(1);
	}
	/* Of the exact size, so that a sanitizer sees one byte too much. */
	exact = xmalloc(n ? (size_t)n : 1);
	for (ssize_t i = 0; i < n; i++)
		exact[i] = (uint8_t)data[i];
	free(data);
	LLVMFuzzerTestOneInput(exact, (size_t)n);
	free(exact);
	replayed++;
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

int main(int argc, char **argv)
{
	const char *top = getenv("srcdir");

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1) {
		char *path = xasprintf("%s/%s", top ? top : ".", fuzz_corpus);

		replay(path);
		free(path);
	}
	printf("%u inputs\n", replayed);
	return replayed > 0 ? 0 : 1;
}
