#!/bin/bash
# SPDX-License-Identifier: MIT
# C functions of any library, called from the command line; and functions that
# a plugin declares: only those compile whose prototype is what was declared.
set -u
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 99
CC=${CC:-cc}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
export PATH=$top/.libs:$top:$PATH LD_LIBRARY_PATH=$top/.libs
export SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_CLUSTER=$tmp/cluster
library=$top/tests/plugins/.libs/library.so
called=$top/tests/plugins/.libs/called.so
cd "$tmp" || exit 99
bad=0
fail () { echo "FAIL: $*"; sed 's/^/    /' out err | head; bad=1; }

gives () {              # gives WANT COMMAND...
	local want=$1
	shift
	"$@" >out 2>err <points || fail "$*: exit $?"
	test "$(cat out)" = "$want" || fail "$*: not [$want]"
}

refused () {            # refused CODE PATTERN COMMAND...
	local want=$1 pattern=$2 rc
	shift 2
	"$@" >out 2>err <points
	rc=$?
	test $rc = "$want" || fail "$*: exit $rc, not $want"
	test -s out && fail "$*: stdout is not empty"
	test "$(wc -l <err)" = 1 || fail "$*: not one line"
	grep -Eq -- "$pattern" err || fail "$*: no $pattern"
}

printf '{"x":3,"y":4,"s":"a"}\n{"x":5,"y":12}\n{"x":1}\n' >points
hypot="--call libm.so.6:hypot --sig d(dd)"
# shellcheck disable=SC2086 # $hypot is words
{
gives $'5.0\n13.0' snek run $hypot --fields x,y
gives '{"key":null,"value":18.0}' snek run $hypot --fields x,y --reduce sum
gives '{"x":true,"y":12}' snek run --call "$library:is_both" --sig 'b(bi)' \
    --fields x,y -i <(echo '{"x":true,"y":12}{"x":true,"y":0}')
gives $'1.0\n2.0\n3.0' snek run --call libm.so.6:sqrt --sig 'd(d)' \
    -i <(echo 1 4 9)
snek-deploy --local "$SNEK_CLUSTER" >out 2>err || fail "deploy"
snek write points points >out 2>err || fail "write"
gives $'5.0\n13.0' snek query points $hypot --fields x,y
gives '1' snek query points --call "$library:bytes" --sig 'L(s)' --fields s
gives $'1\n99\n99' snek query --call="$library:bytes" --sig='L(?s)' \
    --fields=s points
gives $'12.0\n-20.0' snek run "$called:area" -i <(
    echo '{"w":3,"size":{"h":4}}{"w":-4,"size":{"h":5}}') -o tsv

snek query points $hypot --fields x,y --json 2>err >out </dev/null ||
    fail "--json"
grep -q '"records_skipped":1' err || fail "what is missing is not counted"

# ---- registered ones ----

add="snek-add-function --call libm.so.6:hypot --sig d(dd) --fields x,y"
# shellcheck disable=SC2086 # $add is words
{
gives '' $add length
grep -q '^length: libm.so.6, added$' err || fail "what was added"
gives '' $add length
grep -q 'unchanged$' err || fail "nothing changes"
gives $'5.0\n13.0' snek query points length
gives $'5.0\n13.0' snek query points length --on threads
gives '{"key":null,"value":18.0}' snek query points length --reduce sum
cp "$library" mine.so
snek-add-function -q --call ./mine.so:bytes --sig 'L(s)' --fields s size ||
    fail "a library of our own"
rm mine.so
gives 1 snek query points size
gives 1 snek query points size --on threads
snek functions --json >out 2>err
grep -q '"name":"length",.*"function_kind":"call","library":"libm.so.6","function":"hypot","signature":"d(dd)","fields":"x,y"' \
    out || fail "it is listed"
grep -q '"name":"size",.*"library":"mine.so"' out || fail "it is listed"
gives '' snek-add-function --url http://127.0.0.1:1/f echo
grep -q '^echo: http://127.0.0.1:1/f, added$' err || fail "a URL"
snek functions echo >out 2>err
grep -q 'http://127.0.0.1:1/f' out || fail "a URL is told"
refused 5 'echo: http://127.0.0.1:1: ' snek query points echo
refused 2 'https:// only' snek-add-function --url http://example.com/f e
refused 2 'user or a password' snek-add-function --url https://u:p@h/f e
refused 2 '"a/b"' snek-add-function --url https://h/f a/b
refused 1 'echo is registered already, as a URL.*--replace' $add echo
refused 1 'wordcount ships with snek; --replace' $add wordcount
gives '' $add echo --replace
gives $'5.0\n13.0' snek query points echo
refused 3 'libm.so.6 has no function hypoo' snek-add-function \
    --call libm.so.6:hypoo --sig 'd(dd)' --fields x,y other
refused 2 'names 1' snek-add-function --call libm.so.6:hypot --sig 'd(dd)' \
    --fields x other
refused 7 'not a shared object|no plugin' snek-add-function \
    --call ./points:f --sig 'd(d)' other
refused 3 'other' snek query points other
refused 2 '--sig' snek-add-function --call libm.so.6:hypot other
refused 2 'one of them' $add --url https://h/f other
refused 2 '--sig goes with' snek-add-function --sig 'd(d)' ./x.so
snek rm-function size >out 2>err || fail "it is removed"
refused 3 'size' snek query points size
}

refused 2 'LIBRARY:FUNCTION' snek run --call libm.so.6 --sig 'd(d)'
refused 2 'LIBRARY:FUNCTION' snek run --call libm.so.6: --sig 'd(d)'
refused 2 'LIBRARY:FUNCTION' snek run --call :hypot --sig 'd(d)'
refused 2 '--call needs .*--sig' snek run --call libm.so.6:hypot
refused 2 '--sig goes with --call' snek query points wordcount --sig 'd(d)'
refused 2 '--fields goes with --call' snek run wordcount --fields x
refused 2 'wordcount: --call takes no function' \
    snek query points wordcount $hypot --fields x,y
refused 2 'x=1: --call takes no function' snek run $hypot --fields x,y x=1
refused 2 '--args goes with' snek run $hypot --fields x,y --args '{}'
refused 2 'too little: give CATEGORY FUNCTION' snek query points
refused 2 'too little: give PLUGIN' snek run
refused 2 'hypot takes 2 arguments, and .x. names 1' \
    snek run $hypot --fields x
refused 2 'say which fields' snek run $hypot
refused 2 "signature 'd\(dv\)': expected a type other than v" \
    snek run --call libm.so.6:hypot --sig 'd(dv)' --fields x,y
refused 3 'libm.so.6 has no function hypoo' \
    snek run --call libm.so.6:hypoo --sig 'd(dd)' --fields x,y
refused 3 'libno.so.1 is not found' \
    snek run --call libno.so.1:f --sig 'd(d)' --fields x
refused 1 "field 's' is \"a\"; argument 2 needs a number" \
    snek query points $hypot --fields x,s
refused 3 "no record of points has a field 'z'" \
    snek query points --call libm.so.6:sqrt --sig 'd(d)' --fields z
}

