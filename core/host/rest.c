/* SPDX-License-Identifier: MIT */
#include "host/rest.h"
#include "host/logs.h"
#include "host/s3.h"
#include "host/signature.h"

#include <stdio.h>
#include <strings.h>

enum {
	NAMED = 1,                      /* the third part is a function's name */
	FOUND = 2,                      /* and there is one */
	BODY = 4,                       /* a JSON object */
	OPEN = 8,                       /* who knows its path may ask */
	SMALL = 1 << 20,                /* bytes of most bodies */
	PATIENCE_S = 300
};

static const struct route {
	const char *method, *path;      /* "*": one part */
	void (*run)(struct sk_call *);
	unsigned flags;
	size_t limit;
} routes[] = {
	{ "POST", "2015-03-31/functions/*/invocations", sk_rest_invoke,
	    NAMED | FOUND, SK_HOST_PAYLOAD },
	{ "POST", "2015-03-31/functions", sk_rest_create, BODY, SK_HOST_CREATE },
	{ "GET", "2015-03-31/functions", sk_rest_list, 0, 0 },
	{ "GET", "2015-03-31/functions/*", sk_rest_get, NAMED | FOUND, 0 },
	{ "DELETE", "2015-03-31/functions/*", sk_rest_delete, NAMED | FOUND, 0 },
	{ "GET", "2015-03-31/functions/*/configuration",
	    sk_rest_get_configuration, NAMED | FOUND, 0 },
	{ "PUT", "2015-03-31/functions/*/configuration",
	    sk_rest_update_configuration, NAMED | FOUND | BODY, SMALL },
	{ "PUT", "2015-03-31/functions/*/code", sk_rest_update_code,
	    NAMED | FOUND | BODY, SK_HOST_CREATE },
	{ "GET", "2015-03-31/snapshots/*/*", sk_rest_snapshot,
	    NAMED | FOUND | OPEN, 0 },
	{ "POST", "2015-03-31/functions/*/versions", sk_rest_publish,
	    NAMED | FOUND | BODY, SMALL },
	{ "GET", "2015-03-31/functions/*/versions", sk_rest_list_versions,
	    NAMED | FOUND, 0 },
	{ "POST", "2015-03-31/functions/*/aliases", sk_rest_create_alias,
	    NAMED | FOUND | BODY, SMALL },
	{ "GET", "2015-03-31/functions/*/aliases", sk_rest_list_aliases,
	    NAMED | FOUND, 0 },
	{ "GET", "2015-03-31/functions/*/aliases/*", sk_rest_get_alias,
	    NAMED | FOUND, 0 },
	{ "PUT", "2015-03-31/functions/*/aliases/*", sk_rest_update_alias,
	    NAMED | FOUND | BODY, SMALL },
	{ "DELETE", "2015-03-31/functions/*/aliases/*", sk_rest_delete_alias,
	    NAMED | FOUND, 0 },
	{ "PUT", "2017-10-31/functions/*/concurrency", sk_rest_put_concurrency,
	    NAMED | FOUND | BODY, SMALL },
	{ "GET", "2019-09-30/functions/*/concurrency", sk_rest_get_concurrency,
	    NAMED | FOUND, 0 },
	{ "DELETE", "2017-10-31/functions/*/concurrency",
	    sk_rest_delete_concurrency, NAMED | FOUND, 0 },
	{ "GET", "2016-08-19/account-settings", sk_rest_account, 0, 0 },
	{ "GET", "2017-03-31/tags/*", sk_rest_list_tags, NAMED | FOUND, 0 },
	{ "POST", "2017-03-31/tags/*", sk_rest_tag, NAMED | FOUND | BODY, SMALL },
	{ "DELETE", "2017-03-31/tags/*", sk_rest_untag, NAMED | FOUND, 0 },
};

/* A slash at the end changes nothing: aws writes it for some. */
static bool matches(const struct route *r, const char *method,
    const struct sk_uri *t)
{
	const char *p = r->path;
	size_t i, n;

	if (strcmp(r->method, method) != 0)
		return false;
	for (i = 0; i < t->parts && *p; i++) {
		n = strcspn(p, "/");
		if ((n != 1 || *p != '*') && (strlen(t->part[i]) != n ||
		    memcmp(p, t->part[i], n) != 0))
			return false;
		p += n + (p[n] == '/');
	}
	return i == t->parts && !*p;
}

static const struct route *find(const char *method, const struct sk_uri *t)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (matches(&routes[i], method, t))
			return &routes[i];
	return NULL;
}

/* Lambda's paths begin with a date. */
static bool is_lambda(const char *target)
{
	const char *p = target;

	return strlen(p) > 11 && p[0] == '/' && p[5] == '-' && p[8] == '-' &&
	    p[11] == '/' && strspn(p + 1, "0123456789") == 4;
}

static size_t limit(void *arg, struct sk_request *r)
{
	const struct route *route;
	struct sk_uri t;

	(void)arg;
	if (sk_request_header(r, "X-Amz-Target"))
		return SMALL;
	if (!is_lambda(r->target))
		return sk_s3_limit(r);
	if (!sk_uri_split(&t, r->target, r->path_len, SK_URI_PARTS))
		return 0;
	route = find(r->method, &t);
	return route ? route->limit : 0;
}

/* ---- before the operation ---- */

