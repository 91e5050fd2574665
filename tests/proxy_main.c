/* SPDX-License-Identifier: MIT */
/*
 * proxy_main.c - proxy.h for shell tests:
 *	proxy [NAME=N ...] PORT-OR-PATH
 * says the port it listens on, and breaks the wire as the names of struct
 * proxy_fault say (or port=N to listen on), until it is killed or its standard
 * input ends.
 */
#include "proxy.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct proxy_fault fault = { PROXY_FAULT };
static const struct {
	const char *name;
	size_t at;
} counts[] = {
	{ "cut_up", offsetof(struct proxy_fault, cut_up) },
	{ "cut_down", offsetof(struct proxy_fault, cut_down) },
	{ "stall_up", offsetof(struct proxy_fault, stall_up) },
	{ "stall_down", offsetof(struct proxy_fault, stall_down) },
	{ "corrupt_up", offsetof(struct proxy_fault, corrupt_up) },
	{ "corrupt_down", offsetof(struct proxy_fault, corrupt_down) },
};

static bool set(const char *name, size_t n, int64_t v)
{
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		if (strlen(counts[i].name) == n && !memcmp(name, counts[i].name, n)) {
			memcpy((char *)&fault + counts[i].at, &v, sizeof(v));
			return true;
		}
	if (n == 8 && !memcmp(name, "delay_ms", n))
		fault.delay_ms = (int)v;
	else if (n == 7 && !memcmp(name, "trickle", n))
		fault.trickle = v;
	else if (n == 5 && !memcmp(name, "reset", n))
		fault.reset = v;
	else if (n == 5 && !memcmp(name, "times", n))
		fault.times = (unsigned)v;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	const char *to = argc > 1 ? argv[argc - 1] : "";
	struct proxy *p;
	int i, port = 0;
	char c;

	for (i = 1; i < argc - 1; i++) {
		const char *eq = strchr(argv[i], '=');

		if (eq && !strncmp(argv[i], "port=", 5))
			port = (int)strtol(eq + 1, NULL, 10);
		else if (!eq || !set(argv[i], (size_t)(eq - argv[i]),
		    strtoll(eq + 1, NULL, 10)))
			to = "";
	}
	if (!*to) {
		fprintf(stderr, "usage: proxy [NAME=N ...] PORT-OR-PATH\n");
		return 2;
	}
	p = proxy_start(port, (int)strtol(to, NULL, 10), *to == '/' ? to : NULL);
	if (!p)
		return 1;
	proxy_set(p, &fault);
	printf("%d\n", proxy_port(p));
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		continue;
	proxy_stop(p);
	return 0;
}
