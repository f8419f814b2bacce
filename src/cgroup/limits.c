/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One limit into its file, and why it cannot be had.  On the host side. */
#include "cgroup/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "util/fd.h"
#include "util/str.h"

/* Files that can be written: kernel Documentation/admin-guide/cgroup-v2.rst. */
static const struct name_value known_files[] = {
	{"cgroup.freeze", 0}, {"cgroup.max.depth", 0}, {"cgroup.max.descendants", 0}, {"cgroup.pressure", 0},
	{"cpu.idle", 0}, {"cpu.max", 0}, {"cpu.max.burst", 0}, {"cpu.uclamp.max", 0}, {"cpu.uclamp.min", 0},
	{"cpu.weight", 0}, {"cpu.weight.nice", 0}, {"cpuset.cpus", 0}, {"cpuset.cpus.exclusive", 0},
	{"cpuset.cpus.partition", 0}, {"cpuset.mems", 0}, {"dmem.low", 0}, {"dmem.max", 0}, {"dmem.min", 0},
	{"io.bfq.weight", 0}, {"io.latency", 0}, {"io.max", 0}, {"io.prio.class", 0}, {"io.weight", 0},
	{"memory.high", 0}, {"memory.low", 0}, {"memory.max", 0}, {"memory.min", 0}, {"memory.oom.group", 0},
	{"memory.reclaim", 0}, {"memory.swap.high", 0}, {"memory.swap.max", 0}, {"memory.zswap.max", 0},
	{"memory.zswap.writeback", 0}, {"misc.max", 0}, {"pids.max", 0}, {"rdma.max", 0},
};

bool cgroup_knows_file(const char *file)
{
	const char *dot = strrchr(file, '.');

	for (size_t i = 0; i < ARRAY_SIZE(known_files); i++)
		if (str_eq(known_files[i].name, file))
			return true;
	return str_starts(file, "hugetlb.") && dot && str_eq(dot, ".max");
}

const char *cgroup_nearest_file(const char *file)
{
	return name_nearest(known_files, ARRAY_SIZE(known_files), file);
}

static int error_missing_file(const struct plan_cgroup *p, const struct plan_cgroup_write *w,
			      struct error *err)
{
	const char *nearest;
	static const struct {
		const char *file, *release;
	} releases[] = {
		{"cpu.max.burst", "5.14"},	{"cpu.idle", "5.15"},
		{"memory.zswap.max", "5.19"},	{"cgroup.pressure", "6.1"},
		{"cpuset.cpus.exclusive", "6.7"}, {"memory.zswap.writeback", "6.8"},
		{"dmem.max", "6.14"},
	};

	if (w->alt_file)
		error_set(err, ENOENT, "cgroup %s has neither %s nor %s", p->path, w->file, w->alt_file);
	else
		error_set(err, ENOENT, "cgroup %s has no file %s", p->path, w->file);
	for (size_t i = 0; i < ARRAY_SIZE(releases); i++)
		if (str_eq(w->file, releases[i].file) &&
		    error_hint_release(err, w->file, releases[i].release))
			return -ENOENT;
	if (cgroup_knows_file(w->file))
		return error_hint(err, "the kernel was built without it");
	nearest = cgroup_nearest_file(w->file);
	if (nearest)
		return error_hint(err, "did you mean %s?", nearest);
	return error_hint(err, "it is unknown here: is it misspelt, or is the kernel too old?");
}

int cgroup_check_usage(int fd, const struct plan_cgroup *p, const struct plan_cgroup_write *w,
		       struct error *err)
{
	char text[32];
	uint64_t limit, usage;

	if (!w->usage_file || str_to_u64(w->value, &limit) < 0)	/* "max" */
		return 0;
	if (fd_read_pseudo(fd, w->usage_file, text, sizeof(text)) < 0 || str_to_u64(text, &usage) < 0)
		return 0;	/* not there: nothing is counted */
	if (limit >= usage)
		return 0;
	return error_config(err, w->where, "%s is below %s of cgroup %s, %s, and checkBeforeUpdate is set",
			    w->value, w->usage_file, p->path, text);
}

/* A list of processors or nodes: which ones are there? */
static void explain_list(const char *file, struct error *err)
{
	bool cpus = str_eq(file, "cpuset.cpus");
	char list[128];

	if (!cpus && !str_eq(file, "cpuset.mems"))
		return;
	if (fd_read_pseudo(AT_FDCWD, cpus ? "/sys/devices/system/cpu/online" : "/sys/devices/system/node/online",
			   list, sizeof(list)) >= 0)
		error_hint(err, "this host has %s %s", cpus ? "the processors" : "the memory nodes", list);
}

int cgroup_error_gone(const struct plan_cgroup *p, struct error *err)
{
	memset(err, 0, sizeof(*err));
	return error_set(err, ENOENT, "cgroup %s is gone: its last process has ended", p->path);
}

int cgroup_write_limit(int fd, const struct plan_cgroup *p, const struct plan_cgroup_write *w, int *ret_written,
		       struct error *err)
{
	const char *file = w->file, *value = w->value;
	int r = fd_write_pseudo(fd, file, value, strlen(value));

	*ret_written = 1;
	/* EOPNOTSUPP: the disk has no such scheduler. */
	if ((r == -ENOENT || r == -EOPNOTSUPP) && w->alt_file) {
		file = w->alt_file;
		value = w->alt_value;
		r = fd_write_pseudo(fd, file, value, strlen(value));
		*ret_written = 2;
	}
	if (r == 0)
		return 0;
	*ret_written = 0;
	if (r == -ENOENT && w->optional)
		return 0;
	if ((r == -ENOENT || r == -ENODEV) && cgroup_is_gone(fd))
		cgroup_error_gone(p, err);
	else if (r == -ENOENT)
		error_missing_file(p, w, err);
	else
		error_errno(err, r, "write \"%s\" to %s of cgroup %s", value, file, p->path);
	if (r == -EOPNOTSUPP && str_eq(file, "io.weight"))
		error_hint(err, "for weights a disk needs a line in io.cost.qos, or the scheduler bfq, whose "
			   "weights are in io.bfq.weight");
	if (r == -ENODEV && w->controller == CGROUP_IO)
		error_hint(err, "device numbers are those of a whole disk, not of a partition");
	if (r == -EINVAL || r == -ERANGE)
		explain_list(w->file, err);
	return error_at(err, "%s", w->where);
}
