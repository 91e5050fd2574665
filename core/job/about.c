/* SPDX-License-Identifier: MIT */
#include "job/about.h"

#include "exec/wire.h"

#define FORMAT 1u               /* of what follows it */

int sk_about_put(const struct sk_plugin *p, uint32_t i,
    struct sk_meta_function *m, struct snek_error *e)
{
	struct sk_plugin one = *p;
	struct sk_put w = { { 0 }, false };
	int rc;

	one.op = &p->op[i];
	one.ops = 1;
	sk_put_u8(&w, FORMAT);
	sk_put_plugin(&w, &one);
	rc = w.nomem ? sk_enomem(e) : 0;
	m->about_n = 0;
	if (!rc && w.buf.n <= sizeof(m->about)) {
		memcpy(m->about, w.buf.p, w.buf.n);
		m->about_n = (uint32_t)w.buf.n;
	}
	sk_buf_free(&w.buf);
	return rc;
}

int sk_about_get(const struct sk_meta_function *m, struct sk_plugin **out,
    struct snek_error *e)
{
	struct sk_get r = { m->about, m->about_n, false };
	int rc;

	if (sk_get_u8(&r) != FORMAT)
		return sk_fail(e, SNEK_EVERSION, "function %s: its record does "
		    "not describe it, so that it cannot run where no plugin is "
		    "loaded; add it again with snek-add-function", m->name);
	rc = sk_get_plugin(&r, out, e);
	return rc ? sk_fail_in(e, rc, "function %s", m->name) : 0;
}
