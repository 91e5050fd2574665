/* SPDX-License-Identifier: MIT */
/* Where functions go at AWS: kept in a profile, found by whatever name the
 * cluster was opened. */
#include "api_tool.h"
#include "check_main.h"

static char dir[64], conf[100];
static snek_cluster *c;
static struct snek_error err;
static char seen[1024];

static void set_up(void)
{
	c = api_cluster(dir);
	snprintf(conf, sizeof(conf), "%s/my.conf", dir);
	setenv("SNEK_CONFIG", conf, 1);
	memset(&err, 0, sizeof(err));
}

static void tear_down(void)
{
	api_drop(dir, c);
}

static void write_conf(const char *text)
{
	file_write(conf, text, strlen(text));
	ck_assert_int_eq(chmod(conf, 0600), 0);
}

static const char *or_none(const char *text)
{
	return text ? text : "-";
}

static int note(void *arg, const struct snek_target *t)
{
	(void)arg;
	snprintf(seen, sizeof(seen), "%s %s %s %s %s %s %u %u", t->profile,
	    t->region, or_none(t->role), or_none(t->endpoint),
	    or_none(t->bucket), or_none(t->aws_profile), t->memory_mb,
	    t->timeout_s);
	return 0;
}

static int note_network(void *arg, const struct snek_target *t)
{
	(void)arg;
	snprintf(seen, sizeof(seen), "%s %s %s", t->subnets,
	    t->security_groups, t->stack);
	return 0;
}

static void shows(snek_cluster *cluster, const char *want)
{
	int rc = snek_target_get(cluster, note, NULL, &err);

	ck_assert_msg(!rc, "%d: %s", rc, err.text);
	ck_assert_str_eq(seen, want);
}

static int put(const struct snek_target *t)
{
	return snek_target_put(c, t, &err);
}

START_TEST(without_a_profile_there_is_none)
{
	ck_assert_int_eq(snek_target_get(c, note, NULL, &err), SNEK_ENOENT);
	ck_assert_msg(strstr(err.text, "--lambda-region") != NULL, "%s",
	    err.text);
	write_conf("[a]\ncluster = /elsewhere\nlambda-region = eu-west-1\n"
	    "[b]\ncluster = redis://h\nlambda-region = eu-west-1\n");
	ck_assert_int_eq(snek_target_get(c, note, NULL, &err), SNEK_ENOENT);
}
END_TEST

START_TEST(it_is_found_by_directory_and_by_name)
{
	const struct snek_target t = { .size = sizeof(t), .profile = "mine",
		.region = "eu-west-1", .role = "arn:aws:iam::1:role/r" };
	snek_cluster *named;

	ck_assert_int_eq(put(&t), 0);
	shows(c, "mine eu-west-1 arn:aws:iam::1:role/r - - - 0 0");
	ck_assert_int_eq(snek_cluster_open("mine", &named, &err), 0);
	shows(named, "mine eu-west-1 arn:aws:iam::1:role/r - - - 0 0");
	snek_cluster_close(named);
}
END_TEST

START_TEST(a_new_profile_is_called_as_its_directory)
{
	const struct snek_target t = { .size = sizeof(t), .region = "us-east-1" };
	char want[200];

	ck_assert_int_eq(put(&t), 0);
	snprintf(want, sizeof(want), "%s us-east-1 - - - - 0 0",
	    strrchr(dir, '/') + 1);
	shows(c, want);
}
END_TEST

START_TEST(what_is_not_said_stays_as_it_was)
{
	const struct snek_target t = { .size = sizeof(t), .profile = "p",
		.region = "eu-west-1", .role = "arn:x:role/r", .endpoint = "http://h:1",
		.bucket = "b", .aws_profile = "work", .memory_mb = 512,
		.timeout_s = 60, .subnets = "a,b", .security_groups = "sg",
		.stack = "s" };
	const struct snek_target more = { .size = sizeof(more),
		.role = "arn:x:role/other" };

	ck_assert_int_eq(put(&t), 0);
	ck_assert_int_eq(snek_target_get(c, note_network, NULL, &err), 0);
	ck_assert_str_eq(seen, "a,b sg s");
	shows(c, "p eu-west-1 arn:x:role/r http://h:1 b work 512 60");
	ck_assert_int_eq(put(&more), 0);
	shows(c, "p eu-west-1 arn:x:role/other http://h:1 b work 512 60");
}
END_TEST

