/* SPDX-License-Identifier: MIT */
/*
 * stack_interface.c - the network interfaces that Lambda made for mappers.
 *
 * Lambda takes one back up to 20 minutes after the last function that used it is
 * gone, and by that function's role: were the stack with role and group deleted
 * at once, the interface would stay, and with it group, subnets and network
 * (AWS Lambda Developer Guide, "Giving Lambda functions access to resources in
 * an Amazon VPC").
 */
#include "aws/stack.h"

#include <stdio.h>

#include "base/clock.h"

/* As long as AWS has been seen to take for them. */
#define MOST_MS (45 * 60 * 1000)
enum { PAGES = 100 };

struct interfaces {
	size_t n;
	char first[40], description[200];
};

static void take(const struct sk_xml_node *m, struct interfaces *out)
{
	for (; m; m = sk_xml_next(m))
		if (!out->n++) {
			sk_stack_text(m, "networkInterfaceId", out->first,
			    sizeof(out->first));
			sk_stack_text(m, "description", out->description,
			    sizeof(out->description));
		}
}

static int ask_page(struct sk_aws *aws, const char *group, char next[1100],
    struct interfaces *out, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	struct sk_aws_reply r;
	struct sk_xml *x;
	int rc;

	sk_form_put(&f, "Filter.1.Name", "group-id");
	sk_form_put(&f, "Filter.1.Value.1", group);
	if (*next)
		sk_form_put(&f, "NextToken", next);
	rc = sk_aws_form(aws, "ec2", "2016-11-15", "DescribeNetworkInterfaces",
	    &f, &r, &x, e);
	if (!rc) {
		take(sk_xml_find(sk_xml_root(x), "networkInterfaceSet/item"), out);
		sk_stack_text(sk_xml_root(x), "nextToken", next, 1100);
		sk_xml_close(x);
	}
	sk_aws_reply_free(&r);
	return rc;
}

static int ask(struct sk_aws *aws, const char *group, struct interfaces *out,
    struct snek_error *e)
{
	char next[1100] = "";
	unsigned n = 0;
	int rc;

	memset(out, 0, sizeof(*out));
	do {
		rc = ask_page(aws, group, next, out, e);
	} while (!rc && *next && ++n < PAGES);
	return rc;
}

static void tell(const struct sk_stack_destroy *d, size_t n)
{
	sk_stack_say(&d->watch, "%zu network interface%s of mappers %s still "
	    "there; AWS takes up to 20 minutes", n, n == 1 ? "" : "s",
	    n == 1 ? "is" : "are");
}

static int give_up(const struct interfaces *all, const char *group,
    int64_t ms, struct snek_error *e)
{
	return sk_fail(e, SNEK_ETIMEDOUT, "after %lld s the security group %s has "
	    "%zu network interface%s still, %s (%s) among them; what is not "
	    "Lambda's has to be taken out of it, and the same command waits "
	    "again", (long long)ms / 1000, group, all->n,
	    all->n == 1 ? "" : "s", all->first, all->description);
}

static void tell_unseen(const struct sk_stack_destroy *d,
    const struct snek_error *why)
{
	sk_stack_say(&d->watch, "whether network interfaces of mappers are still "
	    "there cannot be seen, and the stack is deleted all the same: %s",
	    why->text);
}

/* 0: none is left, or none can be seen. */
static int wait(struct sk_aws *aws, const struct sk_stack_destroy *d,
    const char *group, struct snek_error *e)
{
	const struct sk_stack_watch *w = &d->watch;
	int64_t most = w->patience_ms ? w->patience_ms : MOST_MS;
	int64_t began = sk_clock_ms(), heard = began;
	struct interfaces all = { .n = 1 }, now;
	struct snek_error why = { 0 };
	size_t told = 0;
	unsigned n = 0;
	int rc;

	do {
		rc = ask(aws, group, &now, &why);
		if (!rc)
			all = now;
		if (sk_stack_unheard(w, rc, &heard, &why)) {
			tell_unseen(d, &why);
			return 0;
		}
		if (!all.n)
			return 0;
		if (*all.first && all.n != told)
			tell(d, told = all.n);
		if (sk_clock_ms() - began > most)
			return give_up(&all, group, sk_clock_ms() - began, e);
		rc = sk_stack_pause(w, "network interfaces", &n);
	} while (!rc);
	return rc;
}

int sk_stack_interfaces(struct sk_aws *aws, const struct sk_stack_destroy *d,
    const struct sk_stack_info *i, struct snek_error *e)
{
	struct sk_stack_resource group;
	struct snek_error why = { 0 };
	int rc = sk_stack_resource(aws, i->id, "MapperGroup", &group, &why);

	if (!rc)
		return wait(aws, d, group.id, e);
	if (rc != SNEK_ENOENT)
		tell_unseen(d, &why);
	return 0;
}
