/* SPDX-License-Identifier: MIT */
/* What one invocation is told, and what comes back from it. */
#include "check_main.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exec/event.h"

#define JOB "0123456789abcdef0123456789abcdef"
#define SHA JOB JOB

static sk_json_reader *reader;
static struct sk_plugin *plugin;
static struct sk_reducer sum;
static struct sk_exec_job job;
static struct sk_buf chunk_bytes;
static uint64_t bytes;

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	(void)c;
	(void)self;
	(void)r;
	return 0;
}

static void make_plugin(void)
{
	const struct snek_op op = { .size = sizeof(op), .name = "one",
		.map = map, .reducer = "sum" };
	const struct snek_plugin said = { .abi = SNEK_ABI,
		.size = sizeof(said), .name = "test",
		.ops = (const struct snek_op *const[]){ &op, NULL } };

	plugin = calloc(1, sizeof(*plugin));
	ck_assert_int_ge(sk_plugin_read(plugin, &said, 0, NULL), 0);
}

static void start(void)
{
	ck_assert_int_eq(sk_json_reader_new(NULL, &reader), 0);
	make_plugin();
	sum = (struct sk_reducer){ .kind = SK_AGGREGATED, .n = 1 };
	job = (struct sk_exec_job){ .plugin = plugin, .op = &plugin->op[0],
		.reducer = &sum, .category = "logs", .partitions = 3,
		.memory = 1u << 20, .deadline_ms = 77, .whole = true,
		.map_file = { .path = "/p/test.so" } };
}

static void stop(void)
{
	sk_json_reader_free(reader);
	sk_plugin_close(plugin);
	sk_buf_free(&chunk_bytes);
	memset(&chunk_bytes, 0, sizeof(chunk_bytes));
}

static struct sk_span span(const struct sk_buf *b)
{
	return (struct sk_span){ b->p, b->n };
}

static struct sk_span text(const char *s)
{
	return (struct sk_span){ s, strlen(s) };
}

/* ---- events ---- */

static const struct sk_event_keep nowhere = { .shard = SK_KEEP_NOWHERE };

/* Check notes every assertion: none a byte. */
static void fill(struct sk_buf *b, size_t n)
{
	ck_assert(b->n >= n || sk_buf_reserve(b, n - b->n));
	for (; b->n < n; b->n++)
		b->p[b->n] = (char)b->n;
}

static struct sk_attempt attempt_of(struct sk_task_chunk *c, size_t n)
{
	fill(&chunk_bytes, n);
	*c = (struct sk_task_chunk){ .bytes = { chunk_bytes.p, n },
		.base = { 4, 100 }, .origin = "category logs, chunk 7" };
	return (struct sk_attempt){ .id = 9, .task = 5, .tasks = 8, .number = 2,
		.chunk = c, .chunks = 1 };
}

