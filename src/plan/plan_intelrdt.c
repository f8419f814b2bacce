/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.intelRdt: which group, whose it is, and what is written (runtime-spec config-linux.md#intelrdt).
 * Runs in the parent, before the first side effect; makes no system call.
 */
#include "plan/parts.h"

#include "util/str.h"

static void push_line(struct arena *a, struct plan_intelrdt *x, const char *text, const char *where,
		      bool compared)
{
	if (text)
		arena_push(a, x->lines, x->n_lines) = (struct plan_intelrdt_line){
			.text = text, .where = where, .compared = compared,
		};
}

/* An id can be the name of a file that resctrl has of its own. */
static bool is_reserved(const char *id)
{
	return str_eq(id, "info") || str_eq(id, "mon_groups") || str_eq(id, "mon_data");
}

/* Nothing is asked for: programs in Go write the empty object for "absent". */
static bool is_empty(const struct oci_intelrdt *c)
{
	return !c->clos_id && !c->l3_cache_schema && !c->mem_bw_schema && c->schemata.n == 0 &&
	       !c->enable_monitoring;
}

int plan_intelrdt(struct arena *a, struct plan *p, struct error *err)
{
	const struct oci_intelrdt *c = &p->config->linux_.intelrdt;
	struct plan_intelrdt *x = &p->intelrdt;
	const char *parent;

	if (!c->present)
		return 0;
	if (!c->clos_id && is_reserved(p->id))
		return error_config(err, "/linux/intelRdt", "a group cannot have the container's id `%s` for "
				    "its name: give a closID", p->id);
	push_line(a, x, c->l3_cache_schema, "/linux/intelRdt/l3CacheSchema", true);
	push_line(a, x, c->mem_bw_schema, "/linux/intelRdt/memBwSchema", true);
	for (size_t i = 0; i < c->schemata.n; i++)
		push_line(a, x, c->schemata.v[i], arena_printf(a, "/linux/intelRdt/schemata/%zu", i), false);

	x->optional = is_empty(c);
	x->kind = !c->clos_id ? INTELRDT_OWN : x->n_lines ? INTELRDT_SHARED : INTELRDT_JOIN;
	x->group = !c->clos_id		    ? arena_printf(a, "/%s", p->id)
		   : str_eq(c->clos_id, "/") ? "/"
					     : arena_printf(a, "/%s", c->clos_id);
	parent = str_eq(x->group, "/") ? "" : x->group;
	if (c->enable_monitoring)
		x->monitor = arena_printf(a, "%s/mon_groups/%s", parent, p->id);
	return 0;
}
