/* SPDX-License-Identifier: MIT */
#include "category/servers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PASSWORD_MAX 4096u

/* ---- who we are ---- */

static const char *first(const char *a, const char *b)
{
	return a && *a ? a : b;
}

static int read_line(FILE *f, const char *path, char **out,
    struct snek_error *e)
{
	char line[PASSWORD_MAX + 2];
	size_t n;

	if (!fgets(line, sizeof(line), f))
		return sk_fail(e, SNEK_EINVAL, "%s holds no password", path);
	n = strcspn(line, "\r\n");
	if (n > PASSWORD_MAX)
		return sk_fail(e, SNEK_ELIMIT, "%s: a password of more than %u "
		    "bytes", path, PASSWORD_MAX);
	line[n] = '\0';
	*out = strdup(line);
	explicit_bzero(line, sizeof(line));
	return *out ? 0 : sk_enomem(e);
}

static int read_secret(const char *path, char **out, struct snek_error *e)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	int rc;

	if (!f)
		return sk_fail_errno(e, "password file %s", path);
	if (fstat(fileno(f), &st))
		rc = sk_fail_errno(e, "password file %s", path);
	else if (st.st_mode & 077)
		rc = sk_fail(e, SNEK_EACCES, "others can read the password file "
		    "%s: chmod 600 %s", path, path);
	else
		rc = read_line(f, path, out, e);
	fclose(f);
	return rc;
}

int sk_servers_open(struct sk_servers *s, struct sk_profile *p,
    const struct sk_login *given, struct snek_error *e)
{
	static const struct sk_login nothing;
	const struct sk_login *g = given ? given : &nothing;
	const char *file;
	int rc = 0;

	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	if (p) {
		s->profile = *p;
		memset(p, 0, sizeof(*p));
	}
	p = &s->profile;
	file = first(g->password_file, p->password_file);
	if (file)
		rc = read_secret(file, &s->secret, e);
	s->login = (struct sk_login){
		first(g->user, first(getenv("SNEK_REDIS_USER"), p->user)),
		first(g->password, first(getenv("SNEK_REDIS_PASSWORD"),
		    first(s->secret, p->password))), file,
		first(g->ca_file, first(getenv("SNEK_REDIS_CA_FILE"), p->ca_file)),
		first(g->cert_file, first(getenv("SNEK_REDIS_CERT_FILE"),
		    p->cert_file)),
		first(g->key_file, first(getenv("SNEK_REDIS_KEY_FILE"),
		    p->key_file)),
		first(g->server_name, p->server_name),
	};
	if (!rc)
		rc = sk_redis_loop_new(&s->loop, e);
	if (rc)
		sk_servers_close(s);
	return rc;
}

void sk_servers_close(struct sk_servers *s)
{
	if (s->loop)
		sk_redis_loop_free(s->loop);
	if (s->secret)
		explicit_bzero(s->secret, strlen(s->secret));
	free(s->secret);
	sk_redis_url_free(&s->main);
	free(s->client);
	free(s->known);
	pthread_mutex_destroy(&s->lock);
	sk_profile_free(&s->profile);
	memset(s, 0, sizeof(*s));
}

/* ---- servers by their URLs ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_host(const struct sk_redis_url *a,
    const struct sk_redis_url *b)
{
	return a->tls == b->tls && same_text(a->path, b->path) && same_text(a->host, b->host) &&
	    same_text(a->port, b->port);
}

static bool same_server(const struct sk_redis_url *a,
    const struct sk_redis_url *b)
{
	return a->db == b->db && same_host(a, b);
}

static int take_text(char **to, const char *from, struct snek_error *e)
{
	char *copy = strdup(from);

	if (!copy)
		return sk_enomem(e);
	free(*to);
	*to = copy;
	return 0;
}

/* What a line of the profile says of this very server. */
static int take_line(const struct sk_profile *p, const char *text,
    struct sk_redis_url *u, struct snek_error *e)
{
	struct sk_redis_url line;
	int rc = sk_redis_url_parse(&line, text, e);

	if (rc)
		return sk_fail_in(e, rc, "%s, profile at line %u", p->file,
		    p->line);
	if (same_server(u, &line)) {
		if (line.user)
			rc = take_text(&u->user, line.user, e);
		if (!rc && line.password)
			rc = take_text(&u->password, line.password, e);
	}
	sk_redis_url_free(&line);
	return rc;
}

