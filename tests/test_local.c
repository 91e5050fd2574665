/* SPDX-License-Identifier: MIT */
/* What the local Lambda host knows and decides without running anything. */
#include "host/admit.h"
#include "host/chance.h"
#include "host/fields.h"
#include "host/function.h"
#include "host/loop.h"
#include "base/clock.h"
#include "check_main.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- versions and aliases ---- */

static struct sk_code *code_of(const char *sha256)
{
	struct sk_code *c = calloc(1, sizeof(*c));

	ck_assert_ptr_nonnull(c);
	c->refs = 1;
	snprintf(c->sha256, sizeof(c->sha256), "%s", sha256);
	return c;
}

static struct sk_function *function_of(struct sk_registry *r, const char *name)
{
	struct sk_function *f = sk_function_new(name, "eu-central-1");
	struct sk_config config = { .timeout_s = 3 };
	struct sk_code *code = code_of("one");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(sk_function_update(f, &config, code), 0);
	sk_code_unref(code);
	sk_function_serve(f);
	sk_function_insert(r, f);
	return f;
}

static void update(struct sk_function *f, const char *sha256)
{
	struct sk_code *code = code_of(sha256);

	ck_assert_int_eq(sk_function_update(f, &f->latest->config, code), 0);
	sk_code_unref(code);
}

START_TEST(a_version_stays_when_what_it_was_made_of_changes)
{
	struct sk_registry r = { 0 };
	struct sk_function *f = function_of(&r, "f");
	struct sk_version *first, *again, *second;

	ck_assert_int_eq(sk_function_publish(f, "d", &first), 0);
	ck_assert_uint_eq(first->number, 1);
	ck_assert_int_eq(sk_function_publish(f, NULL, &again), 0);
	ck_assert_ptr_eq(first, again);
	update(f, "two");
	sk_function_serve(f);
	ck_assert_str_eq(first->code->sha256, "one");
	ck_assert_int_eq(sk_function_publish(f, NULL, &second), 0);
	ck_assert_uint_eq(second->number, 2);
	ck_assert_str_eq(second->code->sha256, "two");
	sk_function_drop_version(f, 1);
	ck_assert_ptr_null(sk_function_version(f, 1));
	update(f, "three");
	ck_assert_int_eq(sk_function_publish(f, NULL, &second), 0);
	ck_assert_uint_eq(second->number, 3);   /* numbers are not used again */
	sk_function_remove(&r, f);
	ck_assert_uint_eq(r.count, 0);
}
END_TEST

START_TEST(an_update_is_served_when_it_has_ended)
{
	struct sk_registry r = { 0 };
	struct sk_function *f = function_of(&r, "f");
	struct sk_version *old = sk_version_ref(sk_function_resolve(f, "", 1));

	update(f, "two");
	ck_assert_str_eq(f->latest->code->sha256, "two");
	ck_assert_ptr_eq(sk_function_resolve(f, "$LATEST", 1), old);
	sk_function_serve(f);
	ck_assert_ptr_eq(sk_function_resolve(f, "", 1), f->latest);
	ck_assert(old->retired);
	ck_assert_str_eq(old->code->sha256, "one");
	sk_version_unref(old);
	sk_function_remove(&r, f);
}
END_TEST

START_TEST(an_alias_leads_to_one_version_or_to_two_by_weight)
{
	struct sk_registry r = { 0 };
	struct sk_function *f = function_of(&r, "f");
	struct sk_version *one, *two;
	struct sk_alias *a;

	sk_function_publish(f, NULL, &one);
	update(f, "two");
	sk_function_serve(f);
	sk_function_publish(f, NULL, &two);
	a = sk_alias_add(f, "live");
	sk_alias_set(a, &(struct sk_alias){ .version = 1 });
	ck_assert_ptr_eq(sk_function_resolve(f, "live", 0), one);
	sk_alias_set(a, &(struct sk_alias){ .version = 1, .other = 2,
	    .weight = 0.25 });
	ck_assert_ptr_eq(sk_function_resolve(f, "live", 0.24), two);
	ck_assert_ptr_eq(sk_function_resolve(f, "live", 0.25), one);
	ck_assert_ptr_eq(sk_function_resolve(f, "2", 0), two);
	ck_assert_ptr_null(sk_function_resolve(f, "3", 0));
	ck_assert_ptr_null(sk_function_resolve(f, "dead", 0));
	sk_function_remove(&r, f);
}
END_TEST

START_TEST(names_and_tags_are_in_order)
{
	static const char *const names[] = { "b", "d", "a", "c" };
	struct sk_registry r = { 0 };
	struct sk_function *f;
	size_t i;

	for (i = 0; i < 4; i++)
		function_of(&r, names[i]);
	for (f = r.first, i = 0; f; f = f->next, i++)
		ck_assert_int_eq(f->name[0], (char)('a' + i));
	f = sk_function_find(&r, "c");
	ck_assert_ptr_null(sk_function_find(&r, "e"));
	sk_tag_set(f, "y", "1");
	sk_tag_set(f, "x", "1");
	sk_tag_set(f, "y", "2");
	ck_assert_str_eq(f->tags->key, "x");
	ck_assert_str_eq(f->tags->next->value, "2");
	sk_tag_set(f, "x", NULL);
	sk_tag_set(f, "x", NULL);
	ck_assert_ptr_null(f->tags->next);
	while (r.first)
		sk_function_remove(&r, r.first);
}
END_TEST

