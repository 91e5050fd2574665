/* SPDX-License-Identifier: MIT */
/*
 * A Runtime API that behaves as the real one may, and worse: each test is a
 * script for a server in a process of its own, which reads a request, looks
 * for a text in it, and answers with given bytes.
 */
#include "check_main.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "worker/runtime.h"

#define MAX 6291456u
#define HEAD "HTTP/1.1 200 OK\r\n" \
	"Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4\r\n"
#define NEXT "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"
#define ANSWER "POST /2018-06-01/runtime/invocation/8476a536-e9f4/response "
#define ACCEPTED "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n" \
	"{\"status\":\"OK\"}\n"

enum { SLOW = 1, CLOSE = 2, BIG_CHUNKS = 4, BIG_LENGTH = 8, AGAIN = 16 };

struct step {
	const char *wants;              /* in the request */
	const char *says;               /* NULL: nothing */
	int how;                        /* AGAIN: on a new connection */
};

static char api[64];
static pid_t server;

/* ---- the server ---- */

static void write_all(int fd, const char *p, size_t n, bool slow)
{
	ssize_t k;

	for (; n; p += k, n -= (size_t)k) {
		k = send(fd, p, slow ? 1 : n, MSG_NOSIGNAL);
		if (k < 0)
			return;         /* it hung up: the next step will tell */
	}
}

static void write_big(int fd, bool chunked)
{
	static char piece[4096];
	char line[64];
	size_t left = MAX, n;

	memset(piece, 'x', sizeof(piece));
	snprintf(line, sizeof(line), chunked ? "Transfer-Encoding: chunked"
	    "\r\n\r\n" : "Content-Length: %u\r\n\r\n", MAX);
	write_all(fd, line, strlen(line), false);
	for (; left; left -= n) {
		n = left < sizeof(piece) ? left : sizeof(piece);
		snprintf(line, sizeof(line), "%zx\r\n", n);
		if (chunked)
			write_all(fd, line, strlen(line), false);
		write_all(fd, piece, n, false);
		if (chunked)
			write_all(fd, "\r\n", 2, false);
	}
	if (chunked)
		write_all(fd, "0\r\n\r\n", 5, false);
}

/* Head and body of one request; false: the connection ended before it. */
static bool read_request(int fd, char *text, size_t size)
{
	size_t have = 0, length = 0, head = 0;
	char *end, *p;
	ssize_t n;

	while (!head || have < head + length) {
		n = recv(fd, text + have, size - 1 - have, 0);
		if (n <= 0)
			return false;
		have += (size_t)n;
		text[have] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (head || !end)
			continue;
		head = (size_t)(end + 4 - text);
		p = strcasestr(text, "content-length:");
		length = p && p < end ? strtoul(p + 15, NULL, 10) : 0;
	}
	return true;
}

static void play(int listener, const struct step *s)
{
	char text[65536] = "";
	int fd = -1;

	alarm(50);
	for (; s->wants; s++) {
		if (s->how & AGAIN && fd >= 0) {
			if (recv(fd, text, 1, 0) > 0)
				_exit(4);
			close(fd);
			fd = -1;
		}
		if (fd < 0)
			fd = accept(listener, NULL, NULL);
		if (!read_request(fd, text, sizeof(text)))
			_exit(2);
		if (!strstr(text, s->wants)) {
			fprintf(stderr, "no %s in %s\n", s->wants, text);
			_exit(3);
		}
		if (s->says)
			write_all(fd, s->says, strlen(s->says), s->how & SLOW);
		if (s->how & (BIG_CHUNKS | BIG_LENGTH))
			write_big(fd, s->how & BIG_CHUNKS);
		if (s->how & CLOSE) {
			close(fd);
			fd = -1;
		}
	}
	_exit(0);
}

/* A server for the steps, the last of which wants NULL. */
static sk_runtime *serve(const struct step *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct snek_error e = { 0 };
	sk_runtime *r;

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	snprintf(api, sizeof(api), "127.0.0.1:%d", ntohs(a.sin_port));
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		play(fd, s);
	}
	close(fd);
	ck_assert_msg(!sk_runtime_open(api, MAX, &r, &e), "%s", e.text);
	return r;
}

