/* SPDX-License-Identifier: MIT */
#include "worker/lambda.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker/root.h"

#define RESERVED ((size_t)64 << 20)     /* of the function's memory: ours */
#define LEAST ((size_t)16 << 20)
#define KEPT ((size_t)1 << 20)          /* of an event's and answer's memory */
#define MOST_STRANGE 10u        /* invocations in a row that are none */

static const struct sk_json_options plain = { .plain = true };

/* ---- what is where ---- */

static void find_root(struct sk_lambda *l, const char *program)
{
	sk_root_find(program, "/snek/snek-worker", l->root, sizeof(l->root));
	snprintf(l->plugin, sizeof(l->plugin), "%s/plugin.so", l->root);
}

static void find_limits(struct sk_lambda *l)
{
	const char *mb = getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
	const char *tmp = getenv("TMPDIR");
	size_t n = mb ? strtoul(mb, NULL, 10) : 0;

	l->tmp = tmp && *tmp ? tmp : "/tmp";
	l->memory = SIZE_MAX;
	if (!n || n > SIZE_MAX >> 20)
		return;
	n <<= 20;
	l->memory = n > RESERVED + LEAST ? n - RESERVED : LEAST;
}

static int read_sha256(struct sk_lambda *l, struct snek_error *e)
{
	char path[sizeof(l->root) + 32], text[65];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/snek/plugin.sha256", l->root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sk_fail_errno(e, "%s", path);
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n != sizeof(text) || text[64] != '\n' ||
	    strspn(text, "0123456789abcdef") != 64)
		return sk_fail(e, SNEK_EFORMAT, "%s is not a sha256 on a line",
		    path);
	memcpy(l->sha256, text, 64);
	return 0;
}

static int find_bundle(struct sk_lambda *l, struct snek_error *e)
{
	if (access(l->plugin, R_OK))
		return sk_fail_errno(e, "the bundle's plugin %s", l->plugin);
	return read_sha256(l, e);
}

/* ---- the loop ---- */

/* A large one leaves large memory behind. */
static void forget_event(struct sk_lambda *l)
{
	sk_json_reader *fresh;

	if (sk_json_reader_new(&plain, &fresh))
		return;
	sk_json_reader_free(l->json);
	l->json = fresh;
}

static void tell(struct sk_lambda *l, const struct sk_invocation *v)
{
	static const char none[] = "{\"errorType\":\"Snek.Memory\","
	    "\"errorMessage\":\"snek-worker: out of memory\"}";
	struct snek_error e = { 0 };
	bool ok = sk_invoke(l, v);
	struct sk_span s = ok ? (struct sk_span){ l->answer.p, l->answer.n }
	    : (struct sk_span){ none, sizeof(none) - 1 };

	if (sk_runtime_answer(l->runtime, v->id, !ok, s, &e))
		sk_say(&l->say, SNEK_ERROR, "%s", e.text);
	if (l->answer.cap > KEPT)
		sk_buf_free(&l->answer);
	if (v->event.n > KEPT)
		forget_event(l);
}

/* The event was not to be had, but its invocation waits for a word. */
static void tell_why(struct sk_lambda *l, const struct sk_invocation *v,
    const struct snek_error *why)
{
	const struct sk_event_id nobody = { "", 0, 0, 0 };
	struct snek_error e = { 0 };

	sk_say_begin(&l->say, v->id, &nobody);
	sk_say(&l->say, SNEK_ERROR, "%s", why->text);
	l->answer.n = 0;
	if (v->id[0] && sk_answer_begin(&l->answer, &nobody, 0) &&
	    sk_answer_refused(&l->answer, why, UINT32_MAX) &&
	    sk_runtime_answer(l->runtime, v->id, false, (struct sk_span){
	    l->answer.p, l->answer.n }, &e))
		sk_say(&l->say, SNEK_ERROR, "%s", e.text);
}

static int serve(struct sk_lambda *l)
{
	struct sk_invocation v;
	struct snek_error e = { 0 };
	unsigned strange = 0;
	int rc;

	for (;;) {
		rc = sk_runtime_next(l->runtime, &v, &e);
		strange = rc && !v.id[0] ? strange + 1 : 0;
		if (rc == SNEK_EIO || strange == MOST_STRANGE)
			break;
		if (rc)
			tell_why(l, &v, &e);
		else
			tell(l, &v);
	}
	sk_say_begin(&l->say, NULL, NULL);
	sk_say(&l->say, SNEK_ERROR, "%s", e.text);
	return 1;
}

/* ---- beginning, ending ---- */

static int begin(struct sk_lambda *l, const char *api, struct snek_error *e)
{
	int rc = sk_runtime_open(api, SK_EVENT_MAX, &l->runtime, e);

	if (!rc && (sk_json_reader_new(&plain, &l->json) ||
	    !sk_warm_access(&l->warm)))
		rc = sk_enomem(e);
	return rc ? rc : find_bundle(l, e);
}

/* Somebody is told why, for a function that never asks tells nothing. */
static int never(struct sk_lambda *l, const struct snek_error *why)
{
	struct sk_buf b = { 0 };

	sk_say(&l->say, SNEK_ERROR, "%s", why->text);
	if (l->runtime && sk_buf_printf(&b, "{\"errorType\":\"Snek.Init\","
	    "\"errorMessage\":") && sk_json_write(&b, sk_cstring(why->text)) &&
	    sk_buf_put(&b, ",\"stackTrace\":[]}", 17))
		sk_runtime_never(l->runtime, (struct sk_span){ b.p, b.n }, NULL);
	sk_buf_free(&b);
	return 1;
}

static void end(struct sk_lambda *l)
{
	sk_warm_free(&l->warm);
	sk_json_reader_free(l->json);
	sk_runtime_close(l->runtime);
	sk_say_close(&l->say);
	sk_buf_free(&l->answer);
}

int sk_lambda_run(const char *program, const char *api)
{
	static struct sk_lambda l;
	struct snek_error e = { 0 };
	int rc;

	find_root(&l, program);
	sk_root_environment(l.root);
	find_limits(&l);
	rc = begin(&l, api, &e);
	rc = rc ? never(&l, &e) : serve(&l);
	end(&l);
	return rc;
}
