/* SPDX-License-Identifier: MIT */
/*
 * http.c - libcurl's multi handle under epoll: a round of the loop costs what
 * happened in it, not how many calls there are.
 *
 * Calls wait by host.  Until a host's name is known one call alone goes there,
 * for libcurl would start a thread a call to look it up.
 */
#include "aws/http_parts.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVENTS = 64, SPARE_FDS = 64, WAIT_MAX_MS = 60000,
};

/* ---- what libcurl calls ---- */

static int on_timer(CURLM *m, long ms, void *arg)
{
	struct sk_http *h = arg;

	(void)m;
	h->timer = ms < 0 ? INT64_MAX : sk_clock_ms() + ms;
	return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
    void *known)
{
	struct sk_http *h = arg;
	struct epoll_event ev = { .data.fd = fd };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(h->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev))
		return -1;
	curl_multi_assign(h->multi, fd, h);
	return 0;
}

/* ---- turns ---- */

static void append(struct sk_http_host *o, struct sk_http_call *c)
{
	c->prev = o->last;
	c->next = NULL;
	if (o->last)
		o->last->next = c;
	else
		o->first = c;
	o->last = c;
}

static void unlink_waiting(struct sk_http_call *c)
{
	struct sk_http_host *o = c->host;

	if (c->prev)
		c->prev->next = c->next;
	else
		o->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		o->last = c->prev;
}

static void unlink_running(struct sk_http_call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->http->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

/* A handle of its own; false: memory is out. */
static bool start(struct sk_http *h, struct sk_http_call *c)
{
	CURL *easy = h->idles ? h->idle[--h->idles] : curl_easy_init();

	if (!easy)
		return false;
	c->easy = easy;
	sk_http_call_set(c);
	if (curl_multi_add_handle(h->multi, easy)) {
		curl_easy_cleanup(easy);
		c->easy = NULL;
		return false;
	}
	unlink_waiting(c);
	c->host->kept -= c->host->kept > 0;
	c->prev = NULL;
	c->next = h->calls;
	if (c->next)
		c->next->prev = c;
	h->calls = c;
	h->running++;
	return true;
}

/* Its handle goes back; the call is nobody's any more. */
static void leave(struct sk_http_call *c)
{
	struct sk_http *h = c->http;

	curl_multi_remove_handle(h->multi, c->easy);
	curl_easy_reset(c->easy);
	h->idle[h->idles++] = c->easy;
	h->running--;
	c->host->kept++;
	unlink_running(c);
	if (c->host->asks == c)
		c->host->asks = NULL;
}

static bool is_open(struct sk_http_host *o, int64_t now)
{
	return o->local || o->known_until > now || !o->asks;
}

static bool start_host(struct sk_http *h, struct sk_http_host *o, int64_t now)
{
	struct sk_http_call *c;

	while ((c = o->first) && h->running < h->connections && is_open(o, now)) {
		if (!start(h, c))
			return h->running;      /* again when one has ended */
		if (!o->local && o->known_until <= now)
			o->asks = c;
	}
	return true;
}

static int start_waiting(struct sk_http *h, struct snek_error *e)
{
	int64_t now = sk_clock_ms();
	struct sk_http_host *o;

	for (o = h->hosts; o; o = o->next)
		if (!start_host(h, o, now))
			return sk_enomem(e);
	return 0;
}

/* ---- the loop ---- */

static int hand_over(struct sk_http *h)
{
	struct sk_http_call *c;
	struct sk_http_reply reply;
	CURLMsg *m;
	int left, n = 0;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		sk_http_call_judge(c, m->data.result);
		leave(c);
		reply = c->reply;
		c->reply.body = c->reply.headers = (struct sk_buf){ 0 };
		c->done(c->arg, &reply);
		sk_http_call_free(c);
		n++;
	}
	return n;
}

static bool hear_wake(struct sk_http *h)
{
	uint64_t n;

	return read(h->wake, &n, sizeof(n)) > 0;
}

static int bits_of(uint32_t events)
{
	int bits = 0;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
		bits |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		bits |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		bits |= CURL_CSELECT_ERR;
	return bits;
}

static int turn(struct sk_http *h, int64_t until, bool *woken,
    struct snek_error *e)
{
	struct epoll_event ev[EVENTS];
	int64_t now = sk_clock_ms(), end = h->timer < until ? h->timer : until;
	int n, i, left;

