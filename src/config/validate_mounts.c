/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules between the members of `mounts` (runtime-spec config.md#mounts). */
#include <errno.h>
#include <linux/sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/validate.h"
#include "config/validate_parts.h"
#include "oci/mount.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/mem.h"

/* An error about the last word of @kind in the options of mount @i. */
static int bad_option(const struct oci_mount *m, size_t i, enum mount_option_kind kind,
		      const char *why, struct error *err)
{
	size_t k = mount_option_last(&m->words, kind);

	error_set(err, EINVAL, "`%s` %s", m->words.v[k], why);
	return error_at(err, "/mounts/%zu/options/%zu", i, k);
}

static int check_source(const struct oci_mount *m, size_t i, struct error *err)
{
	if (m->options.bind && !m->source)
		return invalid_at(err, "a bind mount needs a `source`", "/mounts/%zu/source", i);
	if (!m->options.bind && !m->type)
		return invalid_at(err, "`type` is needed, or the option `bind`", "/mounts/%zu/type",
				  i);
	return 0;
}

/* ---- id mappings ---------------------------------------------------------------------------- */

static int check_extents(const struct oci_mount *m, size_t i, struct error *err)
{
	const struct oci_id_mappings *const lists[] = {&m->uid_mappings, &m->gid_mappings};
	static const char *const names[] = {"uidMappings", "gidMappings"};
	int e = 0;

	for (size_t k = 0; e == 0 && k < 2; k++) {
		char where[64];

		snprintf(where, sizeof(where), "/mounts/%zu/%s", i, names[k]);
		if (lists[k]->n == 0)
			return error_config(err, where, "uidMappings and gidMappings of a mount come "
					    "together");
		e = validate_extents(lists[k], where, err);
	}
	return e;
}

/* File systems of which the kernel makes no id-mapped mounts: they show what belongs to a namespace. */
static bool never_mapped(const struct oci_mount *m)
{
	static const char *const types[] = {"cgroup", "cgroup2", "devpts", "mqueue", "proc", "sysfs"};

	for (size_t k = 0; !m->options.bind && m->type && k < ARRAY_SIZE(types); k++)
		if (str_eq(m->type, types[k]))
			return true;
	return false;
}

static int check_idmap(const struct oci_config *c, size_t i, struct error *err)
{
	const struct oci_mount *m = &c->mounts[i];
	bool maps = m->uid_mappings.n || m->gid_mappings.n;
	const char *why = NULL;
	int e = maps ? check_extents(m, i, err) : 0;

	if (e < 0 || (!maps && !m->options.idmap))
		return e;
	if (m->options.remount)
		why = "cannot be changed by `remount`: a mount keeps the id mapping it was made with";
	else if (never_mapped(m))
		why = "is not possible with this type of file system";
	else if (!maps && !oci_find_namespace(c, CLONE_NEWUSER))
		why = "needs uidMappings and gidMappings in the mount, or a `user` namespace in "
		      "/linux/namespaces to take them from";
	if (!why)
		return 0;
	if (m->options.idmap)
		return bad_option(m, i, MOUNT_OPTION_IDMAP, why, err);
	error_set(err, EINVAL, "an id mapping %s", why);
	return error_at(err, "/mounts/%zu/uidMappings", i);
}

/* ---- tmpcopyup ------------------------------------------------------------------------------ */

static int check_copyup(const struct oci_mount *m, size_t i, struct error *err)
{
	if (!m->options.tmpcopyup)
		return 0;
	if (m->options.bind || m->options.remount || !str_eq(m->type, "tmpfs"))
		return bad_option(m, i, MOUNT_OPTION_COPYUP, "is for new mounts of type tmpfs only", err);
	if (m->options.idmap || m->uid_mappings.n)
		return bad_option(m, i, MOUNT_OPTION_COPYUP, "and an id mapping do not go together: whose "
				  "are the copies?", err);
	return 0;
}

/* ---- links ---------------------------------------------------------------------------------- */

/* crun's words.  Podman has copy-symlink for --mount type=bind,no-dereference. */
static int check_link(const struct oci_mount *m, size_t i, struct error *err)
{
	const struct oci_mount_options *o = &m->options;
	bool nofollow = o->src_nofollow || o->dest_nofollow;

	if ((o->copy_symlink || nofollow) && (!o->bind || o->remount))
		return bad_option(m, i, nofollow ? MOUNT_OPTION_NOFOLLOW : MOUNT_OPTION_LINK,
				  "is for bind mounts only", err);
	if (o->copy_symlink && nofollow)
		return bad_option(m, i, MOUNT_OPTION_NOFOLLOW, "and `copy-symlink`, which mounts nothing, exclude each "
				  "other", err);
	return 0;
}

/* ---- words of others ------------------------------------------------------------------------ */

/*
 * Of a word that we do not know a bind mount has no use, and it is left out with a warning.  Not these:
 * mount(8) and other runtimes restrict something by them.  "=" at the end: with a value.
 */
static const char *const restricting[] = {
	"X-mount.idmap=", "X-mount.subdir=", "group", "idmap=", "owner", "ridmap=", "user", "users",
};

/* "read-only", "NoSuid", mount(8)'s "ro=recursive", up to @end: the one of our own that it means, or as good as. */
static const struct mount_option_row *meant_by(const char *word, const char *end)
{
	char plain[24];
	size_t n = 0;

	for (; word < end && *word != '=' && n < sizeof(plain) - 1; word++)
		if (*word != '-' && *word != '_' && *word != ' ')
			plain[n++] = (char)(*word >= 'A' && *word <= 'Z' ? *word + ('a' - 'A') : *word);
	plain[n] = '\0';
	if (word < end && *word != '=')
		return NULL;
	return mount_option_find(str_eq(plain, "readonly") ? "ro" : plain);
}

/* Does @word, or one of several in it, restrict something elsewhere, or by a slip here? */
static bool restricts(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(restricting); i++) {
		size_t n = strlen(restricting[i]);

		if (restricting[i][n - 1] == '=' ? str_starts(word, restricting[i])
						 : str_eq(word, restricting[i]))
			return true;
	}
	for (const char *end;; word = end + 1) {
		const struct mount_option_row *row;

		end = strchrnul(word, ',');
		row = meant_by(word, end);
		if (row && (row->set || row->kind == MOUNT_OPTION_IDMAP))
			return true;
		if (!*end)
			return false;
	}
}

