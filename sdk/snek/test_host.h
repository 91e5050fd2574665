/* SPDX-License-Identifier: MIT */
/* snek/test_host.h - the inside of snek/test.h: include that one.  The table
 * that the op sees, over lists of named values. */
#ifndef SNEK_TEST_HOST_H
#define SNEK_TEST_HOST_H

#include <snek/test_value.h>

/* ---- the host's table ---- */

static inline struct snek_test *snek_test_of(snek_ctx *c)
{
	return (struct snek_test *)c;
}

/* The first failure is kept. */
static inline int snek_test_stick(snek_ctx *c, int code, const char *text)
{
	struct snek_test *t = snek_test_of(c);

	if (!t->failure) {
		t->failure = code;
		snprintf(t->text, sizeof(t->text), "%s", text);
	}
	return t->failure;
}

static inline bool snek_test_may_do(snek_ctx *c, unsigned what)
{
	struct snek_test *t = snek_test_of(c);

	if (!t->failure && !(t->may & what))
		snek_test_stick(c, SNEK_EINVAL, "called what is not allowed in "
		    "this callback");
	return !t->failure;
}

static inline bool snek_test_is_utf8(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = 0, k; i < n; i += k) {
		k = p[i] < 0x80 ? 1 : p[i] < 0xc2 ? 0 : p[i] < 0xe0 ? 2
		    : p[i] < 0xf0 ? 3 : p[i] < 0xf5 ? 4 : 0;
		if (!k || k > n - i || (p[i] == 0xe0 && p[i + 1] < 0xa0) ||
		    (p[i] == 0xed && p[i + 1] > 0x9f) ||
		    (p[i] == 0xf0 && p[i + 1] < 0x90) ||
		    (p[i] == 0xf4 && p[i + 1] > 0x8f))
			return false;
		for (size_t j = 1; j < k; j++)
			if ((p[i + j] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static inline int snek_test_check(snek_ctx *c, struct snek_value v)
{
	if (v.type == SNEK_NONE || v.type > SNEK_OBJECT)
		return snek_test_stick(c, SNEK_EINVAL, "emitted a value of no "
		    "type that there is");
	if (v.type == SNEK_DOUBLE && (v.as.u >> 52 & 0x7ff) == 0x7ff)
		return snek_test_stick(c, SNEK_EINVAL, "emitted a number that is "
		    "not finite");
	if (v.type == SNEK_STRING && !snek_test_is_utf8(v.as.s, v.len))
		return snek_test_stick(c, SNEK_EINVAL, "emitted a string that is "
		    "not UTF-8");
	return 0;
}

static inline struct snek_value snek_test_default(struct snek_test *t,
    const struct snek_arg *a)
{
	struct snek_value v[64], none = snek_null();
	const char *p = a->value;
	size_t n = 0, k;

	none.type = SNEK_NONE;
	if (!p)
		return none;
	if (a->type == SNEK_ARG_INT)
		return snek_int(strtoll(p, NULL, 10));
	if (a->type == SNEK_ARG_DOUBLE)
		return snek_double(strtod(p, NULL));
	if (a->type == SNEK_ARG_BOOL)
		return snek_bool(!strcmp(p, "yes") || !strcmp(p, "true"));
	if (a->type != SNEK_ARG_LIST)
		return snek_string(p);
	for (; *p && n < 64; p += k + (p[k] == ',')) {
		k = strcspn(p, ",");
		v[n++] = snek_string_n(p, k);
	}
	return snek_test_pack(&t->kept, NULL, v, n);
}

static inline int snek_test_get_arg(snek_ctx *c, const char *name,
    struct snek_value *out)
{
	struct snek_test *t = snek_test_of(c);
	struct snek_test_named *given = snek_test_find(&t->arg, name, strlen(name));

	if (!snek_test_may_do(c, SNEK_TEST_DECLARE))
		return t->failure;
	for (size_t i = 0; t->op->args && t->op->args[i]; i++) {
		if (strcmp(t->op->args[i]->name, name))
			continue;
		*out = given ? given->value : snek_test_default(t, t->op->args[i]);
		if (out->type == SNEK_NONE && t->op->args[i]->required)
			snek_test_die("a required argument was not given");
		return 0;
	}
	return snek_test_stick(c, SNEK_EINVAL, "asked for an argument that it "
	    "does not declare");
}

static inline int snek_test_get_field(snek_ctx *c, const char *path, size_t n,
    snek_path *out)
{
	struct snek_test *t = snek_test_of(c);
	struct snek_test_named *p = snek_test_find(&t->path, path, n);

	if (!snek_test_may_do(c, SNEK_TEST_DECLARE))
		return t->failure;
	if (!p)
		p = snek_test_add(t, &t->path, path, n);
	out->id = (uint32_t)(p - t->path.v);
	return 0;
}

static inline int snek_test_get_aggregate(snek_ctx *c, const char *name,
    uint32_t kind)
{
	struct snek_test *t = snek_test_of(c);

	if (!snek_test_may_do(c, SNEK_TEST_DECLARE))
		return t->failure;
	if (kind > SNEK_MEAN || snek_test_find(&t->aggregate, name, strlen(name)))
		return snek_test_stick(c, SNEK_EINVAL, "declared an aggregate "
		    "twice, or one of no kind that there is");
	snek_test_add(t, &t->aggregate, name, strlen(name))->count = kind;
	return 0;
}

static inline void snek_test_keep(struct snek_test *t, struct snek_value key,
    const struct snek_value *v, size_t n)
{
	struct snek_test_pair *p = (struct snek_test_pair *)realloc(t->pair,
	    (t->pairs + 1) * sizeof(*p));

	if (!p)
		snek_test_die("out of memory");
	t->pair = p;
	p += t->pairs++;
	p->key = snek_test_copy(t, key);
	p->n = n;
	p->value = (struct snek_value *)snek_test_more(&t->kept, n * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		p->value[i] = snek_test_copy(t, v[i]);
}

static inline int snek_test_emit(snek_ctx *c, struct snek_value key,
    struct snek_value value)
{
	struct snek_test *t = snek_test_of(c);

	if (!snek_test_may_do(c, SNEK_TEST_EMIT) || snek_test_check(c, key) < 0 ||
	    snek_test_check(c, value) < 0)
		return t->failure;
	if (t->combining && !snek_test_same(key, t->group))
		return snek_test_stick(c, SNEK_EPLUGIN, "combine emitted under "
		    "another key");
	if (t->aggregate.n > 1 && t->may & SNEK_TEST_ROWS)
		return snek_test_stick(c, SNEK_EINVAL, "emitted a single value "
		    "for several aggregates: emit a row of them");
	snek_test_keep(t, key, &value, 1);
	return 0;
}

static inline int snek_test_emit_int(snek_ctx *c, const char *key, size_t n,
    int64_t i)
{
	return snek_test_emit(c, snek_string_n(key, n), snek_int(i));
}

static inline int snek_test_emit_row(snek_ctx *c, struct snek_value key,
    const struct snek_value *v, size_t n)
{
	struct snek_test *t = snek_test_of(c);

	if (!snek_test_may_do(c, SNEK_TEST_ROWS) || snek_test_check(c, key) < 0)
		return t->failure;
	if (!n || n != t->aggregate.n)
		return snek_test_stick(c, SNEK_EINVAL, "emitted a row of other "
		    "than the aggregates declared");
	for (size_t i = 0; i < n; i++)
		if (v[i].type != SNEK_NONE && snek_test_check(c, v[i]) < 0)
			return t->failure;
	snek_test_keep(t, key, v, n);
	return 0;
}

static inline int snek_test_next_value(snek_ctx *c, snek_values *it,
    struct snek_value *out)
{
	struct snek_test *t = snek_test_of(c);

	if (!snek_test_may_do(c, SNEK_TEST_VALUES))
		return t->failure;
	if ((void *)it != (void *)&t->value || t->value_at == t->value_n)
		return 0;
	*out = t->value[t->value_at++];
	return 1;
}

static inline int snek_test_iterate(struct snek_value v, struct snek_cursor *at)
{
	if (v.type != SNEK_ARRAY && v.type != SNEK_OBJECT)
		return SNEK_ETYPE;
	at->next = (const uint8_t *)v.as.p + 5;
	at->bytes = v.len - 5;
	at->left = (uint32_t)snek_test_number((const uint8_t *)v.as.p + 1, 4);
	at->is_object = v.type == SNEK_OBJECT;
	at->reserved = 0;
	return 0;
}

static inline int snek_test_next(struct snek_cursor *at, struct snek_value *name,
    struct snek_value *out)
{
	if (!at->left)
		return 0;
	at->left--;
	*name = snek_null();
	name->type = SNEK_NONE;
	if (at->is_object)
		*name = snek_test_take(at);
	*out = snek_test_take(at);
	return 1;
}

/* What lies at a path of names with dots between and [i]; no backslashes. */
static inline struct snek_value snek_test_walk(struct snek_value v,
    const char *path)
{
	struct snek_value name, at, none = snek_null();
	struct snek_cursor it;
	size_t n, i;

	none.type = SNEK_NONE;
	for (; *path; path += n) {
		bool element = *path == '[';

		path += *path == '.' || element;
		n = strcspn(path, element ? "]" : ".[");
		if (v.type != (element ? SNEK_ARRAY : SNEK_OBJECT) ||
		    snek_test_iterate(v, &it) < 0)
			return none;
		v = none;
		for (i = 0; v.type == SNEK_NONE &&
		    snek_test_next(&it, &name, &at) == 1; i++)
			if (element ? i == strtoul(path, NULL, 10)
			    : name.len == n && !memcmp(name.as.s, path, n))
				v = at;
		n += element;
	}
	return v;
}

static inline struct snek_side *snek_test_side_of(struct snek_test *t,
    const struct snek_column *col)
{
	struct snek_side *s = t->side;

	while (s && !(s->column && col >= s->column &&
	    col < s->column + s->path.n))
		s = s->next;
	return s;
}

/* The whole record, if it was not given: its fields without dots. */
static inline struct snek_value snek_test_whole(struct snek_test *t, uint32_t row)
{
	struct snek_value names[64], values[64];
	size_t n = 0;

	for (size_t i = 0; i < t->cell.n && n < 64; i++) {
		const struct snek_test_named *v = &t->cell.v[i];

		if (v->row != row || strpbrk(v->name, ".["))
			continue;
		names[n] = snek_string(v->name);
		values[n++] = v->value;
	}
	return snek_test_pack(&t->kept, names, values, n);
}

static inline struct snek_value snek_test_column_value(
    const struct snek_column *col, uint32_t row, uint32_t slot)
{
	struct snek_test *t = (struct snek_test *)col->host;
	const struct snek_side *s = snek_test_side_of(t, col);
	struct snek_value none = snek_null();
	const char *path;

	(void)slot;
	if (s)
		return snek_test_walk(s->v[row], s->path.v[col - s->column].name);
	path = t->path.v[col - t->column].name;
	none.type = SNEK_NONE;
	row += t->first;
	for (size_t i = 0; i < t->cell.n; i++)
		if (t->cell.v[i].row == row && !strcmp(t->cell.v[i].name, path))
			return t->cell.v[i].value;
	return *path ? none : snek_test_whole(t, row);
}

static inline int snek_test_next_chunk(snek_ctx *c, snek_chunks *it,
    const struct snek_chunk **out)
{
	struct snek_test *t = snek_test_of(c);

	if ((void *)it != (void *)t || !snek_test_may_do(c, SNEK_TEST_CHUNKS))
		return t->failure;
	if (t->chunk == t->chunk_end.n)
		return 0;
	t->first = t->chunk ? t->chunk_end.v[t->chunk - 1].row : 0;
	t->view.rows = t->chunk_end.v[t->chunk++].row - t->first;
	*out = &t->view;
	return 1;
}

static inline void *snek_test_alloc(snek_ctx *c, size_t n)
{
	struct snek_test *t = snek_test_of(c);

	return snek_test_more(t->may & SNEK_TEST_DECLARE ? &t->opening : &t->call, n);
}

static inline int snek_test_do_pack(snek_ctx *c, const struct snek_value *names,
    const struct snek_value *v, size_t n, struct snek_value *out)
{
	struct snek_test *t = snek_test_of(c);

	for (size_t i = 0; i < n; i++)
		if (snek_test_check(c, v[i]) < 0)
			return t->failure;
	*out = snek_test_pack(t->may & SNEK_TEST_DECLARE ? &t->opening : &t->call,
	    names, v, n);
	return 0;
}

static inline void snek_test_count(snek_ctx *c, const char *name, int64_t n)
{
	struct snek_test *t = snek_test_of(c);
	struct snek_test_named *v = snek_test_find(&t->counter, name, strlen(name));

	if (!v)
		v = snek_test_add(t, &t->counter, name, strlen(name));
	v->count += n;
}

static inline int64_t snek_test_time_left(snek_ctx *c)
{
	(void)c;
	return INT64_MAX;
}

static inline int snek_test_cancelled(snek_ctx *c)
{
	(void)c;
	return 0;
}

static inline const struct snek_task_info *snek_test_info(snek_ctx *c)
{
	return &snek_test_of(c)->info;
}

static inline int snek_test_fail(snek_ctx *c, int code, const char *s, size_t n)
{
	struct snek_test *t = snek_test_of(c);

	snprintf(t->said, sizeof(t->said), "%.*s", (int)n, s);
	return code < 0 ? code : SNEK_EPLUGIN;
}

static inline void snek_test_log(snek_ctx *c, uint32_t level, const char *s,
    size_t n)
{
	(void)level;
	snprintf(snek_test_of(c)->log, 1024, "%.*s", (int)n, s);
}

static inline int snek_test_get_side(snek_ctx *c, const char *name, size_t n,
    snek_side **out)
{
	struct snek_test *t = snek_test_of(c);
	struct snek_side *s = t->side;

	if (!snek_test_may_do(c, SNEK_TEST_DECLARE))
		return t->failure;
	while (s && (strncmp(s->name, name, n) || s->name[n]))
		s = s->next;
	if (!s)
		return snek_test_stick(c, SNEK_ENOENT, "asked for a side input "
		    "that was not given");
	*out = s;
	return 0;
}

static inline int snek_test_get_side_field(snek_ctx *c, snek_side *s,
    const char *path, size_t n, snek_path *out)
{
	if (!snek_test_may_do(c, SNEK_TEST_DECLARE) || s->column)
		return snek_test_stick(c, SNEK_EINVAL, "named a field of a side "
		    "input too late");
	out->id = (uint32_t)s->path.n;
	snek_test_add(s->t, &s->path, path, n);
	return 0;
}

static inline int snek_test_side_chunk(snek_ctx *c, snek_side *s, uint32_t number,
    const struct snek_chunk **out)
{
	size_t n = s->path.n + 1;

	(void)c;
	if (number || !s->view.rows)
		return 0;
	if (!s->column) {
		s->column = (struct snek_column *)calloc(n, sizeof(*s->column));
		s->columns = (const struct snek_column **)calloc(n, sizeof(void *));
		if (!s->column || !s->columns)
			snek_test_die("out of memory");
		for (size_t i = 0; i < s->path.n; i++) {
			s->column[i].size = sizeof(*s->column);
			s->column[i].type = SNEK_COLUMN_HOST;
			s->column[i].presence = SNEK_PRESENT_ALL;
			s->column[i].rows = s->column[i].slots = s->view.rows;
			s->column[i].host = s->t;
			s->columns[i] = &s->column[i];
		}
		s->view.columns = s->columns;
	}
	*out = &s->view;
	return 1;
}

/* Records are those of one write, whose first map was given. */
static inline int snek_test_place(snek_ctx *c, struct snek_record r,
    struct snek_place *out)
{
	struct snek_test *t = snek_test_of(c);

	if (!snek_test_may_do(c, SNEK_TEST_ROWS))
		return t->failure;
	out->version = 1;
	out->record = r.row + t->first;
	return 0;
}

static inline struct snek_api snek_test_table(void)
{
	struct snek_api a;

	memset(&a, 0, sizeof(a));
	a.abi = SNEK_ABI;
	a.size = sizeof(a);
	a.arg = snek_test_get_arg;
	a.field = snek_test_get_field;
	a.aggregate = snek_test_get_aggregate;
	a.emit = snek_test_emit;
	a.emit_int = snek_test_emit_int;
	a.emit_row = snek_test_emit_row;
	a.next_chunk = snek_test_next_chunk;
	a.next_value = snek_test_next_value;
	a.column_value = snek_test_column_value;
	a.iterate = snek_test_iterate;
	a.next = snek_test_next;
	a.pack = snek_test_do_pack;
	a.alloc = snek_test_alloc;
	a.count = snek_test_count;
	a.time_left = snek_test_time_left;
	a.cancelled = snek_test_cancelled;
	a.info = snek_test_info;
	a.fail = snek_test_fail;
	a.log = snek_test_log;
	a.side = snek_test_get_side;
	a.side_field = snek_test_get_side_field;
	a.side_chunk = snek_test_side_chunk;
	a.place = snek_test_place;
	return a;
}

#endif
