/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `mounts list`: the mounts of a container as the kernel has them, and whose they are: of config.json, of
 * `mounts add`, or of others: those that hide files, and what was mounted inside.  Runs on the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "container/container.h"
#include "container/print.h"
#include "container/table.h"
#include "json/writer.h"
#include "launch/spawn.h"
#include "plan/build.h"
#include "store/added.h"
#include "store/lookup.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mountinfo.h"
#include "util/str.h"

struct listing {
	struct container c;
	struct arena *arena;
	struct oci_config *config;
	struct added_mounts added;
	struct mountinfo *v;
	size_t n;
};

struct origin {
	const char *word;		/* "config", "added", "other" */
	const char *source;		/* as it was given, or the kernel's */
};

/* ---- what is there ------------------------------------------------------------------------------- */

static int check_namespace(const struct state *st, int pidfd, int proc, struct error *err)
{
	char process[24];
	struct stat now;

	snprintf(process, sizeof(process), "%d/", (int)st->init.pid);
	for (size_t i = 0; i < N_NAMESPACES; i++) {
		_cleanup_close_ int fd = -1;

		if (namespace_files[i].flag != CLONE_NEWNS || !st->ns_inode[i])
			continue;
		fd = readback_open_namespace(pidfd, proc, process, i);
		if (fd < 0 || fstat(fd, &now) < 0)
			return error_errno(err, fd < 0 ? fd : errno, "look at the mount namespace of the container");
		if (now.st_ino != st->ns_inode[i])
			return error_set(err, ESTALE, "the first process of container `%s` has left its mount "
					 "namespace: refusing to follow it", st->id);
	}
	return 0;
}

static int read_mounts(struct listing *l, struct strbuf *text, struct error *err)
{
	_cleanup_close_ int proc = fd_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
	char path[40], *rest, *line;
	int r = proc < 0 ? error_errno(err, proc, "open /proc") : check_namespace(&l->c.state, l->c.pidfd, proc, err);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%d/mountinfo", (int)l->c.state.init.pid);
	r = mountinfo_read(proc, path, text);
	if (r == 0)
		r = sys_pidfd_send_signal(l->c.pidfd, 0, NULL, 0);
	if (r < 0)
		return error_errno(err, r, "read the mounts of the container");
	for (rest = text->data; rest && (line = strsep(&rest, "\n"));) {
		struct mountinfo m;

		if (mountinfo_parse(line, &m))
			arena_push(l->arena, l->v, l->n) = m;
	}
	return 0;
}

/* ---- whose it is --------------------------------------------------------------------------------- */

/* How many of our own mounts are at @point, and how many there are above @m at the same place. */
static size_t above(const struct listing *l, const struct mountinfo *m)
{
	size_t n = 0;

	for (const struct mountinfo *k = m + 1; k < l->v + l->n; k++)
		n += str_eq(k->point, m->point);
	return n;
}

static struct origin origin_of(const struct listing *l, const struct mountinfo *m)
{
	size_t skip = above(l, m);

	for (size_t i = l->added.n; i-- > 0;) {
		const struct added_mount *a = &l->added.v[i];

		if (str_eq(a->point, m->point) && skip-- == 0)
			return (struct origin){"added", a->source ? a->source : m->source};
	}
	for (size_t i = l->config->n_mounts; i-- > 0;) {
		const struct oci_mount *c = &l->config->mounts[i];
		const char *place = plan_mount_destination(l->arena, c->destination, l->c.state.rootfs);

		if (c->options.remount || !str_eq(place, m->point))
			continue;
		if (skip-- == 0)
			return (struct origin){"config", c->options.bind && c->source ? c->source : m->source};
	}
	return (struct origin){str_eq(m->point, "/") ? "root" : "other", m->source};
}

/* ---- how it is shown ----------------------------------------------------------------------------- */

static char *escaped(const char *s)
{
	size_t size = strlen(s) * 6 + 1;
	char *to = xmalloc(size);

	str_escape(s, to, size);
	return to;
}

static int print_table(const struct listing *l, struct error *err)
{
	static const char *const names[] = {"DESTINATION", "TYPE", "SOURCE", "ORIGIN", "OPTIONS"};
	struct table t;
	int r;

	table_init(&t, names, ARRAY_SIZE(names));
	for (const struct mountinfo *m = l->v; m < l->v + l->n; m++) {
		struct origin o = origin_of(l, m);
		const char *const cells[] = {m->point, m->type, o.source, o.word, m->options};
		struct table_row *row = table_add(&t);

		for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
			row->cell[i] = escaped(cells[i]);
	}
	r = table_print(&t, err);
	table_free(&t);
	return r;
}

static void write_options(struct json_writer *w, const char *options)
{
	_cleanup_free_ char *copy = xstrdup(options);
	char *rest = copy, *word;

	json_write_key(w, "options");
	json_write_array(w);
	while ((word = strsep(&rest, ",")))
		json_write_string(w, word);
	json_write_end_array(w);
}

static int print_json(const struct listing *l, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	struct json_writer w;
	size_t len;

	json_write_init(&w, true);
	json_write_array(&w);
	for (const struct mountinfo *m = l->v; m < l->v + l->n; m++) {
		struct origin o = origin_of(l, m);

		json_write_object(&w);
		json_write_key(&w, "destination");
		json_write_string(&w, m->point);
		json_write_key(&w, "type");
		json_write_string(&w, m->type);
		json_write_key(&w, "source");
		json_write_string(&w, o.source);
		write_options(&w, m->options);
		json_write_key(&w, "origin");
		json_write_string(&w, o.word);
		json_write_end_object(&w);
	}
	json_write_end_array(&w);
	strbuf_adds(&w.out, "\n");
	text = json_write_finish(&w, &len);
	return container_print(text, len, err);
}

static int load(struct listing *l, const struct global_options *g, const char *id, struct error *err)
{
	int r = container_lookup(g, id, LOOKUP, &l->c, err);

	if (r < 0)
		return r;
	if (l->c.status == STATUS_STOPPED || l->c.status == STATUS_CREATING)
		return error_of(err, ERROR_CONTAINER_STATE, ESRCH, "container not running: container `%s` is %s", id,
				container_status_names[l->c.status]);
	r = config_load(l->arena, l->c.dir, STORE_CONFIG, &l->config, NULL, NULL, err);
	return r < 0 ? r : added_load(l->arena, l->c.dir, &l->added, err);
}

int container_mounts_list(const struct global_options *g, const char *id, enum list_format format,
			  struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	struct listing l = {.c = CONTAINER_INIT, .arena = arena_new()};
	int r = load(&l, g, id, err);

	if (r == 0)
		r = read_mounts(&l, &text, err);
	if (r == 0)
		r = format == LIST_JSON ? print_json(&l, err) : print_table(&l, err);
	container_release(&l.c);
	arena_free(l.arena);
	return r < 0 ? error_in(err, "list the mounts of container `%s`", id) : 0;
}
