/* SPDX-License-Identifier: MIT */
/*
 * stack.h - CloudFormation: what a stack is, what a change set would change,
 * its execution event by event, its end.
 *
 *   stack_call.c    one call, its parameters as a form, its answer as XML
 *   account.c       whose account it is
 *   stack.c         look, events, wait, delete
 *   stack_change.c  change sets
 *   stack_bucket.c  the artifacts' bucket: put, list, empty
 *   stack_deploy.c  options -> bucket, code, whole stack; resumable
 *   stack_end.c     functions, bucket, whole stack -> nothing; resumable
 *   stack_interface.c  network interfaces that outlive their functions
 *   stack_s3list.c  the addresses of S3, for the bastion
 *   stack_left.c    what is named or tagged as the stack's: functions, the rest
 *   stack_options.c what is not said stays as the stack has it
 *   stack_preview.c what a deployment would change
 *   stack_drift.c   what was changed by hand
 */
#ifndef SK_STACK_H
#define SK_STACK_H
#include "aws/module.h"
#include "aws/template.h"
#include "aws/xml.h"

#define SK_STACK_OUTPUTS 128u
#define SK_STACK_TAGS 50u       /* AWS has no more */

struct sk_stack_output {
	char name[64], value[SK_TEMPLATE_OPTIONS];
};
struct sk_stack_tag_text {              /* longer than one of ours may be */
	char name[132], value[260];
};
struct sk_stack_info {
	bool there;
	char id[300];                   /* ARN: by it alone a deleted one is found */
	char status[40], reason[300];
	bool is_protected;              /* from being deleted */
	/* Of the last comparison (stack_drift.c): DRIFTED, IN_SYNC or
	 * NOT_CHECKED, and when; "": it does not say. */
	char drift[24], compared[40];
	struct sk_stack_output output[SK_STACK_OUTPUTS];
	size_t outputs;
	struct sk_stack_tag_text tag[SK_STACK_TAGS];
	size_t tags;
};
/* It never came to be, or was half taken down: all that can be made of it is
 * nothing. */
bool sk_stack_is_broken(const struct sk_stack_info *);
const char *sk_stack_output(const struct sk_stack_info *, const char *name);
/* By name or ARN.  Not there is no failure; a deleted one, by its ARN, has the
 * status DELETE_COMPLETE. */
int sk_stack_look(struct sk_aws *, const char *name, struct sk_stack_info *,
    struct snek_error *);

struct sk_stack_event {
	char id[128], time[40], logical[130], physical[300], type[100],
	    status[40], reason[512];
};
/* Who is told of events, oldest first; may be NULL. */
struct sk_stack_watch {
	void (*event)(void *, const struct sk_stack_event *);
	/* What is waited for; other than 0 ends the waiting with that code:
	 * AWS goes on. */
	int (*waits)(void *, const char *what);
	void (*said)(void *, const char *);     /* what else is to be known */
	void *arg;
	int64_t pause_ms;               /* first, and then longer; 0: 250 */
	int64_t patience_ms;            /* 0: two hours.  AWS goes on. */
};
__attribute__((format(printf, 2, 3)))
void sk_stack_say(const struct sk_stack_watch *, const char *fmt, ...);
/* What was asked for, by which its events are told from others: they bear the
 * token ("": whichever operation is under way), or, from servers that tell none,
 * are newer than the last one that there was before. */
struct sk_stack_asked {
	char token[64], last[128];
	bool marked;                    /* last is known; "": there were none */
};
/* Just before something is asked for. */
int sk_stack_mark(struct sk_aws *, const char *id, struct sk_stack_asked *,
    struct snek_error *);
/* Wait until what was asked for has ended.  A stack that is deleted in the end is
 * a failure unless that was wanted.  Of a failure the first event that is one is told, which is why the others
 * failed. */
int sk_stack_wait(struct sk_aws *, const char *id,
    const struct sk_stack_asked *, bool deletes, const struct sk_stack_watch *,
    struct sk_stack_info *, struct snek_error *);
/* What becomes of a look's rc while something is waited for: one that may go
 * better is 0, "not yet", until none has been good for five minutes since
 * heard, the sk_clock_ms() of the last good one. */
