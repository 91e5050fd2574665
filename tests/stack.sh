#!/bin/sh
# SPDX-License-Identifier: MIT
# Stacks at a fake AWS that checks each request with botocore.
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd)
. "$srcdir/tests/botocore.sh"
botocore_have || exit 77
exec "$python" "$srcdir/tests/stack.py" "$top/tests/stack_tool" "$top/snek-deploy"
