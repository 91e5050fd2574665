/* SPDX-License-Identifier: MIT */
/*
 * simdjson behind C functions.  It says yes or no; where it says no, and where
 * we doubt, the plain parser reads the text and its verdict stands.
 *
 * Of its ways: its depth limit is off by one (a limit of 64 refuses a container
 * at depth 64 unless it is empty), so it is given one more and our own walk
 * counts; the sizes it keeps saturate at 2^24 - 1; it does not look for equal
 * names; since 3.2 it skips a byte order mark.  Strings live in the parser until
 * it reads again.
 */
#include <new>

#include <simdjson.h>

extern "C" {
#include "value/json_read.h"
#include "value/json_tree.h"
#include "value/pack.h"
}

namespace dom = simdjson::dom;

static_assert(SK_JSON_PADDING >= simdjson::SIMDJSON_PADDING, "too little");

struct sk_json_fast {
	dom::parser parser;
	size_t room;
	sk_json_tree *tree;
};

extern "C" bool sk_json_is_fast(void)
{
	return true;
}

extern "C" sk_json_fast *sk_json_fast_new(void)
{
	sk_json_fast *f = new (std::nothrow) sk_json_fast;

	if (!f)
		return nullptr;
	f->room = 64 << 10;
	if (f->parser.allocate(f->room, SK_MAX_DEPTH + 1) == simdjson::SUCCESS)
		return f;
	delete f;
	return nullptr;
}

extern "C" void sk_json_fast_free(sk_json_fast *f)
{
	delete f;
}

/* ---- values ---- */

static bool pack(sk_json_fast *f, dom::element e, int depth);

static bool pack_array(sk_json_fast *f, dom::array a, int depth)
{
	size_t at;
	uint32_t n = 0;

	if (!sk_pack_open(&f->tree->pack, &at))
		return false;
	for (dom::element e : a) {
		if (!pack(f, e, depth))
			return false;
		n++;
	}
	return sk_pack_close(&f->tree->pack, at, false, n);
}

/* The names first: the table of names serves one object at a time. */
static bool names_differ(sk_json_tree *t, dom::object o)
{
	uint32_t first;

	if (sk_names_begin(&t->names, true) < 0)
		return false;
	for (dom::key_value_pair m : o)
		if (sk_names_add(&t->names, m.key.data(),
		    (uint32_t)m.key.size(), &first) <= 0)
			return false;
	return true;
}

static bool pack_object(sk_json_fast *f, dom::object o, int depth)
{
	sk_json_tree *t = f->tree;
	size_t at;
	uint32_t n = 0;

	if (!names_differ(t, o) || !sk_pack_open(&t->pack, &at))
		return false;
	for (dom::key_value_pair m : o) {
		if (!sk_pack_string(&t->pack, m.key.data(), m.key.size()) ||
		    !pack(f, m.value, depth))
			return false;
		n++;
	}
	return sk_pack_close(&t->pack, at, true, n);
}

static snek_value scalar(dom::element e)
{
	switch (e.type()) {
	case dom::element_type::INT64:
		return sk_int(e.get_int64().value_unsafe());
	case dom::element_type::UINT64:
		return sk_uint(e.get_uint64().value_unsafe());
	case dom::element_type::DOUBLE:
		return sk_double(e.get_double().value_unsafe());
	case dom::element_type::BOOL:
		return sk_bool(e.get_bool().value_unsafe());
	case dom::element_type::STRING: {
		std::string_view s = e.get_string().value_unsafe();
		return sk_string(s.data(), s.size());
	}
	default:
		return sk_null();
	}
}

static bool is_nested(dom::element e)
{
	return e.type() == dom::element_type::ARRAY ||
	    e.type() == dom::element_type::OBJECT;
}

/* depth: of the containers around it. */
static bool pack(sk_json_fast *f, dom::element e, int depth)
{
	if (!is_nested(e))
		return sk_pack_value(&f->tree->pack, scalar(e));
	if (depth == SK_MAX_DEPTH)
		return false;
	if (e.type() == dom::element_type::ARRAY)
		return pack_array(f, e.get_array().value_unsafe(), depth + 1);
	return pack_object(f, e.get_object().value_unsafe(), depth + 1);
}

/* ---- records ---- */

static bool put_value(sk_json_fast *f, sk_member *m, dom::element e, int depth)
{
	size_t at = f->tree->pack.n;

	if (!is_nested(e)) {
		m->value = scalar(e);
		return true;
	}
	if (!pack(f, e, depth) || f->tree->pack.n - at > UINT32_MAX)
		return false;
	m->value.type = e.type() == dom::element_type::ARRAY ? SNEK_ARRAY :
	    SNEK_OBJECT;
	m->value.len = (uint32_t)(f->tree->pack.n - at);
	m->value.as.u = at;
	return true;
}

/* What put_members left open: nested values, whose names need the table. */
static bool put_nested(sk_json_fast *f, dom::object o)
{
	sk_json_tree *t = f->tree;
	uint32_t i = 0;

	for (dom::key_value_pair m : o) {
		if (t->member[i].value.type == SNEK_NONE &&
		    !put_value(f, &t->member[i], m.value, 1))
			return false;
		i++;
	}
	return true;
}

static bool put_members(sk_json_fast *f, dom::object o)
{
	sk_json_tree *t = f->tree;
	bool nested = false;
	uint32_t first;

	if (sk_names_begin(&t->names, false) < 0)
		return false;
	for (dom::key_value_pair m : o) {
		sk_member *to = sk_json_tree_add(t);

		if (!to)
			return false;
		to->name = m.key.data();
		to->name_len = (uint32_t)m.key.size();
		if (sk_names_add(&t->names, to->name, to->name_len, &first) <= 0)
			return false;
		if (is_nested(m.value)) {
			nested = true;
			to->value.type = SNEK_NONE;
		} else {
			to->value = scalar(m.value);
		}
	}
	return !nested || put_nested(f, o);
}

extern "C" bool sk_json_fast_read(sk_json_fast *f, sk_json_tree *t,
    const char *text, size_t n)
{
	dom::element e;

	if (*text == '\xef')
		return false;
	if (n > f->room) {
		f->room = n + n / 4;
		if (f->parser.allocate(f->room, SK_MAX_DEPTH + 1))
			return false;
	}
	if (f->parser.parse((const uint8_t *)text, n, false).get(e))
		return false;
	f->tree = t;
	t->n = 0;
	t->pack.n = 0;
	t->object = e.type() == dom::element_type::OBJECT;
	if (t->object)
		return put_members(f, e.get_object().value_unsafe());
	sk_member *m = sk_json_tree_add(t);
	if (!m)
		return false;
	m->name = nullptr;
	m->name_len = 0;
	return put_value(f, m, e, 0);
}
