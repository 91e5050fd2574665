/* SPDX-License-Identifier: MIT */
#include "host/invoke.h"
#include "base/base64.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "host/admit.h"
#include "host/answer.h"

enum {
	KILL_MS = 20,                   /* at most, from the event to the kill */
	TAIL = 4096,                    /* bytes of log in a reply */
	LOG = 256 << 10,                /* of one invocation */
	EVENT_TRIES = 3,
	EVENT_WAIT_MAX_MS = 300000
};
#define EVENT_BYTES ((uint64_t)512 << 20)

static int64_t now_ms(void)
{
	struct timeval t;

	gettimeofday(&t, NULL);
	return t.tv_sec * (int64_t)1000 + t.tv_usec / 1000;
}

/* ---- its life ---- */

static void payload_unref(struct sk_payload *p)
{
	if (!p || --p->refs)
		return;
	sk_buf_free(&p->bytes);
	free(p);
}

static void link_event(struct sk_invocation *i)
{
	struct sk_host *h = i->host;

	i->next = h->events;
	if (i->next)
		i->next->previous = i;
	h->events = i;
	h->event_bytes += i->payload->bytes.n + sizeof(*i);
}

static void unlink_event(struct sk_invocation *i)
{
	if (i->previous)
		i->previous->next = i->next;
	else
		i->host->events = i->next;
	if (i->next)
		i->next->previous = i->previous;
	i->host->event_bytes -= i->payload->bytes.n + sizeof(*i);
}

static void invocation_free(struct sk_invocation *i)
{
	if (i->event)
		unlink_event(i);
	sk_loop_unset(i->host->loop, &i->timer);
	payload_unref(i->payload);
	sk_version_unref(i->version);
	sk_buf_free(&i->log);
	free(i->context);
	free(i);
}

static struct sk_invocation *invocation_new(struct sk_host *h,
    struct sk_version *version, struct sk_payload *payload)
{
	struct sk_invocation *i = calloc(1, sizeof(*i));
	char root[37];

	if (!i)
		return NULL;
	i->host = h;
	i->version = sk_version_ref(version);
	i->payload = payload;
	payload->refs++;
	sk_uuid(i->id);
	sk_uuid(root);
	snprintf(i->trace, sizeof(i->trace), "Root=1-%08llx-%.8s%.4s%.4s%.8s;"
	    "Parent=%.8s%.4s%.4s;Sampled=0", (long long)(now_ms() / 1000), root,
	    root + 9, root + 14, root + 24, i->id, i->id + 9, i->id + 14);
	return i;
}

void sk_invocation_arn(const struct sk_invocation *i, char *to, size_t n)
{
	const struct sk_function *f = i->version->function;

	snprintf(to, n, "arn:aws:lambda:%s:" SK_ACCOUNT ":function:%s%s%s",
	    f->region, f->name, *i->qualifier ? ":" : "", i->qualifier);
}

/* ---- running ---- */

static void count(struct sk_invocation *i, int by)
{
	struct sk_function *f = i->version->function;

	if (by > 0)             /* it may get a reserved concurrency meanwhile */
		i->pooled = f->reserved < 0;
	f->running += (uint32_t)by;
	if (i->pooled)
		i->host->running += (uint32_t)by;
}

/* NULL: it runs.  Else why it may not now, or "" and the error. */
static const char *start(struct sk_invocation *i, struct snek_error *e)
{
	struct sk_host *h = i->host;
	struct sk_function *f = i->version->function;
	struct sk_environment *v;
	const char *reason = sk_admit(
	    sk_admit_unreserved(&h->functions, h->o.environments),
	    h->running, f);
	int rc;

	if (reason)
		return reason;
	v = sk_environment_idle(h, i->version);
	count(i, 1);
	if (v) {
		sk_environment_give(v, i);
		return NULL;
	}
	rc = sk_environment_start(h, i, e);
	if (!rc)
		return NULL;
	count(i, -1);
	return rc == SNEK_EAGAIN ? SK_ADMIT_ACCOUNT : "";
}

