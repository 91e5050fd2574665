/* SPDX-License-Identifier: MIT */
#include "aws/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_SHARDS 27u          /* their addresses are in the environment of the
				 * functions, of which 4 KB are allowed, and a
				 * server's id may have 40 bytes */
#define MAX_TEXT 1000000u       /* of CloudFormation, by way of S3 */

/* ---- options ---- */

/* NAME-fn-... are functions of the stack NAME, not one of another. */
static bool is_like_function(const char *s)
{
	size_t n = strlen(s);

	return strstr(s, "-fn-") || (n > 3 && !strcmp(s + n - 3, "-fn"));
}

static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	/* ElastiCache makes letters small, and IAM's user would be another. */
	return n && n <= 32 && !s[n] && *s >= 'a' && *s <= 'z' &&
	    s[n - 1] != '-' && !strstr(s, "--") && !is_like_function(s);
}

static bool is_node(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.");

	return !strncmp(s, "cache.", 6) && n > 8 && n < 40 && !s[n];
}

/* Days that CloudWatch Logs knows. */
static bool is_retention(uint32_t days)
{
	static const uint32_t known[] = { 1, 3, 5, 7, 14, 30, 60, 90, 120, 150,
		180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
		3653 };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i] == days)
			return true;
	return false;
}

size_t sk_template_zone(const char *names, uint32_t n, const char **name)
{
	for (; n && *names; n--) {
		names += strcspn(names, ",");
		names += *names == ',';
	}
	*name = names;
	return strcspn(names, ",");
}

static bool is_zone(const char *names, uint32_t n)
{
	const char *name, *other;
	size_t len = sk_template_zone(names, n, &name);
	uint32_t i;

	if (!len || len > 32 || strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "0123456789-") < len)
		return false;
	for (i = 0; i < n; i++)
		if (sk_template_zone(names, i, &other) == len &&
		    !memcmp(name, other, len))
			return false;
	return true;
}

static int check_zones(struct sk_stack_options *o, struct snek_error *e)
{
	uint32_t n = 0, i;
	const char *p;

	for (p = o->zone_names; p; p = strchr(p, ','), p = p ? p + 1 : p)
		n++;
	for (i = 0; i < n && i <= SK_TEMPLATE_ZONES; i++)
		if (!is_zone(o->zone_names, i))
			return sk_fail(e, SNEK_EINVAL, "zones are 1 to %u, or as "
			    "many names or ids, each once, such as "
			    "eu-west-1a,eu-west-1b: %.100s", SK_TEMPLATE_ZONES,
			    o->zone_names);
	if (n && o->zones && o->zones != n)
		return sk_fail(e, SNEK_EINVAL, "%u zones with %u names: %.100s",
		    o->zones, n, o->zone_names);
	if (n)
		o->zones = n;
	return 0;
}

static bool is_plain(const char *s, size_t most)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789 _.:/=+-@");

	return !s[n] && n <= most;
}

/* Names of IAM's tags are one where only their case differs. */
static bool is_twice(const struct sk_stack_options *o, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcasecmp(o->tag[i].name, o->tag[n].name))
			return true;
	return !strcasecmp(o->tag[n].name, "Name");
}

static int check_tags(const struct sk_stack_options *o, struct snek_error *e)
{
	size_t i;

	if (o->tags > 40)
		return sk_fail(e, SNEK_EINVAL, "%zu tags: at most 40", o->tags);
	for (i = 0; i < o->tags; i++) {
		if (!*o->tag[i].name || !is_plain(o->tag[i].name, 128) ||
		    !is_plain(o->tag[i].value, 256) ||
		    !strncasecmp(o->tag[i].name, "aws:", 4) ||
		    !strncasecmp(o->tag[i].name, "snek:", 5))
			return sk_fail(e, SNEK_EINVAL, "tag %.100s=%.100s: tags "
			    "are of a to z, digits, blanks and _.:/=+-@, names "
			    "of 1 to 128, and do not begin with aws: or snek:",
			    o->tag[i].name, o->tag[i].value);
		if (is_twice(o, i))
			return sk_fail(e, SNEK_EINVAL, "tag %.100s: each name "
			    "once, and Name is given by snek to each resource",
			    o->tag[i].name);
	}
	return 0;
}

