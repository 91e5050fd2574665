/* SPDX-License-Identifier: MIT */
/*
 * settings.h - what options, environment and the files under ~/.aws say.
 * Texts that are found live as long as the struct, or the environment.
 */
#ifndef SK_SETTINGS_H
#define SK_SETTINGS_H
#include "aws/aws.h"
#include "aws/ini.h"

struct sk_settings {
	struct sk_ini config, credentials;
	char *config_path, *credentials_path;   /* NULL: no home directory */
	char *profile;
	bool by_option;                 /* the profile was asked for: keys in
					 * the environment do not count */
	char *region, *endpoint;        /* NULL: none is said */
};

/* Only what is wrong with the files themselves, or a profile that was named
 * and is nowhere, is a failure. */
int sk_settings_open(const struct sk_aws_options *, struct sk_settings *,
    struct snek_error *);
void sk_settings_close(struct sk_settings *);

/* The environment's; NULL: unset or empty. */
const char *sk_settings_env(const char *name);
/* A profile's, of either file; NULL: it does not say. */
const char *sk_settings_profile(const struct sk_settings *, const char *profile,
    const char *key);
/* Of the config file alone. */
const char *sk_settings_config(const struct sk_settings *, const char *profile,
    const char *key);
bool sk_settings_has_profile(const struct sk_settings *, const char *profile);
/* The environment's, else our profile's. */
const char *sk_settings_get(const struct sk_settings *, const char *name,
    const char *key);
bool sk_settings_is(const struct sk_settings *, const char *name,
    const char *key);                   /* "true" */
/* The same as a number from 1; 0: it is not said. */
int sk_settings_number(const struct sk_settings *, const char *name,
    const char *key, uint32_t max, uint32_t *, struct snek_error *);

/* A name that may stand in a host's. */
int sk_settings_check_region(const char *, struct snek_error *);
#endif
