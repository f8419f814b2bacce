/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `list`: all containers of the state root.  One that cannot be read is a warning, not the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/container.h"
#include "container/print.h"
#include "container/table.h"
#include "json/writer.h"
#include "store/document.h"
#include "store/lookup.h"
#include "store/state.h"
#include "store/store.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#define COLUMNS 6

struct listing {
	enum list_format format;
	struct json_writer json;
	struct table table;
};

static void add_container(struct listing *l, const struct container *c, pid_t pid)
{
	const struct state *st = &c->state;
	size_t size = strlen(st->bundle) * 6 + 1;
	struct table_row *row = table_add(&l->table);
	char owner[256];

	row->cell[0] = xstrdup(st->id);
	row->cell[1] = xasprintf("%d", (int)pid);
	row->cell[2] = xstrdup(container_status_names[c->status]);
	row->cell[3] = xmalloc(size);
	str_escape(st->bundle, row->cell[3], size);
	row->cell[4] = xstrdup(st->created);
	row->cell[5] = xstrdup(state_owner_name(st->owner_uid, owner, sizeof(owner)));
}

static void add_one(struct listing *l, struct store *store, const char *id)
{
	struct container c = CONTAINER_INIT;
	struct error err = {0};
	int r = store_container(store, id, &c.dir, &err);
	pid_t pid;

	if (r == -ENOENT)	/* deleted since the directory was read */
		return;
	if (r == 0)
		r = container_refresh(&c, id, &err);
	/* It may have been deleted while we looked. */
	if (r == -ENOENT && !store_is_current(store, id, c.dir)) {
		container_release(&c);
		return;
	}
	if (r < 0) {
		log_warning("load container %s: %s", id, err.text);
	} else {
		pid = c.status == STATUS_STOPPED ? 0 : c.state.init.pid;
		if (l->format == LIST_JSON)
			state_write_document(&l->json, &c.state, c.status, pid);
		else
			add_container(l, &c, pid);
	}
	container_release(&c);
}

static int print_ids(const struct strings *ids, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};

	for (size_t i = 0; i < ids->n; i++)
		strbuf_addf(&out, "%s\n", ids->v[i]);
	return container_print(out.data, out.len, err);
}

static int print_json(struct listing *l, struct store *store, const struct strings *ids,
		      struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	json_write_init(&l->json, false);
	json_write_array(&l->json);
	for (size_t i = 0; i < ids->n; i++)
		add_one(l, store, ids->v[i]);
	json_write_end_array(&l->json);
	text = json_write_finish(&l->json, &len);
	text = xrealloc(text, len + 2, 1);
	text[len] = '\n';
	return container_print(text, len + 1, err);
}

static int print_table(struct listing *l, struct store *store, const struct strings *ids,
		       struct error *err)
{
	static const char *const names[COLUMNS] = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};
	int r;

	table_init(&l->table, names, COLUMNS);
	for (size_t i = 0; i < ids->n; i++)
		add_one(l, store, ids->v[i]);
	r = table_print(&l->table, err);
	table_free(&l->table);
	return r;
}

/* @quiet wins over @format: only ids, one a line, without looking at any of them. */
int container_list(const struct global_options *g, enum list_format format, bool quiet,
		   struct error *err)
{
	_cleanup_(store_list_free) struct strings ids = {0};
	struct listing l = {.format = format};
	struct store *store;
	int r = store_open(g->root, false, &store, err);

	if (r < 0)
		return r;
	r = store_list(store, &ids, err);
	if (r == 0 && quiet)
		r = print_ids(&ids, err);
	else if (r == 0 && format == LIST_JSON)
		r = print_json(&l, store, &ids, err);
	else if (r == 0)
		r = print_table(&l, store, &ids, err);
	store_close(store);
	return r;
}
