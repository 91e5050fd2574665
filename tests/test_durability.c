/* SPDX-License-Identifier: MIT */
/* What a write survives is what its receipt says, or there is none. */
#include <signal.h>
#include <snek/snek.h>

#include "category/durability.h"
#include "check_main.h"
#include "redis.h"
#include "tempdir.h"

#define ALWAYS "appendonly yes\nappendfsync always\n"
#define EVERYSEC "appendonly yes\nappendfsync everysec\n"

static struct redis_world *world[3];
static snek_cluster *cluster;
static struct snek_error err;

/* A cluster of the first n worlds, the meta store on the first. */
static void open_cluster(uint32_t n)
{
	const char *url[3];
	struct snek_cluster_options o = { .size = sizeof(o), .server = url,
		.servers = n, .level = n };
	uint32_t i;

	for (i = 0; i < n; i++)
		url[i] = redis_url(world[i]);
	ck_assert_msg(!snek_cluster_create(NULL, &o, &err), "%s", err.text);
	ck_assert_msg(!snek_cluster_open(url[0], &cluster, &err), "%s",
	    err.text);
}

static void start(int i, const char *conf)
{
	struct redis_options o = { .conf = conf };

	world[i] = redis_start(&o);
}

static void tear_down(void)
{
	size_t i;

	snek_cluster_close(cluster);
	cluster = NULL;
	for (i = 0; i < 3; i++) {
		if (world[i])
			redis_stop(world[i]);
		world[i] = NULL;
	}
}

/* n records of some hundred bytes each; the receipt's word, or the code. */
static int write_some(const char *wanted, const char *request, int n,
    struct snek_receipt *r)
{
	struct snek_writer_options o = { .size = sizeof(o),
		.durability = wanted, .request_id = request };
	char text[512];
	snek_writer *w;
	int rc = snek_writer_open(cluster, "c", &o, &w, &err), i;

	if (rc)
		return rc;
	for (i = 0; i < n && !rc; i++) {
		snprintf(text, sizeof(text), "{\"i\":%d,\"pad\":\"%0400d\"}",
		    i, i);
		rc = snek_writer_put(w, text, strlen(text), &err);
	}
	*r = (struct snek_receipt){ .size = sizeof(*r) };
	if (!rc)
		rc = snek_writer_commit(w, r, &err);
	snek_writer_free(w);
	return rc;
}

static void gives(const char *wanted, const char *reached)
{
	struct snek_receipt r;
	int n;

	/* Into the meta store, and onto shards. */
	for (n = 1; n <= 1000; n += 999) {
		ck_assert_msg(!write_some(wanted, NULL, n, &r), "%s: %s",
		    wanted ? wanted : "-", err.text);
		ck_assert_str_eq(r.durability, reached);
	}
}

static void refuses(const char *wanted, const char *says)
{
	struct snek_receipt r;

	ck_assert_int_eq(write_some(wanted, NULL, 1, &r), SNEK_EINVAL);
	ck_assert_msg(strstr(err.text, says), "'%s' lacks '%s'", err.text, says);
}

/* ---- in words ---- */

static const struct {
	const char *text;
	enum sk_durability level;       /* UNKNOWN: refused */
	uint32_t replicas;
} promises[] = {
	{ "memory", SK_DURABLE_MEMORY, 0 },
	{ "process", SK_DURABLE_PROCESS, 0 },
	{ "machine", SK_DURABLE_MACHINE, 0 },
	{ "replicated=1", SK_DURABLE_REPLICATED, 1 },
	{ "replicated=64", SK_DURABLE_REPLICATED, 64 },
	{ "", SK_DURABLE_UNKNOWN, 0 }, { "Machine", SK_DURABLE_UNKNOWN, 0 },
	{ "machines", SK_DURABLE_UNKNOWN, 0 },
	{ "replicated", SK_DURABLE_UNKNOWN, 0 },
	{ "replicated=", SK_DURABLE_UNKNOWN, 0 },
	{ "replicated=0", SK_DURABLE_UNKNOWN, 0 },
	{ "replicated=-1", SK_DURABLE_UNKNOWN, 0 },
	{ "replicated=65", SK_DURABLE_UNKNOWN, 0 },
	{ "replicated=1x", SK_DURABLE_UNKNOWN, 0 },
	{ "replicated=99999999999999999999", SK_DURABLE_UNKNOWN, 0 },
};

