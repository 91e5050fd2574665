/* SPDX-License-Identifier: MIT */
/*
 * bare_http.c - the least that libmicrohttpd can do, as a yard-stick: every
 * request is answered with the bytes of a file, by as many threads as the
 * gateway has and with the same way of waiting.  It looks at nothing.
 *
 *   bare_http FILE      prints its port, and stays until a signal
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define ROOM 65536

static char body[ROOM];
static size_t length;

/* A response of its own for each, as one whose bytes differ must have. */
static enum MHD_Result answer(void *arg, struct MHD_Connection *c,
    const char *url, const char *method, const char *version,
    const char *data, size_t *n, void **slot)
{
	struct MHD_Response *r;
	enum MHD_Result rc;

	(void)arg, (void)url, (void)method, (void)version, (void)data;
	*n = 0;
	if (!*slot) {
		*slot = body;
		return MHD_YES;
	}
	r = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(r, "Content-Type", "application/json");
	rc = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return rc;
}

static int listen_here(unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 512) ||
	    getsockname(fd, (struct sockaddr *)&a, &n))
		return -1;
	*port = ntohs(a.sin_port);
	return fd;
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	struct MHD_Daemon *d;
	unsigned port;
	int fd = listen_here(&port);

	if (!f || fd < 0)
		return 2;
	length = fread(body, 1, ROOM, f);
	fclose(f);
	d = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL,
	    answer, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_THREAD_POOL_SIZE, (unsigned)get_nprocs(),
	    MHD_OPTION_CONNECTION_LIMIT, 512u,
	    MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
	if (!d)
		return 1;
	printf("%u\n", port);
	fflush(stdout);
	return pause();
}
