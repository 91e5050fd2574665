/* SPDX-License-Identifier: MIT */
#include "category/profile.h"

#include "check_main.h"
#include "tempdir.h"

static char dir[64], conf[100];
static struct sk_profile p;
static struct snek_error err;

static void setup(void)
{
	tempdir_make(dir);
	snprintf(conf, sizeof(conf), "%s/snek.conf", dir);
	setenv("SNEK_CONFIG", conf, 1);
	memset(&err, 0, sizeof(err));
	umask(022);
}

static void teardown(void)
{
	sk_profile_free(&p);
	tempdir_remove(dir);
}

static void write_conf(const char *text, mode_t mode)
{
	file_write(conf, text, strlen(text));
	ck_assert_int_eq(chmod(conf, mode), 0);
}

static void finds(const char *name)
{
	int rc = sk_profile_find(name, &p, &err);

	ck_assert_msg(!rc, "%s", err.text);
}

START_TEST(every_setting_is_read_and_values_are_whole_lines)
{
	write_conf("# mine\n[other]\ncluster = ./x\n\n[ pack ]\r\n"
	    "cluster = rediss://h:1/2?prefix=a\nuser=app\n"
	    "password = a;b #c = d\nca-file = /ca\ncert-file = /c\n"
	    "key-file = /k\nserver-name = n\nserver = redis://a\n"
	    "server = redis://b\n[last]\ncluster = /y", 0600);
	finds("pack");
	ck_assert_str_eq(p.file, conf);
	ck_assert_uint_eq(p.line, 5);
	ck_assert_str_eq(p.cluster, "rediss://h:1/2?prefix=a");
	ck_assert_str_eq(p.user, "app");
	ck_assert_str_eq(p.password, "a;b #c = d");
	ck_assert_str_eq(p.ca_file, "/ca");
	ck_assert_str_eq(p.cert_file, "/c");
	ck_assert_str_eq(p.key_file, "/k");
	ck_assert_str_eq(p.server_name, "n");
	ck_assert_uint_eq(p.servers, 2);
	ck_assert_str_eq(p.server[1], "redis://b");
	sk_profile_free(&p);
	finds("last");
	ck_assert_str_eq(p.cluster, "/y");
}
END_TEST

START_TEST(a_long_value_is_not_cut)
{
	char text[3000];

	memset(text, 'x', sizeof(text));
	memcpy(text, "[a]\ncluster = ", 14);
	text[sizeof(text) - 1] = 0;
	write_conf(text, 0600);
	finds("a");
	ck_assert_uint_eq(strlen(p.cluster), sizeof(text) - 1 - 14);
}
END_TEST

static const struct {
	const char *text;
	int code;
	mode_t mode;
	const char *says;
} bad[] = {
	{ "[a]\ncluster = x\nhello\n", SNEK_EFORMAT, 0600, "snek.conf:3" },
	{ "[a]\ncluster = x\nclutser = y\n", SNEK_EFORMAT, 0600, "\"clutser\"" },
	{ "[a]\ncluster = x\ncluster = y\n", SNEK_EFORMAT, 0600, "a second" },
	{ "[a]\ncluster = x\n[a]\n", SNEK_EFORMAT, 0600, "a second profile" },
	{ "[a]\nuser = x\n", SNEK_EFORMAT, 0600, "snek.conf:1: the profile has" },
	{ "[a\ncluster = x\n", SNEK_EFORMAT, 0600, "snek.conf:1" },
	{ "[a]\ncluster = x\npassword = p\npassword-file = f\n", SNEK_EFORMAT,
	  0600, "both" },
	{ "[a]\ncluster = x\npassword = p\n", SNEK_EACCES, 0644, "chmod 600" },
	{ "[a]\ncluster = redis://u:p@h\n", SNEK_EACCES, 0640, "chmod 600" },
	{ "[a]\ncluster = x\nserver = redis://:p@h\n", SNEK_EACCES, 0604,
	  "chmod 600" },
	{ "[a]\ncluster = x\n", SNEK_EACCES, 0666, "chmod go-w" },
	{ "[b]\ncluster = x\n", SNEK_ENOENT, 0600, "no profile \"a\"" },
	{ "", SNEK_ENOENT, 0600, "no profile \"a\"" },
};

