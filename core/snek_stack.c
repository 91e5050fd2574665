/* SPDX-License-Identifier: MIT */
/* snek_stack.c - the front door to stacks at AWS. */
#include "snek_stack.h"

#include <stdlib.h>
#include <unistd.h>

#include "aws/stack.h"
#include "base/hash.h"
#include "category/profile.h"

enum { TAGS = 40, SEARCHES = 6 };

struct stack {
	struct snek_stack_options o;
	struct sk_stack_tag tag[TAGS];
	struct sk_stack_deploy d;
	struct sk_stack_kept kept;
	struct snek_stack_tag told[SK_STACK_TAGS];
	const struct sk_aws_ops *ops;
	struct sk_aws *aws;
	struct sk_stack_profile p;      /* of its name, if there is one */
	struct sk_buf code;
	char sha256[65];
};

/* ---- options ---- */

static void told(void *arg, const struct sk_stack_event *ev)
{
	const struct stack *s = arg;
	const struct snek_stack_event e = { .size = sizeof(e), .time = ev->time,
		.name = ev->logical, .type = ev->type, .status = ev->status,
		.reason = ev->reason };

	if (s->o.event)
		s->o.event(s->o.arg, &e);
}

static int waits(void *arg, const char *what)
{
	const struct stack *s = arg;

	return s->o.waits ? s->o.waits(s->o.arg, what) : 0;
}

static void said(void *arg, const char *text)
{
	const struct stack *s = arg;

	if (s->o.said)
		s->o.said(s->o.arg, text);
}

static int take_tags(struct stack *s, struct snek_error *e)
{
	size_t i;

	if (s->o.tags > TAGS)
		return sk_fail(e, SNEK_EINVAL, "%zu tags: at most %d", s->o.tags,
		    TAGS);
	for (i = 0; i < s->o.tags; i++)
		s->tag[i] = (struct sk_stack_tag){ s->o.tag[i].name,
			s->o.tag[i].value };
	return 0;
}

/* The struct must stay where it is. */
static int begin(struct stack *s, const struct snek_stack_options *options,
    struct snek_error *e)
{
	int rc;

	memset(s, 0, sizeof(*s));
	rc = sk_options_copy(&s->o, sizeof(s->o), options, e);
	if (!rc)
		rc = take_tags(s, e);
	if (!rc)
		rc = sk_aws_load(&s->ops, e);
	if (rc)
		return rc;
	s->d.o = (struct sk_stack_options){
		.name = s->o.name ? s->o.name : "snek", .shards = s->o.shards,
		.level = s->o.level, .replicas = s->o.replicas,
		.zones = s->o.zones, .zone_names = s->o.zone_names,
		.node = s->o.node, .engine = s->o.engine,
		.auth = s->o.auth, .bastion = s->o.bastion,
		.no_replicas = s->o.no_replicas, .no_bastion = s->o.no_bastion,
		.log_retention = s->o.log_retention, .tag = s->tag,
		.tags = s->o.tags,
	};
	s->d.watch = (struct sk_stack_watch){ .event = told, .waits = waits,
		.said = said, .arg = s };
	s->d.recovers = s->o.recovers;
	return 0;
}

/* Where it is and who we are there: as is said, else as its profile says. */
static int enter(struct stack *s, const struct snek_stack_options *options,
    struct snek_error *e)
{
	struct sk_aws_options o = { .connections = 4 };
	int rc = begin(s, options, e);

	if (!rc)
		rc = sk_stack_profile_find(&s->p, s->d.o.name, e);
	if (rc)
		return rc;
	o.region = s->o.region;
	o.profile = s->o.aws_profile;
	if (s->p.own && !o.region)
		o.region = s->p.p.lambda_region;
	if (s->p.own && !o.profile)
		o.profile = s->p.p.aws_profile;
	rc = s->ops->open(&o, &s->aws, e);
	s->p.ops = s->ops;
	s->p.aws = s->aws;
	return rc;
}

/* What is not said is as the stack has it. */
static int recall(struct stack *s, struct snek_error *e)
{
	struct snek_stack_options all = s->o;
	int rc = s->ops->stack_recall(s->aws, &s->d, &s->kept, e);
	size_t i;

	if (rc || !s->o.settled)
		return rc;
	for (i = 0; i < s->d.o.tags; i++)
		s->told[i] = (struct snek_stack_tag){ s->d.o.tag[i].name,
			s->d.o.tag[i].value };
	all.tag = s->told;
	all.tags = s->d.o.tags;
	all.name = s->d.o.name;
	all.shards = s->d.o.shards;
	all.level = s->d.o.level;
	all.replicas = s->d.o.replicas;
	all.zones = s->d.o.zones;
	all.zone_names = s->d.o.zone_names;
	all.node = s->d.o.node;
	all.engine = s->d.o.engine;
	all.auth = s->d.o.auth;
	all.bastion = s->d.o.bastion;
	all.log_retention = s->d.o.log_retention;
	s->o.settled(s->o.arg, &all);
	return 0;
}

