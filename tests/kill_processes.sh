#!/bin/bash
# SPDX-License-Identifier: MIT
# Processes of a job are killed at any moment: [KILLS [SEED]].
. "${srcdir:-.}/tests/zoo_world.sh"
"$top/tests/kill_processes" "$tmp" "${1:-${ZOO_KILLS:-200}}" "${2:-4711}" || exit 1
"$SNEK" export zoo --cluster "$tmp/c" | cmp - "$tmp/data"
