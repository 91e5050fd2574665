#!/bin/sh
# SPDX-License-Identifier: MIT
# The API's functions and servers that take their passwords for a while only.
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd)
command -v redis-server >/dev/null || { echo "SKIP: no redis-server"; exit 77; }
python=${PYTHON:-python3}
"$python" -c 'import http.server' || { echo "SKIP: no python3"; exit 77; }
export SNEK_PLUGIN_PATH="$top/plugins/.libs" PYTHONDONTWRITEBYTECODE=1
exec "$python" "$srcdir/tests/aging.py" "$top/snek-api"
