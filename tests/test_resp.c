/* SPDX-License-Identifier: MIT */
#include "store/resp.h"
#include "check_main.h"

#include <malloc.h>
#include <stdio.h>

static const struct sk_resp_bounds bounds = { 1000, 50 };

/* A reply as text, for comparison. */
static void print(struct sk_buf *b, const struct sk_reply *r)
{
	size_t i;

	switch (r->type) {
	case SK_REPLY_INTEGER:
		sk_buf_printf(b, ":%lld ", (long long)r->integer);
		break;
	case SK_REPLY_NIL:
		sk_buf_printf(b, "nil ");
		break;
	case SK_REPLY_ARRAY:
		sk_buf_printf(b, "[ ");
		for (i = 0; i < r->items; i++)
			print(b, &r->item[i]);
		sk_buf_printf(b, "] ");
		break;
	default:
		sk_buf_printf(b, "%d:", r->type);
		sk_buf_put(b, r->text.p, r->text.n);
		sk_buf_printf(b, " ");
	}
}

/* Feed in pieces: text up to each of the n cuts, then the rest.  What was read
 * is printed; 0, or what was wrong. */
static int feed(const char *p, size_t n, size_t cut, struct sk_buf *out)
{
	const struct sk_reply *reply;
	struct sk_resp *r;
	struct snek_error e;
	size_t at = 0, used;
	int rc;

	ck_assert_int_eq(sk_resp_new(&r, &e), 0);
	while (at < n) {
		size_t part = at < cut ? cut - at : n - at;
		char *copy = malloc(part);      /* so that overreading is seen */

		memcpy(copy, p + at, part);
		rc = sk_resp_feed(r, &bounds, copy, part, &used, &reply, &e);
		free(copy);
		if (rc < 0) {
			sk_resp_free(r);
			return rc;
		}
		ck_assert_uint_le(used, part);
		ck_assert(rc || used == part);
		if (rc)
			print(out, reply);
		at += used;
	}
	sk_resp_free(r);
	return 0;
}

static const char *const good[][2] = {
	{ "+OK\r\n", "1:OK " },
	{ "+\r\n", "1: " },
	{ "-ERR no\r\n", "2:ERR no " },
	{ ":0\r\n:-1\r\n:9223372036854775807\r\n:-9223372036854775808\r\n",
	    ":0 :-1 :9223372036854775807 :-9223372036854775808 " },
	{ "$0\r\n\r\n$3\r\na\r\n\r\n$-1\r\n", "5: 5:a\r\n nil " },
	{ "*0\r\n*-1\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n+z\r\n",
	    "[ ] nil [ :1 [ 5:x ] ] 1:z " },
	{ "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*2\r\n:1\r\n*0\r\n",
	    "[ [ [ [ [ [ [ :1 [ ] ] ] ] ] ] ] ] " },
};

START_TEST(replies_are_read_however_they_are_cut)
{
	size_t n = strlen(good[_i][0]), cut;

	for (cut = 0; cut <= n; cut++) {
		struct sk_buf b = { .p = NULL };

		ck_assert_int_eq(feed(good[_i][0], n, cut, &b), 0);
		ck_assert(sk_buf_byte(&b, 0));
		ck_assert_str_eq(b.p, good[_i][1]);
		sk_buf_free(&b);
	}
}
END_TEST

