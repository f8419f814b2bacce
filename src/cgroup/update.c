/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits of a container that is there, changed as one.  On the host side.
 *
 * The order: what the plan says, but of limits that the kernel compares, or that together say how much there is, those
 * that shrink come last, in reverse: no more burst before less quota, no less quota before less burst; and memory that
 * moves from one limit to the other (swap) is there in between.  A weight comes behind cpu.idle, which is in
 * the plan so.
 */
#include "cgroup/update.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/controllers.h"
#include "cgroup/devices.h"
#include "cgroup/limits.h"
#include "cgroup/systemd.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/str.h"

#define OLD_MAX 65536		/* io.max has a line for each disk */

struct change {
	const struct plan_cgroup_write *w;
	char *old[2];		/* of w->file and w->alt_file, or of cpu.weight for cpu.idle; NULL: is not there, or
				 * cannot be read */
	int written;		/* 0: none of the two, 1, 2 */
	bool shrinks;
};

struct cgroup_update {
	const struct plan_cgroup *p;
	int fd;
	struct change *v;
	size_t n;
	size_t *order, n_done;	/* order[0..n_done) are written */
	bool devices;
	struct cgroup_devices programs;
};

/* ---- the order ---------------------------------------------------------------------------------- */

/* Of which a smaller value is less, and whose order matters. */
static bool is_amount(const char *file)
{
	static const char *const files[] = {"memory.max", "memory.high", "memory.swap.max", "cpu.max",
					    "cpu.max.burst"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (str_eq(files[i], file))
			return true;
	return false;
}

/* The first number; "max" is more than any. */
static bool parse_amount(const char *text, uint64_t *ret)
{
	char word[24];
	size_t n = strcspn(text, " \n");

	if (n == 0 || n >= sizeof(word))
		return false;
	memcpy(word, text, n);
	word[n] = '\0';
	*ret = UINT64_MAX;
	return str_eq(word, "max") || str_to_u64(word, ret) == 0;
}

static bool is_less(const struct change *c)
{
	uint64_t before, after;

	return is_amount(c->w->file) && c->old[0] && parse_amount(c->old[0], &before) &&
	       parse_amount(c->w->value, &after) && after < before;
}

/* `unified` comes last and wins: what it writes once more need not be written before. */
static bool is_void(const struct plan_cgroup *p, size_t i)
{
	for (size_t j = i + 1; is_amount(p->writes[i].file) && j < p->n_writes; j++)
		if (str_eq(p->writes[i].file, p->writes[j].file))
			return true;
	return false;
}

static void arrange(struct cgroup_update *u)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n; i++)
		if (!u->v[i].shrinks)
			u->order[n++] = i;
	for (size_t i = u->n; i-- > 0;)
		if (u->v[i].shrinks)
			u->order[n++] = i;
}

/* ---- what is there -------------------------------------------------------------------------------- */

static int read_old(int fd, const char *file, char **ret)
{
	_cleanup_free_ char *text = xmalloc(OLD_MAX);
	ssize_t n = fd_read_pseudo(fd, file, text, OLD_MAX);

	*ret = NULL;
	if (n < 0)
		return (int)n;
	*ret = xstrdup(text);
	return 0;
}

/* A set that was empty, which is that of the cgroup above, cannot be made empty again as long as processes are in
 * the cgroup: what it came to is written then. */
static int keep_effective(struct cgroup_update *u, struct change *c, struct error *err)
{
	const char *file = c->w->file;
	int r = 0;

	if (c->old[0] && !*c->old[0] && (str_eq(file, "cpuset.cpus") || str_eq(file, "cpuset.mems"))) {
		free(c->old[0]);
		file = str_eq(file, "cpuset.cpus") ? "cpuset.cpus.effective" : "cpuset.mems.effective";
		r = read_old(u->fd, file, &c->old[0]);
	}
	return r < 0 ? error_errno(err, r, "read %s of cgroup %s", file, u->p->path) : 0;
}

