#!/bin/sh
# SPDX-License-Identifier: MIT
# A plugin builds far from our tree, against what is installed alone.
# shellcheck disable=SC2086 # $CC and the flags are words
srcdir=${srcdir:-.}
CC=${CC:-cc}
CXX=${CXX:-c++}
command -v pkg-config >/dev/null || { echo "pkg-config is missing"; exit 77; }
command -v nm >/dev/null || { echo "nm is missing"; exit 77; }
srcdir=$(cd "$srcdir" && pwd) || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
fail () { echo "FAIL: $*"; exit 1; }

make DESTDIR="$tmp/root" install-snekincludeHEADERS install-pkgconfigDATA \
    install-pluginLTLIBRARIES >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
pc=$(find "$tmp/root" -name snek-plugin.pc) 
test -n "$pc" || fail "snek-plugin.pc is not installed"
PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$tmp/root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
# Also where the prefix is one that pkg-config would leave out.
PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS
flags=$(pkg-config --cflags snek-plugin) || fail "pkg-config --cflags"
test -z "$(pkg-config --libs-only-l snek-plugin)" ||
	fail "there should be nothing to link"
mkdir "$tmp/empty" && cd "$tmp/empty" || exit 99

for example in "$srcdir"/examples/*.c; do
	head -n 30 "$example" | grep -q 'snek/plugin.h' || continue
	cp "$example" x.c
	$CC -shared -fPIC x.c -o x.so $flags ||
		fail "$example does not build with the plain command"
	$CC -shared -fPIC -Wall -Wextra -Werror -pedantic -std=c11 x.c -o x.so \
	    $flags -Wl,-z,defs -lm || fail "$example does not build strictly"
done
cat >x.c <<'END'
#include <snek/plugin.h>

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	return snek_emit_int(c, "records", 7, 1);
}

SNEK_PLUGIN("tiny", "1.0", SNEK_OP(.name = "tiny", .map = map));
END
$CC -shared -fPIC x.c -o x.so $flags || fail "the plain command"
$CC -shared -fPIC -fvisibility=hidden -O2 -Wall -Wextra -Werror -pedantic \
    -std=c11 x.c -o y.so $flags || fail "the strict one"
names=$(nm -D --defined-only y.so | sed 's/.* //')
test "$names" = snek_plugin || fail "exports: $names"

for header in types plugin snek; do
	echo "#include <snek/$header.h>" >h.c
	echo "int h; " >>h.c
	$CC -c -Wall -Wextra -Werror -pedantic -std=c11 h.c $flags -o h.o ||
		fail "snek/$header.h as C11"
	command -v "${CXX%% *}" >/dev/null || continue
	$CXX -x c++ -c -Wall -Wextra -Werror -pedantic -std=c++17 h.c $flags \
	    -o h.o || fail "snek/$header.h as C++17"
done

plugindir=$(pkg-config --variable=plugindir snek-plugin)
for so in "$tmp/root/${plugindir#"$tmp/root"}"/*.so; do
	names=$(nm -D --defined-only "$so" | sed 's/.* //' | grep -v '^__asan\|^__odr_asan')
	test "$names" = snek_plugin || fail "$so exports: $names"
done
test -f "$so" || fail "no plugin is installed"
exit 0
