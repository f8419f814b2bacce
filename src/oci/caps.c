/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of capabilities(7), as libcap knows them: cap_from_name(3), cap_to_name(3). */
#include <ctype.h>
#include <sys/capability.h>

#include "oci/names.h"
#include "util/mem.h"

#define CAPABILITIES 64u	/* bits of a set */

/* libcap has its names in lower case, and a number in decimal digits where it has none. */
const char *capability_name(unsigned number, char buf[32])
{
	char *name = number < CAPABILITIES ? cap_to_name((cap_value_t)number) : NULL;
	size_t n = 0;

	for (; name && name[n] && n < 31; n++)
		buf[n] = (char)toupper((unsigned char)name[n]);
	buf[n] = '\0';
	cap_free(name);
	return strncmp(buf, "CAP_", 4) == 0 ? buf : NULL;
}

/* libcap also takes "cap_chown", "Cap_Chown", "CAP_CHOWN " and "0"; the specification has one spelling. */
int capability_number(const char *name)
{
	cap_value_t value;

	if (strncmp(name, "CAP_", 4) != 0)
		return -1;
	for (const char *c = name; *c; c++)
		if (!isupper((unsigned char)*c) && *c != '_')
			return -1;
	return cap_from_name(name, &value) < 0 || value < 0 ? -1 : (int)value;
}

const char *capability_nearest(const char *word, char buf[32])
{
	unsigned least = 2, found = CAPABILITIES;

	for (unsigned i = 0; i < CAPABILITIES; i++)
		if (capability_name(i, buf) && name_is_nearer(buf, word, &least))
			found = i;
	return found < CAPABILITIES ? capability_name(found, buf) : NULL;
}

char *capability_list(uint64_t set)
{
	cap_iab_t iab = cap_iab_init();
	char *text, *copy;

	for (unsigned i = 0; i < CAPABILITIES; i++)
		if (set & UINT64_C(1) << i)
			cap_iab_set_vector(iab, CAP_IAB_INH, (cap_value_t)i, CAP_SET);
	text = cap_iab_to_text(iab);
	copy = xstrdup(text ? text : "");
	cap_free(text);
	cap_free(iab);
	for (char *p = copy; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return copy;
}
