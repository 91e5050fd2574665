/* SPDX-License-Identifier: MIT */
/*
 * Shards on Redis against a bare socket on the same server:
 *
 *	redis load URL SHARDS SEGMENT...   write the chunks of segment files
 *	redis load-bare URL 0 SEGMENT...   the same chunks as strings
 *	redis scan URL SHARDS              fetch every chunk
 *	redis scan-bare URL 0              GET every string, 16 in flight
 *	redis column URL SHARDS NAME       fetch that column of every chunk
 *	redis load-column-bare URL 0 NAME SEGMENT...
 *	                                   strings of what that fetches
 *	redis two URL SHARDS               2 of 25 columns; bytes by INFO
 *	redis flush URL 0
 *
 * load and load-bare, and scan and scan-bare, print the same number: of bytes
 * of chunks; so do column and load-column-bare, of chunks of that column alone.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/redis.h"
#include "store/shard.h"
#include "value/chunk.h"
#include "value/chunk_part.h"
#include "value/json_read.h"

#define SHARDS 64u
#define DEPTH 16u

static struct snek_error err;

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "redis: %s: %s\n", what, err.text);
	exit(1);
}

static void must(int rc, const char *what)
{
	if (rc)
		die(what);
}

/* ---- the chunks of segment files ---- */

struct source {
	const uint8_t *p;
	const struct sk_chunk_entry *entry;
	uint32_t chunks;
};

static struct source map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint64_t index;
	struct source s;

	if (fd < 0 || fstat(fd, &st) || st.st_size < 96)
		die(path);
	s.p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE |
	    MAP_POPULATE, fd, 0);
	if (s.p == MAP_FAILED)
		die(path);
	close(fd);
	memcpy(&index, s.p + st.st_size - 32, 8);
	memcpy(&s.chunks, s.p + st.st_size - 16, 4);
	s.entry = (const void *)(s.p + index);
	return s;
}

static struct sk_span chunk_of(const struct source *s, uint32_t i)
{
	return (struct sk_span){ s->p + s->entry[i].offset, s->entry[i].bytes };
}

/* ---- snek ---- */

static sk_redis_loop *loop;
static struct sk_shard *shard[SHARDS];
static uint32_t shards;
static uint64_t bytes;

static struct sk_stamp stamp_of(uint32_t i)
{
	return (struct sk_stamp){ .shard = i, .format = 1 };
}

static sk_redis *client(const struct sk_redis_url *u)
{
	sk_redis *r;

	must(sk_redis_new(loop, u, NULL, &r, &err), "client");
	sk_redis_connect(r);
	return r;
}

static void open_shards(const struct sk_redis_url *u, bool create)
{
	sk_redis *r[SHARDS];
	uint32_t i;

	must(sk_redis_loop_new(&loop, &err), "loop");
	for (i = 0; i < shards; i++)
		r[i] = client(u);
	for (i = 0; i < shards; i++) {
		struct sk_stamp s = stamp_of(i);

		if (create)
			must(sk_redis_shard_create(r[i], &s, &err), "create");
		must(sk_redis_shard_open(r[i], &s, &shard[i], &err), "open");
	}
}

static void load(int n, char **path)
{
	struct sk_write_id id = { { 1 } };
	struct sk_segment_writer *w[SHARDS];
	uint32_t i, turn = 0;
	struct source s;
	int k;

	for (i = 0; i < shards; i++)
		must(shard[i]->ops->begin(shard[i], id, &w[i], &err), "begin");
	for (k = 0; k < n; k++) {
		s = map(path[k]);
		for (i = 0; i < s.chunks; i++) {
			must(shard[turn]->ops->put(w[turn], chunk_of(&s, i),
			    s.entry[i].rows, s.entry[i].first, &err), "put");
			bytes += s.entry[i].bytes;
			turn = (turn + 1) % shards;
		}
	}
	for (i = 0; i < shards; i++) {
		must(shard[i]->ops->seal(w[i], &err), "seal");
		shard[i]->ops->free(w[i]);
	}
}

/* What is fetched is done with at once, so one place serves for all. */
static void *room(void *arg, size_t n)
{
	struct sk_buf *b = arg;

	b->n = 0;
	return sk_buf_reserve(b, n) ? b->p : NULL;
}

