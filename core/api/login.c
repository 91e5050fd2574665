/* SPDX-License-Identifier: MIT */
#include "api/login.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AGAIN_MS (60 * 1000)    /* after a token could not be had */
#define NEVER_MS ((int64_t)1 << 40)

static const char *variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

bool sk_api_login_is_wanted(void)
{
	return variable("SNEK_CACHES") || variable("SNEK_TOKEN_SECRET");
}

static bool encode(struct sk_buf *b, const char *s, size_t n)
{
	size_t i;
	bool ok = true;

	for (i = 0; i < n && ok; i++) {
		unsigned char ch = (unsigned char)s[i];

		ok = isalnum(ch) || strchr("-._~", ch) ? sk_buf_byte(b, ch) :
		    sk_buf_printf(b, "%%%02X", ch);
	}
	return ok;
}

/* The URL without its scheme is the password. */
static int make_password(const struct sk_aws_ops *ops, struct sk_aws *aws,
    const char *cache, const char *user, struct sk_buf *out,
    struct snek_error *e)
{
	char path[160], query[200];
	struct sk_aws_request r = { .service = "elasticache", .method = "GET",
		.path = path, .query = query };
	struct sk_buf url = { 0 };
	int rc;

	snprintf(path, sizeof(path), "http://%.128s/", cache);
	snprintf(query, sizeof(query), "Action=connect&User=%.128s", user);
	rc = ops->presign(aws, &r, SK_API_LOGIN_MS / 1000, &url, e);
	if (!rc && (url.n < 8 || strncmp(url.p, "http://", 7)))
		rc = sk_fail(e, SNEK_EINTERNAL, "a presigned URL that is none");
	if (!rc && !encode(out, url.p + 7, strlen(url.p + 7)))
		rc = sk_enomem(e);
	sk_buf_free(&url);
	return rc;
}

/* Who the user is to one server: "user:password". */
static int put_login(const struct sk_aws_ops *ops, struct sk_aws *aws,
    const char *user, const char *cache, const char *token,
    struct sk_buf *out, struct snek_error *e)
{
	if (token)
		return sk_buf_byte(out, ':') && encode(out, token,
		    strlen(token)) ? 0 : sk_enomem(e);
	if (!user)
		return sk_fail(e, SNEK_EINVAL, "SNEK_REDIS_USER is not set");
	if (!cache || !*cache)
		return sk_fail(e, SNEK_EINVAL, "SNEK_CACHES does not go with "
		    "SNEK_META and SNEK_SHARDS");
	return sk_buf_printf(out, "%s:", user) ? make_password(ops, aws, cache,
	    user, out, e) : sk_enomem(e);
}

/* A server's URL with user and password in it. */
static int put_server(const struct sk_aws_ops *ops, struct sk_aws *aws,
    const char *user, const char *url, const char *cache, const char *token,
    struct sk_buf *out, struct snek_error *e)
{
	const char *host = strstr(url, "://");
	int rc;

	if (!host)
		return sk_fail(e, SNEK_EINVAL, "SNEK_META and SNEK_SHARDS name "
		    "servers by URLs, not \"%.80s\"", url);
	host += 3;
	if (!sk_buf_printf(out, "%.*s", (int)(host - url), url))
		return sk_enomem(e);
	rc = put_login(ops, aws, user, cache, token, out, e);
	return rc ? rc : sk_buf_printf(out, "@%s", host) ? 0 : sk_enomem(e);
}

/* Those who map are another user, where there are users; as a line of the
 * profile. */
static int put_mapper(const struct sk_aws_ops *ops, struct sk_aws *aws,
    const char *url, const char *cache, const char *token,
    struct sk_buf *out, struct snek_error *e)
{
	const char *user = variable("SNEK_MAPPER_USER");
	int rc;

	if (token || !user)
		return 0;
	rc = sk_buf_printf(out, "mapper = ") ? put_server(ops, aws, user, url,
	    cache, NULL, out, e) : sk_enomem(e);
	return rc ? rc : sk_buf_byte(out, '\n') ? 0 : sk_enomem(e);
}

