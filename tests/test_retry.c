/* SPDX-License-Identifier: MIT */
/* What is tried again, when, and how often in all. */
#include "check_main.h"

#include <string.h>

#include "aws/retry.h"
#include "aws/when.h"

static const struct {
	int code;
	uint32_t status;
	const char *type;
	enum sk_retry kind;
} kinds[] = {
	{ 0, 200, "", SK_RETRY_NO },
	{ 0, 301, "PermanentRedirect", SK_RETRY_NO },
	{ 0, 400, "ValidationException", SK_RETRY_NO },
	{ 0, 400, "ThrottlingException", SK_RETRY_THROTTLED },
	{ 0, 400, "RequestTimeout", SK_RETRY_TRANSIENT },
	{ 0, 403, "AccessDenied", SK_RETRY_NO },
	{ 0, 404, "ResourceNotFoundException", SK_RETRY_NO },
	{ 0, 409, "ResourceConflictException", SK_RETRY_NO },
	{ 0, 429, "TooManyRequestsException", SK_RETRY_THROTTLED },
	{ 0, 429, "", SK_RETRY_THROTTLED },
	{ 0, 500, "ServiceException", SK_RETRY_TRANSIENT },
	{ 0, 501, "", SK_RETRY_NO },
	{ 0, 502, "", SK_RETRY_TRANSIENT },
	{ 0, 503, "SlowDown", SK_RETRY_THROTTLED },
	{ 0, 504, "", SK_RETRY_TRANSIENT },
	{ SNEK_EAGAIN, 0, "", SK_RETRY_TRANSIENT },
	{ SNEK_ETIMEDOUT, 0, "", SK_RETRY_TRANSIENT },
	{ SNEK_EACCES, 0, "", SK_RETRY_NO },
	{ SNEK_ELIMIT, 200, "", SK_RETRY_NO },
};

START_TEST(an_answer_says_whether_another_try_may_help)
{
	struct sk_aws_reply r = { .code = kinds[_i].code,
		.status = kinds[_i].status };

	strcpy(r.type, kinds[_i].type);
	ck_assert_int_eq(sk_retry_kind(&r), kinds[_i].kind);
}
END_TEST

static const struct {
	enum sk_retry kind;
	uint32_t tries;
	int64_t after;
	uint32_t chance;
	int64_t ms;
} delays[] = {
	{ SK_RETRY_TRANSIENT, 1, -1, UINT32_MAX, 49 },
	{ SK_RETRY_TRANSIENT, 1, -1, 0, 0 },
	{ SK_RETRY_TRANSIENT, 1, -1, 1u << 31, 25 },
	{ SK_RETRY_TRANSIENT, 2, -1, UINT32_MAX, 99 },
	{ SK_RETRY_TRANSIENT, 9, -1, UINT32_MAX, 12799 },
	{ SK_RETRY_TRANSIENT, 10, -1, UINT32_MAX, 19999 },
	{ SK_RETRY_TRANSIENT, 4000000000u, -1, UINT32_MAX, 19999 },
	{ SK_RETRY_THROTTLED, 1, -1, UINT32_MAX, 999 },
	{ SK_RETRY_THROTTLED, 4, -1, 1u << 31, 4000 },
	/* what the service asks for, within 5 s of what we would do */
	{ SK_RETRY_TRANSIENT, 1, 10, 1u << 31, 25 },
	{ SK_RETRY_TRANSIENT, 1, 700, 1u << 31, 700 },
	{ SK_RETRY_TRANSIENT, 1, 60000, 1u << 31, 5025 },
	{ SK_RETRY_THROTTLED, 1, 2000, 0, 2000 },
};

START_TEST(the_wait_doubles_and_jitters_within_bounds)
{
	ck_assert_int_eq(sk_retry_delay(delays[_i].kind, delays[_i].tries,
	    delays[_i].after, delays[_i].chance), delays[_i].ms);
}
END_TEST

