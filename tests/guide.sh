#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples of snek_plugin(7) compile, lint, and do what the page says: the
# literal blocks after a comment "file: NAME", those of one name put together,
# and the session after "session".
srcdir=${srcdir:-.}
CC=${CC:-cc}
top=$PWD
page=$(cd "$srcdir/man" && pwd)/snek_plugin.7
include=$(cd "$srcdir/sdk" && pwd)
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
export SNEK_PLUGIN_PATH="$top/plugins/.libs"
cd "$tmp" || exit 99

awk '
/^\.\\" file: / { file = $3; next }
/^\.Bd -literal/ && file { on = 1; next }
/^\.Ed/ { if (on) print "" >>file; on = 0; file = "" }
on {
	gsub(/\\&/, "")
	gsub(/\\e/, "\\")
	print >>file
}' "$page"

bad=0 n=0
for c in *.c; do
	test -f "$c" || continue
	n=$((n + 1))
	so=${c%.c}.so
	case $c in
	unit_*)
		# shellcheck disable=SC2086 # words
		$CC -std=c11 -pedantic -Wall -Wextra -Werror -I"$include" "$c" \
		    -o "${c%.c}" || { bad=1; continue; }
		"./${c%.c}" || { echo "$c: fails"; bad=1; } ;;
	*)
		# shellcheck disable=SC2086 # words
		$CC -std=gnu11 -shared -fPIC -fvisibility=hidden -Wall -Wextra \
		    -Werror -Wl,-z,defs -I"$include" "$c" -o "$so" -lm ||
		    { bad=1; continue; }
		"$top/snek" lint -q "./$so" || { echo "$so: lint"; bad=1; } ;;
	esac
done
test "$n" -ge 5 || { echo "only $n examples were found"; bad=1; }

# "$ command" lines, each followed by what it prints.
test -s session || { echo "no session"; exit 1; }
mkdir bin
printf '#!/bin/sh\nexec "%s/snek" "$@"\n' "$top" >bin/snek
chmod +x bin/snek
PATH=$tmp/bin:$PATH
sed -n 's/^\$ //p' session | while read -r line; do
	echo "\$ $line"
	eval "$line" </dev/null 2>&1
done >got
grep -v '^$' session >want
diff want got || { echo "the session prints something else"; bad=1; }
exit $bad