/* The URLs with commas between, and as lines of the profile. */
static int put_all(struct sk_buf *all, const struct sk_aws_ops *ops,
    struct sk_aws *aws, char *urls, char *caches, const char *token,
    struct sk_buf *out, struct snek_error *e)
{
	const char *user = variable("SNEK_REDIS_USER"), *cache;
	char *url;
	size_t from;
	int rc = 0;

	while (!rc && (url = strsep(&urls, ","))) {
		from = all->n;
		cache = strsep(&caches, ",");
		rc = put_server(ops, aws, user, url, cache, token, all, e);
		if (!rc)
			rc = put_mapper(ops, aws, url, cache, token, out, e);
		if (!rc && (!sk_buf_printf(out, "server = %.*s\n",
		    (int)(all->n - from), all->p + from) ||
		    !sk_buf_byte(all, urls ? ',' : 0)))
			rc = sk_enomem(e);
	}
	return rc;
}

static int write_profile(const struct sk_buf *b, struct snek_error *e)
{
	const char *tmp = variable("TMPDIR");
	char path[4000], fresh[sizeof(path) + 8];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/snek.conf", tmp ? tmp : "/tmp");
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, b->p, b->n) == (ssize_t)b->n;
	if (fd >= 0)
		close(fd);
	if (!ok || rename(fresh, path))
		return sk_fail_errno(e, "%s", path);
	setenv("SNEK_CONFIG", path, 1);
	return 0;
}

static void forget(struct sk_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->n);
	sk_buf_free(b);
}

static int make(struct sk_api_login *l, const struct sk_aws_ops *ops,
    struct sk_aws *aws, const char *token, struct snek_error *e)
{
	const char *meta = getenv("SNEK_META"), *shards = getenv("SNEK_SHARDS");
	const char *names = variable("SNEK_CACHES");
	struct sk_buf b = { 0 }, urls = { 0 }, all = { 0 };
	char *caches = strdup(names ? names : "");
	int rc = caches && sk_buf_printf(&urls, "%s,%s", meta ? meta : "",
	    shards ? shards : "") && sk_buf_printf(&b, "[" SK_API_LOGIN_PROFILE
	    "]\ncluster = %s\n", meta ? meta : "") ? 0 : sk_enomem(e);

	if (!rc)
		rc = put_all(&all, ops, aws, urls.p, caches, token, &b, e);
	if (!rc)
		rc = write_profile(&b, e);
	if (!rc) {
		forget(&l->urls);
		l->urls = all;
		memset(&all, 0, sizeof(all));
	}
	forget(&b);
	forget(&all);
	sk_buf_free(&urls);
	free(caches);
	return rc;
}

static int make_anew(struct sk_api_login *l, const struct sk_aws_ops *ops,
    struct sk_aws *aws, struct snek_error *e)
{
	const char *secret = variable("SNEK_TOKEN_SECRET");
	char token[SK_API_TOKEN] = "";
	int rc = secret ? sk_api_token(ops, aws, secret, token, e) : 0;

	if (!rc)
		rc = make(l, ops, aws, secret ? token : NULL, e);
	explicit_bzero(token, sizeof(token));
	return rc;
}

int sk_api_login(struct sk_api_login *l, const struct sk_aws_ops *ops,
    struct sk_aws *aws, int64_t oldest_ms, struct snek_error *e)
{
	struct sk_moment now = sk_moment_now();
	int rc;

	if (l->is && (sk_moment_age(l->made, now) < oldest_ms ||
	    sk_moment_age(l->refused, now) < AGAIN_MS))
		return 0;
	rc = make_anew(l, ops, aws, e);
	if (rc && l->is && variable("SNEK_TOKEN_SECRET")) {
		l->refused = now;       /* the one that we have may well do */
		return 0;
	}
	if (rc)
		return rc;
	l->is = true;
	l->made = now;
	return 1;
}

int64_t sk_api_login_left(const struct sk_api_login *l)
{
	return variable("SNEK_CACHES") && l->is ? SK_API_LOGIN_MS -
	    sk_moment_age(l->made, sk_moment_now()) : NEVER_MS;
}