/* What cannot be read, such as memory.reclaim, acts once and is no limit; what is not there says so when written. */
static int add_change(struct cgroup_update *u, const struct plan_cgroup_write *w, struct error *err)
{
	struct change *c = &u->v[u->n++];
	int r = cgroup_check_usage(u->fd, u->p, w, err);

	*c = (struct change){.w = w};
	if (r < 0)
		return r;
	r = read_old(u->fd, w->file, &c->old[0]);
	if (r < 0 && r != -ENOENT && r != -EACCES && r != -EINVAL && r != -EOPNOTSUPP)
		return error_errno(err, r, "read %s of cgroup %s", w->file, u->p->path);
	if (w->alt_file)
		read_old(u->fd, w->alt_file, &c->old[1]);
	else if (str_eq(w->file, "cpu.idle"))
		read_old(u->fd, "cpu.weight", &c->old[1]);
	c->shrinks = is_less(c);
	return keep_effective(u, c, err);
}

int cgroup_update_prepare(const struct plan_cgroup *p, uint64_t id, bool devices, struct cgroup_update **ret,
			  struct error *err)
{
	_cleanup_close_ int root = cgroup_open_root(p->root, O_PATH, err);
	struct cgroup_update *u;
	int r;

	if (root < 0)
		return root;
	u = *ret = xcalloc(1, sizeof(*u));
	*u = (struct cgroup_update){.p = p, .fd = -1, .devices = devices, .programs = CGROUP_DEVICES_INIT};
	u->v = xcalloc(p->n_writes + 1, sizeof(*u->v));
	u->order = xcalloc(p->n_writes + 1, sizeof(*u->order));
	r = cgroup_open_below(root, p->path, id, &u->fd, err);
	if (r == 0 && p->controllers)
		r = cgroup_enable_controllers(root, u->fd, p, err);
	for (size_t i = 0; r == 0 && i < p->n_writes; i++)
		if (!is_void(p, i))
			r = add_change(u, &p->writes[i], err);
	arrange(u);
	return r;
}

/* ---- back ------------------------------------------------------------------------------------------ */

