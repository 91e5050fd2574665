/* SPDX-License-Identifier: MIT */
/*
 * cred_metadata.c - keys of what we run in: a container's agent, or the
 * instance's metadata service by version 2 (a token first) and nothing less.
 */
#include "aws/cred.h"
#include "aws/http.h"
#include "aws/json.h"
#include "aws/secret.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

#define REPLY_MAX 65536u
#define AGENT "http://169.254.170.2"
#define INSTANCE "http://169.254.169.254"
#define INSTANCE_6 "http://[fd00:ec2::254]"
#define ROLES "/latest/meta-data/iam/security-credentials/"

static const struct sk_cred_names names = { "AccessKeyId", "SecretAccessKey",
	"Token", "Expiration" };

struct service {
	struct sk_http *http;
	const char *base;
	struct sk_aws_header header;    /* name NULL: none */
	int64_t timeout_ms;
	uint32_t tries;
};

struct one {
	struct sk_http_reply *reply;
	bool ended;
};

static void on_reply(void *arg, struct sk_http_reply *r)
{
	struct one *o = arg;

	*o->reply = *r;
	o->ended = true;
}

static void free_reply(struct sk_http_reply *r)
{
	sk_secret_forget(&r->body);
	sk_buf_free(&r->headers);
	memset(r, 0, sizeof(*r));
}

static int open_service(struct service *s, struct snek_error *e)
{
	struct sk_http_options o = { .connections = 1, .agent = "snek" };

	return sk_http_open(&o, &s->http, e);
}

static int ask_once(struct service *s, const char *method, const char *url,
    struct sk_http_reply *r, struct snek_error *e)
{
	struct sk_http_request q = { .method = method, .url = url,
		.header = &s->header, .headers = s->header.name != NULL,
		.max_reply = REPLY_MAX, .timeout_ms = s->timeout_ms,
		.connect_ms = s->timeout_ms };
	struct one one = { .reply = r };
	struct sk_http_call *call;
	bool woken;
	int rc = sk_http_begin(s->http, &q, on_reply, &one, &call, e);

	while (!rc && !one.ended) {
		rc = sk_http_step(s->http, INT64_MAX, &woken, e);
		if (rc < 0)
			sk_http_cancel(s->http, call);
		rc = rc < 0 ? rc : 0;
	}
	if (!rc && r->code) {
		*e = r->error;
		rc = r->code;
		free_reply(r);
	}
	return rc;
}

/* An answer of whatever status but 5xx, or why there is none. */
static int ask(struct service *s, const char *method, const char *path,
    struct sk_http_reply *r, struct snek_error *e)
{
	struct sk_buf url = { 0 };
	uint32_t i;
	size_t n = strlen(s->base);
	int rc;

	while (*path && n && s->base[n - 1] == '/')
		n--;
	rc = sk_buf_printf(&url, "%.*s%s", (int)n, s->base, path) ? SNEK_EAGAIN :
	    sk_enomem(e);
	for (i = 0; i < s->tries && (rc == SNEK_EAGAIN || rc == SNEK_ETIMEDOUT);
	    i++) {
		rc = ask_once(s, method, url.p, r, e);
		if (!rc && r->status >= 500) {
			rc = sk_fail(e, SNEK_EAGAIN, "%.100s: status %u", s->base,
			    r->status);
			free_reply(r);
		}
	}
	sk_buf_free(&url);
	return rc;
}

static int read_keys(const struct sk_http_reply *r, struct sk_cred *out,
    struct snek_error *e)
{
	struct sk_json *j;
	char code[40];
	int rc;

	if (sk_json_open(&r->body, &j, NULL))
		return sk_fail(e, SNEK_EACCES, "an answer that is no JSON");
	if (sk_json_text(j, "Code", code, sizeof(code)) && strcmp(code, "Success"))
		rc = sk_fail(e, SNEK_EACCES, "it says %s", code);
	else
		rc = sk_cred_read(j, &names, out, e);
	sk_json_close(j);
	return rc;
}