START_TEST(an_event_says_everything)
{
	struct sk_task_chunk c;
	struct sk_attempt a = attempt_of(&c, 1000);
	const struct sk_event_keep keep = { 6, 120, true };
	struct sk_buf b = { 0 };
	struct sk_message init = { 0 }, input = { 0 }, source = { 0 }, no;
	struct sk_wire_job j;
	struct sk_event v;
	struct sk_get r;
	sk_event_job *e;

	job.source = text("addresses");
	ck_assert_int_eq(sk_event_job_new(&job, JOB, SHA, &e, NULL), 0);
	ck_assert_int_eq(sk_event_put(e, &a, &keep, 5000, &b, NULL), 0);
	ck_assert_int_eq(sk_event_get(reader, span(&b), &v, NULL), 0);
	ck_assert_int_eq(v.what, SK_EVENT_TASK);
	ck_assert_str_eq(v.id.job, JOB);
	ck_assert_uint_eq(v.id.stage, 0);
	ck_assert_uint_eq(v.id.task, 5);
	ck_assert_uint_eq(v.id.attempt, 2);
	ck_assert_str_eq(v.plugin, SHA);
	ck_assert_int_eq(v.left_ms, 5000);
	ck_assert_uint_eq(v.keep.shard, 6);
	ck_assert_uint_eq(v.keep.seconds, 120);
	ck_assert(v.keep.all);
	ck_assert_int_eq(sk_event_parcel(v.init, SK_MSG_INIT, &init, NULL), 0);
	r = (struct sk_get){ init.body.p, init.body.n, false };
	ck_assert_int_eq(sk_get_job(&r, &j), 0);
	ck_assert_str_eq(j.map.op, "one");
	ck_assert_int_eq(j.deadline_ms, 0);     /* clocks differ */
	ck_assert_uint_eq(j.partitions, 3);
	sk_wire_job_free(&j);
	ck_assert_int_eq(sk_event_parcel(v.input, SK_MSG_TASK, &input, NULL), 0);
	ck_assert_uint_eq(input.id, 9);
	ck_assert_uint_eq(input.fds, 1);        /* the chunk is in it */
	ck_assert_int_eq(sk_event_parcel(v.source, SK_MSG_SOURCE, &source,
	    NULL), 0);
	ck_assert_uint_eq(source.fds, 1);
	ck_assert_int_eq(sk_event_parcel(v.source, SK_MSG_TASK, &no, NULL),
	    SNEK_EFORMAT);
	sk_message_free(&init);
	sk_message_free(&input);
	sk_message_free(&source);
	sk_event_job_free(e);
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_chunk_without_bytes_is_named)
{
	struct sk_task_chunk c;
	struct sk_attempt a = attempt_of(&c, 400000);
	struct sk_message input = { 0 };
	struct sk_buf b = { 0 };
	struct sk_event v;
	sk_event_job *e;

	c.bytes.p = NULL;
	c.ref = (struct sk_chunk_ref){ { 1 }, 2, 3, 4 };
	ck_assert_int_eq(sk_event_job_new(&job, JOB, SHA, &e, NULL), 0);
	ck_assert_int_eq(sk_event_put(e, &a, &nowhere, 1, &b, NULL), 0);
	ck_assert_uint_lt(b.n, 2000);
	ck_assert_int_eq(sk_event_get(reader, span(&b), &v, NULL), 0);
	ck_assert_uint_eq(v.keep.shard, SK_KEEP_NOWHERE);
	ck_assert_uint_eq(v.source.n, 0);
	ck_assert_int_eq(sk_event_parcel(v.input, SK_MSG_TASK, &input, NULL), 0);
	ck_assert_uint_eq(input.fds, 0);
	sk_message_free(&input);
	sk_event_job_free(e);
	sk_buf_free(&b);
}
END_TEST

/* As many bytes as the job has room for fit, in one chunk or in many. */
START_TEST(what_there_is_room_for_fits)
{
	enum { MOST = 1000 };
	static struct sk_task_chunk c[MOST];
	size_t chunks = (size_t)_i, each, room, i;
	struct sk_attempt a;
	struct sk_buf b = { 0 };
	sk_event_job *e;

	ck_assert_int_eq(sk_event_job_new(&job, JOB, SHA, &e, NULL), 0);
	room = sk_event_room(e);
	ck_assert_uint_gt(room, 4500000);
	each = room / chunks - SK_EVENT_A_CHUNK;
	a = attempt_of(&c[0], each);
	memset(c[0].origin, 'x', sizeof(c[0].origin) - 1);
	for (i = 1; i < chunks; i++)
		c[i] = c[0];
	a.chunks = chunks;
	ck_assert_int_eq(sk_event_put(e, &a, &nowhere, INT64_MAX, &b, NULL), 0);
	ck_assert_uint_le(b.n, SK_EVENT_MAX);
	sk_event_job_free(e);
	sk_buf_free(&b);
}
END_TEST

START_TEST(what_is_too_large_is_refused_with_its_size)
{
	struct sk_task_chunk c;
	struct sk_attempt a = attempt_of(&c, 5000000);
	struct snek_error why = { 0 };
	struct sk_buf b = { 0 };
	sk_event_job *e;

	ck_assert(sk_buf_put(&b, "as it was", 9));
	ck_assert_int_eq(sk_event_job_new(&job, JOB, SHA, &e, NULL), 0);
	ck_assert_int_eq(sk_event_put(e, &a, &nowhere, 1, &b, &why),
	    SNEK_ELIMIT);
	ck_assert_ptr_nonnull(strstr(why.text, "6291456"));
	ck_assert_uint_eq(b.n, 9);
	sk_event_job_free(e);
	sk_buf_free(&b);
}
END_TEST

