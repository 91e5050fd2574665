/* SPDX-License-Identifier: MIT */
#include "api/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/upload_dir.h"
#include "base/clock.h"
#include "base/hash.h"

struct part {
	uint64_t bytes, hash;           /* of one that is there */
	enum { NOT_THERE, COMING, THERE } state;
};

/*
 * open --commit--> busy --done--> committed: the receipt is kept, the files go.
 * Files of one that is busy are the commit's alone: it begins when no part is
 * coming, and until it has ended none comes.
 */
struct sk_upload {
	struct sk_upload *next;
	char id[33], category[130];
	struct sk_api_writing how;
	struct sk_upload_dir dir;
	unsigned users;                 /* requests that are at it */
	bool dropped, busy, committed;
	int64_t used;                   /* ms */
	uint64_t bytes;
	struct part *part;              /* part[n - 1] */
	size_t parts, coming;
	struct snek_receipt receipt;
};

void sk_api_uploads_init(struct sk_api_uploads *u)
{
	memset(u, 0, sizeof(*u));
	pthread_mutex_init(&u->lock, NULL);
}

static void free_all(struct sk_upload *list)
{
	struct sk_upload *up;

	while ((up = list)) {
		list = up->next;
		sk_upload_dir_remove(&up->dir);
		free(up->part);
		free(up);
	}
}

void sk_api_uploads_end(struct sk_api_uploads *u)
{
	free_all(u->first);
	pthread_mutex_destroy(&u->lock);
}

/* ---- the table ---- */

/* Where *p points is taken out, and put onto a list.  With the lock. */
static void take_out(struct sk_api_uploads *u, struct sk_upload **p,
    struct sk_upload **list)
{
	struct sk_upload *up = *p;

	*p = up->next;
	up->next = *list;
	*list = up;
	if (up->committed)
		u->committed--;
	else
		u->open--;
}

void sk_api_uploads_forget(struct sk_api *a)
{
	int64_t before = sk_clock_ms() - (int64_t)a->o.keep_s * 1000;
	struct sk_upload **p = &a->uploads.first, *old = NULL;

	pthread_mutex_lock(&a->uploads.lock);
	while (*p)
		if (!(*p)->users && (*p)->used <= before)
			take_out(&a->uploads, p, &old);
		else
			p = &(*p)->next;
	pthread_mutex_unlock(&a->uploads.lock);
	free_all(old);
}

/* Of more receipts than are kept, the one that nobody asked about for longest
 * goes.  With the lock. */
static void make_place(struct sk_api_uploads *u, struct sk_upload **list)
{
	struct sk_upload **p, **oldest = NULL;

	if (u->committed <= SK_UPLOADS_KEPT)
		return;
	for (p = &u->first; *p; p = &(*p)->next)
		if ((*p)->committed && !(*p)->users &&
		    (!oldest || (*p)->used <= (*oldest)->used))
			oldest = p;     /* of two at once the one farther back */
	if (oldest)
		take_out(u, oldest, list);
}

int sk_api_no_write(struct snek_error *e)
{
	return sk_fail(e, SNEK_ENOENT, "no write in parts has this id; it may "
	    "have been forgotten: begin again");
}

static struct sk_upload *hold(struct sk_api *a, const char *id,
    struct snek_error *e)
{
	struct sk_upload *up;

	pthread_mutex_lock(&a->uploads.lock);
	for (up = a->uploads.first; up && strcmp(up->id, id); up = up->next)
		;
	if (up && !up->dropped)
		up->users++;
	else
		up = NULL;
	pthread_mutex_unlock(&a->uploads.lock);
	if (!up)
		sk_api_no_write(e);
	return up;
}

static void let_go(struct sk_api *a, struct sk_upload *up)
{
	struct sk_upload **p = &a->uploads.first, *gone = NULL;

	if (!up)
		return;
	pthread_mutex_lock(&a->uploads.lock);
	up->used = sk_clock_ms();
	if (!--up->users && up->dropped) {
		while (*p != up)
			p = &(*p)->next;
		take_out(&a->uploads, p, &gone);
	}
	pthread_mutex_unlock(&a->uploads.lock);
	free_all(gone);
}

/* ---- begin ---- */

