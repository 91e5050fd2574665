#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples of the library's pages compile.
srcdir=${srcdir:-.}
CC=${CC:-cc}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0 n=0

# What an example takes for granted.
cat >"$tmp/head.h" <<'END'
#include <stdlib.h>
#include <string.h>
#include <snek/snek.h>
extern snek_cluster *cluster;
extern snek_job *job;
extern snek_reader *reader;
extern snek_result *result;
extern struct snek_value value;
extern struct snek_error error;
END

for page in "$srcdir"/man/*.3; do
	grep -q '^\.so ' "$page" && continue
	awk '/^\.Sh /{in_examples = /EXAMPLES/}
	     /^\.Bd/{in_block = in_examples; next}
	     /^\.Ed/{in_block = 0}
	     in_block' "$page" |
	sed 's/\\e/\\/g; s/\\&//g; s/\\-/-/g' >"$tmp/example"
	test -s "$tmp/example" || { echo "$page has no example"; bad=1; continue; }
	n=$((n + 1))
	# A function stands before the statements that use it.
	awk -v head="$tmp/head.h" 'BEGIN{print "#include \"" head "\""; top = -1}
	     top < 0 {top = /^static /; if (!top) print "int example(void);\nint example(void)\n{"}
	     {print}
	     top && /^}$/ {top = 0; print "int example(void);\nint example(void)\n{"}
	     END{print "return 0;\n}"}' "$tmp/example" >"$tmp/example.c"
	# shellcheck disable=SC2086  # CC may hold options
	$CC -std=gnu11 -fsyntax-only -Wall -Wextra -Werror \
	    -Wno-unused-function -I"$srcdir/sdk" "$tmp/example.c" \
	    >"$tmp/err" 2>&1 && continue
	echo "the example of $page:"
	cat "$tmp/err"
	bad=1
done
test $n -ge 8 || { echo "only $n examples were found"; bad=1; }
exit $bad
