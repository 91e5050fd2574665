/* SPDX-License-Identifier: MIT */
#include "api/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/asked.h"
#include "api/lacks.h"
#include "base/clock.h"
#include "base/thread.h"
#include "task/tmp.h"

void sk_api_jobs_init(struct sk_api_jobs *t)
{
	pthread_condattr_t a;

	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &a);
	pthread_condattr_destroy(&a);
}

void sk_api_jobs_wake(struct sk_api_jobs *t)
{
	pthread_mutex_lock(&t->lock);
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

/* Out of the table, its thread over or about to be: nobody else knows it. */
static void destroy(struct sk_api_job *j)
{
	pthread_join(j->thread, NULL);
	snek_job_free(j->job);
	snek_cluster_close(j->cluster);
	if (j->fd >= 0)
		close(j->fd);
	sk_buf_free(&j->missing);
	free(j->page);
	free(j);
}

void sk_api_jobs_end(struct sk_api_jobs *t)
{
	struct sk_api_job *j;

	pthread_mutex_lock(&t->lock);
	for (j = t->first; j; j = j->next)
		if (j->state == SK_API_RUNNING && j->job)
			snek_job_cancel(j->job);
	pthread_mutex_unlock(&t->lock);
	while ((j = t->first)) {
		t->first = j->next;
		destroy(j);
	}
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
}

/* ---- results into pages ---- */

static int put_page(void *arg, uint64_t n, struct sk_span b,
    struct snek_error *e)
{
	struct sk_api_job *j = arg;
	struct sk_api_page *p = realloc(j->page, (n + 1) * sizeof(*p));
	uint64_t at;
	size_t done = 0;
	ssize_t put;

	if (!p)
		return sk_enomem(e);
	j->page = p;
	at = n ? p[n - 1].offset + p[n - 1].bytes : 0;
	p[n] = (struct sk_api_page){ at, b.n };
	for (; done < b.n; done += (size_t)put) {
		put = pwrite(j->fd, (const char *)b.p + done, b.n - done,
		    (off_t)(at + done));
		if (put < 0)
			return sk_fail_errno(e, "%s: cannot keep the results",
			    j->api->tmp);
	}
	return 0;
}

static int keep_results(struct sk_api_job *j, struct snek_error *e)
{
	struct sk_page_cut p = { .most = j->api->o.max_reply, .put = put_page,
		.arg = j };
	int rc;

	j->fd = sk_tmp_open(j->api->tmp, e);
	rc = j->fd < 0 ? j->fd : sk_page_cut(&p, j->job, e);
	j->reduced = p.reduced;
	j->results = p.results;
	j->keyed_from = p.keyed_from;
	j->pages = (size_t)p.pages;
	return rc;
}

/* ---- its thread ---- */

static void end(struct sk_api_job *j, int rc, const struct snek_error *e)
{
	struct sk_api_jobs *t = &j->api->jobs;
	snek_cluster *cluster;
	snek_job *job;

	pthread_mutex_lock(&t->lock);
	job = j->job;
	cluster = j->cluster;
	j->job = NULL;
	j->cluster = NULL;
	j->stat.size = sizeof(j->stat);
	snek_job_stat(job, &j->stat);
	j->state = rc < 0 ? SK_API_FAILED : SK_API_DONE;
	if (rc < 0)
		j->error = *e;
	j->used = sk_clock_ms();
	t->running--;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	snek_job_free(job);
	sk_api_give(j->api, cluster);
}

static void *attend(void *arg)
{
	struct sk_api_job *j = arg;
	struct snek_error e = { 0 };
	int rc = snek_job_wait(j->job, -1, &e);

	if (rc >= 0 && *j->into.category)
		rc = sk_into_write(&j->into, j->job, j->cluster, NULL, NULL,
		    NULL, &j->receipt, &e);
	else if (rc >= 0)
		rc = keep_results(j, &e);
	if (rc >= 0 && sk_lacks_write(j->job, &j->missing))
		rc = sk_enomem(&e);
	if (rc < 0 && !e.code)
		sk_fail(&e, rc, "%s", sk_strerror(rc));
	end(j, rc, &e);
	return NULL;
}

/* ---- the table ---- */

static struct sk_api_job *take(struct sk_api_jobs *t, struct sk_api_job **at)
{
	struct sk_api_job *j = *at;

	*at = j->next;
	t->n--;
	return j;
}

/* Of those that ended and nobody looks at, the one that was asked about before
 * all others; NULL: there is none, or not so old. */
static struct sk_api_job *take_oldest(struct sk_api_jobs *t, int64_t before)
{
	struct sk_api_job **p, **at = NULL, *j;

	for (p = &t->first; (j = *p); p = &j->next) {
		if (j->users || j->state == SK_API_RUNNING)
			continue;
		if (j->dropped)
			return take(t, p);
		if (j->used <= before && (!at || j->used <= (*at)->used))
			at = p;
	}
	return at ? take(t, at) : NULL;
}

void sk_api_jobs_forget(struct sk_api *a)
{
	int64_t before = sk_clock_ms() - (int64_t)a->o.keep_s * 1000;
	struct sk_api_job *j;

	do {
		pthread_mutex_lock(&a->jobs.lock);
		j = take_oldest(&a->jobs, before);
		pthread_mutex_unlock(&a->jobs.lock);
		if (j)
			destroy(j);
	} while (j);
}

/* A place for one more, which nobody sees yet; results that are kept make room
 * for it. */
static int reserve(struct sk_api *a, struct snek_error *e)
{
	struct sk_api_jobs *t = &a->jobs;
	struct sk_api_job *old = NULL;
	int rc = 0;

	sk_api_jobs_forget(a);
	pthread_mutex_lock(&t->lock);
	if (t->running >= a->o.jobs)
		rc = sk_fail(e, SNEK_EAGAIN, "%u queries are running already",
		    a->o.jobs);
	else if (t->n >= a->o.known && !(old = take_oldest(t, INT64_MAX)))
		rc = sk_fail(e, SNEK_EAGAIN, "the results of %u queries are "
		    "kept, and asked for at this moment", a->o.known);
	if (!rc) {
		t->n++;
		t->running++;
	}
	pthread_mutex_unlock(&t->lock);
	if (old)
		destroy(old);
	return rc;
}

static void unreserve(struct sk_api *a)
{
	pthread_mutex_lock(&a->jobs.lock);
	a->jobs.n--;
	a->jobs.running--;
	pthread_mutex_unlock(&a->jobs.lock);
}

/* Others may ask about it from here on. */
static void show(struct sk_api_job *j)
{
	struct sk_api_jobs *t = &j->api->jobs;

	pthread_mutex_lock(&t->lock);
	j->next = t->first;
	t->first = j;
	pthread_mutex_unlock(&t->lock);
}

static int launch(struct sk_api_job *j, struct snek_error *e)
{
	int rc = sk_job_id_make(j->id, e);

	if (!rc)
		rc = reserve(j->api, e);
	if (rc)
		return rc;
	rc = snek_job_start(j->job, e);
	if (!rc && sk_thread_start(&j->thread, attend, j))
		rc = sk_fail(e, SNEK_EAGAIN, "no thread for the job");
	if (rc)
		unreserve(j->api);
	else
		show(j);
	return rc;
}

int sk_api_jobs_start(struct sk_api *a, snek_cluster *cluster, snek_job *job,
    const struct sk_api_asked *q, struct sk_api_job **out,
    struct snek_error *e)
{
	struct sk_api_job *j = calloc(1, sizeof(*j));
	int rc;

	if (!j) {
		snek_job_free(job);
		snek_cluster_close(cluster);
		return sk_enomem(e);
	}
	*j = (struct sk_api_job){ .api = a, .cluster = cluster, .job = job,
	    .into = q->into, .receipt.size = sizeof(j->receipt), .fd = -1,
	    .users = 1, .began = sk_clock_ms() };
	j->used = j->began;
	snprintf(j->category, sizeof(j->category), "%.129s", q->category);
	snprintf(j->function, sizeof(j->function), "%.259s", q->function);
	rc = launch(j, e);
	if (rc) {
		snek_job_free(job);
		snek_cluster_close(cluster);
		free(j);
		return rc;
	}
	*out = j;
	return 0;
}

struct sk_api_job *sk_api_jobs_hold(struct sk_api *a, const char *id,
    struct snek_error *e)
{
	struct sk_api_job *j;

	pthread_mutex_lock(&a->jobs.lock);
	for (j = a->jobs.first; j && strcmp(j->id, id); j = j->next)
		;
	if (j && j->dropped)
		j = NULL;
	if (j) {
		j->users++;
		j->used = sk_clock_ms();
	}
	pthread_mutex_unlock(&a->jobs.lock);
	if (!j)
		sk_fail(e, SNEK_ENOENT, "no job has this id; an ended one is "
		    "forgotten %u s after it was asked about last, or when "
		    "others need the room", a->o.keep_s);
	return j;
}

void sk_api_jobs_release(struct sk_api_job *j)
{
	struct sk_api *a;

	if (!j)
		return;
	a = j->api;
	pthread_mutex_lock(&a->jobs.lock);
	j->users--;
	pthread_mutex_unlock(&a->jobs.lock);
	sk_api_jobs_forget(a);
}

void sk_api_jobs_drop(struct sk_api_job *j)
{
	pthread_mutex_lock(&j->api->jobs.lock);
	j->dropped = true;
	if (j->job)
		snek_job_cancel(j->job);
	pthread_mutex_unlock(&j->api->jobs.lock);
}

static bool over(const struct sk_api_job *j)
{
	return j->state != SK_API_RUNNING ||
	    __atomic_load_n(&j->api->draining, __ATOMIC_SEQ_CST);
}

static struct timespec in_ms(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* Who waits holds a thread that others need. */
enum sk_api_state sk_api_jobs_wait(struct sk_api_job *j, unsigned ms,
    bool *crowded)
{
	struct sk_api_jobs *t = &j->api->jobs;
	struct timespec until = in_ms(ms);
	enum sk_api_state state;
	int rc = 0;

	pthread_mutex_lock(&t->lock);
	*crowded = ms && !over(j) && t->waiting >= j->api->o.waits;
	if (ms && !*crowded) {
		t->waiting++;
		while (!rc && !over(j))
			rc = pthread_cond_timedwait(&t->changed, &t->lock, &until);
		t->waiting--;
	}
	state = j->state;
	pthread_mutex_unlock(&t->lock);
	return state;
}

int sk_api_jobs_page(const struct sk_api_job *j, size_t n, struct sk_buf *b,
    struct snek_error *e)
{
	const struct sk_api_page *p = &j->page[n];
	uint64_t done = 0;
	ssize_t got;

	if (!sk_buf_reserve(b, (size_t)p->bytes))
		return sk_enomem(e);
	while (done < p->bytes) {
		got = pread(j->fd, b->p + b->n, (size_t)(p->bytes - done),
		    (off_t)(p->offset + done));
		if (got <= 0)
			return sk_fail_errno(e, "the results cannot be read");
		b->n += (size_t)got;
		done += (uint64_t)got;
	}
	return 0;
}
