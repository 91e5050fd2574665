/* SPDX-License-Identifier: MIT */
#include "api/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"

struct part {
	uint64_t bytes, hash;           /* bytes of a part that is there */
	bool there;
};

struct sk_upload {
	struct sk_upload *next;
	char id[33], category[130];
	struct sk_api_writing how;
	char dir[4200];
	int dir_fd;
	unsigned users;                 /* requests that are at it */
	bool dropped, busy;             /* busy: being committed */
	int64_t used;                   /* ms */
	uint64_t bytes;
	struct part *part;              /* part[n - 1] */
	size_t parts;
	bool committed;
	struct snek_receipt receipt;
};

void sk_api_uploads_init(struct sk_api_uploads *u)
{
	memset(u, 0, sizeof(*u));
	pthread_mutex_init(&u->lock, NULL);
}

static void remove_files(struct sk_upload *up)
{
	char name[32];
	size_t i;

	if (up->dir_fd < 0)
		return;
	for (i = 0; i < up->parts; i++) {
		snprintf(name, sizeof(name), "%zu", i + 1);
		unlinkat(up->dir_fd, name, 0);
	}
	close(up->dir_fd);
	up->dir_fd = -1;
	rmdir(up->dir);
}

static void free_upload(struct sk_upload *up)
{
	remove_files(up);
	free(up->part);
	free(up);
}

void sk_api_uploads_end(struct sk_api_uploads *u)
{
	struct sk_upload *up;

	while ((up = u->first)) {
		u->first = up->next;
		free_upload(up);
	}
	pthread_mutex_destroy(&u->lock);
}

/* ---- the table ---- */

static void unlink_from(struct sk_api_uploads *u, struct sk_upload *up)
{
	struct sk_upload **p;

	for (p = &u->first; *p; p = &(*p)->next)
		if (*p == up) {
			*p = up->next;
			u->n--;
			return;
		}
}

/* Those nobody has asked about for long.  With the lock. */
static void forget_old(struct sk_api *a)
{
	int64_t before = sk_clock_ms() - (int64_t)a->o.keep_s * 1000;
	struct sk_upload **p = &a->uploads.first, *up;

	while ((up = *p)) {
		if (up->users || up->used > before) {
			p = &up->next;
			continue;
		}
		*p = up->next;
		a->uploads.n--;
		free_upload(up);
	}
}

static struct sk_upload *hold(struct sk_api *a, const char *id,
    struct snek_error *e)
{
	struct sk_upload *up;

	pthread_mutex_lock(&a->uploads.lock);
	for (up = a->uploads.first; up && strcmp(up->id, id); up = up->next)
		;
	if (up && !up->dropped) {
		up->users++;
		up->used = sk_clock_ms();
	} else {
		up = NULL;
	}
	pthread_mutex_unlock(&a->uploads.lock);
	if (!up)
		sk_fail(e, SNEK_ENOENT, "no write in parts has this id; it may "
		    "have been forgotten: begin again");
	return up;
}

static void let_go(struct sk_api *a, struct sk_upload *up)
{
	bool last;

	if (!up)
		return;
	pthread_mutex_lock(&a->uploads.lock);
	last = !--up->users && up->dropped;
	if (last)
		unlink_from(&a->uploads, up);
	pthread_mutex_unlock(&a->uploads.lock);
	if (last)
		free_upload(up);
}

/* ---- begin ---- */

