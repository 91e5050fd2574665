/* SPDX-License-Identifier: MIT */
/* An op for each kind of callback, for tests of the host. */
#include <snek/plugin.h>
#include <stdlib.h>

#define ARGS (const struct snek_arg *const[])

/* ---- echo: every record, under its field ---- */

struct echo {
	snek_path key, record;
};

static int echo_open(snek_ctx *c, void **self)
{
	struct echo *e = snek_alloc(c, sizeof(*e));
	struct snek_value key;
	int rc = snek_arg(c, "key", &key);

	if (rc < 0 || !e)
		return rc < 0 ? rc : SNEK_ENOMEM;
	*self = e;
	rc = snek_field_n(c, key.as.s, key.len, &e->key);
	return rc < 0 ? rc : snek_field(c, "", &e->record);
}

static int echo_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct echo *e = self;
	struct snek_value key = snek_get(r, e->key);

	if (key.type == SNEK_NONE)
		return SNEK_SKIP;
	return snek_emit(c, key, snek_get(r, e->record));
}

/* ---- fields: an array of what the paths find ---- */

struct fields {
	snek_path path[16];
	uint32_t n;
	const void *last;               /* memory of the last record */
};

static int fields_open(snek_ctx *c, void **self)
{
	struct fields *f = snek_alloc(c, sizeof(*f));
	struct snek_value list, none, v;
	struct snek_cursor at;
	int rc = snek_arg(c, "paths", &list);

	if (rc < 0 || !f)
		return rc < 0 ? rc : SNEK_ENOMEM;
	f->n = 0;
	f->last = NULL;
	snek_iterate(c, list, &at);
	while (rc >= 0 && snek_next(c, &at, &none, &v) > 0)
		rc = snek_field_n(c, v.as.s, v.len, &f->path[f->n++]);
	*self = f;
	return rc;
}

static int fields_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct fields *f = self;
	struct snek_value v[16], all;
	int rc;

	for (uint32_t i = 0; i < f->n; i++) {
		v[i] = snek_get(r, f->path[i]);
		if (v[i].type == SNEK_NONE)
			v[i] = snek_string("-");
	}
	rc = snek_pack(c, NULL, v, f->n, &all);
	if (rc < 0)
		return rc;
	if (f->last && f->last != all.as.p)
		snek_count(c, "moved", 1);
	f->last = all.as.p;
	return snek_emit(c, snek_null(), all);
}

/* ---- args: one of each type ---- */

static const char *const arg_names[] = {
	"text", "whole", "real", "yes", "one", "list",
};

