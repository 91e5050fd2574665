/* SPDX-License-Identifier: MIT */
#include "store/meta_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meta_cases.h"
#include "tempdir.h"

static char dir[64], file[80];

static void make(void)
{
	tempdir_make(dir);
	snprintf(file, sizeof(file), "%s/meta.mdb", dir);
	ck_assert_int_eq(sk_meta_lmdb_create(dir, &meta_shape, &err), 0);
}

static int open_again(struct sk_meta **out)
{
	return sk_meta_lmdb_open(dir, out, &err);
}

static void end(void)
{
	tempdir_remove(dir);
}

static void age_request(const char *id, int64_t time)
{
	struct sk_record_request q = { .time = time };
	struct sk_buf b = { 0 };
	struct sk_lmdb_txn t;
	uint8_t key[64];

	sk_record_key(key, cat.id);
	memcpy(key + 8, id, strlen(id));
	ck_assert_int_eq(sk_lmdb_begin(meta, true, &t, &err), 0);
	ck_assert_int_eq(sk_lmdb_commit(&t, sk_lmdb_put_packed(&t, DB_REQUEST,
	    (struct sk_span){ key, 8 + strlen(id) }, &b,
	    sk_record_pack_request(&b, &q), &err), &err), 0);
}

static const struct meta_store lmdb = { make, open_again, end, age_request };
const struct meta_store *const meta_store = &lmdb;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Sanitizers need the address space themselves. */
START_TEST(a_smaller_map_does_where_address_space_is_short)
{
	struct rlimit limit = { (rlim_t)3 << 30, (rlim_t)3 << 30 };
	MDB_envinfo info;

	meta_category("x");
	meta_commit(1);
	meta_shut();
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	ck_assert_int_eq(sk_meta_lmdb_open(dir, &meta, &err), 0);
	mdb_env_info(((struct sk_lmdb *)meta)->env->env, &info);
	ck_assert_uint_eq(info.me_mapsize, (size_t)1 << 30);
	meta_commit(2);
	ck_assert_int_eq(meta_look(0), 0);
	ck_assert_int_eq(meta_seen.n, 2);
}
END_TEST
#define add_small_map(t) \
	tcase_add_test(t, a_smaller_map_does_where_address_space_is_short)
#else
#define add_small_map(t) ((void)0)
#endif

/* Another process, with a larger map, has grown the file beyond ours: as if,
 * by a map of ours that just holds what there is. */
