/* SPDX-License-Identifier: MIT */
/*
 * Side inputs as an op sees them: the chunks of each, as views that live until
 * the op is closed.
 */
#include <stdlib.h>
#include <string.h>

#include "task/host.h"
#include "value/value.h"

struct view {
	struct sk_whole wholes;         /* first */
	struct snek_side *side;
	struct snek_chunk view;
	struct sk_chunk *chunk;
	struct snek_column *column;
	const struct snek_column **columns;
};

struct snek_side {
	struct snek_side *next;
	const struct sk_side_input *input;
	sk_instance *in;
	struct sk_path *path;
	uint32_t paths;
	struct view **view;             /* by chunk; NULL: none was asked for */
	struct sk_buf scratch;          /* of the whole record that was read */
};

static sk_instance *instance(snek_ctx *c)
{
	return (sk_instance *)c;
}

/* ---- opening ---- */

static const struct sk_side_input *find(const sk_instance *in, const char *name,
    size_t n)
{
	const struct sk_side_input *s;
	size_t i;

	for (i = 0; i < in->o.sides; i++) {
		s = &in->o.side[i];
		if (!strncmp(s->name, name, n) && !s->name[n])
			return s;
	}
	return NULL;
}

static int add(sk_instance *in, const struct sk_side_input *input,
    snek_side **out)
{
	struct snek_side *s;

	for (s = in->side; s && s->input != input; s = s->next)
		;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return sk_host_fail(in, SNEK_ENOMEM, "out of memory");
		s->in = in;
		s->input = input;
		s->next = in->side;
		in->side = s;
	}
	*out = s;
	return 0;
}

int sk_side_open(snek_ctx *c, const char *name, size_t n, snek_side **out)
{
	sk_instance *in = instance(c);
	const struct sk_side_input *input;

	if (in->failure.code)
		return in->failure.code;
	if (!(in->frame.may & SK_MAY_DECLARE))
		return sk_host_not_here(in, "snek_side_open");
	input = name ? find(in, name, n) : NULL;
	if (!input)
		return sk_host_fail(in, SNEK_ENOENT, "it needs the side input "
		    "'%.*s', and the job has none of that name: give it with "
		    "--side %.*s=CATEGORY or a file", n > 64 ? 64 : (int)n,
		    name ? name : "", n > 64 ? 64 : (int)n, name ? name : "");
	return add(in, input, out);
}

/* ---- fields ---- */

static int add_field(struct snek_side *s, const char *text, snek_path *out)
{
	struct sk_path *p = realloc(s->path, (s->paths + 1) * sizeof(*p));
	int rc;

	if (!p)
		return sk_host_fail(s->in, SNEK_ENOMEM, "out of memory");
	s->path = p;
	rc = sk_path_parse(&p[s->paths], text, &s->in->failure);
	if (rc < 0)
		return sk_host_stick(s->in, rc);
	out->id = s->paths++;
	return 0;
}

int sk_side_field(snek_ctx *c, snek_side *s, const char *path, size_t n,
    snek_path *out)
{
	sk_instance *in = instance(c);
	char *text;
	int rc;

	if (in->failure.code)
		return in->failure.code;
	if (!(in->frame.may & SK_MAY_DECLARE) || s->view)
		return sk_host_not_here(in, "snek_side_field");
	if (s->paths == SK_MAX_FIELDS)
		return sk_host_fail(in, SNEK_ELIMIT, "names over %u fields of a "
		    "side input", SK_MAX_FIELDS);
	if (!path || memchr(path, '\0', n))
		return sk_host_fail(in, SNEK_EINVAL, "names a field that is no "
		    "path");
	text = strndup(path, n);
	if (!text)
		return sk_host_fail(in, SNEK_ENOMEM, "out of memory");
	rc = add_field(s, text, out);
	free(text);
	return rc;
}

/* ---- chunks ---- */

static struct snek_value whole(struct sk_whole *w, uint32_t row)
{
	struct view *v = (struct view *)w;
	sk_instance *in = v->side->in;
	struct snek_value out;
	int rc;

	if (row >= v->view.rows) {
		sk_host_fail(in, SNEK_EINVAL, "read record %u of a chunk of %u",
		    row, v->view.rows);
		return sk_none();
	}
	rc = sk_chunk_value(v->chunk, row, &v->side->scratch, &out, &in->failure);
	if (rc < 0) {
		sk_host_stick(in, rc);
		return sk_none();
	}
	return out;
}

static void free_view(struct view *v)
{
	if (!v)
		return;
	sk_chunk_close(v->chunk);
	free(v->column);
	free(v->columns);
	free(v);
}

static int view_columns(struct view *v, struct snek_error *e)
{
	const struct snek_side *s = v->side;
	struct snek_column *c;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < s->paths && rc >= 0; i++) {
		c = &v->column[i];
		v->columns[i] = c;
		rc = sk_chunk_column(v->chunk, &s->path[i], c, e);
		c->size = sizeof(*c);
		if (c->type == SNEK_COLUMN_HOST)
			c->host = &v->wholes;
	}
	return rc;
}

static int fill_view(struct view *v, const struct sk_task_chunk *chunk,
    struct snek_error *e)
{
	int rc;

	v->column = calloc(v->side->paths + 1, sizeof(*v->column));
	v->columns = calloc(v->side->paths + 1, sizeof(*v->columns));
	if (!v->column || !v->columns)
		return sk_enomem(e);
	rc = sk_chunk_open(chunk->bytes.p, chunk->bytes.n, &v->chunk, e);
	if (rc < 0)
		return rc;
	v->view = (struct snek_chunk){ .size = sizeof(v->view),
		.rows = sk_chunk_rows(v->chunk), .api = &sk_host_api,
		.columns = v->columns };
	return view_columns(v, e);
}

static int open_view(struct snek_side *s, uint32_t number)
{
	struct view *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return sk_host_fail(s->in, SNEK_ENOMEM, "out of memory");
	v->wholes.get = whole;
	v->side = s;
	rc = fill_view(v, &s->input->chunk[number], &s->in->failure);
	if (rc < 0) {
		free_view(v);
		sk_fail_in(&s->in->failure, rc, "the side input %s, chunk %u",
		    s->input->name, number);
		return sk_host_stick(s->in, rc);
	}
	s->view[number] = v;
	return 0;
}

int sk_side_chunk(snek_ctx *c, snek_side *s, uint32_t number,
    const struct snek_chunk **out)
{
	sk_instance *in = instance(c);
	int rc;

	if (in->failure.code)
		return in->failure.code;
	if (number >= s->input->chunks)
		return 0;
	if (!s->view)
		s->view = calloc(s->input->chunks, sizeof(*s->view));
	if (!s->view)
		return sk_host_fail(in, SNEK_ENOMEM, "out of memory");
	rc = s->view[number] ? 0 : open_view(s, number);
	if (rc < 0)
		return rc;
	*out = &s->view[number]->view;
	return 1;
}

/* ---- the end ---- */

static void free_side(struct snek_side *s)
{
	size_t i;

	for (i = 0; s->view && i < s->input->chunks; i++)
		free_view(s->view[i]);
	while (s->paths)
		sk_path_free(&s->path[--s->paths]);
	free(s->path);
	free(s->view);
	sk_buf_free(&s->scratch);
	free(s);
}

void sk_side_free_all(sk_instance *in)
{
	struct snek_side *s;

	while ((s = in->side)) {
		in->side = s->next;
		free_side(s);
	}
}
