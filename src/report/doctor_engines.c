/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Container engines, and whether we are their runtime: by the files that contrib/engines/setup writes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json/tree.h"
#include "report/doctor.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define FILE_MAX (1u << 20)

/* PATH may be empty, and daemons are not in that of users. */
static const char *find_program(struct doctor *d, const char *name)
{
	static const char *const dirs[] = {"/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin",
					   "/sbin"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		const char *path = arena_printf(d->arena, "%s/%s", dirs[i], name);

		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/* A line that is exactly this, but for blanks in front and a comment behind. */
static bool has_line(const char *text, const char *wanted)
{
	size_t n = strlen(wanted);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n \t");
		if (strncmp(line, wanted, n) == 0 && strchr("\n#", line[n + strspn(line + n, " \t")]))
			return true;
	}
	return false;
}

static bool names_us(struct arena *a, const char *text)
{
	(void)a;	/* nothing is parsed */
	return has_line(text, "runtime = \"orlop\"") || has_line(text, "default_runtime = \"orlop\"") ||
	       has_line(text, "default_runtime_name = \"orlop\"") || has_line(text, "default_runtime_name = 'orlop'");
}

static bool docker_names_us(struct arena *a, const char *text)
{
	const struct json *name, *runtimes;
	struct error ignored = {0};
	struct json *root;

	if (json_parse(a, text, strlen(text), &root, &ignored) < 0 || root->type != JSON_OBJECT)
		return false;
	name = json_get(root, "default-runtime");
	runtimes = json_get(root, "runtimes");
	return name && name->type == JSON_STRING && str_eq(name->string.data, "orlop") && runtimes &&
	       runtimes->type == JSON_OBJECT && json_get(runtimes, "orlop");
}

static const struct engine {
	const char *name, *id;
	const char *programs[2];
	const char *file;
	bool (*names_us)(struct arena *a, const char *text);
} engines[] = {
	{"podman", "engine.podman", {"podman", "buildah"}, "/etc/containers/containers.conf.d/orlop.conf", names_us},
	{"docker", "engine.docker", {"dockerd"}, "/etc/docker/daemon.json", docker_names_us},
	{"containerd", "engine.containerd", {"containerd"}, "/etc/containerd/config.toml", names_us},
	{"crio", "engine.crio", {"crio"}, "/etc/crio/crio.conf.d/90-orlop.conf", names_us},
};

/* A user's Podman reads the user's own file, too. */
static const char *own_file(struct doctor *d, const struct engine *e)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (e != &engines[0] || d->host.facts.euid == 0)
		return NULL;
	if (config && *config)
		return arena_printf(d->arena, "%s/containers/containers.conf.d/orlop.conf", config);
	return home && *home ? arena_printf(d->arena, "%s/.config/containers/containers.conf.d/orlop.conf", home)
			     : NULL;
}

static bool is_set_up(struct doctor *d, const struct engine *e, const char *file, int *ret)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = fd_read_regular(AT_FDCWD, file, FILE_MAX, &text);

	*ret = n < 0 ? (int)n : 0;
	return n >= 0 && e->names_us(d->arena, text);
}

static void look_at_engine(struct doctor *d, const struct engine *e)
{
	const char *program = find_program(d, e->programs[0]), *own = own_file(d, e);
	int r;

	if (!program && e->programs[1])
		program = find_program(d, e->programs[1]);
	if (!program)
		doctor_ok(d, e->id, "not installed");
	else if (own && is_set_up(d, e, own, &r))
		doctor_ok(d, e->id, "%s: orlop is its runtime, by %s", program, own);
	else if (is_set_up(d, e, e->file, &r))
		doctor_ok(d, e->id, "%s: orlop is its runtime, by %s", program, e->file);
	else if (r < 0 && r != -ENOENT)
		doctor_todo(d, e->id, arena_printf(d->arena, "%s: it is not known what its runtime is", program),
			    "read %s: %s", e->file, error_words(r));
	else
		doctor_todo(d, e->id, arena_printf(d->arena, "%s: orlop is not its runtime", program),
			    "`engines/setup %s%s` of our share directory makes it so, in %s",
			    own ? "--user " : "", e->name, own ? own : e->file);
}

void doctor_engines(struct doctor *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
		look_at_engine(d, &engines[i]);
}
