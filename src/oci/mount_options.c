/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the words of mounts[].options mean (runtime-spec config.md#linux-mount-options), in terms of
 * the new mount API: attributes of the mount (mount_setattr(2)), words of the superblock (fsconfig(2)),
 * and the rest.
 */
#include "oci/mount.h"

#include "sys/compat.h"
#include "util/mem.h"
#include "util/str.h"

/*
 * Sorted by name.  Words that mean nothing here: `silent` and `loud` only govern what the kernel
 * logs, `iversion` is kept by every file system that has it, and fsconfig(2) takes none of them
 * (EINVAL up to Linux 6.18); `norelatime` asks for the absence of what is the default anyway.
 */
const struct mount_option_row mount_option_table[] = {
	{"async", MOUNT_OPTION_SB, 0, 1, "sync"},
	{"atime", MOUNT_OPTION_ATTR, 0, MOUNT_ATTR_NOATIME, NULL},
	{"bind", MOUNT_OPTION_BIND, MS_BIND, 0, NULL},
	{"copy-symlink", MOUNT_OPTION_LINK, 0, 0, NULL},
	{"defaults", MOUNT_OPTION_NOTHING, 0, 0, NULL},
	{"dest-nofollow", MOUNT_OPTION_NOFOLLOW, 0, 1, NULL},
	{"dev", MOUNT_OPTION_ATTR, 0, MOUNT_ATTR_NODEV, NULL},
	{"diratime", MOUNT_OPTION_ATTR, 0, MOUNT_ATTR_NODIRATIME, NULL},
	{"dirsync", MOUNT_OPTION_SB, 1, 0, "dirsync"},
	{"exec", MOUNT_OPTION_ATTR, 0, MOUNT_ATTR_NOEXEC, NULL},
	{"idmap", MOUNT_OPTION_IDMAP, 0, 0, NULL},
	{"iversion", MOUNT_OPTION_NOTHING, 0, 0, NULL},
	{"lazytime", MOUNT_OPTION_SB, 1, 0, "lazytime"},
	{"loud", MOUNT_OPTION_NOTHING, 0, 0, NULL},
	{"mand", MOUNT_OPTION_SB, 1, 0, "mand"},
	{"noatime", MOUNT_OPTION_ATTR, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, NULL},
	{"nodev", MOUNT_OPTION_ATTR, MOUNT_ATTR_NODEV, 0, NULL},
	{"nodiratime", MOUNT_OPTION_ATTR, MOUNT_ATTR_NODIRATIME, 0, NULL},
	{"noexec", MOUNT_OPTION_ATTR, MOUNT_ATTR_NOEXEC, 0, NULL},
	{"noiversion", MOUNT_OPTION_NOTHING, 0, 0, NULL},
	{"nolazytime", MOUNT_OPTION_SB, 0, 1, "lazytime"},
	{"nomand", MOUNT_OPTION_SB, 0, 1, "mand"},
	{"norelatime", MOUNT_OPTION_NOTHING, 0, 0, NULL},
	{"nostrictatime", MOUNT_OPTION_ATTR, 0, MOUNT_ATTR_STRICTATIME, NULL},
	{"nosuid", MOUNT_OPTION_ATTR, MOUNT_ATTR_NOSUID, 0, NULL},
	{"nosymfollow", MOUNT_OPTION_ATTR, MOUNT_ATTR_NOSYMFOLLOW, 0, NULL},
	{"private", MOUNT_OPTION_PROPAGATION, MS_PRIVATE, 0, NULL},
	{"ratime", MOUNT_OPTION_RATTR, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, NULL},
	{"rbind", MOUNT_OPTION_BIND, MS_BIND | MS_REC, 0, NULL},
	{"rdev", MOUNT_OPTION_RATTR, 0, MOUNT_ATTR_NODEV, NULL},
	{"rdiratime", MOUNT_OPTION_RATTR, 0, MOUNT_ATTR_NODIRATIME, NULL},
	{"relatime", MOUNT_OPTION_ATTR, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, NULL},
	{"remount", MOUNT_OPTION_REMOUNT, MS_REMOUNT, 0, NULL},
	{"rexec", MOUNT_OPTION_RATTR, 0, MOUNT_ATTR_NOEXEC, NULL},
	{"ridmap", MOUNT_OPTION_IDMAP, MS_REC, 0, NULL},
	{"rnoatime", MOUNT_OPTION_RATTR, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, NULL},
	{"rnodev", MOUNT_OPTION_RATTR, MOUNT_ATTR_NODEV, 0, NULL},
	{"rnodiratime", MOUNT_OPTION_RATTR, MOUNT_ATTR_NODIRATIME, 0, NULL},
	{"rnoexec", MOUNT_OPTION_RATTR, MOUNT_ATTR_NOEXEC, 0, NULL},
	{"rnorelatime", MOUNT_OPTION_RATTR, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, NULL},
	{"rnostrictatime", MOUNT_OPTION_RATTR, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, NULL},
	{"rnosuid", MOUNT_OPTION_RATTR, MOUNT_ATTR_NOSUID, 0, NULL},
	{"rnosymfollow", MOUNT_OPTION_RATTR, MOUNT_ATTR_NOSYMFOLLOW, 0, NULL},
	{"ro", MOUNT_OPTION_ATTR, MOUNT_ATTR_RDONLY, 0, NULL},
	{"rprivate", MOUNT_OPTION_PROPAGATION, MS_PRIVATE | MS_REC, 0, NULL},
	{"rrelatime", MOUNT_OPTION_RATTR, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, NULL},
	{"rro", MOUNT_OPTION_RATTR, MOUNT_ATTR_RDONLY, 0, NULL},
	{"rrw", MOUNT_OPTION_RATTR, 0, MOUNT_ATTR_RDONLY, NULL},
	{"rshared", MOUNT_OPTION_PROPAGATION, MS_SHARED | MS_REC, 0, NULL},
	{"rslave", MOUNT_OPTION_PROPAGATION, MS_SLAVE | MS_REC, 0, NULL},
	{"rstrictatime", MOUNT_OPTION_RATTR, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, NULL},
	{"rsuid", MOUNT_OPTION_RATTR, 0, MOUNT_ATTR_NOSUID, NULL},
	{"rsymfollow", MOUNT_OPTION_RATTR, 0, MOUNT_ATTR_NOSYMFOLLOW, NULL},
	{"runbindable", MOUNT_OPTION_PROPAGATION, MS_UNBINDABLE | MS_REC, 0, NULL},
	{"rw", MOUNT_OPTION_ATTR, 0, MOUNT_ATTR_RDONLY, NULL},
	{"shared", MOUNT_OPTION_PROPAGATION, MS_SHARED, 0, NULL},
	{"silent", MOUNT_OPTION_NOTHING, 0, 0, NULL},
	{"slave", MOUNT_OPTION_PROPAGATION, MS_SLAVE, 0, NULL},
	{"src-nofollow", MOUNT_OPTION_NOFOLLOW, 1, 0, NULL},
	{"strictatime", MOUNT_OPTION_ATTR, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, NULL},
	{"suid", MOUNT_OPTION_ATTR, 0, MOUNT_ATTR_NOSUID, NULL},
	{"symfollow", MOUNT_OPTION_ATTR, 0, MOUNT_ATTR_NOSYMFOLLOW, NULL},
	{"sync", MOUNT_OPTION_SB, 1, 0, "sync"},
	{"tmpcopyup", MOUNT_OPTION_COPYUP, 0, 0, NULL},
	{"unbindable", MOUNT_OPTION_PROPAGATION, MS_UNBINDABLE, 0, NULL},
};

const size_t mount_option_table_len = ARRAY_SIZE(mount_option_table);

const struct mount_option_row *mount_option_find(const char *word)
{
	size_t low = 0, high = mount_option_table_len;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int r = strcmp(word, mount_option_table[middle].name);

		if (r == 0)
			return &mount_option_table[middle];
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static const uint64_t rights = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			       MOUNT_ATTR_NOSYMFOLLOW;

bool mount_option_restricts(const struct mount_option_row *row)
{
	switch (row->kind) {
	case MOUNT_OPTION_ATTR:
	case MOUNT_OPTION_RATTR:
		return row->set & rights;
	case MOUNT_OPTION_IDMAP:
	case MOUNT_OPTION_NOFOLLOW:
		return true;
	default:
		return false;
	}
}

static bool gives_rights(const struct mount_option_row *row)
{
	return row->kind == MOUNT_OPTION_PROPAGATION ? row->set & MS_SHARED : row->clr & rights;
}

const struct mount_option_row *mount_option_near(const char *word)
{
	const struct mount_option_row *near = NULL;
	unsigned least = NAME_NEAR;

	for (int restricting = 1; restricting >= 0; restricting--)
		for (size_t i = 0; i < mount_option_table_len; i++) {
			const struct mount_option_row *row = &mount_option_table[i];

			if (mount_option_restricts(row) == restricting && name_is_nearer(row->name, word, &least))
				near = row;
		}
	return near && !gives_rights(near) ? near : NULL;
}

size_t mount_option_last(const struct strings *words, enum mount_option_kind kind)
{
	size_t i = words->n;

	while (i-- > 0) {
		const struct mount_option_row *row = mount_option_find(words->v[i]);

		if (row && row->kind == kind)
			return i;
	}
	return words->n;
}

/* The later word wins: what it sets is no longer cleared, what it clears is no longer set. */
static void apply(uint64_t *set, uint64_t *clr, const struct mount_option_row *row)
{
	*set = (*set & ~row->clr) | row->set;
	*clr = (*clr & ~row->set) | row->clr;
}

static void push_string(struct arena *a, struct strings *s, char *word)
{
	arena_push(a, s->v, s->n) = word;
}

static void sb_word(struct arena *a, struct strings *flags, const struct mount_option_row *row)
{
	size_t kept = 0;

	for (size_t i = 0; i < flags->n; i++)
		if (!str_eq(flags->v[i], row->sb_word))
			flags->v[kept++] = flags->v[i];
	flags->n = kept;
	if (row->set)
		push_string(a, flags, arena_strdup(a, row->sb_word));
}

static void one_word(struct arena *a, char *word, struct oci_mount_options *o)
{
	const struct mount_option_row *row = mount_option_find(word);

	if (!row) {
		if (*word)	/* "" between two commas means nothing */
			push_string(a, &o->data, word);
		return;
	}
	switch (row->kind) {
	case MOUNT_OPTION_ATTR:
		apply(&o->attr_set, &o->attr_clr, row);
		break;
	case MOUNT_OPTION_RATTR:
		apply(&o->rattr_set, &o->rattr_clr, row);
		break;
	case MOUNT_OPTION_SB:
		sb_word(a, &o->sb_flags, row);
		break;
	case MOUNT_OPTION_PROPAGATION:
		arena_push(a, o->propagation, o->n_propagation) = (unsigned long)row->set;
		break;
	case MOUNT_OPTION_BIND:
		o->bind = true;
		o->recursive |= (row->set & MS_REC) != 0;
		break;
	case MOUNT_OPTION_IDMAP:
		o->idmap = true;
		o->idmap_recursive |= (row->set & MS_REC) != 0;
		break;
	case MOUNT_OPTION_REMOUNT:
		o->remount = true;
		break;
	case MOUNT_OPTION_COPYUP:
		o->tmpcopyup = true;
		break;
	case MOUNT_OPTION_LINK:
		o->copy_symlink = true;
		break;
	case MOUNT_OPTION_NOFOLLOW:
		o->src_nofollow |= row->set != 0;
		o->dest_nofollow |= row->clr != 0;
		break;
	case MOUNT_OPTION_NOTHING:
		break;
	}
}

/* mount_setattr(2): the access time mode is one value, so all of its bits are cleared or none. */
static uint64_t whole_atime(uint64_t set, uint64_t clr)
{
	return ((set | clr) & MOUNT_ATTR__ATIME) ? clr | MOUNT_ATTR__ATIME : clr;
}

static void terminate(struct arena *a, struct strings *s)
{
	if (s->n == 0) {
		s->v = NULL;
		return;
	}
	push_string(a, s, NULL);
	s->n--;
}

void mount_options_parse(struct arena *a, const struct strings *words, struct oci_mount_options *ret)
{
	struct oci_mount_options o = {0};

	for (size_t i = 0; i < words->n; i++)
		one_word(a, words->v[i], &o);
	o.attr_clr = whole_atime(o.attr_set, o.attr_clr);
	o.rattr_clr = whole_atime(o.rattr_set, o.rattr_clr);
	o.ro = (o.attr_set & MOUNT_ATTR_RDONLY) != 0;
	terminate(a, &o.sb_flags);
	terminate(a, &o.data);
	*ret = o;
}
