/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop seccomp explain`: what the filter of a configuration answers to one call, and why.  The program is asked. */
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"
#include "json/writer.h"
#include "report/show.h"
#include "security/seccomp.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/input.h"

/* enum scmp_compare, seccomp_rule_add(3) */
enum { CMP_NE = 1, CMP_LT, CMP_LE, CMP_EQ, CMP_GE, CMP_GT, CMP_MASKED_EQ };

static bool holds(const struct oci_seccomp_arg *a, uint64_t v)
{
	switch (a->op) {
	case CMP_NE:
		return v != a->value;
	case CMP_LT:
		return v < a->value;
	case CMP_LE:
		return v <= a->value;
	case CMP_EQ:
		return v == a->value;
	case CMP_GE:
		return v >= a->value;
	case CMP_GT:
		return v > a->value;
	default:
		return (v & a->value) == (a->value_two & a->value);
	}
}

static bool fits(const struct oci_seccomp_rule *rule, const uint64_t args[6])
{
	size_t n = 0;

	for (size_t i = 0; i < rule->n_args; i++)
		n += holds(&rule->args[i], args[rule->args[i].index]);
	return rule->n_args == 0 || (seccomp_are_alternatives(rule) ? n > 0 : n == rule->n_args);
}

static bool names(const struct oci_seccomp_rule *rule, const char *call)
{
	for (size_t i = 0; i < rule->names.n; i++)
		if (str_eq(rule->names.v[i], call))
			return true;
	return false;
}

/* The pointer of a rule that says so, or of the default, or NULL. */
static const char *who_says(struct arena *a, const struct oci_seccomp *profile, const char *call,
			    const uint64_t args[6], const char *answer)
{
	for (size_t i = 0; i < profile->n_rules; i++) {
		const struct oci_seccomp_rule *rule = &profile->rules[i];

		if (names(rule, call) && fits(rule, args) && str_eq(show_answer(a, rule->action), answer))
			return arena_printf(a, "/linux/seccomp/syscalls/%zu", i);
	}
	if (str_eq(show_answer(a, profile->default_action), answer))
		return "/linux/seccomp/defaultAction";
	return NULL;
}

static const char *why(const char *where)
{
	if (!where)
		return "it came later than all that the profile knows, and libraries do without";
	return str_ends(where, "/defaultAction") ? "no rule is for it" : "a rule is for it";
}

static void write_member(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, key);
	json_write_string(w, value);
}

static char *written(const struct explain_options *o, const char *answer, const char *where, size_t *ret_len)
{
	struct json_writer w;
	struct strbuf text = {0};

	if (!o->json) {
		strbuf_addf(&text, "%s: %s: %s%s%s%s\n", o->call, answer, why(where), where ? " (" : "",
			    where ? where : "", where ? ")" : "");
		*ret_len = text.len;
		return text.data;
	}
	json_write_init(&w, true);
	json_write_object(&w);
	write_member(&w, "call", o->call);
	write_member(&w, "answer", answer);
	write_member(&w, "because", why(where));
	write_member(&w, "pointer", where);
	json_write_end_object(&w);
	strbuf_adds(&w.out, "\n");
	return json_write_finish(&w, ret_len);
}

static int explain(struct arena *a, const struct explain_options *o, char **ret, size_t *ret_len, struct error *err)
{
	_cleanup_free_ struct seccomp_program *program = xcalloc(1, seccomp_program_size());
	const struct oci_seccomp *profile;
	const char *answer;
	struct oci_config *config;
	int r = config_load(a, AT_FDCWD, input_path(o->config), &config, NULL, NULL, err);

	if (r < 0)
		return r;
	profile = &config->linux_.seccomp;
	if (!profile->present)
		return error_config(err, "/linux/seccomp", "%s has no filter: every call goes through", o->config);
	r = seccomp_compile(profile, program, err);
	if (r < 0)
		return r;
	answer = show_answer(a, seccomp_answer(program, o->call, o->args));
	*ret = written(o, answer, who_says(a, profile, o->call, o->args, answer), ret_len);
	return 0;
}

/* A name that no machine has, or another machine. */
static int check_call(struct arena *a, const char *call, struct error *err)
{
	struct strings known = {0};
	const char *near = NULL;
	unsigned least = NAME_NEAR;

	seccomp_known_names(a, &known);
	for (size_t i = 0; i < known.n; i++) {
		if (str_eq(known.v[i], call))
			return 0;
		if (name_is_nearer(known.v[i], call, &least))
			near = known.v[i];
	}
	error_usage(err, "seccomp: libseccomp %s knows no system call `%s` of this machine", seccomp_library_version(),
		    call);
	return near ? error_hint(err, "did you mean `%s`?", near) : -err->code;
}

int report_explain(const struct explain_options *o, struct error *err)
{
	struct arena *a = arena_new();
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = check_call(a, o->call, err);

	if (r == 0)
		r = explain(a, o, &text, &len, err);
	arena_free(a);
	if (r < 0)
		return r;
	r = fd_write_all(STDOUT_FILENO, text, len);
	return r < 0 ? error_errno(err, r, "write to the standard output") : 0;
}