/* All steps were taken. */
static void done(sk_runtime *r)
{
	int status;

	sk_runtime_close(r);
	ck_assert_int_eq(waitpid(server, &status, 0), server);
	ck_assert_msg(status == 0, "the server: %x", (unsigned)status);
}

/* ---- next ---- */

static void next_is(sk_runtime *r, const char *event)
{
	struct sk_invocation v;
	struct snek_error e = { 0 };
	int rc = sk_runtime_next(r, &v, &e);

	ck_assert_msg(rc == 0, "%d %s", rc, e.text);
	ck_assert_str_eq(v.id, "8476a536-e9f4");
	ck_assert_uint_eq(v.event.n, strlen(event));
	ck_assert(!v.event.n || !memcmp(v.event.p, event, v.event.n));
}

static const struct { const char *what, *says; int how; } forms[] = {
	{ "with its length", HEAD "Content-Length: 5\r\n\r\nevent", 0 },
	{ "in one chunk", HEAD "Transfer-Encoding: chunked\r\n\r\n"
	    "5\r\nevent\r\n0\r\n\r\n", 0 },
	{ "in several", HEAD "Transfer-Encoding: chunked\r\n\r\n"
	    "1\r\ne\r\n3;a=b\r\nven\r\n1 \r\nt\r\n0\r\n\r\n", 0 },
	{ "with trailers", HEAD "Transfer-Encoding: chunked\r\n\r\n"
	    "5\r\nevent\r\n000\r\nA: b\r\nC: d\r\n\r\n", 0 },
	{ "to the close", HEAD "\r\nevent", CLOSE },
	{ "other case", "HTTP/1.1 200 OK\r\n"
	    "LAMBDA-RUNTIME-AWS-REQUEST-ID:8476a536-e9f4\r\n"
	    "CONTENT-LENGTH:5\r\n\r\nevent", 0 },
	{ "lower case", "HTTP/1.1 200 OK\r\n"
	    "lambda-runtime-aws-request-id: \t 8476a536-e9f4 \t\r\n"
	    "transfer-encoding: Chunked\r\n\r\n5\r\nevent\r\n0\r\n\r\n", 0 },
	{ "bare line feeds", "HTTP/1.1 200 OK\n"
	    "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4\n"
	    "Content-Length: 5\n\nevent", 0 },
	{ "behind a 100", "HTTP/1.1 100 Continue\r\n\r\n" HEAD
	    "Content-Length: 5\r\n\r\nevent", 0 },
	{ "HTTP/1.0", "HTTP/1.0 200\r\n"
	    "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4\r\n"
	    "Content-Length: 5\r\n\r\nevent", CLOSE },
};

START_TEST(an_event_comes_in_any_form)
{
	const struct step s[] = {
		{ NEXT, forms[_i / 2].says, forms[_i / 2].how |
		    (_i % 2 ? SLOW : 0) },
		{ NULL, NULL, 0 } };
	sk_runtime *r = serve(s);

	next_is(r, "event");
	done(r);
}
END_TEST

START_TEST(an_event_may_have_six_megabytes)
{
	const struct step s[] = { { NEXT, HEAD, _i },
		{ ANSWER, ACCEPTED, 0 }, { NULL, NULL, 0 } };
	sk_runtime *r = serve(s);
	struct sk_invocation v;

	ck_assert_int_eq(sk_runtime_next(r, &v, NULL), 0);
	ck_assert_uint_eq(v.event.n, MAX);
	ck_assert_int_eq(((const char *)v.event.p)[MAX - 1], 'x');
	ck_assert_int_eq(sk_runtime_answer(r, v.id, false,
	    (struct sk_span){ "{}", 2 }, NULL), 0);
	done(r);
}
END_TEST

