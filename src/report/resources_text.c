/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The forms of `resources`.  What documents and files say is escaped. */
#include <string.h>

#include "container/table.h"
#include "json/value.h"
#include "json/writer.h"
#include "report/resources.h"
#include "util/cleanup.h"

#define PREFIX "/linux/resources/"
#define CELL_MAX 256

/* ---- a table ---------------------------------------------------------------------------------------- */

static char *cell(const char *text)
{
	char shown[CELL_MAX];

	return xstrdup(text && *text ? str_escape(text, shown, sizeof(shown)) : "-");
}

/* "cpu/quota 150000, cpu/period 100000" */
static char *asked_cell(const struct limit_row *row)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};

	for (size_t i = 0; i < ARRAY_SIZE(row->asked); i++) {
		const struct asked_member *m = &row->asked[i];
		_cleanup_free_ char *text = NULL;
		struct json_writer w;

		if (!m->pointer)
			continue;
		json_write_init(&w, false);
		if (m->value)
			json_write_value(&w, m->value);
		text = json_write_finish(&w, NULL);
		strbuf_addf(&out, "%s%s%s%s", i && row->asked[0].pointer ? ", " : "", m->pointer + strlen(PREFIX),
			    *text ? " " : "", text);
	}
	return cell(out.data);
}

static char *written_cell(const struct limit_row *row)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};

	strbuf_adds(&out, row->value ? row->value : "");
	for (size_t i = 0; i < ARRAY_SIZE(row->properties) && row->properties[i]; i++)
		strbuf_addf(&out, ", %s", row->properties[i]);
	return cell(out.data);
}

int limits_print_table(const struct limits *l, struct error *err)
{
	static const char *const names[] = {"FILE", "ASKED", "WRITTEN", "NOW", "SET BY", "STATE"};
	struct table t;
	int r;

	table_init(&t, names, ARRAY_SIZE(names));
	for (size_t i = 0; i < l->n; i++) {
		const struct limit_row *row = &l->rows[i];
		struct table_row *line = table_add(&t);

		line->cell[0] = cell(row->file);
		line->cell[1] = asked_cell(row);
		line->cell[2] = written_cell(row);
		line->cell[3] = cell(row->now);
		line->cell[4] = cell(row->set_by);
		line->cell[5] = cell(limit_state_names[row->state]);
	}
	r = table_print(&t, err);
	table_free(&t);
	return r;
}

/* ---- JSON --------------------------------------------------------------------------------------------- */

static void write_member(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, key);
	json_write_string(w, value);
}

static void write_asked(struct json_writer *w, const struct limit_row *row)
{
	json_write_key(w, "asked");
	json_write_object(w);
	for (size_t i = 0; i < ARRAY_SIZE(row->asked); i++) {
		if (!row->asked[i].pointer)
			continue;
		json_write_key(w, row->asked[i].pointer);
		if (row->asked[i].value)
			json_write_value(w, row->asked[i].value);
		else
			json_write_string(w, NULL);
	}
	json_write_end_object(w);
	write_member(w, "asked_in", row->asked_in);
}

static void write_properties(struct json_writer *w, const struct limit_row *row)
{
	json_write_key(w, "properties");
	json_write_object(w);
	for (size_t i = 0; i < ARRAY_SIZE(row->properties) && row->properties[i]; i++)
		write_member(w, row->properties[i], row->property_values[i]);
	json_write_end_object(w);
}

void limits_write_json(const struct limits *l, struct strbuf *out)
{
	_cleanup_free_ char *text = NULL;
	struct json_writer w;
	size_t len;

	json_write_init(&w, true);
	json_write_object(&w);
	write_member(&w, "id", l->c.state.id);
	write_member(&w, "cgroup", l->c.state.cgroup_path);
	write_member(&w, "unit", l->c.state.unit);
	json_write_key(&w, "limits");
	json_write_array(&w);
	for (size_t i = 0; i < l->n; i++) {
		const struct limit_row *row = &l->rows[i];

		json_write_object(&w);
		write_asked(&w, row);
		write_member(&w, "file", row->file);
		write_member(&w, "written", row->value);
		write_properties(&w, row);
		write_member(&w, "now", row->now);
		write_member(&w, "set_by", row->set_by);
		write_member(&w, "state", limit_state_names[row->state]);
		json_write_end_object(&w);
	}
	json_write_end_array(&w);
	json_write_end_object(&w);
	text = json_write_finish(&w, &len);
	strbuf_add(out, text, len);
	strbuf_adds(out, "\n");
}
