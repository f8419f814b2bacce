/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every form an option may take, every mistake, and the help text. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/options.h"
#include "oci/types.h"

struct values {
	bool detach, tty, all, no_subreaper;
	const char *bundle, *format;
	unsigned fds;
	struct strings env;
};

static const struct option rows[] = {
	{ "detach", 'd', OPTION_FLAG, offsetof(struct values, detach), NULL, "go away" },
	{ "tty", 't', OPTION_FLAG, offsetof(struct values, tty), NULL, "terminal" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct values, all), NULL, "everybody" },
	{ "no-subreaper", 0, OPTION_FLAG, offsetof(struct values, no_subreaper), NULL, "nothing" },
	{ "bundle", 'b', OPTION_STRING, offsetof(struct values, bundle), "DIR", "where\nit is" },
	{ "format", 'f', OPTION_WORD, offsetof(struct values, format), "table|json", "form" },
	{ "preserve-fds", 0, OPTION_UNSIGNED, offsetof(struct values, fds), "N", "descriptors" },
	{ "env", 'e', OPTION_LIST, offsetof(struct values, env), "NAME=VALUE", "environment" },
};

static const struct option outer_rows[] = {
	{ "root", 0, OPTION_STRING, 0, "DIR", "state" },
};
static const struct option_table outer = { .who = "", .v = outer_rows, .n = 1 };

static const struct option_table permuting = {
	.who = "verb", .v = rows, .n = ARRAY_SIZE(rows), .outer = &outer,
};
static const struct option_table ordered = {
	.who = "verb", .v = rows, .n = ARRAY_SIZE(rows), .ordered = true,
};

struct fixture {
	struct arena *arena;
	struct values values;
	struct option_result result;
	struct error err;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .arena = arena_new() };
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	arena_free(((struct fixture *)*state)->arena);
	return 0;
}

/* @line is split at blanks; "''" stands for an empty word. */
static int parse(struct fixture *f, const struct option_table *t, const char *line)
{
	char *copy = arena_strdup(f->arena, line);
	char *argv[16] = { NULL };
	int argc = 0;

	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = str_eq(word, "''") ? word + 2 : word;
	f->values = (struct values){ 0 };
	f->err = (struct error){ 0 };
	return options_parse(f->arena, t, argc, argv, &f->values, &f->result, &f->err);
}

static void assert_args(const struct fixture *f, const char *joined)
{
	char text[256] = "";

	for (size_t i = 0; i < f->result.n_args; i++) {
		strcat(text, i ? " " : "");
		strcat(text, f->result.args[i]);
	}
	assert_string_equal(text, joined);
	if (f->result.n_args)
		assert_null(f->result.args[f->result.n_args]);
}

static void test_values(void **state)
{
	static const char *const forms[] = {
		"--bundle /b id", "--bundle=/b id", "-bundle /b id", "-bundle=/b id", "-b /b id",
		"-b/b id", "-b=/b id", "-db/b id", "-db /b id", "-db=/b id", "id --bundle /b",
		"id -b/b", "--bundle /a --bundle /b id", "-b /a id -b /b",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		print_message("%s\n", forms[i]);
		assert_int_equal(parse(f, &permuting, forms[i]), 0);
		assert_string_equal(f->values.bundle, "/b");
		assert_int_equal(f->values.detach, strstr(forms[i], "-db") != NULL);
		assert_args(f, "id");
	}
}

static void test_flags(void **state)
{
	static const struct {
		const char *line;
		bool detach, tty, no_subreaper;
	} cases[] = {
		{ "", false, false, false },
		{ "-d", true, false, false },
		{ "-dt", true, true, false },
		{ "-td", true, true, false },
		{ "-d -t", true, true, false },
		{ "--detach --tty", true, true, false },
		{ "-detach", true, false, false },
		{ "-no-subreaper", false, false, true },
		{ "--no-subreaper=true", false, false, true },
		{ "-no-subreaper=false", false, false, false },
		{ "--detach=true", true, false, false },
		{ "--detach=false", false, false, false },
		{ "--detach --detach=false", false, false, false },
		{ "-t=false -d=true", true, false, false },
		{ "-dt=false", true, false, false },
		{ "-dt=true", true, true, false },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].line);
		assert_int_equal(parse(f, &permuting, cases[i].line), 0);
		assert_int_equal(f->values.detach, cases[i].detach);
		assert_int_equal(f->values.tty, cases[i].tty);
		assert_int_equal(f->values.no_subreaper, cases[i].no_subreaper);
		assert_int_equal(f->values.all, false);
		assert_int_equal(f->result.n_args, 0);
	}
}

static void test_kinds(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f, &permuting, "--preserve-fds 3 -f json -e A=1 -eB=2 --env=C=3=4 "
					      "-e=D=5"), 0);
	assert_int_equal(f->values.fds, 3);
	assert_string_equal(f->values.format, "json");
	assert_int_equal(f->values.env.n, 4);
	assert_string_equal(f->values.env.v[0], "A=1");
	assert_string_equal(f->values.env.v[1], "B=2");
	assert_string_equal(f->values.env.v[2], "C=3=4");
	assert_string_equal(f->values.env.v[3], "D=5");
	assert_null(f->values.env.v[4]);

	assert_int_equal(parse(f, &permuting, "--preserve-fds=2147483647"), 0);
	assert_int_equal(f->values.fds, INT_MAX);
	/* A value may look like an option. */
	assert_int_equal(parse(f, &permuting, "--bundle --detach"), 0);
	assert_string_equal(f->values.bundle, "--detach");
	assert_false(f->values.detach);
	assert_int_equal(parse(f, &permuting, "-b -- x"), 0);
	assert_string_equal(f->values.bundle, "--");
	assert_args(f, "x");
}