static void fetched(void *arg, int rc, size_t n, const struct snek_error *e)
{
	(void)arg;
	if (rc) {
		err = *e;
		die("fetch");
	}
	bytes += n;
}

static uint32_t fetch_all(struct sk_write_id id, const struct sk_want *want)
{
	struct sk_buf place = { NULL, 0, 0 };
	struct sk_segment *s;
	uint32_t i, k, n = 0;

	for (k = 0; k < shards; k++)
		shard[k]->ops->prefetch(shard[k], id);
	for (k = 0; k < shards; k++) {
		must(shard[k]->ops->open(shard[k], id, &s, &err), "segment");
		for (i = 0; i < s->chunks; i++) {
			struct sk_fetch f = { .write = id, .number = i,
				.rows = s->entry[i].rows,
				.bytes = s->entry[i].bytes, .want = want,
				.room = room, .done = fetched,
				.arg = &place };

			must(shard[k]->ops->fetch(shard[k], &f, &err), "fetch");
			n++;
		}
		shard[k]->ops->close(s);
	}
	for (k = 0; k < shards; k++)
		must(shard[k]->ops->settle(shard[k], NULL,
		    NULL, -1, &err), "settle");
	sk_buf_free(&place);
	return n;
}

/* ---- one column ---- */

static void column(const char *text)
{
	struct sk_span name = sk_span_text(text);
	struct sk_want want = { .name = &name, .names = 1 };

	fetch_all((struct sk_write_id){ { 1 } }, &want);
}

static struct sk_span part_of(const struct sk_chunk_parts *p, struct sk_span name)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		if (p->part[i].name.n == name.n &&
		    !memcmp(p->part[i].name.p, name.p, name.n))
			return p->part[i].bytes;
	return (struct sk_span){ NULL, 0 };
}

/* The chunk of that column alone which a shard would give. */
static struct sk_span only(struct sk_span chunk, uint32_t rows, const char *text)
{
	static struct sk_chunk_parts parts;
	static struct sk_chunk_join join;
	static struct sk_buf out;
	struct sk_span name = sk_span_text(text), part[8];
	struct sk_chunk_wish *wish;
	uint32_t i;

	must(sk_chunk_wish_new(&name, 1, &wish, &err), "wish");
	must(sk_chunk_split(chunk, 0, &parts, &err), "split");
	for (i = 0; i < wish->fields && i < 8; i++)
		part[i] = part_of(&parts, wish->field[i]);
	must(sk_chunk_join_wish(&join, wish, part, rows, 0, &err), "join");
	out.n = 0;
	if (!sk_buf_reserve(&out, (size_t)join.bytes))
		die("memory");
	sk_chunk_join_write(&join, out.p);
	sk_chunk_wish_free(wish);
	return (struct sk_span){ out.p, (size_t)join.bytes };
}

/* ---- two of many columns ---- */

#define COLUMNS 25u

static void make_text(struct sk_buf *b, uint32_t row)
{
	uint32_t i;

	b->n = 0;
	for (i = 0; i < COLUMNS; i++)
		sk_buf_printf(b, "%s\"column%u\":\"%u of %u\"", i ? "," : "{",
		    i, row * 7919 % 10007, i);
	sk_buf_byte(b, '}');
}

/* One chunk of so many records, and the bytes of its columns 3 and 7. */
static void make_chunk(struct sk_buf *out, uint32_t *rows, uint64_t *two)
{
	struct sk_json_options o = { .plain = true };
	sk_chunk_builder *b;
	sk_json_reader *j;
	struct sk_buf text = { 0 };
	struct sk_record r;
	struct sk_chunk *c;
	struct snek_column k;
	static char name[] = "column3";
	struct sk_path_step step = { name, 7, 0 };
	struct sk_path path = { 1, &step, NULL };

	must(sk_chunk_builder_new(0, &b), "builder");
	must(sk_json_reader_new(&o, &j), "reader");
	for (*rows = 0; ; ++*rows) {
		make_text(&text, *rows);
		must(sk_json_read(j, text.p, text.n, &r, NULL, &err), "json");
		if (sk_chunk_builder_add(b, &r, &err) != 1)
			break;
	}
	must(sk_chunk_builder_seal(b, out, &err), "seal");
	must(sk_chunk_open(out->p, out->n, &c, &err), "open");
	for (*two = 0; name[6] <= '7'; name[6] += 4) {
		must(sk_chunk_column(c, &path, &k, &err), "column");
		*two += 4 * ((uint64_t)k.slots + 1) + k.ends[k.slots];
	}
	sk_chunk_close(c);
	sk_chunk_builder_free(b);
	sk_json_reader_free(j);
	sk_buf_free(&text);
}