/* ---- concurrency ---- */

START_TEST(who_has_reserved_runs_within_that_others_share_the_rest)
{
	struct sk_registry r = { 0 };
	struct sk_function *f = function_of(&r, "f"), *g = function_of(&r, "g");

	f->reserved = 2;
	ck_assert_uint_eq(sk_admit_unreserved(&r, 10), 8);
	ck_assert_ptr_null(sk_admit(8, 7, g));
	ck_assert_str_eq(sk_admit(8, 8, g), SK_ADMIT_ACCOUNT);
	f->running = 1;
	ck_assert_ptr_null(sk_admit(8, 8, f));
	f->running = 2;
	ck_assert_str_eq(sk_admit(8, 0, f), SK_ADMIT_RESERVED);
	f->reserved = 20;
	ck_assert_uint_eq(sk_admit_unreserved(&r, 10), 0);
	f->reserved = f->running = 0;
	ck_assert_str_eq(sk_admit(10, 0, f), SK_ADMIT_RESERVED);
	sk_function_remove(&r, f);
	sk_function_remove(&r, g);
}
END_TEST

/* ---- chance ---- */

START_TEST(parts_are_written_in_two_ways)
{
	static const char *const bad[] = { "", "x", "-1", "101%", "1.1", "5%%",
		"1e-1", "0.5 ", "%", "nan", "inf", "0x1" };
	double x;
	size_t i;

	ck_assert(sk_chance_parse("5%", &x) && x == 0.05);
	ck_assert(sk_chance_parse("0.05", &x) && x == 0.05);
	ck_assert(sk_chance_parse("100%", &x) && x == 1);
	ck_assert(sk_chance_parse("0", &x) && x == 0);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!sk_chance_parse(bad[i], &x), "%s", bad[i]);
}
END_TEST

START_TEST(one_chance_does_not_change_what_others_come_to)
{
	struct sk_chances few = { .fail = 0.1 }, many = { .fail = 0.1, .kill = 0.5,
		.late = 0.5 };
	struct sk_random a, b;
	int i, failed = 0;
	bool fails;

	sk_random_seed(&a, 7);
	sk_random_seed(&b, 7);
	for (i = 0; i < 10000; i++) {
		fails = sk_chance_draw(&a, &few).fail;
		ck_assert(fails == sk_chance_draw(&b, &many).fail);
		failed += fails;
	}
	ck_assert_int_gt(failed, 850);
	ck_assert_int_lt(failed, 1150);
}
END_TEST

/* ---- logs ---- */

START_TEST(the_newest_lines_are_kept)
{
	struct sk_log *l = NULL;
	struct sk_log_line line;
	char text[1024];
	int i;

	ck_assert(!sk_log_line(l, 0, &line));
	memset(text, 'x', sizeof(text));
	for (i = 0; i < 40000; i++)
		sk_log_put(&l, i, "stream", text, sizeof(text));
	ck_assert(sk_log_line(l, 0, &line));
	ck_assert_int_gt(line.ms, 20000);
	ck_assert_uint_eq(line.number, (uint64_t)line.ms + 1);
	ck_assert_str_eq(line.stream, "stream");
	i = (int)(39999 - line.ms);
	ck_assert(sk_log_line(l, (size_t)i, &line));
	ck_assert_int_eq(line.ms, 39999);
	ck_assert(!sk_log_line(l, (size_t)i + 1, &line));
	sk_log_free(l);
}
END_TEST

/* ---- bodies ---- */

static struct sk_fields fields_of(sk_json_reader *json, const char *text)
{
	struct sk_fields f;

	sk_fields_read(&f, json, (struct sk_span){ text, strlen(text) });
	return f;
}

