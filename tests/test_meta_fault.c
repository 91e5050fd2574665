/* SPDX-License-Identifier: MIT */
/* A meta store on a server, when something breaks in between. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "meta_on_redis.h"

const struct meta_store *const meta_store = &on_redis;

/* ---- a proxy that loses what it is told to ---- */

enum loss { LOSE_NOTHING, LOSE_REQUEST, LOSE_REPLY };
static struct {
	int listener;
	_Atomic int loss, times;        /* so many scripts yet */
	_Atomic bool over;
	pthread_t thread;
	char url[64];
} proxy;

static int listen_somewhere(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int dial_world(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)redis_port(world)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		abort();
	return fd;
}

static bool send_all(int fd, const char *p, ssize_t n)
{
	return n > 0 && send(fd, p, (size_t)n, MSG_NOSIGNAL) == n;
}

/* Requests in these tests are small: one comes in one piece. */
static bool pass_request(int client, int server, bool *drop)
{
	char b[65536];
	ssize_t n = recv(client, b, sizeof(b), 0);

	if (n > 0 && proxy.times > 0 && memmem(b, (size_t)n, "EVAL", 4)) {
		proxy.times--;
		if (proxy.loss == LOSE_REQUEST)
			return false;
		*drop = true;
	}
	return send_all(server, b, n);
}

static bool pass_reply(int server, int client, bool drop)
{
	char b[65536];
	ssize_t n = recv(server, b, sizeof(b), 0);

	return !drop && send_all(client, b, n);
}

