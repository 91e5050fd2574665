/* SPDX-License-Identifier: MIT */
/* Arguments of ops: what is taken, what is refused, and in which words. */
#include "task/plugin.h"
#include "value/value.h"
#include "check_main.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct snek_arg declared[] = {
	{ .name = "field", .type = SNEK_ARG_STRING, .required = 1,
	    .help = "where the text is" },
	{ .name = "top", .type = SNEK_ARG_INT, .value = "10" },
	{ .name = "share", .type = SNEK_ARG_DOUBLE },
	{ .name = "fold", .type = SNEK_ARG_BOOL, .value = "yes" },
	{ .name = "split", .type = SNEK_ARG_CHOICE, .value = "letters",
	    .choices = "letters|space" },
	{ .name = "by", .type = SNEK_ARG_LIST },
};
static const struct sk_op op = {
	.op = { .name = "wordcount" }, .arg = declared, .args = COUNT(declared),
};
static const struct sk_op bare = { .op = { .name = "bare" } };

static struct sk_arg_text pair(const char *text, char *copy)
{
	char *equals;

	strcpy(copy, text);
	equals = strchr(copy, '=');
	*equals = '\0';
	return (struct sk_arg_text){ copy, equals + 1 };
}

/* All values as JSON, one after the other; what was not given as "-". */
static void show(const struct sk_args *a, struct sk_buf *out)
{
	for (uint32_t i = 0; i < a->n; i++) {
		sk_buf_byte(out, i ? ' ' : '=');
		if (a->value[i].type == SNEK_NONE)
			sk_buf_byte(out, '-');
		else
			ck_assert(sk_json_write(out, a->value[i]));
	}
	sk_buf_byte(out, '\0');
}

static const struct row {
	const struct sk_op *op;
	const char *json;
	const char *text[3];
	const char *want;               /* "=" and the values, or a message */
} rows[] = {
	{ &op, NULL, { "field=a" }, "=\"a\" 10 - true \"letters\" -" },
	{ &op, "{\"field\":\"a\",\"top\":3}", { "top=4" },
	    "=\"a\" 4 - true \"letters\" -" },
	{ &op, "{\"field\":\"a\",\"share\":1,\"fold\":false,\"by\":[\"x,y\",\"\"],"
	    "\"split\":\"space\"}", { NULL },
	    "=\"a\" 10 1.0 false \"space\" [\"x,y\",\"\"]" },
	{ &op, "{\"field\":\"\",\"top\":null,\"fold\":\"no\"}", { NULL },
	    "=\"\" 10 - false \"letters\" -" },
	{ &op, NULL, { "field=a=b", "by=x,y,z" },
	    "=\"a=b\" 10 - true \"letters\" [\"x\",\"y\",\"z\"]" },
	{ &op, NULL, { "field=a", "by=" }, "=\"a\" 10 - true \"letters\" []" },
	{ &op, NULL, { "field=a", "by=," },
	    "=\"a\" 10 - true \"letters\" [\"\",\"\"]" },
	{ &op, NULL, { "field=a", "by=x," },
	    "=\"a\" 10 - true \"letters\" [\"x\",\"\"]" },
	{ &op, NULL, { "field=a", "top=-9223372036854775808", "share=1e3" },
	    "=\"a\" -9223372036854775808 1000.0 true \"letters\" -" },
	{ &op, NULL, { "field=a", "fold=true" },
	    "=\"a\" 10 - true \"letters\" -" },
	{ &bare, NULL, { NULL }, "" },
	{ &bare, "{}", { NULL }, "" },

	{ &op, NULL, { NULL }, "wordcount needs the argument 'field': where the "
	    "text is" },
	{ &op, "{\"field\":null}", { NULL }, "wordcount needs the argument "
	    "'field': where the text is" },
	{ &op, NULL, { "feild=a" }, "wordcount has no argument 'feild'; did you "
	    "mean 'field'?" },
	{ &op, NULL, { "zzzzzz=a" }, "wordcount has no argument 'zzzzzz'; it has "
	    "field, top, share, fold, split, by" },
	{ &bare, NULL, { "x=a" }, "bare has no argument 'x'; it takes none" },
	{ &op, "{\"fiel\":1}", { NULL }, "wordcount has no argument 'fiel'; did "
	    "you mean 'field'?" },
	{ &op, NULL, { "field=a", "field=b" }, "argument 'field' of wordcount is "
	    "given twice" },
	{ &op, NULL, { "field=a", "top=ten" }, "argument 'top' of wordcount must "
	    "be a whole number in [-2^63, 2^63), not 'ten'" },
	{ &op, NULL, { "field=a", "top=1.5" }, "argument 'top' of wordcount must "
	    "be a whole number in [-2^63, 2^63), not '1.5'" },
	{ &op, NULL, { "field=a", "top=9223372036854775808" }, "argument 'top' "
	    "of wordcount must be a whole number in [-2^63, 2^63), not "
	    "'9223372036854775808'" },
	{ &op, NULL, { "field=a", "top= 1" }, "argument 'top' of wordcount must "
	    "be a whole number in [-2^63, 2^63), not ' 1'" },
	{ &op, NULL, { "field=a", "top=" }, "argument 'top' of wordcount must "
	    "be a whole number in [-2^63, 2^63), not ''" },
	{ &op, NULL, { "field=a", "share=nan" }, "argument 'share' of wordcount "
	    "must be a number, not 'nan'" },
	{ &op, NULL, { "field=a", "share=0x10" }, "argument 'share' of wordcount "
	    "must be a number, not '0x10'" },
	{ &op, NULL, { "field=a", "fold=on" }, "argument 'fold' of wordcount "
	    "must be yes or no, not 'on'" },
	{ &op, NULL, { "field=a", "split=words" }, "argument 'split' of "
	    "wordcount must be one of letters|space, not 'words'" },
	{ &op, NULL, { "field=a", "split=letter" }, "argument 'split' of "
	    "wordcount must be one of letters|space, not 'letter'" },
	{ &op, NULL, { "field=a", "split=" }, "argument 'split' of "
	    "wordcount must be one of letters|space, not ''" },
	{ &op, "{\"field\":7}", { NULL }, "argument 'field' of wordcount must be "
	    "a string, not '7'" },
	{ &op, "{\"field\":\"a\",\"by\":[\"a\",2]}", { NULL }, "argument 'by' of "
	    "wordcount must be a list of strings: A,B,C, or a JSON array, not "
	    "'[\"a\",2]'" },
	{ &op, "{\"field\":\"a\",\"fold\":1}", { NULL }, "argument 'fold' of "
	    "wordcount must be yes or no, not '1'" },
	{ &op, "[]", { NULL }, "arguments of wordcount must be a JSON object" },
	{ &op, NULL, { "field=\xff" }, "argument 'field' of wordcount is not "
	    "UTF-8 at byte 0" },
};

