/* SPDX-License-Identifier: MIT */
/* parts.h - what the handlers of the API share; private to core/api. */
#ifndef SK_API_PARTS_H
#define SK_API_PARTS_H
#include <pthread.h>
#include <snek/snek.h>

#include "api/api.h"
#include "api/client.h"
#include "api/figures.h"
#include "api/jobs.h"
#include "api/kept.h"
#include "api/object.h"
#include "api/page.h"
#include "api/uploads.h"
#include "base/clock.h"
#include "value/json_read.h"

#define SK_API_HANDLES 64u      /* open clusters that are kept for the next */
#define SK_API_AGE_MS 30000     /* how often all are opened anew: the cluster
				 * may have got more shards */

#define SK_API_SIZES 1024u
struct sk_api_size {                    /* of a category, when it was looked at */
	char category[192];
	int64_t at;                     /* ms; 0: never */
	bool small;
};

struct sk_api {
	struct sk_api_options o;
	char *cluster, *tmp, *on;
	struct sk_told *told;
	struct sk_api_size size[SK_API_SIZES];  /* by a hash of the name */
	pthread_mutex_t lock;
	snek_cluster *idle[SK_API_HANDLES];
	struct sk_moment renewed;
	unsigned idles;
	bool here;                      /* the cluster is a directory: looking
					 * into it waits for nobody */
	bool draining;                  /* with __atomic */
	struct sk_api_jobs jobs;
	struct sk_api_uploads uploads;
};

/* A request on its way: names of the path and what its query says. */
#define SK_API_NAMES 2
struct sk_api_call {
	struct sk_api *api;
	const struct sk_api_request *request;
	struct sk_api_response *out;
	char name[SK_API_NAMES][192];   /* what stands for * in the route */
};

/* A cluster of one's own for a while; give takes it back. */
int sk_api_take(struct sk_api *, snek_cluster **, struct snek_error *);
void sk_api_give(struct sk_api *, snek_cluster *);
/* All that nobody has are opened anew before the next is taken. */
void sk_api_renew(struct sk_api *);
/* The same, for what looks at much: it ends when an answer must be there, with
 * SNEK_ELIMIT. */
int sk_api_take_for_a_while(struct sk_api *, snek_cluster **,
    struct snek_error *);

/* A parameter of the query, decoded: 1; 0: it is not there, and empty.
 * SNEK_EINVAL: no text, or longer than the room for it. */
int sk_api_parameter(const struct sk_api_request *, const char *name,
    char *to, size_t room, struct snek_error *);
/* SNEK_EINVAL: the query has others than these, with blanks between. */
int sk_api_check_parameters(const struct sk_api_request *, const char *known,
    struct snek_error *);
/* A whole number among the parameters; otherwise when it is not there.
 * SNEK_EINVAL. */
int sk_api_number(const struct sk_api_request *, const char *name,
    uint64_t otherwise, uint64_t *, struct snek_error *);
/* Seconds, with a fraction if need be, as milliseconds, at most so many; 0 when
 * it is not there.  SNEK_EINVAL. */
int sk_api_seconds(const struct sk_api_request *, const char *name,
    unsigned most_ms, unsigned *ms, struct snek_error *);
/* Percent-decode n bytes into room; false: no such text, or no room. */
bool sk_api_decode(const char *, size_t n, bool plus, char *to, size_t room);
/* What an error (0: none) makes of the response. */
void sk_api_end(struct sk_api_call *, int rc, const struct snek_error *);

/* The body as one JSON object; the reader (to be freed either way) holds it. */
int sk_api_object(const struct sk_api_request *, sk_json_reader **,
    struct sk_record *, struct snek_error *);
/* A member that is a string without a NUL, copied; NULL when it is not there.
 * SNEK_EINVAL: of another type, or missing although needed. */
int sk_api_text(const struct sk_record *, const char *name, bool needed,
    char **, struct snek_error *);

void sk_api_receipt(struct sk_buf *, const char *category,
    const struct snek_receipt *, struct snek_error *);
/* How a write is to be done, as the request's query says, or the type of its
 * body. */
