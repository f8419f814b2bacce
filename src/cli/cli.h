/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_CLI_CLI_H
#define ORLOP_CLI_CLI_H

/* The whole program: global options, command, errors printed once.  Returns the exit status. */
int cli_main(int argc, char **argv);

#endif
