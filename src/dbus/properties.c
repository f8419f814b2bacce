/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties of units, whose values are GVariant text.  Runs on the host. */
#include "dbus/properties.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dbus/variant.h"
#include "util/cleanup.h"
#include "util/mem.h"

#define NAME_MAX_BYTES 128

static const char name_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static void arena_freep(struct arena **a)
{
	arena_free(*a);
}

/* "TimeoutStopSec", as in unit files, is TimeoutStopUSec for the manager. */
static bool is_seconds(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && str_eq(name + n - 3, "Sec") && name[n - 4] >= 'a' && name[n - 4] <= 'z';
}

/* As the manager knows it. */
static const char *manager_name(const char *name, char buf[NAME_MAX_BYTES + 2])
{
	if (!is_seconds(name))
		return name;
	snprintf(buf, NAME_MAX_BYTES + 2, "%.*sUSec", (int)strlen(name) - 3, name);
	return buf;
}

static int put_value(struct strbuf *b, const struct systemd_property *p, struct error *err)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	struct variant *v;
	int r = variant_parse(a, p->value, &v, err);

	if (r < 0)
		return r;
	return is_seconds(p->name) ? variant_put_usec(b, v, err) : variant_put(b, v, err);
}

static int put_one(struct strbuf *b, const struct systemd_property *p, struct error *err)
{
	char name[NAME_MAX_BYTES + 2];
	size_t n = strlen(p->name);
	int r;

	if (n == 0 || n > NAME_MAX_BYTES || p->name[strspn(p->name, name_letters)])
		r = error_set(err, EINVAL, "\"%.200s\" is no name of a property: letters and digits, at most %d",
			      p->name, NAME_MAX_BYTES);
	else {
		dbus_put_padding(b, 8);
		dbus_put_string(b, manager_name(p->name, name));
		r = put_value(b, p, err);
		if (r < 0)
			error_in(err, "systemd property %s: \"%.200s\" is no value in GVariant's text format", p->name,
				 p->value);
	}
	return r < 0 && p->where ? error_at(err, "%s", p->where) : r;
}

int properties_put(struct strbuf *b, const struct systemd_property *p, size_t n, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = put_one(b, &p[i], err);
	return r;
}

void properties_put_array(struct strbuf *b, const char *name, const char *type, uint32_t number)
{
	size_t array;

	dbus_put_padding(b, 8);
	dbus_put_string(b, name);
	dbus_put_signature(b, type);
	array = dbus_open_array(b, type[1]);
	dbus_put_u32(b, number);
	dbus_close_array(b, array, type[1]);
}

int systemd_check_properties(const struct systemd_property *p, size_t n, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf b = {0};

	return properties_put(&b, p, n, err);
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = text; (s = strstr(s, word)); s++)
		if ((s == text || !strchr(name_letters, s[-1])) && (!s[n] || !strchr(name_letters, s[n])))
			return true;
	return false;
}

void properties_blame(const struct systemd_property *p, size_t n, const char *words, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf names = {0};
	const struct systemd_property *only = NULL;
	char name[NAME_MAX_BYTES + 2];
	size_t told = 0;

	for (size_t i = n; i > 0; i--) {	/* the later one is the one that counts */
		if (has_word(words, manager_name(p[i - 1].name, name))) {
			if (p[i - 1].where)
				error_at(err, "%s", p[i - 1].where);
			return;
		}
		if (!p[i - 1].unsure)
			continue;
		only = &p[i - 1];
		strbuf_addf(&names, "%s%s", told++ ? ", " : "", p[i - 1].name);
	}
	if (err->code != EINVAL || told == 0)
		return;
	if (told == 1 && only->where)
		error_at(err, "%s", only->where);
	error_hint(err, "which may mean the type of %s", names.data);
}
