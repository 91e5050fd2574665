/* SPDX-License-Identifier: MIT */
#include "host/invoke.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/disk.h"

/* ---- lists ---- */

void sk_environment_link(struct sk_environment *v)
{
	struct sk_host *h = v->host;

	v->next = h->environments;
	if (v->next)
		v->next->previous = v;
	h->environments = v;
}

static void unlink_all(struct sk_host *h, struct sk_environment *v)
{
	if (h->look_next == v)
		h->look_next = v->next;
	if (v->previous)
		v->previous->next = v->next;
	else
		h->environments = v->next;
	if (v->next)
		v->next->previous = v->previous;
}

/* The one that was used last is the first to be used again. */
static void link_idle(struct sk_environment *v)
{
	struct sk_host *h = v->host;

	v->idle_previous = NULL;
	v->idle_next = h->idle;
	if (v->idle_next)
		v->idle_next->idle_previous = v;
	h->idle = v;
}

static void unlink_idle(struct sk_environment *v)
{
	struct sk_host *h = v->host;

	if (v->idle_previous)
		v->idle_previous->idle_next = v->idle_next;
	else if (h->idle == v)
		h->idle = v->idle_next;
	else
		return;
	if (v->idle_next)
		v->idle_next->idle_previous = v->idle_previous;
	v->idle_next = v->idle_previous = NULL;
}

struct sk_environment *sk_environment_idle(struct sk_host *h,
    struct sk_version *version)
{
	struct sk_environment *v;

	for (v = h->idle; v && v->version != version; v = v->idle_next)
		;
	return v;
}

/* ---- the end ---- */

void sk_environment_free(struct sk_environment *v)
{
	unlink_all(v->host, v);
	sk_loop_unset(v->host->loop, &v->timer);
	sk_loop_remove(v->host->loop, &v->control);
	sk_loop_remove(v->host->loop, &v->out);
	if (v->control.fd >= 0)
		close(v->control.fd);
	if (v->out.fd >= 0)
		close(v->out.fd);
	if (v->dir) {
		sk_remove_tree(v->dir);
		free(v->dir);
	}
	sk_port_close(v->port);
	sk_buf_free(&v->line);
	sk_version_unref(v->version);
	free(v);
}

/* Closing our side of the socket ends its init, and that all the others. */
static void begin_to_die(struct sk_environment *v)
{
	v->state = SK_DYING;
	v->host->alive--;
	unlink_idle(v);
	sk_loop_unset(v->host->loop, &v->timer);
	sk_port_close(v->port);
	v->port = NULL;
	if (v->asking)
		sk_request_drop(v->asking);
	v->asking = NULL;
	if (v->control.fd >= 0)
		shutdown(v->control.fd, SHUT_WR);
}

static void give_back(struct sk_environment *v, const char *type,
    const char *text)
{
	struct sk_invocation *i = v->invocation;

	v->invocation = NULL;
	if (!i)
		return;
	if (v->initialised && !i->given_us && !v->host->closing)
		sk_invocation_again(i);
	else
		sk_invocation_failed(i, type, text);
}

void sk_environment_kill(struct sk_environment *v, const char *type,
    const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (v->state == SK_DYING)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sk_environment_drain(v);
	begin_to_die(v);
	give_back(v, type, text);
	if (v->control.fd < 0)
		sk_environment_free(v);
}

/* ---- one after another ---- */

/* One that is idle and was used longest ago makes room. */
bool sk_environment_room(struct sk_host *h)
{
	struct sk_environment *v = h->idle;

	if (h->alive < h->o.environments)
		return true;
	while (v && v->idle_next)
		v = v->idle_next;
	if (!v)
		return false;
	sk_environment_kill(v, "", "idle");
	return true;
}

static void on_timeout(void *arg)
{
	struct sk_environment *v = arg;

	sk_environment_kill(v, "Sandbox.Timedout", "Task timed out after %u.00 "
	    "seconds", v->version->config.timeout_s);
}

void sk_environment_give(struct sk_environment *v, struct sk_invocation *i)
{
	unlink_idle(v);
	v->state = SK_BUSY;
	v->invocation = i;
	i->environment = v;
	v->timer.fire = on_timeout;
	if (sk_loop_set(v->host->loop, &v->timer, sk_clock_us() +
	    v->version->config.timeout_s * (int64_t)1000000)) {
		sk_environment_kill(v, "ServiceException", "out of memory");
		return;
	}
	sk_environment_watch(v->host);
	if (v->asking)
		sk_runtime_deliver(v);
}

void sk_environment_done(struct sk_environment *v)
{
	v->invocation = NULL;
	sk_loop_unset(v->host->loop, &v->timer);
	if (v->version->retired || v->host->closing) {
		sk_environment_kill(v, "", "retired");
		return;
	}
	v->state = SK_IDLE;
	link_idle(v);
}

void sk_environment_retire(struct sk_host *h)
{
	struct sk_environment *v, *next;

	for (v = h->environments; v; v = next) {
		next = v->next;
		if (v->version->retired && !v->invocation)
			sk_environment_kill(v, "", "retired");
	}
}

bool sk_environment_end_all(struct sk_host *h)
{
	struct sk_environment *v, *next;

	for (v = h->environments; v; v = next) {
		next = v->next;
		sk_environment_kill(v, "ServiceException", "the host ends");
	}
	return !h->environments;
}
