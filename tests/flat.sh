#!/bin/bash
# SPDX-License-Identifier: MIT
# Memory and descriptors of a host are flat over 1,000 jobs.
. "${srcdir:-.}/tests/zoo_world.sh"
"$top/tests/flat" "$tmp/c" "${1:-${ZOO_JOBS:-1000}}"
