/* SPDX-License-Identifier: MIT */
/* listen.h - the socket of a gateway, and what systemd wants to hear. */
#ifndef SK_API_LISTEN_H
#define SK_API_LISTEN_H
#include "base/err.h"

struct sk_listen {
	int fd;
	bool loopback;                  /* nobody else's machine reaches it */
	bool local;                     /* a unix socket */
	bool shared;                    /* systemd has it, too */
	char path[108];                 /* of that, to be removed; else "" */
	char where[256];                /* as a client would say it */
};
/* "HOST:PORT" (port 0: any), "unix:PATH", or NULL: 127.0.0.1:8470, unless
 * systemd has handed a socket over (LISTEN_FDS). */
int sk_listen_open(const char *address, struct sk_listen *, struct snek_error *);
/* To the service manager, if there is one: "READY=1". */
void sk_listen_notify(const char *state);
#endif
