/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `linux.resources` as a document again, as it holds after an update: what config_parse_resources() makes the
 * same of.  What cgroup v2 has not, is not in it: it was refused, or says that there is no limit.
 */
#include "config/config.h"
#include "json/writer.h"
#include "oci/resources.h"

static void write_i64(struct json_writer *w, const char *key, struct opt_i64 v)
{
	if (!v.set)
		return;
	json_write_key(w, key);
	json_write_i64(w, v.v);
}

static void write_u64(struct json_writer *w, const char *key, struct opt_u64 v)
{
	if (!v.set)
		return;
	json_write_key(w, key);
	json_write_u64(w, v.v);
}

static void write_u32(struct json_writer *w, const char *key, struct opt_u32 v)
{
	write_u64(w, key, (struct opt_u64){v.set, v.v});
}

static void write_string(struct json_writer *w, const char *key, const char *s)
{
	if (!s)
		return;
	json_write_key(w, key);
	json_write_string(w, s);
}

static void write_number(struct json_writer *w, const char *key, int64_t v)
{
	json_write_key(w, key);
	json_write_i64(w, v);
}

static void write_devices(struct json_writer *w, const struct oci_resources *r)
{
	if (!r->has_devices)
		return;
	json_write_key(w, "devices");
	json_write_array(w);
	for (size_t i = 0; i < r->n_devices; i++) {
		const struct oci_device_rule *d = &r->devices[i];
		const char type[] = {d->type, '\0'};
		const char access[] = {d->access & DEVICE_ACCESS_READ ? 'r' : ' ',
				       d->access & DEVICE_ACCESS_WRITE ? 'w' : ' ',
				       d->access & DEVICE_ACCESS_MKNOD ? 'm' : ' '};
		char letters[sizeof(access) + 1];
		size_t n = 0;

		for (size_t j = 0; j < sizeof(access); j++)
			if (access[j] != ' ')
				letters[n++] = access[j];
		letters[n] = '\0';
		json_write_object(w);
		json_write_key(w, "allow");
		json_write_bool(w, d->allow);
		write_string(w, "type", type);
		write_number(w, "major", d->major);
		write_number(w, "minor", d->minor);
		write_string(w, "access", letters);
		json_write_end_object(w);
	}
	json_write_end_array(w);
}

static void write_memory(struct json_writer *w, const struct oci_resources *r)
{
	json_write_key(w, "memory");
	json_write_object(w);
	write_i64(w, "limit", r->memory.limit);
	write_i64(w, "reservation", r->memory.reservation);
	write_i64(w, "swap", r->memory.swap);
	if (r->memory.check_before_update.set) {
		json_write_key(w, "checkBeforeUpdate");
		json_write_bool(w, r->memory.check_before_update.v);
	}
	json_write_end_object(w);
}

static void write_cpu(struct json_writer *w, const struct oci_resources *r)
{
	json_write_key(w, "cpu");
	json_write_object(w);
	write_u64(w, "shares", r->cpu.shares);
	write_i64(w, "quota", r->cpu.quota);
	write_u64(w, "period", r->cpu.period);
	write_u64(w, "burst", r->cpu.burst);
	write_i64(w, "idle", r->cpu.idle);
	write_string(w, "cpus", r->cpu.cpus);
	write_string(w, "mems", r->cpu.mems);
	json_write_end_object(w);
}

static void write_device_number(struct json_writer *w, int64_t major, int64_t minor)
{
	write_number(w, "major", major);
	write_number(w, "minor", minor);
}

static void write_throttles(struct json_writer *w, const char *key, const struct oci_throttles *list)
{
	json_write_key(w, key);
	json_write_array(w);
	for (size_t i = 0; i < list->n; i++) {
		json_write_object(w);
		write_device_number(w, list->v[i].major, list->v[i].minor);
		json_write_key(w, "rate");
		json_write_u64(w, list->v[i].rate);
		json_write_end_object(w);
	}
	json_write_end_array(w);
}

static void write_block_io(struct json_writer *w, const struct oci_resources *r)
{
	json_write_key(w, "blockIO");
	json_write_object(w);
	write_u32(w, "weight", r->block_io.weight);
	json_write_key(w, "weightDevice");
	json_write_array(w);
	for (size_t i = 0; i < r->block_io.n_weight_device; i++) {
		const struct oci_weight_device *d = &r->block_io.weight_device[i];

		json_write_object(w);
		write_device_number(w, d->major, d->minor);
		write_u32(w, "weight", d->weight);
		write_u32(w, "leafWeight", d->leaf_weight);
		json_write_end_object(w);
	}
	json_write_end_array(w);
	write_throttles(w, "throttleReadBpsDevice", &r->block_io.read_bps);
	write_throttles(w, "throttleWriteBpsDevice", &r->block_io.write_bps);
	write_throttles(w, "throttleReadIOPSDevice", &r->block_io.read_iops);
	write_throttles(w, "throttleWriteIOPSDevice", &r->block_io.write_iops);
	json_write_end_object(w);
}

static void write_hugepages(struct json_writer *w, const struct oci_resources *r)
{
	json_write_key(w, "hugepageLimits");
	json_write_array(w);
	for (size_t i = 0; i < r->n_hugepage_limits; i++) {
		json_write_object(w);
		write_string(w, "pageSize", r->hugepage_limits[i].page_size);
		json_write_key(w, "limit");
		json_write_u64(w, r->hugepage_limits[i].limit);
		json_write_end_object(w);
	}
	json_write_end_array(w);
}

static void write_rdma(struct json_writer *w, const struct oci_resources *r)
{
	json_write_key(w, "rdma");
	json_write_object(w);
	for (size_t i = 0; i < r->n_rdma; i++) {
		json_write_key(w, r->rdma[i].device);
		json_write_object(w);
		write_u32(w, "hcaHandles", r->rdma[i].hca_handles);
		write_u32(w, "hcaObjects", r->rdma[i].hca_objects);
		json_write_end_object(w);
	}
	json_write_end_object(w);
}

char *config_resources_text(const struct oci_resources *r, size_t *ret_len)
{
	struct json_writer w;

	json_write_init(&w, false);
	json_write_object(&w);
	write_devices(&w, r);
	write_memory(&w, r);
	write_cpu(&w, r);
	write_block_io(&w, r);
	write_hugepages(&w, r);
	if (r->pids_limit.set) {
		json_write_key(&w, "pids");
		json_write_object(&w);
		write_i64(&w, "limit", r->pids_limit);
		json_write_end_object(&w);
	}
	write_rdma(&w, r);
	json_write_key(&w, "unified");
	json_write_key_values(&w, &r->unified);
	json_write_end_object(&w);
	return json_write_finish(&w, ret_len);
}
