/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.resources.devices as a program of type BPF_PROG_TYPE_CGROUP_DEVICE.  Pure, on the host side.
 *
 * The list is one of changes, in order, to a state that begins with "deny everything".  For each of
 * read, write and mknod by itself, the last entry which names the device decides; an access that
 * asks for several (open with O_RDWR) is allowed if each of them is.  So the program walks the list
 * backwards and keeps in r3 the accesses nobody has decided yet:
 *
 *	a deny entry that matches and has one of them:		no
 *	an allow entry that matches: take its accesses away;	none left: yes
 *	at the end: the default
 *
 * Before that, entries which later ones make void are dropped, and neighbours of the same kind,
 * whose order does not matter, are merged and grouped by type and major number.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <string.h>

#include "plan/parts.h"
#include "plan/plan_resources.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/str.h"

#define WHERE "/linux/resources/devices"
#define RULES_MAX 4096		/* dropping void entries is quadratic */
#define INSNS_MAX 0x6000	/* offsets are 16 bits wide, and those from 0x7000 have a meaning */
#define ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)
#define ANY (-1)

struct rule {
	bool allow;
	short type;		/* BPF_DEVCG_DEV_BLOCK or _CHAR */
	int64_t major;		/* or ANY */
	int64_t first, last;	/* minor numbers, or ANY */
	unsigned access;	/* BPF_DEVCG_ACC_* */
};

struct rules {
	bool allow;		/* the default */
	struct rule *v;
	size_t n;
};

/* Every container can use these (runtime-spec config-linux.md#default-devices, and ptys) and may
 * make nodes it cannot open: engines deny everything first and rely on it. */
static const struct rule default_rules[] = {
	{true, BPF_DEVCG_DEV_CHAR, ANY, ANY, ANY, BPF_DEVCG_ACC_MKNOD},
	{true, BPF_DEVCG_DEV_BLOCK, ANY, ANY, ANY, BPF_DEVCG_ACC_MKNOD},
	{true, BPF_DEVCG_DEV_CHAR, 1, 3, 3, ACCESS_ALL},	/* null */
	{true, BPF_DEVCG_DEV_CHAR, 1, 5, 5, ACCESS_ALL},	/* zero */
	{true, BPF_DEVCG_DEV_CHAR, 1, 7, 7, ACCESS_ALL},	/* full */
	{true, BPF_DEVCG_DEV_CHAR, 1, 8, 8, ACCESS_ALL},	/* random */
	{true, BPF_DEVCG_DEV_CHAR, 1, 9, 9, ACCESS_ALL},	/* urandom */
	{true, BPF_DEVCG_DEV_CHAR, 5, 0, 0, ACCESS_ALL},	/* tty */
	{true, BPF_DEVCG_DEV_CHAR, 5, 2, 2, ACCESS_ALL},	/* ptmx */
	{true, BPF_DEVCG_DEV_CHAR, 136, ANY, ANY, ACCESS_ALL},	/* pts */
};

/* ---- from the list to rules ----------------------------------------------------------------- */