int sk_stack_unheard(const struct sk_stack_watch *, int rc, int64_t *heard,
    struct snek_error *);
int sk_stack_delete(struct sk_aws *, const char *id,
    const struct sk_stack_watch *, struct snek_error *);

/* ---- change sets ---- */

struct sk_stack_change {
	char action[16];                /* Add, Modify, Remove */
	char logical[130], type[100];
	char replacement[16];           /* True, False, Conditional or "" */
	bool loses;                     /* a server would go with its data */
};
struct sk_stack_plan {
	char stack[64], set[300];       /* set: ARN of the change set */
	bool creates;
	struct sk_stack_change *change;
	size_t changes;                 /* 0: nothing to do */
};
/* Make a change set of a template, by its text or its URL; an empty one is
 * removed again. */
int sk_stack_plan(struct sk_aws *, const struct sk_stack_options *,
    const char *body, const char *url, const struct sk_stack_watch *,
    struct sk_stack_plan *, struct snek_error *);
/* Nothing is changed: the change set is removed, and a stack that was made for
 * it alone. */
int sk_stack_plan_drop(struct sk_aws *, const struct sk_stack_plan *,
    struct snek_error *);
/* One that takes data away is not to be executed: its change set is removed, and
 * SNEK_EEXIST names the servers. */
int sk_stack_plan_guard(struct sk_aws *, const struct sk_stack_plan *,
    struct snek_error *);
int sk_stack_execute(struct sk_aws *, const struct sk_stack_plan *,
    const struct sk_stack_watch *, struct sk_stack_info *, struct snek_error *);
void sk_stack_plan_free(struct sk_stack_plan *);

/* ---- stack_call.c ---- */

struct sk_form { struct sk_buf b; bool nomem; };
/* Name=value, encoded. */
void sk_form_put(struct sk_form *, const char *name, const char *value);
/* POST it as Action of a service of that version; the form is used up.  xml
 * NULL: not wanted.  The reply is to be freed, also on failure, and lives no
 * shorter than the XML. */
int sk_aws_form(struct sk_aws *, const char *service, const char *version,
    const char *action, struct sk_form *, struct sk_aws_reply *,
    struct sk_xml **xml, struct snek_error *e);
/* The same of CloudFormation. */
int sk_stack_call(struct sk_aws *, const char *action, struct sk_form *,
    struct sk_xml **xml, char type[64], struct snek_error *);
/* Who we are, and of which account; the reply is to be freed, also on failure. */
int sk_aws_ask_identity(struct sk_aws *, char arn[300], char account[20],
    struct sk_aws_reply *, struct snek_error *);
int sk_aws_account(struct sk_aws *, char account[20], struct snek_error *);
/* One of its resources.  SNEK_ENOENT without text: it has none of the name, or
 * that never came to be. */
struct sk_stack_resource { char id[300], status[40]; };
int sk_stack_resource(struct sk_aws *, const char *stack, const char *logical,
    struct sk_stack_resource *, struct snek_error *);
/* A token that no other request has. */
int sk_stack_token(char token[64], struct snek_error *);
/* Wait a while, longer each time; n counts.  What the watch says. */
int sk_stack_pause(const struct sk_stack_watch *, const char *what,
    unsigned *n);
/* Copy the text at a path, cut, or "". */
void sk_stack_text(const struct sk_xml_node *, const char *path, char *to,
    size_t room);

/* ---- stack_s3list.c ---- */

#define SK_STACK_S3_LIST 40u
/* Its id in the region.  SNEK_ENOENT. */
int sk_stack_s3_list(struct sk_aws *, char id[SK_STACK_S3_LIST],
    struct snek_error *);

/* ---- stack_bucket.c ---- */

/* Which it is: what the stack says, or, where it says nothing, what is there.
 * SNEK_ENOENT without text: none. */
int sk_stack_bucket(struct sk_aws *, const struct sk_stack_info *,
    char bucket[256], struct snek_error *);
/* SNEK_ENOENT without text: no such object. */
int sk_bucket_has(struct sk_aws *, const char *bucket, const char *key,
    char version[128], struct snek_error *);
int sk_bucket_put(struct sk_aws *, const char *bucket, const char *key,
    struct sk_span, const char *type, char version[128], struct snek_error *);
