/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ps`: the processes of the container's cgroup, as numbers, or as the lines that the host's ps(1)
 * has about them.  Runs on the host; ps(1) is found by absolute path, because engines call us
 * without PATH.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "container/container.h"
#include "container/print.h"
#include "json/writer.h"
#include "store/lookup.h"
#include "store/status.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

#define PS_TIMEOUT_MS 10000
#define PS_MAX_BYTES (64u << 20)

static const char *const ps_programs[] = {"/usr/bin/ps", "/bin/ps"};

struct pid_list {
	pid_t *v;
	size_t n;
};

static void pid_list_free(struct pid_list *l)
{
	free(l->v);
}

static int find_pids(const struct global_options *g, const char *id, struct pid_list *ret,
		     struct error *err)
{
	_cleanup_(container_release) struct container c = CONTAINER_INIT;
	_cleanup_close_ int cgroup = -1;
	int r = container_lookup(g, id, LOOKUP, &c, err);

	if (r == 0)
		r = state_open_cgroup(&c.state, &cgroup, err);
	if (r < 0)
		return r;
	if (cgroup >= 0)
		return cgroup_procs(cgroup, &ret->v, &ret->n, err);
	if (c.pidfd < 0)	/* stopped, and the cgroup is gone: nothing */
		return 0;
	return error_set(err, ENOENT, "container `%s` has no cgroup, so its processes are not known; the first "
			 "of them is %d", id, (int)c.state.init.pid);
}

/* ---- json ---- */

static int print_json(const struct pid_list *pids, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	struct json_writer w;
	size_t len;

	json_write_init(&w, false);
	json_write_array(&w);
	for (size_t i = 0; i < pids->n; i++)
		json_write_i64(&w, pids->v[i]);
	json_write_end_array(&w);
	text = json_write_finish(&w, &len);
	text = xrealloc(text, len + 2, 1);
	text[len] = '\n';
	return container_print(text, len + 1, err);
}

/* ---- table ---- */

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static bool is_listed(const struct pid_list *pids, const char *word, size_t n)
{
	char text[16];
	uint32_t number;
	pid_t pid;

	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, word, n);
	text[n] = '\0';
	if (str_to_u32(text, &number) < 0)
		return false;
	pid = (pid_t)number;
	return pids->n && bsearch(&pid, pids->v, pids->n, sizeof(pid), compare_pids);
}

/* The word number @index of @line; *ret_n is its length, 0 when there are not so many. */
static const char *word_at(const char *line, unsigned index, size_t *ret_n)
{
	for (;; index--) {
		line += strspn(line, " \t");
		*ret_n = strcspn(line, " \t");
		if (index == 0 || *ret_n == 0)
			return line;
		line += *ret_n;
	}
}

/* Which column is called PID; -1 = none. */
static int find_column(const char *header)
{
	for (unsigned i = 0;; i++) {
		size_t n;
		const char *word = word_at(header, i, &n);

		if (n == 0)
			return -1;
		if (n == 3 && strncmp(word, "PID", 3) == 0)
			return (int)i;
	}
}

static int print_filtered(char *text, const struct pid_list *pids, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};
	char *header = strsep(&text, "\n"), *line;
	int column = find_column(header);

	if (column < 0)
		return error_set(err, EINVAL, "the output of ps has no column PID, by which the container's "
				 "processes are found (choose options of ps that show it)");
	strbuf_addf(&out, "%s\n", header);
	while ((line = strsep(&text, "\n"))) {
		size_t n;
		const char *word = word_at(line, (unsigned)column, &n);

		if (is_listed(pids, word, n))
			strbuf_addf(&out, "%s\n", line);
	}
	return container_print(out.data, out.len, err);
}

static int print_numbers(const struct pid_list *pids, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};

	strbuf_adds(&out, "PID\n");
	for (size_t i = 0; i < pids->n; i++)
		strbuf_addf(&out, "%d\n", (int)pids->v[i]);
	return container_print(out.data, out.len, err);
}

/* ---- ps(1) ---- */

static const char *find_ps(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ps_programs); i++)
		if (access(ps_programs[i], X_OK) == 0)
			return ps_programs[i];
	return NULL;
}

/* In the child: everything of ours is close-on-exec. */
static _Noreturn void exec_ps(const char *program, const struct strings *args, int output)
{
	static char *const env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	char **argv = xcalloc((args ? args->n : 0) + 3, sizeof(*argv));

	argv[0] = (char *)"ps";
	if (args && args->n)
		memcpy(argv + 1, args->v, args->n * sizeof(*argv));
	else
		argv[1] = (char *)"-ef";
	if (dup2(output, STDOUT_FILENO) >= 0)
		execve(program, argv, env);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int read_output(int fd, struct strbuf *out, struct error *err)
{
	int64_t deadline = now_ms() + PS_TIMEOUT_MS;
	char buf[16384];

	for (;;) {
		int64_t left = deadline - now_ms();
		int r = fd_wait(fd, POLLIN, left > 0 ? (int)left : 0);
		ssize_t n;

		if (r == 0)
			return error_set(err, ETIMEDOUT, "ps did not end within %d s", PS_TIMEOUT_MS / 1000);
		n = r < 0 ? -1 : read(fd, buf, sizeof(buf));
		if (n < 0)
			return error_errno(err, r < 0 ? r : errno, "read the output of ps");
		if (n == 0)
			return 0;
		if (out->len + (size_t)n > PS_MAX_BYTES)
			return error_set(err, EFBIG, "ps says more than %u bytes", PS_MAX_BYTES);
		strbuf_add(out, buf, (size_t)n);
	}
}

static int run_ps(const char *program, const struct strings *args, struct strbuf *out,
		  struct error *err)
{
	_cleanup_close_ int reading = -1, writing = -1;
	int fds[2], status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_errno(err, errno, "make a pipe");
	reading = fds[0];
	writing = fds[1];
	pid = fork();
	if (pid < 0)
		return error_errno(err, errno, "fork");
	if (pid == 0)
		exec_ps(program, args, writing);
	cleanup_closep(&writing);
	writing = -1;
	r = read_output(reading, out, err);
	if (r < 0) {	/* our own child, not collected yet: no other can have its number */
		_cleanup_close_ int pidfd = sys_pidfd_open(pid, 0);

		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		return error_set(err, EINVAL, "%s failed (exit status %d)", program,
				 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return r;
}

static int print_table(const struct pid_list *pids, const struct strings *args, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};
	const char *program = find_ps();
	int r;

	if (!program) {
		log_warning("neither /usr/bin/ps nor /bin/ps is there: only the numbers are shown");
		return print_numbers(pids, err);
	}
	r = run_ps(program, args, &out, err);
	if (r < 0)
		return r;
	strbuf_add(&out, "", 0);
	return print_filtered(out.data, pids, err);
}

int container_ps(const struct global_options *g, const char *id, enum list_format format,
		 const struct strings *args, struct error *err)
{
	_cleanup_(pid_list_free) struct pid_list pids = {0};
	int r = find_pids(g, id, &pids, err);

	if (r < 0)
		return r;
	return format == LIST_JSON ? print_json(&pids, err) : print_table(&pids, args, err);
}
