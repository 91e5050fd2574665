#!/bin/sh
# SPDX-License-Identifier: MIT
# The token of a stack's servers, from a fake Secrets Manager.
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd)
. "$srcdir/tests/botocore.sh"
botocore_have || exit 77
command -v redis-server >/dev/null || { echo "SKIP: no redis-server"; exit 77; }
export SNEK_PLUGIN_PATH="$top/plugins/.libs"
exec "$python" "$srcdir/tests/login.py" "$top/snek-api" \
    "$top/tests/stack_tool" "$top/snek-deploy"
