/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The option parser and the help text made of the same rows.  Runs in the command's own process,
 * before anything else. */
#include "cli/options.h"

#include <errno.h>
#include <limits.h>

#include "oci/types.h"
#include "util/cleanup.h"

/* Where the parser stands. */
struct parser {
	struct arena *arena;
	const struct option_table *table;
	char **argv;
	int argc, next;		/* argv[next] is the word after the present one */
	void *target;
	struct option_result *ret;
	struct error *err;
};

const struct option *option_find(const struct option_table *t, const char *name, size_t len)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct option *o = &t->v[i];

		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	}
	return NULL;
}

static const struct option *find_letter(const struct option_table *t, char letter)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].letter == letter)
			return &t->v[i];
	return NULL;
}

/* Context and the pointer to --help are the same for every mistake. */
static int misuse(struct parser *p)
{
	const char *who = p->table->who;

	if (*who)
		error_in(p->err, "%s", who);
	return error_hint(p->err, "see `orlop %s%s--help`", who, *who ? " " : "");
}

static int unknown_option(struct parser *p, const char *word, const char *name, size_t len)
{
	struct name_value names[OPTIONS_MAX + 1];
	_cleanup_free_ char *wanted = xstrndup(name, len);
	const char *nearest;
	size_t n = 0;

	for (; n < p->table->n && n < OPTIONS_MAX; n++)
		names[n].name = p->table->v[n].name;
	names[n++].name = "help";

	/* Of a name this short everything is near. */
	nearest = len > 2 ? name_nearest(names, n, wanted) : NULL;
	if (p->table->explain && p->table->explain(word, p->err))
		return misuse(p);
	if (p->table->outer && option_find(p->table->outer, name, len))
		error_usage(p->err, "unknown option `%s`: `--%s` goes before the command", word,
			    wanted);
	else if (nearest)
		error_usage(p->err, "unknown option `%s`: did you mean `--%s`?", word, nearest);
	else
		error_usage(p->err, "unknown option `%s`", word);
	return misuse(p);
}

static bool is_word_of(const char *choices, const char *value)
{
	size_t len = strlen(value);

	if (!len || strchr(value, '|'))
		return false;
	for (const char *c = choices; c; c = strchr(c, '|')) {
		c += *c == '|';
		if (strncmp(c, value, len) == 0 && (c[len] == '|' || c[len] == '\0'))
			return true;
	}
	return false;
}

static void add_string(struct arena *a, struct strings *s, char *value)
{
	arena_push(a, s->v, s->n) = value;
	/* Keep it an argv: the terminator is not counted. */
	arena_push(a, s->v, s->n) = NULL;
	s->n--;
}

static int store_flag(struct parser *p, const struct option *o, const char *value)
{
	bool *member = (bool *)((char *)p->target + o->offset);

	if (!value || str_eq(value, "true")) {
		*member = true;
	} else if (str_eq(value, "false")) {
		*member = false;
	} else {
		error_usage(p->err, "option `--%s` takes no value but true or false, not `%s`",
			    o->name, value);
		return misuse(p);
	}
	return 0;
}

static int store_value(struct parser *p, const struct option *o, char *value)
{
	void *member = (char *)p->target + o->offset;
	uint32_t number;

	switch (o->kind) {
	case OPTION_UNSIGNED:
		/* Descriptor counts end up in an int. */
		if (str_to_u32(value, &number) < 0 || number > INT_MAX) {
			error_usage(p->err, "option `--%s`: `%s` is not a number from 0 to %d",
				    o->name, value, INT_MAX);
			return misuse(p);
		}
		*(unsigned *)member = number;
		return 0;
	case OPTION_WORD:
		if (!is_word_of(o->argument, value)) {
			error_usage(p->err, "option `--%s`: `%s` is none of %s", o->name, value,
				    o->argument);
			return misuse(p);
		}
		*(const char **)member = value;
		return 0;
	case OPTION_STRING:
		if (!*value) {
			error_usage(p->err, "option `--%s`: the value is empty", o->name);
			return misuse(p);
		}
		*(const char **)member = value;
		return 0;
	case OPTION_LIST:
		add_string(p->arena, member, value);
		return 0;
	case OPTION_FLAG:
		break;
	}
	return store_flag(p, o, value);
}

