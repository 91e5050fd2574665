#!/bin/sh
# SPDX-License-Identifier: MIT
# Every header compiles alone, and goes into the tarball; public ones also as
# strict C11 and as C++17.
srcdir=${srcdir:-.}
CC=${CC:-cc}
top=$(cd "$srcdir" && pwd)
bad=0
for h in $(cd "$srcdir" && find core sdk -name '*.h' | sort); do
	echo "#include \"$top/$h\"" | $CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra \
	    -Werror -fsyntax-only -I"$srcdir/core" -I"$srcdir/sdk" -x c - ||
	    { echo "$h does not compile alone"; bad=1; }
	grep -qF "$h" "$srcdir/Makefile.am" ||
	    { echo "$h is not in Makefile.am"; bad=1; }
done
for h in types plugin snek lambda; do
	echo "#include <snek/$h.h>" | $CC -std=c11 -pedantic -Wall -Wextra \
	    -Werror -fsyntax-only -I"$srcdir/sdk" -x c - || bad=1
	if command -v "${CXX%% *}" >/dev/null 2>&1; then
		echo "#include <snek/$h.h>" | $CXX -std=c++17 -pedantic -Wall \
		    -Wextra -Werror -fsyntax-only -I"$srcdir/sdk" -x c++ - || bad=1
	fi
done
exit $bad
