/* SPDX-License-Identifier: MIT */
/*
 * host.h - Lambda here: one thread, one loop, and what hangs on it.
 *
 *   rest.c and rest_*.c   Lambda's REST operations
 *   s3.c                  objects, for code that is too large for a request
 *   invoke.c              an invocation, from its request to its reply
 *   environment.c         where it runs; runtime.c is its Runtime API
 */
#ifndef SK_HOST_H
#define SK_HOST_H
#include "host/chance.h"
#include "host/function.h"
#include "host/server.h"
#include "host/spawn.h"
#include "value/json_read.h"

#define SK_HOST_PAYLOAD 6291456u        /* bytes of a request's payload */
#define SK_HOST_EVENT 1048576u          /* of an asynchronous one */
#define SK_HOST_RESPONSE 6291556u
#define SK_HOST_CREATE 70167211u        /* of a request with a zip in it */
#define SK_HOST_ZIP 52428800u           /* of the zip in it */
#define SK_HOST_OBJECT 268435456u       /* of an object */
#define SK_HOST_ENVIRONMENTS 10000u     /* at most */
#define SK_HOST_INIT_MS 10000

struct sk_host_options {
	uint32_t port;
	uint32_t environments;          /* at once; also what may run at once */
	const char *tmp;                /* for the host's directory */
	const char *root;               /* of environments, as sk_spawner_open
					 * has it */
	const char *key, *secret;       /* NULL: signatures are not verified */
	uint32_t create_ms, cold_ms, rtt_ms, late_ms, event_retry_ms,
	    retry_after_s;
	struct sk_chances chances;
	uint32_t seed;
	bool no_network, freeze, verbose;
};

struct sk_host {
	struct sk_host_options o;
	struct sk_loop *loop;
	struct sk_server *server;
	struct sk_port *port;
	struct sk_spawner *spawner;
	sk_json_reader *json;
	char *dir, *objects;            /* below o.tmp; in it */
	int lock;
	struct sk_random random;
	struct sk_registry functions;
	uint32_t running;               /* invocations of functions without a
					 * reserved concurrency */
	struct sk_environment *environments, *idle;
	uint32_t alive;                 /* environments */
	struct sk_timer look;           /* at their memory */
	struct sk_environment *look_next;
	uint64_t numbers;               /* of code and environments so far */
	struct sk_invocation *events;   /* asynchronous ones, not ended */
	uint64_t event_bytes;
	struct sk_delayed *delayed;     /* answers */
	struct sk_settling *settling;   /* functions */
	bool closing;
	char rootless[160];             /* why there are no roots; or "" */
};

int sk_host_open(const struct sk_host_options *, struct sk_host **,
    struct snek_error *);
/* Go on until *stop is set. */
int sk_host_run(struct sk_host *, const volatile int *stop,
    struct snek_error *);
/* Ends all environments. */
void sk_host_close(struct sk_host *);
/* Why environments have no root of their own; "": they have. */
const char *sk_host_rootless(const struct sk_host *);
#endif