START_TEST(a_map_that_another_process_outgrew_follows)
{
	static char big[60000];
	struct sk_meta_part part = { 0, 1, 1, 1 };
	struct sk_meta_entry m = { .parts = 1, .part = &part,
		.inlined = { big, sizeof(big) } };
	struct sk_meta_receipt r;
	struct sk_meta *other;
	int status, i;
	pid_t pid;

	meta_category("x");
	meta_commit(1);
	ck_assert_int_eq(mdb_env_set_mapsize(((struct sk_lmdb *)meta)->env->env,
	    1 << 20), 0);
	pid = fork();
	if (!pid) {
		if (sk_meta_lmdb_open(dir, &other, &err))
			_exit(1);
		for (i = 0; i < 40; i++) {
			m.write = meta_id(10 + (unsigned)i);
			if (ops->commit(other, cat.id, NULL, &m, &r, &err))
				_exit(2);
		}
		other->ops->shut(other);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(ops->category_get(meta, "x", &cat, &err), 0);
	ck_assert_uint_eq(cat.version, 41);
	meta_commit(2);
}
END_TEST

/* Another process, forked while nothing is locked here, that commits when told. */
struct committer {
	pid_t pid;
	int go[2];
	int64_t growth;                 /* of the file, by its commits */
};

static int commit_when_told(struct committer *c, unsigned first, unsigned n)
{
	char told;

	if (read(c->go[0], &told, 1) != 1 || sk_meta_lmdb_open(dir, &meta, &err))
		return 1;
	while (n--)
		meta_commit(first + n);
	ops->shut(meta);
	return 0;
}

static void start(struct committer *c, unsigned first, unsigned n)
{
	ck_assert_int_eq(pipe(c->go), 0);
	c->pid = fork();
	if (!c->pid)
		_exit(commit_when_told(c, first, n));
}

static void tell(struct committer *c)
{
	struct stat before, after;
	int status;

	ck_assert_int_eq(stat(file, &before), 0);
	ck_assert_int_eq(write(c->go[1], "", 1), 1);
	ck_assert_int_eq(waitpid(c->pid, &status, 0), c->pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(stat(file, &after), 0);
	c->growth = after.st_size - before.st_size;
}

static int tell_meanwhile(void *arg, const struct sk_meta_entry *m)
{
	(void)m;
	tell(arg);
	return SNEK_ECANCELED;
}

START_TEST(who_has_read_keeps_no_page_from_being_used_again)
{
	struct committer after, amid;

	meta_category("x");
	meta_commit(1);
	start(&after, 100, 200);
	start(&amid, 1000, 200);
	ck_assert_int_eq(meta_look(0), 0);
	tell(&after);
	ck_assert_int_eq(ops->snapshot(meta, "x", 0, &cat, tell_meanwhile,
	    &amid, &err), SNEK_ECANCELED);
	ck_assert_msg(after.growth < 500000 && amid.growth > 4 * after.growth,
	    "%lld bytes after a read, %lld amid one", (long long)after.growth,
	    (long long)amid.growth);
}
END_TEST

START_TEST(a_full_map_refuses_and_stays_readable)
{
	struct sk_meta_receipt r;
	unsigned n = 0;
	int rc;

	meta_category("x");
	ck_assert_int_eq(mdb_env_set_mapsize(((struct sk_lmdb *)meta)->env->env,
	    400000), 0);
	while (!(rc = meta_commit_as(n, NULL, n, &r)) && n < 10000)
		n++;
	ck_assert_int_eq(rc, SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "full"));
	ck_assert_int_eq(ops->category_get(meta, "x", &cat, &err), 0);
	ck_assert_uint_eq(cat.version, n);
	ck_assert_uint_eq(cat.records, n);
}
END_TEST

static int reopen(void)
{
	struct sk_meta *m;
	int rc = sk_meta_lmdb_open(dir, &m, &err);

	if (!rc)
		m->ops->shut(m);
	return rc;
}

START_TEST(a_damaged_file_is_refused_by_name)
{
	unsigned char *p;
	size_t n, i;

	meta_category("x");
	meta_commit(1);
	meta_shut();
	p = file_read(file, &n);
	for (i = 0; i < n; i += 1365) {
		file_write(file, p, i);
		ck_assert_int_eq(reopen(), SNEK_ECORRUPT);
		ck_assert_ptr_nonnull(strstr(err.text, file));
	}
	memset(p, 'x', 8192);
	file_write(file, p, n);
	ck_assert_int_eq(reopen(), SNEK_ECORRUPT);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(reopen(), SNEK_ENOENT);
	free(p);
}
END_TEST

static void put_raw(enum sk_lmdb_db db, struct sk_span key, const void *p,
    size_t n)
{
	struct sk_lmdb_txn t;

	ck_assert_int_eq(sk_lmdb_begin(meta, true, &t, &err), 0);
	ck_assert_int_eq(sk_lmdb_commit(&t, sk_lmdb_put(&t, db, key,
	    (struct sk_span){ p, n }, &err), &err), 0);
}

START_TEST(a_newer_format_is_refused)
{
	struct sk_record_cluster c = { meta_shape, 1 };
	struct sk_buf b = { 0 };

	c.c.format = 7;
	ck_assert(sk_record_pack_cluster(&b, &c));
	put_raw(DB_CLUSTER, sk_record_text("cluster"), b.p, b.n);
	sk_buf_free(&b);
	meta_shut();
	ck_assert_int_eq(reopen(), SNEK_EVERSION);
	ck_assert_ptr_nonnull(strstr(err.text, "(format 7; this one reads up to 1)"));
}
END_TEST

/* A record of the sub-database, cut short at every length and once too long. */
static void cut_all(enum sk_lmdb_db db, struct sk_span key,
    int (*use)(void))
{
	struct sk_lmdb_txn t;
	struct sk_span v;
	char old[256];
	size_t n, i;

	memset(old, 0, sizeof(old));
	ck_assert_int_eq(sk_lmdb_begin(meta, false, &t, &err), 0);
	ck_assert_int_eq(sk_lmdb_get(&t, db, key, &v, &err), 0);
	n = v.n;
	ck_assert_uint_lt(n, sizeof(old));
	memcpy(old, v.p, n);
	sk_lmdb_end(&t, 0, &err);
	for (i = 0; i <= n + 1; i++) {
		put_raw(db, key, old, i);
		ck_assert_int_eq(use(), i == n ? 0 : SNEK_ECORRUPT);
	}
	old[0] = 9;
	put_raw(db, key, old, n);
	ck_assert_int_eq(use(), db == DB_FUNCTION ? SNEK_EVERSION
	    : SNEK_ECORRUPT);
	old[0] = 1;
	put_raw(db, key, old, n);
}

static int use_category(void)
{
	return ops->category_get(meta, "x", &cat, &err);
}

static int use_snapshot(void)
{
	return meta_look(0);
}

static int use_cluster(void)
{
	struct sk_meta_cluster c;

	return ops->cluster(meta, &c, &err);
}

static int use_request(void)
{
	struct sk_meta_receipt r;

	return ops->request(meta, cat.id, "r", &r, &err);
}

static int use_function(void)
{
	struct sk_meta_function f;

	return ops->function_get(meta, "words", &f, &err);
}

START_TEST(damaged_records_are_told)
{
	struct sk_meta_part part = { 0, 1, 1, 10 };
	struct sk_meta_entry m = { .write = meta_id(1), .records = 1, .bytes = 10,
		.parts = 1, .part = &part };
	struct sk_meta_function f = meta_function("words", "", 'a');
	struct sk_meta_receipt r;
	uint8_t key[16];

	meta_category("x");
	ck_assert_int_eq(ops->commit(meta, cat.id, "r", &m, &r, &err), 0);
	ck_assert_int_eq(ops->function_put(meta, &f, 1, "words", NULL, &err), 0);
	cut_all(DB_CLUSTER, sk_record_text("cluster"), use_cluster);
	cut_all(DB_NAME, sk_record_text("x"), use_category);
	cut_all(DB_CATEGORY, sk_record_key(key, cat.id), use_category);
	cut_all(DB_STATE, sk_record_key(key, cat.id), use_category);
	cut_all(DB_MANIFEST, sk_record_key2(key, cat.id, 1), use_snapshot);
	cut_all(DB_FUNCTION, sk_record_text("words"), use_function);
	sk_record_key(key, cat.id);
	key[8] = 'r';
	cut_all(DB_REQUEST, (struct sk_span){ key, 9 }, use_request);
}
END_TEST

/* ---- records of functions ---- */

static const char first_release[] =
    "\1" "\7\0\0\0\0\0\0\0" "\5words" "\5count" "\2ab" "\3""1.0";

START_TEST(a_function_of_the_first_release_is_read_and_kept_as_it_was)
{
	struct sk_span v = { first_release, sizeof(first_release) - 1 };
	struct sk_meta_function f;
	struct sk_buf b = { 0 };

	put_raw(DB_FUNCTION, sk_record_text("words"), v.p, v.n);
	ck_assert_int_eq(ops->function_get(meta, "words", &f, &err), 0);
	ck_assert_uint_eq(f.generation, 7);
	ck_assert_uint_eq(f.kind, SK_FUNCTION_OP);
	ck_assert_str_eq(f.op, "count");
	ck_assert_str_eq(f.lambda.arn, "");
	ck_assert(sk_record_pack_function(&b, &f));
	ck_assert_mem_eq(b.p, v.p, v.n);
	ck_assert_uint_eq(b.n, v.n);
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_function_record_cut_anywhere_is_damaged)
{
	struct sk_meta_function f = meta_function_of(_i), g;
	struct sk_span name = sk_record_text(f.name);
	struct sk_buf b = { 0 };
	size_t i;

	ck_assert(sk_record_pack_function(&b, &f));
	ck_assert(sk_buf_byte(&b, 0));
	for (i = 0; i <= b.n; i++)
		ck_assert_int_eq(sk_record_unpack_function(name,
		    (struct sk_span){ b.p, i }, &g), i == b.n - 1);
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_function_of_a_newer_snek_is_refused_by_its_number)
{
	struct sk_meta_function f = meta_function("other", "", 'a'), g;
	struct sk_span name = sk_record_text("new");
	char newer[sizeof(first_release)];

	memcpy(newer, first_release, sizeof(newer));
	newer[0] = 4;
	put_raw(DB_FUNCTION, name, newer, sizeof(newer));
	ck_assert_int_eq(ops->function_get(meta, "new", &g, &err),
	    SNEK_EVERSION);
	ck_assert_ptr_nonnull(strstr(err.text, "function new was added by a "
	    "newer snek (format 4; this one reads up to 3)"));
	ck_assert_int_eq(ops->function_remove(meta, "new", &err),
	    SNEK_EVERSION);
	ck_assert_int_eq(ops->function_put(meta, &f, 1, "words", NULL, &err),
	    SNEK_EVERSION);
	ck_assert_int_eq(ops->function_get(meta, "other", &g, &err),
	    SNEK_ENOENT);
}
END_TEST

START_TEST(a_manifest_with_a_gap_is_corrupt)
{
	struct sk_lmdb_txn t;
	uint8_t key[16];

	meta_six_writes();
	ck_assert_int_eq(sk_lmdb_begin(meta, true, &t, &err), 0);
	ck_assert_int_eq(sk_lmdb_commit(&t, sk_lmdb_del(&t, DB_MANIFEST,
	    sk_record_key2(key, cat.id, (uint64_t)_i), &err), &err), 0);
	ck_assert_int_eq(meta_look(0), SNEK_ECORRUPT);
}
END_TEST

/* ---- who may only read ---- */

#define RIVALS 8        /* commits in the midst of one reading */

struct rival {
	int go[2], done[2];
	bool told;
};

/* Let the writer go on, once, in the midst of a snapshot, and wait for it. */
static int interrupt(void *arg, const struct sk_meta_entry *m)
{
	struct rival *r = arg;
	char c = 0;

	(void)m;
	if (r->told)
		return 0;
	r->told = true;
	if (write(r->go[1], &c, 1) != 1 || read(r->done[0], &c, 1) != 1)
		_exit(20);
	return 0;
}

/* In a child that may write nothing: the line that was not as it should be. */
static int read_amid_writes(struct rival *r)
{
	struct sk_meta *m;
	int rc;

	if (!getuid() && (setgid(65534) || setuid(65534)))
		return 1;
	if (sk_meta_lmdb_open(dir, &m, &err))
		return 2;
	if (!m->ops->read_only(m))
		return 3;
	rc = m->ops->snapshot(m, "x", 0, &cat, interrupt, r, &err);
	if (rc != SNEK_EAGAIN)
		return 4;
	r->told = true;
	if (m->ops->snapshot(m, "x", 0, &cat, interrupt, r, &err))
		return 5;
	m->ops->shut(m);
	return cat.version == 6 + RIVALS ? 0 : 6;
}

START_TEST(what_was_written_over_while_it_was_read_is_not_believed)
{
	struct rival r = { .told = false };
	int status, i;
	pid_t pid;
	char c;

	meta_six_writes();
	ck_assert_int_eq(pipe(r.go) | pipe(r.done), 0);
	ck_assert_int_eq(chmod(dir, 0555) | chmod(file, 0444), 0);
	pid = fork();
	if (!pid)
		_exit(read_amid_writes(&r));
	ck_assert_int_eq(read(r.go[0], &c, 1), 1);
	for (i = 0; i < RIVALS; i++)
		meta_commit(100 + (unsigned)i);
	ck_assert_int_eq(write(r.done[1], &c, 1), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(chmod(dir, 0755) | chmod(file, 0644), 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

static int seen_locked(void *arg, const struct sk_meta_entry *m)
{
	int fd = open(file, O_RDONLY);

	(void)m;
	*(bool *)arg = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return 0;
}

static int keep_writers_away(void)
{
	bool locked = false;
	struct sk_meta *m;

	if (!getuid() && (setgid(65534) || setuid(65534)))
		return 1;
	if (sk_meta_lmdb_open(dir, &m, &err) || !m->ops->read_only(m))
		return 2;
	if (m->ops->snapshot(m, "x", 0, &cat, seen_locked, &locked, &err))
		return 3;
	return !locked;
}

START_TEST(who_may_only_read_keeps_writers_waiting)
{
	int status;
	pid_t pid;

	meta_six_writes();
	meta_shut();
	ck_assert_int_eq(chmod(dir, 0555) | chmod(file, 0444), 0);
	pid = fork();
	if (!pid)
		_exit(keep_writers_away());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(chmod(dir, 0755) | chmod(file, 0644), 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("meta");
	TCase *t = tcase_create("meta");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, meta_setup, meta_teardown);
	tcase_set_timeout(t, 60);
	meta_cases(t);
	add_small_map(t);
	tcase_add_test(t, a_map_that_another_process_outgrew_follows);
	tcase_add_test(t, who_has_read_keeps_no_page_from_being_used_again);
	tcase_add_test(t, a_full_map_refuses_and_stays_readable);
	tcase_add_test(t, a_damaged_file_is_refused_by_name);
	tcase_add_test(t, a_newer_format_is_refused);
	tcase_add_test(t, damaged_records_are_told);
	tcase_add_test(t,
	    a_function_of_the_first_release_is_read_and_kept_as_it_was);
	tcase_add_loop_test(t, a_function_record_cut_anywhere_is_damaged, 0,
	    META_FUNCTIONS);
	tcase_add_test(t,
	    a_function_of_a_newer_snek_is_refused_by_its_number);
	tcase_add_loop_test(t, a_manifest_with_a_gap_is_corrupt, 1, 7);
	tcase_add_test(t,
	    what_was_written_over_while_it_was_read_is_not_believed);
	tcase_add_test(t, who_may_only_read_keeps_writers_waiting);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
