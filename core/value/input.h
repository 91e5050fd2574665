/* SPDX-License-Identifier: MIT */
/*
 * input.h - files, pipes and gzip as a stream of records: what the writer and
 * storeless jobs read.  Joins frame and json_read, so that every error says
 * file:line:column.
 */
#ifndef SK_INPUT_H
#define SK_INPUT_H
#include "value/frame.h"
#include "value/json_read.h"

typedef struct sk_input sk_input;

#define SK_MAX_RECORD ((uint64_t)64 << 20)

struct sk_input_options {
	uint64_t max_record;    /* 0: 64 MiB */
	uint64_t max_unpacked;  /* bytes that gzip may become; 0: any */
	bool last_duplicate;
	bool plain;
};

/* fd is read from where it stands, not closed.  gzip by its magic; SNEK_EINVAL
 * when zlib is not built in.  SNEK_AUTO: ARRAY when the name ends in .json or
 * .json.gz and the first byte that is no blank is '['; else JSONL.  So several
 * arrays in one such file are refused: give those SNEK_JSONL. */
int sk_input_open(int fd, const char *name, enum snek_format,
    const struct sk_input_options *, sk_input **, struct snek_error *);
/* The same of bytes that begin so far in the file, at the start of that line,
 * and are read by a function.  They are taken as they are; format is no AUTO. */
int sk_input_open_part(sk_read_fn *, void *arg, uint64_t offset, uint64_t line,
    const char *name, enum snek_format, const struct sk_input_options *,
    sk_input **, struct snek_error *);
void sk_input_close(sk_input *);

/* 1, a record and its text, both valid until the next call; 0 at the end.
 * SNEK_EFORMAT and SNEK_ELIMIT with *again true: this record is bad (text
 * holds it, or the beginning of one over the limit), the next may be good.
 * Where a bracket is missing, JSONL goes on with the line of the error. */
int sk_input_next(sk_input *, struct sk_record *, struct sk_span *text,
    bool *again, struct snek_error *);
uint64_t sk_input_bytes(const sk_input *);
/* What it was found to be; of gzip, what is inside.  gzip may be NULL. */
enum snek_format sk_input_format(const sk_input *, bool *gzip);
#endif