START_TEST(words_are_levels_and_back)
{
	char text[SK_PROMISE_TEXT];
	struct sk_promise p;
	int rc = sk_promise_parse(promises[_i].text, &p, &err);

	if (promises[_i].level == SK_DURABLE_UNKNOWN) {
		ck_assert_int_eq(rc, SNEK_EINVAL);
		return;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(p.level, promises[_i].level);
	ck_assert_uint_eq(p.replicas, promises[_i].replicas);
	sk_promise_print(p, text);
	ck_assert_str_eq(text, promises[_i].text);
}
END_TEST

/* ---- a directory ---- */

START_TEST(a_directory_survives_power_loss)
{
	char dir[64];

	tempdir_make(dir);
	rmdir(dir);
	ck_assert_int_eq(snek_cluster_create(dir, NULL, &err), 0);
	ck_assert_int_eq(snek_cluster_open(dir, &cluster, &err), 0);
	gives(NULL, "machine");
	gives("memory", "machine");
	gives("process", "machine");
	gives("machine", "machine");
	refuses("replicated=1", "has no replicas");
	refuses("disk", "there are memory");
	tempdir_remove(dir);
}
END_TEST

/* ---- servers ---- */

static const struct {
	const char *conf[2];            /* of the meta store, and another */
	const char *reached;
	const char *process, *machine;  /* why not; NULL: it is reached */
} kinds[] = {
	{ { NULL, NULL }, "memory", "appendonly is off", "appendonly is off" },
	{ { ALWAYS, ALWAYS }, "machine", NULL, NULL },
	{ { EVERYSEC, EVERYSEC }, "memory", "everysec", "everysec" },
	{ { ALWAYS, EVERYSEC }, "memory", "(shard 1)", "everysec" },
	{ { NULL, ALWAYS }, "memory", "(the meta store)", "appendonly" },
	{ { ALWAYS "no-appendfsync-on-rewrite yes\n", ALWAYS }, "process", NULL,
	  "no-appendfsync-on-rewrite" },
	{ { ALWAYS, ALWAYS "user default on nopass ~* &* +@all -config\n" },
	  "memory", "forbids CONFIG", "forbids CONFIG" },
};

START_TEST(servers_give_what_the_weakest_of_them_gives)
{
	start(0, kinds[_i].conf[0]);
	start(1, kinds[_i].conf[1]);
	open_cluster(2);
	gives(NULL, kinds[_i].reached);
	gives("memory", kinds[_i].reached);
	if (kinds[_i].process)
		refuses("process", kinds[_i].process);
	else
		gives("process", kinds[_i].reached);
	if (kinds[_i].machine)
		refuses("machine", kinds[_i].machine);
	else
		gives("machine", kinds[_i].reached);
	refuses("replicated=1", "0 replicas in sync");
}
END_TEST

START_TEST(only_the_servers_of_the_placement_count)
{
	const char *url[2];
	struct snek_cluster_options o = { .size = sizeof(o), .server = url,
		.servers = 2, .level = 1 };

	start(0, ALWAYS);
	start(1, NULL);
	url[0] = redis_url(world[0]);
	url[1] = redis_url(world[1]);
	ck_assert_int_eq(snek_cluster_create(NULL, &o, &err), 0);
	ck_assert_int_eq(snek_cluster_open(url[0], &cluster, &err), 0);
	gives("machine", "machine");            /* the first draw: shard 0 */
}
END_TEST

/* ---- replicas ---- */

static void replica_of(int copy, int of)
{
	char command[64];
	char *said;
	int i;

	start(copy, NULL);
	snprintf(command, sizeof(command), "REPLICAOF 127.0.0.1 %d",
	    redis_port(world[of]));
	free(redis_cli(world[copy], command));
	for (i = 0; i < 3000; i++) {
		said = redis_cli(world[of], "INFO replication");
		if (strstr(said, "state=online"))
			break;
		free(said);
		usleep(10000);
	}
	ck_assert_int_lt(i, 3000);
	free(said);
}

START_TEST(a_replica_has_what_was_acknowledged)
{
	struct snek_receipt r;

	start(0, NULL);
	replica_of(1, 0);
	open_cluster(1);
	gives(NULL, "replicated=1");
	gives("replicated=1", "replicated=1");
	gives("memory", "memory");
	refuses("process", "appendonly is off");
	refuses("replicated=2", "1 replica in sync");
	ck_assert_int_eq(write_some("memory", "r", 1000, &r), 0);
	ck_assert_int_eq(write_some("replicated=1", "r", 1000, &r), 0);
	ck_assert(r.repeated);
	ck_assert_str_eq(r.durability, "replicated=1");
}
END_TEST

START_TEST(a_late_replica_is_said_and_waited_for_again)
{
	struct snek_receipt r, again;
	const char *says = "committed as version 1, but not known to be on 1 "
	    "replica";

	sk_durability_ms = 200;
	start(0, NULL);
	replica_of(1, 0);
	open_cluster(1);
	redis_signal(world[1], SIGSTOP);
	ck_assert_int_eq(write_some(NULL, "r", 1, &r), SNEK_EUNKNOWN);
	ck_assert_msg(!strncmp(err.text, says, strlen(says)), "%s", err.text);
	ck_assert_msg(strstr(err.text, "a repeat"), "%s", err.text);
	redis_signal(world[1], SIGCONT);
	sk_durability_ms = 10000;
	ck_assert_msg(!write_some("replicated=1", "r", 1, &again), "%s",
	    err.text);
	ck_assert(again.repeated);
	ck_assert_uint_eq(again.version, 1);
	ck_assert_str_eq(again.durability, "replicated=1");
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, NULL, tear_down);
	tcase_add_loop_test(t, words_are_levels_and_back, 0,
	    sizeof(promises) / sizeof(*promises));
	tcase_add_test(t, a_directory_survives_power_loss);
	if (!redis_have())
		return;
	tcase_add_loop_test(t, servers_give_what_the_weakest_of_them_gives, 0,
	    sizeof(kinds) / sizeof(*kinds));
	tcase_add_test(t, only_the_servers_of_the_placement_count);
	tcase_add_test(t, a_replica_has_what_was_acknowledged);
	tcase_add_test(t, a_late_replica_is_said_and_waited_for_again);
}

int main(void)
{
	int rc = check_main("durability", tests);

	return rc || redis_have() ? rc : redis_skip("durability of servers");
}
