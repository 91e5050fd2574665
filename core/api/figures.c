/* SPDX-License-Identifier: MIT */
#include "api/figures.h"

#include "api/client.h"

void sk_figures_put(struct sk_object *o, const struct snek_job_stat *s)
{
	sk_object_number(o, "tasks", s->tasks);
	sk_object_number(o, "running", s->running);
	sk_object_number(o, "done", s->done);
	sk_object_number(o, "retries", s->retries);
	sk_object_number(o, "records", s->records_in);
	sk_object_number(o, "records_total", s->records_total);
	sk_object_number(o, "skipped", s->records_skipped);
	sk_object_number(o, "records_missing", s->records_missing);
	sk_object_number(o, "emitted", s->records_out);
	sk_object_number(o, "bytes", s->bytes_in);
	sk_figures_put_calls(o, s);
	sk_object_real(o, "seconds", s->seconds);
}

void sk_figures_put_calls(struct sk_object *o, const struct snek_job_stat *s)
{
	if (!s->calls)
		return;
	sk_object_number(o, "calls", s->calls);
	sk_object_number(o, "throttled", s->throttled);
	sk_object_number(o, "billed_ms", s->billed_ms);
	sk_object_real(o, "dollars", s->dollars);
	sk_object_flag(o, "guessed", s->guessed);
}

static double real(const struct sk_record *r, const char *name)
{
	struct snek_value v = sk_object_member(r, name);

	return v.type == SNEK_DOUBLE ? v.as.d : 0;
}

void sk_figures_get(const struct sk_record *r, struct snek_job_stat *s)
{
	s->tasks = (uint32_t)sk_client_number(r, "tasks");
	s->running = (uint32_t)sk_client_number(r, "running");
	s->done = (uint32_t)sk_client_number(r, "done");
	s->retries = (uint32_t)sk_client_number(r, "retries");
	s->records_in = sk_client_number(r, "records");
	s->records_total = sk_client_number(r, "records_total");
	s->records_skipped = sk_client_number(r, "skipped");
	s->records_missing = sk_client_number(r, "records_missing");
	s->records_out = sk_client_number(r, "emitted");
	s->bytes_in = sk_client_number(r, "bytes");
	s->seconds = real(r, "seconds");
	s->calls = sk_client_number(r, "calls");
	s->throttled = (uint32_t)sk_client_number(r, "throttled");
	s->billed_ms = sk_client_number(r, "billed_ms");
	s->dollars = real(r, "dollars");
	s->guessed = sk_client_flag(r, "guessed");
}

void sk_figures_put_error(struct sk_object *o, int code, const char *text)
{
	sk_object_open(o, "error", '{');
	sk_object_text(o, "code", sk_error_name(code));
	sk_object_text(o, "message", *text ? text : sk_strerror(code));
	sk_object_close(o, '}');
}

int sk_figures_get_error(const struct sk_record *r, struct snek_error *e)
{
	struct sk_member m[4];
	struct sk_record why = { .object = true, .member = m };
	char name[32], text[480];
	int code;

	why.n = sk_client_members(sk_object_member(r, "error"), m, 4);
	sk_client_text(&why, "code", name, sizeof(name));
	sk_client_text(&why, "message", text, sizeof(text));
	code = sk_error_code(name);
	return sk_fail(e, code ? code : SNEK_EINTERNAL, "%s", text);
}
