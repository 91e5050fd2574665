/* SPDX-License-Identifier: MIT */
/*
 * A segment file, SHARD/<write id>.seg.  Numbers are little-endian.
 *
 *      0  header, 64 bytes
 *              0  magic "SNEKSEG\n"
 *              8  u32 format (1)          12  u32 shard
 *             16  cluster uuid            32  write id
 *             48  12 bytes of zero        60  u32 CRC32C of bytes 0..59
 *     64  chunks, in the order of put, each at a multiple of 64
 *      x  index, at a multiple of 64: per chunk 32 bytes
 *              0  u64 offset               8  u32 bytes       12  u32 rows
 *             16  u64 version and         24  u64 record of its first place
 *    end  footer, 32 bytes
 *              0  u64 x                    8  u64 records
 *             16  u32 chunks              20  u32 CRC32C of header, index
 *                                             and bytes 0..19 of the footer
 *             24  magic "SNEKEND\n"
 *
 * The header keeps its size, magic, format and CRC in every format to come.
 * Chunks check themselves.  While its writer lives it holds an flock on the
 * file, which tells gc so; a file without footer is a dead or unfinished write.
 */
#include "store/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/file.h"

#define ALIGN 64u
#define KICK (8u << 20)         /* start writing back after so many bytes */

struct header {
	char magic[8];
	uint32_t format, shard;
	uint8_t cluster[16];
	struct sk_write_id write;
	uint32_t zero[3];
	uint32_t crc;
};
struct footer {
	uint64_t index, records;
	uint32_t chunks, crc;
	char magic[8];
};
_Static_assert(sizeof(struct header) == 64, "drawn above");
_Static_assert(sizeof(struct footer) == 32, "drawn above");
_Static_assert(sizeof(struct sk_chunk_entry) == 32, "drawn above");

static const char head_magic[] = "SNEKSEG\n", foot_magic[] = "SNEKEND\n";

struct sk_segment_writer {
	const struct sk_segment_dir *dir;
	int fd;
	char *path;
	struct header head;
	struct sk_buf index;
	uint64_t at, kicked, records;
	uint32_t chunks;
	bool failed, sealed;
};

void sk_segment_name(struct sk_write_id id, char out[SK_SEGMENT_NAME])
{
	sk_write_id_hex(id, out);
	memcpy(out + 32, ".seg", 5);
}

char *sk_segment_path(const struct sk_segment_dir *dir, struct sk_write_id id)
{
	char name[SK_SEGMENT_NAME];
	struct sk_buf b = { 0 };

	sk_segment_name(id, name);
	if (sk_buf_printf(&b, "%s/%s", dir->path, name) && sk_buf_byte(&b, 0))
		return b.p;
	sk_buf_free(&b);
	return NULL;
}

/* ---- writing ---- */

static void fill_header(struct header *h, const struct sk_stamp *stamp,
    struct sk_write_id id)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, head_magic, 8);
	h->format = SK_SEGMENT_FORMAT;
	h->shard = stamp->shard;
	memcpy(h->cluster, stamp->cluster, 16);
	h->write = id;
	h->crc = sk_crc32c(0, h, offsetof(struct header, crc));
}

static int lock(int fd)
{
	int rc;

	do
		rc = flock(fd, LOCK_EX);
	while (rc && errno == EINTR);
	return rc;
}

/* A writer that was stopped before it had its lock looked dead to gc. */
static int still_named(const struct sk_segment_writer *w, struct snek_error *e)
{
	struct stat st;

	if (fstat(w->fd, &st))
		return sk_file_failed(e, w->path);
	return st.st_nlink ? 0 : sk_fail(e, SNEK_EAGAIN, "%s was given up by gc; "
	    "write again", w->path);
}

