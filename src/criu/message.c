/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of CRIU's RPC, by the numbers of images/rpc.proto.  Pure. */
#include "criu/message.h"

#include <errno.h>
#include <limits.h>

#include "criu/wire.h"
#include "util/cleanup.h"
#include "util/mem.h"

#define LOG_LEVEL_DEBUG 4

/* criu_req */
enum { REQ_TYPE = 1, REQ_OPTS = 2, REQ_NOTIFY_SUCCESS = 3, REQ_FEATURES = 5 };

/* criu_opts */
enum {
	IMAGES_DIR_FD = 1, PID = 2, LEAVE_RUNNING = 3, EXT_UNIX_SK = 4, TCP_ESTABLISHED = 5, EVASIVE_DEVICES = 6,
	SHELL_JOB = 7, FILE_LOCKS = 8, LOG_LEVEL = 9, LOG_FILE = 10, PAGE_SERVER = 11, NOTIFY_SCRIPTS = 12, ROOT = 13,
	PARENT_IMG = 14, TRACK_MEM = 15, AUTO_DEDUP = 16, WORK_DIR_FD = 17, LINK_REMAP = 18, EXT_MNT = 23,
	MANAGE_CGROUPS = 24, CG_ROOT = 25, RST_SIBLING = 26, INHERIT_FD = 27, MANAGE_CGROUPS_MODE = 34, EXTERNAL = 37,
	EMPTY_NS = 38, JOIN_NS = 39, FREEZE_CGROUP = 44, TCP_SKIP_IN_FLIGHT = 46, LAZY_PAGES = 48,
	ORPHAN_PTS_MASTER = 50, CONFIG_FILE = 51, TCP_CLOSE = 52, LSM_PROFILE = 53, LSM_MOUNT_CONTEXT = 63,
	NETWORK_LOCK = 64,
};

/* ---- requests --------------------------------------------------------------------------------- */

