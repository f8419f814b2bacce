/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzz target is one file with these two.  With libFuzzer:
 *   clang -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc -I. tests/fuzz/config_fuzz.c ...
 * Without it, linked with replay.c, it runs the files (or directories of files) that are named on the
 * command line, and its corpus when none is.
 */
#ifndef ORLOP_TESTS_FUZZ_H
#define ORLOP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char fuzz_corpus[];	/* directory below the top of the sources */

#endif
