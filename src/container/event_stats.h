/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures of a container as a member of a line of `events`.  Private to container/. */
#ifndef ORLOP_CONTAINER_EVENT_STATS_H
#define ORLOP_CONTAINER_EVENT_STATS_H

#include "cgroup/figures.h"
#include "json/writer.h"

void event_write_stats(struct json_writer *w, const struct cgroup_figures *f);

#endif