/* A second run of the same event, whose answer nobody hears. */
static void run_shadow(const struct sk_invocation *of)
{
	struct sk_invocation *i = invocation_new(of->host, of->version,
	    of->payload);
	struct snek_error e;

	if (!i)
		return;
	i->shadow = true;
	memcpy(i->id, of->id, sizeof(i->id));
	memcpy(i->qualifier, of->qualifier, sizeof(i->qualifier));
	if (start(i, &e))
		invocation_free(i);
}

static void on_kill(void *arg)
{
	struct sk_invocation *i = arg;

	sk_environment_kill(i->environment, "Runtime.ExitError",
	    "Runtime exited with error: signal: killed");
}

void sk_invocation_begun(struct sk_invocation *i)
{
	int64_t us = (int64_t)(i->fate.when * KILL_MS * 1000);
	char version[16], line[128];
	int n;

	i->given_us = sk_clock_us();
	i->deadline_ms = now_ms() +
	    i->version->config.timeout_s * (int64_t)1000;
	sk_version_text(i->version, version);
	n = snprintf(line, sizeof(line), "START RequestId: %s Version: %s",
	    i->id, version);
	sk_environment_log(i->environment, line, (size_t)n);
	if (!i->fate.kill)
		return;
	i->timer = (struct sk_timer){ .fire = on_kill, .arg = i };
	if (sk_loop_set(i->host->loop, &i->timer, i->given_us + us))
		i->fate.kill = false;
}

void sk_invocation_log(struct sk_invocation *i, const char *p, size_t n)
{
	if (i->log.n + n < LOG && sk_buf_put(&i->log, p, n))
		sk_buf_byte(&i->log, '\n');
}

/* Its environment may have let go of it already. */
static void say(struct sk_invocation *i, const char *p, size_t n)
{
	sk_environment_log(i->environment, p, n);
	if (i->environment->invocation != i)
		sk_invocation_log(i, p, n);
}

/* No more than it may: what was over is why it was killed. */
static uint64_t used_mb(const struct sk_invocation *i)
{
	uint64_t mb = (sk_environment_rss_kb(i->environment) + 1023) / 1024;
	uint64_t most = i->version->config.memory_mb;

	return mb < most ? mb : most;
}

static void log_report(struct sk_invocation *i)
{
	struct sk_environment *v = i->environment;
	int64_t us = i->given_us ? sk_clock_us() - i->given_us : 0;
	int64_t init_us = v->was_cold && v->ready_us ?
	    v->ready_us - v->started_us : 0;
	char line[320];
	int n;

	n = snprintf(line, sizeof(line), "END RequestId: %s", i->id);
	say(i, line, (size_t)n);
	n = snprintf(line, sizeof(line), "REPORT RequestId: %s\tDuration: %.2f "
	    "ms\tBilled Duration: %lld ms\tMemory Size: %u MB\tMax Memory Used: "
	    "%llu MB\t", i->id, (double)us / 1000,
	    (long long)(us + init_us + 999) / 1000, i->version->config.memory_mb,
	    (unsigned long long)used_mb(i));
	if (init_us)
		n += snprintf(line + n, sizeof(line) - (size_t)n,
		    "Init Duration: %.2f ms\t", (double)init_us / 1000);
	say(i, line, (size_t)n);
	v->was_cold = false;
}

/* ---- the end ---- */

static bool put_tail(struct sk_invocation *i, struct sk_buf *to)
{
	size_t n = i->log.n < TAIL ? i->log.n : TAIL;

	return sk_base64_put(to, i->log.p + i->log.n - n, n) &&
	    sk_buf_byte(to, 0);
}

static void reply(struct sk_invocation *i, struct sk_buf *body,
    const char *error)
{
	struct sk_reply p = { .status = 200, .body = *body };
	struct sk_buf tail = { 0 };
	char version[16];
	int64_t late = i->fate.late ? (int64_t)(i->fate.when *
	    i->host->o.late_ms * 1000) : 0;

	memset(body, 0, sizeof(*body));
	if (i->fate.lose) {
		sk_buf_free(&p.body);
		sk_request_drop(i->request);
		return;
	}
	sk_version_text(i->version, version);
	sk_reply_header(&p, "Content-Type", "application/json");
	sk_reply_header(&p, "X-Amz-Executed-Version", version);
	if (error)
		sk_reply_header(&p, "X-Amz-Function-Error", error);
	if (i->tail && put_tail(i, &tail))
		sk_reply_header(&p, "X-Amz-Log-Result", tail.p);
	sk_answer(i->host, i->request, &p, late);
	sk_buf_free(&tail);
}

