/* SPDX-License-Identifier: MIT */
/*
 * lambda.h - between the files lambda*.c: a function at AWS as it is there, and
 * the calls about it.
 */
#ifndef SK_LAMBDA_H
#define SK_LAMBDA_H
#include "aws/module.h"
#include "value/json_read.h"

#define SK_LAMBDA_ALIAS "snek"
#define SK_LAMBDA_MARK "snek: "         /* its description begins so */

/* As GetFunction says. */
struct sk_lambda_function {
	bool there;
	char arn[256], description[257], revision[64];
	char state[24], reason[200], reason_code[64];
	char update[24], update_reason[200], update_code[64];
	char version[24], code_sha256[45], role[256];
	char runtime[32], arch[16];
	uint32_t memory_mb, timeout_s;
	struct sk_buf env;              /* its variables, a JSON object */
	struct sk_buf subnets, groups;  /* texts; "": it is in no network */
	bool tagged;                    /* it said which tags there are: */
	char tag_version[64], tag_cluster[64], tag_stack[160];
	char tag_error[200];            /* why it did not */
};

struct sk_lambda {
	struct sk_aws *aws;
	const struct sk_lambda_spec *spec;      /* NULL: none is put */
	const char *name;
	sk_json_reader *json;
	struct sk_buf body;             /* of the answer that json has read */
	/* Of the last answer: why it is a refusal, in the service's words. */
	uint32_t status;
	char type[64], said[512];
	struct sk_lambda_function f;
	int64_t patience_ms, until, role_until;
	uint32_t pauses;
	int changes;                    /* that were taken */
	bool stored;                    /* the zip, in a bucket, by us */
	bool pushed;                    /* code, by us */
	bool waits_for_role;            /* it was said */
};

/* ---- lambda_call.c ---- */

int sk_lambda_open(struct sk_lambda *, struct sk_aws *, const char *name,
    const struct sk_lambda_spec *, struct snek_error *);
void sk_lambda_close(struct sk_lambda *);

/* One call to its end; answers that ask to come again are waited for.  tail is
 * put behind the function's path ("/code"), or is a path of its own if there
 * is none (bare).  *out (may be NULL) is what the answer says, until the next
 * one; NONE: nothing. */
struct sk_lambda_ask {
	const char *action, *method, *tail, *query;
	struct sk_span body;
	bool bare;
};
int sk_lambda_ask(struct sk_lambda *, const struct sk_lambda_ask *,
    struct snek_value *out, struct snek_error *);

/* At a path in an answer: the value; text, cut to n; a number.  NONE, "" and
 * 0: it is not there. */
struct snek_value sk_lambda_at(struct snek_value, const char *path);
void sk_lambda_text(struct snek_value, const char *path, char *out, size_t n);
uint32_t sk_lambda_number(struct snek_value, const char *path);

/* Give AWS some time; SNEK_ETIMEDOUT, saying what for, once patience is over. */
int sk_lambda_pause(struct sk_lambda *, const char *what, struct snek_error *);
/* Patience begins anew. */
void sk_lambda_patient(struct sk_lambda *);
__attribute__((format(printf, 2, 3)))
void sk_lambda_say(const struct sk_lambda *, const char *fmt, ...);

/* Append "name":"text" or "name":n and a ',' before it if need be. */
bool sk_lambda_put_text(struct sk_buf *, const char *name, const char *text);
bool sk_lambda_put_number(struct sk_buf *, const char *name, uint64_t n);
bool sk_lambda_put_name(struct sk_buf *, const char *name);
/* The revision that was looked at, where one was told. */
bool sk_lambda_put_revision(const struct sk_lambda *, struct sk_buf *);

/* ---- lambda_look.c ---- */

/* Fill in f; qualifier NULL: $LATEST.  Not there is no failure. */
int sk_lambda_look(struct sk_lambda *, const char *qualifier,
    struct sk_lambda_function *f, struct snek_error *);
void sk_lambda_function_free(struct sk_lambda_function *);
/* 1: ready; 0: not yet; SNEK_EIO ...: it will never be, and why. */
int sk_lambda_is_ready(const struct sk_lambda *,
    const struct sk_lambda_function *, struct snek_error *);
/* Wait until it is. */
int sk_lambda_wait(struct sk_lambda *, const char *qualifier,
    struct sk_lambda_function *, struct snek_error *);
/* The variables that it has, changed as spec asks, as a JSON object. */
int sk_lambda_env(const struct sk_lambda *, struct sk_buf *,
    struct snek_error *);

/* ---- lambda_vpc.c ---- */

/* A JSON array of texts as one with commas and a NUL; nothing: "". */
int sk_lambda_read_ids(struct snek_value, struct sk_buf *, struct snek_error *);
bool sk_lambda_has_network(const struct sk_lambda *);
bool sk_lambda_put_network(const struct sk_lambda *, struct sk_buf *);

/* ---- lambda_code.c ---- */

/* Append the members that say where the code is: in the request, or in a
 * bucket, where it is put first. */
int sk_lambda_put_code(struct sk_lambda *, struct sk_buf *,
    struct snek_error *);
/* What was put into the bucket is no longer needed. */
void sk_lambda_drop_code(struct sk_lambda *);

/* ---- lambda_version.c ---- */

/* The version that the alias names; "": there is no alias. */
int sk_lambda_alias(struct sk_lambda *, char version[24], struct snek_error *);
int sk_lambda_move(struct sk_lambda *, const char *was, const char *version,
    struct snek_error *);
/* Of what $LATEST is. */
int sk_lambda_publish(struct sk_lambda *, char version[24],
    struct snek_error *);
/* All but the last three, and that of the alias, go. */
void sk_lambda_prune(struct sk_lambda *, const char *keep);
/* The highest version below that one; SNEK_ENOENT. */
int sk_lambda_before(struct sk_lambda *, const char *version, char out[24],
    struct snek_error *);
/* What is at the alias' version. */
int sk_lambda_fill(struct sk_lambda *, const char *version,
    struct sk_lambda_state *, struct snek_error *);
#endif
