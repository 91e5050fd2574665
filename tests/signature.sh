#!/bin/sh
# SPDX-License-Identifier: MIT
# botocore signs again what snek sent, byte by byte as it came over the wire.
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd)
. "$srcdir/tests/botocore.sh"
botocore_have || exit 77
command -v openssl >/dev/null || { echo "SKIP: no openssl"; exit 77; }
export SNEK_AWS="${SNEK_AWS:-$top/core/aws/.libs/snek-aws.so}"
exec "$python" "$srcdir/tests/signature.py" "$top/tests/aws_requests"
