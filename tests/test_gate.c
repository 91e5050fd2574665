/* SPDX-License-Identifier: MIT */
/* test_gate.c - who may ask a gateway. */
#include "api/gate.h"
#include "check_main.h"

static bool may(const char *authorization, const char *token)
{
	struct sk_gate_head h = { .authorization = authorization,
		.host = "evil.example", .origin = "http://evil.example" };

	return !sk_gate_check(&h, token, false);
}

START_TEST(the_token_alone_opens_and_nothing_near_it)
{
	ck_assert(may("Bearer secret-of-sixteen", "secret-of-sixteen"));
	ck_assert(may("bearer secret-of-sixteen", "secret-of-sixteen"));
	ck_assert(!may("Bearer secret-of-sixtee", "secret-of-sixteen"));
	ck_assert(!may("Bearer secret-of-sixteenX", "secret-of-sixteen"));
	ck_assert(!may("Bearer ", "secret-of-sixteen"));
	ck_assert(!may("Basic secret-of-sixteen", "secret-of-sixteen"));
	ck_assert(!may(NULL, "secret-of-sixteen"));
}
END_TEST

static bool called(const char *host, const char *origin, bool local)
{
	struct sk_gate_head h = { .host = host, .origin = origin };

	return !sk_gate_check(&h, NULL, local);
}

START_TEST(without_a_token_it_is_called_by_a_loopback_name)
{
	ck_assert(called("localhost", NULL, false));
	ck_assert(called("LOCALHOST:80", NULL, false));
	ck_assert(called("127.0.0.1:8470", NULL, false));
	ck_assert(called("[::1]:1", NULL, false));
	ck_assert(called("127.0.0.2", NULL, false));
	ck_assert(!called("127.0.0.1:x", NULL, false));
	ck_assert(!called("", NULL, false));
	ck_assert(!called("127.0.0.1.evil.example", NULL, false));
	ck_assert(!called("localhosts", NULL, false));
	ck_assert(!called(NULL, NULL, false));
	ck_assert(!called("localhost", "null", false));
	ck_assert(called(NULL, NULL, true));
}
END_TEST

static const char *doubt(const char *const *line, unsigned lines)
{
	struct sk_gate_head h = { .lengths = 0 };
	unsigned i;

	for (i = 0; i < lines; i++)
		sk_gate_take(&h, line[2 * i], line[2 * i + 1]);
	return sk_gate_doubt(&h);
}

START_TEST(what_a_proxy_could_read_otherwise_is_doubted)
{
	const char *const twice[] = { "Content-Length", "1", "content-length",
		"1" };
	const char *const both[] = { "CONTENT-LENGTH", "1",
		"Transfer-Encoding", "chunked" };
	const char *const two[] = { "Authorization", "a", "authorization", "b" };
	const char *const odd[] = { "transfer-encoding", "gzip, chunked" };
	const char *const good[] = { "Host", "x", "Transfer-Encoding",
		"Chunked", "Authorization", "a", "Content-Type", "b", "x-1.", "c" };
	const char *const codings[] = { "Transfer-Encoding", "chunked",
		"Transfer-Encoding", "identity" };
	const char *const hosts[] = { "Host", "a", "host", "a" };
	const char *const bodies[] = { "Content-Encoding", "gzip",
		"Content-Encoding", "gzip" };
	const char *const names[] = { "Content-Length ", "Content-Length\t",
		"\vContent-Length", "", "a\x80", "a:b" };
	const struct sk_gate_head alone = { .needs_host = true };
	const char *line[2] = { NULL, "1" };
	size_t i;

	ck_assert_str_eq(doubt(twice, 2), "more than one length");
	ck_assert(doubt(both, 2));
	ck_assert_str_eq(doubt(two, 2), "more than one Authorization");
	ck_assert(doubt(odd, 1));
	ck_assert(doubt(codings, 2));
	ck_assert(doubt(hosts, 2));
	ck_assert(doubt(bodies, 2));
	ck_assert(sk_gate_doubt(&alone));
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		line[0] = names[i];
		ck_assert_str_eq(doubt(line, 1), "a header with a name that is "
		    "none");
	}
	ck_assert(!doubt(good, 5));
}
END_TEST

START_TEST(the_first_header_of_a_name_counts)
{
	struct sk_gate_head h = { .lengths = 0 };

	sk_gate_take(&h, "HOST", "one");
	sk_gate_take(&h, "host", "two");
	sk_gate_take(&h, "hosts", "three");
	ck_assert_str_eq(h.host, "one");
	ck_assert(!h.origin);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, what_a_proxy_could_read_otherwise_is_doubted);
	tcase_add_test(t, the_first_header_of_a_name_counts);
	tcase_add_test(t, the_token_alone_opens_and_nothing_near_it);
	tcase_add_test(t, without_a_token_it_is_called_by_a_loopback_name);
}

int main(void)
{
	return check_main("gate", setup);
}
