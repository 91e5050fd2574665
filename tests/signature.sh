#!/bin/sh
# SPDX-License-Identifier: MIT
# botocore signs again what snek sent, byte by byte as it came over the wire.
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd)
for python in "${PYTHON:-python3}" /usr/bin/python3; do
	"$python" -c 'import botocore.auth' 2>/dev/null && break
	"$python" -c 'import awscli.clidriver' 2>/dev/null && break
	python=
done
test -n "$python" || { echo "SKIP: no botocore (apt-get install awscli)"; exit 77; }
command -v openssl >/dev/null || { echo "SKIP: no openssl"; exit 77; }
export SNEK_AWS="${SNEK_AWS:-$top/core/aws/.libs/snek-aws.so}"
exec "$python" "$srcdir/tests/signature.py" "$top/tests/aws_requests"