static void again_later(struct sk_invocation *i, int64_t ms);

/* It ran and is no longer counted. */
static void settle(struct sk_invocation *i, struct sk_buf *body,
    const char *error)
{
	sk_loop_unset(i->host->loop, &i->timer);
	count(i, -1);
	i->environment = NULL;
	if (i->request)
		reply(i, body, error);
	sk_buf_free(body);
	if (i->event && error && ++i->tries < EVENT_TRIES && !i->host->closing)
		again_later(i, (int64_t)i->host->o.event_retry_ms * i->tries);
	else
		invocation_free(i);
}

void sk_invocation_ended(struct sk_invocation *i, struct sk_buf *body,
    const char *error)
{
	log_report(i);
	settle(i, body, error);
}

void sk_invocation_failed(struct sk_invocation *i, const char *type,
    const char *text)
{
	struct sk_buf body = { 0 };
	char message[512];

	if (strcmp(type, "ServiceException") == 0 && i->request) {
		sk_answer_error(i->host, i->request, 500, type, "%s", text);
		i->request = NULL;
	}
	snprintf(message, sizeof(message), "RequestId: %s Error: %s", i->id, text);
	say(i, message, strlen(message));
	log_report(i);
	if (!sk_buf_byte(&body, '{') || !sk_put_member(&body, "errorType", type) ||
	    !sk_put_member(&body, "errorMessage", message) ||
	    !sk_buf_byte(&body, '}'))
		sk_buf_free(&body);
	settle(i, &body, "Unhandled");
}

/* ---- once more ---- */

static void refuse(struct sk_invocation *i, const char *reason,
    const struct snek_error *e)
{
	if (i->request && *reason)
		sk_answer_throttled(i->host, i->request, reason);
	else if (i->request)
		sk_answer_failed(i->host, i->request, e);
	invocation_free(i);
}

void sk_invocation_again(struct sk_invocation *i)
{
	struct snek_error e = { 0 };
	const char *reason;

	count(i, -1);
	i->environment = NULL;
	reason = start(i, &e);
	if (reason && i->event)
		again_later(i, i->host->o.event_retry_ms);
	else if (reason)
		refuse(i, reason, &e);
}

/* What is throttled is tried for as long as there is a host: after a second,
 * then after twice as long each time, up to five minutes. */
static void on_again(void *arg)
{
	struct sk_invocation *i = arg;
	struct snek_error e = { 0 };
	int64_t ms = (int64_t)1000 << (i->waits < 9 ? i->waits : 9);

	if (!start(i, &e))
		return;
	i->waits++;
	again_later(i, ms < EVENT_WAIT_MAX_MS ? ms : EVENT_WAIT_MAX_MS);
}

static void again_later(struct sk_invocation *i, int64_t ms)
{
	i->given_us = 0;
	i->log.n = 0;
	i->timer = (struct sk_timer){ .fire = on_again, .arg = i };
	if (sk_loop_set(i->host->loop, &i->timer, sk_clock_us() + ms * 1000))
		invocation_free(i);
}

void sk_invoke_end_all(struct sk_host *h)
{
	while (h->events)
		invocation_free(h->events);
}

/* ---- the operation ---- */

/* Why it cannot be run as it is; the answer has been given. */
static bool refuse_request(struct sk_host *h, struct sk_request *r,
    struct sk_function *f, bool event)
{
	struct sk_record ignored;
	struct snek_error e = { 0 };
	size_t max = event ? SK_HOST_EVENT : SK_HOST_PAYLOAD;

	if (r->too_large || r->body.n > max) {
		sk_answer_error(h, r, 413, "RequestTooLargeException",
		    "Request must be smaller than %zu bytes for the "
		    "InvokeFunction operation", max);
		return true;
	}
	if (f->state == SK_PENDING) {
		sk_answer_error(h, r, 409, "ResourceConflictException",
		    "The operation cannot be performed at this time. The function "
		    "is currently in the following state: Pending");
		return true;
	}
	if (r->body.n && sk_json_read(h->json, r->body.p, r->body.n, &ignored,
	    NULL, &e) == SNEK_EFORMAT) {
		sk_answer_error(h, r, 400, "InvalidRequestContentException",
		    "Could not parse request body into json: %.300s", e.text);
		return true;
	}
	return false;
}

