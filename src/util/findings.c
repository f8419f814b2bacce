/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of errors and warnings.  In the command's own process. */
#include "util/findings.h"

#include <string.h>

void findings_add(struct findings *all, bool warning, const struct error *err, size_t offset)
{
	all->errors += !warning;
	if (all->n >= FINDINGS_MAX) {
		all->left_out++;
		return;
	}
	arena_push(all->arena, all->v, all->n) = (struct finding){.warning = warning, .error = *err, .offset = offset,
							      .topic = all->topic};
}

int findings_go_on(struct findings *all, int e, const struct error *err)
{
	if (e >= 0 || !all)
		return e;
	findings_add(all, false, err, FINDING_NO_OFFSET);
	return 0;
}

/* Is the pointer @a that of @b, or of what holds it? */
static bool holds(const char *a, const char *b)
{
	size_t n = strlen(a);

	return strncmp(a, b, n) == 0 && (b[n] == '\0' || b[n] == '/');
}

bool findings_touch(const struct findings *all, const char *where)
{
	if (all->left_out)
		return true;	/* by one of them, for all we know */
	for (size_t i = 0; i < all->n; i++) {
		const char *at = all->v[i].error.where;

		if (!all->v[i].warning && (holds(at, where) || holds(where, at)))
			return true;
	}
	return false;
}

/* What is not known comes after every line. */
static unsigned order(const struct finding *f)
{
	return f->line - 1;
}

void findings_sort(struct findings *all)
{
	for (size_t i = 1; i < all->n; i++) {
		struct finding x = all->v[i];
		size_t k = i;

		for (; k > 0 && order(&all->v[k - 1]) > order(&x); k--)
			all->v[k] = all->v[k - 1];
		all->v[k] = x;
	}
}
