/* SPDX-License-Identifier: MIT */
#include "aws/json.h"
#include "value/json_read.h"

#include <stdlib.h>

struct sk_json {
	sk_json_reader *reader;
	struct snek_value value;
};

int sk_json_open(const struct sk_buf *text, struct sk_json **out,
    struct snek_error *e)
{
	struct sk_json_options o = { .last_duplicate = true, .plain = true };
	struct sk_json *j = calloc(1, sizeof(*j));
	int rc;

	if (!j)
		return sk_enomem(e);
	rc = sk_json_reader_new(&o, &j->reader);
	if (rc)
		sk_enomem(e);
	else
		rc = sk_json_value(j->reader, text->p ? text->p : "", text->n,
		    &j->value, e);
	if (rc) {
		sk_json_close(j);
		return rc;
	}
	*out = j;
	return 0;
}

void sk_json_close(struct sk_json *j)
{
	if (!j)
		return;
	sk_json_reader_free(j->reader);
	free(j);
}

struct snek_value sk_json_at(const struct sk_json *j, const char *path)
{
	struct sk_path p;
	struct snek_value v;

	if (sk_path_parse(&p, path, NULL))
		return sk_none();
	v = sk_path_walk(&p, 0, j->value);
	sk_path_free(&p);
	return v;
}

bool sk_json_text(const struct sk_json *j, const char *path, char *out, size_t n)
{
	struct snek_value v = sk_json_at(j, path);

	*out = '\0';
	if (v.type != SNEK_STRING || v.len >= n || memchr(v.as.s, 0, v.len))
		return false;
	memcpy(out, v.as.s, v.len);
	out[v.len] = '\0';
	return true;
}

bool sk_json_int(const struct sk_json *j, const char *path, int64_t *out)
{
	struct snek_value v = sk_json_at(j, path);

	if (v.type == SNEK_INT)
		*out = v.as.i;
	return v.type == SNEK_INT;
}
