/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_REPORT_TEMPLATE_H
#define ORLOP_REPORT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct template {
	bool rootless;
	uid_t uid;		/* what becomes 0 in the container, when rootless */
	gid_t gid;
};

/* The text of a configuration to start from; malloc'ed. */
char *template_text(const struct template *t, size_t *ret_len);

#endif
