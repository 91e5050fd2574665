/* SPDX-License-Identifier: MIT */
#include "store/tls.h"

#include <dlfcn.h>
#include <stdlib.h>

/* $SNEK_TLS, as $SNEK_WORKER, is for who runs what is not installed. */
static const char *module(void)
{
	const char *own = secure_getenv("SNEK_TLS");

	return own ? own : SNEK_PLUGINDIR "/modules/snek-tls.so";
}

/* Never unloaded: its libraries have ends of threads and of the process to
 * wait for. */
int sk_tls_load(const struct sk_tls_ops **out, struct snek_error *e)
{
	void *so = dlopen(module(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	const struct sk_tls_ops *ops = so ? dlsym(so, SK_TLS_SYMBOL) : NULL;

	if (!ops)
		return sk_fail(e, SNEK_EINVAL, "rediss:// needs the module %s, "
		    "which cannot be loaded: %s", module(), dlerror());
	if (ops->version != SK_TLS_VERSION)
		return sk_fail(e, SNEK_EVERSION, "%s is of another version of snek",
		    module());
	*out = ops;
	return 0;
}
