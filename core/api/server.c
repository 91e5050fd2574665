/* SPDX-License-Identifier: MIT */
#include "api/server.h"

#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "api/gate.h"
#include "api/line.h"
#include "api/patience.h"
#include "base/clock.h"

#define HEADERS (16u << 10)     /* bytes that a connection's head may take; the
				 * library clears them for each request */
#define TOO_LARGE "the body is larger than this gateway takes in one " \
	"request; write in parts"
#define LINE_PER_WORKER 4u      /* requests that may wait */
#define LAST_WORDS_S 1u         /* for the answers to those who waited at the end */
#define HELD 8u                 /* of the largest bodies, in memory at once */

struct visit {                          /* a request, from its head to the end */
	struct sk_line_item in_line;    /* the first */
	struct sk_server *server;
	struct MHD_Connection *connection;
	const char *method, *path, *type;       /* the library's, as long as the
						 * request is under way */
	char *query;                    /* NULL: none */
	struct sk_buf body;
	size_t taken;                   /* bytes of it that came */
	size_t held;                    /* bytes of it that count as in memory */
	struct sk_api_response out;
	int64_t began;
	bool refused, answered, crowded;        /* crowded: others' bodies fill
						 * the memory */
	int status, code;               /* once its body has been read past it */
	const char *why;                /* is refused with this; NULL: is not */
};

struct sk_server {
	struct sk_server_options o;
	struct sk_api *api;
	struct MHD_Daemon *daemon;
	char *token;
	struct sk_line *line;
	pthread_mutex_t lock;
	pthread_cond_t idle;            /* draining: the last one has gone */
	unsigned open;                  /* requests between head and end, with
					 * __atomic */
	bool draining;                  /* with __atomic */
	bool quiet;                     /* the library listens no more */
	size_t held;                    /* bytes of bodies, with __atomic */
	struct sk_patience *patience;
};

/* ---- the access log: a line a request ---- */

static void log_line(const struct visit *v)
{
	char when[32], line[1024];
	time_t now = time(NULL);
	struct tm tm;
	int n, i;

	if (v->server->o.log < 0)
		return;
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(line, sizeof(line), "%s %.20s %.600s %d %zu %zu %lldms", when,
	    v->method, v->path, v->out.status, v->body.n, v->out.body.n,
	    (long long)(sk_clock_ms() - v->began));
	for (i = 0; i < n; i++)
		if (line[i] < ' ' || line[i] > '~')
			line[i] = '?';  /* who reads it has a terminal */
	line[n++] = '\n';
	if ( write(v->server->o.log, line, (size_t)n) < 0)
		return;                 /* nowhere to say so */
}

/* ---- answers ---- */

static void add_header(struct MHD_Response *r, const char *name, const char *value)
{
	if (*value)
		MHD_add_response_header(r, name, value);
}

static struct sk_guest *guest_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return i->socket_context;
}

static enum MHD_Result queue(struct visit *v)
{
	struct sk_api_response *out = &v->out;
	struct MHD_Response *r;
	char text[16] = "";
	size_t n = out->body.n;
	enum MHD_Result rc;