struct sk_api_writing {
	char id[260], durability[32];   /* "": none */
	enum snek_duplicates duplicates;
	enum snek_format format;
	const char *name;               /* of the input, for messages; a type of
					 * JSON is told by it */
};
int sk_api_writing(const struct sk_api_request *, struct sk_api_writing *,
    struct snek_error *);
int sk_api_writer_open(struct sk_api *, snek_cluster *, const char *category,
    const struct sk_api_writing *, snek_writer **, struct snek_error *);
/* Which page is asked for, 1 if none is named, and milliseconds that the
 * question may wait. */
int sk_api_page_asked(struct sk_api_call *, uint64_t *page, unsigned *ms,
    struct snek_error *);
/* Begin a job's object, as the answer with a status; it is to be ended. */
void sk_api_begin_job(struct sk_api_call *, struct sk_object *, const char *id,
    const char *state, int status);
/* Answer that the job of the path is dropped, or why not. */
void sk_api_end_drop(struct sk_api_call *, int rc, const struct snek_error *);
/* Answer a query of Snekboop's: get appends the elements of page n. */
int sk_api_put_old(struct sk_api_call *, uint64_t pages,
    int (*get)(void *, uint64_t n, struct sk_buf *, struct snek_error *),
    void *, struct snek_error *);
int sk_api_old_late(struct snek_error *);
/* Everything that could refuse the write later is tried now. */
int sk_api_try_writer(struct sk_api *, const char *category,
    const struct sk_api_writing *, struct snek_error *);
/* How a write in parts is done, by the query that began it. */
int sk_api_parts_writing(const char *query, const char *id,
    struct sk_api_writing *, struct snek_error *);
int sk_api_read_body(snek_writer *, const struct sk_api_writing *,
    struct sk_span, struct snek_error *);
/* There is no write in parts of such an id. */
int sk_api_no_write(struct snek_error *);
/* The number of a part, from 1. */
int sk_api_part_number(const char *, size_t *, struct snek_error *);
/* How many parts a commit says there are, from 1. */
int sk_api_parts_said(const struct sk_api_request *, size_t *,
    struct snek_error *);
/* A repeat that says another number of them than the commit did. */
int sk_api_other_parts(size_t said, struct snek_error *);
/* What is answered about a part that is there, and to the beginning. */
void sk_api_put_part(struct sk_api_call *, size_t n);
void sk_api_put_begun(struct sk_api_call *, const char *id,
    uint64_t most_bytes);
/* A visit that puts a job's name into a list. */
int sk_api_put_name(void *object, const char *id);
/* The journal of a cluster's jobs; it lives as long as the handle at most. */
struct sk_journal;
int sk_api_journal(snek_cluster *, struct sk_journal **, struct snek_error *);

/* ---- the handlers ---- */

void sk_api_about(struct sk_api_call *);
void sk_api_health(struct sk_api_call *);
void sk_api_cluster(struct sk_api_call *);
void sk_api_category_compact(struct sk_api_call *);
void sk_api_categories(struct sk_api_call *);
void sk_api_category(struct sk_api_call *);
void sk_api_category_remove(struct sk_api_call *);
void sk_api_records(struct sk_api_call *);
void sk_api_paths(struct sk_api_call *);
void sk_api_category_stat(struct sk_api_call *);
void sk_api_stat(struct sk_api_call *);
void sk_api_gc(struct sk_api_call *);
void sk_api_functions(struct sk_api_call *);
void sk_api_function(struct sk_api_call *);
void sk_api_write(struct sk_api_call *);
void sk_api_write_begin(struct sk_api_call *);
void sk_api_write_part(struct sk_api_call *);
void sk_api_write_commit(struct sk_api_call *);
void sk_api_write_drop(struct sk_api_call *);
void sk_api_query(struct sk_api_call *);
void sk_api_job_list(struct sk_api_call *);
void sk_api_job(struct sk_api_call *);
void sk_api_job_drop(struct sk_api_call *);
void sk_api_job_results(struct sk_api_call *);
void sk_api_old_write(struct sk_api_call *);
void sk_api_old_query(struct sk_api_call *);
void sk_api_registry(struct sk_api_call *);
void sk_api_registry_get(struct sk_api_call *);
void sk_api_registry_put(struct sk_api_call *);
void sk_api_registry_remove(struct sk_api_call *);
#endif
