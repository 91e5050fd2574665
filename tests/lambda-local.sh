#!/bin/bash
# SPDX-License-Identifier: MIT
# Debian's aws client works against the local Lambda host, with a bootstrap
# that is not snek's.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/lambda_world.sh"
lambda_have || exit 77
aws=${AWS_CLIENT:-/usr/bin/aws}
test -x "$aws" || { echo "SKIP: no aws client (apt-get install awscli)"; exit 77; }
bad=0
complain () { echo "$*"; bad=1; }
tmp=$(mktemp -d) || exit 99
trap 'lambda_end_all; rm -rf "$tmp"' EXIT

client () { "$aws" --endpoint-url "$lambda_url" --no-cli-pager "$@"; }
invoke () {			# PAYLOAD OPTION ...; answers on stdout
	client lambda invoke --function-name f --cli-binary-format raw-in-base64-out \
	    --payload "$1" "${@:2}" "$tmp/answer" >"$tmp/meta" || return
	cat "$tmp/answer"
}

make_zip "$tmp/f.zip" bootstrap=tests/bootstrap
start_lambda || exit 1
client lambda create-function --function-name f --runtime provided.al2023 \
    --handler f --role arn:aws:iam::123456789012:role/r \
    --zip-file "fileb://$tmp/f.zip" >"$tmp/out" || complain "create"
client lambda wait function-active-v2 --function-name f || complain "wait"
test "$(invoke '{"a":[1,2]}')" = '{"a":[1,2]}' || complain "invoke"
client lambda delete-function --function-name f || complain "delete"
client lambda get-function --function-name f >"$tmp/out" 2>&1 &&
    complain "there after it was deleted"
grep -q ResourceNotFoundException "$tmp/out" || complain "no such function: $(cat "$tmp/out")"
stop_lambda || bad=1
exit $bad
