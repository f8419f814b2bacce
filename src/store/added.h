/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mounts.json in the state directory: the mounts that came to a container after it was created. */
#ifndef ORLOP_STORE_ADDED_H
#define ORLOP_STORE_ADDED_H

#include <stddef.h>
#include <stdint.h>

#include "oci/types.h"
#include "util/error.h"
#include "util/mem.h"

struct added_mount {
	char *destination;		/* cleaned, as it was asked for */
	char *point;			/* where it is, without links */
	char *source, *type;		/* as given; or NULL */
	uint64_t id;			/* of statmount(2), or where there is none of mountinfo */
};

struct added_mounts {
	struct added_mount *v;		/* in @a of added_load(), in the order in which they came */
	size_t n;
};

/* No file: none. */
int added_load(struct arena *a, int dir, struct added_mounts *ret, struct error *err);
/* One rename. */
int added_save(int dir, const struct added_mounts *m, struct error *err);

void added_push(struct arena *a, struct added_mounts *m, const struct added_mount *one);
void added_remove(struct added_mounts *m, size_t i);
/* The last one at @destination, or NULL. */
struct added_mount *added_find(const struct added_mounts *m, const char *destination);

#endif
