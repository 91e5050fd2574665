/* SPDX-License-Identifier: MIT */
/* Answers in XML, in JSON, and what claims to be one. */
#include "check_main.h"

#include <string.h>

#include "aws/json.h"
#include "aws/words.h"
#include "aws/xml.h"

static struct sk_buf text_of(const char *s)
{
	return (struct sk_buf){ .p = (char *)(uintptr_t)s, .n = strlen(s) };
}

static const char stacks[] =
    "<?xml version=\"1.0\"?>\n"
    "<a:DescribeStacksResponse xmlns:a=\"http://x/\"><a:DescribeStacksResult>"
    "<Stacks><member><StackName>one</StackName><Note>a &amp; b &lt;c&gt; "
    "&#233;</Note></member><other/><member><StackName>two</StackName>"
    "<Empty/></member></Stacks></a:DescribeStacksResult>"
    "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>"
    "</a:DescribeStacksResponse>";

START_TEST(a_path_leads_to_the_text_of_an_element)
{
	struct sk_buf t = text_of(stacks);
	const struct sk_xml_node *n, *root;
	struct sk_xml *x;

	ck_assert_int_eq(sk_xml_open(&t, &x, NULL), 0);
	root = sk_xml_root(x);
	ck_assert_str_eq(sk_xml_name(root), "DescribeStacksResponse");
	ck_assert_str_eq(sk_xml_text(root, "ResponseMetadata/RequestId"), "id");
	n = sk_xml_find(root, "DescribeStacksResult/Stacks/member");
	ck_assert_str_eq(sk_xml_text(n, "StackName"), "one");
	ck_assert_str_eq(sk_xml_text(n, "Note"), "a & b <c> \xc3\xa9");
	n = sk_xml_next(n);
	ck_assert_str_eq(sk_xml_text(n, "StackName"), "two");
	ck_assert_str_eq(sk_xml_text(n, "Empty"), "");
	ck_assert_ptr_null(sk_xml_text(n, "Note"));
	ck_assert_ptr_null(sk_xml_text(n, "StackName/x"));
	ck_assert_ptr_null(sk_xml_next(n));
	ck_assert_ptr_null(sk_xml_find(root, "Stack"));
	sk_xml_close(x);
}
END_TEST

