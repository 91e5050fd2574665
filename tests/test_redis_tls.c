/* SPDX-License-Identifier: MIT */
#include "store/redis.h"
#include "store/tls.h"
#include "base/clock.h"
#include "check_main.h"
#include "proxy.h"
#include "redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <signal.h>
#include <unistd.h>

static struct redis_world *world;
static sk_redis_loop *loop;
static char ca[128], other_ca[128], cert[128], key[128];

static void begin(const struct redis_options *o)
{
	world = redis_start(o);
	loop = redis_loop();
	snprintf(ca, sizeof(ca), "%s/ca.pem", redis_dir(world));
	snprintf(other_ca, sizeof(other_ca), "%s/other-ca.pem", redis_dir(world));
	snprintf(cert, sizeof(cert), "%s/client.pem", redis_dir(world));
	snprintf(key, sizeof(key), "%s/client.key", redis_dir(world));
}

static void end(void)
{
	sk_redis_loop_free(loop);
	redis_stop(world);
}

static void expect_good(const char *url, const struct sk_redis_auth *auth)
{
	sk_redis *r = redis_client_of(url, auth, loop);

	redis_expect(r, "ECHO secret", "secret");
	sk_redis_free(r);
}

static void expect_refused(const char *url, const struct sk_redis_auth *auth,
    int rc, const char *says)
{
	sk_redis *r = redis_client_of(url, auth, loop);

	redis_refused(r, "ECHO secret", rc, says);
	sk_redis_free(r);
}

/* The server is given another certificate of its CA's. */
static void use_certificate(const char *name)
{
	char conf[256];

	redis_end(world, SIGTERM);
	snprintf(conf, sizeof(conf), "tls-cert-file %s/%s.pem\n"
	    "tls-key-file %s/%s.key", redis_dir(world), name, redis_dir(world), name);
	redis_again(world, conf);
}

START_TEST(the_server_is_verified)
{
	struct redis_options o = { .tls = true };
	struct sk_redis_auth good = { .ca_file = ca };
	struct sk_redis_auth named = { .ca_file = ca,
	    .server_name = "elsewhere.example" };
	struct sk_redis_auth wrong = { .ca_file = other_ca };
	struct sk_redis_auth missing = { .ca_file = "/none.pem" };
	const char *url;

	begin(&o);
	url = redis_local_url(world, "rediss");
	expect_good(redis_url(world), &good);
	if (url)
		expect_good(url, &good);
	expect_refused(redis_url(world), NULL, SNEK_EACCES, "certificate");
	expect_refused(redis_url(world), &wrong, SNEK_EACCES, "CA");
	expect_refused(redis_url(world), &named, SNEK_EACCES, "mismatch");
	expect_refused(redis_url(world), &missing, SNEK_EINVAL, "/none.pem");
	use_certificate("wrong");
	expect_refused(redis_url(world), &good, SNEK_EACCES, "mismatch");
	if (url)
		expect_refused(url, &good, SNEK_EACCES, "mismatch");
	expect_good(redis_url(world), &named);
	use_certificate("expired");
	expect_refused(redis_url(world), &good, SNEK_EACCES, "expired");
	end();
}
END_TEST

/* ---- the system's certificates, in one file ---- */

__attribute__((format(printf, 1, 2)))
static void in_dir(const char *fmt, ...)
{
	char command[1024];
	int n = snprintf(command, sizeof(command), "cd %s && ", redis_dir(world));
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	ck_assert_msg(system(command) == 0, "%s", command);
}

/* What the file is made of: it is called all.pem. */
static const struct { const char *what, *command; bool good; } files[] = {
	{ "it, among others", "cat other-ca.pem ca.pem other-ca.pem", true },
	{ "it, behind many", "for i in 1 2 3 4 5 6 7 8 9; do cat other-ca.pem; "
	    "done; cat ca.pem", true },
	{ "with text between", "openssl x509 -in ca.pem -text", true },
	{ "lines of another kind", "sed 's/$/\r/' ca.pem", true },
	{ "in a form of OpenSSL's own", "openssl x509 -in ca.pem -trustout",
	    true },
	{ "another of the same name before it", "cat twin.pem ca.pem", true },
	{ "another of the same name behind it", "cat ca.pem twin.pem", true },
	{ "behind one that is cut", "head -n 5 other-ca.pem; "
	    "echo '-----END CERTIFICATE-----'; cat ca.pem", true },
	{ "others", "cat other-ca.pem", false },
	{ "one of the same name", "cat twin.pem", false },
	{ "nothing", ":", false },
	{ "junk", "head -c 20000 server.key", false },
	{ "a cut one", "head -n 8 ca.pem", false },
	{ "empty ones", "printf '%s\\n%s\\n' '-----BEGIN CERTIFICATE-----' "
	    "'-----END CERTIFICATE-----'", false },
};

