/* SPDX-License-Identifier: MIT */
/*
 * api.h - the HTTP API: a request in, a response out.  No sockets in here: the
 * gateway (server.c) and API Gateway's events (event.c) are two doors to it.
 *
 *   GET    /v1                                what answers here
 *   GET    /v1/cluster                        its shape
 *   GET    /v1/stat                           how much there is, and where
 *   POST   /v1/gc                             free what nobody needs
 *   GET    /v1/categories                     all of them
 *   GET    /v1/categories/NAME                one, and its placement
 *   DELETE /v1/categories/NAME
 *   POST   /v1/categories/NAME/compact
 *   GET    /v1/categories/NAME/stat           how much of it lies where
 *   GET    /v1/categories/NAME/paths          what is in its records
 *   GET    /v1/categories/NAME/records        JSON lines, a page
 *   POST   /v1/categories/NAME/records        a write; answers its receipt
 *   POST   /v1/categories/NAME/writes         begin one in parts
 *   PUT    /v1/writes/ID/parts/N              part N = 1, 2 ...
 *   POST   /v1/writes/ID/commit               all of them, as one write
 *   DELETE /v1/writes/ID
 *   POST   /v1/query                          a result, or 202 and a job
 *   GET    /v1/jobs                           those that are kept
 *   GET    /v1/jobs/ID                        how it stands
 *   DELETE /v1/jobs/ID                        cancel and forget it
 *   GET    /v1/jobs/ID/results                a page of its result
 *   GET    /v1/functions, /v1/functions/NAME
 *   GET    /v1/registry, /v1/registry/NAME    records of functions (registry.h)
 *   PUT    /v1/registry/PLUGIN                register all of a plugin
 *   DELETE /v1/registry/NAME
 *   POST   /write, /query                     as Snekboop's clients call them
 *
 * Every answer but a page of records is one JSON object, {"snek":1,"kind":...};
 * an error has a code of snek-exit-status(7).
 */
#ifndef SK_API_H
#define SK_API_H
#include "base/buf.h"
#include "base/err.h"

struct sk_api_request {                 /* views, valid during the call */
	const char *method;             /* "GET"; "HEAD" gets the same answer,
					 * whose body is not to be sent */
	const char *path;               /* as it came, percent-encoded */
	const char *query;              /* the same; "" without one */
	const char *type;               /* of the body; "" when not said */
	struct sk_span body;
	const struct sk_api_route *route;       /* found by sk_api_is_slow; NULL:
					 * not looked for */
};

#define SK_API_ALLOW 48
#define SK_API_FROM 64                  /* three numbers, two dots */
struct sk_api_response {
	int status;
	const char *type;               /* of the body */
	char location[80];              /* "": none */
	char next[SK_API_FROM];         /* where the next page begins; "": none */
	unsigned retry_after_s;         /* 0: none */
	bool begun;                     /* it tells of a job that nobody else
					 * knows of */
	char allow[SK_API_ALLOW];       /* methods that the path takes; "": not
					 * said */
	bool locked_out;                /* a server took no password of ours */
	struct sk_buf body;
};
void sk_api_response_free(struct sk_api_response *);

#define SK_API_BODY ((size_t)64 << 20)

struct sk_kept_options;
struct sk_api_options {                 /* 0 and NULL: the default */
	const char *cluster;            /* as for snek_cluster_open */
	size_t max_reply;               /* bytes of a page; 4 MiB */
	unsigned wait_ms;               /* that a query may take before it is
					 * a job to ask about, and what looks at
					 * much at all; 20 s */
	unsigned jobs;                  /* that run at once; 8 */
	unsigned waits;                 /* requests that wait at once for one to
					 * end; others hear at once how it
					 * stands; 8 */
	unsigned known;                 /* that are kept; 256.  One more, and
					 * the one goes that was asked about
					 * before all others */
	unsigned keep_s;                /* an ended one, since it was asked
					 * about last; 3600 */
	uint64_t max_record, max_parts; /* bytes; 64 MiB, 16 GiB */
	uint64_t max_unpacked;          /* bytes that a body or a part that is
					 * gzip may become; 1 GiB */
	size_t max_body;                /* bytes that the door takes of one; 64
					 * MiB */
	const char *tmp;                /* for results and parts; $TMPDIR */
	const char *on;                 /* executor of queries; NULL: as snek's */
	bool bare;                      /* registered functions run in their
					 * Lambdas; what ships, in this process */
	const struct sk_kept_options *kept;     /* queries are kept jobs; NULL:
					 * they run in this process */
};

struct sk_api;
/* Opens the cluster once, so that a wrong one is found out here. */
int sk_api_open(const struct sk_api_options *, struct sk_api **,
    struct snek_error *);
/* Cancels jobs, waits for them.  Nothing is being answered any more. */
void sk_api_close(struct sk_api *);
/* Any thread.  The response (zeroed) is the caller's to free. */
void sk_api_answer(struct sk_api *, const struct sk_api_request *,
    struct sk_api_response *);
/* Nobody is there to hear the answer: what it has begun, ends. */
void sk_api_unheard(struct sk_api *, const struct sk_api_response *);
/* May its answer take long?  Then it is not for a thread that others need. */
bool sk_api_is_slow(struct sk_api *, struct sk_api_request *);
/* Queries end at once from now on, with what they have: a 202. */
void sk_api_drain(struct sk_api *);

/* What nobody has asked about for as long as it is kept goes: for who serves to
 * call now and then, from any thread. */
void sk_api_forget(struct sk_api *);

/* Can a body with this Content-Encoding (may be NULL) be read?  It is for the
 * doors to ask: 415. */
bool sk_api_reads(const char *coding);
#define SK_API_CODINGS "no other content encoding than gzip is understood"

/* One of our errors as a response, with the HTTP status for its code. */
void sk_api_fail(struct sk_api_response *, int code, const char *text,
    const char *hint);
/* The same with another status. */
void sk_api_fail_as(struct sk_api_response *, int status, int code,
    const char *text, const char *hint);
#endif
