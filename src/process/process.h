/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is set on the container process itself, in the order of the stages. */
#ifndef ORLOP_PROCESS_PROCESS_H
#define ORLOP_PROCESS_PROCESS_H

#include <sys/types.h>

#include "plan/plan.h"
#include "util/error.h"

/* process/user.c: setgroups (exactly the list), setresgid, setresuid; raw and verified.  In a user
 * namespace with setgroups denied an empty list is skipped, a non-empty one is an error. */
int process_set_groups(const struct oci_user *user, struct error *err);
int process_set_ids(const struct oci_user *user, struct error *err);

/* process/user.c: HOME of @uid from etc/passwd in the container's "/" (our own parser, rules R20 and
 * T41: O_NONBLOCK, regular, <= 1 MiB, first exact match); "/" when there is none.  In @a. */
const char *process_home(struct arena *a, uint32_t uid);

/* process/stdio.c: pipes and sockets among the standard streams become @uid's, an id of the caller's user
 * namespace; as far as the caller may. */
void process_give_stdio(uid_t uid);

/* process/rlimits.c: exactly soft and hard, read back. */
int process_set_rlimits(const struct oci_process *p, struct error *err);
/* Parent: raise hard limits of @pid (0: our own) that the child will not be allowed to raise. */
int process_raise_rlimits(const struct oci_process *p, pid_t pid, struct error *err);

/* process/oom.c, parent: write oom_score_adj through @proc_pid, a descriptor of /proc/PID.  Equal to
 * the present value: nothing is written.  @optional: EACCES is a warning. */
int process_set_oom_score(int proc_pid, int value, bool optional, struct error *err);

/*
 * Each is read back.  The container process gives them to itself, before its credentials; scheduler and
 * I/O priority, which the kernel allows to the host's CAP_SYS_NICE alone, may come from the parent.
 *
 * process/affinity.c: the CPUs it may run on.  @cpus NULL: all that its cpuset allows, whatever the
 * caller was bound to.  @where: JSON pointer.
 */
int process_set_affinity(const struct oci_bits *cpus, const char *where, struct error *err);
/* process/sched.c, ioprio.c: of @pid, 0 = the caller; nothing when they were not asked for.  After the
 * affinity, which SCHED_DEADLINE looks at. */
int process_set_scheduler(const struct oci_scheduler *s, pid_t pid, struct error *err);
int process_set_io_priority(const struct oci_io_priority *io, pid_t pid, struct error *err);
/* process/mempolicy.c: in the cgroup already, whose cpuset cuts the nodes. */
int process_set_memory_policy(const struct oci_memory_policy *m, struct error *err);
/* process/personality.c */
int process_set_personality(uint64_t domain, struct error *err);

/* process/sysctl.c: write each below sys/ of @proc (a private, unmasked procfs), RESOLVE_BENEATH. */
int process_write_sysctls(const struct plan_process *p, int proc, struct error *err);

/* process/cwd.c: chdir to cwd (made 0755 when missing), by descriptor; getcwd must start with "/". */
int process_enter_cwd(const char *cwd, bool create, struct error *err);
/* Again as the user, when the first try was refused with EACCES. */

/* process/program.c: find argv[0] as execvp(3) does with PATH of @envp: the path to execute, in @a.
 * "executable file not found in $PATH: no such file or directory", or permission denied. */
int process_find_program(struct arena *a, char *const *argv, char *const *envp, const char **ret,
			 struct error *err);

/* process/program.c: would execve(2) take @path, as far as that can be known without it?  Odd ones, or
 * @always, another process tries, after @confine(@ctx) (may be NULL) took from it what the program would not have. */
int process_check_program(const char *path, char *const *argv, char *const *envp, bool always,
			  int (*confine)(void *ctx), void *ctx, struct error *err);

/* process/program.c: the value of @name in @envp (may be NULL), of the last that has the name; or NULL. */
const char *process_get_env(char *const *envp, const char *name);

/* process/program.c: after execve(2) of @path failed with @errnum: the error, with what the file itself
 * says about it (missing interpreter, CR LF, wrong machine).  Returns -errnum. */
int process_exec_error(const char *path, int errnum, struct error *err);
/* The exit status of a container whose program could not be executed: 127 when it, or what executes it, is
 * not there, else 126, as shells have it. */
int process_exec_status(int errnum);

/* process/environ.c: the environment given to execve: HOME, LISTEN_FDS, LISTEN_PID added.  Last
 * duplicate wins.  In @a. */
char **process_environment(struct arena *a, const struct plan_process *p, uint32_t uid);

/* process/tty.c, in the parent of a foreground `run`/`exec -t`: raw mode, copying, window size,
 * restoring on every path. */
struct tty_proxy;
int tty_proxy_new(int master, struct tty_proxy **ret, struct error *err);	/* takes @master */
/* Wait for the end of @pidfd while copying stdin <-> master <-> stdout and forwarding the signals in
 * @signal_fd (signalfd(2): SIGWINCH sets the size, others are passed to @on_signal), and SIGKILL when the
 * process of the pidfd @caller, or -1, has ended.  SIGPIPE must be ignored or blocked: stdout may be closed
 * under us. */
int tty_proxy_run(struct tty_proxy *t, int pidfd, int caller, int signal_fd,
		  void (*on_signal)(void *ctx, int sig), void *ctx, struct error *err);
void tty_proxy_free(struct tty_proxy *t);	/* restores the terminal; NULL is fine */
void tty_proxy_freep(struct tty_proxy **t);	/* for _cleanup_() */
/* What is captured is read by programs: no line is to end in CR LF there (ONLCR, termios(3)). */
int tty_plain_line_ends(int fd, struct error *err);
/* TIOCSWINSZ on @fd; 0 x 0 takes the size of our own stdin when it is a terminal. */
int tty_set_size(int fd, uint16_t rows, uint16_t cols, struct error *err);
/* Child: the same, as a guess, of a terminal without a size. */
void tty_size_unless_known(int fd, uint16_t rows, uint16_t cols);
/* The size of a terminal among the standard streams; false if there is none, or it has none. */
bool tty_own_size(uint16_t *ret_rows, uint16_t *ret_cols);
/* Child: make @peer the controlling terminal and 0, 1, 2 (setsid was called); takes @peer. */
int tty_take_control(int peer, struct error *err);
/* Parent: give @master to the console socket at @path, one message, one descriptor. */
int tty_send_console(int socket, int master, struct error *err);

#endif
