/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GVariant text, read but without types yet. */
#ifndef ORLOP_DBUS_VARIANT_TREE_H
#define ORLOP_DBUS_VARIANT_TREE_H

#include "dbus/variant.h"

enum variant_kind {
	VARIANT_BOOLEAN,	/* text "true" or "false" */
	VARIANT_NUMBER,		/* text as written */
	VARIANT_STRING,		/* text without its quotes and escapes */
	VARIANT_BYTES,		/* the same, which may have any byte; ends with a NUL that belongs to it */
	VARIANT_TYPED,		/* text is a type, child[0] the value */
	VARIANT_BOX,		/* <child[0]> */
	VARIANT_ARRAY,		/* these have their elements in child */
	VARIANT_TUPLE,
	VARIANT_DICTIONARY,	/* key, value, key, value */
	VARIANT_ENTRY,		/* {key, value} by itself, in an array */
};

struct variant {
	enum variant_kind kind;
	unsigned at;		/* byte of the text */
	const char *text;
	size_t len;
	struct variant **child;
	size_t n;
};

/* Is it written as a number of type `d`: a point, an exponent, infinity? */
bool variant_is_double(const struct variant *number);

#endif
