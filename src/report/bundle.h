/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bundle that is looked at, and of which nothing is made. */
#ifndef ORLOP_REPORT_BUNDLE_H
#define ORLOP_REPORT_BUNDLE_H

#include "config/config.h"
#include "plan/plan.h"
#include "report/host.h"
#include "store/options.h"

struct bundle {
	const char *name;		/* of the configuration in it */
	const char *path;		/* absolute */
	struct config_document document;
	struct host host;
};

/*
 * Read the configuration @config (NULL: config.json) in the directory @name (NULL: the current one), and the facts
 * of a host in the file @host (NULL: this one is asked).
 */
int bundle_read(struct arena *a, const struct global_options *g, const char *name, const char *config,
		const char *host, struct bundle *ret, struct error *err);

/*
 * What a container of this id would be made by, in the foreground.  With @all each thing that cannot be is noted
 * there, and the result is as much of a plan as could be made; else the first is an error.
 */
int bundle_plan(struct arena *a, const struct global_options *g, const struct bundle *b, const char *id,
		struct oci_config *config, struct findings *all, const struct plan **ret, struct error *err);

#endif
