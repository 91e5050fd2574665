#!/bin/bash
# SPDX-License-Identifier: MIT
# The zoo in one process that uses the library, and the example of a host.
. "${srcdir:-.}/tests/zoo_world.sh"
needs_cage
rm -f /tmp/zoo-escaped
export ZOO_CANARY=$tmp/canary
echo sings >"$ZOO_CANARY" || exit 99
"$SNEK_DEPLOY" --local "$tmp/spare" -q || exit 99
"$top/tests/zoo_host" "$tmp/c" "$tmp/spare" ${1:+"$1"} || exit 1
rm -f "$TMPDIR"/snek-crash-*    # reports of crashes, meant to stay
test "$(ls -A "$TMPDIR")" = "" || { echo "files are left"; exit 1; }
test "$(cat "$ZOO_CANARY")" = sings && ! test -e /tmp/zoo-escaped || exit 1

host () { "$top/examples/host" "$tmp/host" "$ZOO_PLUGINS/$1"; }
want='"records"	2000
the handler is still ours'
test "$(host die.so:good)" = "$want" || exit 1
test "$(host die.so:in_finish 2>"$tmp/err")" = 'the handler is still ours' &&
    grep -q SIGABRT "$tmp/err" || { cat "$tmp/err"; exit 1; }
