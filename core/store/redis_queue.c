/* SPDX-License-Identifier: MIT */
#include "store/redis_parts.h"

#include <stdlib.h>

void sk_redis_push(struct sk_redis_queue *q, struct sk_redis_command *c)
{
	c->next = NULL;
	if (q->tail)
		q->tail->next = c;
	else
		q->head = c;
	q->tail = c;
}

struct sk_redis_command *sk_redis_pop(struct sk_redis_queue *q)
{
	struct sk_redis_command *c = q->head;

	if (!c)
		return NULL;
	q->head = c->next;
	if (!q->head)
		q->tail = NULL;
	return c;
}

void sk_redis_prepend(struct sk_redis_queue *q, struct sk_redis_queue *front)
{
	if (!front->head)
		return;
	front->tail->next = q->head;
	if (!q->tail)
		q->tail = front->tail;
	q->head = front->head;
	front->head = front->tail = NULL;
}

struct sk_redis_command *sk_redis_command_new(const struct sk_command *from,
    sk_redis_done *done, void *arg)
{
	size_t n = sk_resp_size(from->arg, from->args);
	struct sk_redis_command *c = malloc(sizeof(*c) + n);

	if (!c)
		return NULL;
	*c = (struct sk_redis_command){
		.done = done, .arg = arg, .deadline = from->deadline_ms,
		.bounds = {
			from->reply_max ? from->reply_max : SK_REDIS_REPLY_MAX,
			from->items_max ? from->items_max : SK_REDIS_ITEMS_MAX,
		},
		.again = from->again, .raw = from->raw_errors, .n = n,
	};
	sk_resp_write(c->bytes, from->arg, from->args);
	return c;
}

void sk_redis_command_free(struct sk_redis_command *c)
{
	if (c->hello)
		explicit_bzero(c->bytes, c->n); /* there may be a password */
	free(c);
}
