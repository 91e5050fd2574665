#!/bin/bash
# SPDX-License-Identifier: MIT
# A bundle runs where it is unpacked, and in a root with nothing else in it, or
# with libraries that no loader could use.
set -u
test -x tests/boot || { echo "SKIP: built without AWS or Check"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=tests/root_world.sh
. "${srcdir:-.}/tests/root_world.sh"

unpack_bundle || exit 1
# shellcheck disable=SC2016  # boot's shell expands it
here='exec env -i AWS_LAMBDA_RUNTIME_API=$AWS_LAMBDA_RUNTIME_API'
boots "unpacked anywhere" "$here $tmp/task/bootstrap" || exit 1
ln -s "$tmp/task/bootstrap" "$tmp/link" || exit 99
boots "by a symbolic link" "$here $tmp/link" || exit 1
boots "by a relative name" "cd $tmp/task && $here ./bootstrap" || exit 1
mkdir "$tmp/alone" && cp "$tmp/task/bootstrap" "$tmp/alone" || exit 99
boots "by the environment" "$here LAMBDA_TASK_ROOT=$tmp/task $tmp/alone/bootstrap" ||
    exit 1
LAMBDA_TASK_ROOT=/nowhere "$tmp/alone/bootstrap" 2>"$tmp/said"
test $? = 127 && grep -q 'no snek/ld.so beside it' "$tmp/said" ||
    { echo "FAIL: a bootstrap alone: $(cat "$tmp/said")"; exit 1; }

test "${SANITIZE:-no}" = no ||
    { echo "SKIP: sanitizers themselves cannot live without /proc"; exit 0; }
find_chroot || exit 0
mkdir "$tmp/empty" || exit 99
boots_in "an empty root" "$tmp/empty" || exit 1
# Where Lambda's LD_LIBRARY_PATH and all loaders look.
mkdir -p "$tmp/bad/lib64" "$tmp/bad/lib" "$tmp/bad/etc" "$tmp/bad/usr" || exit 99
ln -s ../lib64 "$tmp/bad/usr/lib64"
for lib in libc.so.6 libm.so.6 ld-linux-x86-64.so.2; do
	echo "no library" >"$tmp/bad/lib64/$lib"
	echo "no library" >"$tmp/bad/lib/$lib"
done
echo "no cache" >"$tmp/bad/etc/ld.so.cache"
boots_in "a root with libraries of its own" "$tmp/bad"
