/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command for all containers whose names match.  Runs on the host. */
#include <errno.h>
#include <regex.h>

#include "container/container.h"
#include "store/store.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/mem.h"

static int compile(const char *pattern, regex_t *ret, struct error *err)
{
	char words[128];
	int r;

	if (!*pattern) {	/* a variable of a script that is not set */
		error_usage(err, "an empty expression would match every container");
		return error_hint(err, "`.` says so on purpose");
	}
	r = regcomp(ret, pattern, REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		return 0;
	regerror(r, ret, words, sizeof(words));
	return error_of(err, ERROR_USAGE, EINVAL, "`%s` is no regular expression: %s", pattern, words);
}

static int list_all(const struct global_options *g, struct strings *ret, struct error *err)
{
	struct store *store;
	int r = store_open(g->root, false, &store, err);

	if (r < 0)
		return r;
	r = store_list(store, ret, err);
	store_close(store);
	return r;
}

int container_each(const struct global_options *g, const char *pattern, container_action *act, const void *ctx,
		   struct error *err)
{
	_cleanup_(store_list_free) struct strings ids = {0};
	unsigned matched = 0, failed = 0;
	regex_t expression;
	int r = compile(pattern, &expression, err);

	if (r < 0)
		return r;
	r = list_all(g, &ids, err);
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct error one = {0};

		if (regexec(&expression, ids.v[i], 0, NULL, 0) != 0)
			continue;
		matched++;
		/* -ENOENT: somebody else was quicker */
		if (act(g, ids.v[i], ctx, &one) < 0 && one.code != ENOENT) {
			log_error(&one);
			failed++;
		}
	}
	regfree(&expression);
	if (r == 0 && failed)
		return error_set(err, EIO, "it failed for %u of the %u containers that match `%s`", failed, matched,
				 pattern);
	return r;
}