# ---- the compiler's part ----

build () {              # build OP: a plugin of it
	cat >x.c <<END
#include <snek/plugin.h>
static inline __attribute__((unused)) double half(double x) { return x / 2; }
static inline __attribute__((unused)) int32_t length(const char *s)
{ return (int32_t)strlen(s); }
SNEK_PLUGIN("x", "1", $1);
END
	$CC -shared -fPIC -std=c11 -pedantic -Wall -Wextra -Werror \
	    -I"$srcdir/sdk" x.c -o x.so >out 2>err
}

builds () { build "$1" || fail "does not compile: $1"; }
breaks () {
	build "$1" && fail "compiles: $1"
	grep -q "${2:-its prototype is not what SNEK_FUNCTION says}" err ||
	    fail "breaks for another reason: $1"
}

builds 'SNEK_FUNCTION(double, half, (double, "x"))'
builds 'SNEK_FUNCTION(double, half, (double, "x", SNEK_OPTIONAL))'
builds 'SNEK_FUNCTION(int32_t, length, (const char *, "s"))'
builds 'SNEK_FUNCTION(double, half, (double, "a")),
	SNEK_FUNCTION(int, length, (const char *, "s", SNEK_OPTIONAL))'
breaks 'SNEK_FUNCTION(double, half, (float, "x"))'
breaks 'SNEK_FUNCTION(float, half, (double, "x"))'
breaks 'SNEK_FUNCTION(double, half, (double, "x"), (double, "y"))'
breaks 'SNEK_FUNCTION(int64_t, length, (const char *, "s"))'
breaks 'SNEK_FUNCTION(uint32_t, length, (const char *, "s"))'
breaks 'SNEK_FUNCTION(int32_t, length, (char *, "s"))' .
breaks 'SNEK_FUNCTION(void, half, (double, "s"))' .
breaks 'SNEK_FUNCTION(double, half, (struct snek_value, "s"))' .
build 'SNEK_FUNCTION(double, half, (double, "x"))'
names=$(nm -D --defined-only x.so 2>/dev/null | sed 's/.* //' | grep -v '^_')
test "$names" = snek_plugin || fail "exports: $names"
gives 1.5 snek run ./x.so -o tsv -i <(echo '{"x":3}')
exit $bad
