/* SPDX-License-Identifier: MIT */
/* api.c - from a request to its handler. */
#include "api/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "api/upload_dir.h"
#include "base/clock.h"
#include "base/hash.h"
#include "config.h"
#include "base/told.h"
#include "handle.h"
#include "store/journal.h"
#include "store/redis.h"

/* ---- responses ---- */

void sk_api_response_free(struct sk_api_response *r)
{
	sk_buf_free(&r->body);
}

/* The status for a code; RFC 9110 has the words. */
static int status_of(int code)
{
	switch (code) {
	case SNEK_EINVAL:
	case SNEK_ETYPE:
	case SNEK_EFORMAT:    return 400;
	case SNEK_EACCES:     return 403;
	case SNEK_ENOENT:     return 404;
	case SNEK_EEXIST:
	case SNEK_ECANCELED:
	case SNEK_ECONFLICT:  return 409;
	case SNEK_ELIMIT:     return 413;
	case SNEK_EPLUGIN:
	case SNEK_EABI:       return 422;
	case SNEK_EAGAIN:     return 503;
	case SNEK_EUNKNOWN:
	case SNEK_ETIMEDOUT:  return 504;
	default:              return 500;
	}
}

void sk_api_fail_as(struct sk_api_response *r, int status, int code,
    const char *text, const char *hint)
{
	struct sk_object j;

	r->status = status;
	r->type = "application/json";
	r->body.n = 0;
	if (status == 429 || status == 503)
		r->retry_after_s = 1;
	sk_object_begin(&j, &r->body, "error");
	sk_object_text(&j, "code", sk_error_name(code));
	sk_object_text(&j, "message", text);
	sk_object_text(&j, "hint", hint);
	sk_object_end(&j);
	if (j.nomem)
		r->body.n = 0;          /* the status says it */
}

void sk_api_fail(struct sk_api_response *r, int code, const char *text,
    const char *hint)
{
	sk_api_fail_as(r, status_of(code), code, text, hint);
}

#define YOUNG_MS 1000                   /* or a full house would do nothing else */

/* The cluster may have got more shards. */
static void doubt(struct sk_api *a)
{
	bool old;

	pthread_mutex_lock(&a->lock);
	old = sk_moment_age(a->renewed, sk_moment_now()) > YOUNG_MS;
	pthread_mutex_unlock(&a->lock);
	if (old)
		sk_api_renew(a);
}

void sk_api_end(struct sk_api_call *c, int rc, const struct snek_error *e)
{
	if (rc == SNEK_EAGAIN)
		doubt(c->api);
	c->out->locked_out = rc < 0 && sk_redis_says_login(e);
	if (rc < 0)
		sk_api_fail(c->out, rc, e->code && *e->text ? e->text :
		    sk_strerror(rc), NULL);
}

/* ---- clusters: a handle is one thread's at a time ---- */

/* All idle ones, now and then; with the lock, which is let go meanwhile. */
static void close_idle(struct sk_api *a)
{
	snek_cluster *old[SK_API_HANDLES];
	unsigned n = a->idles;

	memcpy(old, a->idle, n * sizeof(old[0]));
	a->idles = 0;
	a->renewed = sk_moment_now();
	pthread_mutex_unlock(&a->lock);
	while (n)
		snek_cluster_close(old[--n]);
	pthread_mutex_lock(&a->lock);
}

void sk_api_renew(struct sk_api *a)
{
	static const struct sk_moment never;

	pthread_mutex_lock(&a->lock);
	a->renewed = never;
	pthread_mutex_unlock(&a->lock);
}

int sk_api_take(struct sk_api *a, snek_cluster **out, struct snek_error *e)
{
	int rc;

	*out = NULL;
	pthread_mutex_lock(&a->lock);
	if (sk_moment_age(a->renewed, sk_moment_now()) > SK_API_AGE_MS)
		close_idle(a);
	if (a->idles)
		*out = a->idle[--a->idles];
	pthread_mutex_unlock(&a->lock);
	rc = *out ? 0 : snek_cluster_open(a->cluster, out, e);
	if (!rc && (*out)->cat) {
		(*out)->cat->bare = a->o.bare;
		(*out)->cat->told = a->told;
	}
	return rc;
}

