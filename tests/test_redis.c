/* SPDX-License-Identifier: MIT */
#include "store/redis.h"
#include "base/clock.h"
#include "check_main.h"
#include "redis.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct redis_world *world;
static sk_redis_loop *loop;
static sk_redis *redis;

static void begin(const struct redis_options *o)
{
	world = redis_start(o);
	loop = redis_loop();
	redis = redis_client(world, loop);
}

static void end(void)
{
	sk_redis_free(redis);
	sk_redis_loop_free(loop);
	redis_stop(world);
}

static const struct redis_options kinds[] = {
	{ .unix_socket = false },
	{ .unix_socket = true },
};

START_TEST(commands_are_answered)
{
	struct sk_answer a;
	struct snek_error e;

	begin(&kinds[_i]);
	redis_expect(redis, "SET k v", "OK");
	redis_expect(redis, "GET k", "v");
	ck_assert_int_eq(redis_call(redis, "MGET k missing k", &a, &e), 0);
	ck_assert_int_eq(a.reply.type, SK_REPLY_ARRAY);
	ck_assert_uint_eq(a.reply.items, 3);
	ck_assert_int_eq(a.reply.item[1].type, SK_REPLY_NIL);
	ck_assert_str_eq(a.reply.item[2].text.p, "v");
	sk_answer_free(&a);
	ck_assert_int_eq(redis_call(redis, "INCRBY n -7", &a, &e), 0);
	ck_assert_int_eq(a.reply.integer, -7);
	sk_answer_free(&a);
	end();
}
END_TEST

START_TEST(a_script_is_loaded_where_it_is_missing)
{
	struct sk_script s = { "sum", "return ARGV[1] + redis.call('INCR', KEYS[1])",
	    "" };
	struct sk_span arg[] = { sk_span_text("k"), sk_span_text("40") };
	struct sk_answer a;
	struct snek_error e;
	int i;

	begin(NULL);
	for (i = 1; i < 4; i++) {
		ck_assert_msg(sk_redis_script(redis, &s, 1, arg, 2, &a, &e) == 0,
		    "%s", e.text);
		ck_assert_int_eq(a.reply.integer, 40 + i);
		sk_answer_free(&a);
	}
	redis_expect(redis, "SCRIPT FLUSH", "OK");
	ck_assert_int_eq(sk_redis_script(redis, &s, 1, arg, 2, &a, &e), 0);
	sk_answer_free(&a);
	s = (struct sk_script){ "bad", "return redis.call('INCR')", "" };
	ck_assert_int_eq(sk_redis_script(redis, &s, 1, arg, 2, &a, &e), SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(e.text, "script bad"));
	end();
}
END_TEST

START_TEST(digests_are_those_of_the_server)
{
	static char text[200];
	struct sk_span arg[] = { sk_span_text("SCRIPT"), sk_span_text("LOAD"),
	    { text, 0 } };
	struct sk_command c = { .arg = arg, .args = 3 };
	struct sk_answer a;
	struct snek_error e;
	char digest[41];

	begin(NULL);
	memset(text, ' ', sizeof(text));
	memcpy(text, "return 1", 8);
	for (arg[2].n = 8; arg[2].n < sizeof(text); arg[2].n++) {
		ck_assert_int_eq(sk_redis_call(redis, &c, &a, &e), 0);
		sk_redis_sha1_hex(text, arg[2].n, digest);
		ck_assert_str_eq(a.reply.text.p, digest);
		sk_answer_free(&a);
	}
	end();
}
END_TEST

/* ---- pipelines ---- */

struct tally {
	unsigned ended, good, next;
	bool in_order;
};

struct one {
	struct tally *all;
	unsigned number;
};

static void count(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	struct one *o = arg;
	char want[16];

	(void)e;
	snprintf(want, sizeof(want), "%u", o->number);
	o->all->in_order &= o->all->next++ == o->number;
	o->all->ended++;
	o->all->good += !rc && r->text.n == strlen(want) &&
	    !memcmp(r->text.p, want, r->text.n);
}

static bool ten_thousand(void *arg)
{
	return ((struct tally *)arg)->ended == 10000;
}