START_TEST(runs_travel_in_the_event)
{
	struct sk_run memory = { 0 }, file = { 0 };
	const struct sk_run *run[] = { &memory, &file };
	struct sk_attempt a = { .stage = 1, .task = 1, .tasks = 3, .run = run,
		.runs = 2 };
	struct sk_entry t = { .key = { "k", 1 }, .value = { "v", 1 } };
	struct sk_message input = { 0 };
	struct sk_buf b = { 0 };
	struct sk_event v;
	sk_event_job *e;

	ck_assert_int_eq(sk_run_add(&memory, &t, NULL), 0);
	ck_assert_int_eq(sk_run_add(&file, &t, NULL), 0);
	ck_assert_int_eq(sk_run_spill(&file, "/tmp", NULL), 0);
	ck_assert_int_eq(sk_run_end(&file, NULL), 0);
	ck_assert_int_eq(sk_event_job_new(&job, JOB, SHA, &e, NULL), 0);
	ck_assert_int_eq(sk_event_put(e, &a, NULL, 1, &b, NULL), 0);
	ck_assert_int_eq(sk_event_get(reader, span(&b), &v, NULL), 0);
	ck_assert_uint_eq(v.id.stage, 1);
	ck_assert_int_eq(sk_event_parcel(v.input, SK_MSG_TASK, &input, NULL), 0);
	ck_assert_uint_eq(input.fds, 1);
	sk_message_free(&input);
	sk_run_free(&memory);
	sk_run_free(&file);
	sk_event_job_free(e);
	sk_buf_free(&b);
}
END_TEST

START_TEST(the_smoke_event_has_a_record_of_each_type)
{
	struct sk_message m = { 0 };
	struct sk_buf b = { 0 }, file = { 0 };
	struct sk_event v;
	struct sk_chunk *c;

	ck_assert_int_eq(sk_event_put_smoke(SHA, NULL, &b, NULL), 0);
	ck_assert_int_eq(sk_event_get(reader, span(&b), &v, NULL), 0);
	ck_assert_int_eq(v.what, SK_EVENT_SMOKE);
	ck_assert_int_eq(sk_event_parcel(v.input, SK_MSG_FILES, &m, NULL), 0);
	ck_assert_uint_eq(m.fds, 1);
	ck_assert(sk_channel_slurp(m.fd[0], 100, &file));
	file.n = 0;
	ck_assert(sk_channel_slurp(m.fd[0], (uint64_t)lseek(m.fd[0], 0,
	    SEEK_END), &file));
	ck_assert_int_eq(sk_chunk_open(file.p, file.n, &c, NULL), 0);
	ck_assert_uint_eq(sk_chunk_rows(c), 9);
	sk_chunk_close(c);
	sk_message_free(&m);
	sk_buf_free(&b);
	sk_buf_free(&file);
}
END_TEST

START_TEST(a_smoke_event_may_name_a_c_function)
{
	const struct sk_call call = { "lib.so", "strlen", "int64 f(string)",
		NULL };
	struct sk_buf b = { 0 };
	struct sk_event v;

	ck_assert_int_eq(sk_event_put_smoke(SHA, &call, &b, NULL), 0);
	ck_assert_int_eq(sk_event_get(reader, span(&b), &v, NULL), 0);
	ck_assert_str_eq(v.function, "strlen");
	ck_assert_str_eq(v.signature, "int64 f(string)");
	ck_assert_str_eq(v.fields, "");
	sk_buf_free(&b);
}
END_TEST

