/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `mounts`: runtime-spec config.md#mounts. */
#include "config/read.h"

#include "oci/mount.h"

static const struct field id_mapping_fields[] = {
	{FIELD_U32("containerID", struct oci_id_mapping, container_id), .flags = REQUIRED | IS_ID},
	{FIELD_U32("hostID", struct oci_id_mapping, host_id), .flags = REQUIRED | IS_ID},
	{FIELD_U32("size", struct oci_id_mapping, size), .flags = REQUIRED},
};

const struct object id_mapping_object = {OBJECT(id_mapping_fields, struct oci_id_mapping)};

static int mount_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_mount *m = base;

	(void)at;
	(void)v;
	mount_options_parse(r->arena, &m->words, &m->options);
	return 0;
}

static const struct field mount_fields[] = {
	{FIELD_STRING("destination", struct oci_mount, destination), .flags = REQUIRED | NONEMPTY},
	{FIELD_STRING("source", struct oci_mount, source), .flags = EMPTY_IS_ABSENT},
	{FIELD_STRING("type", struct oci_mount, type), .flags = EMPTY_IS_ABSENT},
	{FIELD_STRINGS("options", struct oci_mount, words)},
	{FIELD_LIST("uidMappings", struct oci_mount, uid_mappings.v, uid_mappings.n,
		    &id_mapping_object)},
	{FIELD_LIST("gidMappings", struct oci_mount, gid_mappings.v, gid_mappings.n,
		    &id_mapping_object)},
};

const struct object mount_object = {OBJECT(mount_fields, struct oci_mount), .done = mount_done};