static void test_end_of_options(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f, &permuting, "-d -- -t --bundle x"), 0);
	assert_true(f->values.detach);
	assert_false(f->values.tty);
	assert_args(f, "-t --bundle x");

	assert_int_equal(parse(f, &permuting, "a -- -- b"), 0);
	assert_args(f, "a -- b");
	/* A lone dash is an argument. */
	assert_int_equal(parse(f, &permuting, "- -d"), 0);
	assert_true(f->values.detach);
	assert_args(f, "-");
}

static void test_ordered(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f, &ordered, "-d id ls -t --help -- --bundle"), 0);
	assert_true(f->values.detach);
	assert_false(f->values.tty);
	assert_false(f->result.help);
	assert_args(f, "id ls -t --help -- --bundle");

	assert_int_equal(parse(f, &ordered, "-- -d -t"), 0);
	assert_false(f->values.detach);
	assert_args(f, "-d -t");
}

static void test_help(void **state)
{
	static const char *const forms[] = { "--help", "-h", "-help", "-dh", "id --help", "-h --bogus" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		print_message("%s\n", forms[i]);
		assert_int_equal(parse(f, &permuting, forms[i]), 0);
		assert_true(f->result.help);
	}
	assert_int_equal(parse(f, &permuting, "-- --help"), 0);
	assert_false(f->result.help);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "--bundel x", "verb: unknown option `--bundel`: did you mean `--bundle`? "
				"(see `orlop verb --help`)" },
		{ "-bundle=x x --detch", "verb: unknown option `--detch`: did you mean `--detach`? "
					 "(see `orlop verb --help`)" },
		{ "-alls", "verb: unknown option `-alls`: did you mean `--all`? "
			   "(see `orlop verb --help`)" },
		{ "--quite-different", "verb: unknown option `--quite-different` "
				       "(see `orlop verb --help`)" },
		{ "--root /r", "verb: unknown option `--root`: `--root` goes before the command "
			       "(see `orlop verb --help`)" },
		{ "--root=/r", "verb: unknown option `--root=/r`: `--root` goes before the command "
			       "(see `orlop verb --help`)" },
		{ "-x", "verb: unknown option `-x` (see `orlop verb --help`)" },
		{ "-dx", "verb: unknown option `-dx` (see `orlop verb --help`)" },
		{ "--d", "verb: unknown option `--d` (see `orlop verb --help`)" },
		{ "---", "verb: unknown option `---` (see `orlop verb --help`)" },
		{ "--=x", "verb: unknown option `--=x` (see `orlop verb --help`)" },
		{ "--bundle", "verb: option `--bundle` requires an argument (see `orlop verb --help`)" },
		{ "id -b", "verb: option `--bundle` requires an argument (see `orlop verb --help`)" },
		{ "-de", "verb: option `--env` requires an argument (see `orlop verb --help`)" },
		{ "--bundle=", "verb: option `--bundle`: the value is empty (see `orlop verb --help`)" },
		{ "-b=", "verb: option `--bundle`: the value is empty (see `orlop verb --help`)" },
		{ "--bundle ''", "verb: option `--bundle`: the value is empty "
				 "(see `orlop verb --help`)" },
		{ "--detach=yes", "verb: option `--detach` takes no value but true or false, not `yes` "
				  "(see `orlop verb --help`)" },
		{ "-d=", "verb: option `--detach` takes no value but true or false, not `` "
			 "(see `orlop verb --help`)" },
		{ "-f xml", "verb: option `--format`: `xml` is none of table|json "
			    "(see `orlop verb --help`)" },
		{ "-f tab", "verb: option `--format`: `tab` is none of table|json "
			    "(see `orlop verb --help`)" },
		{ "-f ''", "verb: option `--format`: `` is none of table|json "
			   "(see `orlop verb --help`)" },
		{ "-f table|json", "verb: option `--format`: `table|json` is none of table|json "
				   "(see `orlop verb --help`)" },
	};
	static const char *const numbers[] = {
		"-1", "+1", "0x1", "1x", "''", "2147483648", "4294967296", "18446744073709551616",
	};
	struct fixture *f = *state;
	char line[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].line);
		assert_int_equal(parse(f, &permuting, cases[i].line), -EINVAL);
		assert_int_equal(f->err.code, EINVAL);
		assert_string_equal(f->err.text, cases[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		snprintf(line, sizeof(line), "--preserve-fds %s", numbers[i]);
		print_message("%s\n", line);
		assert_int_equal(parse(f, &permuting, line), -EINVAL);
		assert_non_null(strstr(f->err.text, "is not a number from 0 to 2147483647"));
	}
}

static void test_help_text(void **state)
{
	struct strbuf out = { 0 };

	(void)state;
	options_help(&permuting, &out);
	assert_non_null(strstr(out.data, "  -d, --detach                  go away\n"));
	assert_non_null(strstr(out.data, "      --no-subreaper            nothing\n"));
	assert_non_null(strstr(out.data, "  -b, --bundle DIR              where\n"
					 "                                it is\n"));
	assert_non_null(strstr(out.data, "  -f, --format table|json       form\n"));
	assert_non_null(strstr(out.data, "  -h, --help                    show this text\n"));
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ordered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_help, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_help_text, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
