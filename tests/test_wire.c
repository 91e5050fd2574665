/* SPDX-License-Identifier: MIT */
/* Messages between processes: there and back, and what is cut or forged. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check_main.h"
#include "exec/wire.h"
#include "value/value.h"

/* ---- frames ---- */

static int no_room(void *arg)
{
	(void)arg;
	return SNEK_EAGAIN;
}
static const struct sk_channel_wait impatient = { no_room, NULL };

static void pair(int end[2], struct sk_channel *c)
{
	ck_assert_int_eq(sk_channel_pair(end, NULL), 0);
	*c = (struct sk_channel){ .fd = end[1], .max = 1u << 20, .max_fds = 1000 };
}

static void unpair(int end[2], struct sk_channel *c)
{
	sk_channel_free(c);
	close(end[0]);
	close(end[1]);
}

static const struct { size_t bytes, fds; } sizes[] = {
	{ 0, 0 }, { 1, 1 }, { 32768, 0 }, { 32769, 0 }, { 1u << 20, 3 },
	{ 10, 200 }, { 10, 201 }, { 40000, 450 },
};

START_TEST(a_message_arrives_as_it_was)
{
	struct sk_message m = { .kind = SK_MSG_TASK, .id = 1ull << 40 }, got = { 0 };
	struct sk_channel c;
	int end[2];
	size_t i;

	pair(end, &c);
	for (i = 0; i < sizes[_i].bytes; i++)
		ck_assert(sk_buf_byte(&m.body, (uint8_t)(i * 7)));
	for (i = 0; i < sizes[_i].fds; i++)
		ck_assert(sk_message_take(&m, dup(end[0])));
	ck_assert_int_eq(sk_channel_send(end[0], &m, &impatient), 0);
	ck_assert_int_eq(sk_channel_recv(&c, &got), 1);
	ck_assert_uint_eq(got.kind, m.kind);
	ck_assert_uint_eq(got.id, m.id);
	ck_assert_uint_eq(got.fds, m.fds);
	ck_assert_uint_eq(got.body.n, m.body.n);
	ck_assert(!m.body.n || !memcmp(got.body.p, m.body.p, m.body.n));
	for (i = 0; i < got.fds; i++)
		ck_assert_int_gt(got.fd[i], 2);
	ck_assert_int_eq(sk_channel_recv(&c, &got), 0);
	sk_message_free(&m);
	sk_message_free(&got);
	unpair(end, &c);
}
END_TEST

struct head {
	uint32_t magic;
	uint16_t kind, flags;
	uint64_t id, bytes;
	uint32_t fds, zero;
};
#define MAGIC 0x314b4e53u

static const struct {
	const char *what;
	struct head h;
	size_t send;            /* bytes of the frame, body included */
} forged[] = {
	{ "short", { MAGIC, 1, 0, 0, 0, 0, 0 }, 31 },
	{ "magic", { MAGIC + 1, 1, 0, 0, 0, 0, 0 }, 32 },
	{ "reserved", { MAGIC, 1, 0, 0, 0, 0, 1 }, 32 },
	{ "flags", { MAGIC, 1, 8, 0, 0, 0, 0 }, 32 },
	{ "two flags", { MAGIC, 1, 5, 0, 0, 0, 0 }, 32 },
	{ "longer body", { MAGIC, 1, 0, 0, 3, 0, 0 }, 34 },
	{ "shorter body", { MAGIC, 1, 0, 0, 1, 0, 0 }, 34 },
	{ "huge body", { MAGIC, 1, 4, 0, UINT64_MAX, 0, 0 }, 34 },
	{ "over the limit", { MAGIC, 1, 4, 0, (1u << 20) + 1, 0, 0 }, 34 },
	{ "empty part", { MAGIC, 1, 4, 0, 10, 0, 0 }, 32 },
	{ "part that is all", { MAGIC, 1, 4, 0, 2, 0, 0 }, 34 },
	{ "large without a file", { MAGIC, 1, 2, 0, 10, 0, 0 }, 32 },
	{ "more without any", { MAGIC, 1, 1, 0, 0, 0, 0 }, 32 },
	{ "descriptors that did not come", { MAGIC, 1, 0, 0, 0, 2, 0 }, 32 },
};

