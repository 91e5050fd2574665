/* SPDX-License-Identifier: MIT */
/* The files under ~/.aws: what they may look like, and what they may not. */
#include "check_main.h"
#include "tempdir.h"

#include "aws/ini.h"

static const char good[] =
    "\xef\xbb\xbf# a comment; and a BOM before it\r\n"
    "[default]\r\n"
    "region=eu-west-1\r\n"
    "  ; an indented comment\n"
    "Output = json   # said in passing\n"
    "aws_secret_access_key = a/b+c=;d#e\n"
    "empty =\n"
    "\n"
    "[ profile   \"my work\" ]  ; mine\n"
    "   region = us-east-1\n"
    "   role_arn = arn:aws:iam::1:role/R\n"
    "services = local\n"
    "s3 =\n"
    "  max_concurrent_requests = 20\n"
    "  endpoint_url = http://127.0.0.1:9000/#here\n"
    "words = one\n"
    "   two\n"
    "   three\n"
    "region = us-east-2\n"
    "[default]\n"
    "more = x\n"
    "region = eu-west-2\n";

static const struct {
	const char *section, *key, *value;
} answers[] = {
	{ "default", "region", "eu-west-2" },
	{ "default", "output", "json" },
	{ "default", "aws_secret_access_key", "a/b+c=;d#e" },
	{ "default", "empty", "" },
	{ "default", "more", "x" },
	{ "default", "services", NULL },
	{ "profile my work", "role_arn", "arn:aws:iam::1:role/R" },
	{ "profile my work", "region", "us-east-2" },
	{ "profile my work", "services", "local" },
	{ "profile my work", "s3", "" },
	{ "profile my work", "s3.max_concurrent_requests", "20" },
	{ "profile my work", "s3.endpoint_url", "http://127.0.0.1:9000/#here" },
	{ "profile my work", "max_concurrent_requests", NULL },
	{ "profile my work", "words", "one\ntwo\nthree" },
	{ "nobody", "region", NULL },
};

START_TEST(a_value_is_what_stands_there)
{
	struct sk_ini i = { 0 };
	const char *v;

	ck_assert_int_eq(sk_ini_parse(&i, "f", good, sizeof(good) - 1, NULL), 0);
	v = sk_ini_get(&i, answers[_i].section, answers[_i].key);
	if (answers[_i].value)
		ck_assert_str_eq(v, answers[_i].value);
	else
		ck_assert_ptr_null(v);
	ck_assert(sk_ini_has(&i, "profile my work"));
	ck_assert(!sk_ini_has(&i, "my work"));
	sk_ini_free(&i);
}
END_TEST

static const struct {
	const char *text, *message;
} bad[] = {
	{ "region = x\n", "f:1: this stands before any [SECTION]" },
	{ "[a]\nx\n", "f:2: neither [SECTION] nor KEY = VALUE" },
	{ "[a]\n\n= x\n", "f:3: neither [SECTION] nor KEY = VALUE" },
	{ "[a\n", "f:1: a section is [NAME] and nothing else" },
	{ "[a] b\n", "f:1: a section is [NAME] and nothing else" },
	{ "[ ]\n", "f:1: a section without a name" },
	{ "[a]\ns3 =\n  x\n", "f:3: neither [SECTION] nor KEY = VALUE" },
};

START_TEST(what_is_wrong_is_named_by_its_line)
{
	struct sk_ini i = { 0 };
	struct snek_error e;

	ck_assert_int_eq(sk_ini_parse(&i, "f", bad[_i].text,
	    strlen(bad[_i].text), &e), SNEK_EFORMAT);
	ck_assert_str_eq(e.text, bad[_i].message);
	sk_ini_free(&i);
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
	struct sk_ini i = { 0 };
	struct snek_error e;

	ck_assert_int_eq(sk_ini_parse(&i, "f", "[a]\nb = c\0d\n", 12, &e),
	    SNEK_EFORMAT);
	ck_assert_str_eq(e.text, "f:2: a NUL byte");
	sk_ini_free(&i);
}
END_TEST

