#!/bin/sh
# SPDX-License-Identifier: MIT
# Templates of stacks compared with AWS's own schemas, which npm fetches for it
# into $TEMPLATES (build/templates), once.
set -eu
dir=${TEMPLATES:-$(pwd)/templates}
srcdir=$(cd "${srcdir:-.}" && pwd)
command -v npm >/dev/null || { echo "check-templates: no npm"; exit 1; }
test -x tests/stack_tool || { echo "check-templates: built without AWS"; exit 1; }
mkdir -p "$dir/made"
test -d "$dir/node_modules/@aws-cdk/aws-service-spec" ||
    npm install --silent --no-audit --no-fund --prefix "$dir" \
	@aws-cdk/aws-service-spec >"$dir/npm.log" 2>&1 ||
    { tail -n 5 "$dir/npm.log"; exit 1; }
rm -f "$dir"/made/*.json
"${PYTHON:-python3}" "$srcdir/tests/template.py" tests/stack_tool "$dir/made"
cd "$dir" && exec node "$srcdir/tests/check_templates.mjs" made/*.json
