/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of --trace: complete events in the Trace Event Format, which Perfetto and chrome://tracing open.  It is open
 * only when there is no process yet, and when all is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/writer.h"
#include "report/report.h"
#include "report/trace.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/trace.h"

static const char *const lane_names[N_TRACE_LANES] = {
	[TRACE_RUNTIME] = TRACE_RUNTIME_NAME, [TRACE_CONTAINER] = TRACE_CONTAINER_NAME,
};

static void write_member(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, key);
	json_write_string(w, value);
}

static void write_lane(struct json_writer *w, unsigned lane)
{
	json_write_key(w, "pid");
	json_write_u64(w, 1);
	json_write_key(w, "tid");
	json_write_u64(w, lane + 1);
}

/* Microseconds, to the nanosecond. */
static void write_time(struct json_writer *w, const char *key, int64_t ns)
{
	char text[32];

	if (ns < 0)	/* the clock was set */
		ns = 0;
	snprintf(text, sizeof(text), "%" PRId64 ".%03d", ns / 1000, (int)(ns % 1000));
	json_write_key(w, key);
	json_write_literal(w, text);
}

static void write_name(struct json_writer *w, const char *kind, unsigned lane, const char *name)
{
	json_write_object(w);
	write_member(w, "name", kind);
	write_member(w, "ph", "M");
	write_lane(w, lane);
	json_write_key(w, "args");
	json_write_object(w);
	write_member(w, "name", name);
	json_write_end_object(w);
	json_write_end_object(w);
}

/* When a process was last known to be in a phase that it did not end: it executes a program, or still waits. */
static int64_t last_known(const struct trace_event *v, size_t n)
{
	int64_t end = 0;

	for (size_t i = 0; i < n; i++)
		if (str_starts(v[i].name, "wait for the program"))
			return v[i].end_ns;
		else if (v[i].end_ns > end)
			end = v[i].end_ns;
	return end;
}

static void write_events(struct json_writer *w, const struct trace_event *v, size_t n)
{
	int64_t last = last_known(v, n);

	for (size_t i = 0; i < n; i++) {
		const struct trace_event *e = &v[i];
		unsigned lane = e->lane < N_TRACE_LANES ? e->lane : TRACE_CONTAINER;
		char name[sizeof(e->name)];

		if (!__atomic_load_n(&e->begin_ns, __ATOMIC_ACQUIRE))
			continue;
		memcpy(name, e->name, sizeof(name));
		name[sizeof(name) - 1] = '\0';
		json_write_object(w);
		write_member(w, "name", name);
		write_member(w, "cat", lane_names[lane]);
		write_member(w, "ph", "X");
		write_lane(w, lane);
		write_time(w, "ts", e->begin_ns - v[0].begin_ns);
		write_time(w, "dur", (e->end_ns ? e->end_ns : last) - e->begin_ns);
		json_write_end_object(w);
	}
}

static char *trace_text(size_t *ret_len)
{
	const struct trace_event *v;
	size_t left_out, n = trace_events(&v, &left_out);
	struct json_writer w;

	if (left_out)
		log_warning("the trace has room for %u phases: %zu are left out", TRACE_EVENTS_MAX, left_out);
	json_write_init(&w, true);
	json_write_object(&w);
	write_member(&w, "displayTimeUnit", "ms");
	json_write_key(&w, "traceEvents");
	json_write_array(&w);
	write_name(&w, "process_name", 0, "orlop");
	for (unsigned lane = 0; lane < N_TRACE_LANES; lane++)
		write_name(&w, "thread_name", lane, lane_names[lane]);
	write_events(&w, v, n);
	json_write_end_array(&w);
	json_write_end_object(&w);
	return json_write_finish(&w, ret_len);
}

/* Only a regular file: whoever reads anything else would see two ends. */
static int open_file(const char *path, int how)
{
	_cleanup_close_ int fd = fd_openat(AT_FDCWD, path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | how, 0644);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? steal_fd(&fd) : -EINVAL;
}

int report_trace_begin(const char *path, struct error *err)
{
	_cleanup_close_ int fd = open_file(path, O_CREAT | O_TRUNC);
	int r = fd < 0 ? fd : trace_open();

	return r < 0 ? error_errno(err, r, "option `--trace`: open %s", path) : 0;
}

int report_trace_end(const char *path, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len;
	int r;

	text = trace_text(&len);
	fd = open_file(path, O_TRUNC);
	r = fd < 0 ? fd : fd_write_all(fd, text, len);
	if (r == 0)
		r = fd_write_all(fd, "\n", 1);
	return r < 0 ? error_errno(err, r, "option `--trace`: write %s", path) : 0;
}
