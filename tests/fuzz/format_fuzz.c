/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as the program of an image. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "process/format.h"
#include "process/process.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_corpus[] = "tests/fuzz/format";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int failures[] = {ENOENT, ENOEXEC, EACCES, ELOOP};
	static char path[64];
	static int dir = -1;
	unsigned before;
	int fd;

	if (dir < 0) {
		dir = fuzz_scratch();
		snprintf(path, sizeof(path), "/proc/self/fd/%d/program", dir);
	}
	before = fuzz_open_fds();
	fd = openat(dir, "program", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	format_is_usual(path);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct error err = {0};

		must(process_exec_error(path, failures[i], &err) == -failures[i]);
		fuzz_check_error(-failures[i], &err);
	}
	unlinkat(dir, "program", 0);
	must(fuzz_open_fds() == before);
	return 0;
}
