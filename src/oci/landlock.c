/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The members of the annotation org.orlop.landlock.  Pure data. */
#include "oci/landlock.h"

const char *const landlock_path_names[] = {
	[LANDLOCK_READ_ONLY] = "readOnly", [LANDLOCK_READ_WRITE] = "readWrite", [LANDLOCK_EXECUTE] = "execute",
};
const char *const landlock_port_names[] = {
	[LANDLOCK_BIND_TCP] = "bindTCP", [LANDLOCK_CONNECT_TCP] = "connectTCP",
};