static int open_dir(struct sk_api *a, struct sk_upload *up, struct snek_error *e)
{
	up->dir_fd = -1;
	if ((size_t)snprintf(up->dir, sizeof(up->dir), "%s/snek-parts-XXXXXX",
	    a->tmp) >= sizeof(up->dir) || !mkdtemp(up->dir))
		return sk_fail_errno(e, "%s: no directory for parts", a->tmp);
	up->dir_fd = open(up->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (up->dir_fd < 0) {
		rmdir(up->dir);
		return sk_fail_errno(e, "%s", up->dir);
	}
	return 0;
}

static int enter(struct sk_api *a, struct sk_upload *up, struct snek_error *e)
{
	bool full;

	pthread_mutex_lock(&a->uploads.lock);
	forget_old(a);
	full = a->uploads.n >= SK_UPLOADS;
	if (!full) {
		up->next = a->uploads.first;
		a->uploads.first = up;
		a->uploads.n++;
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
	int rc;

	up->dir_fd = -1;
	up->used = sk_clock_ms();
	rc = sk_job_id_make(up->id, e);
	if (!rc)
		rc = sk_api_parts_writing(c->request->query, up->id, &up->how, e);
	if (!rc)
		rc = sk_api_try_writer(c->api, c->name[0], &up->how, e);
	if (rc)
		return rc;
	snprintf(up->category, sizeof(up->category), "%.129s", c->name[0]);
	rc = open_dir(c->api, up, e);
	return rc ? rc : enter(c->api, up, e);
}

void sk_api_put_begun(struct sk_api_call *c, const char *id)
{
	struct sk_object j;

	c->out->status = 201;
	snprintf(c->out->location, sizeof(c->out->location), "/v1/writes/%s", id);
	sk_object_begin(&j, &c->out->body, "write");
	sk_object_text(&j, "write", id);
	sk_object_number(&j, "most_parts", SK_UPLOAD_PARTS);
	sk_object_end(&j);
}

void sk_api_write_begin(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_upload *up = calloc(1, sizeof(*up));
	char id[33];
	int rc = up ? begin(c, up, &e) : sk_enomem(&e);

	if (rc) {
		if (up)
			free_upload(up);
		sk_api_end(c, rc, &e);
		return;
	}
	memcpy(id, up->id, sizeof(id));
	sk_api_put_begun(c, id);
}

/* ---- part ---- */

static int write_file(struct sk_upload *up, const char *name,
    struct sk_span b, struct snek_error *e)
{
	char tmp[224];
	const char *p = b.p;
	size_t left = b.n;
	ssize_t n = 0;
	int fd;

	snprintf(tmp, sizeof(tmp), "%s.%lx", name, (unsigned long)pthread_self());
	fd = openat(up->dir_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return sk_fail_errno(e, "%s", up->dir);
	for (; left && (n = write(fd, p, left)) >= 0; left -= (size_t)n)
		p += n;
	if (n < 0 || renameat(up->dir_fd, tmp, up->dir_fd, name)) {
		sk_fail_errno(e, "%s", up->dir);
		unlinkat(up->dir_fd, tmp, 0);
		close(fd);
		return e->code;
	}
	close(fd);
	return 0;
}

/* Room for part n; with the lock. */
static int make_room(struct sk_upload *up, size_t n, struct snek_error *e)
{
	struct part *p = n <= up->parts ? up->part :
	    realloc(up->part, n * sizeof(*p));

	if (!p)
		return sk_enomem(e);
	up->part = p;
	for (; up->parts < n; up->parts++)
		p[up->parts] = (struct part){ 0, 0, false };
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
	if (!rc && p->there)
		rc = p->bytes == b.n && p->hash == hash ? 1 : sk_fail(e,
		    SNEK_ECONFLICT, "part %zu is there with other bytes", n);
	else if (!rc && (up->committed || up->busy))
		rc = sk_fail(e, SNEK_ECONFLICT, "this write is committed, or "
		    "being so");
	else if (!rc && up->bytes + b.n > a->o.max_parts)
		rc = sk_fail(e, SNEK_ELIMIT, "more than %llu bytes in parts",
		    (unsigned long long)a->o.max_parts);
	pthread_mutex_unlock(&a->uploads.lock);
	return rc;
}

static void enlist(struct sk_api *a, struct sk_upload *up, size_t n,
    struct sk_span b, uint64_t hash)
{
	struct part *p;

	pthread_mutex_lock(&a->uploads.lock);
	p = up->part + n - 1;
	if (!p->there)
		up->bytes += b.n;
	*p = (struct part){ b.n, hash, true };
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
	if (!rc && !(rc = write_file(up, c->name[1], b, &e)))
		enlist(c->api, up, n, b, hash);
	let_go(c->api, up);
	sk_api_end(c, rc, &e);
	if (rc >= 0)
		sk_api_put_part(c, n);
}

/* ---- commit ---- */

static int read_part(struct sk_upload *up, snek_writer *w, size_t n,
    struct snek_error *e)
{
	char name[32], label[48];
	int fd, rc;

	snprintf(name, sizeof(name), "%zu", n);
	snprintf(label, sizeof(label), "part %zu", n);
	fd = openat(up->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sk_fail_errno(e, "%s", label);
	rc = snek_writer_read(w, fd, label, up->how.format, e);
	close(fd);
	return rc;
}

static int read_parts(struct sk_api *a, struct sk_upload *up,
    snek_cluster *cluster, size_t n, struct snek_error *e)
{
	snek_writer *w = NULL;
	size_t i;
	int rc;

	up->receipt = (struct snek_receipt){ .size = sizeof(up->receipt) };
	rc = sk_api_writer_open(a, cluster, up->category, &up->how, &w, e);
	for (i = 1; i <= n && !rc; i++)
		rc = read_part(up, w, i, e);
	if (!rc)
		rc = snek_writer_commit(w, &up->receipt, e);
	snek_writer_free(w);
	return rc;
}

/* The last one that is there: a part that was refused leaves its room. */
static size_t last_part(const struct sk_upload *up)
{
	size_t n = up->parts;

	while (n && !up->part[n - 1].there)
		n--;
	return n;
}

/* 1: it is committed already; 0: it is ours to commit. */
static int claim(struct sk_api *a, struct sk_upload *up, size_t n,
    struct snek_error *e)
{
	size_t i;
	int rc = 0;

	pthread_mutex_lock(&a->uploads.lock);
	for (i = 0; i < n && i < up->parts && up->part[i].there; i++)
		;
	if (up->committed && n != last_part(up)) {
		rc = sk_api_other_parts(n, e);
	} else if (up->committed) {
		up->receipt.repeated = true;
		rc = 1;
	} else if (up->busy) {
		rc = sk_fail(e, SNEK_EAGAIN, "it is being committed");
	} else if (i < n) {
		rc = sk_fail(e, SNEK_EINVAL, "part %zu is missing", i + 1);
	} else if (n != last_part(up)) {
		rc = sk_fail(e, SNEK_EINVAL, "there are %zu parts, not %zu",
		    last_part(up), n);
	} else {
		up->busy = true;
	}
	pthread_mutex_unlock(&a->uploads.lock);
	return rc;
}

static int commit(struct sk_api *a, struct sk_upload *up, size_t n,
    struct snek_error *e)
{
	snek_cluster *cluster = NULL;
	int rc = claim(a, up, n, e);

	if (rc < 0)
		return rc;
	if (rc == 1)
		return 0;
	rc = sk_api_take(a, &cluster, e);
	if (!rc)
		rc = read_parts(a, up, cluster, n, e);
	sk_api_give(a, cluster);
	pthread_mutex_lock(&a->uploads.lock);
	up->busy = false;
	up->committed = !rc;
	if (!rc)
		remove_files(up);
	pthread_mutex_unlock(&a->uploads.lock);
	return rc;
}

void sk_api_write_commit(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_upload *up = hold(c->api, c->name[0], &e);
	size_t n = 0;
	int rc = up ? 0 : e.code;

	if (!rc)
		rc = sk_api_parts_said(c->request, &n, &e);
	if (!rc)
		rc = commit(c->api, up, n, &e);
	if (!rc)
		sk_api_receipt(&c->out->body, up->category, &up->receipt, &e);
	let_go(c->api, up);
	sk_api_end(c, rc ? rc : e.code, &e);
}

void sk_api_write_drop(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_upload *up = hold(c->api, c->name[0], &e);
	struct sk_object j;

	if (!up) {
		sk_api_end(c, e.code, &e);
		return;
	}
	pthread_mutex_lock(&c->api->uploads.lock);
	up->dropped = true;
	pthread_mutex_unlock(&c->api->uploads.lock);
	let_go(c->api, up);
	sk_object_begin(&j, &c->out->body, "dropped");
	sk_object_text(&j, "write", c->name[0]);
	sk_object_end(&j);
}