static void *carry(void *arg)
{
	int client = (int)(intptr_t)arg, server = dial_world();
	struct pollfd p[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
	bool on = true, drop = false;

	while (on && poll(p, 2, -1) > 0) {
		if (p[0].revents)
			on = pass_request(client, server, &drop);
		if (on && p[1].revents)
			on = pass_reply(server, client, drop);
	}
	close(client);
	close(server);
	return NULL;
}

static void *serve(void *arg)
{
	pthread_t t;
	int fd;

	(void)arg;
	while ((fd = accept4(proxy.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 &&
	    !proxy.over)
		if (pthread_create(&t, NULL, carry, (void *)(intptr_t)fd) ||
		    pthread_detach(t))
			abort();
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void proxy_start(void)
{
	int port;

	proxy.listener = listen_somewhere(&port);
	snprintf(proxy.url, sizeof(proxy.url), "redis://127.0.0.1:%d", port);
	ck_assert_int_eq(pthread_create(&proxy.thread, NULL, serve, NULL), 0);
}

static void proxy_stop(void)
{
	proxy.over = true;
	shutdown(proxy.listener, SHUT_RDWR);
	pthread_join(proxy.thread, NULL);
	close(proxy.listener);
}

static void lose(enum loss loss, int times)
{
	proxy.loss = loss;
	proxy.times = times;
}

/* The store of the test, reached through the proxy, its scripts known. */
static void through_proxy(void)
{
	meta_six_writes();
	ck_assert_int_eq(meta_fold(1, 1, 1001, 1), 0);
	meta_shut();
	proxy_start();
	ck_assert_int_eq(world_open(proxy.url, &meta), 0);
}

static void leave_proxy(void)
{
	meta_shut();
	proxy_stop();
}

START_TEST(a_lost_answer_to_a_commit_is_asked_for_again)
{
	struct sk_meta_receipt r;
	int loss;

	through_proxy();
	for (loss = LOSE_REQUEST; loss <= LOSE_REPLY; loss++) {
		unsigned n = (unsigned)loss * 10;
		const char *id = loss == LOSE_REPLY ? "one" : "two";

		lose(loss, 1);
		ck_assert_int_eq(meta_commit_as(n, id, n, &r), 0);
		ck_assert_int_eq(proxy.times, 0);
		ck_assert(!r.repeated);
		ck_assert_uint_eq(r.version, 5 + 2 * (unsigned)loss);
		lose(loss, 1);
		ck_assert_int_eq(meta_commit_as(n + 1, NULL, n + 1, &r), 0);
		ck_assert_str_eq(err.text, "");
		ck_assert(!r.repeated);
		ck_assert_uint_eq(r.version, 6 + 2 * (unsigned)loss);
		ck_assert_uint_eq(r.records, 1);
		ck_assert_int_eq(ops->is_named(meta, meta_id(n + 1), &err), 1);
	}
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 10);
	leave_proxy();
}
END_TEST

START_TEST(a_commit_whose_answer_stays_lost_is_unknown)
{
	struct sk_meta_receipt r;
	int loss;

	through_proxy();
	for (loss = LOSE_REQUEST; loss <= LOSE_REPLY; loss++) {
		unsigned n = (unsigned)loss * 10;
		const char *id = loss == LOSE_REPLY ? "one" : "two";

		memset(&err, 0, sizeof(err));
		lose(loss, 2);
		ck_assert_int_eq(meta_commit_as(n, id, n, &r), SNEK_EUNKNOWN);
		ck_assert_ptr_nonnull(strstr(err.text, "127.0.0.1"));
		ck_assert_int_eq(meta_commit_as(n + 1, id, n, &r), 0);
		ck_assert(r.repeated == (loss == LOSE_REPLY));
		ck_assert_uint_eq(r.version, 6 + (unsigned)loss);
	}
	leave_proxy();
}
END_TEST

START_TEST(other_steps_end_as_they_promise)
{
	int loss;

	through_proxy();
	for (loss = LOSE_REQUEST; loss <= LOSE_REPLY; loss++) {
		unsigned n = 100 * (unsigned)loss;
		bool done = loss == LOSE_REPLY;

		lose(loss, 1);
		ck_assert_int_eq(meta_look(0), 0);
		lose(loss, 1);
		meta_category(done ? "made" : "make");
		lose(loss, 1);
		ck_assert_int_eq(ops->abort(meta, meta_id(n), &err), 0);
		lose(loss, 1);
		ck_assert_int_eq(ops->is_named(meta, meta_id(n), &err), 0);
		lose(loss, 1);
		ck_assert_int_eq(ops->forget(meta, meta_id(n), &err), 0);
		ck_assert_int_eq(meta_look(0), 0);
		lose(loss, 1);
		ck_assert_int_eq(meta_fold(2 * (unsigned)loss,
		    2 * (unsigned)loss + 1, n + 1, 2), SNEK_EUNKNOWN);
		ck_assert_int_eq(ops->is_named(meta, meta_id(n + 1), &err), done);
	}
	leave_proxy();
}
END_TEST

START_TEST(creating_finds_out_what_happened)
{
	sk_redis *r;

	meta_shut();
	r = world_client();
	ck_assert_int_eq(sk_meta_redis_destroy(r, &err), 0);
	sk_redis_free(r);
	proxy_start();
	r = world_client_at(proxy.url, loop);
	lose(LOSE_REQUEST, 1);
	ck_assert_int_eq(sk_meta_redis_create(r, &meta_shape, NULL, &err),
	    SNEK_EUNKNOWN);
	lose(LOSE_REPLY, 1);
	ck_assert_int_eq(sk_meta_redis_create(r, &meta_shape, NULL, &err), 0);
	sk_redis_free(r);
	r = world_client();
	ck_assert_int_eq(sk_meta_redis_create(r, &meta_shape, NULL, &err),
	    SNEK_EEXIST);
	sk_redis_free(r);
	proxy_stop();
}
END_TEST

/* ---- clients that end ---- */

/* In a child: commit for ever, saying which are acknowledged. */
static void commit_for_ever(int out, unsigned base)
{
	struct sk_meta_receipt r;
	char request[16];
	unsigned i;

	if (meta_store->open(&meta))
		_exit(1);
	for (i = base; ; i++) {
		snprintf(request, sizeof(request), "r%u", i);
		if (meta_commit_as(i, request, i, &r) ||
		    write(out, &i, sizeof(i)) != sizeof(i))
			_exit(2);
	}
}

static unsigned last_acknowledged(int fd, unsigned last)
{
	unsigned got;

	while (read(fd, &got, sizeof(got)) == sizeof(got))
		last = got;
	return last;
}

static int add_up(void *arg, const struct sk_meta_entry *m)
{
	uint64_t *n = arg;

	ck_assert_uint_eq(m->first, n[0] + 1);
	n[0] = m->last;
	n[1] += m->records;
	ck_assert_int_eq(ops->is_named(meta, m->write, NULL), 1);
	return 0;
}

START_TEST(a_killed_client_leaves_whole_commits)
{
	struct sk_meta_receipt r;
	unsigned round, last, base;
	char request[16];
	int fd[2];
	pid_t pid;

	meta_category("x");
	for (round = 1; round <= 6; round++) {
		uint64_t sum[2] = { 0, 0 };

		base = round * 100000;
		ck_assert_int_eq(pipe(fd), 0);
		pid = fork();
		if (!pid)
			commit_for_ever(fd[1], base);
		close(fd[1]);
		ck_assert_int_eq(read(fd[0], &last, sizeof(last)), sizeof(last));
		usleep(3000 + round * 2137);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		last = last_acknowledged(fd[0], last);
		close(fd[0]);
		snprintf(request, sizeof(request), "r%u", last);
		ck_assert_int_eq(ops->request(meta, cat.id, request, &r, &err), 0);
		/* What it was at may have happened or not; asking tells. */
		snprintf(request, sizeof(request), "r%u", last + 1);
		ck_assert_int_eq(meta_commit_as(base + 99999, request, last + 1,
		    &r), 0);
		ck_assert_int_eq(ops->snapshot(meta, "x", 0, &cat, add_up, sum,
		    &err), 0);
		ck_assert_uint_eq(sum[0], cat.version);
		ck_assert_uint_eq(sum[1], cat.records);
		ck_assert_uint_eq(cat.records, cat.writes);
	}
}
END_TEST

START_TEST(killed_connections_and_flushed_scripts_go_unnoticed)
{
	struct sk_meta_receipt r;
	unsigned i;

	meta_category("x");
	for (i = 1; i <= 40; i++) {
		ck_assert_int_eq(meta_commit_as(i, NULL, i, &r), 0);
		ck_assert_uint_eq(r.version, i);
		if (i % 3 == 0)
			tell("SCRIPT FLUSH");
		if (i % 4 == 0)
			tell("CLIENT KILL TYPE normal SKIPME yes");
		ck_assert_int_eq(meta_look(0), 0);
	}
	ck_assert_uint_eq(cat.version, 40);
}
END_TEST

/* ---- servers that end ---- */

START_TEST(what_was_acknowledged_outlives_the_server)
{
	static const struct redis_options durable = { .aof = true };
	struct redis_world *shared = world;
	struct sk_meta_receipt r;
	unsigned round, i, n = 0;
	sk_redis *c;
	int rc;

	meta_shut();
	world = redis_start(&durable);
	c = world_client();
	ck_assert_int_eq(sk_meta_redis_create(c, &meta_shape, NULL, &err), 0);
	sk_redis_free(c);
	ck_assert_int_eq(meta_store->open(&meta), 0);
	meta_category("x");
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 20; i++, n++)
			ck_assert_int_eq(meta_commit_as(n, NULL, n, &r), 0);
		redis_end(world, SIGKILL);
		rc = meta_commit_as(1000 + round, "r", round, &r);
		ck_assert(rc == SNEK_EAGAIN || rc == SNEK_EUNKNOWN ||
		    rc == SNEK_ETIMEDOUT);
		redis_again(world, NULL);
		ck_assert_int_eq(meta_look(1000), 0);
		ck_assert_uint_eq(cat.version, n);
		ck_assert_int_eq(ops->is_named(meta, meta_id(n - 1), &err), 1);
	}
	meta_shut();
	redis_stop(world);
	world = shared;
}
END_TEST

/* ---- servers that refuse ---- */

static void digest(char out[64])
{
	char *s = cli("DEBUG DIGEST");

	snprintf(out, 64, "%.50s", s);
	free(s);
}

START_TEST(a_full_server_does_nothing_by_halves)
{
	static char big[60000];
	struct sk_meta_part part = { 0, 1, 1, 1 };
	struct sk_meta_function f = meta_function("words", "", 'a');
	struct sk_meta_entry m = { .parts = 1, .records = 1, .part = &part,
		.inlined = { big, sizeof(big) } };
	struct sk_meta_receipt r;
	char before[64], after[64];
	unsigned n = 1000;
	int rc;

	meta_six_writes();
	tell("CONFIG SET maxmemory 5mb");
	do {
		m.write = meta_id(++n);
		digest(before);
		rc = ops->commit(meta, cat.id, "r", &m, &r, &err);
		m.digest[0]++;
		if (!rc)
			tell("HDEL @:request:1 r");
	} while (!rc && n < 2000);
	digest(after);
	ck_assert_int_eq(rc, SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "full"));
	ck_assert_str_eq(before, after);
	tell("CONFIG SET maxmemory 1mb");
	ck_assert_int_eq(ops->function_put(meta, &f, 1, "words", NULL, &err),
	    SNEK_EIO);
	ck_assert_int_eq(ops->category_get_or_create(meta, "y", &cat, &err),
	    SNEK_EIO);
	digest(after);
	ck_assert_str_eq(before, after);
	/* What frees memory goes on. */
	ck_assert_int_eq(ops->category_get(meta, "x", &cat, &err), 0);
	ck_assert_uint_eq(cat.version, n - 1001 + 6);
	ck_assert_int_eq(ops->abort(meta, meta_id(n), &err), 0);
	ck_assert_int_eq(ops->forget(meta, meta_id(n), &err), 0);
	ck_assert_int_eq(meta_fold(1, 2, 5000, 2), 0);
	ck_assert_int_eq(ops->category_remove(meta, "x", &err), 0);
	tell("CONFIG SET maxmemory 0");
	meta_category("x");
	meta_commit(1);
}
END_TEST