int sk_api_take_for_a_while(struct sk_api *a, snek_cluster **out,
    struct snek_error *e)
{
	int rc = sk_api_take(a, out, e);

	if (!rc && (*out)->cat)
		(*out)->cat->until = sk_clock_ms() + a->o.wait_ms;
	return rc;
}

void sk_api_give(struct sk_api *a, snek_cluster *c)
{
	if (!c)
		return;
	if (c->cat)
		c->cat->until = 0;
	pthread_mutex_lock(&a->lock);
	if (a->idles < SK_API_HANDLES) {
		a->idle[a->idles++] = c;
		c = NULL;
	}
	pthread_mutex_unlock(&a->lock);
	snek_cluster_close(c);
}

int sk_api_journal(snek_cluster *c, struct sk_journal **out,
    struct snek_error *e)
{
	int rc = sk_need_cluster(c, e);

	if (rc)
		return rc;
	return c->cat->servers ? sk_journal_open_redis(c->cat->meta, out, e) :
	    sk_journal_open_dir(c->cat->where, out, e);
}

int sk_api_put_name(void *object, const char *id)
{
	struct sk_object *o = object;

	sk_object_open(o, NULL, '{');
	sk_object_text(o, "job", id);
	sk_object_close(o, '}');
	return o->nomem ? SNEK_ENOMEM : 0;
}

/* ---- bodies ---- */

int sk_api_object(const struct sk_api_request *r, sk_json_reader **json,
    struct sk_record *out, struct snek_error *e)
{
	struct sk_json_options o = { 0 };
	size_t at = 0;
	int rc;

	*json = NULL;
	if (!r->body.n)
		return sk_fail(e, SNEK_EINVAL, "a JSON object is wanted as the "
		    "body");
	if (sk_json_reader_new(&o, json))
		return sk_enomem(e);
	rc = sk_json_read(*json, r->body.p, r->body.n, out, &at, e);
	if (rc)
		return sk_fail_in(e, rc, "body, byte %zu", at);
	return out->object ? 0 : sk_fail(e, SNEK_EINVAL, "the body is to be a "
	    "JSON object");
}

int sk_api_text(const struct sk_record *r, const char *name, bool needed,
    char **out, struct snek_error *e)
{
	struct snek_value v = sk_object_member(r, name);

	*out = NULL;
	if (v.type == SNEK_NONE || v.type == SNEK_NULL)
		return needed ? sk_fail(e, SNEK_EINVAL, "the body lacks \"%s\"",
		    name) : 0;
	if (v.type != SNEK_STRING || memchr(v.as.s, 0, v.len))
		return sk_fail(e, SNEK_EINVAL, "\"%s\" is to be a string", name);
	*out = strndup(v.as.s, v.len);
	return *out ? 0 : sk_enomem(e);
}

/* ---- routes ---- */

/* How long an answer may take. */
enum pace {
	AT_ONCE,                        /* no store is asked */
	META,                           /* a look at the meta store */
	LIST,                           /* the same, at so many categories */
	RECORDS,                        /* or records */
	SLOW,
};