static const struct { const char *says; int code; bool id; } strange[] = {
	{ HEAD "Content-Length: 6291457\r\n\r\n", SNEK_ELIMIT, true },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n600001\r\n", SNEK_ELIMIT,
	    true },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
	    SNEK_ELIMIT, true },
	{ HEAD "Content-Length: 5x\r\n\r\nevent", SNEK_EFORMAT, false },
	{ HEAD "Content-Length: -5\r\n\r\nevent", SNEK_EFORMAT, false },
	{ HEAD "Content-Length: 99999999999999999999999\r\n\r\n", SNEK_EFORMAT,
	    false },
	{ HEAD "Transfer-Encoding: gzip\r\n\r\n", SNEK_EFORMAT, false },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\nevent\r\n", SNEK_EFORMAT,
	    false },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\neventXX", SNEK_EFORMAT,
	    false },
	{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", SNEK_EFORMAT, false },
	{ "HTTP/1.1 two hundred\r\n\r\n", SNEK_EFORMAT, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevent", SNEK_EFORMAT,
	    false },
	{ "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: ../..\r\n"
	    "Content-Length: 5\r\n\r\nevent", SNEK_EFORMAT, false },
};

START_TEST(what_is_no_event_is_told_and_passed_over)
{
	const struct step s[] = { { NEXT, strange[_i].says, 0 },
		{ NEXT, HEAD "Content-Length: 1\r\n\r\n7",
		    strange[_i].code == SNEK_EFORMAT && strstr(strange[_i].says,
		    "\r\n\r\nevent") && strstr(strange[_i].says,
		    "Content-Length: 5\r") ? 0 : AGAIN },
		{ NULL, NULL, 0 } };
	sk_runtime *r = serve(s);
	struct sk_invocation v;
	struct snek_error e = { 0 };

	ck_assert_msg(sk_runtime_next(r, &v, &e) == strange[_i].code, "%s: %s",
	    strange[_i].says, e.text);
	ck_assert_str_eq(v.id, strange[_i].id ? "8476a536-e9f4" : "");
	ck_assert(*e.text);
	next_is(r, "7");
	done(r);
}
END_TEST

START_TEST(a_connection_that_did_not_survive_is_made_again)
{
	const struct step s[] = {
		{ NEXT, HEAD "Content-Length: 1\r\n\r\n1", 0 },
		{ ANSWER, ACCEPTED, CLOSE },            /* frozen, thawed */
		{ NEXT, HEAD "Content-Length: 1\r\n\r\n2", CLOSE },
		{ ANSWER, NULL, CLOSE },                /* not even heard */
		{ ANSWER, ACCEPTED, 0 },
		{ NEXT, NULL, CLOSE },
		{ NEXT, HEAD "Content-Length: 1\r\nConnection: close\r\n\r\n3",
		    CLOSE },
		{ ANSWER, ACCEPTED, 0 },
		{ NULL, NULL, 0 } };
	sk_runtime *r = serve(s);
	char event[2] = "1";

	for (; *event <= '3'; ++*event) {
		next_is(r, event);
		ck_assert_int_eq(sk_runtime_answer(r, "8476a536-e9f4", false,
		    (struct sk_span){ "x", 1 }, NULL), 0);
	}
	done(r);
}
END_TEST

START_TEST(an_answer_cut_short_is_asked_for_again)
{
	const struct step s[] = {
		{ NEXT, HEAD "Content-Length: 9\r\n\r\nhalf", CLOSE },
		{ NEXT, HEAD "Content-Length: 1\r\n\r\n1", 0 },
		{ NULL, NULL, 0 } };
	sk_runtime *r = serve(s);

	next_is(r, "1");
	done(r);
}
END_TEST

START_TEST(nobody_there_ends_the_waiting)
{
	const struct step s[] = { { NEXT, NULL, CLOSE }, { NULL, NULL, 0 } };
	sk_runtime *r = serve(s);
	struct sk_invocation v;
	struct snek_error e = { 0 };

	ck_assert_int_eq(sk_runtime_next(r, &v, &e), SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(e.text, "Runtime API"));
	done(r);
}
END_TEST