/* ---- a container ---- */

static bool is_loopback(const char *host)
{
	struct in6_addr six;
	struct in_addr four;

	if (!strcasecmp(host, "localhost"))
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &six) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&six);
}

/* Without TLS only those may see the token that nobody can stand between. */
static int check_url(const char *url, struct snek_error *e)
{
	static const char *const agents[] = { "169.254.170.2",
		"169.254.170.23", "fd00:ec2::23", NULL };
	const char *p = url + 7;
	char host[64];
	size_t n;
	int i;

	if (!strncasecmp(url, "https://", 8))
		return 0;
	if (strncasecmp(url, "http://", 7) || memchr(p, '@', strcspn(p, "/?#")))
		goto bad;
	n = *p == '[' ? strcspn(++p, "]") : strcspn(p, ":/?#");
	if (n >= sizeof(host))
		goto bad;
	memcpy(host, p, n);
	host[n] = '\0';
	for (i = 0; agents[i]; i++)
		if (!strcasecmp(agents[i], host))
			return 0;
	if (is_loopback(host))
		return 0;
bad:
	return sk_fail(e, SNEK_EINVAL, "AWS_CONTAINER_CREDENTIALS_FULL_URI is "
	    "https, or http to this machine or a container agent's address");
}

/* The token, which may be in a file that is renewed. */
static int read_token(struct service *s, struct sk_buf *token,
    struct snek_error *e)
{
	const char *file =
	    sk_settings_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *text = sk_settings_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	int rc = 0;

	if (file)
		rc = sk_secret_read(file, REPLY_MAX, token, e);
	else if (text && !sk_buf_printf(token, "%s", text))
		rc = sk_enomem(e);
	if (rc)
		return sk_fail_in(e, rc, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	if (token->p && strpbrk(token->p, "\r\n"))
		return sk_fail(e, SNEK_EINVAL, "AWS_CONTAINER_AUTHORIZATION_TOKEN "
		    "has a line break");
	if (token->p)
		s->header = (struct sk_aws_header){ "authorization", token->p };
	return 0;
}

static int ask_container(struct service *s, const char *path,
    struct sk_cred *out, struct snek_error *e)
{
	struct sk_http_reply r;
	int rc = ask(s, "GET", path, &r, e);

	if (rc)
		return rc;
	if (r.status == 200)
		rc = read_keys(&r, out, e);
	else
		rc = sk_fail(e, SNEK_EACCES, "status %u", r.status);
	free_reply(&r);
	return rc;
}

int sk_cred_container(struct sk_chain *c, struct sk_cred *out,
    struct snek_error *e)
{
	const char *path =
	    sk_settings_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *url = sk_settings_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	struct service s = { .base = path ? AGENT : url, .timeout_ms = 2000,
		.tries = 3 };
	struct sk_buf token = { 0 };
	int rc;

	if (!path && !url)
		return sk_cred_not(c, "no container");
	if (path && *path != '/')
		return sk_fail(e, SNEK_EINVAL,
		    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI begins with '/'");
	rc = path ? 0 : check_url(url, e);
	if (!rc)
		rc = read_token(&s, &token, e);
	if (!rc)
		rc = open_service(&s, e);
	if (!rc)
		rc = ask_container(&s, path ? path : "", out, e);
	sk_http_close(s.http);
	sk_secret_forget(&token);
	if (!rc)
		snprintf(out->source, sizeof(out->source), "container");
	return rc && rc != SNEK_EINVAL ? sk_fail_in(e, SNEK_EACCES,
	    "container credentials") : rc;
}

/* ---- an instance ---- */

static int set_instance(struct sk_chain *c, struct service *s,
    struct snek_error *e)
{
	const struct sk_settings *set = c->settings;
	const char *mode = sk_settings_get(set,
	    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
	    "ec2_metadata_service_endpoint_mode");
	uint32_t seconds = 0;
	int rc;

