/* SPDX-License-Identifier: MIT */
/* task.c - a task between the coordinator's message and a child's request. */
#include <stdio.h>
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
	t->request.parcel = m->parcel;
	return 0;
}

/* ---- chunks that were fetched ---- */

/* The request's chunks that lie in its last file are the fetched ones, in
 * order: put in where. */
static bool put_places(struct sk_buf *body, struct sk_get *answer)
{
	struct sk_get r = { body->p, body->n, false };
	uint32_t files, chunks, file, i;
	uint64_t at, end = 0;
	char *p;

	sk_get_raw(&r, 13);
	files = sk_get_count(&r, 16);
	p = body->p + (r.p - body->p) + 16 * ((size_t)files - 1) + 8;
	if (!files || !sk_get_raw(&r, 16 * (size_t)files))
		return false;
	chunks = sk_get_count(&r, 40);
	for (i = 0; i < chunks; i++) {
		file = sk_get_u32(&r);
		if (file == files - 1 && !r.bad) {
			char *to = body->p + (r.p - body->p);
			uint64_t place[2];

			if (r.n < sizeof(place))
				return false;
			place[0] = at = sk_get_u64(answer);
			place[1] = sk_get_u64(answer);
			memcpy(to, place, sizeof(place));
			end = at + place[1] > end ? at + place[1] : end;
		}
		sk_get_raw(&r, 32);
		sk_get_text(&r);
	}
	memcpy(p, &end, sizeof(end));
	return !r.bad && sk_get_end(answer);
}

static void fail(struct sk_wire_death *d, int rc, const char *text)
{
	*d = (struct sk_wire_death){ .end = SK_END_FETCH, .status = rc,
	    .chunk = UINT32_MAX, .row = SK_NO_ROW };
	snprintf(d->text, sizeof(d->text), "%s", text);
}

void sk_worker_task_fetched(struct sk_worker_task *t, struct sk_message *m,
    struct sk_wire_death *d)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	int fd;

	if (m->kind == SK_MSG_DIED) {
		sk_get_death(&r, d);
		return;
	}
	if (m->kind != SK_MSG_DONE || m->fds != 1 ||
	    !put_places(&t->request.body, &r)) {
		fail(d, SNEK_EINTERNAL, "malformed answer of the process that "
		    "reads shards");
		return;
	}
	fd = m->fd[0];
	m->fd[0] = -1;
	sk_buf_free(&t->fetch);
	if (!sk_message_take(&t->request, fd))
		fail(d, SNEK_ENOMEM, "out of memory");
}

void sk_worker_task_free(struct sk_worker_task *t)
{
	if (!t)
		return;
	sk_message_free(&t->request);
	sk_buf_free(&t->fetch);
	free(t);
}
