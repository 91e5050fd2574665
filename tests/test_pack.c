/* SPDX-License-Identifier: MIT */
#include "check_main.h"

#include <msgpack.h>

#include "base/err.h"
#include "gen_json.h"
#include "value/json_read.h"
#include "value/pack.h"
#include "value/value.h"

static void same(const msgpack_object *o, struct snek_value v);

static void same_elements(const msgpack_object *o, struct snek_value v)
{
	bool map = o->type == MSGPACK_OBJECT_MAP;
	uint32_t i, n = map ? o->via.map.size : o->via.array.size;
	struct snek_value name, element;
	struct snek_cursor c;

	ck_assert_int_eq(sk_iterate(v, &c), 0);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(sk_next(&c, &name, &element), 1);
		if (map)
			same(&o->via.map.ptr[i].key, name);
		else
			ck_assert_int_eq(name.type, SNEK_NONE);
		same(map ? &o->via.map.ptr[i].val : &o->via.array.ptr[i], element);
	}
	ck_assert_int_eq(sk_next(&c, &name, &element), 0);
}

/* What msgpack-c's reader and ours make of the same bytes. */
static void same(const msgpack_object *o, struct snek_value v)
{
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		ck_assert_int_eq(v.type, SNEK_NULL);
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		ck_assert(v.type == SNEK_BOOL && v.as.b == o->via.boolean);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		ck_assert(v.as.u == o->via.u64);
		ck_assert_int_eq(v.type, v.as.u >> 63 ? SNEK_UINT : SNEK_INT);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		ck_assert(v.type == SNEK_INT && v.as.i == o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT64:
		ck_assert(v.type == SNEK_DOUBLE &&
		    !memcmp(&v.as.d, &o->via.f64, 8));
		break;
	case MSGPACK_OBJECT_STR:
		ck_assert(v.type == SNEK_STRING && v.len == o->via.str.size &&
		    (!v.len || !memcmp(v.as.s, o->via.str.ptr, v.len)));
		break;
	case MSGPACK_OBJECT_ARRAY:
		ck_assert_int_eq(v.type, SNEK_ARRAY);
		same_elements(o, v);
		break;
	case MSGPACK_OBJECT_MAP:
		ck_assert_int_eq(v.type, SNEK_OBJECT);
		same_elements(o, v);
		break;
	default:
		ck_abort_msg("type %d", o->type);
	}
}

START_TEST(both_readers_see_the_same)
{
	static const struct sk_json_options plain = { .plain = true };
	enum gen_kind kinds[] = { GEN_NESTED, GEN_UNICODE, GEN_MIXED, GEN_TOP,
		GEN_DRIFT };
	sk_json_reader *r;
	struct sk_buf json = { 0 }, packed = { 0 };
	struct snek_value v;
	msgpack_unpacked u;
	struct gen g;
	size_t used;
	int i;

	gen_seed(&g, 1);
	ck_assert_int_eq(sk_json_reader_new(&plain, &r), 0);
	for (i = 0; i < 5000; i++) {
		json.n = packed.n = used = 0;
		gen_document(&g, kinds[i % 5], false, &json);
		ck_assert_int_eq(sk_json_value(r, json.p, json.n, &v, NULL), 0);
		ck_assert(sk_pack_value(&packed, v));
		msgpack_unpacked_init(&u);
		ck_assert_int_eq(msgpack_unpack_next(&u, packed.p, packed.n,
		    &used), MSGPACK_UNPACK_SUCCESS);
		ck_assert_uint_eq(used, packed.n);
		ck_assert_int_eq(sk_unpack(packed.p, packed.n, &v, &used), 0);
		ck_assert_uint_eq(used, packed.n);
		same(&u.data, v);
		msgpack_unpacked_destroy(&u);
	}
	sk_buf_free(&json);
	sk_buf_free(&packed);
	sk_json_reader_free(r);
}
END_TEST

START_TEST(every_cut_is_refused_and_no_byte_beyond_is_read)
{
	static const struct sk_json_options plain = { .plain = true };
	static const char text[] = "{\"a\":[1,-1,300,70000,5000000000,-300,-70000,"
	    "-5000000000,1.5,true,null,\"x\",\"0123456789012345678901234567890123\","
	    "[],{},[[1]],1,2,3],\"b\":{\"c\":18446744073709551615}}";
	struct snek_value v, w;
	sk_json_reader *r;
	size_t n, used;
	char *exact;

	ck_assert_int_eq(sk_json_reader_new(&plain, &r), 0);
	ck_assert_int_eq(sk_json_value(r, text, strlen(text), &v, NULL), 0);
	for (n = 0; n <= v.len; n++) {
		exact = malloc(n + !n); /* so that sanitizers see its end */
		memcpy(exact, v.as.p, n);
		ck_assert_int_eq(sk_unpack(exact, n, &w, &used),
		    n < v.len ? SNEK_EFORMAT : 0);
		free(exact);
	}
	sk_json_reader_free(r);
}
END_TEST

