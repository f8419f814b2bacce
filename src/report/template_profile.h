/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_REPORT_TEMPLATE_PROFILE_H
#define ORLOP_REPORT_TEMPLATE_PROFILE_H

#include <stdbool.h>

#include "json/writer.h"

/* How much a process is trusted with. */
struct template_profile {
	const char *name;
	const char *capabilities, *masked, *readonly;	/* words between blanks */
	bool no_new_privileges, readonly_root, few_files, seccomp;
};

/* @name NULL: what is written unasked.  NULL: there is none of that name. */
const struct template_profile *template_profile(const char *name);

/* The member `seccomp` of `linux`, for those that have it. */
void template_write_seccomp(struct json_writer *w);

#endif