static struct sk_payload *take_payload(struct sk_request *r)
{
	struct sk_payload *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->refs = 1;
	p->bytes = r->body;
	memset(&r->body, 0, sizeof(r->body));
	if (p->bytes.n || sk_buf_put(&p->bytes, "{}", 2))
		return p;
	payload_unref(p);
	return NULL;
}

static bool copy_context(struct sk_invocation *i, const struct sk_request *r)
{
	const char *text = sk_request_header(r, "X-Amz-Client-Context");
	struct sk_buf json = { 0 };
	bool ok = !text || sk_base64_get(&json, text, strlen(text)) == 0;

	if (ok && json.n)
		i->context = strndup(json.p, json.n);
	sk_buf_free(&json);
	return ok && (!i->context || !i->context[strcspn(i->context, "\r\n")]);
}

static void run_event(struct sk_invocation *i, struct sk_request *r)
{
	struct sk_host *h = i->host;
	struct snek_error e = { 0 };

	if (h->event_bytes + i->payload->bytes.n > EVENT_BYTES) {
		sk_answer_throttled(h, r, SK_ADMIT_ACCOUNT);
		invocation_free(i);
		return;
	}
	i->event = true;
	link_event(i);
	if (i->fate.duplicate)
		run_shadow(i);
	if (start(i, &e))
		again_later(i, 1000);
	sk_answer_nothing(h, r, 202);
}

static void run_sync(struct sk_invocation *i, struct sk_request *r)
{
	const char *log = sk_request_header(r, "X-Amz-Log-Type");
	struct snek_error e = { 0 };
	const char *reason;

	i->request = r;
	i->tail = log && strcmp(log, "Tail") == 0;
	if (i->fate.duplicate)
		run_shadow(i);
	reason = start(i, &e);
	if (reason)
		refuse(i, reason, &e);
}

static void run(struct sk_host *h, struct sk_request *r,
    struct sk_version *version, const char *qualifier, bool event,
    const struct sk_fate *fate)
{
	struct sk_payload *p = take_payload(r);
	struct sk_invocation *i = p ? invocation_new(h, version, p) : NULL;

	payload_unref(p);
	if (!i) {
		sk_request_drop(r);
		return;
	}
	i->fate = *fate;
	snprintf(i->qualifier, sizeof(i->qualifier), "%s", qualifier);
	if (!copy_context(i, r)) {
		sk_answer_error(h, r, 400, "InvalidRequestContentException",
		    "the client context is not base64 of one line of JSON");
		invocation_free(i);
	} else if (event) {
		run_event(i, r);
	} else {
		run_sync(i, r);
	}
}

void sk_invoke(struct sk_host *h, struct sk_request *r, struct sk_function *f,
    const char *qualifier)
{
	const char *type = sk_request_header(r, "X-Amz-Invocation-Type");
	bool event = type && strcmp(type, "Event") == 0;
	struct sk_fate fate;
	struct sk_version *version;

	if (type && !event && strcmp(type, "RequestResponse") != 0 &&
	    strcmp(type, "DryRun") != 0) {
		sk_answer_invalid(h, r, "%.64s is no invocation type", type);
		return;
	}
	if (refuse_request(h, r, f, event))
		return;
	fate = sk_chance_draw(&h->random, &h->o.chances);
	version = sk_function_resolve(f, qualifier, sk_random_unit(&h->random));
	if (!version) {
		sk_answer_error(h, r, 404, "ResourceNotFoundException",
		    "Function not found: arn:aws:lambda:%s:" SK_ACCOUNT
		    ":function:%s:%s", f->region, f->name, qualifier);
		return;
	}
	if (type && strcmp(type, "DryRun") == 0)
		sk_answer_nothing(h, r, 204);
	else if (fate.throttle)
		sk_answer_throttled(h, r, "CallerRateLimitExceeded");
	else if (fate.fail)
		sk_answer_error(h, r, 500, "ServiceException",
		    "a failure on purpose (--fail)");
	else
		run(h, r, version, qualifier, event, &fate);
}
