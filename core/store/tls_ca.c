/* SPDX-License-Identifier: MIT */
/*
 * Which certificate is wanted is told by its subject.  Those of the file are
 * decoded, which is fast, and only what has the very bytes of the subject is
 * made a certificate of.  Names may be the same in other bytes: who finds none
 * has the whole file read by OpenSSL, once, before it says so.
 */
#include "store/tls_ca.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"
#define MAX_FILE ((off_t)16 << 20)

struct cas {
	X509_LOOKUP_METHOD *method;
	bool read;                      /* all of it, by OpenSSL */
	char file[];
};

/* ---- what is in a certificate (X.690, RFC 5280) ---- */

enum { SEQUENCE = 0x30, VERSION = 0xa0 };

/* One element: its tag, and its bytes with the head; what follows is left in
 * s.  0: there is none. */
static int take(struct sk_span *s, struct sk_span *whole, struct sk_span *inside)
{
	const uint8_t *p = s->p;
	size_t head = 2, n, i;

	if (s->n < 2)
		return 0;
	n = p[1];
	if (n >= 0x80) {
		head += n & 0x7f;
		if (n == 0x80 || head > 6 || s->n < head)
			return 0;
		for (n = 0, i = 2; i < head; i++)
			n = n << 8 | p[i];
	}
	if (n > s->n - head)
		return 0;
	*whole = (struct sk_span){ p, head + n };
	*inside = (struct sk_span){ p + head, n };
	*s = (struct sk_span){ p + head + n, s->n - head - n };
	return p[0];
}

/* serial, algorithm, issuer, validity; then it. */
static bool find_subject(struct sk_span der, struct sk_span *subject)
{
	struct sk_span whole, in, at;
	int tag, i;

	if (take(&der, &whole, &in) != SEQUENCE ||
	    take(&in, &whole, &at) != SEQUENCE)
		return false;
	tag = take(&at, &whole, &in);
	if (tag == VERSION)
		tag = take(&at, &whole, &in);
	for (i = 0; i < 3 && tag; i++)
		tag = take(&at, &whole, &in);
	return tag && take(&at, subject, &in) == SEQUENCE;
}

/* ---- what is in the file ---- */

/* The lines of one, without their ends. */
static bool decode(struct sk_buf *text, struct sk_buf *der, const char *p,
    const char *end)
{
	const char *nl;
	size_t n;

	for (text->n = der->n = 0; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl ? nl : end;
		n = (size_t)(nl - p);
		if (n && p[n - 1] == '\r')
			n--;
		if (!sk_buf_put(text, p, n))
			return false;
	}
	return !sk_base64_get(der, text->p, text->n);
}

struct wanted {
	X509_STORE *store;
	struct sk_span subject;
	bool found;                     /* and the store has it now */
};

static void look_at(struct wanted *w, struct sk_span der)
{
	const unsigned char *p = der.p;
	struct sk_span subject;
	X509 *x;

	if (!find_subject(der, &subject) || subject.n != w->subject.n ||
	    memcmp(subject.p, w->subject.p, subject.n))
		return;
	x = d2i_X509(NULL, &p, (long)der.n);
	if (x && X509_STORE_add_cert(w->store, x))
		w->found = true;
	X509_free(x);
}

/* All that have the subject: there may be several, with other keys. */
static void look_through(struct wanted *w, const char *p, size_t n)
{
	struct sk_buf text = { 0 }, der = { 0 };
	const char *end = p + n, *to;

	while ((p = memmem(p, (size_t)(end - p), BEGIN, strlen(BEGIN)))) {
		p += strlen(BEGIN);
		to = memmem(p, (size_t)(end - p), END, strlen(END));
		if (!to)
			break;
		if (decode(&text, &der, p, to))
			look_at(w, (struct sk_span){ der.p, der.n });
		p = to;
	}
	sk_buf_free(&text);
	sk_buf_free(&der);
}

static void look_into(struct wanted *w, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size <= MAX_FILE) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED) {
			look_through(w, p, (size_t)st.st_size);
			munmap(p, (size_t)st.st_size);
		}
	}
	close(fd);
}

/* ---- for OpenSSL ---- */

/* The object names what the store holds, without a hold of its own: so do the
 * lookups of OpenSSL. */
static bool find_in_store(X509_STORE *store, const X509_NAME *name,
    X509_OBJECT *out)
{
	X509_OBJECT *o = X509_OBJECT_retrieve_by_subject(
	    X509_STORE_get0_objects(store), X509_LU_X509, name);
	X509 *x = o ? X509_OBJECT_get0_X509(o) : NULL;

	if (!x || !X509_OBJECT_set1_X509(out, x))
		return false;
	X509_free(x);
	return true;
}

static int by_subject(X509_LOOKUP *l, X509_LOOKUP_TYPE type,
    const X509_NAME *name, X509_OBJECT *out)
{
	struct cas *c = X509_LOOKUP_get_method_data(l);
	struct wanted w = { .store = X509_LOOKUP_get_store(l) };
	const unsigned char *der;

	if (type != X509_LU_X509 || c->read ||
	    X509_NAME_get0_der(name, &der, &w.subject.n) != 1)
		return 0;
	w.subject.p = der;
	ERR_set_mark();
	look_into(&w, c->file);
	if (!w.found) {
		c->read = true;
		X509_STORE_load_file(w.store, c->file);
	}
	ERR_pop_to_mark();
	return find_in_store(w.store, name, out);
}

static void forget(X509_LOOKUP *l)
{
	struct cas *c = X509_LOOKUP_get_method_data(l);

	if (c)
		X509_LOOKUP_meth_free(c->method);
	free(c);
}

bool sk_tls_ca_add(X509_STORE *store, const char *file)
{
	struct cas *c = calloc(1, sizeof(*c) + strlen(file) + 1);
	X509_LOOKUP *l;

	if (!c)
		return false;
	strcpy(c->file, file);
	c->method = X509_LOOKUP_meth_new("snek CAs");
	l = c->method && X509_LOOKUP_meth_set_get_by_subject(c->method,
	    by_subject) && X509_LOOKUP_meth_set_free(c->method, forget)
	    ? X509_STORE_add_lookup(store, c->method) : NULL;
	if (l)
		return X509_LOOKUP_set_method_data(l, c) == 1;
	X509_LOOKUP_meth_free(c->method);
	free(c);
	return false;
}
