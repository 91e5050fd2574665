/* SPDX-License-Identifier: MIT */
/* api.c - from a request to its handler. */
#include "api/parts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "config.h"
#include "handle.h"
#include "store/journal.h"

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

void sk_api_end(struct sk_api_call *c, int rc, const struct snek_error *e)
{
	if (rc < 0)
		sk_api_fail(c->out, rc, e->code && *e->text ? e->text :
		    sk_strerror(rc), NULL);
}

/* ---- clusters: a handle is one thread's at a time ---- */

/* All idle ones, now and then; with the lock, which is let go meanwhile. */
static void renew(struct sk_api *a)
{
	snek_cluster *old[SK_API_HANDLES];
	unsigned n = a->idles;

	memcpy(old, a->idle, n * sizeof(old[0]));
	a->idles = 0;
	a->renewed = sk_clock_ms();
	pthread_mutex_unlock(&a->lock);
	while (n)
		snek_cluster_close(old[--n]);
	pthread_mutex_lock(&a->lock);
}

int sk_api_take(struct sk_api *a, snek_cluster **out, struct snek_error *e)
{
	*out = NULL;
	pthread_mutex_lock(&a->lock);
	if (sk_clock_ms() - a->renewed > SK_API_AGE_MS)
		renew(a);
	if (a->idles)
		*out = a->idle[--a->idles];
	pthread_mutex_unlock(&a->lock);
	return *out ? 0 : snek_cluster_open(a->cluster, out, e);
}

