/* SPDX-License-Identifier: MIT */
/* fd.h - descriptors that must not be one of the first three. */
#ifndef SK_FD_H
#define SK_FD_H

/* The same file under a number that is no one's standard stream: a host may
 * have closed those, and what somebody prints must not end up in it.  Takes the
 * descriptor over; -1 and errno for one that is none, or when there are no
 * more. */
int sk_fd_raise(int fd);
#endif
