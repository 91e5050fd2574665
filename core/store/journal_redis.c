/* SPDX-License-Identifier: MIT */
/*
 * journal_redis.c - jobs beside a meta store on a server, in its keys'
 * namespace; each step is one script (meta_redis_script_job.c).
 *
 *   jobs       zset  ids by the second when they will be forgotten
 *   job:ID     hash  format, token, lease (ms since 1970), cancelled, ended,
 *                    ttl, description, progress, outcome; expires
 *   items:ID   hash  item -> bytes; expires
 *
 * Rights beyond those of meta_redis.c: +expire +hkeys.
 */
#include "store/journal.h"

#include <stdlib.h>

#include "store/meta_redis.h"

struct journal {
	struct sk_journal base;
	struct sk_rmeta *m;
};

static int none(const char *id, struct snek_error *e)
{
	return sk_fail(e, SNEK_ENOENT, "no job %.64s is known; an ended one is "
	    "forgotten after a while", id);
}

/* What a step may say instead of "ok". */
static int refusal(const struct sk_answer *a, const char *id,
    struct snek_error *e)
{
	struct sk_span x = sk_rmeta_item(a, 1);

	if (sk_rmeta_says(a, "ok"))
		return 0;
	if (sk_rmeta_says(a, "none"))
		return none(id, e);
	if (sk_rmeta_says(a, "fenced"))
		return sk_fail(e, SNEK_ECONFLICT, "job %s is coordinated by "
		    "another now", id);
	if (sk_rmeta_says(a, "ended"))
		return sk_fail(e, SNEK_EEXIST, "job %s has ended", id);
	if (sk_rmeta_says(a, "held"))
		return sk_fail(e, SNEK_EAGAIN, "job %s is coordinated by another "
		    "for %.*s ms more", id, (int)x.n, (const char *)x.p);
	if (sk_rmeta_says(a, "exists"))
		return sk_fail(e, SNEK_EEXIST, "there is such a job or item: %s",
		    id);
	if (sk_rmeta_says(a, "no-item"))
		return sk_fail(e, SNEK_ENOENT, "job %s has no such item", id);
	if (sk_rmeta_says(a, "newer-job"))
		return sk_fail(e, SNEK_EVERSION, "job %s was made by a newer "
		    "snek (format %.*s)", id, (int)x.n, (const char *)x.p);
	return sk_fail(e, SNEK_EIO, "an answer about job %s that is none", id);
}

/* A script's first argument is the job's id. */
static struct sk_rmeta_args about(const char *id)
{
	struct sk_rmeta_args args = { 0 };

	sk_rmeta_arg_text(&args, id);
	return args;
}

static int step(struct sk_journal *base, enum sk_rmeta_step s, const char *id,
    struct sk_rmeta_args *args, struct sk_answer *a, struct snek_error *e)
{
	int rc;

	if (!sk_job_id_check(id)) {
		sk_buf_free(&args->span);
		return none(id, e);
	}
	rc = sk_rmeta_call(((struct journal *)base)->m, s, args, a, e);
	if (rc)
		return rc;
	rc = refusal(a, id, e);
	if (rc)
		sk_answer_free(a);
	return rc;
}

/* Where nothing but "ok" is wanted. */
static int tell(struct sk_journal *base, enum sk_rmeta_step s, const char *id,
    struct sk_rmeta_args *args, struct snek_error *e)
{
	struct sk_answer a;
	int rc = step(base, s, id, args, &a, e);

	if (!rc)
		sk_answer_free(&a);
	return rc;
}

static int create(struct sk_journal *j, const char *id,
    struct sk_span description, uint32_t ttl_s, struct snek_error *e)
{
	struct sk_rmeta_args args;

	if (!sk_job_id_check(id))
		return sk_fail(e, SNEK_EINVAL, "a job's id has 32 hex digits");
	args = about(id);
	sk_rmeta_arg(&args, description.p, description.n);
	sk_rmeta_arg_number(&args, ttl_s);
	return tell(j, STEP_JOB_CREATE, id, &args, e);
}

static int take_state(const struct sk_answer *a, struct sk_journal_state *s,
    struct snek_error *e)
{
	uint64_t lease, cancelled, ended;
	struct sk_span text[3];
	int i;

	if (!sk_rmeta_number(sk_rmeta_item(a, 1), &s->token) ||
	    !sk_rmeta_number(sk_rmeta_item(a, 2), &lease) ||
	    !sk_rmeta_number(sk_rmeta_item(a, 3), &cancelled) ||
	    !sk_rmeta_number(sk_rmeta_item(a, 4), &ended))
		return sk_fail(e, SNEK_ECORRUPT, "a job's record is damaged");
	s->lease_ms = (int64_t)lease;
	s->cancelled = cancelled;
	s->ended = ended;
	for (i = 0; i < 3; i++)
		text[i] = sk_rmeta_item(a, 5 + (size_t)i);
	return sk_buf_put(&s->description, text[0].p, text[0].n) &&
	    sk_buf_put(&s->progress, text[1].p, text[1].n) &&
	    sk_buf_put(&s->outcome, text[2].p, text[2].n) ? 0 : sk_enomem(e);
}

static int look(struct sk_journal *j, const char *id,
    struct sk_journal_state *s, struct snek_error *e)
{
	struct sk_rmeta_args args = about(id);
	struct sk_answer a;
	int rc;

	memset(s, 0, sizeof(*s));
	rc = step(j, STEP_JOB_LOOK, id, &args, &a, e);
	if (rc)
		return rc;
	rc = take_state(&a, s, e);
	sk_answer_free(&a);
	if (rc)
		sk_journal_state_free(s);
	return rc;
}

