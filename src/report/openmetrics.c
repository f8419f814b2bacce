/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Figures as Prometheus takes them, under the names and with the units that cAdvisor gave them, which dashboards and
 * alerts know.  A counter's family has the whole name of its samples, `_total` too: both formats of Prometheus take
 * that, so that the text can be scraped, checked (promtool) or laid where its node exporter collects files.
 */
#include <stdio.h>
#include <time.h>

#include "report/stats.h"
#include "util/str.h"

struct family;

/* The samples of one family for one container. */
struct emitter {
	struct strbuf *out;
	const struct family *family;
	const struct sample *x;
};

struct family {
	const char *name;
	const char *type;
	const char *unit;	/* the name ends in it, as the format demands; NULL: none */
	const char *help;
	void (*emit)(const struct emitter *e);
	size_t offset;		/* of the figure, in what emit() knows */
};

/* ---- labels --------------------------------------------------------------------------------- */

/* Labels that people join by, from the annotations that engines set for Kubernetes. */
static const struct {
	const char *label, *annotation;
} annotated[] = {
	{"namespace", "io.kubernetes.cri.sandbox-namespace"},
	{"pod", "io.kubernetes.cri.sandbox-name"},
	{"container", "io.kubernetes.cri.container-name"},
	{"namespace", "io.kubernetes.pod.namespace"},
	{"pod", "io.kubernetes.pod.name"},
	{"container", "io.kubernetes.container.name"},
};

/* The format escapes three characters; the text may also come to a terminal, so others become text, too. */
static void add_value(struct strbuf *out, const char *s)
{
	char safe[1024];

	str_escape(s, safe, sizeof(safe));	/* its backslashes are doubled once more */
	for (const char *c = safe; *c; c++) {
		if (*c == '"' || *c == '\\')
			strbuf_adds(out, "\\");
		strbuf_add(out, c, 1);
	}
}

static void add_label(struct strbuf *out, const char *name, const char *value)
{
	strbuf_addf(out, ",%s=\"", name);
	add_value(out, value);
	strbuf_adds(out, "\"");
}

static void add_annotations(struct strbuf *out, const struct key_values *kv)
{
	unsigned done = 0;	/* of the three, from either engine */

	for (size_t a = 0; a < ARRAY_SIZE(annotated); a++)
		for (size_t i = 0; i < kv->n; i++) {
			if (!str_eq(kv->v[i].key, annotated[a].annotation) || done & 1u << a % 3)
				continue;
			add_label(out, annotated[a].label, kv->v[i].value);
			done |= 1u << a % 3;
		}
}

/* @labels: pairs of names and values, NULL at the end, besides those that all have. */
static void begin_sample(const struct emitter *e, const char *const *labels)
{
	strbuf_addf(e->out, "%s{id=\"%s\"", e->family->name, e->x->id);
	add_annotations(e->out, &e->x->c.state.annotations);
	for (; labels && *labels; labels += 2)
		add_label(e->out, labels[0], labels[1]);
	strbuf_adds(e->out, "} ");
}

/* No limit is 0, as cAdvisor has it. */
static void emit_number(const struct emitter *e, uint64_t v, const char *const *labels)
{
	begin_sample(e, labels);
	strbuf_addf(e->out, "%llu\n", v == FIGURE_MAX ? 0 : (unsigned long long)v);
}

static void emit_seconds(const struct emitter *e, uint64_t us, const char *const *labels)
{
	begin_sample(e, labels);
	strbuf_addf(e->out, "%llu.%06u\n", (unsigned long long)(us / 1000000), (unsigned)(us % 1000000));
}

static uint64_t figure(const struct emitter *e, const void *base)
{
	return *(const uint64_t *)((const char *)base + e->family->offset);
}

/* ---- kinds of families ---------------------------------------------------------------------- */

static void last_seen(const struct emitter *e)
{
	emit_number(e, (uint64_t)time(NULL), NULL);
}

static void cpu_usage(const struct emitter *e)
{
	static const char *const labels[] = {"cpu", "total", NULL};

	if (e->x->has_figures)
		emit_seconds(e, e->x->figures.cpu.usage_us, labels);
}

static void cpu_seconds(const struct emitter *e)
{
	if (e->x->has_figures)
		emit_seconds(e, figure(e, &e->x->figures.cpu), NULL);
}

static void cpu_number(const struct emitter *e)
{
	if (e->x->has_figures)
		emit_number(e, figure(e, &e->x->figures.cpu), NULL);
}

