/* SPDX-License-Identifier: MIT */
/* Which profile, region and endpoint it is, from real files. */
#include "check_main.h"
#include "tempdir.h"

#include "aws/endpoint.h"

static char dir[64];

static const char config[] =
    "[default]\nregion = eu-west-1\nservices = local\n"
    "[profile default]\nregion = eu-west-2\n"
    "[profile work]\nregion = us-east-1\nendpoint_url = http://e:1/\n"
    "services = local\nmax_attempts = 5\n"
    "[profile plain]\nendpoint_url = http://e:1/\n"
    "[services local]\nlambda =\n  endpoint_url = http://l:2\n"
    "cloudwatch_logs =\n  endpoint_url = http://logs:3/base/\n";
static const char credentials[] =
    "[work]\nregion = us-west-2\n[other]\naws_access_key_id = A\n";

static void clear(void)
{
	static const char *const names[] = { "AWS_REGION", "AWS_PROFILE",
		"AWS_DEFAULT_REGION", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE",
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL",
		"AWS_ENDPOINT_URL_LAMBDA", "AWS_USE_FIPS_ENDPOINT",
		"AWS_USE_DUALSTACK_ENDPOINT", "AWS_MAX_ATTEMPTS",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", NULL };
	int i;

	for (i = 0; names[i]; i++)
		unsetenv(names[i]);
}

static void start(void)
{
	char path[100];

	clear();
	tempdir_make(dir);
	setenv("HOME", dir, 1);
	snprintf(path, sizeof(path), "%s/.aws", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/.aws/config", dir);
	file_write(path, config, sizeof(config) - 1);
	snprintf(path, sizeof(path), "%s/.aws/credentials", dir);
	file_write(path, credentials, sizeof(credentials) - 1);
}

static void stop(void)
{
	tempdir_remove(dir);
}

static void open_settings(struct sk_settings *s, const char *profile,
    const char *region, const char *endpoint)
{
	struct sk_aws_options o = { .profile = profile, .region = region,
		.endpoint = endpoint };
	struct snek_error e = { 0 };

	ck_assert_msg(sk_settings_open(&o, s, &e) == 0, "%s", e.text);
}

static void check_region(const char *profile, const char *region,
    const char *is)
{
	struct sk_settings s;

	open_settings(&s, profile, region, NULL);
	if (is)
		ck_assert_str_eq(s.region, is);
	else
		ck_assert_ptr_null(s.region);
	sk_settings_close(&s);
}

START_TEST(the_region_is_the_option_the_environment_or_the_profile)
{
	check_region(NULL, NULL, "eu-west-2");
	check_region("work", NULL, "us-west-2");        /* credentials first */
	check_region("plain", NULL, NULL);
	setenv("AWS_PROFILE", "work", 1);
	check_region(NULL, NULL, "us-west-2");
	check_region("plain", NULL, NULL);
	setenv("AWS_DEFAULT_REGION", "ap-south-1", 1);
	check_region(NULL, NULL, "ap-south-1");
	setenv("AWS_REGION", "ca-central-1", 1);
	check_region(NULL, NULL, "ca-central-1");
	check_region(NULL, "sa-east-1", "sa-east-1");
}
END_TEST

static const char *const no_regions[] = { "EU", "a b", "x/../y", "-a",
	"evil.example.com#", "region-of-more-than-thirty-one-letters" };

START_TEST(a_region_that_cannot_be_part_of_a_name_is_refused)
{
	struct sk_aws_options o = { .region = no_regions[_i] };
	struct sk_settings s;
	struct snek_error e;

	ck_assert_int_eq(sk_settings_open(&o, &s, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "is no region"));
}
END_TEST

START_TEST(a_profile_that_is_nowhere_is_named)
{
	struct sk_aws_options o = { .profile = "nobody" };
	struct sk_settings s;
	struct snek_error e;

	ck_assert_int_eq(sk_settings_open(&o, &s, &e), SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "no AWS profile \"nobody\" in "));
	ck_assert_ptr_nonnull(strstr(e.text, "/.aws/config or "));
}
END_TEST

START_TEST(files_may_be_elsewhere_or_nowhere)
{
	char path[100];
	struct sk_settings s;

	snprintf(path, sizeof(path), "%s/other", dir);
	file_write(path, "[profile x]\nregion = eu-north-1\n", 32);
	setenv("AWS_CONFIG_FILE", "~/other", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/at/all", 1);
	check_region("x", NULL, "eu-north-1");
	unsetenv("HOME");
	setenv("AWS_CONFIG_FILE", path, 1);
	check_region("x", NULL, "eu-north-1");
	unsetenv("AWS_CONFIG_FILE");
	unsetenv("AWS_SHARED_CREDENTIALS_FILE");
	open_settings(&s, NULL, NULL, NULL);
	ck_assert_str_eq(s.profile, "default");
	sk_settings_close(&s);
}
END_TEST

START_TEST(a_broken_file_is_an_error_with_its_line)
{
	struct sk_aws_options o = { 0 };
	struct sk_settings s;
	struct snek_error e;
	char path[100];

	snprintf(path, sizeof(path), "%s/.aws/config", dir);
	file_write(path, "[default]\nregion\n", 17);
	ck_assert_int_eq(sk_settings_open(&o, &s, &e), SNEK_EFORMAT);
	ck_assert_ptr_nonnull(strstr(e.text, "/.aws/config:2: "));
}
END_TEST

START_TEST(numbers_are_checked)
{
	struct sk_settings s;
	struct snek_error e;
	uint32_t n;

	open_settings(&s, "work", NULL, NULL);
	ck_assert_int_eq(sk_settings_number(&s, "AWS_MAX_ATTEMPTS",
	    "max_attempts", 100, &n, &e), 0);
	ck_assert_uint_eq(n, 5);
	setenv("AWS_MAX_ATTEMPTS", "7", 1);
	ck_assert_int_eq(sk_settings_number(&s, "AWS_MAX_ATTEMPTS",
	    "max_attempts", 100, &n, &e), 0);
	ck_assert_uint_eq(n, 7);
	setenv("AWS_MAX_ATTEMPTS", "-1", 1);
	ck_assert_int_eq(sk_settings_number(&s, "AWS_MAX_ATTEMPTS",
	    "max_attempts", 100, &n, &e), SNEK_EINVAL);
	sk_settings_close(&s);
}
END_TEST

/* ---- endpoints ---- */

static void check_url(const struct sk_settings *s, const char *service,
    const char *url)
{
	struct sk_endpoint e;
	struct snek_error why = { 0 };

	ck_assert_msg(sk_endpoint_find(s, service, &e, &why) == 0, "%s", why.text);
	ck_assert_str_eq(e.url, url);
}

START_TEST(an_endpoint_is_the_most_special_one_that_is_written_down)
{
	struct sk_settings s;

	open_settings(&s, "work", NULL, NULL);
	check_url(&s, "lambda", "http://l:2");
	check_url(&s, "logs", "http://logs:3/base");
	check_url(&s, "s3", "http://e:1");
	setenv("AWS_ENDPOINT_URL", "http://all:4", 1);
	check_url(&s, "lambda", "http://all:4");
	setenv("AWS_ENDPOINT_URL_LAMBDA", "http://mine:5//", 1);
	check_url(&s, "lambda", "http://mine:5");
	check_url(&s, "s3", "http://all:4");
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	check_url(&s, "lambda", "https://lambda.us-west-2.amazonaws.com");
	sk_settings_close(&s);
	open_settings(&s, "work", NULL, "http://flag:6");
	check_url(&s, "lambda", "http://flag:6");
	sk_settings_close(&s);
}
END_TEST

static const char *const no_urls[] = { "localhost:4566", "ftp://x", "http://a?b",
	"https://a b", "" };

START_TEST(an_endpoint_is_a_url)
{
	struct sk_settings s;
	struct sk_endpoint out;
	struct snek_error e;

	open_settings(&s, NULL, NULL, no_urls[_i]);
	ck_assert_int_eq(sk_endpoint_find(&s, "s3", &out, &e), SNEK_EINVAL);
	sk_settings_close(&s);
}
END_TEST

START_TEST(without_a_region_the_ways_to_say_one_are_told)
{
	struct sk_settings s;
	struct sk_endpoint out;
	struct snek_error e;

	open_settings(&s, "plain", NULL, NULL);
	ck_assert_int_eq(sk_endpoint_find(&s, "s3", &out, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "--region"));
	ck_assert_ptr_nonnull(strstr(e.text, "AWS_REGION"));
	ck_assert_ptr_nonnull(strstr(e.text, "profile \"plain\""));
	sk_settings_close(&s);
}
END_TEST

static const struct {
	const char *service, *region;
	bool fips, dual;
	const char *url, *signing, *signed_in;
} own[] = {
	{ "apigatewayv2", "eu-west-1", false, false,
	    "https://apigateway.eu-west-1.amazonaws.com", "apigateway",
	    "eu-west-1" },
	{ "iam", "eu-west-1", false, false, "https://iam.amazonaws.com", "iam",
	    "us-east-1" },
	{ "iam", "us-gov-east-1", false, false,
	    "https://iam.us-gov.amazonaws.com", "iam", "us-gov-west-1" },
	{ "lambda", "cn-north-1", false, false,
	    "https://lambda.cn-north-1.amazonaws.com.cn", "lambda",
	    "cn-north-1" },
	{ "lambda", "eu-west-1", true, false,
	    "https://lambda-fips.eu-west-1.amazonaws.com", "lambda",
	    "eu-west-1" },
	{ "lambda", "eu-west-1", true, true,
	    "https://lambda-fips.eu-west-1.api.aws", "lambda", "eu-west-1" },
	{ "s3", "eu-west-1", false, true,
	    "https://s3.dualstack.eu-west-1.amazonaws.com", "s3", "eu-west-1" },
	{ "sts", "us-gov-west-1", true, false,
	    "https://sts.us-gov-west-1.amazonaws.com", "sts", "us-gov-west-1" },
	{ "secretsmanager", "eu-west-1", true, true,
	    "https://secretsmanager-fips.eu-west-1.amazonaws.com",
	    "secretsmanager", "eu-west-1" },
	{ "sso", "eu-west-1", false, false,
	    "https://portal.sso.eu-west-1.amazonaws.com", "awsssoportal",
	    "eu-west-1" },
};

START_TEST(else_it_is_where_aws_has_the_service)
{
	struct sk_settings s;
	struct sk_endpoint e;

	setenv("AWS_USE_FIPS_ENDPOINT", own[_i].fips ? "true" : "false", 1);
	setenv("AWS_USE_DUALSTACK_ENDPOINT", own[_i].dual ? "true" : "false", 1);
	open_settings(&s, "other", own[_i].region, NULL);
	ck_assert_int_eq(sk_endpoint_find(&s, own[_i].service, &e, NULL), 0);
	ck_assert_str_eq(e.url, own[_i].url);
	ck_assert_str_eq(e.signing, own[_i].signing);
	ck_assert_str_eq(e.region, own[_i].signed_in);
	sk_settings_close(&s);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t,
	    the_region_is_the_option_the_environment_or_the_profile);
	tcase_add_loop_test(t,
	    a_region_that_cannot_be_part_of_a_name_is_refused, 0, 6);
	tcase_add_test(t, a_profile_that_is_nowhere_is_named);
	tcase_add_test(t, files_may_be_elsewhere_or_nowhere);
	tcase_add_test(t, a_broken_file_is_an_error_with_its_line);
	tcase_add_test(t, numbers_are_checked);
	tcase_add_test(t,
	    an_endpoint_is_the_most_special_one_that_is_written_down);
	tcase_add_loop_test(t, an_endpoint_is_a_url, 0, 5);
	tcase_add_test(t, without_a_region_the_ways_to_say_one_are_told);
	tcase_add_loop_test(t, else_it_is_where_aws_has_the_service, 0,
	    sizeof(own) / sizeof(*own));
}

int main(void)
{
	return check_main("settings", setup);
}