/* The rights that meta_redis.c documents, on a server of its own; all cases
 * run as that user. */
static void world_with_acl(void)
{
	static const struct redis_options o = { .url_user = "snek:pass@",
		.conf = "enable-debug-command yes\nuser snek on >pass resetkeys ~t*:* -@all "
		"+ping +info +role +client|id +wait +select +evalsha "
		"+eval +time +type +exists +hget +hmget +hgetall +hexists "
		"+zcount +zrange +zrangebylex +zrangebyscore +srandmember "
		"+hset +hdel +zadd +zrem +zremrangebyrank +sadd +srem +unlink "
		"+rename +scan" };

	world = redis_start(&o);
}

START_TEST(a_right_that_is_missing_is_named_and_nothing_done)
{
	struct sk_meta_receipt r;
	char before[64], after[64];

	meta_six_writes();
	tell("ACL SETUSER snek -zadd");
	digest(before);
	ck_assert_int_eq(meta_commit_as(7, "r", 7, &r), SNEK_EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "ZADD"));
	ck_assert_int_eq(meta_fold(2, 3, 9, 2), SNEK_EACCES);
	digest(after);
	ck_assert_str_eq(before, after);
	tell("ACL SETUSER snek +zadd");
	ck_assert_int_eq(meta_commit_as(7, "r", 7, &r), 0);
}
END_TEST