START_TEST(the_system_s_certificates_are_asked_for_the_right_one)
{
	struct redis_options o = { .tls = true };
	char all[128];

	begin(&o);
	snprintf(all, sizeof(all), "%s/all.pem", redis_dir(world));
	in_dir("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	    "-nodes -keyout twin.key -out twin.pem -days 30 -subj "
	    "\"$(openssl x509 -in ca.pem -noout -subject -nameopt compat | "
	    "sed 's/^subject= *//')\" 2>/dev/null");
	in_dir("(%s) >all.pem", files[_i].command);
	setenv("SSL_CERT_FILE", all, 1);
	if (files[_i].good) {
		expect_good(redis_url(world), NULL);
		expect_good(redis_url(world), NULL);
	} else {
		expect_refused(redis_url(world), NULL, SNEK_EACCES,
		    "certificate");
	}
	unlink(all);                    /* as if there were none */
	end();
	unsetenv("SSL_CERT_FILE");
}
END_TEST

START_TEST(a_client_certificate_is_given)
{
	struct redis_options o = { .tls = true, .client_cert = true };
	struct sk_redis_auth with = { .ca_file = ca, .cert_file = cert,
	    .key_file = key };
	struct sk_redis_auth without = { .ca_file = ca };
	struct sk_redis_auth half = { .ca_file = ca, .key_file = key };
	struct sk_redis_auth swapped = { .ca_file = ca, .cert_file = key,
	    .key_file = cert };

	begin(&o);
	expect_good(redis_url(world), &with);
	expect_refused(redis_url(world), &without, SNEK_EACCES, "certificate required");
	expect_refused(redis_url(world), &half, SNEK_EINVAL, "no certificate");
	expect_refused(redis_url(world), &swapped, SNEK_EINVAL, "client");
	end();
}
END_TEST

START_TEST(plain_and_tls_are_told_apart)
{
	struct redis_options o = { .tls = true };
	struct sk_redis_auth good = { .ca_file = ca };
	char url[64];
	struct redis_world *plain;

	begin(&o);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", redis_port(world));
	expect_refused(url, NULL, SNEK_EAGAIN, "rediss://");
	plain = redis_start(NULL);
	snprintf(url, sizeof(url), "rediss://127.0.0.1:%d", redis_port(plain));
	expect_refused(url, &good, SNEK_EAGAIN, "TLS");
	redis_stop(plain);
	end();
}
END_TEST

START_TEST(old_versions_of_tls_are_refused)
{
	struct redis_options o = { .tls = true, .conf =
	    "tls-protocols TLSv1.1\ntls-ciphers DEFAULT@SECLEVEL=0" };
	struct sk_redis_auth good = { .ca_file = ca };

	begin(&o);
	expect_refused(redis_url(world), &good, SNEK_EIO, "TLS handshake");
	end();
}
END_TEST

/* ---- data ---- */

static void count(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	(void)e;
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(r->text.n, 100);
	++*(unsigned *)arg;
}

static bool is_5000(void *arg)
{
	return *(unsigned *)arg == 5000;
}

