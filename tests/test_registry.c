/* SPDX-License-Identifier: MIT */
/* test_registry.c - functions registered through the API, over HTTP: from the
 * client's side as in a meta store of its own, and whatever else may be said. */
#include "api/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/client.h"
#include "api_tool.h"
#include "base/base64.h"
#include "category/catalog.h"
#include "check_main.h"
#include "store/meta_record.h"
#include "web.h"

static char dir[64];
static snek_cluster *cluster;
static struct sk_api *api;
static struct web *web;
static struct sk_client *client;
static struct sk_catalog *cat;
static struct snek_error err;

/* What the door does with a request to path, instead of (or, lost, after) having
 * it answered; as often as times. */
static struct {
	const char *method, *path, *body;
	unsigned status, times;
	bool lost;
} trick;

static void answer(const struct web_request *r, struct sk_api_response *out)
{
	char path[400];
	struct sk_api_request q = { r->method, path, "", "application/json",
		{ r->body, r->body_n }, NULL };

	snprintf(path, sizeof(path), "%s", r->target);
	sk_api_answer(api, &q, out);
}

static void door(void *arg, const struct web_request *r, struct web_answer *a)
{
	static struct sk_api_response out;
	bool tricked = trick.times && !strcmp(r->method, trick.method) &&
	    !strncmp(r->target, trick.path, strlen(trick.path));

	(void)arg;
	sk_api_response_free(&out);
	memset(&out, 0, sizeof(out));
	trick.times -= tricked;
	if (tricked && !trick.lost) {
		*a = (struct web_answer){ .status = trick.status,
			.body = trick.body, .drop = !trick.status };
		return;
	}
	answer(r, &out);
	*a = (struct web_answer){ .status = (unsigned)out.status,
		.body = out.body.n ? out.body.p : "", .body_n = out.body.n };
	if (tricked)
		*a = (struct web_answer){ .raw = true, .body = "", .drop = true };
}

static void open_api(bool bare)
{
	const struct sk_api_options o = { .cluster = dir, .bare = bare };

	ck_assert_msg(!sk_api_open(&o, &api, &err), "%s", err.text);
}

static void set_up(void)
{
	cluster = api_cluster(dir);
	open_api(true);
	unsetenv("SNEK_TOKEN");
	unsetenv("SNEK_TOKEN_FILE");
	memset(&trick, 0, sizeof(trick));
	web = web_start(door, NULL);
	ck_assert_msg(!sk_client_open(web_url(web), NULL, &client, &err), "%s",
	    err.text);
	ck_assert_msg(!sk_client_catalog(client, NULL, &cat, &err), "%s",
	    err.text);
}

static void tear_down(void)
{
	sk_catalog_close(cat);
	sk_client_close(client);
	web_stop(web);
	sk_api_close(api);
	api_drop(dir, cluster);
}

/* ---- functions ---- */

static struct sk_meta_function *op(const char *name, const char *plugin)
{
	struct sk_meta_function *m = calloc(1, sizeof(*m));

	snprintf(m->name, sizeof(m->name), "%s", name);
	snprintf(m->plugin, sizeof(m->plugin), "%s", plugin);
	snprintf(m->op, sizeof(m->op), "count");
	snprintf(m->version, sizeof(m->version), "1.0");
	memset(m->sha256, 'a', 64);
	snprintf(m->lambda.arn, sizeof(m->lambda.arn), "arn:aws:lambda:eu-west-1:"
	    "123456789012:function:one-fn-p:1");
	m->about_n = (uint32_t)snprintf(m->about, sizeof(m->about), "about %s",
	    name);
	return m;
}

static int put(const char *plugin, bool *changed, const char *one,
    const char *two)
{
	struct sk_meta_function *m = op(one, plugin), *p = two ?
	    op(two, plugin) : NULL;
	int rc;

	if (p) {
		m = reallocarray(m, 2, sizeof(*m));
		m[1] = *p;
	}
	memset(&err, 0, sizeof(err));
	rc = cat->meta->ops->function_put(cat->meta, m, two ? 2 : 1, plugin,
	    changed, &err);
	free(p);
	free(m);
	return rc;
}

static int put_name(void *text, const struct sk_meta_function *m)
{
	strcat(text, m->name);
	strcat(text, " ");
	return 0;
}

static void listed(const char *want)
{
	char text[2000] = "";

	ck_assert_msg(!cat->meta->ops->function_list(cat->meta, put_name, text,
	    &err), "%s", err.text);
	ck_assert_str_eq(text, want);
}

