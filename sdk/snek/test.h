/* SPDX-License-Identifier: MIT */
/*
 * snek/test.h - unit-test an op without snek: this header is the host.
 *
 *   struct snek_test *t = snek_test_new(&snek_plugin, "wordcount");
 *
 *   snek_test_arg(t, "field", snek_string("text"));
 *   ck_assert_int_eq(snek_test_open(t), 0);
 *   snek_test_field(t, "text", snek_string("the cat"));
 *   ck_assert_int_eq(snek_test_map(t), 0);
 *   ck_assert(snek_test_same(snek_test_key(t, 0), snek_string("the")));
 *   snek_test_free(t);
 *
 * Include the plugin's source, or link it; there is nothing else to link, and
 * any test library will do.  It is for C, not C++.  What is no matter of the
 * op (no memory, a call out of turn) ends the program with a line that says so.
 *
 * It is strict where the real host is: a failure of a host's function fails
 * the callback whatever it returns, emits are checked, and memory of
 * snek_alloc goes when the callback returns, so that a sanitizer or valgrind
 * sees it used too long.  Unlike the real host's, all columns are of type
 * SNEK_COLUMN_HOST: read them with the getters.
 */
#ifndef SNEK_TEST_H
#define SNEK_TEST_H

#include <snek/test_host.h>

/* ---- an op ---- */

/* op NULL: the plugin's first one. */
static inline struct snek_test *snek_test_new(const struct snek_plugin *p,
    const char *op)
{
	struct snek_test *t = (struct snek_test *)calloc(1, sizeof(*t));
	size_t i = 0;

	if (!t)
		snek_test_die("out of memory");
	while (op && p->ops[i] && strcmp(p->ops[i]->name, op))
		i++;
	if (!p->ops[i])
		snek_test_die("the plugin has no such op");
	t->op = p->ops[i];
	t->api = snek_test_table();
	t->ctx.api = &t->api;
	t->info.size = sizeof(t->info);
	t->info.attempt = t->info.tasks = 1;
	t->info.category = "";
	return t;
}

/* Closes the op, too. */
static inline void snek_test_free(struct snek_test *t)
{
	if (!t)
		return;
	if (t->opened && t->op->close)
		t->op->close(t->self);
	for (struct snek_side *s = t->side; s; s = s->next) {
		free(s->path.v);
		free(s->column);
		free((void *)s->columns);
	}
	snek_test_drop(&t->call);
	snek_test_drop(&t->opening);
	snek_test_drop(&t->kept);
	free(t->arg.v);
	free(t->path.v);
	free(t->aggregate.v);
	free(t->cell.v);
	free(t->counter.v);
	free(t->chunk_end.v);
	free(t->column);
	free((void *)t->columns);
	free(t->pair);
	free(t);
}

/* Before open: an argument, of the type that it declares (a list is made with
 * snek_test_array).  Others have their defaults. */
static inline void snek_test_arg(struct snek_test *t, const char *name,
    struct snek_value v)
{
	snek_test_add(t, &t->arg, name, strlen(name))->value =
	    snek_test_copy(t, v);
}

