#!/bin/sh
# SPDX-License-Identifier: MIT
# snek doctor --aws, at a fake AWS that checks each request with botocore.
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd)
for python in "${PYTHON:-python3}" /usr/bin/python3; do
	"$python" -c 'import botocore.auth' 2>/dev/null && break
	"$python" -c 'import awscli.clidriver' 2>/dev/null && break
	python=
done
test -n "$python" || { echo "SKIP: no botocore (apt-get install awscli)"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$srcdir/tests/doctor_aws.py" "$top/snek"
