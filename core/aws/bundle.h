/* SPDX-License-Identifier: MIT */
/* bundle.h - the parts of a bundle while it is made. */
#ifndef SK_BUNDLE_H
#define SK_BUNDLE_H
#include "aws/aws.h"
#include "aws/closure.h"
#include "aws/layout.h"

#define SK_BUNDLE_LOADER "snek/ld.so"

struct sk_bundler {
	const struct sk_bundle_options *set;
	unsigned machine;               /* the plugin's */
	char *worker;                   /* paths: of the program that runs; */
	char *launcher;
	char *tls, *aws;                /* NULL: it goes without */
	char *snek, *runner;            /* beside snek-api, the command and its
					 * worker; or NULL */
	struct sk_closure closure;
	const struct sk_object *loader, *plugin;
	struct sk_layout layout;
};

/* bundle_programs.c: where our programs are, and that they are for one machine:
 * the plugin's, or their own.  SNEK_ENOENT, SNEK_EABI. */
int sk_bundle_find_programs(struct sk_bundler *, struct snek_error *);
/* As Lambda says; NULL: it runs none such. */
const char *sk_bundle_arch(unsigned machine);

/* bundle_api.c: what snek-api may load: modules, shipped plugins; and the
 * command with its worker. */
int sk_bundle_add_loaded(struct sk_bundler *, struct snek_error *);

/* bundle_about.c: whose it all is, snek/copyright/, and what, snek/manifest. */
int sk_bundle_add_about(struct sk_bundler *, struct snek_error *);

/* The name that an object has in the bundle. */
const char *sk_bundle_name(const struct sk_bundler *, const struct sk_object *,
    char buf[300]);
#endif
