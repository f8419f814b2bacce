/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_CONFIG_SECTIONS_H
#define ORLOP_CONFIG_SECTIONS_H

/* Where the runtime specification has what is at the JSON pointer @where of a config.json: "config.md#mounts". */
const char *config_section(const char *where);

#endif
