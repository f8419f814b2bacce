/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `state`: the state document.  Nothing may go to stderr when it succeeds: engines read both. */
#include <errno.h>
#include <string.h>

#include "container/container.h"
#include "container/print.h"
#include "store/document.h"
#include "store/ending.h"
#include "store/lookup.h"
#include "store/state.h"
#include "util/cleanup.h"
#include "util/mem.h"

int container_state(const struct global_options *g, const char *id, struct error *err)
{
	_cleanup_(container_release) struct container c = CONTAINER_INIT;
	_cleanup_free_ char *text = NULL;
	struct ending e;
	size_t len;
	int r = container_lookup(g, id, LOOKUP, &c, err);

	if (r < 0)
		return r;
	if (c.status == STATUS_STOPPED) {
		ending_load(c.arena, c.dir, &c.state, &e);
		text = state_document_of_stopped(&c.state, &e, &len);
	} else {
		text = state_document(&c.state, c.status, c.state.init.pid, true, &len);
	}
	text = xrealloc(text, len + 2, 1);
	text[len] = '\n';
	return container_print(text, len + 1, err);
}
