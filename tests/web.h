/* SPDX-License-Identifier: MIT */
/* web.h - an HTTP server on loopback, in a thread of its own: what it answers
 * is a function's to say. */
#ifndef TEST_WEB_H
#define TEST_WEB_H
#include <stdbool.h>
#include <stddef.h>

struct web;

struct web_request {
	const char *method, *target;    /* target: path and query, as sent */
	const char *head;               /* the header lines */
	const char *body;               /* with a NUL behind it */
	size_t body_n;
	unsigned number;                /* of the server's requests, from 0 */
	unsigned connection;            /* which, from 0 */
};

/* Zeroed: 200 and no body. */
struct web_answer {
	unsigned status;
	const char *headers;            /* lines, each with its \r\n */
	const char *body;
	size_t body_n;                  /* 0: strlen(body) */
	bool raw;                       /* body is all that is sent */
	bool drop;                      /* the connection ends, after raw bytes */
	int delay_ms;
	unsigned hold;                  /* no answer until so many wait */
};

/* In the server's thread.  What the answer points at lives on. */
typedef void web_handler(void *arg, const struct web_request *,
    struct web_answer *);

struct web *web_start(web_handler *, void *arg);
struct web *web_start_at(const char *address, int port, web_handler *, void *arg);
void web_stop(struct web *);
const char *web_url(const struct web *);        /* http://ADDRESS:PORT */
unsigned web_requests(const struct web *);
unsigned web_connections(const struct web *);
unsigned web_peak(const struct web *);          /* open at once */

/* The value of a header, or NULL; lives until the next call in the thread. */
const char *web_header(const struct web_request *, const char *name);
#endif
