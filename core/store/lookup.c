/* SPDX-License-Identifier: MIT */
#include "store/lookup.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Shared by the thread and who asked; the last of them frees it. */
struct sk_lookup {
	pthread_mutex_t lock;
	unsigned users;
	bool done;
	int why, wake;
	struct addrinfo *list;
	char *port, host[];
};

static void put(struct sk_lookup *l)
{
	bool last;

	pthread_mutex_lock(&l->lock);
	last = !--l->users;
	pthread_mutex_unlock(&l->lock);
	if (!last)
		return;
	if (l->list)
		freeaddrinfo(l->list);
	pthread_mutex_destroy(&l->lock);
	close(l->wake);
	free(l->port);
	free(l);
}

static int ask(const struct sk_lookup *l, int flags, struct addrinfo **out)
{
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = flags | AI_NUMERICSERV };

	return getaddrinfo(l->host, l->port, &hint, out);
}

static void *run(void *arg)
{
	struct sk_lookup *l = arg;
	struct addrinfo *list = NULL;
	int why = ask(l, 0, &list);
	uint64_t one = 1;

	pthread_mutex_lock(&l->lock);
	l->why = why;
	l->list = why ? NULL : list;
	l->done = true;
	pthread_mutex_unlock(&l->lock);
	while (write(l->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
	put(l);
	return NULL;
}

static struct sk_lookup *make(const char *host, const char *port, int wake)
{
	size_t n = strlen(host) + 1;
	struct sk_lookup *l = calloc(1, sizeof(*l) + n);

	if (!l)
		return NULL;
	memcpy(l->host, host, n);
	l->port = strdup(port);
	l->wake = fcntl(wake, F_DUPFD_CLOEXEC, 0);
	l->users = 1;
	pthread_mutex_init(&l->lock, NULL);
	if (l->port && l->wake >= 0)
		return l;
	put(l);
	return NULL;
}

int sk_lookup_start(const char *host, const char *port, int wake,
    struct sk_lookup **out, struct snek_error *e)
{
	struct sk_lookup *l = make(host, port, wake);
	pthread_t thread;

	if (!l)
		return sk_enomem(e);
	l->done = !ask(l, AI_NUMERICHOST, &l->list);    /* asks nobody */
	if (!l->done) {
		l->users++;
		if (sk_thread_start(&thread, run, l) != 0) {
			l->users--;
			put(l);
			return sk_fail(e, SNEK_EAGAIN, "cannot start a thread");
		}
		pthread_detach(thread);
	}
	*out = l;
	return 0;
}

int sk_lookup_done(struct sk_lookup *l, struct addrinfo **list, int *why)
{
	bool done;

	pthread_mutex_lock(&l->lock);
	done = l->done;
	if (done) {
		*list = l->list;
		*why = l->why;
		l->list = NULL;
	}
	pthread_mutex_unlock(&l->lock);
	return done;
}

void sk_lookup_drop(struct sk_lookup *l)
{
	if (l)
		put(l);
}
