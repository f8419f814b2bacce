/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules between members, one row each with the place in the specification it comes from.  What one
 * value alone must look like is in the field tables of read_*.c.
 */
#include "config/validate.h"

#include <errno.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdlib.h>

#include "config/validate_parts.h"
#include "sys/mutate.h"
#include "util/log.h"

/* ---- ociVersion ----------------------------------------------------------------------------- */

#define DIGITS "0123456789"
#define IDENTIFIER DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"

/* A number without leading zeros, ended by @end (0: by nothing). */
static const char *version_number(const char *s, unsigned long *ret)
{
	size_t n = strspn(s, DIGITS);

	if (n == 0 || n > 9 || (n > 1 && *s == '0'))
		return NULL;
	*ret = strtoul(s, NULL, 10);
	return s + n;
}

/* Identifiers between dots; numeric ones of a pre-release have no leading zeros. */
static const char *version_identifiers(const char *s, bool strict)
{
	for (;;) {
		size_t n = strspn(s, IDENTIFIER);

		if (n == 0 || (strict && n > 1 && *s == '0' && strspn(s, DIGITS) == n))
			return NULL;
		s += n;
		if (*s != '.')
			return s;
		s++;
	}
}

/* SemVer 2.0.0: MAJOR.MINOR.PATCH[-pre][+build]. */
static bool parse_version(const char *s, unsigned long v[3])
{
	for (int i = 0; i < 3; i++) {
		s = version_number(s, &v[i]);
		if (!s || (i < 2 && *s++ != '.'))
			return false;
	}
	if (*s == '-')
		s = version_identifiers(s + 1, true);
	if (s && *s == '+')
		s = version_identifiers(s + 1, false);
	return s && !*s;
}

static int check_version(const struct oci_config *c, struct error *err)
{
	unsigned long v[3], ours[3];

	if (!parse_version(c->oci_version, v))
		return error_config(err, "/ociVersion", "`%.40s` is not a version like %s",
				    c->oci_version, OCI_VERSION);
	parse_version(OCI_VERSION, ours);
	if (v[0] == 0)	/* of before 1.0; what changed since then is refused or ignored by name */
		log_warning("/ociVersion: %.40s is older than 1.0.0, the configuration is read as one of "
			    "1.0.0", c->oci_version);
	else if (v[0] != ours[0])
		return error_config(err, "/ociVersion", "version `%.40s` is not supported: orlop "
				    "follows %s", c->oci_version, OCI_VERSION);
	else if (v[1] > ours[1])
		log_warning("/ociVersion: %.40s is newer than %s, what is new in it is ignored",
			    c->oci_version, OCI_VERSION);
	return 0;
}

/* ---- namespaces ----------------------------------------------------------------------------- */

static int check_namespace(const struct oci_config *c, size_t i, struct error *err)
{
	const struct oci_namespace *all = c->linux_.namespaces;

	for (size_t k = 0; k < i; k++)
		if (all[k].flag == all[i].flag && !MUTATE(T72)) {
			error_set(err, EINVAL, "the namespace type `%s` is there twice", all[i].name);
			return error_at(err, "/linux/namespaces/%zu/type", i);
		}
	return 0;
}

#define UTS_MAX 64u	/* __NEW_UTS_LEN, sethostname(2) */

static int check_uts_name(const struct oci_config *c, const char *name, const char *where,
			  struct error *err)
{
	if (!name)
		return 0;
	if (strlen(name) > UTS_MAX)
		return error_config(err, where, "longer than %u bytes", UTS_MAX);
	if (!oci_find_namespace(c, CLONE_NEWUTS))
		return error_config(err, where, "needs a `uts` namespace in /linux/namespaces: the "
				    "host would be renamed");
	return 0;
}

static int check_hostname(const struct oci_config *c, struct error *err)
{
	return check_uts_name(c, c->hostname, "/hostname", err);
}

static int check_domainname(const struct oci_config *c, struct error *err)
{
	return check_uts_name(c, c->domainname, "/domainname", err);
}

/* ---- process -------------------------------------------------------------------------------- */

