/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzz targets share. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"
#include "util/str.h"

extern int fuzz_report_fd;
int fuzz_report_fd = STDERR_FILENO;	/* replay.c keeps it elsewhere */

int LLVMFuzzerInitialize(int *argc, char ***argv);
/* Called by libFuzzer, before it closes what -close_fd_mask says. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_report_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	return 0;
}

void fuzz_failed(const char *file, int line, const char *what)
{
	dprintf(fuzz_report_fd, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

static void forget(void *ctx, enum log_level level, const char *text)
{
	(void)ctx, (void)level, (void)text;
}

void fuzz_quiet(void)
{
	log_redirect(forget, NULL);
}

unsigned fuzz_open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

int fuzz_lowest_fd(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	must(fd >= 0);
	close(fd);
	return fd;
}

static char scratch[64];

static void remove_scratch(void)
{
	char inner[80];

	snprintf(inner, sizeof(inner), "%s/in", scratch);
	rmdir(inner);
	rmdir(scratch);
}

int fuzz_scratch(void)
{
	int fd;

	snprintf(scratch, sizeof(scratch), "%s/orlop-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	must(mkdtemp(scratch));
	atexit(remove_scratch);
	fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0);
	return fd;
}

void fuzz_check_error(int r, const struct error *err)
{
	must(r < 0 && r == -err->code);
	must(memchr(err->where, 0, sizeof(err->where)) && memchr(err->text, 0, sizeof(err->text)));
	must(err->text[0] != '\0');
	must(err->where[0] == '\0' || err->where[0] == '/');
	must(str_utf8_valid(err->where, strlen(err->where)));
}

uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

uint64_t fuzz_number(struct fuzz_input *in, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | fuzz_byte(in);
	return v;
}

char *fuzz_text(struct fuzz_input *in, struct arena *a)
{
	const uint8_t *end = in->n ? memchr(in->p, 0, in->n) : NULL;
	size_t n = end ? (size_t)(end - in->p) : in->n;
	char *s = arena_strndup(a, in->n ? (const char *)in->p : "", n);

	in->p += n + (end != NULL);
	in->n -= n + (end != NULL);
	return s;
}
