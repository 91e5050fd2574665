/* SPDX-License-Identifier: MIT */
#include "store/journal.h"

#include <stdio.h>
#include <sys/random.h>

void sk_journal_state_free(struct sk_journal_state *s)
{
	sk_buf_free(&s->description);
	sk_buf_free(&s->progress);
	sk_buf_free(&s->outcome);
	memset(s, 0, sizeof(*s));
}

int sk_journal_too_large(const char *item, size_t n, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "%zu bytes for %s of a job's journal: at "
	    "most %zu", n, item, SK_JOURNAL_ITEM_MAX);
}

int sk_job_id_make(char id[SK_JOB_ID], struct snek_error *e)
{
	uint8_t b[(SK_JOB_ID - 1) / 2];
	size_t i;

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return sk_fail_errno(e, "no random bytes");
	for (i = 0; i < sizeof(b); i++)
		snprintf(id + 2 * i, 3, "%02x", b[i]);
	return 0;
}

bool sk_job_id_check(const char *id)
{
	return strlen(id) == SK_JOB_ID - 1 &&
	    strspn(id, "0123456789abcdef") == SK_JOB_ID - 1;
}