START_TEST(destroying_needs_no_more_rights)
{
	sk_redis *r;

	meta_six_writes();
	meta_shut();
	r = world_client();
	ck_assert_int_eq(sk_meta_redis_destroy(r, &err), 0);
	sk_redis_free(r);
	ck_assert(replies("*0", "KEYS *"));
}
END_TEST

START_TEST(reading_needs_no_right_to_write)
{
	struct sk_meta_receipt r;

	meta_six_writes();
	tell("ACL SETUSER snek -hset -hdel -zadd -zrem -zremrangebyrank "
	    "-sadd -srem -unlink -rename -scan");
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_commit_as(7, "r", 7, &r), SNEK_EACCES);
}
END_TEST

/* ---- replicas ---- */

static void wait_for_link(struct redis_world *w)
{
	int64_t until = sk_clock_ms() + 20000;
	bool up = false;

	while (!up && sk_clock_ms() < until) {
		char *s = redis_cli(w, "INFO replication");

		up = strstr(s, "master_link_status:up") != NULL;
		free(s);
		usleep(10000);
	}
	ck_assert(up);
}

START_TEST(a_replica_is_read_and_not_written)
{
	struct redis_world *replica = redis_start(NULL);
	struct sk_write_id id = meta_id(6), other = meta_id(60);
	struct sk_meta_receipt r;
	struct sk_meta *primary;
	char command[64];

	meta_six_writes();
	ck_assert(!ops->read_only(meta));
	snprintf(command, sizeof(command), "REPLICAOF 127.0.0.1 %d",
	    redis_port(world));
	free(redis_cli(replica, command));
	wait_for_link(replica);
	ck_assert_int_eq(ops->settle(meta, &id, 1, 10000, &err), 0);
	ck_assert_int_eq(ops->settle(meta, NULL, 1, 10000, &err), 0);
	ck_assert_int_eq(ops->settle(meta, NULL, 2, 50, &err), SNEK_ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.text, "1 of 2 replicas"));
	ck_assert_int_eq(ops->settle(meta, &other, 1, 50, &err), SNEK_EIO);
	primary = meta;
	ck_assert_int_eq(world_open(redis_url(replica), &meta), 0);
	ck_assert(ops->read_only(meta));
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_uint_eq(cat.version, 6);
	ck_assert_int_eq(meta_commit_as(7, "r", 7, &r), SNEK_EACCES);
	ck_assert_int_eq(ops->category_remove(meta, "x", &err), SNEK_EACCES);
	meta_category("x");
	ck_assert_int_eq(ops->category_get_or_create(meta, "y", &cat, &err),
	    SNEK_EACCES);
	meta_shut();
	meta = primary;
	/* A primary that has become a replica says so itself. */
	snprintf(command, sizeof(command), "%d", redis_port(replica));
	free(redis_cli(replica, "REPLICAOF NO ONE"));
	tell("REPLICAOF 127.0.0.1 %s", command);
	wait_for_link(world);
	ck_assert_int_eq(meta_commit_as(7, "r", 7, &r), SNEK_EACCES);
	free(redis_cli(world, "REPLICAOF NO ONE"));
	redis_stop(replica);
}
END_TEST

