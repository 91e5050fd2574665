/* SPDX-License-Identifier: MIT */
/*
 * http.h - an answer of HTTP/1.1, taken apart as its bytes come in.  No I/O:
 * whoever reads puts bytes in and asks whether that was all.
 */
#ifndef SK_WORKER_HTTP_H
#define SK_WORKER_HTTP_H
#include "base/buf.h"
#include "base/err.h"

#define SK_HTTP_HEAD 65536u             /* most bytes of a head */

enum sk_http_at {
	SK_HTTP_IN_HEAD, SK_HTTP_IN_BODY, SK_HTTP_TO_CLOSE, SK_HTTP_IN_SIZE,
	SK_HTTP_IN_CHUNK, SK_HTTP_IN_TRAILER, SK_HTTP_WHOLE,
};

struct sk_http {                        /* zeroed, but for max */
	size_t max;                     /* bytes of a body */
	struct sk_buf in;               /* as it came; what is chunked becomes
	                                 * whole in its place */
	enum sk_http_at at;
	size_t taken;                   /* bytes of in that were looked at */
	size_t head, body;              /* where the head and the body end */
	uint64_t left;                  /* of the body, or of its chunk */
	unsigned status;
	bool close;                     /* it was the last on its connection */
};

/* Ready for the next answer; memory is kept, unless it is much. */
void sk_http_begin(struct sk_http *);
/* At least so many bytes should be asked for now; they go to in.p + in.n, and
 * are counted in in.n.  SNEK_ENOMEM. */
int sk_http_room(struct sk_http *, size_t *n);
/* After bytes came: 1: it is whole; 0: there is more to it; SNEK_EFORMAT,
 * SNEK_ELIMIT (over max: the status and the headers are there). */
int sk_http_take(struct sk_http *, struct snek_error *);
/* The connection ended: 1: so did the answer; SNEK_EIO: it is cut. */
int sk_http_end(struct sk_http *);

struct sk_span sk_http_body(const struct sk_http *);
/* The first header of that name, in lower case, whatever its case there; p
 * NULL: none. */
struct sk_span sk_http_header(const struct sk_http *, const char *name);
void sk_http_free(struct sk_http *);
#endif