START_TEST(arguments_are_checked_and_filled_in)
{
	const struct row *r = &rows[_i];
	struct sk_arg_text text[3];
	char copy[3][100];
	struct sk_args args = {0};
	struct snek_error e = {0};
	struct sk_buf got = {0};
	size_t n = 0;
	int rc;

	for (; n < 3 && r->text[n]; n++)
		text[n] = pair(r->text[n], copy[n]);
	rc = sk_args_parse(&args, r->op, r->json, text, n, &e);
	if (*r->want == '=' || !*r->want) {
		ck_assert_msg(rc == 0, "%s", e.text);
		show(&args, &got);
		ck_assert_str_eq(got.p, r->want);
	} else {
		ck_assert_int_eq(rc, SNEK_EINVAL);
		ck_assert_str_eq(e.text, r->want);
	}
	sk_buf_free(&got);
	sk_args_free(&args);
}
END_TEST

START_TEST(broken_json_says_what_is_wrong)
{
	struct sk_args args = {0};
	struct snek_error e = {0};

	ck_assert_int_eq(sk_args_parse(&args, &op, "{\"field\":", NULL, 0, &e),
	    SNEK_EINVAL);
	ck_assert_msg(!strncmp(e.text, "arguments of wordcount: ", 24) &&
	    strlen(e.text) > 30, "%s", e.text);
}
END_TEST

START_TEST(strings_end_in_a_nul_and_lie_still)
{
	struct sk_arg_text text = { "field", "abc" };
	struct sk_args args;
	struct snek_value v;

	ck_assert_int_eq(sk_args_parse(&args, &op, NULL, &text, 1, NULL), 0);
	ck_assert(sk_args_get(&args, &op, "field", &v));
	ck_assert_str_eq(v.as.s, "abc");
	ck_assert(sk_args_get(&args, &op, "share", &v));
	ck_assert_uint_eq(v.type, SNEK_NONE);
	ck_assert(!sk_args_get(&args, &op, "shar", &v));
	sk_args_free(&args);
}
END_TEST

static const struct { const char *word, *near; } spelled[] = {
	{ "wordcuont", "wordcount" }, { "wordcount", "wordcount" },
	{ "wrdcnt", NULL }, { "wrdcont", "wordcount" }, { "gerp", "grep" },
	{ "group_by", NULL }, { "gruop", "group" }, { "x", NULL }, { "", NULL },
	{ "selct", "select" }, { "slcet", "select" }, { "wordcountssss", NULL },
};

START_TEST(near_words_are_found)
{
	static const char *const words[] = { "grep", "group", "wordcount",
	    "select", "ab" };
	const char *near = sk_did_you_mean(spelled[_i].word, words, COUNT(words));

	if (spelled[_i].near)
		ck_assert_str_eq(near ? near : "(NULL)", spelled[_i].near);
	else
		ck_assert_msg(!near, "%s: %s", spelled[_i].word, near);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_loop_test(c, arguments_are_checked_and_filled_in, 0, COUNT(rows));
	tcase_add_test(c, broken_json_says_what_is_wrong);
	tcase_add_test(c, strings_end_in_a_nul_and_lie_still);
	tcase_add_loop_test(c, near_words_are_found, 0, COUNT(spelled));
}

int main(void)
{
	return check_main("args", add_tests);
}