	end = end < now ? now : end > now + WAIT_MAX_MS ? now + WAIT_MAX_MS : end;
	n = epoll_wait(h->epoll, ev, EVENTS, (int)(end - now));
	if (n < 0 && errno != EINTR)
		return sk_fail_errno(e, "epoll");
	for (i = 0; i < n; i++) {
		if (ev[i].data.fd == h->wake)
			*woken |= hear_wake(h);
		else
			curl_multi_socket_action(h->multi, ev[i].data.fd,
			    bits_of(ev[i].events), &left);
	}
	if (h->timer <= sk_clock_ms()) {
		h->timer = INT64_MAX;   /* unless it sets it again */
		curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &left);
	}
	return 0;
}

int sk_http_step(struct sk_http *h, int64_t until, bool *woken,
    struct snek_error *e)
{
	int rc, n = 0;

	*woken = false;
	while (!n && !*woken) {
		rc = start_waiting(h, e);
		if (!rc)
			rc = turn(h, until, woken, e);
		if (rc)
			return rc;
		n = hand_over(h);
		if (sk_clock_ms() >= until)
			break;
	}
	return n;
}

void sk_http_wake(struct sk_http *h)
{
	uint64_t one = 1;

	while (write(h->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

/* ---- calls ---- */

int sk_http_begin(struct sk_http *h, const struct sk_http_request *r,
    void (*done)(void *arg, struct sk_http_reply *), void *arg,
    struct sk_http_call **out, struct snek_error *e)
{
	struct sk_http_call *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	c->http = h;
	c->done = done;
	c->arg = arg;
	rc = sk_http_call_fill(c, r, e);
	if (rc) {
		sk_http_call_free(c);
		return rc;
	}
	append(c->host, c);
	*out = c;
	return 0;
}

void sk_http_cancel(struct sk_http *h, struct sk_http_call *c)
{
	(void)h;
	if (c->easy)
		leave(c);
	else
		unlink_waiting(c);
	sk_http_call_free(c);
}

/* ---- all of it ---- */

static void init_once(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* What the limit on descriptors leaves room for. */
static uint32_t room_for(uint32_t asked)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= asked + SPARE_FDS)
		return asked;
	return l.rlim_cur > 2 * SPARE_FDS ? (uint32_t)l.rlim_cur - SPARE_FDS :
	    SPARE_FDS;
}

static int prepare(struct sk_http *h, struct snek_error *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	h->multi = curl_multi_init();
	h->idle = calloc(h->connections, sizeof(*h->idle));
	if (!h->multi || !h->idle)
		return sk_enomem(e);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)h->connections);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ev.data.fd = h->wake;
	if (h->epoll < 0 || h->wake < 0 ||
	    epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->wake, &ev) < 0)
		return sk_fail_errno(e, "epoll");
	return 0;
}

int sk_http_open(const struct sk_http_options *o, struct sk_http **out,
    struct snek_error *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sk_http *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return sk_enomem(e);
	pthread_once(&once, init_once);
	h->epoll = h->wake = -1;
	h->timer = INT64_MAX;
	h->connections = room_for(o->connections);
	h->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
	h->agent = strdup(o->agent);
	rc = (o->ca_file && !h->ca_file) || !h->agent ? sk_enomem(e) :
	    prepare(h, e);
	if (rc) {
		sk_http_close(h);
		return rc;
	}
	*out = h;
	return 0;
}

static void free_host(struct sk_http_host *o)
{
	struct sk_http_call *c;

	while ((c = o->first)) {
		o->first = c->next;
		sk_http_call_free(c);
	}
	free(o);
}

/* libcurl ignores SIGPIPE while it closes what it kept, and then restores what
 * was: two threads at once could leave it ignored. */
static void close_curl(struct sk_http *h)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

	while (h->idles) {
		curl_easy_setopt(h->idle[--h->idles], CURLOPT_NOSIGNAL, 1L);
		curl_easy_cleanup(h->idle[h->idles]);
	}
	pthread_mutex_lock(&one_at_a_time);
	curl_multi_cleanup(h->multi);
	pthread_mutex_unlock(&one_at_a_time);
}

void sk_http_close(struct sk_http *h)
{
	struct sk_http_host *o;

	if (!h)
		return;
	while (h->calls)
		sk_http_cancel(h, h->calls);
	while ((o = h->hosts)) {
		h->hosts = o->next;
		free_host(o);
	}
	close_curl(h);
	if (h->epoll >= 0)
		close(h->epoll);
	if (h->wake >= 0)
		close(h->wake);
	free(h->idle);
	free(h->ca_file);
	free(h->agent);
	free(h);
}
