/* SPDX-License-Identifier: MIT */
/* input.h - what a map task reads, mapped from the descriptors it came with. */
#ifndef SK_WORKER_INPUT_H
#define SK_WORKER_INPUT_H
#include "exec/wire.h"

struct sk_input_map {                   /* zeroed: closed */
	struct sk_task_chunk *chunk;
	size_t chunks;
	struct sk_skip *skip;
	size_t skips;
	struct sk_span *map;            /* of whole pages */
	const char **from;              /* what offset 0 of the file would be at */
	int *fd;                        /* open as long; 0: none */
	struct sk_wire_file *file;
	uint32_t maps;
};
/* Reads the rest of the request.  The message's descriptors are taken. */
int sk_input_map_open(struct sk_input_map *, struct sk_get *,
    struct sk_message *, struct snek_error *);
void sk_input_map_close(struct sk_input_map *);
#endif
