#!/bin/bash
# SPDX-License-Identifier: MIT
# An author's day, against what is installed alone: new, check, test, lint, run,
# install; and that snek test finds the mistakes it is there for.
set -u
top=$PWD
srcdir=$(cd "${srcdir:-.}" && pwd)
command -v pkg-config >/dev/null || { echo "SKIP: no pkg-config"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0
complain () { echo "FAIL: $*"; bad=1; }

make -s install DESTDIR="$tmp/root" >"$tmp/log" 2>&1 ||
    { tail -n 20 "$tmp/log"; exit 1; }
pc=$(find "$tmp/root" -name snek-plugin.pc)
test -n "$pc" || { echo "no snek-plugin.pc is installed"; exit 1; }
# Check, if it is there, has its own directory.
PKG_CONFIG_PATH=${pc%/*}${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
plugindir=$(PKG_CONFIG_PATH=$PKG_CONFIG_PATH pkg-config --variable=plugindir snek-plugin)
include=$tmp/root$(pkg-config --variable=includedir "$pc")
export PKG_CONFIG_PATH
lib=$(find "$tmp/root" -name 'libsnek.so' -o -name 'libsnek.so.0' | head -n 1)
export LD_LIBRARY_PATH=${lib%/*}
SNEK=$(find "$tmp/root" -type f -name snek)
export SNEK SNEK_PLUGIN_PATH=$tmp/root$plugindir
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS LDFLAGS CPPFLAGS
cd "$tmp" || exit 99

# ---- new, and all that its Makefile does ----

"$SNEK" new wordy 2>err || { cat err; exit 1; }
cd wordy || exit 99
build () { make "CPPFLAGS=-I$include" "CC=${CC:-cc}" "$@" >out 2>&1; }
build CFLAGS="-O2 -Wall -Wextra -Werror" check || { cat out; complain "make check"; }
grep -q '^[1-9][0-9]* ok, 0 failed$' out || complain "no summary of snek test"
(cd / && "$SNEK" test "$tmp/wordy/wordy.so" >/dev/null) || complain "cases beside the plugin"
if pkg-config --exists check; then
	grep -q '100%: Checks: 2' out || complain "no unit test was run"
fi
test "$(echo '{"text":"a"}' | "$SNEK" run ./wordy.so)" = '{"key":"a","value":1}' ||
    complain "run"
build install DESTDIR="$tmp/there" || { cat out; complain "make install"; }
test -f "$tmp/there$plugindir/wordy.so" || complain "nothing was installed"
test "$(echo '{"t":"b"}' |
    SNEK_PLUGIN_PATH=$tmp/there$plugindir "$SNEK" run wordy field=t)" = \
    '{"key":"b","value":1}' || complain "run by name"
"$SNEK" lint ./wordy.so >out || { cat out; complain "lint"; }
"$SNEK" lint --json ./wordy.so | grep -q '"verdict":"pass"' || complain "lint --json"

# With a snek that is not installed; and clean needs none at all.
make clean >out 2>&1 || complain "make clean"
test -e wordy.so && complain "make clean leaves the plugin"
PKG_CONFIG_PATH=$top/sdk make check "SNEK=$top/snek" "CC=${CC:-cc}" >out 2>&1 ||
    { cat out; complain "make check, not installed"; }
grep -q -- "-I[^ ]*/sdk" out || complain "make check took another header"
PKG_CONFIG_PATH=/nowhere PKG_CONFIG_LIBDIR=/nowhere make clean >out 2>&1 ||
    { cat out; complain "make clean without the SDK"; }
PKG_CONFIG_PATH=/nowhere PKG_CONFIG_LIBDIR=/nowhere make >out 2>&1 &&
    complain "make without the SDK"
grep -q 'set PKG_CONFIG_PATH' out || { complain "what is missing"; cat out; }

# ---- new refuses ----

refused () {            # refused EXIT WORD COMMAND...
	local want=$1 word=$2 rc
	shift 2
	"$@" >out 2>err
	rc=$?
	test $rc = "$want" || complain "$*: exit $rc, not $want"
	grep -q "$word" out err || { complain "$*: no $word"; cat out err; }
}
cd "$tmp" || exit 99
refused 1 'there already' "$SNEK" new wordy
for name in Wordy 9lives a-b ../x x/y '' int 'a b' \
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; do
	refused 2 "name\|word" "$SNEK" new "$name"
	test -e "$name" -a -n "$name" -a "$name" != ../x && complain "$name was made"
done
touch plain; refused 1 'there already' "$SNEK" new plain

# ---- test finds what is wrong, and says where ----

mkdir cases
cat >cases/n.in.jsonl <<'END'
{"n":1}
{"n":2}
{"n":30}
{"n":4}
{"n":5}
{"n":60}
{"n":7}
END
careless=$top/tests/plugins/.libs/careless.so
finds () {              # finds OP CHECK WORD [OPTION...]
	local args=(--skip expected "${@:4}" "$careless:$1" cases) check
	"$SNEK" test --json "${args[@]}" >out 2>err
	test $? = 7 || complain "test $1: does not fail"
	check=$(grep '"result":"fail"' out | sed 's/.*"check":"\([^"]*\)".*/\1/' | sort | tr '\n' ' ')
	test "$check" = "$2 " || { complain "test $1: found [$check], not [$2]"; cat out err; }
	grep -q "${3:-}" out || { complain "test $1: no $3"; cat out; }
}
"$SNEK" test --skip expected "$careless:number" cases >out 2>&1
test $? = 7 || complain "test number: does not fail"
grep -q 'FAIL  n: every task attempted twice' out ||
    { complain "test number"; cat out; }
finds trust types 'crashed: Aborted: {..n..:....'
finds leave types 'called exit(0): {..n..:null}'
# Whether one worker gets two of as many tasks is chance.
finds held "chunks one-worker retry" "another result" --skip workers
finds mean "chunks combine-often one-worker" "another result"
finds hang types "did not end in 3 s: {..n..:true}" \
    --timeout 3 --skip one-worker --skip workers --skip chunks --skip retry \
    --skip reversed --skip empty
finds first reversed "if order is meant"

# ---- the ways of test ----

"$SNEK" test "$careless:first" cases >out 2>&1
grep -q 'FAIL  n: as expected: .*--update' out || complain "no word of --update"
"$SNEK" test --update --skip reversed "$careless:first" cases >out 2>err ||
    { cat out err; complain "--update"; }
test "$(cat cases/n.out.jsonl)" = '{"key":"mean","value":1}' || complain "what --update wrote"
"$SNEK" test --skip reversed "$careless:first" cases >out || complain "after --update"
echo '{"key":"mean","value":2}' >cases/n.out.jsonl
"$SNEK" test --skip reversed "$careless:first" cases >out && complain "a difference"
for line in '-{"key":"mean","value":2}' '+{"key":"mean","value":1}'; do
	grep -qxF "      $line" out || { complain "no $line"; cat out; }
done
echo '{"n":1' >cases/n.in.jsonl
"$SNEK" test "$careless:first" cases >out && complain "bad input"
grep -q 'FAIL  n: as expected: input:' out || { complain "bad input is not named"; cat out; }
echo "a='x y' b" >cases/n.args
refused 2 'NAME=VALUE' "$SNEK" test "$careless:first" cases
rm cases/n.args
refused 3 'no case there' "$SNEK" test "$careless:first" nowhere
refused 3 'No such file' "$SNEK" test ./nope.so cases
refused 2 'say ./x.so' "$SNEK" test x.so cases
refused 2 'did you mean types' "$SNEK" test --skip type "$careless:first" cases
"$SNEK" test "$careless:nope" cases >out && complain "an op that is not there"
grep -q "no op 'nope'" out || { complain "which op"; cat out; }

# Arguments with blanks and quotes.
echo '{"text":"a b"}' >cases/n.in.jsonl
echo "match='a b' \"field=text\"" >cases/n.args
echo '{"text":"a b"}' >cases/n.out.jsonl
"$SNEK" test grep cases >out || { complain "arguments"; cat out; }

# ---- run in a debugger ----

mkdir fake
# shellcheck disable=SC2016 # the fake's own
printf '#!/bin/sh\necho "$0" "$@"\n' >fake/gdb
chmod +x fake/gdb
cp fake/gdb fake/valgrind
PATH=$tmp/fake:$PATH "$SNEK" run --gdb ./p.so -i "a b" x=1 >out 2>err
grep -q "gdb --args .*snek run --on threads -i a b ./p.so x=1\$" out ||
    { complain "--gdb"; cat out err; }
PATH=$tmp/fake:$PATH "$SNEK" run ./p.so --valg -- --gdb >out 2>err
grep -q "valgrind --leak-check=full .*snek run --on threads -- ./p.so --gdb\$" out ||
    { complain "--valgrind"; cat out err; }
refused 3 'apt-get install gdb' env PATH="$tmp" "$SNEK" run --gdb ./p.so

# ---- what ships is as good as what it asks of others ----

for so in "$tmp/root$plugindir"/*.so; do
	"$SNEK" lint -q "$so" >out || { complain "lint $so"; cat out; }
done
for dir in "$srcdir"/tests/cases/*/; do
	name=$(basename "$dir")
	skip=()
	# It goes by where records stand.
	test "$name" = sample && skip=(--skip reversed)
	"$SNEK" test "${skip[@]}" "$name" "$dir" >out 2>err ||
		{ complain "test $name"; cat out err; }
done
exit $bad
