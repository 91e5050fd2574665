/* SPDX-License-Identifier: MIT */
/* deploy_aws.c - snek-deploy --aws: a cluster as a stack, shown before it is
 * changed. */
#include "cli/deploy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TAGS = 40, CHANGES = 10, MINUTES_NEW = 20, MINUTES_CHANGE = 10 };

struct aws {
	const struct deploy *d;
	struct snek_stack_options o;
	struct snek_stack_tag tag[TAGS];
	char *own[TAGS];                /* what tags point into */
	struct snek_stack_options whole;        /* with what the stack has */
	char node[48], engine[16], auth[16];
	unsigned added, removed, modified, replaced, left;
	unsigned lost;                  /* servers with their data */
	bool stuck;                     /* in a rollback, which comes first */
	bool elsewhere;                 /* its profile is of another stack */
};

/* ---- told while it lasts ---- */

static void said(void *arg, const char *text)
{
	const struct aws *a = arg;

	cli_error_say(&a->d->c, "%s", text);
}

/* Red, green, or none. */
static const char *colour_of(const char *status)
{
	size_t n = strlen(status);

	if (!cli_tty_has_colour(STDERR_FILENO))
		return NULL;
	if (strstr(status, "FAILED") || strstr(status, "ROLLBACK"))
		return "31";
	return n > 9 && !strcmp(status + n - 9, "_COMPLETE") ? "32" : NULL;
}

/* A row: 09:41:07  CREATE_COMPLETE  Vpc  AWS::EC2::VPC  why */
static void event(void *arg, const struct snek_stack_event *ev)
{
	const struct aws *a = arg;
	const char *t = strchr(ev->time, 'T'), *colour = colour_of(ev->status);

	if (a->d->c.quiet)
		return;
	fprintf(stderr, "%-8.8s  ", t ? t + 1 : ev->time);
	if (colour)
		fprintf(stderr, "\033[%sm%-28s\033[0m  ", colour, ev->status);
	else
		fprintf(stderr, "%-28s  ", ev->status);
	fprintf(stderr, "%-26s  %s%s", ev->name, ev->type, *ev->reason ? "  " :
	    "");
	cli_out_plain(stderr, ev->reason);
	fputc('\n', stderr);
}

static int waits(void *arg, const char *what)
{
	(void)arg;
	(void)what;
	return cli_signal_caught() ? SNEK_ECANCELED : 0;
}

static void settled(void *arg, const struct snek_stack_options *o)
{
	struct aws *a = arg;

	a->whole = *o;
	snprintf(a->node, sizeof(a->node), "%s", o->node);
	snprintf(a->engine, sizeof(a->engine), "%s", o->engine);
	snprintf(a->auth, sizeof(a->auth), "%s", o->auth);
	a->whole.name = a->o.name;
	a->whole.node = a->node;
	a->whole.engine = a->engine;
	a->whole.auth = a->auth;
}

/* ---- what was asked for ---- */

static int take_tag(struct aws *a, const char *text)
{
	const char *is = strchr(text, '=');
	struct snek_stack_tag *t = &a->tag[a->o.tags];

	if (!is || is == text || a->o.tags == TAGS)
		return cli_error_usage(&a->d->c, "--tag %s: at most %d of the "
		    "form NAME=VALUE", text, TAGS);
	a->own[a->o.tags] = strndup(text, (size_t)(is - text));
	if (!a->own[a->o.tags])
		return cli_error(&a->d->c, SNEK_ENOMEM, NULL, NULL,
		    "out of memory");
	*t = (struct snek_stack_tag){ a->own[a->o.tags++], is + 1 };
	return 0;
}

/* None of what can be given may be 0, which is the library's word for what was
 * not; the rest of its limits are its own. */
static int take_count(struct aws *a, const char *name, const char *text,
    uint32_t *n)
{
	uint64_t given = cli_option_count(text, 0);

	if (text && (!given || given > UINT32_MAX))
		return cli_error_usage(&a->d->c, "--%s %s: at least 1, and not "
		    "so many", name, text);
	*n = (uint32_t)given;
	return 0;
}

/* How many, or which. */
static int take_zones(struct aws *a, const char *text)
{
	if (text && strspn(text, "0123456789") == strlen(text))
		return take_count(a, "zones", text, &a->o.zones);
	a->o.zone_names = text;
	return 0;
}