START_TEST(ten_thousand_commands_are_answered_in_order)
{
	static struct one one[10000];
	struct tally all = { .in_order = true };
	struct snek_error e;
	char text[16];
	unsigned i;

	begin(&kinds[_i]);
	for (i = 0; i < 10000; i++) {
		struct sk_span arg[] = { sk_span_text("ECHO"), { text, 0 } };
		struct sk_command c = { .arg = arg, .args = 2 };

		arg[1].n = (size_t)snprintf(text, sizeof(text), "%u", i);
		one[i] = (struct one){ &all, i };
		ck_assert_int_eq(sk_redis_send(redis, &c, count, &one[i], &e), 0);
	}
	ck_assert_uint_eq(all.ended, 0);
	ck_assert_uint_eq(sk_redis_pending(redis), 10000);
	ck_assert_uint_gt(sk_redis_queued(redis), 10000 * 20);
	ck_assert_int_eq(sk_redis_run(loop, ten_thousand, &all,
	    sk_clock_ms() + 20000, &e), 0);
	ck_assert_uint_eq(all.good, 10000);
	ck_assert(all.in_order);
	ck_assert_uint_eq(sk_redis_pending(redis), 0);
	ck_assert_uint_eq(sk_redis_queued(redis), 0);
	end();
}
END_TEST

START_TEST(large_values_pass)
{
	size_t n = 16u << 20, i;
	char *p = malloc(n);
	struct sk_span set[] = { sk_span_text("SET"), sk_span_text("k"), { p, n } };
	struct sk_span get[] = { sk_span_text("GET"), sk_span_text("k") };
	struct sk_command c = { .arg = set, .args = 3 };
	struct sk_answer a;
	struct snek_error e;

	for (i = 0; i < n; i++)
		p[i] = (char)(i * 31 >> 3);
	begin(&kinds[_i]);
	ck_assert_int_eq(sk_redis_call(redis, &c, &a, &e), 0);
	sk_answer_free(&a);
	c = (struct sk_command){ .arg = get, .args = 2, .reply_max = n };
	ck_assert_int_eq(sk_redis_call(redis, &c, &a, &e), 0);
	ck_assert_uint_eq(a.reply.text.n, n);
	ck_assert_int_eq(memcmp(a.reply.text.p, p, n), 0);
	sk_answer_free(&a);
	c.reply_max = n - 1;
	ck_assert_int_eq(sk_redis_call(redis, &c, &a, &e), SNEK_ELIMIT);
	redis_expect(redis, "ECHO still", "still");
	end();
	free(p);
}
END_TEST

/* ---- threads ---- */

static void *use(void *arg)
{
	char words[64], want[32];
	int i;

	for (i = 0; i < 200; i++) {
		snprintf(want, sizeof(want), "%d.%d", *(int *)arg, i);
		snprintf(words, sizeof(words), "ECHO %s", want);
		redis_expect(redis, words, want);
	}
	return NULL;
}

START_TEST(threads_share_a_client)
{
	pthread_t t[6];
	int number[6], i;

	begin(&kinds[_i]);
	for (i = 0; i < 6; i++) {
		number[i] = i;
		ck_assert_int_eq(pthread_create(&t[i], NULL, use, &number[i]), 0);
	}
	for (i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	end();
}
END_TEST

static void *make_and_free(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 50; i++) {
		sk_redis *r = redis_client(world, loop);

		redis_expect(r, "ECHO x", "x");
		if (i % 2)
			sk_redis_connect(r);
		sk_redis_free(r);
	}
	return NULL;
}

START_TEST(clients_come_and_go_while_others_wait)
{
	pthread_t t[3];
	int i, number = 0;

	begin(NULL);
	for (i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, i ? make_and_free : use, &number);
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	end();
}
END_TEST

/* ---- another loop ---- */

START_TEST(another_loop_can_drive)
{
	struct sk_span arg[] = { sk_span_text("ECHO"), sk_span_text("0") };
	struct sk_command c = { .arg = arg, .args = 2 };
	struct tally all = { .in_order = true };
	struct one one = { &all, 0 };
	struct snek_error e;
	int64_t until = sk_clock_ms() + 10000;

	begin(NULL);
	ck_assert(sk_redis_loop_due(loop) == INT64_MAX);
	ck_assert_int_ge(sk_redis_loop_fd(loop), 0);
	ck_assert_int_eq(sk_redis_send(redis, &c, count, &one, &e), 0);
	ck_assert(sk_redis_loop_due(loop) <= sk_clock_ms());
	while (!all.ended && sk_clock_ms() < until)
		ck_assert_int_eq(sk_redis_step(loop, 100), 0);
	ck_assert_uint_eq(all.good, 1);
	end();
}
END_TEST

