#!/bin/bash
# SPDX-License-Identifier: MIT
# The gateway as its clients see it: real connections, a real cluster.
set -u
srcdir=${srcdir:-.}
PYTHON=${PYTHON:-python3}
command -v "$PYTHON" >/dev/null || { echo "SKIP: no python3"; exit 77; }
test -x ./snek-gateway || { echo "SKIP: built without libmicrohttpd"; exit 77; }
export SNEK_PLUGIN_PATH=$PWD/plugins/.libs SNEK_WORKER=$PWD/snek-worker
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/tmp"
"$PYTHON" -B "$srcdir/tests/gateway.py" "$PWD/snek" "$PWD/snek-deploy" "$tmp" || exit 1
test -z "$(ls -A "$tmp/tmp")" || { echo "left behind:"; ls -A "$tmp/tmp"; exit 1; }
