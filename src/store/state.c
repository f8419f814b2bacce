/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.json: one table for the way out and the way back.  On the host. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/tree.h"
#include "json/writer.h"
#include "oci/config.h"
#include "store/state.h"
#include "store/store.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/str.h"
#include "util/trace.h"

const char *const container_status_names[5] = {
	"creating", "created", "running", "paused", "stopped",
};

#define STATE_VERSION 3
#define PID_MAX_LIMIT (1 << 22)		/* of the kernel, proc(5) pid_max */

enum kind {
	TEXT,			/* char * */
	TEXT_OR_NULL,
	ABSOLUTE,		/* char *, begins with a slash */
	ABSOLUTE_OR_NULL,
	FIXED_CREATED, FIXED_BOOT_ID,	/* char[] in the struct */
	U32, U64, PID, COUNT, BOOL, INODES, MAP,
};

struct field {
	const char *key;
	enum kind kind;
	unsigned since;		/* in a state of an older format it may be missing, and is 0, false or NULL then */
	size_t offset;
};

#define F(key, kind, member) SINCE(1, key, kind, member)
#define SINCE(format, key, kind, member) {key, kind, format, offsetof(struct state, member)}

static const struct field fields[] = {
	F("id", TEXT, id),
	F("bundle", ABSOLUTE, bundle),
	F("rootfs", ABSOLUTE_OR_NULL, rootfs),
	F("created", FIXED_CREATED, created),
	SINCE(4, "createdRaw", U64, created_raw_us),	/* format 3 may have it, and earlier releases wrote none */
	F("owner", U32, owner_uid),
	F("pid", PID, init.pid),
	F("startTime", U64, init.start_time),
	F("pidfdInode", U64, init.pidfd_inode),
	F("bootId", FIXED_BOOT_ID, init.boot_id),
	F("cgroupRoot", ABSOLUTE_OR_NULL, cgroup_root),
	F("cgroupPath", ABSOLUTE_OR_NULL, cgroup_path),
	F("cgroupId", U64, cgroup_id),
	F("cgroupCreatedAbove", COUNT, cgroup_created_above),
	F("cgroupCreated", BOOL, cgroup_created),
	SINCE(3, "systemdUnit", TEXT_OR_NULL, unit),
	SINCE(3, "systemdUser", BOOL, unit_user),
	SINCE(2, "intelRdtRoot", ABSOLUTE_OR_NULL, intelrdt_root),
	SINCE(2, "intelRdtGroup", ABSOLUTE_OR_NULL, intelrdt_group),
	SINCE(2, "intelRdtMonitor", ABSOLUTE_OR_NULL, intelrdt_monitor),
	SINCE(2, "hostMount", U64, host_mount),
	SINCE(2, "intelRdtInode", U64, intelrdt_inode),
	SINCE(2, "intelRdtMonitorInode", U64, intelrdt_monitor_inode),
	SINCE(2, "intelRdtOwn", BOOL, intelrdt_own),
	F("namespaces", U64, ns_flags),
	F("namespaceInodes", INODES, ns_inode),
	F("hasProcess", BOOL, has_process),
	F("hasPoststart", BOOL, has_poststart),
	F("hasPoststop", BOOL, has_poststop),
	SINCE(2, "agentAnswers", BOOL, agent_answers),
	SINCE(2, "startTimeout", U64, start_timeout_ms),
	SINCE(2, "notify", BOOL, notify),
	F("terminal", BOOL, terminal),
	F("rootless", BOOL, rootless),
	SINCE(2, "creating", BOOL, creating),
	F("ownPidNamespace", BOOL, own_pidns),
	F("annotations", MAP, annotations),
};

void state_set_created(struct state *st)
{
	clock_text_now(st->created);
	st->created_raw_us = clock_raw_us();
}

/* ---- out ---- */

