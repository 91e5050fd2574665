#!/bin/sh
# SPDX-License-Identifier: MIT
# The token of a stack's servers, from a fake Secrets Manager.
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd)
for python in "${PYTHON:-python3}" /usr/bin/python3; do
	"$python" -c 'import botocore.auth' 2>/dev/null && break
	"$python" -c 'import awscli.clidriver' 2>/dev/null && break
	python=
done
test -n "$python" || { echo "SKIP: no botocore (apt-get install awscli)"; exit 77; }
command -v redis-server >/dev/null || { echo "SKIP: no redis-server"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1 SNEK_PLUGIN_PATH="$top/plugins/.libs"
exec "$python" "$srcdir/tests/login.py" "$top/snek-api" \
    "$top/tests/stack_tool" "$top/snek-deploy"
