/* SPDX-License-Identifier: MIT */
/*
 * event.h - an attempt and its answer as JSON, for where payloads are JSON:
 * one flat object each way, in which what processes send each other (wire.h)
 * travels as parcels (parcel.h) in base64.
 *
 * An event says everything, for the next one may reach another machine:
 *
 *   snek        1, the version of all that is drawn here
 *   what        "task", "open", "smoke" or "ping"
 *   release     of who asks, for messages
 *   plugin      sha256 that the bundle's plugin must have (task, open, smoke)
 *   job         32 hex digits (task, open); stage, task, attempt: numbers
 *   left_ms     how long somebody waits; no clocks are compared
 *   keep        number of the shard that takes what no answer can carry;
 *               keep_s: seconds that it is kept; keep_all: true: all runs go
 *               there, for the next stage reads them there
 *   init        the INIT message, its plugins left out (task, open)
 *   source      the SOURCE message, where chunks or runs are fetched
 *   input       the TASK message: chunks and runs are in it, or named.  smoke: a
 *               FILES message, whose file is a chunk with a record of each type
 *   function    smoke, where the bundle's library is no plugin: a C function of
 *               it; signature, fields (task/call.h)
 *
 * Addresses in source are without file names, which mean nothing elsewhere, and
 * without user and password where the function has them in its environment
 * (SNEK_REDIS_USER, SNEK_REDIS_PASSWORD, SNEK_REDIS_CA_FILE ...): what an
 * address lacks is looked up there.  Else they travel in the event: it goes over
 * TLS, is kept by nobody, and is never logged by the worker, whereas a
 * function's environment can be read by everybody who may look at it, and
 * stays in every version of it.
 *
 * An answer:
 *
 *   snek, release, job, stage, task, attempt   as asked
 *   ms          that the attempt took
 *   answer      the DONE message; of "open" what worker.h calls opened
 *   log         lines of the op, in base64: u8 1 if it was printed, u32 level,
 *               text
 * or
 *   end, status, callback, chunk, row, text, at, trace   a struct sk_wire_death
 * or
 *   too_large   bytes that the answer would have; limit: that it may have
 * or
 *   code, error the request was refused, or its input could not be had; chunk:
 *               which of the attempt's
 * or
 *   ops         names, with ',' between; records; said: what the ops did not
 *               like of them, a line each; about: the plugin as
 *               sk_put_plugin has it, base64 (smoke)
 * or nothing more (ping).  A death comes as the error of its invocation, with
 * errorType and errorMessage beside, as does what the service says by itself.
 */
#ifndef SK_EVENT_H
#define SK_EVENT_H
#include "exec/parcel.h"
#include "value/json_read.h"

#define SK_EVENT_VERSION 1u
#define SK_EVENT_MAX 6291456u           /* bytes of an event */
#define SK_ANSWER_MAX 6291556u
#define SK_EVENT_TEXT 48u               /* release */

enum sk_event_what { SK_EVENT_TASK = 1, SK_EVENT_OPEN, SK_EVENT_SMOKE,
	SK_EVENT_PING };

struct sk_event_id {
	char job[33];
	uint32_t stage, task, attempt;
};

#define SK_KEEP_NOWHERE UINT32_MAX
struct sk_event_keep {
	uint32_t shard;                 /* SK_KEEP_NOWHERE: nowhere */
	uint32_t seconds;
	bool all;
};

/* ---- who asks ---- */

/* What all events of a job share, as text made once. */
typedef struct sk_event_job sk_event_job;

/* job and sha256: hex.  Of the executor's job its source, its op and its
 * arguments are used; they need not outlive this. */
int sk_event_job_new(const struct sk_exec_job *, const char *job,
    const char *sha256, sk_event_job **, struct snek_error *);
void sk_event_job_free(sk_event_job *);
/* Append the event of an attempt.  Chunks with bytes travel in it, others are
 * named.  SNEK_ELIMIT: it has more than SK_EVENT_MAX bytes; the buffer is as it
 * was.  One thread at a time. */
int sk_event_put(sk_event_job *, const struct sk_attempt *,
    const struct sk_event_keep *, int64_t left_ms, struct sk_buf *,
    struct snek_error *);
/* What asks the op of a job what it says of itself, opened with its
 * arguments. */
