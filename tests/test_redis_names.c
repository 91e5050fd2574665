/* SPDX-License-Identifier: MIT */
/* The resolver is this program's own: it answers what a test wants, or hangs. */
#include "store/redis.h"
#include "base/clock.h"
#include "check_main.h"
#include "redis.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int port[2];             /* what a name means; 0: nothing */
static bool hang;
static unsigned asked;

static void set(int first, int second, bool hangs)
{
	pthread_mutex_lock(&lock);
	port[0] = first;
	port[1] = second;
	hang = hangs;
	pthread_mutex_unlock(&lock);
}

static bool is_hanging(void)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = hang;
	pthread_mutex_unlock(&lock);
	return yes;
}

static struct addrinfo *address(int to)
{
	struct addrinfo *a = calloc(1, sizeof(*a) + sizeof(struct sockaddr_in));
	struct sockaddr_in *in = (struct sockaddr_in *)(a + 1);

	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)to);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->ai_family = AF_INET;
	a->ai_addr = (struct sockaddr *)in;
	a->ai_addrlen = sizeof(*in);
	return a;
}

int getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hint, struct addrinfo **out)
{
	(void)service;
	if (hint->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	ck_assert_str_eq(host, "name.test");
	while (is_hanging())
		usleep(5000);
	pthread_mutex_lock(&lock);
	asked++;
	*out = port[0] ? address(port[0]) : NULL;
	if (*out && port[1])
		(*out)->ai_next = address(port[1]);
	pthread_mutex_unlock(&lock);
	return *out ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *a)
{
	struct addrinfo *next;

	for (; a; a = next) {
		next = a->ai_next;
		free(a);
	}
}

static int get(sk_redis *r, int ms, bool again, char *out, struct snek_error *e)
{
	struct sk_span arg[] = { sk_span_text("GET"), sk_span_text("who") };
	struct sk_command c = { .arg = arg, .args = 2, .again = again,
	    .deadline_ms = sk_clock_ms() + ms };
	struct sk_answer a;
	int rc = sk_redis_call(r, &c, &a, e);

	if (!rc) {
		snprintf(out, 8, "%s", a.reply.text.p ? (char *)a.reply.text.p : "");
		sk_answer_free(&a);
	}
	return rc;
}

START_TEST(a_name_is_looked_up_anew_for_each_connection)
{
	struct redis_world *a = redis_start(NULL), *b = redis_start(NULL);
	sk_redis_loop *l = redis_loop();
	sk_redis *r = redis_client_of("redis://name.test", NULL, l);
	struct snek_error e;
	char who[8];

	free(redis_cli(a, "SET who a"));
	free(redis_cli(b, "SET who b"));
	set(redis_port(a), 0, false);
	ck_assert_int_eq(get(r, 10000, true, who, &e), 0);
	ck_assert_str_eq(who, "a");
	set(redis_port(b), 0, false);
	ck_assert_int_eq(get(r, 10000, true, who, &e), 0);
	ck_assert_str_eq(who, "a");     /* it has a connection */
	redis_end(a, SIGKILL);
	ck_assert_int_eq(get(r, 10000, true, who, &e), 0);
	ck_assert_str_eq(who, "b");
	sk_redis_free(r);
	sk_redis_loop_free(l);
	redis_stop(a);
	redis_stop(b);
}
END_TEST

/* A failover: the old primary says that it is one no more. */
START_TEST(a_replica_is_left_for_what_the_name_means_now)
{
	struct redis_world *a = redis_start(NULL), *b = redis_start(NULL);
	sk_redis_loop *l = redis_loop();
	sk_redis *r = redis_client_of("redis://name.test", NULL, l);

	set(redis_port(a), 0, false);
	redis_expect(r, "SET who a", "OK");
	free(redis_cli(a, "REPLICAOF 127.0.0.1 1"));
	set(redis_port(b), 0, false);
	redis_refused(r, "SET who b", SNEK_EACCES, "replica");
	redis_expect(r, "SET who b", "OK");
	sk_redis_free(r);
	sk_redis_loop_free(l);
	redis_stop(a);
	redis_stop(b);
}
END_TEST

START_TEST(each_address_is_tried)
{
	struct redis_world *a = redis_start(NULL), *b = redis_start(NULL);
	sk_redis_loop *l = redis_loop();
	sk_redis *r = redis_client_of("redis://name.test", NULL, l);
	struct snek_error e;
	char who[8];

	redis_end(a, SIGKILL);
	free(redis_cli(b, "SET who b"));
	set(redis_port(a), redis_port(b), false);
	ck_assert_int_eq(get(r, 10000, false, who, &e), 0);
	ck_assert_str_eq(who, "b");
	sk_redis_free(r);
	sk_redis_loop_free(l);
	redis_stop(a);
	redis_stop(b);
}
END_TEST

START_TEST(a_resolver_that_hangs_is_given_up)
{
	struct redis_world *w = redis_start(NULL);
	sk_redis_loop *l = redis_loop();
	sk_redis *r = redis_client_of("redis://name.test", NULL, l);
	sk_redis *other = redis_client_of("redis://name.test", NULL, l);
	struct snek_error e;
	char who[8];

	free(redis_cli(w, "SET who w"));
	set(redis_port(w), 0, true);
	ck_assert_int_eq(get(r, 200, true, who, &e), SNEK_ETIMEDOUT);
	ck_assert_int_eq(get(r, 200, false, who, &e), SNEK_ETIMEDOUT);
	ck_assert_int_eq(get(other, 200, false, who, &e), SNEK_ETIMEDOUT);
	sk_redis_free(other);           /* while it is asked for */
	set(redis_port(w), 0, false);
	ck_assert_int_eq(get(r, 10000, true, who, &e), 0);
	ck_assert_str_eq(who, "w");
	sk_redis_free(r);
	sk_redis_loop_free(l);
	redis_stop(w);
}
END_TEST

START_TEST(a_loop_may_go_before_its_lookups)
{
	sk_redis_loop *l = redis_loop();
	sk_redis *r = redis_client_of("redis://name.test", NULL, l);
	struct snek_error e;
	unsigned n = 0;
	char who[8];

	set(0, 0, true);
	ck_assert_int_eq(get(r, 50, true, who, &e), SNEK_ETIMEDOUT);
	sk_redis_free(r);
	sk_redis_loop_free(l);
	set(0, 0, false);
	while (!n) {
		usleep(5000);
		pthread_mutex_lock(&lock);
		n = asked;
		pthread_mutex_unlock(&lock);
	}
	usleep(50000);          /* it ends */
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, a_name_is_looked_up_anew_for_each_connection);
	tcase_add_test(t, a_replica_is_left_for_what_the_name_means_now);
	tcase_add_test(t, each_address_is_tried);
	tcase_add_test(t, a_resolver_that_hangs_is_given_up);
	tcase_add_test(t, a_loop_may_go_before_its_lookups);
}

int main(void)
{
	return redis_have() ? check_main("redis_names", setup) :
	    redis_skip("test_redis_names");
}
