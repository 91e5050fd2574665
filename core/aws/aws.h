/* SPDX-License-Identifier: MIT */
/*
 * aws.h - the outside: AWS and other HTTP endpoints, many calls at once.
 *
 * It lives in a module of its own, snek-aws.so, so that only who goes out pays
 * for its libraries (libcurl alone brings thirty).  An sk_aws is one thread's,
 * but for wake.
 */
#ifndef SK_AWS_H
#define SK_AWS_H
#include "aws/header.h"
#include "base/buf.h"
#include "base/err.h"

#define SK_AWS_VERSION 7u       /* of sk_aws_ops */
#define SK_AWS_SYMBOL "snek_aws_ops"

struct sk_aws;                          /* who we are, where, and connections */
struct sk_aws_call;                     /* one that is under way */

/* NULL and 0: as the environment and ~/.aws say; snek-aws(7). */
struct sk_aws_options {
	const char *profile, *region, *endpoint;
	bool plain;                     /* URLs alone: nobody signs, and files
					 * under ~/.aws are not read */
	uint32_t connections;           /* at once; more calls wait their turn;
					 * 0: 1,000.  Never more than the limit
					 * on descriptors leaves room for. */
};

/* Texts and body are the caller's until the call has ended. */
struct sk_aws_request {
	const char *service;            /* "lambda": its endpoint, its signature;
					 * NULL: path is a URL, nothing is signed */
	const char *action;             /* for messages; NULL: method and path */
	const char *method;
	const char *path, *query;       /* percent-encoded; query "a=b&c=d" */
	const struct sk_aws_header *header;
	size_t headers;
	struct sk_span body;
	size_t max_reply;               /* bytes; 0: 8 MiB */
	int64_t timeout_ms;             /* of one try; 0: 60 s */
	uint32_t tries;                 /* 0: as AWS_MAX_ATTEMPTS says; 1: one */
};

struct sk_aws_reply {
	int code;                       /* 0: an answer came, of whatever status;
					 * else why none did: SNEK_EAGAIN, EIO,
					 * ETIMEDOUT (worth another try), EACCES
					 * (no credentials), EINVAL ... */
	struct snek_error error;
	bool sent;                      /* the other end may have it */
	uint32_t status, tries;
	/* Of the answer; empty when it has none. */
	char request_id[64], type[64];  /* type: X-Amzn-ErrorType, or __type,
					 * or XML's Code, without what is behind
					 * its ':' */
	char message[256];              /* of an error */
	char function_error[32];
	int64_t retry_after_ms;         /* -1: it does not say */
	struct sk_buf body, headers;    /* headers: see below */
};
void sk_aws_reply_free(struct sk_aws_reply *);
/* The value of the answer's header of this name, or NULL. */
const char *sk_aws_reply_header(const struct sk_aws_reply *, const char *name);

/* Who we are to AWS, and how it is known. */
struct sk_aws_identity {
	char source[160];               /* in words: "environment" ... */
	char key_id[160], profile[64];
	int64_t expires;                /* seconds since 1970; 0: never */
	bool exposed;                   /* others can read the file of it */
};

/* ---- a plugin, or the API, as a zip (aws/bundle.c) ---- */

struct sk_bundle_options {
	const char *plugin;             /* the file; NULL: snek-api goes in, with
					 * what it may load */
	const char *const *include;     /* more files, put beside it */
	size_t includes;
	bool with_tls;                  /* for shards that are rediss:// */
	/* NULL: as installed; the programs beside $SNEK_WORKER if it is set, the
	 * modules as $SNEK_TLS and $SNEK_AWS say. */
	const char *worker, *tls, *launcher;
	/* Of snek-api: shipped plugins, whose names differ. */
	const char *const *shipped;
	size_t shippeds;
};
struct sk_bundle {
	struct sk_buf zip;
	char arch[16];                  /* "x86_64", "arm64", as Lambda says */
	char code_sha256[45];           /* base64, as Lambda's CodeSha256 */
	char plugin_sha256[65];         /* hex, of the plugin's bytes; "": of
					 * the API */
	uint64_t unzipped;              /* bytes */
	bool by_s3;                     /* more than a request may carry */
};
void sk_bundle_free(struct sk_bundle *);

/* ---- its function (aws/lambda.c) ---- */

struct sk_lambda_spec {
	const char *name;               /* of the function at AWS */
	const char *role;               /* ARN; NULL: that of the function there */
	uint32_t memory_mb, timeout_s;  /* 0: as it is; of a new one 1769 MB,
					 * 900 s */
	const struct sk_aws_header *env;        /* put beside what is there;
					 * value "": it is taken away */
	size_t envs;
	const struct sk_bundle *bundle;
	const char *bucket;             /* for what is over 50 MB; NULL: one that
					 * is made for it */
	/* The network it is in, ids with commas between; NULL: as it is, ""
	 * none. */
	const char *subnets, *security_groups;
	const char *cluster;            /* its uuid, for tags; and our release */
	const char *release;
	const char *stack;              /* that it belongs to, for a tag; NULL.
					 * Its log group is made beforehand, */
	uint32_t log_days;              /* and kept so long; 0: 14 */
	bool dry_run;                   /* look, say, change nothing */
	int64_t patience_ms;            /* for AWS to get ready; 0: 300 s; an
					 * eighth for a role to be known */
	/* Prove that the function works, as it is but before anything uses it.
	 * A new one that does not is removed again. */
	int (*prove)(void *, struct sk_aws *, const char *name,
	    struct snek_error *);
	void *prove_arg;
	/* Each step as it is done, in words. */
	void (*said)(void *, const char *text);
	void *said_arg;
};
/* What the alias "snek" names. */
struct sk_lambda_state {
	char arn[256];                  /* with the version: what is invoked */
	char version[24], previous[24]; /* previous: of the alias before */
	char code_sha256[45], arch[16], state[24], role[256];
	char plugin_sha256[65];         /* "": not said */
	uint32_t memory_mb, timeout_s;
	bool changed;                   /* or, of a dry run, would be */
};

