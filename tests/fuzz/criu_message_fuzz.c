/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes in the place of an answer of CRIU's.  What is taken has clean text and numbers in range; its fields,
 * written again by us, are the same answer; and no name from a container becomes more than a name in a request.
 */
#include <string.h>

#include "criu/message.h"
#include "criu/wire.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_corpus[] = "tests/fuzz/criu_message";

static void check_text(const char *s, size_t size)
{
	must(strlen(s) < size && str_utf8_valid(s, strlen(s)));
	for (; *s; s++)
		must((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void write_again(const uint8_t *data, size_t size, struct strbuf *out)
{
	struct wire_reader r = {data, data + size};
	struct wire_field f;

	while (wire_next(&r, &f) > 0) {
		must(f.number > 0);
		if (f.bytes)
			wire_put_bytes(out, f.number, f.data, f.n);
		else
			wire_put_number(out, f.number, f.v);
	}
	must(r.p == r.end);
}

static void check_key(const uint8_t *data, size_t size)
{
	char *key = xstrndup((const char *)data, size);
	struct criu_pair pair = {key, "/host"};
	struct criu_request request = {.type = CRIU_RESTORE, .external_mounts = &pair, .n_external_mounts = 1};
	struct strbuf out = {0};

	if (criu_key_is_safe(key)) {
		/* as CRIU puts it together, and looks for its end */
		char *text = xasprintf("mnt[%s]:%s", pair.key, pair.value);

		must(str_eq(strstr(text, "]:"), "]:/host"));
		must(!strpbrk(text, "\n\r"));
		free(text);
		criu_put_request(&out, &request);
		must(memmem(out.data, out.len, key, strlen(key)));
	}
	strbuf_free(&out);
	free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf out = {0};
	struct criu_answer a, b;

	if (size > 60000)
		return 0;
	check_key(data, size);
	if (criu_answer_parse(data, size, &a) < 0)
		return 0;
	must(a.pid >= 0 && a.errnum >= 0 && a.errnum <= 4095);
	check_text(a.message, sizeof(a.message));
	check_text(a.script, sizeof(a.script));
	write_again(data, size, &out);
	must(criu_answer_parse(out.data ? out.data : "", out.len, &b) == 0);
	must(memcmp(&a, &b, sizeof(a)) == 0);
	strbuf_free(&out);
	return 0;
}
