/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `linux` but for resources and seccomp: runtime-spec config-linux.md. */
#include "config/read.h"

#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "oci/linux.h"

/* ---- namespaces ----------------------------------------------------------------------------- */

static int read_namespace_type(struct reader *r, const struct at *at, const struct json *v,
			       void *base)
{
	struct oci_namespace *ns = base;
	const struct name_value *row;
	int e = reader_word(r, at, v, namespace_names, n_namespace_names, &row);

	if (e < 0)
		return e;
	ns->flag = row->value;
	ns->name = row->name;
	return 0;
}

static const struct field namespace_fields[] = {
	{FIELD_CALL("type", read_namespace_type), .flags = REQUIRED},
	{FIELD_STRING("path", struct oci_namespace, path), .flags = ABSOLUTE | EMPTY_IS_ABSENT},
};

static const struct object namespace_object = {OBJECT(namespace_fields, struct oci_namespace)};

/* ---- devices -------------------------------------------------------------------------------- */

struct raw_device {
	struct oci_device oci;
	struct opt_i64 major, minor;
	struct opt_u32 file_mode, uid, gid;
};

static int read_device_type(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	static const struct name_value types[] = {
		{"c", S_IFCHR}, {"u", S_IFCHR}, {"b", S_IFBLK}, {"p", S_IFIFO},
	};
	struct raw_device *d = base;
	const struct name_value *row;
	int e = reader_type(r, at, v, JSON_STRING);

	if (e < 0)
		return e;
	row = name_find(types, ARRAY_SIZE(types), v->string.data);
	if (!row)
		return reader_fail(r, at, v, "`%.40s` is not a device type (c, b, u or p)",
				   v->string.data);
	d->oci.type = (mode_t)row->value;
	return 0;
}

static int device_done(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct raw_device *d = base;
	uint32_t mode = d->file_mode.set ? d->file_mode.v : 0666;

	/* Some producers leave the type bits in. */
	if (mode & ~(uint32_t)(S_IFMT | 07777))
		return reader_fail_member(r, at, v, "fileMode", "%u is not a file mode", mode);
	d->oci.mode = mode & 07777;
	d->oci.any_mode = !d->file_mode.set;
	d->oci.uid = d->uid.v;
	d->oci.gid = d->gid.v;
	d->oci.any_owner = !d->uid.set && !d->gid.set;
	if (d->oci.type == S_IFIFO)
		return 0;
	if (!d->major.set || !d->minor.set) {
		const char *name = d->major.set ? "minor" : "major";

		return reader_fail_member(r, at, v, name, "`%s` is required for this type", name);
	}
	d->oci.dev = makedev((unsigned)d->major.v, (unsigned)d->minor.v);
	return 0;
}

/* The kernel has 12 and 20 bits, MKDEV in include/linux/kdev_t.h. */
static const struct field device_fields[] = {
	{FIELD_CALL("type", read_device_type), .flags = REQUIRED},
	{FIELD_STRING("path", struct raw_device, oci.path), .flags = REQUIRED | ABSOLUTE},
	{FIELD_OPT_I64("major", struct raw_device, major), RANGE(0, 0xfff)},
	{FIELD_OPT_I64("minor", struct raw_device, minor), RANGE(0, 0xfffff)},
	{FIELD_OPT_U32("fileMode", struct raw_device, file_mode)},
	{FIELD_OPT_U32("uid", struct raw_device, uid), .flags = IS_ID},
	{FIELD_OPT_U32("gid", struct raw_device, gid), .flags = IS_ID},
};

static const struct object device_object = {
	OBJECT(device_fields, struct raw_device), .done = device_done,
};

static int read_devices(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_linux *l = base;
	int e = reader_type(r, at, v, JSON_ARRAY);

	if (e < 0 || v->array.n == 0)
		return e;
	if (v->array.n > LIST_MAX)
		return reader_fail(r, at, v, "%zu elements, at most %u are taken", v->array.n,
				   LIST_MAX);
	l->devices = arena_new_array(r->arena, struct oci_device, v->array.n);
	for (size_t i = 0; i < v->array.n; i++) {
		struct at element = {at, NULL, i};
		struct raw_device raw = {0};

		e = reader_go_on(r, reader_object(r, &element, v->array.v[i], &device_object, &raw));
		if (e < 0)
			return e;
		l->devices[i] = raw.oci;
	}
	l->n_devices = v->array.n;
	return 0;
}

/* ---- network devices ------------------------------------------------------------------------ */

static const struct field net_device_fields[] = {
	{FIELD_STRING("name", struct oci_net_device, name), .flags = EMPTY_IS_ABSENT},
};

static const struct object net_device_object = {OBJECT(net_device_fields, struct oci_net_device)};

