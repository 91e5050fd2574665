/* SPDX-License-Identifier: MIT */
#include "store/redis_parts.h"
#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

static bool copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static bool copy_url(struct sk_redis_url *to, const struct sk_redis_url *from)
{
	*to = (struct sk_redis_url){ .tls = from->tls, .db = from->db };
	return copy(&to->path, from->path) && copy(&to->host, from->host) &&
	    copy(&to->port, from->port) && copy(&to->user, from->user) &&
	    copy(&to->password, from->password) &&
	    copy(&to->prefix, from->prefix);
}

static bool copy_auth(struct sk_redis *r, const struct sk_redis_auth *a)
{
	if (!a)
		return true;
	r->token = a->token;
	r->token_arg = a->token_arg;
	return copy(&r->user, a->user) && copy(&r->password, a->password) &&
	    copy(&r->ca_file, a->ca_file) && copy(&r->cert_file, a->cert_file) &&
	    copy(&r->key_file, a->key_file) &&
	    copy(&r->server_name, a->server_name);
}

static bool name_it(struct sk_redis *r)
{
	struct sk_buf b = { .p = NULL };

	if (sk_redis_url_print(&r->url, &b) < 0) {
		sk_buf_free(&b);
		return false;
	}
	r->name = b.p;
	return true;
}

static void free_texts(struct sk_redis *r)
{
	char *text[] = { r->name, r->user, r->password, r->ca_file, r->cert_file,
	    r->key_file, r->server_name };
	size_t i;

	if (r->password)
		explicit_bzero(r->password, strlen(r->password));
	for (i = 0; i < sizeof(text) / sizeof(*text); i++)
		free(text[i]);
	sk_redis_url_free(&r->url);
}

static void init_wire(struct sk_redis *r)
{
	r->wire.url = &r->url;
	r->wire.epoll = r->loop->epoll;
	r->wire.wake = r->loop->wake;
	r->wire.owner = r;
	r->wire.fd = -1;
	r->wire.tls_name = r->server_name ? r->server_name : r->url.host;
}

int sk_redis_new(sk_redis_loop *l, const struct sk_redis_url *url,
    const struct sk_redis_auth *auth, sk_redis **out, struct snek_error *e)
{
	struct sk_redis *r = calloc(1, sizeof(*r));

	if (!r)
		return sk_enomem(e);
	r->loop = l;
	r->due = INT64_MAX;
	if (!copy_url(&r->url, url) || !copy_auth(r, auth) || !name_it(r)) {
		free_texts(r);
		free(r);
		return sk_enomem(e);
	}
	init_wire(r);
	pthread_mutex_lock(&l->lock);
	r->next = l->clients;
	l->clients = r;
	pthread_mutex_unlock(&l->lock);
	*out = r;
	return 0;
}

static void unlink_client(struct sk_redis *r)
{
	struct sk_redis **at;

	for (at = &r->loop->clients; *at != r; at = &(*at)->next)
		continue;
	*at = r->next;
	r->loop->removals++;
}

static void end_queue(struct sk_redis *r, struct sk_redis_queue *q, int rc,
    const struct snek_error *e)
{
	struct sk_redis_command *c;

	while ((c = sk_redis_pop(q))) {
		if (c->hello)
			sk_redis_command_free(c);
		else
			sk_redis_end(r, c, rc, NULL, e);
	}
}

/* Sent ones first, as if the connection broke. */
static void end_commands(struct sk_redis *r)
{
	struct snek_error e;
	struct sk_redis_command *c;
	int rc;

	end_queue(r, &r->hello, 0, NULL);
	while ((c = sk_redis_pop(&r->sent))) {
		struct sk_redis_queue one = { NULL, NULL };

		rc = c->again ? SNEK_ECANCELED : SNEK_EUNKNOWN;
		sk_fail(&e, rc, "%s: closed before the reply came", r->name);
		sk_redis_push(&one, c);
		end_queue(r, &one, rc, &e);
	}
	sk_fail(&e, SNEK_ECANCELED, "%s: closed before it was asked", r->name);
	end_queue(r, &r->wait, SNEK_ECANCELED, &e);
}

static void drop_queue(struct sk_redis_queue *q)
{
	struct sk_redis_command *c;

	while ((c = sk_redis_pop(q)))
		sk_redis_command_free(c);
}

/* In a forked child: memory and descriptors only. */
static void free_foreign(struct sk_redis *r)
{
	sk_transport_abandon(&r->wire);
	drop_queue(&r->hello);
	drop_queue(&r->sent);
	drop_queue(&r->wait);
}

void sk_redis_free(sk_redis *r)
{
	if (!r)
		return;
	if (sk_redis_loop_is_foreign(r->loop)) {
		unlink_client(r);
		free_foreign(r);
	} else {
		pthread_mutex_lock(&r->loop->lock);
		assert(!r->loop->calling);
		end_commands(r);
		unlink_client(r);
		sk_transport_free(&r->wire);
		pthread_cond_broadcast(&r->loop->moved);
		pthread_mutex_unlock(&r->loop->lock);
	}
	sk_resp_free(r->resp);
	free_texts(r);
	free(r);
}

void sk_redis_connect(sk_redis *r)
{
	if (sk_redis_loop_is_foreign(r->loop))
		return;
	pthread_mutex_lock(&r->loop->lock);
	r->asked = r->state == SK_REDIS_DOWN;
	sk_redis_loop_wake(r->loop);
	pthread_mutex_unlock(&r->loop->lock);
}

const char *sk_redis_name(const sk_redis *r)
{
	return r->name;
}

const char *sk_redis_prefix(const sk_redis *r)
{
	return r->url.prefix;
}

sk_redis_loop *sk_redis_loop_of(const sk_redis *r)
{
	return r->loop;
}

int sk_redis_send(sk_redis *r, const struct sk_command *from, sk_redis_done *done,
    void *arg, struct snek_error *e)
{
	struct sk_redis_command *c;
	int rc = sk_redis_loop_refuse(r->loop, e);

	if (rc)
		return rc;
	if (!from->args)
		return sk_fail(e, SNEK_EINVAL, "a command of no words");
	c = sk_redis_command_new(from, done, arg);
	if (!c)
		return sk_enomem(e);
	c->queued = sk_clock_ms();
	if (!c->deadline)
		c->deadline = c->queued + SK_REDIS_REPLY_MS;
	pthread_mutex_lock(&r->loop->lock);
	sk_redis_push(&r->wait, c);
	r->queued += c->n;
	r->pending++;
	if (c->deadline < r->due)
		r->due = c->deadline;
	sk_redis_loop_wake(r->loop);
	pthread_mutex_unlock(&r->loop->lock);
	return 0;
}

size_t sk_redis_queued(const sk_redis *r)
{
	size_t n;

	pthread_mutex_lock(&r->loop->lock);
	n = r->queued;
	pthread_mutex_unlock(&r->loop->lock);
	return n;
}

uint32_t sk_redis_pending(const sk_redis *r)
{
	uint32_t n;

	pthread_mutex_lock(&r->loop->lock);
	n = r->pending;
	pthread_mutex_unlock(&r->loop->lock);
	return n;
}
