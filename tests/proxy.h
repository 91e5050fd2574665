/* SPDX-License-Identifier: MIT */
/*
 * proxy.h - a wire on 127.0.0.1 that breaks as told, between a client and a
 * server.  Faults are counted in bytes of one connection: up is to the server,
 * down from it.
 */
#ifndef TESTS_PROXY_H
#define TESTS_PROXY_H
#include <stdbool.h>
#include <stdint.h>

struct proxy_fault {
	int64_t cut_up, cut_down;       /* both ends are closed after n bytes */
	int64_t stall_up, stall_down;   /* nothing more is passed on after n */
	int64_t corrupt_up, corrupt_down;       /* byte n is changed */
	int delay_ms;                   /* before each piece that is passed on */
	bool trickle;                   /* a byte at a time */
	bool reset;                     /* cut with RST */
	unsigned times;                 /* connections it befalls; 0: all */
};
#define PROXY_FAULT .cut_up = -1, .cut_down = -1, .stall_up = -1, \
	.stall_down = -1, .corrupt_up = -1, .corrupt_down = -1

struct proxy;

/* To a port of 127.0.0.1, or a unix socket's path; listens on port (0: any).
 * NULL: it cannot. */
struct proxy *proxy_start(int port, int to_port, const char *to_path);
int proxy_port(const struct proxy *);
/* For connections from now on; NULL: none.  Those that there are stay as they
 * are. */
void proxy_set(struct proxy *, const struct proxy_fault *);
void proxy_cut_all(struct proxy *);     /* connections that there are */
void proxy_refuse(struct proxy *, bool refuse); /* new connections */
unsigned proxy_count(const struct proxy *);     /* connections ever */
void proxy_stop(struct proxy *);
#endif
