/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON text to checked structs (step 1).  The only system calls are those that read the file.
 * Every error carries the JSON pointer, and for syntax errors the line and column, of its cause.
 */
#ifndef ORLOP_CONFIG_CONFIG_H
#define ORLOP_CONFIG_CONFIG_H

#include <stddef.h>

#include "oci/config.h"
#include "util/error.h"
#include "util/findings.h"
#include "util/mem.h"

struct json;

#define CONFIG_MAX_BYTES (16u << 20)

/*
 * Parse and validate @len bytes.  Result and all it points to live in @a.  @text may be changed or
 * freed afterwards.  0 or -errno.
 */
int config_parse(struct arena *a, const char *text, size_t len, struct oci_config **ret,
		 struct error *err);

/* A text and what it is in JSON, for the places of findings. */
struct config_document {
	const char *text;
	size_t len;
	struct json *root;		/* NULL if it is no JSON */
};

/*
 * Note in @all each error that @doc has, not only the first, with its line and column.  The result is whole if there
 * is none; where one is, what it was in is missing, or half there.
 */
struct oci_config *config_check(struct arena *a, struct config_document *doc, struct findings *all);

/* Find line and column of those in @all that have a JSON pointer and none yet. */
void config_place(const struct config_document *doc, struct findings *all);

/* Read @name below @dirfd, at most CONFIG_MAX_BYTES: a regular file, or a pipe up to its end (input_read()). */
int config_read(struct arena *a, int dirfd, const char *name, char **ret_text, size_t *ret_len,
		struct error *err);

/*
 * The same, and parse it.  *ret_text is
 * the file's text, in the arena, for the saved copy; @ret_text may be NULL.
 */
int config_load(struct arena *a, int dirfd, const char *name, struct oci_config **ret,
		char **ret_text, size_t *ret_len, struct error *err);

/* The document of `exec --process`: one `process` object. */
int config_parse_process(struct arena *a, const char *text, size_t len, struct oci_process *ret,
			 struct error *err);

/* One `linux.resources` object (for `update --resources`, and tests). */
int config_parse_resources(struct arena *a, const char *text, size_t len,
			   struct oci_resources *ret, struct error *err);
/* And back: malloc'ed, *ret_len bytes. */
char *config_resources_text(const struct oci_resources *r, size_t *ret_len);

/*
 * Mounts for the container of @of: an array of them, or an object with the member `mounts`, whose other members are
 * ignored.  *ret: @of with these mounts for its own.  Pointers in errors begin with /mounts in both forms.
 * @to_add: they can be made; else only their destinations count.
 */
int config_parse_mounts(struct arena *a, const char *text, size_t len, const struct oci_config *of, bool to_add,
			struct oci_config **ret, struct error *err);

#endif
