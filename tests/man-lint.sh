#!/bin/sh
# SPDX-License-Identifier: MIT
# Every page is well-formed mdoc; a stub (.so) leads to a page that is there.
MANDOC=${MANDOC:-$(command -v mandoc)}
srcdir=${srcdir:-.}
test -x "$MANDOC" || { echo "SKIP: no mandoc"; exit 77; }
cd "$srcdir/man" || exit 99
pages='' bad=0
for page in *.[1-9]; do
	to=$(sed -n '1s/^\.so man[1-9]\///p' "$page")
	if test -z "$to"; then
		pages="$pages $page"
	elif ! test -f "$to"; then
		echo "$page leads to $to, which is not there"
		bad=1
	fi
done
# shellcheck disable=SC2086  # names without blanks
found=$("$MANDOC" -T lint -W warning $pages 2>&1)
test -z "$found" || { echo "$found"; exit 1; }
exit $bad