START_TEST(an_op_is_asked_with_its_job_and_without_input)
{
	struct sk_message init = { 0 };
	struct sk_buf b = { 0 };
	struct sk_wire_job j;
	struct sk_event v;
	struct sk_get r;

	ck_assert_int_eq(sk_event_put_open(&job, JOB, SHA, 5000, &b, NULL), 0);
	ck_assert_int_eq(sk_event_get(reader, span(&b), &v, NULL), 0);
	ck_assert_int_eq(v.what, SK_EVENT_OPEN);
	ck_assert_str_eq(v.id.job, JOB);
	ck_assert_str_eq(v.plugin, SHA);
	ck_assert_int_eq(v.left_ms, 5000);
	ck_assert_uint_eq(v.input.n, 0);
	ck_assert_int_eq(sk_event_parcel(v.init, SK_MSG_INIT, &init, NULL), 0);
	r = (struct sk_get){ init.body.p, init.body.n, false };
	ck_assert_int_eq(sk_get_job(&r, &j), 0);
	ck_assert_str_eq(j.map.op, "one");
	sk_wire_job_free(&j);
	sk_message_free(&init);
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_ping_is_short)
{
	struct sk_buf b = { 0 };
	struct sk_event v;

	ck_assert(sk_event_put_ping(&b));
	ck_assert_uint_lt(b.n, 28);
	ck_assert_int_eq(sk_event_get(reader, span(&b), &v, NULL), 0);
	ck_assert_int_eq(v.what, SK_EVENT_PING);
	sk_buf_free(&b);
}
END_TEST

#define HEAD "{\"snek\":1,\"what\":\"task\",\"plugin\":\"" SHA "\",\"job\":\"" \
	JOB "\",\"init\":\"AA==\",\"input\":\"AA==\",\"left_ms\":5"

static const struct { const char *text, *says; int code; } bad_events[] = {
	{ "", "expected", SNEK_EFORMAT },
	{ "7", "no object", SNEK_EFORMAT },
	{ "{\"snek\":1", "", SNEK_EFORMAT },
	{ "{}", "not from snek", SNEK_EFORMAT },
	{ "{\"key\":\"value\"}", "not from snek", SNEK_EFORMAT },
	{ "{\"snek\":\"1\"}", "not from snek", SNEK_EFORMAT },
	{ "{\"snek\":2,\"release\":\"9.9\"}", "snek 9.9: add it again",
	    SNEK_EVERSION },
	{ "{\"snek\":1}", "\"what\"", SNEK_EFORMAT },
	{ "{\"snek\":1,\"what\":\"dance\"}", "\"what\"", SNEK_EFORMAT },
	{ "{\"snek\":1,\"what\":\"smoke\"}", "\"plugin\"", SNEK_EFORMAT },
	{ "{\"snek\":1,\"what\":\"task\",\"plugin\":\"XYZ\"}", "\"plugin\"",
	    SNEK_EFORMAT },
	{ "{\"snek\":1,\"what\":\"task\",\"plugin\":\"" SHA "\",\"input\":\"AA==\"}",
	    "\"job\"", SNEK_EFORMAT },
	{ HEAD ",\"stage\":2}", "\"stage\"", SNEK_EFORMAT },
	{ HEAD ",\"task\":-1}", "\"task\"", SNEK_EFORMAT },
	{ HEAD ",\"task\":4294967296}", "\"task\"", SNEK_EFORMAT },
	{ HEAD ",\"attempt\":1.5}", "\"attempt\"", SNEK_EFORMAT },
	{ HEAD ",\"keep\":4294967295}", "\"keep\"", SNEK_EFORMAT },
	{ HEAD ",\"keep_s\":0}", "\"keep_s\"", SNEK_EFORMAT },
	{ HEAD ",\"keep_all\":2}", "\"keep_all\"", SNEK_EFORMAT },
	{ HEAD ",\"source\":7}", "\"source\"", SNEK_EFORMAT },
};

START_TEST(a_wrong_event_is_refused_in_words)
{
	struct snek_error e = { 0 };
	struct sk_event v;
	int rc = sk_event_get(reader, text(bad_events[_i].text), &v, &e);

	ck_assert_msg(rc == bad_events[_i].code, "%s: %d %s",
	    bad_events[_i].text, rc, e.text);
	ck_assert_msg(strstr(e.text, bad_events[_i].says) != NULL, "%s: %s",
	    bad_events[_i].text, e.text);
}
END_TEST

START_TEST(a_good_event_may_say_more_than_is_known)
{
	struct sk_event v;

	ck_assert_int_eq(sk_event_get(reader, text(HEAD ",\"new\":[1]}"), &v,
	    NULL), 0);
}
END_TEST