static const struct {
	const char *text;
	int rc;
} bad[] = {
	{ "*2147483647\r\n", SNEK_ELIMIT },
	{ "*4294967297\r\n", SNEK_ELIMIT },
	{ "*9223372036854775807\r\n", SNEK_ELIMIT },
	{ "*51\r\n", SNEK_ELIMIT },
	{ "*50\r\n*1\r\n", SNEK_ELIMIT },
	{ "$1001\r\n", SNEK_ELIMIT },
	{ "$9223372036854775807\r\n", SNEK_ELIMIT },
	{ "*2\r\n$999\r\n", 0 },
	{ "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", SNEK_ELIMIT },
	{ "*9223372036854775808\r\n", SNEK_EFORMAT },
	{ "*-2\r\n", SNEK_EFORMAT },
	{ "$-2\r\n", SNEK_EFORMAT },
	{ "$01\r\n", SNEK_EFORMAT },
	{ "$\r\n", SNEK_EFORMAT },
	{ ":-0\r\n", SNEK_EFORMAT },
	{ ":1 \r\n", SNEK_EFORMAT },
	{ ":12345678901234567890123\r\n", SNEK_EFORMAT },
	{ "$1\r\nabc", SNEK_EFORMAT },
	{ "$1\r\na\r\r", SNEK_EFORMAT },
	{ "+a\nb\r\n", SNEK_EFORMAT },
	{ "+a\rb\r\n", SNEK_EFORMAT },
	{ "HTTP/1.1 400 Bad Request\r\n", SNEK_EFORMAT },
	{ "%1\r\n", SNEK_EFORMAT },
	{ "\r\n", SNEK_EFORMAT },
};

START_TEST(wrong_replies_are_refused_however_they_are_cut)
{
	size_t n = strlen(bad[_i].text), cut;

	for (cut = 0; cut <= n; cut++) {
		struct sk_buf b = { .p = NULL };

		ck_assert_msg(feed(bad[_i].text, n, cut, &b) == bad[_i].rc, "%s",
		    bad[_i].text);
		sk_buf_free(&b);
	}
}
END_TEST

START_TEST(a_long_line_is_refused_as_it_comes)
{
	char text[1200];
	struct sk_buf b = { .p = NULL };

	memset(text, 'x', sizeof(text));
	text[0] = '-';
	ck_assert_int_eq(feed(text, 1001, 5, &b), 0);
	ck_assert_int_eq(feed(text, 1002, 5, &b), SNEK_ELIMIT);
	sk_buf_free(&b);
}
END_TEST

START_TEST(claims_allocate_nothing)
{
	static const struct sk_resp_bounds wide = { (size_t)1 << 60, 50 };
	static const char text[] = "$1000000000000000\r\nxyz";
	const struct sk_reply *reply;
	struct mallinfo2 before, after;
	struct sk_resp *r;
	struct snek_error e;
	size_t used;

	ck_assert_int_eq(sk_resp_new(&r, &e), 0);
	before = mallinfo2();
	ck_assert_int_eq(sk_resp_feed(r, &wide, text, sizeof(text) - 1, &used,
	    &reply, &e), 0);
	after = mallinfo2();
	ck_assert_uint_le(after.uordblks + after.hblkhd,
	    before.uordblks + before.hblkhd + 65536);
	sk_resp_free(r);
}
END_TEST

