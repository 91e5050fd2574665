#!/bin/sh
# SPDX-License-Identifier: MIT
# What functions logged, at a fake AWS that checks each request with botocore.
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd)
. "$srcdir/tests/botocore.sh"
botocore_have || exit 77
exec "$python" "$srcdir/tests/logs.py" "$top/snek"
