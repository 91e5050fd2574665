/* SPDX-License-Identifier: MIT */
/*
 * http.h - HTTP requests, any number at once, from one thread.  Connections
 * are kept; redirects are answers, never followed; what an answer may be is
 * bounded before memory is.
 */
#ifndef SK_HTTP_H
#define SK_HTTP_H
#include "aws/header.h"
#include "base/buf.h"
#include "base/err.h"

struct sk_http;
struct sk_http_call;

struct sk_http_options {
	uint32_t connections;           /* at once; more calls wait their turn */
	const char *ca_file;            /* PEM; NULL: the system's */
	const char *agent;
};

struct sk_http_request {
	const char *method, *url;
	const struct sk_aws_header *header;
	size_t headers;
	struct sk_span body;            /* the caller's until the call has ended */
	size_t max_reply;
	int64_t timeout_ms, connect_ms; /* from its turn on */
};

struct sk_http_reply {
	/* 0: an answer came; else SNEK_EAGAIN (no connection, or a lost one),
	 * ETIMEDOUT, EACCES (a certificate), ELIMIT, EFORMAT, EINVAL ... */
	int code;
	struct snek_error error;
	bool sent;                      /* the other end may have it */
	uint32_t status;
	struct sk_buf body;
	struct sk_buf headers;          /* name NUL value NUL ...; in lower case */
};

int sk_http_open(const struct sk_http_options *, struct sk_http **,
    struct snek_error *);
/* Calls under way are dropped. */
void sk_http_close(struct sk_http *);

/* done is called from step, once, and owns the reply's buffers. */
int sk_http_begin(struct sk_http *, const struct sk_http_request *,
    void (*done)(void *arg, struct sk_http_reply *), void *arg,
    struct sk_http_call **, struct snek_error *);
void sk_http_cancel(struct sk_http *, struct sk_http_call *);
/* Until something ended, a wake, or until (sk_clock_ms); how many ended. */
int sk_http_step(struct sk_http *, int64_t until, bool *woken,
    struct snek_error *);
void sk_http_wake(struct sk_http *);    /* any thread; async-signal-safe */
#endif
