/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_CLI_SPEC_H
#define ORLOP_CLI_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct spec_template {
	bool rootless;
	uid_t uid;		/* what becomes 0 in the container, when rootless */
	gid_t gid;
};

/* The text of a configuration to start from; malloc'ed. */
char *spec_text(const struct spec_template *t, size_t *ret_len);

#endif
