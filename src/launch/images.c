/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images of CRIU: where they are, what is asked of CRIU, why it failed.  Runs on the host. */
#include "launch/images.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/annotations.h"
#include "oci/linux.h"
#include "sys/probe.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define OLDEST_CRIU 31600
#define CHECK_MS 60000
#define LOG_TAIL 65536
#define LOG_SHOWN 560

/* ---- directories ------------------------------------------------------------------------------ */

/* Who can write there says what memory, files and credentials the restored processes have. */
static int check_owner(int fd, const char *what, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at the %s %s", what, path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		error_set(err, EPERM, "the %s %s belongs to user %u", what, path, (unsigned)st.st_uid);
	else if (st.st_mode & S_IWOTH)
		error_set(err, EPERM, "everybody may write to the %s %s", what, path);
	else
		return 0;
	return error_hint(err, "whoever can change images can become root: use a directory of root's own");
}

static int open_one(const char *what, const char *path, bool make, int *ret, struct error *err)
{
	int r;

	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "make the %s %s", what, path);
	*ret = fd_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (*ret < 0) {
		r = error_errno(err, *ret, "open the %s %s", what, path);
		return *ret == -ENOENT ? error_hint(err, "--image-path names the directory of a checkpoint") : r;
	}
	return check_owner(*ret, what, path, err);
}

int images_open(const struct image_options *o, bool make, const char *log, struct images *ret, struct error *err)
{
	const char *images = o->image_path ? o->image_path : "checkpoint";
	int r = open_one("image directory", images, make, &ret->dir, err);

	ret->work_path = o->work_path ? o->work_path : images;
	ret->log = log;
	if (r == 0)
		r = open_one("work directory", ret->work_path, true, &ret->work, err);
	/* What an earlier attempt said is not what this one says. */
	if (r == 0 && unlinkat(ret->work, log, 0) < 0 && errno != ENOENT)
		r = error_errno(err, errno, "remove the old log %s/%s", ret->work_path, log);
	return r;
}

void images_close(struct images *im)
{
	cleanup_closep(&im->dir);
	cleanup_closep(&im->work);
	im->dir = im->work = -1;
}

/* ---- the request ------------------------------------------------------------------------------ */

static const struct name_value cgroups_modes[] = {
	{"soft", CRIU_CGROUPS_SOFT}, {"full", CRIU_CGROUPS_FULL}, {"strict", CRIU_CGROUPS_STRICT},
	{"ignore", CRIU_CGROUPS_IGNORE},
};

static const struct name_value network_locks[] = {
	{"iptables", CRIU_LOCK_IPTABLES}, {"nftables", CRIU_LOCK_NFTABLES}, {"skip", CRIU_LOCK_SKIP},
};

static int add_empty_ns(const char *word, struct criu_request *ret, struct error *err)
{
	char shown[64];

	if (!str_eq(word, "network")) {
		error_usage(err, "--empty-ns %s: CRIU leaves out the contents of no namespace but network",
			    str_escape(word, shown, sizeof(shown)));
		return -EINVAL;
	}
	ret->empty_ns |= CLONE_NEWNET;
	return 0;
}

/* As runc and crun: a file of CRIU's options that overrules ours; an empty name means none. */
static int find_config(struct arena *a, const struct oci_config *config, const char **ret, struct error *err)
{
	static const char *const usual[] = {"/etc/criu/orlop.conf", "/etc/criu/runc.conf"};
	const char *name = annotation_value(&config->annotations, ANNOTATION_CRIU_CONFIG);
	_cleanup_close_ int fd = -1;

	if (!name) {
		for (size_t i = 0; i < ARRAY_SIZE(usual) && !*ret; i++)
			if (access(usual[i], R_OK) == 0)
				*ret = usual[i];
		return 0;
	}
	if (!*name)
		return 0;
	if (*name != '/')
		return error_config(err, "/annotations/" ANNOTATION_CRIU_CONFIG,
				    "the file of CRIU's options is not an absolute path");
	fd = fd_openat(AT_FDCWD, name, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0) {
		error_errno(err, fd, "open the file of CRIU's options");
		return error_at(err, "/annotations/" ANNOTATION_CRIU_CONFIG);
	}
	*ret = arena_strdup(a, name);
	return 0;
}

int images_request(struct arena *a, const struct image_options *o, const struct oci_config *config,
		   const struct images *im, struct criu_request *ret, struct error *err)
{
	const struct name_value *mode = NULL, *lock = NULL;
	int r = 0;

	/* The words were checked when the command line was read. */
	if (o->cgroups_mode)
		mode = name_find(cgroups_modes, ARRAY_SIZE(cgroups_modes), o->cgroups_mode);
	if (o->network_lock)
		lock = name_find(network_locks, ARRAY_SIZE(network_locks), o->network_lock);
	ret->images = IMAGES_DIR;
	ret->work = IMAGES_WORK;
	ret->log_file = im->log;
	ret->tcp_established = o->tcp_established;
	ret->ext_unix_sk = o->ext_unix_sk;
	ret->shell_job = o->shell_job;
	ret->file_locks = o->file_locks;
	ret->lazy_pages = o->lazy_pages;
	ret->auto_dedup = o->auto_dedup;
	ret->cgroups = mode ? (enum criu_cgroups)mode->value : CRIU_CGROUPS_SOFT;
	ret->network_lock = lock ? (enum criu_network_lock)lock->value : CRIU_LOCK_DEFAULT;
	ret->notify = true;
	ret->orphan_pts_master = true;
	for (size_t i = 0; r == 0 && i < o->empty_ns.n; i++)
		r = add_empty_ns(o->empty_ns.v[i], ret, err);
	return r < 0 ? r : find_config(a, config, &ret->config_file, err);
}

