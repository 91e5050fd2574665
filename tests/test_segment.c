/* SPDX-License-Identifier: MIT */
#include "store/segment.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "tempdir.h"

static char dir[64], shard_dir[80];
static struct sk_stamp stamp = { .shard = 3, .format = 1 };
static struct sk_shard *shard;
static const struct sk_shard_ops *ops;
static struct snek_error err;
static struct sk_write_id id;

static const struct chunk { const char *text; uint32_t rows; struct sk_place at; }
chunk[] = {
	{ "first chunk", 2, { 0, 0 } },
	{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 1,
	  { 0, 2 } },
	{ "", 0, { 0, 3 } },
	{ "folded", 5, { 7, 9 } },
};
#define CHUNKS ((uint32_t)(sizeof(chunk) / sizeof(*chunk)))

static void setup(void)
{
	uint8_t i;

	tempdir_make(dir);
	snprintf(shard_dir, sizeof(shard_dir), "%s/003", dir);
	for (i = 0; i < 16; i++) {
		stamp.cluster[i] = (uint8_t)(0x10 + i);
		id.b[i] = (uint8_t)(0xa0 + i);
	}
	memset(&err, 0, sizeof(err));
	ck_assert_int_eq(sk_segment_shard_create(shard_dir, &stamp, &err), 0);
	ck_assert_int_eq(sk_segment_shard_open(shard_dir, &stamp, &shard, &err), 0);
	ops = shard->ops;
}

static void teardown(void)
{
	ops->shut(shard);
	tempdir_remove(dir);
}

static void path_of(char *out, size_t n)
{
	char hex[33];

	sk_write_id_hex(id, hex);
	snprintf(out, n, "%s/%s.seg", shard_dir, hex);
}

static struct sk_segment_writer *begun(void)
{
	struct sk_segment_writer *w;
	uint32_t i;

	ck_assert_int_eq(ops->begin(shard, id, &w, &err), 0);
	for (i = 0; i < CHUNKS; i++)
		ck_assert_int_eq(ops->put(w, (struct sk_span){ chunk[i].text,
		    strlen(chunk[i].text) }, chunk[i].rows, chunk[i].at, &err), 0);
	return w;
}

static void write_one(void)
{
	struct sk_segment_writer *w = begun();

	ck_assert_int_eq(ops->seal(w, &err), 0);
	ops->free(w);
}

/* ---- writing and reading ---- */

START_TEST(what_was_put_is_read_back_in_order)
{
	struct sk_segment *s;
	uint32_t i;

	write_one();
	ck_assert_int_eq(ops->open(shard, id, &s, &err), 0);
	ck_assert_uint_eq(s->chunks, CHUNKS);
	ck_assert_uint_eq(s->records, 8);
	for (i = 0; i < CHUNKS; i++) {
		ck_assert_uint_eq(s->entry[i].bytes, strlen(chunk[i].text));
		ck_assert_uint_eq(s->entry[i].rows, chunk[i].rows);
		ck_assert_uint_eq(s->entry[i].first.version, chunk[i].at.version);
		ck_assert_uint_eq(s->entry[i].first.record, chunk[i].at.record);
		ck_assert_uint_eq(s->entry[i].offset % 64, 0);
		ck_assert_int_eq(memcmp(s->bytes + s->entry[i].offset,
		    chunk[i].text, s->entry[i].bytes), 0);
	}
	ops->close(s);
}
END_TEST

START_TEST(the_format_is_the_golden_one)
{
	static const char *const golden[] = { "segment-1.seg", "stamp-1" };
	char path[2][160];
	unsigned char *a, *b;
	size_t n, m;
	int i;

	write_one();
	path_of(path[0], sizeof(path[0]));
	snprintf(path[1], sizeof(path[1]), "%s/stamp", shard_dir);
	for (i = 0; i < 2; i++) {
		char g[512];

		snprintf(g, sizeof(g), "%s/tests/golden/%s", getenv("srcdir") ?
		    getenv("srcdir") : ".", golden[i]);
		a = file_read(path[i], &n);
		b = file_read(g, &m);
		ck_assert_uint_eq(n, m);
		ck_assert_int_eq(memcmp(a, b, n), 0);
		free(a);
		free(b);
	}
}
END_TEST

