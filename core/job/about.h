/* SPDX-License-Identifier: MIT */
/* about.h - an op as it describes itself, in its function's record: for where no
 * plugin is loaded to be asked. */
#ifndef SK_ABOUT_H
#define SK_ABOUT_H
#include "store/meta.h"
#include "task/plugin.h"

/* Note op i.  One that says too much of itself to be noted is left out. */
int sk_about_put(const struct sk_plugin *, uint32_t i, struct sk_meta_function *,
    struct snek_error *);
/* A plugin with that op, without code.  SNEK_EVERSION: it was not noted, or by
 * a release that does it otherwise. */
int sk_about_get(const struct sk_meta_function *, struct sk_plugin **,
    struct snek_error *);
#endif
