/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs on the host, with the container's lock. */
#include "store/added.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/tree.h"
#include "json/writer.h"
#include "store/state.h"
#include "store/store.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

static char *text_of(struct arena *a, const struct json *o, const char *key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_STRING ? arena_strdup(a, v->string.data) : NULL;
}

static bool read_one(struct arena *a, const struct json *o, struct added_mount *ret)
{
	const struct json *id = o->type == JSON_OBJECT ? json_get(o, "id") : NULL;

	if (!id || id->type != JSON_NUMBER || json_u64(id, &ret->id) < 0)
		return false;
	ret->destination = text_of(a, o, "destination");
	ret->point = text_of(a, o, "point");
	ret->source = text_of(a, o, "source");
	ret->type = text_of(a, o, "type");
	return ret->destination && ret->destination[0] == '/' && ret->point && ret->point[0] == '/';
}

static int read_all(struct arena *a, const char *text, size_t len, struct added_mounts *ret, struct error *err)
{
	struct json *root;
	int r = json_parse(a, text, len, &root, err);

	if (r < 0)
		return r;
	if (root->type != JSON_ARRAY)
		return error_set(err, EBADMSG, "it is not an array");
	for (size_t i = 0; i < root->array.n; i++) {
		struct added_mount one = {0};

		if (!read_one(a, root->array.v[i], &one))
			return error_set(err, EBADMSG, "entry %zu is not a mount", i);
		added_push(a, ret, &one);
	}
	return 0;
}

int added_load(struct arena *a, int dir, struct added_mounts *ret, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = fd_read_regular(dir, STORE_MOUNTS, STATE_MAX_BYTES, &text);
	int r;

	*ret = (struct added_mounts){0};
	if (n == -ENOENT)
		return 0;
	r = n < 0 ? error_errno(err, (int)n, "read it") : read_all(a, text, (size_t)n, ret, err);
	return r < 0 ? error_in(err, "the saved list of added mounts (" STORE_MOUNTS ")") : 0;
}

int added_save(int dir, const struct added_mounts *m, struct error *err)
{
	struct json_writer w;
	int r;

	json_write_init(&w, false);
	json_write_array(&w);
	for (const struct added_mount *v = m->v; v < m->v + m->n; v++) {
		json_write_object(&w);
		json_write_key(&w, "destination");
		json_write_string(&w, v->destination);
		json_write_key(&w, "point");
		json_write_string(&w, v->point);
		json_write_key(&w, "source");
		json_write_string(&w, v->source);
		json_write_key(&w, "type");
		json_write_string(&w, v->type);
		json_write_key(&w, "id");
		json_write_u64(&w, v->id);
		json_write_end_object(&w);
	}
	json_write_end_array(&w);
	r = w.out.len > STATE_MAX_BYTES ? -E2BIG : fd_write_atomic(dir, STORE_MOUNTS, w.out.data, w.out.len, 0600);
	strbuf_free(&w.out);
	return r < 0 ? error_errno(err, r, "save the list of added mounts (" STORE_MOUNTS ")") : 0;
}

void added_push(struct arena *a, struct added_mounts *m, const struct added_mount *one)
{
	arena_push(a, m->v, m->n) = *one;
}

void added_remove(struct added_mounts *m, size_t i)
{
	memmove(&m->v[i], &m->v[i + 1], (m->n - i - 1) * sizeof(*m->v));
	m->n--;
}

struct added_mount *added_find(const struct added_mounts *m, const char *destination)
{
	for (size_t i = m->n; i-- > 0;)
		if (str_eq(m->v[i].destination, destination))
			return &m->v[i];
	return NULL;
}