#define WRITE "request_id durability duplicates format"
static const struct sk_api_route {
	const char *method, *path;      /* "*": a name */
	void (*answer)(struct sk_api_call *);
	enum pace pace;
	const char *parameters;         /* that there are; NULL: any */
	void (*kept)(struct sk_api_call *);     /* where jobs are kept */
} routes[] = {
	{ "GET", "/v1", sk_api_about, AT_ONCE, "", NULL },
	{ "GET", "/v1/cluster", sk_api_cluster, LIST, "", NULL },
	{ "GET", "/v1/health", sk_api_health, SLOW, "", NULL },
	{ "GET", "/v1/stat", sk_api_stat, SLOW, "", NULL },
	{ "POST", "/v1/gc", sk_api_gc, SLOW, "grace", NULL },
	{ "GET", "/v1/categories", sk_api_categories, LIST, "", NULL },
	{ "GET", "/v1/categories/*", sk_api_category, META, "", NULL },
	{ "DELETE", "/v1/categories/*", sk_api_category_remove, SLOW, "", NULL },
	{ "POST", "/v1/categories/*/compact", sk_api_category_compact, SLOW,
	    "", NULL },
	{ "GET", "/v1/categories/*/records", sk_api_records, RECORDS,
	    "from limit", NULL },
	{ "GET", "/v1/categories/*/paths", sk_api_paths, SLOW, "records paths",
	    NULL },
	{ "GET", "/v1/categories/*/stat", sk_api_category_stat, SLOW, "", NULL },
	{ "POST", "/v1/categories/*/records", sk_api_write, SLOW, WRITE, NULL },
	{ "POST", "/v1/categories/*/writes", sk_api_write_begin, SLOW, WRITE,
	    sk_kept_write_begin },
	{ "PUT", "/v1/writes/*/parts/*", sk_api_write_part, SLOW, "",
	    sk_kept_write_part },
	{ "POST", "/v1/writes/*/commit", sk_api_write_commit, SLOW, "parts",
	    sk_kept_write_commit },
	{ "DELETE", "/v1/writes/*", sk_api_write_drop, SLOW, "",
	    sk_kept_write_drop },
	{ "POST", "/v1/query", sk_api_query, SLOW, "", sk_kept_query },
	{ "GET", "/v1/jobs", sk_api_job_list, AT_ONCE, "", sk_kept_list },
	{ "GET", "/v1/jobs/*", sk_api_job, AT_ONCE, "", sk_kept_job },
	{ "DELETE", "/v1/jobs/*", sk_api_job_drop, SLOW, "", sk_kept_drop },
	{ "GET", "/v1/jobs/*/results", sk_api_job_results, SLOW, "page wait",
	    sk_kept_results },
	{ "GET", "/v1/functions", sk_api_functions, SLOW, "", NULL },
	{ "GET", "/v1/functions/*", sk_api_function, SLOW, "", NULL },
	{ "GET", "/v1/registry", sk_api_registry, SLOW, "", NULL },
	{ "GET", "/v1/registry/*", sk_api_registry_get, SLOW, "", NULL },
	{ "PUT", "/v1/registry/*", sk_api_registry_put, SLOW, "", NULL },
	{ "DELETE", "/v1/registry/*", sk_api_registry_remove, SLOW, "", NULL },
	{ "POST", "/write", sk_api_old_write, SLOW, NULL, NULL },
	{ "POST", "/query", sk_api_old_query, SLOW, NULL, sk_kept_old_query },
};

#define USUAL 1000u                     /* bytes of an answer */
#define PAGE 4000u                      /* of one of records */
#define SMALL ((uint64_t)64 << 10)      /* bytes that are read in no time */
#define FEW 100u                        /* categories */
#define LOOK_MS 1000                    /* between two looks at how many */

/* Does a path follow a route, and with which names in it? */
static bool follows(const char *path, const char *route,
    char name[SK_API_NAMES][192])
{
	size_t n, i = 0;

	while (*route && *path) {
		if (*route != '*') {
			if (*route++ != *path++)
				return false;
			continue;
		}
		n = strcspn(path, "/");
		if (!n || !sk_api_decode(path, n, false, name[i++],
		    sizeof(name[0])))
			return false;
		path += n;
		route++;
	}
	return !*route && (!*path || !strcmp(path, "/"));
}

