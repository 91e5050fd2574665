/* SPDX-License-Identifier: MIT */
/*
 * stack_tool.c - what tests/stack.py drives: a stack's template, its deployment
 * and its end, at the AWS of the environment.
 *
 *   stack_tool template|deploy|destroy|left NAME [OPTION=VALUE ...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/stack.h"

static struct sk_stack_tag tags[40];
static struct sk_stack_watch watch = { .pause_ms = 1, .patience_ms = 60000 };

static unsigned number(const char *s)
{
	return (unsigned)strtoul(s, NULL, 10);
}

static void take(struct sk_stack_options *o, char *arg)
{
	char *value = strchr(arg, '=');

	if (!value)
		exit(2);
	*value++ = '\0';
	if (!strcmp(arg, "shards"))
		o->shards = number(value);
	else if (!strcmp(arg, "level"))
		o->level = number(value);
	else if (!strcmp(arg, "replicas"))
		o->replicas = number(value);
	else if (!strcmp(arg, "zones"))
		o->zones = number(value);
	else if (!strcmp(arg, "zone-names"))
		o->zone_names = value;
	else if (!strcmp(arg, "node"))
		o->node = value;
	else if (!strcmp(arg, "engine"))
		o->engine = value;
	else if (!strcmp(arg, "auth"))
		o->auth = value;
	else if (!strcmp(arg, "bastion"))
		o->bastion = number(value);
	else if (!strcmp(arg, "logs"))
		o->log_retention = number(value);
	else if (!strcmp(arg, "code"))
		o->code_key = value;
	else if (!strcmp(arg, "patience"))
		watch.patience_ms = number(value);
	else if (!strncmp(arg, "tag:", 4) && o->tags < 40)
		tags[o->tags++] = (struct sk_stack_tag){ arg + 4, value };
	else
		exit(2);
}

static void event(void *arg, const struct sk_stack_event *ev)
{
	(void)arg;
	printf("event %s %s\n", ev->logical, ev->status);
}

static int agree(void *arg, const struct sk_stack_plan *p)
{
	size_t i;

	(void)arg;
	for (i = 0; i < p->changes; i++)
		printf("plan %s %s %s\n", p->change[i].action,
		    p->change[i].logical, p->change[i].replacement);
	return 0;
}

static void said(void *arg, const char *text)
{
	(void)arg;
	printf("said %s\n", text);
}

static int deploy(struct sk_aws *aws, struct sk_stack_deploy *d,
    struct snek_error *e)
{
	struct sk_stack_info i;
	bool changed;
	int rc = sk_stack_deploy(aws, d, &i, &changed, e);

	if (!rc)
		printf("changed %d\nstatus %s\n", changed, i.status);
	return rc;
}

static int template(struct sk_stack_options *o, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = sk_template_check(o, e);

	if (!rc)
		rc = sk_template_make(o, &b, e);
	if (!rc)
		fwrite(b.p, 1, b.n, stdout);
	sk_buf_free(&b);
	return rc;
}

static void found(void *arg, const char *arn)
{
	(void)arg;
	printf("left %s\n", arn);
}

static int run(const char *verb, struct sk_stack_deploy *d,
    struct snek_error *e)
{
	struct sk_aws_options o = { .connections = 4 };
	struct sk_aws *aws = NULL;
	const struct sk_stack_destroy end = { .name = d->o.name,
		.watch = d->watch };
	int rc = sk_aws_open(&o, &aws, e);

	if (!rc)
		rc = !strcmp(verb, "deploy") ? deploy(aws, d, e) :
		    !strcmp(verb, "left") ? sk_stack_left(aws, d->o.name, found,
		    NULL, e) : sk_stack_destroy(aws, &end, e);
	sk_aws_close(aws);
	return rc;
}

int main(int argc, char **argv)
{
	struct sk_stack_deploy d = { .code = { "zip", 3 },
		.code_sha256 = "5f00", .agree = agree };
	struct snek_error e = { 0 };
	int i, rc;

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	d.o.name = argv[2];
	d.o.tag = tags;
	for (i = 3; i < argc; i++)
		take(&d.o, argv[i]);
	d.watch = watch;
	d.watch.event = event;
	d.watch.said = said;
	rc = !strcmp(argv[1], "template") ? template(&d.o, &e) :
	    run(argv[1], &d, &e);
	if (rc)
		fprintf(stderr, "%s\n", e.text);
	return rc ? 1 : 0;
}
