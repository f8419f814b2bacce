/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzz target is one file with LLVMFuzzerTestOneInput() and fuzz_corpus.  `configure CC=clang
 * --enable-fuzzing` links it with libFuzzer; otherwise it is linked with replay.c and runs the files (or
 * directories, or packs) that are named on the command line, and its corpus when none is: the directory
 * tests/fuzz/NAME, written by hand, and the pack tests/fuzz/NAME.seeds, found by libFuzzer (tests/fuzz/pack).
 */
#ifndef ORLOP_TESTS_FUZZ_H
#define ORLOP_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char fuzz_corpus[];	/* directory below the top of the sources */

/* What must hold; else where it does not, and abort. */
#define must(what) ((what) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #what))
void fuzz_failed(const char *file, int line, const char *what) __attribute__((noreturn));

/* Messages of ours go nowhere. */
void fuzz_quiet(void);

/* How many descriptors are open: the same before and after. */
unsigned fuzz_open_fds(void);
/* The number that the next one will get. */
int fuzz_lowest_fd(void);

/* A directory of our own, empty at first; it is removed at the end. */
int fuzz_scratch(void);

/* A refusal says where and why, in text that is whole; @r is what was returned. */
void fuzz_check_error(int r, const struct error *err);

/* The input as a row of small values; zeroes and "" behind its end. */
struct fuzz_input {
	const uint8_t *p;
	size_t n;
};

uint8_t fuzz_byte(struct fuzz_input *in);
uint64_t fuzz_number(struct fuzz_input *in, unsigned bytes);
/* Up to the next NUL; in @a. */
char *fuzz_text(struct fuzz_input *in, struct arena *a);

#endif
