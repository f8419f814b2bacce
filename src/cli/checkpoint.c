/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop checkpoint`: a running container into images. */
#include "cli/images.h"

#define MEMBER(member) offsetof(struct checkpoint_options, member)

static const struct option rows[] = {
	IMAGE_OPTIONS(checkpoint_options, images),
	{ "leave-running", 0, OPTION_FLAG, MEMBER(leave_running), NULL, "the container goes on afterwards" },
	{ "pre-dump", 0, OPTION_FLAG, MEMBER(pre_dump), NULL,
	  "only memory, of a container that goes on, for --parent-path\nof a later checkpoint" },
	{ "parent-path", 0, OPTION_STRING, MEMBER(parent_path), "DIR",
	  "images of an earlier checkpoint, relative to --image-path" },
	{ "tcp-skip-in-flight", 0, OPTION_FLAG, MEMBER(tcp_skip_in_flight), NULL,
	  "not TCP connections that are just being made" },
	{ "link-remap", 0, OPTION_FLAG, MEMBER(link_remap), NULL, "also files that have lost their last name" },
	{ "page-server", 0, OPTION_STRING, MEMBER(page_server), "ADDRESS:PORT",
	  "send memory there; with --lazy-pages, serve it there" },
	{ "status-fd", 0, OPTION_STRING, MEMBER(status_fd), "FD",
	  "write a byte there when the page server listens" },
};

static int run(struct invocation *inv, struct error *err)
{
	struct checkpoint_options *o = inv->options;

	o->global = inv->global;
	o->id = inv->args[0];
	return container_checkpoint(o, err);
}

const struct command command_checkpoint = {
	.name = "checkpoint", .arguments = "ID", .max_args = 1,
	.summary = "Write a running container to images, from which it can be restored",
	.details = "The container is deleted afterwards, unless --leave-running is given.  Needs CRIU.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct checkpoint_options), .run = run,
};
