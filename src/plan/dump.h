/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan as text. */
#ifndef ORLOP_PLAN_DUMP_H
#define ORLOP_PLAN_DUMP_H

#include <stdio.h>

#include "plan/plan.h"

/* The plan as stable text, one decision a line: golden tests. */
void plan_dump(const struct plan *p, FILE *out);

#endif
