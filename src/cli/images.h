/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that checkpoint and restore have in common: rows for the member @in of @type. */
#ifndef ORLOP_CLI_IMAGES_H
#define ORLOP_CLI_IMAGES_H

#include "cli/commands.h"

#define IMAGE_OPTION(type, in, member) offsetof(struct type, in) + offsetof(struct image_options, member)

#define IMAGE_OPTIONS(type, in)							\
	{ "image-path", 0, OPTION_STRING, IMAGE_OPTION(type, in, image_path), "DIR",	\
	  "directory of the images (default: checkpoint)" },				\
	{ "work-path", 0, OPTION_STRING, IMAGE_OPTION(type, in, work_path), "DIR",	\
	  "directory of CRIU's logs (default: that of the images)" },		\
	{ "tcp-established", 0, OPTION_FLAG, IMAGE_OPTION(type, in, tcp_established), NULL, \
	  "also established TCP connections" },					\
	{ "ext-unix-sk", 0, OPTION_FLAG, IMAGE_OPTION(type, in, ext_unix_sk), NULL,	\
	  "also UNIX sockets connected to the outside" },				\
	{ "shell-job", 0, OPTION_FLAG, IMAGE_OPTION(type, in, shell_job), NULL,	\
	  "also a terminal of the caller's" },					\
	{ "file-locks", 0, OPTION_FLAG, IMAGE_OPTION(type, in, file_locks), NULL,	\
	  "also locks of files" },							\
	{ "lazy-pages", 0, OPTION_FLAG, IMAGE_OPTION(type, in, lazy_pages), NULL,	\
	  "memory comes from a page server, when it is needed" },			\
	{ "auto-dedup", 0, OPTION_FLAG, IMAGE_OPTION(type, in, auto_dedup), NULL,	\
	  "free memory in earlier images that is in later ones, too" },		\
	{ "manage-cgroups-mode", 0, OPTION_WORD, IMAGE_OPTION(type, in, cgroups_mode), \
	  "soft|full|strict|ignore",							\
	  "what CRIU does with cgroups (default: soft)" },				\
	{ "network-lock", 0, OPTION_WORD, IMAGE_OPTION(type, in, network_lock),	\
	  "iptables|nftables|skip", "how the network is held meanwhile" },		\
	{ "empty-ns", 0, OPTION_LIST, IMAGE_OPTION(type, in, empty_ns), "network",	\
	  "leave out what is in this namespace" }

#endif
