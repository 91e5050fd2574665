/* SPDX-License-Identifier: MIT */
#include "task/run.h"
#include "value/key.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void add(struct sk_run *r, const char *key, uint64_t version,
    uint64_t record, uint32_t emit, const char *value)
{
	struct sk_entry n = {
		{ key, strlen(key) }, { version, record }, emit,
		{ value, strlen(value) },
	};

	ck_assert_int_eq(sk_run_add(r, &n, NULL), 0);
}

static void expect(const struct sk_entry *n, const char *key, uint64_t record,
    const char *value)
{
	ck_assert_mem_eq(n->key.p, key, strlen(key));
	ck_assert_uint_eq(n->key.n, strlen(key));
	ck_assert_uint_eq(n->place.record, record);
	ck_assert_uint_eq(n->value.n, strlen(value));
	ck_assert_mem_eq(n->value.p, value, strlen(value));
}

/* _i: 0 in memory, 1 spilled first, 2 spilled in the middle. */
START_TEST(what_was_added_is_read_back)
{
	struct sk_run r = { 0 };
	sk_run_reader *in;
	struct sk_entry n;
	char key[32];
	char *large = malloc(700001);
	int i;

	memset(large, 'x', 700000);
	large[700000] = '\0';
	for (i = 0; i < 20000; i++) {
		if ((_i == 1 && i == 0) || (_i == 2 && i % 7000 == 6999))
			ck_assert_int_eq(sk_run_spill(&r, "/tmp", NULL), 0);
		snprintf(key, sizeof(key), "key %d", i);
		add(&r, key, UINT64_MAX, (uint64_t)i << 40, UINT32_MAX,
		    i == 11111 ? large : "");
	}
	ck_assert_int_eq(sk_run_end(&r, NULL), 0);
	ck_assert_uint_eq(r.entries, 20000);
	ck_assert_int_eq(sk_run_reader_new(&r, &in, NULL), 0);
	for (i = 0; i < 20000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		ck_assert_int_eq(sk_run_reader_next(in, &n, NULL), 1);
		expect(&n, key, (uint64_t)i << 40, i == 11111 ? large : "");
		ck_assert_uint_eq(n.emit, UINT32_MAX);
		ck_assert_uint_eq(n.place.version, UINT64_MAX);
	}
	ck_assert_int_eq(sk_run_reader_next(in, &n, NULL), 0);
	ck_assert_int_eq(sk_run_reader_next(in, &n, NULL), 0);
	sk_run_reader_free(in);
	sk_run_free(&r);
	free(large);
}
END_TEST

START_TEST(an_empty_run_has_nothing_to_read)
{
	struct sk_run r = { 0 };
	sk_run_reader *in;
	struct sk_entry n;

	if (_i)
		ck_assert_int_eq(sk_run_spill(&r, "/tmp", NULL), 0);
	ck_assert_int_eq(sk_run_end(&r, NULL), 0);
	ck_assert_int_eq(sk_run_reader_new(&r, &in, NULL), 0);
	ck_assert_int_eq(sk_run_reader_next(in, &n, NULL), 0);
	sk_run_reader_free(in);
	sk_run_free(&r);
}
END_TEST

static int read_all(const struct sk_run *r)
{
	sk_run_reader *in;
	struct sk_entry n;
	int rc = sk_run_reader_new(r, &in, NULL);

	while (!rc && (rc = sk_run_reader_next(in, &n, NULL)) > 0)
		rc = 0;
	sk_run_reader_free(in);
	return rc;
}

/* Cut short at every byte, and every byte changed: an error or an end, and no
 * byte beyond the end is looked at (the sanitizer says so). */
START_TEST(damaged_bytes_are_an_error)
{
	struct sk_run r = { 0 }, cut = { 0 };
	size_t i, bad = 0;

	add(&r, "a", 1, 2, 3, "one");
	add(&r, "bb", 1, 300, 0, "two");
	add(&r, "c", 1, 1ull << 60, 70000, "");
	for (i = 0; i < r.mem.n; i++) {
		cut.mem.p = malloc(i + 1);
		memcpy(cut.mem.p, r.mem.p, i);
		cut.mem.n = i;
		cut.entries = r.entries;
		cut.bytes = i;
		ck_assert_int_eq(read_all(&cut), SNEK_EFORMAT);
		free(cut.mem.p);
		cut.mem.p = malloc(r.mem.n);
		memcpy(cut.mem.p, r.mem.p, r.mem.n);
		cut.mem.p[i] = (char)0xff;
		cut.mem.n = r.mem.n;
		cut.bytes = r.mem.n;
		bad += read_all(&cut) == SNEK_EFORMAT;
		if (_i) {
			/* The same from a file. */
			cut.mem.cap = cut.mem.n;
			ck_assert_int_eq(sk_run_spill(&cut, "/tmp", NULL), 0);
			read_all(&cut);
		}
		sk_run_free(&cut);
	}
	ck_assert_uint_ge(bad, 12);    /* lengths and numbers, not contents */
	r.entries++;
	ck_assert_int_eq(read_all(&r), SNEK_EFORMAT);
	r.entries -= 2;
	ck_assert_int_eq(read_all(&r), SNEK_EFORMAT);
	sk_run_free(&r);
}
END_TEST