static int args_open(snek_ctx *c, void **self)
{
	struct snek_value *v = snek_alloc(c, 6 * sizeof(*v));

	if (!v)
		return SNEK_ENOMEM;
	*self = v;
	for (int i = 0; i < 6; i++) {
		int rc = snek_arg(c, arg_names[i], &v[i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int args_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value names[6], values[6], all, *v = self;
	size_t n = 0;
	int rc;

	(void)r;
	for (int i = 0; i < 6; i++)
		if (v[i].type != SNEK_NONE) {
			names[n] = snek_string(arg_names[i]);
			values[n++] = v[i];
		}
	rc = snek_pack(c, names, values, n, &all);
	return rc < 0 ? rc : snek_emit(c, snek_null(), all);
}

/* ---- shard: chunk by chunk; finish: what is held ---- */

struct shard {
	snek_path n;
	int64_t leave, rows;
	bool fail;
};

static int shard_open(snek_ctx *c, void **self)
{
	struct shard *s = calloc(1, sizeof(*s));
	struct snek_value leave, fail;
	int rc = 0;

	if (!s)
		return SNEK_ENOMEM;
	if ((rc = snek_arg(c, "leave", &leave)) < 0 ||
	    (rc = snek_arg(c, "fail", &fail)) < 0 ||
	    (rc = snek_field(c, "n", &s->n)) < 0) {
		free(s);
		return rc;
	}
	s->leave = leave.as.i;
	s->fail = fail.as.b;
	*self = s;
	return 0;
}

static int shard_map(snek_ctx *c, void *self, snek_chunks *it)
{
	const struct snek_chunk *k;
	struct shard *s = self;
	int64_t sum, n;
	int rc, chunks = 0;

	while (chunks != s->leave && (rc = snek_next_chunk(c, it, &k)) > 0) {
		struct snek_record r = { k, 0 };

		sum = 0;
		for (; r.row < k->rows; r.row++, s->rows++)
			if (snek_get_int(r, s->n, &n))
				sum += n;
		rc = snek_emit_int(c, "sum", 3, sum);
		if (rc < 0)
			return rc;
		chunks++;
	}
	return s->fail ? snek_fail(c, SNEK_EAGAIN, "not now") : 0;
}

static int shard_finish(snek_ctx *c, void *self)
{
	struct shard *s = self;
	int64_t rows = s->rows;

	s->rows = 0;
	return snek_emit_int(c, "rows", 4, rows);
}

/* ---- join: combine and reduce texts ---- */

struct join {
	int64_t most;
	char how[16];
};

static int join_open(snek_ctx *c, void **self)
{
	struct join *j = snek_alloc(c, sizeof(*j));
	struct snek_value most, how;
	int rc;

	if (!j)
		return SNEK_ENOMEM;
	*self = j;
	if ((rc = snek_arg(c, "most", &most)) < 0 ||
	    (rc = snek_arg(c, "how", &how)) < 0)
		return rc;
	j->most = most.as.i;
	memcpy(j->how, how.as.s, how.len + 1);
	return 0;
}

static int join(snek_ctx *c, struct join *j, struct snek_value key,
    snek_values *it)
{
	struct snek_value v;
	char text[4096];
	size_t n = 0;
	int64_t taken = 0;
	int rc = 0;

	while (taken != j->most && (rc = snek_next_value(c, it, &v)) > 0) {
		if (v.type != SNEK_STRING || n + v.len > sizeof(text))
			return snek_fail(c, SNEK_ETYPE, "cannot join this");
		memcpy(text + n, v.as.s, v.len);
		n += v.len;
		taken++;
	}
	return rc < 0 ? rc : snek_emit(c, key, snek_string_n(text, n));
}

static int join_combine(snek_ctx *c, void *self, struct snek_value key,
    snek_values *it)
{
	struct join *j = self;
	struct join all = { .most = -1 };

	snek_count(c, "combined", 1);
	if (!strcmp(j->how, "otherkey"))
		key = snek_string("elsewhere");
	return join(c, &all, key, it);
}

static int join_reduce(snek_ctx *c, void *self, struct snek_value key,
    snek_values *it)
{
	struct join *j = self;

	snek_count(c, "reduced", 1);
	if (!strcmp(j->how, "fail"))
		return snek_fail(c, SNEK_EPLUGIN, "no wish to");
	if (!strcmp(j->how, "row"))
		return snek_emit_row(c, key, &key, 1);
	if (!strcmp(j->how, "nothing"))
		return 0;
	return join(c, j, key, it);
}

static int join_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_cursor at;
	struct snek_value whole = r.chunk->api->column_value(
	    r.chunk->columns[0], r.row, r.row), none, k, v;

	(void)self;
	if (snek_iterate(c, whole, &at) < 0 ||
	    snek_next(c, &at, &none, &k) < 1 || snek_next(c, &at, &none, &v) < 1)
		return SNEK_SKIP;
	return snek_emit(c, k, v);
}

static int join_open_whole(snek_ctx *c, void **self)
{
	snek_path record;
	int rc = snek_field(c, "", &record);

	return rc < 0 ? rc : join_open(c, self);
}

static uint32_t join_partition(snek_ctx *c, void *self, struct snek_value key,
    uint32_t n)
{
	struct join *j = self;

	(void)c;
	if (!strcmp(j->how, "outside"))
		return n;
	return key.type == SNEK_STRING && key.len && key.as.s[0] > 'm' ? n - 1 : 0;
}

/* ---- totals: aggregates ---- */

static int totals_open(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, sizeof(*p));
	int rc = snek_aggregate(c, "count", SNEK_COUNT);

	if (!p)
		return SNEK_ENOMEM;
	*self = p;
	if (rc >= 0)
		rc = snek_aggregate(c, "most", SNEK_MAX);
	return rc < 0 ? rc : snek_field(c, "n", p);
}

static int totals_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value row[2] = { snek_int(1), snek_get(r, *(snek_path *)self) };

	snek_count(c, row[1].type == SNEK_NONE ? "without" : "with", 1);
	return snek_emit_row(c, snek_string("all"), row, 2);
}