	/* The library frees the body when it has been sent. */
	r = MHD_create_response_from_buffer(out->body.n, out->body.p,
	    out->body.p ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!r)
		return MHD_NO;
	log_line(v);
	out->body = (struct sk_buf){ 0 };
	if (out->retry_after_s)
		snprintf(text, sizeof(text), "%u", out->retry_after_s);
	add_header(r, "Content-Type", out->type);
	add_header(r, "Location", out->location);
	add_header(r, "Snek-Next", out->next);
	add_header(r, "Retry-After", text);
	add_header(r, "Allow", out->allow);
	add_header(r, "Cache-Control", "no-store");
	if (out->status == 401)
		add_header(r, "WWW-Authenticate", "Bearer");
	if (v->refused || __atomic_load_n(&v->server->draining, __ATOMIC_RELAXED))
		add_header(r, "Connection", "close");
	sk_guest_await(guest_of(v->connection), n);
	rc = MHD_queue_response(v->connection, (unsigned)out->status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result refuse(struct visit *v, int status, int code,
    const char *text)
{
	v->refused = v->answered = true;
	sk_api_fail_as(&v->out, status, code, text, NULL);
	return queue(v);
}

static struct sk_api_request request_of(const struct visit *v)
{
	return (struct sk_api_request){ v->method, v->path,
	    v->query ? v->query : "", v->type, { v->body.p, v->body.n }, NULL };
}

static void answer(struct visit *v, const struct sk_api_request *r)
{
	sk_api_answer(v->server->api, r, &v->out);
	v->answered = true;
}

/* ---- the slow ones ---- */

/* Has it said its last word before it was answered? */
static bool is_gone(struct MHD_Connection *c)
{
	struct pollfd p = { .events = POLLRDHUP, .fd = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd };

	return poll(&p, 1, 0) > 0;
}

static void serve(struct sk_line_item *i, bool late)
{
	struct visit *v = (struct visit *)i;
	struct sk_api_request r = request_of(v);

	if (!late) {
		answer(v, &r);
		if (v->out.begun && is_gone(v->connection))
			sk_api_unheard(v->server->api, &v->out);
	} else {
		v->refused = v->answered = true;
		sk_api_fail_as(&v->out, 503, SNEK_EAGAIN, "this gateway is "
		    "stopping; nothing was done", NULL);
	}
	MHD_resume_connection(v->connection);
}

static void suspend(struct sk_line_item *i)
{
	MHD_suspend_connection(((struct visit *)i)->connection);
}

/* ---- the library's callbacks ---- */

struct query {
	struct sk_buf b;
	bool nomem;
};

static enum MHD_Result append_query(void *arg, enum MHD_ValueKind kind,
    const char *name, const char *value)
{
	struct query *q = arg;

	(void)kind;
	if (!*name && !value)
		return MHD_YES;         /* between two &, or behind the last */
	if (q->b.n && !sk_buf_byte(&q->b, '&'))
		q->nomem = true;
	else if (!sk_buf_printf(&q->b, "%s=%s", name, value ? value : ""))
		q->nomem = true;
	return q->nomem ? MHD_NO : MHD_YES;
}

/* The library has taken the query apart, and decoded nothing of it. */
static bool take_query(struct MHD_Connection *c, char **out)
{
	struct query q = { .nomem = false };

	if (MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, append_query,
	    &q) && (q.nomem || !sk_buf_byte(&q.b, 0))) {
		sk_buf_free(&q.b);
		return false;
	}
	*out = q.b.p;
	return true;
}

static enum MHD_Result take_header(void *arg, enum MHD_ValueKind kind,
    const char *name, const char *value)
{
	(void)kind;
	sk_gate_take(arg, name, value ? value : "");
	return MHD_YES;
}

static void free_visit(struct visit *v)
{
	__atomic_sub_fetch(&v->server->held, v->held, __ATOMIC_RELAXED);
	sk_buf_free(&v->body);
	free(v->query);
	sk_api_response_free(&v->out);
	free(v);
}

/* A request may name all of the URL, as if we were a proxy. */
static const char *path_of(const char *url)
{
	const char *at = strstr(url, "://");

	if (*url == '/' || !at)
		return url;
	at += 3;
	at += strcspn(at, "/");
	return *at ? at : "/";
}

static struct visit *new_visit(struct sk_server *s, struct MHD_Connection *c,
    const char *url, const char *method)
{
	struct visit *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->server = s;
	v->connection = c;
	v->began = sk_clock_ms();
	v->path = path_of(url);
	v->method = method;
	if (!take_query(c, &v->query)) {
		free_visit(v);
		return NULL;
	}
	sk_guest_await(guest_of(c), 0);
	__atomic_add_fetch(&s->open, 1, __ATOMIC_SEQ_CST);
	return v;
}

/* Who is sending a body hears no answer before its end, but a closed connection,
 * unless he waits to be told to go on (RFC 9112 9.6, RFC 9110 10.1.1). */
static enum MHD_Result refuse_head(struct visit *v, const struct sk_gate_head *h,
    int status, int code, const char *why)
{
	uint64_t n = h->length ? strtoull(h->length, NULL, 10) : 0;

	if (h->expect || (!n && !h->coding) || n / 2 > v->server->o.max_body)
		return refuse(v, status, code, why);
	v->status = status;
	v->code = code;
	v->why = why;
	return MHD_YES;
}

/* The head is there: may the rest come? */
static enum MHD_Result look_at_head(struct visit *v, bool needs_host)
{
	struct sk_server *s = v->server;
	struct sk_gate_head h = { .needs_host = needs_host };
	const char *why;

