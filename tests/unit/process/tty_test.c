/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two ptys in a row, as in life: we are the person at the outer one; a child of ours is the runtime;
 * its child has the inner one as its controlling terminal.
 */
#include "../security/forked.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>

#include "process/process.h"

static int open_pty(int *ret_peer)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || unlockpt(master) < 0)
		return -1;
	*ret_peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *ret_peer < 0 ? -1 : master;
}

static int pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

struct session {
	int outer;		/* our end */
	int peer;		/* the runtime's terminal, kept open to look at it */
	pid_t runtime;
	struct termios before;
};

static volatile int last_signal;

static void on_signal(void *ctx, int sig)
{
	(void)ctx;
	if (sig != SIGCHLD)
		last_signal = sig;
}

/* The runtime: @script runs on the inner terminal.  Exit status 0; 10 + signal when one was passed. */
static void runtime(int in, int out, const char *script)
{
	struct tty_proxy *t = NULL;
	struct error err = {0};
	int inner_peer, inner = open_pty(&inner_peer), signal_fd;
	sigset_t all;
	pid_t pid;

	CHECK(setsid() > 0);
	if (isatty(in))
		CHECK(ioctl(in, TIOCSCTTY, 0) == 0);
	CHECK(dup2(in, 0) == 0 && dup2(out, 1) == 1);
	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal_fd = signalfd(-1, &all, SFD_CLOEXEC);
	alarm(20);

	CHECK(inner >= 0);
	pid = fork();
	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGINT, SIG_DFL);	/* a shell ignores it for what it runs in the background */
		close(inner);
		setsid();
		if (tty_take_control(inner_peer, &err) < 0)
			_exit(90);
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(91);
	}
	close(inner_peer);
	CHECK(tty_set_size(inner, 0, 0, &err) == 0);
	CHECK(tty_proxy_new(inner, &t, &err) == 0);
	CHECK(tty_proxy_run(t, pidfd_open(pid), -1, signal_fd, on_signal, NULL, &err) == 0);
	tty_proxy_free(t);
	CHECK(waitpid(pid, NULL, 0) == pid);
	_exit(last_signal ? 10 + last_signal : 0);
}

static char screen[1 << 16];

static struct session start(const char *script)
{
	struct winsize size = {.ws_row = 33, .ws_col = 77};
	struct session s;

	memset(screen, 0, sizeof(screen));
	s.outer = open_pty(&s.peer);
	assert_true(s.outer >= 0);
	assert_int_equal(ioctl(s.outer, TIOCSWINSZ, &size), 0);
	assert_int_equal(tcgetattr(s.peer, &s.before), 0);
	s.runtime = fork();
	if (s.runtime == 0) {
		close(s.outer);
		runtime(s.peer, s.peer, script);
	}
	assert_true(s.runtime > 0);
	return s;
}

/* What appears on our screen until it holds @until. */
static void expect(const struct session *s, const char *until)
{
	size_t n = strlen(screen);
	time_t give_up = time(NULL) + 10;

	while (!strstr(screen, until)) {
		struct pollfd p = {.fd = s->outer, .events = POLLIN};
		ssize_t got;

		if (time(NULL) > give_up || poll(&p, 1, 5000) <= 0)
			fail_msg("no \"%s\" in \"%s\"", until, screen);
		got = read(s->outer, screen + n, sizeof(screen) - 1 - n);
		if (got <= 0)
			fail_msg("no \"%s\" in \"%s\"", until, screen);
		n += (size_t)got;
		screen[n] = '\0';
	}
}

static void type(const struct session *s, const char *text)
{
	assert_int_equal(write(s->outer, text, strlen(text)), strlen(text));
}

/* The runtime has ended with @status and our terminal is as it was. */
static void finish(struct session *s, int status)
{
	struct termios after;
	int got;

	assert_int_equal(waitpid(s->runtime, &got, 0), s->runtime);
	assert_int_equal(got, status << 8);
	assert_int_equal(tcgetattr(s->peer, &after), 0);
	assert_int_equal(after.c_lflag, s->before.c_lflag);
	assert_int_equal(after.c_iflag, s->before.c_iflag);
	assert_int_equal(after.c_oflag, s->before.c_oflag);
	close(s->outer);
	close(s->peer);
}

static void test_conversation(void **state)
{
	struct session s = start("echo ready; read x; echo got=$x; tty; ps -o tpgid= -p $$ >/dev/null; "
				 "stty -a | grep -o ' onlcr'");
	struct termios during;

	(void)state;
	expect(&s, "ready\r\n");
	assert_int_equal(tcgetattr(s.peer, &during), 0);
	assert_false(during.c_lflag & (ICANON | ECHO | ISIG));
	type(&s, "hello\r");
	expect(&s, "hello\r\n");	/* the echo of the inner line discipline */
	expect(&s, "got=hello\r\n");
	expect(&s, "/dev/pts/");
	expect(&s, " onlcr\r\n");
	finish(&s, 0);
}

/* ^C is a byte for us and a signal for the container. */
static void test_interrupt_key(void **state)
{
	struct session s = start("trap 'echo interrupted; exit' INT; echo ready; while :; do sleep 1; done");

	(void)state;
	expect(&s, "ready");
	type(&s, "\003");
	expect(&s, "interrupted\r\n");
	finish(&s, 0);
}

static void test_window_size(void **state)
{
	struct session s = start("trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.1; done");
	struct winsize size = {.ws_row = 50, .ws_col = 111};

	(void)state;
	expect(&s, "33 77\r\n");
	/* The runtime's is the foreground group of the outer terminal: the kernel sends SIGWINCH. */
	assert_int_equal(ioctl(s.outer, TIOCSWINSZ, &size), 0);
	expect(&s, "50 111\r\n");
	finish(&s, 0);
}