	s->base = sk_settings_get(set, "AWS_EC2_METADATA_SERVICE_ENDPOINT",
	    "ec2_metadata_service_endpoint");
	if (!s->base)
		s->base = mode && !strcasecmp(mode, "ipv6") ? INSTANCE_6 :
		    INSTANCE;
	rc = sk_settings_number(set, "AWS_METADATA_SERVICE_TIMEOUT",
	    "metadata_service_timeout", 60, &seconds, e);
	if (!rc)
		rc = sk_settings_number(set, "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
		    "metadata_service_num_attempts", 10, &s->tries, e);
	s->timeout_ms = seconds ? seconds * 1000 : 1000;
	s->tries = s->tries ? s->tries : 1;
	return rc;
}

static int read_instance_token(struct service *s, struct sk_buf *token,
    struct snek_error *e)
{
	struct sk_http_reply r;
	int rc;

	s->header = (struct sk_aws_header){
		"x-aws-ec2-metadata-token-ttl-seconds", "21600" };
	rc = ask(s, "PUT", "/latest/api/token", &r, e);
	if (rc)
		return rc;
	if (r.status != 200 || !r.body.n)
		rc = sk_fail(e, SNEK_EACCES, "no IMDSv2 token: status %u",
		    r.status);
	else if (!sk_buf_put(token, r.body.p, r.body.n) ||
	    !sk_buf_byte(token, 0))
		rc = sk_enomem(e);
	free_reply(&r);
	s->header = (struct sk_aws_header){ "x-aws-ec2-metadata-token",
		token->p };
	return rc;
}

/* The path of the only role there is. */
static int find_role(struct service *s, struct sk_buf *path,
    struct snek_error *e)
{
	struct sk_http_reply r;
	size_t n = 0;
	int rc = ask(s, "GET", ROLES, &r, e);

	if (rc)
		return rc;
	while (n < r.body.n && (unsigned char)r.body.p[n] > ' ')
		n++;
	if (r.status != 200 || !n)
		rc = sk_fail(e, SNEK_ENOENT, "the instance has no role");
	else if (!sk_buf_printf(path, ROLES "%.*s", (int)n, r.body.p))
		rc = sk_enomem(e);
	free_reply(&r);
	return rc;
}

static int ask_instance(struct service *s, struct sk_cred *out,
    struct snek_error *e)
{
	struct sk_buf token = { 0 }, path = { 0 };
	struct sk_http_reply r = { 0 };
	int rc = read_instance_token(s, &token, e);

	if (!rc)
		rc = find_role(s, &path, e);
	if (!rc)
		rc = ask(s, "GET", path.p, &r, e);
	if (!rc && r.status != 200)
		rc = sk_fail(e, SNEK_EACCES, "its role's keys: status %u",
		    r.status);
	if (!rc)
		rc = read_keys(&r, out, e);
	free_reply(&r);
	sk_secret_forget(&token);
	sk_buf_free(&path);
	return rc;
}

int sk_cred_instance(struct sk_chain *c, struct sk_cred *out,
    struct snek_error *e)
{
	struct service s = { 0 };
	struct snek_error why;
	int rc;

	if (sk_settings_is(c->settings, "AWS_EC2_METADATA_DISABLED",
	    "ec2_metadata_disabled"))
		return sk_cred_not(c, "instance metadata: disabled");
	rc = set_instance(c, &s, e);
	if (!rc)
		rc = open_service(&s, e);
	if (rc)
		return rc;
	rc = ask_instance(&s, out, &why);
	sk_http_close(s.http);
	if (rc == SNEK_ENOMEM)
		return sk_enomem(e);
	if (rc)
		return sk_cred_not(c, "instance metadata: %.150s", why.text);
	snprintf(out->source, sizeof(out->source), "instance metadata");
	return 0;
}
