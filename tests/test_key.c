/* SPDX-License-Identifier: MIT */
#include "check_main.h"

#include <math.h>

#include "base/err.h"
#include "gen_json.h"
#include "value/json_read.h"
#include "value/key.h"
#include "value/value.h"

static int sign(int c)
{
	return (c > 0) - (c < 0);
}

static void put(struct sk_buf *b, struct snek_value v)
{
	b->n = 0;
	ck_assert_int_eq(sk_key_put(b, v), 0);
}

/* The order of bytes is the order of values, and keys lead back. */
static void agree(struct snek_value a, struct snek_value b)
{
	struct sk_buf ka = { 0 }, kb = { 0 }, scratch = { 0 }, again = { 0 };
	struct snek_value back;

	put(&ka, a);
	put(&kb, b);
	ck_assert_int_eq(sign(sk_key_compare(ka.p, ka.n, kb.p, kb.n)),
	    sign(sk_value_compare(a, b)));
	ck_assert_int_eq(sk_key_get(ka.p, ka.n, &scratch, &back), 0);
	ck_assert_int_eq(sk_value_compare(a, back), 0);
	put(&again, back);
	ck_assert_int_eq(sk_key_compare(ka.p, ka.n, again.p, again.n), 0);
	sk_buf_free(&ka);
	sk_buf_free(&kb);
	sk_buf_free(&scratch);
	sk_buf_free(&again);
}

static sk_json_reader *reader(void)
{
	static const struct sk_json_options plain = { .plain = true };
	sk_json_reader *r;

	ck_assert_int_eq(sk_json_reader_new(&plain, &r), 0);
	return r;
}

/* Few different small values, so that prefixes and equals are common. */
static void small(struct gen *g, int depth, struct sk_buf *b)
{
	static const char *const leaves[] = { "null", "true", "false", "0", "-0.0",
		"1", "1.0", "1e0", "-1", "2", "\"\"", "\"a\"", "\"a\\u0000\"",
		"\"\\u0000\"", "\"ab\"", "1.5", "\"\\u00ff\"", "9007199254740993",
		"9007199254740992.0", "5e-324" };
	static const char *const names[] = { "", "a", "a\\u0000" };
	uint64_t k = gen_below(g, depth ? 26 : 20), i, n;

	if (k < 20) {
		ck_assert(sk_buf_put(b, leaves[k], strlen(leaves[k])));
		return;
	}
	n = gen_below(g, 4);
	ck_assert(sk_buf_byte(b, k < 23 ? '[' : '{'));
	for (i = 0; i < n; i++) {
		ck_assert(i == 0 || sk_buf_byte(b, ','));
		if (k >= 23)
			ck_assert(sk_buf_printf(b, "\"%s%d\":",
			    names[gen_below(g, 3)], (int)i));
		small(g, depth - 1, b);
	}
	ck_assert(sk_buf_byte(b, k < 23 ? ']' : '}'));
}

START_TEST(bytes_order_as_values_do)
{
	sk_json_reader *ra = reader(), *rb = reader();
	struct sk_buf a = { 0 }, b = { 0 };
	struct snek_value va, vb;
	struct gen g;
	int i;

	gen_seed(&g, 11);
	for (i = 0; i < 30000; i++) {
		a.n = b.n = 0;
		if (i % 3) {
			small(&g, 3, &a);
			small(&g, 3, &b);
		} else {
			gen_document(&g, i % 2 ? GEN_TOP : GEN_UNICODE, false, &a);
			gen_document(&g, GEN_TOP, false, &b);
		}
		ck_assert_int_eq(sk_json_value(ra, a.p, a.n, &va, NULL), 0);
		ck_assert_int_eq(sk_json_value(rb, b.p, b.n, &vb, NULL), 0);
		agree(va, vb);
	}
	sk_buf_free(&a);
	sk_buf_free(&b);
	sk_json_reader_free(ra);
	sk_json_reader_free(rb);
}
END_TEST

static struct snek_value near_edge(struct gen *g)
{
	static const double edges[] = { 0x1p53, 0x1p63, 0x1p64, 1, 0x1p-1022,
		0x1p-1074, 0x1p1023, 0x1p62, 0x1p-1 };
	double d = edges[gen_below(g, 9)];
	int k = (int)gen_below(g, 9) - 4;
	uint64_t u;

	switch (gen_below(g, 4)) {
	case 0:
		memcpy(&u, &d, 8);
		u += (uint64_t)(int64_t)k;
		memcpy(&d, &u, 8);
		if (isinf(d) || isnan(d))
			d = 0;
		return sk_double(gen_below(g, 2) ? d : -d);
	case 1:
		return sk_uint((1ull << (gen_below(g, 2) ? 63 : 53)) +
		    (uint64_t)(int64_t)k);
	case 2:
		return sk_int((int64_t)((1ull << 63) + (uint64_t)abs(k)));
	default:
		return sk_uint((uint64_t)0 - gen_below(g, 4096) - 1);
	}
}

