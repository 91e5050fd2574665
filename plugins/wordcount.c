/* SPDX-License-Identifier: MIT */
/* wordcount.c - how often each word occurs in a field. */
#include <snek/plugin.h>
#include <stdlib.h>

#include "words.h"

struct wordcount {
	snek_path field;
	enum words_split split;
	bool folds;
	char *fold;             /* the text in lower case */
	size_t cap;
};

static int open_op(snek_ctx *c, void **self)
{
	struct snek_value field, split, fold;
	struct wordcount *w;
	int rc;

	if ((rc = snek_arg(c, "field", &field)) < 0 ||
	    (rc = snek_arg(c, "split", &split)) < 0 ||
	    (rc = snek_arg(c, "fold", &fold)) < 0)
		return rc;
	w = calloc(1, sizeof(*w));
	if (!w)
		return SNEK_ENOMEM;
	w->split = split.len == 5 ? WORDS_SPACE : WORDS_LETTERS;
	w->folds = fold.as.b;
	rc = snek_field_n(c, field.as.s, field.len, &w->field);
	if (rc < 0)
		free(w);
	else
		*self = w;
	return rc;
}

static void close_op(void *self)
{
	struct wordcount *w = self;

	free(w->fold);
	free(w);
}

static bool make_room(struct wordcount *w, size_t n)
{
	char *p;

	if (w->cap >= n + WORDS_PAD)
		return true;
	p = realloc(w->fold, 2 * n + WORDS_PAD);
	if (!p)
		return false;
	w->fold = p;
	w->cap = 2 * n + WORDS_PAD;
	return true;
}

struct text {
	snek_ctx *c;
	const char *s;
};

static inline int count_word(void *arg, size_t at, size_t n)
{
	struct text *t = arg;

	return snek_emit_int(t->c, t->s + at, n, 1);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct wordcount *w = self;
	struct text t = { c, NULL };
	size_t n;

	if (!snek_get_string(r, w->field, &t.s, &n))
		return SNEK_SKIP;
	if (!make_room(w, n))
		return SNEK_ENOMEM;
	if (w->folds) {
		const char *s = t.s;

		t.s = w->fold;
		return words_each(s, n, words_judge_fast, w->split, w->fold,
		    count_word, &t);
	}
	return words_each(t.s, n, words_judge_fast, w->split, w->fold,
	    count_word, &t);
}

SNEK_PLUGIN("wordcount", "0.1.0", SNEK_OP(
	.name = "wordcount",
	.summary = "count the words of a field",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "field", .required = 1,
		    .help = "the field with the text; records without it, or "
		    "where it is no string, are skipped"),
		SNEK_ARG(.name = "split", .type = SNEK_ARG_CHOICE,
		    .choices = "letters|space", .value = "letters",
		    .help = "a word is a run of letters (ASCII's, and all "
		    "characters beyond ASCII), or of anything but white space"),
		SNEK_ARG(.name = "fold", .type = SNEK_ARG_BOOL, .value = "yes",
		    .help = "count ASCII letters in lower case"),
		NULL },
	.reducer = "sum",
	.open = open_op, .close = close_op, .map = map));
