#!/bin/bash
# SPDX-License-Identifier: MIT
# The zoo: zoo.sh [ROUNDS [KIND]].  Every bad plugin, through the commands.
. "${srcdir:-.}/tests/zoo_world.sh"
needs_cage
rm -f /tmp/zoo-escaped
"$top/tests/zoo" "$tmp" "${1:-${ZOO_ROUNDS:-20}}" ${2:+"$2"} || exit 1
"$SNEK" export zoo --cluster "$tmp/c" | cmp - "$tmp/data"