static int get(const char *name, struct sk_meta_function *out)
{
	memset(&err, 0, sizeof(err));
	return cat->meta->ops->function_get(cat->meta, name, out, &err);
}

static int drop(const char *name)
{
	memset(&err, 0, sizeof(err));
	return cat->meta->ops->function_remove(cat->meta, name, &err);
}

START_TEST(functions_are_registered_seen_and_removed)
{
	struct sk_meta_function *m = op("p.a", "p"), *out = calloc(1,
	    sizeof(*out));
	bool changed = false;

	ck_assert_msg(!put("p", &changed, "p.a", "p.b"), "%s", err.text);
	ck_assert(changed);
	ck_assert_int_eq(put("p", &changed, "p.a", "p.b"), 0);
	ck_assert(!changed);
	ck_assert_int_eq(put("q", &changed, "q", NULL), 0);
	listed("p.a p.b q ");
	ck_assert_msg(!get("p.a", out), "%s", err.text);
	ck_assert(sk_record_same_function(m, out));
	ck_assert_int_eq(get("p.c", out), SNEK_ENOENT);
	ck_assert_str_eq(err.text, "");
	ck_assert_int_eq(put("p", &changed, "p.b", NULL), 0);
	ck_assert(changed);
	listed("p.b q ");
	ck_assert_int_eq(drop("p"), 0);         /* by its plugin's name */
	ck_assert_int_eq(drop("p"), SNEK_ENOENT);
	ck_assert_int_eq(drop("q"), 0);
	listed("");
	free(out);
	free(m);
}
END_TEST

START_TEST(nothing_is_registered_where_plugins_are_loaded)
{
	ck_assert_int_eq(put("p", NULL, "p", NULL), 0);
	sk_api_close(api);
	open_api(false);
	ck_assert_int_eq(put("q", NULL, "q", NULL), SNEK_EACCES);
	ck_assert_msg(drop("p") == SNEK_EACCES, "%s", err.text);
	ck_assert_ptr_nonnull(strstr(err.text, "this one loads them"));
	listed("p ");
}
END_TEST

/* ---- lost ---- */

static void lose(const char *method, const char *path)
{
	trick.method = method;
	trick.path = path;
	trick.lost = true;
	trick.times = 1;
}

START_TEST(what_was_done_and_not_heard_of_is_done_once)
{
	bool changed;
	struct sk_meta_function *out = calloc(1, sizeof(*out));

	lose("PUT", "/v1/registry/p");
	ck_assert_msg(!put("p", &changed, "p", NULL), "%s", err.text);
	ck_assert_uint_eq(trick.times, 0);
	lose("GET", "/v1/registry");
	listed("p ");
	lose("GET", "/v1/registry/p");
	ck_assert_int_eq(get("p", out), 0);
	lose("DELETE", "/v1/registry/p");
	ck_assert_msg(!drop("p"), "%s", err.text);
	ck_assert_uint_eq(trick.times, 0);
	listed("");
	free(out);
}
END_TEST

/* ---- what the other end may say ---- */

static const struct said {
	unsigned status;
	const char *body;
	int code;
	const char *says;
} saids[] = {
	{ 200, "", SNEK_EFORMAT, "" },
	{ 200, "<html>", SNEK_EFORMAT, "" },
	{ 200, "[]", SNEK_EFORMAT, "" },
	{ 200, "{}", SNEK_EFORMAT, "no list of functions" },
	{ 200, "{\"functions\":{}}", SNEK_EFORMAT, "no list of functions" },
	{ 200, "{\"functions\":[1]}", SNEK_EFORMAT, "is none" },
	{ 200, "{\"functions\":[{}]}", SNEK_EFORMAT, "is none" },
	{ 200, "{\"functions\":[{\"name\":\"p\",\"record\":\"!\"}]}",
	    SNEK_EFORMAT, "is none" },
	{ 200, "{\"functions\":[{\"name\":\"p\",\"record\":\"\"}]}",
	    SNEK_EFORMAT, "is none" },
	{ 403, "{\"message\":\"Forbidden\"}", SNEK_EACCES, "Forbidden" },
	{ 404, "<html>", SNEK_ENOENT, "" },
	{ 500, "", SNEK_EIO, "status 500" },
	{ 302, "", SNEK_EINVAL, "302" },
};