bool criu_key_is_safe(const char *key)
{
	for (const char *s = key; *s; s++)
		if (*s == '[' || *s == ']' || (unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return key[0] == '/';
}

static void put_pairs(struct strbuf *out, unsigned field, const struct criu_pair *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(strbuf_free) struct strbuf pair = {0};

		wire_put_string(&pair, 1, v[i].key);
		wire_put_string(&pair, 2, v[i].value);
		wire_put_bytes(out, field, pair.data, pair.len);
	}
}

static void put_inherited(struct strbuf *out, const struct criu_request *r)
{
	for (size_t i = 0; i < r->n_inherit; i++) {
		_cleanup_(strbuf_free) struct strbuf inherit = {0};

		wire_put_string(&inherit, 1, r->inherit[i].key);
		wire_put_number(&inherit, 2, (uint64_t)(int64_t)r->inherit[i].fd);
		wire_put_bytes(out, INHERIT_FD, inherit.data, inherit.len);
	}
}

static void put_flags(struct strbuf *out, const struct criu_request *r)
{
	const struct {
		unsigned field;
		bool v;
	} flags[] = {
		{LEAVE_RUNNING, r->leave_running}, {EXT_UNIX_SK, r->ext_unix_sk}, {TCP_ESTABLISHED, r->tcp_established},
		{EVASIVE_DEVICES, r->evasive_devices}, {SHELL_JOB, r->shell_job}, {FILE_LOCKS, r->file_locks},
		{NOTIFY_SCRIPTS, r->notify}, {TRACK_MEM, r->track_mem}, {AUTO_DEDUP, r->auto_dedup},
		{LINK_REMAP, r->link_remap}, {RST_SIBLING, r->rst_sibling}, {TCP_SKIP_IN_FLIGHT, r->tcp_skip_in_flight},
		{LAZY_PAGES, r->lazy_pages}, {ORPHAN_PTS_MASTER, r->orphan_pts_master}, {TCP_CLOSE, r->tcp_close},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		wire_put_flag(out, flags[i].field, flags[i].v);
}

static void put_page_server(struct strbuf *out, const struct criu_request *r)
{
	_cleanup_(strbuf_free) struct strbuf ps = {0};

	if (!r->page_server)
		return;
	wire_put_string(&ps, 1, r->page_server);
	wire_put_number(&ps, 2, r->page_server_port);
	wire_put_bytes(out, PAGE_SERVER, ps.data, ps.len);
}

static void put_cgroups(struct strbuf *out, const struct criu_request *r)
{
	wire_put_number(out, MANAGE_CGROUPS, r->cgroups != CRIU_CGROUPS_IGNORE);
	wire_put_number(out, MANAGE_CGROUPS_MODE, r->cgroups);
	wire_put_string(out, FREEZE_CGROUP, r->freeze_cgroup);
	put_pairs(out, CG_ROOT, r->cgroup_roots, r->n_cgroup_roots);
}

static void put_options(struct strbuf *out, const struct criu_request *r)
{
	wire_put_number(out, IMAGES_DIR_FD, (uint64_t)r->images);
	wire_put_number(out, WORK_DIR_FD, (uint64_t)r->work);
	wire_put_number(out, LOG_LEVEL, LOG_LEVEL_DEBUG);
	wire_put_string(out, LOG_FILE, r->log_file);
	wire_put_string(out, ROOT, r->root);
	if (r->pid)
		wire_put_number(out, PID, (uint64_t)r->pid);
	put_flags(out, r);
	put_page_server(out, r);
	wire_put_string(out, PARENT_IMG, r->parent_images);
	put_pairs(out, EXT_MNT, r->external_mounts, r->n_external_mounts);
	for (size_t i = 0; i < r->n_external; i++)
		wire_put_string(out, EXTERNAL, r->external[i]);
	put_inherited(out, r);
	put_pairs(out, JOIN_NS, r->join, r->n_join);
	put_cgroups(out, r);
	if (r->empty_ns)
		wire_put_number(out, EMPTY_NS, r->empty_ns);
	if (r->network_lock)
		wire_put_number(out, NETWORK_LOCK, r->network_lock);
	wire_put_string(out, CONFIG_FILE, r->config_file);
	wire_put_string(out, LSM_PROFILE, r->lsm_profile);
	wire_put_string(out, LSM_MOUNT_CONTEXT, r->lsm_mount_context);
}

void criu_put_request(struct strbuf *out, const struct criu_request *r)
{
	_cleanup_(strbuf_free) struct strbuf inner = {0};

	wire_put_number(out, REQ_TYPE, r->type);
	switch (r->type) {
	case CRIU_DUMP:
	case CRIU_RESTORE:
	case CRIU_PRE_DUMP:
		put_options(&inner, r);
		wire_put_bytes(out, REQ_OPTS, inner.data, inner.len);
		break;
	case CRIU_FEATURE_CHECK:
		wire_put_flag(&inner, 1, r->features & CRIU_MEM_TRACK);
		wire_put_flag(&inner, 2, r->features & CRIU_LAZY_PAGES);
		wire_put_bytes(out, REQ_FEATURES, inner.data, inner.len);
		break;
	default:
		break;
	}
}

void criu_put_notified(struct strbuf *out, bool success)
{
	wire_put_number(out, REQ_TYPE, CRIU_NOTIFY);
	wire_put_number(out, REQ_NOTIFY_SUCCESS, success);
}

/* ---- answers ---------------------------------------------------------------------------------- */

/* An int32, which is sent with all 64 bits of its sign; not negative. */
static int get_int(const struct wire_field *f, int *ret)
{
	if (f->bytes || f->v > INT_MAX)
		return -EBADMSG;
	*ret = (int)f->v;
	return 0;
}

/* Cut if it is too long; what cannot be shown is escaped. */
static int get_string(const struct wire_field *f, char *buf, size_t size)
{
	char *text;

	if (!f->bytes)
		return -EBADMSG;
	text = xstrndup((const char *)f->data, f->n);
	str_escape(text, buf, size);
	free(text);
	return 0;
}

/* A message in the message: what is in its fields goes to @get. */
static int get_inner(const struct wire_field *f, struct criu_answer *ret,
		     int (*get)(const struct wire_field *f, struct criu_answer *ret))
{
	struct wire_reader r;
	struct wire_field inner;
	int e;

	if (!f->bytes)
		return -EBADMSG;
	r = (struct wire_reader){f->data, f->data + f->n};
	while ((e = wire_next(&r, &inner)) > 0) {
		e = get(&inner, ret);
		if (e < 0)
			return e;
	}
	return e;
}

static int get_restored(const struct wire_field *f, struct criu_answer *ret)
{
	/* -1: nothing was restored */
	if (f->number == 1 && !f->bytes && f->v == UINT64_MAX)
		return 0;
	return f->number == 1 ? get_int(f, &ret->pid) : 0;
}

static int get_notification(const struct wire_field *f, struct criu_answer *ret)
{
	if (f->number == 1)
		return get_string(f, ret->script, sizeof(ret->script));
	return f->number == 2 ? get_int(f, &ret->pid) : 0;
}

static int get_features(const struct wire_field *f, struct criu_answer *ret)
{
	if (f->number > 2)
		return 0;
	if (f->bytes)
		return -EBADMSG;
	if (f->v)
		ret->features |= f->number == 1 ? CRIU_MEM_TRACK : CRIU_LAZY_PAGES;
	return 0;
}

/* Of numbers that would not fit into two digits the version is newer than all that is asked for. */
static int get_version(const struct wire_field *f, struct criu_answer *ret)
{
	static const unsigned weight[] = {[1] = 10000, [2] = 100, [4] = 1};
	int v = 0, e;

	if (f->number >= ARRAY_SIZE(weight) || !weight[f->number])
		return 0;
	e = get_int(f, &v);
	if (e == 0)
		ret->version += weight[f->number] * (unsigned)(v < 99 ? v : 99);
	return e;
}

static int get_field(const struct wire_field *f, struct criu_answer *ret)
{
	int v = 0, e = 0;

	switch (f->number) {
	case 1:
		e = get_int(f, &v);
		ret->type = (enum criu_type)v;
		return e;
	case 2:
		ret->success = f->v != 0;
		return f->bytes ? -EBADMSG : 0;
	case 4:
		return get_inner(f, ret, get_restored);
	case 5:
		return get_inner(f, ret, get_notification);
	case 7:
		ret->errnum = !f->bytes && f->v <= 4095 ? (int)f->v : 0;
		return 0;
	case 8:
		return get_inner(f, ret, get_features);
	case 9:
		return get_string(f, ret->message, sizeof(ret->message));
	case 10:
		return get_inner(f, ret, get_version);
	default:
		return 0;
	}
}

int criu_answer_parse(const void *data, size_t n, struct criu_answer *ret)
{
	struct wire_reader r = {data, (const unsigned char *)data + n};
	struct wire_field f;
	bool type = false, success = false;
	int e;

	*ret = (struct criu_answer){0};
	while ((e = wire_next(&r, &f)) > 0) {
		type |= f.number == 1;
		success |= f.number == 2;
		e = get_field(&f, ret);
		if (e < 0)
			return e;
	}
	return e < 0 || !type || !success ? -EBADMSG : 0;
}
