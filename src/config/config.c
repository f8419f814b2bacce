/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text to checked structs: parse, read by field tables, apply the rules between members.  Runs in the
 * command's own process; nothing of the host is looked at but the file itself.
 */
#include "config/config.h"

#include <errno.h>

#include "config/read.h"
#include "config/validate.h"
#include "json/pointer.h"
#include "json/tree.h"
#include "util/cleanup.h"
#include "util/input.h"
#include "util/trace.h"

static const struct field root_fields[] = {
	{FIELD_STRING("path", struct oci_config, root.path), .flags = REQUIRED | NONEMPTY},
	{FIELD_BOOL("readonly", struct oci_config, root.readonly)},
};

/* Its members live in struct oci_config itself. */
static const struct object root_object = {
	OBJECT(root_fields, struct oci_config),
	.has_present = true, .present = offsetof(struct oci_config, root.present),
};

static int read_root(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	return reader_object(r, at, v, &root_object, base);
}

/* Members for other systems (windows, vm, solaris, freebsd, zos) are unknown here, so ignored. */
static const struct field config_fields[] = {
	{FIELD_STRING("ociVersion", struct oci_config, oci_version), .flags = REQUIRED},
	{FIELD_CALL("root", read_root), .flags = REQUIRED},
	{FIELD_LIST("mounts", struct oci_config, mounts, n_mounts, &mount_object)},
	{FIELD_OBJECT("process", struct oci_config, process, &process_object)},
	{FIELD_STRING("hostname", struct oci_config, hostname), .flags = EMPTY_IS_ABSENT},
	{FIELD_STRING("domainname", struct oci_config, domainname), .flags = EMPTY_IS_ABSENT},
	{FIELD_OBJECT("hooks", struct oci_config, hooks, &hooks_object)},
	{FIELD_KEY_VALUES("annotations", struct oci_config, annotations), .flags = NONEMPTY},
	{FIELD_OBJECT("linux", struct oci_config, linux_, &linux_object)},
};

static const struct object config_object = {OBJECT(config_fields, struct oci_config), .done = read_landlock};

struct document {
	const char *text;
	size_t len;
	struct json *root;
	const struct json *culprit;
};

/* Every error says where in the text it is, besides the pointer. */
static int add_position(const struct document *d, struct error *err, int e)
{
	const struct json *v = d->culprit ? d->culprit : json_pointer_find(d->root, err->where);
	unsigned line, column;

	json_position(d->text, d->len, v->offset, &line, &column);
	error_note(err, "line %u, column %u", line, column);
	error_kind(err, ERROR_CONFIG);
	return e;
}

static int read_tree(struct arena *a, struct document *d, const struct object *object, void *base,
		     struct error *err)
{
	struct reader r = {.arena = a, .err = err};
	struct at top = {0};
	int e;

	e = reader_object(&r, &top, d->root, object, base);
	d->culprit = r.culprit;
	return e < 0 ? add_position(d, err, e) : 0;
}

static int read_document(struct arena *a, struct document *d, const struct object *object,
			 void *base, struct error *err)
{
	int e = json_parse(a, d->text, d->len, &d->root, err);

	if (e < 0)
		return error_kind(err, ERROR_CONFIG);
	return read_tree(a, d, object, base, err);
}

int read_object_text(struct arena *a, const char *text, size_t len, const struct object *object, void *base,
		     struct error *err)
{
	struct document d = {.text = text, .len = len};

	return read_document(a, &d, object, base, err);
}

int config_parse(struct arena *a, const char *text, size_t len, struct oci_config **ret,
		 struct error *err)
{
	struct document d = {.text = text, .len = len};
	struct oci_config *c = arena_new_array(a, struct oci_config, 1);
	int e = read_document(a, &d, &config_object, c, err);

	if (e < 0)
		return e;
	e = validate_config(c, NULL, err);
	if (e < 0)
		return add_position(&d, err, e);
	*ret = c;
	return 0;
}

void config_place(const struct config_document *doc, struct findings *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct finding *f = &all->v[i];
		const char *where = f->error.where;

		if (f->line || (f->offset == FINDING_NO_OFFSET && (!doc->root || !where[0])))
			continue;
		if (f->offset == FINDING_NO_OFFSET)
			f->offset = json_pointer_find(doc->root, where)->offset;
		json_position(doc->text, doc->len, f->offset, &f->line, &f->column);
	}
}

struct oci_config *config_check(struct arena *a, struct config_document *doc, struct findings *all)
{
	struct oci_config *c = arena_new_array(a, struct oci_config, 1);
	struct error err = {0};
	struct reader r = {.arena = a, .err = &err, .all = all};
	struct at top = {0};
	size_t offset;

