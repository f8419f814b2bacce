/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroup of a plan: where it is, what is written there and what was asked for, device rules, resctrl groups. */
#include "report/show.h"

#include <inttypes.h>

#include "json/pointer.h"
#include "json/tree.h"
#include "oci/resources.h"
#include "plan/parts.h"

/* What the configuration says at @where, if it is one word or number. */
static const char *as_written(const struct json *config, const char *where)
{
	const struct json *v = json_pointer_find(config, where);

	switch (v->type) {
	case JSON_NUMBER:
		return v->number;
	case JSON_STRING:
		return v->string.data;
	case JSON_BOOL:
		return v->boolean ? "true" : "false";
	default:
		return NULL;
	}
}

static void show_writes(struct steps *s, const struct plan_cgroup *c, const struct json *config)
{
	for (size_t i = 0; i < c->n_writes; i++) {
		const struct plan_cgroup_write *w = &c->writes[i];

		steps_begin(s, "cgroup-write");
		steps_text(s, "file", w->file);
		steps_text(s, "value", w->value);
		steps_text(s, "asked", as_written(config, w->where));
		steps_text(s, "or-file", w->alt_file);
		steps_text(s, "or-value", w->alt_value);
		steps_flag(s, "if-there", w->optional);
		steps_end(s, w->where);
	}
}

static void show_unit(struct steps *s, const struct plan_unit *u, const struct json *config)
{
	steps_begin(s, "unit");
	steps_text(s, "name", u->name);
	steps_text(s, "manager", u->user ? "user" : "system");
	steps_end(s, "/linux/cgroupsPath");
	for (size_t i = 0; i < u->n_properties; i++) {
		const struct plan_property *p = &u->properties[i];

		steps_begin(s, "unit-property");
		steps_text(s, "name", p->name);
		steps_text(s, "value", p->value);
		steps_text(s, "asked", *p->where ? as_written(config, p->where) : NULL);
		steps_text(s, "for-bfq", p->bfq_value);
		steps_end(s, p->where);
	}
}

/* -1: any */
static void number_or_any(struct steps *s, const char *key, int64_t n)
{
	if (n < 0)
		steps_text(s, key, "any");
	else
		steps_number(s, key, (uint64_t)n);
}

/* The last one that fits a device says what holds. */
static void show_devices(struct steps *s, const struct plan *p)
{
	const struct oci_resources *r = &p->config->linux_.resources;

	if (!p->cgroup.device_program)
		return;
	steps_begin(s, "device-program");
	steps_number(s, "instructions", p->cgroup.n_device_insns);
	steps_flag(s, "if-possible", p->cgroup.rootless);
	steps_end(s, "/linux/resources/devices");
	for (size_t i = 0; i < r->n_devices; i++) {
		const struct oci_device_rule *rule = &r->devices[i];
		const char type[] = {rule->type, '\0'};
		unsigned a = rule->access;

		steps_begin(s, "device-rule");
		steps_text(s, rule->allow ? "allow" : "deny", type);
		number_or_any(s, "major", rule->major);
		number_or_any(s, "minor", rule->minor);
		steps_format(s, "access", "%s%s%s", a & DEVICE_ACCESS_READ ? "r" : "",
			     a & DEVICE_ACCESS_WRITE ? "w" : "", a & DEVICE_ACCESS_MKNOD ? "m" : "");
		steps_end(s, "/linux/resources/devices");
	}
}

static void show_delegation(struct steps *s, const struct plan_delegation *d)
{
	struct strbuf names = {0};

	if (!d->where)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(cgroup_controller_names); i++)
		if (d->controllers & 1u << i)
			strbuf_addf(&names, "%s%s", names.len ? " " : "", cgroup_controller_names[i]);
	steps_begin(s, "cgroup-delegation");
	steps_text(s, "controllers", names.len ? names.data : "all");
	steps_end(s, d->where);
	strbuf_free(&names);
}

static void show_intelrdt(struct steps *s, const struct plan_intelrdt *x)
{
	static const char *const kinds[] = { "make", "share", "join" };

	if (!x->group)
		return;
	steps_one(s, "resctrl", kinds[x->kind], x->group, "/linux/intelRdt");
	for (size_t i = 0; i < x->n_lines; i++)
		steps_one(s, "resctrl", "schemata", x->lines[i].text, x->lines[i].where);
	steps_one(s, "resctrl", "monitor", x->monitor, "/linux/intelRdt/enableMonitoring");
}

void show_cgroup(struct steps *s, const struct plan *p, const struct json *config)
{
	const struct plan_cgroup *c = &p->cgroup;

	if (c->mode != PLAN_CGROUP_NONE) {
		steps_begin(s, "cgroup");
		steps_text(s, "root", c->root);
		steps_text(s, "path", c->path);
		if (c->owner.set)
			steps_number(s, "owner", c->owner.v);
		steps_flag(s, "if-possible", c->optional);
		steps_end(s, "/linux/cgroupsPath");
		if (c->mode == PLAN_CGROUP_SYSTEMD)
			show_unit(s, &c->unit, config);
		show_writes(s, c, config);
		show_delegation(s, &c->delegation);
		show_devices(s, p);
	}
	show_intelrdt(s, &p->intelrdt);
}
