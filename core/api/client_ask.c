/* SPDX-License-Identifier: MIT */
/* client_ask.c - a query through a gateway, from the calls that describe it to
 * the object that asks for it. */
#include "api/client_job.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "value/input.h"
#include "value/json_read.h"

/* Records of side inputs that go along: as JSON within an event of Lambda's,
 * whose 6 MB have every quote twice. */
#define SIDES_MAX (2u << 20)

int sk_client_job_new(struct sk_client *c, const char *category,
    struct sk_client_job **out, struct snek_error *e)
{
	struct sk_client_job *j = calloc(1, sizeof(*j));

	if (!j)
		return sk_enomem(e);
	j->client = c;
	j->category = strdup(category);
	if (!j->category) {
		free(j);
		return sk_enomem(e);
	}
	*out = j;
	return 0;
}

static int replace(char **slot, const char *text, struct snek_error *e)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return sk_enomem(e);
	free(*slot);
	*slot = copy;
	return 0;
}

int sk_client_job_map(struct sk_client_job *j, const char *function,
    const char *args, struct snek_error *e)
{
	int rc = replace(&j->function, function, e);

	return rc ? rc : replace(&j->args, args, e);
}

int sk_client_job_reduce(struct sk_client_job *j, const char *reducer,
    struct snek_error *e)
{
	return replace(&j->reduce, reducer, e);
}

int sk_client_job_arg(struct sk_client_job *j, const char *name,
    const char *value, struct snek_error *e)
{
	struct sk_object o = { &j->arg, j->arg.n > 0, false };

	sk_object_open(&o, NULL, '[');
	sk_object_text(&o, NULL, name);
	sk_object_text(&o, NULL, value);
	sk_object_close(&o, ']');
	return o.nomem ? sk_enomem(e) : 0;
}

/* ---- side inputs ---- */

static int too_large(const char *name, const char *file, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "side input %s: %s has more than the %u "
	    "MiB that go along with a query; write it into a category there "
	    "and say --side %s=CATEGORY", name, file, SIDES_MAX >> 20, name);
}

static int put_records(struct sk_client_job *j, sk_input *in, const char *name,
    const char *file, struct snek_error *e)
{
	struct sk_record r;
	struct sk_span text;
	bool again, first = true;
	int rc;

	while ((rc = sk_input_next(in, &r, &text, &again, e)) == 1) {
		if ((!first && !sk_buf_byte(&j->side, ',')) ||
		    !sk_json_write_record(&j->side, &r))
			return sk_enomem(e);
		if (j->side.n > SIDES_MAX)
			return too_large(name, file, e);
		first = false;
	}
	return rc;
}

/* A file of this machine: its records. */
static int put_file(struct sk_client_job *j, struct sk_object *o,
    const char *name, const char *file, struct snek_error *e)
{
	const struct sk_input_options io = { .max_record = SIDES_MAX };
	int fd = open(file, O_RDONLY | O_CLOEXEC), rc;
	sk_input *in;

	if (fd < 0)
		return sk_fail_errno(e, "%s", file);
	sk_object_open(o, name, '[');
	rc = sk_input_open(fd, file, SNEK_AUTO, &io, &in, e);
	if (!rc) {
		rc = put_records(j, in, name, file, e);
		sk_input_close(in);
	}
	sk_object_close(o, ']');
	close(fd);
	return rc;
}

static int name_side(struct sk_client_job *j, const char *name,
    struct snek_error *e)
{
	unsigned i;

	for (i = 0; i < j->sides; i++)
		if (!strcmp(j->side_name[i], name))
			return sk_fail(e, SNEK_EINVAL, "two side inputs named "
			    "'%s'", name);
	if (j->sides == SK_CLIENT_SIDES)
		return sk_fail(e, SNEK_ELIMIT, "over %u side inputs",
		    SK_CLIENT_SIDES);
	j->side_name[j->sides] = strdup(name);
	if (!j->side_name[j->sides])
		return sk_enomem(e);
	j->sides++;
	return 0;
}

int sk_client_job_side(struct sk_client_job *j, const char *name,
    const char *from, struct snek_error *e)
{
	struct sk_object o = { &j->side, j->side.n > 0, false };
	size_t was = j->side.n;
	int rc = name_side(j, name, e);

	if (rc)
		return rc;
	if (strchr(from, '/'))
		rc = put_file(j, &o, name, from, e);
	else
		sk_object_text(&o, name, from);
	if (!rc && o.nomem)
		rc = sk_enomem(e);
	if (rc) {
		j->side.n = was;
		free(j->side_name[--j->sides]);
	}
	return rc;
}

/* ---- settings ---- */

