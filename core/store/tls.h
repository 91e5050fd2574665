/* SPDX-License-Identifier: MIT */
/*
 * tls.h - TLS over a connected, non-blocking socket.  It lives in a module of
 * its own, snek-tls.so, so that only who speaks TLS pays for its libraries.
 */
#ifndef SK_TLS_H
#define SK_TLS_H
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

#define SK_TLS_VERSION 1u       /* of this struct */
#define SK_TLS_SYMBOL "snek_tls_ops"

struct sk_tls_files {           /* PEM; NULL: the system's CAs, no certificate */
	const char *ca, *cert, *key;
};

/* greet, read and write: 0 means that the socket is not ready; write_next says
 * which way.  Failures leave the session of no use but to be freed. */
struct sk_tls_ops {
	unsigned version;
	int (*context_new)(const struct sk_tls_files *, void **, struct snek_error *);
	void (*context_free)(void *);
	/* name: what the certificate must be for (and SNI, unless an address) */
	int (*session_new)(void *context, int fd, const char *name, void **,
	    struct snek_error *);
	/* goodbye: say so to the server, if that does not block */
	void (*session_free)(void *, bool goodbye);
	int (*greet)(void *, struct snek_error *);      /* 1: done */
	ssize_t (*read)(void *, void *, size_t, struct snek_error *);
	ssize_t (*write)(void *, const void *, size_t, struct snek_error *);
	bool (*write_next)(const void *);
};

/* tls_load.c: the module's, loaded at the first call; tls_none.c: an error. */
int sk_tls_load(const struct sk_tls_ops **, struct snek_error *);
#endif
