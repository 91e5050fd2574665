# SPDX-License-Identifier: MIT
# Sourced: what is wanted where snek-api runs as a function at real servers.
top=$(pwd)
srcdir=$(cd "${srcdir:-.}" && pwd)
command -v redis-server >/dev/null || { echo "SKIP: no redis-server"; exit 77; }
python=${PYTHON:-python3}
"$python" -c 'import http.server' || { echo "SKIP: no python3"; exit 77; }
export SNEK_PLUGIN_PATH="$top/plugins/.libs" PYTHONDONTWRITEBYTECODE=1
