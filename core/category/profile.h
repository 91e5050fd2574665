/* SPDX-License-Identifier: MIT */
/*
 * profile.h - clusters by name, in snek.conf.
 *
 * The file, read line by line ("#" begins a comment line; a value is the rest
 * of its line, without blanks around it):
 *
 *   [packages]
 *   cluster = rediss://10.0.0.5:6379      where the meta store is; or a
 *                                         directory
 *   user = app                            to prove who we are
 *   password = ...                        or password-file = PATH
 *   ca-file = PATH                        TLS; also cert-file, key-file
 *   server-name = NAME                    that certificates must show
 *   token-file = PATH                     of a gateway (cluster is its URL)
 *   allow-eviction = yes                  servers may drop data when full
 *   server = rediss://app:...@10.0.0.6    what one server asks for itself;
 *                                         any number of lines
 *   mapper = rediss://map:...@10.0.0.6    who workers and functions are to it
 *   lambda-region = eu-west-1             where its functions go at AWS; also
 *                                         lambda-role, -endpoint, -bucket,
 *                                         -memory, -timeout, -subnets,
 *                                         -security-groups, -stack,
 *                                         -log-retention,
 *                                         aws-profile (target.h)
 *
 * Looked for in $SNEK_CONFIG alone if that is set, else in ./snek.conf,
 * $XDG_CONFIG_HOME/snek/snek.conf (or ~/.config/...) and /etc/snek/snek.conf;
 * the first that has the profile counts.  A file that somebody else could have
 * written (not root, not we) is refused, and so is one with a password that
 * others can read.
 */
#ifndef SK_PROFILE_H
#define SK_PROFILE_H
#include "base/buf.h"
#include "base/err.h"

struct sk_profile {
	char *file;                     /* it was found in; NULL: none */
	unsigned line;                  /* where it begins */
	char *cluster;
	char *user, *password, *password_file;
	char *ca_file, *cert_file, *key_file, *server_name;
	char *allow_eviction;           /* "yes", or NULL */
	char *token_file;
	char *lambda_region, *lambda_role, *lambda_endpoint, *lambda_bucket;
	char *lambda_memory, *lambda_timeout, *aws_profile;
	char *lambda_log_retention;
	char *lambda_subnets, *lambda_security_groups, *lambda_stack;
	char **server, **mapper;
	size_t servers, mappers;
};

/* Does a text name a cluster by a profile?  Not a URL, not a path. */
bool sk_profile_is_name(const char *);

/* SNEK_ENOENT with text when no file has it; SNEK_EFORMAT with file and line;
 * SNEK_EACCES. */
int sk_profile_find(const char *name, struct sk_profile *, struct snek_error *);
void sk_profile_free(struct sk_profile *);
/* Visit each, file by file, as long as visit returns 0; what it returned. */
int sk_profile_visit(int (*visit)(void *, const char *name,
    const struct sk_profile *), void *, struct snek_error *);

/* The file that saved profiles go to: $SNEK_CONFIG or the user's own, with a
 * NUL. */
int sk_profile_path(struct sk_buf *, struct snek_error *);
/* Put it there (mode 0600, its directory being made), in place of one of the
 * name; the rest of the file stays as it is. */
int sk_profile_save(const char *name, const struct sk_profile *,
    struct snek_error *);
/* 0 too when there was none. */
int sk_profile_remove(const char *name, struct snek_error *);
#endif
