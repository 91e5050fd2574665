/* SPDX-License-Identifier: MIT */
/* Who we are to AWS: each place that may know, with real files, and servers on
 * loopback in place of STS, SSO, a container's agent and an instance's. */
#include "check_main.h"
#include "tempdir.h"
#include "web.h"

#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

#include "aws/cred.h"
#include "base/clock.h"
#include "netns.h"

static char dir[64];
static struct web *web;

/* What the server was asked last, and what it is to say. */
static struct {
	char line[200], body[4000], authorization[400], header[200];
	unsigned status, fail_first;
	const char *reply;
	char *expires;
} heard;

/* ---- the world ---- */

__attribute__((format(printf, 2, 3)))
static void put_file(const char *name, const char *fmt, ...)
{
	char path[200], text[4000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file_write(path, text, strlen(text));
	chmod(path, 0700);
}

static void start(void)
{
	char path[100];

	clearenv();
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	/* Nobody asks this one for addresses that are near. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	tempdir_make(dir);
	setenv("HOME", dir, 1);
	snprintf(path, sizeof(path), "%s/.aws", dir);
	mkdir(path, 0700);
}

static void stop(void)
{
	if (web)
		web_stop(web);
	web = NULL;
	tempdir_remove(dir);
}

static void copy(char *to, size_t n, const char *from)
{
	snprintf(to, n, "%s", from ? from : "");
}

static void hear(const struct web_request *r)
{
	snprintf(heard.line, sizeof(heard.line), "%s %s", r->method, r->target);
	copy(heard.body, sizeof(heard.body), r->body);
	copy(heard.authorization, sizeof(heard.authorization),
	    web_header(r, "authorization"));
}

/* ---- questions ---- */

static int find(const char *profile, struct sk_cred *c, struct snek_error *e)
{
	struct sk_aws_options o = { .profile = profile };
	struct sk_settings s;
	int rc = sk_settings_open(&o, &s, e);

	if (rc)
		return rc;
	rc = sk_cred_find(&s, c, e);
	sk_settings_close(&s);
	return rc;
}

static void check_found(const char *profile, const char *key_id,
    const char *token, const char *source)
{
	struct snek_error e = { 0 };
	struct sk_cred c;

	ck_assert_msg(find(profile, &c, &e) == 0, "%s", e.text);
	ck_assert_str_eq(c.key_id, key_id);
	ck_assert_str_eq(c.secret, "hidden");
	if (token)
		ck_assert_str_eq(c.token, token);
	else
		ck_assert_ptr_null(c.token);
	ck_assert_msg(strstr(c.source, source) != NULL, "%s", c.source);
	sk_cred_free(&c);
}

/* Whatever the message, no secret is in it. */
static void check_refused(const char *profile, int code, const char *says)
{
	struct snek_error e = { 0 };
	struct sk_cred c;
	int rc = find(profile, &c, &e);

	ck_assert_msg(rc == code, "%d: %s", rc, e.text);
	ck_assert_msg(strstr(e.text, says) != NULL, "%s", e.text);
	ck_assert_ptr_null(strstr(e.text, "hidden"));
	ck_assert_ptr_null(strstr(e.text, "session1"));
}

/* ---- written down ---- */

#define KEYS "aws_access_key_id = %s\naws_secret_access_key = hidden\n"

START_TEST(nothing_anywhere_lists_the_places)
{
	check_refused(NULL, SNEK_EACCES, "no credentials for AWS");
	check_refused(NULL, SNEK_EACCES, "environment: no AWS_ACCESS_KEY_ID");
	check_refused(NULL, SNEK_EACCES, "role: no role_arn");
	check_refused(NULL, SNEK_EACCES, "web identity: ");
	check_refused(NULL, SNEK_EACCES, "SSO: ");
	check_refused(NULL, SNEK_EACCES, "/.aws/credentials: ");
	check_refused(NULL, SNEK_EACCES, "no credential_process");
	check_refused(NULL, SNEK_EACCES, "/.aws/config: ");
	check_refused(NULL, SNEK_EACCES, "no container");
	check_refused(NULL, SNEK_EACCES, "instance metadata: disabled");
}
END_TEST

START_TEST(keys_come_from_environment_then_files)
{
	put_file(".aws/config", "[default]\n" KEYS "[profile c]\n" KEYS
	    "aws_session_token = session1\n", "CONFIG", "C");
	check_found(NULL, "CONFIG", NULL, "/.aws/config");
	check_found("c", "C", "session1", "profile c of");
	put_file(".aws/credentials", "[default]\n" KEYS "[c]\n" KEYS, "SHARED",
	    "D");
	check_found(NULL, "SHARED", NULL, "/.aws/credentials");
	check_found("c", "D", NULL, "/.aws/credentials");
	setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	check_refused(NULL, SNEK_EACCES, "half a pair of keys");
	setenv("AWS_SECRET_ACCESS_KEY", "hidden", 1);
	check_found(NULL, "ENV", NULL, "environment");
	setenv("AWS_SESSION_TOKEN", "session1", 1);
	check_found(NULL, "ENV", "session1", "environment");
	setenv("AWS_PROFILE", "c", 1);
	check_found(NULL, "ENV", "session1", "environment");
	check_found("c", "D", NULL, "/.aws/credentials");       /* --profile */
}
END_TEST

START_TEST(keys_that_no_header_holds_are_refused)
{
	setenv("AWS_ACCESS_KEY_ID", "A\r\nX: y", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hidden", 1);
	check_refused(NULL, SNEK_EACCES, "other characters that none has");
}
END_TEST

START_TEST(what_aws_login_leaves_is_another_tools_to_read)
{
	put_file(".aws/config", "[default]\nlogin_session = arn:aws:x\n");
	check_refused(NULL, SNEK_EACCES, "credential_process = aws configure "
	    "export-credentials --profile default");
}
END_TEST

/* ---- a process ---- */

static void put_process(const char *script)
{
	put_file("say it", "#!/bin/sh\n%s", script);
	put_file(".aws/config", "[default]\ncredential_process = \"%s/say it\" "
	    "'$HOME `x`' b\\ c\n", dir);
}

START_TEST(a_process_prints_keys_and_sees_no_shell)
{
	put_process("test \"$1\" = '$HOME `x`' && test \"$2\" = 'b c' || exit 9\n"
	    "echo hello >&2\n"
	    "cat <<'EOF'\n{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":"
	    "\"hidden\",\"SessionToken\":\"session1\","
	    "\"Expiration\":\"2999-01-01T00:00:00Z\"}\nEOF\n");
	check_found(NULL, "P", "session1", "credential_process of profile default");
}
END_TEST

static const struct {
	const char *script, *says;
} processes[] = {
	{ "exit 3\n", "it ended with status 3" },
	{ "kill -9 $$\n", "signal 9 ended it" },
	{ "echo hidden\n", "it printed no JSON" },
	{ "echo '{\"AccessKeyId\":\"hidden\"}'\n", "no \"Version\": 1" },
	{ "echo '{\"Version\":1,\"AccessKeyId\":\"hidden\"}'\n",
	    "half a pair of keys" },
	{ "echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":"
	    "\"hidden\",\"Expiration\":\"2001-01-01T00:00:00Z\"}'\n",
	    "what it printed has expired" },
	{ "echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":"
	    "\"hidden\",\"Expiration\":\"tomorrow\"}'\n",
	    "Expiration is no time" },
	{ "while :; do echo hiddenhiddenhidden; done\n", "it printed more than" },
};

START_TEST(what_a_process_does_wrong_is_said_and_not_what_it_printed)
{
	put_process(processes[_i].script);
	check_refused(NULL, SNEK_EACCES, processes[_i].says);
	check_refused(NULL, SNEK_EACCES, "credential_process of profile default");
}
END_TEST

START_TEST(a_process_that_is_not_there_is_said)
{
	put_file(".aws/config", "[default]\ncredential_process = /no/such hidden\n");
	check_refused(NULL, SNEK_EACCES, "/no/such: No such file");
	put_file(".aws/config", "[default]\ncredential_process = \"half\n");
	check_refused(NULL, SNEK_EINVAL, "a quote is not closed");
}
END_TEST

/* Whoever embeds us may ignore SIGCHLD. */
START_TEST(a_process_is_heard_where_children_are_ignored)
{
	signal(SIGCHLD, SIG_IGN);
	put_process("cat <<'EOF'\n{\"Version\":1,\"AccessKeyId\":\"P\","
	    "\"SecretAccessKey\":\"hidden\"}\nEOF\n");
	check_found(NULL, "P", NULL, "credential_process");
}
END_TEST

/* ---- roles ---- */

static void sts(void *arg, const struct web_request *r, struct web_answer *a)
{
	static char text[1000];
	const char *action = strstr(r->body, "WebIdentity&") ?
	    "AssumeRoleWithWebIdentity" : "AssumeRole";
	const char *role = strstr(r->body, "role%2F");

	(void)arg;
	hear(r);
	if (heard.status) {
		a->status = heard.status;
		a->body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>"
		    "not you</Message></Error><RequestId>q</RequestId>"
		    "</ErrorResponse>";
		return;
	}
	snprintf(text, sizeof(text), "<%sResponse xmlns=\"https://x/\"><%sResult>"
	    "<Credentials><AccessKeyId>%.1s</AccessKeyId><SecretAccessKey>"
	    "hidden</SecretAccessKey><SessionToken>session1</SessionToken>"
	    "<Expiration>%s</Expiration></Credentials></%sResult></%sResponse>",
	    action, action, role ? role + 7 : "?",
	    heard.expires ? heard.expires : "2999-01-01T00:00:00Z", action,
	    action);
	a->body = text;
}

static void start_sts(void)
{
	web = web_start(sts, NULL);
	setenv("AWS_ENDPOINT_URL_STS", web_url(web), 1);
}

START_TEST(a_role_is_assumed_by_another_profile)
{
	start_sts();
	put_file(".aws/config", "[profile r]\nrole_arn = arn:aws:iam::1:role/R\n"
	    "source_profile = base\nexternal_id = x/1\nduration_seconds = 3600\n"
	    "role_session_name = me\nregion = eu-west-1\n");
	put_file(".aws/credentials", "[base]\n" KEYS, "BASE");
	check_found("r", "R", "session1", "profile r, role arn:aws:iam::1:role/R");
	ck_assert_str_eq(heard.line, "POST /");
	ck_assert_str_eq(heard.body, "Action=AssumeRole&Version=2011-06-15&"
	    "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2FR&DurationSeconds=3600&"
	    "ExternalId=x%2F1&RoleSessionName=me");
	ck_assert_ptr_nonnull(strstr(heard.authorization, "Credential=BASE/"));
	ck_assert_ptr_nonnull(strstr(heard.authorization,
	    "/eu-west-1/sts/aws4_request"));
}
END_TEST

START_TEST(a_session_is_kept_until_it_is_about_to_end)
{
	struct sk_cred c;
	struct snek_error e;
	char path[300], soon[30];
	struct stat st;
	time_t t = time(NULL) + 600;

	start_sts();
	setenv("XDG_CACHE_HOME", dir, 1);
	put_file(".aws/config", "[profile r]\nrole_arn = arn:aws:iam::1:role/R\n"
	    "source_profile = base\n[profile s]\nrole_arn = "
	    "arn:aws:iam::1:role/S\nsource_profile = base\n");
	put_file(".aws/credentials", "[base]\n" KEYS, "BASE");
	check_found("r", "R", "session1", "role");
	check_found("r", "R", "session1", "role");
	ck_assert_uint_eq(web_requests(web), 1);
	snprintf(path, sizeof(path), "%s/snek", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	check_found("s", "S", "session1", "role");
	ck_assert_uint_eq(web_requests(web), 2);
	/* One that ends in ten minutes is asked for again. */
	strftime(soon, sizeof(soon), "%Y-%m-%dT%H:%M:%SZ", gmtime(&t));
	heard.expires = soon;
	put_file(".aws/config", "[profile t]\nrole_arn = arn:aws:iam::1:role/T\n"
	    "source_profile = base\n");
	ck_assert_int_eq(find("t", &c, &e), 0);
	ck_assert_int_eq(c.expires, t);
	sk_cred_free(&c);
	check_found("t", "T", "session1", "role");
	ck_assert_uint_eq(web_requests(web), 4);
}
END_TEST

static char *the_cache_file(char *path, size_t n)
{
	FILE *f;
	char command[300];

	snprintf(command, sizeof(command), "ls %s/snek/aws-role-*.json", dir);
	f = popen(command, "r");
	ck_assert_ptr_nonnull(fgets(path, (int)n, f));
	pclose(f);
	path[strcspn(path, "\n")] = '\0';
	return path;
}

START_TEST(a_kept_session_that_others_could_have_written_is_not_taken)
{
	char path[300];
	struct stat st;

	start_sts();
	setenv("XDG_CACHE_HOME", dir, 1);
	put_file(".aws/config", "[profile r]\nrole_arn = arn:aws:iam::1:role/R\n"
	    "source_profile = base\n");
	put_file(".aws/credentials", "[base]\n" KEYS, "BASE");
	check_found("r", "R", "session1", "role");
	the_cache_file(path, sizeof(path));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	chmod(path, 0620);
	check_found("r", "R", "session1", "role");
	ck_assert_uint_eq(web_requests(web), 2);
	file_write(path, "{\"AccessKeyId\": \"half", 21);
	chmod(path, 0600);
	check_found("r", "R", "session1", "role");
	ck_assert_uint_eq(web_requests(web), 3);
}
END_TEST

START_TEST(roles_go_through_roles)
{
	start_sts();
	put_file(".aws/config", "[profile a]\nrole_arn = arn:aws:iam::1:role/A\n"
	    "source_profile = b\n[profile b]\nrole_arn = arn:aws:iam::1:role/B\n"
	    "source_profile = b\n" KEYS, "KEY");
	check_found("a", "A", "session1", "role/A");
	ck_assert_uint_eq(web_requests(web), 2);
	ck_assert_ptr_nonnull(strstr(heard.authorization, "Credential=B/"));
	ck_assert_ptr_nonnull(strstr(heard.authorization,
	    "x-amz-security-token"));
}
END_TEST

START_TEST(roles_that_go_in_circles_are_refused)
{
	put_file(".aws/config", "[profile a]\nrole_arn = arn:1\n"
	    "source_profile = b\n[profile b]\nrole_arn = arn:2\n"
	    "source_profile = c\n[profile c]\nrole_arn = arn:3\n"
	    "source_profile = a\n");
	check_refused("a", SNEK_EINVAL, "profile \"c\"");
	check_refused("a", SNEK_EINVAL, "leads back to a profile");
}
END_TEST

static const struct {
	const char *config, *says;
} roles[] = {
	{ "role_arn = arn:1\n", "source_profile or with credential_source" },
	{ "role_arn = arn:1\nsource_profile = x\ncredential_source = "
	    "Environment\n", "source_profile or with credential_source" },
	{ "role_arn = arn:1\nsource_profile = nobody\n",
	    "there is no profile of the name" },
	{ "role_arn = arn:1\ncredential_source = Moon\n",
	    "credential_source is Environment" },
};

START_TEST(a_role_that_is_half_described_is_refused)
{
	put_file(".aws/config", "[profile r]\n%s", roles[_i].config);
	check_refused("r", SNEK_EINVAL, roles[_i].says);
	check_refused("r", SNEK_EINVAL, "profile \"r\" of ");
}
END_TEST

START_TEST(a_source_without_keys_says_where_they_were_looked_for)
{
	put_file(".aws/config", "[profile r]\nrole_arn = arn:1\n"
	    "source_profile = empty\n[profile empty]\nregion = x\n");
	check_refused("r", SNEK_EACCES, "profile \"empty\" has no credentials: ");
	put_file(".aws/config", "[profile r]\nrole_arn = arn:1\n"
	    "credential_source = Environment\n");
	check_refused("r", SNEK_EACCES, "credential_source has nothing: "
	    "environment: no AWS_ACCESS_KEY_ID");
}
END_TEST

START_TEST(a_role_is_assumed_by_the_environments_keys)
{
	start_sts();
	setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hidden", 1);
	put_file(".aws/config", "[profile r]\nrole_arn = arn:aws:iam::1:role/R\n"
	    "credential_source = Environment\n");
	check_found("r", "R", "session1", "role");
	ck_assert_ptr_nonnull(strstr(heard.authorization, "Credential=ENV/"));
	ck_assert_ptr_nonnull(strstr(heard.authorization, "/us-east-1/sts/"));
	ck_assert_ptr_nonnull(strstr(heard.body, "&RoleSessionName=snek-"));
}
END_TEST

START_TEST(what_sts_refuses_is_said)
{
	start_sts();
	heard.status = 403;
	put_file(".aws/config", "[profile r]\nrole_arn = arn:aws:iam::1:role/R\n"
	    "source_profile = base\n[profile base]\n" KEYS, "BASE");
	check_refused("r", SNEK_EACCES, "sts AssumeRole: AccessDenied: not you "
	    "(status 403, request q)");
}
END_TEST

/* A terminal of its own for a child that needs a code. */
START_TEST(an_mfa_code_is_asked_of_the_terminal)
{
	char text[300] = "", url[60];
	int tty, pipes[2], status;
	size_t n = 0;
	pid_t pid;
	ssize_t got;

	ck_assert_int_eq(pipe(pipes), 0);
	pid = forkpty(&tty, NULL, NULL, NULL);
	if (pid < 0) {
		puts("SKIPPED: no terminals are to be had here (/dev/pts)");
		return;
	}
	if (!pid) {
		struct snek_error e = { 0 };
		struct sk_cred c;

		if (read(pipes[0], url, sizeof(url)) < 1)
			_exit(9);
		setenv("AWS_ENDPOINT_URL_STS", url, 1);
		_exit(find("m", &c, &e) ? 8 : strcmp(c.key_id, "M") ? 7 : 0);
	}
	start_sts();
	put_file(".aws/config", "[profile m]\nrole_arn = arn:aws:iam::1:role/M\n"
	    "source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/me\n"
	    "[profile base]\n" KEYS, "BASE");
	ck_assert_int_gt(write(pipes[1], web_url(web), strlen(web_url(web)) + 1),
	    0);
	while (!strstr(text, "): ")) {
		got = read(tty, text + n, sizeof(text) - 1 - n);
		ck_assert_int_gt(got, 0);
		n += (size_t)got;
		text[n] = '\0';
	}
	ck_assert_ptr_nonnull(strstr(text, "MFA code of arn:aws:iam::1:mfa/me "
	    "(profile m): "));
	ck_assert_int_eq(write(tty, "123456\n", 7), 7);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	web_stop(web);                  /* what it heard is ours now */
	web = NULL;
	ck_assert_ptr_nonnull(strstr(heard.body, "&TokenCode=123456"));
	ck_assert_ptr_nonnull(strstr(heard.body,
	    "&SerialNumber=arn%3Aaws%3Aiam%3A%3A1%3Amfa%2Fme"));
	close(tty);
}
END_TEST

START_TEST(without_a_terminal_a_code_is_not_asked_for)
{
	setsid();
	put_file(".aws/config", "[profile m]\nrole_arn = arn:1\n"
	    "source_profile = base\nmfa_serial = arn:mfa\n[profile base]\n" KEYS,
	    "BASE");
	check_refused("m", SNEK_EACCES, "there is no terminal to ask");
}
END_TEST

/* ---- web identity ---- */

START_TEST(a_web_identity_takes_a_role_unsigned)
{
	char path[100];

	start_sts();
	put_file("token", "web.session1/1\n");
	snprintf(path, sizeof(path), "%s/token", dir);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
	check_refused(NULL, SNEK_EINVAL, "without a role: set AWS_ROLE_ARN");
	setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/W", 1);
	setenv("AWS_ROLE_SESSION_NAME", "pod", 1);
	check_found(NULL, "W", "session1", "web identity, role arn:aws:iam::1:role/W");
	ck_assert_str_eq(heard.body, "Action=AssumeRoleWithWebIdentity&"
	    "Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2FW&"
	    "RoleSessionName=pod&WebIdentityToken=web.session1%2F1");
	ck_assert_str_eq(heard.authorization, "");
	put_file("token", "renewed");
	check_found(NULL, "W", "session1", "web identity");
	ck_assert_ptr_nonnull(strstr(heard.body, "WebIdentityToken=renewed"));
	unlink(path);
	check_refused(NULL, SNEK_ENOENT, "/token: No such file");
}
END_TEST

START_TEST(a_profile_may_hold_a_web_identity)
{
	start_sts();
	put_file("token", "t");
	put_file(".aws/config", "[profile w]\nrole_arn = arn:aws:iam::1:role/W\n"
	    "web_identity_token_file = %s/token\n", dir);
	check_found("w", "W", "session1", "web identity");
}
END_TEST

/* ---- SSO ---- */

static void sso(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	hear(r);
	copy(heard.header, sizeof(heard.header),
	    web_header(r, "x-amz-sso_bearer_token"));
	a->status = heard.status;
	a->body = heard.status == 401 ? "{\"message\":\"Session token not found\"}" :
	    heard.reply ? heard.reply :
	    "{\"roleCredentials\":{\"accessKeyId\":\"S\",\"secretAccessKey\":"
	    "\"hidden\",\"sessionToken\":\"session1\",\"expiration\":"
	    "32472144000000}}";
}

static const struct {
	const char *config;
} forms[] = {
	{ "[profile s]\nsso_session = corp\nsso_account_id = 1\n"
	    "sso_role_name = Dev Ops\n[sso-session corp]\nsso_region = "
	    "eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n" },
	{ "[profile s]\nsso_start_url = https://corp.awsapps.com/start\n"
	    "sso_region = eu-west-1\nsso_account_id = 1\n"
	    "sso_role_name = Dev Ops\n" },
};

/* The cache's name, by another tool than ours. */
static void put_sso_token(const char *of, const char *expires)
{
	char command[300];

	snprintf(command, sizeof(command), "mkdir -p %s/.aws/sso/cache && "
	    "printf '{\"accessToken\":\"bearer.session1\",\"expiresAt\":\"%s\"}' "
	    ">%s/.aws/sso/cache/$(printf %%s '%s' | sha1sum | cut -c1-40).json",
	    dir, expires, dir, of);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(an_sso_session_is_exchanged_for_keys)
{
	struct snek_error e;
	struct sk_cred c;

	web = web_start(sso, NULL);
	setenv("AWS_ENDPOINT_URL_SSO", web_url(web), 1);
	put_file(".aws/config", "%s", forms[_i].config);
	check_refused("s", SNEK_EACCES, "is not in ~/.aws/sso/cache: "
	    "aws sso login --profile s");
	put_sso_token(_i ? "https://corp.awsapps.com/start" : "corp",
	    "2001-01-01T00:00:00Z");
	check_refused("s", SNEK_EACCES, "has expired: aws sso login --profile s");
	put_sso_token(_i ? "https://corp.awsapps.com/start" : "corp",
	    _i ? "2999-01-01T00:00:00UTC" : "2999-01-01T00:00:00Z");
	check_found("s", "S", "session1", "SSO, profile s, role Dev Ops");
	ck_assert_str_eq(heard.line, "GET /federation/credentials?account_id=1&"
	    "role_name=Dev%20Ops");
	ck_assert_str_eq(heard.header, "bearer.session1");
	ck_assert_str_eq(heard.authorization, "");
	ck_assert_int_eq(find("s", &c, &e), 0);
	ck_assert_int_eq(c.expires, 32472144000);
	sk_cred_free(&c);
	heard.status = 401;
	check_refused("s", SNEK_EACCES, "is not accepted any more: "
	    "aws sso login --profile s");
	heard.status = 0;
	heard.reply = "{\"roleCredentials\":{\"accessKeyId\":\"S\"}}";
	check_refused("s", SNEK_EACCES, "sso GetRoleCredentials: half a pair");
}
END_TEST

START_TEST(half_an_sso_profile_is_refused)
{
	put_file(".aws/config", "[profile s]\nsso_session = nowhere\n"
	    "sso_account_id = 1\nsso_role_name = r\n");
	check_refused("s", SNEK_EINVAL, "its [sso-session] is not there");
	put_file(".aws/config", "[profile s]\nsso_start_url = https://x\n"
	    "sso_region = eu-west-1\n");
	check_refused("s", SNEK_EINVAL, "SSO takes sso_region, sso_account_id");
	put_file(".aws/config", "[profile s]\nsso_start_url = https://x\n"
	    "sso_region = evil.com/\nsso_account_id = 1\nsso_role_name = r\n");
	check_refused("s", SNEK_EINVAL, "sso_region: ");
}
END_TEST

/* ---- a container ---- */

#define AGENT "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hidden\"," \
	"\"Token\":\"session1\",\"Expiration\":\"2999-01-01T00:00:00Z\"}"

static void agent(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	hear(r);
	a->status = heard.fail_first ? 500 : heard.status;
	heard.fail_first -= heard.fail_first > 0;
	a->body = heard.reply ? heard.reply : AGENT;
}

static void set_container(const char *path)
{
	char url[100];

	snprintf(url, sizeof(url), "%s%s", web_url(web), path);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
}

START_TEST(a_containers_agent_gives_keys)
{
	char path[100];

	web = web_start(agent, NULL);
	set_container("/creds?a=b");
	check_found(NULL, "A", "session1", "container");
	ck_assert_str_eq(heard.line, "GET /creds?a=b");
	ck_assert_str_eq(heard.authorization, "");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic x", 1);
	check_found(NULL, "A", "session1", "container");
	ck_assert_str_eq(heard.authorization, "Basic x");
	put_file("token", "from a file\n");
	snprintf(path, sizeof(path), "%s/token", dir);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);
	heard.fail_first = 2;
	check_found(NULL, "A", "session1", "container");
	ck_assert_str_eq(heard.authorization, "from a file");
	heard.fail_first = 3;
	check_refused(NULL, SNEK_EACCES, "container credentials: http://127.0.0.1");
	check_found(NULL, "A", "session1", "container");
	heard.status = 404;
	check_refused(NULL, SNEK_EACCES, "container credentials: status 404");
	heard.status = 200;
	heard.reply = "hidden";
	check_refused(NULL, SNEK_EACCES, "an answer that is no JSON");
	unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "session1\r\nX: y", 1);
	check_refused(NULL, SNEK_EINVAL, "has a line break");
}
END_TEST

static const char *const strangers[] = { "http://example.com/x",
	"http://169.254.169.254/x", "http://10.0.0.1/x", "ftp://127.0.0.1/x",
	"http://127.0.0.1@example.com/x", "http://localhost.example.com/",
	"http://[fd00:ec2::254]/" };

START_TEST(an_agents_token_is_shown_to_no_stranger)
{
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", strangers[_i], 1);
	check_refused(NULL, SNEK_EINVAL, "AWS_CONTAINER_CREDENTIALS_FULL_URI is");
}
END_TEST

/* ---- an instance ---- */

static void instance(void *arg, const struct web_request *r,
    struct web_answer *a)
{
	const char *token = web_header(r, "x-aws-ec2-metadata-token");

	(void)arg;
	hear(r);
	if (heard.status) {
		a->status = heard.status;
		return;
	}
	if (!strcmp(heard.line, "PUT /latest/api/token")) {
		ck_assert_str_eq(web_header(r,
		    "x-aws-ec2-metadata-token-ttl-seconds"), "21600");
		a->body = "v2session1";
		return;
	}
	ck_assert_str_eq(token, "v2session1");
	if (!strcmp(heard.line, "GET /latest/meta-data/iam/security-credentials/"))
		a->body = "my-role\n";
	else if (!strcmp(heard.line,
	    "GET /latest/meta-data/iam/security-credentials/my-role"))
		a->body = heard.reply ? heard.reply :
		    "{\"Code\":\"Success\",\"AccessKeyId\":\"I\","
		    "\"SecretAccessKey\":\"hidden\",\"Token\":\"session1\","
		    "\"Expiration\":\"2999-01-01T00:00:00Z\"}";
	else
		a->status = 404;
}

START_TEST(an_instances_role_gives_keys_by_version_2_alone)
{
	char url[100];

	web = web_start(instance, NULL);
	unsetenv("AWS_EC2_METADATA_DISABLED");
	snprintf(url, sizeof(url), "%s/", web_url(web));
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
	check_found(NULL, "I", "session1", "instance metadata");
	heard.reply = "{\"Code\":\"Failed\"}";
	check_refused(NULL, SNEK_EACCES, "instance metadata: it says Failed");
	heard.status = 403;
	check_refused(NULL, SNEK_EACCES,
	    "instance metadata: no IMDSv2 token: status 403");
	ck_assert_str_eq(heard.line, "PUT /latest/api/token");
	setenv("AWS_METADATA_SERVICE_TIMEOUT", "soon", 1);
	check_refused(NULL, SNEK_EINVAL, "AWS_METADATA_SERVICE_TIMEOUT");
}
END_TEST

static void silence(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	(void)r;
	a->delay_ms = 600000;
}

START_TEST(where_no_instance_answers_it_takes_a_second)
{
	int64_t began = sk_clock_ms();

	web = web_start(silence, NULL);
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", web_url(web), 1);
	check_refused(NULL, SNEK_EACCES, "instance metadata: http://127.0.0.1");
	ck_assert_int_ge(sk_clock_ms() - began, 900);
	ck_assert_uint_eq(web_requests(web), 1);
}
END_TEST

/* The addresses of AWS's own, in a network of our own, beside a proxy that is
 * not asked. */
START_TEST(agents_have_addresses_of_their_own)
{
	struct web *imds;

	if (!netns_enter("169.254.170.2", "169.254.169.254")) {
		fprintf(stderr, "no network of our own: not tested\n");
		return;
	}
	unsetenv("AWS_EC2_METADATA_DISABLED");
	imds = web_start_at("169.254.169.254", 80, instance, NULL);
	check_found(NULL, "I", "session1", "instance metadata");
	web_stop(imds);
	web = web_start_at("169.254.170.2", 80, agent, NULL);
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x", 1);
	check_found(NULL, "A", "session1", "container");
	ck_assert_str_eq(heard.line, "GET /v2/x");
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@example.com/x", 1);
	check_refused(NULL, SNEK_EINVAL, "begins with '/'");
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, nothing_anywhere_lists_the_places);
	tcase_add_test(t, keys_come_from_environment_then_files);
	tcase_add_test(t, keys_that_no_header_holds_are_refused);
	tcase_add_test(t, what_aws_login_leaves_is_another_tools_to_read);
	tcase_add_test(t, a_process_prints_keys_and_sees_no_shell);
	tcase_add_loop_test(t,
	    what_a_process_does_wrong_is_said_and_not_what_it_printed, 0, 8);
	tcase_add_test(t, a_process_that_is_not_there_is_said);
	tcase_add_test(t, a_process_is_heard_where_children_are_ignored);
	tcase_add_test(t, a_role_is_assumed_by_another_profile);
	tcase_add_test(t, a_session_is_kept_until_it_is_about_to_end);
	tcase_add_test(t,
	    a_kept_session_that_others_could_have_written_is_not_taken);
	tcase_add_test(t, roles_go_through_roles);
	tcase_add_test(t, roles_that_go_in_circles_are_refused);
	tcase_add_loop_test(t, a_role_that_is_half_described_is_refused, 0, 4);
	tcase_add_test(t, a_source_without_keys_says_where_they_were_looked_for);
	tcase_add_test(t, a_role_is_assumed_by_the_environments_keys);
	tcase_add_test(t, what_sts_refuses_is_said);
	tcase_add_test(t, an_mfa_code_is_asked_of_the_terminal);
	tcase_add_test(t, without_a_terminal_a_code_is_not_asked_for);
	tcase_add_test(t, a_web_identity_takes_a_role_unsigned);
	tcase_add_test(t, a_profile_may_hold_a_web_identity);
	tcase_add_loop_test(t, an_sso_session_is_exchanged_for_keys, 0, 2);
	tcase_add_test(t, half_an_sso_profile_is_refused);
	tcase_add_test(t, a_containers_agent_gives_keys);
	tcase_add_loop_test(t, an_agents_token_is_shown_to_no_stranger, 0,
	    sizeof(strangers) / sizeof(*strangers));
	tcase_add_test(t, an_instances_role_gives_keys_by_version_2_alone);
	tcase_add_test(t, where_no_instance_answers_it_takes_a_second);
	tcase_add_test(t, agents_have_addresses_of_their_own);
}

int main(void)
{
	return check_main("cred", setup);
}
