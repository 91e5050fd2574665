/* SPDX-License-Identifier: MIT */
/* The public functions: bad arguments, sizes of structs, threads, functions. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "api_tool.h"
#include "check_main.h"

static char dir[64];
static snek_cluster *c;

static void set_up(void)
{
	ck_assert_int_eq(setenv("SNEK_PLUGIN_PATH", "plugins/.libs", 1), 0);
	c = api_cluster(dir);
}

static void tear_down(void)
{
	api_drop(dir, c);
}

/* ---- bad arguments ---- */

static int visit_category(void *arg, const struct snek_category_info *i)
{
	(void)i;
	return arg ? *(int *)arg : 0;
}

static int visit_function(void *arg, const struct snek_function_info *i)
{
	(void)i;
	return arg ? *(int *)arg : 0;
}

/* Each call gives EINVAL with a text, and the same without a place for it. */
#define INVALID(call) do { \
	struct snek_error e_ = { 0 }, *e = &e_; \
	ck_assert_msg((call) == SNEK_EINVAL, "%s: %s", #call, e->text); \
	ck_assert_msg(e->code == SNEK_EINVAL && e->text[0], #call); \
	e = NULL; \
	ck_assert_int_eq((call), SNEK_EINVAL); \
} while (0)

START_TEST(what_is_missing_is_refused_with_a_text)
{
	snek_cluster *other;
	snek_writer *w;
	snek_reader *r;
	snek_job *j;

	INVALID(snek_cluster_create(NULL, NULL, e));
	INVALID(snek_cluster_create("", NULL, e));
	INVALID(snek_cluster_open(dir, NULL, e));
	INVALID(snek_cluster_info(NULL, NULL, e));
	INVALID(snek_cluster_gc(NULL, 0, NULL, e));
	INVALID(snek_category_list(NULL, visit_category, NULL, e));
	INVALID(snek_category_list(c, NULL, NULL, e));
	INVALID(snek_category_find(c, NULL, visit_category, NULL, e));
	INVALID(snek_category_find(c, "a/b", visit_category, NULL, e));
	INVALID(snek_category_find(NULL, "x", visit_category, NULL, e));
	INVALID(snek_category_remove(c, "", e));
	INVALID(snek_category_remove(NULL, "x", e));
	INVALID(snek_category_compact(c, NULL, e));
	INVALID(snek_category_compact(NULL, "x", e));
	INVALID(snek_writer_open(NULL, "x", NULL, &w, e));
	INVALID(snek_writer_open(c, NULL, NULL, &w, e));
	INVALID(snek_writer_open(c, "a b", NULL, &w, e));
	INVALID(snek_writer_open(c, "x", NULL, NULL, e));
	INVALID(snek_writer_put(NULL, "1", 1, e));
	INVALID(snek_writer_read(NULL, 0, "x", SNEK_JSONL, e));
	INVALID(snek_writer_commit(NULL, NULL, e));
	INVALID(snek_reader_open(NULL, "x", &r, e));
	INVALID(snek_reader_open(c, NULL, &r, e));
	INVALID(snek_reader_open(c, "x", NULL, e));
	INVALID(snek_reader_next(NULL, NULL, e));
	INVALID(snek_function_add(NULL, "x", false, NULL, e));
	INVALID(snek_function_add(c, NULL, false, NULL, e));
	INVALID(snek_function_remove(c, NULL, e));
	INVALID(snek_function_remove(NULL, "x", e));
	INVALID(snek_function_list(c, NULL, NULL, e));
	INVALID(snek_function_find(c, NULL, visit_function, NULL, e));
	INVALID(snek_function_find(c, "x", NULL, NULL, e));
	INVALID(snek_job_new(NULL, "x", &j, e));
	INVALID(snek_job_new(c, "x/y", &j, e));
	INVALID(snek_job_new(c, "x", NULL, e));
	INVALID(snek_job_start(NULL, e));
	INVALID(snek_job_wait(NULL, 0, e));
	INVALID(snek_result_open(NULL, NULL, e));
	INVALID(snek_result_next(NULL, NULL, NULL, e));
	ck_assert_int_eq(snek_cluster_open("/nowhere", &other, NULL), SNEK_ENOENT);
	ck_assert_int_eq(snek_category_find(c, "x", visit_category, NULL, NULL),
	    SNEK_ENOENT);
}
END_TEST

START_TEST(a_job_refuses_what_is_missing)
{
	snek_result *r;
	snek_job *j;

	ck_assert_int_eq(snek_job_new(c, "x", &j, NULL), 0);
	INVALID(snek_job_read(j, 0, "x", SNEK_JSONL, e));
	INVALID(snek_job_map(j, NULL, NULL, e));
	INVALID(snek_job_arg(j, NULL, "x", e));
	INVALID(snek_job_arg(j, "x", NULL, e));
	INVALID(snek_job_set(j, NULL, "1", e));
	INVALID(snek_job_set(j, "limit", NULL, e));
	INVALID(snek_job_wait(j, 0, e));
	INVALID(snek_job_start(j, e));          /* maps nothing */
	INVALID(snek_result_open(j, &r, e));
	INVALID(snek_result_open(j, NULL, e));
	ck_assert_int_eq(snek_job_reduce(j, NULL, NULL), 0);    /* as the op says */
	ck_assert_int_eq(snek_job_stat(NULL, NULL), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_stat(j, NULL), 0);
	ck_assert_int_eq(snek_job_counters(j, NULL, NULL), SNEK_EINVAL);
	snek_job_free(j);
	ck_assert_int_eq(snek_job_new(c, NULL, &j, NULL), 0);
	INVALID(snek_job_read(j, 0, NULL, SNEK_JSONL, e));
	INVALID(snek_job_read(j, 0, "x", (enum snek_format)77, e));
	ck_assert_int_eq(snek_job_read(j, -1, "x", SNEK_JSONL, NULL), SNEK_EIO);
	snek_job_free(j);
	snek_job_cancel(NULL);
	snek_job_free(NULL);
	snek_result_close(NULL);
	snek_reader_close(NULL);
	snek_writer_free(NULL);
	snek_cluster_close(NULL);
	ck_assert(!snek_result_is_reduced(NULL));
}
END_TEST

START_TEST(values_and_codes_take_anything)
{
	struct snek_value v = { .type = SNEK_INT, .as.i = 7 }, out;
	int code;

	ck_assert_int_eq(snek_value_find(v, NULL, &out), SNEK_EINVAL);
	ck_assert_int_eq(snek_value_find(v, "", NULL), SNEK_EINVAL);
	ck_assert_int_eq(snek_value_find(v, "a..b", &out), SNEK_EINVAL);
	ck_assert_int_eq(snek_value_find(v, "a", &out), SNEK_ENOENT);
	ck_assert_int_eq(snek_value_find(v, "", &out), 0);
	ck_assert_int_eq(out.as.i, 7);
	ck_assert_int_eq(snek_value_json(v, NULL), SNEK_EINVAL);
	for (code = -40; code < 40; code++)
		ck_assert_ptr_nonnull(snek_strerror(code));
	ck_assert_str_eq(snek_strerror(INT_MIN), "unknown error");
	ck_assert_str_eq(snek_strerror(INT_MAX), "unknown error");
	ck_assert_str_eq(snek_version(), "0.1.0");
}
END_TEST

START_TEST(what_is_in_a_value_comes_one_after_the_other)
{
	static const char packed[] = "\x82\xa1" "a\x01\xa1" "b\xa2hi";
	struct snek_value v = { .type = SNEK_OBJECT, .len = sizeof(packed) - 1,
		.as.p = packed }, name, out;
	struct snek_cursor at;

	ck_assert_int_eq(snek_value_iterate(v, &at), 0);
	ck_assert_int_eq(snek_value_next(&at, &name, &out), 1);
	ck_assert(name.len == 1 && *name.as.s == 'a' && out.as.i == 1);
	ck_assert_int_eq(snek_value_next(&at, &name, &out), 1);
	ck_assert(*name.as.s == 'b' && !memcmp(out.as.s, "hi", out.len));
	ck_assert_int_eq(snek_value_next(&at, &name, &out), 0);
	v.len--;
	ck_assert_int_eq(snek_value_iterate(v, &at), 0);
	ck_assert_int_eq(snek_value_next(&at, &name, &out), 1);
	ck_assert_int_eq(snek_value_next(&at, &name, &out), SNEK_EFORMAT);
	ck_assert_int_eq(snek_value_iterate(out, &at), SNEK_ETYPE);
	ck_assert_int_eq(snek_value_iterate(v, NULL), SNEK_EINVAL);
	ck_assert_int_eq(snek_value_next(NULL, &name, &out), SNEK_EINVAL);
}
END_TEST

/* ---- sizes of structs ---- */

struct longer {
	struct snek_writer_options o;
	char tail[64];
};

static int open_writer(const void *options, struct snek_error *e)
{
	snek_writer *w;
	int rc = snek_writer_open(c, "x", options, &w, e);

	if (!rc)
		snek_writer_free(w);
	return rc;
}

START_TEST(options_may_be_shorter_or_longer_but_not_unknown)
{
	struct longer l = { .o.size = sizeof(l) };
	struct snek_error e = { 0 };

	ck_assert_int_eq(open_writer(&l, NULL), 0);
	l.tail[63] = 1;
	ck_assert_int_eq(open_writer(&l, &e), SNEK_EINVAL);
	ck_assert_msg(strstr(e.text, "does not know"), "%s", e.text);
	l.o.size = sizeof(l.o);
	ck_assert_int_eq(open_writer(&l, NULL), 0);
	l.o.size = sizeof(size_t);
	l.o.chunk_size = 1;             /* beyond what the caller knows of */
	ck_assert_int_eq(open_writer(&l, NULL), 0);
	l.o.size = offsetof(struct snek_writer_options, duplicates);
	ck_assert_int_eq(open_writer(&l, NULL), SNEK_EINVAL);
	l.o.size = 0;
	ck_assert_int_eq(open_writer(&l, NULL), SNEK_EINVAL);
	l.o.size = SIZE_MAX;            /* never set */
	ck_assert_int_eq(open_writer(&l, NULL), SNEK_EINVAL);
	l.o = (struct snek_writer_options){ sizeof(l.o), .duplicates = 2 };
	ck_assert_int_eq(open_writer(&l, NULL), SNEK_EINVAL);
	l.o = (struct snek_writer_options){ sizeof(l.o), .chunk_size = 5 << 20 };
	ck_assert_int_eq(open_writer(&l, NULL), SNEK_EINVAL);
}
END_TEST

START_TEST(clusters_have_a_shape_that_can_be)
{
	struct snek_cluster_options o = { sizeof(o), .shards = 1025 };
	char where[96];

	snprintf(where, sizeof(where), "%s/other", dir);
	INVALID(snek_cluster_create(where, &o, e));
	o = (struct snek_cluster_options){ sizeof(o), .shards = 2, .level = 3 };
	INVALID(snek_cluster_create(where, &o, e));
	o.size = 3;
	INVALID(snek_cluster_create(where, &o, e));
	ck_assert_int_eq(access(where, F_OK), -1);
}
END_TEST

START_TEST(reports_fill_what_the_caller_knows)
{
	struct { struct snek_cluster_info i; char tail[16]; } l;
	struct snek_job_stat s = { 0 };
	snek_job *j;

	memset(&l, 0x55, sizeof(l));
	l.i.size = sizeof(l);
	ck_assert_int_eq(snek_cluster_info(c, &l.i, NULL), 0);
	ck_assert_uint_eq(l.i.shards, 4);
	ck_assert_uint_eq(strlen(l.i.uuid), 36);
	ck_assert_int_eq(l.tail[0], 0x55);
	l.i.size = offsetof(struct snek_cluster_info, level);
	l.i.level = 77;
	ck_assert_int_eq(snek_cluster_info(c, &l.i, NULL), 0);
	ck_assert_uint_eq(l.i.level, 77);
	l.i.size = 0;
	INVALID(snek_cluster_info(c, &l.i, e));
	ck_assert_int_eq(snek_cluster_info(c, NULL, NULL), 0);
	ck_assert_int_eq(snek_job_new(NULL, NULL, &j, NULL), 0);
	ck_assert_int_eq(snek_job_stat(j, &s), SNEK_EINVAL);
	snek_job_free(j);
}
END_TEST

START_TEST(a_commit_without_room_for_its_receipt_commits_nothing)
{
	struct snek_receipt r = { 0 };
	snek_writer *w;

	ck_assert_int_eq(snek_writer_open(c, "x", NULL, &w, NULL), 0);
	ck_assert_int_eq(snek_writer_put(w, "1", 1, NULL), 0);
	INVALID(snek_writer_commit(w, &r, e));
	r.size = sizeof(r);
	ck_assert_int_eq(snek_writer_commit(w, &r, NULL), 0);
	ck_assert_uint_eq(r.version, 1);
	INVALID(snek_writer_commit(w, &r, e));          /* once */
	INVALID(snek_writer_put(w, "1", 1, e));
	snek_writer_free(w);
}
END_TEST

/* ---- bad records ---- */

static int take_bad(void *arg, const char *record, size_t len,
    const struct snek_error *why)
{
	(void)record;
	(void)len;
	ck_assert_int_ne(why->text[0], 0);
	++*(int *)arg;
	return 0;
}

START_TEST(a_bad_record_that_is_taken_leaves_the_error_alone)
{
	int n = 0, fd = api_fd("1\n{\"a\":tru}\n2\n");
	struct snek_writer_options o = { sizeof(o), .bad = take_bad,
	    .bad_arg = &n, .max_record = 10 };
	struct snek_error e = { 0 };
	struct snek_receipt r = { .size = sizeof(r) };
	snek_writer *w;

	ck_assert_int_eq(snek_writer_open(c, "x", &o, &w, NULL), 0);
	ck_assert_int_eq(snek_writer_put(w, "{\"a\":", 5, &e), 0);
	ck_assert_int_eq(snek_writer_put(w, "\"123456789\"", 11, &e), 0);
	ck_assert_int_eq(n, 2);
	ck_assert_int_eq(snek_writer_read(w, fd, "x", SNEK_JSONL, &e), 0);
	ck_assert_int_ge(n, 3);
	ck_assert_int_eq(e.code, 0);
	ck_assert_int_eq(snek_writer_commit(w, &r, &e), 0);
	ck_assert_uint_eq(r.records, 2);
	ck_assert_uint_eq(r.bad, (uint64_t)n);
	snek_writer_free(w);
	close(fd);
	ck_assert_int_eq(snek_writer_open(c, "y", NULL, &w, NULL), 0);
	ck_assert_int_eq(snek_writer_put(w, "tru", 3, &e), SNEK_EFORMAT);
	ck_assert_msg(strstr(e.text, "record 1"), "%s", e.text);
	ck_assert_int_eq(snek_writer_commit(w, NULL, &e), SNEK_EINVAL);
	snek_writer_free(w);
}
END_TEST

/* ---- handles and threads ---- */

static int count_records(snek_cluster *cluster, const char *category)
{
	struct snek_value v;
	snek_reader *r;
	int n = 0, rc;

	if (snek_reader_open(cluster, category, &r, NULL))
		return -1;
	while ((rc = snek_reader_next(r, &v, NULL)) == 1)
		n++;
	snek_reader_close(r);
	return rc ? rc : n;
}

START_TEST(clusters_may_be_open_beside_each_other_and_twice)
{
	char dir2[64];
	snek_cluster *two = api_cluster(dir2), *again;

	ck_assert_int_eq(snek_cluster_open(dir, &again, NULL), 0);
	api_numbers(c, "x", 3, 3);
	api_numbers(two, "x", 5, 3);
	api_numbers(again, "x", 4, 3);
	ck_assert_int_eq(count_records(again, "x"), 7);
	snek_cluster_close(again);
	ck_assert_int_eq(count_records(c, "x"), 7);
	ck_assert_int_eq(count_records(two, "x"), 5);
	api_drop(dir2, two);
}
END_TEST

enum { THREADS = 4, TURNS = 6 };

static void *write_some(void *arg)
{
	int i;

	for (i = 0; i < TURNS; i++)
		api_numbers(arg, "t", 10, 10);
	return NULL;
}

static void *read_some(void *arg)
{
	int i, n;

	for (i = 0; i < TURNS; i++) {
		n = count_records(arg, "t");
		ck_assert_int_ge(n, 10);
		ck_assert_int_eq(n % 10, 0);    /* writes are whole */
	}
	return NULL;
}

static void *query_some(void *arg)
{
	struct snek_value v;
	snek_result *r;
	snek_job *j;
	int i;

	for (i = 0; i < TURNS; i++) {
		j = api_job(arg, "t", JOB_OP("pair"), NULL);
		ck_assert_int_eq(snek_job_reduce(j, "count", NULL), 0);
		ck_assert_int_eq(api_run(j, NULL), 1);
		ck_assert_int_eq(snek_result_open(j, &r, NULL), 0);
		ck_assert_int_eq(snek_result_next(r, NULL, &v, NULL), 1);
		ck_assert_int_ge(v.as.i, 1);
		snek_result_close(r);
		snek_job_free(j);
	}
	return NULL;
}

START_TEST(one_cluster_serves_many_threads)
{
	static void *(*const what[])(void *) = {
		write_some, read_some, query_some,
	};
	pthread_t t[3 * THREADS];
	int i;

	api_numbers(c, "t", 10, 10);
	for (i = 0; i < 3 * THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, what[i % 3], c), 0);
	for (i = 0; i < 3 * THREADS; i++)
		pthread_join(t[i], NULL);
	ck_assert_int_eq(count_records(c, "t"), 10 + 10 * THREADS * TURNS);
}
END_TEST

