/* SPDX-License-Identifier: MIT */
/* What comes out of jobs: reducers, order, limits, results beyond memory. */
#include <dirent.h>

#include "api_tool.h"
#include "check_main.h"
#include "job/job.h"

static char dir[64];
static snek_cluster *c;

static void set_up(void)
{
	c = api_cluster(dir);
	api_numbers(c, "n", 6, 3);
}

static void tear_down(void)
{
	api_drop(dir, c);
}

/* ---- reducers ---- */

static const struct {
	const char *reducer, *want;
} reduced[] = {
	{ "sum", "\"k0\" 3\n\"k1\" 5\n\"k2\" 7\n" },
	{ "count", "\"k0\" 2\n\"k1\" 2\n\"k2\" 2\n" },
	{ "min", "\"k0\" 0\n\"k1\" 1\n\"k2\" 2\n" },
	{ "max", "\"k0\" 3\n\"k1\" 4\n\"k2\" 5\n" },
	{ "mean", "\"k0\" 1.5\n\"k1\" 2.5\n\"k2\" 3.5\n" },
	{ "list", "\"k0\" [0,3]\n\"k1\" [1,4]\n\"k2\" [2,5]\n" },
	{ "top", "\"k0\" [3,0]\n\"k1\" [4,1]\n\"k2\" [5,2]\n" },
	{ "top=1", "\"k0\" [3]\n\"k1\" [4]\n\"k2\" [5]\n" },
	{ "none", "0\n3\n1\n4\n2\n5\n" },
	{ JOB_OP("width"), "\"k0\" 2\n\"k1\" 2\n\"k2\" 2\n" },
};

START_TEST(every_reducer_by_its_name_in_any_number_of_partitions)
{
	static const char *const parts[] = { "0", "1", "7" };
	snek_job *j;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		j = api_job(c, "n", JOB_OP("pair"), NULL);
		api_set(j, "partitions", parts[i]);
		ck_assert_int_eq(snek_job_reduce(j, reduced[_i].reducer, NULL), 0);
		api_gives(j, reduced[_i].want);
	}
}
END_TEST

/* ---- into a category ---- */

static char *exported_into(snek_job *j, const char *request_id,
    struct snek_receipt *r)
{
	struct snek_writer_options o = { .size = sizeof(o),
		.request_id = request_id };
	struct snek_error e = { 0 };

	r->size = sizeof(*r);
	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	ck_assert_msg(!snek_result_write(j, c, "c", &o, r, &e), "%s", e.text);
	snek_job_free(j);
	return api_exported(c);
}

static const struct {
	const char *map, *reducer, *want;
	uint64_t records;
} written[] = {
	{ JOB_OP("pair"), "sum", "{\"key\":\"k0\",\"value\":3}\n"
	    "{\"key\":\"k1\",\"value\":5}\n{\"key\":\"k2\",\"value\":7}\n", 3 },
	{ JOB_OP("pair"), "none", "{\"key\":\"k0\",\"value\":0}\n"
	    "{\"key\":\"k0\",\"value\":3}\n{\"key\":\"k1\",\"value\":1}\n"
	    "{\"key\":\"k1\",\"value\":4}\n{\"key\":\"k2\",\"value\":2}\n"
	    "{\"key\":\"k2\",\"value\":5}\n", 6 },
	{ JOB_OP("flaky"), "none", "0\n1\n2\n3\n4\n5\n", 6 },
};

START_TEST(a_result_becomes_one_write)
{
	snek_job *j = api_job(c, "n", written[_i].map, NULL);
	struct snek_receipt r;
	char *text;

	ck_assert_int_eq(snek_job_reduce(j, written[_i].reducer, NULL), 0);
	text = exported_into(j, NULL, &r);
	ck_assert_str_eq(text, written[_i].want);
	ck_assert_uint_eq(r.version, 1);
	ck_assert_uint_eq(r.records, written[_i].records);
	free(text);
}
END_TEST