START_TEST(a_forked_child_is_refused)
{
	struct sk_answer a;
	struct snek_error e = { .text = "" };
	int status = -1;
	pid_t pid;

	begin(NULL);
	redis_expect(redis, "ECHO x", "x");
	pid = fork();
	if (!pid) {
		int rc = redis_call(redis, "ECHO child", &a, &e);

		sk_redis_free(redis);
		sk_redis_loop_free(loop);
		_exit(rc == SNEK_EINVAL && strstr(e.text, "forked") ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	redis_expect(redis, "ECHO parent", "parent");
	end();
}
END_TEST

/* Its socket is then still open, and must be out of the loop all the same. */
START_TEST(a_client_is_freed_while_a_child_holds_its_socket)
{
	sk_redis *other;
	int pipes[2], i;
	pid_t pid;
	char c;

	begin(NULL);
	redis_expect(redis, "ECHO x", "x");
	other = redis_client(world, loop);
	ck_assert_int_eq(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		close(pipes[1]);
		_exit(read(pipes[0], &c, 1) < 0);
	}
	sk_redis_free(redis);
	for (i = 0; i < 3; i++)
		redis_expect(other, "ECHO y", "y");
	free(redis_cli(world, "CLIENT KILL TYPE normal"));
	for (i = 0; i < 20; i++)
		sk_redis_step(loop, 5);
	close(pipes[0]);
	close(pipes[1]);
	waitpid(pid, NULL, 0);
	redis = other;
	end();
}
END_TEST

/* ---- who we are ---- */

#define USERS "user default off\n" \
	"user ann on >p@ss ~* &* +@all -config -info\n" \
	"user bob on >x ~a:* +get +set +client|setname +info\n"

START_TEST(users_log_in)
{
	struct redis_options o = { .conf = USERS, .url_user = "ann:p%40ss@" };
	struct sk_redis_auth other = { .user = "bob", .password = "x" };
	struct sk_redis_auth wrong = { .password = "nope" };
	sk_redis *bob, *bad, *none;
	char url[64];

	begin(&o);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", redis_port(world));
	redis_expect(redis, "SET b:k v", "OK");
	bob = redis_client_of(redis_url(world), &other, loop);
	redis_expect(bob, "SET a:k v", "OK");
	redis_refused(bob, "SET b:k v", SNEK_EACCES, "ACL");
	redis_refused(bob, "DEL a:k", SNEK_EACCES, "ACL");
	bad = redis_client_of(redis_url(world), &wrong, loop);
	redis_refused(bad, "GET a:k", SNEK_EACCES, "password is wrong");
	redis_refused(bad, "GET a:k", SNEK_EACCES, "password is wrong");
	none = redis_client_of(url, NULL, loop);
	redis_refused(none, "GET a:k", SNEK_EACCES, "wants a password");
	sk_redis_free(bob);
	sk_redis_free(bad);
	sk_redis_free(none);
	end();
}
END_TEST

struct signer {
	unsigned asked;
	const char *token;
};

static int sign(void *arg, struct sk_buf *out, struct snek_error *e)
{
	struct signer *s = arg;

	s->asked++;
	if (!s->token)
		return sk_fail(e, SNEK_EACCES, "no credentials to sign with");
	return sk_buf_put(out, s->token, strlen(s->token)) ? 0 : sk_enomem(e);
}

START_TEST(a_token_is_made_for_each_connection)
{
	struct redis_options o = { .conf = "requirepass t0ken" };
	struct signer s = { 0, "t0ken" };
	struct sk_redis_auth auth = { .token = sign, .token_arg = &s };
	struct sk_span echo[] = { sk_span_text("ECHO"), sk_span_text("y") };
	struct sk_command c = { .args = 2, .again = true };
	struct sk_answer a;
	struct snek_error e;
	sk_redis *r;

	begin(&o);
	r = redis_client_of(redis_url(world), &auth, loop);
	redis_expect(r, "ECHO x", "x");
	ck_assert_uint_eq(s.asked, 1);
	if (redis_call(r, "CLIENT KILL TYPE normal SKIPME no", &a, &e) == 0)
		sk_answer_free(&a);
	c.arg = echo;
	ck_assert_int_eq(sk_redis_call(r, &c, &a, &e), 0);
	sk_answer_free(&a);
	ck_assert_uint_eq(s.asked, 2);
	sk_redis_free(r);
	s.token = NULL;
	r = redis_client_of(redis_url(world), &auth, loop);
	redis_refused(r, "ECHO x", SNEK_EACCES, "no credentials");
	sk_redis_free(r);
	end();
}
END_TEST

START_TEST(a_password_that_nobody_asked_for_is_told)
{
	struct redis_options o = { .url_user = ":p@" };

	begin(&o);
	redis_refused(redis, "GET k", SNEK_EACCES, "no password, but was given one");
	end();
}
END_TEST

START_TEST(a_database_is_selected)
{
	char url[64];
	sk_redis *r;

	begin(NULL);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d/3", redis_port(world));
	r = redis_client_of(url, NULL, loop);
	redis_expect(r, "SET k three", "OK");
	redis_expect(redis, "SET k zero", "OK");
	redis_expect(r, "GET k", "three");
	sk_redis_free(r);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d/99", redis_port(world));
	r = redis_client_of(url, NULL, loop);
	redis_refused(r, "GET k", SNEK_EINVAL, "fewer databases");
	sk_redis_free(r);
	end();
}
END_TEST

START_TEST(names_are_looked_up)
{
	const char *url;
	sk_redis *r;

	begin(NULL);
	url = redis_local_url(world, "redis");
	if (url) {
		r = redis_client_of(url, NULL, loop);
		redis_expect(r, "ECHO x", "x");
		sk_redis_free(r);
	}
	r = redis_client_of("redis://no-such-name.invalid", NULL, loop);
	redis_refused(r, "ECHO x", SNEK_EAGAIN, "no-such-name.invalid");
	sk_redis_free(r);
	end();
}
END_TEST

/* ---- whom one waits for ---- */

static char said[800];
static unsigned times;

static void bring_back(void *arg, const char *text)
{
	snprintf(said, sizeof(said), "%s", text);
	times++;
	redis_again(arg, NULL);
}

static void ask_again(void)
{
	struct sk_span ping = sk_span_text("PING");
	const struct sk_command c = { .arg = &ping, .args = 1, .again = true };
	struct snek_error e;
	struct sk_answer a;

	ck_assert_msg(!sk_redis_call(redis, &c, &a, &e), "%s", e.text);
	sk_answer_free(&a);
}

START_TEST(a_server_that_is_waited_for_is_named_once)
{
	begin(NULL);
	sk_redis_loop_waiting(loop, &(struct sk_waiting){ bring_back, world,
	    false });
	ask_again();
	redis_end(world, SIGTERM);
	ask_again();
	ck_assert_uint_eq(times, 1);
	ck_assert_msg(strstr(said, sk_redis_name(redis)) == said, "%s", said);
	ck_assert_msg(strstr(said, "Connection refused; waiting for "), "%s",
	    said);
	redis_end(world, SIGTERM);
	ask_again();
	ck_assert_uint_eq(times, 2);
	end();
}
END_TEST

START_TEST(who_is_impatient_waits_for_nobody)
{
	struct sk_span ping = sk_span_text("PING");
	const struct sk_command c = { .arg = &ping, .args = 1, .again = true };
	struct snek_error e;
	struct sk_answer a;
	int64_t start;

	begin(NULL);
	sk_redis_loop_waiting(loop, &(struct sk_waiting){ .impatient = true });
	redis_end(world, SIGTERM);
	start = sk_clock_ms();
	ck_assert_int_eq(sk_redis_call(redis, &c, &a, &e), SNEK_EAGAIN);
	ck_assert_msg(strstr(e.text, "Connection refused"), "%s", e.text);
	ck_assert_int_lt(sk_clock_ms() - start, SK_REDIS_CONNECT_MS);
	end();
}
END_TEST

/* ---- what it is ---- */

static const struct {
	struct redis_options o;
	enum sk_durability alone;
	const char *why;
} durabilities[] = {
	{ { .aof = false }, SK_DURABLE_MEMORY, "appendonly is off" },
	{ { .conf = "appendonly yes\nappendfsync everysec" }, SK_DURABLE_MEMORY,
	    "everysec" },
	{ { .conf = "appendonly yes\nappendfsync no" }, SK_DURABLE_MEMORY,
	    "not always" },
	{ { .aof = true, .conf = "no-appendfsync-on-rewrite yes" },
	    SK_DURABLE_PROCESS, "rewrit" },
	{ { .aof = true }, SK_DURABLE_MACHINE, "replica" },
	{ { .aof = true, .conf = "user default on nopass ~* &* +@all -config" },
	    SK_DURABLE_MEMORY, "CONFIG" },
};

START_TEST(durability_is_what_can_be_shown)
{
	struct sk_redis_info i;
	struct snek_error e;

	begin(&durabilities[_i].o);
	ck_assert_msg(sk_redis_info(redis, &i, &e) == 0, "%s", e.text);
	ck_assert_int_eq(i.alone, durabilities[_i].alone);
	ck_assert_int_eq(i.durability, durabilities[_i].alone);
	ck_assert_msg(strstr(i.why, durabilities[_i].why) != NULL, "%s", i.why);
	ck_assert_int_eq(i.config_forbidden, _i == 5);
	ck_assert_str_eq(i.role, "master");
	ck_assert_str_eq(i.eviction, "noeviction");
	ck_assert(i.version[0] && i.engine[0] && !i.cluster_mode && !i.loading);
	ck_assert(i.used_memory > 1000 && i.clients >= 1 && i.max_memory == 0);
	ck_assert(i.clock_ms / 1000 >= sk_clock_wall() - 100);
	ck_assert(i.clock_ms / 1000 <= sk_clock_wall() + 100);
	ck_assert(i.round_trip_us > 0);
	end();
}
END_TEST

START_TEST(a_cluster_is_refused_with_advice)
{
	struct redis_options o = { .conf = "cluster-enabled yes" };

	begin(&o);
	redis_refused(redis, "GET k", SNEK_EINVAL, "Redis Cluster");
	end();
}
END_TEST

START_TEST(a_sentinel_is_refused_with_advice)
{
	struct redis_options o = { .sentinel = "", .conf =
	    "sentinel monitor m 127.0.0.1 1 1" };

	begin(&o);
	redis_refused(redis, "GET k", SNEK_EINVAL, "Sentinel");
	end();
}
END_TEST

/* ---- refusals ---- */

static const struct {
	const char *error;
	int rc;
} errors[] = {
	{ "OOM command not allowed when used memory > 'maxmemory'.", SNEK_EIO },
	{ "READONLY You can't write against a read only replica.", SNEK_EACCES },
	{ "LOADING Redis is loading the dataset in memory", SNEK_EAGAIN },
	{ "MASTERDOWN Link with MASTER is down", SNEK_EAGAIN },
	{ "MISCONF Redis is configured to save RDB snapshots", SNEK_EIO },
	{ "NOAUTH Authentication required.", SNEK_EACCES },
	{ "WRONGPASS invalid username-password pair", SNEK_EACCES },
	{ "NOPERM this user has no permissions", SNEK_EACCES },
	{ "WRONGTYPE Operation against a key", SNEK_ECORRUPT },
	{ "NOREPLICAS Not enough good replicas to write.", SNEK_EAGAIN },
	{ "CLUSTERDOWN Hash slot not served", SNEK_EINVAL },
	{ "MOVED 3999 127.0.0.1:6381", SNEK_EINVAL },
	{ "ASK 3999 127.0.0.1:6381", SNEK_EINVAL },
	{ "BUSY Redis is busy running a script.", SNEK_EAGAIN },
	{ "TRYAGAIN Multiple keys request during rehashing", SNEK_EAGAIN },
	{ "NOSCRIPT No matching script.", SNEK_EAGAIN },
	{ "ERR max number of clients reached", SNEK_EAGAIN },
	{ "ERR something else", SNEK_EIO },
	{ "ERR Error running script (call to f_0): @user_script:1: -OOM command "
	    "not allowed", SNEK_EIO },
	{ "OOMPH is no word of theirs", SNEK_EIO },
};

/* A script may answer with any error. */
START_TEST(each_refusal_has_its_code_and_words)
{
	struct sk_span arg[] = { sk_span_text("EVAL"),
	    sk_span_text("return redis.error_reply(ARGV[1])"), sk_span_text("0"),
	    { NULL, 0 } };
	struct sk_command c = { .arg = arg, .args = 4 };
	struct sk_answer a;
	struct snek_error e;
	size_t i, j, n = sizeof(errors) / sizeof(*errors);
	char seen[32][400];

	begin(NULL);
	for (i = 0; i < n; i++) {
		arg[3] = sk_span_text(errors[i].error);
		ck_assert_msg(sk_redis_call(redis, &c, &a, &e) == errors[i].rc,
		    "%s: %s", errors[i].error, e.text);
		ck_assert_ptr_nonnull(strstr(e.text, "redis://127.0.0.1"));
		snprintf(seen[i], sizeof(seen[i]), "%.*s",
		    (int)strcspn(e.text, "("), e.text);
		for (j = 0; j < i; j++)
			ck_assert_msg(strcmp(seen[i], seen[j]) != 0 ||
			    errors[i].rc == SNEK_EINVAL || i == 18, "%s",
			    seen[i]);
	}
	c.raw_errors = true;
	arg[3] = sk_span_text(errors[0].error);
	ck_assert_int_eq(sk_redis_call(redis, &c, &a, &e), 0);
	ck_assert_int_eq(a.reply.type, SK_REPLY_ERROR);
	sk_answer_free(&a);
	end();
}
END_TEST

START_TEST(real_refusals_are_known)
{
	struct redis_options o = { .conf = "maxmemory 10kb" };
	struct redis_options replica = { .replica = true };

	begin(&o);
	redis_refused(redis, "SET k v", SNEK_EIO, "memory is full");
	end();
	begin(&replica);
	redis_refused(redis, "SET k v", SNEK_EACCES, "replica");
	redis_refused(redis, "SET k v", SNEK_EACCES, "replica");
	end();
	begin(NULL);
	redis_expect(redis, "SET k v", "OK");
	redis_refused(redis, "HGET k f", SNEK_ECORRUPT, "another type");
	redis_refused(redis, "NOSUCHCOMMAND", SNEK_EIO, "lacks a command");
	end();
}
END_TEST

START_TEST(replies_are_bounded)
{
	struct sk_span arg[] = { sk_span_text("LRANGE"), sk_span_text("l"),
	    sk_span_text("0"), sk_span_text("-1") };
	struct sk_command c = { .arg = arg, .args = 4, .items_max = 100 };
	struct sk_answer a;
	struct snek_error e;
	int i;

	begin(NULL);
	for (i = 0; i < 101; i++) {
		ck_assert_int_eq(redis_call(redis, "RPUSH l x", &a, &e), 0);
		sk_answer_free(&a);
	}
	ck_assert_int_eq(sk_redis_call(redis, &c, &a, &e), SNEK_ELIMIT);
	ck_assert_ptr_nonnull(strstr(e.text, "101 elements"));
	c.items_max = 101;
	ck_assert_int_eq(sk_redis_call(redis, &c, &a, &e), 0);
	ck_assert_uint_eq(a.reply.items, 101);
	sk_answer_free(&a);
	end();
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, commands_are_answered, 0, 2);
	tcase_add_test(t, a_script_is_loaded_where_it_is_missing);
	tcase_add_test(t, digests_are_those_of_the_server);
	tcase_add_loop_test(t, ten_thousand_commands_are_answered_in_order, 0, 2);
	tcase_add_loop_test(t, large_values_pass, 0, 2);
	tcase_add_loop_test(t, threads_share_a_client, 0, 2);
	tcase_add_test(t, clients_come_and_go_while_others_wait);
	tcase_add_test(t, another_loop_can_drive);
	tcase_add_test(t, a_forked_child_is_refused);
	tcase_add_test(t, a_client_is_freed_while_a_child_holds_its_socket);
	tcase_add_test(t, users_log_in);
	tcase_add_test(t, a_token_is_made_for_each_connection);
	tcase_add_test(t, a_password_that_nobody_asked_for_is_told);
	tcase_add_test(t, a_database_is_selected);
	tcase_add_test(t, names_are_looked_up);
	tcase_add_test(t, a_server_that_is_waited_for_is_named_once);
	tcase_add_test(t, who_is_impatient_waits_for_nobody);
	tcase_add_loop_test(t, durability_is_what_can_be_shown, 0, 6);
	tcase_add_test(t, a_cluster_is_refused_with_advice);
	tcase_add_test(t, a_sentinel_is_refused_with_advice);
	tcase_add_test(t, each_refusal_has_its_code_and_words);
	tcase_add_test(t, real_refusals_are_known);
	tcase_add_test(t, replies_are_bounded);
}

int main(void)
{
	return redis_have() ? check_main("redis", setup) : redis_skip("test_redis");
}
