/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs on the host. */
#include "store/ending.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cgroup/events.h"
#include "cgroup/oom_log.h"
#include "json/tree.h"
#include "json/writer.h"
#include "oci/names.h"
#include "store/status.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

void ending_of_status(struct ending *e, int wait_status)
{
	e->known = true;
	e->wait_status = wait_status;
	clock_text_now(e->time);
}

void ending_seen(struct ending *e, int pidfd, int proc)
{
	int status;

	clock_text_now(e->time);
	if (state_exit(pidfd, proc, &status) < 0)
		return;
	e->known = true;
	e->wait_status = status;
}

/* ---- memory ---- */

static uint64_t read_bytes(int cgroup, const char *file)
{
	char text[32];
	uint64_t n = 0;

	if (fd_read_pseudo(cgroup, file, text, sizeof(text)) <= 0)
		return 0;
	if (str_eq(text, "max"))
		return UINT64_MAX;
	str_to_u64(text, &n);
	return n;
}

/* systemd removes the cgroup of a scope as soon as nobody is in it. */
static uint64_t count_in_log(const struct state *st)
{
	int64_t n = oom_log_count_since(st->cgroup_path, st->created_raw_us);

	return n > 0 ? (uint64_t)n : 0;
}

/* Of one without the controller there is nothing to count, and one that goes while we look has nothing left. */
static uint64_t count_kills(int cgroup, const struct state *st)
{
	int64_t n = cgroup < 0 ? -1 : cgroup_read_key(cgroup, "memory.events", "oom_kill");

	if (n >= 0)
		return (uint64_t)n;
	return cgroup >= 0 && cgroup_read_key(cgroup, "cgroup.events", "populated") >= 0 ? 0 : count_in_log(st);
}

void ending_add_memory(struct ending *e, const struct state *st)
{
	_cleanup_close_ int cgroup = -1;
	struct error ignored = {0};

	if (!st->cgroup_path || state_open_cgroup(st, &cgroup, &ignored) < 0)
		return;
	if (cgroup >= 0 && !st->cgroup_created && !st->unit)	/* others were there before */
		return;
	if (cgroup >= 0) {
		e->memory_max = read_bytes(cgroup, "memory.max");
		e->memory_peak = read_bytes(cgroup, "memory.peak");
	}
	e->oom_kills = count_kills(cgroup, st);
}

/* ---- kept ---- */

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{"oomKills", offsetof(struct ending, oom_kills)},
	{"memoryMax", offsetof(struct ending, memory_max)},
	{"memoryPeak", offsetof(struct ending, memory_peak)},
};

static int save(int dir, const struct ending *e, struct error *err)
{
	struct json_writer w;
	int r;

	json_write_init(&w, false);
	json_write_object(&w);
	json_write_key(&w, "waitStatus");
	json_write_i64(&w, e->known ? e->wait_status : -1);
	json_write_key(&w, "time");
	json_write_string(&w, e->time);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		json_write_key(&w, numbers[i].key);
		json_write_u64(&w, *(const uint64_t *)((const char *)e + numbers[i].offset));
	}
	json_write_end_object(&w);
	r = fd_write_atomic(dir, STORE_EXIT, w.out.data, w.out.len, 0600);
	strbuf_free(&w.out);
	return r < 0 ? error_errno(err, r, "keep how it ended (" STORE_EXIT ")") : 0;
}

int ending_save(struct store *s, const char *id, int dir, const struct ending *e, struct error *err)
{
	struct error ignored = {0};
	int r = store_lock(dir, true, STORE_LOCK_MS, err);

	if (r == 0)
		r = store_look_at(s, id, dir, err);
	if (r > 0)
		r = save(dir, e, err);
	store_unlock(dir, &ignored);
	return r < 0 ? error_in(err, "container `%s`", id) : 0;
}

static bool read_saved(const struct json *o, struct ending *ret)
{
	const struct json *status = o->type == JSON_OBJECT ? json_get(o, "waitStatus") : NULL;
	const struct json *when = status ? json_get(o, "time") : NULL;
	struct ending e = {0};
	int64_t n;

	if (!when || when->type != JSON_STRING || when->string.len >= sizeof(e.time) ||
	    clock_read_text_us(when->string.data) < 0)
		return false;
	if (status->type != JSON_NUMBER || json_i64(status, &n) < 0 || n < -1 || n > UINT16_MAX)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct json *v = json_get(o, numbers[i].key);

		if (!v || v->type != JSON_NUMBER || json_u64(v, (uint64_t *)((char *)&e + numbers[i].offset)) < 0)
			return false;
	}
	strcpy(e.time, when->string.data);
	e.known = n >= 0;
	e.wait_status = (int)n;
	*ret = e;
	return true;
}

