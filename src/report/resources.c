/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `resources`: the limits of a container as they were asked for, as they were converted, and as the kernel has them.
 * On the host.
 */
#include "report/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/systemd.h"
#include "config/config.h"
#include "json/pointer.h"
#include "json/tree.h"
#include "json/value.h"
#include "json/writer.h"
#include "plan/plan_resources.h"
#include "plan/plan_update.h"
#include "report/report.h"
#include "store/status.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define PREFIX "/linux/resources"

const char *const limit_state_names[] = {
	[LIMIT_SAME] = "same", [LIMIT_ROUNDED] = "rounded", [LIMIT_DIFFERS] = "differs", [LIMIT_UNASKED] = "unasked",
	[LIMIT_OVERRULED] = "overruled", [LIMIT_UNREADABLE] = "unreadable", [LIMIT_NO_FILE] = "no file",
};

/* `linux.resources` of both documents. */
struct documents {
	const struct json *config, *update;	/* NULL: none */
	struct oci_resources holds;
	bool podmans;
};

/* ---- what was asked for ----------------------------------------------------------------------------- */

static int read_tree(struct limits *l, const char *name, char **ret_text, size_t *ret_len, const struct json **ret,
		     struct error *err)
{
	struct json *tree = NULL;
	int r = config_read(l->arena, l->c.dir, name, ret_text, ret_len, err);

	if (r == 0)
		r = json_parse(l->arena, *ret_text, *ret_len, &tree, err);
	*ret = tree;
	return r;
}

static int read_config(struct limits *l, struct documents *d, struct error *err)
{
	const struct json *tree, *linux_;
	struct oci_config *config;
	char *text;
	size_t len;
	int r = read_tree(l, STORE_CONFIG, &text, &len, &tree, err);

	if (r == 0)
		r = config_parse(l->arena, text, len, &config, err);
	if (r < 0)
		return error_in(err, "the saved configuration");
	linux_ = json_get(tree, "linux");
	d->config = linux_ ? json_get(linux_, "resources") : NULL;
	d->holds = config->linux_.resources;
	return 0;
}

static int read_update(struct limits *l, struct documents *d, struct error *err)
{
	char *text;
	size_t len;
	int r = read_tree(l, STORE_RESOURCES, &text, &len, &d->update, err);

	if (r == -ENOENT) {
		memset(err, 0, sizeof(*err));
		return 0;
	}
	if (r == 0)
		r = config_parse_resources(l->arena, text, len, &d->holds, err);
	return r < 0 ? error_in(err, "the saved resources") : 0;
}

static char *value_text(const struct json *v)
{
	struct json_writer w;

	json_write_init(&w, false);
	json_write_value(&w, v);
	return json_write_finish(&w, NULL);
}

static bool same_value(const struct json *a, const struct json *b)
{
	_cleanup_free_ char *one = a ? value_text(a) : NULL, *other = b ? value_text(b) : NULL;

	return one && other && str_eq(one, other);
}

static const struct json *find(const struct json *resources, const char *pointer)
{
	return resources ? json_pointer_get(resources, pointer + strlen(PREFIX)) : NULL;
}

/* One file of the kernel for two members. */
static const char *companion(const char *pointer)
{
	static const char *const pairs[][2] = {
		{PREFIX "/cpu/quota", PREFIX "/cpu/period"}, {PREFIX "/memory/swap", PREFIX "/memory/limit"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (str_eq(pairs[i][0], pointer))
			return pairs[i][1];
	return NULL;
}

static void fill_asked(const struct documents *d, const char *pointer, struct limit_row *row)
{
	const char *both[] = {pointer, companion(pointer)};

	row->asked_in = "config.json";
	for (size_t i = 0; i < ARRAY_SIZE(both) && both[i]; i++) {
		const struct json *v = find(d->update ? d->update : d->config, both[i]);

		if (!v)
			continue;
		row->asked[i] = (struct asked_member){both[i], v};
		if (d->update && !same_value(v, find(d->config, both[i])))
			row->asked_in = "update";
	}
	/* Implied by another member, as no swap is by no limit of memory. */
	if (!row->asked[0].pointer)
		row->asked[0].pointer = pointer;
}

/* ---- what was made of it ------------------------------------------------------------------------------ */

static int convert(struct limits *l, const struct documents *d, struct error *err)
{
	const struct state *st = &l->c.state;
	struct plan_cgroup *p = &l->plan;
	int r;

	p->mode = st->unit ? PLAN_CGROUP_SYSTEMD : PLAN_CGROUP_FS;
	p->root = st->cgroup_root;
	p->path = st->cgroup_path;
	r = plan_resources(l->arena, &d->holds, d->podmans, p, err);
	if (r == 0 && st->unit) {
		p->unit = (struct plan_unit){.name = st->unit, .user = st->unit_user};
		plan_update_unit(l->arena, p, false);
	}
	return r;
}

static void fill_properties(const struct plan_unit *u, const char *where, struct limit_row *row)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n_properties && n < ARRAY_SIZE(row->properties); i++)
		if (str_eq(u->properties[i].where, where)) {
			row->properties[n] = u->properties[i].name;
			row->property_values[n++] = u->properties[i].value;
		}
}

