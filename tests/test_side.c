/* SPDX-License-Identifier: MIT */
/* Side inputs, and where records stand: through the library, on threads and in
 * processes. */
#include <dirent.h>

#include "api_tool.h"
#include "check_main.h"

#define OP(op) "tests/plugins/.libs/aside.so:" op
#define ROWS 20000

static char dir[64];
static snek_cluster *c;
static const char *const on[] = { "threads", "processes" };

static void set_up(void)
{
	c = api_cluster(dir);
	api_write(c, "n", "{\"v\":1}\n{\"v\":2}\n{\"v\":3}\n");
	api_write(c, "side", "{\"n\":10,\"d\":{\"text\":\"tt\"}}\n");
	api_write(c, "side", "{\"n\":20,\"d\":{\"text\":\"at\"}}\n{\"x\":[1]}\n");
}

static void tear_down(void)
{
	api_drop(dir, c);
}

static snek_job *job(snek_cluster *cluster, const char *category,
    const char *op, int i)
{
	snek_job *j = api_job(cluster, category, op, NULL);

	api_set(j, "executor", on[i]);
	return j;
}

static void side(snek_job *j, const char *name, const char *from)
{
	struct snek_error e = { 0 };

	ck_assert_msg(!snek_job_side(j, name, from, &e), "%s", e.text);
}

static char *file(const char *name, const char *text)
{
	char *path;

	ck_assert_int_gt(asprintf(&path, "%s/%s", dir, name), 0);
	file_write(path, text, strlen(text));
	return path;
}

START_TEST(an_op_reads_a_category_or_a_file_beside_its_records)
{
	char *path = file("s.jsonl", "{\"n\":30,\"d\":{\"text\":\"ttt\"}}\n");
	snek_job *j = job(c, "n", OP("sum"), _i);

	side(j, "s", "side");
	api_gives(j, "33\n33\n33\n");
	j = job(c, "n", OP("sum"), _i);
	side(j, "other", "n");
	side(j, "s", path);
	api_gives(j, "33\n33\n33\n");
	free(path);
}
END_TEST

START_TEST(rows_come_whole_and_in_order)
{
	snek_job *j = job(c, "n", OP("rows"), _i);

	side(j, "s", "side");
	api_gives(j,
	    "{\"n\":10,\"d\":{\"text\":\"tt\"}}\n"
	    "{\"n\":20,\"d\":{\"text\":\"at\"}}\n{\"x\":[1]}\n"
	    "{\"n\":10,\"d\":{\"text\":\"tt\"}}\n"
	    "{\"n\":20,\"d\":{\"text\":\"at\"}}\n{\"x\":[1]}\n"
	    "{\"n\":10,\"d\":{\"text\":\"tt\"}}\n"
	    "{\"n\":20,\"d\":{\"text\":\"at\"}}\n{\"x\":[1]}\n");
}
END_TEST

START_TEST(an_op_that_reduces_sees_it_too)
{
	snek_job *j = job(c, "n", OP("total"), _i);

	side(j, "s", "side");
	api_gives(j, "1 36\n");
	api_numbers(c, "numbers", 4, 2);
	j = job(c, "numbers", JOB_OP("pair"), _i);
	side(j, "s", "side");
	ck_assert_int_eq(snek_job_reduce(j, OP("total"), NULL), 0);
	api_gives(j, "\"k0\" 32\n\"k1\" 34\n");
}
END_TEST

static char *many_rows(void)
{
	char *text, line[128];
	size_t n;
	FILE *f = open_memstream(&text, &n);

	for (int i = 0; i < ROWS; i++) {
		snprintf(line, sizeof(line), "{\"n\":%d,\"d\":{\"text\":"
		    "\"a text that is some bytes long: %d\"}}\n", i, i);
		fputs(line, f);
	}
	fclose(f);
	return text;
}

/* 5 t in each text; the sum of the numbers. */
START_TEST(what_was_read_of_many_chunks_stays_where_it_is)
{
	char *text = many_rows(), *path = file("many.jsonl", text), want[64];
	long long sum = (long long)ROWS * (ROWS - 1) / 2 + 5ll * ROWS;
	snek_job *j;

	snprintf(want, sizeof(want), "%lld\n%lld\n%lld\n", sum, sum, sum);
	api_write(c, "many", text);
	j = job(c, "n", OP("sum"), _i);
	side(j, "s", "many");
	api_gives(j, want);
	j = job(c, "n", OP("sum"), _i);
	side(j, "s", path);
	api_gives(j, want);
	free(path);
	free(text);
}
END_TEST

START_TEST(without_a_cluster_a_side_input_is_a_file)
{
	char *path = file("s.json", "[{\"n\":5},{\"n\":6}]");
	int fd = api_fd("{\"v\":1}\n");
	snek_job *j = job(NULL, NULL, OP("sum"), _i);

	ck_assert_int_eq(snek_job_read(j, fd, "in", SNEK_JSONL, NULL), 0);
	side(j, "s", path);
	api_gives(j, "11\n");
	close(fd);
	free(path);
}
END_TEST

START_TEST(an_empty_side_input_has_no_rows)
{
	char *path = file("none.jsonl", "");
	snek_job *j = job(c, "n", OP("sum"), _i);

	side(j, "s", path);
	api_gives(j, "0\n0\n0\n");
	free(path);
}
END_TEST

/* ---- what is wrong ---- */

START_TEST(a_side_input_that_is_missing_is_named)
{
	API_FAILS(job(c, "n", OP("sum"), _i), SNEK_ENOENT, "sum", "'s'",
	    "--side s=");
}
END_TEST

