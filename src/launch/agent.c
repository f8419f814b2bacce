/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seccomp agent: linux.seccomp.listenerPath (runtime-spec config-linux.md#containerprocessstate).
 * Runs on the host: the filtered process could not do it under its own rules.
 */
#include "launch/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json/writer.h"
#include "oci/config.h"
#include "store/document.h"
#include "store/state.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define WHERE "/linux/seccomp/listenerPath"

int agent_connect(const struct plan *p, int *ret, struct error *err)
{
	const char *path = p->security.seccomp_agent;
	int fd;

	if (!p->has_process || !path)
		return 0;
	fd = fd_connect_unix(AT_FDCWD, path, SOCK_STREAM);
	if (fd < 0) {
		error_errno(err, fd == -EAGAIN ? -ETIMEDOUT : fd,
			    "failed to connect with seccomp agent at %s", path);
		return error_at(err, WHERE);
	}
	*ret = fd;
	return 0;
}

/* runtime-spec config-linux.md#containerprocessstate; `fds` names the descriptors in their order. */
static char *process_state(const struct plan *p, const struct state *st,
			   enum container_status status, pid_t pid, size_t *ret_len)
{
	const char *metadata = p->security.seccomp->listener_metadata;
	struct json_writer w;

	json_write_init(&w, false);
	json_write_object(&w);
	json_write_key(&w, "ociVersion");
	json_write_string(&w, OCI_VERSION);
	json_write_key(&w, "fds");
	json_write_array(&w);
	json_write_string(&w, "seccompFd");
	json_write_end_array(&w);
	json_write_key(&w, "pid");
	json_write_i64(&w, pid);
	if (metadata) {
		json_write_key(&w, "metadata");
		json_write_string(&w, metadata);
	}
	json_write_key(&w, "state");
	state_write_oci_document(&w, st, status, st->init.pid);
	json_write_end_object(&w);
	return json_write_finish(&w, ret_len);
}

int agent_send(int *connection, const struct plan *p, const struct state *st,
	       enum container_status status, pid_t pid, int listener, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	text = process_state(p, st, status, pid, &len);
	r = fd_send_all(*connection, text, len, &listener, 1);
	close(*connection);
	*connection = -1;
	if (r == 0)
		return 0;
	error_errno(err, r == -EAGAIN ? -ETIMEDOUT : r, "send the seccomp listener to the agent at %s",
		    p->security.seccomp_agent);
	return error_at(err, WHERE);
}
