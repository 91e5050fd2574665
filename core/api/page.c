/* SPDX-License-Identifier: MIT */
#include "api/page.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/parts.h"

/* ---- cutting ---- */

static int end_sheet(struct sk_page_cut *p, struct sk_buf *sheet,
    struct snek_error *e)
{
	int rc = p->put(p->arg, p->pages++, (struct sk_span){ sheet->p,
	    sheet->n }, e);

	sheet->n = 0;
	return rc;
}

static bool put_result(struct sk_buf *b, bool keyed, struct snek_value key,
    struct snek_value value)
{
	if (!keyed)
		return sk_json_write(b, value);
	return sk_buf_put(b, "{\"key\":", 7) && sk_json_write(b, key) &&
	    sk_buf_put(b, ",\"value\":", 9) && sk_json_write(b, value) &&
	    sk_buf_byte(b, '}');
}

/* From here on all are pairs, on pages of their own. */
static int begin_keyed(struct sk_page_cut *p, struct sk_buf *sheet,
    struct snek_error *e)
{
	int rc = sheet->n ? end_sheet(p, sheet, e) : 0;

	p->keyed_from = p->pages + 1;
	return rc;
}

static int add(struct sk_page_cut *p, struct sk_buf *sheet, struct sk_buf *one,
    struct snek_error *e)
{
	int rc = 0;

	if (sheet->n && sheet->n + one->n > p->most)
		rc = end_sheet(p, sheet, e);
	if (!rc && ((sheet->n && !sk_buf_byte(sheet, ',')) ||
	    !sk_buf_put(sheet, one->p, one->n)))
		rc = sk_enomem(e);
	p->results++;
	return rc;
}

int sk_page_cut(struct sk_page_cut *p, snek_job *job, struct snek_error *e)
{
	struct sk_buf sheet = { 0 }, one = { 0 };
	struct snek_value key, value;
	snek_result *r = NULL;
	int rc = snek_result_open(job, &r, e);

	if (!rc)
		p->reduced = snek_result_is_reduced(r);
	while (!rc && (rc = snek_result_next(r, &key, &value, e)) == 1) {
		one.n = 0;
		rc = 0;
		if (!p->keyed_from && (p->reduced || key.type > SNEK_NULL))
			rc = begin_keyed(p, &sheet, e);
		if (!rc)
			rc = put_result(&one, p->keyed_from, key, value) ?
			    add(p, &sheet, &one, e) : sk_enomem(e);
	}
	if (!rc)
		rc = end_sheet(p, &sheet, e);
	snek_result_close(r);
	sk_buf_free(&one);
	sk_buf_free(&sheet);
	return rc;
}

/* ---- answering ---- */

int sk_page_begin(struct sk_api_call *c, struct sk_object *o,
    const struct sk_page *p, struct snek_error *e)
{
	if (!p->number || p->number > p->pages)
		return sk_fail(e, SNEK_ENOENT, "there are %" PRIu64 " pages",
		    p->pages);
	sk_object_begin(o, &c->out->body, "results");
	sk_object_flag(o, "reduced", p->reduced);
	sk_object_flag(o, "keyed", p->keyed_from && p->number >= p->keyed_from);
	sk_object_number(o, "records", p->stat.records_in);
	sk_object_number(o, "skipped", p->stat.records_skipped);
	sk_object_number(o, "records_total", p->stat.records_total);
	sk_object_number(o, "records_missing", p->stat.records_missing);
	sk_object_raw(o, "missing", p->missing);
	sk_object_number(o, "emitted", p->stat.records_out);
	sk_object_number(o, "bytes", p->stat.bytes_in);
	sk_object_number(o, "tasks", p->stat.tasks);
	sk_object_number(o, "done", p->stat.done);
	sk_object_number(o, "retries", p->stat.retries);
	sk_figures_put_calls(o, &p->stat);
	sk_object_number(o, "results_total", p->results);
	sk_object_number(o, "page", p->number);
	sk_object_number(o, "pages", p->pages);
	if (p->number < p->pages) {
		snprintf(c->out->next, sizeof(c->out->next), "%" PRIu64,
		    p->number + 1);
		sk_object_text(o, "job", p->job);
		sk_object_number(o, "next_page", p->number + 1);
	}
	sk_object_open(o, "results", '[');
	return 0;
}

void sk_page_end(struct sk_object *o)
{
	sk_object_close(o, ']');
	sk_object_end(o);
}