START_TEST(the_first_with_a_region_counts)
{
	char text[600];

	snprintf(text, sizeof(text), "[plain]\ncluster = %s\n"
	    "[far]\ncluster = %s/.\nlambda-region = eu-west-1\n"
	    "[near]\ncluster = %s\nlambda-region = us-east-1\n", dir, dir, dir);
	write_conf(text);
	shows(c, "far eu-west-1 - - - - 0 0");
}
END_TEST

START_TEST(a_name_of_another_cluster_is_not_taken)
{
	const struct snek_target t = { .size = sizeof(t), .profile = "a",
		.region = "eu-west-1" };

	write_conf("[a]\ncluster = /elsewhere\n");
	ck_assert_int_eq(put(&t), SNEK_EEXIST);
	ck_assert_msg(strstr(err.text, "my.conf, line 1") != NULL, "%s",
	    err.text);
}
END_TEST

static const struct {
	struct snek_target t;
	const char *says;
} bad[] = {
	{ { .region = "" }, "\"\" is no region" },
	{ { .region = "Europe" }, "\"Europe\" is no region" },
	{ { .region = "eu-west-1\nrole=x" }, "is no region" },
	{ { .region = "eu", .role = "snek" }, "is no ARN" },
	{ { .region = "eu", .endpoint = "localhost" }, "is no URL" },
	{ { .region = "eu", .bucket = "a\nb = c" }, "line break" },
	{ { .region = "eu", .memory_mb = 64 }, "from 128 to 10240" },
	{ { .region = "eu", .timeout_s = 901 }, "900 at most" },
};

START_TEST(a_value_that_cannot_be_is_refused)
{
	struct snek_target t = bad[_i].t;

	t.size = sizeof(t);
	t.profile = "p";
	ck_assert_int_eq(put(&t), SNEK_EINVAL);
	ck_assert_msg(strstr(err.text, bad[_i].says) != NULL, "%s", err.text);
	ck_assert_int_ne(access(conf, F_OK), 0);
}
END_TEST

static const struct { const char *line, *says; } wrong[] = {
	{ "lambda-memory = 100", "lambda-memory is from 128 to 10240" },
	{ "lambda-memory = much", "not \"much\"" },
	{ "lambda-timeout = 5s", "lambda-timeout is from 1 to 900" },
	{ "lambda-rolle = x", "\"lambda-rolle\"" },
};

START_TEST(what_is_wrong_in_the_file_is_named)
{
	char text[300];

	snprintf(text, sizeof(text), "[p]\ncluster = %s\nlambda-region = eu\n"
	    "%s\n", dir, wrong[_i].line);
	write_conf(text);
	ck_assert_int_eq(snek_target_get(c, note, NULL, &err), SNEK_EFORMAT);
	ck_assert_msg(strstr(err.text, wrong[_i].says) != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, conf) != NULL, "%s", err.text);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, without_a_profile_there_is_none);
	tcase_add_test(t, it_is_found_by_directory_and_by_name);
	tcase_add_test(t, a_new_profile_is_called_as_its_directory);
	tcase_add_test(t, what_is_not_said_stays_as_it_was);
	tcase_add_test(t, the_first_with_a_region_counts);
	tcase_add_test(t, a_name_of_another_cluster_is_not_taken);
	tcase_add_loop_test(t, a_value_that_cannot_be_is_refused, 0,
	    sizeof(bad) / sizeof(*bad));
	tcase_add_loop_test(t, what_is_wrong_in_the_file_is_named, 0,
	    sizeof(wrong) / sizeof(*wrong));
}

int main(void)
{
	return check_main("target", setup);
}