	if (json_parse_at(a, doc->text, doc->len, &doc->root, &offset, &err) < 0) {
		doc->root = NULL;
		findings_add(all, false, &err, offset);
	} else if (reader_go_on(&r, reader_object(&r, &top, doc->root, &config_object, c)) == 0) {
		validate_config(c, all, &err);
	}
	config_place(doc, all);
	return c;
}

/* In the errors of what is read. */
static int about_file(const char *name, struct error *err)
{
	error_phase(err, "config");
	return error_path(err, name);
}

static int read_text(struct arena *a, int dirfd, const char *name, char **ret_text, size_t *ret_len,
		     struct error *err)
{
	ssize_t n = input_read(a, dirfd, name, CONFIG_MAX_BYTES, ret_text);

	if (n == -EFBIG)
		return error_set(err, E2BIG, "read %s: larger than %u MiB", name,
				 CONFIG_MAX_BYTES >> 20);
	if (n == -EINVAL)
		return error_set(err, EINVAL, "read %s: neither a regular file nor a pipe", name);
	if (n == -ETIMEDOUT)
		return error_set(err, ETIMEDOUT, "read %s: a pipe that nobody writes into, or not to the end "
				 "in time", name);
	if (n < 0)
		return error_errno(err, (int)n, "read %s", name);
	*ret_len = (size_t)n;
	return 0;
}

int config_read(struct arena *a, int dirfd, const char *name, char **ret_text, size_t *ret_len,
		struct error *err)
{
	int r = read_text(a, dirfd, name, ret_text, ret_len, err);

	return r < 0 ? about_file(name, err) : 0;
}

int config_load(struct arena *a, int dirfd, const char *name, struct oci_config **ret,
		char **ret_text, size_t *ret_len, struct error *err)
{
	TRACE("read the configuration", NULL);
	char *text = NULL;
	size_t n = 0;
	int e = config_read(a, dirfd, name, &text, &n, err);

	if (e < 0)
		return e;
	e = config_parse(a, text, n, ret, err);
	if (e < 0) {
		about_file(name, err);
		return error_in(err, "%s", name);
	}
	if (ret_text)
		*ret_text = text;
	if (ret_len)
		*ret_len = n;
	return 0;
}

int config_parse_process(struct arena *a, const char *text, size_t len, struct oci_process *ret,
			 struct error *err)
{
	struct document d = {.text = text, .len = len};
	struct oci_process p = {0};
	int e = read_document(a, &d, &process_object, &p, err);

	if (e < 0)
		return e;
	e = validate_process(&p, "", err);
	if (e < 0)
		return add_position(&d, err, e);
	*ret = p;
	return 0;
}

int config_parse_resources(struct arena *a, const char *text, size_t len,
			   struct oci_resources *ret, struct error *err)
{
	struct document d = {.text = text, .len = len};
	struct oci_resources r = {0};
	int e = read_document(a, &d, &resources_object, &r, err);

	if (e < 0)
		return e;
	e = validate_resources(&r, "", err);
	if (e < 0)
		return add_position(&d, err, e);
	*ret = r;
	return 0;
}

/* ---- mounts for a container that is there ----------------------------------------------------- */

static const struct field mounts_fields[] = {
	{FIELD_LIST("mounts", struct oci_config, mounts, n_mounts, &mount_object), .flags = REQUIRED},
};

static const struct object mounts_object = {OBJECT(mounts_fields, struct oci_config)};

static struct json *as_member(struct arena *a, struct json *array)
{
	struct json *o = arena_new_array(a, struct json, 1);

	o->type = JSON_OBJECT;
	o->offset = array->offset;
	o->object.keys = arena_new_array(a, char *, 1);
	o->object.v = arena_new_array(a, struct json *, 1);
	o->object.keys[0] = arena_strdup(a, "mounts");
	o->object.v[0] = array;
	o->object.n = 1;
	return o;
}

int config_parse_mounts(struct arena *a, const char *text, size_t len, const struct oci_config *of, bool to_add,
			struct oci_config **ret, struct error *err)
{
	struct document d = {.text = text, .len = len};
	struct oci_config *c = arena_new_array(a, struct oci_config, 1);
	int e = json_parse(a, text, len, &d.root, err);

	if (e < 0)
		return e;
	if (d.root->type == JSON_ARRAY)
		d.root = as_member(a, d.root);
	*c = *of;
	c->mounts = NULL;
	c->n_mounts = 0;
	e = read_tree(a, &d, &mounts_object, c, err);
	if (e < 0)
		return e;
	e = to_add ? validate_added_mounts(c, err) : 0;
	if (e < 0)
		return add_position(&d, err, e);
	*ret = c;
	return 0;
}