static int create(struct sk_segment_writer *w, struct snek_error *e)
{
	int rc;

	w->fd = open(w->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (w->fd < 0 && errno == EEXIST)
		return sk_fail(e, SNEK_EEXIST, "%s exists already", w->path);
	if (w->fd < 0)
		return sk_file_failed(e, w->path);
	if (!lock(w->fd))
		return still_named(w, e);
	rc = sk_file_failed(e, w->path);
	unlink(w->path);
	return rc;
}

int sk_segment_begin(const struct sk_segment_dir *dir, struct sk_write_id id,
    struct sk_segment_writer **out, struct snek_error *e)
{
	struct sk_segment_writer *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return sk_enomem(e);
	w->dir = dir;
	w->fd = -1;
	w->path = sk_segment_path(dir, id);
	fill_header(&w->head, &dir->stamp, id);
	rc = w->path ? create(w, e) : sk_enomem(e);
	if (rc) {
		sk_segment_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

/* Everything that goes into the file passes here; the header goes first and
 * what follows begins at a multiple of ALIGN. */
static int append(struct sk_segment_writer *w, struct sk_span a,
    struct sk_span b, struct snek_error *e)
{
	static const char zeros[ALIGN];
	size_t head = w->at ? 0 : sizeof(w->head), pad = -w->at % ALIGN;
	struct iovec v[4] = {
		{ &w->head, head }, { (void *)(uintptr_t)zeros, pad },
		{ (void *)(uintptr_t)a.p, a.n }, { (void *)(uintptr_t)b.p, b.n },
	};

	if (w->failed || w->sealed)
		return sk_fail(e, SNEK_EINTERNAL, "%s: written to after %s",
		    w->path, w->sealed ? "seal" : "a failure");
	if (sk_file_write(w->fd, v, 4)) {
		w->failed = true;
		return sk_file_failed(e, w->path);
	}
	w->at += head + pad + a.n + b.n;
	return 0;
}

/* Where append will put its first byte. */
static uint64_t place_of_next(const struct sk_segment_writer *w)
{
	uint64_t at = w->at ? w->at : sizeof(w->head);

	return at + -at % ALIGN;
}

/* Let the disk work while the next chunks are made.  Its errors come back
 * from fdatasync. */
static void kick(struct sk_segment_writer *w)
{
	if (w->at - w->kicked < KICK)
		return;
	sync_file_range(w->fd, (off_t)w->kicked, (off_t)(w->at - w->kicked),
	    SYNC_FILE_RANGE_WRITE);
	w->kicked = w->at;
}

int sk_segment_put(struct sk_segment_writer *w, struct sk_span chunk,
    uint32_t rows, struct sk_place first, struct snek_error *e)
{
	struct sk_chunk_entry entry = {
		place_of_next(w), (uint32_t)chunk.n, rows, first,
	};
	int rc;

	if (chunk.n > UINT32_MAX || w->chunks == UINT32_MAX)
		return sk_fail(e, SNEK_ELIMIT, "%s: a chunk of %zu bytes, "
		    "number %u, is too much", w->path, chunk.n, w->chunks);
	if (!sk_buf_reserve(&w->index, sizeof(entry)))
		return sk_enomem(e);
	rc = append(w, chunk, (struct sk_span){ NULL, 0 }, e);
	if (rc)
		return rc;
	sk_buf_put(&w->index, &entry, sizeof(entry));
	w->chunks++;
	w->records += rows;
	kick(w);
	return 0;
}

static uint32_t crc_of(const struct header *h, const void *index, size_t n,
    const struct footer *f)
{
	uint32_t crc = sk_crc32c(0, h, sizeof(*h));

	crc = sk_crc32c(crc, index, n);
	return sk_crc32c(crc, f, offsetof(struct footer, crc));
}

int sk_segment_seal(struct sk_segment_writer *w, struct snek_error *e)
{
	struct footer f = { place_of_next(w), w->records, w->chunks, 0, "" };
	int rc;

	memcpy(f.magic, foot_magic, 8);
	f.crc = crc_of(&w->head, w->index.p, w->index.n, &f);
	rc = append(w, (struct sk_span){ w->index.p, w->index.n },
	    (struct sk_span){ &f, sizeof(f) }, e);
	if (rc)
		return rc;
	/* A failed sync may have dropped the pages: asking again would say
	 * yes to what is not there. */
	rc = fdatasync(w->fd) ? sk_file_failed(e, w->path)
	    : sk_file_sync_dir(w->dir->path, e);
	if (!rc)
		rc = still_named(w, e);
	if (rc) {
		w->failed = true;
		return rc;
	}
	w->sealed = true;
	return 0;
}

void sk_segment_abandon(struct sk_segment_writer *w)
{
	if (!w)
		return;
	unlink(w->path);
	w->failed = true;
}

void sk_segment_free(struct sk_segment_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	sk_buf_free(&w->index);
	free(w->path);
	free(w);
}

/* ---- reading ---- */

struct check {                  /* a file under examination */
	const struct sk_segment_dir *dir;
	const char *path;
	const uint8_t *p;
	size_t n;
	struct header head;
	struct footer foot;
};

static int corrupt(const struct check *c, const char *what, struct snek_error *e)
{
	return sk_fail(e, SNEK_ECORRUPT, "%s: %s", c->path, what);
}

static int check_header(struct check *c, struct sk_write_id id,
    struct snek_error *e)
{
	const struct sk_stamp *want = &c->dir->stamp;
	struct header *h = &c->head;

	memcpy(h, c->p, sizeof(*h));
	if (memcmp(h->magic, head_magic, 8))
		return corrupt(c, "is no segment", e);
	if (h->crc != sk_crc32c(0, h, offsetof(struct header, crc)))
		return corrupt(c, "damaged header", e);
	if (h->format > SK_SEGMENT_FORMAT)
		return sk_fail(e, SNEK_EVERSION, "%s: written by a newer snek "
		    "(format %u; this one reads up to %u)", c->path, h->format,
		    SK_SEGMENT_FORMAT);
	if (memcmp(h->cluster, want->cluster, 16))
		return corrupt(c, "belongs to another cluster", e);
	if (h->shard != want->shard)
		return sk_fail(e, SNEK_ECORRUPT, "%s: belongs to shard %u, "
		    "found on shard %u", c->path, h->shard, want->shard);
	if (memcmp(&h->write, &id, sizeof(id)))
		return corrupt(c, "is another write's segment by its header", e);
	return 0;
}

static int check_footer(struct check *c, struct snek_error *e)
{
	struct footer *f = &c->foot;
	uint64_t index;

	memcpy(f, c->p + c->n - sizeof(*f), sizeof(*f));
	if (memcmp(f->magic, foot_magic, 8))
		return corrupt(c, "has no end: cut short, or never finished", e);
	index = (uint64_t)f->chunks * sizeof(struct sk_chunk_entry);
	if (f->index < sizeof(struct header) || f->index % ALIGN ||
	    f->index > c->n || c->n - f->index != index + sizeof(*f))
		return sk_fail(e, SNEK_ECORRUPT, "%s: holds %zu bytes, which "
		    "is not what its index says", c->path, c->n);
	if (f->crc != crc_of(&c->head, c->p + f->index, (size_t)index, f))
		return corrupt(c, "damaged index", e);
	return 0;
}

/* The CRC was right, so this is about writers of ours that were wrong. */
static int check_entries(struct check *c, const struct sk_chunk_entry *entry,
    struct snek_error *e)
{
	uint64_t at = sizeof(struct header), records = 0;
	uint32_t i;

	for (i = 0; i < c->foot.chunks; i++) {
		if (entry[i].offset < at || entry[i].offset % 8 ||
		    entry[i].offset > c->foot.index ||
		    entry[i].bytes > c->foot.index - entry[i].offset)
			return corrupt(c, "its index points outside", e);
		at = entry[i].offset + entry[i].bytes;
		records += entry[i].rows;
	}
	if (records != c->foot.records)
		return corrupt(c, "its index does not add up", e);
	return 0;
}

static int check(struct check *c, struct sk_write_id id, struct snek_error *e)
{
	int rc = check_header(c, id, e);

	if (!rc)
		rc = check_footer(c, e);
	if (!rc)
		rc = check_entries(c, (const void *)(c->p + c->foot.index), e);
	return rc;
}

/* Map the file at fd, once it is large enough to be looked at. */
static int map(struct check *c, int fd, struct snek_error *e)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st))
		return sk_fail_errno(e, "%s", c->path);
	if (!S_ISREG(st.st_mode))
		return corrupt(c, "is no file", e);
	if ((uint64_t)st.st_size < sizeof(c->head) + sizeof(c->foot))
		return sk_fail(e, SNEK_ECORRUPT, "%s: %lld bytes are too few "
		    "for a segment: cut short, or never finished", c->path,
		    (long long)st.st_size);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return sk_fail_errno(e, "%s: mmap", c->path);
	c->p = p;
	c->n = (size_t)st.st_size;
	return 0;
}