static void write_field(struct json_writer *w, const struct field *f, const struct state *st)
{
	const void *p = (const char *)st + f->offset;

	json_write_key(w, f->key);
	switch (f->kind) {
	case TEXT:
	case TEXT_OR_NULL:
	case ABSOLUTE:
	case ABSOLUTE_OR_NULL:
		json_write_string(w, *(char *const *)p);
		break;
	case FIXED_CREATED:
	case FIXED_BOOT_ID:
		json_write_string(w, p);
		break;
	case U32:
		json_write_u64(w, *(const uid_t *)p);
		break;
	case U64:
		json_write_u64(w, *(const uint64_t *)p);
		break;
	case PID:
		json_write_i64(w, *(const pid_t *)p);
		break;
	case COUNT:
		json_write_u64(w, *(const unsigned *)p);
		break;
	case BOOL:
		json_write_bool(w, *(const bool *)p);
		break;
	case INODES:
		json_write_array(w);
		for (unsigned i = 0; i < N_NAMESPACES; i++)
			json_write_u64(w, ((const uint64_t *)p)[i]);
		json_write_end_array(w);
		break;
	case MAP:
		json_write_key_values(w, p);
		break;
	}
}

int state_write(int dir, const struct state *st, struct error *err)
{
	TRACE("write the state", NULL);
	struct json_writer w;
	char most[2048];	/* without long annotations it is about 750 bytes */
	int r;

	json_write_init(&w, false);
	w.out = STRBUF_IN(most);
	json_write_object(&w);
	json_write_key(&w, "version");
	json_write_u64(&w, STATE_VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		write_field(&w, &fields[i], st);
	json_write_end_object(&w);
	r = w.out.len > STATE_MAX_BYTES ? -E2BIG :
	    fd_write_atomic(dir, STORE_STATE, w.out.data, w.out.len, 0600);
	if (r == -E2BIG)
		error_set(err, E2BIG, "the state of container `%s` would need %zu bytes and at most %u are "
			  "allowed: its annotations are too large", st->id, w.out.len, STATE_MAX_BYTES);
	else if (r < 0)
		error_errno(err, r, "write the state of container `%s`", st->id);
	strbuf_free(&w.out);
	return r;
}

/* ---- back ---- */

/* "2026-01-31T23:59:59.123456789Z": engines fail on anything else. */
static bool is_timestamp(const char *s)
{
	static const char shape[] = "0000-00-00T00:00:00.000000000Z";

	if (strlen(s) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return false;
	return true;
}

/* Below the root of cgroups and not the root itself, without "..": rule T59. */
static bool is_cgroup_path(const char *s)
{
	if (s[0] != '/' || !s[1])
		return false;
	while (*s) {
		size_t n = strcspn(++s, "/");

		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		s += n;
	}
	return true;
}

static bool read_fixed(const struct json *v, char *ret, size_t size)
{
	if (v->type != JSON_STRING || v->string.len >= size)
		return false;
	memcpy(ret, v->string.data, v->string.len + 1);
	return true;
}

static bool read_text(struct arena *a, const struct json *v, enum kind kind, char **ret)
{
	if ((kind == ABSOLUTE_OR_NULL || kind == TEXT_OR_NULL) && v->type == JSON_NULL)
		return true;	/* *ret is NULL already */
	if (v->type != JSON_STRING || (kind != TEXT && kind != TEXT_OR_NULL && v->string.data[0] != '/'))
		return false;
	*ret = arena_strdup(a, v->string.data);
	return true;
}

static bool read_map(struct arena *a, const struct json *v, struct key_values *ret)
{
	if (v->type != JSON_OBJECT)
		return false;
	if (v->object.n)
		ret->v = arena_new_array(a, struct key_value, v->object.n);
	for (size_t i = 0; i < v->object.n; i++) {
		if (v->object.v[i]->type != JSON_STRING)
			return false;
		ret->v[i].key = arena_strdup(a, v->object.keys[i]);
		ret->v[i].value = arena_strdup(a, v->object.v[i]->string.data);
	}
	ret->n = v->object.n;
	return true;
}

static bool read_inodes(const struct json *v, uint64_t *ret)
{
	if (v->type != JSON_ARRAY || v->array.n != N_NAMESPACES)
		return false;
	for (unsigned i = 0; i < N_NAMESPACES; i++)
		if (v->array.v[i]->type != JSON_NUMBER || json_u64(v->array.v[i], &ret[i]) < 0)
			return false;
	return true;
}

static bool read_number(const struct json *v, uint64_t max, uint64_t *ret)
{
	return v->type == JSON_NUMBER && json_u64(v, ret) == 0 && *ret <= max;
}

static bool read_field(struct arena *a, const struct field *f, const struct json *v, struct state *st)
{
	void *p = (char *)st + f->offset;
	uint64_t n;

	switch (f->kind) {
	case TEXT:
	case TEXT_OR_NULL:
	case ABSOLUTE:
	case ABSOLUTE_OR_NULL:
		return read_text(a, v, f->kind, p);
	case FIXED_CREATED:
		return read_fixed(v, p, sizeof(st->created)) && is_timestamp(p);
	case FIXED_BOOT_ID:
		return read_fixed(v, p, sizeof(st->init.boot_id));
	case U32:
		if (!read_number(v, UINT32_MAX, &n))
			return false;
		*(uid_t *)p = (uid_t)n;
		return true;
	case U64:
		return read_number(v, UINT64_MAX, p);
	case PID:
		if (!read_number(v, PID_MAX_LIMIT, &n))
			return false;
		*(pid_t *)p = (pid_t)n;
		return true;
	case COUNT:
		if (!read_number(v, UINT32_MAX, &n))
			return false;
		*(unsigned *)p = (unsigned)n;
		return true;
	case BOOL:
		if (v->type != JSON_BOOL)
			return false;
		*(bool *)p = v->boolean;
		return true;
	case INODES:
		return read_inodes(v, p);
	case MAP:
		return read_map(a, v, p);
	}
	return false;
}

/* json_get() makes no difference between a member that is null and none. */
static const struct json *member(const struct json *o, const char *key)
{
	for (size_t i = 0; i < o->object.n; i++)
		if (str_eq(o->object.keys[i], key))
			return o->object.v[i];
	return NULL;
}

/*
 * All of these members, and whatever a later release may have added.  A container outlives the program that made it:
 * older formats are read, too.  0, -EBADMSG or -EPROTONOSUPPORT.
 */
static int read_object(struct arena *a, const struct json *o, struct state *st, uint64_t *ret_version)
{
	const struct json *version = o->type == JSON_OBJECT ? member(o, "version") : NULL;

	if (!version || !read_number(version, UINT64_MAX, ret_version))
		return -EBADMSG;
	if (*ret_version < 1 || *ret_version > STATE_VERSION)
		return -EPROTONOSUPPORT;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct json *v = member(o, fields[i].key);

		if (!v && *ret_version < fields[i].since)
			continue;
		if (!v || !read_field(a, &fields[i], v, st))
			return -EBADMSG;
	}
	return 0;
}

static bool is_unit(const char *s)
{
	return (str_ends(s, ".scope") || str_ends(s, ".slice")) && s[0] != '.' && strlen(s) < 256 && !strchr(s, '/');
}

/* The root group can be joined, never removed. */
static bool is_intelrdt(const struct state *st)
{
	if (!st->intelrdt_root)
		return !st->intelrdt_group && !st->intelrdt_monitor && !st->intelrdt_own;
	if (st->intelrdt_monitor && !is_cgroup_path(st->intelrdt_monitor))
		return false;
	if (st->intelrdt_group && str_eq(st->intelrdt_group, "/"))
		return !st->intelrdt_own;
	return !st->intelrdt_group || is_cgroup_path(st->intelrdt_group);
}

static bool is_consistent(const struct state *st, const char *id)
{
	if (!str_eq(st->id, id) || !st->cgroup_root != !st->cgroup_path)
		return false;
	if (st->cgroup_path && !is_cgroup_path(st->cgroup_path))
		return false;
	if (!is_intelrdt(st) || (st->unit && !is_unit(st->unit)))
		return false;
	return st->init.pid == 0 || strlen(st->init.boot_id) == 36;
}

/* As fd_read_regular_in, but a link is not followed and the file must be ours (rule R16). */
static ssize_t read_own_file(struct arena *a, int dir, const char *name, char **ret)
{
	_cleanup_close_ int fd = fd_openat(dir, name, O_RDONLY | (MUTATE(T57) ? 0 : O_NOFOLLOW) | O_NONBLOCK, 0);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) ||
	    st.st_size > (off_t)STATE_MAX_BYTES)
		return -EBADMSG;
	*ret = arena_alloc(a, (size_t)st.st_size + 1, 1);
	n = fd_read_up_to(fd, *ret, (size_t)st.st_size);
	if (n >= 0)
		(*ret)[n] = '\0';
	return n;
}