START_TEST(a_forged_frame_is_refused)
{
	char frame[64] = { 0 };
	struct sk_message got;
	struct sk_channel c;
	int end[2];

	pair(end, &c);
	memcpy(frame, &forged[_i].h, sizeof(struct head));
	ck_assert_int_gt(send(end[0], frame, forged[_i].send, 0), 0);
	ck_assert_msg(sk_channel_recv(&c, &got) == SNEK_EFORMAT, "%s",
	    forged[_i].what);
	unpair(end, &c);
}
END_TEST

START_TEST(parts_add_up_to_a_body)
{
	struct { struct head h; char body[4]; } f = {
		{ MAGIC, SK_MSG_DONE, 4, 9, 7, 0, 0 }, "abc" };
	struct sk_message got = { 0 };
	struct sk_channel c;
	int end[2];

	pair(end, &c);
	ck_assert_int_gt(send(end[0], &f, 35, 0), 0);
	ck_assert_int_eq(sk_channel_recv(&c, &got), 0);
	ck_assert_int_gt(send(end[0], &f, 35, 0), 0);
	f.h.flags = 0;
	ck_assert_int_gt(send(end[0], &f, 33, 0), 0);
	ck_assert_int_eq(sk_channel_recv(&c, &got), 1);
	ck_assert_uint_eq(got.body.n, 7);
	ck_assert(!memcmp(got.body.p, "abcabca", 7));
	sk_message_free(&got);
	unpair(end, &c);
}
END_TEST

static void send_with(int sock, struct head h, int fd)
{
	struct iovec v = { &h, sizeof(h) };
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } c;
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
		.msg_controllen = sizeof(c) };

	memset(&c, 0, sizeof(c));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	c.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&c.align), &fd, sizeof(fd));
	ck_assert_int_gt(sendmsg(sock, &m, 0), 0);
}

/* A body in a file that is none, or shorter than it says: no wait, no crash. */
START_TEST(a_large_body_must_be_there)
{
	struct head h = { MAGIC, 1, 2, 0, 100, 1, 0 };
	struct sk_message got;
	struct sk_channel c;
	int end[2], p[2], file = sk_channel_file("test", "short", 5);

	pair(end, &c);
	ck_assert_int_eq(pipe(p), 0);
	send_with(end[0], h, p[0]);
	ck_assert_int_eq(sk_channel_recv(&c, &got), SNEK_EFORMAT);
	sk_message_free(&c.part);
	send_with(end[0], h, file);
	ck_assert_int_eq(sk_channel_recv(&c, &got), SNEK_EFORMAT);
	close(p[0]);
	close(p[1]);
	close(file);
	unpair(end, &c);
}
END_TEST

START_TEST(the_other_end_is_gone)
{
	struct sk_message m = { .kind = 1 }, got;
	struct sk_channel c;
	int end[2];

	pair(end, &c);
	close(end[0]);
	ck_assert_int_eq(sk_channel_recv(&c, &got), SNEK_EIO);
	ck_assert_int_eq(sk_channel_send(end[1], &m, &impatient), SNEK_EIO);
	sk_channel_free(&c);
	close(end[1]);
}
END_TEST

/* ---- outcomes ---- */

static void add_run(struct sk_run *r, const char *key, const char *value)
{
	struct sk_entry t = { .key = { key, strlen(key) },
		.value = { value, strlen(value) } };

	ck_assert_int_eq(sk_run_add(r, &t, NULL), 0);
}

static void make_outcome(struct sk_outcome *o)
{
	struct sk_counters c = { 0 };
	struct sk_run run = { 0 };

	memset(o, 0, sizeof(*o));
	o->records_in = 5;
	o->emitted = 3;
	o->seen[1] = 8;
	ck_assert_int_eq(sk_counters_add(&c, "lines", -7, NULL), 0);
	o->counter = c.counter;
	o->counters = c.n;
	o->part = calloc(2, sizeof(*o->part));
	o->parts = 2;
	add_run(&run, "a", "1");
	ck_assert(sk_runs_add(&o->part[0], &run));
	add_run(&run, "b", "2");
	ck_assert_int_eq(sk_run_spill(&run, "/tmp", NULL), 0);
	ck_assert_int_eq(sk_run_end(&run, NULL), 0);
	ck_assert(sk_runs_add(&o->part[1], &run));
}

static void pack_outcome(struct sk_put *w, struct sk_message *m)
{
	struct sk_outcome o;

	make_outcome(&o);
	ck_assert(sk_put_outcome(w, &o, m));
	ck_assert(!w->nomem);
	sk_outcome_free(&o);
}

