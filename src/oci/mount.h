/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json `mounts[]` and the table of option words (runtime-spec config.md#mounts). */
#ifndef ORLOP_OCI_MOUNT_H
#define ORLOP_OCI_MOUNT_H

#include "oci/types.h"

/* What one list of option words means; the last of contradicting words has won already. */
struct oci_mount_options {
	bool bind, recursive;		/* bind, rbind */
	bool remount;
	bool idmap, idmap_recursive;	/* idmap, ridmap */
	bool tmpcopyup;
	bool copy_symlink;		/* a source that is a link is not followed: that link is made */
	bool src_nofollow, dest_nofollow;	/* nor here: the link itself is mounted, or mounted on */
	uint64_t attr_set, attr_clr;	/* MOUNT_ATTR_* of mount_setattr(2), for this mount only */
	uint64_t rattr_set, rattr_clr;	/* the same, recursively (rro, rnosuid, ...) */
	bool ro;			/* MOUNT_ATTR_RDONLY is in attr_set: also the superblock's "ro"
					 * is NOT wanted, only the mount's */
	struct strings sb_flags;	/* fsconfig(FSCONFIG_SET_FLAG): "sync", "dirsync", "lazytime", ... */
	unsigned long *propagation;	/* MS_SHARED, MS_SLAVE|MS_REC, ... in the listed order */
	size_t n_propagation;
	struct strings data;		/* any other word, for the file system: "mode=755", "size=64k" */
};

struct oci_mount {
	char *destination;		/* as written */
	char *source;			/* NULL when absent */
	char *type;			/* NULL when absent */
	struct strings words;		/* options as written */
	struct oci_mount_options options;
	struct oci_id_mappings uid_mappings, gid_mappings;
};

/* One row per option word, sorted; `features` prints the names. */
enum mount_option_kind {
	MOUNT_OPTION_ATTR,		/* set or clear in attr */
	MOUNT_OPTION_RATTR,		/* set or clear in rattr */
	MOUNT_OPTION_SB,		/* superblock flag word given to fsconfig, or its removal */
	MOUNT_OPTION_PROPAGATION,
	MOUNT_OPTION_BIND,
	MOUNT_OPTION_IDMAP,
	MOUNT_OPTION_REMOUNT,
	MOUNT_OPTION_COPYUP,
	MOUNT_OPTION_LINK,
	MOUNT_OPTION_NOFOLLOW,
	MOUNT_OPTION_NOTHING,
};

struct mount_option_row {
	const char *name;
	enum mount_option_kind kind;
	uint64_t set, clr;
	const char *sb_word;		/* MOUNT_OPTION_SB: word for fsconfig; set == 0 removes it */
};

extern const struct mount_option_row mount_option_table[];
extern const size_t mount_option_table_len;

/* The row of @word, or NULL: a word for the file system. */
const struct mount_option_row *mount_option_find(const char *word);

/* Would a mount be less restricted without it, as without `noexec`? */
bool mount_option_restricts(const struct mount_option_row *row);

/* The option of which @word, which is none, is nearly the name: the nearest, of those as near one that restricts; or
 * NULL.  One that gives rights is never the answer. */
const struct mount_option_row *mount_option_near(const char *word);

/* The index in @words of the last one of @kind, or words->n. */
size_t mount_option_last(const struct strings *words, enum mount_option_kind kind);

struct arena;

/* Never fails: an unknown word is data for the file system. */
void mount_options_parse(struct arena *a, const struct strings *words, struct oci_mount_options *ret);

#endif