START_TEST(a_repeat_with_the_same_id_writes_nothing_twice)
{
	struct snek_writer_options o = { .size = sizeof(o), .request_id = "id" };
	struct snek_error e = { 0 };
	struct snek_receipt r;
	snek_job *j;
	int i;

	for (i = 0; i < 3; i++) {
		free(exported_into(api_job(c, "n", JOB_OP("pair"), NULL), "id",
		    &r));
		ck_assert_uint_eq(r.version, 1);
		ck_assert_int_eq(r.repeated, i > 0);
	}
	api_numbers(c, "n", 1, 1);
	j = api_job(c, "n", JOB_OP("pair"), NULL);
	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	ck_assert_int_eq(snek_result_write(j, c, "c", &o, NULL, &e),
	    SNEK_ECONFLICT);
	snek_job_free(j);
}
END_TEST

static int no_category(void *arg, const struct snek_category_info *i)
{
	(void)arg;
	return i->version ? 1 : 0;
}

START_TEST(a_job_that_fails_writes_nothing)
{
	snek_job *j = api_job(c, "n", JOB_OP("bad"), NULL);
	struct snek_error e = { 0 };

	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	ck_assert_int_eq(snek_result_write(j, c, "c", NULL, NULL, &e),
	    SNEK_EPLUGIN);
	ck_assert_ptr_nonnull(strstr(e.text, "cursed"));
	snek_job_free(j);
	ck_assert_int_eq(snek_category_find(c, "c", no_category, NULL, NULL),
	    SNEK_ENOENT);
	j = api_job(c, "n", JOB_OP("pair"), NULL);
	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	ck_assert_int_eq(snek_result_write(j, c, "no good", NULL, NULL, &e),
	    SNEK_EINVAL);
	ck_assert_int_eq(snek_result_write(j, NULL, "c", NULL, NULL, &e),
	    SNEK_EINVAL);
	snek_job_free(j);
}
END_TEST

