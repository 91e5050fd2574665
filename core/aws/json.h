/* SPDX-License-Identifier: MIT */
/* json.h - an answer in JSON, read by paths ("Configuration.State"). */
#ifndef SK_AWS_JSON_H
#define SK_AWS_JSON_H
#include "base/buf.h"
#include "base/err.h"

struct sk_json;

/* SNEK_EFORMAT: it is none.  The text must live as long. */
int sk_json_open(const struct sk_buf *text, struct sk_json **,
    struct snek_error *);
void sk_json_close(struct sk_json *);
/* What is there; SNEK_NONE: nothing.  Lives as long as the answer. */
struct snek_value sk_json_at(const struct sk_json *, const char *path);
/* A string of less than n bytes with a NUL behind it; false: there is none,
 * or it is longer, or holds a NUL (out is then ""). */
bool sk_json_text(const struct sk_json *, const char *path, char *out, size_t n);
bool sk_json_int(const struct sk_json *, const char *path, int64_t *);
#endif