/* ---- spread: every element of a record that is an array ---- */

static int spread_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value none, v;
	struct snek_cursor at;
	int rc = snek_iterate(c, snek_get(r, *(snek_path *)self), &at);

	while (rc >= 0 && (rc = snek_next(c, &at, &none, &v)) > 0)
		rc = snek_emit(c, snek_null(), v);
	return rc;
}

static int spread_open(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, sizeof(*p));

	*self = p;
	return p ? snek_field(c, "", p) : SNEK_ENOMEM;
}

static uint32_t first(snek_ctx *c, void *self, struct snek_value key, uint32_t n)
{
	(void)self, (void)key, (void)n;
	return snek_alloc(c, 100) ? 0 : n;
}

SNEK_PLUGIN("echo", "1.2.3",
	SNEK_OP(.name = "echo", .summary = "every record under its key",
	    .args = ARGS{ SNEK_ARG(.name = "key", .value = ""), NULL },
	    .open = echo_open, .map = echo_map),
	SNEK_OP(.name = "fields", .open = fields_open, .map = fields_map,
	    .args = ARGS{ SNEK_ARG(.name = "paths", .type = SNEK_ARG_LIST,
	    .required = 1), NULL }),
	SNEK_OP(.name = "args", .open = args_open, .map = args_map,
	    .args = ARGS{
	    SNEK_ARG(.name = "text", .help = "some text"),
	    SNEK_ARG(.name = "whole", .type = SNEK_ARG_INT, .value = "7"),
	    SNEK_ARG(.name = "real", .type = SNEK_ARG_DOUBLE),
	    SNEK_ARG(.name = "yes", .type = SNEK_ARG_BOOL),
	    SNEK_ARG(.name = "one", .type = SNEK_ARG_CHOICE,
	        .choices = "red|green"),
	    SNEK_ARG(.name = "list", .type = SNEK_ARG_LIST), NULL }),
	SNEK_OP(.name = "shard", .open = shard_open, .close = free,
	    .map_shard = shard_map, .finish = shard_finish, .reducer = "sum",
	    .args = ARGS{
	    SNEK_ARG(.name = "leave", .type = SNEK_ARG_INT, .value = "-1"),
	    SNEK_ARG(.name = "fail", .type = SNEK_ARG_BOOL, .value = "no"),
	    NULL }),
	SNEK_OP(.name = "join", .open = join_open_whole, .map = join_map,
	    .combine = join_combine, .reduce = join_reduce,
	    .partition = join_partition, .args = ARGS{
	    SNEK_ARG(.name = "most", .type = SNEK_ARG_INT, .value = "-1"),
	    SNEK_ARG(.name = "how", .type = SNEK_ARG_CHOICE, .value = "well",
	        .choices = "well|otherkey|fail|row|nothing|outside"), NULL }),
	SNEK_OP(.name = "totals", .open = totals_open, .map = totals_map),
	SNEK_OP(.name = "spread", .open = spread_open, .map = spread_map,
	    .partition = first));