/* Before open: a side input of n records. */
static inline void snek_test_side(struct snek_test *t, const char *name,
    const struct snek_value *v, size_t n)
{
	struct snek_side *s = (struct snek_side *)snek_test_more(&t->kept,
	    sizeof(*s));

	s->t = t;
	s->name = strcpy((char *)snek_test_more(&t->kept, strlen(name) + 1),
	    name);
	s->v = (struct snek_value *)snek_test_more(&t->kept, n * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		s->v[i] = snek_test_copy(t, v[i]);
	s->view.size = sizeof(s->view);
	s->view.rows = (uint32_t)n;
	s->view.api = &t->api;
	s->next = t->side;
	t->side = s;
}

/* What the callback's end comes to, as in the real host. */
static inline int snek_test_end(struct snek_test *t, int rc)
{
	if (!t->failure && rc < 0) {
		t->failure = rc;
		memcpy(t->text, t->said, sizeof(t->text));
	}
	if (!t->failure && rc > 0 && !(rc == SNEK_SKIP && t->may & SNEK_TEST_ROWS))
		snek_test_stick(&t->ctx, SNEK_EPLUGIN, "returned a number that "
		    "means nothing");
	if (t->failure)
		rc = t->failure;
	snek_test_drop(&t->call);
	t->may = 0;
	t->combining = false;
	return rc;
}

static inline void snek_test_begin(struct snek_test *t, unsigned may)
{
	if (!t->opened && may != SNEK_TEST_DECLARE)
		snek_test_die("open the op first");
	t->failure = 0;
	t->text[0] = t->said[0] = '\0';
	t->may = may;
}

/* All of these: 0, SNEK_SKIP or the failure that the host would see;
 * snek_test_text says why. */
static inline int snek_test_open(struct snek_test *t)
{
	int rc = 0;

	if (t->opened)
		snek_test_die("opened twice");
	snek_test_begin(t, SNEK_TEST_DECLARE);
	if (t->op->open)
		rc = t->op->open(&t->ctx, &t->self);
	rc = snek_test_end(t, rc);
	t->opened = rc >= 0;
	return rc;
}

/* ---- records ---- */

/* A field of the record at hand, by the very path that the op names; "" is the
 * whole record, which otherwise is an object of the fields without dots. */
static inline void snek_test_field(struct snek_test *t, const char *path,
    struct snek_value v)
{
	struct snek_test_named *cell = snek_test_add(t, &t->cell, path,
	    strlen(path));

	cell->row = t->rows;
	cell->value = snek_test_copy(t, v);
}

/* The record at hand is complete; what follows belongs to the next one. */
static inline void snek_test_record(struct snek_test *t)
{
	t->rows++;
}

/* The same, and the next one is in another chunk, for map_shard. */
static inline void snek_test_chunk(struct snek_test *t)
{
	snek_test_add(t, &t->chunk_end, "", 0)->row = ++t->rows;
}

static inline void snek_test_make_view(struct snek_test *t)
{
	size_t n = t->path.n + 1;

	free(t->column);
	free((void *)t->columns);
	t->column = (struct snek_column *)calloc(n, sizeof(*t->column));
	t->columns = (const struct snek_column **)calloc(n, sizeof(void *));
	if (!t->column || !t->columns)
		snek_test_die("out of memory");
	for (size_t i = 0; i < t->path.n; i++) {
		t->column[i].size = sizeof(*t->column);
		t->column[i].type = SNEK_COLUMN_HOST;
		t->column[i].presence = SNEK_PRESENT_ALL;
		t->column[i].rows = t->column[i].slots = t->rows + 1;
		t->column[i].host = t;
		t->columns[i] = &t->column[i];
	}
	t->view.size = sizeof(t->view);
	t->view.api = &t->api;
	t->view.columns = t->columns;
	t->view.rows = t->rows + 1;
	t->first = t->chunk = 0;
}

/* map or map_shard over the records that were made since; the answer for the
 * last of them, or for the first that failed. */
static inline int snek_test_map(struct snek_test *t)
{
	struct snek_record r = { &t->view, 0 };
	int rc = 0;

	snek_test_make_view(t);
	if (t->op->map_shard) {
		snek_test_add(t, &t->chunk_end, "", 0)->row = t->rows + 1;
		snek_test_begin(t, SNEK_TEST_EMIT | SNEK_TEST_CHUNKS |
		    SNEK_TEST_ROWS);
		rc = t->op->map_shard(&t->ctx, t->self, (snek_chunks *)t);
		if (rc >= 0 && t->chunk < t->chunk_end.n)
			snek_test_stick(&t->ctx, SNEK_EPLUGIN, "map_shard left "
			    "chunks");
		rc = snek_test_end(t, rc);
	} else if (!t->op->map) {
		snek_test_die("the op does not map (a plain function is "
		    "called as such)");
	}
	for (; t->op->map && rc >= 0 && r.row <= t->rows; r.row++) {
		snek_test_begin(t, SNEK_TEST_EMIT | SNEK_TEST_ROWS);
		rc = snek_test_end(t, t->op->map(&t->ctx, t->self, r));
	}
	t->cell.n = t->chunk_end.n = 0;
	t->rows = 0;
	return rc;
}

/* The end of a task. */
static inline int snek_test_finish(struct snek_test *t)
{
	snek_test_begin(t, SNEK_TEST_EMIT | SNEK_TEST_ROWS);
	t->may &= t->aggregate.n ? ~0u : ~(unsigned)SNEK_TEST_ROWS;
	return snek_test_end(t, t->op->finish ?
	    t->op->finish(&t->ctx, t->self) : 0);
}

/* ---- keys ---- */

static inline void snek_test_values(struct snek_test *t,
    const struct snek_value *v, size_t n)
{
	snek_test_begin(t, SNEK_TEST_EMIT | SNEK_TEST_VALUES);
	t->value = v;
	t->value_n = n;
	t->value_at = 0;
}

static inline int snek_test_combine(struct snek_test *t, struct snek_value key,
    const struct snek_value *v, size_t n)
{
	if (!t->op->combine)
		snek_test_die("the op does not combine");
	snek_test_values(t, v, n);
	t->combining = true;
	t->group = key;
	return snek_test_end(t, t->op->combine(&t->ctx, t->self, key,
	    (snek_values *)&t->value));
}

static inline int snek_test_reduce(struct snek_test *t, struct snek_value key,
    const struct snek_value *v, size_t n)
{
	if (!t->op->reduce)
		snek_test_die("the op does not reduce");
	snek_test_values(t, v, n);
	return snek_test_end(t, t->op->reduce(&t->ctx, t->self, key,
	    (snek_values *)&t->value));
}

/* Less than n, or it is wrong. */
static inline uint32_t snek_test_partition(struct snek_test *t,
    struct snek_value key, uint32_t n)
{
	if (!t->op->partition)
		snek_test_die("the op has no partition");
	snek_test_begin(t, 0);
	return t->op->partition(&t->ctx, t->self, key, n);
}

/* ---- what came of it ---- */

/* Pairs emitted so far, in order; they live until snek_test_free. */
static inline size_t snek_test_emits(const struct snek_test *t)
{
	return t->pairs;
}

static inline const struct snek_test_pair *snek_test_pair(
    const struct snek_test *t, size_t i)
{
	if (i >= t->pairs)
		snek_test_die("fewer pairs were emitted");
	return &t->pair[i];
}

static inline struct snek_value snek_test_key(const struct snek_test *t, size_t i)
{
	return snek_test_pair(t, i)->key;
}

static inline struct snek_value snek_test_value(const struct snek_test *t,
    size_t i)
{
	return snek_test_pair(t, i)->value[0];
}

/* The value of an emitted row for an aggregate, by its name. */
static inline struct snek_value snek_test_row(struct snek_test *t, size_t i,
    const char *aggregate)
{
	struct snek_test_named *a = snek_test_find(&t->aggregate, aggregate,
	    strlen(aggregate));

	if (!a || (size_t)(a - t->aggregate.v) >= snek_test_pair(t, i)->n)
		snek_test_die("no such aggregate was declared");
	return snek_test_pair(t, i)->value[a - t->aggregate.v];
}

/* Forget the pairs and the counters. */
static inline void snek_test_clear(struct snek_test *t)
{
	t->pairs = t->counter.n = 0;
}

static inline int64_t snek_test_counter(struct snek_test *t, const char *name)
{
	const struct snek_test_named *v = snek_test_find(&t->counter, name,
	    strlen(name));

	return v ? v->count : 0;
}

/* Why the last callback failed; "" if it did not, or did not say. */
static inline const char *snek_test_text(const struct snek_test *t)
{
	return t->text;
}

/* The last line logged. */
static inline const char *snek_test_logged(const struct snek_test *t)
{
	return t->log;
}

#endif