/* Every version of every object. */
int sk_bucket_empty(struct sk_aws *, const char *bucket, uint64_t *removed,
    const struct sk_stack_watch *, struct snek_error *);

/* ---- stack_deploy.c ---- */

struct sk_stack_deploy {
	struct sk_stack_options o;
	struct sk_span code;            /* the zip of snek-api */
	const char *code_sha256;        /* hex; names its object */
	struct sk_stack_watch watch;
	/* Asked before the whole is changed, with its plan: 0 goes on. */
	int (*agree)(void *, const struct sk_stack_plan *);
	bool recovers;                  /* a preview may go on with a rollback */
};
/* Put a template where CloudFormation can read it. */
int sk_stack_put_template(struct sk_aws *, const struct sk_stack_deploy *,
    const char *bucket, const struct sk_buf *, char url[400],
    struct snek_error *);
/* Bucket, code, then all; what an earlier one left undone goes on.  changed:
 * anything was. */
int sk_stack_deploy(struct sk_aws *, struct sk_stack_deploy *,
    struct sk_stack_info *, bool *changed, struct snek_error *);
/* What another one, or the same before, has begun is waited for. */
int sk_stack_settle(struct sk_aws *, const char *name,
    const struct sk_stack_watch *, struct sk_stack_info *, struct snek_error *);
/* A rollback that failed is gone on with; others are left alone. */
int sk_stack_go_back(struct sk_aws *, const struct sk_stack_deploy *,
    struct sk_stack_info *, struct snek_error *);
/* What a stack that is there has, where options do not say. */
struct sk_stack_kept {                  /* what they then point into */
	struct sk_template_was was;
	struct sk_stack_tag_text text[SK_STACK_TAGS];
	struct sk_stack_tag tag[SK_STACK_TAGS];
};
/* Complete the options by it, and check them; what is under way at the stack is
 * waited for.  SNEK_EEXIST: they would cost it data. */
int sk_stack_recall(struct sk_aws *, struct sk_stack_deploy *,
    struct sk_stack_kept *, struct snek_error *);
/* What sk_stack_deploy would change; nothing is: a change set is removed again.
 * Where there is no stack, or a broken one, all of the template is added.  Of one
 * whose rollback failed nothing can be told but that it is changed itself, unless
 * recovers: then that is gone on with first. */
int sk_stack_preview(struct sk_aws *, struct sk_stack_deploy *,
    struct sk_stack_plan *, struct snek_error *);

/* ---- stack_end.c ---- */

struct sk_stack_destroy {
	const char *name;
	struct sk_stack_watch watch;
};
/* What is under way is waited for; then the functions that were added to it go,
 * the bucket is emptied, the stack deleted.  SNEK_EACCES: it is protected, and
 * nothing was removed. */
int sk_stack_destroy(struct sk_aws *, const struct sk_stack_destroy *,
    struct snek_error *);

/* ---- stack_interface.c ---- */

/* Wait until Lambda has given back those of mappers.  Where they cannot be seen
 * that is said, and is no failure. */
int sk_stack_interfaces(struct sk_aws *, const struct sk_stack_destroy *,
    const struct sk_stack_info *, struct snek_error *);

/* ---- stack_drift.c ---- */

struct sk_stack_drifts {
	/* A property by its path; NULL: the resource is gone. */
	int (*visit)(void *, const char *name, const char *type,
	    const char *path);
	void *arg;
};
/* Have CloudFormation compare the stack with what it made: 1, and the
 * differences; 0: there are none. */
int sk_stack_drift(struct sk_aws *, const char *name,
    const struct sk_stack_watch *, struct sk_stack_drifts *,
    struct snek_error *);

/* ---- stack_left.c ---- */

/* Functions NAME-fn-..., as snek-add-function calls them. */
int sk_stack_functions(struct sk_aws *, const char *name,
    int (*visit)(void *, const char *function, struct snek_error *), void *,
    struct snek_error *);
/* ARNs of what has the stack's tag still, and names of functions. */
int sk_stack_left(struct sk_aws *, const char *name,
    void (*found)(void *, const char *arn), void *, struct snek_error *);
#endif