START_TEST(an_outcome_arrives_as_it_was)
{
	struct sk_put w = { { 0 }, false };
	struct sk_message m = { 0 };
	struct sk_outcome o;
	struct sk_get r;
	sk_run_reader *rd;
	struct sk_entry t;

	pack_outcome(&w, &m);
	r = (struct sk_get){ w.buf.p, w.buf.n, false };
	ck_assert_int_eq(sk_get_outcome(&r, &m, 2, &o, NULL), 0);
	ck_assert_uint_eq(o.records_in, 5);
	ck_assert_uint_eq(o.seen[1], 8);
	ck_assert_str_eq(o.counter[0].name, "lines");
	ck_assert_int_eq(o.counter[0].value, -7);
	ck_assert_int_gt(o.part[1].run[0].fd, 0);
	ck_assert_int_eq(sk_run_reader_new(&o.part[1].run[0], &rd, NULL), 0);
	ck_assert_int_eq(sk_run_reader_next(rd, &t, NULL), 1);
	ck_assert(!memcmp(t.key.p, "b", 1));
	ck_assert_int_eq(sk_run_reader_next(rd, &t, NULL), 0);
	sk_run_reader_free(rd);
	sk_outcome_free(&o);
	sk_message_free(&m);
	sk_buf_free(&w.buf);
}
END_TEST

START_TEST(an_outcome_that_is_cut_anywhere_is_refused)
{
	struct sk_put w = { { 0 }, false };
	struct sk_message m, whole = { 0 };
	struct sk_outcome o;
	struct sk_get r;
	size_t n;
	char *copy;

	pack_outcome(&w, &whole);
	for (n = 0; n < w.buf.n; n++) {
		copy = malloc(n + 1);           /* so that a sanitizer sees */
		memcpy(copy, w.buf.p, n);
		m = (struct sk_message){ 0 };
		ck_assert(sk_message_take(&m, dup(whole.fd[0])));
		r = (struct sk_get){ copy, n, false };
		ck_assert_int_eq(sk_get_outcome(&r, &m, 2, &o, NULL),
		    SNEK_EPLUGIN);
		sk_message_free(&m);
		free(copy);
	}
	sk_message_free(&whole);
	sk_buf_free(&w.buf);
}
END_TEST

/* Whatever bytes come, it is an outcome or refused; nothing leaks. */
START_TEST(an_outcome_with_changed_bytes_does_no_harm)
{
	struct sk_put w = { { 0 }, false };
	struct sk_message m, whole = { 0 };
	struct sk_outcome o;
	struct sk_get r;
	size_t n;
	int flip;

	pack_outcome(&w, &whole);
	for (n = 0; n < w.buf.n; n++)
		for (flip = 1; flip < 256; flip <<= 1) {
			w.buf.p[n] ^= (char)flip;
			m = (struct sk_message){ 0 };
			ck_assert(sk_message_take(&m, dup(whole.fd[0])));
			r = (struct sk_get){ w.buf.p, w.buf.n, false };
			if (!sk_get_outcome(&r, &m, 2, &o, NULL))
				sk_outcome_free(&o);
			sk_message_free(&m);
			w.buf.p[n] ^= (char)flip;
		}
	sk_message_free(&whole);
	sk_buf_free(&w.buf);
}
END_TEST

START_TEST(a_run_in_no_file_is_refused)
{
	struct sk_put w = { { 0 }, false };
	struct sk_message m = { 0 };
	struct sk_outcome o;
	struct sk_get r;
	int p[2];

	pack_outcome(&w, &m);
	ck_assert_int_eq(pipe(p), 0);
	close(m.fd[0]);
	m.fd[0] = p[0];
	r = (struct sk_get){ w.buf.p, w.buf.n, false };
	ck_assert_int_eq(sk_get_outcome(&r, &m, 2, &o, NULL), SNEK_EPLUGIN);
	sk_message_free(&m);
	close(p[1]);
	sk_buf_free(&w.buf);
}
END_TEST

