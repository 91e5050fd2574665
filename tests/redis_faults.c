/* SPDX-License-Identifier: MIT */
#include "redis_faults.h"
#include "category/cluster.h"
#include "store/shard.h"

#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the cluster ---- */

static const char acl[] = "user writer on >right ~* +@all\n"
    "repl-ping-replica-period 1\n";

static void say(const struct redis_world *w, const char *command)
{
	char *got = redis_cli(w, command);

	ck_assert_msg(*got != '-', "%s: %s", command, got);
	free(got);
}

static bool says(const struct redis_world *w, const char *what)
{
	char *got = redis_cli(w, "INFO replication");
	bool yes = strstr(got, what) != NULL;

	free(got);
	return yes;
}

/* Until the replica has all and takes part. */
static void follow(struct redis_world *replica, const struct redis_world *of)
{
	char command[64];
	unsigned tries = 0;
	bool up = false;

	snprintf(command, sizeof(command), "REPLICAOF 127.0.0.1 %d",
	    redis_port(of));
	say(replica, command);
	while (!up) {
		ck_assert_uint_lt(tries++, 1000);
		usleep(10000);
		up = says(of, "state=online") &&
		    says(replica, "master_link_status:up");
	}
}

static void start(struct faulty *f, int i, enum faulty_kind kind)
{
	struct redis_options o = { .aof = true, .tls = kind == FAULTY_TLS,
	    .conf = acl };
	char path[160];

	f->server[i] = redis_start(&o);
	f->proxy[i] = proxy_start(0, redis_port(f->server[i]), NULL);
	ck_assert_ptr_nonnull(f->proxy[i]);
	snprintf(f->url[i], sizeof(f->url[i]), "%s://127.0.0.1:%d",
	    o.tls ? "rediss" : "redis", proxy_port(f->proxy[i]));
	if (!o.tls)
		return;
	/* One authority vouches for both. */
	if (i) {
		char command[400];

		snprintf(command, sizeof(command), "cp '%s'/*.pem '%s'/*.key '%s'",
		    redis_dir(f->server[0]), redis_dir(f->server[0]),
		    redis_dir(f->server[i]));
		ck_assert_int_eq(system(command), 0);
		redis_end(f->server[i], SIGTERM);
		redis_again(f->server[i], NULL);
	}
	snprintf(path, sizeof(path), "%s/ca.pem", redis_dir(f->server[0]));
	setenv("SNEK_REDIS_CA_FILE", path, 1);
}

bool faulty_can(enum faulty_kind kind)
{
	const char *module = getenv("SNEK_TLS");

	return kind != FAULTY_TLS || !module || !access(module, R_OK);
}

void faulty_make(struct faulty *f, enum faulty_kind kind)
{
	struct redis_options o = { .aof = true, .conf = acl };
	const char *url[FAULTY_SERVERS] = { f->url[0], f->url[1] };
	struct sk_cluster_plan plan = { .meta = f->url[0], .server = url,
	    .servers = FAULTY_SERVERS, .level = FAULTY_SERVERS };
	struct snek_error e = { 0 };
	int i;

	memset(f, 0, sizeof(*f));
	setenv("SNEK_REDIS_USER", "writer", 1);
	setenv("SNEK_REDIS_PASSWORD", "right", 1);
	for (i = 0; i < FAULTY_SERVERS; i++)
		start(f, i, kind);
	if (kind == FAULTY_REPLICA) {
		f->replica = redis_start(&o);
		follow(f->replica, f->server[1]);
	}
	plan.login.user = "writer";
	plan.login.password = "right";
	ck_assert_msg(!sk_cluster_create(&plan, &e), "create: %s", e.text);
}

void faulty_remove(struct faulty *f)
{
	int i;

	for (i = 0; i < FAULTY_SERVERS; i++) {
		proxy_stop(f->proxy[i]);
		redis_stop(f->server[i]);
	}
	redis_stop(f->replica);
}