	MHD_get_connection_values(v->connection, MHD_HEADER_KIND, take_header, &h);
	v->type = h.type ? h.type : "";
	why = sk_gate_doubt(&h);
	if (why)
		return refuse(v, 400, SNEK_EFORMAT, why);
	why = sk_gate_check(&h, s->token, s->o.local);
	if (why)
		return refuse_head(v, &h, s->token ? 401 : 403, SNEK_EACCES, why);
	if (!sk_api_reads(h.content_coding))
		return refuse_head(v, &h, 415, SNEK_EINVAL, SK_API_CODINGS);
	if (h.length && strtoull(h.length, NULL, 10) > s->o.max_body)
		return refuse_head(v, &h, 413, SNEK_ELIMIT, TOO_LARGE);
	return MHD_YES;
}

/* Is there room for so much more of a body?  It counts from now on. */
static bool hold(struct visit *v, size_t n)
{
	struct sk_server *s = v->server;

	v->held += n;
	return __atomic_add_fetch(&s->held, n, __ATOMIC_RELAXED) <=
	    HELD * s->o.max_body;
}

static void let_go(struct visit *v)
{
	__atomic_sub_fetch(&v->server->held, v->held, __ATOMIC_RELAXED);
	v->held = 0;
	sk_buf_free(&v->body);
}

static enum MHD_Result take_body(struct visit *v, const char *data, size_t *n)
{
	struct sk_server *s = v->server;
	size_t len = *n;

	*n = 0;
	v->taken += len;
	if (sk_clock_ms() - v->began > (int64_t)s->o.patience_s * 1000 ||
	    v->taken / 2 > s->o.max_body)
		return MHD_NO;          /* it never ends: no word helps */
	if (v->taken > s->o.max_body || v->crowded || v->why)
		return MHD_YES;         /* read past, then refused */
	if (!hold(v, len)) {
		v->crowded = true;
		let_go(v);
		return MHD_YES;
	}
	return sk_buf_put(&v->body, data, len) ? MHD_YES : MHD_NO;
}

static enum MHD_Result body_is_whole(struct visit *v)
{
	struct sk_api_request r = request_of(v);

	sk_guest_busy(guest_of(v->connection));
	if (v->answered)
		return queue(v);        /* a worker's answer, on its way */
	if (v->why)
		return refuse(v, v->status, v->code, v->why);
	if (v->taken > v->server->o.max_body)
		return refuse(v, 413, SNEK_ELIMIT, TOO_LARGE);
	if (v->crowded)
		return refuse(v, 503, SNEK_EAGAIN, "too much is being written "
		    "already");
	if (sk_api_is_slow(v->server->api, &r))
		return sk_line_up(v->server->line, &v->in_line, suspend) ?
		    MHD_YES : refuse(v, 503, SNEK_EAGAIN,
		    "too many requests wait already");
	answer(v, &r);
	return queue(v);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *c,
    const char *url, const char *method, const char *version,
    const char *data, size_t *n, void **slot)
{
	struct visit *v = *slot;

	if (!v) {
		v = new_visit(arg, c, url, method);
		*slot = v;
		return v ? look_at_head(v, !strcmp(version, "HTTP/1.1"))
		    : MHD_NO;
	}
	return *n ? take_body(v, data, n) : v->refused ? MHD_YES :
	    body_is_whole(v);
}

static void ended(void *arg, struct MHD_Connection *c, void **slot,
    enum MHD_RequestTerminationCode why)
{
	struct sk_server *s = arg;
	struct visit *v = *slot;

