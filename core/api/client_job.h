/* SPDX-License-Identifier: MIT */
/* client_job.h - a query behind a gateway, as its two files share it: described
 * in client_ask.c, asked about in client_job.c. */
#ifndef SK_API_CLIENT_JOB_H
#define SK_API_CLIENT_JOB_H
#include "api/client.h"
#include "api/object.h"

#define SK_CLIENT_SETTINGS 16u
#define SK_CLIENT_SIDES 64u
struct sk_client_job {
	struct sk_client *client;
	char *category, *function, *args, *reduce;
	struct sk_buf arg;              /* ["name","text"], ... */
	struct sk_buf side;             /* "name":"category", "name":[record,...] */
	char *side_name[SK_CLIENT_SIDES];
	unsigned sides;
	struct { char *name, *value; } set[SK_CLIENT_SETTINGS];
	unsigned sets;
	int64_t patience_ms;            /* while it is turned away */
	char *into, *request_id, *durability;   /* where the result goes there */
	struct snek_receipt receipt;
	struct sk_buf missing;          /* {"missing":[...]}; n 0: nothing is */
	int cancelled;                  /* with __atomic */
	char id[40];                    /* "": it needs no asking about */
	bool started, done;
	int code;                       /* why it failed */
	struct snek_error error;
	struct snek_job_stat stat;
	int64_t began, heard;           /* ms */
	/* results: the page in hand */
	struct sk_client_reply reply;
	struct sk_client_object page;
	struct snek_cursor at;
	bool reduced, keyed;            /* keyed: elements of the page are pairs */
	uint64_t number, pages;
	struct sk_member pair[4];
};

/* The query as the API has it. */
int sk_client_job_describe(struct sk_client_job *, struct sk_buf *,
    struct snek_error *);
void sk_client_job_forget(struct sk_client_job *);      /* all of that */
#endif
