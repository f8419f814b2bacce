/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `create`: everything but execve; the container process waits at its gate.  Runs on the host. */
#include <errno.h>
#include <string.h>

#include "container/container.h"
#include "container/delete.h"
#include "launch/creation.h"
#include "launch/interrupt.h"

int container_create(const struct create_options *o, struct error *err)
{
	struct creation c;
	int r = creation_prepare(&c, o, CREATION_WAITS, err), sig;

	if (r == 0)
		r = container_make_room(&c, err);
	if (r == 0) {
		interrupt_arm(&c.spawn.pidfd);
		creation_may_undo(&c);
		r = creation_build(&c, err);
		if (r == 0)
			r = spawn_proceed(&c.spawn, false, err);
		sig = interrupt_disarm(r == 0);
		if (r < 0 || sig)
			creation_undo(&c);
		if (sig)
			r = interrupt_explain(sig, err);
	}
	creation_close(&c);
	return r;
}
