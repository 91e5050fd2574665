#!/bin/sh
# SPDX-License-Identifier: MIT
# Templates of stacks by rules of ours.
top=$(pwd)
"${PYTHON:-python3}" -c '' 2>/dev/null || { echo "SKIP: no Python"; exit 77; }
exec "${PYTHON:-python3}" "${srcdir:-.}/tests/template.py" "$top/tests/stack_tool"
