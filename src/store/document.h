/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The documents that are made of a state. */
#ifndef ORLOP_STORE_DOCUMENT_H
#define ORLOP_STORE_DOCUMENT_H

#include "store/state.h"

struct ending;
struct json_writer;

/* The OCI state document, malloc'ed: compact, with the specified members, for hooks; pretty, with
 * rootfs, created and owner too, for `state`.  @pid as given. */
char *state_document(const struct state *st, enum container_status status, pid_t pid, bool pretty,
		     size_t *ret_len);
/* The same for `state` of a stopped container, with how it ended: `exit`. */
char *state_document_of_stopped(const struct state *st, const struct ending *e, size_t *ret_len);
/* The object of `state` as one element of a larger document (`list`). */
void state_write_document(struct json_writer *w, const struct state *st,
			  enum container_status status, pid_t pid);
/* The same with the specified members alone, as hooks get it. */
void state_write_oci_document(struct json_writer *w, const struct state *st,
			      enum container_status status, pid_t pid);

/* The name of @uid in the host's /etc/passwd (not by NSS), in @buf; "" when it has none there. */
const char *state_owner_name(uid_t uid, char *buf, size_t size);

#endif
