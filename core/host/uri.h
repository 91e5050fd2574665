/* SPDX-License-Identifier: MIT */
/* uri.h - the target of a request taken apart, and names of functions. */
#ifndef SK_URI_H
#define SK_URI_H
#include <stdbool.h>
#include <stddef.h>

enum { SK_URI_PARTS = 8, SK_URI_TEXT = 4096 };

/* "/a/b%3Ac?x=1": its path in parts, decoded, the last of them with what is
 * left when there are more. */
struct sk_uri {
	size_t parts;
	char *part[SK_URI_PARTS];
	char text[SK_URI_TEXT];
};
/* False: too long, a bad escape, or an escaped NUL. */
bool sk_uri_split(struct sk_uri *, const char *target, size_t path_len,
    size_t most);
/* Decode n bytes to at most max and a NUL; how many, or -1. */
long sk_uri_decode(const char *, size_t n, char *to, size_t max);
/* The value of a member of the query, decoded: 1; 0: there is none; -1: it is
 * malformed or longer than n. */
int sk_uri_query(const char *target, const char *name, char *to, size_t n);
/* The same for the i-th member of that name. */
int sk_uri_query_at(const char *target, const char *name, size_t i, char *to,
    size_t n);

/* NAME, ACCOUNT:function:NAME, or a whole ARN, each with or without :QUALIFIER. */
struct sk_function_name {
	char name[65], qualifier[129];          /* qualifier: or "" */
};
bool sk_function_name_parse(const char *text, struct sk_function_name *);

/* Letters, digits, - and _; of 1 to max of them. */
bool sk_name_is_plain(const char *, size_t max);
bool sk_name_is_number(const char *);
#endif
