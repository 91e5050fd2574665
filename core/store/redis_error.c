/* SPDX-License-Identifier: MIT */
/*
 * redis_error.c - what a server's refusals mean, what to do about them, and
 * whether the same may be asked again.  They are told by their first word;
 * errors without one of their own begin with ERR and are told by their text.
 */
#include "store/redis_parts.h"

#include <stdio.h>

struct rule {
	const char *start;
	struct sk_redis_verdict verdict;
	const char *cure;
};

static const struct rule rules[] = {
	{ "OOM ", { SNEK_EIO, false, false }, "its memory is full (maxmemory): "
	    "give it more, remove data, or add servers" },
	{ "READONLY ", { SNEK_EACCES, false, true }, "it is a replica and takes "
	    "no writes: name its primary, or wait for a failover to end" },
	{ "LOADING ", { SNEK_EAGAIN, true, false }, "it has just started and is "
	    "still loading its data" },
	{ "MASTERDOWN ", { SNEK_EAGAIN, true, true }, "it is a replica that has "
	    "lost its primary" },
	{ "MISCONF ", { SNEK_EIO, false, false }, "it takes no writes because it "
	    "cannot save to its disk: see its log and its disk's space" },
	{ "NOAUTH ", { SNEK_EACCES, false, true }, "it wants a password: put it "
	    "in the URL (redis://user:password@host) or the environment" },
	{ "WRONGPASS ", { SNEK_EACCES, false, false }, "user or password is "
	    "wrong, or the user is disabled" },
	{ "NOPERM ", { SNEK_EACCES, false, false }, "its ACL forbids this user "
	    "the command or the keys" },
	{ "WRONGTYPE ", { SNEK_ECORRUPT, false, false }, "a key is of another "
	    "type than snek writes: somebody else uses the same prefix" },
	{ "NOREPLICAS ", { SNEK_EAGAIN, true, false }, "fewer replicas are in "
	    "sync than its min-replicas-to-write" },
	{ "MOVED ", { SNEK_EINVAL, false, false }, "it is a node of a Redis "
	    "Cluster, which snek does not speak to: give it single servers" },
	{ "ASK ", { SNEK_EINVAL, false, false }, "it is a node of a Redis "
	    "Cluster, which snek does not speak to: give it single servers" },
	{ "CROSSSLOT ", { SNEK_EINVAL, false, false }, "it is a node of a Redis "
	    "Cluster, which snek does not speak to: give it single servers" },
	{ "CLUSTERDOWN ", { SNEK_EINVAL, false, false }, "it is a node of a Redis "
	    "Cluster, which snek does not speak to: give it single servers" },
	{ "TRYAGAIN ", { SNEK_EAGAIN, true, false }, "it asks to try again" },
	{ "BUSY ", { SNEK_EAGAIN, true, false }, "it is busy with somebody's "
	    "script; SCRIPT KILL may end that" },
	{ "UNBLOCKED ", { SNEK_EAGAIN, true, true }, "its role has changed" },
	{ "NOSCRIPT ", { SNEK_EAGAIN, false, false }, "it has forgotten a "
	    "script" },
	{ "DENIED ", { SNEK_EACCES, false, false }, "it is in protected mode and "
	    "answers its own machine alone: set a password or bind it" },
	{ "ERR max number of clients", { SNEK_EAGAIN, true, true }, "it has as "
	    "many clients as its maxclients allows" },
	{ "ERR AUTH <password> called without", { SNEK_EACCES, false, false },
	    "it has no password, but was given one: take it out of the URL" },
	{ "ERR Client sent AUTH, but no", { SNEK_EACCES, false, false },
	    "it has no password, but was given one: take it out of the URL" },
	{ "ERR DB index is out of range", { SNEK_EINVAL, false, false },
	    "it has fewer databases than the URL asks for" },
	{ "ERR unknown command", { SNEK_EIO, false, false }, "it lacks a command "
	    "that snek needs: too old, or the command was renamed" },
	{ "", { SNEK_EIO, false, false }, NULL },
};

static bool begins(struct sk_span text, const char *with)
{
	size_t n = strlen(with);

	return text.n >= n && !memcmp(text.p, with, n);
}

/* Servers before 7 wrap what a command in a script was told. */
static struct sk_span unwrap(struct sk_span t)
{
	static const char mark[] = ": -";
	const char *end = (const char *)t.p + t.n, *at;

	if (!begins(t, "ERR Error running script"))
		return t;
	at = memmem(t.p, t.n, mark, sizeof(mark) - 1);
	if (!at)
		return t;
	at += sizeof(mark) - 1;
	return (struct sk_span){ at, (size_t)(end - at) };
}

struct sk_redis_verdict sk_redis_judge(const char *name, struct sk_span text,
    struct snek_error *e)
{
	struct sk_span t = unwrap(text);
	int n = t.n < 300 ? (int)t.n : 300;
	const struct rule *r = rules;
	char which[200] = "";

	while (!begins(t, r->start))
		r++;
	if (name)
		snprintf(which, sizeof(which), "%.190s: ", name);
	if (r->cure)
		sk_fail(e, r->verdict.rc, "%s%s (%.*s)", which, r->cure, n,
		    (const char *)t.p);
	else
		sk_fail(e, r->verdict.rc, "%sit answered: %.*s", which, n,
		    (const char *)t.p);
	return r->verdict;
}

bool sk_redis_says_login(const struct snek_error *e)
{
	return e->code == SNEK_EACCES && (strstr(e->text, "(WRONGPASS ") ||
	    strstr(e->text, "(NOAUTH "));
}