static void leave(struct stack *s)
{
	if (s->aws)
		s->ops->close(s->aws);
	sk_buf_free(&s->code);
	sk_profile_free(&s->p.p);
}

static int read_code(struct stack *s, struct snek_error *e)
{
	int rc = sk_stack_code(s->o.code, &s->code, e);

	if (rc)
		return rc;
	sk_sha256_hex(s->code.p, s->code.n, s->sha256);
	s->d.code = (struct sk_span){ s->code.p, s->code.n };
	s->d.code_sha256 = s->sha256;
	return 0;
}

/* ---- template and plan ---- */

int snek_stack_template(const struct snek_stack_options *options, FILE *out,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct stack s;
	int rc = sk_need(out, "stream to write to", e);

	if (!rc)
		rc = begin(&s, options, e);
	if (rc)
		return rc;
	s.d.o.code_key = "snek-api.zip";
	rc = s.ops->stack_template(&s.d.o, &b, e);
	if (!rc && fwrite(b.p, 1, b.n, out) != b.n)
		rc = sk_fail_errno(e, "the template");
	sk_buf_free(&b);
	return rc;
}

static int show(const struct sk_stack_plan *p,
    int (*visit)(void *, const struct snek_stack_change *), void *arg)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < p->changes; i++) {
		const struct snek_stack_change c = { .size = sizeof(c),
			.action = p->change[i].action,
			.name = p->change[i].logical, .type = p->change[i].type,
			.replaces = !strcmp(p->change[i].replacement, "True") ||
			    !strcmp(p->change[i].replacement, "Conditional"),
			.loses = p->change[i].loses };

		rc = visit(arg, &c);
	}
	return rc;
}

int snek_stack_plan(const struct snek_stack_options *options,
    int (*visit)(void *, const struct snek_stack_change *), void *arg,
    struct snek_error *e)
{
	struct sk_stack_plan p = { .changes = 0 };
	struct stack s;
	int rc = sk_need((const void *)(uintptr_t)visit,
	    "function to visit with", e);

	if (rc)
		return rc;
	rc = enter(&s, options, e);
	if (!rc)
		rc = read_code(&s, e);
	if (!rc)
		rc = sk_stack_profile_check(&s.p, e);
	if (!rc)
		rc = recall(&s, e);
	if (!rc)
		rc = s.ops->stack_preview(s.aws, &s.d, &p, e);
	if (!rc) {
		rc = show(&p, visit, arg);
		s.ops->stack_plan_free(&p);
	}
	leave(&s);
	return rc;
}

/* ---- to what it is to be, and to its end ---- */

int snek_stack_deploy(const struct snek_stack_options *options,
    struct snek_error *e)
{
	struct sk_stack_info i;
	bool changed = false;
	struct stack s;
	int rc = enter(&s, options, e);

	if (!rc)
		rc = read_code(&s, e);
	if (!rc)
		rc = sk_stack_profile_check(&s.p, e);
	if (!rc)
		rc = recall(&s, e);
	if (!rc)
		rc = s.ops->stack_deploy(s.aws, &s.d, &i, &changed, e);
	if (!rc)
		rc = sk_stack_profile_save(&s.p, s.o.aws_profile, &i, e);
	leave(&s);
	return rc ? rc : changed;
}

int snek_stack_look(const struct snek_stack_options *options,
    int (*visit)(void *, const char *, const char *), void *arg,
    struct snek_error *e)
{
	struct sk_stack_info i;
	struct stack s;
	size_t n;
	int rc = sk_need((const void *)(uintptr_t)visit,
	    "function to visit with", e);

	if (rc)
		return rc;
	rc = enter(&s, options, e);
	if (!rc)
		rc = s.ops->stack_look(s.aws, s.d.o.name, &i, e);
	if (!rc && !i.there)
		rc = sk_fail(e, SNEK_ENOENT, "there is no stack %s in %s",
		    s.d.o.name, s.ops->region(s.aws));
	if (!rc)
		rc = visit(arg, "status", i.status);
	if (!rc && s.p.own && s.p.p.lambda_region &&
	    !sk_stack_profile_is_here(&s.p, NULL))
		rc = visit(arg, "profile", "of a stack of that name elsewhere");
	if (!rc && *i.drift && strcmp(i.drift, "NOT_CHECKED"))
		rc = visit(arg, "drift", i.drift);
	for (n = 0; !rc && n < i.outputs; n++)
		rc = visit(arg, i.output[n].name, i.output[n].value);
	leave(&s);
	return rc;
}

struct drifts {
	int (*visit)(void *, const struct snek_stack_drift *);
	void *arg;
};

