/* SPDX-License-Identifier: MIT */
/* fields.h - a list argument that names fields. */
#ifndef FIELDS_H
#define FIELDS_H
#include <snek/plugin.h>

struct field {
	snek_path path;
	struct snek_value name;         /* as it was given */
};
struct fields {
	struct field *field;            /* snek_alloc'd */
	uint32_t n;
};

/* open only.  An argument that was not given names no fields. */
static inline int fields_open(snek_ctx *c, const char *arg, struct fields *out)
{
	struct snek_value list, none;
	struct snek_cursor at;
	int rc = snek_arg(c, arg, &list);

	out->n = 0;
	if (rc < 0 || list.type == SNEK_NONE)
		return rc;
	rc = snek_iterate(c, list, &at);
	if (rc < 0)
		return rc;
	out->field = snek_alloc(c, at.left * sizeof(*out->field));
	if (!out->field)
		return SNEK_ENOMEM;
	while ((rc = snek_next(c, &at, &none, &out->field[out->n].name)) > 0) {
		struct field *f = &out->field[out->n++];

		rc = snek_field_n(c, f->name.as.s, f->name.len, &f->path);
		if (rc < 0)
			return rc;
		if (!at.left)
			break;
	}
	return rc < 0 ? rc : 0;
}
#endif