/* What cannot be read says nothing: then it is unknown. */
static bool load_saved(struct arena *a, int dir, struct ending *ret)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = fd_read_regular(dir, STORE_EXIT, 4096, &text);
	struct error ignored = {0};
	struct json *root;

	return n >= 0 && json_parse(a, text, (size_t)n, &root, &ignored) == 0 && read_saved(root, ret);
}

void ending_load(struct arena *a, int dir, const struct state *st, struct ending *ret)
{
	_cleanup_close_ int pidfd = -1, proc = -1;

	*ret = (struct ending){0};
	if (load_saved(a, dir, ret))
		return;
	if (state_open_ended(&st->init, &pidfd, &proc) == 0)
		ret->known = state_exit(pidfd, proc, &ret->wait_status) == 0;
	ending_add_memory(ret, st);
}

/* ---- told ---- */

int ending_code(const struct ending *e)
{
	return WIFSIGNALED(e->wait_status) ? 128 + WTERMSIG(e->wait_status) : WEXITSTATUS(e->wait_status);
}

bool ending_is_oom(const struct ending *e)
{
	return e->known && e->oom_kills > 0 && ending_code(e) == 128 + SIGKILL;
}

#define BYTES_WORDS 48

/* "64M", "63.9M": as limits are written, a digit behind the point where it is not exact. */
static const char *bytes_words(uint64_t n, char buf[BYTES_WORDS])
{
	static const char units[] = "KMGTPE";
	uint64_t unit = 1;
	int i = -1;

	if (n == UINT64_MAX)
		return "max";
	while (i < 5 && n / unit >= 1024) {
		unit *= 1024;
		i++;
	}
	if (i < 0 || n % unit == 0)
		snprintf(buf, BYTES_WORDS, "%llu%.*s", (unsigned long long)(n / unit), i >= 0, &units[i < 0 ? 0 : i]);
	else
		snprintf(buf, BYTES_WORDS, "%llu.%llu%c", (unsigned long long)(n / unit),
			 (unsigned long long)(n % unit / (unit / 1024) * 10 / 1024), units[i]);
	return buf;
}

const char *ending_oom_words(const struct ending *e, char *buf, size_t size)
{
	char limit[BYTES_WORDS], peak[BYTES_WORDS];

	snprintf(buf, size, "%skilled for want of memory%s%s%s%s",
		 WIFSIGNALED(e->wait_status) ? "" : "a process in it was ",
		 e->memory_max ? ": memory.max " : "", e->memory_max ? bytes_words(e->memory_max, limit) : "",
		 e->memory_peak ? e->memory_max ? ", peak " : ": peak " : "",
		 e->memory_peak ? bytes_words(e->memory_peak, peak) : "");
	return buf;
}

static const char *reason(const struct ending *e)
{
	if (!e->known)
		return "unknown";
	if (ending_is_oom(e))
		return "oom";
	if (!WIFSIGNALED(e->wait_status))
		return "exited";
	return WTERMSIG(e->wait_status) == SIGSYS ? "seccomp" : "signal";
}

void ending_write(struct json_writer *w, const struct ending *e)
{
	char name[16];

	json_write_object(w);
	json_write_key(w, "reason");
	json_write_string(w, reason(e));
	if (e->known) {
		json_write_key(w, "code");
		json_write_i64(w, ending_code(e));
	}
	if (e->known && WIFSIGNALED(e->wait_status)) {
		json_write_key(w, "signal");
		json_write_string(w, signal_name(WTERMSIG(e->wait_status), name));
		json_write_key(w, "core");
		json_write_bool(w, WCOREDUMP(e->wait_status));
	}
	if (e->time[0]) {
		json_write_key(w, "time");
		json_write_string(w, e->time);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t n = *(const uint64_t *)((const char *)e + numbers[i].offset);

		if (n == 0 || n == UINT64_MAX)
			continue;
		json_write_key(w, numbers[i].key);
		json_write_u64(w, n);
	}
	json_write_end_object(w);
}
