/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The annotation org.orlop.landlock: a JSON object in a string.  What is unknown in it is an error, as it would be
 * a right that is not taken away.
 */
#include "config/read.h"

#include <errno.h>

#include "oci/annotations.h"
#include "oci/config.h"

/* LANDLOCK_SCOPE_* of landlock_create_ruleset(2). */
static const struct name_value scopes[] = {{"abstractUnixSocket", 1 << 0}, {"signal", 1 << 1}};

static int read_paths(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_landlock *l = base;

	l->has_paths = true;
	for (size_t i = 0; i < N_LANDLOCK_PATHS; i++)
		if (str_eq(at->key, landlock_path_names[i]))
			return reader_strings(r, at, v, ABSOLUTE, &l->paths[i]);
	return 0;
}

static int read_ports(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_landlock *l = base;
	struct oci_landlock_ports *ports = &l->ports[str_eq(at->key, landlock_port_names[LANDLOCK_CONNECT_TCP])];
	int e = reader_type(r, at, v, JSON_ARRAY);

	if (e < 0)
		return e;
	ports->present = true;
	ports->v = arena_new_array(r->arena, uint16_t, v->array.n);
	for (size_t i = 0; i < v->array.n; i++) {
		struct at element = {at, NULL, i};
		const struct json *number = v->array.v[i];
		uint64_t port;

		if (number->type != JSON_NUMBER || json_u64(number, &port) < 0 || port > UINT16_MAX)
			return reader_fail(r, &element, number, "a port is a number from 0 to 65535");
		ports->v[ports->n++] = (uint16_t)port;
	}
	return 0;
}

static int read_scopes(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_landlock *l = base;
	int e = reader_type(r, at, v, JSON_ARRAY);

	for (size_t i = 0; e == 0 && i < v->array.n; i++) {
		struct at element = {at, NULL, i};
		const struct name_value *scope;

		e = reader_word(r, &element, v->array.v[i], scopes, ARRAY_SIZE(scopes), &scope);
		if (e == 0)
			l->scopes |= scope->value;
	}
	return e;
}

static const struct field landlock_fields[] = {
	{FIELD_CALL("readOnly", read_paths)}, {FIELD_CALL("readWrite", read_paths)},
	{FIELD_CALL("execute", read_paths)},
	{FIELD_CALL("bindTCP", read_ports)}, {FIELD_CALL("connectTCP", read_ports)},
	{FIELD_CALL("scopes", read_scopes)},
	{FIELD_BOOL("bestEffort", struct oci_landlock, best_effort)},
};

static const struct object landlock_object = {
	OBJECT(landlock_fields, struct oci_landlock),
	.has_present = true, .present = offsetof(struct oci_landlock, present),
};

static bool is_member(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(landlock_fields); i++)
		if (str_eq(landlock_fields[i].name, key))
			return true;
	return false;
}

static int refuse_unknown(struct reader *r, const struct at *at, const struct json *v)
{
	struct name_value names[ARRAY_SIZE(landlock_fields)];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		names[i] = (struct name_value){landlock_fields[i].name, 0};
	for (size_t i = 0; i < v->object.n; i++) {
		struct at member = {at, v->object.keys[i], 0};
		const char *nearest = name_nearest(names, ARRAY_SIZE(names), member.key);

		if (is_member(member.key))
			continue;
		if (nearest)
			return reader_fail(r, &member, v->object.v[i], "unknown member: did you mean `%s`?", nearest);
		return reader_fail(r, &member, v->object.v[i], "unknown member");
	}
	return 0;
}

static int read_text(struct reader *r, const struct at *at, const char *text, struct oci_landlock *l)
{
	struct json *v;
	struct error why = {0};
	int e = json_parse(r->arena, text, strlen(text), &v, &why);

	if (e < 0)
		return reader_fail(r, at, NULL, "the value is not JSON: %s", why.text);
	e = reader_type(r, at, v, JSON_OBJECT);
	if (e == 0)
		e = refuse_unknown(r, at, v);
	if (e == 0)
		e = reader_object(r, at, v, &landlock_object, l);
	if (e == 0 && !l->has_paths && !l->ports[0].present && !l->ports[1].present && !l->scopes)
		e = reader_fail(r, at, v, "nothing is to be taken away: name paths, ports or scopes");
	return e;
}

/* Places in the inner text are none in the file: an error is at the annotation, its pointer goes on. */
int read_landlock(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_config *c = base;
	const char *text = annotation_value(&c->annotations, ANNOTATION_LANDLOCK);
	const struct at annotations = {at, "annotations", 0}, self = {&annotations, ANNOTATION_LANDLOCK, 0};
	struct reader inner = {.arena = r->arena, .err = r->err};
	const struct json *list = json_get(v, "annotations");
	int e;

	if (!text)
		return 0;
	e = read_text(&inner, &self, text, &c->landlock);
	if (e < 0)
		r->culprit = list ? json_get(list, ANNOTATION_LANDLOCK) : NULL;
	return e;
}