static void fill_in(struct sk_stack_options *o)
{
	if (!o->shards)
		o->shards = 2;
	if (!o->level)
		o->level = o->shards;
	if (!o->zones)
		o->zones = 1;
	if (!o->node)
		o->node = "cache.t4g.micro";
	if (!o->engine)
		o->engine = "valkey";
	if (!o->auth)
		o->auth = "iam";
	if (!o->log_retention)
		o->log_retention = 14;
}

int sk_template_check_name(const char *name, struct snek_error *e)
{
	return name && is_name(name) ? 0 : sk_fail(e, SNEK_EINVAL, "a stack's name "
	    "begins with a letter, has at most 32 of a-z, 0-9 and single dashes, "
	    "and neither has -fn- nor ends so: %.40s", name ? name : "(none)");
}

int sk_template_check(struct sk_stack_options *o, struct snek_error *e)
{
	int rc = sk_template_check_name(o->name, e);

	if (!rc)
		rc = check_zones(o, e);
	if (rc)
		return rc;
	fill_in(o);
	if (o->shards > MAX_SHARDS || o->level > o->shards)
		return sk_fail(e, SNEK_EINVAL, "%u shards at level %u: at most %u, "
		    "and the level is at most as many", o->shards, o->level,
		    MAX_SHARDS);
	if (o->replicas > 5 || o->zones > SK_TEMPLATE_ZONES)
		return sk_fail(e, SNEK_EINVAL, "%u replicas in %u zones: at most 5 "
		    "and %u", o->replicas, o->zones, SK_TEMPLATE_ZONES);
	if (!is_node(o->node))
		return sk_fail(e, SNEK_EINVAL, "%.40s is no type of a cache node, "
		    "such as cache.t4g.micro", o->node);
	if (strcmp(o->engine, "valkey") && strcmp(o->engine, "redis"))
		return sk_fail(e, SNEK_EINVAL, "the engine is valkey or redis");
	if (strcmp(o->auth, "iam") && strcmp(o->auth, "token"))
		return sk_fail(e, SNEK_EINVAL, "servers are told who asks by iam "
		    "or token");
	if (!is_retention(o->log_retention))
		return sk_fail(e, SNEK_EINVAL, "logs are kept 1, 3, 5, 7, 14, 30, "
		    "60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827 or "
		    "more days, not %u", o->log_retention);
	return check_tags(o, e);
}

/* ---- text ---- */

void sk_template_put(struct sk_template *t, const char *fmt, ...)
{
	char *text = NULL, *p;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->nomem = true;
		return;
	}
	for (p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	if ((t->comma && *text != '}' && *text != ']' &&
	    !sk_buf_byte(t->out, ',')) || !sk_buf_put(t->out, text, (size_t)n))
		t->nomem = true;
	if (n)
		t->comma = text[n - 1] != '{' && text[n - 1] != '[' &&
		    text[n - 1] != ':';
	free(text);
}

void sk_template_tags(struct sk_template *t, const char *name)
{
	size_t i;

	sk_template_put(t, "'Tags':[");
	sk_template_put(t, "{'Key':'Name','Value':'%s-%s'}", t->o->name, name);
	sk_template_put(t, "{'Key':'snek:stack','Value':'%s'}", t->o->name);
	for (i = 0; i < t->o->tags; i++)
		sk_template_put(t, "{'Key':'%s','Value':'%s'}", t->o->tag[i].name,
		    t->o->tag[i].value);
	sk_template_put(t, "]");
}

/* ---- the bucket, which is there before there is code ---- */

