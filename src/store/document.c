/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state as others are told of it, runtime-spec runtime.md#state.  On the host. */
#include "store/document.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "json/writer.h"
#include "oci/config.h"
#include "store/ending.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

const char *state_owner_name(uid_t uid, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest;

	buf[0] = '\0';
	if (fd_read_regular(AT_FDCWD, "/etc/passwd", 1u << 20, &text) < 0)
		return buf;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		char *name = strsep(&line, ":"), *number;
		uint32_t n;

		strsep(&line, ":");
		number = strsep(&line, ":");
		if (!number || str_to_u32(number, &n) < 0 || n != uid)
			continue;
		snprintf(buf, size, "%s", name);
		break;
	}
	return buf;
}

static void write_document(struct json_writer *w, const struct state *st, enum container_status status,
			   pid_t pid, bool full, const struct ending *e)
{
	char owner[256];

	json_write_object(w);
	json_write_key(w, "ociVersion");
	json_write_string(w, OCI_VERSION);
	json_write_key(w, "id");
	json_write_string(w, st->id);
	json_write_key(w, "pid");
	json_write_i64(w, pid);
	json_write_key(w, "status");
	json_write_string(w, container_status_names[status]);
	json_write_key(w, "bundle");
	json_write_string(w, st->bundle);
	if (full) {
		json_write_key(w, "rootfs");
		json_write_string(w, st->rootfs ? st->rootfs : "");
		json_write_key(w, "created");
		json_write_string(w, st->created);
		json_write_key(w, "owner");
		json_write_string(w, state_owner_name(st->owner_uid, owner, sizeof(owner)));
	}
	if (e) {
		json_write_key(w, "exit");
		ending_write(w, e);
	}
	json_write_key(w, "annotations");
	json_write_key_values(w, &st->annotations);
	json_write_end_object(w);
}

void state_write_document(struct json_writer *w, const struct state *st,
			  enum container_status status, pid_t pid)
{
	write_document(w, st, status, pid, true, NULL);
}

void state_write_oci_document(struct json_writer *w, const struct state *st,
			      enum container_status status, pid_t pid)
{
	write_document(w, st, status, pid, false, NULL);
}

char *state_document(const struct state *st, enum container_status status, pid_t pid, bool pretty,
		     size_t *ret_len)
{
	struct json_writer w;

	json_write_init(&w, pretty);
	write_document(&w, st, status, pid, pretty, NULL);
	return json_write_finish(&w, ret_len);
}

char *state_document_of_stopped(const struct state *st, const struct ending *e, size_t *ret_len)
{
	struct json_writer w;

	json_write_init(&w, true);
	write_document(&w, st, STATUS_STOPPED, 0, true, e);
	return json_write_finish(&w, ret_len);
}