static int enter(struct sk_api *a, struct sk_upload *up, struct snek_error *e)
{
	bool full;

	sk_api_uploads_forget(a);
	pthread_mutex_lock(&a->uploads.lock);
	full = a->uploads.open >= SK_UPLOADS;
	if (!full) {
		up->used = sk_clock_ms();
		up->next = a->uploads.first;
		a->uploads.first = up;
		a->uploads.open++;
	}
	pthread_mutex_unlock(&a->uploads.lock);
	return full ? sk_fail(e, SNEK_EAGAIN, "%u writes in parts are open; "
	    "commit or drop one", SK_UPLOADS) : 0;
}

int sk_api_try_writer(struct sk_api *a, const char *category,
    const struct sk_api_writing *how, struct snek_error *e)
{
	snek_cluster *cluster = NULL;
	snek_writer *w = NULL;
	int rc = sk_api_take(a, &cluster, e);

	if (!rc)
		rc = sk_api_writer_open(a, cluster, category, how, &w, e);
	snek_writer_free(w);
	sk_api_give(a, cluster);
	return rc;
}

int sk_api_parts_writing(const char *query, const char *id,
    struct sk_api_writing *how, struct snek_error *e)
{
	/* The type of a body that begins nothing is no part's. */
	const struct sk_api_request as = { .query = query, .type = "" };
	int rc = sk_api_writing(&as, how, e);

	if (!rc && !*how->id)
		snprintf(how->id, sizeof(how->id), "parts-%s", id);
	return rc;
}

static int begin(struct sk_api_call *c, struct sk_upload *up,
    struct snek_error *e)
{
	int rc = sk_job_id_make(up->id, e);

	if (!rc)
		rc = sk_api_parts_writing(c->request->query, up->id, &up->how, e);
	if (!rc)
		rc = sk_api_try_writer(c->api, c->name[0], &up->how, e);
	if (rc)
		return rc;
	snprintf(up->category, sizeof(up->category), "%.129s", c->name[0]);
	rc = sk_upload_dir_make(&up->dir, c->api->tmp, e);
	return rc ? rc : enter(c->api, up, e);
}

void sk_api_put_begun(struct sk_api_call *c, const char *id,
    uint64_t most_bytes)
{
	struct sk_object j;

	c->out->status = 201;
	snprintf(c->out->location, sizeof(c->out->location), "/v1/writes/%s", id);
	sk_object_begin(&j, &c->out->body, "write");
	sk_object_text(&j, "write", id);
	sk_object_number(&j, "most_parts", SK_UPLOAD_PARTS);
	sk_object_number(&j, "most_bytes", most_bytes);
	sk_object_end(&j);
}

void sk_api_write_begin(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_upload *up = calloc(1, sizeof(*up));
	char id[33];
	int rc = up ? begin(c, up, &e) : sk_enomem(&e);

	if (rc) {
		free_all(up);
		sk_api_end(c, rc, &e);
		return;
	}
	memcpy(id, up->id, sizeof(id));
	sk_api_put_begun(c, id, c->api->o.max_body);
}

/* ---- part ---- */

/* Room for part n; with the lock. */
static int make_room(struct sk_upload *up, size_t n, struct snek_error *e)
{
	struct part *p = n <= up->parts ? up->part :
	    realloc(up->part, n * sizeof(*p));

	if (!p)
		return sk_enomem(e);
	up->part = p;
	for (; up->parts < n; up->parts++)
		p[up->parts] = (struct part){ .state = NOT_THERE };
	return 0;
}

/* May a part come that is not there?  Its bytes count from then on. */
static int admit(struct sk_api *a, struct sk_upload *up, size_t n,
    uint64_t bytes, struct snek_error *e)
{
	struct part *p = up->part + n - 1;

	if (up->committed || up->busy)
		return sk_fail(e, SNEK_ECONFLICT, "this write is committed, or "
		    "being so");
	if (p->state == COMING)
		return sk_fail(e, SNEK_EAGAIN, "part %zu is being written", n);
	if (up->bytes + bytes > a->o.max_parts)
		return sk_fail(e, SNEK_ELIMIT, "more than %llu bytes in parts",
		    (unsigned long long)a->o.max_parts);
	p->state = COMING;
	up->coming++;
	up->bytes += bytes;
	return 0;
}

