/* SPDX-License-Identifier: MIT */
#include "store/shard.h"

#include <errno.h>
#include <sys/random.h>

void sk_write_id_hex(struct sk_write_id id, char out[33])
{
	static const char digit[] = "0123456789abcdef";
	int i;

	for (i = 0; i < 16; i++) {
		out[2 * i] = digit[id.b[i] >> 4];
		out[2 * i + 1] = digit[id.b[i] & 15];
	}
	out[32] = 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool sk_write_id_parse(struct sk_write_id *id, const char *hex)
{
	int i, hi, lo;

	for (i = 0; i < 16; i++) {
		hi = nibble(hex[2 * i]);
		lo = hi < 0 ? -1 : nibble(hex[2 * i + 1]);
		if (lo < 0)
			return false;
		id->b[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

int sk_write_id_new(struct sk_write_id *id, struct snek_error *e)
{
	ssize_t k;

	do
		k = getrandom(id->b, sizeof(id->b), 0);
	while (k < 0 && errno == EINTR);
	if (k != (ssize_t)sizeof(id->b))
		return sk_fail_errno(e, "getrandom");
	return 0;
}
