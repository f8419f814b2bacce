/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caller's terminal as a page that is drawn again and again, with keys that are read one by one.  It is as it
 * was before at the end, whatever the end is but SIGKILL: also when memory ends, and while we are stopped.
 */
#ifndef ORLOP_REPORT_TERMINAL_H
#define ORLOP_REPORT_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "util/str.h"

struct terminal;

/* Can and may escape sequences be written to stdout?  Colours: NO_COLOR, see https://no-color.org. */
bool terminal_is_page(void);
bool terminal_has_colours(void);

int terminal_open(struct terminal **ret, struct error *err);
void terminal_close(struct terminal *t);
void terminal_size(unsigned *ret_columns, unsigned *ret_lines);
#define TERMINAL_LINE_END "\033[K\r\n"
/* @text: lines that end in TERMINAL_LINE_END, none at the end of the last one. */
int terminal_draw(const struct strbuf *text, struct error *err);

enum { TERMINAL_TIMEOUT = 0, TERMINAL_REDRAW = -1000, TERMINAL_END = -1001 };

/*
 * Wait for a key (its byte), TERMINAL_TIMEOUT at @until_ms of clock_now_ms(), TERMINAL_REDRAW (another size, or we
 * were stopped), TERMINAL_END with the signal in *ret_signal.
 */
int terminal_wait(struct terminal *t, int64_t until_ms, int *ret_signal);

#endif