struct sk_stack_deploy;                 /* aws/stack.h */
struct sk_stack_destroy;
struct sk_stack_drifts;
struct sk_stack_watch;
struct sk_stack_info;
struct sk_stack_kept;
struct sk_stack_plan;
struct sk_stack_options;
struct sk_logs;                         /* aws/logs.h */
struct sk_aws_doctor;                   /* aws/doctor.h */

struct sk_aws_ops {
	unsigned version;
	int (*open)(const struct sk_aws_options *, struct sk_aws **,
	    struct snek_error *);
	/* Calls that are under way are dropped: their done is not called. */
	void (*close)(struct sk_aws *);

	/* One call to its end, with retries.  0: an answer of 200 to 299; else
	 * the error says service, action, status, type, request id and what to
	 * do: SNEK_ENOENT (404), ECONFLICT (409), EAGAIN (429, 5xx), EACCES
	 * (401, 403), EINVAL (400, 413).  The reply is filled in all the same,
	 * and is to be freed. */
	int (*call)(struct sk_aws *, const struct sk_aws_request *,
	    struct sk_aws_reply *, struct snek_error *);

	/* Begin one; done is called from step, once, and owns the reply. */
	int (*begin)(struct sk_aws *, const struct sk_aws_request *,
	    void (*done)(void *arg, struct sk_aws_reply *), void *arg,
	    struct sk_aws_call **, struct snek_error *);
	/* Nobody waits for it any more; done is not called. */
	void (*cancel)(struct sk_aws *, struct sk_aws_call *);
	/* Go on until something ended, the time is over (-1: no such) or a
	 * wake; how many ended, or less than 0. */
	int (*step)(struct sk_aws *, int timeout_ms, struct snek_error *);
	void (*wake)(struct sk_aws *);  /* any thread */
	/* What to do about an answer of its type; NULL: that type says nothing
	 * of its own. */
	const char *(*cure)(const struct sk_aws_reply *);
	const char *(*region)(const struct sk_aws *);   /* NULL: none is said */
	int (*who)(struct sk_aws *, struct sk_aws_identity *,
	    struct snek_error *);
	/* Which account the credentials are of, by asking AWS. */
	int (*account)(struct sk_aws *, char account[20], struct snek_error *);
	/* Append a URL with a NUL that anyone can use for so many seconds. */
	int (*presign)(struct sk_aws *, const struct sk_aws_request *,
	    uint32_t seconds, struct sk_buf *url, struct snek_error *);

	int (*bundle)(const struct sk_bundle_options *, struct sk_bundle *,
	    struct snek_error *);

	/* Make or update it, wait, prove, publish, move the alias "snek", and
	 * keep the last three versions.  Each step may be repeated; nothing is
	 * done that is done already.  SNEK_EINVAL, SNEK_EACCES, SNEK_ELIMIT ...
	 * with the cure. */
	int (*lambda_put)(struct sk_aws *, const struct sk_lambda_spec *,
	    struct sk_lambda_state *, struct snek_error *);
	/* SNEK_ENOENT: there is none, or none that was proved. */
	int (*lambda_get)(struct sk_aws *, const char *name,
	    struct sk_lambda_state *, struct snek_error *);
	/* The alias goes to the version before that one; nothing is removed.
	 * SNEK_ENOENT: there is none. */
	int (*lambda_rollback)(struct sk_aws *, const char *name,
	    const char *version, struct sk_lambda_state *,
	    struct snek_error *);
	/* With all its versions; 0 too when there was none. */
	int (*lambda_remove)(struct sk_aws *, const char *name,
	    struct snek_error *);

	/* As aws/stack.h and aws/template.h say. */
	int (*stack_template)(struct sk_stack_options *, struct sk_buf *,
	    struct snek_error *);
	int (*stack_look)(struct sk_aws *, const char *name,
	    struct sk_stack_info *, struct snek_error *);
	int (*stack_recall)(struct sk_aws *, struct sk_stack_deploy *,
	    struct sk_stack_kept *, struct snek_error *);
	int (*stack_preview)(struct sk_aws *, struct sk_stack_deploy *,
	    struct sk_stack_plan *, struct snek_error *);
	void (*stack_plan_free)(struct sk_stack_plan *);
	int (*stack_deploy)(struct sk_aws *, struct sk_stack_deploy *,
	    struct sk_stack_info *, bool *changed, struct snek_error *);
	int (*stack_drift)(struct sk_aws *, const char *name,
	    const struct sk_stack_watch *, struct sk_stack_drifts *,
	    struct snek_error *);
	int (*stack_destroy)(struct sk_aws *, const struct sk_stack_destroy *,
	    struct snek_error *);
	int (*stack_left)(struct sk_aws *, const char *name,
	    void (*found)(void *, const char *arn), void *,
	    struct snek_error *);

	/* As aws/logs.h says. */
	int (*logs_groups)(struct sk_aws *, const char *prefix,
	    int (*visit)(void *, const char *name), void *,
	    struct snek_error *);
	int (*logs_tail)(struct sk_aws *, const struct sk_logs *,
	    struct snek_error *);
	/* As aws/doctor.h says. */
	int (*doctor)(struct sk_aws *, struct sk_aws_doctor *);
};

/* The module's, loaded at the first call (aws/load.c; $SNEK_AWS); without one
 * an error that says what to install. */
int sk_aws_load(const struct sk_aws_ops **, struct snek_error *);
#endif
