/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The annotation org.orlop.landlock.  It means the same with every kernel: all rights of ABI 6 of files are taken away,
 * and given back below the paths that are named; a newer one is not asked for more, an older one is refused.
 * landlock_check() runs in the parent, the rest in the container process.
 */
#include "security/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/landlock.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/path.h"
#include "util/str.h"

#define WHERE "/annotations/org.orlop.landlock"
#define READ (LL_READ_FILE | LL_READ_DIR)
#define MAKE (LL_MAKE_CHAR | LL_MAKE_DIR | LL_MAKE_REG | LL_MAKE_SOCK | LL_MAKE_FIFO | LL_MAKE_BLOCK | LL_MAKE_SYM)
#define WRITE (LL_WRITE_FILE | LL_TRUNCATE | LL_IOCTL_DEV | LL_REMOVE_DIR | LL_REMOVE_FILE | LL_REFER | MAKE)
/* What a rule of a single file may allow. */
#define OF_FILE (LL_EXECUTE | LL_READ_FILE | LL_WRITE_FILE | LL_TRUNCATE | LL_IOCTL_DEV)

static const uint64_t path_rights[N_LANDLOCK_PATHS] = {
	[LANDLOCK_READ_ONLY] = READ, [LANDLOCK_READ_WRITE] = READ | WRITE, [LANDLOCK_EXECUTE] = READ | LL_EXECUTE,
};
static const uint64_t port_rights[N_LANDLOCK_PORTS] = {
	[LANDLOCK_BIND_TCP] = LL_BIND_TCP, [LANDLOCK_CONNECT_TCP] = LL_CONNECT_TCP,
};

/* What came with an ABI, landlock(7). */
static const struct feature {
	int abi;
	const char *release, *name;
	struct sys_landlock rights;
} features[] = {
	{1, "5.13", "rules for files",
	 {.fs = READ | LL_EXECUTE | LL_WRITE_FILE | LL_REMOVE_DIR | LL_REMOVE_FILE | MAKE}},
	{2, "5.19", "moving files between directories", {.fs = LL_REFER}},
	{3, "6.2", "rules for truncate(2)", {.fs = LL_TRUNCATE}},
	{4, "6.7", "rules for TCP ports", {.net = LL_BIND_TCP | LL_CONNECT_TCP}},
	{5, "6.10", "rules for ioctl(2) of devices", {.fs = LL_IOCTL_DEV}},
	{6, "6.12", "scopes", {.scoped = LL_SCOPE_ABSTRACT_UNIX_SOCKET | LL_SCOPE_SIGNAL}},
};

static struct sys_landlock wanted(const struct oci_landlock *l)
{
	struct sys_landlock w = {.fs = l->has_paths ? READ | WRITE | LL_EXECUTE : 0, .scoped = l->scopes};

	for (size_t i = 0; i < N_LANDLOCK_PORTS; i++)
		w.net |= l->ports[i].present ? port_rights[i] : 0;
	return w;
}

static bool is_wanted(const struct sys_landlock *w, const struct feature *f)
{
	return (w->fs & f->rights.fs) || (w->net & f->rights.net) || (w->scoped & f->rights.scoped);
}

/* Of what is wanted, what a kernel with this ABI has. */
static struct sys_landlock possible(struct sys_landlock w, int abi)
{
	struct sys_landlock known = {0};

	for (size_t i = 0; i < ARRAY_SIZE(features) && features[i].abi <= abi; i++) {
		known.fs |= features[i].rights.fs;
		known.net |= features[i].rights.net;
		known.scoped |= features[i].rights.scoped;
	}
	return (struct sys_landlock){w.fs & known.fs, w.net & known.net, w.scoped & known.scoped};
}

static int explain_absence(int r, struct error *err)
{
	error_errno(err, r, "the kernel has no Landlock");
	error_at(err, WHERE);
	if (r == -EOPNOTSUPP)
		return error_hint(err, "it is not enabled: add `landlock` to the kernel's argument lsm=");
	error_hint_release(err, "Landlock", features[0].release);
	return -err->code;
}

int landlock_check(const struct oci_landlock *l, struct error *err)
{
	return landlock_check_abi(l, sys_landlock_abi(), err);
}

int landlock_check_abi(const struct oci_landlock *l, int abi, struct error *err)
{
	struct sys_landlock w = wanted(l);

	if (abi < 0 && !l->best_effort)
		return explain_absence(abi, err);
	if (abi < 0)
		log_warning(WHERE ": the kernel has no Landlock, nothing of it is enforced");
	for (size_t i = 0; abi >= 0 && i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		if (f->abi <= abi || !is_wanted(&w, f))
			continue;
		if (!l->best_effort) {
			error_set(err, ENOTSUP, "the kernel's Landlock has ABI %d, and %s need %d", abi, f->name,
				  f->abi);
			error_at(err, WHERE);
			return error_hint(err, "they came with Linux %s; `bestEffort` goes without", f->release);
		}
		log_warning(WHERE ": %s are not enforced: the kernel's Landlock has ABI %d", f->name, abi);
	}
	return 0;
}

/* ---- the rules ---------------------------------------------------------------------------------- */

static int add_path(int ruleset, int root, const char *path, uint64_t rights, struct landlock_rules *ret)
{
	_cleanup_close_ int fd = path_open_without_links(root, path, O_PATH);
	struct stat st, top;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || fstat(root, &top) < 0)
		return -errno;
	ret->root_readable = ret->root_readable || (st.st_dev == top.st_dev && st.st_ino == top.st_ino);
	return sys_landlock_add_path(ruleset, S_ISDIR(st.st_mode) ? rights : rights & OF_FILE, fd);
}

