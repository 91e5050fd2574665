/* SPDX-License-Identifier: MIT */
/* Messages with files in them, as one span of bytes; and base64. */
#include "check_main.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/hash.h"
#include "exec/parcel.h"

/* ---- base64 ---- */

static const struct { const char *bytes, *text; } vectors[] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" },
	{ "\xfb\xef\xbe", "++++" },
};

START_TEST(base64_is_that_of_rfc_4648)
{
	struct sk_buf b = { 0 }, back = { 0 };
	const char *bytes = vectors[_i].bytes, *text = vectors[_i].text;

	ck_assert(sk_base64_put(&b, bytes, strlen(bytes)));
	ck_assert_uint_eq(b.n, strlen(text));
	ck_assert(!b.n || !memcmp(b.p, text, b.n));
	ck_assert_int_eq(sk_base64_get(&back, text, strlen(text)), 0);
	ck_assert_uint_eq(back.n, strlen(bytes));
	ck_assert(!back.n || !memcmp(back.p, bytes, back.n));
	sk_buf_free(&b);
	sk_buf_free(&back);
}
END_TEST

static const char *const wrong[] = {
	"Z", "Zg", "Zg=", "Zg===", "=", "====", "Zh==", "Zm9=", "Zg==Zg==",
	"Zm9v\n", "Zm 9", "Zm-_", "Zm9\x80", "=m9v", "Z===", "Zm=v",
};

START_TEST(what_is_not_base64_is_refused)
{
	struct sk_buf b = { 0 };

	ck_assert_msg(sk_base64_get(&b, wrong[_i], strlen(wrong[_i])) ==
	    SNEK_EFORMAT, "%s", wrong[_i]);
	ck_assert_uint_eq(b.n, 0);
	sk_buf_free(&b);
}
END_TEST

START_TEST(every_byte_comes_back)
{
	struct sk_buf from = { 0 }, text = { 0 }, back = { 0 };
	unsigned i;

	for (i = 0; i < 1000; i++)
		ck_assert(sk_buf_byte(&from, (uint8_t)(i * 37 + i / 256)));
	for (i = 0; i < 1000; i += 7) {
		text.n = back.n = 0;
		ck_assert(sk_base64_put(&text, from.p, i));
		ck_assert_int_eq(sk_base64_get(&back, text.p, text.n), 0);
		ck_assert(back.n == i && (!i || !memcmp(back.p, from.p, i)));
	}
	sk_buf_free(&from);
	sk_buf_free(&text);
	sk_buf_free(&back);
}
END_TEST

/* ---- parcels ---- */

static const struct { size_t body; int files; size_t file; } sizes[] = {
	{ 0, 0, 0 }, { 1, 0, 0 }, { 100, 1, 0 }, { 7, 3, 4097 },
	{ 1u << 20, 1, 3u << 20 },
};

static void fill(struct sk_buf *b, size_t n)
{
	size_t i;

	ck_assert(sk_buf_reserve(b, n));        /* Check notes every assertion */
	for (i = 0; i < n; i++)
		b->p[b->n++] = (char)(i * 7 + i / 251);
}

static void make(struct sk_message *m, size_t body, int files, size_t file)
{
	struct sk_buf b = { 0 };

	*m = (struct sk_message){ .kind = SK_MSG_TASK, .id = 1ull << 40 };
	fill(&m->body, body);
	fill(&b, file);
	while (files--)
		ck_assert(sk_message_take(m, sk_channel_file("test", b.p, b.n)));
	sk_buf_free(&b);
}

START_TEST(a_parcel_arrives_as_it_was)
{
	struct sk_message m, got = { 0 };
	struct sk_buf b = { 0 }, file = { 0 };
	struct stat st;
	size_t i;

	make(&m, sizes[_i].body, sizes[_i].files, sizes[_i].file);
	ck_assert(sk_buf_put(&b, "ahead", 5));
	ck_assert_int_eq(sk_parcel_put(&b, &m, NULL), 0);
	ck_assert_int_eq(sk_parcel_get((struct sk_span){ b.p + 5, b.n - 5 },
	    &got, NULL), 0);
	ck_assert_uint_eq(got.kind, m.kind);
	ck_assert_uint_eq(got.id, m.id);
	ck_assert_uint_eq(got.body.n, m.body.n);
	ck_assert(!m.body.n || !memcmp(got.body.p, m.body.p, m.body.n));
	ck_assert_uint_eq(got.fds, m.fds);
	fill(&file, sizes[_i].file);
	for (i = 0; i < got.fds; i++) {
		struct sk_buf have = { 0 };

		ck_assert(!fstat(got.fd[i], &st));
		ck_assert_uint_eq((size_t)st.st_size, file.n);
		ck_assert(sk_channel_slurp(got.fd[i], file.n, &have));
		ck_assert(!file.n || !memcmp(have.p, file.p, file.n));
		sk_buf_free(&have);
	}
	sk_message_free(&m);
	sk_message_free(&got);
	sk_buf_free(&b);
	sk_buf_free(&file);
}
END_TEST

