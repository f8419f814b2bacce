/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop restore`: a container from images. */
#include "cli/images.h"

#include <errno.h>

struct arguments {
	struct restore_options o;
	const char *parent_path, *page_server;	/* taken and of no use: engines pass on what they gave to checkpoint */
};

#define CREATE(member) offsetof(struct arguments, o.create.member)
#define MEMBER(member) offsetof(struct arguments, member)

static const struct option rows[] = {
	IMAGE_OPTIONS(arguments, o.images),
	{ "bundle", 'b', OPTION_STRING, CREATE(bundle), "DIR", "bundle directory (default: the current one)" },
	{ "config", 'f', OPTION_STRING, CREATE(config), "FILE",
	  "configuration in the bundle, `-`: the standard input (default: config.json)" },
	{ "detach", 'd', OPTION_FLAG, CREATE(detach), NULL, "return once the container runs" },
	{ "keep", 0, OPTION_FLAG, CREATE(keep), NULL, "do not delete the container when its program has ended" },
	{ "console-socket", 0, OPTION_STRING, CREATE(console_socket), "PATH", "socket that receives the terminal" },
	{ "pidfd-socket", 0, OPTION_STRING, CREATE(pidfd_socket), "PATH",
	  "socket that receives a pidfd of the container process" },
	{ "pid-file", 0, OPTION_STRING, CREATE(pid_file), "FILE", "write the pid of the container process there" },
	{ "tcp-close", 0, OPTION_FLAG, MEMBER(o.tcp_close), NULL, "established TCP connections come back closed" },
	{ "lsm-profile", 0, OPTION_STRING, MEMBER(o.lsm_profile), "TYPE:NAME",
	  "another label: apparmor:PROFILE or selinux:LABEL" },
	{ "lsm-mount-context", 0, OPTION_STRING, MEMBER(o.lsm_mount_context), "LABEL",
	  "another SELinux label for mounts" },
	{ "no-pivot", 0, OPTION_FLAG, CREATE(no_pivot), NULL, "accepted for compatibility: CRIU decides" },
	{ "no-new-keyring", 0, OPTION_FLAG, CREATE(no_new_keyring), NULL, "keep the caller's session keyring" },
	{ "no-subreaper", 0, OPTION_FLAG, CREATE(no_subreaper), NULL,
	  "accepted for compatibility: no subreaper is ever used" },
	{ "preserve-fds", 0, OPTION_UNSIGNED, CREATE(preserve_fds), "N",
	  "accepted for compatibility: images say what is open" },
	{ "parent-path", 0, OPTION_STRING, MEMBER(parent_path), "DIR",
	  "accepted for compatibility: images know their parents" },
	{ "page-server", 0, OPTION_STRING, MEMBER(page_server), "ADDRESS:PORT",
	  "accepted for compatibility: `criu lazy-pages` asks it" },
};

static int check_label(const char *label, struct error *err)
{
	if (!label || (str_starts(label, "apparmor:") && label[9]) || (str_starts(label, "selinux:") && label[8]))
		return 0;
	return error_usage(err, "restore: option `--lsm-profile` is not apparmor:PROFILE or selinux:LABEL");
}

static int run(struct invocation *inv, struct error *err)
{
	struct arguments *a = inv->options;
	int status = 0, r = check_label(a->o.lsm_profile, err);

	if (r < 0)
		return r;
	create_options_finish(&a->o.create, inv);
	a->o.create.restore = true;
	a->o.create.preserve_fds = 0;
	r = container_restore(&a->o, &status, err);
	return r < 0 ? r : status;
}

const struct command command_restore = {
	.name = "restore", .arguments = "ID", .max_args = 1,
	.summary = "Make a container from images of checkpoint, and wait for its end",
	.details = "The bundle is that of the container, or a copy.  The exit status is that of `orlop run`.\n"
		   "Needs CRIU.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct arguments), .explain_option = create_explain_option,
	.run = run,
};
