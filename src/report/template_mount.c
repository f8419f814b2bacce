/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One word of the command line as a bind mount. */
#include <errno.h>
#include <string.h>

#include "oci/mount.h"
#include "plan/build.h"
#include "report/template_parts.h"

/* What can be asked of a bind mount: it has no file system of its own that could be told the rest. */
static const unsigned allowed = 1u << MOUNT_OPTION_ATTR | 1u << MOUNT_OPTION_RATTR | 1u << MOUNT_OPTION_PROPAGATION |
				1u << MOUNT_OPTION_BIND | 1u << MOUNT_OPTION_LINK | 1u << MOUNT_OPTION_NOFOLLOW;

static int refuse_option(const char *word, const struct mount_option_row *near, struct error *err)
{
	error_usage(err, "`%s` is no option of a bind mount", word);
	if (near)
		return error_hint(err, "did you mean `%s`?", near->name);
	return error_hint(err, "as are ro, rw, nosuid, nodev, noexec, bind, rslave");
}

static int split_options(struct arena *a, char *text, struct strings *ret, struct error *err)
{
	bool bind = false;

	arena_push(a, ret->v, ret->n) = (char *)"rbind";
	for (char *next; text; text = next) {
		const struct mount_option_row *row;

		next = strchr(text, ',');
		if (next)
			*next++ = '\0';
		row = mount_option_find(text);
		if (!row || !(allowed & 1u << row->kind))
			return refuse_option(text, row ? NULL : mount_option_near(text), err);
		bind = bind || row->kind == MOUNT_OPTION_BIND;
		arena_push(a, ret->v, ret->n) = text;
	}
	if (bind) {	/* which of the two, is said */
		ret->v++;
		ret->n--;
		return 0;
	}
	for (size_t i = 0; i < ret->n; i++)
		if (str_eq(ret->v[i], "ro"))	/* of all that comes along, too */
			ret->v[i] = (char *)"rro";
	return 0;
}

int template_write_mount(struct arena *a, struct json_writer *w, const char *word, struct error *err)
{
	char *source = arena_strdup(a, word), *destination = strchr(source, ':'), *options = NULL;
	struct strings words = {0};
	int r = 0;

	if (destination)
		*destination++ = '\0';
	options = destination ? strchr(destination, ':') : NULL;
	if (options)
		*options++ = '\0';
	if (!*source || !destination || destination[0] != '/' || (options && strchr(options, ':'))) {
		error_usage(err, "option `--mount`: `%s` is not SOURCE:DESTINATION or "
			  "SOURCE:DESTINATION:OPTION,...", word);
		return error_hint(err, "the destination is an absolute path in the container");
	}
	r = plan_check_destination(plan_mount_destination(a, destination, NULL), true, err);
	if (r == 0)
		r = split_options(a, options, &words, err);
	if (r < 0)
		return error_in(err, "option `--mount`: `%s`", word);
	json_write_object(w);
	json_write_key(w, "destination");
	json_write_string(w, destination);
	json_write_key(w, "type");
	json_write_string(w, "bind");
	json_write_key(w, "source");
	json_write_string(w, source);
	json_write_key(w, "options");
	json_write_strings(w, &words);
	json_write_end_object(w);
	return 0;
}
