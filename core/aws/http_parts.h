/* SPDX-License-Identifier: MIT */
/* http_parts.h - for http*.c alone. */
#ifndef SK_HTTP_PARTS_H
#define SK_HTTP_PARTS_H
#include "aws/http.h"

#include <curl/curl.h>

struct sk_http_host {
	struct sk_http_host *next;
	struct sk_http_call *first, *last;      /* waiting */
	int64_t known_until;
	struct sk_http_call *asks;      /* looks the name up */
	bool local;                     /* no name, or this machine's */
	uint32_t kept;                  /* connections that no call has, at most */
	char name[];                    /* https://example.com:443 */
};

struct sk_http_call {
	struct sk_http *http;
	struct sk_http_call *next, *prev;
	struct sk_http_host *host;
	CURL *easy;                     /* NULL: its turn has not come */
	struct curl_slist *headers;
	char *method, *url;
	struct sk_span body;
	size_t max_reply;
	int64_t timeout_ms, connect_ms;
	struct sk_http_reply reply;
	char said[CURL_ERROR_SIZE];
	void (*done)(void *, struct sk_http_reply *);
	void *arg;
};

struct sk_http {
	CURLM *multi;
	int epoll, wake;
	int64_t timer;                  /* when libcurl wants to be called */
	uint32_t connections, running;
	struct sk_http_call *calls;     /* under way */
	struct sk_http_host *hosts;
	CURL **idle;                    /* connections of them at most */
	uint32_t idles;
	char *ca_file, *agent;
};


/* http_call.c: one call as libcurl has it. */
int sk_http_call_fill(struct sk_http_call *, const struct sk_http_request *,
    struct snek_error *);
void sk_http_call_free(struct sk_http_call *);
void sk_http_call_set(struct sk_http_call *);   /* its handle's options */
void sk_http_call_judge(struct sk_http_call *, CURLcode);
#endif
