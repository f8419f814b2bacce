/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of reader.c that reads numbers. */
#include "config/reader.h"

#include <errno.h>
#include <string.h>

#include "sys/mutate.h"

struct number {
	int64_t i;			/* when negative */
	uint64_t u;
};

/*
 * Programs that keep all numbers in floating point write the largest ones, which mean "no limit", rounded up:
 * jq before 1.7, JavaScript.
 */
static void explain_rounded(const struct json *v, struct error *err)
{
	static const struct {
		const char *whole, *exponent, *meant;
	} cases[] = {
		{"18446744073709552000", "1.8446744073709552e+19", "18446744073709551615"},
		{"18446744073709551616", "1.844674407370955e+19", "18446744073709551615"},
		{"9223372036854776000", "9.223372036854776e+18", "9223372036854775807"},
		{"9223372036854775808", "9.2233720368547758e+18", "9223372036854775807"},
		{"-9223372036854776000", "-9.223372036854776e+18", "-9223372036854775808"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (strcmp(v->number, cases[i].whole) == 0 || strcasecmp(v->number, cases[i].exponent) == 0)
			error_hint(err, "this is %s as a program rounds it that keeps numbers in floating point, "
				   "such as jq before 1.7 or JavaScript: write that number, or another limit",
				   cases[i].meant);
}

static int not_a_number(struct reader *r, const struct at *at, const struct json *v, int e,
			int64_t min, uint64_t max)
{
	if (e == -EINVAL)
		e = reader_fail(r, at, v, "must be a whole number without exponent, not %.40s", v->number);
	else
		e = reader_fail(r, at, v, "%.40s is out of range (%lld to %llu)", v->number,
				(long long)min, (unsigned long long)max);
	explain_rounded(v, r->err);
	return e;
}

static int read_number(struct reader *r, const struct at *at, const struct json *v,
		       const struct field *f, int64_t min, uint64_t max, struct number *ret)
{
	struct number x = {0};
	bool negative;
	int e = reader_type(r, at, v, JSON_NUMBER);

	if (e < 0)
		return e;
	if (f->ranged && !MUTATE(T69)) {
		min = f->min;
		max = f->max;
	}
	negative = v->number[0] == '-';
	e = negative ? json_i64(v, &x.i) : json_u64(v, &x.u);
	if (e == 0 && (negative ? x.i < min : x.u > max))
		e = -ERANGE;
	if (e == 0 && !negative && min > 0 && x.u < (uint64_t)min)
		e = -ERANGE;
	if (e < 0)
		return not_a_number(r, at, v, e, min, max);
	if ((f->flags & IS_ID) && x.u == UINT32_MAX)
		return reader_fail(r, at, v, "4294967295 is not an id: it means \"no change\" to "
				   "the kernel");
	if (!negative)
		x.i = (int64_t)x.u;
	else
		x.u = (uint64_t)x.i;
	*ret = x;
	return 0;
}

static const struct { int64_t min; uint64_t max; } number_range[] = {
	[FIELD_TYPE_U32] = {0, UINT32_MAX},
	[FIELD_TYPE_I64] = {INT64_MIN, INT64_MAX},
	[FIELD_TYPE_U64] = {0, UINT64_MAX},
	[FIELD_TYPE_OPT_I32] = {INT32_MIN, INT32_MAX},
	[FIELD_TYPE_OPT_I64] = {INT64_MIN, INT64_MAX},
	[FIELD_TYPE_OPT_U32] = {0, UINT32_MAX},
	[FIELD_TYPE_OPT_U64] = {0, UINT64_MAX},
};

int reader_number_field(struct reader *r, const struct at *at, const struct json *v,
			const struct field *f, void *to)
{
	struct number x = {0};
	int e = read_number(r, at, v, f, number_range[f->type].min, number_range[f->type].max, &x);

	if (e < 0)
		return e;
	switch (f->type) {
	case FIELD_TYPE_U32:
		*(uint32_t *)to = (uint32_t)x.u;
		break;
	case FIELD_TYPE_I64:
		*(int64_t *)to = x.i;
		break;
	case FIELD_TYPE_U64:
		*(uint64_t *)to = x.u;
		break;
	case FIELD_TYPE_OPT_I32:
		*(struct opt_i32 *)to = (struct opt_i32){true, (int32_t)x.i};
		break;
	case FIELD_TYPE_OPT_I64:
		*(struct opt_i64 *)to = (struct opt_i64){true, x.i};
		break;
	case FIELD_TYPE_OPT_U32:
		*(struct opt_u32 *)to = (struct opt_u32){true, (uint32_t)x.u};
		break;
	default:
		*(struct opt_u64 *)to = (struct opt_u64){true, x.u};
		break;
	}
	return 0;
}

int reader_id(struct reader *r, const struct at *at, const struct json *v, uint32_t *ret)
{
	static const struct field id = {.type = FIELD_TYPE_U32, .flags = IS_ID};

	return reader_number_field(r, at, v, &id, ret);
}