/* @attached: the value that came in the same word, or NULL. */
static int take_option(struct parser *p, const struct option *o, char *attached)
{
	if (o->kind == OPTION_FLAG)
		return store_flag(p, o, attached);
	if (attached)
		return store_value(p, o, attached);
	/* Engines look for these very words to learn that an option exists. */
	if (p->next >= p->argc) {
		error_usage(p->err, "option `--%s` requires an argument", o->name);
		return misuse(p);
	}
	return store_value(p, o, p->argv[p->next++]);
}

/* "-dt", "-bDIR", "-b=DIR", "-t=false": @word points behind the dash. */
static int take_letters(struct parser *p, char *word, const char *whole)
{
	for (char *c = word; *c; c++) {
		const struct option *o = find_letter(p->table, *c);
		char *rest = c[1] == '=' ? c + 2 : c + 1;
		int r;

		if (*c == 'h' && !o) {
			p->ret->help = true;
			return 0;
		}
		if (!o)
			return unknown_option(p, whole, word, strcspn(word, "="));
		if (o->kind != OPTION_FLAG)
			return take_option(p, o, c[1] ? rest : NULL);
		r = take_option(p, o, c[1] == '=' ? rest : NULL);
		if (r < 0 || c[1] == '=')
			return r;
	}
	return 0;
}

static int take_word(struct parser *p, char *word)
{
	bool two_dashes = word[1] == '-';
	char *name = word + (two_dashes ? 2 : 1);
	size_t len = strcspn(name, "=");
	char *value = name[len] ? name + len + 1 : NULL;
	const struct option *o = option_find(p->table, name, len);

	/* A single letter after one dash is never a long name. */
	if (o && (two_dashes || len > 1))
		return take_option(p, o, value);
	if (len == 4 && memcmp(name, "help", 4) == 0) {
		p->ret->help = true;
		return 0;
	}
	if (two_dashes)
		return unknown_option(p, word, name, len);
	return take_letters(p, name, word);
}

int options_parse(struct arena *a, const struct option_table *t, int argc, char **argv, void *target,
		  struct option_result *ret, struct error *err)
{
	struct parser p = { .arena = a, .table = t, .argv = argv, .argc = argc, .target = target,
			    .ret = ret, .err = err };
	struct strings args = { 0 };
	bool options = true;
	int r;

	*ret = (struct option_result){ 0 };
	while (p.next < argc) {
		char *word = argv[p.next++];

		if (options && str_eq(word, "--")) {
			options = false;
		} else if (options && word[0] == '-' && word[1] != '\0') {
			r = take_word(&p, word);
			if (r < 0)
				return r;
			if (ret->help)
				return 0;
		} else {
			add_string(a, &args, word);
			options = options && !t->ordered;
		}
	}
	ret->args = args.v;
	ret->n_args = args.n;
	return 0;
}

static void help_row(struct strbuf *out, char letter, const char *name, const char *argument,
		     const char *help)
{
	const size_t column = 32;
	size_t start = out->len;

	if (letter)
		strbuf_addf(out, "  -%c, --%s", letter, name);
	else
		strbuf_addf(out, "      --%s", name);
	if (argument)
		strbuf_addf(out, " %s", argument);
	if (out->len - start >= column) {
		strbuf_adds(out, "\n");
		start = out->len;
	}
	while (out->len - start < column)
		strbuf_adds(out, " ");
	for (; *help; help++) {
		strbuf_add(out, help, 1);
		if (*help == '\n')
			strbuf_addf(out, "%*s", (int)column, "");
	}
	strbuf_adds(out, "\n");
}

void options_help(const struct option_table *t, struct strbuf *out)
{
	for (size_t i = 0; i < t->n; i++)
		help_row(out, t->v[i].letter, t->v[i].name, t->v[i].argument, t->v[i].help);
	help_row(out, 'h', "help", NULL, "show this text");
}