static uint64_t random64(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Some reply that is right, appended. */
static void make(struct sk_buf *b, uint64_t *s, int depth)
{
	uint64_t r = random64(s) % (depth < 4 ? 6 : 5), n = random64(s) % 5, i;

	switch (r) {
	case 0:
		sk_buf_printf(b, "+s%u\r\n", (unsigned)n);
		break;
	case 1:
		sk_buf_printf(b, "-E%u\r\n", (unsigned)n);
		break;
	case 2:
		sk_buf_printf(b, ":%lld\r\n", (long long)random64(s));
		break;
	case 3:
		sk_buf_printf(b, "$-1\r\n");
		break;
	case 4:
		sk_buf_printf(b, "$%u\r\n%.*s\r\n", (unsigned)n, (int)n, "\r\n*$9");
		break;
	default:
		sk_buf_printf(b, "*%u\r\n", (unsigned)n);
		for (i = 0; i < n; i++)
			make(b, s, depth + 1);
	}
}

/* However a text is cut, and whether it is right or mutated: the same replies
 * and the same verdict. */
static void cut_everywhere(const struct sk_buf *in)
{
	struct sk_buf whole = { .p = NULL }, part;
	int rc = feed(in->p, in->n, 0, &whole), again;
	size_t cut;

	for (cut = 1; cut < in->n; cut++) {
		part = (struct sk_buf){ .p = NULL };
		again = feed(in->p, in->n, cut, &part);
		ck_assert_int_eq(again, rc);
		ck_assert_uint_eq(part.n, whole.n);
		ck_assert(!part.n || !memcmp(part.p, whole.p, part.n));
		sk_buf_free(&part);
	}
	sk_buf_free(&whole);
}

START_TEST(mutated_bytes_neither_crash_nor_depend_on_cuts)
{
	uint64_t s = 0x9e3779b97f4a7c15u * (uint64_t)(_i + 1);
	static const char odd[] = "*$:+-\r\n0129\0";
	int round;

	for (round = 0; round < 150; round++) {
		struct sk_buf b = { .p = NULL };
		int changes = (int)(random64(&s) % 4);

		make(&b, &s, 0);
		make(&b, &s, 0);
		while (changes--)
			b.p[random64(&s) % b.n] = random64(&s) & 1 ?
			    odd[random64(&s) % (sizeof(odd) - 1)] :
			    (char)random64(&s);
		if (b.n < 400)
			cut_everywhere(&b);
		sk_buf_free(&b);
	}
}
END_TEST

START_TEST(random_bytes_are_survived)
{
	uint64_t s = 88172645463325252u + (uint64_t)_i;
	char text[64];
	int round;

	for (round = 0; round < 20000; round++) {
		struct sk_buf b = { .p = NULL };
		size_t i, n = random64(&s) % sizeof(text);

		for (i = 0; i < n; i++)
			text[i] = "*$:+-\r\n01\377"[random64(&s) % 10];
		feed(text, n, n / 2, &b);
		sk_buf_free(&b);
	}
}
END_TEST

START_TEST(a_command_is_counted_strings)
{
	static const struct sk_span arg[] = { { "SET", 3 }, { "", 0 },
	    { "a\r\n\0bcdefghi", 12 } };
	static const char want[] = "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\n"
	    "a\r\n\0bcdefghi\r\n";
	size_t n = sk_resp_size(arg, 3);
	char *p = malloc(n);

	ck_assert_uint_eq(n, sizeof(want) - 1);
	ck_assert_ptr_eq(sk_resp_write(p, arg, 3), p + n);
	ck_assert_int_eq(memcmp(p, want, n), 0);
	free(p);
}
END_TEST

START_TEST(a_copy_outlives_the_reply)
{
	static const char text[] = "*3\r\n$2\r\nab\r\n*1\r\n:7\r\n$-1\r\n";
	const struct sk_reply *reply;
	struct sk_buf a = { .p = NULL }, b = { .p = NULL };
	struct sk_reply kept;
	struct sk_resp *r;
	struct snek_error e;
	size_t used;
	void *memory;

	ck_assert_int_eq(sk_resp_new(&r, &e), 0);
	ck_assert_int_eq(sk_resp_feed(r, &bounds, text, sizeof(text) - 1, &used,
	    &reply, &e), 1);
	print(&a, reply);
	memory = sk_resp_copy(reply, &kept);
	sk_resp_free(r);
	ck_assert_ptr_nonnull(memory);
	print(&b, &kept);
	ck_assert_uint_eq(a.n, b.n);
	ck_assert_int_eq(memcmp(a.p, b.p, a.n), 0);
	free(memory);
	sk_buf_free(&a);
	sk_buf_free(&b);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, replies_are_read_however_they_are_cut, 0,
	    sizeof(good) / sizeof(*good));
	tcase_add_loop_test(t, wrong_replies_are_refused_however_they_are_cut, 0,
	    sizeof(bad) / sizeof(*bad));
	tcase_add_test(t, a_long_line_is_refused_as_it_comes);
	tcase_add_test(t, claims_allocate_nothing);
	tcase_add_loop_test(t, mutated_bytes_neither_crash_nor_depend_on_cuts, 0, 8);
	tcase_add_loop_test(t, random_bytes_are_survived, 0, 4);
	tcase_add_test(t, a_command_is_counted_strings);
	tcase_add_test(t, a_copy_outlives_the_reply);
}

int main(void)
{
	return check_main("resp", setup);
}