START_TEST(a_parcel_of_another_release_names_the_cure)
{
	struct snek_error e = { 0 };
	struct sk_message m;

	ck_assert_int_eq(sk_event_parcel(text("AgAAAAAAAAAAAAAA"), SK_MSG_INIT,
	    &m, &e), SNEK_EVERSION);
	ck_assert_ptr_nonnull(strstr(e.text, "snek-add-function"));
	ck_assert_int_eq(sk_event_parcel(text("A"), SK_MSG_INIT, &m, &e),
	    SNEK_EFORMAT);
}
END_TEST

/* ---- answers ---- */

static const struct sk_event_id id = { JOB, 1, 7, 3 };

static struct sk_answer_got got(const struct sk_buf *b)
{
	struct sk_answer_got a;
	struct snek_error e = { 0 };

	ck_assert_msg(!sk_answer_get(reader, span(b), &a, &e), "%.*s: %s",
	    (int)b->n, b->p, e.text);
	return a;
}

static void begin(struct sk_buf *b)
{
	memset(b, 0, sizeof(*b));
	ck_assert(sk_answer_begin(b, &id, 12));
}

static void make_message(struct sk_message *m, size_t body)
{
	*m = (struct sk_message){ .kind = SK_MSG_DONE, .id = 3 };
	fill(&m->body, body);
}

START_TEST(an_answer_arrives_as_it_was)
{
	struct sk_event_line line = { true, SNEK_WARN, "text\x1b" };
	struct sk_put log = { { 0 }, false };
	struct sk_answer_got a;
	struct sk_message m;
	struct sk_buf b;
	struct sk_get r;

	make_message(&m, 1000);
	sk_event_log_put(&log, &line);
	line = (struct sk_event_line){ false, 99, "more" };
	sk_event_log_put(&log, &line);
	begin(&b);
	ck_assert_int_eq(sk_answer_done(&b, &m, span(&log.buf), &bytes, NULL), 0);
	a = got(&b);
	ck_assert_int_eq(a.kind, SK_ANSWER_DONE);
	ck_assert_str_eq(a.id.job, JOB);
	ck_assert_uint_eq(a.id.stage, 1);
	ck_assert_uint_eq(a.id.task, 7);
	ck_assert_uint_eq(a.id.attempt, 3);
	ck_assert_uint_eq(a.ms, 12);
	ck_assert_uint_eq(a.message.body.n, 1000);
	r = (struct sk_get){ a.log.p, a.log.n, false };
	ck_assert(sk_event_log_next(&r, &line));
	ck_assert(line.printed);
	ck_assert_str_eq(line.text, "text?");
	ck_assert(sk_event_log_next(&r, &line));
	ck_assert_int_eq(line.level, SNEK_ERROR);
	ck_assert(!sk_event_log_next(&r, &line));
	sk_answer_got_free(&a);
	sk_message_free(&m);
	sk_buf_free(&log.buf);
	sk_buf_free(&b);
}
END_TEST

START_TEST(an_answer_is_never_over_what_may_be_sent)
{
	struct snek_error e = { 0 };
	struct sk_message m;
	struct sk_buf b;
	size_t was;

	make_message(&m, 4718700);
	m.body.n = 4718000;
	begin(&b);
	was = b.n;
	ck_assert_int_eq(sk_answer_done(&b, &m, span(&m.body), &bytes, NULL), 0);
	ck_assert_uint_le(b.n, SK_ANSWER_MAX);
	b.n = was;
	m.body.n = 4718700;
	ck_assert_int_eq(sk_answer_done(&b, &m, (struct sk_span){ NULL, 0 },
	    &bytes, &e), SNEK_ELIMIT);
	ck_assert_uint_gt(bytes, SK_ANSWER_MAX);
	ck_assert_uint_eq(b.n, was);
	sk_message_free(&m);
	sk_buf_free(&b);
}
END_TEST