static const struct {
	const char *text, *says;
} bad[] = {
	{ "", "no element found" },
	{ "{}", "line 1, column 1" },
	{ "<a>\n<b></a>", "line 2, column 6: mismatched tag" },
	{ "<a>&nbsp;</a>", "undefined entity" },
	{ "<a/><b/>", "junk after document element" },
	{ "<!DOCTYPE a [<!ENTITY e \"eeee\">]><a>&e;</a>", "document type" },
	{ "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "document type" },
};

START_TEST(what_is_no_xml_is_refused)
{
	struct sk_buf t = text_of(bad[_i].text);
	struct snek_error e;
	struct sk_xml *x;

	ck_assert_int_eq(sk_xml_open(&t, &x, &e), SNEK_EFORMAT);
	ck_assert_msg(strstr(e.text, bad[_i].says) != NULL, "%s", e.text);
}
END_TEST

static int open_deep(size_t depth, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct sk_xml *x;
	size_t i;
	int rc;

	for (i = 0; i < depth; i++)
		ck_assert(sk_buf_put(&b, "<a>", 3));
	for (i = 0; i < depth; i++)
		ck_assert(sk_buf_put(&b, "</a>", 4));
	rc = sk_xml_open(&b, &x, e);
	if (!rc)
		sk_xml_close(x);
	sk_buf_free(&b);
	return rc;
}

START_TEST(depth_is_bounded)
{
	struct snek_error e;

	ck_assert_int_eq(open_deep(64, &e), 0);
	ck_assert_int_eq(open_deep(65, &e), SNEK_ELIMIT);
	ck_assert_int_eq(open_deep(100000, &e), SNEK_ELIMIT);
}
END_TEST

/* Each byte of a good answer in turn is another, or the last. */
START_TEST(damage_is_read_or_refused)
{
	static const char with[] = "<>&\"/\0 \xff";
	size_t n = sizeof(stacks) - 1, i, k;
	struct sk_buf b = { .p = malloc(n), .n = n };
	struct sk_xml *x;

	for (i = 0; i < n; i++) {
		for (k = 0; k < sizeof(with) - 1; k++) {
			memcpy(b.p, stacks, n);
			b.p[i] = with[k];
			if (!sk_xml_open(&b, &x, NULL))
				sk_xml_close(x);
		}
		b.n = i;
		ck_assert_int_eq(sk_xml_open(&b, &x, NULL), SNEK_EFORMAT);
		b.n = n;
	}
	free(b.p);
}
END_TEST

START_TEST(json_is_read_by_paths)
{
	struct sk_buf t = text_of("{\"Configuration\":{\"State\":\"Active\","
	    "\"MemorySize\":1769},\"Aliases\":[{\"Name\":\"a\"},"
	    "{\"Name\":\"snek\"}],\"Nul\":\"a\\u0000b\"}");
	struct sk_json *j;
	char s[8];
	int64_t v;

	ck_assert_int_eq(sk_json_open(&t, &j, NULL), 0);
	ck_assert(sk_json_text(j, "Configuration.State", s, sizeof(s)));
	ck_assert_str_eq(s, "Active");
	ck_assert(!sk_json_text(j, "Configuration.State", s, 6));
	ck_assert_str_eq(s, "");
	ck_assert(sk_json_text(j, "Aliases[1].Name", s, sizeof(s)));
	ck_assert_str_eq(s, "snek");
	ck_assert(!sk_json_text(j, "Nul", s, sizeof(s)));
	ck_assert(sk_json_int(j, "Configuration.MemorySize", &v));
	ck_assert_int_eq(v, 1769);
	ck_assert(!sk_json_int(j, "Configuration.State", &v));
	ck_assert_int_eq(sk_json_at(j, "nothing.here").type, SNEK_NONE);
	sk_json_close(j);
	t = text_of("<html>");
	ck_assert_int_eq(sk_json_open(&t, &j, NULL), SNEK_EFORMAT);
}
END_TEST

static const struct {
	const char *text;
	const char *word[5];
} lines[] = {
	{ "/bin/x", { "/bin/x" } },
	{ "  a\tb  c ", { "a", "b", "c" } },
	{ "a 'b c' \"d \\\" e\" f\\ g", { "a", "b c", "d \" e", "f g" } },
	{ "a \"\" ''x'y'z", { "a", "", "xyz" } },
	{ "a '$HOME;`b`' \"\\n\"", { "a", "$HOME;`b`", "\\n" } },
};

START_TEST(a_command_is_words_and_no_shell)
{
	struct sk_arena mem = { 0 };
	char **word;
	int i;

	ck_assert_int_eq(sk_words_split(lines[_i].text, &mem, &word, NULL), 0);
	for (i = 0; lines[_i].word[i]; i++)
		ck_assert_str_eq(word[i], lines[_i].word[i]);
	ck_assert_ptr_null(word[i]);
	sk_arena_free(&mem);
}
END_TEST

START_TEST(half_a_quote_is_no_command)
{
	static const char *const text[] = { "", "  ", "a 'b", "a \"b\\\"", "'" };
	struct sk_arena mem = { 0 };
	char **word;

	ck_assert_int_eq(sk_words_split(text[_i], &mem, &word, NULL), SNEK_EINVAL);
	sk_arena_free(&mem);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, a_path_leads_to_the_text_of_an_element);
	tcase_add_loop_test(t, what_is_no_xml_is_refused, 0,
	    sizeof(bad) / sizeof(*bad));
	tcase_add_test(t, depth_is_bounded);
	tcase_add_test(t, damage_is_read_or_refused);
	tcase_add_test(t, json_is_read_by_paths);
	tcase_add_loop_test(t, a_command_is_words_and_no_shell, 0,
	    sizeof(lines) / sizeof(*lines));
	tcase_add_loop_test(t, half_a_quote_is_no_command, 0, 5);
}

int main(void)
{
	return check_main("xml", setup);
}
