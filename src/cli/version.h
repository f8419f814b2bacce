/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_CLI_VERSION_H
#define ORLOP_CLI_VERSION_H

#include <stdbool.h>

#include "util/str.h"

extern const char version_orlop[];	/* "0.1.0" */
/* Defined in commit.c, which make writes. */
extern const char version_commit[];	/* or "unknown" */
extern const bool built_with_selinux;
extern const char version_libraries[];	/* lines, as of the build */
const char *version_libseccomp(struct strbuf *buf);	/* "2.5.4" */

/* What --version prints; engines read the first three lines. */
void version_text(struct strbuf *out);

#endif
