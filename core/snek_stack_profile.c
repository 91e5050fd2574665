/* SPDX-License-Identifier: MIT */
/* snek_stack_profile.c - the profile of a stack's name in snek.conf: is it of
 * this stack, or of one elsewhere? */
#include "snek_stack.h"

#include <stdlib.h>

int sk_stack_profile_find(struct sk_stack_profile *s, const char *stack,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	char name[40];
	int rc = sk_profile_find(stack, &s->p, &why);

	s->name = stack;
	if (rc == SNEK_ENOENT)
		return 0;
	if (rc && e)
		*e = why;
	if (rc)
		return rc;
	sk_stack_of(&s->p, s->name, NULL, name);
	s->own = !strcmp(name, s->name) && sk_client_is_url(s->p.cluster);
	return 0;
}

int sk_stack_profile_is_here(const struct sk_stack_profile *s,
    struct snek_error *e)
{
	const char *region = s->ops->region(s->aws), *role = s->p.lambda_role;
	char account[20];
	size_t n;
	int rc;

	if (!region || !s->p.lambda_region || strcmp(region, s->p.lambda_region))
		return 0;
	if (!role)
		return 1;
	rc = s->ops->account(s->aws, account, e);
	n = rc ? 0 : strlen(account);
	/* arn:aws:iam::ACCOUNT:role/... */
	if (rc)
		return rc;
	role = strstr(role, "::");
	return role && !strncmp(role + 2, account, n) && role[2 + n] == ':';
}

int sk_stack_profile_check(const struct sk_stack_profile *s,
    struct snek_error *e)
{
	int rc;

	if (!s->p.cluster)
		return 0;
	if (!sk_client_is_url(s->p.cluster))
		return sk_fail(e, SNEK_EEXIST, "the profile %s of %s is another "
		    "cluster; call the stack otherwise, or that", s->name,
		    s->p.file);
	rc = s->own && s->p.lambda_region ? sk_stack_profile_is_here(s, e) : 1;
	if (rc)
		return rc < 0 ? rc : 0;
	return sk_fail(e, SNEK_EEXIST, "the profile %s of %s is a stack of that "
	    "name elsewhere (%s%s%s); call this one otherwise, or take the "
	    "profile out of the file", s->name, s->p.file,
	    s->p.lambda_region ? s->p.lambda_region : "in no region that it says",
	    s->p.lambda_role ? ", " : "",
	    s->p.lambda_role ? s->p.lambda_role : "");
}

static int set(char **to, const char *value)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return SNEK_ENOMEM;
	if (copy) {
		free(*to);
		*to = copy;
	}
	return 0;
}

static const char *output(const struct sk_stack_info *i, const char *name)
{
	size_t n;

	for (n = 0; n < i->outputs; n++)
		if (!strcmp(i->output[n].name, name))
			return i->output[n].value;
	return NULL;
}

/* Where it is, and what functions that are added to it have. */
static int fill(struct sk_stack_profile *s, const char *aws_profile,
    const struct sk_stack_info *i)
{
	return set(&s->p.cluster, output(i, "Api")) ||
	    set(&s->p.lambda_region, s->ops->region(s->aws)) ||
	    set(&s->p.lambda_role, output(i, "MapperRole")) ||
	    set(&s->p.lambda_subnets, output(i, "Subnets")) ||
	    set(&s->p.lambda_security_groups, output(i, "MapperGroup")) ||
	    set(&s->p.lambda_bucket, output(i, "Bucket")) ||
	    set(&s->p.lambda_log_retention, output(i, "LogRetention")) ||
	    set(&s->p.lambda_stack, s->name) ||
	    set(&s->p.aws_profile, aws_profile);
}

int sk_stack_profile_save(struct sk_stack_profile *s, const char *aws_profile,
    const struct sk_stack_info *i, struct snek_error *e)
{
	if (!output(i, "Api"))
		return sk_fail(e, SNEK_EFORMAT, "the stack %s says no API",
		    s->name);
	return fill(s, aws_profile, i) ? sk_enomem(e) :
	    sk_profile_save(s->name, &s->p, e);
}

void sk_stack_of(const struct sk_profile *p, const char *where,
    const char *given, char name[40])
{
	bool api = p->cluster && !strncmp(p->cluster, "https://", 8) &&
	    strstr(p->cluster, ".execute-api.");

	snprintf(name, 40, "%.39s", given ? given : p->lambda_stack ?
	    p->lambda_stack : api ? where : "");
}

int sk_stack_profile_forget(const struct sk_stack_profile *s,
    struct snek_error *e)
{
	int rc = 1;

	if (!s->p.cluster || !sk_client_is_url(s->p.cluster))
		return 0;
	if (s->own && s->p.lambda_region)
		rc = sk_stack_profile_is_here(s, e);
	return rc > 0 ? sk_profile_remove(s->name, e) : rc;
}