void sk_api_give(struct sk_api *a, snek_cluster *c)
{
	if (!c)
		return;
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

/* ---- paths and queries ---- */

static int hex(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = (char)(ch | 32);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

bool sk_api_decode(const char *s, size_t n, bool plus, char *to, size_t room)
{
	size_t i, at = 0;
	int ch;

	for (i = 0; i < n; i++) {
		ch = (unsigned char)s[i];
		if (ch == '%') {
			if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				return false;
			ch = hex(s[i + 1]) << 4 | hex(s[i + 2]);
			i += 2;
		} else if (ch == '+' && plus) {
			ch = ' ';
		}
		if (!ch || at + 1 >= room)
			return false;
		to[at++] = (char)ch;
	}
	to[at] = '\0';
	return true;
}

bool sk_api_parameter(const struct sk_api_request *r, const char *name,
    char *to, size_t room)
{
	size_t n = strlen(name), len;
	const char *p;

	*to = '\0';
	for (p = r->query; *p; p += len + (p[len] == '&')) {
		len = strcspn(p, "&");
		if (len <= n || p[n] != '=' || strncmp(p, name, n))
			continue;
		if (sk_api_decode(p + n + 1, len - n - 1, true, to, room))
			return true;
		*to = '\0';
		return false;
	}
	return false;
}

int sk_api_number(const struct sk_api_request *r, const char *name,
    uint64_t otherwise, uint64_t *out, struct snek_error *e)
{
	char text[24], *end;

	*out = otherwise;
	if (!sk_api_parameter(r, name, text, sizeof(text)))
		return 0;
	*out = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || strlen(text) > 19)
		return sk_fail(e, SNEK_EINVAL, "%s is a whole number", name);
	return 0;
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

static const struct route {
	const char *method, *path;      /* "*": a name */
	void (*answer)(struct sk_api_call *);
	bool slow;
	void (*kept)(struct sk_api_call *);     /* where jobs are kept */
} routes[] = {
	{ "GET", "/v1", sk_api_about, false, NULL },
	{ "GET", "/v1/cluster", sk_api_cluster, false, NULL },
	{ "GET", "/v1/health", sk_api_health, true, NULL },
	{ "GET", "/v1/categories", sk_api_categories, true, NULL },
	{ "GET", "/v1/categories/*", sk_api_category, false, NULL },
	{ "DELETE", "/v1/categories/*", sk_api_category_remove, true, NULL },
	{ "POST", "/v1/categories/*/compact", sk_api_category_compact, true, NULL },
	{ "GET", "/v1/categories/*/records", sk_api_records, true, NULL },
	{ "POST", "/v1/categories/*/records", sk_api_write, true, NULL },
	{ "POST", "/v1/categories/*/writes", sk_api_write_begin, true, NULL },
	{ "PUT", "/v1/writes/*/parts/*", sk_api_write_part, true, NULL },
	{ "POST", "/v1/writes/*/commit", sk_api_write_commit, true, NULL },
	{ "DELETE", "/v1/writes/*", sk_api_write_drop, true, NULL },
	{ "POST", "/v1/query", sk_api_query, true, sk_kept_query },
	{ "GET", "/v1/jobs", sk_api_job_list, false, sk_kept_list },
	{ "GET", "/v1/jobs/*", sk_api_job, false, sk_kept_job },
	{ "DELETE", "/v1/jobs/*", sk_api_job_drop, true, sk_kept_drop },
	{ "GET", "/v1/jobs/*/results", sk_api_job_results, true, sk_kept_results },
	{ "GET", "/v1/functions", sk_api_functions, true, NULL },
	{ "GET", "/v1/functions/*", sk_api_function, true, NULL },
	{ "POST", "/write", sk_api_old_write, true, NULL },
	{ "POST", "/query", sk_api_old_query, true, NULL },
};

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

static const struct route *find(const struct sk_api_request *r,
    char name[SK_API_NAMES][192], bool *other)
{
	size_t i;

	*other = false;
	for (i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		if (!follows(r->path, routes[i].path, name))
			continue;
		if (!strcmp(r->method, routes[i].method))
			return &routes[i];
		*other = true;
	}
	return NULL;
}

bool sk_api_is_slow(const struct sk_api_request *r)
{
	char name[SK_API_NAMES][192];
	bool other;
	const struct route *found = find(r, name, &other);

	return found && found->slow;
}

void sk_api_answer(struct sk_api *a, const struct sk_api_request *r,
    struct sk_api_response *out)
{
	struct sk_api_call c = { .api = a, .request = r, .out = out };
	const struct route *found;
	bool other;

	out->status = 200;
	out->type = "application/json";
	found = find(r, c.name, &other);
	if (found && found->kept && a->o.kept)
		found->kept(&c);
	else if (found)
		found->answer(&c);
	else if (other)
		sk_api_fail_as(out, 405, SNEK_EINVAL, "the path is there, but "
		    "not for this method", "GET /v1 lists what there is");
	else
		sk_api_fail(out, SNEK_ENOENT, "nothing answers at this path",
		    "GET /v1 lists what there is");
}

void sk_api_about(struct sk_api_call *c)
{
	struct sk_object j;
	char line[128];
	size_t i;

	sk_object_begin(&j, &c->out->body, "api");
	sk_object_text(&j, "version", PACKAGE_VERSION);
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
	if ((o->cluster && !a->cluster) || !a->tmp || (o->on && !a->on))
		return sk_enomem(e);
	if (!o->max_reply)
		a->o.max_reply = 4u << 20;
	if (!o->wait_ms)
		a->o.wait_ms = 20000;
	if (!o->jobs)
		a->o.jobs = 8;
	if (!o->known)
		a->o.known = 256;
	if (!o->keep_s)
		a->o.keep_s = 3600;
	if (!o->max_record)
		a->o.max_record = 64u << 20;
	if (!o->max_parts)
		a->o.max_parts = (uint64_t)16 << 30;
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
	if (!rc)
		rc = sk_api_take(a, &c, e);
	if (rc) {
		sk_api_close(a);
		return rc;
	}
	sk_api_give(a, c);
	*out = a;
	return 0;
}

void sk_api_drain(struct sk_api *a)
{
	__atomic_store_n(&a->draining, true, __ATOMIC_SEQ_CST);
	sk_api_jobs_wake(&a->jobs);
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
	free(a);
}