START_TEST(an_answer_that_is_none_is_told)
{
	const struct said *s = &saids[_i];
	struct sk_meta_function *out = calloc(1, sizeof(*out));
	int rc;

	trick.method = "GET";
	trick.path = "/v1/registry/p";
	trick.status = s->status;
	trick.body = s->body;
	trick.times = 100;
	rc = get("p", out);
	ck_assert_msg(rc == s->code && strstr(err.text, s->status == 404 ? "" :
	    s->says), "%s: %d %s", s->body, rc, err.text);
	free(out);
}
END_TEST

static void put_record(struct sk_buf *b, const struct sk_meta_function *m,
    uint32_t times)
{
	struct sk_object o = { b, false, false };

	sk_object_open(&o, NULL, '{');
	sk_object_open(&o, "functions", '[');
	while (times--)
		sk_registry_put(&o, m);
	sk_object_close(&o, ']');
	sk_object_close(&o, '}');
	ck_assert(!o.nomem && sk_buf_byte(b, 0));
	b->n--;
}

START_TEST(an_answer_about_another_function_is_told)
{
	struct sk_meta_function *m = op("q", "q"), *out = calloc(1, sizeof(*m));
	struct sk_buf b = { 0 };

	put_record(&b, m, 1);
	trick.method = "GET";
	trick.path = "/v1/registry/p";
	trick.status = 200;
	trick.body = b.p;
	trick.times = 1;
	ck_assert_int_eq(get("p", out), SNEK_EFORMAT);
	ck_assert_ptr_nonnull(strstr(err.text, "asked for p and answers q"));
	sk_buf_free(&b);
	free(out);
	free(m);
}
END_TEST

START_TEST(a_cluster_without_a_name_of_its_own_is_none)
{
	static const char *const bad[] = { "", "\"uuid\":\"\"", "\"uuid\":7",
		"\"uuid\":\"0\"", "\"uuid\":\"00112233-4455-6677-8899-aabbccddee\"",
		"\"uuid\":\"zz112233-4455-6677-8899-aabbccddeeff\"" };
	struct sk_catalog *c;
	char body[100];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(body, sizeof(body), "{\"kind\":\"cluster\"%s%s}",
		    *bad[i] ? "," : "", bad[i]);
		trick.method = "GET";
		trick.path = "/v1/cluster";
		trick.status = 200;
		trick.body = body;
		trick.times = 1;
		ck_assert_msg(sk_client_catalog(client, NULL, &c, &err) ==
		    SNEK_EFORMAT, "%s", body);
	}
}
END_TEST

/* ---- what may be asked ---- */

/* Nothing of it is registered. */
static void refused(const char *plugin, struct sk_span body, int status,
    const char *says)
{
	char path[200];
	struct sk_api_request r = { "PUT", path, "", "application/json", body,
		NULL };
	struct sk_api_response out = { 0 };

	snprintf(path, sizeof(path), "/v1/registry/%s", plugin);
	sk_api_answer(api, &r, &out);
	ck_assert(sk_buf_byte(&out.body, 0));
	ck_assert_msg(out.status == status && strstr(out.body.p, says),
	    "%.300s: %d %s", (const char *)body.p, out.status, out.body.p);
	sk_api_response_free(&out);
}

