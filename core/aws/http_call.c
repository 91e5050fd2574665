/* SPDX-License-Identifier: MIT */
/* http_call.c - one call: where it goes, what is sent, what may come back. */
#include "aws/http_parts.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

enum {
	HEADERS_MAX = 65536,
	KNOWN_MS = 50000,               /* libcurl forgets a name after 60 s */
};

/* ---- what libcurl calls ---- */

static void hear_name(struct sk_http_call *c)
{
	c->host->known_until = sk_clock_ms() + KNOWN_MS;
	if (c->host->asks == c)
		c->host->asks = NULL;
}

static curl_socket_t on_open(void *arg, curlsocktype what,
    struct curl_sockaddr *a)
{
	(void)what;
	hear_name(arg);
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* The connection stands, and the request is about to go out. */
static int on_send(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct sk_http_call *c = arg;

	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	hear_name(c);
	c->reply.sent = true;
	return CURL_PREREQFUNC_OK;
}

static int over(struct sk_http_call *c, const char *what, size_t max)
{
	return c->reply.code = sk_fail(&c->reply.error, SNEK_ELIMIT, "%s: the "
	    "answer has more than %zu bytes of %s", c->host->name, max, what);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct sk_http_call *c = arg;
	struct sk_buf *b = &c->reply.body;

	n *= size;
	if (n > c->max_reply - b->n)
		over(c, "body", c->max_reply);
	else if (!sk_buf_put(b, p, n))
		c->reply.code = sk_enomem(&c->reply.error);
	return c->reply.code ? CURL_WRITEFUNC_ERROR : n;
}

static bool put_header(struct sk_buf *b, const char *p, const char *end)
{
	const char *colon = memchr(p, ':', (size_t)(end - p)), *s;
	bool ok = true;

	if (!colon || memchr(p, 0, (size_t)(end - p)))
		return true;
	for (s = p; ok && s < colon; s++)
		ok = sk_buf_byte(b, (uint8_t)tolower((unsigned char)*s));
	for (s = colon + 1; s < end && isspace((unsigned char)*s); s++)
		;
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	return ok && sk_buf_byte(b, 0) && sk_buf_put(b, s, (size_t)(end - s)) &&
	    sk_buf_byte(b, 0);
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct sk_http_call *c = arg;
	struct sk_buf *b = &c->reply.headers;

	n *= size;
	if (n > 5 && !memcmp(p, "HTTP/", 5))
		b->n = 0;               /* of an answer before the answer */
	else if (n > HEADERS_MAX - b->n)
		over(c, "headers", HEADERS_MAX);
	else if (!put_header(b, p, p + n))
		c->reply.code = sk_enomem(&c->reply.error);
	return c->reply.code ? CURL_WRITEFUNC_ERROR : n;
}

/* ---- one call ---- */

static bool is_this_machine(const char *host, size_t n)
{
	char name[64];
	struct in6_addr six;
	struct in_addr four;

	if (n && *host == '[')
		host++, n -= 2;
	if (n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	return !strcasecmp(name, "localhost") ||
	    inet_pton(AF_INET, name, &four) == 1 ||
	    inet_pton(AF_INET6, name, &six) == 1;
}

/* The URL's host without its port, of n bytes. */
static const char *host_of(const char *url, size_t *n)
{
	const char *p = strstr(url, "://"), *end;

	p = p ? p + 3 : url;
	end = *p == '[' ? strchr(p, ']') : NULL;
	*n = end ? (size_t)(end + 1 - p) : strcspn(p, ":/?");
	return p;
}

static struct sk_http_host *find_host(struct sk_http *h, const char *url)
{
	size_t host_n, n;
	const char *name = host_of(url, &host_n);
	struct sk_http_host *it;

	n = (size_t)(name - url) + strcspn(name, "/?");
	for (it = h->hosts; it; it = it->next)
		if (!strncmp(it->name, url, n) && !it->name[n])
			return it;
	it = calloc(1, sizeof(*it) + n + 1);
	if (!it)
		return NULL;
	memcpy(it->name, url, n);
	it->local = is_this_machine(name, host_n);
	it->next = h->hosts;
	h->hosts = it;
	return it;
}

/* Neither this machine nor the link's metadata services are behind a proxy. */
static bool is_near(const char *url)
{
	size_t n;
	const char *host = host_of(url, &n);

	return !strncasecmp(host, "localhost", n) || !strncmp(host, "127.", 4) ||
	    !strncmp(host, "169.254.", 8) || !strncmp(host, "[::1]", n) ||
	    !strncasecmp(host, "[fd00:ec2::", 11);
}

static bool add_header(struct sk_http_call *c, const char *text)
{
	struct curl_slist *l = curl_slist_append(c->headers, text);

	if (l)
		c->headers = l;
	return l;
}

static int put_headers(struct sk_http_call *c, const struct sk_http_request *r,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	bool ok = add_header(c, "Expect:"), typed = false;
	size_t i;

	for (i = 0; ok && i < r->headers; i++) {
		const struct sk_aws_header *h = &r->header[i];

		if (strpbrk(h->name, "\r\n:; ") || strpbrk(h->value, "\r\n")) {
			sk_buf_free(&b);
			return sk_fail(e, SNEK_EINVAL, "a header that is none: "
			    "\"%.40s\"", h->name);
		}
		typed |= !strcasecmp(h->name, "content-type");
		b.n = 0;
		ok = sk_buf_printf(&b, *h->value ? "%s: %s" : "%s;", h->name,
		    h->value) && add_header(c, b.p);
	}
	sk_buf_free(&b);
	ok = ok && (typed || add_header(c, "Content-Type:"));
	return ok ? 0 : sk_enomem(e);
}

void sk_http_call_free(struct sk_http_call *c)
{
	curl_slist_free_all(c->headers);
	sk_buf_free(&c->reply.body);
	sk_buf_free(&c->reply.headers);
	free(c->method);
	free(c->url);
	free(c);
}

static void set_body(struct sk_http_call *c)
{
	if (!strcmp(c->method, "HEAD"))
		curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
	else                    /* there, a length is that of what GET gives */
		curl_easy_setopt(c->easy, CURLOPT_MAXFILESIZE_LARGE,
		    (curl_off_t)c->max_reply);
	if (c->body.n || !strcmp(c->method, "POST") || !strcmp(c->method, "PUT")) {
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)c->body.n);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS,
		    c->body.n ? c->body.p : "");
	}
	curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, c->method);
}