/* ---- CRIU itself ------------------------------------------------------------------------------ */

int images_check_caller(struct error *err)
{
	if (geteuid() == 0 && probe_initial_userns())
		return 0;
	return error_set(err, EPERM, "only root of the initial user namespace can checkpoint and restore: CRIU needs "
			 "all of its privileges");
}

static int ask(const struct criu_request *request, struct criu_answer *ret, struct error *err)
{
	struct criu_setup setup = {.cgroup = -1};
	struct criu *c = NULL;
	int r = criu_open(&setup, &c, err);

	if (r == 0)
		r = criu_call(c, request, CHECK_MS, NULL, NULL, ret, err);
	criu_close(c);
	return r;
}

static int check_features(unsigned wanted, struct error *err)
{
	struct criu_request request = {.type = CRIU_FEATURE_CHECK, .features = wanted};
	struct criu_answer answer;
	unsigned missing;
	int r = ask(&request, &answer, err);

	if (r < 0)
		return error_in(err, "ask criu for its features");
	missing = wanted & ~(answer.success ? answer.features : 0);
	if (missing & CRIU_MEM_TRACK)
		return error_set(err, ENOTSUP, "the kernel does not track changes of memory, so there can be no "
				 "--pre-dump and no --parent-path (CONFIG_MEM_SOFT_DIRTY)");
	if (missing & CRIU_LAZY_PAGES)
		return error_set(err, ENOTSUP, "criu or the kernel cannot do --lazy-pages (userfaultfd)");
	return 0;
}

int images_check_criu(unsigned features, struct error *err)
{
	struct criu_request request = {.type = CRIU_VERSION};
	struct criu_answer answer;
	int r = ask(&request, &answer, err);

	if (r < 0)
		return error_in(err, "ask criu for its version");
	if (!answer.success || answer.version < OLDEST_CRIU)
		return error_set(err, ENOTSUP, "criu is of version %u.%u.%u, and at least 3.16 is needed",
				 answer.version / 10000, answer.version / 100 % 100, answer.version % 100);
	return features ? check_features(features, err) : 0;
}

#define FIRST_CGROUP_NS 0xEFFFFFFBu	/* its inode, always: the kernel's PROC_CGROUP_INIT_INO */

int images_guard_cgroups(const struct plan_cgroup *p, struct error *err)
{
	_cleanup_close_ int root = -1;
	struct stat st;
	int r;

	if (!p->root || !*p->root || p->hybrid)
		return 0;
	if (stat("/proc/self/ns/cgroup", &st) < 0)
		return error_errno(err, errno, "look at our cgroup namespace");
	if (st.st_ino != FIRST_CGROUP_NS)
		return 0;
	/* The root of the new one is to be that of all. */
	root = fd_openat(AT_FDCWD, p->root, O_RDONLY | O_DIRECTORY, 0);
	r = root < 0 ? root : fd_write_pseudo(root, "cgroup.procs", "0", 1);
	if (r < 0)
		return error_errno(err, r, "enter the root of the cgroups");
	return unshare(CLONE_NEWCGROUP) < 0 ? error_errno(err, errno, "make a cgroup namespace for criu") : 0;
}

/* ---- why it failed ---------------------------------------------------------------------------- */

/* "(00.123456) Error (criu/mount.c:123): mnt: ..." without the time. */
static const char *error_line(const char *line)
{
	const char *p = strstr(line, "Error (");

	return p && (p == line || (*line == '(' && p[-1] == ' ')) ? p : NULL;
}

/* The last of them, as many as there is room for, in their order. */
static void last_errors(char *text, char *buf, size_t size)
{
	const char *lines[64];
	size_t n = 0, len = 0, first;
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		const char *e = error_line(line);

		if (e && n == ARRAY_SIZE(lines))
			memmove(lines, lines + 1, --n * sizeof(*lines));
		if (e)
			lines[n++] = e;
	}
	for (first = n; first > 0 && len + strlen(lines[first - 1]) + 4 < size; first--)
		len += strlen(lines[first - 1]) + 3;
	if (first == n && n > 0)
		snprintf(buf, size, "%s", lines[n - 1]);
	for (len = 0; first < n; first++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? " | " : "", lines[first]);
}

static void quote_log(const struct images *im, char *buf, size_t size)
{
	_cleanup_close_ int fd = fd_openat(im->work, im->log, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	_cleanup_free_ char *text = xmalloc(LOG_TAIL + 1);
	struct stat st;
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if (st.st_size > LOG_TAIL)
		lseek(fd, -LOG_TAIL, SEEK_END);
	n = fd_read_up_to(fd, text, LOG_TAIL);
	if (n <= 0)
		return;
	text[n] = '\0';
	last_errors(text, buf, size);
}

int images_explain(const struct images *im, const struct criu_answer *answer, int r, struct error *err)
{
	char lines[LOG_SHOWN];

	quote_log(im, lines, sizeof(lines));
	if (r < 0) {
		if (*lines)
			error_hint(err, "its log says: %s", lines);
		return r;
	}
	if (answer->success)
		return 0;
	error_set(err, answer->errnum ? answer->errnum : EIO, "criu failed: %s",
		  *lines ? lines : *answer->message ? answer->message : "it does not say why");
	return error_hint(err, "its log is %.200s/%s", im->work_path, im->log);
}