struct sk_catalog *faulty_open(const struct faulty *f)
{
	struct snek_error e = { 0 };
	struct sk_catalog *c;

	ck_assert_msg(!sk_cluster_open(f->url[0], NULL, &c, &e), "open: %s", e.text);
	if (f->replica)
		ck_assert_msg(!sk_redis_shard_durability(c->shard[1],
		    SK_DURABLE_REPLICATED, 1, &e), "%s", e.text);
	return c;
}

/* ---- what befalls a server ---- */

static struct redis_world *struck(const struct hit *h)
{
	return h->f->server[h->server];
}

static void kill_and_restart(struct hit *h)
{
	redis_end(struck(h), SIGKILL);
	redis_again(struck(h), NULL);
}

static void kill_clients(struct hit *h)
{
	say(struck(h), "CLIENT KILL TYPE normal");
}

static void sleep_on(struct hit *h)
{
	say(struck(h), "DEBUG SLEEP 0.1");
}

static void stop_and_go(struct hit *h)
{
	redis_signal(struck(h), SIGSTOP);
	usleep(100000);
	redis_signal(struck(h), SIGCONT);
}

static void fill_memory(struct hit *h)
{
	say(struck(h), "CONFIG SET maxmemory 1");
}

static void free_memory(struct hit *h)
{
	say(struck(h), "CONFIG SET maxmemory 0");
}

static void demote(struct hit *h)
{
	say(struck(h), "REPLICAOF 127.0.0.1 1");
}

static void promote(struct hit *h)
{
	say(struck(h), "REPLICAOF NO ONE");
}

static void change_password(struct hit *h)
{
	say(struck(h), "ACL SETUSER writer resetpass >wrong");
	say(struck(h), "CLIENT KILL USER writer");
}

static void restore_password(struct hit *h)
{
	say(struck(h), "ACL SETUSER writer resetpass >right");
}

/* The server dies, its replica takes over behind the same address. */
static void fail_over(struct hit *h)
{
	struct faulty *f = h->f;
	struct redis_world *dead = struck(h);
	int port = proxy_port(f->proxy[h->server]);

	redis_end(dead, SIGKILL);
	say(f->replica, "REPLICAOF NO ONE");
	proxy_stop(f->proxy[h->server]);
	f->proxy[h->server] = proxy_start(port, redis_port(f->replica), NULL);
	ck_assert_ptr_nonnull(f->proxy[h->server]);
	f->server[h->server] = f->replica;
	f->replica = dead;
}

static void rejoin(struct hit *h)
{
	redis_again(h->f->replica, NULL);
	follow(h->f->replica, struck(h));
}

/* ---- and its wire ---- */

/* The connections that there are end; the next one is broken. */
static void spoil(struct hit *h, struct proxy_fault fault)
{
	proxy_set(h->f->proxy[h->server], &fault);
	proxy_cut_all(h->f->proxy[h->server]);
}

/* Within what is said first, or anywhere in a write. */
static int64_t somewhere(const struct hit *h)
{
	return (int64_t)(h->seed % 3 ? h->seed * 7919 % 40000 :
	    h->seed * 31 % 600);
}

static void cut_up(struct hit *h)
{
	struct proxy_fault fault = { PROXY_FAULT };

	fault.cut_up = somewhere(h);
	fault.times = 2;
	spoil(h, fault);
}

static void cut_down(struct hit *h)
{
	struct proxy_fault fault = { PROXY_FAULT };

	fault.cut_down = (int64_t)(h->seed * 31 % 400);
	fault.times = 2;
	spoil(h, fault);
}

static void reset(struct hit *h)
{
	struct proxy_fault fault = { PROXY_FAULT };

	fault.reset = true;
	fault.cut_up = somewhere(h);
	fault.times = 2;
	spoil(h, fault);
}