static int read_net_devices(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	struct oci_linux *l = base;
	int e = reader_type(r, at, v, JSON_OBJECT);

	if (e < 0 || v->object.n == 0)
		return e;
	l->net_devices = arena_new_array(r->arena, struct oci_net_device, v->object.n);
	for (size_t i = 0; i < v->object.n; i++) {
		struct oci_net_device *d = &l->net_devices[l->n_net_devices];
		struct at member = {at, v->object.keys[i], 0};

		if (v->object.v[i]->type == JSON_NULL)
			continue;
		e = reader_go_on(r, reader_object(r, &member, v->object.v[i], &net_device_object, d));
		if (e < 0)
			return e;
		d->host_name = v->object.keys[i];
		l->n_net_devices++;
	}
	return 0;
}

/* ---- intelRdt ------------------------------------------------------------------------------- */

static const struct field intelrdt_fields[] = {
	{FIELD_STRING("closID", struct oci_intelrdt, clos_id), .flags = EMPTY_IS_ABSENT | ONE_LINE},
	{FIELD_STRING("l3CacheSchema", struct oci_intelrdt, l3_cache_schema),
	 .flags = EMPTY_IS_ABSENT | ONE_LINE},
	{FIELD_STRING("memBwSchema", struct oci_intelrdt, mem_bw_schema),
	 .flags = EMPTY_IS_ABSENT | ONE_LINE},
	{FIELD_STRINGS("schemata", struct oci_intelrdt, schemata), .flags = NONEMPTY | ONE_LINE},
	{FIELD_BOOL("enableMonitoring", struct oci_intelrdt, enable_monitoring)},
};

static const struct object intelrdt_object = {
	OBJECT(intelrdt_fields, struct oci_intelrdt),
	.present = offsetof(struct oci_intelrdt, present), .has_present = true,
};

/* ---- the rest ------------------------------------------------------------------------------- */

/* The four words of the specification, and their recursive forms as every runtime takes them. */
static int read_propagation(struct reader *r, const struct at *at, const struct json *v, void *base)
{
	static const struct name_value words[] = {
		{"shared", MS_SHARED}, {"rshared", MS_SHARED | MS_REC},
		{"slave", MS_SLAVE}, {"rslave", MS_SLAVE | MS_REC},
		{"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE | MS_REC},
		{"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
	};
	struct oci_linux *l = base;
	const struct name_value *row;
	int e;

	if (v->type == JSON_STRING && v->string.len == 0)
		return 0;	/* Go writes "" for "absent" */
	e = reader_word(r, at, v, words, ARRAY_SIZE(words), &row);
	if (e < 0)
		return e;
	l->rootfs_propagation = (unsigned long)row->value;
	l->rootfs_propagation_word = v->string.data;
	return 0;
}

static int read_linux_seccomp(struct reader *r, const struct at *at, const struct json *v,
			      void *base)
{
	return read_seccomp(r, at, v, &((struct oci_linux *)base)->seccomp);
}

static const struct field linux_fields[] = {
	{FIELD_LIST("namespaces", struct oci_linux, namespaces, n_namespaces, &namespace_object)},
	{FIELD_LIST("uidMappings", struct oci_linux, uid_mappings.v, uid_mappings.n,
		    &id_mapping_object)},
	{FIELD_LIST("gidMappings", struct oci_linux, gid_mappings.v, gid_mappings.n,
		    &id_mapping_object)},
	{FIELD_CALL("devices", read_devices)},
	{FIELD_STRING("cgroupsPath", struct oci_linux, cgroups_path), .flags = EMPTY_IS_ABSENT},
	{FIELD_OBJECT("resources", struct oci_linux, resources, &resources_object)},
	{FIELD_KEY_VALUES("sysctl", struct oci_linux, sysctl), .flags = NONEMPTY | ONE_LINE},
	{FIELD_CALL("seccomp", read_linux_seccomp)},
	{FIELD_CALL("rootfsPropagation", read_propagation)},
	{FIELD_STRINGS("maskedPaths", struct oci_linux, masked_paths), .flags = ABSOLUTE},
	{FIELD_STRINGS("readonlyPaths", struct oci_linux, readonly_paths), .flags = ABSOLUTE},
	{FIELD_STRING("mountLabel", struct oci_linux, mount_label)},
	{FIELD_CALL("timeOffsets", read_time_offsets)},
	{FIELD_CALL("netDevices", read_net_devices)},
	{FIELD_OBJECT("intelRdt", struct oci_linux, intelrdt, &intelrdt_object)},
	{FIELD_OBJECT("memoryPolicy", struct oci_linux, memory_policy, &memory_policy_object)},
	{FIELD_CALL("personality", read_personality)},
};

const struct object linux_object = {OBJECT(linux_fields, struct oci_linux)};
