/* SPDX-License-Identifier: MIT */
/* Ops that break the contract with their host: false codes, false values,
 * a tampered process, and words in the host's own tongue. */
#include "zoo.h"
#include <fcntl.h>
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_FDS = 1024 };

static int closes(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	int fd;

	(void)z;
	(void)r;
	for (fd = 0; fd < MOST_FDS; fd++)
		close(fd);
	return zoo_count(c);
}
ZOO_MAP(closes)

static void say_to_all(const void *p, size_t n)
{
	int fd;

	for (fd = 0; fd < MOST_FDS; fd++)
		if (send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
		    errno == ENOTSOCK && write(fd, p, n) < 0)
			continue;
}

static int writes(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	char junk[777];

	(void)z;
	(void)r;
	memset(junk, 0xa5, sizeof(junk));
	say_to_all(junk, sizeof(junk));
	return zoo_count(c);
}
ZOO_MAP(writes)

/* The head of the worker's frames, as exec/channel.c draws it, and what may
 * come after: almost right, so that more than the first check is met. */
struct frame {
	uint32_t magic;
	uint16_t kind, flags;
	uint64_t id, bytes;
	uint32_t fds, zero;
	unsigned char body[600];
};

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed >> 8;
}

static size_t make_frame(struct frame *f, uint64_t *seed)
{
	static const uint64_t huge[] = { 0x7fffffff, 0xffffffff,
		(uint64_t)1 << 40, (uint64_t)1 << 62, UINT64_MAX };
	size_t n = random_next(seed) % sizeof(f->body), i;

	memset(f, 0, sizeof(*f));
	f->magic = random_next(seed) % 8 ? 0x314b4e53u : 7;
	f->kind = (uint16_t)(random_next(seed) % 10);
	f->flags = (uint16_t)(random_next(seed) % 3 ? 0 : random_next(seed) % 8);
	f->id = random_next(seed) % 64;
	f->bytes = random_next(seed) % 2 ? n : huge[random_next(seed) % 5];
	f->fds = (uint32_t)(random_next(seed) % 3 ? 0 : random_next(seed) % 300);
	for (i = 0; i < n; i++)
		f->body[i] = (unsigned char)(random_next(seed) % 3 ? 0 :
		    random_next(seed));
	return offsetof(struct frame, body) + n;
}

/* With a descriptor of its own, where the head claims some. */
static void send_frame(int fd, const struct frame *f, size_t n)
{
	struct iovec v = { (void *)(intptr_t)f, n };
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)),
	    .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	if (f->fds) {
		m.msg_control = c.room;
		m.msg_controllen = sizeof(c.room);
	}
	sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* what: which frames. */
static int forges(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	uint64_t seed = strtoull(z->what, NULL, 10) * 0x9e3779b97f4a7c15u + 1;
	struct frame f;
	size_t n;
	int fd, i;

	(void)r;
	for (i = 0; i < 3; i++) {
		n = make_frame(&f, &seed);
		for (fd = 0; fd < MOST_FDS; fd++)
			send_frame(fd, &f, n);
	}
	return zoo_count(c);
}
ZOO_MAP(forges)

/* A whole answer as exec/wire_outcome.c draws it, but for its number of
 * records, which is what: of a job of one partition. */
static size_t make_answer(struct frame *f, uint64_t records)
{
	unsigned char *p = f->body;

	memset(f, 0, sizeof(*f));
	f->magic = 0x314b4e53u;
	f->kind = 6;                    /* SK_MSG_DONE */
	p += 4 + 4 + 4 + 1;             /* no error: its code, errno and text */
	p += 1 + 4 + 4;                 /* at no record */
	memcpy(p, &records, sizeof(records));
	p += 4 * 8 + 4 * 8 + 4;         /* counts, fields seen, counters */
	*p = 1;                         /* partition, without runs */
	p += 4 + 4 + 3 * 8 + 1 + 8;     /* and an empty run */
	f->bytes = (uint64_t)(p - f->body);
	return offsetof(struct frame, body) + f->bytes;
}

