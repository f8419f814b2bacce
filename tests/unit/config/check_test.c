/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All errors of one document, each at its place; and no second one that is but the consequence of the first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "document.h"
#include "util/str.h"

struct expected {
	unsigned line;
	const char *where, *words;
};

struct row {
	const char *text;
	struct expected all[8];
};

static const struct row rows[] = {
	{TOP(""), {{0}}},
	{"{'ociVersion':1,\n'root':{'path':''},\n'process':{'cwd':'x',\n'args':['a',7],\n'rlimits':[{},{'type':'X',"
	 "'soft':1,'hard':1}]},\n'mounts':7}", {
		{1, "/ociVersion", "must be a string"}, {2, "/root/path", "must not be empty"},
		{3, "/process/cwd", "absolute"}, {4, "/process/args/1", "must be a string"},
		{5, "/process/rlimits/0/type", "required"}, {5, "/process/rlimits/0/soft", "required"},
		{5, "/process/rlimits/0/hard", "required"}, {5, "/process/rlimits/1/type", "not known"},
	}},
	/* rules between members, each element on its own */
	{TOP(",'hostname':'h','mounts':[{'destination':'/a'},\n{'destination':'/b','options':['bind']},\n"
	     "{'destination':'/c','type':'tmpfs'}],'linux':{'sysctl':{'a':'1','b..c':'1'}}"), {
		{1, "/mounts/0/type", "`type` is needed"}, {2, "/mounts/1/source", "needs a `source`"},
		{1, "/hostname", "`uts` namespace"}, {3, "/linux/sysctl/a", "no namespace"},
		{3, "/linux/sysctl/b..c", "not the name"},
	}},
	/* what could not be read is not missed by the rules about it */
	{TOP(",'hostname':'h','linux':{'namespaces':[{'type':'utz'}],'uidMappings':[]}"), {
		{1, "/linux/namespaces/0/type", "did you mean `uts`"},
	}},
	{LINUX("'seccomp':{'defaultAction':'X','architectures':['A','SCMP_ARCH_X86_64','B'],'syscalls':[{'names':[1],"
	       "'action':'SCMP_ACT_LOG','args':[{}]}]},'rootfsPropagation':'x'"), {
		{1, "/linux/seccomp/defaultAction", "not known"}, {1, "/linux/seccomp/architectures/0", "not known"},
		{1, "/linux/seccomp/architectures/2", "not known"},
		{1, "/linux/seccomp/syscalls/0/names/0", "must be a string"},
		{1, "/linux/seccomp/syscalls/0/args/0/index", "required"},
		{1, "/linux/seccomp/syscalls/0/args/0/value", "required"},
		{1, "/linux/seccomp/syscalls/0/args/0/op", "required"}, {1, "/linux/rootfsPropagation", "not known"},
	}},
	{RESOURCES("'blockIO':{'weight':5},'cpu':{'period':1},'unified':{'a/b':'1'},'memory':{'limit':'1G'}"), {
		{1, "/linux/resources/memory/limit", "must be a number"},
		{1, "/linux/resources/blockIO/weight", "out of range"},
		{1, "/linux/resources/cpu/period", "out of range"}, {1, "/linux/resources/unified", "not the name"},
	}},
	{TOP(",\n\n  'linux':{'namespaces':}"), {{3, "/linux/namespaces", "not valid JSON"}}},
	{"", {{1, "", "empty"}}},
};

static void check(struct arena *a, const char *text, struct findings *all)
{
	char *copy = requote(arena_strdup(a, text));
	struct config_document document = {.text = copy, .len = strlen(copy)};

	assert_non_null(config_check(a, &document, all));
}

static bool is_finding(const struct finding *f, const struct expected *e)
{
	return !f->warning && f->line == e->line && str_eq(f->error.where, e->where) && strstr(f->error.text, e->words);
}

static void test_all_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena *a = arena_new();
		struct findings all = {.arena = a};
		size_t n = 0;

		check(a, rows[i].text, &all);
		for (; n < ARRAY_SIZE(rows[i].all) && rows[i].all[n].line; n++)
			if (n >= all.n || !is_finding(&all.v[n], &rows[i].all[n]))
				fail_msg("row %zu: number %zu is not `%s`: %u `%s` %s", i, n, rows[i].all[n].where,
					 n < all.n ? all.v[n].line : 0, n < all.n ? all.v[n].error.where : "",
					 n < all.n ? all.v[n].error.text : "none");
		/* The second one has one more than its row has room for. */
		assert_int_equal(all.n, n + (i == 1));
		assert_int_equal(all.errors, all.n);
		arena_free(a);
	}
}

static void test_not_without_end(void **state)
{
	struct arena *a = arena_new();
	struct findings all = {.arena = a};
	struct strbuf text = {0};

	(void)state;
	strbuf_adds(&text, "{'ociVersion':'1.0.2','root':{'path':'r'},'mounts':[0");
	for (size_t i = 1; i < 5000; i++)
		strbuf_adds(&text, ",0");
	strbuf_adds(&text, "]}");
	check(a, text.data, &all);
	assert_int_equal(all.n, FINDINGS_MAX);
	assert_int_equal(all.errors, 5000);
	assert_int_equal(all.left_out, 5000 - FINDINGS_MAX);
	strbuf_free(&text);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_are_found), cmocka_unit_test(test_not_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
