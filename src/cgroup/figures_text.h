/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats of the cgroup's files.  What a line holds that is not understood is passed over.  Private to cgroup/. */
#ifndef ORLOP_CGROUP_FIGURES_TEXT_H
#define ORLOP_CGROUP_FIGURES_TEXT_H

#include "cgroup/figures.h"

struct figures_row {
	const char *key;
	size_t offset;		/* of a uint64_t */
};

/* A number at the beginning of *@text, which then points behind it; false: none, or too large. */
bool figures_take_number(const char **text, uint64_t *ret);
/* Lines "KEY NUMBER"; @rows may come in any order. */
void figures_scan_keys(const char *text, const struct figures_row *rows, size_t n, void *base);
/* The same lines, all of them; names point into @text, which is changed. */
void figures_scan_all(char *text, struct figures_key **v, size_t *n);
/* A number, or "max"; false, and nothing is stored, for anything else. */
bool figures_scan_limit(const char *text, uint64_t *ret);
/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and "full". */
void figures_scan_pressure(const char *text, struct figures_pressure *ret);
/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..." */
void figures_scan_devices(const char *text, struct figures_device **v, size_t *n);

#endif