static unsigned access_bits(unsigned access)
{
	return (access & DEVICE_ACCESS_READ ? BPF_DEVCG_ACC_READ : 0) |
	       (access & DEVICE_ACCESS_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
	       (access & DEVICE_ACCESS_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

static int add_rule(struct arena *a, struct rules *rules, const struct oci_device_rule *d,
		    size_t index, struct error *err)
{
	struct rule rule = {
		.allow = d->allow, .major = d->major < 0 ? ANY : d->major,
		.first = d->minor < 0 ? ANY : d->minor, .last = d->minor < 0 ? ANY : d->minor,
		.access = access_bits(d->access),
	};

	/* A device number of the kernel has 12 and 20 bits. */
	if (rule.major > 0xfff || rule.first > 0xfffff) {
		error_set(err, EINVAL, "there can be no device %" PRId64 ":%" PRId64, rule.major, rule.first);
		return error_at(err, WHERE "/%zu", index);
	}
	if (d->type == 'a' && rule.major == ANY && rule.first == ANY && rule.access == ACCESS_ALL) {
		rules->allow = d->allow || MUTATE(T92);
		rules->n = 0;
		return 0;
	}
	if (d->type != 'c') {
		rule.type = BPF_DEVCG_DEV_BLOCK;
		arena_push(a, rules->v, rules->n) = rule;
	}
	if (d->type != 'b') {
		rule.type = BPF_DEVCG_DEV_CHAR;
		arena_push(a, rules->v, rules->n) = rule;
	}
	return 0;
}

/* Does @r apply to every device that @to applies to? */
static bool covers(const struct rule *r, const struct rule *to)
{
	return r->type == to->type && (r->major == ANY || r->major == to->major) &&
	       (r->first == ANY || (r->first <= to->first && to->last <= r->last));
}

/* Is there an access that both apply to? */
static bool overlap(const struct rule *a, const struct rule *b)
{
	return a->type == b->type && (a->major == ANY || b->major == ANY || a->major == b->major) &&
	       (a->first == ANY || b->first == ANY || (a->first <= b->last && b->first <= a->last)) &&
	       a->access & b->access;
}

static size_t remove_void(struct rule *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i].access)
			v[kept++] = v[i];
	return kept;
}

/* What later entries override, and what repeats the default where nothing differs from it. */
static void drop_void(struct rules *rules)
{
	struct rule *v = rules->v;

	for (size_t i = 0; i < rules->n; i++)
		for (size_t j = i + 1; v[i].access && j < rules->n; j++)
			if (covers(&v[j], &v[i]))
				v[i].access &= ~v[j].access;
	for (size_t i = 0; i < rules->n; i++) {
		bool differs = v[i].allow != rules->allow;

		for (size_t j = 0; !differs && j < i; j++)
			differs = v[j].allow != rules->allow && overlap(&v[j], &v[i]);
		if (!differs)
			v[i].access = 0;
	}
	rules->n = remove_void(v, rules->n);
}

static int compare(const void *va, const void *vb)
{
	const struct rule *a = va, *b = vb;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	if (a->access != b->access)
		return a->access < b->access ? -1 : 1;
	return (a->first > b->first) - (a->first < b->first);
}

/* @v: neighbours that all allow, or all deny: their order does not matter. */
static size_t merge_run(struct rule *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)		/* one entry for each device */
		for (size_t j = 0; v[i].access && j < i; j++)
			if (covers(&v[i], &v[j]) && covers(&v[j], &v[i])) {
				v[i].access |= v[j].access;
				v[j].access = 0;
			}
	for (size_t i = 0; i < n; i++)		/* less what a wider one has already */
		for (size_t j = 0; v[i].access && j < n; j++)
			if (i != j && covers(&v[j], &v[i]))
				v[i].access &= ~v[j].access;
	n = remove_void(v, n);
	qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++) {	/* ranges of minor numbers */
		struct rule *last = kept ? &v[kept - 1] : NULL;

		if (last && v[i].first != ANY && last->type == v[i].type &&
		    last->major == v[i].major && last->access == v[i].access &&
		    last->last + 1 == v[i].first)
			last->last = v[i].last;
		else
			v[kept++] = v[i];
	}
	return kept;
}

/* ---- from rules to instructions ------------------------------------------------------------- */

/* r2 device type, r3 accesses not decided yet, r4 major, r5 minor */
#define INSN(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define JUMP_IF(op, reg, value, off) INSN(BPF_JMP | (op) | BPF_K, reg, 0, off, value)
#define JUMP(off) INSN(BPF_JMP | BPF_JA, 0, 0, off, 0)
#define LOAD(reg, field) \
	INSN(BPF_LDX | BPF_MEM | BPF_W, reg, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, field), 0)
#define RETURN_VALUE(v) INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, v)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* Offsets that stand for places not known yet. */
#define TO_ALLOW 0x7001
#define TO_DENY 0x7002
#define TO_NEXT_TYPE 0x7003

struct code {
	struct arena *a;
	struct bpf_insn *v;
	size_t n;
};

