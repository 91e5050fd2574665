#!/bin/bash
# SPDX-License-Identifier: MIT
# Debian's aws client works against the local Lambda host, with a bootstrap
# that is not snek's.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/lambda_world.sh"
lambda_have || exit 77
aws=${AWS_CLIENT:-/usr/bin/aws} PYTHON=${PYTHON:-python3}
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
make_zip "$tmp/g.zip" bootstrap=tests/bootstrap "other=$srcdir/LICENSE"
start_lambda --key AKIDLOCAL:local || exit 1
client lambda create-function --function-name f --runtime provided.al2023 \
    --handler f --role arn:aws:iam::123456789012:role/r \
    --zip-file "fileb://$tmp/f.zip" >"$tmp/out" || complain "create"
client lambda wait function-active-v2 --function-name f || complain "wait"
test "$(client lambda list-functions --query 'Functions[].[FunctionName,State]' \
    --output text)" = "f	Active" || complain "list"
test "$(invoke '{"a":[1,2]}' --log-type Tail)" = '{"a":[1,2]}' || complain "invoke"
log=$(sed -n 's/.*"LogResult": "\(.*\)".*/\1/p' "$tmp/meta" | base64 -d)
case $log in
*"Billed Duration: "*) ;;
*) complain "no log: $log" ;;
esac
invoke '"error"' | grep -q 'as asked' || complain "the function's error is not there"
grep -q '"FunctionError": "Unhandled"' "$tmp/meta" || complain "no FunctionError"
test "$(client lambda publish-version --function-name f --query Version \
    --output text)" = 1 || complain "publish"
client lambda create-alias --function-name f --name live --function-version 1 \
    >"$tmp/out" || complain "alias"
client s3api create-bucket --bucket a-bucket >"$tmp/out" || complain "bucket"
client s3api put-object --bucket a-bucket --key f.zip --body "$tmp/g.zip" >"$tmp/out" ||
    complain "object"
client lambda update-function-code --function-name f --s3-bucket a-bucket --s3-key f.zip \
    --query CodeSize --output text >"$tmp/out" || complain "update"
test "$(cat "$tmp/out")" = "$(stat -c %s "$tmp/g.zip")" || complain "other code: $(cat "$tmp/out")"
test "$(invoke 1 --qualifier live)" = 1 || complain "invoke the alias"
grep -q '"ExecutedVersion": "1"' "$tmp/meta" || complain "the alias moved by itself"
client lambda delete-function --function-name f || complain "delete"
client lambda get-function --function-name f >"$tmp/out" 2>&1 &&
    complain "there after it was deleted"
grep -q ResourceNotFoundException "$tmp/out" || complain "no such function: $(cat "$tmp/out")"
stop_lambda || bad=1
exit $bad
