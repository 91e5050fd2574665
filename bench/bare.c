/* SPDX-License-Identifier: MIT */
/*
 * bare.c - the least that a function's runtime can do, as a yard-stick: it asks
 * the Runtime API for an event and answers with the same bytes, over one
 * connection, with nothing allocated on the way.  It knows Content-Length alone
 * and ends at the first surprise.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH "/2018-06-01/runtime/invocation/"
#define ROOM (7u << 20)

struct answer {
	char *head, *body;
	size_t n;
};

static char *room;
static int sock;

static int dial(const char *api)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	const char *colon = strchr(api, ':');
	char host[64];
	int one = 1;

	if (!colon || (size_t)(colon - api) >= sizeof(host))
		return -1;
	memcpy(host, api, (size_t)(colon - api));
	host[colon - api] = '\0';
	to.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
		return -1;
	sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return connect(sock, (struct sockaddr *)&to, sizeof(to));
}

/* The number behind a header's name, or where its text begins. */
static char *header(char *head, const char *name)
{
	char *p = strcasestr(head, name);

	return p ? p + strlen(name) + strspn(p + strlen(name), " ") : NULL;
}

static int hear(struct answer *a)
{
	size_t have = 0, head = 0;
	char *p;
	ssize_t n;

	do {
		n = read(sock, room + have, ROOM - have);
		if (n <= 0)
			return -1;
		have += (size_t)n;
		room[have] = '\0';
		if (head || !(p = strstr(room, "\r\n\r\n")))
			continue;
		p[2] = '\0';
		head = (size_t)(p + 4 - room);
		p = header(room, "\r\nContent-Length:");
		if (!p)
			return -1;
		a->head = room;
		a->body = room + head;
		a->n = strtoul(p, NULL, 10);
	} while (!head || have < head + a->n);
	return 0;
}

static int say(struct iovec *v, int count)
{
	ssize_t n;

	while (count) {
		n = writev(sock, v, count);
		if (n < 0)
			return -1;
		while (count && (size_t)n >= v->iov_len) {
			n -= (ssize_t)v->iov_len;
			v++;
			count--;
		}
		if (count) {
			v->iov_base = (char *)v->iov_base + n;
			v->iov_len -= (size_t)n;
		}
	}
	return 0;
}

int main(void)
{
	const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
	char next[256], post[512], *id;
	struct answer a;
	int n = snprintf(next, sizeof(next), "GET " PATH "next HTTP/1.1\r\n"
	    "Host: %s\r\nUser-Agent: bare\r\n\r\n", api ? api : "");

	room = malloc(ROOM + 1);
	if (!api || !room || dial(api))
		return 1;
	for (;;) {
		struct iovec ask = { next, (size_t)n }, tell[2];

		if (say(&ask, 1) || hear(&a))
			return 1;
		id = header(a.head, "\r\nLambda-Runtime-Aws-Request-Id:");
		if (!id)
			return 1;
		tell[0].iov_base = post;
		tell[0].iov_len = (size_t)snprintf(post, sizeof(post), "POST "
		    PATH "%.*s/response HTTP/1.1\r\nHost: %s\r\nUser-Agent: "
		    "bare\r\nContent-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n", (int)strcspn(id, "\r"), id,
		    api, a.n);
		tell[1] = (struct iovec){ a.body, a.n };
		if (say(tell, 2) || hear(&a))
			return 1;
	}
}