START_TEST(a_huge_length_in_a_file_allocates_nothing)
{
	struct sk_run r = { 0 };

	ck_assert_int_eq(sk_run_spill(&r, "/tmp", NULL), 0);
	ck_assert(sk_pages_put(&r.mem, "\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
	    "\x01\x01\x01kv", 15));
	r.bytes = 15;
	r.entries = 1;
	ck_assert_int_eq(sk_run_end(&r, NULL), 0);
	ck_assert_int_eq(read_all(&r), SNEK_EFORMAT);
	sk_run_free(&r);
}
END_TEST

START_TEST(a_directory_that_is_missing_is_named)
{
	struct sk_run r = { 0 };
	struct snek_error e = { 0 };

	add(&r, "k", 0, 0, 0, "v");
	ck_assert_int_eq(sk_run_spill(&r, "/nonexistent/x", &e), SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/x"));
	ck_assert_int_eq(read_all(&r), 0);
	sk_run_free(&r);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	struct sk_run r = { 0 };
	struct snek_error e = { 0 };

	r.fd = open("/dev/full", O_RDWR);
	if (r.fd < 0)
		return;
	r.dir = strdup("/somewhere");
	add(&r, "k", 0, 0, 0, "v");
	ck_assert_int_eq(sk_run_end(&r, &e), SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(e.text, "/somewhere"));
	ck_assert_ptr_nonnull(strstr(e.text, "disk full"));
	sk_run_free(&r);
}
END_TEST

START_TEST(descriptor_0_is_never_a_run)
{
	struct sk_run r = { 0 };

	close(0);
	ck_assert_int_eq(sk_run_spill(&r, "/tmp", NULL), 0);
	ck_assert_int_gt(r.fd, 2);
	sk_run_free(&r);
}
END_TEST

START_TEST(runs_merge_by_key_then_place_then_emit_then_run)
{
	struct sk_run r[4] = { 0 };
	const struct sk_run *p[4] = { &r[0], &r[1], &r[2], &r[3] };
	const char *want = "a1 a2 a3 a4 b1 b2 b3 b4 ", *v;
	char got[64] = "";
	struct sk_entry n;
	sk_merge *m;
	int i;

	add(&r[0], "a", 1, 5, 0, "a2");
	add(&r[0], "b", 1, 5, 1, "b2");
	add(&r[1], "a", 1, 1, 0, "a1");
	add(&r[1], "b", 1, 5, 0, "b1");
	add(&r[1], "b", 1, 5, 1, "b3");
	add(&r[3], "a", 1, 6, 0, "a3");
	add(&r[3], "a", 2, 0, 0, "a4");
	add(&r[3], "bb", 0, 0, 0, "b4");
	if (_i)
		ck_assert_int_eq(sk_run_spill(&r[1], "/tmp", NULL), 0);
	ck_assert_int_eq(sk_merge_new(p, 4, &m, NULL), 0);
	while (sk_merge_next(m, &n, NULL) == 1) {
		v = n.value.p;
		snprintf(got + strlen(got), 8, "%.2s ", v);
	}
	ck_assert_str_eq(got, want);
	ck_assert_int_eq(sk_merge_next(m, &n, NULL), 0);
	sk_merge_free(m);
	for (i = 0; i < 4; i++)
		sk_run_free(&r[i]);
}
END_TEST

START_TEST(a_thousand_runs_merge)
{
	static struct sk_run r[1000];
	const struct sk_run *p[1000];
	struct sk_entry n;
	char key[16];
	uint64_t i;
	sk_merge *m;

	for (i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "%05u", (unsigned)i);
		add(&r[i * 7 % 1000], key, 0, i, 0, key);
	}
	for (i = 0; i < 1000; i++) {
		p[i] = &r[i];
		if (i % 10 == 0)
			ck_assert_int_eq(sk_run_spill(&r[i], "/tmp", NULL), 0);
	}
	ck_assert_int_eq(sk_merge_new(p, 1000, &m, NULL), 0);
	for (i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "%05u", (unsigned)i);
		ck_assert_int_eq(sk_merge_next(m, &n, NULL), 1);
		expect(&n, key, i, key);
	}
	ck_assert_int_eq(sk_merge_next(m, &n, NULL), 0);
	sk_merge_free(m);
	for (i = 0; i < 1000; i++)
		sk_run_free(&r[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("run");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, what_was_added_is_read_back, 0, 3);
	tcase_add_loop_test(t, an_empty_run_has_nothing_to_read, 0, 2);
	tcase_add_loop_test(t, damaged_bytes_are_an_error, 0, 2);
	tcase_add_test(t, a_huge_length_in_a_file_allocates_nothing);
	tcase_add_test(t, a_directory_that_is_missing_is_named);
	tcase_add_test(t, a_full_disk_is_told);
	tcase_add_test(t, descriptor_0_is_never_a_run);
	tcase_add_loop_test(t, runs_merge_by_key_then_place_then_emit_then_run, 0, 2);
	tcase_add_test(t, a_thousand_runs_merge);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
