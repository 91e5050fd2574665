/* SPDX-License-Identifier: MIT */
/*
 * A run is its entries, one behind the other; an entry is
 *
 *   varint  length of the key        varint  version \
 *   varint  length of the value      varint  record   > place
 *                                    varint  emit    /
 *   key (key.h)
 *   value (msgpack, or states of aggregates)
 *
 * with the varints of varint.h.
 */
#include "task/run.h"
#include "base/copy.h"
#include "task/tmp.h"
#include "task/varint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* ---- writing ---- */

static size_t window(const struct sk_run *r)
{
	return r->window ? r->window : SK_RUN_WINDOW;
}

/* Numbers that are all below 128 are a byte each. */
static bool is_short(const struct sk_entry *n)
{
	return (n->key.n | n->value.n | n->place.version | n->place.record |
	    n->emit) < 128;
}

static uint8_t *put_head(uint8_t *p, const struct sk_entry *n)
{
	if (is_short(n)) {
		p[0] = (uint8_t)n->key.n;
		p[1] = (uint8_t)n->value.n;
		p[2] = (uint8_t)n->place.version;
		p[3] = (uint8_t)n->place.record;
		p[4] = (uint8_t)n->emit;
		return p + SK_ENTRY_SHORT;
	}
	p = sk_varint_put(p, n->key.n);
	p = sk_varint_put(p, n->value.n);
	p = sk_varint_put(p, n->place.version);
	p = sk_varint_put(p, n->place.record);
	return sk_varint_put(p, n->emit);
}