START_TEST(data_passes)
{
	struct redis_options o = { .tls = true };
	struct sk_redis_auth good = { .ca_file = ca };
	static char big[3 << 20], small[100];
	struct sk_span set[] = { sk_span_text("SET"), sk_span_text("k"),
	    { big, sizeof(big) } };
	struct sk_span get[] = { sk_span_text("GET"), sk_span_text("k") };
	struct sk_span echo[] = { sk_span_text("ECHO"), { small, sizeof(small) } };
	struct sk_command c = { .arg = set, .args = 3 };
	struct sk_answer a;
	struct snek_error e;
	unsigned n = 0, i;
	sk_redis *r;

	begin(&o);
	r = redis_client_of(redis_url(world), &good, loop);
	for (i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 >> 2);
	ck_assert_int_eq(sk_redis_call(r, &c, &a, &e), 0);
	sk_answer_free(&a);
	c = (struct sk_command){ .arg = get, .args = 2, .reply_max = sizeof(big) };
	ck_assert_int_eq(sk_redis_call(r, &c, &a, &e), 0);
	ck_assert_int_eq(memcmp(a.reply.text.p, big, sizeof(big)), 0);
	sk_answer_free(&a);
	c = (struct sk_command){ .arg = echo, .args = 2 };
	for (i = 0; i < 5000; i++)
		ck_assert_int_eq(sk_redis_send(r, &c, count, &n, &e), 0);
	ck_assert_int_eq(sk_redis_run(loop, is_5000, &n, sk_clock_ms() + 20000,
	    &e), 0);
	redis_end(world, SIGKILL);
	redis_again(world, NULL);
	redis_expect(r, "ECHO again", "again");
	sk_redis_free(r);
	end();
}
END_TEST

/* Cut after n bytes, whatever they are of: an answer, or an error in time. */
START_TEST(a_cut_handshake_is_tried_again)
{
	struct redis_options o = { .tls = true };
	struct sk_redis_auth good = { .ca_file = ca };
	struct sk_span echo[] = { sk_span_text("ECHO"), sk_span_text("x") };
	struct sk_command c = { .arg = echo, .args = 2, .again = true };
	struct sk_answer a;
	struct snek_error e;
	struct proxy *p;
	char url[64];
	int64_t n;

	begin(&o);
	p = proxy_start(0, redis_port(world), NULL);
	snprintf(url, sizeof(url), "rediss://127.0.0.1:%d", proxy_port(p));
	for (n = 0; n < 2600; n += 263) {
		struct proxy_fault f = { PROXY_FAULT, .times = 1 };
		sk_redis *r = redis_client_of(url, &good, loop);

		*(n / 263 % 2 ? &f.cut_up : &f.cut_down) = n;
		proxy_set(p, &f);
		ck_assert_msg(sk_redis_call(r, &c, &a, &e) == 0, "%d: %s", (int)n,
		    e.text);
		sk_answer_free(&a);
		sk_redis_free(r);
	}
	proxy_stop(p);
	end();
}
END_TEST

START_TEST(corrupt_bytes_are_noticed)
{
	struct redis_options o = { .tls = true };
	struct sk_redis_auth good = { .ca_file = ca };
	struct proxy_fault f = { PROXY_FAULT, .times = 1 };
	struct sk_answer a;
	struct snek_error e;
	struct proxy *p;
	char url[64];
	int rc;

	begin(&o);
	p = proxy_start(0, redis_port(world), NULL);
	snprintf(url, sizeof(url), "rediss://127.0.0.1:%d", proxy_port(p));
	for (f.corrupt_down = 0; f.corrupt_down < 3000; f.corrupt_down += 211) {
		sk_redis *r = redis_client_of(url, &good, loop);

		proxy_set(p, &f);
		rc = redis_call(r, "ECHO whole", &a, &e);
		if (!rc) {
			ck_assert_str_eq(a.reply.text.p, "whole");
			sk_answer_free(&a);
		}
		sk_redis_free(r);
	}
	proxy_stop(p);
	end();
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, the_server_is_verified);
	tcase_add_loop_test(t,
	    the_system_s_certificates_are_asked_for_the_right_one, 0,
	    sizeof(files) / sizeof(*files));
	tcase_add_test(t, a_client_certificate_is_given);
	tcase_add_test(t, plain_and_tls_are_told_apart);
	tcase_add_test(t, old_versions_of_tls_are_refused);
	tcase_add_test(t, data_passes);
	tcase_add_test(t, a_cut_handshake_is_tried_again);
	tcase_add_test(t, corrupt_bytes_are_noticed);
}

int main(void)
{
	const struct sk_tls_ops *ops;
	struct snek_error e;

	if (!redis_have())
		return redis_skip("test_redis_tls");
	if (sk_tls_load(&ops, &e)) {
		fprintf(stderr, "test_redis_tls: SKIPPED: %s\n", e.text);
		return 77;
	}
	return check_main("redis_tls", setup);
}