bool sk_call_refused(struct sk_call *c, const struct sk_fields *f)
{
	if (f->type)
		sk_answer_error(c->host, c->request, 400, f->type, "%s", f->text);
	return f->type != NULL;
}

bool sk_call_outdated(struct sk_call *c, const char *revision)
{
	char given[64];

	if (!sk_field_text(&c->body, "RevisionId", given, sizeof(given)) ||
	    !strcmp(given, revision))
		return false;
	sk_answer_error(c->host, c->request, 412, "PreconditionFailedException",
	    "The RevisionId provided does not match the latest RevisionId. Call "
	    "the GetFunction/GetAlias API to retrieve the latest RevisionId");
	return true;
}

bool sk_call_busy(struct sk_call *c)
{
	const struct sk_function *f = c->function;

	if (f->state == SK_PENDING || f->updating) {
		sk_answer_error(c->host, c->request, 409,
		    "ResourceConflictException", "The operation cannot be "
		    "performed at this time. %s", f->state == SK_PENDING ?
		    "The function is currently in the following state: Pending" :
		    "An update is in progress for this function.");
		return true;
	}
	return sk_call_outdated(c, f->latest->revision) ||
	    sk_call_refused(c, &c->body);
}

void sk_call_not_found(struct sk_call *c)
{
	sk_answer_error(c->host, c->request, 404, "ResourceNotFoundException",
	    "Function not found: arn:aws:lambda:%s:" SK_ACCOUNT ":function:%s%s%s",
	    c->region, c->name, *c->qualifier ? ":" : "", c->qualifier);
}

/* False: it has been answered. */
static bool name_function(struct sk_call *c, unsigned flags)
{
	struct sk_function_name n;
	int rc;

	if (!sk_function_name_parse(c->uri.part[2], &n)) {
		sk_answer_error(c->host, c->request, 400, "ValidationException",
		    "1 validation error detected: Value '%.200s' at "
		    "'functionName' failed to satisfy constraint: Member must be "
		    "a name, or an ARN of a function", c->uri.part[2]);
		return false;
	}
	memcpy(c->name, n.name, sizeof(c->name));
	memcpy(c->qualifier, n.qualifier, sizeof(c->qualifier));
	rc = sk_uri_query(c->request->target, "Qualifier", c->qualifier,
	    sizeof(c->qualifier));
	if (rc < 0 || (rc && *n.qualifier && strcmp(c->qualifier, n.qualifier))) {
		sk_answer_invalid(c->host, c->request, "The derived qualifier "
		    "from the function name does not match the specified "
		    "qualifier.");
		return false;
	}
	c->function = sk_function_find(&c->host->functions, c->name);
	if (c->function || !(flags & FOUND))
		return true;
	sk_call_not_found(c);
	return false;
}

static bool check_size(struct sk_call *c, const struct route *route)
{
	if (!c->request->too_large || route->run == sk_rest_invoke)
		return true;
	sk_answer_error(c->host, c->request, 413, "RequestEntityTooLargeException",
	    "Request must be smaller than %zu bytes for this operation",
	    route->limit);
	return false;
}

static bool check_signature(struct sk_call *c)
{
	struct sk_refusal why;

	if (sk_signature_check(c->request, &c->host->o, "lambda", c->region,
	    &why))
		return true;
	sk_answer_error(c->host, c->request, 403, why.type, "%s", why.text);
	return false;
}

static void run(struct sk_call *c)
{
	const struct route *route = find(c->request->method, &c->uri);

	if (!route) {
		sk_answer_error(c->host, c->request, 404,
		    "UnknownOperationException", "this host has no operation "
		    "%.16s %.200s", c->request->method, c->request->target);
		return;
	}
	if ((!(route->flags & OPEN) && !check_signature(c)) ||
	    !check_size(c, route) || ((route->flags & NAMED) && !name_function(c, route->flags)))
		return;
	if (route->flags & BODY)
		sk_fields_read(&c->body, c->host->json, (struct sk_span){
		    c->request->body.p, c->request->body.n });
	if (!sk_call_refused(c, &c->body))
		route->run(c);
}

/* A name that a page of the web can give to this machine is none of ours:
 * what browsers are made to send stays outside. */
static bool is_called_rightly(const struct sk_request *r)
{
	static const char *const names[] = { "127.0.0.1", "localhost" };
	const char *host = sk_request_header(r, "Host");
	size_t i, n = host ? strcspn(host, ":") : 0;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (n == strlen(names[i]) && !strncasecmp(host, names[i], n))
			return true;
	return false;
}

static void take(void *arg, struct sk_request *r)
{
	struct sk_call c = { .host = arg, .request = r };

	if (!is_called_rightly(r))
		sk_answer_error(c.host, r, 403, "AccessDeniedException", "this "
		    "host answers to 127.0.0.1 and localhost alone");
	else if (sk_request_header(r, "X-Amz-Target"))
		sk_logs_take(arg, r);
	else if (!is_lambda(r->target))
		sk_s3_take(arg, r);
	else if (sk_uri_split(&c.uri, r->target, r->path_len,
	    SK_URI_PARTS))
		run(&c);
	else
		sk_answer_error(c.host, r, 400, "ValidationException",
		    "the path cannot be read");
}

const struct sk_port_ops sk_rest_ops = { PATIENCE_S, limit, take };
