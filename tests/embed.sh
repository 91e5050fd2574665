#!/bin/sh
# SPDX-License-Identifier: MIT
# The embedding example runs, and runs again over what it wrote.
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
export SNEK_PLUGIN_PATH="$PWD/plugins/.libs"
printf 'cat\t1\nhat\t1\nthe\t2\n' >"$tmp/want"
printf 'cat\t2\nhat\t2\nthe\t4\n' >"$tmp/want2"
./examples/embed "$tmp/c" >"$tmp/got" && cmp "$tmp/want" "$tmp/got" || exit 1
./examples/embed "$tmp/c" >"$tmp/got" && cmp "$tmp/want2" "$tmp/got" || exit 1
echo x >"$tmp/file"
./examples/embed "$tmp/file" 2>"$tmp/err" && exit 1
grep -q "$tmp/file" "$tmp/err"