static int map_path(struct check *c, struct snek_error *e)
{
	int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if (fd < 0 && errno == ENOENT)
		return SNEK_ENOENT;
	if (fd < 0)
		return sk_fail_errno(e, "%s", c->path);
	rc = map(c, fd, e);
	close(fd);
	return rc;
}

static int open_checked(struct check *c, struct sk_write_id id,
    struct sk_segment **out, struct snek_error *e)
{
	struct sk_segment *s;
	int rc = map_path(c, e);

	if (rc)
		return rc;
	rc = check(c, id, e);
	s = rc ? NULL : malloc(sizeof(*s));
	if (!s) {
		munmap((void *)(uintptr_t)c->p, c->n);
		return rc ? rc : sk_enomem(e);
	}
	s->bytes = c->p;
	s->size = c->n;
	s->entry = (const void *)(c->p + c->foot.index);
	s->chunks = c->foot.chunks;
	s->records = c->foot.records;
	*out = s;
	return 0;
}

int sk_segment_open(const struct sk_segment_dir *dir, struct sk_write_id id,
    struct sk_segment **out, struct snek_error *e)
{
	char *path = sk_segment_path(dir, id);
	struct check c = { .dir = dir, .path = path };
	int rc = path ? open_checked(&c, id, out, e) : sk_enomem(e);

	free(path);
	return rc;
}

void sk_segment_close(struct sk_segment *s)
{
	if (!s)
		return;
	munmap((void *)(uintptr_t)s->bytes, s->size);
	free(s);
}