/* A child is given nowhere to keep anything, and would name what is others'. */
START_TEST(a_run_on_a_shard_is_taken_from_another_machine_alone)
{
	struct sk_run run = { .fd = SK_RUN_KEPT, .entries = 2, .bytes = 90,
		.largest = 50, .kept = { 1, 0, 2, 3, 4, 5 } }, got;
	struct sk_put w = { { 0 }, false };
	struct sk_message m = { .parcel = false };
	struct snek_error e = { 0 };
	sk_run_reader *reader;
	struct sk_get r;
	size_t at = 0;

	ck_assert(sk_put_run(&w, &run, &m));
	r = (struct sk_get){ w.buf.p, w.buf.n, false };
	ck_assert_int_eq(sk_get_run(&r, &got, &m, &at), SNEK_EFORMAT);
	m.parcel = true;
	r = (struct sk_get){ w.buf.p, w.buf.n, false };
	ck_assert_int_eq(sk_get_run(&r, &got, &m, &at), 0);
	ck_assert_int_eq(got.fd, SK_RUN_KEPT);
	ck_assert_uint_eq(got.bytes, 90);
	ck_assert_mem_eq(&got.kept, &run.kept, sizeof(run.kept));
	ck_assert_int_eq(sk_run_reader_new(&got, &reader, &e), SNEK_EINTERNAL);
	sk_run_free(&got);
	sk_buf_free(&w.buf);
}
END_TEST

START_TEST(an_outcome_of_other_partitions_is_refused)
{
	struct sk_put w = { { 0 }, false };
	struct sk_message m = { 0 };
	struct sk_outcome o;
	struct sk_get r;

	pack_outcome(&w, &m);
	r = (struct sk_get){ w.buf.p, w.buf.n, false };
	ck_assert_int_eq(sk_get_outcome(&r, &m, 3, &o, NULL), SNEK_EPLUGIN);
	sk_message_free(&m);
	sk_buf_free(&w.buf);
}
END_TEST

/* ---- plugins ---- */

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	(void)c;
	(void)self;
	(void)r;
	return 0;
}

static void pack_plugin(struct sk_put *w)
{
	const struct snek_op op = { .size = sizeof(op), .name = "one",
		.summary = "does one thing", .map = map, .reducer = "sum",
		.args = (const struct snek_arg *const[]){
		    SNEK_ARG(.name = "n", .type = SNEK_ARG_INT, .value = "3"),
		    NULL } };
	const struct snek_plugin said = { .abi = SNEK_ABI,
		.size = sizeof(said), .name = "test", .version = "1.2",
		.ops = (const struct snek_op *const[]){ &op, NULL } };
	struct sk_plugin *p = calloc(1, sizeof(*p));

	ck_assert_int_ge(sk_plugin_read(p, &said, 0, NULL), 0);
	sk_put_plugin(w, p);
	sk_plugin_close(p);
}

START_TEST(a_plugin_is_described)
{
	struct sk_put w = { { 0 }, false };
	struct sk_plugin *p;
	struct sk_get r;

	pack_plugin(&w);
	r = (struct sk_get){ w.buf.p, w.buf.n, false };
	ck_assert_int_eq(sk_get_plugin(&r, &p, NULL), 0);
	sk_buf_free(&w.buf);            /* what was got stands alone */
	ck_assert_str_eq(p->name, "test");
	ck_assert_str_eq(p->version, "1.2");
	ck_assert_uint_eq(p->ops, 1);
	ck_assert_str_eq(p->op[0].op.summary, "does one thing");
	ck_assert_str_eq(p->op[0].arg[0].value, "3");
	ck_assert(p->op[0].op.map && p->op[0].op.map != map);
	ck_assert(!p->op[0].op.reduce);
	sk_plugin_close(p);
}
END_TEST

START_TEST(a_damaged_description_does_no_harm)
{
	struct sk_put w = { { 0 }, false };
	struct sk_plugin *p;
	struct sk_get r;
	size_t n;
	int flip;

	pack_plugin(&w);
	for (n = 0; n < w.buf.n; n++) {
		r = (struct sk_get){ w.buf.p, n, false };
		ck_assert_int_lt(sk_get_plugin(&r, &p, NULL), 0);
		for (flip = 1; flip < 256; flip <<= 1) {
			w.buf.p[n] ^= (char)flip;
			r = (struct sk_get){ w.buf.p, w.buf.n, false };
			if (sk_get_plugin(&r, &p, NULL) == 0)
				sk_plugin_close(p);
			w.buf.p[n] ^= (char)flip;
		}
	}
	sk_buf_free(&w.buf);
}
END_TEST

/* ---- arguments ---- */

