/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `linux.intelRdt` (runtime-spec config-linux.md#intelrdt). */
#include <errno.h>

#include "config/validate_parts.h"
#include "util/log.h"

#define WHERE	 "/linux/intelRdt"
#define NAME_MAX_ 255u		/* of a directory */

static int check_clos_id(const char *id, struct error *err)
{
	static const char *const files[] = {"info", "mon_groups", "mon_data"};

	if (!id || str_eq(id, "/"))
		return 0;
	if (strchr(id, '/') || str_eq(id, ".") || str_eq(id, ".."))
		return error_config(err, WHERE "/closID", "must be the name of one directory, or `/` for the "
				    "default group");
	if (strlen(id) > NAME_MAX_)
		return error_config(err, WHERE "/closID", "longer than %u bytes", NAME_MAX_);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (str_eq(id, files[i]))
			return error_config(err, WHERE "/closID", "`%s` is a directory that is no group", id);
	return 0;
}

int validate_intelrdt(const struct oci_config *c, struct error *err)
{
	const struct oci_intelrdt *x = &c->linux_.intelrdt;

	if (x->l3_cache_schema && !str_starts(x->l3_cache_schema, "L3:"))
		log_warning(WHERE "/l3CacheSchema: does not begin with `L3:`");
	if (x->mem_bw_schema && !str_starts(x->mem_bw_schema, "MB:"))
		return error_config(err, WHERE "/memBwSchema", "must begin with `MB:`");
	return check_clos_id(x->clos_id, err);
}