static bool is_one_of(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

/* What is to be done instead. */
static int refuse_setting(const char *setting, struct snek_error *e)
{
	const char *cure = "do it where the cluster itself is reached";

	if (!strcmp(setting, "executor"))
		cure = "who runs the gateway says where queries run (snek gateway "
		    "--on)";
	else if (!strcmp(setting, "bad"))
		cure = "--skip-bad leaves bad records out and counts them; they "
		    "are written aside where the cluster itself is reached";
	return sk_fail(e, SNEK_EINVAL, "the setting %s is not for a query "
	    "through a gateway: %s", setting, cure);
}

int sk_client_job_set(struct sk_client_job *j, const char *setting,
    const char *value, struct snek_error *e)
{
	static const char *const there[] = { "order", "limit", "timeout",
		"partitions", "attempts", "memory", "keep-going", "skip-bad",
		"batch", "call-timeout", NULL };
	static const char *const here[] = { "tmp", "workers", "worker", NULL };
	unsigned i = 0;
	int rc;

	if (is_one_of(here, setting))
		return 0;               /* of a machine that does not map */
	if (!is_one_of(there, setting))
		return refuse_setting(setting, e);
	while (i < j->sets && strcmp(j->set[i].name, setting) != 0)
		i++;                    /* the last word counts */
	if (i == SK_CLIENT_SETTINGS)
		return sk_fail(e, SNEK_EINVAL, "too many settings");
	rc = replace(&j->set[i].name, setting, e);
	if (!rc)
		rc = replace(&j->set[i].value, value, e);
	j->sets += !rc && i == j->sets;
	if (!rc && !strcmp(setting, "timeout"))
		j->patience_ms = (int64_t)(strtod(value, NULL) * 1000);
	return rc;
}

static int check_new(const struct sk_client_job *j, struct snek_error *e)
{
	return j->started ? sk_fail(e, SNEK_EINVAL, "the job has been started "
	    "already") : 0;
}

int sk_client_job_into(struct sk_client_job *j, const char *category,
    const char *request_id, const char *durability, struct snek_error *e)
{
	int rc = check_new(j, e);

	if (!rc)
		rc = replace(&j->into, category, e);
	if (!rc)
		rc = replace(&j->request_id, request_id, e);
	return rc ? rc : replace(&j->durability, durability, e);
}

static void put_into(const struct sk_client_job *j, struct sk_object *o)
{
	if (!j->into)
		return;
	sk_object_text(o, "into", j->into);
	sk_object_text(o, "request_id", j->request_id);
	sk_object_text(o, "durability", j->durability);
}

/* Read, and written by us: it goes into an object of ours. */
static int put_args(const struct sk_client_job *j, struct sk_object *o,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	sk_json_reader *json;
	struct snek_value all;
	int rc;

	if (!j->args)
		return 0;
	if (sk_json_reader_new(NULL, &json) < 0)
		return sk_enomem(e);
	rc = sk_json_value(json, j->args, strlen(j->args), &all, &why);
	if (rc < 0)
		rc = rc == SNEK_ENOMEM ? sk_enomem(e) : sk_fail(e, SNEK_EINVAL,
		    "arguments of %s: %.300s", j->function, why.text);
	else if (all.type != SNEK_OBJECT)
		rc = sk_fail(e, SNEK_EINVAL, "arguments of %s must be a JSON "
		    "object", j->function);
	else
		sk_object_any(o, "args", all);
	sk_json_reader_free(json);
	return rc < 0 ? rc : 0;
}

int sk_client_job_describe(struct sk_client_job *j, struct sk_buf *b,
    struct snek_error *e)
{
	struct sk_object o = { b, false, false };
	unsigned i;
	bool ok;
	int rc;

	sk_object_open(&o, NULL, '{');
	sk_object_text(&o, "category", j->category);
	sk_object_text(&o, "function", j->function);
	sk_object_any(&o, "wait", sk_double(0.1));
	if (j->reduce)
		sk_object_text(&o, "reduce", j->reduce);
	for (i = 0; i < j->sets; i++)
		sk_object_text(&o, j->set[i].name, j->set[i].value);
	put_into(j, &o);
	sk_object_open(&o, "side", '{');
	ok = sk_buf_put(b, j->side.p, j->side.n);
	sk_object_close(&o, '}');
	sk_object_open(&o, "arg", '[');
	ok = ok && sk_buf_put(b, j->arg.p, j->arg.n);
	sk_object_close(&o, ']');
	rc = put_args(j, &o, e);
	sk_object_close(&o, '}');
	return rc ? rc : ok && !o.nomem ? 0 : sk_enomem(e);
}

void sk_client_job_forget(struct sk_client_job *j)
{
	unsigned i;

	for (i = 0; i < j->sets; i++) {
		free(j->set[i].name);
		free(j->set[i].value);
	}
	while (j->sides)
		free(j->side_name[--j->sides]);
	sk_buf_free(&j->arg);
	sk_buf_free(&j->side);
	sk_buf_free(&j->missing);
	free(j->category);
	free(j->function);
	free(j->args);
	free(j->reduce);
	free(j->into);
	free(j->request_id);
	free(j->durability);
}