static void crc(struct sk_buf *b)
{
	uint32_t sum = sk_crc32c(0, b->p, b->n - 4);

	memcpy(b->p + b->n - 4, &sum, 4);
}

START_TEST(a_parcel_that_is_cut_anywhere_is_refused)
{
	struct sk_message m, got;
	struct sk_buf b = { 0 }, copy = { 0 };
	size_t n;

	make(&m, 9, 2, 5);
	ck_assert_int_eq(sk_parcel_put(&b, &m, NULL), 0);
	for (n = 0; n < b.n; n++) {
		char *cut = malloc(n + 1);      /* so that a sanitizer sees */

		memcpy(cut, b.p, n);
		ck_assert_int_eq(sk_parcel_get((struct sk_span){ cut, n }, &got,
		    NULL), SNEK_EFORMAT);
		free(cut);
		if (n < 8)
			continue;
		copy.n = 0;             /* and with a check that holds */
		ck_assert(sk_buf_put(&copy, b.p, n));
		crc(&copy);
		ck_assert_int_eq(sk_parcel_get((struct sk_span){ copy.p, n },
		    &got, NULL), SNEK_EFORMAT);
	}
	sk_message_free(&m);
	sk_buf_free(&b);
	sk_buf_free(&copy);
}
END_TEST

START_TEST(a_parcel_with_changed_bytes_is_refused)
{
	struct sk_message m, got;
	struct sk_buf b = { 0 };
	size_t n;
	int rc;

	make(&m, 9, 2, 5);
	ck_assert_int_eq(sk_parcel_put(&b, &m, NULL), 0);
	for (n = 0; n < b.n; n++) {
		b.p[n] ^= (char)(1 << n % 8);
		rc = sk_parcel_get((struct sk_span){ b.p, b.n }, &got, NULL);
		ck_assert_int_eq(rc, n < 4 ? SNEK_EVERSION : SNEK_EFORMAT);
		b.p[n] ^= (char)(1 << n % 8);
	}
	sk_message_free(&m);
	sk_buf_free(&b);
}
END_TEST

/* Counts that would take memory there is no reason for. */
START_TEST(a_parcel_of_too_many_files_is_refused)
{
	struct sk_message m, got;
	struct sk_buf b = { 0 };
	uint32_t many = UINT32_MAX;

	make(&m, 0, 0, 0);
	ck_assert_int_eq(sk_parcel_put(&b, &m, NULL), 0);
	memcpy(b.p + 24, &many, 4);
	crc(&b);
	ck_assert_int_eq(sk_parcel_get((struct sk_span){ b.p, b.n }, &got,
	    NULL), SNEK_EFORMAT);
	sk_message_free(&m);
	sk_buf_free(&b);
}
END_TEST

START_TEST(another_version_is_told_by_its_number)
{
	struct sk_message m, got;
	struct sk_buf b = { 0 };
	struct snek_error e = { 0 };
	uint32_t version = SK_PARCEL_VERSION + 1;

	make(&m, 3, 0, 0);
	ck_assert_int_eq(sk_parcel_put(&b, &m, NULL), 0);
	memcpy(b.p, &version, 4);
	ck_assert_int_eq(sk_parcel_get((struct sk_span){ b.p, b.n }, &got, &e),
	    SNEK_EVERSION);
	ck_assert_ptr_nonnull(strstr(e.text, "version 2"));
	sk_message_free(&m);
	sk_buf_free(&b);
}
END_TEST

START_TEST(what_is_no_file_is_not_sent)
{
	struct sk_message m;
	struct sk_buf b = { 0 };
	struct snek_error e = { 0 };
	int p[2];

	make(&m, 3, 0, 0);
	ck_assert_int_eq(pipe(p), 0);
	ck_assert(sk_message_take(&m, p[0]));
	ck_assert(sk_buf_put(&b, "x", 1));
	ck_assert_int_eq(sk_parcel_put(&b, &m, &e), SNEK_EIO);
	ck_assert_uint_eq(b.n, 1);
	sk_message_free(&m);
	close(p[1]);
	sk_buf_free(&b);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, base64_is_that_of_rfc_4648, 0,
	    sizeof(vectors) / sizeof(*vectors));
	tcase_add_loop_test(t, what_is_not_base64_is_refused, 0,
	    sizeof(wrong) / sizeof(*wrong));
	tcase_add_test(t, every_byte_comes_back);
	tcase_add_loop_test(t, a_parcel_arrives_as_it_was, 0,
	    sizeof(sizes) / sizeof(*sizes));
	tcase_add_test(t, a_parcel_that_is_cut_anywhere_is_refused);
	tcase_add_test(t, a_parcel_with_changed_bytes_is_refused);
	tcase_add_test(t, a_parcel_of_too_many_files_is_refused);
	tcase_add_test(t, another_version_is_told_by_its_number);
	tcase_add_test(t, what_is_no_file_is_not_sent);
}

int main(void)
{
	return check_main("parcel", setup);
}
