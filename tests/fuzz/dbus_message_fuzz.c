/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes of a peer, from the greeting on or behind it.  Each message that is taken is whole, and what it says is
 * what a second reader prints; a call of ours ends with an answer or an error, and nothing is waited for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dbus/connection.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/dbus/print.h"

const char fuzz_corpus[] = "tests/fuzz/dbus_message";

static void check_message(const struct dbus_message *m)
{
	const char *const texts[] = {m->path, m->interface, m->member, m->error_name, m->sender, m->signature};
	struct dbus_reader r = m->body;
	struct strbuf out = {0};

	must(m->serial > 0 && m->type >= DBUS_METHOD_CALL && m->type <= DBUS_SIGNAL);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		must(str_utf8_valid(texts[i], strlen(texts[i])));
	must(dbus_signature_valid(m->signature));
	for (const char *s = m->signature; *s;)
		s = print_value(&r, s, &out);
	must(!r.failed && r.pos == r.size);
	strbuf_free(&out);
}

static void on_signal(void *ctx, const struct dbus_message *m)
{
	(void)ctx;
	must(m->type == DBUS_SIGNAL);
	check_message(m);
}

static void converse(const uint8_t *data, size_t size, bool greet, bool bus)
{
	static const char greeting[] = "DATA\r\nOK 0123\r\nAGREE_UNIX_FD\r\n";
	struct dbus_call call = {.destination = "org.example", .path = "/", .member = "Ask"};
	struct dbus_place at = {.path = "/socket", .what = "the bus"};
	struct dbus_connection *c;
	struct dbus_message m;
	struct error err = {0};
	int pair[2], r;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	if (greet)
		must(write(pair[1], greeting, sizeof(greeting) - 1) > 0);
	if (size)
		must(write(pair[1], data, size) > 0);
	shutdown(pair[1], SHUT_WR);
	c = dbus_connection_new(pair[0], &at, bus, 10000);
	dbus_set_deadline(c, 10000);
	r = dbus_call(c, &call, on_signal, NULL, &m, &err);
	if (r < 0) {
		fuzz_check_error(r, &err);
		must(r != -ETIMEDOUT);
	} else {
		must(m.type == DBUS_METHOD_RETURN || m.type == DBUS_ERROR);
		check_message(&m);
		while (dbus_wait(c, on_signal, NULL, &err) == 0)
			;
	}
	dbus_connection_free(c);
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned before = fuzz_open_fds();
	struct dbus_message m;
	uint8_t how;

	if (size == 0 || size > 60000)
		return 0;
	how = *data++;
	size--;
	if (dbus_message_parse(data, size, &m) == 0)
		check_message(&m);
	converse(data, size, how & 1, how & 2);
	must(fuzz_open_fds() == before);
	return 0;
}
