/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The resctrl group of a container, from create to delete.  Private to launch/ and container/. */
#ifndef ORLOP_LAUNCH_INTELRDT_H
#define ORLOP_LAUNCH_INTELRDT_H

#include "launch/creation.h"

/* Make or find the group and the monitoring group of the plan, and write down what was made. */
int container_intelrdt_make(struct creation *c, struct error *err);
/* A shared group that was made for a container which will not be; one of its own container_destroy()
 * removes. */
void container_intelrdt_undo(const struct creation *c);

/* Put one more process of the container into its group; nothing without one. */
int container_intelrdt_attach(const struct state *st, pid_t pid, struct error *err);
/* Remove what belongs to the container alone. */
int container_intelrdt_remove(const struct state *st, struct error *err);

#endif
