/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules between the members of a configuration that was read well.  No system calls.  An error's
 * `where` is the JSON pointer below @base ("" or "/process", "/linux/resources").
 */
#ifndef ORLOP_CONFIG_VALIDATE_H
#define ORLOP_CONFIG_VALIDATE_H

#include "oci/config.h"
#include "util/error.h"
#include "util/findings.h"

/* With @all every error is noted there, but for rules about what has an error already; else the first is the end. */
int validate_config(const struct oci_config *c, struct findings *all, struct error *err);
int validate_process(const struct oci_process *p, const char *base, struct error *err);
int validate_resources(const struct oci_resources *r, const char *base, struct error *err);

/* The mounts of @c alone, which come to a container that is there. */
int validate_added_mounts(const struct oci_config *c, struct error *err);

#endif
