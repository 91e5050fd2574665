/* SPDX-License-Identifier: MIT */
/* wordcount's words, found by both of its ways and by a third. */
#include "task_tool.h"
#include "check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value/json_read.h"
#include "value/value.h"
#include "words.h"

static uint64_t seed;

static uint32_t draw(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* Text of letters, white space, digits and characters of 2 to 4 bytes; runs
 * of each, so that words lie across all borders. */
static size_t make_text(char *s, size_t most)
{
	static const char *const beyond[] = { "\xc3\xa9", "\xe2\x82\xac",
	    "\xf0\x9f\x90\x8d", "\xc2\xa0" };
	static const char blanks[] = " \t\n\v\f\r", others[] = "09-_@[`{/:\x7f\x01";
	size_t n = 0, want = draw((uint32_t)most);

	while (n + 64 < want) {
		uint32_t kind = draw(5), run = 1 + draw(draw(8) ? 6 : 40);

		while (run-- && n + 4 < want) {
			const char *b = beyond[draw(4)];

			if (kind == 4)
				n = (size_t)(stpcpy(s + n, b) - s);
			else
				s[n++] = kind == 0 ? (char)('a' + draw(26))
				    : kind == 1 ? (char)('A' + draw(26))
				    : kind == 2 ? blanks[draw(6)]
				    : others[draw(12)];
		}
	}
	while (n < want && n < 64)
		s[n++] = (char)('a' + draw(26) - (draw(4) ? 0 : 32));
	s[n] = '\0';
	return n;
}

/* ---- the third way: byte by byte, as the help text says it ---- */

static bool is_part(unsigned char c, enum words_split split)
{
	if (split == WORDS_SPACE)
		return !strchr(" \t\n\v\f\r", c) || !c;
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c > 127;
}

static void slow_words(const char *s, size_t n, enum words_split split,
    struct sk_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_part((unsigned char)s[i], split))
			continue;
		for (; i < n && is_part((unsigned char)s[i], split); i++) {
			bool up = s[i] >= 'A' && s[i] <= 'Z';

			sk_buf_byte(out, (uint8_t)(up ? s[i] - 'A' + 'a' : s[i]));
		}
		sk_buf_byte(out, '|');
	}
}

struct fast {
	struct sk_buf out;
	const char *fold;
};

static int add(void *arg, size_t at, size_t n)
{
	struct fast *f = arg;

	sk_buf_put(&f->out, f->fold + at, n);
	sk_buf_byte(&f->out, '|');
	return 0;
}

static void check_text(const char *text, size_t n, words_judge *judge,
    enum words_split split)
{
	char *s = malloc(n + !n), *fold = malloc(n + WORDS_PAD);
	struct fast f = { .fold = fold };
	struct sk_buf want = {0};

	if (n)
		memcpy(s, text, n);     /* exactly: a byte beyond is found out */
	slow_words(s, n, split, &want);
	ck_assert_int_eq(words_each(s, n, judge, split, fold, add, &f), 0);
	ck_assert_uint_eq(f.out.n, want.n);
	ck_assert(!want.n || !memcmp(f.out.p, want.p, want.n));
	sk_buf_free(&f.out);
	sk_buf_free(&want);
	free(s);
	free(fold);
}

START_TEST(words_are_found_alike)
{
	static words_judge *const judges[] = { words_judge_plain,
	    words_judge_fast };
	enum words_split split = _i & 1 ? WORDS_SPACE : WORDS_LETTERS;
	char text[700];
	size_t n;

	seed = (uint64_t)_i / 4 + 1;
	for (int i = 0; i < 3000; i++) {
		n = make_text(text, i % 3 ? 600 : 80);
		check_text(text, n, judges[_i >> 1 & 1], split);
	}
}
END_TEST

START_TEST(every_byte_is_judged_alike)
{
	char in[16], a[16], b[16];

	for (int split = 0; split < 2; split++)
		for (int c = 0; c < 256; c++) {
			memset(in, 'x', sizeof(in));
			in[c % 16] = (char)c;
			ck_assert_uint_eq(
			    words_judge_plain(in, (enum words_split)split, a),
			    words_judge_fast(in, (enum words_split)split, b));
			ck_assert(!memcmp(a, b, 16));
		}
}
END_TEST

