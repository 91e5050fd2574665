/* SPDX-License-Identifier: MIT */
/*
 * journal_dir.c - jobs in an embedded cluster's directory:
 *
 *   jobs/ID/lock          held (flock) by whoever reads or writes state
 *   jobs/ID/state         "1 TOKEN LEASE CANCELLED ENDED TTL\n": format, then
 *                         numbers; LEASE is when it runs out, in ms since 1970
 *   jobs/ID/description, progress, outcome
 *   jobs/ID/i.ITEM
 *
 * A job is made under another name and renamed, so that it is there whole.
 */
#include "store/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/file.h"

#define FORMAT 1
struct journal {
	struct sk_journal base;
	char *path;                     /* of jobs */
	int fd;
};

struct open_job {                       /* one job, locked */
	struct journal *j;
	char path[4400];
	int dir, lock;
	uint64_t token, ttl_s;
	int64_t lease;                  /* ms since 1970 */
	unsigned cancelled, ended;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int none(const char *id, struct snek_error *e)
{
	return sk_fail(e, SNEK_ENOENT, "no job %.64s is known; an ended one is "
	    "forgotten after a while", id);
}

/* ---- one job ---- */

static void leave(struct open_job *o)
{
	if (o->lock >= 0)
		close(o->lock);
	if (o->dir >= 0)
		close(o->dir);
}

static int read_state(struct open_job *o, const char *id, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	unsigned format = 0;
	int rc = sk_file_read(o->dir, o->path, "state", 256, &b, e);

	if (rc == SNEK_ENOENT)
		rc = none(id, e);
	if (!rc && !sk_buf_byte(&b, 0))
		rc = sk_enomem(e);
	if (!rc && sscanf(b.p, "%u %" SCNu64 " %" SCNd64 " %u %u %" SCNu64,
	    &format, &o->token, &o->lease, &o->cancelled, &o->ended,
	    &o->ttl_s) != 6 && format <= FORMAT)
		rc = sk_fail(e, SNEK_ECORRUPT, "%s/state is damaged", o->path);
	else if (!rc && format > FORMAT)
		rc = sk_fail(e, SNEK_EVERSION, "%s/state is of a newer snek "
		    "(format %u; this one reads up to %d)", o->path, format,
		    FORMAT);
	sk_buf_free(&b);
	return rc;
}

static int write_state(struct open_job *o, struct snek_error *e)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "%u %" PRIu64 " %" PRId64
	    " %u %u %" PRIu64 "\n", FORMAT, o->token, o->lease, o->cancelled,
	    o->ended, o->ttl_s);

	return sk_file_replace(o->dir, o->path, "state",
	    (struct sk_span){ text, (size_t)n }, e);
}

/* Open its directory and wait for the lock, which nobody holds for long. */
static int enter(struct journal *j, const char *id, struct open_job *o,
    struct snek_error *e)
{
	int rc;

	*o = (struct open_job){ .j = j, .dir = -1, .lock = -1 };
	if (!sk_job_id_check(id))
		return none(id, e);
	snprintf(o->path, sizeof(o->path), "%s/%s", j->path, id);
	o->dir = openat(j->fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->dir < 0)
		return errno == ENOENT ? none(id, e) : sk_fail_errno(e, "%s",
		    o->path);
	o->lock = openat(o->dir, "lock", O_RDWR | O_CLOEXEC);
	if (o->lock < 0 || flock(o->lock, LOCK_EX))
		rc = errno == ENOENT ? none(id, e) : sk_fail_errno(e, "%s/lock",
		    o->path);
	else
		rc = read_state(o, id, e);
	if (rc)
		leave(o);
	return rc;
}

static int fenced(const char *id, struct snek_error *e)
{
	return sk_fail(e, SNEK_ECONFLICT, "job %s is coordinated by another "
	    "now", id);
}

static int enter_with(struct journal *j, const char *id, uint64_t token,
    struct open_job *o, struct snek_error *e)
{
	int rc = enter(j, id, o, e);

	if (!rc && (o->token != token || o->ended)) {
		leave(o);
		rc = fenced(id, e);
	}
	return rc;
}

/* ---- removing ---- */

