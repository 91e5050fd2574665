/* SPDX-License-Identifier: MIT */
/* task.c - a task between the coordinator's message and a child's request. */
#include <stdlib.h>
#include <unistd.h>

#include "worker/slot.h"

static bool take_fetches(struct sk_get *r, struct sk_worker_task *t)
{
	const char *from = r->p;
	uint32_t n = sk_get_count(r, SK_WIRE_FETCH_BYTES);

	return sk_get_raw(r, (size_t)n * SK_WIRE_FETCH_BYTES) && (!n ||
	    sk_buf_put(&t->fetch, from, (size_t)(r->p - from)));
}

int sk_worker_task_take(struct sk_worker_task *t, const struct sk_message *files,
    struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	uint32_t n, i, file;
	size_t k;
	int fd;

	t->once = sk_get_u8(&r) & SK_TASK_ONCE;
	n = sk_get_count(&r, 4);
	for (i = 0; i < n; i++) {
		file = sk_get_u32(&r);
		if (r.bad || file >= files->fds)
			return SNEK_EFORMAT;
		fd = dup(files->fd[file]);
		if (fd < 0 || !sk_message_take(&t->request, fd))
			return SNEK_ENOMEM;
	}
	if (r.bad || !take_fetches(&r, t) || !sk_buf_put(&t->request.body, r.p, r.n))
		return SNEK_EFORMAT;
	for (k = 0; k < m->fds; k++) {
		fd = m->fd[k];
		m->fd[k] = -1;
		if (!sk_message_take(&t->request, fd))
			return SNEK_ENOMEM;
	}
	t->request.kind = SK_MSG_TASK;
	t->request.id = m->id;
	return 0;
}

void sk_worker_task_free(struct sk_worker_task *t)
{
	if (!t)
		return;
	sk_message_free(&t->request);
	sk_buf_free(&t->fetch);
	free(t);
}