static int stop_at_second(void *arg, size_t at, size_t n)
{
	(void)at, (void)n;
	return ++*(int *)arg == 2 ? -9 : 0;
}

START_TEST(a_word_that_fails_ends_it)
{
	char fold[64];
	int words = 0;

	ck_assert_int_eq(words_each("a b c", 5, words_judge_fast, WORDS_LETTERS,
	    fold, stop_at_second, &words), -9);
	ck_assert_int_eq(words, 2);
}
END_TEST

/* ---- the whole plugin ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "word" count, sorted by word, as the reduced result is. */
static void count_slowly(struct sk_buf *words, struct sk_buf *out)
{
	size_t n = 0, same, cap = words->n + 1;
	char **word = malloc(cap * sizeof(*word)), *end;

	sk_buf_byte(words, '\0');
	for (char *p = words->p; (end = strchr(p, '|')); p = end + 1) {
		*end = '\0';
		word[n++] = p;
	}
	qsort(word, n, sizeof(*word), compare);
	for (size_t i = 0; i < n; i += same) {
		for (same = 1; i + same < n && !strcmp(word[i], word[i + same]);)
			same++;
		ck_assert(sk_json_write(out, sk_cstring(word[i])));
		sk_buf_printf(out, " %zu\n", same);
	}
	sk_buf_byte(out, '\0');
	free(word);
}

START_TEST(the_plugin_counts_what_there_is)
{
	enum { N = 200 };
	struct sk_buf json[N], words = {0}, want = {0};
	const char *texts[N];
	char text[700];
	struct task_tool t;

	seed = 42 + (uint64_t)_i;
	memset(json, 0, sizeof(json));
	for (int i = 0; i < N; i++) {
		size_t n = make_text(text, 700);

		slow_words(text, n, _i ? WORDS_SPACE : WORDS_LETTERS, &words);
		sk_buf_printf(&json[i], "{\"t\":");
		ck_assert(sk_json_write(&json[i], sk_string(text, n)));
		sk_buf_printf(&json[i], "}");
		texts[i] = json[i].p;
	}
	count_slowly(&words, &want);
	ck_assert_int_eq(task_tool_open(&t, "plugins/wordcount", NULL, _i
	    ? "{\"field\":\"t\",\"split\":\"space\"}" : "{\"field\":\"t\"}"), 0);
	task_tool_chunks(&t, texts, N, 37);
	ck_assert_str_eq(task_tool_run(&t), want.p);
	task_tool_close(&t);
	for (int i = 0; i < N; i++)
		sk_buf_free(&json[i]);
	sk_buf_free(&words);
	sk_buf_free(&want);
}
END_TEST

START_TEST(case_is_kept_when_told_so)
{
	static const char *const texts[] = {
	    "{\"t\":\"Ab ab AB, a much longer text with Ab in it\"}", "{\"t\":1}",
	    "{\"t\":null}", "{\"t\":\"\"}" };
	struct task_tool t;

	ck_assert_int_eq(task_tool_open(&t, "plugins/wordcount", NULL,
	    "{\"field\":\"t\",\"fold\":false}"), 0);
	task_tool_chunks(&t, texts, 4, 4);
	ck_assert_str_eq(task_tool_run(&t), "\"AB\" 1\n\"Ab\" 2\n\"a\" 1\n"
	    "\"ab\" 1\n\"in\" 1\n\"it\" 1\n\"longer\" 1\n\"much\" 1\n"
	    "\"text\" 1\n\"with\" 1\n");
	ck_assert_uint_eq(t.map.skipped, 2);
	task_tool_close(&t);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_loop_test(c, words_are_found_alike, 0, 16);
	tcase_add_test(c, every_byte_is_judged_alike);
	tcase_add_test(c, a_word_that_fails_ends_it);
	tcase_add_loop_test(c, the_plugin_counts_what_there_is, 0, 2);
	tcase_add_test(c, case_is_kept_when_told_so);
}

int main(void)
{
	return check_main("words", add_tests);
}
