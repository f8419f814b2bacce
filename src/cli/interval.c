/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A time to wait: Go's words for durations, as the commands of the same name elsewhere take them. */
#include "cli/interval.h"

#include <errno.h>

#include "util/clock.h"

#define NS_PER_MS 1000000

int interval_parse(const char *command, const char *option, const char *text, int64_t *ret_ms, struct error *err)
{
	int64_t ns;
	int r;

	if (!text)
		return 0;
	r = clock_parse_duration(text, &ns);
	if (r == -ERANGE)
		return error_usage(err, "%s: --%s `%s` is more than 292 years", command, option, text);
	if (r < 0) {
		error_usage(err, "%s: --%s `%s` is no duration", command, option, text);
		return error_hint(err, "write a number with a unit, as 5s, 100ms or 1m30s");
	}
	if (ns <= 0)
		return error_usage(err, "%s: duration %s must be greater than 0, not %s", command,
				   option, text);
	if (ns < NS_PER_MS)
		return error_usage(err, "%s: --%s %s is less than 1ms", command, option, text);
	*ret_ms = ns / NS_PER_MS;
	return 0;
}
