#!/bin/sh
# SPDX-License-Identifier: MIT
# Every page is well-formed mdoc.
MANDOC=${MANDOC:-$(command -v mandoc)}
srcdir=${srcdir:-.}
test -x "$MANDOC" || { echo "SKIP: no mandoc"; exit 77; }
ls "$srcdir"/man/*.[1-9] >/dev/null || exit 99
found=$("$MANDOC" -T lint -W warning "$srcdir"/man/*.[1-9] 2>&1)
test -z "$found" || { echo "$found"; exit 1; }
