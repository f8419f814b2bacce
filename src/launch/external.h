/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container has of the host, and CRIU is told of: mounts and namespaces.  Private to launch/ and container/. */
#ifndef ORLOP_LAUNCH_EXTERNAL_H
#define ORLOP_LAUNCH_EXTERNAL_H

#include "criu/message.h"
#include "plan/plan.h"
#include "store/state.h"
#include "util/error.h"

/* What cannot be dumped or restored at all, of no container. */
int external_check(const struct plan *p, struct error *err);

/* To be dumped: mounts as they are below @root, a descriptor of the container's "/". */
int external_dumped(struct arena *a, const struct plan *p, int root, struct criu_request *ret, struct error *err);
/* Namespaces that were joined, by their inodes; before the standard streams are added. */
int external_dumped_namespaces(struct arena *a, const struct plan *p, const struct state *st,
			       const char *const *streams, size_t n_streams, struct criu_request *ret,
			       struct error *err);

/* To be restored: from the bundle's configuration, with mount points made below @root where they are missing. */
int external_restored(struct arena *a, const struct plan *p, int root, struct criu_request *ret, struct error *err);
/* Namespaces that are joined: @joins as of ns_open_joins().  At most two are added to @inherit, which CRIU gets. */
int external_restored_namespaces(struct arena *a, const struct plan *p, const int *joins,
				 const struct criu_inherit *streams, size_t n_streams, struct criu_request *ret,
				 int *inherit, size_t *n_inherit, struct error *err);

#endif
