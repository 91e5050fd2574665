/* SPDX-License-Identifier: MIT */
#include "store/tls.h"

int sk_tls_load(const struct sk_tls_ops **out, struct snek_error *e)
{
	(void)out;
	return sk_fail(e, SNEK_EINVAL, "rediss:// needs TLS, which this snek was "
	    "built without (configure found no OpenSSL)");
}
