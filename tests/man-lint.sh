#!/bin/sh
# SPDX-License-Identifier: MIT
# Every page is well-formed mdoc.
MANDOC=${MANDOC:-$(command -v mandoc)}
srcdir=${srcdir:-.}
test -x "$MANDOC" || { echo "SKIP: no mandoc"; exit 77; }
cd "$srcdir" || exit 99
pages=
bad=0
for page in man/*.[1-9]; do
	# One page under several names; the build has no man3/ to look into.
	other=$(sed -n '1s/^\.so man[1-9]\///p' "$page")
	if test -z "$other"; then
		pages="$pages $page"
	elif ! test -f "man/$other"; then
		echo "$page: there is no $other"
		bad=1
	fi
done
test -n "$pages" || exit 99
found=$("$MANDOC" -T lint -W warning $pages 2>&1)
test -z "$found" || { echo "$found"; bad=1; }
exit $bad