static uint64_t sent_by(sk_redis *r)
{
	struct sk_span arg[] = { sk_span_text("INFO"), sk_span_text("stats") };
	struct sk_command c = { .arg = arg, .args = 2 };
	static const char word[] = "total_net_output_bytes:";
	struct sk_answer a;
	const char *p;
	uint64_t n;

	must(sk_redis_call(r, &c, &a, &err), "INFO");
	p = memmem(a.reply.text.p, a.reply.text.n, word, strlen(word));
	n = p ? strtoull(p + strlen(word), NULL, 10) : 0;
	sk_answer_free(&a);
	return n;
}

static void two(const struct sk_redis_url *u)
{
	static const struct sk_span name[] = { { "column3", 7 },
		{ "column7", 7 } };
	struct sk_want want = { .name = name, .names = 2 };
	struct sk_write_id id = { { 2 } };
	struct sk_segment_writer *w;
	struct sk_buf chunk = { 0 };
	uint64_t own, before, got;
	uint32_t rows, i, n = 100;
	sk_redis *r;

	make_chunk(&chunk, &rows, &own);
	must(shard[0]->ops->begin(shard[0], id, &w, &err), "begin");
	for (i = 0; i < n; i++)
		must(shard[0]->ops->put(w, (struct sk_span){ chunk.p, chunk.n },
		    rows, (struct sk_place){ 0, i * (uint64_t)rows }, &err), "put");
	must(shard[0]->ops->seal(w, &err), "seal");
	shard[0]->ops->free(w);
	r = client(u);
	sent_by(r);
	shards = 1;
	before = sent_by(r);
	fetch_all(id, &want);
	got = sent_by(r) - before;
	printf("%.4f of the two columns' bytes + 200 a chunk (limit 1.05 of "
	    "the columns, and the 200); %.3f of all\n",
	    (double)got / (double)(n * (own + 200)),
	    (double)got / (double)(n * chunk.n));
	if (got > (uint64_t)(1.05 * (double)(n * own)) + n * 200)
		exit(1);
	sk_redis_free(r);
	sk_buf_free(&chunk);
}

/* ---- a bare socket ---- */

static int fd;
static char in[256 << 10];
static size_t in_at, in_n;