START_TEST(many_large_chunks_keep_their_bytes)
{
	static uint8_t big[300001];
	struct sk_segment_writer *w;
	struct sk_segment *s;
	uint32_t i, n = 60;

	ck_assert_int_eq(ops->begin(shard, id, &w, &err), 0);
	for (i = 0; i < n; i++) {
		memset(big, (int)i, sizeof(big));
		ck_assert_int_eq(ops->put(w, (struct sk_span){ big,
		    sizeof(big) - i }, 1, (struct sk_place){ 0, i }, &err), 0);
	}
	ck_assert_int_eq(ops->seal(w, &err), 0);
	ops->free(w);
	ck_assert_int_eq(ops->open(shard, id, &s, &err), 0);
	for (i = 0; i < n; i++) {
		ck_assert_uint_eq(s->entry[i].bytes, sizeof(big) - i);
		ck_assert_uint_eq(s->bytes[s->entry[i].offset], i);
		ck_assert_uint_eq(s->bytes[s->entry[i].offset +
		    s->entry[i].bytes - 1], i);
	}
	ops->close(s);
}
END_TEST

START_TEST(a_write_id_is_used_once)
{
	struct sk_segment_writer *w;

	write_one();
	ck_assert_int_eq(ops->begin(shard, id, &w, &err), SNEK_EEXIST);
}
END_TEST

START_TEST(nothing_is_written_after_seal)
{
	struct sk_segment_writer *w = begun();
	struct sk_segment *s;

	ck_assert_int_eq(ops->seal(w, &err), 0);
	ck_assert_int_eq(ops->put(w, (struct sk_span){ "x", 1 }, 1,
	    (struct sk_place){ 0, 0 }, &err), SNEK_EINTERNAL);
	ck_assert_int_eq(ops->seal(w, &err), SNEK_EINTERNAL);
	ops->free(w);
	ck_assert_int_eq(ops->open(shard, id, &s, &err), 0);
	ops->close(s);
}
END_TEST

START_TEST(an_abandoned_write_leaves_nothing)
{
	struct sk_segment_writer *w = begun();
	struct sk_segment *s;

	ops->abandon(w);
	ops->free(w);
	ck_assert_int_eq(ops->open(shard, id, &s, &err), SNEK_ENOENT);
	ck_assert_str_eq(err.text, "");
}
END_TEST

START_TEST(a_segment_that_gc_took_is_not_sealed)
{
	struct sk_segment_writer *w = begun();

	ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
	ck_assert_int_eq(ops->seal(w, &err), SNEK_EAGAIN);
	ck_assert_ptr_nonnull(strstr(err.text, "given up by gc"));
	ops->abandon(w);
	ops->free(w);
}
END_TEST

START_TEST(an_open_segment_outlives_its_file)
{
	struct sk_segment *s;

	write_one();
	ck_assert_int_eq(ops->open(shard, id, &s, &err), 0);
	ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
	ck_assert_int_eq(memcmp(s->bytes + s->entry[0].offset, "first", 5), 0);
	ops->close(s);
	ck_assert_int_eq(ops->open(shard, id, &s, &err), SNEK_ENOENT);
	ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
}
END_TEST

/* ---- damage ---- */

/* CRCs over what they guard must be right for a wrong field to be seen. */
static void fix_crcs(unsigned char *p, size_t n)
{
	uint64_t index;
	uint32_t crc = sk_crc32c(0, p, 60);

	memcpy(p + 60, &crc, 4);
	memcpy(&index, p + n - 32, 8);
	crc = sk_crc32c(0, p, 64);
	crc = sk_crc32c(crc, p + index, n - 32 - index);
	crc = sk_crc32c(crc, p + n - 32, 20);
	memcpy(p + n - 12, &crc, 4);
}

