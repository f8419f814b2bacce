/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of a container, from what was saved of it, for a second one in another bundle. */
#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "json/tree.h"
#include "json/value.h"
#include "json/writer.h"
#include "report/template.h"
#include "store/added.h"
#include "store/lookup.h"
#include "util/log.h"
#include "util/path.h"

struct copy {
	struct json_writer w;
	struct arena *arena;
	struct container c;
	const struct oci_config *config;
	const struct json *resources;	/* of the last update, or NULL */
};

static void write_root(struct copy *copy, const struct json *root)
{
	json_write_object(&copy->w);
	for (size_t i = 0; i < root->object.n; i++) {
		json_write_key(&copy->w, root->object.keys[i]);
		if (str_eq(root->object.keys[i], "path"))
			json_write_string(&copy->w, copy->c.state.rootfs);
		else
			json_write_value(&copy->w, root->object.v[i]);
	}
	json_write_end_object(&copy->w);
}

static void write_mount(struct copy *copy, const struct json *mount, const struct oci_mount *read)
{
	bool relative = read->options.bind && read->source && read->source[0] != '/';

	json_write_object(&copy->w);
	for (size_t i = 0; i < mount->object.n; i++) {
		json_write_key(&copy->w, mount->object.keys[i]);
		if (relative && str_eq(mount->object.keys[i], "source"))
			json_write_string(&copy->w, path_join(copy->arena, copy->c.state.bundle, read->source));
		else
			json_write_value(&copy->w, mount->object.v[i]);
	}
	json_write_end_object(&copy->w);
}

static void write_mounts(struct copy *copy, const struct json *mounts)
{
	json_write_array(&copy->w);
	for (size_t i = 0; i < mounts->array.n; i++)
		write_mount(copy, mounts->array.v[i], &copy->config->mounts[i]);
	json_write_end_array(&copy->w);
}

/* @linux_ NULL: it has none. */
static void write_linux(struct copy *copy, const struct json *linux_)
{
	json_write_object(&copy->w);
	for (size_t i = 0; linux_ && i < linux_->object.n; i++) {
		const char *key = linux_->object.keys[i];

		if (str_eq(key, "cgroupsPath") || (copy->resources && str_eq(key, "resources")))
			continue;
		json_write_key(&copy->w, key);
		json_write_value(&copy->w, linux_->object.v[i]);
	}
	if (copy->resources) {
		json_write_key(&copy->w, "resources");
		json_write_value(&copy->w, copy->resources);
	}
	json_write_end_object(&copy->w);
}

static void write_document(struct copy *copy, const struct json *document)
{
	bool has_linux = false;

	json_write_init(&copy->w, true);
	json_write_object(&copy->w);
	for (size_t i = 0; i < document->object.n; i++) {
		const struct json *v = document->object.v[i];
		const char *key = document->object.keys[i];
		bool is_linux = str_eq(key, "linux") && v->type == JSON_OBJECT;

		if (str_eq(key, "linux") && !is_linux)
			continue;
		has_linux = has_linux || is_linux;
		json_write_key(&copy->w, key);
		if (is_linux)
			write_linux(copy, v);
		else if (str_eq(key, "root") && v->type == JSON_OBJECT)
			write_root(copy, v);
		else if (str_eq(key, "mounts") && v->type == JSON_ARRAY)
			write_mounts(copy, v);
		else
			json_write_value(&copy->w, v);
	}
	if (!has_linux) {
		json_write_key(&copy->w, "linux");
		write_linux(copy, NULL);
	}
	json_write_end_object(&copy->w);
}

static int read_resources(struct copy *copy, struct error *err)
{
	struct json *tree = NULL;
	char *text;
	size_t len;
	int r = config_read(copy->arena, copy->c.dir, STORE_RESOURCES, &text, &len, err);

	if (r == -ENOENT) {
		memset(err, 0, sizeof(*err));
		return 0;
	}
	if (r == 0)
		r = json_parse(copy->arena, text, len, &tree, err);
	copy->resources = tree;
	return r;
}

/* Their options are not kept, and one that was read-only must not become one that is not. */
static int tell_of_added(struct copy *copy, struct error *err)
{
	struct added_mounts added = {0};
	int r = added_load(copy->arena, copy->c.dir, &added, err);

	for (size_t i = 0; r == 0 && i < added.n; i++)
		log_warning("the mount at %s came later and is not in the configuration", added.v[i].destination);
	return r;
}

static int copy_saved(struct copy *copy, struct error *err)
{
	struct oci_config *config, *again;
	struct json *document;
	char *text;
	size_t len;
	int r = config_load(copy->arena, copy->c.dir, STORE_CONFIG, &config, &text, &len, err);

	copy->config = config;
	if (r == 0)
		r = json_parse(copy->arena, text, len, &document, err);
	if (r == 0)
		r = read_resources(copy, err);
	if (r == 0)
		r = tell_of_added(copy, err);
	if (r < 0)
		return r;
	write_document(copy, document);
	return config_parse(copy->arena, copy->w.out.data, copy->w.out.len, &again, err);
}

int template_copy(const struct global_options *g, const char *id, char **ret, size_t *ret_len, struct error *err)
{
	struct copy copy = {.arena = arena_new(), .c = CONTAINER_INIT};
	int r = container_lookup(g, id, LOOKUP, &copy.c, err);

	if (r == 0) {
		r = copy_saved(&copy, err);
		if (r < 0)
			error_in(err, "the saved configuration of container `%s`", id);
	}
	*ret = json_write_finish(&copy.w, ret_len);
	container_release(&copy.c);
	arena_free(copy.arena);
	return r;
}