static const struct {
	const char *from, *text;
	int code;
} wrong[] = {
	{ "nothere", "nothere", SNEK_ENOENT },
	{ "/no/file", "/no/file", SNEK_ENOENT },
	{ "no good", "no good", SNEK_EINVAL },
};

START_TEST(what_it_cannot_be_read_from_is_named)
{
	size_t i;
	snek_job *j;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		j = job(c, "n", OP("sum"), _i);
		side(j, "s", wrong[i].from);
		API_FAILS(j, wrong[i].code, "side input s", wrong[i].text);
	}
}
END_TEST

START_TEST(bad_lines_are_told_with_file_and_line)
{
	char *path = file("bad.jsonl", "{\"n\":1}\n{\"n\":}\n");
	snek_job *j = job(c, "n", OP("sum"), _i);

	side(j, "s", path);
	API_FAILS(j, SNEK_EFORMAT, "side input s", "bad.jsonl:2:");
	free(path);
}
END_TEST

START_TEST(names_are_told_apart)
{
	snek_job *j = job(c, "n", OP("sum"), _i);
	struct snek_error e = { 0 };

	side(j, "s", "side");
	ck_assert_int_eq(snek_job_side(j, "s", "side", &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "two side inputs"));
	ck_assert_int_eq(snek_job_side(j, "", "side", &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_side(j, "a b", "side", &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_side(j, "t", "", &e), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_side(j, NULL, "side", &e), SNEK_EINVAL);
	api_gives(j, "33\n33\n33\n");
}
END_TEST

static const struct {
	const char *op, *text;
	int code;
} misused[] = {
	{ OP("late"), "snek_side_field", SNEK_EINVAL },
	{ OP("side_in_map"), "snek_side_open", SNEK_EPLUGIN },
	{ OP("far_row"), "of a chunk of", SNEK_EPLUGIN },
	{ OP("foreign_place"), "place", SNEK_EPLUGIN },
};

START_TEST(what_an_op_may_not_do_fails_it)
{
	size_t i;
	snek_job *j;

	for (i = 0; i < sizeof(misused) / sizeof(*misused); i++) {
		j = job(c, "n", misused[i].op, _i);
		side(j, "s", "side");
		api_set(j, "attempts", "1");
		API_FAILS(j, misused[i].code, misused[i].text);
	}
}
END_TEST

START_TEST(an_op_in_a_process_cannot_write_to_what_it_reads)
{
	char *path = file("s.jsonl", "{\"n\":30}\n");
	int fd = api_fd("{\"v\":1}\n{\"v\":2}\n");
	snek_job *j = job(NULL, NULL, OP("scribble"), 1);

	ck_assert_int_eq(snek_job_read(j, fd, "in", SNEK_JSONL, NULL), 0);
	side(j, "s", path);
	api_gives(j, "0\n0\n");
	close(fd);
	free(path);
}
END_TEST

/* ---- places ---- */

START_TEST(a_record_stands_where_its_write_put_it)
{
	int fd = api_fd("{}\n{}\n");
	snek_job *j = job(c, "side", OP("place"), _i);

	api_gives(j, "[1,0]\n[2,0]\n[2,1]\n");
	ck_assert_int_eq(snek_category_compact(c, "side", NULL), 0);
	api_gives(job(c, "side", OP("place"), _i), "[1,0]\n[2,0]\n[2,1]\n");
	j = job(NULL, NULL, OP("place"), _i);
	ck_assert_int_eq(snek_job_read(j, fd, "in", SNEK_JSONL, NULL), 0);
	api_gives(j, "[1,0]\n[1,1]\n");
	close(fd);
}
END_TEST

/* ---- nothing is left ---- */

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

START_TEST(a_job_lets_go_of_its_side_inputs)
{
	unsigned before = open_files();
	snek_job *j;

	for (int i = 0; i < 3; i++) {
		j = job(c, "n", OP("sum"), _i);
		side(j, "s", "side");
		api_gives(j, "33\n33\n33\n");
	}
	ck_assert_uint_eq(open_files(), before);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, an_op_reads_a_category_or_a_file_beside_its_records,
	    0, 2);
	tcase_add_loop_test(t, rows_come_whole_and_in_order, 0, 2);
	tcase_add_loop_test(t, an_op_that_reduces_sees_it_too, 0, 2);
	tcase_add_loop_test(t, what_was_read_of_many_chunks_stays_where_it_is,
	    0, 2);
	tcase_add_loop_test(t, without_a_cluster_a_side_input_is_a_file, 0, 2);
	tcase_add_loop_test(t, an_empty_side_input_has_no_rows, 0, 2);
	tcase_add_loop_test(t, a_side_input_that_is_missing_is_named, 0, 2);
	tcase_add_loop_test(t, what_it_cannot_be_read_from_is_named, 0, 2);
	tcase_add_loop_test(t, bad_lines_are_told_with_file_and_line, 0, 2);
	tcase_add_loop_test(t, names_are_told_apart, 0, 2);
	tcase_add_loop_test(t, what_an_op_may_not_do_fails_it, 0, 2);
	tcase_add_test(t, an_op_in_a_process_cannot_write_to_what_it_reads);
	tcase_add_loop_test(t, a_record_stands_where_its_write_put_it, 0, 2);
	tcase_add_loop_test(t, a_job_lets_go_of_its_side_inputs, 0, 2);
}

int main(void)
{
	return check_main("side", setup);
}