static int open_with(const unsigned char *p, size_t n)
{
	struct sk_segment *s = NULL;
	char path[160];
	int rc;

	path_of(path, sizeof(path));
	file_write(path, p, n);
	rc = ops->open(shard, id, &s, &err);
	if (!rc)
		ops->close(s);
	else
		ck_assert_ptr_nonnull(strstr(err.text, path));
	return rc;
}

static unsigned char *good(size_t *n)
{
	char path[160];

	write_one();
	path_of(path, sizeof(path));
	return file_read(path, n);
}

START_TEST(a_segment_cut_short_anywhere_is_corrupt)
{
	size_t n, i;
	unsigned char *p = good(&n);

	for (i = 0; i < n; i++)
		ck_assert_int_eq(open_with(p, i), SNEK_ECORRUPT);
	ck_assert_int_eq(open_with(p, n), 0);
	free(p);
}
END_TEST

START_TEST(a_segment_that_grew_is_corrupt)
{
	size_t n;
	unsigned char *p = good(&n);

	p = realloc(p, n + 64);
	memset(p + n, 0, 64);
	ck_assert_int_eq(open_with(p, n + 64), SNEK_ECORRUPT);
	memmove(p + n, p + n - 32, 32);
	ck_assert_int_eq(open_with(p, n + 32), SNEK_ECORRUPT);
	free(p);
}
END_TEST

/* Chunks guard themselves; every other byte is guarded here. */
START_TEST(a_flipped_bit_outside_the_chunks_is_seen)
{
	size_t n, i;
	unsigned char *p = good(&n);
	uint64_t index;

	memcpy(&index, p + n - 32, 8);
	for (i = 0; i < n; i++) {
		if (i == 64)
			i = index;
		p[i] ^= 1;
		ck_assert_int_eq(open_with(p, n), SNEK_ECORRUPT);
		p[i] ^= 1;
	}
	free(p);
}
END_TEST

static const struct { size_t at; int code; const char *text; } wrong[] = {
	{ 8, SNEK_EVERSION, "written by a newer snek (format 7; this one reads "
	  "up to 1)" },
	{ 12, SNEK_ECORRUPT, "belongs to shard 7, found on shard 3" },
	{ 16, SNEK_ECORRUPT, "belongs to another cluster" },
	{ 32, SNEK_ECORRUPT, "another write" },
};

START_TEST(a_segment_of_somebody_else_is_told_apart)
{
	size_t n;
	unsigned char *p = good(&n);

	p[wrong[_i].at] = 7;
	fix_crcs(p, n);
	ck_assert_int_eq(open_with(p, n), wrong[_i].code);
	ck_assert_ptr_nonnull(strstr(err.text, wrong[_i].text));
	free(p);
}
END_TEST

static const struct { size_t at; uint64_t value; size_t width; } outside[] = {
	{ 0, 0, 8 }, { 0, 65, 8 }, { 0, UINT64_MAX, 8 }, { 0, 1 << 20, 8 },
	{ 8, UINT32_MAX, 4 }, { 12, 100, 4 }, { 32, 64, 8 },
	{ 96, UINT64_MAX - 3, 8 },
};

START_TEST(an_index_that_points_outside_is_corrupt)
{
	size_t n;
	unsigned char *p = good(&n);
	uint64_t index;

	memcpy(&index, p + n - 32, 8);
	memcpy(p + index + outside[_i].at, &outside[_i].value, outside[_i].width);
	fix_crcs(p, n);
	ck_assert_int_eq(open_with(p, n), SNEK_ECORRUPT);
	free(p);
}
END_TEST

START_TEST(an_unfinished_segment_is_corrupt)
{
	struct sk_segment_writer *w = begun();
	struct sk_segment *s;

	ck_assert_int_eq(ops->open(shard, id, &s, &err), SNEK_ECORRUPT);
	ops->free(w);
	ck_assert_int_eq(ops->open(shard, id, &s, &err), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "never finished"));
}
END_TEST

/* ---- listing ---- */

struct seen { int n, alive; uint64_t bytes; int64_t age; };

static int note(void *arg, struct sk_write_id w, uint64_t bytes, int64_t age,
    bool alive)
{
	struct seen *s = arg;

	ck_assert_int_eq(memcmp(&w, &id, sizeof(w)), 0);
	s->n++;
	s->alive += alive;
	s->bytes = bytes;
	s->age = age;
	return 0;
}

