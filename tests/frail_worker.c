/* SPDX-License-Identifier: MIT */
/*
 * A snek-worker that ends when it is told to: in place of it, and in front of
 * it.  The file $FRAIL_PLAN has a letter for each life; what it says is where
 * that one ends:
 *
 *   F  at the files of the input     I  at the job     T  at a first attempt
 *   H  before anything               D  does not end, and reads nothing
 *
 * When no letter is left the worker $FRAIL_WORKER lives on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "exec/channel.h"

#define COORDINATOR 3
#define MOST ((uint64_t)1 << 30)

/* Takes the first letter from the file. */
static char take_letter(void)
{
	char text[64] = "";
	int fd = open(getenv("FRAIL_PLAN"), O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

	if (n > 0 && (pwrite(fd, text + 1, (size_t)n - 1, 0) != n - 1 ||
	    ftruncate(fd, n - 1)))
		_exit(99);
	return *text;
}

static int wait_room(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLOUT };

	return poll(&p, 1, -1) < 0 && errno != EINTR ? SNEK_EIO : 0;
}

static bool ends_at(char letter, const struct sk_message *m)
{
	return (letter == 'F' && m->kind == SK_MSG_FILES) ||
	    (letter == 'I' && m->kind == SK_MSG_INIT) ||
	    (letter == 'T' && m->kind == SK_MSG_TASK && !(m->id >> 63));
}

static void pass(struct sk_channel *from, int to, char letter)
{
	const struct sk_channel_wait patient = { wait_room, &to };
	struct sk_message m = { 0 };
	int rc;

	while ((rc = sk_channel_recv(from, &m)) == 1) {
		if (ends_at(letter, &m) || sk_channel_send(to, &m, &patient))
			_exit(0);
		sk_message_free(&m);
	}
	if (rc)
		_exit(0);
}

static void live(int worker, char letter)
{
	struct sk_channel a = { .fd = COORDINATOR, .max = MOST,
		.max_fds = 1u << 20 }, b = { .fd = worker, .max = MOST,
		.max_fds = 1u << 20 };
	struct pollfd p[2] = { { .fd = COORDINATOR, .events = POLLIN },
		{ .fd = worker, .events = POLLIN } };

	for (;;) {
		poll(p, 2, -1);
		pass(&a, worker, letter);
		pass(&b, COORDINATOR, 0);
	}
}

static void become_worker(void)
{
	execl(getenv("FRAIL_WORKER"), "snek-worker", (char *)NULL);
	perror("frail_worker");
	_exit(99);
}

int main(void)
{
	char letter = take_letter();
	int end[2];

	if (!letter)
		become_worker();
	if (letter == 'H')
		return 0;
	while (letter == 'D')
		pause();
	if (sk_channel_pair(end, NULL))
		return 99;
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup2(end[1], COORDINATOR) < 0)
			_exit(99);
		become_worker();
	}
	close(end[1]);
	live(end[0], letter);
}
