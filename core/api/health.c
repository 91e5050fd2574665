/* SPDX-License-Identifier: MIT */
/* health.c - is the cluster well, as seen from here: every server, hop by hop,
 * over connections of its own. */
#include "api/parts.h"
#include "job/doctor.h"

struct health {
	struct sk_object j;
	bool failed;
};

static int put_check(void *arg, const struct snek_check *k)
{
	static const char *const words[] = { "pass", "warn", "fail", "skip" };
	struct health *h = arg;

	if (k->verdict > SNEK_CHECK_SKIP)
		return 0;
	h->failed |= k->verdict == SNEK_CHECK_FAIL;
	sk_object_open(&h->j, NULL, '{');
	sk_object_text(&h->j, "verdict", words[k->verdict]);
	sk_object_text(&h->j, "name", k->name);
	sk_object_text(&h->j, "text", k->text);
	sk_object_text(&h->j, "cure", k->cure);
	sk_object_close(&h->j, '}');
	return 0;
}

/* The user's own cluster has no name to look it up by: it opens, or not. */
static void check_own(struct sk_api *a, struct sk_doctor *d)
{
	struct snek_error e = { 0 };
	snek_cluster *c;

	if (sk_api_take(a, &c, &e)) {
		sk_doctor_say(d, SNEK_CHECK_FAIL, "cluster", NULL, "%s", e.text);
		return;
	}
	sk_api_give(a, c);
	sk_doctor_say(d, SNEK_CHECK_PASS, "cluster", NULL, "it opens");
}

void sk_api_health(struct sk_api_call *c)
{
	struct health h = { .failed = false };
	struct sk_doctor d = { put_check, &h, 0 };
	uint64_t data = 0;

	sk_object_begin(&h.j, &c->out->body, "health");
	sk_object_open(&h.j, "checks", '[');
	if (c->api->cluster)
		sk_doctor_cluster(&d, c->api->cluster, true, &data);
	else
		check_own(c->api, &d);
	sk_object_close(&h.j, ']');
	sk_object_flag(&h.j, "well", !h.failed);
	sk_object_end(&h.j);
	if (!h.failed)
		return;
	c->out->status = 503;
	c->out->retry_after_s = 1;
}
