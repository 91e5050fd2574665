/* SPDX-License-Identifier: MIT */
#include "cli/test.h"

#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 16, FEW = 1 << 14 };
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Each record in a chunk of its own, whose columns have its types. */
static const struct test_way alone = { .chunk_records = "1" };

static const char *const values[] = {
	"null", "true", "false", "0", "-1", "9223372036854775807",
	"18446744073709551615", "1.5", "-1e300", "\"\"", "\"text\"",
	"\"na\\u00efve \\ud83d\\udc0d \\u0000\"", "[]", "[1,\"a\",[null]]", "{}",
	"{\"a\":{\"b\":[1.5,{}]}}",
};

struct types {
	const struct run *r;
	unsigned tried, refused;
	char first[600];                /* what the first refused one said */
	bool broken, no_job;
};

static bool is_our_bug(const struct test_answer *a)
{
	return a->signal || a->code == SNEK_EINTERNAL || a->code == SNEK_EABI ||
	    a->code == SNEK_ECORRUPT || a->code == SNEK_ETIMEDOUT;
}

/* The record before those of the case, or the first of many: for a job whose
 * fields no record has fails, whatever the op thinks. */
static bool beside(const struct types *t, const char *record,
    struct test_text *in)
{
	const struct test_text *own = &t->r->k->in;
	int n = asprintf(&in->p, "%s\n%.*s\n", record, (int)(own->n < FEW ?
	    own->n : strcspn(own->p, "\n")), own->p);

	in->n = n < 0 ? 0 : (size_t)n;
	if (n < 0)
		in->p = NULL;
	return in->p;
}

/* One record.  A refusal is fine as long as it is one. */
static void try(struct types *t, const char *record)
{
	struct test_text in = { 0 };
	struct test_answer a = { 0 };
	char text[600];

	if (t->broken || t->no_job)
		return;
	if (!beside(t, record, &in) || !cli_test_run(t->r, &in, &alone, &a)) {
		t->no_job = true;
	} else if (is_our_bug(&a)) {
		snprintf(text, sizeof(text), "%.500s: %.80s", a.error, record);
		cli_test_failed(t->r, "types", "a record of each type", text);
		t->broken = true;
	} else {
		t->tried++;
		if (a.code && !t->refused++)
			snprintf(t->first, sizeof(t->first), "%s", a.error);
	}
	free(in.p);
	free(a.text.p);
}

/* The case's first record, with each type in place of a member. */
static void try_member(struct types *t, const struct test_text *record,
    struct cli_json value)
{
	size_t i, before = (size_t)(value.p - record->p);
	char *text;

	for (i = 0; i < COUNT(values); i++) {
		if (asprintf(&text, "%.*s%s%s", (int)before, record->p,
		    values[i], value.p + value.n) < 0)
			return;
		try(t, text);
		free(text);
	}
}

static void try_members(struct types *t)
{
	const char *p = t->r->k->in.p;
	struct cli_json rest, name, value;
	struct test_text record;
	int i;

	if (!cli_test_compact(p, strcspn(p, "\n"), &record))
		return;
	rest = (struct cli_json){ record.p, record.n };
	for (i = 0; record.n && *record.p == '{' && i < MEMBERS &&
	    cli_json_member(&rest, &name, &value); i++)
		try_member(t, &record, value);
	free(record.p);
}

bool cli_test_types(const struct run *r)
{
	struct types t = { .r = r };
	char remark[700];
	size_t i;

	for (i = 0; i < COUNT(values); i++)
		try(&t, values[i]);
	try_members(&t);
	if (t.no_job || t.broken)
		return !t.no_job;
	snprintf(remark, sizeof(remark), "refuses %u of %u: %s", t.refused,
	    t.tried, t.first);
	cli_test_passed(r, "types", "a record of each type", t.refused ? remark : NULL);
	return true;
}