/* 1: it is there already, the same; 0: it is to be written. */
static int reserve(struct sk_api *a, struct sk_upload *up, size_t n,
    struct sk_span b, uint64_t hash, struct snek_error *e)
{
	struct part *p;
	int rc;

	pthread_mutex_lock(&a->uploads.lock);
	rc = make_room(up, n, e);
	p = up->part + n - 1;
	if (!rc && p->state == THERE)
		rc = p->bytes == b.n && p->hash == hash ? 1 : sk_fail(e,
		    SNEK_ECONFLICT, "part %zu is there with other bytes", n);
	else if (!rc)
		rc = admit(a, up, n, b.n, e);
	pthread_mutex_unlock(&a->uploads.lock);
	return rc;
}

/* What was reserved is there now, or is not. */
static void enlist(struct sk_api *a, struct sk_upload *up, size_t n,
    struct sk_span b, uint64_t hash, bool there)
{
	pthread_mutex_lock(&a->uploads.lock);
	up->coming--;
	if (!there)
		up->bytes -= b.n;
	up->part[n - 1] = (struct part){ b.n, hash, there ? THERE : NOT_THERE };
	pthread_mutex_unlock(&a->uploads.lock);
}

int sk_api_part_number(const char *text, size_t *out, struct snek_error *e)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '1' || *text > '9' || *end || n > SK_UPLOAD_PARTS)
		return sk_fail(e, SNEK_EINVAL, "parts are numbered from 1 to %u",
		    SK_UPLOAD_PARTS);
	*out = n;
	return 0;
}

int sk_api_parts_said(const struct sk_api_request *r, size_t *out,
    struct snek_error *e)
{
	uint64_t n = 0;
	int rc = sk_api_number(r, "parts", 0, &n, e);

	if (!rc && (!n || n > SK_UPLOAD_PARTS))
		rc = sk_fail(e, SNEK_EINVAL, "how many parts there are is to "
		    "be said: parts=N, from 1 to %u", SK_UPLOAD_PARTS);
	*out = (size_t)n;
	return rc;
}

int sk_api_other_parts(size_t said, struct snek_error *e)
{
	return sk_fail(e, SNEK_ECONFLICT, "this write is committed, and not of "
	    "%zu parts", said);
}

void sk_api_put_part(struct sk_api_call *c, size_t n)
{
	struct sk_object j;

	sk_object_begin(&j, &c->out->body, "part");
	sk_object_text(&j, "write", c->name[0]);
	sk_object_number(&j, "part", n);
	sk_object_number(&j, "bytes", c->request->body.n);
	sk_object_end(&j);
}

void sk_api_write_part(struct sk_api_call *c)
{
	struct sk_span b = c->request->body;
	uint64_t hash = sk_hash64(b.p, b.n, 0);
	struct snek_error e = { 0 };
	struct sk_upload *up = NULL;
	size_t n = 0;
	int rc = sk_api_part_number(c->name[1], &n, &e);

	if (!rc && !(up = hold(c->api, c->name[0], &e)))
		rc = e.code;
	if (!rc)
		rc = reserve(c->api, up, n, b, hash, &e);
	if (!rc) {
		rc = sk_upload_dir_put(&up->dir, n, b, &e);
		enlist(c->api, up, n, b, hash, !rc);
	}
	let_go(c->api, up);
	sk_api_end(c, rc, &e);
	if (rc >= 0)
		sk_api_put_part(c, n);
}

/* ---- commit ---- */

static int read_part(struct sk_upload *up, snek_writer *w, size_t n,
    struct snek_error *e)
{
	char label[48];
	int fd = sk_upload_dir_open(&up->dir, n, e), rc;

	if (fd < 0)
		return fd;
	snprintf(label, sizeof(label), "part %zu", n);
	rc = snek_writer_read(w, fd, label, up->how.format, e);
	close(fd);
	return rc;
}

static int read_parts(struct sk_api *a, struct sk_upload *up, size_t n,
    struct snek_receipt *out, struct snek_error *e)
{
	snek_cluster *cluster = NULL;
	snek_writer *w = NULL;
	size_t i;
	int rc = sk_api_take(a, &cluster, e);

	if (!rc)
		rc = sk_api_writer_open(a, cluster, up->category, &up->how, &w, e);
	for (i = 1; i <= n && !rc; i++)
		rc = read_part(up, w, i, e);
	if (!rc)
		rc = snek_writer_commit(w, out, e);
	snek_writer_free(w);
	sk_api_give(a, cluster);
	return rc;
}

