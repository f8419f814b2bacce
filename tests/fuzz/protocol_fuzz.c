/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any script for the conversation of parent and child: either side does what the table says, or the other one
 * gets bytes, descriptors and ends of file at any moment.  Nobody waits beyond a deadline, no descriptor stays
 * open, a side moves only along the table, and does not move any more once it has failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/protocol_receive.h"
#include "init/protocol_send.h"
#include "tests/fuzz/fuzz.h"
#include "util/fd.h"

const char fuzz_corpus[] = "tests/fuzz/protocol";

static int null_fd = -1;

/* What @c did brought it from @before to where it is. */
static void check_step(const struct conversation *c, enum conversation_state before, int r, const struct error *err)
{
	if (r < 0) {
		must(r == -EPIPE || r == -err->code);
		must(c->state == CS_FAILED || c->state == before);
	} else if (before == CS_FAILED) {
		must(c->state == CS_FAILED);
	} else {
		must(c->state == before || c->state == conversation_after(before, c->flags) ||
		     (before == CS_IDMAPPED && c->state == CS_IDMAP));
	}
	must(before != CS_FAILED || r < 0);
}

static void raw_send(int to, struct fuzz_input *in)
{
	struct message m = {.magic = MESSAGE_MAGIC};
	uint8_t how = fuzz_byte(in);
	size_t n = sizeof(m), n_fds = how & 3, i;
	int fds[260];

	m.type = fuzz_byte(in);
	if (how & 4)
		m.type = (uint32_t)fuzz_number(in, 4);
	if (how & 8)
		m.number = (uint32_t)fuzz_number(in, 4);
	if (how & 16)
		m.error.code = (int)fuzz_number(in, 4);
	m.level = how >> 5 & 3;
	for (i = 0; i < sizeof(m.error.text) && in->n > 0 && how & 16; i++)
		m.error.text[i] = (char)fuzz_byte(in);
	if (how & 128) {
		n = fuzz_number(in, 2) % (2 * sizeof(m));
		n_fds = fuzz_byte(in) % 253;
	}
	for (i = 0; i < n_fds; i++)
		fds[i] = null_fd;
	{
		char bytes[2 * sizeof(m)] = {0};

		memcpy(bytes, &m, sizeof(m));
		fd_send(to, bytes, n, fds, n_fds);
	}
}

static void say(struct conversation *c, struct fuzz_input *in)
{
	const struct conversation_row *row = protocol_row(c->state);
	enum conversation_state before = c->state;
	uint8_t which = fuzz_byte(in);
	enum message_type type = which % 4 ? (row ? row->message : MSG_READY) : which / 4 % N_MSG_TYPES;
	bool carries = row && row->message == type && row->carries != CARRIES_NOTHING;
	struct error err = {0};
	int r;

	if (which == 255) {
		error_set(&err, EIO, "no more");
		conversation_send_error(c, which, &err);
		return;
	}
	if (which == 254) {
		conversation_send_log(c, fuzz_byte(in) & 3, "a warning");
		must(c->state == before);
		return;
	}
	r = conversation_send(c, type, carries == (which != 253) ? null_fd : -1, &err);
	check_step(c, before, r, &err);
}

static void hear(struct conversation *c, struct fuzz_input *in)
{
	const struct conversation_row *row = protocol_row(c->state);
	enum conversation_state before = c->state;
	uint8_t which = fuzz_byte(in);
	enum message_type type = which % 4 ? (row ? row->message : MSG_READY) : which / 4 % N_MSG_TYPES;
	struct error err = {0};
	pid_t pid = 0;
	int fd = -1, r;

	if (which == 255)
		r = conversation_expect_end(c, 0, -1, &err);
	else if (which == 254 || (type == MSG_CHILD_PID && c->parent))
		r = conversation_expect_pid(c, 0, -1, &pid, &err);
	else
		r = conversation_expect(c, type, 0, which & 64 ? null_fd : -1, which & 128 ? NULL : &fd, &err);
	if (r == 0 && fd >= 0 && row->carries == CARRIES_FD)
		close(fd);
	else
		must(r == 0 || fd == -1);
	check_step(c, before, r, &err);
}

static void one_step(struct conversation c[2], int raw[2], struct fuzz_input *in)
{
	uint8_t op = fuzz_byte(in);
	struct conversation *who = &c[op & 1];

	switch (op >> 1 & 7) {
	case 0: case 1: case 2:
		say(who, in);
		break;
	case 3: case 4: case 5:
		hear(who, in);
		break;
	case 6:
		if (raw[op & 1] >= 0)
			raw_send(raw[op & 1], in);
		break;
	case 7:
		if (op & 64 && who->fd >= 0) {
			shutdown(who->fd, SHUT_RDWR);
		} else {
			struct error err = {0};
			int r = protocol_last_words(who, &err);

			must(r < 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct conversation c[2] = {0};
	struct error err = {0};
	unsigned flags = fuzz_byte(&in);
	unsigned before;
	int raw[2];

	if (null_fd < 0)
		null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	fuzz_quiet();
	before = fuzz_open_fds();
	if (flags & CONV_LAUNCHER)	/* one byte has no room for all */
		flags |= CONV_IDMAP;
	must(conversation_pair(flags, &c[0], &c[1], &err) == 0);
	c[0].n_idmaps = c[1].n_idmaps = flags & 3;
	must(c[0].state == c[1].state && c[0].state == conversation_start(flags));
	/* Whoever has the other's end may write into it: what it says then is what the fuzzer says. */
	raw[0] = c[0].fd;
	raw[1] = c[1].fd;
	for (unsigned i = 0; i < 64 && in.n > 0; i++)
		one_step(c, raw, &in);
	close(c[0].fd);
	close(c[1].fd);
	must(fuzz_open_fds() == before);
	return 0;
}
