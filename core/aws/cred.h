/* SPDX-License-Identifier: MIT */
/*
 * cred.h - who we are to AWS: the first of the usual places that knows.
 * cred.c asks them in AWS's order; each is a function of a file cred_*.c.
 */
#ifndef SK_CRED_H
#define SK_CRED_H
#include "aws/settings.h"
#include "aws/sign.h"

struct sk_cred {
	char *key_id, *secret, *token;  /* token: NULL but for sessions */
	int64_t expires;                /* seconds since 1970; 0: never */
	char source[160];               /* which place it was, for people */
	struct sk_sign_key signing;     /* of the secret */
};

void sk_cred_free(struct sk_cred *);
/* SNEK_EACCES: there are none, and the text lists the places; or one that
 * should have them did not give them. */
int sk_cred_find(const struct sk_settings *, struct sk_cred *,
    struct snek_error *);

/* ---- for cred_*.c ---- */

struct sk_json;
struct sk_xml_node;

struct sk_visit {               /* a profile whose role is being assumed */
	const char *profile;
	const struct sk_visit *before;
};

struct sk_chain {
	const struct sk_settings *settings;
	const char *profile;            /* whose place it is */
	bool environment;               /* it counts */
	const struct sk_visit *visited;
	struct sk_buf not_there;        /* places, and why they are none */
};

#define SK_CRED_NOT 1           /* this place is not where they are */

/* SK_CRED_NOT: after sk_cred_not alone. */
typedef int sk_cred_place(struct sk_chain *, struct sk_cred *,
    struct snek_error *);

sk_cred_place sk_cred_environment, sk_cred_role, sk_cred_web, sk_cred_sso,
    sk_cred_shared, sk_cred_login, sk_cred_process, sk_cred_config, sk_cred_container,
    sk_cred_instance;

__attribute__((format(printf, 2, 3)))
int sk_cred_not(struct sk_chain *, const char *fmt, ...);       /* SK_CRED_NOT */

/* The setting of the chain's profile. */
const char *sk_cred_setting(const struct sk_chain *, const char *key);

/* Of any of the profile's own places. */
int sk_cred_of_profile(const struct sk_chain *, const char *profile,
    const struct sk_visit *, struct sk_cred *, struct snek_error *);

/* Copies; SNEK_EACCES when one is missing or holds what a header cannot. */
int sk_cred_set(struct sk_cred *, const char *key_id, const char *secret,
    const char *token, struct snek_error *);

/* From an object at path ("" or "a."), whose names differ from place to place
 * in how they begin and in the token's. */
struct sk_cred_names {
	const char *key_id, *secret, *token, *expires;
};
int sk_cred_read(const struct sk_json *, const struct sk_cred_names *,
    struct sk_cred *, struct snek_error *);

/* One form to STS, signed by who (NULL: not at all). */
int sk_cred_sts(const struct sk_chain *, const struct sk_cred *who,
    const char *action, const struct sk_buf *form, struct sk_cred *,
    struct snek_error *);
bool sk_cred_form(struct sk_buf *, const char *name, const char *value);

/* cred_cache.c: sessions of roles, in $XDG_CACHE_HOME/snek. */
bool sk_cred_cache_get(const char *hash, int64_t now, struct sk_cred *);
void sk_cred_cache_put(const char *hash, const struct sk_cred *);

/* cred_tty.c: six or more digits from the terminal. */
int sk_cred_ask_code(const char *profile, const char *device, char code[16],
    struct snek_error *);
#endif