static int explain_path(int r, const char *path, struct error *err)
{
	error_errno(err, r, "Landlock: allow `%s`", path);
	error_not_of_program(err);
	if (r == -ELOOP)
		error_hint(err, "it leads through a link, which could lead elsewhere the next time: name the place "
			   "itself, as /usr/bin for /bin");
	return r;
}

/*
 * A process that comes later gets no more than the first one, whatever that has done meanwhile to what it may change:
 * where a name leads nowhere any more, or through a link, nothing is allowed.
 */
static int skip_path(int r, const char *path, enum landlock_paths kind)
{
	if (r != -ENOENT && r != -ELOOP && r != -ENOTDIR)
		return r;
	log_warning(WHERE "/%s: `%.256s` is not what it was, nothing is allowed there: %s", landlock_path_names[kind],
		    path, error_words(r));
	return 0;
}

static int add_paths(const struct oci_landlock *l, uint64_t handled, bool later, struct landlock_rules *ret,
		     struct error *err)
{
	_cleanup_close_ int root = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);

	if (root < 0)
		return error_errno(err, root, "open the root directory");
	for (size_t kind = 0; kind < N_LANDLOCK_PATHS; kind++)
		for (size_t i = 0; i < l->paths[kind].n; i++) {
			const char *path = l->paths[kind].v[i];
			int r = add_path(ret->fd, root, path, path_rights[kind] & handled, ret);

			if (r < 0 && later)
				r = skip_path(r, path, (enum landlock_paths)kind);
			if (r == 0)
				continue;
			explain_path(r, path, err);
			return error_at(err, WHERE "/%s/%zu", landlock_path_names[kind], i);
		}
	return 0;
}

static int add_ports(const struct oci_landlock *l, uint64_t handled, int ruleset, struct error *err)
{
	for (size_t kind = 0; kind < N_LANDLOCK_PORTS; kind++)
		for (size_t i = 0; (handled & port_rights[kind]) && i < l->ports[kind].n; i++) {
			int r = sys_landlock_add_port(ruleset, port_rights[kind], l->ports[kind].v[i]);

			if (r == 0)
				continue;
			error_errno(err, r, "Landlock: allow port %u", l->ports[kind].v[i]);
			return error_at(err, WHERE "/%s/%zu", landlock_port_names[kind], i);
		}
	return 0;
}

int landlock_prepare(const struct oci_landlock *l, bool later, struct landlock_rules *ret, struct error *err)
{
	int abi = sys_landlock_abi(), r;
	struct sys_landlock handled = possible(wanted(l), abi);

	*ret = (struct landlock_rules){.fd = -1, .abi = abi};
	if (!handled.fs && !handled.net && !handled.scoped)
		return l->best_effort ? 0 : explain_absence(abi < 0 ? abi : -ENOTSUP, err);
	ret->fd = sys_landlock_create(&handled);
	if (ret->fd < 0) {
		error_errno(err, ret->fd, "make a Landlock ruleset");
		return error_at(err, WHERE);
	}
	r = handled.fs ? add_paths(l, handled.fs, later, ret, err) : 0;
	return r < 0 ? r : add_ports(l, handled.net, ret->fd, err);
}

/* ---- and their proof: nothing in /proc shows them -------------------------------------------------- */

static bool is_allowed(const struct oci_landlock_ports *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->v[i] == port)
			return true;
	return false;
}

/* On one that is not allowed; where there is no IPv4, nothing can be tried. */
static int try_port(const struct oci_landlock *l, enum landlock_ports kind)
{
	_cleanup_close_ int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	uint16_t port = UINT16_MAX;
	int r;

	while (port > 1023 && is_allowed(&l->ports[kind], port))
		port--;
	if (sock < 0 || port == 1023)
		return -EACCES;
	name.sin_port = htons(port);
	r = kind == LANDLOCK_BIND_TCP ? bind(sock, (const struct sockaddr *)&name, sizeof(name)) :
					connect(sock, (const struct sockaddr *)&name, sizeof(name));
	return r < 0 ? -errno : 0;
}

/* Nobody else has taken these rights, where the user has them: so to be refused them is a proof. */
static bool is_enforced(const struct oci_landlock *l, const struct landlock_rules *rules)
{
	struct sys_landlock handled = possible(wanted(l), rules->abi);
	_cleanup_close_ int fd = -1;

	if (handled.fs && !rules->root_readable) {
		fd = fd_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
		if (fd != -EACCES)
			return false;
	}
	for (size_t i = 0; i < N_LANDLOCK_PORTS; i++)
		if ((handled.net & port_rights[i]) && try_port(l, (enum landlock_ports)i) != -EACCES)
			return false;
	return true;
}

int landlock_enforce(const struct oci_landlock *l, const struct landlock_rules *rules, struct error *err)
{
	int r;

	if (rules->fd < 0)
		return 0;
	r = sys_landlock_restrict(rules->fd);
	if (r < 0) {
		error_errno(err, r, "enforce the Landlock rules");
		error_at(err, WHERE);
		if (r == -E2BIG)
			error_hint(err, "16 of them lie one over the other already, of callers of this command");
		return -err->code;
	}
	if (is_enforced(l, rules))
		return 0;
	error_set(err, EPROTO, "the kernel took the Landlock rules and does not enforce them");
	return error_at(err, WHERE);
}