static void memory_number(const struct emitter *e)
{
	if (e->x->has_figures && e->x->figures.memory.known)
		emit_number(e, figure(e, &e->x->figures.memory), NULL);
}

static void memory_working_set(const struct emitter *e)
{
	if (e->x->has_figures && e->x->figures.memory.known)
		emit_number(e, stats_memory_used(e->x), NULL);
}

static void memory_failures(const struct emitter *e)
{
	static const char *const minor[] = {"failure_type", "pgfault", "scope", "hierarchy", NULL};
	static const char *const major[] = {"failure_type", "pgmajfault", "scope", "hierarchy", NULL};

	if (!e->x->has_figures || !e->x->figures.memory.known)
		return;
	emit_number(e, e->x->figures.memory.faults, minor);
	emit_number(e, e->x->figures.memory.major_faults, major);
}

static void swap_number(const struct emitter *e)
{
	if (e->x->has_figures && e->x->figures.swap.known)
		emit_number(e, figure(e, &e->x->figures.swap), NULL);
}

static void pids_number(const struct emitter *e)
{
	if (e->x->has_figures && e->x->figures.pids.known)
		emit_number(e, figure(e, &e->x->figures.pids), NULL);
}

/* The offset is of the whole pressure. */
static const struct figures_pressure *pressure(const struct emitter *e)
{
	const void *p = (const char *)&e->x->figures + e->family->offset;

	return e->x->has_figures ? p : NULL;
}

static void waiting(const struct emitter *e)
{
	const struct figures_pressure *p = pressure(e);

	if (p && p->known)
		emit_seconds(e, p->some.total_us, NULL);
}

static void stalled(const struct emitter *e)
{
	const struct figures_pressure *p = pressure(e);

	if (p && p->known)
		emit_seconds(e, p->full.total_us, NULL);
}

static void device_number(const struct emitter *e)
{
	const struct figures_io *io = &e->x->figures.io;

	for (size_t i = 0; e->x->has_figures && i < io->n; i++) {
		char name[24];
		const char *labels[] = {"device", name, NULL};

		snprintf(name, sizeof(name), "%u:%u", io->v[i].major, io->v[i].minor);
		emit_number(e, figure(e, &io->v[i]), labels);
	}
}

static void interface_number(const struct emitter *e)
{
	const struct traffic *t = &e->x->traffic;

	for (size_t i = 0; t->known && i < t->n; i++) {
		const char *labels[] = {"interface", t->v[i].name, NULL};

		emit_number(e, figure(e, &t->v[i]), labels);
	}
}

static void hugetlb(const struct emitter *e)
{
	for (size_t i = 0; e->x->has_figures && i < e->x->figures.n_hugetlb; i++) {
		const char *labels[] = {"pagesize", e->x->figures.hugetlb[i].size, NULL};

		emit_number(e, e->x->figures.hugetlb[i].usage, labels);
	}
}

/* ---- families ------------------------------------------------------------------------------- */

#define GAUGE(name, help, ...) {"container_" name, "gauge", NULL, help, __VA_ARGS__}
#define BYTES(name, help, ...) {"container_" name "_bytes", "gauge", "bytes", help, __VA_ARGS__}
#define COUNTER(name, help, ...) {"container_" name "_total", "counter", NULL, help, __VA_ARGS__}
#define IN(type, member) offsetof(struct type, member)

