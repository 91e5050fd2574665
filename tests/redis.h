/* SPDX-License-Identifier: MIT */
/*
 * redis.h - real servers for tests: on a spare port of 127.0.0.1 or a socket
 * in a directory of its own, ended by pid.
 *
 *	struct redis_world *w = redis_start(NULL);
 *	... redis_url(w), redis_client(w, loop) ...
 *	redis_stop(w);
 *
 * A server also ends when the test program does.
 */
#ifndef TESTS_REDIS_H
#define TESTS_REDIS_H
#include "store/redis.h"

struct redis_options {
	bool unix_socket;       /* no port at all */
	bool tls;               /* no plain port; certificates as below */
	bool client_cert;       /* with tls: wants one of clients */
	bool aof;               /* appendonly yes, appendfsync always */
	bool replica;           /* of nobody: takes no writes */
	const char *sentinel;   /* run as a Sentinel */
	const char *url_user;   /* "user:password@" of redis_url */
	const char *conf;       /* more lines of its configuration */
};

struct redis_world;

/* Whether there is a server to be started; else tests exit with 77. */
bool redis_have(void);
int redis_skip(const char *test);       /* says so; returns 77 */

/* NULL: plain TCP, nothing is saved.  Waits until it answers. */
struct redis_world *redis_start(const struct redis_options *);
/* Ends it and removes its directory. */
void redis_stop(struct redis_world *);
/* End it (SIGTERM, or SIGKILL) and keep its directory and port; start it again,
 * with another configuration behind its own if conf. */
void redis_end(struct redis_world *, int signal);
void redis_again(struct redis_world *, const char *conf);
void redis_signal(struct redis_world *, int signal);    /* SIGSTOP, SIGCONT */

/* The URL of a world under the name localhost; NULL, said, where a machine
 * does not know that name. */
const char *redis_local_url(const struct redis_world *, const char *scheme);
const char *redis_url(const struct redis_world *);
const char *redis_dir(const struct redis_world *);
int redis_port(const struct redis_world *);     /* 0: a unix socket */

/* A certificate authority in a directory: makes ca.pem, other-ca.pem,
 * server.{pem,key} (localhost, 127.0.0.1), wrong.{pem,key} (another name),
 * expired.{pem,key}, client.{pem,key}; by openssl(1).  false: there is none. */
bool redis_certificates(const char *dir);

/* A client of the world, or of a URL; fails the test when it cannot be made. */
sk_redis *redis_client(const struct redis_world *, sk_redis_loop *);
sk_redis *redis_client_of(const char *url, const struct sk_redis_auth *,
    sk_redis_loop *);
sk_redis_loop *redis_loop(void);
/* One command, words separated by blanks; redis_expect fails the test unless
 * the reply is this text, redis_refused unless it ends with this code. */
int redis_call(sk_redis *, const char *words, struct sk_answer *,
    struct snek_error *);
void redis_expect(sk_redis *, const char *words, const char *text);
void redis_refused(sk_redis *, const char *words, int rc, const char *says);
/* One command, words separated by blanks, over a connection of its own (for the
 * test's hands, not snek's): the reply as text, for free(). */
char *redis_cli(const struct redis_world *, const char *command);
#endif