START_TEST(a_writer_is_alive_until_it_is_freed)
{
	struct sk_segment_writer *w = begun();
	struct seen s = { 0 }, t = { 0 };

	ck_assert_int_eq(ops->list(shard, note, &s, &err), 0);
	ck_assert_int_eq(s.n, 1);
	ck_assert_int_eq(s.alive, 1);
	ck_assert_int_eq(ops->seal(w, &err), 0);
	ck_assert_int_eq(ops->list(shard, note, &s, &err), 0);
	ck_assert_int_eq(s.alive, 2);
	ops->free(w);
	ck_assert_int_eq(ops->list(shard, note, &t, &err), 0);
	ck_assert_int_eq(t.n, 1);
	ck_assert_int_eq(t.alive, 0);
	ck_assert_uint_gt(t.bytes, 128);
	ck_assert_int_lt(t.age, 60);
}
END_TEST

START_TEST(a_killed_writer_is_not_alive)
{
	struct seen s = { 0 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		begun();
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(ops->list(shard, note, &s, &err), 0);
	ck_assert_int_eq(s.n, 1);
	ck_assert_int_eq(s.alive, 0);
}
END_TEST

static int stop(void *arg, struct sk_write_id w, uint64_t bytes, int64_t age,
    bool alive)
{
	(void)w;
	(void)bytes;
	(void)age;
	(void)alive;
	return ++*(int *)arg == 2 ? 42 : 0;
}

START_TEST(a_visit_may_end_the_list_and_strangers_are_left_out)
{
	char path[160];
	int n = 0, i;

	for (i = 0; i < 4; i++) {
		id.b[0]++;
		write_one();
	}
	snprintf(path, sizeof(path), "%s/notes.seg", shard_dir);
	file_write(path, "x", 1);
	ck_assert_int_eq(ops->list(shard, stop, &n, &err), 42);
	ck_assert_int_eq(n, 2);
	n = 10;
	ck_assert_int_eq(ops->list(shard, stop, &n, &err), 0);
	ck_assert_int_eq(n, 14);
}
END_TEST

/* ---- stamps ---- */

static int open_stamped(void)
{
	struct sk_shard *s;
	int rc = sk_segment_shard_open(shard_dir, &stamp, &s, &err);

	if (!rc)
		s->ops->shut(s);
	else
		ck_assert_ptr_nonnull(strstr(err.text, shard_dir));
	return rc;
}

START_TEST(a_shard_is_what_its_stamp_says)
{
	char path[160];
	unsigned char *p;
	size_t n, i;
	uint32_t crc;

	snprintf(path, sizeof(path), "%s/stamp", shard_dir);
	p = file_read(path, &n);
	for (i = 0; i < n; i++) {
		p[i] ^= 4;
		file_write(path, p, n);
		ck_assert_int_eq(open_stamped(), SNEK_ECORRUPT);
		p[i] ^= 4;
		file_write(path, p, i);
		ck_assert_int_eq(open_stamped(), SNEK_ECORRUPT);
	}
	p[8] = 7;
	crc = sk_crc32c(0, p, 36);
	memcpy(p + 36, &crc, 4);
	file_write(path, p, n);
	ck_assert_int_eq(open_stamped(), SNEK_EVERSION);
	ck_assert_ptr_nonnull(strstr(err.text, "(format 7; this one reads up to 1)"));
	free(p);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(open_stamped(), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "stamp is missing"));
}
END_TEST

START_TEST(a_swapped_or_foreign_shard_is_refused_by_name)
{
	stamp.shard = 2;
	ck_assert_int_eq(open_stamped(), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "is shard 3 by its stamp; "
	    "expected shard 2"));
	stamp.shard = 3;
	stamp.cluster[0]++;
	ck_assert_int_eq(open_stamped(), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "shard 3 of another cluster"));
}
END_TEST

START_TEST(only_an_empty_directory_becomes_a_shard)
{
	ck_assert_int_eq(sk_segment_shard_create(shard_dir, &stamp, &err),
	    SNEK_EEXIST);
}
END_TEST

