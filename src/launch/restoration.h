/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `restore` in the place of creation_build(): CRIU makes the processes.  Private to launch/ and container/. */
#ifndef ORLOP_LAUNCH_RESTORATION_H
#define ORLOP_LAUNCH_RESTORATION_H

#include "launch/creation.h"
#include "launch/images.h"

struct restoration_options {
	const struct image_options *images;
	bool tcp_close;
	const char *lsm_profile;	/* "apparmor:NAME", "selinux:LABEL" */
	const char *lsm_mount_context;
};

/* After creation_prepare(); afterwards the container runs. */
int restoration_build(struct creation *c, const struct restoration_options *o, struct error *err);

#endif
