/* SPDX-License-Identifier: MIT */
#include "aws/retry.h"
#include "aws/when.h"

enum {
	QUOTA = 500, TRANSIENT_COST = 14, THROTTLED_COST = 5, SUCCESS_GIVES = 1,
	TRANSIENT_MS = 50, THROTTLED_MS = 1000, DELAY_MAX_MS = 20000,
	AFTER_MAX_MS = 5000,            /* above what we would have waited */
	SKEW = 240,                     /* seconds; AWS forgives 300 */
};

static const char *const throttled[] = {
	"BandwidthLimitExceeded", "EC2ThrottledException",
	"LimitExceededException", "PriorRequestNotComplete",
	"ProvisionedThroughputExceededException", "RequestLimitExceeded",
	"RequestThrottled", "RequestThrottledException", "SlowDown",
	"Throttling", "ThrottledException", "ThrottlingException",
	"TooManyRequestsException", "TransactionInProgressException", NULL,
};
static const char *const transient[] = {
	"IDPCommunicationError", "RequestTimeout", "RequestTimeoutException",
	NULL,
};

/* A signature that does not match may be one of another hour. */
static const char *const skewed[] = {
	"AuthFailure", "InvalidSignatureException", "RequestExpired",
	"RequestInTheFuture", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
	NULL,
};
static const char *const expired[] = {
	"ExpiredToken", "ExpiredTokenException", "RequestExpired", NULL,
};

static bool is_one_of(const char *type, const char *const *of)
{
	while (*of && strcmp(*of, type))
		of++;
	return *of;
}

enum sk_retry sk_retry_kind(const struct sk_aws_reply *r)
{
	if (r->code == SNEK_EAGAIN || r->code == SNEK_ETIMEDOUT)
		return SK_RETRY_TRANSIENT;
	if (r->code || r->status < 300)
		return SK_RETRY_NO;
	if (r->status == 429 || is_one_of(r->type, throttled))
		return SK_RETRY_THROTTLED;
	if (r->status == 500 || r->status == 502 || r->status == 503 ||
	    r->status == 504 || is_one_of(r->type, transient))
		return SK_RETRY_TRANSIENT;
	return SK_RETRY_NO;
}

int64_t sk_retry_delay(enum sk_retry kind, uint32_t tries, int64_t after,
    uint32_t chance)
{
	int64_t ms = kind == SK_RETRY_THROTTLED ? THROTTLED_MS : TRANSIENT_MS;

	while (--tries && ms < DELAY_MAX_MS)
		ms *= 2;
	ms = ms < DELAY_MAX_MS ? ms : DELAY_MAX_MS;
	ms = (int64_t)((uint64_t)ms * chance >> 32);
	if (after <= ms)
		return ms;
	return after < ms + AFTER_MAX_MS ? after : ms + AFTER_MAX_MS;
}

bool sk_retry_skew(const struct sk_aws_reply *r, int64_t now, int64_t *ahead)
{
	const char *date = sk_aws_reply_header(r, "date");
	int64_t there;

	if (r->code || !is_one_of(r->type, skewed) || !date ||
	    !sk_when_http(date, &there))
		return false;
	*ahead = there - now;
	return *ahead >= SKEW || *ahead <= -SKEW;
}

bool sk_retry_expired(const struct sk_aws_reply *r)
{
	return !r->code && is_one_of(r->type, expired);
}

static uint32_t cost_of(enum sk_retry kind)
{
	return kind == SK_RETRY_THROTTLED ? THROTTLED_COST : TRANSIENT_COST;
}

bool sk_quota_take(struct sk_quota *q, enum sk_retry kind)
{
	if (q->spent + cost_of(kind) > QUOTA)
		return false;
	q->spent += cost_of(kind);
	return true;
}

void sk_quota_give(struct sk_quota *q, enum sk_retry last)
{
	uint32_t n = last == SK_RETRY_NO ? SUCCESS_GIVES : cost_of(last);

	q->spent -= n < q->spent ? n : q->spent;
}