static size_t emit(struct code *c, struct bpf_insn insn)
{
	arena_push(c->a, c->v, c->n) = insn;
	return c->n - 1;
}

/* Let the jump at @from go to the next instruction. */
static void land(struct code *c, size_t from)
{
	c->v[from].off = (int16_t)(c->n - from - 1);
}

static void emit_rule(struct code *c, const struct rule *r)
{
	int16_t exit = r->allow ? TO_ALLOW : TO_DENY;
	size_t skip[2], n = 0;

	if (r->first != ANY && r->first == r->last && r->access == ACCESS_ALL) {
		emit(c, JUMP_IF(BPF_JEQ, BPF_REG_5, (int32_t)r->first, exit));
		return;
	}
	if (r->first != ANY && r->first == r->last) {
		skip[n++] = emit(c, JUMP_IF(BPF_JNE, BPF_REG_5, (int32_t)r->first, 0));
	} else if (r->first != ANY) {
		if (r->first > 0)
			skip[n++] = emit(c, JUMP_IF(BPF_JLT, BPF_REG_5, (int32_t)r->first, 0));
		skip[n++] = emit(c, JUMP_IF(BPF_JGT, BPF_REG_5, (int32_t)r->last, 0));
	}
	if (r->access == ACCESS_ALL) {
		emit(c, JUMP(exit));
	} else if (r->allow) {
		emit(c, INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0,
			     (int32_t)(ACCESS_ALL & ~r->access)));
		emit(c, JUMP_IF(BPF_JEQ, BPF_REG_3, 0, exit));
	} else {
		emit(c, JUMP_IF(BPF_JSET, BPF_REG_3, (int32_t)r->access, exit));
	}
	while (n > 0)
		land(c, skip[--n]);
}

/* Those of one major number.  When none of them decides, no other major number will: go on behind
 * them all, which also keeps the kernel's verifier from walking through every pair. */
static void emit_major(struct code *c, const struct rule *v, size_t n, bool is_last)
{
	bool decides = v[n - 1].first == ANY && v[n - 1].access == ACCESS_ALL;
	size_t skip = 0;

	if (v[0].major != ANY)
		skip = emit(c, JUMP_IF(BPF_JNE, BPF_REG_4, (int32_t)v[0].major, 0));
	for (size_t i = 0; i < n; i++)
		emit_rule(c, &v[i]);
	if (v[0].major == ANY)
		return;
	if (!is_last && !decides)
		emit(c, JUMP(TO_NEXT_TYPE));
	land(c, skip);
}

static size_t land_all(struct code *c, size_t from, int16_t way)
{
	size_t n = 0;

	for (size_t i = from; i < c->n; i++) {
		if (BPF_CLASS(c->v[i].code) == BPF_JMP && c->v[i].off == way) {
			land(c, i);
			n++;
		}
	}
	return n;
}

/* A merged run: sorted by type, then by major number. */
static void emit_run(struct code *c, const struct rule *v, size_t n)
{
	for (size_t type = 0, next; type < n; type = next) {
		size_t skip = emit(c, JUMP_IF(BPF_JNE, BPF_REG_2, v[type].type, 0));

		for (next = type; next < n && v[next].type == v[type].type;) {
			size_t major = next;

			while (next < n && v[next].type == v[type].type &&
			       v[next].major == v[major].major)
				next++;
			emit_major(c, v + major, next - major,
				   next == n || v[next].type != v[type].type);
		}
		land(c, skip);
		land_all(c, skip, TO_NEXT_TYPE);
	}
}

/* The exits: the default, which is reached at the end too, and the other one if something jumps
 * there (the kernel refuses a program with instructions that cannot be reached). */
static void emit_exits(struct code *c, bool allow)
{
	int16_t ways[] = {allow ? TO_ALLOW : TO_DENY, allow ? TO_DENY : TO_ALLOW};

	for (int way = 0; way < 2; way++) {
		if (land_all(c, 0, ways[way]) == 0 && way > 0)
			continue;
		emit(c, RETURN_VALUE(ways[way] == TO_ALLOW));
		emit(c, EXIT);
	}
}