START_TEST(a_long_value_arrives_whole)
{
	enum { N = 200000 };
	char *text = malloc(N + 100), *value = malloc(N + 1);
	struct sk_ini i = { 0 };

	memset(value, 't', N);
	value[N] = '\0';
	snprintf(text, N + 100, "[a]\naws_session_token = %s\n", value);
	ck_assert_int_eq(sk_ini_parse(&i, "f", text, strlen(text), NULL), 0);
	ck_assert_str_eq(sk_ini_get(&i, "a", "aws_session_token"), value);
	sk_ini_free(&i);
	free(text);
	free(value);
}
END_TEST

/* Half a million lines of one value: not one copy of it a line. */
START_TEST(a_value_of_many_lines_costs_what_it_is)
{
	enum { N = 500000 };
	struct sk_ini i = { 0 };
	char *text = malloc(2 * N + 20);
	size_t n = 8, k;

	memcpy(text, "[a]\nb=c\n", 8);
	for (k = 0; k < N; k++, n += 2)
		memcpy(text + n, " d", 2);
	ck_assert_int_eq(sk_ini_parse(&i, "f", text, n, NULL), 0);
	for (n = 8, k = 0; k < N / 2; k++, n += 3)
		memcpy(text + n, " d\n", 3);
	sk_ini_free(&i);
	ck_assert_int_eq(sk_ini_parse(&i, "f", text, n, NULL), 0);
	ck_assert_uint_eq(strlen(sk_ini_get(&i, "a", "b")), N + 1);
	ck_assert_uint_lt(i.mem.total, 16u << 20);
	sk_ini_free(&i);
	free(text);
}
END_TEST

static void read_noise(unsigned seed)
{
	static const char signs[] = "[]= \t\n\r#;\"'ab\0.";
	unsigned long long x = seed * 2654435761u + 1;
	size_t n = 1 + seed % 200, k;
	char *text = malloc(n);         /* to be seen when read beyond */
	struct sk_ini i = { 0 };
	struct snek_error e;
	int rc;

	for (k = 0; k < n; k++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		text[k] = signs[(x >> 33) % (sizeof(signs) - 1)];
	}
	rc = sk_ini_parse(&i, "f", text, n, &e);
	ck_assert(rc == 0 || (rc == SNEK_EFORMAT && !strncmp(e.text, "f:", 2)));
	sk_ini_get(&i, "a", "b");
	sk_ini_free(&i);
	free(text);
}

START_TEST(noise_is_read_or_refused_by_its_line)
{
	unsigned seed;

	for (seed = 0; seed < 5000; seed++)
		read_noise(seed);
}
END_TEST

START_TEST(files_are_bounded_and_may_be_missing)
{
	char dir[64], path[80];
	struct sk_ini i = { 0 };
	struct snek_error e;

	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/config", dir);
	ck_assert_int_eq(sk_ini_read(&i, path, &e), SNEK_ENOENT);
	ck_assert_int_eq(sk_ini_read(&i, dir, &e), SNEK_EINVAL);
	file_write(path, "[a]\nb = c\n", 10);
	chmod(path, 0644);
	ck_assert_int_eq(sk_ini_read(&i, path, &e), 0);
	ck_assert_str_eq(sk_ini_get(&i, "a", "b"), "c");
	ck_assert(i.open_to_all);
	sk_ini_free(&i);
	ck_assert_int_eq(truncate(path, 2 << 20), 0);
	ck_assert_int_eq(sk_ini_read(&i, path, &e), SNEK_ELIMIT);
	sk_ini_free(&i);
	tempdir_remove(dir);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, a_value_is_what_stands_there, 0,
	    sizeof(answers) / sizeof(*answers));
	tcase_add_loop_test(t, what_is_wrong_is_named_by_its_line, 0,
	    sizeof(bad) / sizeof(*bad));
	tcase_add_test(t, a_nul_byte_is_refused);
	tcase_add_test(t, a_long_value_arrives_whole);
	tcase_add_test(t, a_value_of_many_lines_costs_what_it_is);
	tcase_add_test(t, noise_is_read_or_refused_by_its_line);
	tcase_add_test(t, files_are_bounded_and_may_be_missing);
}

int main(void)
{
	return check_main("ini", setup);
}