static void dial(const struct sk_redis_url *u)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in ip = { .sin_family = AF_INET };
	int one = 1;

	fd = socket(u->path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
	if (u->path) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", u->path);
		must(connect(fd, (void *)&un, sizeof(un)), "connect");
		return;
	}
	ip.sin_port = htons((uint16_t)strtoul(u->port, NULL, 10));
	inet_pton(AF_INET, u->host, &ip.sin_addr);
	must(connect(fd, (void *)&ip, sizeof(ip)), "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void refill(void)
{
	ssize_t n = read(fd, in, sizeof(in));

	if (n <= 0)
		die("read");
	in_at = 0;
	in_n = (size_t)n;
}

static void read_line(char *line, size_t n)
{
	size_t i = 0;

	for (;;) {
		if (in_at == in_n)
			refill();
		line[i] = in[in_at++];
		if (line[i] == '\n')
			break;
		i += i + 1 < n;
	}
	line[i] = 0;
}

static void skip(size_t n)
{
	size_t k;

	while (n) {
		if (in_at == in_n)
			refill();
		k = in_n - in_at < n ? in_n - in_at : n;
		in_at += k;
		n -= k;
	}
}

static void write_all(struct iovec *v, int n)
{
	ssize_t k;

	while (n) {
		k = writev(fd, v, n);
		if (k < 0)
			die("write");
		while (n && (size_t)k >= v->iov_len) {
			k -= (ssize_t)v->iov_len;
			v++;
			n--;
		}
		if (n) {
			v->iov_base = (char *)v->iov_base + k;
			v->iov_len -= (size_t)k;
		}
	}
}

static void set_bare(uint32_t number, struct sk_span chunk)
{
	char head[96], key[24];
	int k = snprintf(key, sizeof(key), "bare:%u", number);
	int n = snprintf(head, sizeof(head), "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n"
	    "$%zu\r\n", k, key, chunk.n);
	struct iovec v[] = { { head, (size_t)n },
		{ (void *)(uintptr_t)chunk.p, chunk.n }, { "\r\n", 2 } };

	write_all(v, 3);
}

/* All of every chunk, or a column. */
static void load_bare(int n, char **path, const char *name)
{
	uint32_t sent = 0, heard = 0, i;
	struct sk_span value;
	struct source s;
	char line[64];
	int k;

	for (k = 0; k < n; k++) {
		s = map(path[k]);
		for (i = 0; i < s.chunks; i++, sent++) {
			for (; sent - heard >= DEPTH; heard++)
				read_line(line, sizeof(line));
			value = chunk_of(&s, i);
			if (name)
				value = only(value, s.entry[i].rows, name);
			set_bare(sent, value);
			bytes += value.n;
		}
	}
	for (; heard < sent; heard++)
		read_line(line, sizeof(line));
}

static uint32_t ask_bare(uint32_t from, uint32_t n)
{
	char text[64 * DEPTH], key[24];
	size_t at = 0;
	uint32_t i;
	struct iovec v = { text, 0 };

	for (i = 0; i < n; i++) {
		int k = snprintf(key, sizeof(key), "bare:%u", from + i);

		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", k, key);
	}
	v.iov_len = at;
	write_all(&v, 1);
	return from + n;
}

static void scan_bare(void)
{
	uint32_t sent = ask_bare(0, DEPTH), heard = 0;
	char line[64];
	long n;

	for (; heard < sent; heard++) {
		read_line(line, sizeof(line));
		n = strtol(line + 1, NULL, 10);
		if (n < 0)
			continue;
		bytes += (uint64_t)n;
		skip((size_t)n + 2);
		if (sent - heard <= DEPTH / 2)
			sent = ask_bare(sent, DEPTH / 2);
	}
}

static void flush(const struct sk_redis_url *u)
{
	struct sk_span arg = sk_span_text("FLUSHALL");
	struct sk_command c = { .arg = &arg, .args = 1 };
	struct sk_answer a;
	sk_redis *r;

	must(sk_redis_loop_new(&loop, &err), "loop");
	r = client(u);
	must(sk_redis_call(r, &c, &a, &err), "FLUSHALL");
}

int main(int argc, char **argv)
{
	static const struct sk_write_id id = { { 1 } };
	struct sk_redis_url u;
	const char *what = argc > 3 ? argv[1] : "";
	bool bare = strstr(what, "-bare");

	if (argc < 4)
		die("usage");
	must(sk_redis_url_parse(&u, argv[2], &err), "URL");
	shards = (uint32_t)strtoul(argv[3], NULL, 10);
	if (shards > SHARDS)
		die("too many shards");
	if (bare)
		dial(&u);
	else if (strcmp(what, "flush"))
		open_shards(&u, !strcmp(what, "load") || !strcmp(what, "two"));
	if (!strcmp(what, "load"))
		load(argc - 4, argv + 4);
	else if (!strcmp(what, "scan"))
		fetch_all(id, NULL);
	else if (!strcmp(what, "load-bare"))
		load_bare(argc - 4, argv + 4, NULL);
	else if (!strcmp(what, "column") && argc == 5)
		column(argv[4]);
	else if (!strcmp(what, "load-column-bare") && argc > 5)
		load_bare(argc - 5, argv + 5, argv[4]);
	else if (!strcmp(what, "scan-bare"))
		scan_bare();
	else if (!strcmp(what, "two"))
		two(&u);
	else if (!strcmp(what, "flush"))
		flush(&u);
	else
		die(what);
	if (strcmp(what, "two") && strcmp(what, "flush"))
		printf("%llu\n", (unsigned long long)bytes);
	return 0;
}