static int emit_program(struct code *c, const struct rules *rules, struct error *err)
{
	emit(c, LOAD(BPF_REG_2, access_type));
	emit(c, INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0));
	emit(c, INSN(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16));
	emit(c, INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff));
	emit(c, LOAD(BPF_REG_4, major));
	emit(c, LOAD(BPF_REG_5, minor));
	for (size_t end = rules->n, start; end > 0; end = start) {
		for (start = end - 1; start > 0 && rules->v[start - 1].allow == rules->v[start].allow;)
			start--;
		emit_run(c, rules->v + start, merge_run(rules->v + start, end - start));
		if (c->n > INSNS_MAX)
			return error_config(err, WHERE, "makes a program of more than %d instructions; join "
					    "the entries", INSNS_MAX);
	}
	emit_exits(c, rules->allow);
	return 0;
}

/* ---- what systemd can say of it -------------------------------------------------------------- */

static const char *access_letters(unsigned access)
{
	static const char *const letters[] = {"", "m", "r", "rm", "w", "wm", "rw", "rwm"};

	return letters[access & ACCESS_ALL];
}

/* "('/dev/char/1:3', 'rwm')": systemd.resource-control(5), DeviceAllow=. */
static void add_allow(struct strbuf *text, const struct rule *r)
{
	bool block = r->type == BPF_DEVCG_DEV_BLOCK;
	const char *word = block ? "block" : "char";

	strbuf_addf(text, "%s('", text->len ? ", " : "");
	if (r->major == ANY)	/* one minor number of all drivers cannot be said */
		strbuf_addf(text, "%s-*", word);
	else if (r->first == ANY)
		strbuf_addf(text, "%s-%" PRId64, word, r->major);
	else
		strbuf_addf(text, "/dev/%s/%" PRId64 ":%" PRId64, word, r->major, r->first);
	strbuf_addf(text, "', '%s')", access_letters(r->access));
}

/*
 * systemd attaches a program of its own, and an access needs the consent of both.  What it cannot say (what is
 * denied after it was allowed, one minor number of all drivers) it allows, and ours decides.
 */
static void describe_to_systemd(struct arena *a, struct plan_cgroup *c, const struct rules *rules)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};

	for (size_t i = 0; !rules->allow && i < rules->n; i++)
		if (rules->v[i].allow)
			add_allow(&text, &rules->v[i]);
	c->device_policy = rules->allow ? "'auto'" : "'strict'";
	c->device_allow = arena_printf(a, "@a(ss) [%s]", text.data ? text.data : "");
}

int plan_device_program(struct arena *a, const struct oci_resources *r, struct plan_cgroup *ret,
			struct error *err)
{
	struct rules rules = {.allow = false};
	struct code c = {.a = a};
	int e;

	ret->device_program = NULL;
	ret->n_device_insns = 0;
	if (!r->has_devices)
		return 0;
	if (r->n_devices > RULES_MAX)
		return error_config(err, WHERE, "has more than %d entries", RULES_MAX);
	for (size_t i = 0; i < r->n_devices; i++) {
		e = add_rule(a, &rules, &r->devices[i], i, err);
		if (e < 0)
			return e;
	}
	for (size_t i = 0; i < ARRAY_SIZE(default_rules); i++)
		arena_push(a, rules.v, rules.n) = default_rules[i];
	drop_void(&rules);
	if (ret->mode == PLAN_CGROUP_SYSTEMD)
		describe_to_systemd(a, ret, &rules);
	if (rules.allow && rules.n == 0)
		return 0;
	e = emit_program(&c, &rules, err);
	if (e < 0)
		return e;
	ret->device_program = c.v;
	ret->n_device_insns = c.n;
	return 0;
}

int plan_cgroup_devices(struct arena *a, struct plan *p, struct error *err)
{
	p->cgroup.device_program = NULL;
	p->cgroup.n_device_insns = 0;
	if (p->cgroup.mode == PLAN_CGROUP_NONE)
		return 0;
	return plan_device_program(a, &p->config->linux_.resources, &p->cgroup, err);
}