static int check_limit(const struct oci_process *p, size_t i, const char *base, struct error *err)
{
	const struct oci_rlimit *limit = &p->rlimits[i];

	for (size_t k = 0; k < i; k++)
		if (p->rlimits[k].resource == limit->resource) {
			error_set(err, EINVAL, "`%s` is there twice", limit->name);
			return error_at(err, "%s/rlimits/%zu/type", base, i);
		}
	if (limit->soft > limit->hard) {
		error_set(err, EINVAL, "%s: the soft limit %llu is above the hard limit %llu", limit->name,
			  (unsigned long long)limit->soft, (unsigned long long)limit->hard);
		return error_at(err, "%s/rlimits/%zu/soft", base, i);
	}
	return 0;
}

int validate_process(const struct oci_process *p, const char *base, struct error *err)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < p->n_rlimits; i++)
		e = check_limit(p, i, base, err);
	return e == 0 ? validate_scheduler(&p->scheduler, base, err) : e;
}

static int check_rlimit(const struct oci_config *c, size_t i, struct error *err)
{
	return check_limit(&c->process, i, "/process", err);
}

static int check_scheduler(const struct oci_config *c, struct error *err)
{
	return c->process.present ? validate_scheduler(&c->process.scheduler, "/process", err) : 0;
}

/* ---- resources ------------------------------------------------------------------------------ */

/* 0 = not set, as engines write it; 10 to 1000 otherwise (config-linux.md#block-io). */
static int check_weight(const struct opt_u32 *weight, struct error *err)
{
	if (!weight->set || weight->v == 0 || weight->v >= 10)
		return 0;
	return error_set(err, EINVAL, "%u is out of range (10 to 1000)", weight->v);
}

static int check_weights(const struct oci_resources *r, const char *base, struct error *err)
{
	if (check_weight(&r->block_io.weight, err) < 0)
		return error_at(err, "%s/blockIO/weight", base);
	if (check_weight(&r->block_io.leaf_weight, err) < 0)
		return error_at(err, "%s/blockIO/leafWeight", base);
	for (size_t i = 0; i < r->block_io.n_weight_device; i++) {
		const struct oci_weight_device *d = &r->block_io.weight_device[i];

		if (check_weight(&d->weight, err) < 0)
			return error_at(err, "%s/blockIO/weightDevice/%zu/weight", base, i);
		if (check_weight(&d->leaf_weight, err) < 0)
			return error_at(err, "%s/blockIO/weightDevice/%zu/leafWeight", base, i);
	}
	return 0;
}

static int check_cpu(const struct oci_resources *r, const char *base, struct error *err)
{
	if (r->cpu.period.v != 0 && (r->cpu.period.v < 1000 || r->cpu.period.v > 1000000))
		return invalid_at(err, "out of range (1000 to 1000000 microseconds)",
				  "%s/cpu/period", base);
	if (r->cpu.quota.v > 0 && r->cpu.quota.v < 1000)
		return invalid_at(err, "out of range (at least 1000 microseconds, -1 = no limit)",
				  "%s/cpu/quota", base);
	if (r->cpu.quota.v > 0 && r->cpu.burst.v > (uint64_t)r->cpu.quota.v)
		return invalid_at(err, "must not be above the quota", "%s/cpu/burst", base);
	return 0;
}

/* A key is the name of one file (config-linux.md#unified). */
static int check_unified(const struct oci_resources *r, const char *base, struct error *err)
{
	for (size_t i = 0; i < r->unified.n; i++) {
		const char *key = r->unified.v[i].key;

		if (!strchr(key, '/') && !str_eq(key, ".") && !str_eq(key, ".."))
			continue;
		error_set(err, EINVAL, "the key `%.64s` is not the name of a cgroup file", key);
		return error_at(err, "%s/unified", base);
	}
	return 0;
}

int validate_resources(const struct oci_resources *r, const char *base, struct error *err)
{
	int e = check_weights(r, base, err);

	if (e == 0)
		e = check_cpu(r, base, err);
	return e == 0 ? check_unified(r, base, err) : e;
}

#define RESOURCES_RULE(name) \
	static int check_##name##_rule(const struct oci_config *c, struct error *err) \
	{ \
		return check_##name(&c->linux_.resources, "/linux/resources", err); \
	}

RESOURCES_RULE(weights)
RESOURCES_RULE(cpu)
RESOURCES_RULE(unified)

/* ---- all of them ---------------------------------------------------------------------------- */

