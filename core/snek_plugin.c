/* SPDX-License-Identifier: MIT */
/* snek_plugin.c - the front door to plugin files. */
#include "handle.h"

#include "task/lint.h"

struct visit {
	int (*visit)(void *, const struct snek_lint_finding *);
	void *arg;
};

static int found(void *arg, uint32_t verdict, const char *check,
    const char *text, const char *cure)
{
	const struct visit *v = arg;
	struct snek_lint_finding f = {
		.size = sizeof(f), .verdict = verdict, .check = check,
		.text = text, .cure = cure,
	};

	return v->visit(v->arg, &f);
}

int snek_plugin_lint(const char *path,
    int (*visit)(void *, const struct snek_lint_finding *), void *arg,
    struct snek_error *e)
{
	struct visit v = { visit, arg };
	int rc = sk_need(path, "plugin file", e);

	if (!rc)
		rc = sk_need((const void *)(uintptr_t)visit,
		    "function to visit with", e);
	return rc ? rc : sk_lint(path, found, &v, e);
}
