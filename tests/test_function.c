/* SPDX-License-Identifier: MIT */
/* Functions through the public header: added, rebuilt, shadowed, damaged. */
#include "api_tool.h"
#include "check_main.h"
#include "job/function.h"

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

struct names {
	char text[4096];
	char sha256[65], origin[32];
	uint64_t generation;
};

static int keep_name(void *arg, const struct snek_function_info *i)
{
	struct names *n = arg;
	size_t at = strlen(n->text);

	snprintf(n->text + at, sizeof(n->text) - at, "%s:%s ", i->name, i->origin);
	memcpy(n->sha256, i->sha256, sizeof(n->sha256));
	snprintf(n->origin, sizeof(n->origin), "%s", i->origin);
	n->generation = i->generation;
	return 0;
}

static const char *functions(struct names *n)
{
	n->text[0] = '\0';
	ck_assert_int_eq(snek_function_list(c, keep_name, n, NULL), 0);
	return n->text;
}

static void find(const char *name, struct names *n)
{
	n->text[0] = '\0';
	ck_assert_int_eq(snek_function_find(c, name, keep_name, n, NULL), 0);
}

static void copy_file(const char *from, const char *to)
{
	char tmp[160];
	size_t n;
	unsigned char *p = file_read(from, &n);

	snprintf(tmp, sizeof(tmp), "%s.new", to);
	file_write(tmp, p, n);
	ck_assert_int_eq(rename(tmp, to), 0);
	free(p);
}

START_TEST(a_rebuilt_plugin_is_registered_as_it_is_now)
{
	struct names n;
	char path[96], gate[96], args[160];
	bool changed = false;
	snek_job *old, *fresh;
	char *text;

	snprintf(path, sizeof(path), "%s/again.so", dir);
	snprintf(gate, sizeof(gate), "%s/gate", dir);
	snprintf(args, sizeof(args), "{\"file\":\"%s\"}", gate);
	api_write(c, "x", "1\n");
	copy_file("tests/plugins/.libs/again1.so", path);
	ck_assert_int_eq(snek_function_add(c, path, false, &changed, NULL), 0);
	ck_assert(changed);
	ck_assert_int_eq(snek_function_add(c, path, false, &changed, NULL), 0);
	ck_assert(!changed);
	ck_assert_ptr_nonnull(strstr(functions(&n), "again.stale:registered "));
	old = api_job(c, "x", "again.which", args);
	api_set(old, "trust", "yes");   /* it looks for a file */
	ck_assert_int_eq(snek_job_start(old, NULL), 0);

	copy_file("tests/plugins/.libs/again2.so", path);
	ck_assert_int_eq(snek_function_add(c, path, false, &changed, NULL), 0);
	ck_assert(changed);
	find("again.which", &n);
	ck_assert_uint_eq(n.generation, 2);
	find("again.fresh", &n);
	ck_assert_uint_eq(n.generation, 1);
	ck_assert_ptr_null(strstr(functions(&n), "again.stale"));
	fresh = api_job(c, "x", "again.which", NULL);
	api_set(fresh, "trust", "yes");
	api_gives(fresh, "2\n");

	file_write(gate, "", 0);        /* the job that runs keeps its own */
	ck_assert_int_eq(snek_job_wait(old, -1, NULL), 1);
	text = api_text(old);
	ck_assert_str_eq(text, "1\n");
	free(text);
	snek_job_free(old);

	ck_assert_int_eq(snek_function_remove(c, "again.fresh", NULL), 0);
	ck_assert_ptr_nonnull(strstr(functions(&n), "again.which:"));
	ck_assert_int_eq(snek_function_remove(c, "again", NULL), 0);
	ck_assert_ptr_null(strstr(functions(&n), "again"));
	ck_assert_int_eq(snek_function_remove(c, "again", NULL), SNEK_ENOENT);
}
END_TEST