/* What a device, or whatever the first word of a line names, has without a line of its own. */
static const char *without_line(const char *file)
{
	static const struct {
		const char *file, *value;
	} rows[] = {
		{"io.max", "rbps=max wbps=max riops=max wiops=max"}, {"io.latency", "target=0"},
		{"rdma.max", "hca_handle=max hca_object=max"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_eq(rows[i].file, file))
			return rows[i].value;
	return str_starts(file, "io.") ? "default" : "max";
}

/* The line of @text that begins with the @n bytes of @key and a blank, or NULL; its length. */
static const char *find_line(const char *text, const char *key, size_t n, size_t *ret_len)
{
	while (*text) {
		*ret_len = strcspn(text, "\n");
		if (strncmp(text, key, n) == 0 && text[n] == ' ')
			return text;
		text += *ret_len + (text[*ret_len] == '\n');
	}
	return NULL;
}

/* What is to be written that @old holds again, after @value was; malloc'ed. */
static char *text_before(const char *file, const char *value, const char *old)
{
	size_t key = strcspn(value, " "), len;
	bool lines = value[key] == ' ' && !str_eq(file, "cpu.max");
	const char *line;

	if (lines) {
		line = find_line(old, value, key, &len);
		return line ? xstrndup(line, len) : xasprintf("%.*s %s", (int)key, value, without_line(file));
	}
	/* Weights: all but those of devices with a line. */
	line = find_line(old, "default", strlen("default"), &len);
	if (line)
		return xstrndup(line + strlen("default "), len - strlen("default "));
	if (str_eq(file, "cpuset.cpus.partition"))	/* "root invalid (why)" */
		return xstrndup(old, strcspn(old, " "));
	return *old ? xstrdup(old) : xstrdup("\n");
}

static int restore(struct cgroup_update *u, struct change *c)
{
	const struct plan_cgroup_write *w = c->w;
	const char *file = c->written == 2 ? w->alt_file : w->file;
	const char *value = c->written == 2 ? w->alt_value : w->value, *old = c->old[c->written == 2];
	_cleanup_free_ char *text = text_before(file, value, old);
	int r = fd_write_pseudo(u->fd, file, text, strlen(text));

	/* The kernel does not keep a weight while it is idle, nor takes one. */
	if (r == 0 && c->old[1] && str_eq(file, "cpu.idle") && *old == '0')
		r = fd_write_pseudo(u->fd, "cpu.weight", c->old[1], strlen(c->old[1]));
	return r;
}

void cgroup_update_undo(struct cgroup_update *u, struct error *err)
{
	bool any = u->n_done > 0 || u->programs.changed, failed;
	struct error second = {0};

	if (cgroup_is_gone(u->fd))
		return;
	failed = cgroup_restore_devices(u->fd, &u->programs, &second) < 0;
	if (failed)
		error_hint(err, "and not all could be undone: %s", second.text);
	while (u->n_done > 0) {
		struct change *c = &u->v[u->order[--u->n_done]];
		int r = c->written ? restore(u, c) : 0;

		if (r < 0 && !failed)
			error_hint(err, "and not all could be undone: %s: %s", c->w->file, error_words(r));
		failed = failed || r < 0;
	}
	if (any && !failed)
		error_hint(err, "what was changed before it is undone");
}

static void push_before(struct arena *a, struct plan_cgroup *ret, const struct change *c, const char *file,
			const char *value)
{
	arena_push(a, ret->writes, ret->n_writes) = (struct plan_cgroup_write){
		.file = file, .value = arena_strdup(a, value), .where = c->w->where,
	};
}

void cgroup_update_before(const struct cgroup_update *u, struct arena *a, struct plan_cgroup *ret)
{
	bool was_idle = false;

	for (size_t i = 0; i < u->n; i++) {
		const struct change *c = &u->v[i];
		bool idle = str_eq(c->w->file, "cpu.idle") && c->old[0], other = !c->old[0] && c->w->alt_file;
		const char *file = other ? c->w->alt_file : c->w->file, *value = other ? c->w->alt_value : c->w->value;
		_cleanup_free_ char *text = c->old[other] ? text_before(file, value, c->old[other]) : NULL;

		was_idle = was_idle || (idle && *c->old[0] == '1');
		if (text && !(was_idle && str_eq(file, "cpu.weight")))
			push_before(a, ret, c, file, text);
		if (idle && !was_idle && c->old[1])
			push_before(a, ret, c, "cpu.weight", c->old[1]);
	}
}

/* ---- forth ----------------------------------------------------------------------------------------- */

int cgroup_update_apply(struct cgroup_update *u, struct error *err)
{
	int r = 0;

	while (r == 0 && u->n_done < u->n) {
		struct change *c = &u->v[u->order[u->n_done]];

		r = cgroup_write_limit(u->fd, u->p, c->w, &c->written, err);
		u->n_done += r == 0;
	}
	if (r == 0 && u->devices)
		r = cgroup_replace_devices(u->fd, u->p, &u->programs, err);
	if (r < 0)
		cgroup_update_undo(u, err);
	return r;
}

/* What cannot be read acts once, and has done so. */
int cgroup_update_tell(struct cgroup_update *u, const struct plan_unit *unit, struct error *err)
{
	int r = cgroup_unit_set(unit, u->fd, err);

	if (r < 0 && cgroup_is_gone(u->fd))
		return cgroup_error_gone(u->p, err);
	for (size_t i = 0; r == 0 && i < u->n_done; i++) {
		struct change *c = &u->v[u->order[i]];

		if (c->written && c->old[c->written == 2])
			r = cgroup_write_limit(u->fd, u->p, c->w, &c->written, err);
	}
	return r;
}

int cgroup_update_untell(struct cgroup_update *u, const struct plan_unit *unit, struct error *err)
{
	return cgroup_is_gone(u->fd) ? 0 : cgroup_unit_set(unit, u->fd, err);
}

void cgroup_update_done(struct cgroup_update *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].old[0]);
		free(u->v[i].old[1]);
	}
	cgroup_devices_done(&u->programs);
	if (u->fd >= 0)
		close(u->fd);
	free(u->order);
	free(u->v);
	free(u);
}
