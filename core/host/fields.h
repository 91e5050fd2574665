/* SPDX-License-Identifier: MIT */
/* fields.h - the members of a JSON object that came with a request. */
#ifndef SK_FIELDS_H
#define SK_FIELDS_H
#include "value/json_read.h"

/* The first thing that was wrong stays, as AWS words it. */
struct sk_fields {
	struct snek_value object;
	const char *type;               /* of the error; NULL: none so far */
	char text[512];
};

/* An empty text is an empty object. */
void sk_fields_read(struct sk_fields *, sk_json_reader *, struct sk_span);

/* False: it is absent or null, or something was wrong. */
bool sk_field(struct sk_fields *, const char *name, struct snek_value *);
bool sk_field_object(struct sk_fields *, const char *name, struct sk_fields *);
/* A string of at most size - 1 bytes without NUL. */
bool sk_field_text(struct sk_fields *, const char *name, char *to, size_t size);
bool sk_field_number(struct sk_fields *, const char *name, int64_t min,
    int64_t max, int64_t *);
bool sk_field_bool(struct sk_fields *, const char *name);       /* false: absent */

__attribute__((format(printf, 3, 4)))
void sk_fields_fail(struct sk_fields *, const char *type, const char *fmt, ...);
/* That a value does not fit what is asked of it. */
void sk_fields_constraint(struct sk_fields *, const char *name,
    const char *value, const char *must);
#endif