static int show_drift(void *arg, const char *name, const char *type,
    const char *path)
{
	const struct drifts *d = arg;
	const struct snek_stack_drift one = { .size = sizeof(one), .name = name,
		.type = type, .path = path };

	return d->visit(d->arg, &one);
}

int snek_stack_compare(const struct snek_stack_options *options,
    int (*visit)(void *, const struct snek_stack_drift *), void *arg,
    struct snek_error *e)
{
	struct drifts d = { visit, arg };
	struct sk_stack_drifts all = { .visit = show_drift, .arg = &d };
	struct stack s;
	int rc = sk_need((const void *)(uintptr_t)visit,
	    "function to visit with", e);

	if (rc)
		return rc;
	rc = enter(&s, options, e);
	if (!rc)
		rc = s.ops->stack_drift(s.aws, s.d.o.name, &s.d.watch, &all, e);
	leave(&s);
	return rc;
}

struct search {
	char (*arn)[600];
	size_t n;
	bool nomem;
};

static void found(void *arg, const char *arn)
{
	struct search *r = arg;
	void *p = realloc(r->arn, (r->n + 1) * sizeof(*r->arn));

	if (!p) {
		r->nomem = true;
		return;
	}
	r->arn = p;
	snprintf(r->arn[r->n++], sizeof(*r->arn), "%s", arn);
}

/* AWS's search by tags is minutes behind: look again for a while. */
static int search(struct stack *s, struct search *r, struct snek_error *e)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < SEARCHES; i++) {
		r->n = 0;
		rc = s->ops->stack_left(s->aws, s->d.o.name, found, r, e);
		if (!rc && r->nomem)
			rc = sk_enomem(e);
		if (!rc && !r->n)
			break;
		if (!rc && i + 1 < SEARCHES)
			rc = waits(s, "the search for what is left");
		if (!rc && i + 1 < SEARCHES)
			sleep(1u << i);
	}
	return rc;
}

/* What was found is told, also where the search was not finished.  The profile
 * goes last, for by it the same command finds the place again. */
static int tell_left(struct stack *s, const struct search *r, int searched,
    int (*left)(void *, const char *arn), void *arg, struct snek_error *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < r->n; i++)
		rc = left(arg, r->arn[i]);
	if (rc || searched == SNEK_ECANCELED)
		return rc ? rc : searched;
	if (searched)
		sk_fail_in(e, searched, "%s is deleted; what it left behind "
		    "could not be looked for, and the same command looks again",
		    s->d.o.name);
	else if (!r->n)
		rc = sk_stack_profile_forget(&s->p, e);
	return searched ? 1 : rc;
}

/* 1, or 0: there is neither the stack nor anything of it. */
static int is_anything(struct stack *s, struct search *r, struct snek_error *e)
{
	struct sk_stack_info i;
	int rc = s->ops->stack_look(s->aws, s->d.o.name, &i, e);

	if (rc || i.there)
		return rc ? rc : 1;
	/* What cannot be looked for is told in the end. */
	rc = s->ops->stack_left(s->aws, s->d.o.name, found, r, NULL);
	return rc || r->n;
}

/* Nothing was found: it is gone since before, if its profile says that it was
 * here, or it never was. */
static int was_here(const struct stack *s, struct snek_error *e)
{
	bool known = s->p.own && s->p.p.lambda_region;
	int rc = known ? sk_stack_profile_is_here(&s->p, e) : 0;

	if (rc)
		return rc < 0 ? rc : sk_profile_remove(s->d.o.name, e);
	return sk_fail(e, SNEK_ENOENT, "there is no stack %s in %s, and nothing "
	    "is left of one%s%s", s->d.o.name, s->ops->region(s->aws), known ?
	    "; its profile is of another account or of " : "", known ?
	    s->p.p.lambda_region : "");
}

static int take_down(struct stack *s, struct search *r,
    int (*left)(void *, const char *arn), void *arg, struct snek_error *e)
{
	const struct sk_stack_destroy d = { .name = s->d.o.name,
		.watch = s->d.watch };
	int rc = s->ops->stack_destroy(s->aws, &d, e);

	return rc ? rc : tell_left(s, r, search(s, r, e), left, arg, e);
}

int snek_stack_destroy(const struct snek_stack_options *options,
    int (*left)(void *, const char *arn), void *arg, struct snek_error *e)
{
	struct search r = { .n = 0 };
	struct stack s;
	int rc = sk_need((const void *)(uintptr_t)left,
	    "function to visit with", e);

	if (rc)
		return rc;
	rc = enter(&s, options, e);
	if (!rc)
		rc = is_anything(&s, &r, e);
	if (rc > 0)
		rc = take_down(&s, &r, left, arg, e);
	else if (!rc)
		rc = was_here(&s, e);
	free(r.arn);
	leave(&s);
	return rc;
}