static int take_counts(struct aws *a, const struct deploy *d)
{
	int rc = take_count(a, "shards", d->shards, &a->o.shards);

	if (!rc)
		rc = take_count(a, "level", d->level, &a->o.level);
	if (!rc)
		rc = take_zones(a, d->zones);
	if (!rc)
		rc = take_count(a, "log-retention", d->log_retention,
		    &a->o.log_retention);
	if (!rc && cli_option_count(d->replicas, 0))
		rc = take_count(a, "replicas", d->replicas, &a->o.replicas);
	return rc;
}

static int understand(struct aws *a, const struct deploy *d)
{
	size_t i;
	int rc;

	a->d = d;
	a->o = (struct snek_stack_options){ .size = sizeof(a->o),
		.name = d->stack ? d->stack : "snek", .region = d->aws_region,
		.aws_profile = d->aws_profile,
		.node = d->node, .engine = d->engine, .auth = d->auth,
		.bastion = d->bastion, .no_bastion = d->no_bastion,
		.no_replicas = d->replicas && !cli_option_count(d->replicas, 0),
		.tag = a->tag, .code = d->code, .said = said, .event = event,
		.waits = waits, .settled = settled, .arg = a };
	rc = take_counts(a, d);
	for (i = 0; !rc && i < d->tags.n; i++)
		rc = take_tag(a, d->tags.v[i]);
	return rc;
}

void deploy_where(const struct deploy *d, const char *stack,
    char b[DEPLOY_WHERE])
{
	const char *region = d->aws_region, *who = d->aws_profile;

	snprintf(b, DEPLOY_WHERE, " --stack %s%s%s%s%s", stack, region ?
	    " --region " : "", region ? region : "", who ? " --aws-profile " : "",
	    who ? who : "");
}

static int failed(const struct aws *a, int rc, const struct snek_error *e)
{
	char where[DEPLOY_WHERE], cure[DEPLOY_WHERE + 200];

	if (rc == SNEK_ECANCELED)
		return cli_signal_exit(&a->d->c, "AWS goes on; the same command "
		    "waits again");
	deploy_where(a->d, a->o.name, where);
	snprintf(cure, sizeof(cure), "make another stack (snek-deploy --aws "
	    "--stack NAME2 ...), copy what this one holds (snek copy), and then "
	    "snek-deploy --aws --destroy%s", where);
	return cli_error_of(&a->d->c, rc, e, a->o.name, rc == SNEK_EEXIST ? cure :
	    NULL);
}

/* ---- the plan ---- */

static const char *mark(struct aws *a, const struct snek_stack_change *c)
{
	if (!strcmp(c->action, "Add"))
		return a->added++, "+";
	if (!strcmp(c->action, "Remove"))
		return a->removed++, "-";
	if (c->replaces)
		return a->replaced++, "-/+";
	return a->modified++, "~";
}

static int visit(void *arg, const struct snek_stack_change *c)
{
	struct aws *a = arg;
	const char *m = mark(a, c);

	a->lost += c->loses;
	a->stuck |= !strcmp(c->type, "AWS::CloudFormation::Stack");
	if (!a->d->c.json) {
		printf("%-3s %-28s %s%s\n", m, c->name, c->type, c->loses ?
		    "  with its data" : "");
		return 0;
	}
	cli_out_begin(stdout, "change");
	cli_out_text(stdout, "mark", m);
	cli_out_text(stdout, "name", c->name);
	cli_out_text(stdout, "type", c->type);
	cli_out_bool(stdout, "loses", c->loses);
	cli_out_close(stdout);
	return 0;
}

static unsigned changes(const struct aws *a)
{
	return a->added + a->removed + a->modified + a->replaced;
}

static int minutes(const struct aws *a)
{
	return !changes(a) ? 0 : a->added > 20 ? MINUTES_NEW : MINUTES_CHANGE;
}

/* The same for programs, after the changes. */
static void put_plan(const struct aws *a)
{
	double hour = deploy_cost_hour(&a->whole);

	cli_out_begin(stdout, "plan");
	cli_out_text(stdout, "stack", a->o.name);
	cli_out_number(stdout, "add", a->added);
	cli_out_number(stdout, "change", a->modified);
	cli_out_number(stdout, "replace", a->replaced);
	cli_out_number(stdout, "remove", a->removed);
	cli_out_number(stdout, "minutes", (uint64_t)minutes(a));
	if (hour > 0)
		cli_out_real(stdout, "dollars_an_hour", hour);
	else
		cli_out_text(stdout, "dollars_an_hour", NULL);
	cli_out_close(stdout);
}

static void tell_plan(const struct aws *a)
{
	if (a->d->c.json)
		put_plan(a);
	if (!changes(a)) {
		said((void *)(uintptr_t)a, "nothing to change");
		return;
	}
	cli_error_say(&a->d->c, "%s: %u to add, %u to change, %u to replace, %u "
	    "to remove; about %d minutes", a->o.name, a->added, a->modified,
	    a->replaced, a->removed, minutes(a));
	deploy_shape_tell(a->d, &a->whole);
	deploy_cost_tell(a->d, &a->whole);
}

