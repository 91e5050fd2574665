/* SPDX-License-Identifier: MIT */
/*
 * event.h - the API behind API Gateway: an HTTP API's event (payload format
 * 2.0) in, its response out.  Pure; the other door to api.h's handlers.
 */
#ifndef SK_API_EVENT_H
#define SK_API_EVENT_H
#include "api/api.h"

#define SK_EVENT_BYTES ((size_t)6291556)        /* of an event: Lambda's quota */
/* Of a body, which comes in base64; headers and the like are beside it. */
#define SK_EVENT_BODY ((SK_EVENT_BYTES - 65536) / 4 * 3)

struct sk_event_call {                  /* a request, taken out of an event */
	struct sk_api_request request;
	const char *coding;             /* of its body; "": not said */
	char id[64];                    /* of API Gateway; "" when not said */
	void *reader;                   /* holds the texts */
	char *text;
	struct sk_buf body;             /* decoded, if it came in base64 */
};
/* SNEK_EFORMAT: no such event; SNEK_ENOMEM.  To be freed either way. */
int sk_event_parse(struct sk_span json, struct sk_event_call *,
    struct snek_error *);
void sk_event_free(struct sk_event_call *);
/* Append the response as API Gateway wants it; false when memory is out. */
bool sk_event_answer(struct sk_buf *, const struct sk_api_response *);
#endif
