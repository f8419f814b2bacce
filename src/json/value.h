/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_JSON_VALUE_H
#define ORLOP_JSON_VALUE_H

struct json;
struct json_writer;

/* Numbers keep their text, and members their order.  As deep as the reader lets a tree be. */
void json_write_value(struct json_writer *w, const struct json *v);

#endif