static void remove_dir(struct journal *j, const char *name)
{
	int dir = openat(j->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = dir >= 0 ? fdopendir(dir) : NULL;
	struct dirent *f;

	if (!d) {
		if (dir >= 0)
			close(dir);
		return;
	}
	unlinkat(dirfd(d), "state", 0); /* from here on it is not there */
	while ((f = readdir(d)))
		if (strcmp(f->d_name, ".") && strcmp(f->d_name, ".."))
			unlinkat(dirfd(d), f->d_name, 0);
	closedir(d);
	unlinkat(j->fd, name, AT_REMOVEDIR);
}

static bool is_old(struct journal *j, const char *id)
{
	struct snek_error e;
	struct open_job o;
	struct stat st;
	bool old = false;

	if (enter(j, id, &o, &e))
		return false;
	if (!fstatat(o.dir, "state", &st, 0))
		old = (int64_t)st.st_mtim.tv_sec + (int64_t)o.ttl_s <
		    now_ms() / 1000;
	leave(&o);
	return old;
}

static int each(struct journal *j, int (*visit)(void *, const char *),
    void *arg, struct snek_error *e)
{
	int fd = openat(j->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *f;
	int rc = 0;

	if (!d)
		return sk_fail_errno(e, "%s", j->path);
	while (!rc && (f = readdir(d)))
		if (sk_job_id_check(f->d_name))
			rc = visit(arg, f->d_name);
	closedir(d);
	return rc;
}

static int forget_old(void *arg, const char *id)
{
	struct journal *j = arg;

	if (is_old(j, id))
		remove_dir(j, id);
	return 0;
}

/* ---- the interface ---- */

static int make_files(struct journal *j, const char *name,
    struct sk_span description, uint32_t ttl_s, struct snek_error *e)
{
	struct open_job o = { .j = j, .lock = -1, .ttl_s = ttl_s };
	int rc;

	snprintf(o.path, sizeof(o.path), "%s/%s", j->path, name);
	o.dir = openat(j->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o.dir < 0)
		return sk_fail_errno(e, "%s", o.path);
	o.lock = openat(o.dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	rc = o.lock < 0 ? sk_fail_errno(e, "%s/lock", o.path) :
	    sk_file_replace(o.dir, o.path, "description", description, e);
	if (!rc)
		rc = write_state(&o, e);
	leave(&o);
	return rc;
}

static int create(struct sk_journal *base, const char *id,
    struct sk_span description, uint32_t ttl_s, struct snek_error *e)
{
	struct journal *j = (struct journal *)base;
	char name[SK_JOB_ID + 8];
	int rc;

	if (!sk_job_id_check(id))
		return sk_fail(e, SNEK_EINVAL, "a job's id has 32 hex digits");
	each(j, forget_old, j, NULL);
	snprintf(name, sizeof(name), "new-%s", id);
	if (mkdirat(j->fd, name, 0700) && errno != EEXIST)
		return sk_fail_errno(e, "%s/%s", j->path, name);
	rc = make_files(j, name, description, ttl_s, e);
	if (!rc && renameat(j->fd, name, j->fd, id))
		rc = errno == EEXIST || errno == ENOTEMPTY ? sk_fail(e,
		    SNEK_EEXIST, "there is a job %s", id) :
		    sk_fail_errno(e, "%s/%s", j->path, id);
	if (rc)
		remove_dir(j, name);
	return rc;
}

static int read_text(struct open_job *o, const char *name, struct sk_buf *b,
    struct snek_error *e)
{
	int rc = sk_file_read(o->dir, o->path, name, SK_JOURNAL_ITEM_MAX, b, e);

	return rc == SNEK_ENOENT ? 0 : rc;
}

static int look(struct sk_journal *base, const char *id,
    struct sk_journal_state *s, struct snek_error *e)
{
	struct open_job o;
	int64_t left;
	int rc = enter((struct journal *)base, id, &o, e);

	memset(s, 0, sizeof(*s));
	if (rc)
		return rc;
	left = o.lease - now_ms();
	s->token = o.token;
	s->lease_ms = left > 0 ? left : 0;
	s->cancelled = o.cancelled;
	s->ended = o.ended;
	rc = read_text(&o, "description", &s->description, e);
	if (!rc)
		rc = read_text(&o, "progress", &s->progress, e);
	if (!rc && o.ended)
		rc = read_text(&o, "outcome", &s->outcome, e);
	leave(&o);
	if (rc)
		sk_journal_state_free(s);
	return rc;
}

static int claim(struct sk_journal *base, const char *id, uint32_t lease_ms,
    uint64_t *token, struct snek_error *e)
{
	struct open_job o;
	int rc = enter((struct journal *)base, id, &o, e);

	if (rc)
		return rc;
	if (o.ended)
		rc = sk_fail(e, SNEK_EEXIST, "job %s has ended", id);
	else if (o.lease > now_ms())
		rc = sk_fail(e, SNEK_EAGAIN, "job %s is coordinated by another "
		    "for %lld ms more", id, (long long)(o.lease - now_ms()));
	if (!rc) {
		o.token++;
		o.lease = now_ms() + lease_ms;
		rc = write_state(&o, e);
	}
	if (!rc)
		*token = o.token;
	leave(&o);
	return rc;
}

static int renew(struct sk_journal *base, const char *id, uint64_t token,
    uint32_t lease_ms, struct sk_span progress, struct snek_error *e)
{
	struct open_job o;
	int rc = enter_with((struct journal *)base, id, token, &o, e);

	if (rc)
		return rc;
	o.lease = lease_ms ? now_ms() + lease_ms : 0;
	rc = sk_file_replace(o.dir, o.path, "progress", progress, e);
	if (!rc)
		rc = write_state(&o, e);
	if (!rc && o.cancelled)
		rc = sk_fail(e, SNEK_ECANCELED, "cancelled");
	leave(&o);
	return rc;
}

static bool item_name(const char *item, char name[SK_JOB_ITEM + 4])
{
	size_t n = strspn(item, "abcdefghijklmnopqrstuvwxyz0123456789");

	snprintf(name, SK_JOB_ITEM + 4, "i.%.32s", item);
	return n && n < SK_JOB_ITEM && !item[n];
}

static int put(struct sk_journal *base, const char *id, uint64_t token,
    const char *item, struct sk_span b, struct snek_error *e)
{
	char name[SK_JOB_ITEM + 4];
	struct open_job o;
	int rc;

	if (!item_name(item, name))
		return sk_fail(e, SNEK_EINTERNAL, "no name for an item: %s", item);
	if (b.n > SK_JOURNAL_ITEM_MAX)
		return sk_journal_too_large(item, b.n, e);
	rc = enter_with((struct journal *)base, id, token, &o, e);
	if (rc)
		return rc;
	if (!faccessat(o.dir, name, F_OK, 0))
		rc = sk_fail(e, SNEK_EEXIST, "job %s has %s already", id, item);
	else
		rc = sk_file_replace(o.dir, o.path, name, b, e);
	leave(&o);
	return rc;
}

static int end(struct sk_journal *base, const char *id, uint64_t token,
    struct sk_span outcome, struct snek_error *e)
{
	struct open_job o;
	int rc = enter_with((struct journal *)base, id, token, &o, e);

	if (rc)
		return rc;
	rc = sk_file_replace(o.dir, o.path, "outcome", outcome, e);
	o.ended = 1;
	o.lease = 0;
	if (!rc)
		rc = write_state(&o, e);
	leave(&o);
	return rc;
}

static int cancel(struct sk_journal *base, const char *id, struct snek_error *e)
{
	struct open_job o;
	int rc = enter((struct journal *)base, id, &o, e);

	if (rc)
		return rc;
	o.cancelled = 1;
	rc = write_state(&o, e);
	leave(&o);
	return rc;
}

static int get(struct sk_journal *base, const char *id, const char *item,
    struct sk_buf *b, struct snek_error *e)
{
	char name[SK_JOB_ITEM + 4];
	struct open_job o;
	int rc;

	if (!item_name(item, name))
		return sk_fail(e, SNEK_ENOENT, "no item %.64s", item);
	rc = enter((struct journal *)base, id, &o, e);
	if (rc)
		return rc;
	rc = sk_file_read(o.dir, o.path, name, SK_JOURNAL_ITEM_MAX, b, e);
	if (rc == SNEK_ENOENT)
		rc = sk_fail(e, rc, "job %s has no %s", id, item);
	leave(&o);
	return rc;
}

static int items(struct sk_journal *base, const char *id,
    int (*visit)(void *, const char *), void *arg, struct snek_error *e)
{
	struct open_job o;
	struct dirent *f;
	DIR *d;
	int rc = enter((struct journal *)base, id, &o, e);

	if (rc)
		return rc;
	d = fdopendir(o.dir);
	if (!d) {
		leave(&o);
		return sk_enomem(e);
	}
	while (!rc && (f = readdir(d)))
		if (!strncmp(f->d_name, "i.", 2))
			rc = visit(arg, f->d_name + 2);
	o.dir = -1;
	leave(&o);
	closedir(d);
	return rc;
}

static int list(struct sk_journal *base, int (*visit)(void *, const char *),
    void *arg, struct snek_error *e)
{
	struct journal *j = (struct journal *)base;

	each(j, forget_old, j, NULL);
	return each(j, visit, arg, e);
}

static int drop(struct sk_journal *base, const char *id, struct snek_error *e)
{
	struct journal *j = (struct journal *)base;
	struct open_job o;
	int rc = enter(j, id, &o, e);

	if (rc)
		return rc;
	remove_dir(j, id);
	leave(&o);
	return 0;
}

static void shut(struct sk_journal *base)
{
	struct journal *j = (struct journal *)base;

	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	free(j);
}

static const struct sk_journal_ops dir_ops = {
	.create = create, .look = look, .claim = claim, .renew = renew,
	.put = put, .end = end, .cancel = cancel, .get = get, .items = items,
	.list = list, .remove = drop, .shut = shut,
};

int sk_journal_open_dir(const char *dir, struct sk_journal **out,
    struct snek_error *e)
{
	struct journal *j = calloc(1, sizeof(*j));
	struct sk_buf path = { 0 };

	if (!j || !sk_buf_printf(&path, "%s/jobs", dir) || !sk_buf_byte(&path, 0)) {
		free(j);
		sk_buf_free(&path);
		return sk_enomem(e);
	}
	j->base.ops = &dir_ops;
	j->path = path.p;
	if (mkdir(j->path, 0700) && errno != EEXIST)
		j->fd = -1;
	else
		j->fd = open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->fd < 0) {
		sk_fail_errno(e, "%s", j->path);
		shut(&j->base);
		return e ? e->code : SNEK_EIO;
	}
	*out = &j->base;
	return 0;
}
