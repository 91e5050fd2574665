/* SPDX-License-Identifier: MIT */
/*
 * uploads.h - writes in parts, larger than one request: parts lie in files
 * until their commit reads them in order into one write.
 *
 * A part is named by (write id, n).  Putting the same bytes again changes
 * nothing, other bytes are a conflict; a commit that is repeated answers the
 * receipt of the first.  While a part is coming or a commit is under way, who
 * would meet it is told to come again.
 */
#ifndef SK_API_UPLOADS_H
#define SK_API_UPLOADS_H
#include <pthread.h>

#include <snek/snek.h>

#define SK_UPLOAD_PARTS 100000u
#define SK_UPLOADS 64u                  /* open at once */
#define SK_UPLOADS_KEPT 256u            /* receipts of those committed */

struct sk_api;
struct sk_upload;
struct sk_api_uploads {
	pthread_mutex_t lock;
	struct sk_upload *first;
	unsigned open, committed;       /* how many of them */
};
void sk_api_uploads_init(struct sk_api_uploads *);
/* Removes all files.  Nothing is under way any more. */
void sk_api_uploads_end(struct sk_api_uploads *);
/* Those that nobody has asked about for as long as they are kept. */
void sk_api_uploads_forget(struct sk_api *);
#endif
