/* SPDX-License-Identifier: MIT */
/*
 * redis_script.c - a script by its digest.  NOSCRIPT means that nothing was
 * done; the text is then sent once (EVAL), by which the server learns it.
 */
#include "store/redis_parts.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- SHA-1 (FIPS 180-4), by which servers name scripts ---- */

static uint32_t left(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

static void spread(const uint8_t block[64], uint32_t w[80])
{
	int i;

	for (i = 0; i < 16; i++, block += 4)
		w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
		    (uint32_t)block[2] << 8 | block[3];
	for (; i < 80; i++)
		w[i] = left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
}

static uint32_t mix(int i, const uint32_t h[5])
{
	uint32_t b = h[1], c = h[2], d = h[3];

	if (i < 20)
		return ((b & c) | (~b & d)) + 0x5a827999;
	if (i < 40)
		return (b ^ c ^ d) + 0x6ed9eba1;
	if (i < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	return (b ^ c ^ d) + 0xca62c1d6;
}

static void fold(uint32_t state[5], const uint8_t block[64])
{
	uint32_t w[80], h[5], t;
	int i;

	spread(block, w);
	memcpy(h, state, sizeof(h));
	for (i = 0; i < 80; i++) {
		t = left(h[0], 5) + mix(i, h) + h[4] + w[i];
		h[4] = h[3];
		h[3] = h[2];
		h[2] = left(h[1], 30);
		h[1] = h[0];
		h[0] = t;
	}
	for (i = 0; i < 5; i++)
		state[i] += h[i];
}

void sk_redis_sha1_hex(const void *p, size_t n, char out[41])
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
	    0xc3d2e1f0 };
	const uint8_t *s = p;
	uint8_t tail[128] = { 0 };
	size_t rest = n % 64, last = rest < 56 ? 64 : 128, i;
	uint64_t bits = (uint64_t)n * 8;

	for (i = 0; i + 64 <= n; i += 64)
		fold(h, s + i);
	if (rest)
		memcpy(tail, s + i, rest);
	tail[rest] = 0x80;
	for (i = 0; i < 8; i++)
		tail[last - 1 - i] = (uint8_t)(bits >> 8 * i);
	for (i = 0; i < last; i += 64)
		fold(h, tail + i);
	for (i = 0; i < 5; i++)
		snprintf(out + 8 * i, 9, "%08x", h[i]);
}

/* ---- calling ---- */

static void name_it(sk_redis *r, struct sk_script *s)
{
	pthread_mutex_lock(&r->loop->lock);
	if (!s->sha1[0])
		sk_redis_sha1_hex(s->text, strlen(s->text), s->sha1);
	pthread_mutex_unlock(&r->loop->lock);
}

static bool is_unknown(const struct sk_reply *reply)
{
	static const char word[] = "NOSCRIPT";

	return reply->type == SK_REPLY_ERROR &&
	    reply->text.n >= sizeof(word) - 1 &&
	    !memcmp(reply->text.p, word, sizeof(word) - 1);
}

static int judge(sk_redis *r, const struct sk_script *s, struct sk_answer *out,
    struct snek_error *e)
{
	struct sk_redis_verdict v;

	if (out->reply.type != SK_REPLY_ERROR)
		return 0;
	v = sk_redis_judge(r->name, out->reply.text, e);
	sk_answer_free(out);
	return sk_fail_in(e, v.rc, "script %s", s->name);
}

int sk_redis_script_with(sk_redis *r, struct sk_script *s, size_t keys,
    const struct sk_command *like, struct sk_answer *out, struct snek_error *e)
{
	struct sk_command c = *like;
	struct sk_span *arg = malloc((like->args + 3) * sizeof(*arg));
	char number[24];
	int rc;

	if (!arg)
		return sk_enomem(e);
	name_it(r, s);
	if (!c.deadline_ms)
		c.deadline_ms = sk_clock_ms() + SK_REDIS_REPLY_MS;
	snprintf(number, sizeof(number), "%zu", keys);
	arg[0] = sk_span_text("EVALSHA");
	arg[1] = sk_span_text(s->sha1);
	arg[2] = sk_span_text(number);
	if (like->args)
		memcpy(arg + 3, like->arg, like->args * sizeof(*arg));
	c.arg = arg;
	c.args = like->args + 3;
	c.raw_errors = true;
	rc = sk_redis_call(r, &c, out, e);
	if (!rc && is_unknown(&out->reply)) {
		sk_answer_free(out);
		arg[0] = sk_span_text("EVAL");
		arg[1] = sk_span_text(s->text);
		rc = sk_redis_call(r, &c, out, e);
	}
	free(arg);
	if (rc)
		return rc;
	return like->raw_errors ? 0 : judge(r, s, out, e);
}

int sk_redis_script(sk_redis *r, struct sk_script *s, size_t keys,
    const struct sk_span *arg, size_t args, struct sk_answer *out,
    struct snek_error *e)
{
	struct sk_command like = { .arg = arg, .args = args };

	return sk_redis_script_with(r, s, keys, &like, out, e);
}
