/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A `linux.seccomp` object of tests/data, read with yajl's tree, independent of our reader. */
#ifndef ORLOP_TEST_PROFILE_H
#define ORLOP_TEST_PROFILE_H

#include <seccomp.h>
#include <yajl/yajl_tree.h>

#include "oci/seccomp.h"

static inline yajl_val member(yajl_val v, const char *name)
{
	const char *path[] = {name, NULL};

	return yajl_tree_get(v, path, yajl_t_any);
}

static inline uint64_t number(yajl_val v)
{
	return v ? strtoull(YAJL_GET_NUMBER(v), NULL, 10) : 0;
}

static inline uint32_t row(const struct name_value *table, size_t n, yajl_val v)
{
	const struct name_value *found = name_find(table, n, YAJL_GET_STRING(v));

	assert_non_null(found);
	return (uint32_t)found->value;
}

static inline uint32_t action(yajl_val word, yajl_val errno_ret)
{
	uint32_t a = row(seccomp_action_names, n_seccomp_action_names, word);

	return a == SCMP_ACT_ERRNO(0) ? SCMP_ACT_ERRNO(errno_ret ? number(errno_ret) : EPERM) : a;
}

static inline struct oci_seccomp_rule read_rule(yajl_val v)
{
	yajl_val names = member(v, "names"), args = member(v, "args");
	struct oci_seccomp_rule r = {.action = action(member(v, "action"), member(v, "errnoRet"))};

	r.names.n = names->u.array.len;
	r.names.v = calloc(r.names.n + 1, sizeof(char *));
	for (size_t i = 0; i < r.names.n; i++)
		r.names.v[i] = strdup(names->u.array.values[i]->u.string);
	r.n_args = args ? args->u.array.len : 0;
	r.args = calloc(r.n_args + 1, sizeof(*r.args));
	for (size_t i = 0; i < r.n_args; i++) {
		yajl_val a = args->u.array.values[i];

		r.args[i] = (struct oci_seccomp_arg){
			.index = (unsigned)number(member(a, "index")),
			.op = row(seccomp_operator_names, n_seccomp_operator_names, member(a, "op")),
			.value = number(member(a, "value")),
			.value_two = number(member(a, "valueTwo")),
		};
	}
	return r;
}

/* Never freed: one for each test program. */
static inline struct oci_seccomp *load_profile(const char *name)
{
	const char *srcdir = getenv("srcdir");
	struct oci_seccomp *p = calloc(1, sizeof(*p));
	static void *kept[16];		/* reachable, so that LeakSanitizer finds no leak */
	static size_t n_kept;
	static char text[65536];
	char path[512], why[256];
	yajl_val root, list;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/data/%s", srcdir ? srcdir : ".", name);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	root = yajl_tree_parse(text, why, sizeof(why));
	assert_non_null(root);
	assert_true(n_kept < sizeof(kept) / sizeof(kept[0]));
	kept[n_kept++] = p;

	p->present = true;
	p->default_action = action(member(root, "defaultAction"), member(root, "defaultErrnoRet"));
	list = member(root, "architectures");
	p->n_archs = list->u.array.len;
	p->archs = calloc(p->n_archs, sizeof(*p->archs));
	for (size_t i = 0; i < p->n_archs; i++)
		p->archs[i] = row(seccomp_arch_names, n_seccomp_arch_names, list->u.array.values[i]);
	list = member(root, "syscalls");
	p->n_rules = list->u.array.len;
	p->rules = calloc(p->n_rules, sizeof(*p->rules));
	for (size_t i = 0; i < p->n_rules; i++)
		p->rules[i] = read_rule(list->u.array.values[i]);
	yajl_tree_free(root);
	return p;
}

#endif
