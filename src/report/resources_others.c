/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits that nobody asked us for, and who has set what differs from what was asked. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "dbus/systemd.h"
#include "report/resources.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"

#define ANSWER_MS 5000

/* What a file says of a cgroup that nobody has limited, and how systemd calls it. */
static const struct {
	const char *file, *value, *property;
} known[] = {
	{"memory.max", "max", "MemoryMax"}, {"memory.high", "max", "MemoryHigh"},
	{"memory.low", "0", "MemoryLow"}, {"memory.min", "0", "MemoryMin"},
	{"memory.swap.max", "max", "MemorySwapMax"}, {"memory.swap.high", "max", NULL},
	{"memory.zswap.max", "max", "MemoryZSwapMax"}, {"memory.oom.group", "0", NULL},
	{"cpu.max", "max", "CPUQuotaPerSecUSec"}, {"cpu.max.burst", "0", NULL},
	{"cpu.weight", "100", "CPUWeight"}, {"cpu.idle", "0", NULL},
	{"cpuset.cpus", "", NULL}, {"cpuset.mems", "", NULL}, {"cpuset.cpus.partition", "member", NULL},
	{"io.max", "", NULL}, {"io.weight", "default 100", "IOWeight"}, {"io.bfq.weight", "default 100", NULL},
	{"pids.max", "max", "TasksMax"}, {"cgroup.max.depth", "max", NULL}, {"cgroup.max.descendants", "max", NULL},
};

static bool is_asked(const struct limits *l, const char *file)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].asked[0].pointer && str_eq(l->rows[i].file, file))
			return true;
	return false;
}

/* Does the file of one of the cgroups, @fd, limit anything? */
static bool is_limited(struct limits *l, int fd, const char *file, const char *none, char *text, size_t size)
{
	if (fd < 0 || fd_read_pseudo(fd, file, text, size) < 0)
		return false;
	return *none ? limit_compare(file, none, limit_now(l->arena, file, none, text)) != LIMIT_SAME : *text;
}

static void add_if_limited(struct limits *l, const char *file, const char *none)
{
	char text[4096];

	if (is_asked(l, file) || (!is_limited(l, l->cgroup, file, none, text, sizeof(text)) &&
				  !is_limited(l, l->outer, file, none, text, sizeof(text))))
		return;
	arena_push(l->arena, l->rows, l->n) = (struct limit_row){
		.file = arena_strdup(l->arena, file), .now = arena_strdup(l->arena, text), .state = LIMIT_UNASKED,
	};
}

/* Which sizes of pages there are only the directory tells. */
static void add_hugetlb(struct limits *l)
{
	int fd = fd_openat(l->cgroup, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (str_starts(e->d_name, "hugetlb.") && str_ends(e->d_name, ".max"))
			add_if_limited(l, e->d_name, "max");
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

void limits_add_unasked(struct limits *l)
{
	char idle[8] = "";
	bool is_idle = fd_read_pseudo(l->cgroup, "cpu.idle", idle, sizeof(idle)) > 0 && idle[0] == '1';

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!is_idle || !str_eq(known[i].file, "cpu.weight"))	/* which is 0 then */
			add_if_limited(l, known[i].file, known[i].value);
	add_hugetlb(l);
}

/* ---- who ------------------------------------------------------------------------------------------ */

/* A property of systemd as its file has it. */
static const char *as_file(struct arena *a, const char *file, const char *now, uint64_t v)
{
	uint64_t period = 100000;
	const char *second = strchr(now, ' ');

	if (v == UINT64_MAX)
		return "max";
	if (!str_eq(file, "cpu.max"))
		return arena_printf(a, "%" PRIu64, v);
	if (second && str_to_u64(second + 1, &period) < 0)
		return "";
	return arena_printf(a, "%" PRIu64 " %" PRIu64, v * period / 1000000, period);
}

static bool is_systemds(struct limits *l, struct systemd *s, const struct limit_row *row)
{
	struct error ignored = {0};
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const char *value;

		if (!known[i].property || !str_eq(known[i].file, row->file))
			continue;
		if (systemd_unit_number(s, l->plan.unit.name, known[i].property, &v, &ignored) < 0)
			return false;
		value = as_file(l->arena, row->file, row->now, v);
		return limit_compare(row->file, value, limit_now(l->arena, row->file, value, row->now)) <=
		       LIMIT_ROUNDED;
	}
	return false;
}

static bool is_others(const struct limit_row *row)
{
	return row->now && (row->state == LIMIT_DIFFERS || row->state == LIMIT_UNASKED);
}

void limits_attribute(struct limits *l)
{
	_cleanup_(systemd_closep) struct systemd *s = NULL;
	const char *nobody = "others";
	struct error err = {0};

	for (size_t i = 0; i < l->n; i++) {
		struct limit_row *row = &l->rows[i];

		if (row->state <= LIMIT_ROUNDED)
			row->set_by = row->asked_in;
		if (!is_others(row))
			continue;
		if (l->plan.unit.name && !s && !err.code &&
		    systemd_connect(l->plan.unit.user, ANSWER_MS, &s, &err) < 0) {
			log_warning("who has set what differs is not known: %s", err.text);
			nobody = "unknown";
		}
		row->set_by = s && is_systemds(l, s, row) ? "systemd" : nobody;
	}
}
