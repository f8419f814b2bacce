/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Some containers, or all, looked at again and again: what they use now, and used since the last look.  Descriptors
 * stay open between two looks, as far as RLIMIT_NOFILE allows.
 */
#ifndef ORLOP_CONTAINER_SAMPLING_H
#define ORLOP_CONTAINER_SAMPLING_H

#include "cgroup/figures.h"
#include "ns/traffic.h"
#include "oci/types.h"
#include "store/lookup.h"
#include "store/options.h"

struct sample {
	char *id;
	struct container c;		/* as it was found; its status is not that of now */
	enum container_status status;	/* now; a stopped one has no figures */
	bool has_figures;		/* without a cgroup it has none */
	struct cgroup_figures figures;
	struct traffic traffic;		/* unknown in the network namespace of the caller */
	int64_t cpu_percent;		/* hundredths, 10000 is one processor; -1: not known yet */
	struct sample_handles *handles;	/* of sampling.c */
};

struct sampling;

/* @ids: without any, all that there are.  One that does not exist or does not run is an error. */
int sampling_open(const struct global_options *g, const struct strings *ids, enum figures_extent extent,
		  struct sampling **ret, struct error *err);
/* Look once; the first time it is an error when one that was named does not run. */
int sampling_look(struct sampling *s, struct error *err);
/* Those that do not have status STATUS_STOPPED are to be shown; *ret is borrowed and may be sorted. */
size_t sampling_list(struct sampling *s, struct sample ***ret);
void sampling_close(struct sampling *s);	/* NULL is fine */

#endif