static const struct family families[] = {
	GAUGE("last_seen", "When the figures were read, seconds since 1970.", last_seen, 0),

	COUNTER("cpu_usage_seconds", "Processor time used.", cpu_usage, 0),
	COUNTER("cpu_user_seconds", "Processor time used by programs.", cpu_seconds, IN(figures_cpu, user_us)),
	COUNTER("cpu_system_seconds", "Processor time used by the kernel.", cpu_seconds, IN(figures_cpu, system_us)),
	COUNTER("cpu_cfs_periods", "Periods of the processor quota.", cpu_number, IN(figures_cpu, periods)),
	COUNTER("cpu_cfs_throttled_periods", "Periods in which it was used up.", cpu_number,
		IN(figures_cpu, throttled_periods)),
	COUNTER("cpu_cfs_throttled_seconds", "Time spent waiting for the next period.", cpu_seconds,
		IN(figures_cpu, throttled_us)),
	GAUGE("spec_cpu_quota", "Processor quota in microseconds; 0 is no limit.", cpu_number,
	      IN(figures_cpu, quota_us)),
	GAUGE("spec_cpu_period", "Period of the quota in microseconds.", cpu_number, IN(figures_cpu, period_us)),
	COUNTER("pressure_cpu_waiting_seconds", "Time in which some waited for a processor.", waiting,
		IN(cgroup_figures, cpu.pressure)),
	COUNTER("pressure_cpu_stalled_seconds", "Time in which all waited for a processor.", stalled,
		IN(cgroup_figures, cpu.pressure)),

	BYTES("memory_usage", "Memory used, with the page cache.", memory_number, IN(figures_memory, usage)),
	BYTES("memory_working_set", "Memory used, without inactive page cache.", memory_working_set, 0),
	BYTES("memory_max_usage", "The most memory used at one time.", memory_number, IN(figures_memory, peak)),
	GAUGE("memory_cache", "Page cache in bytes.", memory_number, IN(figures_memory, file)),
	GAUGE("memory_rss", "Memory that no file is behind, in bytes.", memory_number, IN(figures_memory, anon)),
	GAUGE("memory_mapped_file", "Page cache that is mapped, in bytes.", memory_number,
	      IN(figures_memory, mapped)),
	GAUGE("memory_swap", "Swap used, in bytes.", swap_number, IN(figures_swap, usage)),
	COUNTER("memory_failures", "Page faults.", memory_failures, 0),
	COUNTER("oom_events", "Processes killed for want of memory.", memory_number, IN(figures_memory, oom_kills)),
	BYTES("spec_memory_limit", "Limit of memory; 0 is no limit.", memory_number, IN(figures_memory, limit)),
	BYTES("spec_memory_swap_limit", "Limit of swap; 0 is no limit.", swap_number, IN(figures_swap, limit)),
	COUNTER("pressure_memory_waiting_seconds", "Time in which some waited for memory.", waiting,
		IN(cgroup_figures, memory.pressure)),
	COUNTER("pressure_memory_stalled_seconds", "Time in which all waited for memory.", stalled,
		IN(cgroup_figures, memory.pressure)),

	GAUGE("threads", "Processes and threads.", pids_number, IN(figures_pids, current)),
	GAUGE("threads_max", "Limit of processes and threads; 0 is no limit.", pids_number, IN(figures_pids, limit)),

	COUNTER("fs_reads_bytes", "Bytes read from a device.", device_number, IN(figures_device, read_bytes)),
	COUNTER("fs_writes_bytes", "Bytes written to a device.", device_number, IN(figures_device, write_bytes)),
	COUNTER("fs_reads", "Reads from a device.", device_number, IN(figures_device, reads)),
	COUNTER("fs_writes", "Writes to a device.", device_number, IN(figures_device, writes)),
	COUNTER("pressure_io_waiting_seconds", "Time in which some waited for a device.", waiting,
		IN(cgroup_figures, io.pressure)),
	COUNTER("pressure_io_stalled_seconds", "Time in which all waited for a device.", stalled,
		IN(cgroup_figures, io.pressure)),

	COUNTER("network_receive_bytes", "Bytes received.", interface_number, IN(traffic_interface, in.bytes)),
	COUNTER("network_receive_packets", "Packets received.", interface_number, IN(traffic_interface, in.packets)),
	COUNTER("network_receive_packets_dropped", "Packets dropped on the way in.", interface_number,
		IN(traffic_interface, in.dropped)),
	COUNTER("network_receive_errors", "Errors on the way in.", interface_number,
		IN(traffic_interface, in.errors)),
	COUNTER("network_transmit_bytes", "Bytes sent.", interface_number, IN(traffic_interface, out.bytes)),
	COUNTER("network_transmit_packets", "Packets sent.", interface_number, IN(traffic_interface, out.packets)),
	COUNTER("network_transmit_packets_dropped", "Packets dropped on the way out.", interface_number,
		IN(traffic_interface, out.dropped)),
	COUNTER("network_transmit_errors", "Errors on the way out.", interface_number,
		IN(traffic_interface, out.errors)),

	BYTES("hugetlb_usage", "Memory in huge pages.", hugetlb, 0),
};

void stats_openmetrics(struct strbuf *out, struct sample *const *v, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct family *f = &families[i];
		size_t start = out->len, described;

		strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
		if (f->unit)
			strbuf_addf(out, "# UNIT %s %s\n", f->name, f->unit);
		described = out->len;
		for (size_t k = 0; k < n; k++)
			f->emit(&(struct emitter){.out = out, .family = f, .x = v[k]});
		if (out->len == described)	/* nobody has any */
			out->len = start;
	}
	strbuf_adds(out, "# EOF\n");
}
