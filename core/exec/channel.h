/* SPDX-License-Identifier: MIT */
/*
 * channel.h - messages with descriptors over a local socket that keeps their
 * bounds (SOCK_SEQPACKET).
 *
 * A message is one frame: a head, then its body.  A larger body travels as a
 * descriptor of a file that holds it; descriptors that one frame has no room
 * for go ahead in frames of their own.  Both ends check every length; what is
 * malformed ends the conversation.
 */
#ifndef SK_CHANNEL_H
#define SK_CHANNEL_H
#include "base/buf.h"
#include "base/err.h"

#define SK_CHANNEL_VERSION 1u

enum sk_message_kind {
	SK_MSG_HELLO = 1,       /* both ways, first; body in wire.h */
	SK_MSG_FILES,           /* to a worker: files of the input, more of them */
	SK_MSG_INIT,            /* what all attempts share; goes to every child */
	SK_MSG_TASK,            /* files it reads, then the request */
	SK_MSG_CANCEL,          /* of the task with this id */
	SK_MSG_DONE,            /* from a child: the answer to its task */
	SK_MSG_DIED,            /* from a worker: the child of a task, and how */
	SK_MSG_LOG,             /* a line that an op logs */
	SK_MSG_PRINT,           /* a line that it printed, past its task's end too */
	SK_MSG_SOURCE,          /* to a worker: what is fetched of chunks; a file
				 * that says from where, which it does not read */
};

struct sk_message {
	uint32_t kind;
	uint64_t id;
	struct sk_buf body;
	int *fd;
	size_t fds;
	bool parcel;            /* it came as one: its files are in memory, and
				 * its runs may be kept on shards, where no
				 * child can leave any */
};
/* Closes its descriptors, but those that are -1. */
void sk_message_free(struct sk_message *);
/* Append a descriptor, which it takes over even on failure. */
bool sk_message_take(struct sk_message *, int fd);

/* Two connected ends, neither below 3, closed on exec. */
int sk_channel_pair(int end[2], struct snek_error *);

/* Send a message, which stays the caller's.  When there is no room, wait is
 * called and may say no (less than 0: the code that is returned).  SNEK_EIO:
 * the other end is gone. */
struct sk_channel_wait {
	int (*wait)(void *);
	void *arg;
};
int sk_channel_send(int fd, const struct sk_message *,
    const struct sk_channel_wait *);

/* What came of a message so far. */
struct sk_channel {
	int fd;
	uint64_t max;           /* bytes of a body */
	size_t max_fds;
	struct sk_message part;
};
/* 1 and a message; 0: none now; SNEK_EIO: the other end is gone;
 * SNEK_EFORMAT: what came is no message of ours; SNEK_ENOMEM. */
int sk_channel_recv(struct sk_channel *, struct sk_message *out);
void sk_channel_free(struct sk_channel *);      /* leaves fd open */

/* A file in memory with these bytes, nameless; -1 and errno. */
int sk_channel_file(const char *name, const void *, size_t n);
/* The same as one that nobody can change any more. */
int sk_channel_sealed(const char *name, const void *, size_t n);
/* Read a whole file of n bytes by its descriptor, wherever it stands; false:
 * it is no file, is shorter, or memory is out. */
bool sk_channel_slurp(int fd, uint64_t n, struct sk_buf *);
#endif
