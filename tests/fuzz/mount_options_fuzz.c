/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any words as mounts[].options, against a reader that looks at the words from the last to the first. */
#include <string.h>

#include "oci/mount.h"
#include "sys/compat.h"
#include "tests/fuzz/fuzz.h"
#include "util/str.h"

const char fuzz_corpus[] = "tests/fuzz/mount_options";

static const struct mount_option_row *row_of(const char *word)
{
	for (size_t i = 0; i < mount_option_table_len; i++)
		if (str_eq(mount_option_table[i].name, word))
			return &mount_option_table[i];
	return NULL;
}

/* Of each word; NULL: it is none of ours. */
static const struct mount_option_row *rows[64];
static size_t n_rows;

/* Each bit is what the last word says that speaks of it. */
static void expect_bits(enum mount_option_kind kind, uint64_t set, uint64_t clr)
{
	const uint64_t all = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			     MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW;

	for (uint64_t bit = 1; bit; bit <<= 1) {
		const struct mount_option_row *last = NULL;

		if (bit & MOUNT_ATTR__ATIME)
			continue;
		for (size_t i = n_rows; i-- > 0 && !last;)
			if (rows[i] && rows[i]->kind == kind && (rows[i]->set | rows[i]->clr) & bit)
				last = rows[i];
		must(!(bit & ~all) || !((set | clr) & bit));
		must(((set & bit) != 0) == (last && last->set & bit));
		must(((clr & bit) != 0) == (last && last->clr & bit && !(last->set & bit)));
	}
	/* mount_setattr(2): the mode of access times as a whole or not, and one that exists. */
	must((clr & MOUNT_ATTR__ATIME) == 0 || (clr & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME);
	must(!(set & MOUNT_ATTR__ATIME) || (clr & MOUNT_ATTR__ATIME));
	must((set & MOUNT_ATTR__ATIME) != (MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME));
}

static void expect_data(const struct strings *words, const struct strings *data)
{
	size_t n = 0;

	for (size_t i = 0; i < words->n; i++)
		if (words->v[i][0] && !rows[i])
			must(n < data->n && str_eq(words->v[i], data->v[n++]));
	must(n == data->n && (data->v == NULL) == (n == 0));
	must(n == 0 || data->v[n] == NULL);
}

static void expect_sb(const struct strings *flags)
{
	for (size_t i = 0; i < flags->n; i++) {
		const struct mount_option_row *last = NULL;

		for (size_t k = n_rows; k-- > 0 && !last;)
			if (rows[k] && rows[k]->kind == MOUNT_OPTION_SB && str_eq(rows[k]->sb_word, flags->v[i]))
				last = rows[k];
		must(last && last->set);
		for (size_t k = 0; k < i; k++)
			must(!str_eq(flags->v[k], flags->v[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct arena *a = arena_new();
	struct strings words = {0};
	struct oci_mount_options o;
	bool bind = false;

	/* A byte below the table's length is a row of it, so that known words are often met. */
	while (in.n > 0 && words.n < 64) {
		char *word = fuzz_text(&in, a);

		if (word[0] == '\1' && word[1])
			word = arena_strdup(a, mount_option_table[(uint8_t)word[1] % mount_option_table_len].name);
		arena_push(a, words.v, words.n) = word;
		rows[words.n - 1] = row_of(word);
	}
	n_rows = words.n;
	mount_options_parse(a, &words, &o);
	expect_bits(MOUNT_OPTION_ATTR, o.attr_set, o.attr_clr);
	expect_bits(MOUNT_OPTION_RATTR, o.rattr_set, o.rattr_clr);
	expect_data(&words, &o.data);
	expect_sb(&o.sb_flags);
	must(o.ro == ((o.attr_set & MOUNT_ATTR_RDONLY) != 0));
	for (size_t i = 0; i < words.n; i++) {
		const struct mount_option_row *row = mount_option_find(words.v[i]);

		must(row == rows[i]);
		bind |= row && row->kind == MOUNT_OPTION_BIND;
	}
	must(o.bind == bind);
	arena_free(a);
	return 0;
}