int state_read(struct arena *a, int dir, const char *id, struct state *ret, struct error *err)
{
	char *text = NULL;
	ssize_t len = read_own_file(a, dir, STORE_STATE, &text);
	struct state st = {0};
	uint64_t version = 0;
	struct json *root;
	int r = -EBADMSG;

	if (len == -ENOENT)
		return error_of(err, ERROR_CONTAINER_DAMAGED, ENOENT,
				"container `%s` is incomplete: it is being created, or that was interrupted "
				"(then remove it with delete --force)", id);
	if (len < 0 && len != -EBADMSG && len != -ELOOP)
		return error_errno(err, (int)len, "read the state of container `%s`", id);
	if (len >= 0 && json_parse(a, text, (size_t)len, &root, err) == 0)
		r = read_object(a, root, &st, &version);
	if (r == -EPROTONOSUPPORT)
		return error_of(err, ERROR_CONTAINER_DAMAGED, EPROTONOSUPPORT,
				"the state of container `%s` has format %llu, of another version of orlop, "
				"and this one knows formats 1 to %d (use that version for this container, or "
				"end it with delete --force)", id, (unsigned long long)version, STATE_VERSION);
	if (r < 0 || !is_consistent(&st, id))
		return error_of(err, ERROR_CONTAINER_DAMAGED, EBADMSG,
				"the state of container `%s` is damaged (delete --force ends what it can "
				"still find of it, also by its saved config.json)", id);
	*ret = st;
	return 0;
}