static const struct { const char *bytes; size_t n; int rc; } odd[] = {
	{ "\xc1", 1, SNEK_EFORMAT },                    /* never used */
	{ "\xc4\x01x", 3, SNEK_EFORMAT },               /* bin */
	{ "\xc5\0\x01x", 4, SNEK_EFORMAT },
	{ "\xc6\0\0\0\x01x", 6, SNEK_EFORMAT },
	{ "\xc7\x01\x01x", 4, SNEK_EFORMAT },           /* ext */
	{ "\xd4\x01x", 3, SNEK_EFORMAT },
	{ "\xca\0\0\0\0", 5, SNEK_EFORMAT },            /* float32 */
	{ "\x81\x01\x01", 3, SNEK_EFORMAT },            /* a name that is a number */
	{ "\x81\x90\x01", 3, SNEK_EFORMAT },
	{ "\x82\xa1""a\x01\xc0\x01", 6, SNEK_EFORMAT },
	{ "\xdd\xff\xff\xff\xff", 5, SNEK_EFORMAT },    /* counts of 4 Gi */
	{ "\xdf\xff\xff\xff\xff\xa0\xc0", 7, SNEK_EFORMAT },
	{ "\xdb\xff\xff\xff\xffx", 6, SNEK_EFORMAT },
	{ "\xdd\0\0\0\x02\xc0", 6, SNEK_EFORMAT },
	{ "\x91\x92\xc0", 3, SNEK_EFORMAT },
	{ "\xcc\x05", 2, 0 },                           /* longer than need be */
	{ "\xcf\0\0\0\0\0\0\0\x05", 9, 0 },
	{ "\xd3\0\0\0\0\0\0\0\x05", 9, 0 },
	{ "\xd9\x01x", 3, 0 },
	{ "\xdc\0\x01\xc0", 4, 0 },
	{ "\xde\0\x01\xa1""a\xc0", 6, 0 },
};

START_TEST(odd_encodings_are_decided)
{
	struct snek_value v;
	size_t used;
	char *exact = malloc(odd[_i].n);

	memcpy(exact, odd[_i].bytes, odd[_i].n);
	ck_assert_int_eq(sk_unpack(exact, odd[_i].n, &v, &used), odd[_i].rc);
	if (odd[_i].rc == 0)
		ck_assert_uint_eq(used, odd[_i].n);
	free(exact);
}
END_TEST

START_TEST(depth_is_bounded)
{
	char deep[66];
	struct snek_value v;
	size_t used;

	memset(deep, 0x91, sizeof(deep));
	deep[64] = (char)0xc0;
	ck_assert_int_eq(sk_unpack(deep, 65, &v, &used), 0);
	ck_assert_uint_eq(used, 65);
	deep[64] = (char)0x91;
	deep[65] = (char)0xc0;
	ck_assert_int_eq(sk_unpack(deep, 66, &v, &used), SNEK_ELIMIT);
}
END_TEST

START_TEST(noise_never_leads_astray)
{
	struct snek_value v, name, element;
	struct snek_cursor c;
	struct gen g;
	size_t n, i, used;
	char *exact;
	int k;

	gen_seed(&g, 3);
	for (k = 0; k < 100000; k++) {
		n = 1 + gen_below(&g, 40);
		exact = malloc(n);
		for (i = 0; i < n; i++)
			exact[i] = (char)(gen_below(&g, 2) ? gen_below(&g, 256) :
			    0x80 + gen_below(&g, 64));
		if (sk_unpack(exact, n, &v, &used) == 0) {
			ck_assert_uint_le(used, n);
			if (sk_iterate(v, &c) == 0)
				while (sk_next(&c, &name, &element) > 0)
					;
		}
		free(exact);
	}
}
END_TEST

START_TEST(open_containers_get_the_shortest_header)
{
	static const uint32_t counts[] = { 0, 1, 15, 16, 65535, 65536 };
	struct sk_buf open = { 0 }, known = { 0 };
	uint32_t i, n = counts[_i / 2];
	bool object = _i % 2;
	size_t at;

	ck_assert(sk_buf_byte(&open, 'x') && sk_buf_byte(&known, 'x'));
	ck_assert(sk_pack_open(&open, &at));
	ck_assert(object ? sk_pack_map(&known, n) : sk_pack_array(&known, n));
	for (i = 0; i < n << object; i++)
		ck_assert(sk_pack_string(&open, "ab", 2) &&
		    sk_pack_string(&known, "ab", 2));
	ck_assert(sk_pack_close(&open, at, object, n));
	ck_assert_uint_eq(open.n, known.n);
	ck_assert(!memcmp(open.p, known.p, open.n));
	sk_buf_free(&open);
	sk_buf_free(&known);
}
END_TEST

START_TEST(only_arrays_and_objects_have_elements)
{
	struct snek_cursor c;

	ck_assert_int_eq(sk_iterate(sk_int(1), &c), SNEK_ETYPE);
	ck_assert_int_eq(sk_iterate(sk_none(), &c), SNEK_ETYPE);
	ck_assert_int_eq(sk_iterate(sk_cstring("\x90"), &c), SNEK_ETYPE);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, both_readers_see_the_same);
	tcase_add_test(t, every_cut_is_refused_and_no_byte_beyond_is_read);
	tcase_add_loop_test(t, odd_encodings_are_decided, 0,
	    sizeof(odd) / sizeof(*odd));
	tcase_add_test(t, depth_is_bounded);
	tcase_add_test(t, noise_never_leads_astray);
	tcase_add_loop_test(t, open_containers_get_the_shortest_header, 0, 12);
	tcase_add_test(t, only_arrays_and_objects_have_elements);
}

int main(void)
{
	return check_main("pack", setup);
}