static void set_bounds(struct sk_http_call *c)
{
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
	curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_ms);
	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, 4096L);   /* for as long
								 * as it waits */
	/* A call may be silent for a quarter of an hour. */
	curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPINTVL, 15L);
}

static void set_callbacks(struct sk_http_call *c)
{
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->said);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(c->easy, CURLOPT_PREREQDATA, c);
}

void sk_http_call_set(struct sk_http_call *c)
{
	const struct sk_http *h = c->http;

	curl_easy_setopt(c->easy, CURLOPT_URL, c->url);
	curl_easy_setopt(c->easy, CURLOPT_PATH_AS_IS, 1L);      /* as signed */
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(c->easy, CURLOPT_USERAGENT, h->agent);
	if (is_near(c->url))
		curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(c->easy, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	/* With a directory of them, too, they are read for each connection. */
	curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
	if (h->ca_file)
		curl_easy_setopt(c->easy, CURLOPT_CAINFO, h->ca_file);
	/* Or it looks through all that are in use, to find none. */
	curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, c->host->kept ? 0L : 1L);
	set_body(c);
	set_bounds(c);
	set_callbacks(c);
}

/* ---- how it ended ---- */

static int code_of(CURLcode rc)
{
	switch (rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return SNEK_ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY:
		return SNEK_ENOMEM;
	case CURLE_PEER_FAILED_VERIFICATION:
		return SNEK_EACCES;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT:
		return SNEK_EINVAL;
	case CURLE_UNSUPPORTED_PROTOCOL:        /* HTTP/0.9, for one */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return SNEK_EFORMAT;
	default:
		return SNEK_EAGAIN;
	}
}

static const char *cure_of(CURLcode rc)
{
	switch (rc) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return "; is the region right, and this machine's network?";
	case CURLE_PEER_FAILED_VERIFICATION:
		return "; AWS_CA_BUNDLE names a file of other authorities";
	case CURLE_SSL_CACERT_BADFILE:
		return "; AWS_CA_BUNDLE, or ca_bundle in the profile, names it";
	case CURLE_COULDNT_CONNECT:
		return "; does something listen there?";
	default:
		return "";
	}
}

void sk_http_call_judge(struct sk_http_call *c, CURLcode rc)
{
	struct sk_http_reply *r = &c->reply;
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	r->status = (uint32_t)status;
	if (rc == CURLE_OK || r->code)
		return;
	if (rc == CURLE_FILESIZE_EXCEEDED)
		over(c, "body", c->max_reply);
	else
		r->code = sk_fail(&r->error, code_of(rc), "%s: %s%s",
		    c->host->name, *c->said ? c->said : curl_easy_strerror(rc),
		    cure_of(rc));
}

int sk_http_call_fill(struct sk_http_call *c, const struct sk_http_request *r,
    struct snek_error *e)
{
	c->host = find_host(c->http, r->url);
	c->method = strdup(r->method);
	c->url = strdup(r->url);
	if (!c->host || !c->method || !c->url)
		return sk_enomem(e);
	c->body = r->body;
	c->max_reply = r->max_reply;
	c->timeout_ms = r->timeout_ms;
	c->connect_ms = r->connect_ms;
	return put_headers(c, r, e);
}
