#!/bin/sh
# SPDX-License-Identifier: MIT
# The library exports what snek.h and what it includes declare, and nothing else;
# every export has a manual page.
srcdir=${srcdir:-.}
lib=.libs/libsnek.so
test -f "$lib" || { echo "SKIP: no shared library"; exit 77; }
command -v nm >/dev/null || { echo "SKIP: no nm"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
nm -D --defined-only "$lib" | awk '$2 == "T" || $2 == "D" || $2 == "B" || $2 == "R" {
	sub(/@.*/, "", $3); print $3 }' | sort >"$tmp/exported"
cat "$srcdir/sdk/snek/snek.h" "$srcdir/sdk/snek/lambda.h" \
    "$srcdir/sdk/snek/stack.h" "$srcdir/sdk/snek/cloud.h" \
    "$srcdir/sdk/snek/doctor.h" | grep -v '^#' | tr '\n' ' ' | grep -o 'SNEK_API[^;]*;' |
    sed 's/(.*//; s/.*[ *]//' | sort >"$tmp/declared"
test -s "$tmp/declared" || { echo "no declarations found"; exit 1; }
diff -u "$tmp/declared" "$tmp/exported" || exit 1
bad=0
while read -r f; do
	test -f "$srcdir/man/$f.3" || { echo "no manual page: man/$f.3"; bad=1; }
done <"$tmp/declared"
exit $bad