int sk_event_put_open(const struct sk_exec_job *, const char *job,
    const char *sha256, int64_t left_ms, struct sk_buf *, struct snek_error *);
/* Bytes of chunks (each counted with SK_EVENT_A_CHUNK more, a record that is
 * left out with 8) that surely fit in one event. */
#define SK_EVENT_A_CHUNK 192u
size_t sk_event_room(const sk_event_job *);

/* event_smoke.c.  call: NULL, or of the bundle's library. */
int sk_event_put_smoke(const char *sha256, const struct sk_call *call,
    struct sk_buf *, struct snek_error *);
bool sk_event_put_ping(struct sk_buf *);

enum sk_answer_kind {
	SK_ANSWER_DONE = 1,             /* message: for sk_get_outcome */
	SK_ANSWER_DIED,                 /* death */
	SK_ANSWER_TOO_LARGE,            /* bytes, limit */
	SK_ANSWER_REFUSED,              /* error, chunk */
	SK_ANSWER_SMOKE,                /* ops, records, said */
	SK_ANSWER_PONG,
	SK_ANSWER_FOREIGN,              /* the service's own: type, said */
};
struct sk_answer_got {
	enum sk_answer_kind kind;
	struct sk_event_id id;
	char release[SK_EVENT_TEXT];
	uint64_t ms;
	struct sk_message message;
	struct sk_buf log;              /* sk_event_log_next */
	struct sk_wire_death death;
	uint64_t bytes, limit;
	struct snek_error error;        /* REFUSED */
	uint32_t chunk;                 /* UINT32_MAX: of none */
	uint64_t records;
	char type[64];
	char ops[1024], said[4096];     /* cut, and fit to print */
	struct sk_buf about;            /* of a plugin; n 0: it was not told */
};
/* Takes any bytes for an answer apart.  SNEK_EFORMAT: they are none, and the
 * text says in which way; SNEK_EVERSION; SNEK_ENOMEM.  Nothing is to be freed
 * then. */
int sk_answer_get(sk_json_reader *, struct sk_span, struct sk_answer_got *,
    struct snek_error *);
void sk_answer_got_free(struct sk_answer_got *);

struct sk_event_line {
	bool printed;
	int level;
	char text[1200];                /* fit to print */
};
/* false: no more. */
bool sk_event_log_next(struct sk_get *, struct sk_event_line *);

/* ---- who is asked ---- */

struct sk_event {                       /* texts and spans are the reader's */
	enum sk_event_what what;
	struct sk_event_id id;
	char release[SK_EVENT_TEXT];
	char plugin[65];
	int64_t left_ms;
	struct sk_event_keep keep;
	struct sk_span init, source, input;     /* base64; n 0: none */
	char function[256], signature[256], fields[1024];       /* or "" */
};
/* Until the reader reads again.  SNEK_EFORMAT, SNEK_ELIMIT, SNEK_EVERSION: the
 * text says what is to be done; what could be read of the id is there. */
int sk_event_get(sk_json_reader *, struct sk_span, struct sk_event *,
    struct snek_error *);
/* One of its three; kind: what it must be. */
int sk_event_parcel(struct sk_span base64, uint32_t kind, struct sk_message *,
    struct snek_error *);

void sk_event_log_put(struct sk_put *, const struct sk_event_line *);

/* Append the beginning of an answer: '{' and who it is of; then one of these,
 * which ends it. */
bool sk_answer_begin(struct sk_buf *, const struct sk_event_id *, uint64_t ms);
/* SNEK_ELIMIT: with it the buffer would have more than SK_ANSWER_MAX bytes, so
 * many; it is as it was.  log: may be empty, and is left out before it is too
 * much. */
int sk_answer_done(struct sk_buf *, const struct sk_message *,
    struct sk_span log, uint64_t *bytes, struct snek_error *);
bool sk_answer_too_large(struct sk_buf *, uint64_t bytes, uint64_t limit);
bool sk_answer_refused(struct sk_buf *, const struct snek_error *,
    uint32_t chunk);
bool sk_answer_smoke(struct sk_buf *, const char *ops, uint64_t records,
    const char *said, struct sk_span about);
bool sk_answer_pong(struct sk_buf *);
#endif
