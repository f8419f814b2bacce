/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop spec`: a config.json. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/bytes.h"
#include "cli/commands.h"
#include "report/template.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define CPU_QUOTA_MIN 1000u	/* microseconds; Linux takes no less */

struct spec_options {
	const char *bundle, *file, *from, *memory, *cpus;
	struct template t;
};

#define MEMBER(member) offsetof(struct spec_options, member)

static const struct option rows[] = {
	{ "bundle", 'b', OPTION_STRING, MEMBER(bundle), "DIR", "bundle directory (default: the current one)" },
	{ "file", 'f', OPTION_STRING, MEMBER(file), "FILE",
	  "write FILE in the bundle, even when it exists, or to the\nstandard output if it is - "
	  "(default: config.json, when there is\nnone)" },
	{ "from", 0, OPTION_STRING, MEMBER(from), "ID", "what that container has, for a second one like it" },
	{ "profile", 0, OPTION_WORD, MEMBER(t.profile), "docker|strict",
	  "how much it is trusted with: as Docker does,\nor nothing that can be done without" },
	{ "rootfs", 0, OPTION_STRING, MEMBER(t.rootfs), "DIR",
	  "root file system, in the bundle if relative (default: rootfs)" },
	{ "user", 'u', OPTION_STRING, MEMBER(t.user), "USER[:GROUP]",
	  "who runs the program: numbers, or names in the root file system" },
	{ "env", 'e', OPTION_LIST, MEMBER(t.env), "NAME=VALUE", "add to the environment" },
	{ "mount", 0, OPTION_LIST, MEMBER(t.mounts), "SOURCE:DESTINATION[:OPTIONS]",
	  "bind a file or directory, with options such as ro,noexec" },
	{ "memory", 'm', OPTION_STRING, MEMBER(memory), "BYTES", "limit of memory, such as 500000000 or 512M" },
	{ "cpus", 0, OPTION_STRING, MEMBER(cpus), "NUMBER", "processors' worth of time, such as 1.5" },
	{ "net", 0, OPTION_WORD, MEMBER(t.net), "host|none",
	  "the network of the host, or one without a way out\n(default: none, with --rootless host)" },
	{ "no-terminal", 0, OPTION_FLAG, MEMBER(t.no_terminal), NULL, "without a terminal: streams are the caller's" },
	{ "rootless", 0, OPTION_FLAG, MEMBER(t.rootless), NULL,
	  "for a container that the calling user runs without root" },
};

/* ---- what is asked for ---------------------------------------------------------------------------- */

static int check_env(const struct strings *env, struct error *err)
{
	for (size_t i = 0; i < env->n; i++)
		if (env->v[i][0] == '=' || !strchr(env->v[i], '='))
			return error_usage(err, "option `--env`: `%s` is not NAME=VALUE", env->v[i]);
	return 0;
}

/* Other bytes could only be written as other characters. */
static int check_utf8(const char *what, const char *word, struct error *err)
{
	if (!word || str_utf8_valid(word, strlen(word)))
		return 0;
	return error_usage(err, "%s: `%s` is not UTF-8, which is all that a configuration can hold", what, word);
}

static int check_words(const struct template *t, struct error *err)
{
	const struct { const char *what; const struct strings *words; } lists[] = {
		{"the command", &t->args}, {"option `--env`", &t->env}, {"option `--mount`", &t->mounts},
	};
	int r = check_utf8("option `--rootfs`", t->rootfs, err);

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t k = 0; r == 0 && k < lists[i].words->n; k++)
			r = check_utf8(lists[i].what, lists[i].words->v[k], err);
	return r;
}

/* "1.5": up to five places after the point, which is as fine as the kernel has it. */
static bool parse_cpus(const char *s, uint64_t *ret)
{
	uint64_t n = 0, unit = TEMPLATE_CPU_PERIOD;
	size_t whole = strspn(s, "0123456789");

	if (whole == 0 || whole > 6)
		return false;
	for (; whole > 0; whole--)
		n = n * 10 + (uint64_t)(*s++ - '0');
	n *= TEMPLATE_CPU_PERIOD;
	if (*s == '.' && s[1])
		for (s++; *s >= '0' && *s <= '9' && unit > 1; s++)
			n += (uint64_t)(*s - '0') * (unit /= 10);
	*ret = n;
	return *s == '\0' && n >= CPU_QUOTA_MIN;
}

static int read_limits(struct spec_options *o, struct error *err)
{
	char shown[128];

	if (o->memory && (!bytes_parse(o->memory, &o->t.memory) || o->t.memory == 0))
		return error_usage(err, "option `--memory`: `%s` is not a number of bytes such as 500000000, "
				   "512M or 1g", str_escape(o->memory, shown, sizeof(shown)));
	if (o->cpus && !parse_cpus(o->cpus, &o->t.cpu_quota))
		return error_usage(err, "option `--cpus`: `%s` is not a number such as 2 or 1.5, from 0.01 on, "
				   "with five places after the point at most",
				   str_escape(o->cpus, shown, sizeof(shown)));
	return 0;
}

/* A container has all of it already; what the command line says besides would be lost without a word. */
static int check_alone(const struct spec_options *o, struct error *err)
{
	const struct { const char *name; bool given; } others[] = {
		{"profile", o->t.profile}, {"rootfs", o->t.rootfs}, {"user", o->t.user}, {"env", o->t.env.n},
		{"mount", o->t.mounts.n}, {"memory", o->memory}, {"cpus", o->cpus}, {"net", o->t.net},
		{"no-terminal", o->t.no_terminal}, {"rootless", o->t.rootless},
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].given)
			return error_usage(err, "options `--from` and `--%s` exclude each other", others[i].name);
	if (o->t.args.n)
		return error_usage(err, "option `--from` and a command exclude each other");
	return 0;
}

/* ---- the file ------------------------------------------------------------------------------------- */

static int write_file(int dir, const char *name, bool overwrite, const char *text, size_t len,
		      struct error *err)
{
	int how = overwrite ? O_TRUNC : O_EXCL | O_NOFOLLOW;
	_cleanup_close_ int fd = fd_openat(dir, name, O_WRONLY | O_CREAT | how, 0644);
	int r = fd;

	if (r == -EEXIST) {
		error_set(err, EEXIST, "%s exists already", name);
		return error_hint(err, "remove it, or name a file with --file");
	}
	if (r >= 0)
		r = fd_write_all(fd, text, len);
	if (r >= 0)
		r = fd_write_all(fd, "\n", 1);
	if (r >= 0)
		return 0;
	/* Half a file would be in the way of the next try. */
	if (fd >= 0 && !overwrite)
		unlinkat(dir, name, 0);
	return error_errno(err, r, "write %s", name);
}

static int make_text(const struct invocation *inv, struct spec_options *o, char **ret, size_t *ret_len,
		     struct error *err)
{
	int r;

	o->t.args = (struct strings){inv->args, inv->n_args};
	if (o->from) {
		r = check_alone(o, err);
		return r < 0 ? r : template_copy(inv->global, o->from, ret, ret_len, err);
	}
	if (o->t.args.n && !*o->t.args.v[0])
		return error_usage(err, "the command is an empty word");
	r = check_words(&o->t, err);
	if (r == 0)
		r = check_env(&o->t.env, err);
	if (r == 0)
		r = read_limits(o, err);
	return r < 0 ? r : template_text(&o->t, ret, ret_len, err);
}

static int run(struct invocation *inv, struct error *err)
{
	struct spec_options *o = inv->options;
	const char *bundle = o->bundle ? o->bundle : ".";
	_cleanup_close_ int dir = fd_openat(AT_FDCWD, bundle, O_RDONLY | O_DIRECTORY, 0);
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (dir < 0)
		return error_errno(err, dir, "spec: open the bundle directory %s", bundle);
	o->t.bundle = dir;
	o->t.uid = geteuid();
	o->t.gid = getegid();
	r = make_text(inv, o, &text, &len, err);
	if (r == 0 && o->file && str_eq(o->file, "-"))
		printf("%s\n", text);
	else if (r == 0)
		r = write_file(dir, o->file ? o->file : "config.json", o->file != NULL, text, len, err);
	return r < 0 ? error_in(err, "spec") : 0;
}

const struct command command_spec = {
	.name = "spec", .arguments = "[COMMAND [ARGUMENT...]]", .max_args = ARGS_UNLIMITED, .ordered = true,
	.summary = "Write a config.json",
	.details = "Without options it is one to start from, and the command a shell.  What is written\n"
		   "`orlop check` has no error for.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct spec_options), .run = run,
};