void state_salvage(struct arena *a, int dir, const char *id, struct state *ret)
{
	struct error ignored = {0};
	struct state st = {0};
	struct json *root;
	char *text = NULL;
	ssize_t len = read_own_file(a, dir, STORE_STATE, &text);

	if (len >= 0 && json_parse(a, text, (size_t)len, &root, &ignored) == 0 && root->type == JSON_OBJECT)
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			const struct json *v = member(root, fields[i].key);

			if (v)
				read_field(a, &fields[i], v, &st);
		}
	/* The state of another container, moved here, says nothing of this one. */
	if (!st.id || !str_eq(st.id, id))
		st = (struct state){0};
	if (strlen(st.init.boot_id) != 36 || (!st.init.pidfd_inode && !st.init.start_time))
		st.init = (struct state_process){0};
	if (!st.cgroup_root || !st.cgroup_path || !is_cgroup_path(st.cgroup_path) || !st.cgroup_id)
		st.cgroup_root = st.cgroup_path = NULL;
	if (!is_intelrdt(&st))
		st.intelrdt_root = NULL;
	if (st.unit && (!st.cgroup_path || !is_unit(st.unit)))
		st.unit = NULL;
	st.id = arena_strdup(a, id);
	if (!st.bundle)
		st.bundle = arena_strdup(a, "");
	*ret = st;
}