	if (!v)
		return;
	if (why != MHD_REQUEST_TERMINATED_COMPLETED_OK)
		sk_api_unheard(s->api, &v->out);
	sk_guest_await(guest_of(c), 0);
	free_visit(v);
	*slot = NULL;
	if (__atomic_sub_fetch(&s->open, 1, __ATOMIC_SEQ_CST) ||
	    !__atomic_load_n(&s->draining, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&s->lock);
	pthread_cond_broadcast(&s->idle);
	pthread_mutex_unlock(&s->lock);
}

static void came_or_went(void *arg, struct MHD_Connection *c, void **slot,
    enum MHD_ConnectionNotificationCode code)
{
	struct sk_server *s = arg;
	int fd = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED)
		sk_guest_leave(*slot);
	else if (!(*slot = sk_guest_enter(s->patience, fd)))
		shutdown(fd, SHUT_RDWR);
}

/* The path stays as it came: the API takes names out of it, then decodes. */
static size_t keep_encoded(void *arg, struct MHD_Connection *c, char *s)
{
	(void)arg;
	(void)c;
	return strlen(s);
}

/* ---- start and stop ---- */

static void forget(void *api)
{
	sk_api_forget(api);
}

static void defaults(struct sk_server_options *o)
{
	if (!o->threads)
		o->threads = (unsigned)get_nprocs();
	if (!o->workers)
		o->workers = 16;
	if (!o->connections)
		o->connections = 512;
	if (!o->max_body)
		o->max_body = SK_API_BODY;
	if (!o->patience_s)
		o->patience_s = 30;
	if (o->connections < o->threads)
		o->threads = o->connections;
}

static int start_daemon(struct sk_server *s, struct snek_error *e)
{
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD |
	    MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL, handle, s,
	    MHD_OPTION_LISTEN_SOCKET, s->o.fd,
	    MHD_OPTION_THREAD_POOL_SIZE, s->o.threads,
	    MHD_OPTION_CONNECTION_LIMIT, s->o.connections,
	    MHD_OPTION_CONNECTION_TIMEOUT, s->o.patience_s,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS,
	    MHD_OPTION_NOTIFY_COMPLETED, ended, s,
	    MHD_OPTION_NOTIFY_CONNECTION, came_or_went, s,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL,
	    MHD_OPTION_END);
	return s->daemon ? 0 : sk_fail_errno(e, "cannot serve");
}

static void free_server(struct sk_server *s)
{
	if (s->line)
		sk_line_end(s->line);
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	if (!s->daemon || s->quiet)
		close(s->o.fd);
	sk_line_free(s->line);
	sk_patience_free(s->patience);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	free(s->token);
	free(s);
}

int sk_server_start(struct sk_api *api, const struct sk_server_options *o,
    struct sk_server **out, struct snek_error *e)
{
	struct sk_server *s = calloc(1, sizeof(*s));
	pthread_condattr_t a;
	int rc = 0;

	if (!s)
		return sk_enomem(e);
	s->api = api;
	s->o = *o;
	defaults(&s->o);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&s->idle, &a);
	pthread_condattr_destroy(&a);
	s->token = o->token ? strdup(o->token) : NULL;
	if (o->token && !s->token)
		rc = sk_enomem(e);
	if (!rc)
		rc = sk_line_new(s->o.workers, s->o.workers * LINE_PER_WORKER,
		    serve, &s->line, e);
	if (!rc)
		rc = sk_patience_new(s->o.patience_s, forget, api,
		    &s->patience, e);
	if (!rc)
		rc = start_daemon(s, e);
	if (rc) {
		free_server(s);
		return rc;
	}
	*out = s;
	return 0;
}

/* Until no request is open.  How many are, but for those at work, which are
 * carried out whatever the time. */
static unsigned await_end(struct sk_server *s, unsigned seconds)
{
	struct timespec until;
	unsigned left, served;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&s->lock);
	while (__atomic_load_n(&s->open, __ATOMIC_SEQ_CST) && !rc)
		rc = pthread_cond_timedwait(&s->idle, &s->lock, &until);
	pthread_mutex_unlock(&s->lock);
	served = sk_line_served(s->line);
	left = __atomic_load_n(&s->open, __ATOMIC_SEQ_CST);
	return left > served ? left - served : 0;
}

unsigned sk_server_stop(struct sk_server *s, unsigned patience_s)
{
	unsigned left;

	/* Its number stays taken: a thread may still be at it. */
	s->quiet = MHD_quiesce_daemon(s->daemon) >= 0;
	if (s->quiet && !s->o.shared)
		shutdown(s->o.fd, SHUT_RDWR);
	sk_api_drain(s->api);
	__atomic_store_n(&s->draining, true, __ATOMIC_SEQ_CST);
	left = await_end(s, patience_s);
	sk_line_end(s->line);
	await_end(s, LAST_WORDS_S);
	free_server(s);
	return left;
}
