/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "aws/xml.h"
#include "base/arena.h"

#include <expat.h>
#include <stdlib.h>

enum { DEPTH_MAX = 64, NODES_MAX = 1 << 20, TEXT_MAX = 64 << 20 };

/* Later ones of expat deprecate what earlier ones have alone. */
#if HAVE_DECL_XML_GETCURRENTLINENUMBER64
#define LINE XML_GetCurrentLineNumber64
#define COLUMN XML_GetCurrentColumnNumber64
#else
#define LINE XML_GetCurrentLineNumber
#define COLUMN XML_GetCurrentColumnNumber
#endif

struct sk_xml_node {
	const char *name, *text;
	struct sk_xml_node *first, *last, *next;
};

struct open {                   /* an element whose end is to come */
	struct sk_xml_node *node;
	struct sk_buf text;
};

struct sk_xml {
	struct sk_arena mem;
	struct sk_xml_node *root;
	struct open open[DEPTH_MAX];
	size_t depth, nodes;
	XML_Parser parser;
	int code;                       /* why the parser was stopped */
};

static void stop(struct sk_xml *x, int code)
{
	x->code = x->code ? x->code : code;
	XML_StopParser(x->parser, XML_FALSE);
}

/* Without the prefix of a name space. */
static const char *local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void hang(struct sk_xml *x, struct sk_xml_node *n)
{
	struct sk_xml_node *up;

	if (!x->depth) {
		x->root = n;
		return;
	}
	up = x->open[x->depth - 1].node;
	if (up->last)
		up->last->next = n;
	else
		up->first = n;
	up->last = n;
}

static void on_start(void *arg, const XML_Char *name, const XML_Char **attribute)
{
	struct sk_xml *x = arg;
	struct sk_xml_node *n;

	(void)attribute;
	if (x->code)
		return;
	if (x->depth == DEPTH_MAX || x->nodes == NODES_MAX) {
		stop(x, SNEK_ELIMIT);
		return;
	}
	name = local_name(name);
	n = sk_arena_alloc(&x->mem, sizeof(*n));
	if (n) {
		memset(n, 0, sizeof(*n));
		n->name = sk_arena_copy(&x->mem, name, strlen(name));
	}
	if (!n || !n->name) {
		stop(x, SNEK_ENOMEM);
		return;
	}
	hang(x, n);
	x->nodes++;
	x->open[x->depth].node = n;
	x->open[x->depth++].text.n = 0;
}

static void on_end(void *arg, const XML_Char *name)
{
	struct sk_xml *x = arg;
	struct open *o;

	(void)name;
	if (x->code)
		return;
	o = &x->open[--x->depth];
	o->node->text = sk_arena_copy(&x->mem, o->text.p, o->text.n);
	if (!o->node->text)
		stop(x, SNEK_ENOMEM);
}

static void on_text(void *arg, const XML_Char *p, int n)
{
	struct sk_xml *x = arg;

	if (!x->code && x->depth &&
	    !sk_buf_put(&x->open[x->depth - 1].text, p, (size_t)n))
		stop(x, SNEK_ENOMEM);
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
    const XML_Char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	stop(arg, SNEK_EFORMAT);
}

static int refuse(const struct sk_xml *x, struct snek_error *e)
{
	switch (x->code) {
	case SNEK_ENOMEM:
		return sk_enomem(e);
	case SNEK_ELIMIT:
		return sk_fail(e, SNEK_ELIMIT, "XML with more than %d elements, or "
		    "more than %d in one another", NODES_MAX, DEPTH_MAX);
	case SNEK_EFORMAT:
		return sk_fail(e, SNEK_EFORMAT, "XML with a document type");
	default:
		return sk_fail(e, SNEK_EFORMAT, "no XML: line %lu, column %lu: %s",
		    (unsigned long)LINE(x->parser),
		    (unsigned long)COLUMN(x->parser) + 1,
		    XML_ErrorString(XML_GetErrorCode(x->parser)));
	}
}

static int parse(struct sk_xml *x, const struct sk_buf *text,
    struct snek_error *e)
{
	if (text->n > TEXT_MAX)
		return sk_fail(e, SNEK_ELIMIT, "XML of more than %d bytes",
		    TEXT_MAX);
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, on_start, on_end);
	XML_SetCharacterDataHandler(x->parser, on_text);
	XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
	if (XML_Parse(x->parser, text->n ? text->p : "", (int)text->n, 1) ==
	    XML_STATUS_OK && !x->code)
		return 0;
	return refuse(x, e);
}

int sk_xml_open(const struct sk_buf *text, struct sk_xml **out,
    struct snek_error *e)
{
	struct sk_xml *x = calloc(1, sizeof(*x));
	int rc;

	if (!x)
		return sk_enomem(e);
	x->parser = XML_ParserCreate(NULL);
	rc = x->parser ? parse(x, text, e) : sk_enomem(e);
	if (rc) {
		sk_xml_close(x);
		return rc;
	}
	*out = x;
	return 0;
}

void sk_xml_close(struct sk_xml *x)
{
	size_t i;

	if (!x)
		return;
	for (i = 0; i < DEPTH_MAX; i++)
		sk_buf_free(&x->open[i].text);
	XML_ParserFree(x->parser);
	sk_arena_free(&x->mem);
	free(x);
}

const struct sk_xml_node *sk_xml_root(const struct sk_xml *x)
{
	return x->root;
}

const char *sk_xml_name(const struct sk_xml_node *n)
{
	return n->name;
}

static const struct sk_xml_node *named(const struct sk_xml_node *n,
    const char *name, size_t len)
{
	while (n && (strncmp(n->name, name, len) || n->name[len]))
		n = n->next;
	return n;
}

const struct sk_xml_node *sk_xml_find(const struct sk_xml_node *n,
    const char *path)
{
	size_t len;

	for (; n && *path; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		n = named(n->first, path, len);
	}
	return n;
}

const struct sk_xml_node *sk_xml_next(const struct sk_xml_node *n)
{
	return named(n->next, n->name, strlen(n->name));
}

const char *sk_xml_text(const struct sk_xml_node *n, const char *path)
{
	n = sk_xml_find(n, path);
	return n ? n->text : NULL;
}