/* 0: go on. */
static int ask(const struct aws *a)
{
	int yes = a->d->yes ? 1 : cli_tty_ask("do it?");

	if (yes < 0)
		return cli_error_usage(&a->d->c, "nobody to ask: say --yes, or "
		    "--dry-run");
	return yes ? 0 : cli_error(&a->d->c, SNEK_ECANCELED, a->o.name, NULL,
	    "nothing was changed");
}

static int make(struct aws *a)
{
	struct snek_error e = { 0 };
	int rc = snek_stack_deploy(&a->o, &e);

	if (rc < 0)
		return failed(a, rc, &e);
	cli_error_say(&a->d->c, "%s is there: --cluster %s", a->o.name,
	    a->o.name);
	return 0;
}

static int plan(struct aws *a)
{
	struct snek_error e = { 0 };
	int rc;

	a->added = a->removed = a->modified = a->replaced = a->lost = 0;
	rc = snek_stack_plan(&a->o, visit, a, &e);
	if (rc < 0)
		return failed(a, rc, &e);
	tell_plan(a);
	return cli_out_end(&a->d->c, 0);
}

/* What failed is taken back, if that is agreed to; then there is a plan. */
static int recover(struct aws *a)
{
	int rc = ask(a);

	a->o.recovers = true;
	return rc ? rc : plan(a);
}

static int deploy(struct aws *a)
{
	int rc = plan(a);

	if (!rc && a->stuck && !a->d->dry_run)
		rc = recover(a);
	if (rc)
		return rc;
	if (a->d->dry_run)
		return changes(a) && a->d->detailed ? CHANGES : 0;
	/* What loses data is refused by the library, with the names. */
	rc = changes(a) && !a->lost ? ask(a) : 0;
	if (!rc)
		rc = make(a);
	return rc ? rc : (changes(a) || a->stuck) && a->d->detailed ? CHANGES : 0;
}

/* ---- the rest ---- */

static int put_output(void *arg, const char *name, const char *value)
{
	const struct aws *a = arg;

	if (!a->d->c.json) {
		printf("%s\t%s\n", name, value);
		return 0;
	}
	cli_out_begin(stdout, "output");
	cli_out_text(stdout, "name", name);
	cli_out_text(stdout, "value", value);
	cli_out_close(stdout);
	return 0;
}

static int status(struct aws *a)
{
	struct snek_error e = { 0 };
	int rc = snek_stack_look(&a->o, put_output, a, &e), end;
	bool drifted = false;

	if (rc >= 0 && a->d->drift)
		rc = deploy_drift(a->d, &a->o, &drifted, &e);
	if (rc < 0)
		return failed(a, rc, &e);
	end = cli_out_end(&a->d->c, 0);
	return end ? end : drifted && a->d->detailed ? CHANGES : 0;
}

static int print_template(struct aws *a)
{
	struct snek_error e = { 0 };
	int rc = snek_stack_template(&a->o, stdout, &e);

	return rc < 0 ? failed(a, rc, &e) : cli_out_end(&a->d->c, 0);
}

static int bundle(struct aws *a)
{
	struct snek_bundle_report r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	int rc = snek_stack_bundle(a->d->bundle, &r, &e);

	if (rc < 0)
		return failed(a, rc, &e);
	if (!a->d->c.json) {
		cli_error_say(&a->d->c, "%s: %.2f MB, %.2f MB unzipped, for %s",
		    a->d->bundle, (double)r.bytes / 1e6,
		    (double)r.unzipped / 1e6, r.arch);
		return 0;
	}
	cli_out_begin(stdout, "bundle");
	cli_out_text(stdout, "file", a->d->bundle);
	cli_out_text(stdout, "arch", r.arch);
	cli_out_text(stdout, "code_sha256", r.code_sha256);
	cli_out_number(stdout, "bytes", r.bytes);
	cli_out_number(stdout, "unzipped", r.unzipped);
	cli_out_close(stdout);
	return cli_out_end(&a->d->c, 0);
}

