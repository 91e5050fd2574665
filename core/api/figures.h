/* SPDX-License-Identifier: MIT */
/* figures.h - how a query stands, and why it failed, as members of an object;
 * written by who runs it and read by who asked. */
#ifndef SK_API_FIGURES_H
#define SK_API_FIGURES_H
#include <snek/snek.h>

#include "api/object.h"

void sk_figures_put(struct sk_object *, const struct snek_job_stat *);
/* Of them those of functions' calls, if there were any. */
void sk_figures_put_calls(struct sk_object *, const struct snek_job_stat *);
void sk_figures_get(const struct sk_record *, struct snek_job_stat *);

/* "error":{...}; text "": what the code is called. */
void sk_figures_put_error(struct sk_object *, int code, const char *text);
/* Fills the error and returns its code; SNEK_EINTERNAL for one that nobody
 * knows. */
int sk_figures_get_error(const struct sk_record *, struct snek_error *);
#endif