START_TEST(a_refusal_to_give_one_is_asked_again_or_the_end)
{
	const struct step s[] = {
		{ NEXT, "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n",
		    0 },
		{ NEXT, HEAD "Content-Length: 1\r\n\r\n1", 0 },
		{ NEXT, "HTTP/1.1 500 Gone\r\nContent-Length: 0\r\n\r\n", 0 },
		{ NULL, NULL, 0 } };
	sk_runtime *r = serve(s);
	struct sk_invocation v;
	struct snek_error e = { 0 };

	next_is(r, "1");
	ck_assert_int_eq(sk_runtime_next(r, &v, &e), SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(e.text, "500"));
	done(r);
}
END_TEST

/* ---- what comes with one ---- */

START_TEST(the_trace_of_each_is_in_the_environment)
{
	const struct step s[] = {
		{ NEXT, HEAD "Content-Length: 0\r\n"
		    "Lambda-Runtime-Trace-Id: Root=1-5bef;Sampled=1\r\n\r\n", 0 },
		{ NEXT, HEAD "Content-Length: 0\r\n"
		    "lambda-runtime-trace-id: Root=2\r\n\r\n", 0 },
		{ NEXT, HEAD "Content-Length: 0\r\n\r\n", 0 },
		{ NEXT, HEAD "Content-Length: 0\r\n"
		    "Lambda-Runtime-Trace-Id: Root=3\r\n\r\n", 0 },
		{ NULL, NULL, 0 } };
	sk_runtime *r = serve(s);

	next_is(r, "");
	ck_assert_str_eq(getenv("_X_AMZN_TRACE_ID"), "Root=1-5bef;Sampled=1");
	next_is(r, "");
	ck_assert_str_eq(getenv("_X_AMZN_TRACE_ID"), "Root=2");
	next_is(r, "");
	ck_assert_ptr_null(getenv("_X_AMZN_TRACE_ID"));
	next_is(r, "");
	ck_assert_str_eq(getenv("_X_AMZN_TRACE_ID"), "Root=3");
	done(r);
	ck_assert_ptr_null(getenv("_X_AMZN_TRACE_ID"));
}
END_TEST

START_TEST(the_deadline_is_how_long_there_is)
{
	char says[512];
	const struct step s[] = {
		{ NEXT, HEAD "Content-Length: 0\r\n\r\n", 0 },
		{ NEXT, says, 0 },
		{ NEXT, HEAD "Content-Length: 0\r\n"
		    "Lambda-Runtime-Deadline-Ms: 7\r\n\r\n", 0 },
		{ NULL, NULL, 0 } };
	struct sk_invocation v;
	sk_runtime *r;

	snprintf(says, sizeof(says), HEAD "Content-Length: 0\r\n"
	    "Lambda-Runtime-Deadline-Ms: %lld\r\n\r\n",
	    (long long)time(NULL) * 1000 + 900000);
	r = serve(s);
	ck_assert_int_eq(sk_runtime_next(r, &v, NULL), 0);
	ck_assert_int_eq(v.left_ms, -1);
	ck_assert_int_eq(sk_runtime_next(r, &v, NULL), 0);
	ck_assert_int_gt(v.left_ms, 800000);
	ck_assert_int_le(v.left_ms, 900000);
	ck_assert_int_eq(sk_runtime_next(r, &v, NULL), 0);
	ck_assert_int_eq(v.left_ms, 0);
	done(r);
}
END_TEST

/* ---- answers ---- */

static const char *const no[] = { "400 Bad Request", "403 Forbidden",
	"413 Too Large" };

START_TEST(a_refused_answer_ends_nothing)
{
	char says[128];
	const struct step s[] = { { "\r\n\r\n{\"a\":1}", says, 0 },
		{ NEXT, HEAD "Content-Length: 1\r\n\r\n1", 0 },
		{ NULL, NULL, 0 } };
	struct snek_error e = { 0 };
	sk_runtime *r;

	snprintf(says, sizeof(says), "HTTP/1.1 %s\r\nContent-Length: 3\r\n\r\n"
	    "why", no[_i]);
	r = serve(s);
	ck_assert_int_eq(sk_runtime_answer(r, "8476a536-e9f4", false,
	    (struct sk_span){ "{\"a\":1}", 7 }, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "why"));
	next_is(r, "1");
	done(r);
}
END_TEST

