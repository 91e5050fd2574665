#!/bin/bash
# SPDX-License-Identifier: MIT
# What --help offers, the manual page explains, and the other way round.
set -u
srcdir=${srcdir:-.}
top=$(pwd)
bad=0
complain () { echo "$*"; bad=1; }

# "-o, --output WHAT": all options at the head of a line.
in_help () { sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z-]*\).*/\1\2/p' "$1" | sort; }
in_page () {
	sed -n 's/^\.It Fl \([^ ]*\) , Fl -\([a-z-]*\).*/-\1, --\2/p
	    s/^\.It Fl -\([a-z-]*\).*/--\1/p' "$1" | sort
}

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

compare () {            # compare PAGE COMMAND...
	local page=$srcdir/man/$1.1
	shift
	"$@" --help >"$tmp/help" 2>"$tmp/err" || complain "$* --help: exit $?"
	test -s "$tmp/err" && complain "$* --help writes to stderr"
	test -f "$page" || { complain "$*: no page $page"; return; }
	in_help "$tmp/help" >"$tmp/offered"
	in_page "$page" >"$tmp/explained"
	grep -q -- '-h, --help' "$tmp/offered" || complain "$*: help not understood"
	diff "$tmp/offered" "$tmp/explained" >"$tmp/diff" ||
	    { complain "$*: --help (<) and $page (>) differ:"; cat "$tmp/diff"; }
	LC_ALL=C grep -n '[^ -~]' "$tmp/help" && complain "$* --help: not ASCII"
	grep -n '.\{81\}' "$tmp/help" && complain "$* --help: over 80 columns"
}

commands=$("$top/snek" --help | sed -n 's/^  \([a-z-]*\)  .*/\1/p')
test "$(echo "$commands" | wc -l)" -ge 10 || complain "commands not understood: $commands"
for c in $commands; do
	compare "snek-$c" "$top/snek" "$c"
	grep -q "^\.It Xr snek-$c 1" "$srcdir/man/snek.1" || complain "snek(1) lacks $c"
	"$top/snek" help "$c" | cmp -s - "$tmp/help" ||
	    complain "snek help $c is not snek $c --help"
done
"$top/snek" --help | grep '.\{81\}' && complain "snek --help: over 80 columns"
compare snek-deploy "$top/snek-deploy"
compare snek-add-function "$top/snek-add-function"

# Every code of the table of errors is in the page of exit statuses.
codes=$(sed -n '/^static const char \*const names/,/^}/p' "$srcdir/core/base/err.c" |
    grep -o '"[a-z-]*"' | tr -d '"')
test "$(echo "$codes" | wc -l)" -ge 20 || complain "codes not understood: $codes"
for code in $codes; do
	grep -q "^\.It $code Ta" "$srcdir/man/snek-exit-status.7" ||
	    complain "snek-exit-status(7) lacks $code"
done

"$top/snek" completions bash >"$tmp/completions" && bash -n "$tmp/completions" ||
    complain "the completion script is no bash"
grep -q -- "query) words='.*--workers" "$tmp/completions" ||
    complain "the completion script lacks options"
exit $bad