START_TEST(what_is_wrong_is_named_with_file_and_line)
{
	int rc;

	write_conf(bad[_i].text, bad[_i].mode);
	rc = sk_profile_find("a", &p, &err);
	ck_assert_int_eq(rc, bad[_i].code);
	ck_assert_msg(strstr(err.text, bad[_i].says) != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, conf) != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_password_elsewhere_in_the_file_is_another_profiles_affair)
{
	write_conf("[b]\ncluster = x\npassword = p\n[a]\ncluster = y\n", 0644);
	finds("a");
}
END_TEST

START_TEST(a_byte_that_is_no_text_is_refused)
{
	file_write(conf, "[a]\ncluster = x\0y\n", 18);
	ck_assert_int_eq(sk_profile_find("a", &p, &err), SNEK_EFORMAT);
}
END_TEST

START_TEST(the_first_file_that_has_the_profile_counts)
{
	char cwd[200], own[200], home[100];

	unsetenv("SNEK_CONFIG");
	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	ck_assert_int_eq(chdir(dir), 0);
	snprintf(home, sizeof(home), "%s/xdg", dir);
	setenv("XDG_CONFIG_HOME", home, 1);
	p = (struct sk_profile){ .cluster = strdup("./one") };
	ck_assert_msg(!sk_profile_save("a", &p, &err), "%s", err.text);
	snprintf(own, sizeof(own), "%s/snek/snek.conf", home);
	sk_profile_free(&p);
	finds("a");
	ck_assert_str_eq(p.file, own);
	write_conf("[a]\ncluster = ./two\n", 0600);
	sk_profile_free(&p);
	finds("a");
	ck_assert_str_eq(p.cluster, "./two");
	ck_assert_int_eq(chdir(cwd), 0);
}
END_TEST

START_TEST(saving_leaves_the_rest_as_it_was)
{
	static const char want[] = "# mine\n[b]\ncluster = y\n# last\n"
	    "[a]\ncluster = redis://h\npassword = p\nserver = redis://u:q@h\n";
	char *server[] = { "redis://u:q@h" };
	struct sk_profile mine = { .cluster = "redis://h", .password = "p",
		.server = server, .servers = 1 };
	struct stat st;
	unsigned char *text;
	size_t n;

	write_conf("# mine\n[a]\ncluster = x\n[b]\ncluster = y\n# last", 0644);
	ck_assert_msg(!sk_profile_save("a", &mine, &err), "%s", err.text);
	text = file_read(conf, &n);
	ck_assert_uint_eq(n, sizeof(want) - 1);
	ck_assert_mem_eq(text, want, n);
	free(text);
	ck_assert_int_eq(stat(conf, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	finds("a");
	ck_assert_str_eq(p.server[0], server[0]);
	ck_assert_int_eq(sk_profile_remove("a", &err), 0);
	sk_profile_free(&p);
	ck_assert_int_eq(sk_profile_find("a", &p, &err), SNEK_ENOENT);
	finds("b");
	ck_assert_int_eq(sk_profile_remove("a", &err), 0);
}
END_TEST

START_TEST(what_would_not_be_read_back_is_not_saved)
{
	struct sk_profile mine = { .cluster = "x\ny" };

	ck_assert_int_eq(sk_profile_save("a", &mine, &err), SNEK_EINVAL);
	mine.cluster = " x";
	ck_assert_int_eq(sk_profile_save("a", &mine, &err), SNEK_EINVAL);
	mine.cluster = "x";
	ck_assert_int_eq(sk_profile_save("a]", &mine, &err), SNEK_EINVAL);
	ck_assert_int_eq(sk_profile_save("./a", &mine, &err), SNEK_EINVAL);
	ck_assert_int_eq(access(conf, F_OK), -1);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_setting_is_read_and_values_are_whole_lines);
	tcase_add_test(t, a_long_value_is_not_cut);
	tcase_add_loop_test(t, what_is_wrong_is_named_with_file_and_line, 0,
	    (int)(sizeof(bad) / sizeof(*bad)));
	tcase_add_test(t, a_password_elsewhere_in_the_file_is_another_profiles_affair);
	tcase_add_test(t, a_byte_that_is_no_text_is_refused);
	tcase_add_test(t, the_first_file_that_has_the_profile_counts);
	tcase_add_test(t, saving_leaves_the_rest_as_it_was);
	tcase_add_test(t, what_would_not_be_read_back_is_not_saved);
}

int main(void)
{
	return check_main("profile", tests);
}
