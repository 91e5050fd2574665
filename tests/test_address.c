/* SPDX-License-Identifier: MIT */
/* Addresses of shards, and what is fetched of them, as bytes. */
#include "check_main.h"

#include <string.h>

#include "exec/wire.h"
#include "store/address.h"

static const struct sk_address some[] = {
	{ .stamp = { { 1 }, 0, 1 }, .url = "redis://a" },
	{ .stamp = { { 2 }, 7, 1 }, .url = "rediss://b:1", .user = "u",
	    .password = "p", .ca_file = "/ca", .cert_file = "/c",
	    .key_file = "/k", .server_name = "n" },
	{ .stamp = { { 3 }, 3, 1 }, .url = "unix:///s", .password = "" },
};

static void put_all(struct sk_buf *b)
{
	size_t i;

	for (i = 0; i < sizeof(some) / sizeof(*some); i++)
		ck_assert(sk_address_put(b, &some[i]));
}

START_TEST(an_address_is_found_as_it_was)
{
	struct sk_buf b = { 0 };
	struct sk_address a;

	put_all(&b);
	ck_assert_int_eq(sk_address_find((struct sk_span){ b.p, b.n }, 7, &a), 0);
	ck_assert_uint_eq(a.stamp.cluster[0], 2);
	ck_assert_str_eq(a.url, "rediss://b:1");
	ck_assert_str_eq(a.user, "u");
	ck_assert_str_eq(a.password, "p");
	ck_assert_str_eq(a.server_name, "n");
	ck_assert_int_eq(sk_address_find((struct sk_span){ b.p, b.n }, 3, &a), 0);
	ck_assert_str_eq(a.password, "");
	ck_assert_ptr_null(a.user);
	ck_assert_int_eq(sk_address_find((struct sk_span){ b.p, b.n }, 9, &a),
	    SNEK_ENOENT);
	sk_buf_free(&b);
}
END_TEST

START_TEST(addresses_come_one_after_the_other)
{
	struct sk_buf b = { 0 };
	struct sk_address a;
	struct sk_span s;
	size_t i;

	put_all(&b);
	s = (struct sk_span){ b.p, b.n };
	for (i = 0; i < sizeof(some) / sizeof(*some); i++) {
		ck_assert_int_eq(sk_address_next(&s, &a), 1);
		ck_assert_str_eq(a.url, some[i].url);
	}
	ck_assert_int_eq(sk_address_next(&s, &a), 0);
	s = (struct sk_span){ b.p, 3 };
	ck_assert_int_eq(sk_address_next(&s, &a), SNEK_EFORMAT);
	sk_buf_free(&b);
}
END_TEST

/* The last is looked for, so all of it is read. */
START_TEST(what_is_cut_is_no_address)
{
	struct sk_buf b = { 0 };
	struct sk_address a;
	char *copy;
	size_t n;
	int rc;

	put_all(&b);
	for (n = 0; n < b.n; n++) {
		copy = malloc(n + 1);   /* to be seen when read beyond */
		memcpy(copy, b.p, n);
		rc = sk_address_find((struct sk_span){ copy, n }, 3, &a);
		ck_assert_msg(rc == SNEK_EFORMAT || rc == SNEK_ENOENT, "%zu", n);
		free(copy);
	}
	sk_buf_free(&b);
}
END_TEST

START_TEST(every_byte_of_an_address_may_be_wrong)
{
	struct sk_buf b = { 0 };
	struct sk_address a;
	size_t i;

	put_all(&b);
	for (i = 0; i < b.n; i++) {
		b.p[i] ^= (char)0xff;
		if (!sk_address_find((struct sk_span){ b.p, b.n }, 3, &a))
			ck_assert_uint_lt(strlen(a.url), b.n);
		b.p[i] ^= (char)0xff;
	}
	sk_buf_free(&b);
}
END_TEST

START_TEST(what_is_wanted_arrives_as_it_was)
{
	const struct sk_span column[] = { { "k", 1 }, { "", 0 }, { "a\0b", 3 } };
	const struct sk_exec_job j = { .column = column, .columns = 3,
		.whole = true };
	struct sk_put w = { { 0 }, false };
	struct sk_wire_want got;
	struct sk_get r;
	size_t n;

	sk_put_want(&w, &j);
	for (n = 0; n <= w.buf.n; n++) {
		r = (struct sk_get){ w.buf.p, n, false };
		ck_assert_int_eq(sk_get_want(&r, &got), n < w.buf.n ?
		    SNEK_EFORMAT : 0);
		if (n < w.buf.n)
			free(got.column);
	}
	ck_assert(got.whole);
	ck_assert_uint_eq(got.columns, 3);
	ck_assert_uint_eq(got.column[2].n, 3);
	ck_assert_mem_eq(got.column[2].p, "a\0b", 3);
	free(got.column);
	sk_buf_free(&w.buf);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_test(t, an_address_is_found_as_it_was);
	tcase_add_test(t, addresses_come_one_after_the_other);
	tcase_add_test(t, what_is_cut_is_no_address);
	tcase_add_test(t, every_byte_of_an_address_may_be_wrong);
	tcase_add_test(t, what_is_wanted_arrives_as_it_was);
}

int main(void)
{
	return check_main("address", tests);
}