/* what: how many records it says it was given. */
static int answers(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	struct frame f;
	size_t n = make_answer(&f, strtoull(z->what, NULL, 10));
	int fd;

	(void)r;
	for (fd = 0; fd < MOST_FDS; fd++)
		send_frame(fd, &f, n);
	return zoo_count(c);
}
ZOO_MAP(answers)

static int nan_value(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)z;
	(void)r;
	return snek_emit(c, snek_string("nan"), snek_double(NAN));
}
ZOO_MAP(nan_value)

static int garbage_code(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)c;
	(void)r;
	return (int)strtol(z->what, NULL, 10);
}
ZOO_MAP(garbage_code)

static int rounding(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)z;
	(void)r;
	fesetround(FE_UPWARD);
	return zoo_count(c);
}
ZOO_MAP(rounding)

static int reads_on(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	const struct snek_column *col = r.chunk->columns[z->id.id];
	const volatile char *p = col->values;
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < (size_t)1 << 36; i += 512)
		sum += p[i];
	return snek_emit_int(c, "escaped", 7, sum);
}
ZOO_MAP(reads_on)

/* Into its own input, which others read too. */
static int writes_input(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	const struct snek_column *col = r.chunk->columns[z->id.id];

	memset((void *)(intptr_t)col->values, 0x5a, 8 * (size_t)col->slots);
	return zoo_count(c);
}
ZOO_MAP(writes_input)

/* Over the table of the host itself. */
static int writes_host(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	(void)z;
	(void)r;
	memset((void *)(intptr_t)c->api, 0x5a, sizeof(*c->api));
	return snek_emit_int(c, "records", 7, 1);
}
ZOO_MAP(writes_host)

static sigjmp_buf back;

static void on_fault(int s)
{
	(void)s;
	siglongjmp(back, 1);
}

/* Over whatever the host's own memory points at: what it shares with others
 * is among it.  what: with which byte.  Then it dies, for them to look at. */
static int writes_shared(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	char *const *p = (char *const *)(const void *)c;
	volatile size_t i;

	(void)r;
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	for (i = 0; i < 4096; i++)
		if (!sigsetjmp(back, 1) && (uintptr_t)p[i] >> 40 == 0x7f &&
		    (uintptr_t)p[i] % 4 == 0)
			memset(p[i], (int)strtol(z->what, NULL, 10), 400);
	abort();
}
ZOO_MAP(writes_shared)

static int forged_value(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	struct snek_value v = snek_string("\xdf\xff\xff\xff\xff");

	(void)z;
	(void)r;
	v.type = SNEK_OBJECT;
	return snek_emit(c, snek_string("forged"), v);
}
ZOO_MAP(forged_value)

static int false_pointer(snek_ctx *c, struct zoo *z, struct snek_record r)
{
	struct snek_value v = snek_string_n((const char *)(intptr_t)64, 1000);

	(void)z;
	(void)r;
	return snek_emit(c, snek_string("false"), v);
}
ZOO_MAP(false_pointer)

static uint32_t partition_nowhere(snek_ctx *c, void *self,
    struct snek_value key, uint32_t n)
{
	(void)c;
	(void)self;
	(void)key;
	return n + 7;
}

static int counts(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	return zoo_count(c);
}

SNEK_PLUGIN("lie", "1.0",
	ZOO_OP(closes, "close all descriptors"),
	ZOO_OP(writes, "write to all descriptors"),
	ZOO_OP(forges, "write frames to all descriptors"),
	ZOO_OP(answers, "answer in its host's name"),
	ZOO_OP(nan_value, "emit NaN"),
	ZOO_OP(garbage_code, "return what"),
	ZOO_OP(rounding, "change the mode of floating point"),
	ZOO_OP(reads_on, "read beyond its column"),
	ZOO_OP(writes_input, "write into its column"),
	ZOO_OP(writes_host, "write over the host's table"),
	ZOO_OP(writes_shared, "write over all that the host points at"),
	ZOO_OP(forged_value, "emit an object that ends too early"),
	ZOO_OP(false_pointer, "emit a string at a false address"),
	SNEK_OP(.name = "partition", .summary = "name a false partition",
	    .args = zoo_args, .reducer = "sum", .open = zoo_open, .close = free,
	    .map = counts, .partition = partition_nowhere));
