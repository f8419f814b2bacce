/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules between members, one row each with the place in the specification it comes from.  What one
 * value alone must look like is in the field tables of read_*.c.
 */
#include "config/validate.h"

#include <errno.h>
#include <linux/sched.h>
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

static int check_namespaces(const struct oci_config *c, struct error *err)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < c->linux_.n_namespaces; i++) {
		const struct oci_namespace *ns = &c->linux_.namespaces[i];

		if ((seen & ns->flag) && !MUTATE(T72)) {
			error_set(err, EINVAL, "the namespace type `%s` is there twice", ns->name);
			return error_at(err, "/linux/namespaces/%zu/type", i);
		}
		seen |= ns->flag;
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

int validate_process(const struct oci_process *p, const char *base, struct error *err)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *limit = &p->rlimits[i];

		if (seen & (1ull << limit->resource)) {
			error_set(err, EINVAL, "`%s` is there twice", limit->name);
			return error_at(err, "%s/rlimits/%zu/type", base, i);
		}
		seen |= 1ull << limit->resource;
		if (limit->soft > limit->hard) {
			error_set(err, EINVAL, "%s: the soft limit %llu is above the hard limit "
				  "%llu", limit->name, (unsigned long long)limit->soft,
				  (unsigned long long)limit->hard);
			return error_at(err, "%s/rlimits/%zu/soft", base, i);
		}
	}
	return validate_scheduler(&p->scheduler, base, err);
}

static int check_process(const struct oci_config *c, struct error *err)
{
	return c->process.present ? validate_process(&c->process, "/process", err) : 0;
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

static int check_resources(const struct oci_config *c, struct error *err)
{
	return validate_resources(&c->linux_.resources, "/linux/resources", err);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static const struct {
	const char *section;		/* of the runtime specification */
	int (*check)(const struct oci_config *c, struct error *err);
} rules[] = {
	{"config.md#specification-version", check_version},
	{"config.md#mounts", validate_mounts},
	{"config-linux.md#namespaces", check_namespaces},
	{"config-linux.md#user-namespace-mappings", validate_mappings},
	{"config.md#hostname", check_hostname},
	{"config.md#domainname", check_domainname},
	{"config.md#posix-process", check_process},
	{"config.md#posix-platform-user", validate_mapped_ids},
	{"config-linux.md#control-groups", check_resources},
	{"config-linux.md#sysctl", validate_sysctl},
	{"config-linux.md#memory-policy", validate_memory_policy},
	{"config-linux.md#time-offset", validate_time_offsets},
	{"config-linux.md#network-devices", validate_net_devices},
	{"config-linux.md#intelrdt", validate_intelrdt},
};

int validate_config(const struct oci_config *c, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		int e = rules[i].check(c, err);

		if (e < 0)
			return e;
	}
	return 0;
}
