/* SPDX-License-Identifier: MIT */
/* hash.h - hashes that are the same on every machine. */
#ifndef SK_HASH_H
#define SK_HASH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * 64 bits of any bytes, for tables and partitions: 8-byte words folded by a
 * 64 x 64 -> 128 bit multiplication, after wyhash by Wang Yi.  Not for
 * adversaries who know the seed.  Little-endian machines only, as the formats.
 */
#define SK_HASH_K0 0xa0761d6478bd642full
#define SK_HASH_K1 0xe7037ed1a0b428dbull

static inline uint64_t sk_mix(uint64_t a, uint64_t b)
{
	__uint128_t r = (__uint128_t)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint64_t sk_load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

/* The n <= 8 bytes at p as one number; equal n and number mean equal bytes. */
static inline uint64_t sk_load_short(const void *p, size_t n)
{
	const uint8_t *s = p;
	uint32_t a, b;

	if (n >= 4) {
		memcpy(&a, s, 4);
		memcpy(&b, s + n - 4, 4);
		return a | (uint64_t)b << 32;
	}
	if (!n)
		return 0;
	return s[0] | (uint64_t)s[n / 2] << 8 | (uint64_t)s[n - 1] << 16;
}

/* For names, which are short: no call. */
static inline bool sk_same_bytes(const char *a, const char *b, size_t n)
{
	size_t i;

	if (n <= 8)
		return sk_load_short(a, n) == sk_load_short(b, n);
	for (i = 0; i + 8 < n; i += 8)
		if (sk_load64(a + i) != sk_load64(b + i))
			return false;
	return sk_load64(a + n - 8) == sk_load64(b + n - 8);
}

static inline uint64_t sk_hash64(const void *p, size_t n, uint64_t seed)
{
	const char *s = p;
	uint64_t h = seed ^ SK_HASH_K0 ^ n * SK_HASH_K1;
	size_t i;

	if (n <= 8)
		return sk_mix(sk_mix(h ^ sk_load_short(s, n), SK_HASH_K1), SK_HASH_K0);
	for (i = 0; i + 8 < n; i += 8)
		h = sk_mix(h ^ sk_load64(s + i), SK_HASH_K1);
	return sk_mix(sk_mix(h ^ sk_load64(s + n - 8), SK_HASH_K1), SK_HASH_K0);
}

/* A 128-bit digest of a stream of items, whatever buffers they came in: two
 * lanes of sk_hash64 over each item, chained.  Not cryptographic: it tells a
 * retried write from another one, not from a forged one. */
struct sk_digest {
	uint64_t a, b;
};
void sk_digest_init(struct sk_digest *);
void sk_digest_add(struct sk_digest *, const void *item, size_t n);

/* CRC32C (Castagnoli, RFC 3720 B.4), continued from crc; begin with 0. */
uint32_t sk_crc32c(uint32_t crc, const void *p, size_t n);

/* SHA-256 (FIPS 180-4) as 64 hex digits and a NUL.  Ours, because a plugin's
 * identity must not depend on which optional libraries were built in. */
void sk_sha256_hex(const void *p, size_t n, char out[65]);
#endif
