/* SPDX-License-Identifier: MIT */
#include "job/fields.h"

#include <stdio.h>
#include <stdlib.h>

static int note(const struct sk_path *p, char **out)
{
	struct sk_buf b = { 0 };

	if (!p->n)
		return 0;
	if (!sk_path_text(p, &b) || !sk_buf_byte(&b, 0)) {
		sk_buf_free(&b);
		return SNEK_ENOMEM;
	}
	*out = b.p;
	return 0;
}

int sk_fields_note(struct sk_fields *f, const sk_instance *in,
    struct snek_error *e)
{
	const struct sk_path *path;
	uint32_t i, n = sk_instance_paths(in, &path);

	n = n < SK_SEEN_PATHS ? n : SK_SEEN_PATHS;
	f->name = calloc(n + 1, sizeof(*f->name));
	if (!f->name)
		return sk_enomem(e);
	f->n = n;
	for (i = 0; i < n; i++)
		if (note(&path[i], &f->name[i]))
			return sk_enomem(e);
	return 0;
}

void sk_fields_see(struct sk_fields *f, const struct sk_outcome *o)
{
	size_t i;

	for (i = 0; i < SK_SEEN_PATHS / 64; i++)
		f->seen[i] |= o->seen[i];
}

static bool is_missing(const struct sk_fields *f, uint32_t i)
{
	return f->name[i] && !(f->seen[i / 64] >> i % 64 & 1);
}

int sk_fields_check(const struct sk_fields *f, const char *where,
    void (*log)(void *, int, const char *), void *arg, struct snek_error *e)
{
	uint32_t i, watched = 0, missing = 0, first = 0;
	char line[512];

	for (i = f->n; i-- > 0;) {
		watched += f->name[i] != NULL;
		missing += is_missing(f, i);
		first = is_missing(f, i) ? i : first;
	}
	if (!missing)
		return 0;
	if (missing == watched)
		return sk_fail(e, SNEK_ENOENT, "no record of %s has a field '%s'; "
		    "snek describe lists the fields of a category", where, f->name[first]);
	for (i = 0; i < f->n; i++)
		if (is_missing(f, i)) {
			snprintf(line, sizeof(line), "no record of %s has a field "
			    "'%.200s'", where, f->name[i]);
			log(arg, SNEK_WARN, line);
		}
	return 0;
}

void sk_fields_free(struct sk_fields *f)
{
	while (f->n)
		free(f->name[--f->n]);
	free(f->name);
	memset(f, 0, sizeof(*f));
}
