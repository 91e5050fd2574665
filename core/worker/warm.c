/* SPDX-License-Identifier: MIT */
#include "worker/warm.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"

#define MAX_SOURCE ((uint64_t)4 << 20)

static bool same(const struct sk_buf *b, struct sk_span s)
{
	return b->n == s.n && (!s.n || !memcmp(b->p, s.p, s.n));
}

static void wipe(struct sk_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	sk_buf_free(b);
}

/* ---- jobs ---- */

static void end_job(struct sk_warm *w)
{
	sk_attempts_end(&w->attempts);
	sk_buf_free(&w->init);
	w->job[0] = '\0';
}

int sk_warm_job(struct sk_warm *w, const struct sk_event *v,
    struct snek_error *e)
{
	struct sk_message m = { 0 };
	int rc;

	if (!strcmp(w->job, v->id.job) && same(&w->init, v->init))
		return 0;
	end_job(w);
	rc = sk_event_parcel(v->init, SK_MSG_INIT, &m, e);
	if (rc)
		return rc;
	rc = sk_attempts_begin(&w->attempts, &m);
	if (rc)
		sk_fail(e, rc, "malformed job");
	else if (!sk_buf_put(&w->init, v->init.p, v->init.n))
		rc = sk_enomem(e);
	if (rc)
		end_job(w);
	else
		memcpy(w->job, v->id.job, sizeof(w->job));
	return rc;
}

/* ---- shards ---- */

void sk_warm_drop_source(struct sk_warm *w)
{
	sk_source_close(w->source);
	w->source = NULL;
}

static void forget_source(struct sk_warm *w)
{
	sk_warm_drop_source(w);
	wipe(&w->source_text);
	wipe(&w->addresses);
	free(w->columns.column);
	memset(&w->columns, 0, sizeof(w->columns));
	sk_message_free(&w->wanted);
}

static bool take_out(const char *name, char **to)
{
	char *v = getenv(name);

	if (!v || !*v)
		return true;
	*to = strdup(v);
	if (!*to)
		return false;
	explicit_bzero(v, strlen(v));   /* /proc shows it, too */
	unsetenv(name);
	return true;
}

bool sk_warm_access(struct sk_warm *w)
{
	struct sk_access *a = &w->access;

	return take_out("SNEK_REDIS_USER", &a->user) &&
	    take_out("SNEK_REDIS_PASSWORD", &a->password) &&
	    take_out("SNEK_REDIS_CA_FILE", &a->ca_file) &&
	    take_out("SNEK_REDIS_CERT_FILE", &a->cert_file) &&
	    take_out("SNEK_REDIS_KEY_FILE", &a->key_file);
}

/* Names of files mean nothing here but ours. */
static int put_address(const struct sk_access *ours, struct sk_buf *to,
    struct sk_address *a)
{
	if (!a->user)
		a->user = ours->user;
	if (!a->password)
		a->password = ours->password;
	a->ca_file = ours->ca_file;
	a->cert_file = ours->cert_file;
	a->key_file = ours->key_file;
	return sk_address_put(to, a) ? 0 : SNEK_ENOMEM;
}

static int complete(const struct sk_access *ours, struct sk_span s,
    struct sk_buf *to)
{
	struct sk_address a;
	int rc;

	while ((rc = sk_address_next(&s, &a)) == 1) {
		rc = put_address(ours, to, &a);
		if (rc)
			return rc;
	}
	return rc;
}

static int read_addresses(const struct sk_access *ours,
    const struct sk_message *m, struct sk_buf *to)
{
	struct sk_buf said = { 0 };
	struct stat st;
	int rc;

	if (m->fds != 1 || fstat(m->fd[0], &st) || st.st_size < 0 ||
	    (uint64_t)st.st_size > MAX_SOURCE)
		return SNEK_EFORMAT;
	rc = sk_channel_slurp(m->fd[0], (uint64_t)st.st_size, &said)
	    ? complete(ours, (struct sk_span){ said.p, said.n }, to)
	    : SNEK_ENOMEM;
	wipe(&said);
	return rc;
}

/* Connections stay when only what is read has changed. */
static int take_source(struct sk_warm *w, struct sk_message *m)
{
	struct sk_buf now = { 0 };
	struct sk_get r;
	int rc = read_addresses(&w->access, m, &now);

	if (rc || !same(&w->addresses, (struct sk_span){ now.p, now.n })) {
		sk_warm_drop_source(w);
		wipe(&w->addresses);
		w->addresses = now;
	} else {
		wipe(&now);
	}
	free(w->columns.column);
	memset(&w->columns, 0, sizeof(w->columns));
	sk_message_free(&w->wanted);
	w->wanted = *m;
	memset(m, 0, sizeof(*m));
	r = (struct sk_get){ w->wanted.body.p, w->wanted.body.n, false };
	if (!rc)
		rc = sk_get_want(&r, &w->columns);
	w->want = (struct sk_want){ .name = w->columns.column,
	    .names = w->columns.columns, .all = w->columns.whole };
	return rc;
}

static int new_source(struct sk_warm *w, struct sk_span text,
    struct snek_error *e)
{
	struct sk_message m = { 0 };
	int rc = sk_event_parcel(text, SK_MSG_SOURCE, &m, e);

	if (rc)
		return rc;
	rc = take_source(w, &m);
	sk_message_free(&m);
	wipe(&w->source_text);
	if (!rc && !sk_buf_put(&w->source_text, text.p, text.n))
		rc = SNEK_ENOMEM;
	return rc ? sk_fail(e, rc, "where the shards are: %s",
	    sk_strerror(rc)) : 0;
}

int sk_warm_source(struct sk_warm *w, const struct sk_event *v,
    struct snek_error *e)
{
	int64_t now = sk_clock_wall();
	int rc = 0;

	if (!v->source.n)
		return sk_fail(e, SNEK_EINTERNAL, "shards are to be read, and "
		    "it is not said where they are");
	if (!same(&w->source_text, v->source))
		rc = new_source(w, v->source, e);
	if (rc) {
		forget_source(w);
		return rc;
	}
	if (now - w->used > SK_WARM_IDLE_S || now < w->used)
		sk_warm_drop_source(w);
	w->used = now;
	return w->source ? 0 : sk_source_open((struct sk_span){ w->addresses.p,
	    w->addresses.n }, &w->source, e);
}

void sk_warm_free(struct sk_warm *w)
{
	char **const own[] = { &w->access.user, &w->access.password,
		&w->access.ca_file, &w->access.cert_file, &w->access.key_file };
	size_t i;

	end_job(w);
	forget_source(w);
	for (i = 0; i < sizeof(own) / sizeof(*own); i++) {
		if (*own[i])
			explicit_bzero(*own[i], strlen(*own[i]));
		free(*own[i]);
		*own[i] = NULL;
	}
}