START_TEST(the_first_thing_that_is_wrong_with_a_body_is_told)
{
	struct sk_json_options lenient = { .last_duplicate = true };
	sk_json_reader *json;
	struct sk_fields f, in;
	char text[8];
	int64_t n = -1;

	ck_assert_int_eq(sk_json_reader_new(&lenient, &json), 0);
	f = fields_of(json, "{\"t\":\"abc\",\"n\":5,\"b\":true,\"o\":{\"x\":1},"
	    "\"nil\":null,\"long\":\"12345678\",\"nul\":\"a\\u0000\"}");
	ck_assert(sk_field_text(&f, "t", text, sizeof(text)));
	ck_assert_str_eq(text, "abc");
	ck_assert(sk_field_number(&f, "n", 1, 5, &n) && n == 5);
	ck_assert(sk_field_bool(&f, "b"));
	ck_assert(sk_field_object(&f, "o", &in));
	ck_assert(sk_field_number(&in, "x", 0, 9, &n) && n == 1);
	ck_assert(!sk_field_text(&f, "nil", text, sizeof(text)));
	ck_assert(!sk_field_bool(&f, "none") && !f.type);
	ck_assert(!sk_field_text(&f, "long", text, sizeof(text)));
	ck_assert_str_eq(f.type, "ValidationException");
	ck_assert(!sk_field_number(&f, "t", 0, 9, &n));
	ck_assert_str_eq(f.type, "ValidationException");
	f.type = NULL;
	ck_assert(!sk_field_text(&f, "nul", text, sizeof(text)) && f.type);
	f = fields_of(json, "{\"n\":6}");
	ck_assert(!sk_field_number(&f, "n", 1, 5, &n));
	ck_assert_ptr_nonnull(strstr(f.text, "less than or equal to 5"));
	f = fields_of(json, "{\"n\":1.5}");
	ck_assert(!sk_field_number(&f, "n", 1, 5, &n) && f.type);
	ck_assert_ptr_nonnull(fields_of(json, "[]").type);
	ck_assert_ptr_nonnull(fields_of(json, "{").type);
	ck_assert_ptr_null(fields_of(json, "").type);
	sk_json_reader_free(json);
}
END_TEST

/* ---- the loop ---- */

struct tick {
	struct sk_timer timer;
	int64_t *last;
	int *left;
};

static void on_tick(void *arg)
{
	struct tick *t = arg;

	ck_assert_int_ge(t->timer.at, *t->last);
	ck_assert_int_ge(sk_clock_us(), t->timer.at);
	*t->last = t->timer.at;
	--*t->left;
}

START_TEST(timers_fire_in_order_however_they_were_set_and_moved)
{
	enum { N = 1000 };
	static struct tick all[N];
	struct sk_random r = { 3 };
	struct snek_error e;
	struct sk_loop *l;
	int64_t last = 0, now = sk_clock_us();
	int i, left = N;

	ck_assert_int_eq(sk_loop_new(&l, &e), 0);
	for (i = 0; i < N; i++) {
		all[i] = (struct tick){ { .fire = on_tick, .arg = &all[i] },
			&last, &left };
		sk_loop_set(l, &all[i].timer, now + (int64_t)(sk_random_unit(&r) *
		    20000));
	}
	for (i = 0; i < N; i += 3)
		sk_loop_set(l, &all[i].timer, now + (int64_t)(sk_random_unit(&r) *
		    20000));
	for (i = 1; i < N; i += 3) {
		sk_loop_unset(l, &all[i].timer);
		sk_loop_unset(l, &all[i].timer);
		left--;
	}
	while (left)
		ck_assert_int_eq(sk_loop_step(l, INT64_MAX, &e), 0);
	sk_loop_free(l);
}
END_TEST

struct pair {
	struct sk_loop *loop;
	struct sk_watch *other;
	int heard;
};

static void on_ready(void *arg, uint32_t events)
{
	struct pair *p = arg;

	ck_assert_uint_ne(events & EPOLLIN, 0);
	p->heard++;
	sk_loop_remove(p->loop, p->other);
}

START_TEST(what_is_removed_is_not_heard_any_more)
{
	struct sk_watch a = { .ready = on_ready }, b = { .ready = on_ready };
	struct pair p = { .other = &b }, q = { .other = &a };
	struct snek_error e;
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(write(fd[1], "x", 1), 1);
	ck_assert_int_eq(sk_loop_new(&p.loop, &e), 0);
	q.loop = p.loop;
	a.arg = &p;
	b.arg = &q;
	a.fd = fd[0];
	b.fd = dup(fd[0]);
	ck_assert_int_eq(sk_loop_add(p.loop, &a, EPOLLIN, &e), 0);
	ck_assert_int_eq(sk_loop_add(p.loop, &b, EPOLLIN, &e), 0);
	ck_assert_int_eq(sk_loop_step(p.loop, INT64_MAX, &e), 0);
	ck_assert_int_eq(p.heard + q.heard, 1);
	close(fd[0]);
	close(fd[1]);
	close(b.fd);
	sk_loop_free(p.loop);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, a_version_stays_when_what_it_was_made_of_changes);
	tcase_add_test(t, an_update_is_served_when_it_has_ended);
	tcase_add_test(t, an_alias_leads_to_one_version_or_to_two_by_weight);
	tcase_add_test(t, names_and_tags_are_in_order);
	tcase_add_test(t,
	    who_has_reserved_runs_within_that_others_share_the_rest);
	tcase_add_test(t, parts_are_written_in_two_ways);
	tcase_add_test(t, one_chance_does_not_change_what_others_come_to);
	tcase_add_test(t, the_newest_lines_are_kept);
	tcase_add_test(t, the_first_thing_that_is_wrong_with_a_body_is_told);
	tcase_add_test(t, timers_fire_in_order_however_they_were_set_and_moved);
	tcase_add_test(t, what_is_removed_is_not_heard_any_more);
}

int main(void)
{
	return check_main("local", setup);
}