/* ---- what the kernel has -------------------------------------------------------------------------------- */

#define FILE_MAX 65536		/* io.max has a line for each disk */

static int read_file(struct limits *l, int cgroup, const char *file, const char **ret)
{
	_cleanup_free_ char *text = xmalloc(FILE_MAX);
	ssize_t n = fd_read_pseudo(cgroup, file, text, FILE_MAX);

	*ret = n < 0 ? NULL : arena_strdup(l->arena, text);
	return n < 0 ? (int)n : 0;
}

static void look_in(struct limits *l, int cgroup, const struct plan_cgroup_write *w, struct limit_row *row)
{
	const char *text;
	int r;

	row->file = w->file;
	row->value = w->value;
	r = read_file(l, cgroup, w->file, &text);
	if (r == -ENOENT && w->alt_file) {
		row->file = w->alt_file;
		row->value = w->alt_value;
		r = read_file(l, cgroup, w->alt_file, &text);
	}
	if (r == 0) {
		const char *value = row->value + strspn(row->value, " \t");

		row->now = limit_now(l->arena, row->file, value, text);
		row->state = limit_compare(row->file, value, row->now);
	} else if (r == -ENOENT) {
		row->state = w->optional ? LIMIT_SAME : LIMIT_NO_FILE;
	} else {
		row->state = LIMIT_UNREADABLE;
	}
}

/* What is also a property of the unit holds in its cgroup, too, and may be another there by now. */
static void look(struct limits *l, const struct plan_cgroup_write *w, struct limit_row *row)
{
	look_in(l, l->cgroup, w, row);
	if (row->state <= LIMIT_ROUNDED && row->properties[0] && l->outer >= 0)
		look_in(l, l->outer, w, row);
}

static void add_rows(struct limits *l, const struct documents *d)
{
	for (size_t i = 0; i < l->plan.n_writes; i++) {
		const struct plan_cgroup_write *w = &l->plan.writes[i];
		struct limit_row *row = &arena_push(l->arena, l->rows, l->n);

		fill_asked(d, w->where, row);
		fill_properties(&l->plan.unit, w->where, row);
		look(l, w, row);
		for (size_t j = i + 1; j < l->plan.n_writes; j++)
			if (str_eq(w->file, l->plan.writes[j].file) &&
			    limit_overrules(w->file, l->plan.writes[j].value, w->value))
				row->state = LIMIT_OVERRULED;
	}
}

/* ---- all of it --------------------------------------------------------------------------------------------- */

static int gather(struct limits *l, const struct global_options *g, const char *id, struct error *err)
{
	struct documents d = {0};
	int r = container_lookup(g, id, LOOKUP, &l->c, err);

	if (r == 0 && l->c.status == STATUS_CREATING)
		return error_of(err, ERROR_CONTAINER_STATE, ESRCH, "container `%s` is being created", id);
	if (r == 0)
		r = state_open_cgroup(&l->c.state, &l->cgroup, err);
	if (l->cgroup >= 0 && l->c.state.unit && *cgroup_unit_inside(l->c.state.cgroup_path, l->c.state.unit))
		l->outer = fd_openat(l->cgroup, "..", O_RDONLY | O_DIRECTORY, 0);
	if (r == 0 && l->cgroup < 0)
		return error_set(err, ENOENT, "container `%s` has no cgroup%s, and so no limits", id,
				 l->c.state.cgroup_path ? " any more" : "");
	if (r == 0)
		r = read_config(l, &d, err);
	if (r == 0)
		r = read_update(l, &d, err);
	d.podmans = r == 0 && plan_is_podmans(&l->c.state.annotations);
	if (r == 0)
		r = convert(l, &d, err);
	if (r < 0)
		return r;
	add_rows(l, &d);
	limits_add_unasked(l);
	limits_attribute(l);
	return 0;
}

int report_resources(const struct global_options *g, const char *id, bool json, struct error *err)
{
	struct limits l = {.arena = arena_new(), .c = CONTAINER_INIT, .cgroup = -1, .outer = -1};
	_cleanup_(strbuf_free) struct strbuf out = {0};
	int r = gather(&l, g, id, err);

	if (r == 0 && !json) {
		r = limits_print_table(&l, err);
	} else if (r == 0) {
		limits_write_json(&l, &out);
		r = fd_write_all(STDOUT_FILENO, out.data, out.len);
		if (r < 0)
			error_errno(err, r, "write to the standard output");
	}
	if (l.cgroup >= 0)
		close(l.cgroup);
	if (l.outer >= 0)
		close(l.outer);
	container_release(&l.c);
	arena_free(l.arena);
	return r < 0 ? error_in(err, "show the resources of container `%s`", id) : 0;
}
