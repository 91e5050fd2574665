#!/bin/bash
# SPDX-License-Identifier: MIT
# In a root directory with nothing in it but the programs and their libraries,
# no /proc and no /dev: a query works, in processes too.
set -u
top=$(pwd)
test "$(id -u)" = 0 || { echo "SKIP: only root may change the root"; exit 77; }
test "${SANITIZE:-no}" = no ||
    { echo "SKIP: sanitizers themselves cannot live without /proc"; exit 77; }
chroot=$(PATH=$PATH:/usr/sbin command -v chroot) ||
    { echo "SKIP: there is no chroot"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'umount "$tmp/proc" 2>/dev/null; rm -rf "$tmp"' EXIT

# Copy a file to where it lies in ours.
take () { mkdir -p "$tmp$(dirname "$1")" && cp -L "$1" "$tmp$1"; }
mkdir -p "$tmp/proc" "$tmp/tmp" "$tmp/b" || exit 99
cp "$top/.libs/snek" "$top/.libs/snek-deploy" "$top/.libs/snek-add-function" "$top/snek-worker" \
    "$top/plugins/.libs/wordcount.so" "$tmp/b" || exit 99
cp -L "$top/.libs/libsnek.so.0" "$tmp/b" || exit 99
for f in $(LD_LIBRARY_PATH=$top/.libs ldd "$tmp/b/snek" "$tmp/b/snek-worker" |
    grep -o '/[^ ]*' | grep -v -e ':$' -e libsnek | sort -u); do
	take "$f" || exit 99
done
bare () {
	env -i PATH=/b LD_LIBRARY_PATH=/b SNEK_WORKER=/b/snek-worker HOME=/tmp \
	    SNEK_PLUGIN_PATH=/b SNEK_CLUSTER=/tmp/c \
	    "$chroot" "$tmp" "/b/$1" "${@:2}"
}
printf '{"text":"%s"}\n' 'to be' 'or not' 'to be' >"$tmp/tmp/in" || exit 99
bare snek-deploy --local /tmp/c -q && bare snek write hamlet /tmp/in -q ||
	{ echo "FAIL: no cluster in a bare root"; exit 1; }
counts='{"key":"be","value":2}
{"key":"not","value":1}
{"key":"or","value":1}
{"key":"to","value":2}'

fail () { echo "FAIL: $1: $(cat "$tmp/out" "$tmp/err")"; exit 1; }
query () { bare snek query hamlet wordcount field=text --output jsonl "$@" \
	>"$tmp/out" 2>"$tmp/err"; }

query --on threads && test "$(cat "$tmp/out")" = "$counts" || fail "threads"
query && test "$(cat "$tmp/out")" = "$counts" || fail "processes without /proc"
query --workers 2 --reduce count || fail "two workers without /proc"
mkdir -p "$tmp/mine" && cp "$top/examples/.libs/reverse.so" "$tmp/mine" || exit 99
bare snek run /mine/reverse.so field=text -i /tmp/in >"$tmp/out" 2>"$tmp/err" &&
    test "$(wc -l <"$tmp/out")" = 3 || fail "a file's plugin without /proc"
bare snek-add-function /mine/reverse.so >"$tmp/out" 2>"$tmp/err" ||
	fail "adding without /proc"
rm "$tmp/mine/reverse.so"
bare snek query hamlet reverse field=text >"$tmp/out" 2>"$tmp/err" &&
    test "$(wc -l <"$tmp/out")" = 3 || fail "an added plugin without /proc"
bare snek functions >"$tmp/out" 2>"$tmp/err" && grep -q wordcount "$tmp/out" ||
	fail "functions without /proc"
bare snek doctor >"$tmp/out" 2>&1 || fail "the doctor"
grep -q 'worker.*mount -t proc' "$tmp/out" || fail "no cure of the doctor's"

mount -t proc proc "$tmp/proc" 2>/dev/null ||
	{ echo "SKIP: /proc cannot be mounted here; without it all is well"; exit 0; }
query && test "$(cat "$tmp/out")" = "$counts" || fail "with /proc"
