/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names and words for error numbers that administrators know, whatever the C library. */
#ifndef ORLOP_SYS_ERRORS_H
#define ORLOP_SYS_ERRORS_H

/* Constant, in English whatever the locale; NULL for a number that is no error. */
const char *sys_error_words(int errnum);
/* "ENOENT"; the same. */
const char *sys_error_name(int errnum);

#endif
