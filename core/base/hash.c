/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <stdbool.h>
#include <stdio.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

void sk_digest_init(struct sk_digest *d)
{
	d->a = SK_HASH_K0;
	d->b = SK_HASH_K1;
}

void sk_digest_add(struct sk_digest *d, const void *item, size_t n)
{
	uint64_t x = sk_hash64(item, n, d->a);
	uint64_t y = sk_hash64(item, n, ~d->b);

	d->a = sk_mix(d->a ^ x, SK_HASH_K1) + y;
	d->b = sk_mix(d->b ^ y, SK_HASH_K0) + (x << 1 | x >> 63);
}

/* ---- CRC32C: by table, or by the processor's instruction ---- */

#define CRC_POLY 0x82f63b78u    /* reflected 0x1EDC6F41 */

static uint32_t crc_step(uint32_t c)
{
	int k;

	for (k = 0; k < 8; k++)
		c = c >> 1 ^ (c & 1 ? CRC_POLY : 0);
	return c;
}

static uint32_t crc_plain(uint32_t c, const uint8_t *s, size_t n)
{
	uint32_t table[256];
	uint32_t i;

	for (i = 0; i < 256; i++)
		table[i] = crc_step(i);
	while (n--)
		c = c >> 8 ^ table[(c ^ *s++) & 255];
	return c;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2")))
static uint32_t crc_sse42(uint32_t c, const uint8_t *s, size_t n)
{
	uint64_t c64 = c;

	for (; n >= 8; s += 8, n -= 8)
		c64 = _mm_crc32_u64(c64, sk_load64(s));
	c = (uint32_t)c64;
	while (n--)
		c = _mm_crc32_u8(c, *s++);
	return c;
}

/*
 * The instruction takes 3 cycles but can begin in each, so three neighbouring
 * stretches are taken at a time.  Of a CRC before m more bytes of zero it makes
 * crc * x^(8 m); with k = x^(8 m - 33) mod P, bits reflected, the carry-less
 * product with k and one more step of the instruction (times x^32, and x for
 * the reflection) come to the same.
 */
struct stretch {
	size_t bytes;
	uint64_t one, two;      /* k for m = bytes and m = 2 * bytes */
};

__attribute__((target("sse4.2,pclmul")))
static inline uint64_t crc_shift(uint64_t c, uint64_t k)
{
	__m128i r = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)c),
	    _mm_cvtsi64_si128((long long)k), 0);

	return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(r));
}

__attribute__((target("sse4.2,pclmul")))
static uint32_t crc_three(uint32_t crc, const uint8_t *s, size_t n)
{
	static const struct stretch of[] = {
		{ 1024, 0x170076fa, 0xa51b6135 },
		{ 128, 0x0d3b6092, 0xb9e02b86 },
	};
	uint64_t a = crc, b, c;
	size_t i, k;

	for (k = 0; k < sizeof(of) / sizeof(*of); k++) {
		const size_t m = of[k].bytes;

		for (; n >= 3 * m; s += 3 * m, n -= 3 * m) {
			b = c = 0;
			for (i = 0; i < m; i += 8) {
				a = _mm_crc32_u64(a, sk_load64(s + i));
				b = _mm_crc32_u64(b, sk_load64(s + m + i));
				c = _mm_crc32_u64(c, sk_load64(s + 2 * m + i));
			}
			a = crc_shift(a, of[k].two) ^ crc_shift(b, of[k].one) ^ c;
		}
	}
	return crc_sse42((uint32_t)a, s, n);
}

static uint32_t crc_any(uint32_t c, const uint8_t *s, size_t n)
{
	if (!__builtin_cpu_supports("sse4.2"))
		return crc_plain(c, s, n);
	return __builtin_cpu_supports("pclmul") ? crc_three(c, s, n)
	    : crc_sse42(c, s, n);
}
#else
#define crc_any crc_plain
#endif

uint32_t sk_crc32c(uint32_t crc, const void *p, size_t n)
{
	return ~crc_any(~crc, p, n);
}

/* ---- SHA-256 ---- */

static const uint32_t sha_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t ror(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void sha_schedule(uint32_t w[64], const uint8_t *p)
{
	uint32_t a, b;
	int i;

	for (i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		    (uint32_t)p[2] << 8 | p[3];
	for (; i < 64; i++) {
		a = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
		b = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
}

static void sha_block(uint32_t h[8], const uint8_t *p)
{
	uint32_t w[64], s[8], t1, t2;
	int i;

	sha_schedule(w, p);
	memcpy(s, h, sizeof(s));
	for (i = 0; i < 64; i++) {
		t1 = s[7] + (ror(s[4], 6) ^ ror(s[4], 11) ^ ror(s[4], 25)) +
		    ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha_k[i] + w[i];
		t2 = (ror(s[0], 2) ^ ror(s[0], 13) ^ ror(s[0], 22)) +
		    ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (i = 0; i < 8; i++)
		h[i] += s[i];
}

static size_t sha_tail(uint8_t tail[128], const uint8_t *p, size_t left, uint64_t n)
{
	size_t size = left < 56 ? 64 : 128;
	int i;

	memset(tail, 0, 128);
	if (left)
		memcpy(tail, p, left);
	tail[left] = 0x80;
	for (i = 0; i < 8; i++)
		tail[size - 1 - (size_t)i] = (uint8_t)(n * 8 >> (8 * i));
	return size;
}

void sk_sha256_hex(const void *data, size_t n, char out[65])
{
	uint32_t h[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};
	const uint8_t *p = data;
	uint8_t tail[128];
	size_t i, size;

	for (i = 0; i + 64 <= n; i += 64)
		sha_block(h, p + i);
	size = sha_tail(tail, p ? p + i : tail, n - i, n);
	for (i = 0; i < size; i += 64)
		sha_block(h, tail + i);
	for (i = 0; i < 8; i++)
		snprintf(out + 8 * i, 9, "%08x", (unsigned)h[i]);
}