START_TEST(errors_go_where_they_belong)
{
	const struct step s[] = {
		{ "POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1",
		    ACCEPTED, 0 },
		{ "POST /2018-06-01/runtime/init/error HTTP/1.1", ACCEPTED, 0 },
		{ "Lambda-Runtime-Function-Error-Type: Snek.", ACCEPTED, 0 },
		{ NULL, NULL, 0 } };
	sk_runtime *r = serve(s);
	const struct sk_span body = { "{}", 2 };

	ck_assert_int_eq(sk_runtime_answer(r, "id-1", true, body, NULL), 0);
	ck_assert_int_eq(sk_runtime_never(r, body, NULL), 0);
	ck_assert_int_eq(sk_runtime_never(r, body, NULL), 0);
	done(r);
}
END_TEST

START_TEST(last_words_are_said_over_whatever_connection)
{
	const struct step s[] = {
		{ NEXT, HEAD "Content-Length: 1\r\n\r\n1", _i },
		{ "invocation/8476a536-e9f4/error HTTP/1.1", ACCEPTED, 0 },
		{ NULL, NULL, 0 } };
	sk_runtime *r = serve(s);

	next_is(r, "1");
	sk_runtime_last(r, "8476a536-e9f4", (struct sk_span){ "{}", 2 });
	done(r);
}
END_TEST

/* ---- where ---- */

static const char *const nowhere[] = { "", "127.0.0.1", "127.0.0.1:",
	":9001", "127.0.0.1:99999", "1.2.3.4:80\r\nX: y", "no such host:1" };

START_TEST(a_strange_address_is_refused)
{
	struct snek_error e = { 0 };
	sk_runtime *r;

	ck_assert_int_eq(sk_runtime_open(nowhere[_i], MAX, &r, &e),
	    SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "AWS_LAMBDA_RUNTIME_API"));
}
END_TEST

START_TEST(a_name_is_looked_up)
{
	struct snek_error e = { 0 };
	sk_runtime *r;

	ck_assert_msg(!sk_runtime_open("localhost:9001", MAX, &r, &e), "%s",
	    e.text);
	sk_runtime_close(r);
	ck_assert_msg(!sk_runtime_open("[::1]:9001", MAX, &r, &e), "%s",
	    e.text);
	sk_runtime_close(r);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof(*(a))))

static void setup(TCase *t)
{
	tcase_add_loop_test(t, an_event_comes_in_any_form, 0,
	    2 * COUNT(forms));
	tcase_add_loop_test(t, an_event_may_have_six_megabytes, BIG_CHUNKS,
	    BIG_CHUNKS + 1);
	tcase_add_loop_test(t, an_event_may_have_six_megabytes, BIG_LENGTH,
	    BIG_LENGTH + 1);
	tcase_add_loop_test(t, what_is_no_event_is_told_and_passed_over, 0,
	    COUNT(strange));
	tcase_add_test(t, a_connection_that_did_not_survive_is_made_again);
	tcase_add_test(t, an_answer_cut_short_is_asked_for_again);
	tcase_add_test(t, nobody_there_ends_the_waiting);
	tcase_add_test(t, a_refusal_to_give_one_is_asked_again_or_the_end);
	tcase_add_test(t, the_trace_of_each_is_in_the_environment);
	tcase_add_test(t, the_deadline_is_how_long_there_is);
	tcase_add_loop_test(t, a_refused_answer_ends_nothing, 0, COUNT(no));
	tcase_add_test(t, errors_go_where_they_belong);
	tcase_add_loop_test(t, last_words_are_said_over_whatever_connection, 0,
	    1);
	tcase_add_loop_test(t, last_words_are_said_over_whatever_connection,
	    CLOSE, CLOSE + 1);
	tcase_add_loop_test(t, a_strange_address_is_refused, 0,
	    COUNT(nowhere));
	tcase_add_test(t, a_name_is_looked_up);
}

int main(void)
{
	return check_main("runtime", setup);
}
