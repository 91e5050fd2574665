/* SPDX-License-Identifier: MIT */
#include "host/admit.h"

uint32_t sk_admit_unreserved(const struct sk_registry *r, uint32_t account)
{
	const struct sk_function *f;

	for (f = r->first; f; f = f->next)
		if (f->reserved > 0)
			account -= f->reserved < account ?
			    (uint32_t)f->reserved : account;
	return account;
}

const char *sk_admit(uint32_t unreserved, uint32_t running,
    const struct sk_function *f)
{
	if (f->reserved >= 0)
		return f->running < f->reserved ? NULL : SK_ADMIT_RESERVED;
	return running < unreserved ? NULL : SK_ADMIT_ACCOUNT;
}
