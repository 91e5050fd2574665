/* SPDX-License-Identifier: MIT */
#include "api/login.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define PATH "/tmp/snek.conf"
#define OLD_MS (8 * 60 * 1000)  /* of 15 minutes, and a connection takes some */
#define SECONDS 900u

bool sk_api_login_is_wanted(void)
{
	const char *caches = getenv("SNEK_CACHES");

	return caches && *caches;
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
	rc = ops->presign(aws, &r, SECONDS, &url, e);
	if (!rc && (url.n < 8 || strncmp(url.p, "http://", 7)))
		rc = sk_fail(e, SNEK_EINTERNAL, "a presigned URL that is none");
	if (!rc && !encode(out, url.p + 7, strlen(url.p + 7)))
		rc = sk_enomem(e);
	sk_buf_free(&url);
	return rc;
}

/* A server's URL with user and password in it. */
static int put_server(const struct sk_aws_ops *ops, struct sk_aws *aws,
    const char *url, const char *cache, const char *user, struct sk_buf *out,
    struct snek_error *e)
{
	const char *host = strstr(url, "://");
	int rc;

	if (!host || !*cache)
		return sk_fail(e, SNEK_EINVAL, "SNEK_CACHES does not go with "
		    "SNEK_META and SNEK_SHARDS");
	host += 3;
	if (!sk_buf_printf(out, "%.*s%s:", (int)(host - url), url, user))
		return sk_enomem(e);
	rc = make_password(ops, aws, cache, user, out, e);
	return rc ? rc : sk_buf_printf(out, "@%s", host) ? 0 : sk_enomem(e);
}

/* The URLs with commas between, and as lines of the profile. */
static int put_all(struct sk_api_login *l, const struct sk_aws_ops *ops,
    struct sk_aws *aws, char *urls, char *caches, struct sk_buf *out,
    struct snek_error *e)
{
	const char *user = getenv("SNEK_REDIS_USER");
	char *url, *cache;
	size_t from;
	int rc = user && *user ? 0 : sk_fail(e, SNEK_EINVAL, "SNEK_REDIS_USER is "
	    "not set");

	l->urls.n = 0;
	while (!rc && (url = strsep(&urls, ","))) {
		cache = strsep(&caches, ",");
		from = l->urls.n;
		rc = put_server(ops, aws, url, cache ? cache : "", user,
		    &l->urls, e);
		if (!rc && (!sk_buf_printf(out, "server = %.*s\n",
		    (int)(l->urls.n - from), l->urls.p + from) ||
		    !sk_buf_byte(&l->urls, urls ? ',' : 0)))
			rc = sk_enomem(e);
	}
	return rc;
}

static int write_profile(const struct sk_buf *b, struct snek_error *e)
{
	int fd = open(PATH ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, b->p, b->n) == (ssize_t)b->n;

	if (fd >= 0)
		close(fd);
	if (!ok || rename(PATH ".new", PATH))
		return sk_fail_errno(e, PATH);
	setenv("SNEK_CONFIG", PATH, 1);
	return 0;
}

int sk_api_login(struct sk_api_login *l, const struct sk_aws_ops *ops,
    struct sk_aws *aws, struct snek_error *e)
{
	const char *meta = getenv("SNEK_META"), *shards = getenv("SNEK_SHARDS");
	struct sk_buf b = { 0 }, urls = { 0 };
	char *caches;
	int rc;

	if (l->made && sk_clock_ms() - l->made < OLD_MS)
		return 0;
	caches = strdup(getenv("SNEK_CACHES"));
	rc = caches && sk_buf_printf(&urls, "%s,%s", meta ? meta : "", shards ?
	    shards : "") && sk_buf_printf(&b, "[" SK_API_LOGIN_PROFILE "]\n"
	    "cluster = %s\n", meta ? meta : "") ? 0 : sk_enomem(e);
	if (!rc)
		rc = put_all(l, ops, aws, urls.p, caches, &b, e);
	if (!rc)
		rc = write_profile(&b, e);
	if (!rc)
		l->made = sk_clock_ms();
	if (b.p)
		explicit_bzero(b.p, b.n);
	sk_buf_free(&b);
	sk_buf_free(&urls);
	free(caches);
	return rc;
}