static TCase *add(Suite *s, const char *name, void (*start)(void))
{
	TCase *t = tcase_create(name);

	tcase_add_unchecked_fixture(t, start, world_stop);
	tcase_add_checked_fixture(t, meta_setup, meta_teardown);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return t;
}

int main(void)
{
	Suite *s = suite_create("meta_fault");
	SRunner *r;
	TCase *t;
	int failed;

	if (!redis_have())
		return redis_skip("test_meta_fault");
	t = add(s, "faults", world_start);
	tcase_add_test(t, a_lost_answer_to_a_commit_is_asked_for_again);
	tcase_add_test(t, a_commit_whose_answer_stays_lost_is_unknown);
	tcase_add_test(t, other_steps_end_as_they_promise);
	tcase_add_test(t, creating_finds_out_what_happened);
	tcase_add_test(t, a_killed_client_leaves_whole_commits);
	tcase_add_test(t, killed_connections_and_flushed_scripts_go_unnoticed);
	tcase_add_test(t, what_was_acknowledged_outlives_the_server);
	tcase_add_test(t, a_full_server_does_nothing_by_halves);
	tcase_add_test(t, a_replica_is_read_and_not_written);
	t = add(s, "rights", world_with_acl);
	meta_cases(t);
	tcase_add_test(t, a_right_that_is_missing_is_named_and_nothing_done);
	tcase_add_test(t, destroying_needs_no_more_rights);
	t = add(s, "reading", world_with_acl);
	tcase_add_test(t, reading_needs_no_right_to_write);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