START_TEST(an_answer_too_large_says_how_much)
{
	struct sk_answer_got a;
	struct sk_buf b;

	begin(&b);
	ck_assert(sk_answer_too_large(&b, 1ull << 40, SK_ANSWER_MAX));
	a = got(&b);
	ck_assert_int_eq(a.kind, SK_ANSWER_TOO_LARGE);
	ck_assert_uint_eq(a.bytes, 1ull << 40);
	ck_assert_uint_eq(a.limit, SK_ANSWER_MAX);
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_refusal_comes_with_its_words)
{
	struct snek_error e = { SNEK_ENOENT, 0, "no \"such\"\x1b op\xff" };
	struct sk_answer_got a;
	struct sk_buf b;

	begin(&b);
	ck_assert(sk_answer_refused(&b, &e, 4));
	a = got(&b);
	ck_assert_int_eq(a.kind, SK_ANSWER_REFUSED);
	ck_assert_int_eq(a.error.code, SNEK_ENOENT);
	ck_assert_str_eq(a.error.text, "no \"such\"? op?");
	ck_assert_uint_eq(a.chunk, 4);
	sk_buf_free(&b);
	begin(&b);
	ck_assert(sk_answer_refused(&b, &e, UINT32_MAX));
	ck_assert_uint_eq(got(&b).chunk, UINT32_MAX);
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_smoke_test_says_what_it_found)
{
	struct sk_answer_got a;
	struct sk_buf b = { 0 };

	ck_assert(sk_answer_begin(&b, &(struct sk_event_id){ "", 0, 0, 0 }, 0));
	ck_assert(sk_answer_smoke(&b, "words,lines", 9, "words: no number\n",
	    (struct sk_span){ "of itself", 9 }));
	a = got(&b);
	ck_assert_int_eq(a.kind, SK_ANSWER_SMOKE);
	ck_assert_str_eq(a.ops, "words,lines");
	ck_assert_uint_eq(a.records, 9);
	ck_assert_str_eq(a.said, "words: no number\n");
	ck_assert_uint_eq(a.about.n, 9);
	ck_assert_mem_eq(a.about.p, "of itself", 9);
	sk_answer_got_free(&a);
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_pong_is_an_answer)
{
	struct sk_buf b = { 0 };

	ck_assert(sk_answer_begin(&b, &(struct sk_event_id){ "", 0, 0, 0 }, 0));
	ck_assert(sk_answer_pong(&b));
	ck_assert_int_eq(got(&b).kind, SK_ANSWER_PONG);
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_death_is_read_tame)
{
	static const char said[] = "{\"snek\":1,\"errorType\":\"Snek.Died\","
	    "\"errorMessage\":\"m\",\"job\":\"" JOB "\",\"task\":7,\"end\":1,"
	    "\"status\":11,\"callback\":\"map\\u001b[2J\",\"chunk\":2,\"row\":9,"
	    "\"at\":\"a\\u0000b\",\"trace\":\"#0 x\\n#1 y\"}";
	struct sk_answer_got a;

	ck_assert_int_eq(sk_answer_get(reader, text(said), &a, NULL), 0);
	ck_assert_int_eq(a.kind, SK_ANSWER_DIED);
	ck_assert_uint_eq(a.id.task, 7);
	ck_assert_uint_eq(a.death.end, SK_END_SIGNAL);
	ck_assert_int_eq(a.death.status, 11);
	ck_assert_str_eq(a.death.callback, "map");
	ck_assert_uint_eq(a.death.chunk, 2);
	ck_assert_uint_eq(a.death.row, 9);
	ck_assert_str_eq(a.death.at, "a?b");
	ck_assert_str_eq(a.death.trace, "#0 x\n#1 y");
}
END_TEST

START_TEST(what_the_service_says_is_told_apart)
{
	static const char said[] = "{\"errorType\":\"Sandbox.Timedout\","
	    "\"errorMessage\":\"Task timed out after 3.00 seconds\"}";
	struct sk_answer_got a;

	ck_assert_int_eq(sk_answer_get(reader, text(said), &a, NULL), 0);
	ck_assert_int_eq(a.kind, SK_ANSWER_FOREIGN);
	ck_assert_str_eq(a.type, "Sandbox.Timedout");
	ck_assert_ptr_nonnull(strstr(a.said, "3.00 seconds"));
}
END_TEST