/* Blocked in every thread but this one: what the host sends.  How many are
 * there that can be hit by what they do to themselves (while a thread is being
 * made, all is blocked). */
static int check_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned long long mask;
	struct dirent *f;
	char path[300], line[256];
	int n = 0;
	FILE *s;

	while ((f = readdir(d))) {
		if (f->d_name[0] == '.' || atoi(f->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", f->d_name);
		s = fopen(path, "r");
		while (s && fgets(line, sizeof(line), s))
			if (sscanf(line, "SigBlk: %llx", &mask) == 1) {
				ck_assert(mask >> (SIGINT - 1) & 1);
				ck_assert(mask >> (SIGTERM - 1) & 1);
				n += !(mask >> (SIGSEGV - 1) & 1) &&
				    !(mask >> (SIGFPE - 1) & 1);
			}
		if (s)
			fclose(s);
	}
	closedir(d);
	return n;
}

static volatile sig_atomic_t interrupts;

static void on_int(int sig)
{
	(void)sig;
	interrupts++;
}

START_TEST(signals_are_the_hosts)
{
	struct sigaction a = { .sa_handler = on_int }, now;
	sigset_t mask, after;
	snek_job *j;

	memset(&mask, 0, sizeof(mask));
	memset(&after, 0, sizeof(after));
	api_numbers(c, "x", 3, 3);
	sigaction(SIGINT, &a, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	j = api_job(c, "x", JOB_OP("nap"), NULL);
	api_set(j, "workers", "3");
	api_set(j, "executor", "threads");
	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	while (check_threads() < 4)
		sched_yield();
	ck_assert_int_eq(raise(SIGINT), 0);
	ck_assert_int_eq(interrupts, 1);
	ck_assert_int_eq(snek_job_wait(j, 0, NULL), 0);         /* goes on */
	snek_job_free(j);
	sigaction(SIGINT, NULL, &now);
	ck_assert(now.sa_handler == on_int);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	ck_assert_int_eq(memcmp(&mask, &after, sizeof(mask)), 0);
}
END_TEST

static long size_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (long)st.st_size;
}

START_TEST(the_library_prints_nothing)
{
	int out = dup(1), err = dup(2), to1 = api_fd(""), to2 = api_fd("");
	snek_job *j;
	long n;

	fflush(NULL);
	dup2(to1, 1);
	dup2(to2, 2);
	api_numbers(c, "x", 3, 3);
	j = api_job(c, "x", JOB_OP("bad"), NULL);
	api_run(j, NULL);
	snek_job_free(j);
	j = api_job(c, "x", "tests/plugins/.libs/moods.so:talk", NULL);
	api_run(j, NULL);
	snek_job_free(j);
	snek_function_add(c, "/dev/null", false, NULL, NULL);
	snek_function_list(c, visit_function, NULL, NULL);
	count_records(c, "none");
	fflush(NULL);
	n = size_of(1) + size_of(2);
	dup2(out, 1);
	dup2(err, 2);
	ck_assert_int_eq(n, 0);
}
END_TEST

/* ---- read-only ---- */

/* By the effective user: the build may lie where only its owner goes. */
static bool is_ours_to_run(const char *path)
{
	return path && faccessat(AT_FDCWD, path, R_OK | X_OK, AT_EACCESS) == 0;
}

START_TEST(a_cluster_that_cannot_be_written_to_can_be_queried)
{
	struct snek_cluster_info i = { .size = sizeof(i) };
	struct snek_error e = { 0 };
	snek_cluster *ro;
	snek_writer *w;
	char cmd[128];

	api_numbers(c, "x", 3, 3);
	snek_cluster_close(c);
	snprintf(cmd, sizeof(cmd), "chmod -R a-w,a+rX %s", dir);
	ck_assert_int_eq(system(cmd), 0);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_msg(snek_cluster_open(dir, &ro, &e) == 0, "%s", e.text);
	ck_assert_int_eq(snek_cluster_info(ro, &i, NULL), 0);
	ck_assert(i.read_only);
	ck_assert_int_eq(count_records(ro, "x"), 3);
	if (is_ours_to_run("plugins/.libs/wordcount.so") &&
	    is_ours_to_run(getenv("SNEK_WORKER")))
		api_gives(api_job(ro, "x", "wordcount", "{\"field\":\"k\"}"),
		    "\"k\" 3\n");
	ck_assert_int_eq(snek_writer_open(ro, "x", NULL, &w, &e), SNEK_EACCES);
	ck_assert_int_eq(snek_writer_open(ro, "new", NULL, &w, &e), SNEK_EACCES);
	ck_assert_int_eq(snek_category_remove(ro, "x", &e), SNEK_EACCES);
	ck_assert_int_eq(snek_function_remove(ro, "x", &e), SNEK_EACCES);
	ck_assert_int_lt(snek_function_add(ro, JOB_PLUGIN, false, NULL, &e), 0);
	snek_cluster_close(ro);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	snprintf(cmd, sizeof(cmd), "chmod -R u+w %s", dir);
	ck_assert_int_eq(system(cmd), 0);
	ck_assert_int_eq(snek_cluster_open(dir, &c, NULL), 0);
}
END_TEST

/* ---- visits ---- */

START_TEST(a_visit_may_end_the_listing)
{
	int stop = 42;

	api_numbers(c, "x", 1, 1);
	ck_assert_int_eq(snek_category_list(c, visit_category, &stop, NULL), 42);
	ck_assert_int_eq(snek_category_find(c, "x", visit_category, &stop, NULL),
	    42);
	ck_assert_int_eq(snek_function_list(c, visit_function, &stop, NULL), 42);
	ck_assert_int_eq(snek_function_find(NULL, "wordcount", visit_function,
	    &stop, NULL), 42);
	ck_assert_int_eq(snek_function_list(NULL, visit_function, NULL, NULL), 0);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_is_missing_is_refused_with_a_text);
	tcase_add_test(t, a_job_refuses_what_is_missing);
	tcase_add_test(t, values_and_codes_take_anything);
	tcase_add_test(t, what_is_in_a_value_comes_one_after_the_other);
	tcase_add_test(t, options_may_be_shorter_or_longer_but_not_unknown);
	tcase_add_test(t, clusters_have_a_shape_that_can_be);
	tcase_add_test(t, reports_fill_what_the_caller_knows);
	tcase_add_test(t, a_commit_without_room_for_its_receipt_commits_nothing);
	tcase_add_test(t, a_bad_record_that_is_taken_leaves_the_error_alone);
	tcase_add_test(t, clusters_may_be_open_beside_each_other_and_twice);
	tcase_add_test(t, one_cluster_serves_many_threads);
	tcase_add_test(t, signals_are_the_hosts);
	tcase_add_test(t, the_library_prints_nothing);
	tcase_add_test(t, a_cluster_that_cannot_be_written_to_can_be_queried);
	tcase_add_test(t, a_visit_may_end_the_listing);
}

int main(void)
{
	return check_main("snek", setup);
}
