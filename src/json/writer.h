/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way out: JSON text into a strbuf.  Strings are escaped; slashes are not. */
#ifndef ORLOP_JSON_WRITER_H
#define ORLOP_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/types.h"
#include "util/str.h"

struct json_writer {
	struct strbuf out;
	bool pretty;		/* two-space indentation */
	unsigned depth;
	bool first;		/* no comma before the next item */
	bool after_key;
};

void json_write_init(struct json_writer *w, bool pretty);
void json_write_object(struct json_writer *w);		/* "{" */
void json_write_end_object(struct json_writer *w);
void json_write_array(struct json_writer *w);		/* "[" */
void json_write_end_array(struct json_writer *w);
void json_write_key(struct json_writer *w, const char *key);
void json_write_string(struct json_writer *w, const char *s);	/* NULL writes null */
void json_write_i64(struct json_writer *w, int64_t v);
void json_write_u64(struct json_writer *w, uint64_t v);
void json_write_hundredths(struct json_writer *w, int64_t v);	/* 150: 1.5 */
void json_write_bool(struct json_writer *w, bool v);
void json_write_key_values(struct json_writer *w, const struct key_values *kv);	/* an object */
void json_write_strings(struct json_writer *w, const struct strings *s);	/* an array */
void json_write_literal(struct json_writer *w, const char *text);	/* a number, as JSON has it */

/* The text so far, NUL-terminated, owned by the caller (free). */
char *json_write_finish(struct json_writer *w, size_t *ret_len);

#endif