static void bucket(struct sk_template *t)
{
	sk_template_put(t, "'Artifacts':{'Type':'AWS::S3::Bucket',"
	    "'DeletionPolicy':'Delete','UpdateReplacePolicy':'Delete',"
	    "'Properties':{");
	sk_template_put(t, "'VersioningConfiguration':{'Status':'Enabled'}");
	sk_template_put(t, "'PublicAccessBlockConfiguration':{"
	    "'BlockPublicAcls':true,'BlockPublicPolicy':true,"
	    "'IgnorePublicAcls':true,'RestrictPublicBuckets':true}");
	sk_template_put(t, "'OwnershipControls':{'Rules':["
	    "{'ObjectOwnership':'BucketOwnerEnforced'}]}");
	sk_template_put(t, "'BucketEncryption':{'ServerSideEncryptionConfiguration':"
	    "[{'ServerSideEncryptionByDefault':{'SSEAlgorithm':'AES256'}}]}");
	sk_template_put(t, "'LifecycleConfiguration':{'Rules':[{'Id':'old',"
	    "'Status':'Enabled','NoncurrentVersionExpiration':"
	    "{'NoncurrentDays':30},'AbortIncompleteMultipartUpload':"
	    "{'DaysAfterInitiation':1}}]}");
	sk_template_tags(t, "artifacts");
	sk_template_put(t, "}}");
	sk_template_put(t, "'ArtifactsPolicy':{'Type':'AWS::S3::BucketPolicy',"
	    "'Properties':{'Bucket':{'Ref':'Artifacts'},'PolicyDocument':"
	    "{'Version':'2012-10-17','Statement':[{'Sid':'TlsOnly','Effect':'Deny',"
	    "'Principal':'*','Action':'s3:*','Resource':[{'Fn::GetAtt':["
	    "'Artifacts','Arn']},{'Fn::Sub':'${Artifacts.Arn}/*'}],'Condition':"
	    "{'Bool':{'aws:SecureTransport':'false'}}}]}}}");
}

static void outputs(struct sk_template *t)
{
	char options[SK_TEMPLATE_OPTIONS];
	uint32_t i;

	sk_template_options_text(t->o, options);
	sk_template_put(t, "'Outputs':{");
	sk_template_put(t, "'Options':{'Value':'%s'}", options);
	sk_template_put(t, "'Bucket':{'Value':{'Ref':'Artifacts'}}");
	if (!t->o->code_key) {
		sk_template_put(t, "}");
		return;
	}
	sk_template_put(t, "'Api':{'Value':{'Fn::GetAtt':['Api','ApiEndpoint']}}");
	sk_template_put(t, "'Subnets':{'Value':{'Fn::Join':[',',[");
	for (i = 0; i < t->o->zones; i++)
		sk_template_put(t, "{'Ref':'Subnet%u'}", i);
	sk_template_put(t, "]]}}");
	sk_template_put(t, "'MapperGroup':{'Value':{'Fn::GetAtt':['MapperGroup',"
	    "'GroupId']}}");
	sk_template_put(t, "'MapperRole':{'Value':{'Fn::GetAtt':['MapperRole',"
	    "'Arn']}}");
	sk_template_put(t, "'LogRetention':{'Value':'%u'}", t->o->log_retention);
	sk_template_put(t, "'Meta':{'Value':{'Fn::GetAtt':['Meta',"
	    "'PrimaryEndPoint.Address']}}");
	for (i = 0; i < t->o->shards; i++)
		sk_template_put(t, "'Shard%u':{'Value':{'Fn::GetAtt':['Shard%u',"
		    "'PrimaryEndPoint.Address']}}", i, i);
	if (t->o->bastion)
		sk_template_put(t, "'Bastion':{'Value':{'Ref':'Bastion'}}");
	sk_template_put(t, "}");
}

int sk_template_make(const struct sk_stack_options *o, struct sk_buf *out,
    struct snek_error *e)
{
	struct sk_template t = { .o = o, .out = out };

	sk_template_put(&t, "{");
	sk_template_put(&t, "'AWSTemplateFormatVersion':'2010-09-09'");
	sk_template_put(&t, "'Description':'snek: shards, mappers and an API "
	    "(made by snek-deploy; change it there)'");
	if (o->code_key && o->bastion)
		sk_template_bastion_parameters(&t);
	sk_template_put(&t, "'Resources':{");
	bucket(&t);
	if (o->code_key) {
		sk_template_net(&t);
		sk_template_store(&t);
		sk_template_code(&t);
		sk_template_api(&t);
		if (o->bastion)
			sk_template_bastion(&t);
	}
	sk_template_put(&t, "}");
	outputs(&t);
	sk_template_put(&t, "}");
	if (t.nomem || !sk_buf_byte(out, '\n'))
		return sk_enomem(e);
	if (out->n > MAX_TEXT)
		return sk_fail(e, SNEK_ELIMIT, "a template of %zu bytes, of which "
		    "CloudFormation takes %u: fewer or shorter tags make it "
		    "smaller", out->n, MAX_TEXT);
	return 0;
}

int sk_template_text(struct sk_stack_options *o, struct sk_buf *out,
    struct snek_error *e)
{
	int rc = sk_template_check(o, e);

	return rc ? rc : sk_template_make(o, out, e);
}