static int take_pair(struct sk_redis_url *u, const char *user,
    const char *password, struct snek_error *e)
{
	int rc = !u->user && user ? take_text(&u->user, user, e) : 0;

	return rc ? rc : take_text(&u->password, password, e);
}

static int identify(const struct sk_servers *s, struct sk_redis_url *u,
    struct snek_error *e)
{
	const struct sk_redis_url *main = &s->main;
	size_t i;
	int rc = 0;

	for (i = 0; i < s->profile.servers && !rc && !u->password; i++)
		rc = take_line(&s->profile, s->profile.server[i], u, e);
	if (rc || u->password)
		return rc;
	if (main->password && (same_host(u, main) || !s->login.password))
		return take_pair(u, main->user, main->password, e);
	return !s->login.password ? 0 :
	    take_pair(u, s->login.user, s->login.password, e);
}

int sk_servers_at(struct sk_servers *s, const char *url, struct snek_error *e)
{
	sk_redis_url_free(&s->main);
	return sk_redis_url_parse(&s->main, url, e);
}

static int identify_mapper(const struct sk_servers *s, struct sk_redis_url *u,
    struct snek_error *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < s->profile.mappers && !rc && !u->password; i++)
		rc = take_line(&s->profile, s->profile.mapper[i], u, e);
	return rc ? rc : identify(s, u, e);
}

static int resolve(const struct sk_servers *s, const char *url,
    const char *prefix, int (*who)(const struct sk_servers *,
    struct sk_redis_url *, struct snek_error *), struct sk_redis_url *u,
    struct snek_error *e)
{
	int rc = sk_redis_url_parse(u, url, e);

	if (rc)
		return rc;
	rc = who(s, u, e);
	if (!rc && prefix)
		rc = take_text(&u->prefix, prefix, e);
	if (rc)
		sk_redis_url_free(u);
	return rc;
}

int sk_servers_resolve(const struct sk_servers *s, const char *url,
    const char *prefix, struct sk_redis_url *u, struct snek_error *e)
{
	return resolve(s, url, prefix, identify, u, e);
}

int sk_servers_mapper(const struct sk_servers *s, const char *url,
    const char *prefix, struct sk_redis_url *u, struct snek_error *e)
{
	return resolve(s, url, prefix, identify_mapper, u, e);
}

int sk_servers_client(struct sk_servers *s, const char *url,
    const char *prefix, struct sk_redis **out, struct snek_error *e)
{
	struct sk_redis_auth auth = {
		.ca_file = s->login.ca_file, .cert_file = s->login.cert_file,
		.key_file = s->login.key_file,
		.server_name = s->login.server_name,
	};
	struct sk_redis_url u;
	int rc = sk_servers_resolve(s, url, prefix, &u, e);

	if (rc)
		return rc;
	rc = sk_redis_new(s->loop, &u, &auth, out, e);
	sk_redis_url_free(&u);
	if (!rc)
		sk_redis_connect(*out);
	return rc;
}

bool sk_servers_may_evict(const struct sk_servers *s)
{
	const char *said = s->profile.allow_eviction;

	return said && !strcmp(said, "yes");
}

int sk_servers_meta(struct sk_servers *s, const char *url,
    struct sk_meta **out, struct sk_redis **client, struct snek_error *e)
{
	int rc = sk_servers_client(s, url, NULL, client, e);

	if (rc)
		return rc;
	rc = sk_meta_redis_open(*client, out, e);
	if (rc)
		sk_redis_free(*client);
	return rc;
}

int sk_servers_address(const char *url, char **out, struct snek_error *e)
{
	struct sk_redis_url u;
	struct sk_buf b = { 0 };
	int rc = sk_redis_url_parse(&u, url, e);

	if (rc)
		return rc;
	free(u.user);
	u.user = NULL;
	rc = take_text(&u.prefix, SK_REDIS_PREFIX, e);
	if (!rc)
		rc = sk_redis_url_print(&u, &b);
	sk_redis_url_free(&u);
	if (rc) {
		sk_buf_free(&b);
		return sk_enomem(e);
	}
	*out = b.p;
	return 0;
}