START_TEST(a_body_that_is_no_list_of_records_registers_nothing)
{
	static const char *const bad[] = { "", "1", "{", "{}", "[]",
		"{\"functions\":1}", "{\"functions\":[]}", "{\"functions\":[[]]}",
		"{\"functions\":[{\"name\":\"p\"}]}",
		"{\"functions\":[{\"name\":1,\"record\":\"AAAA\"}]}",
		"{\"functions\":[{\"name\":\"p\",\"record\":\"AAAA\"}]}",
		"{\"functions\":[{\"name\":\"p\",\"record\":\"%\"}]}" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused("p", (struct sk_span){ bad[i], strlen(bad[i]) }, 400, "");
	listed("");
}
END_TEST

static void refused_as(struct sk_meta_function *m, const char *plugin,
    uint32_t times, int status, const char *says)
{
	struct sk_buf b = { 0 };

	put_record(&b, m, times);
	refused(plugin, (struct sk_span){ b.p, b.n }, status, says);
	sk_buf_free(&b);
	free(m);
}

static struct sk_meta_function *url(const char *to)
{
	struct sk_meta_function *m = op("p", "p");

	m->kind = SK_FUNCTION_URL;
	snprintf(m->url, sizeof(m->url), "%s", to);
	return m;
}

START_TEST(a_function_that_would_not_do_registers_nothing)
{
	struct sk_meta_function *m = op("p", "p");

	m->about_n = 0;
	refused_as(m, "p", 1, 400, "does not describe it");
	refused_as(op("p", "q"), "p", 1, 400, "is of q, not of p");
	refused_as(op("p/b", "p"), "p", 1, 400, "function");
	refused_as(op("wordcount", "p"), "p", 1, 400, "no name of a function");
	refused_as(op("pq", "p"), "p", 1, 400, "no name of a function");
	refused_as(op("p", "p"), "p", 2, 400, "p is there twice");
	refused_as(url("http://example.org/f"), "p", 1, 400, "https://");
	refused_as(url("ftp://example.org/f"), "p", 1, 400, "https://");
	refused_as(url("http://127.0.0.1:9001/2018-06-01/"), "p", 1, 400,
	    "its own machine");
	refused_as(url("https://localhost/f"), "p", 1, 400, "its own machine");
	listed("");
}
END_TEST

START_TEST(functions_of_a_plugin_have_a_most)
{
	struct sk_meta_function *m = calloc(257, sizeof(*m)), *one;
	uint32_t i;

	for (i = 0; i < 257; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p.%u", i);
		one = op(name, "p");
		m[i] = *one;
		free(one);
	}
	ck_assert_int_eq(cat->meta->ops->function_put(cat->meta, m, 257, "p",
	    NULL, &err), SNEK_ELIMIT);
	ck_assert_ptr_nonnull(strstr(err.text, "256"));
	listed("");
	ck_assert_msg(!cat->meta->ops->function_put(cat->meta, m, 256, "p", NULL,
	    &err), "%s", err.text);
	free(m);
}
END_TEST

/* Cut anywhere, or with any byte changed: refused, or a record still. */
START_TEST(a_record_that_was_tampered_with_harms_nobody)
{
	struct sk_meta_function *m = op("p", "p"), *out = calloc(1, sizeof(*m));
	struct sk_buf record = { 0 }, text = { 0 }, body = { 0 };
	struct sk_api_response r;
	size_t i;

	ck_assert(sk_record_pack_function(&record, m));
	for (i = 0; i < 2 * record.n; i++) {
		size_t at = i % record.n;
		char was = record.p[at];
		struct sk_api_request q = { "PUT", "/v1/registry/p", "", "",
			{ NULL, 0 }, NULL };

		record.p[at] ^= i < record.n ? 0 : 0x55;
		text.n = body.n = 0;
		ck_assert(sk_base64_put(&text, record.p, i < record.n ? at :
		    record.n) && sk_buf_printf(&body, "{\"functions\":[{\"name\":"
		    "\"p\",\"record\":\"%.*s\"}]}", (int)text.n, text.p));
		record.p[at] = was;
		q.body = (struct sk_span){ body.p, body.n };
		memset(&r, 0, sizeof(r));
		sk_api_answer(api, &q, &r);
		ck_assert(sk_buf_byte(&r.body, 0));
		ck_assert_msg(r.status == 400 || (i >= record.n &&
		    (r.status == 200 || strstr(r.body.p, "a newer snek"))),
		    "%zu: %d %s", i, r.status, r.body.p);
		sk_api_response_free(&r);
	}
	ck_assert_msg(!put("p", NULL, "p", NULL) && !get("p", out), "%s",
	    err.text);
	ck_assert(sk_record_same_function(m, out));
	sk_buf_free(&record);
	sk_buf_free(&text);
	sk_buf_free(&body);
	free(out);
	free(m);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, functions_are_registered_seen_and_removed);
	tcase_add_test(t, nothing_is_registered_where_plugins_are_loaded);
	tcase_add_test(t, what_was_done_and_not_heard_of_is_done_once);
	tcase_add_loop_test(t, an_answer_that_is_none_is_told, 0,
	    sizeof(saids) / sizeof(*saids));
	tcase_add_test(t, an_answer_about_another_function_is_told);
	tcase_add_test(t, a_cluster_without_a_name_of_its_own_is_none);
	tcase_add_test(t, a_body_that_is_no_list_of_records_registers_nothing);
	tcase_add_test(t, a_function_that_would_not_do_registers_nothing);
	tcase_add_test(t, functions_of_a_plugin_have_a_most);
	tcase_add_test(t, a_record_that_was_tampered_with_harms_nobody);
}

int main(void)
{
	return check_main("registry", tests);
}