static int refuse_word(const char *word, const struct mount_option_row *near, const char *where, struct error *err)
{
	error_config(err, where, "the option `%.64s` is not known here, and without it the mount would be less "
		     "restricted than was asked for", word);
	if (strchr(word, ','))
		return error_hint(err, "each option is an entry of its own");
	if (!near)
		near = meant_by(word, strchr(word, '\0'));
	return near ? error_hint(err, "did you mean `%s`?", near->name) : -err->code;
}

/* tmpfs(5), and Documentation/filesystems/tmpfs.rst; other file systems have too many. */
static const struct name_value tmpfs_options[] = {
	{"casefold", 0}, {"gid", 0}, {"grpquota", 0}, {"huge", 0}, {"inode32", 0}, {"inode64", 0}, {"mode", 0},
	{"mpol", 0}, {"noswap", 0}, {"nr_blocks", 0}, {"nr_inodes", 0}, {"quota", 0}, {"size", 0},
	{"strict_encoding", 0}, {"uid", 0}, {"usrquota", 0},
};

static void suggest_for_tmpfs(const char *word, const char *where)
{
	char name[24];
	const char *near;
	size_t n = strcspn(word, "=");

	if (n >= sizeof(name) || strchr(word, ','))
		return;
	memcpy(name, word, n);
	name[n] = '\0';
	near = name_nearest(tmpfs_options, ARRAY_SIZE(tmpfs_options), name);
	if (near && !str_eq(near, name))
		log_warning("%s: tmpfs has no option `%.64s` that is known: did you mean `%s`?", where, word, near);
}

/* ---- values of options ---------------------------------------------------------------------- */

enum value_kind { VALUE_OCTAL, VALUE_NUMBER, VALUE_AMOUNT, VALUE_SHARE, N_VALUE_KINDS };

static const char *const value_words[N_VALUE_KINDS] = {
	"an octal number, such as 0755", "a number", "a number, or one with a unit, such as 10k",
	"a number, one with a unit, such as 10m, or a share, such as 10%",
};