START_TEST(tries_are_paid_for_and_success_pays_back)
{
	struct sk_quota q = { 0 };
	int n = 0;

	while (sk_quota_take(&q, SK_RETRY_TRANSIENT))
		n++;
	ck_assert_int_eq(n, 35);                /* 500 / 14 */
	ck_assert(sk_quota_take(&q, SK_RETRY_THROTTLED));       /* 10 were left */
	ck_assert(sk_quota_take(&q, SK_RETRY_THROTTLED));
	ck_assert(!sk_quota_take(&q, SK_RETRY_THROTTLED));
	for (n = 0; n < 4; n++)
		sk_quota_give(&q, SK_RETRY_NO);
	ck_assert(!sk_quota_take(&q, SK_RETRY_THROTTLED));
	sk_quota_give(&q, SK_RETRY_NO);
	ck_assert(sk_quota_take(&q, SK_RETRY_THROTTLED));
	sk_quota_give(&q, SK_RETRY_TRANSIENT);
	ck_assert(sk_quota_take(&q, SK_RETRY_TRANSIENT));
	for (n = 0; n < 1000; n++)
		sk_quota_give(&q, SK_RETRY_TRANSIENT);
	ck_assert_uint_eq(q.spent, 0);
}
END_TEST

static const struct {
	const char *text;
	int64_t when;                   /* -1: it is none */
} iso[] = {
	{ "2026-11-23T12:00:00Z", 1795435200 },
	{ "2026-11-23T12:00:00.123456Z", 1795435200 },
	{ "2026-11-23T12:00:00UTC", 1795435200 },
	{ "2026-11-23T13:30:00+01:30", 1795435200 },
	{ "2026-11-23T11:00:00-0100", 1795435200 },
	{ "2026-11-23T12:00:00", -1 },
	{ "2026-11-23 12:00:00Z", -1 },
	{ "2026-13-23T12:00:00Z", -1 },
	{ "2026-11-23T25:00:00Z", -1 },
	{ "2026-11-23T12:00:00Zx", -1 },
	{ "2026-11-23T12:00:00+99:00", -1 },
	{ "soon", -1 },
	{ "", -1 },
};

START_TEST(times_are_read_as_aws_writes_them)
{
	int64_t t = -1;

	ck_assert_int_eq(sk_when_iso(iso[_i].text, &t), iso[_i].when != -1);
	if (iso[_i].when != -1)
		ck_assert_int_eq(t, iso[_i].when);
}
END_TEST

START_TEST(times_are_read_as_http_writes_them)
{
	int64_t t;

	ck_assert(sk_when_http("Mon, 23 Nov 2026 12:00:00 GMT", &t));
	ck_assert_int_eq(t, 1795435200);
	ck_assert(!sk_when_http("Mon, 23 ovN 2026 12:00:00 GMT", &t));
	ck_assert(!sk_when_http("Mon, 23 N 2026 12:00:00 GMT", &t));
	ck_assert(!sk_when_http("Monday", &t));
	ck_assert(!sk_when_http("", &t));
}
END_TEST

static const char date[] = "date\0Mon, 23 Nov 2026 12:00:00 GMT";

static void answer(struct sk_aws_reply *r, const char *type)
{
	memset(r, 0, sizeof(*r));
	r->status = 403;
	strcpy(r->type, type);
	ck_assert(sk_buf_put(&r->headers, date, sizeof(date)));
}

START_TEST(a_clock_is_wrong_only_when_aws_says_so_and_its_own_is_far_away)
{
	struct sk_aws_reply r;
	int64_t ahead;

	answer(&r, "InvalidSignatureException");
	ck_assert(sk_retry_skew(&r, 1795435200 - 3600, &ahead));
	ck_assert_int_eq(ahead, 3600);
	ck_assert(sk_retry_skew(&r, 1795435200 + 300, &ahead));
	ck_assert_int_eq(ahead, -300);
	ck_assert(!sk_retry_skew(&r, 1795435200 + 200, &ahead));
	sk_aws_reply_free(&r);
	answer(&r, "AccessDenied");
	ck_assert(!sk_retry_skew(&r, 1795435200 - 3600, &ahead));
	sk_aws_reply_free(&r);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, an_answer_says_whether_another_try_may_help, 0,
	    sizeof(kinds) / sizeof(*kinds));
	tcase_add_loop_test(t, the_wait_doubles_and_jitters_within_bounds, 0,
	    sizeof(delays) / sizeof(*delays));
	tcase_add_test(t, tries_are_paid_for_and_success_pays_back);
	tcase_add_loop_test(t, times_are_read_as_aws_writes_them, 0,
	    sizeof(iso) / sizeof(*iso));
	tcase_add_test(t, times_are_read_as_http_writes_them);
	tcase_add_test(t,
	    a_clock_is_wrong_only_when_aws_says_so_and_its_own_is_far_away);
}

int main(void)
{
	return check_main("retry", setup);
}
