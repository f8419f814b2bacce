/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as state.json: refused, or read and written again as the same. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/document.h"
#include "store/state.h"
#include "store/store.h"
#include "tests/fuzz/fuzz.h"
#include "util/str.h"

const char fuzz_corpus[] = "tests/fuzz/state";

static void put(int dir, const uint8_t *data, size_t size)
{
	int fd = openat(dir, STORE_STATE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void write_and_read(struct arena *a, int dir, const struct state *st)
{
	struct state again;
	struct error err;
	size_t len, len_again;
	char *text, *text_again;

	must(state_write(dir, st, &err) == 0);
	must(state_read(a, dir, "box", &again, &err) == 0);
	text = state_document(st, STATUS_STOPPED, 0, true, &len);
	text_again = state_document(&again, STATUS_STOPPED, 0, true, &len_again);
	must(len == strlen(text) && str_eq(text, text_again));
	must(memcmp(&st->init, &again.init, sizeof(st->init)) == 0);
	must(memcmp(st->ns_inode, again.ns_inode, sizeof(st->ns_inode)) == 0);
	must(st->cgroup_id == again.cgroup_id && st->ns_flags == again.ns_flags);
	free(text);
	free(text_again);
}

/* What `delete --force` acts on. */
static void check_places(const struct state *st)
{
	must(!st->cgroup_root == !st->cgroup_path);
	must(!st->cgroup_path || (st->cgroup_path[0] == '/' && st->cgroup_path[1] && !strstr(st->cgroup_path, "/../")));
	must(!st->intelrdt_own || !st->intelrdt_group || st->intelrdt_group[1] || !st->intelrdt_root);
	must(st->init.pid >= 0 && memchr(st->init.boot_id, 0, sizeof(st->init.boot_id)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dir = -1;
	struct arena *a = arena_new();
	struct state st;
	struct error err = {0};
	unsigned before;
	int r;

	if (dir < 0)
		dir = fuzz_scratch();
	fuzz_quiet();
	before = fuzz_open_fds();
	put(dir, data, size);
	state_salvage(a, dir, "box", &st);
	must(str_eq(st.id, "box") && st.bundle);
	check_places(&st);
	r = state_read(a, dir, "box", &st, &err);
	if (r == 0) {
		check_places(&st);
		must(str_eq(st.id, "box") && st.bundle[0] == '/');
		write_and_read(a, dir, &st);
	} else {
		fuzz_check_error(r, &err);
		must(r == -EBADMSG || r == -EPROTONOSUPPORT);
	}
	unlinkat(dir, STORE_STATE, 0);
	must(fuzz_open_fds() == before);
	arena_free(a);
	return 0;
}
