/* SPDX-License-Identifier: MIT */
/* netns.h - a network for this process alone, in which given addresses are its
 * own.  Before any thread is started. */
#ifndef TEST_NETNS_H
#define TEST_NETNS_H
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static inline bool netns_add(int fd, const char *name, const char *address)
{
	struct ifreq r = { 0 };
	struct sockaddr_in *a = (struct sockaddr_in *)&r.ifr_addr;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	a->sin_family = AF_INET;
	inet_pton(AF_INET, address, &a->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &r) || ioctl(fd, SIOCGIFFLAGS, &r))
		return false;
	r.ifr_flags |= IFF_UP;
	return !ioctl(fd, SIOCSIFFLAGS, &r);
}

/* False: the system does not permit it. */
static inline bool netns_enter(const char *one, const char *two)
{
	int fd;
	bool ok;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 && netns_add(fd, "lo", "127.0.0.1") &&
	    netns_add(fd, "lo:1", one) && netns_add(fd, "lo:2", two);
	close(fd);
	return ok;
}
#endif