static void test_signals_are_passed_on(void **state)
{
	struct session s = start("echo ready; read x; echo bye");

	(void)state;
	expect(&s, "ready");
	kill(s.runtime, SIGUSR1);
	usleep(100000);
	type(&s, "\r");
	expect(&s, "bye");
	finish(&s, 10 + SIGUSR1);
}

/* All of a lot, in order, although we read slowly. */
static void test_much_output(void **state)
{
	struct session s = start("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo END");
	char *at;

	(void)state;
	usleep(300000);
	expect(&s, "END\r\n");
	at = screen;
	for (int i = 0; i < 3000; i++) {
		char line[32];
		int n = snprintf(line, sizeof(line), "line %d\r\n", i);

		assert_int_equal(strncmp(at, line, (size_t)n), 0);
		at += n;
	}
	finish(&s, 0);
}

/* More typed than the inner line discipline takes at once: nothing is lost, nothing spins. */
static void test_much_input(void **state)
{
	struct session s = start("stty raw -echo; echo ready; sleep 0.3; head -c 60000 | cksum");
	char block[6000];

	(void)state;
	expect(&s, "ready");
	memset(block, 'a', sizeof(block));
	for (int i = 0; i < 10; i++) {
		size_t done = 0;

		while (done < sizeof(block)) {
			ssize_t n = write(s.outer, block + done, sizeof(block) - done);

			assert_true(n > 0);
			done += (size_t)n;
		}
	}
	expect(&s, " 60000");
	finish(&s, 0);
}

/* A background process holds the terminal open: the end of the main one ends us. */
static void test_background_process(void **state)
{
	struct session s = start("trap '' HUP; sleep 15 & echo $!; echo done");

	(void)state;
	expect(&s, "done\r\n");
	kill(atoi(screen), SIGKILL);
	finish(&s, 0);
}

/* Nobody has the terminal open for a while; then somebody has again. */
static void test_hangup_is_not_final(void **state)
{
	struct session s = start("t=$(tty); exec 0<&- 1>&- 2>&-; sleep 0.5; exec >$t 2>&1 <$t; echo back; "
				 "read x; echo $x");

	(void)state;
	expect(&s, "back\r\n");
	type(&s, "again\r");
	expect(&s, "again\r\nagain\r\n");
	finish(&s, 0);
}

/* stdin and stdout are no terminals: a file and a pipe. */
static void test_without_terminal(void **state)
{
	int in[2], out[2], status;
	char text[256] = {0};
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(in[1]);
		close(out[0]);
		runtime(in[0], out[1], "stty -echo; read x; echo \"<$x>\"; sleep 0.2; echo end");
	}
	close(in[0]);
	close(out[1]);
	assert_int_equal(write(in[1], "word\n", 5), 5);
	close(in[1]);	/* the end of stdin is not the end of the session */
	while ((got = read(out[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	assert_non_null(strstr(text, "<word>\r\nend\r\n"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(out[0]);
}

/* Our reader goes away: to the container its terminal is gone. */
static void test_closed_stdout(void **state)
{
	int out[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC), status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(out[0]);
		runtime(null, out[1], "while :; do echo line; done");
	}
	close(out[0]);
	close(out[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(null);
}

/* ---- the hand-over -------------------------------------------------------------------------- */

static void test_console_socket(void **state)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 4)];
		struct cmsghdr align;
	} control;
	char text[64], data[16];
	struct iovec iov = {text, sizeof(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	int pair[2], peer, master = open_pty(&peer), got;
	struct error err = {0};
	struct cmsghdr *c;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(tty_send_console(pair[0], master, &err), 0);
	assert_true(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) >= 1);
	assert_false(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	c = CMSG_FIRSTHDR(&msg);
	assert_non_null(c);
	assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(int)));
	assert_null(CMSG_NXTHDR(&msg, c));
	memcpy(&got, CMSG_DATA(c), sizeof(got));
	/* It is the same pty: what goes in at one end comes out at the other. */
	assert_int_equal(write(got, "abc\n", 4), 4);
	assert_int_equal(read(peer, data, sizeof(data)), 4);
	assert_memory_equal(data, "abc\n", 4);
	close(got);
	close(pair[1]);
	assert_int_equal(tty_send_console(pair[0], master, &err), -EPIPE);
	close(pair[0]);
	close(master);
	close(peer);
}

static void test_size(void **state)
{
	int peer, master = open_pty(&peer), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct error err = {0};
	struct winsize size;

	(void)state;
	assert_int_equal(tty_set_size(master, 24, 80, &err), 0);
	assert_int_equal(ioctl(peer, TIOCGWINSZ, &size), 0);
	assert_true(size.ws_row == 24 && size.ws_col == 80);
	assert_int_equal(tty_set_size(null, 24, 80, &err), -ENOTTY);
	close(master);
	close(peer);
	close(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversation),
		cmocka_unit_test(test_interrupt_key),
		cmocka_unit_test(test_window_size),
		cmocka_unit_test(test_signals_are_passed_on),
		cmocka_unit_test(test_much_output),
		cmocka_unit_test(test_much_input),
		cmocka_unit_test(test_background_process),
		cmocka_unit_test(test_hangup_is_not_final),
		cmocka_unit_test(test_without_terminal),
		cmocka_unit_test(test_closed_stdout),
		cmocka_unit_test(test_console_socket),
		cmocka_unit_test(test_size),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