static int claim(struct sk_journal *j, const char *id, uint32_t lease_ms,
    uint64_t *token, struct snek_error *e)
{
	struct sk_rmeta_args args = about(id);
	struct sk_answer a;
	int rc;

	sk_rmeta_arg_number(&args, lease_ms);
	rc = step(j, STEP_JOB_CLAIM, id, &args, &a, e);
	if (rc)
		return rc;
	if (!sk_rmeta_number(sk_rmeta_item(&a, 1), token))
		rc = sk_fail(e, SNEK_ECORRUPT, "job %s has no token", id);
	sk_answer_free(&a);
	return rc;
}

static int renew(struct sk_journal *j, const char *id, uint64_t token,
    uint32_t lease_ms, struct sk_span progress, struct snek_error *e)
{
	struct sk_rmeta_args args = about(id);
	struct sk_answer a;
	int rc;

	sk_rmeta_arg_number(&args, token);
	sk_rmeta_arg_number(&args, lease_ms);
	sk_rmeta_arg(&args, progress.p, progress.n);
	rc = step(j, STEP_JOB_RENEW, id, &args, &a, e);
	if (rc)
		return rc;
	if (*(const char *)sk_rmeta_item(&a, 1).p != '0')
		rc = sk_fail(e, SNEK_ECANCELED, "cancelled");
	sk_answer_free(&a);
	return rc;
}

static int put(struct sk_journal *j, const char *id, uint64_t token,
    const char *item, struct sk_span b, struct snek_error *e)
{
	struct sk_rmeta_args args;

	if (b.n > SK_JOURNAL_ITEM_MAX)
		return sk_journal_too_large(item, b.n, e);
	args = about(id);
	sk_rmeta_arg_number(&args, token);
	sk_rmeta_arg_text(&args, item);
	sk_rmeta_arg(&args, b.p, b.n);
	return tell(j, STEP_JOB_PUT, id, &args, e);
}

static int end(struct sk_journal *j, const char *id, uint64_t token,
    struct sk_span outcome, struct snek_error *e)
{
	struct sk_rmeta_args args = about(id);

	sk_rmeta_arg_number(&args, token);
	sk_rmeta_arg(&args, outcome.p, outcome.n);
	return tell(j, STEP_JOB_END, id, &args, e);
}

static int cancel(struct sk_journal *j, const char *id, struct snek_error *e)
{
	struct sk_rmeta_args args = about(id);

	return tell(j, STEP_JOB_CANCEL, id, &args, e);
}

static int get(struct sk_journal *j, const char *id, const char *item,
    struct sk_buf *b, struct snek_error *e)
{
	struct sk_rmeta_args args = about(id);
	struct sk_answer a;
	struct sk_span s;
	int rc;

	sk_rmeta_arg_text(&args, item);
	rc = step(j, STEP_JOB_GET, id, &args, &a, e);
	if (rc)
		return rc;
	s = sk_rmeta_item(&a, 1);
	rc = sk_buf_put(b, s.p, s.n) ? 0 : sk_enomem(e);
	sk_answer_free(&a);
	return rc;
}

/* Each of the answer's names, which have blanks between. */
static int visit_names(const struct sk_answer *a,
    int (*visit)(void *, const char *), void *arg)
{
	struct sk_span s = sk_rmeta_item(a, 1);
	const char *p = s.p, *end = p + s.n, *blank;
	char name[SK_JOB_ITEM];
	size_t n;
	int rc = 0;

	for (; p < end && !rc; p += n + 1) {
		blank = memchr(p, ' ', (size_t)(end - p));
		n = (size_t)((blank ? blank : end) - p);
		if (!n || n >= sizeof(name))
			continue;
		memcpy(name, p, n);
		name[n] = '\0';
		rc = visit(arg, name);
	}
	return rc;
}

static int items(struct sk_journal *j, const char *id,
    int (*visit)(void *, const char *), void *arg, struct snek_error *e)
{
	struct sk_rmeta_args args = about(id);
	struct sk_answer a;
	int rc = step(j, STEP_JOB_ITEMS, id, &args, &a, e);

	if (rc)
		return rc;
	rc = visit_names(&a, visit, arg);
	sk_answer_free(&a);
	return rc;
}

static int list(struct sk_journal *j, int (*visit)(void *, const char *),
    void *arg, struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	struct sk_answer a;
	int rc = sk_rmeta_call(((struct journal *)j)->m, STEP_JOB_LIST, &args,
	    &a, e);

	if (rc)
		return rc;
	rc = refusal(&a, "", e);
	if (!rc)
		rc = visit_names(&a, visit, arg);
	sk_answer_free(&a);
	return rc;
}

static int drop(struct sk_journal *j, const char *id, struct snek_error *e)
{
	struct sk_rmeta_args args = about(id);

	return tell(j, STEP_JOB_REMOVE, id, &args, e);
}

static void shut(struct sk_journal *j)
{
	free(j);
}

static const struct sk_journal_ops redis_ops = {
	.create = create, .look = look, .claim = claim, .renew = renew,
	.put = put, .end = end, .cancel = cancel, .get = get, .items = items,
	.list = list, .remove = drop, .shut = shut,
};

int sk_journal_open_redis(struct sk_meta *m, struct sk_journal **out,
    struct snek_error *e)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return sk_enomem(e);
	j->base.ops = &redis_ops;
	j->m = (struct sk_rmeta *)m;
	*out = &j->base;
	return 0;
}
