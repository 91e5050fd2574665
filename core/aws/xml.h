/* SPDX-License-Identifier: MIT */
/*
 * xml.h - an answer in XML (CloudFormation, STS, S3 ...) as a tree.  Attributes
 * and name spaces are passed over; a document type is refused, and with it
 * every entity but XML's own.
 */
#ifndef SK_XML_H
#define SK_XML_H
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

struct sk_xml;
struct sk_xml_node;

/* SNEK_EFORMAT, with line and column; SNEK_ELIMIT: too deep, or too much. */
int sk_xml_open(const struct sk_buf *text, struct sk_xml **,
    struct snek_error *);
void sk_xml_close(struct sk_xml *);

/* Nodes live as long as the answer. */
const struct sk_xml_node *sk_xml_root(const struct sk_xml *);
const char *sk_xml_name(const struct sk_xml_node *);
/* The first that a path of names leads to ("Error/Code"), from a node down
 * (NULL: nothing); and the next one beside a node that has the same name. */
const struct sk_xml_node *sk_xml_find(const struct sk_xml_node *,
    const char *path);
const struct sk_xml_node *sk_xml_next(const struct sk_xml_node *);
/* The text there, without what is inside other elements; NULL: no such node. */
const char *sk_xml_text(const struct sk_xml_node *, const char *path);
#endif