static const struct {
	const char *text, *line, *lines;
} tamed[] = {
	{ "plain, \tand \xc3\xa4", "plain, \tand \xc3\xa4", NULL },
	{ "\033[2J\r\x7f", "?[2J??", NULL },
	{ "a\nb", "a?b", "a\nb" },
	{ "\xc2\x9b" "31m", "??31m", NULL },            /* CSI, in UTF-8 */
	{ "\x9b\xff\xc3", "???", NULL },
	{ "", "", NULL },
};

START_TEST(texts_of_children_are_made_fit_to_print)
{
	char text[64];

	snprintf(text, sizeof(text), "%s", tamed[_i].text);
	sk_wire_tame(text, false);
	ck_assert_str_eq(text, tamed[_i].line);
	snprintf(text, sizeof(text), "%s", tamed[_i].text);
	sk_wire_tame(text, true);
	ck_assert_str_eq(text, tamed[_i].lines ? tamed[_i].lines : tamed[_i].line);
}
END_TEST

START_TEST(a_death_arrives_with_its_trace)
{
	struct sk_wire_death d = { .end = SK_END_SIGNAL, .status = 11,
		.callback = "map", .chunk = 3, .row = 4, .text = "t\n",
		.at = "a.c:1 in \033f", .trace = "#0 f\n#1 g\033\n" }, got;
	struct sk_put w = { { 0 }, false };
	struct sk_get r;
	size_t n;

	sk_put_death(&w, &d);
	for (n = 0; n < w.buf.n; n++) {         /* cut anywhere: bad */
		r = (struct sk_get){ w.buf.p, n, false };
		sk_get_death(&r, &got);
		ck_assert(r.bad);
	}
	r = (struct sk_get){ w.buf.p, w.buf.n, false };
	sk_get_death(&r, &got);
	ck_assert(sk_get_end(&r));
	ck_assert_int_eq(got.status, 11);
	ck_assert_uint_eq(got.row, 4);
	ck_assert_str_eq(got.text, "t?");
	ck_assert_str_eq(got.at, "a.c:1 in ?f");
	ck_assert_str_eq(got.trace, "#0 f\n#1 g?\n");
	sk_buf_free(&w.buf);
}
END_TEST

START_TEST(arguments_arrive_as_they_were)
{
	struct snek_value v[4] = { snek_int(-5), { .type = SNEK_STRING,
		.len = 3, .as.s = "x\0y" }, snek_bool(true), sk_none() };
	struct sk_args a = { .value = v, .n = 4 }, b;
	struct sk_put w = { { 0 }, false };
	struct sk_get r;

	sk_put_args(&w, &a);
	r = (struct sk_get){ w.buf.p, w.buf.n, false };
	ck_assert_int_eq(sk_get_args(&r, &b, NULL), 0);
	ck_assert(sk_get_end(&r));
	sk_buf_free(&w.buf);
	ck_assert_int_eq(b.value[0].as.i, -5);
	ck_assert_uint_eq(b.value[1].len, 3);
	ck_assert(!memcmp(b.value[1].as.s, "x\0y", 4));
	ck_assert_int_eq(b.value[2].type, v[2].type);
	ck_assert_int_eq(b.value[3].type, SNEK_NONE);
	sk_args_free(&b);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, a_message_arrives_as_it_was, 0,
	    sizeof(sizes) / sizeof(*sizes));
	tcase_add_loop_test(t, a_forged_frame_is_refused, 0,
	    sizeof(forged) / sizeof(*forged));
	tcase_add_test(t, parts_add_up_to_a_body);
	tcase_add_test(t, a_large_body_must_be_there);
	tcase_add_test(t, the_other_end_is_gone);
	tcase_add_test(t, an_outcome_arrives_as_it_was);
	tcase_add_test(t, an_outcome_that_is_cut_anywhere_is_refused);
	tcase_add_test(t, an_outcome_with_changed_bytes_does_no_harm);
	tcase_add_test(t, a_run_in_no_file_is_refused);
	tcase_add_test(t, a_run_on_a_shard_is_taken_from_another_machine_alone);
	tcase_add_test(t, an_outcome_of_other_partitions_is_refused);
	tcase_add_test(t, a_plugin_is_described);
	tcase_add_test(t, a_damaged_description_does_no_harm);
	tcase_add_loop_test(t, texts_of_children_are_made_fit_to_print, 0,
	    sizeof(tamed) / sizeof(*tamed));
	tcase_add_test(t, a_death_arrives_with_its_trace);
	tcase_add_test(t, arguments_arrive_as_they_were);
}

int main(void)
{
	return check_main("wire", setup);
}