/* The answer to HEAD is that to GET; who sends it leaves the body out. */
static bool takes(const struct sk_api_route *route, const char *method)
{
	return !strcmp(method, route->method) ||
	    (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

static void add_method(char *list, size_t room, const char *method)
{
	size_t n = strlen(list);

	snprintf(list + n, room - n, "%s%s%s", n ? ", " : "", method,
	    strcmp(method, "GET") ? "" : ", HEAD");
}

static const struct sk_api_route *find(const struct sk_api_request *r,
    char name[SK_API_NAMES][192])
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (takes(&routes[i], r->method) &&
		    follows(r->path, routes[i].path, name))
			return &routes[i];
	return NULL;
}

/* The methods that the path takes, if there is such a path. */
static void list_methods(const char *path, char allow[SK_API_ALLOW])
{
	char name[SK_API_NAMES][192];
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (follows(path, routes[i].path, name))
			add_method(allow, SK_API_ALLOW, routes[i].method);
}

static int visit_size(void *arg, const struct snek_category_info *i)
{
	*(uint64_t *)arg = i->bytes;
	return 0;
}

static int count_few(void *arg, const struct snek_category_info *i)
{
	(void)i;
	return ++*(unsigned *)arg > FEW;
}

/* A category's records, or "": the list of categories. */
static bool look_if_small(struct sk_api *a, const char *category)
{
	uint64_t bytes = UINT64_MAX;
	unsigned n = 0;
	snek_cluster *c;

	if (!sk_api_take(a, &c, NULL) && *category)
		snek_category_find(c, category, visit_size, &bytes, NULL);
	else if (c && !snek_category_list(c, count_few, &n, NULL))
		bytes = 0;
	sk_api_give(a, c);
	return bytes <= SMALL;
}

/* A look costs as much as a small page: it is believed for a moment, in which
 * a category may grow by what makes one answer late. */
static bool is_small(struct sk_api *a, const char *category)
{
	size_t n = strlen(category), slot = sk_hash64(category, n, 0) % SK_API_SIZES;
	struct sk_api_size *s = &a->size[slot];
	int64_t now = sk_clock_coarse_ms();
	bool known, small;

	pthread_mutex_lock(&a->lock);
	known = now - s->at < LOOK_MS && !strcmp(s->category, category);
	small = s->small;
	pthread_mutex_unlock(&a->lock);
	if (known)
		return small;
	small = look_if_small(a, category);
	pthread_mutex_lock(&a->lock);
	snprintf(s->category, sizeof(s->category), "%s", category);
	s->at = now;
	s->small = small;
	pthread_mutex_unlock(&a->lock);
	return small;
}

bool sk_api_is_slow(struct sk_api *a, struct sk_api_request *r)
{
	char name[SK_API_NAMES][192];
	const struct sk_api_route *found = r->route = find(r, name);
	enum pace pace = found ? found->pace : AT_ONCE;

	if (a->here && (pace == RECORDS || pace == LIST) &&
	    is_small(a, pace == LIST ? "" : name[0]))
		return false;
	return pace > (a->here ? META : AT_ONCE);
}

static void refuse(const struct sk_api_request *r, struct sk_api_response *out)
{
	list_methods(r->path, out->allow);
	if (!strcmp(r->path, "*"))      /* what there is at all */
		snprintf(out->allow, SK_API_ALLOW, "GET, HEAD, POST, PUT, DELETE");
	if (*out->allow && !strcmp(r->method, "OPTIONS")) {
		out->status = 204;
		out->type = "";
	} else if (*out->allow) {
		sk_api_fail_as(out, 405, SNEK_EINVAL, "the path is there, but "
		    "not for this method", "GET /v1 lists what there is");
	} else {
		sk_api_fail(out, SNEK_ENOENT, "nothing answers at this path",
		    "GET /v1 lists what there is");
	}
}

/* Gzip is told by its first bytes; what is said otherwise would be taken for
 * text. */
bool sk_api_reads(const char *coding)
{
	return !coding || !*coding || !strcasecmp(coding, "identity") ||
	    !strcasecmp(coding, "gzip") || !strcasecmp(coding, "x-gzip");
}

void sk_api_answer(struct sk_api *a, const struct sk_api_request *r,
    struct sk_api_response *out)
{
	struct sk_api_call c = { .api = a, .request = r, .out = out };
	const struct sk_api_route *found = r->route;
	struct snek_error e = { 0 };

	if (!found || !follows(r->path, found->path, c.name))
		found = find(r, c.name);
	out->status = 200;
	out->type = "application/json";
	/* Without room it grows, or fails, later. */
	sk_buf_reserve(&out->body, found && found->pace == RECORDS ? PAGE : USUAL);
	if (!found) {
		refuse(r, out);
		return;
	}
	if (found->parameters &&
	    sk_api_check_parameters(r, found->parameters, &e))
		sk_api_end(&c, e.code, &e);
	else if (found->kept && a->o.kept)
		found->kept(&c);
	else
		found->answer(&c);
}

void sk_api_about(struct sk_api_call *c)
{
	struct sk_object j;
	char line[128];
	size_t i;

	sk_object_begin(&j, &c->out->body, "api");
	sk_object_text(&j, "version", PACKAGE_VERSION);
	sk_object_number(&j, "most_bytes", c->api->o.max_body);
	sk_object_open(&j, "routes", '[');
	for (i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		snprintf(line, sizeof(line), "%s %s", routes[i].method,
		    routes[i].path);
		sk_object_text(&j, NULL, line);
	}
	sk_object_close(&j, ']');
	sk_object_end(&j);
}

/* ---- open and close ---- */

static int defaults(struct sk_api *a, const struct sk_api_options *o,
    struct snek_error *e)
{
	const char *tmp = o->tmp ? o->tmp : getenv("TMPDIR");

	a->o = *o;
	a->cluster = o->cluster ? strdup(o->cluster) : NULL;
	a->tmp = strdup(tmp && *tmp ? tmp : "/tmp");
	a->on = o->on ? strdup(o->on) : NULL;
	if ((o->cluster && !a->cluster) || !a->tmp || (o->on && !a->on) ||
	    sk_told_new(&a->told))
		return sk_enomem(e);
	if (!o->max_reply)
		a->o.max_reply = 4u << 20;
	if (!o->wait_ms)
		a->o.wait_ms = 20000;
	if (!o->jobs)
		a->o.jobs = 8;
	if (!o->waits)
		a->o.waits = 8;
	if (!o->known)
		a->o.known = 256;
	if (!o->keep_s)
		a->o.keep_s = 3600;
	if (!o->max_body)
		a->o.max_body = SK_API_BODY;
	if (!o->max_record)
		a->o.max_record = 64u << 20;
	if (!o->max_parts)
		a->o.max_parts = (uint64_t)16 << 30;
	if (!o->max_unpacked)
		a->o.max_unpacked = (uint64_t)1 << 30;
	return 0;
}

int sk_api_open(const struct sk_api_options *o, struct sk_api **out,
    struct snek_error *e)
{
	struct sk_api *a = calloc(1, sizeof(*a));
	snek_cluster *c = NULL;
	int rc;

	if (!a)
		return sk_enomem(e);
	pthread_mutex_init(&a->lock, NULL);
	sk_api_jobs_init(&a->jobs);
	sk_api_uploads_init(&a->uploads);
	rc = defaults(a, o, e);
	if (!rc && access(a->tmp, W_OK | X_OK))
		rc = sk_fail_errno(e, "%s: no room for results (set --tmp or "
		    "TMPDIR)", a->tmp);
	if (!rc)
		rc = sk_api_take(a, &c, e);
	if (rc) {
		sk_api_close(a);
		return rc;
	}
	a->here = c->cat && !c->cat->servers;
	if (!a->o.kept)
		sk_upload_dir_sweep(a->tmp);
	sk_api_give(a, c);
	*out = a;
	return 0;
}

void sk_api_drain(struct sk_api *a)
{
	__atomic_store_n(&a->draining, true, __ATOMIC_SEQ_CST);
	sk_api_jobs_wake(&a->jobs);
}

void sk_api_forget(struct sk_api *a)
{
	sk_api_uploads_forget(a);
	sk_api_jobs_forget(a);
}

void sk_api_close(struct sk_api *a)
{
	if (!a)
		return;
	sk_api_jobs_end(&a->jobs);
	sk_api_uploads_end(&a->uploads);
	while (a->idles)
		snek_cluster_close(a->idle[--a->idles]);
	pthread_mutex_destroy(&a->lock);
	free(a->cluster);
	free(a->tmp);
	free(a->on);
	sk_told_free(a->told);
	free(a);
}