/* From a file in memory to one that is not. */
static int move(struct sk_run *r, int to, struct snek_error *e)
{
	uint64_t left = r->bytes - r->mem.n;
	off_t at = 0;
	ssize_t n;

	while (left) {
		n = sendfile(to, r->fd, &at, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sk_tmp_fail(r->dir, (uint64_t)at, e);
		if (!n)
			return sk_fail(e, SNEK_EFORMAT, "a run in memory ends "
			    "%llu bytes early", (unsigned long long)left);
		left -= (uint64_t)n;
	}
	close(r->fd);
	r->fd = to;
	r->in_memory = false;
	return 0;
}

static int open_file(struct sk_run *r, const char *dir, struct snek_error *e)
{
	char *copy = strdup(dir);
	int fd, rc = 0;

	if (!copy)
		return sk_enomem(e);
	fd = sk_tmp_open(dir, e);
	if (fd < 0) {
		free(copy);
		return fd;
	}
	free(r->dir);
	r->dir = copy;
	if (r->fd)
		rc = move(r, fd, e);
	else
		r->fd = fd;
	if (rc)
		close(fd);
	return rc;
}

static int write_out(struct sk_run *r, struct snek_error *e)
{
	const char *p = r->mem.p;
	size_t left = r->mem.n;
	uint64_t at = r->bytes - left;
	ssize_t n;

	while (left) {
		n = pwrite(r->fd, p, left, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sk_tmp_fail(r->dir, at, e);
		p += n;
		left -= (size_t)n;
		at += (uint64_t)n;
	}
	r->mem.n = 0;
	return 0;
}

/* A file in memory that is full becomes one that is not. */
static int flush(struct sk_run *r, struct snek_error *e)
{
	int rc = r->in_memory && r->bytes > r->room ? open_file(r, r->dir, e) : 0;

	return rc ? rc : write_out(r, e);
}

static uint8_t *put_bytes(uint8_t *p, struct sk_span s)
{
	sk_copy(p, s.p, s.n);
	return p + s.n;
}

/* An entry was written where the memory ended, up to p. */
static int added(struct sk_run *r, const uint8_t *p, struct snek_error *e)
{
	size_t bytes = (size_t)(p - (uint8_t *)r->mem.p) - r->mem.n;

	r->mem.n += bytes;
	r->bytes += bytes;
	r->entries++;
	if (bytes > r->largest)
		r->largest = bytes;
	return r->fd && r->mem.n >= window(r) ? flush(r, e) : 0;
}

int sk_run_add(struct sk_run *r, const struct sk_entry *n, struct snek_error *e)
{
	uint8_t *p;

	if (!sk_pages_reserve(&r->mem, SK_ENTRY_HEAD + n->key.n + n->value.n))
		return sk_enomem(e);
	p = put_head((uint8_t *)r->mem.p + r->mem.n, n);
	p = put_bytes(p, n->key);
	p = put_bytes(p, n->value);
	return added(r, p, e);
}

int sk_run_add_tagged(struct sk_run *r, uint8_t tag, struct sk_span body,
    struct sk_span value, struct snek_error *e)
{
	const struct sk_entry n = { .key.n = body.n + 1, .value = value };
	uint8_t *p;
	uint64_t head;

	if (!sk_pages_reserve(&r->mem, SK_ENTRY_HEAD + n.key.n + value.n))
		return sk_enomem(e);
	p = (uint8_t *)r->mem.p + r->mem.n;
	if ((n.key.n | value.n) < 128) {        /* as put_head, at once */
		head = n.key.n | value.n << 8 | (uint64_t)tag << 40;
		memcpy(p, &head, 8);
		p += SK_ENTRY_SHORT + 1;
	} else {
		p = put_head(p, &n);
		*p++ = tag;
	}
	p = put_bytes(p, body);
	p = put_bytes(p, value);
	return added(r, p, e);
}

int sk_run_spill(struct sk_run *r, const char *dir, struct snek_error *e)
{
	int rc = r->fd && !r->in_memory ? 0 : open_file(r, dir, e);

	return rc ? rc : flush(r, e);
}

int sk_run_share(struct sk_run *r, const char *dir, uint64_t room,
    struct snek_error *e)
{
	int fd = r->fd || room < r->mem.n ? -1 : sk_tmp_memory(dir, room), rc;

	if (fd < 0)
		return 0;
	r->dir = strdup(dir);
	if (!r->dir) {
		close(fd);
		return sk_enomem(e);
	}
	r->fd = fd;
	r->in_memory = true;
	r->room = room;
	rc = flush(r, e);
	return rc ? rc : 1;
}

int sk_run_append(struct sk_run *r, struct sk_run *from, struct snek_error *e)
{
	if (!sk_pages_put(&r->mem, from->mem.p, from->mem.n))
		return sk_enomem(e);
	r->entries += from->entries;
	r->bytes += from->mem.n;
	if (from->largest > r->largest)
		r->largest = from->largest;
	from->entries = from->bytes = from->largest = from->mem.n = 0;
	return r->fd && r->mem.n >= window(r) ? flush(r, e) : 0;
}

int sk_run_end(struct sk_run *r, struct snek_error *e)
{
	int rc = r->fd ? flush(r, e) : 0;

	if (!rc && r->fd)
		sk_pages_drop(&r->mem);
	return rc;
}

void sk_run_free(struct sk_run *r)
{
	if (r->fd > 0)
		close(r->fd);
	free(r->dir);
	sk_pages_drop(&r->mem);
	memset(r, 0, sizeof(*r));
}

/* ---- kept elsewhere ---- */

/* All of it is asked for now: a page that the disk has no room for would end
 * the process when it is touched. */
static void *file_room(struct sk_run *r, const char *dir, struct snek_error *e)
{
	char *copy = strdup(dir);
	int fd = copy ? sk_tmp_open(dir, e) : sk_enomem(e), sys;
	void *p;

	if (fd < 0) {
		free(copy);
		return NULL;
	}
	sys = posix_fallocate(fd, 0, (off_t)r->bytes);
	p = sys ? MAP_FAILED : mmap(NULL, r->bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		errno = sys ? sys : errno;
		sk_fail_errno(e, "%llu bytes in a temporary file in %s",
		    (unsigned long long)r->bytes, dir);
		close(fd);
		free(copy);
		return NULL;
	}
	r->fd = fd;
	r->dir = copy;
	return p;
}

void *sk_run_room(struct sk_run *r, const char *dir, struct snek_error *e)
{
	if (dir && r->bytes)
		return file_room(r, dir, e);
	if (!sk_pages_reserve(&r->mem, r->bytes + 1)) {
		sk_enomem(e);
		return NULL;
	}
	r->fd = 0;
	r->mem.n = r->bytes;
	return r->mem.p;
}

void sk_run_arrived(struct sk_run *r, void *room)
{
	if (r->fd)
		munmap(room, r->bytes);
}

bool sk_runs_add(struct sk_runs *s, struct sk_run *r)
{
	struct sk_run *p;
	size_t cap;

	if (s->n == s->cap) {
		cap = s->cap ? 2 * s->cap : 4;
		p = realloc(s->run, cap * sizeof(*p));
		if (!p)
			return false;
		s->run = p;
		s->cap = cap;
	}
	s->run[s->n++] = *r;
	memset(r, 0, sizeof(*r));
	return true;
}

void sk_runs_free(struct sk_runs *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		sk_run_free(&s->run[i]);
	free(s->run);
	memset(s, 0, sizeof(*s));
}

/* ---- reading ---- */

struct sk_run_reader {
	const struct sk_run *run;
	const uint8_t *p, *end; /* what is there to decode */
	uint8_t *window;        /* a file's; else NULL */
	size_t cap;
	uint64_t at, size;      /* next byte of the file, its end */
	uint64_t entries;
};

int sk_run_reader_sized(const struct sk_run *run, size_t window,
    sk_run_reader **out, struct snek_error *e)
{
	sk_run_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return sk_enomem(e);
	if (run->fd == SK_RUN_KEPT) {
		free(r);
		return sk_fail(e, SNEK_EINTERNAL, "a run that is kept elsewhere "
		    "is read");
	}
	r->run = run;
	if (run->fd) {
		r->cap = run->bytes < window ? (size_t)run->bytes : window;
		r->window = sk_pages_alloc(r->cap);
		if (!r->window) {
			free(r);
			return sk_enomem(e);
		}
		r->p = r->end = r->window;
		r->size = run->bytes - run->mem.n;
	} else if (run->mem.n) {
		r->p = (const uint8_t *)run->mem.p;
		r->end = r->p + run->mem.n;
	}
	*out = r;
	return 0;
}

int sk_run_reader_new(const struct sk_run *run, sk_run_reader **out,
    struct snek_error *e)
{
	return sk_run_reader_sized(run, SK_RUN_WINDOW, out, e);
}

static bool number(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
	size_t k = sk_varint_get(*p, (size_t)(end - *p), out);

	*p += k;
	return k != 0;
}

size_t sk_entry_get_long(const uint8_t *p, size_t n, struct sk_entry *t, uint64_t *need)
{
	const uint8_t *start = p, *end = p + n;
	uint64_t key, value, emit;

	*need = n < SK_ENTRY_HEAD ? SK_ENTRY_HEAD : 0;
	if (!number(&p, end, &key) || !number(&p, end, &value) ||
	    !number(&p, end, &t->place.version) ||
	    !number(&p, end, &t->place.record) || !number(&p, end, &emit))
		return 0;
	*need = 0;
	if (emit > UINT32_MAX || __builtin_add_overflow(key, value, &key) ||
	    __builtin_add_overflow(key, (uint64_t)(p - start), need))
		return 0;
	if (*need > n)
		return 0;
	t->emit = (uint32_t)emit;
	t->key.p = p;
	t->key.n = key - value;
	t->value.p = p + t->key.n;
	t->value.n = value;
	return *need;
}

/* Have need bytes (or all there are) in the window, if the file has them. */
static int refill(sk_run_reader *r, uint64_t need, struct snek_error *e)
{
	size_t have = (size_t)(r->end - r->p), want;
	uint64_t left = r->size - r->at;
	uint8_t *w = r->window;
	ssize_t n;

	if (need > have + left)
		need = have + left;
	memmove(w, r->p, have);
	if (need > r->cap) {
		w = sk_pages_grow(w, r->cap, need);
		r->p = r->end = r->window = w ? w : r->window;
		if (!w)
			return sk_enomem(e);
		r->cap = need;
	}
	want = r->cap - have < left ? r->cap - have : (size_t)left;
	r->p = w;
	r->end = w + have;
	while (want) {
		n = pread(r->run->fd, w + have, want, (off_t)r->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sk_fail_errno(e, "read temporary file in %s",
			    r->run->dir ? r->run->dir : "?");
		if (!n)
			return sk_fail(e, SNEK_EFORMAT, "temporary file ends "
			    "%llu bytes early", (unsigned long long)(r->size - r->at));
		have += (size_t)n;
		want -= (size_t)n;
		r->at += (uint64_t)n;
		r->end = w + have;
	}
	return 0;
}

static int malformed(struct snek_error *e, const sk_run_reader *r)
{
	return sk_fail(e, SNEK_EFORMAT, "entry %llu of %llu of a run is malformed",
	    (unsigned long long)r->entries + 1, (unsigned long long)r->run->entries);
}

static int at_end(sk_run_reader *r, struct snek_error *e)
{
	if (r->entries == r->run->entries)
		return 0;
	return sk_fail(e, SNEK_EFORMAT, "a run of %llu entries holds %llu",
	    (unsigned long long)r->run->entries, (unsigned long long)r->entries);
}

int sk_run_reader_next(sk_run_reader *r, struct sk_entry *out, struct snek_error *e)
{
	size_t have = (size_t)(r->end - r->p), n;
	uint64_t need = SK_ENTRY_HEAD;
	int rc;

	n = have ? sk_entry_get(r->p, have, out, &need) : 0;
	while (!n) {
		if (!have && r->at == r->size)
			return at_end(r, e);
		if (need <= have || r->at == r->size)
			return malformed(e, r);
		if (need > SK_ENTRY_HEAD && (need > r->run->largest ||
		    need - have > r->size - r->at))
			return malformed(e, r);
		rc = refill(r, need, e);
		if (rc)
			return rc;
		have = (size_t)(r->end - r->p);
		n = sk_entry_get(r->p, have, out, &need);
	}
	r->p += n;
	if (r->entries++ == r->run->entries)
		return sk_fail(e, SNEK_EFORMAT, "a run of %llu entries holds more",
		    (unsigned long long)r->run->entries);
	return 1;
}

void sk_run_reader_free(sk_run_reader *r)
{
	if (!r)
		return;
	sk_pages_free(r->window, r->cap);
	free(r);
}

/* ---- all at once ---- */

int sk_run_view_open(const struct sk_run *r, struct sk_run_view *v,
    struct snek_error *e)
{
	int seals = r->fd > 0 && r->in_memory ? fcntl(r->fd, F_GET_SEALS) : -1;
	void *p;

	*v = (struct sk_run_view){ (const uint8_t *)r->mem.p, r->mem.n, false };
	if (!r->fd || !r->bytes)
		return 0;
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return SNEK_ENOENT;
	p = mmap(NULL, r->bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, r->fd,
	    0);
	if (p == MAP_FAILED)
		return sk_fail_errno(e, "a run in memory");
	*v = (struct sk_run_view){ p, r->bytes, true };
	return 0;
}

void sk_run_view_close(struct sk_run_view *v)
{
	if (v->mapped)
		munmap((void *)v->p, v->n);
	*v = (struct sk_run_view){ NULL, 0, false };
}