START_TEST(numbers_are_exact_at_every_edge)
{
	struct gen g;
	int i;

	gen_seed(&g, 5);
	for (i = 0; i < 60000; i++)
		agree(near_edge(&g), near_edge(&g));
}
END_TEST

START_TEST(equal_numbers_are_one_key)
{
	struct sk_buf a = { 0 }, b = { 0 };

	put(&a, sk_int(1));
	put(&b, sk_double(1.0));
	ck_assert(a.n == b.n && !memcmp(a.p, b.p, a.n));
	put(&a, sk_uint(1ull << 63));
	put(&b, sk_double(0x1p63));
	ck_assert(a.n == b.n && !memcmp(a.p, b.p, a.n));
	put(&a, sk_double(-0.0));
	put(&b, sk_int(0));
	ck_assert(a.n == b.n && !memcmp(a.p, b.p, a.n));
	sk_buf_free(&a);
	sk_buf_free(&b);
}
END_TEST

static const struct { const char *json; size_t n; const char *bytes; } drawn[] = {
	{ "null", 1, "\x01" }, { "false", 1, "\x02" }, { "true", 1, "\x03" },
	{ "0", 1, "\x05" }, { "\"\"", 1, "\x07" }, { "\"a\\u0000b\"", 4, "\x07""a\0b" },
	{ "1", 11, "\x06\x07\xc1\x80\0\0\0\0\0\0\0" },
	{ "-1", 11, "\x04\xf8\x3e\x7f\xff\xff\xff\xff\xff\xff\xff" },
	{ "[]", 2, "\x08\0" }, { "{}", 2, "\x09\0" },
	{ "[\"a\\u0000\",null]", 9, "\x08\x07""a\0\xff\0\0\x01" },
	{ "{\"b\":true,\"a\":[]}", 13,
	    "\x09\x07""a\0\0\x08\0\x07""b\0\0\x03" },
};

START_TEST(keys_are_as_drawn)
{
	sk_json_reader *r = reader();
	struct sk_buf b = { 0 };
	struct snek_value v;

	ck_assert_int_eq(sk_json_value(r, drawn[_i].json,
	    strlen(drawn[_i].json), &v, NULL), 0);
	put(&b, v);
	ck_assert_uint_eq(b.n, drawn[_i].n);
	ck_assert(!memcmp(b.p, drawn[_i].bytes, drawn[_i].n));
	sk_buf_free(&b);
	sk_json_reader_free(r);
}
END_TEST

START_TEST(what_is_no_key_is_refused)
{
	struct sk_buf b = { 0 };

	ck_assert_int_eq(sk_key_put(&b, sk_double(NAN)), SNEK_EINVAL);
	ck_assert_int_eq(sk_key_put(&b, sk_double(-INFINITY)), SNEK_EINVAL);
	ck_assert_int_eq(sk_key_put(&b, sk_none()), SNEK_EINVAL);
	ck_assert_uint_eq(b.n, 0);
	sk_buf_free(&b);
}
END_TEST

START_TEST(damaged_keys_do_no_harm)
{
	sk_json_reader *r = reader();
	struct sk_buf json = { 0 }, key = { 0 }, scratch = { 0 }, again = { 0 };
	struct snek_value v;
	struct gen g;
	char *exact;
	size_t n;
	int i;

	gen_seed(&g, 17);
	for (i = 0; i < 20000; i++) {
		json.n = key.n = scratch.n = 0;
		gen_document(&g, GEN_TOP, false, &json);
		ck_assert_int_eq(sk_json_value(r, json.p, json.n, &v, NULL), 0);
		put(&key, v);
		n = gen_below(&g, 3) ? key.n : gen_below(&g, key.n + 1);
		exact = malloc(n + !n);
		memcpy(exact, key.p, n);
		if (n)
			exact[gen_below(&g, n)] ^= (char)(1u << gen_below(&g, 8));
		if (sk_key_get(exact, n, &scratch, &v) == 0)
			ck_assert_int_eq(sk_key_put(&again, v), 0);
		again.n = 0;
		free(exact);
	}
	sk_buf_free(&json);
	sk_buf_free(&key);
	sk_buf_free(&scratch);
	sk_buf_free(&again);
	sk_json_reader_free(r);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, bytes_order_as_values_do);
	tcase_add_test(t, numbers_are_exact_at_every_edge);
	tcase_add_test(t, equal_numbers_are_one_key);
	tcase_add_loop_test(t, keys_are_as_drawn, 0,
	    sizeof(drawn) / sizeof(*drawn));
	tcase_add_test(t, what_is_no_key_is_refused);
	tcase_add_test(t, damaged_keys_do_no_harm);
}

int main(void)
{
	return check_main("key", setup);
}
