/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdio.h>

static void put_json(const char *category, const struct snek_receipt *r)
{
	cli_out_begin(stdout, "receipt");
	cli_out_text(stdout, "category", category);
	cli_out_number(stdout, "version", r->version);
	cli_out_number(stdout, "records", r->records);
	cli_out_number(stdout, "bad", r->bad);
	cli_out_number(stdout, "bytes", r->bytes);
	cli_out_number(stdout, "shards", r->shards);
	cli_out_bool(stdout, "repeated", r->repeated);
	cli_out_text(stdout, "durability", r->durability);
	cli_out_text(stdout, "write_id", r->write_id);
	cli_out_close(stdout);
}

static void put_text(const struct cli *c, const char *category,
    const struct snek_receipt *r, int64_t begun)
{
	double seconds = (double)(cli_number_now() - begun) / 1000;
	char bad[128] = "";

	if (r->bad)
		snprintf(bad, sizeof(bad), ", %s left out as bad",
		    cli_number_grouped(r->bad).s);
	if (r->repeated)
		cli_error_say(c, "%s: written before: %s records, "
		    "version %llu, durable: %s", category,
		    cli_number_grouped(r->records).s,
		    (unsigned long long)r->version, r->durability);
	else
		cli_error_say(c, "%s: %s record%s, %s in %.2f s%s, "
		    "version %llu, durable: %s", category,
		    cli_number_grouped(r->records).s,
		    r->records == 1 ? "" : "s",
		    cli_number_bytes((double)r->bytes).s, seconds, bad,
		    (unsigned long long)r->version, r->durability);
}

void cli_receipt_put(const struct cli *c, const char *category,
    const struct snek_receipt *r, int64_t begun)
{
	if (c->json)
		put_json(category, r);
	else
		put_text(c, category, r, begun);
}

int cli_receipt_failed(const struct cli *c, const char *category,
    const char *request_id, int rc, const struct snek_error *e)
{
	if (rc == SNEK_EUNKNOWN)
		return cli_error_of(c, rc, e, category, request_id ?
		    "run the same command again to know" :
		    "snek find tells the last version");
	return cli_error_of(c, rc, e, category, NULL);
}