/* ---- a disk that refuses ---- */

/* In a child: large puts under a file size limit fail with its error, the
 * writer is of no use from then on, and abandon leaves nothing. */
START_TEST(a_refused_write_fails_and_leaves_nothing)
{
	struct rlimit limit = { 100000, 100000 };
	static char big[70000];
	struct sk_segment_writer *w;
	struct seen s = { 0 };

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(ops->begin(shard, id, &w, &err), 0);
	ck_assert_int_eq(ops->put(w, (struct sk_span){ big, sizeof(big) }, 1,
	    (struct sk_place){ 0, 0 }, &err), 0);
	ck_assert_int_eq(ops->put(w, (struct sk_span){ big, sizeof(big) }, 1,
	    (struct sk_place){ 0, 1 }, &err), SNEK_EIO);
	ck_assert_int_eq(err.sys, EFBIG);
	ck_assert_ptr_nonnull(strstr(err.text, shard_dir));
	ck_assert_int_eq(ops->put(w, (struct sk_span){ "x", 1 }, 1,
	    (struct sk_place){ 0, 1 }, &err), SNEK_EINTERNAL);
	ck_assert_int_eq(ops->seal(w, &err), SNEK_EINTERNAL);
	ops->abandon(w);
	ops->free(w);
	ck_assert_int_eq(ops->list(shard, note, &s, &err), 0);
	ck_assert_int_eq(s.n, 0);
}
END_TEST

/* ---- write ids ---- */

START_TEST(write_ids_differ_and_read_back)
{
	struct sk_write_id a, b, c;
	char hex[33];

	ck_assert_int_eq(sk_write_id_new(&a, &err), 0);
	ck_assert_int_eq(sk_write_id_new(&b, &err), 0);
	ck_assert_int_ne(memcmp(&a, &b, sizeof(a)), 0);
	sk_write_id_hex(a, hex);
	ck_assert(sk_write_id_parse(&c, hex));
	ck_assert_int_eq(memcmp(&a, &c, sizeof(a)), 0);
	hex[31] = 'G';
	ck_assert(!sk_write_id_parse(&c, hex));
	ck_assert(!sk_write_id_parse(&c, "00"));
}
END_TEST

#define LOOP(t, test, table) \
	tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof(*table)))

int main(void)
{
	Suite *s = suite_create("segment");
	TCase *t = tcase_create("segment");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_was_put_is_read_back_in_order);
	tcase_add_test(t, the_format_is_the_golden_one);
	tcase_add_test(t, many_large_chunks_keep_their_bytes);
	tcase_add_test(t, a_write_id_is_used_once);
	tcase_add_test(t, nothing_is_written_after_seal);
	tcase_add_test(t, a_segment_that_gc_took_is_not_sealed);
	tcase_add_test(t, an_abandoned_write_leaves_nothing);
	tcase_add_test(t, an_open_segment_outlives_its_file);
	tcase_add_test(t, a_segment_cut_short_anywhere_is_corrupt);
	tcase_add_test(t, a_segment_that_grew_is_corrupt);
	tcase_add_test(t, a_flipped_bit_outside_the_chunks_is_seen);
	LOOP(t, a_segment_of_somebody_else_is_told_apart, wrong);
	LOOP(t, an_index_that_points_outside_is_corrupt, outside);
	tcase_add_test(t, an_unfinished_segment_is_corrupt);
	tcase_add_test(t, a_writer_is_alive_until_it_is_freed);
	tcase_add_test(t, a_killed_writer_is_not_alive);
	tcase_add_test(t, a_visit_may_end_the_list_and_strangers_are_left_out);
	tcase_add_test(t, a_shard_is_what_its_stamp_says);
	tcase_add_test(t, a_swapped_or_foreign_shard_is_refused_by_name);
	tcase_add_test(t, only_an_empty_directory_becomes_a_shard);
	tcase_add_test(t, a_refused_write_fails_and_leaves_nothing);
	tcase_add_test(t, write_ids_differ_and_read_back);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
