/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the template share. */
#ifndef ORLOP_REPORT_TEMPLATE_PARTS_H
#define ORLOP_REPORT_TEMPLATE_PARTS_H

#include <stdint.h>

#include "json/writer.h"
#include "util/error.h"
#include "util/mem.h"

struct template_ids {
	int root;			/* handle of the root file system, or -errno */
	const char *rootfs;		/* as given, for errors */
	uint32_t uid, gid;
};

/* "USER[:GROUP]", names or numbers.  Without a group it is that of the user in the root file system; of a number that
 * is not there, 0. */
int template_find_ids(struct arena *a, const char *word, struct template_ids *t, struct error *err);

/* "SOURCE:DESTINATION[:OPTION,...]", a bind mount. */
int template_write_mount(struct arena *a, struct json_writer *w, const char *word, struct error *err);

#endif