static const struct { const char *text, *says; int code; } bad_answers[] = {
	{ "", "expected", SNEK_EFORMAT },
	{ "null", "no object", SNEK_EFORMAT },
	{ "{\"statusCode\":200}", "snek-add-function", SNEK_EFORMAT },
	{ "{\"snek\":2,\"release\":\"3.4\"}", "snek 3.4", SNEK_EVERSION },
	{ "{\"snek\":2,\"error\":\"do this\"}", "do this", SNEK_EVERSION },
	{ "{\"snek\":1,\"answer\":\"%\"}", "parcel", SNEK_EFORMAT },
	{ "{\"snek\":1,\"answer\":7}", "", SNEK_EFORMAT },
	{ "{\"snek\":1,\"job\":\"x\"}", "\"job\"", SNEK_EFORMAT },
	{ "{\"snek\":1,\"end\":99}", "\"end\"", SNEK_EFORMAT },
	{ "{\"snek\":1,\"end\":1,\"row\":-1}", "\"row\"", SNEK_EFORMAT },
	{ "{\"snek\":1,\"too_large\":\"x\"}", "\"too_large\"", SNEK_EFORMAT },
};

START_TEST(a_wrong_answer_is_refused_in_words)
{
	struct snek_error e = { 0 };
	struct sk_answer_got a;
	int rc = sk_answer_get(reader, text(bad_answers[_i].text), &a, &e);

	ck_assert_msg(rc == bad_answers[_i].code, "%s: %d %s",
	    bad_answers[_i].text, rc, e.text);
	ck_assert_msg(strstr(e.text, bad_answers[_i].says) != NULL, "%s: %s",
	    bad_answers[_i].text, e.text);
}
END_TEST

/* Whatever bytes come, they are an answer or refused; nothing leaks. */
START_TEST(an_answer_with_changed_bytes_does_no_harm)
{
	struct sk_answer_got a;
	struct sk_message m;
	struct sk_buf b;
	size_t n;

	make_message(&m, 40);
	begin(&b);
	ck_assert_int_eq(sk_answer_done(&b, &m, text("log"), &bytes, NULL), 0);
	for (n = 0; n < b.n; n += 3) {
		b.p[n] ^= (char)(1 << n % 8);
		if (!sk_answer_get(reader, span(&b), &a, NULL))
			sk_answer_got_free(&a);
		b.p[n] ^= (char)(1 << n % 8);
	}
	sk_message_free(&m);
	sk_buf_free(&b);
}
END_TEST

static void add_events(TCase *t)
{
	tcase_add_test(t, an_event_says_everything);
	tcase_add_test(t, a_chunk_without_bytes_is_named);
	tcase_add_loop_test(t, what_there_is_room_for_fits, 1, 2);
	tcase_add_loop_test(t, what_there_is_room_for_fits, 17, 18);
	tcase_add_loop_test(t, what_there_is_room_for_fits, 1000, 1001);
	tcase_add_test(t, what_is_too_large_is_refused_with_its_size);
	tcase_add_test(t, runs_travel_in_the_event);
	tcase_add_test(t, an_op_is_asked_with_its_job_and_without_input);
	tcase_add_test(t, the_smoke_event_has_a_record_of_each_type);
	tcase_add_test(t, a_smoke_event_may_name_a_c_function);
	tcase_add_test(t, a_ping_is_short);
	tcase_add_loop_test(t, a_wrong_event_is_refused_in_words, 0,
	    sizeof(bad_events) / sizeof(*bad_events));
	tcase_add_test(t, a_good_event_may_say_more_than_is_known);
	tcase_add_test(t, a_parcel_of_another_release_names_the_cure);
}

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, start, stop);
	add_events(t);
	tcase_add_test(t, an_answer_arrives_as_it_was);
	tcase_add_test(t, an_answer_is_never_over_what_may_be_sent);
	tcase_add_test(t, an_answer_too_large_says_how_much);
	tcase_add_test(t, a_refusal_comes_with_its_words);
	tcase_add_test(t, a_smoke_test_says_what_it_found);
	tcase_add_test(t, a_pong_is_an_answer);
	tcase_add_test(t, a_death_is_read_tame);
	tcase_add_test(t, what_the_service_says_is_told_apart);
	tcase_add_loop_test(t, a_wrong_answer_is_refused_in_words, 0,
	    sizeof(bad_answers) / sizeof(*bad_answers));
	tcase_add_test(t, an_answer_with_changed_bytes_does_no_harm);
}

int main(void)
{
	return check_main("event", setup);
}