#define EACH(check_, member) .each = (check_), .n_offset = OFFSET_OF_COUNT(member)
#define OFFSET_OF_COUNT(m) \
	(offsetof(struct oci_config, m) + 0 * sizeof(char[ \
		__builtin_types_compatible_p(__typeof__(((struct oci_config *)0)->m), size_t) ? 1 : -1]))
#define NAMESPACES "/linux/namespaces"
#define MAPPINGS NAMESPACES, "/linux/uidMappings", "/linux/gidMappings"

static const struct rule {
	const char *section;		/* of the runtime specification */
	const char *reads[5];		/* JSON pointers of what it looks at */
	int (*check)(const struct oci_config *c, struct error *err);
	/* Or one element of a list, of which there are as many as the member at @n_offset says. */
	int (*each)(const struct oci_config *c, size_t i, struct error *err);
	size_t n_offset;
} rules[] = {
	{"config.md#specification-version", {"/ociVersion"}, .check = check_version},
	{"config.md#mounts", {"/mounts", NAMESPACES}, EACH(validate_mount, n_mounts)},
	{"config-linux.md#namespaces", {NAMESPACES}, EACH(check_namespace, linux_.n_namespaces)},
	{"config-linux.md#user-namespace-mappings", {MAPPINGS}, .check = validate_mappings},
	{"config.md#hostname", {"/hostname", NAMESPACES}, .check = check_hostname},
	{"config.md#domainname", {"/domainname", NAMESPACES}, .check = check_domainname},
	{"config.md#posix-process", {"/process/rlimits"}, EACH(check_rlimit, process.n_rlimits)},
	{"config.md#linux-process", {"/process/scheduler"}, .check = check_scheduler},
	{"config.md#posix-platform-user", {"/process/user", MAPPINGS}, .check = validate_mapped_user},
	{"config.md#posix-platform-user", {"/process/user", MAPPINGS},
	 EACH(validate_mapped_group, process.user.n_additional_gids)},
	{"config-linux.md#devices", {"/linux/devices", MAPPINGS}, EACH(validate_mapped_device, linux_.n_devices)},
	{"config-linux.md#block-io", {"/linux/resources/blockIO"}, .check = check_weights_rule},
	{"config-linux.md#cpu", {"/linux/resources/cpu"}, .check = check_cpu_rule},
	{"config-linux.md#unified", {"/linux/resources/unified"}, .check = check_unified_rule},
	{"config-linux.md#sysctl", {"/linux/sysctl", "/hostname", "/domainname", NAMESPACES},
	 EACH(validate_sysctl, linux_.sysctl.n)},
	{"config-linux.md#memory-policy", {"/linux/memoryPolicy"}, .check = validate_memory_policy},
	{"config-linux.md#time-offset", {"/linux/timeOffsets", NAMESPACES}, .check = validate_time_offsets},
	{"config-linux.md#network-devices", {"/linux/netDevices", NAMESPACES}, .check = validate_net_namespace},
	{"config-linux.md#network-devices", {"/linux/netDevices"}, EACH(validate_net_device, linux_.n_net_devices)},
	{"config-linux.md#intelrdt", {"/linux/intelRdt"}, .check = validate_intelrdt},
};

/* What could not be read is no longer there to be looked at. */
static bool can_be_checked(const struct rule *rule, const struct findings *all)
{
	for (size_t i = 0; all && i < ARRAY_SIZE(rule->reads) && rule->reads[i]; i++)
		if (findings_touch(all, rule->reads[i]))
			return false;
	return true;
}

static int apply(const struct rule *rule, const struct oci_config *c, struct findings *all, struct error *err)
{
	size_t n = rule->each ? *(const size_t *)((const char *)c + rule->n_offset) : 0;
	int e = rule->check ? findings_go_on(all, rule->check(c, err), err) : 0;

	for (size_t i = 0; e == 0 && i < n; i++)
		e = findings_go_on(all, rule->each(c, i, err), err);
	return e;
}

int validate_config(const struct oci_config *c, struct findings *all, struct error *err)
{
	bool checked[ARRAY_SIZE(rules)];
	int e = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		checked[i] = can_be_checked(&rules[i], all);
	for (size_t i = 0; e == 0 && i < ARRAY_SIZE(rules); i++)
		e = checked[i] ? apply(&rules[i], c, all, err) : 0;
	return e;
}
