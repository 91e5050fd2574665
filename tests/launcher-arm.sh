#!/bin/sh
# SPDX-License-Identifier: MIT
# The launcher of bundles compiles for arm64, too, wherever this is.
srcdir=${srcdir:-.}
include=/usr/aarch64-linux-gnu/include
command -v clang >/dev/null || { echo "SKIP: no clang"; exit 77; }
test -f $include/asm/unistd.h ||
    { echo "SKIP: no linux-libc-dev-arm64-cross"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
for file in launcher launcher_aarch64; do
	clang --target=aarch64-linux-gnu -isystem $include -I"$srcdir/core" \
	    -std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -fno-builtin \
	    -fno-stack-protector -fno-pie -c -o "$tmp/$file.o" \
	    "$srcdir/core/worker/$file.c" || exit 1
done