/* Those that the kernel has always taken so: mm/shmem.c, fs/devpts/inode.c. */
static const struct {
	const char *type, *name;
	enum value_kind kind;
} values[] = {
	{"tmpfs", "mode", VALUE_OCTAL},	      {"tmpfs", "uid", VALUE_NUMBER},	   {"tmpfs", "gid", VALUE_NUMBER},
	{"tmpfs", "size", VALUE_SHARE},	      {"tmpfs", "nr_blocks", VALUE_AMOUNT},
	{"tmpfs", "nr_inodes", VALUE_AMOUNT},
	{"devpts", "mode", VALUE_OCTAL},      {"devpts", "uid", VALUE_NUMBER},	   {"devpts", "gid", VALUE_NUMBER},
	{"devpts", "ptmxmode", VALUE_OCTAL},  {"devpts", "max", VALUE_NUMBER},
};

static bool is_value(const char *s, enum value_kind kind)
{
	char *end;

	if (*s < '0' || *s > '9')
		return *s == '+' && s[1] != '+' && kind < VALUE_AMOUNT && is_value(s + 1, kind);
	if (strtoull(s, &end, kind == VALUE_OCTAL ? 8 : 0) > UINT32_MAX && kind < VALUE_AMOUNT)
		return false;
	if (kind >= VALUE_AMOUNT && *end && strchr("kKmMgGtTpPeE", *end))
		end++;
	if (kind == VALUE_SHARE && *end == '%')
		end++;
	return *end == '\0';
}

static int check_value(const char *type, const char *piece, const char *where, struct error *err)
{
	size_t n = strcspn(piece, "=");

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (!str_eq(type, values[i].type) || strlen(values[i].name) != n ||
		    strncmp(piece, values[i].name, n) != 0)
			continue;
		if (piece[n] == '=' && is_value(piece + n + 1, values[i].kind))
			return 0;
		return error_config(err, where, "`%.64s`: %s of %s is %s", piece, values[i].name, type,
				    value_words[values[i].kind]);
	}
	return 0;
}

/* One word may have several, and quotes around what has a comma of its own. */
static int check_values(const char *type, const char *word, const char *where, struct error *err)
{
	int e = 0;

	if (strpbrk(word, "\"\\"))
		return 0;
	if (!strchr(word, ','))
		return check_value(type, word, where, err);
	for (const char *s = word; e == 0 && *s; s += *s == ',') {
		_cleanup_free_ char *piece = xstrndup(s, strcspn(s, ","));

		e = check_value(type, piece, where, err);
		s += strlen(piece);
	}
	return e;
}

/* ---- each word ------------------------------------------------------------------------------ */

static int check_word(const struct oci_mount *m, const char *word, const char *where, struct error *err)
{
	const struct mount_option_row *near = strpbrk(word, "=,") ? NULL : mount_option_near(word);

	if (m->options.bind)
		return (near && mount_option_restricts(near)) || restricts(word) ? refuse_word(word, near, where, err)
										 : 0;
	if (near)	/* a file system may have a word like that */
		log_warning("%s: the option `%.64s` is left to the file system: did you mean `%s`?", where, word,
			    near->name);
	else if (m->type && str_eq(m->type, "tmpfs"))
		suggest_for_tmpfs(word, where);
	return m->type && !m->options.remount ? check_values(m->type, word, where, err) : 0;
}

static int check_words(const struct oci_mount *m, size_t i, struct error *err)
{
	int e = 0;

	for (size_t k = 0; e == 0 && k < m->words.n; k++) {
		char where[64];

		if (mount_option_find(m->words.v[k]))
			continue;
		snprintf(where, sizeof(where), "/mounts/%zu/options/%zu", i, k);
		e = check_word(m, m->words.v[k], where, err);
	}
	return e;
}

/* ---- all of them ---------------------------------------------------------------------------- */

int validate_mount(const struct oci_config *c, size_t i, struct error *err)
{
	const struct oci_mount *m = &c->mounts[i];
	int e = m->options.remount ? 0 : check_source(m, i, err);

	if (e == 0)
		e = check_idmap(c, i, err);
	if (e == 0)
		e = check_copyup(m, i, err);
	if (e == 0)
		e = check_link(m, i, err);
	return e == 0 ? check_words(m, i, err) : e;
}

int validate_added_mounts(const struct oci_config *c, struct error *err)
{
	int e = 0;

	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].options.remount)
			return bad_option(&c->mounts[i], i, MOUNT_OPTION_REMOUNT, "changes a mount that is there: "
					  "here are new ones (`mounts add --replace` puts one in the place of another)",
					  err);
	for (size_t i = 0; e == 0 && i < c->n_mounts; i++)
		e = validate_mount(c, i, err);
	return e;
}