START_TEST(where_a_result_goes_is_told_before_its_job_starts)
{
	const struct snek_writer_options o = { .size = sizeof(o),
		.request_id = "once" };
	snek_job *j = api_job(c, "n", JOB_OP("pair"), NULL);
	struct snek_receipt r = { .size = sizeof(r) };
	struct snek_error e = { 0 };

	ck_assert_int_eq(snek_job_into(NULL, "c", &o, &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_into(j, "no good", &o, &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_into(j, NULL, &o, &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_into(j, "c", &o, &e), 0);
	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	ck_assert_int_eq(snek_job_into(j, "c", &o, &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_result_write(j, c, "c", &o, &r, &e), 0);
	ck_assert_uint_eq(r.version, 1);
	snek_job_free(j);
}
END_TEST

START_TEST(what_is_missing_is_not_written_as_if_it_were_not)
{
	snek_job *j = api_job(c, "n", JOB_OP("bad"), NULL);
	struct snek_error e = { 0 };

	api_numbers(c, "n", 2, 2);              /* another task, which is good */
	api_set(j, "keep-going", "yes");
	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	ck_assert_int_eq(snek_job_wait(j, -1, &e), 1);
	ck_assert_int_eq(snek_result_write(j, c, "c", NULL, NULL, &e),
	    SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "missing"));
	snek_job_free(j);
}
END_TEST

static void reduce_fails(const char *map, const char *reducer, int code,
    const char *text)
{
	snek_job *j = api_job(c, "n", map, NULL);

	ck_assert_int_eq(snek_job_reduce(j, reducer, NULL), 0);
	API_FAILS(j, code, text);
}

START_TEST(what_cannot_be_reduced_so_is_refused)
{
	reduce_fails(JOB_OP("sums"), "sum", SNEK_EINVAL, "reduces by itself");
	reduce_fails(JOB_OP("pair"), "smu", SNEK_ENOENT, "no reducer smu");
	reduce_fails(JOB_OP("pair"), "top=0", SNEK_EINVAL, "top=0");
	reduce_fails(JOB_OP("pair"), JOB_OP("pair"), SNEK_EINVAL,
	    "does not reduce");
	reduce_fails(JOB_OP("pair"), JOB_OP("wide"), SNEK_ENOENT, "has no op 'wide'");
	API_FAILS(api_job(c, "n", JOB_OP("width"), NULL), SNEK_EINVAL, "only reduces");
	API_FAILS(api_job(c, "n", JOB_PLUGIN, NULL), SNEK_ENOENT, "several ops");
	API_FAILS(api_job(c, "nosuch", JOB_OP("pair"), NULL), SNEK_ENOENT, "nosuch");
	api_gives(api_job(c, "n", JOB_OP("sums"), NULL),
	    "\"k0\" {\"n\":2}\n\"k1\" {\"n\":2}\n\"k2\" {\"n\":2}\n");
}
END_TEST

START_TEST(text_arguments_win_over_json)
{
	snek_job *j = api_job(c, "n", JOB_OP("flaky"), "{\"until\":99}");

	ck_assert_int_eq(snek_job_arg(j, "until", "1", NULL), 0);
	api_set(j, "attempts", "1");
	api_gives(j, "0\n1\n2\n3\n4\n5\n");
	API_FAILS(api_job(c, "n", JOB_OP("flaky"), "{\"until\":\"x\"}"), SNEK_EINVAL,
	    "until");
	API_FAILS(api_job(c, "n", JOB_OP("flaky"), "{\"untli\":1}"), SNEK_EINVAL,
	    "until");
	API_FAILS(api_job(c, "n", JOB_OP("flaky"), "{"), SNEK_EINVAL, "flaky");
}
END_TEST

/* ---- order and limit ---- */

static const struct {
	const char *order, *limit, *want;
} ordered[] = {
	{ "key", "0", "\"a\" {\"n\":2}\n\"b\" {\"n\":1}\n\"c\" {\"n\":2}\n\"d\" {}\n" },
	{ "key", "2", "\"a\" {\"n\":2}\n\"b\" {\"n\":1}\n" },
	{ "value", "1", "\"d\" {}\n" },
	{ "value.n", "0", "\"d\" {}\n\"b\" {\"n\":1}\n\"a\" {\"n\":2}\n\"c\" {\"n\":2}\n" },
	{ "-value.n", "0", "\"a\" {\"n\":2}\n\"c\" {\"n\":2}\n\"b\" {\"n\":1}\n\"d\" {}\n" },
	{ "-value.n", "1", "\"a\" {\"n\":2}\n" },
	{ "value.x.y", "2", "\"a\" {\"n\":2}\n\"b\" {\"n\":1}\n" },
	{ "-value", "99", "\"a\" {\"n\":2}\n\"c\" {\"n\":2}\n\"b\" {\"n\":1}\n\"d\" {}\n" },
};

START_TEST(results_come_in_the_order_asked_for_and_ties_by_key)
{
	snek_job *j;

	api_write(c, "o", "{\"k\":\"c\",\"v\":{\"n\":2}}\n{\"k\":\"b\",\"v\":{\"n\":1}}\n"
	    "{\"k\":\"a\",\"v\":{\"n\":2}}\n{\"k\":\"d\",\"v\":{}}\n");
	j = api_job(c, "o", JOB_OP("pair"), NULL);
	ck_assert_int_eq(snek_job_reduce(j, "max", NULL), 0);
	api_set(j, "order", ordered[_i].order);
	api_set(j, "limit", ordered[_i].limit);
	api_gives(j, ordered[_i].want);
}
END_TEST

START_TEST(a_limit_keeps_the_largest_of_very_many)
{
	snek_job *j;

	api_numbers(c, "big", 20000, 20000);
	j = api_job(c, "big", JOB_OP("pair"), NULL);
	api_set(j, "order", "-value");
	api_set(j, "limit", "3");
	api_gives(j, "19999\n19998\n19997\n");
}
END_TEST

START_TEST(nested_keys_are_read_again_and_again)
{
	struct snek_value key;
	snek_result *r;
	snek_job *j;

	api_write(c, "nest", "{\"k\":[1,{\"a\":2}],\"v\":1}\n{\"k\":{\"b\":[]},\"v\":2}\n");
	j = api_job(c, "nest", JOB_OP("pair"), NULL);
	ck_assert_int_eq(snek_job_reduce(j, "sum", NULL), 0);
	ck_assert_int_eq(api_run(j, NULL), 1);
	ck_assert_int_eq(snek_result_open(j, &r, NULL), 0);
	ck_assert_int_eq(snek_result_next(r, &key, NULL, NULL), 1);
	ck_assert_int_eq(key.type, SNEK_ARRAY);
	ck_assert_int_eq(snek_result_next(r, NULL, NULL, NULL), 1);
	ck_assert_int_eq(snek_result_next(r, NULL, NULL, NULL), 0);
	ck_assert_int_eq(snek_result_next(r, NULL, NULL, NULL), 0);
	snek_result_close(r);
	snek_job_free(j);
}
END_TEST

/* ---- memory ---- */

static int entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *f;
	int n = 0;

	while ((f = readdir(d)))
		n += f->d_name[0] != '.';
	closedir(d);
	return n;
}

static int open_files(void)
{
	return entries("/proc/self/fd");
}

START_TEST(a_result_beyond_memory_goes_through_temporary_files)
{
	static const char *const reducer[] = { "none", "count", "list" };
	char tmp[128];
	snek_result *r;
	snek_job *j;
	int before = open_files(), n = 0, rc;

	snprintf(tmp, sizeof(tmp), "%s/spill", dir);
	ck_assert_int_eq(mkdir(tmp, 0700), 0);
	api_numbers(c, "big", 200, 200);
	j = api_job(c, "big", JOB_OP("many"), NULL);
	ck_assert_int_eq(snek_job_reduce(j, reducer[_i], NULL), 0);
	api_set(j, "tmp", tmp);
	j->set.memory = 16 << 10;
	ck_assert_int_eq(api_run(j, NULL), 1);
	if (_i == 0)
		ck_assert_int_gt(open_files(), before);
	ck_assert_int_eq(entries(tmp), 0);
	ck_assert_int_eq(snek_result_open(j, &r, NULL), 0);
	while ((rc = snek_result_next(r, NULL, NULL, NULL)) == 1)
		n++;
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(n, _i ? 200 : 200000);
	snek_result_close(r);
	snek_job_free(j);
	ck_assert_int_eq(open_files(), before);
	j = api_job(c, "big", JOB_OP("many"), NULL);
	api_set(j, "tmp", "/nowhere/at/all");
	j->set.memory = 16 << 10;
	API_FAILS(j, SNEK_ENOENT, "/nowhere/at/all");
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t,
	    every_reducer_by_its_name_in_any_number_of_partitions, 0,
	    (int)(sizeof(reduced) / sizeof(*reduced)));
	tcase_add_test(t, what_cannot_be_reduced_so_is_refused);
	tcase_add_test(t, text_arguments_win_over_json);
	tcase_add_loop_test(t,
	    results_come_in_the_order_asked_for_and_ties_by_key, 0,
	    (int)(sizeof(ordered) / sizeof(*ordered)));
	tcase_add_test(t, a_limit_keeps_the_largest_of_very_many);
	tcase_add_test(t, nested_keys_are_read_again_and_again);
		tcase_add_loop_test(t, a_result_becomes_one_write, 0,
	    sizeof(written) / sizeof(*written));
	tcase_add_test(t, a_repeat_with_the_same_id_writes_nothing_twice);
	tcase_add_test(t, a_job_that_fails_writes_nothing);
	tcase_add_test(t, where_a_result_goes_is_told_before_its_job_starts);
	tcase_add_test(t, what_is_missing_is_not_written_as_if_it_were_not);
tcase_add_loop_test(t,
	    a_result_beyond_memory_goes_through_temporary_files, 0, 3);
}

int main(void)
{
	return check_main("result", setup);
}
