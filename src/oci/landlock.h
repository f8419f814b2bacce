/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The annotation org.orlop.landlock: what landlock(7) is to leave to the process.  Data only. */
#ifndef ORLOP_OCI_LANDLOCK_H
#define ORLOP_OCI_LANDLOCK_H

#include "oci/types.h"

enum landlock_paths { LANDLOCK_READ_ONLY, LANDLOCK_READ_WRITE, LANDLOCK_EXECUTE, N_LANDLOCK_PATHS };
enum landlock_ports { LANDLOCK_BIND_TCP, LANDLOCK_CONNECT_TCP, N_LANDLOCK_PORTS };

/* A list that is there, be it empty, takes all away that it does not name. */
struct oci_landlock_ports {
	bool present;
	uint16_t *v;
	size_t n;
};

struct oci_landlock {
	bool present;
	bool has_paths;			/* one of the lists of paths is there */
	struct strings paths[N_LANDLOCK_PATHS];
	struct oci_landlock_ports ports[N_LANDLOCK_PORTS];
	uint64_t scopes;		/* LANDLOCK_SCOPE_* */
	bool best_effort;		/* what the kernel cannot do is a warning */
};

/* The members of the annotation, by enum. */
extern const char *const landlock_path_names[N_LANDLOCK_PATHS];
extern const char *const landlock_port_names[N_LANDLOCK_PORTS];

#endif