/* Half open, until somebody notices. */
static void stall(struct hit *h)
{
	struct proxy_fault fault = { PROXY_FAULT };

	fault.times = 1;
	if (h->seed % 2)
		fault.stall_up = somewhere(h);
	else
		fault.stall_down = somewhere(h) / 40;
	spoil(h, fault);
	usleep(250000);
	proxy_set(h->f->proxy[h->server], NULL);
	proxy_cut_all(h->f->proxy[h->server]);
}

static void delay(struct hit *h)
{
	struct proxy_fault fault = { PROXY_FAULT };

	fault.delay_ms = 3;
	spoil(h, fault);
}

static void trickle(struct hit *h)
{
	struct proxy_fault fault = { PROXY_FAULT };

	fault.trickle = true;
	spoil(h, fault);
}

static void refuse(struct hit *h)
{
	proxy_refuse(h->f->proxy[h->server], true);
	proxy_cut_all(h->f->proxy[h->server]);
	usleep(100000);
	proxy_refuse(h->f->proxy[h->server], false);
}

static void corrupt_up(struct hit *h)
{
	struct proxy_fault fault = { PROXY_FAULT };

	fault.corrupt_up = somewhere(h);
	fault.times = 2;
	spoil(h, fault);
}

static void corrupt_down(struct hit *h)
{
	struct proxy_fault fault = { PROXY_FAULT };

	fault.corrupt_down = somewhere(h) / 20;
	fault.times = 2;
	spoil(h, fault);
}

static void mend_wire(struct hit *h)
{
	proxy_set(h->f->proxy[h->server], NULL);
	proxy_cut_all(h->f->proxy[h->server]);
}

/* Bytes are changed behind the sums of TLS: without it, nobody promises that a
 * request arrives as it was sent. */
const struct fault faults[] = {
	{ "kill -9", kill_and_restart, NULL, FAULTY_PLAIN, false },
	{ "client kill", kill_clients, NULL, FAULTY_PLAIN, false },
	{ "debug sleep", sleep_on, NULL, FAULTY_PLAIN, false },
	{ "stop", stop_and_go, NULL, FAULTY_PLAIN, false },
	{ "maxmemory", fill_memory, free_memory, FAULTY_PLAIN, false },
	{ "demoted", demote, promote, FAULTY_PLAIN, false },
	{ "password", change_password, restore_password, FAULTY_PLAIN, false },
	{ "cut up", cut_up, mend_wire, FAULTY_PLAIN, false },
	{ "cut down", cut_down, mend_wire, FAULTY_PLAIN, false },
	{ "reset", reset, mend_wire, FAULTY_PLAIN, false },
	{ "stall", stall, mend_wire, FAULTY_PLAIN, false },
	{ "delay", delay, mend_wire, FAULTY_PLAIN, false },
	{ "trickle", trickle, mend_wire, FAULTY_PLAIN, false },
	{ "refuse", refuse, NULL, FAULTY_PLAIN, false },
	{ "corrupt up", corrupt_up, mend_wire, FAULTY_TLS, false },
	{ "corrupt down", corrupt_down, mend_wire, FAULTY_TLS, false },
	{ "failover", fail_over, rejoin, FAULTY_REPLICA, true },
};
const int faults_n = sizeof(faults) / sizeof(*faults);

/* ---- writes ---- */

enum outcome faulty_outcome(int rc)
{
	return !rc ? COMMITTED : rc == SNEK_EUNKNOWN ? UNKNOWN : NOT_COMMITTED;
}

struct job faulty_job(uint64_t w, bool small, char request[24])
{
	struct job j = { .request = request, .w = w, .n = small ? 6 : 150,
	    .pad = 200, .chunk_size = 4 << 10, .no_compact = true };

	snprintf(request, 24, "r%" PRIu64, w);
	return j;
}

unsigned faulty_rounds(void)
{
	const char *said = getenv("ROUNDS");
	unsigned long n = said ? strtoul(said, NULL, 10) : 3;

	return n ? (unsigned)(n < 100000 ? n : 100000) : 3;
}
