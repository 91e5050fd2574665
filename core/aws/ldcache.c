/* SPDX-License-Identifier: MIT */
/*
 * What ldconfig writes, which is nowhere promised but has not changed since
 * glibc 2.2, little-endian:
 *
 *   "glibc-ld.so.cache1.1", u32 entries, u32 bytes of strings, 20 bytes
 *   entries, each: s32 flags, u32 name, u32 path, u32 osversion, u64 hwcap
 *   strings, each with its NUL; name and path count from the magic
 *
 * Before glibc 2.32 an older cache came first:
 *
 *   "ld.so-1.7.0", a NUL, u32 entries, entries of 12 bytes; then up to 8
 */
#include "aws/ldcache.h"

#define MAGIC "glibc-ld.so.cache1.1"
#define OLD_MAGIC "ld.so-1.7.0"
#define HEAD 48u

struct entry {
	int32_t flags;
	uint32_t name, path, osversion;
	uint64_t hwcap;
};

static bool get(struct sk_span s, uint64_t at, void *to, size_t n)
{
	if (at > s.n || n > s.n - at)
		return false;
	memcpy(to, (const char *)s.p + at, n);
	return true;
}

static const char *string(struct sk_span s, uint32_t at)
{
	const char *p = s.p;

	return at < s.n && memchr(p + at, '\0', s.n - at) ? p + at : NULL;
}

static struct sk_span skip_old(struct sk_span s)
{
	char magic[sizeof(OLD_MAGIC)];
	uint64_t end;
	uint32_t n;

	if (!get(s, 0, magic, sizeof(magic)) ||
	    memcmp(magic, OLD_MAGIC, sizeof(magic)) || !get(s, 12, &n, 4))
		return s;
	end = (16 + (uint64_t)n * 12 + 7) / 8 * 8;
	if (end > s.n)
		return (struct sk_span){ NULL, 0 };
	return (struct sk_span){ (const char *)s.p + end, s.n - end };
}

const char *sk_ldcache_next(struct sk_span cache, const char *name, uint32_t *i)
{
	struct sk_span s = skip_old(cache);
	char magic[sizeof(MAGIC) - 1];
	const char *found;
	struct entry e;
	uint32_t n;

	if (!get(s, 0, magic, sizeof(magic)) ||
	    memcmp(magic, MAGIC, sizeof(magic)) || !get(s, 20, &n, 4))
		return NULL;
	while (*i < n && get(s, HEAD + (uint64_t)*i * sizeof(e), &e, sizeof(e))) {
		++*i;
		found = e.hwcap ? NULL : string(s, e.name);
		if (found && !strcmp(found, name))
			return string(s, e.path);
	}
	return NULL;
}