/* The name, written out: a "y" is too quick for what cannot be undone. */
static int confirm(const struct aws *a)
{
	char *line = NULL;
	size_t size = 0;
	bool same;

	if (a->d->yes)
		return 0;
	if (cli_tty_ask("all data of the stack goes: go on?") != 1)
		return cli_error_usage(&a->d->c, "not destroyed: say yes on a "
		    "terminal, or --yes");
	fprintf(stderr, "the stack's name: ");
	same = getline(&line, &size, stdin) > 0 &&
	    !strncmp(line, a->o.name, strlen(a->o.name)) &&
	    line[strlen(a->o.name)] == '\n';
	free(line);
	return same ? 0 : cli_error(&a->d->c, SNEK_ECANCELED, a->o.name, NULL,
	    "that is not its name: nothing was changed");
}

static int put_left(void *arg, const char *arn)
{
	struct aws *a = arg;

	a->left++;
	cli_error_say(&a->d->c, "left behind: %s", arn);
	return 0;
}

static int note(void *arg, const char *name, const char *value)
{
	struct aws *a = arg;

	(void)value;
	a->elsewhere |= !strcmp(name, "profile");
	return 0;
}

/* What it holds is seen by its profile, unless that is of another stack. */
static int keep(struct aws *a)
{
	struct snek_error e = { 0 };
	int rc;

	if (a->d->yes && !a->d->copy_to)
		return 0;
	rc = snek_stack_look(&a->o, note, a, &e);
	if (rc == SNEK_ENOENT)
		return 0;
	if (rc < 0)
		return failed(a, rc, &e);
	if (!a->elsewhere)
		return deploy_keep(a->d, a->o.name);
	if (a->d->copy_to)
		return cli_error(&a->d->c, SNEK_EINVAL, a->o.name, "name a "
		    "snek.conf with a profile of its own in $SNEK_CONFIG, or leave "
		    "--copy-to out",
		    "its profile is of a stack of that name elsewhere: what this "
		    "one holds cannot be copied");
	said(a, "its profile is of a stack of that name elsewhere: what this one "
	    "holds cannot be seen from here");
	return 0;
}

static int destroy(struct aws *a)
{
	struct snek_error e = { 0 };
	int rc = keep(a);

	if (!rc)
		rc = confirm(a);
	if (rc)
		return rc;
	said(a, "AWS takes 20 to 45 minutes to give back the network interfaces "
	    "of functions; this may be interrupted and said again");
	rc = snek_stack_destroy(&a->o, put_left, a, &e);
	if (rc < 0)
		return failed(a, rc, &e);
	if (rc) {                       /* it is gone: that much is done */
		failed(a, e.code, &e);
		return CLI_PARTIAL;
	}
	if (!a->left)
		said(a, "left behind: nothing");
	return a->left ? CLI_PARTIAL : 0;
}

int deploy_aws(const struct deploy *d)
{
	struct aws a = { .d = d };
	int rc = understand(&a, d);
	size_t i;

	cli_signal_begin();
	if (!rc)
		rc = d->bundle ? bundle(&a) :
		    d->print_template ? print_template(&a) : d->status ?
		    status(&a) : d->destroy ? destroy(&a) : deploy(&a);
	for (i = 0; i < TAGS; i++)
		free(a.own[i]);
	return rc;
}

int deploy_aws_check(const struct deploy *d)
{
	if (!d->aws && (d->stack || d->aws_region || d->replicas || d->node ||
	    d->engine || d->auth || d->zones || d->tags.n || d->bastion ||
	    d->no_bastion ||
	    d->log_retention || d->code || d->bundle || d->dry_run || d->detailed ||
	    d->print_template || d->copy_to || d->drift))
		return cli_error_usage(&d->c, "--stack, --region, --replicas, "
		    "--node, --engine, --auth, --zones, --tag, --bastion, "
		    "--no-bastion, --log-retention, --code, --bundle, "
		    "--dry-run, --detailed-exitcode, "
		    "--copy-to, --drift and --print-template go with --aws");
	if (d->bastion && d->no_bastion)
		return cli_error_usage(&d->c, "--bastion and --no-bastion: one of "
		    "them");
	if (d->drift && !d->status)
		return cli_error_usage(&d->c, "--drift goes with --status");
	if (d->copy_to && !d->destroy)
		return cli_error_usage(&d->c, "--copy-to goes with --destroy");
	if (d->aws && (d->local || d->redis || d->meta || d->name ||
	    d->c.cluster || d->region || d->role || d->bucket || d->endpoint ||
	    d->user || d->password_file))
		return cli_error_usage(&d->c, "--aws makes servers and functions "
		    "of its own: --local, --redis, --name, --cluster, --lambda-... "
		    "and logins do not go with it");
	if (d->status + d->destroy + d->print_template + d->dry_run +
	    !!d->bundle > 1)
		return cli_error_usage(&d->c, "--status, --destroy, "
		    "--print-template, --bundle and --dry-run: one of them");
	return 0;
}
