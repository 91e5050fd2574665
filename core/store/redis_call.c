/* SPDX-License-Identifier: MIT */
#include "store/redis_parts.h"

#include <stdlib.h>

struct call {
	struct sk_answer answer;
	struct snek_error e;
	int rc;
	bool ended;
};

static void keep(void *arg, int rc, const struct sk_reply *reply,
    const struct snek_error *e)
{
	struct call *c = arg;

	c->ended = true;
	c->rc = rc;
	if (rc) {
		c->e = *e;
		return;
	}
	c->answer.memory = sk_resp_copy(reply, &c->answer.reply);
	if (!c->answer.memory)
		c->rc = sk_enomem(&c->e);
}

static bool has_ended(void *arg)
{
	return ((const struct call *)arg)->ended;
}

/* Every command ends by its deadline, so the wait has none of its own. */
int sk_redis_call(sk_redis *r, const struct sk_command *command,
    struct sk_answer *out, struct snek_error *e)
{
	struct call c = { .ended = false };
	int rc = sk_redis_loop_refuse(r->loop, e);

	if (!rc)
		rc = sk_redis_send(r, command, keep, &c, e);
	if (!rc)
		rc = sk_redis_run(r->loop, has_ended, &c, INT64_MAX, e);
	if (rc)
		return rc;
	if (c.rc) {
		if (e)
			*e = c.e;
		return c.rc;
	}
	*out = c.answer;
	return 0;
}

void sk_answer_free(struct sk_answer *a)
{
	free(a->memory);
	a->memory = NULL;
}