START_TEST(a_shipped_name_is_taken_only_on_purpose)
{
	struct snek_error e = { 0 };
	struct names n;

	find("wordcount", &n);
	ck_assert_str_eq(n.origin, "shipped");
	ck_assert_int_eq(snek_function_add(c, "plugins/.libs/wordcount.so", false,
	    NULL, &e), SNEK_EEXIST);
	ck_assert_int_eq(snek_function_remove(c, "wordcount", &e), SNEK_ENOENT);
	ck_assert_int_eq(snek_function_add(c, "plugins/.libs/wordcount.so", true,
	    NULL, NULL), 0);
	find("wordcount", &n);
	ck_assert_str_eq(n.origin, "registered");
	ck_assert_ptr_null(strstr(functions(&n), "wordcount:shipped"));
	ck_assert_int_eq(snek_function_remove(c, "wordcount", NULL), 0);
	find("wordcount", &n);
	ck_assert_str_eq(n.origin, "shipped");
	ck_assert_int_eq(snek_function_find(c, "wordcuont", keep_name, &n, &e),
	    SNEK_ENOENT);
	ck_assert_msg(strstr(e.text, "did you mean wordcount"), "%s", e.text);
}
END_TEST

START_TEST(a_file_is_listed_by_the_name_it_can_be_found_by)
{
	struct names n;
	char path[96];

	snprintf(path, sizeof(path), "%s/other.so", dir);
	copy_file("tests/plugins/.libs/again1.so", path);
	ck_assert_int_eq(setenv("SNEK_PLUGIN_PATH", dir, 1), 0);
	ck_assert_ptr_null(strstr(functions(&n), "again"));
	snprintf(path, sizeof(path), "%s/again.so", dir);
	copy_file("tests/plugins/.libs/again1.so", path);
	ck_assert_ptr_nonnull(strstr(functions(&n), "again.which:shipped "));
	find("again.which", &n);
}
END_TEST

START_TEST(a_stored_plugin_that_is_damaged_or_gone_is_said_and_hides_no_other)
{
	struct snek_error e = { 0 };
	struct names n;
	char path[200];

	ck_assert_int_eq(snek_function_add(c, JOB_PLUGIN, false, NULL, NULL), 0);
	find("job.pair", &n);
	snprintf(path, sizeof(path), "%s/plugins/%s.so", dir, n.sha256);
	if (_i)
		copy_file("plugins/.libs/grep.so", path);
	else
		ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(snek_function_find(c, "job.pair", keep_name, &n, &e),
	    SNEK_ECORRUPT);
	ck_assert_msg(strstr(e.text, _i ? "damaged" : "missing"), "%s", e.text);
	ck_assert_msg(strstr(e.text, "job.pair"), "%s", e.text);
	n.text[0] = '\0';
	memset(&e, 0, sizeof(e));
	ck_assert_int_eq(snek_function_list(c, keep_name, &n, &e), SNEK_ECORRUPT);
	ck_assert_msg(strstr(e.text, "job."), "%s", e.text);
	ck_assert_ptr_nonnull(strstr(n.text, "wordcount:shipped"));
	ck_assert_int_eq(snek_function_add(c, JOB_PLUGIN, false, NULL, NULL), 0);
	find("job.pair", &n);           /* mended */
}
END_TEST

/* Its code is still what a job's children load. */
START_TEST(of_a_registered_op_the_record_tells_and_no_child_is_asked)
{
	const struct sk_worker_options o = { .workers = 1 };
	struct snek_error e = { 0 };
	struct sk_catalog *cat;
	struct sk_function f;
	sk_worker *w;
	uint64_t asked;

	ck_assert_int_eq(snek_function_add(c, "tests/plugins/.libs/again1.so",
	    false, NULL, NULL), 0);
	ck_assert_int_eq(sk_catalog_open(dir, &cat, &e), 0);
	ck_assert_int_eq(sk_worker_open(&o, &w, &e), 0);
	asked = sk_worker_next_id(w);
	ck_assert_msg(!sk_function_find(cat, w, "again.which", &f, &e), "%s",
	    e.text);
	ck_assert_uint_eq(sk_worker_next_id(w), asked + 1);
	ck_assert_int_gt(f.file, 0);
	ck_assert_str_eq(f.op->op.name, "which");
	ck_assert_uint_eq(f.op->args, 1);
	ck_assert_str_eq(f.op->arg[0].name, "file");
	sk_function_free(&f);
	sk_worker_close(w);
	sk_catalog_close(cat);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_rebuilt_plugin_is_registered_as_it_is_now);
	tcase_add_test(t, a_shipped_name_is_taken_only_on_purpose);
	tcase_add_test(t, a_file_is_listed_by_the_name_it_can_be_found_by);
	tcase_add_test(t,
	    of_a_registered_op_the_record_tells_and_no_child_is_asked);
	tcase_add_loop_test(t,
	    a_stored_plugin_that_is_damaged_or_gone_is_said_and_hides_no_other,
	    0, 2);
}

int main(void)
{
	return check_main("function", setup);
}
