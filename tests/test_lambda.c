/* SPDX-License-Identifier: MIT */
/* A function at AWS, step by step, whatever goes wrong. */
#include "check_main.h"
#include "lambda_there.h"

#include <stdio.h>
#include <string.h>

#include "aws/module.h"

#define ROLE "arn:aws:iam::123456789012:role/snek"
#define NAME "f"

static struct lambda_there there;
static struct web *web;
static struct sk_aws *aws;
static struct sk_bundle bundle;
static struct sk_lambda_spec spec;
static struct sk_lambda_state state;
static struct snek_error err;
static char said[8192];
static int proofs, proof;               /* proof: what the next one says */

static void say(void *arg, const char *text)
{
	size_t n = strlen(said);

	(void)arg;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

static int prove(void *arg, struct sk_aws *a, const char *name,
    struct snek_error *e)
{
	(void)arg;
	ck_assert_ptr_eq(a, aws);
	ck_assert_str_eq(name, NAME);
	proofs++;
	return proof ? sk_fail(e, proof, "it does not work") : 0;
}

static void set_code(const char *zip)
{
	bundle.zip.n = 0;
	ck_assert(sk_buf_put(&bundle.zip, zip, strlen(zip)));
	snprintf(bundle.code_sha256, sizeof(bundle.code_sha256), "sha-%s",
	    zip);
	memset(bundle.plugin_sha256, zip[strlen(zip) - 1], 64);
	strcpy(bundle.arch, "x86_64");
}

static void set_up(void)
{
	struct sk_aws_options o = { .region = "eu-west-1" };

	memset(&there, 0, sizeof(there));
	memset(&err, 0, sizeof(err));
	bundle.by_s3 = false;
	said[0] = '\0';
	proofs = proof = 0;
	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	web = web_start(lambda_there, &there);
	setenv("AWS_ENDPOINT_URL", web_url(web), 1);
	ck_assert_int_eq(sk_aws_open(&o, &aws, &err), 0);
	set_code("zip1");
	spec = (struct sk_lambda_spec){ .name = NAME, .role = ROLE,
		.bundle = &bundle, .cluster = "c-1", .release = "0.1.0",
		.prove = prove, .said = say, .patience_ms = 20000 };
}

static void tear_down(void)
{
	sk_aws_close(aws);
	web_stop(web);
	sk_buf_free(&bundle.zip);
}

static int put(void)
{
	return sk_lambda_put(aws, &spec, &state, &err);
}

static void puts_it(void)
{
	int rc = put();

	ck_assert_msg(!rc, "%d: %s\n%s", rc, err.text, there.log);
}

static void fails_with(int code, const char *words)
{
	int rc = put();

	ck_assert_msg(rc == code, "%d: %s", rc, rc ? err.text : "");
	ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
}

START_TEST(a_new_one_is_made_proved_published_and_named)
{
	there.settling = 2;
	puts_it();
	ck_assert(state.changed);
	ck_assert_str_eq(state.version, "1");
	ck_assert_str_eq(state.previous, "");
	ck_assert_str_eq(state.arn,
	    "arn:aws:lambda:eu-west-1:123456789012:function:f:1");
	ck_assert_str_eq(state.code_sha256, "sha-zip1");
	ck_assert_str_eq(state.plugin_sha256, bundle.plugin_sha256);
	ck_assert_str_eq(state.arch, "x86_64");
	ck_assert_uint_eq(state.memory_mb, 1769);
	ck_assert_uint_eq(state.timeout_s, 900);
	ck_assert_int_eq(there.creations, 1);
	ck_assert_int_eq(there.alias, 1);
	ck_assert_int_eq(proofs, 1);
	ck_assert_str_eq(there.latest.description, "snek: of the cluster c-1");
	ck_assert_str_eq(there.tags,
	    "{\"snek:version\":\"0.1.0\",\"snek:cluster\":\"c-1\"}");
	ck_assert_msg(strstr(said, "waiting until it is active") != NULL, "%s",
	    said);
}
END_TEST

START_TEST(the_same_again_changes_nothing_and_proves_nothing)
{
	puts_it();
	there.changes = 0;
	puts_it();
	ck_assert(!state.changed);
	ck_assert_str_eq(state.version, "1");
	ck_assert_int_eq(there.changes, 0);
	ck_assert_int_eq(there.versions, 1);
	ck_assert_int_eq(proofs, 1);
	ck_assert_int_eq(sk_lambda_get(aws, NAME, &state, &err), 0);
	ck_assert_str_eq(state.version, "1");
}
END_TEST

START_TEST(other_code_is_a_new_version)
{
	puts_it();
	set_code("zip2");
	there.settling = 1;
	puts_it();
	ck_assert(state.changed);
	ck_assert_str_eq(state.version, "2");
	ck_assert_str_eq(state.previous, "1");
	ck_assert_int_eq(there.code_changes, 1);
	ck_assert_str_eq(there.version[1].sha, "sha-zip1");
	ck_assert_str_eq(there.version[2].sha, "sha-zip2");
	ck_assert_int_eq(there.alias, 2);
}
END_TEST

START_TEST(other_settings_upload_nothing)
{
	puts_it();
	spec.memory_mb = 512;
	spec.timeout_s = 60;
	puts_it();
	ck_assert_int_eq(there.code_changes, 0);
	ck_assert_str_eq(state.version, "2");
	ck_assert_uint_eq(state.memory_mb, 512);
	ck_assert_uint_eq(state.timeout_s, 60);
	spec.memory_mb = spec.timeout_s = 0;    /* as it is */
	puts_it();
	ck_assert(!state.changed);
	ck_assert_uint_eq(state.memory_mb, 512);
}
END_TEST

START_TEST(variables_are_put_beside_what_is_there)
{
	const struct sk_aws_header two[] = { { "A", "1" }, { "B", "x\"y" } };
	const struct sk_aws_header more[] = { { "A", "" }, { "C", "3" } };

	spec.env = two;
	spec.envs = 2;
	puts_it();
	ck_assert_str_eq(there.latest.env, "{\"A\":\"1\",\"B\":\"x\\\"y\"}");
	puts_it();
	ck_assert(!state.changed);
	spec.env = more;
	puts_it();
	ck_assert_str_eq(there.latest.env, "{\"B\":\"x\\\"y\",\"C\":\"3\"}");
	spec.envs = 0;
	puts_it();
	ck_assert(!state.changed);
}
END_TEST

START_TEST(a_network_is_entered_and_kept)
{
	spec.subnets = "subnet-2,subnet-1";
	spec.security_groups = "sg-1";
	puts_it();
	ck_assert_str_eq(there.latest.network, "{\"SubnetIds\":[\"subnet-1\","
	    "\"subnet-2\"],\"SecurityGroupIds\":[\"sg-1\"]}");
	spec.subnets = "subnet-1,subnet-2";
	puts_it();
	ck_assert(!state.changed);
	spec.security_groups = "sg-2";
	puts_it();
	ck_assert(state.changed);
	spec.subnets = NULL;
	puts_it();
	ck_assert(!state.changed);
	spec.subnets = "";
	spec.security_groups = "";
	puts_it();
	ck_assert_str_eq(there.latest.network, "{\"SubnetIds\":[],"
	    "\"SecurityGroupIds\":[]}");
}
END_TEST

START_TEST(what_is_in_a_stack_has_a_log_that_is_kept_so_long)
{
	puts_it();
	ck_assert(!there.logged);
	spec.stack = "mine";
	puts_it();
	ck_assert(there.logged);
	ck_assert_int_eq(there.log_days, 14);
	spec.log_days = 30;
	spec.release = "0.2.0";         /* something else changes, too */
	puts_it();
	ck_assert_int_eq(there.log_days, 30);
}
END_TEST

START_TEST(tags_follow_the_release)
{
	puts_it();
	spec.release = "0.2.0";
	puts_it();
	ck_assert_str_eq(there.tags,
	    "{\"snek:version\":\"0.2.0\",\"snek:cluster\":\"c-1\"}");
	ck_assert_int_eq(there.versions, 1);
	spec.stack = "mine";
	puts_it();
	ck_assert_msg(strstr(there.tags, "\"snek:stack\":\"mine\"}") != NULL,
	    "%s", there.tags);
	spec.stack = NULL;
	puts_it();
	ck_assert(!state.changed);
}
END_TEST

START_TEST(the_last_three_versions_stay)
{
	char zip[16];
	int i;

	for (i = 1; i <= 6; i++) {
		snprintf(zip, sizeof(zip), "zip%d", i);
		set_code(zip);
		puts_it();
	}
	for (i = 1; i <= 6; i++)
		ck_assert_int_eq(*there.version[i].sha != '\0', i > 3);
}
END_TEST

START_TEST(the_alias_goes_back_version_by_version)
{
	char zip[16];
	int i;

	for (i = 1; i <= 3; i++) {
		snprintf(zip, sizeof(zip), "zip%d", i);
		set_code(zip);
		puts_it();
	}
	for (i = 0; i < 2; i++) {       /* repeated it does no more */
		ck_assert_int_eq(sk_lambda_rollback(aws, NAME, "3", &state,
		    &err), 0);
		ck_assert_str_eq(state.version, "2");
		ck_assert_str_eq(state.code_sha256, "sha-zip2");
		ck_assert_int_eq(state.plugin_sha256[0], '2');
		ck_assert_int_eq(there.alias, 2);
	}
	ck_assert_int_eq(sk_lambda_rollback(aws, NAME, "2", &state, &err), 0);
	ck_assert_int_eq(there.alias, 1);
	ck_assert_int_eq(sk_lambda_rollback(aws, NAME, "1", &state, &err),
	    SNEK_ENOENT);
	ck_assert_msg(strstr(err.text, "no version before 1") != NULL, "%s",
	    err.text);
	puts_it();                      /* and forward: nothing is uploaded */
	ck_assert_str_eq(state.version, "3");
	ck_assert_int_eq(there.code_changes, 2);
}
END_TEST

START_TEST(one_is_removed_once)
{
	puts_it();
	ck_assert_int_eq(sk_lambda_remove(aws, NAME, &err), 0);
	ck_assert(!there.exists);
	ck_assert_int_eq(sk_lambda_remove(aws, NAME, &err), 0);
	ck_assert_int_eq(sk_lambda_get(aws, NAME, &state, &err), SNEK_ENOENT);
}
END_TEST

START_TEST(a_dry_run_says_and_changes_nothing)
{
	spec.dry_run = true;
	puts_it();
	ck_assert(state.changed);
	ck_assert_int_eq(there.changes, 0);
	ck_assert_msg(strstr(said, "would create the function f") != NULL, "%s",
	    said);
	spec.dry_run = false;
	puts_it();
	spec.dry_run = true;
	set_code("zip2");
	spec.memory_mb = 256;
	said[0] = '\0';
	puts_it();
	ck_assert(state.changed);
	ck_assert_int_eq(there.changes, 1);
	ck_assert_msg(strstr(said, "would change its code") != NULL, "%s",
	    said);
	ck_assert_msg(strstr(said, "256 MB") != NULL, "%s", said);
	ck_assert_ptr_null(strstr(there.log, "PUT"));
}
END_TEST

START_TEST(one_that_does_not_work_is_not_left_behind)
{
	proof = SNEK_EPLUGIN;
	fails_with(SNEK_EPLUGIN, "does not work");
	ck_assert(!there.exists);
	ck_assert_msg(strstr(said, "is removed again") != NULL, "%s", said);
	proof = 0;
	puts_it();
	proof = SNEK_EPLUGIN;
	set_code("zip2");
	fails_with(SNEK_EPLUGIN, "does not work");
	ck_assert(there.exists);        /* and what worked, works on */
	ck_assert_int_eq(there.alias, 1);
	ck_assert_int_eq(there.versions, 1);
}
END_TEST

START_TEST(one_that_could_not_be_tried_waits_for_the_next_run)
{
	proof = SNEK_EAGAIN;
	fails_with(SNEK_EAGAIN, "does not work");
	ck_assert(there.exists);
	ck_assert_int_eq(there.alias, 0);
	proof = 0;
	puts_it();
	ck_assert_int_eq(there.creations, 1);
	ck_assert_int_eq(there.code_changes, 0);
}
END_TEST

/* ---- what goes wrong for a while ---- */

/* How many requests it takes to make one, and to change it. */
static int count_requests(bool change)
{
	struct lambda_there none = { .settling = 1 };
	int n;

	there = none;
	puts_it();
	n = there.asked;
	if (!change)
		return n;
	set_code("zip2");
	spec.memory_mb = 512;
	puts_it();
	return there.asked - n;
}

static void begin_anew(bool change)
{
	struct lambda_there none = { .settling = 1 };

	there = none;
	set_code("zip1");
	spec.memory_mb = 0;
	if (!change)
		return;
	puts_it();
	set_code("zip2");
	spec.memory_mb = 512;
	there.asked = 0;
}

static void is_whole(bool change)
{
	const char *version = change ? "2" : "1";

	ck_assert_str_eq(state.version, version);
	ck_assert_int_eq(there.alias, atoi(version));
	ck_assert_int_eq(there.versions, atoi(version));
	ck_assert_int_eq(there.creations, 1);
	ck_assert_str_eq(there.latest.sha, change ? "sha-zip2" : "sha-zip1");
	ck_assert_int_eq(there.latest.memory, change ? 512 : 1769);
}

static const struct {
	enum lambda_fault kind;
	unsigned status;
	const char *type;
	int times, every;
} passing[] = {
	{ FAULT_STATUS, 429, "TooManyRequestsException", 1, 5 },
	{ FAULT_STATUS, 500, "ServiceException", 4, 3 },
	{ FAULT_STATUS, 503, "ServiceUnavailable", 2, 2 },
	{ FAULT_DROP, 0, NULL, 1, 1 },
	{ FAULT_LOST, 0, NULL, 1, 1 },
};

/* Whichever request it is, it is asked again; where that takes long, not all
 * are tried. */
START_TEST(what_passes_is_waited_for)
{
	bool change = _i % 2;
	int n = count_requests(change), i;

	for (i = 0; i < n; i += passing[_i / 2].every) {
		begin_anew(change);
		there.fault.kind = passing[_i / 2].kind;
		there.fault.status = passing[_i / 2].status;
		there.fault.type = passing[_i / 2].type;
		there.fault.times = passing[_i / 2].times;
		there.fault.message = "later";
		there.fault.at = i;
		puts_it();
		is_whole(change);
	}
}
END_TEST

/* As if it had been killed at that request: before, or after it was taken. */
static void break_off(int at, bool lost)
{
	there.fault.kind = lost ? FAULT_BODY : FAULT_STATUS;
	there.fault.body = "nonsense";
	there.fault.status = 400;
	there.fault.type = "X";
	there.fault.message = "no";
	there.fault.at = at;
	there.fault.times = 1000;
	put();
	there.fault.kind = FAULT_NONE;
}

START_TEST(what_was_begun_is_finished_by_the_next)
{
	bool change = _i % 2, lost = _i / 2;
	int n = count_requests(change), i;

	for (i = 0; i < n; i++) {
		begin_anew(change);
		break_off(i, lost);
		puts_it();
		is_whole(change);
	}
}
END_TEST

START_TEST(a_role_is_waited_for_as_long_as_roles_take)
{
	there.role_unknown = 3;
	puts_it();
	ck_assert_msg(strstr(said, "until Lambda knows the role") != NULL, "%s",
	    said);
	there = (struct lambda_there){ .role_unknown = 1000000 };
	spec.patience_ms = 800;
	fails_with(SNEK_EACCES, "cannot assume the role " ROLE);
	ck_assert_msg(strstr(err.text, "; is it there") != NULL, "%s", err.text);
	ck_assert(!there.exists);
}
END_TEST

START_TEST(what_is_never_ready_ends_with_patience)
{
	there.settling = 1000000;
	spec.patience_ms = 300;
	fails_with(SNEK_ETIMEDOUT, "still Pending; the same command goes on");
}
END_TEST

/* ---- what goes wrong for good ---- */

START_TEST(a_change_that_fails_says_why)
{
	puts_it();
	set_code("zip2");
	there.fails = true;
	fails_with(SNEK_EIO, "InvalidZip: the zip is odd");
	ck_assert_int_eq(there.alias, 1);
	there.fails = false;            /* the next run pushes it again */
	puts_it();
	ck_assert_str_eq(state.version, "2");
}
END_TEST

START_TEST(a_function_of_somebody_else_is_let_be)
{
	puts_it();
	strcpy(there.latest.description, "mine");
	there.changes = 0;
	fails_with(SNEK_EEXIST, "that snek did not make; remove it");
	ck_assert_int_eq(sk_lambda_remove(aws, NAME, &err), SNEK_EEXIST);
	ck_assert(there.exists);
}
END_TEST

START_TEST(one_that_is_deleted_meanwhile_is_told)
{
	puts_it();
	set_code("zip2");
	there.vanishes = true;
	fails_with(SNEK_ENOENT, "deleted it meanwhile; the same command");
	there.alias = there.versions = 0;
	there.creations = 0;
	puts_it();
	ck_assert_int_eq(there.creations, 1);
}
END_TEST

START_TEST(a_new_one_needs_a_role)
{
	spec.role = NULL;
	fails_with(SNEK_EINVAL, "; name it with --role");
	spec.role = ROLE;
	puts_it();
	spec.role = NULL;
	puts_it();                      /* that of the function there */
	ck_assert_str_eq(state.role, ROLE);
}
END_TEST

static const struct {
	unsigned status;
	const char *type, *message;
	int code;
	const char *says;
} refusals[] = {
	{ 403, "AccessDeniedException", "User: x is not authorized to perform: "
	  "lambda:GetFunction", SNEK_EACCES, "AccessDenied" },
	{ 403, "ExpiredTokenException", "The security token is expired",
	  SNEK_EACCES, "ExpiredToken" },
	{ 400, "InvalidParameterValueException", "Unzipped size must be smaller "
	  "than 262144000 bytes", SNEK_ELIMIT, "over 250 MB unzipped; " },
	{ 400, "CodeStorageExceededException", "Code storage limit exceeded.",
	  SNEK_ELIMIT, "75 GB); remove" },
	{ 413, "RequestEntityTooLargeException", "Request must be smaller",
	  SNEK_ELIMIT, "too large for AWS; " },
};

START_TEST(a_refusal_is_told_and_nothing_is_left)
{
	there.fault.kind = FAULT_STATUS;
	there.fault.status = refusals[_i].status;
	there.fault.type = refusals[_i].type;
	there.fault.message = refusals[_i].message;
	there.fault.at = refusals[_i].code == SNEK_EACCES ? 0 : 1;
	there.fault.times = 1;
	fails_with(refusals[_i].code, refusals[_i].says);
	ck_assert(!there.exists);
}
END_TEST

static const char *const foreign[] = {
	"<html>welcome</html>", "[]", "{}", "{\"Configuration\":{}}", "17",
	"{\"Configuration\":{\"FunctionArn\":\"arn:x\"}}",
};

START_TEST(an_answer_that_is_not_lambdas_is_told)
{
	puts_it();
	there.fault.kind = FAULT_BODY;
	there.fault.body = foreign[_i];
	there.fault.at = 0;
	there.fault.times = 1000;
	fails_with(SNEK_EFORMAT, "is the endpoint right?");
}
END_TEST

/* ---- through a bucket ---- */

static void set_big(void)
{
	set_code("big");
	bundle.by_s3 = true;
}

START_TEST(a_large_zip_goes_through_a_bucket_of_our_own)
{
	set_big();
	puts_it();
	ck_assert(there.bucket);
	ck_assert(!there.object);
	ck_assert_int_eq(there.uploads, 1);
	ck_assert_msg(strstr(there.log, "PUT /snek-code-123456789012-eu-west-1/"
	    "snek/f/sha-big.zip\n") != NULL, "%s", there.log);
	puts_it();
	ck_assert(!state.changed);
	ck_assert_int_eq(there.uploads, 1);
}
END_TEST

/* At any request: it was not taken, or its answer was nonsense; and then the
 * next run.  Nothing is left in the bucket. */
START_TEST(a_large_zip_that_was_broken_off_goes_on)
{
	struct lambda_there none = { .settling = 1 };
	int n, i;

	there = none;
	set_big();
	puts_it();
	n = there.asked;
	for (i = 0; i < n; i++) {
		there = none;
		break_off(i, _i);
		puts_it();
		ck_assert_int_eq(there.creations, 1);
		ck_assert_int_eq(there.alias, 1);
		ck_assert_str_eq(there.latest.sha, "sha-big");
		ck_assert_msg(!there.object, "request %d: %s", i, there.log);
	}
}
END_TEST

START_TEST(a_large_zip_of_a_function_that_is_refused_is_taken_away)
{
	set_big();
	there.fault.kind = FAULT_STATUS;
	there.fault.at = 4;             /* it is made, as below */
	there.fault.times = 1;
	there.fault.status = 400;
	there.fault.type = "InvalidParameterValueException";
	there.fault.message = "no";
	fails_with(SNEK_EINVAL, "CreateFunction");
	ck_assert_int_eq(there.uploads, 1);
	ck_assert(!there.exists && !there.object);
}
END_TEST

START_TEST(a_named_bucket_must_be_there)
{
	set_big();
	spec.bucket = "mine";
	fails_with(SNEK_ENOENT, "there is no bucket mine; name one that is in");
	ck_assert(!there.exists);
	there.bucket = true;
	puts_it();
	ck_assert_msg(strstr(there.log, "PUT /mine/snek/f/sha-big.zip\n") !=
	    NULL, "%s", there.log);
}
END_TEST

START_TEST(a_bucket_of_somebody_else_gets_nothing)
{
	set_big();
	there.bucket = there.foreign_bucket = true;
	ck_assert_int_eq(put(), SNEK_EACCES);
	ck_assert(!there.object);
	ck_assert(!there.exists);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, a_new_one_is_made_proved_published_and_named);
	tcase_add_test(t, the_same_again_changes_nothing_and_proves_nothing);
	tcase_add_test(t, other_code_is_a_new_version);
	tcase_add_test(t, other_settings_upload_nothing);
	tcase_add_test(t, variables_are_put_beside_what_is_there);
	tcase_add_test(t, a_network_is_entered_and_kept);
	tcase_add_test(t, what_is_in_a_stack_has_a_log_that_is_kept_so_long);
	tcase_add_test(t, tags_follow_the_release);
	tcase_add_test(t, the_last_three_versions_stay);
	tcase_add_test(t, the_alias_goes_back_version_by_version);
	tcase_add_test(t, one_is_removed_once);
	tcase_add_test(t, a_dry_run_says_and_changes_nothing);
	tcase_add_test(t, one_that_does_not_work_is_not_left_behind);
	tcase_add_test(t,
	    one_that_could_not_be_tried_waits_for_the_next_run);
	tcase_add_loop_test(t, what_passes_is_waited_for, 0,
	    2 * sizeof(passing) / sizeof(*passing));
	tcase_add_loop_test(t, what_was_begun_is_finished_by_the_next, 0, 4);
	tcase_add_test(t, a_role_is_waited_for_as_long_as_roles_take);
	tcase_add_test(t, what_is_never_ready_ends_with_patience);
	tcase_add_test(t, a_change_that_fails_says_why);
	tcase_add_test(t, a_function_of_somebody_else_is_let_be);
	tcase_add_test(t, one_that_is_deleted_meanwhile_is_told);
	tcase_add_test(t, a_new_one_needs_a_role);
	tcase_add_loop_test(t, a_refusal_is_told_and_nothing_is_left, 0,
	    sizeof(refusals) / sizeof(*refusals));
	tcase_add_loop_test(t, an_answer_that_is_not_lambdas_is_told, 0,
	    sizeof(foreign) / sizeof(*foreign));
	tcase_add_test(t, a_large_zip_goes_through_a_bucket_of_our_own);
	tcase_add_loop_test(t, a_large_zip_that_was_broken_off_goes_on, 0, 2);
	tcase_add_test(t,
	    a_large_zip_of_a_function_that_is_refused_is_taken_away);
	tcase_add_test(t, a_named_bucket_must_be_there);
	tcase_add_test(t, a_bucket_of_somebody_else_gets_nothing);
}

int main(void)
{
	return check_main("lambda", setup);
}
