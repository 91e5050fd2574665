/* SPDX-License-Identifier: MIT */
/* flat.h - a JSON object with no other in it: members put, and found. */
#ifndef SK_FLAT_H
#define SK_FLAT_H
#include "value/json_read.h"

struct sk_flat_put {
	struct sk_buf *to;
	bool nomem;
};
/* '{'; the object's last member is followed by a '}', raw. */
void sk_flat_open(struct sk_flat_put *);
void sk_flat_number(struct sk_flat_put *, const char *name, uint64_t);
void sk_flat_signed(struct sk_flat_put *, const char *name, int64_t);
/* A text from anywhere: it becomes fit to print. */
void sk_flat_text(struct sk_flat_put *, const char *name, const char *);
void sk_flat_base64(struct sk_flat_put *, const char *name, struct sk_span);
void sk_flat_raw(struct sk_flat_put *, const void *, size_t);

struct sk_flat {
	struct sk_record record;        /* views: the reader's */
	const char *bad;                /* the first member that is not as it
					 * should be */
};
/* SNEK_EFORMAT: no object. */
int sk_flat_read(sk_json_reader *, struct sk_span, struct sk_flat *,
    struct snek_error *);
bool sk_flat_has(const struct sk_flat *, const char *name);
/* What is missing is other. */
uint64_t sk_flat_get_number(struct sk_flat *, const char *name, uint64_t max,
    uint64_t other);
int64_t sk_flat_get_signed(struct sk_flat *, const char *name);
struct sk_span sk_flat_get_bytes(struct sk_flat *, const char *name);
/* Into size bytes, cut to fit, and fit to print; "": it is missing. */
void sk_flat_get_text(struct sk_flat *, const char *name, char *to,
    size_t size);
/* n hex digits of lower case, and a NUL; "": they are not. */
void sk_flat_get_hex(struct sk_flat *, const char *name, char *to, size_t n);
#endif
