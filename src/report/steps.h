/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of steps with members, a line each for people or an object each in JSON, by the same calls. */
#ifndef ORLOP_REPORT_STEPS_H
#define ORLOP_REPORT_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "json/writer.h"
#include "oci/types.h"
#include "util/str.h"

struct steps {
	bool json;
	struct strbuf text;
	struct json_writer writer;
};

void steps_init(struct steps *s, bool json);

/* What is done, a word; then its members, and the JSON pointer of what asks for it, "" or NULL for none. */
void steps_begin(struct steps *s, const char *what);
void steps_end(struct steps *s, const char *where);

/* Members: one that is NULL, false or an empty list is left out. */
void steps_text(struct steps *s, const char *key, const char *value);
void steps_format(struct steps *s, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void steps_number(struct steps *s, const char *key, uint64_t value);
void steps_flag(struct steps *s, const char *key, bool value);
void steps_list(struct steps *s, const char *key, const struct strings *list);

/* A step of a single member. */
void steps_one(struct steps *s, const char *what, const char *key, const char *value, const char *where);

/* All of it, malloc'ed, *ret_len bytes. */
char *steps_finish(struct steps *s, size_t *ret_len);

#endif