/* The last one that is there: a part that was refused leaves its room. */
static size_t last_part(const struct sk_upload *up)
{
	size_t n = up->parts;

	while (n && up->part[n - 1].state != THERE)
		n--;
	return n;
}

/* Are its parts 1 to n, and those alone?  With the lock. */
static int check_parts(const struct sk_upload *up, size_t n,
    struct snek_error *e)
{
	size_t i;

	if (up->coming)
		return sk_fail(e, SNEK_EAGAIN, "a part of it is being written");
	for (i = 0; i < n && i < up->parts && up->part[i].state == THERE; i++)
		;
	if (i < n)
		return sk_fail(e, SNEK_EINVAL, "part %zu is missing", i + 1);
	return n == last_part(up) ? 0 : sk_fail(e, SNEK_EINVAL, "there are %zu "
	    "parts, not %zu", last_part(up), n);
}

/* 1: it is committed already, with this receipt; 0: it is ours to commit. */
static int claim(struct sk_api *a, struct sk_upload *up, size_t n,
    struct snek_receipt *out, struct snek_error *e)
{
	int rc;

	pthread_mutex_lock(&a->uploads.lock);
	if (up->dropped) {
		rc = sk_api_no_write(e);
	} else if (up->committed) {
		*out = up->receipt;
		out->repeated = true;
		rc = n == last_part(up) ? 1 : sk_api_other_parts(n, e);
	} else if (up->busy) {
		rc = sk_fail(e, SNEK_EAGAIN, "it is being committed");
	} else {
		rc = check_parts(up, n, e);
		up->busy = !rc;
	}
	pthread_mutex_unlock(&a->uploads.lock);
	return rc;
}

/* receipt: NULL when nothing came of it. */
static void settle(struct sk_api *a, struct sk_upload *up,
    const struct snek_receipt *receipt)
{
	struct sk_upload *old = NULL;

	pthread_mutex_lock(&a->uploads.lock);
	up->busy = false;
	if (receipt) {
		up->receipt = *receipt;
		up->committed = true;
		a->uploads.open--;
		a->uploads.committed++;
		make_place(&a->uploads, &old);
	}
	pthread_mutex_unlock(&a->uploads.lock);
	free_all(old);
}

static int commit(struct sk_api *a, struct sk_upload *up, size_t n,
    struct snek_receipt *out, struct snek_error *e)
{
	int rc = claim(a, up, n, out, e);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = read_parts(a, up, n, out, e);
	if (!rc)
		sk_upload_dir_remove(&up->dir);
	settle(a, up, rc ? NULL : out);
	return rc;
}

void sk_api_write_commit(struct sk_api_call *c)
{
	struct snek_receipt receipt = { .size = sizeof(receipt) };
	struct snek_error e = { 0 };
	struct sk_upload *up = hold(c->api, c->name[0], &e);
	size_t n = 0;
	int rc = up ? 0 : e.code;

	if (!rc)
		rc = sk_api_parts_said(c->request, &n, &e);
	if (!rc)
		rc = commit(c->api, up, n, &receipt, &e);
	if (!rc)
		sk_api_receipt(&c->out->body, up->category, &receipt, &e);
	let_go(c->api, up);
	sk_api_end(c, rc ? rc : e.code, &e);
}

/* ---- drop ---- */

static int drop(struct sk_api *a, struct sk_upload *up, struct snek_error *e)
{
	int rc = 0;

	pthread_mutex_lock(&a->uploads.lock);
	if (up->busy)
		rc = sk_fail(e, SNEK_EAGAIN, "it is being committed");
	else
		up->dropped = true;
	pthread_mutex_unlock(&a->uploads.lock);
	return rc;
}

void sk_api_write_drop(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_upload *up = hold(c->api, c->name[0], &e);
	struct sk_object j;
	int rc = up ? drop(c->api, up, &e) : e.code;

	let_go(c->api, up);
	sk_api_end(c, rc, &e);
	if (rc)
		return;
	sk_object_begin(&j, &c->out->body, "dropped");
	sk_object_text(&j, "write", c->name[0]);
	sk_object_end(&j);
}
