# SPDX-License-Identifier: MIT
# lambda_world.sh - the local Lambda host for shell tests; to be sourced.  $tmp
# must be the test's directory, whose removal its trap must leave to
# lambda_end_all:
#
#	trap 'lambda_end_all; rm -rf "$tmp"' EXIT
#	lambda_have || exit 77
#	start_lambda --environments 8 --fail 2%
#	snek ... # AWS_ENDPOINT_URL, a region and credentials are set
#	stop_lambda
#
# It is an emulator: $lambda_url takes any key that is well-formed.

lambda_have () {
	test -x ./snek-lambda-local ||
	    { echo "SKIP: built without the local Lambda host"; return 1; }
}

lambda_pid=

start_lambda () {		# OPTION ...
	mkdir -p "$tmp/lambda"
	: >"$tmp/lambda/ready"
	TMPDIR=$tmp/lambda ./snek lambda-local --port 0 "$@" \
	    >"$tmp/lambda/ready" 2>"$tmp/lambda/log" &
	lambda_pid=$!
	for _ in $(seq 600); do
		lambda_url=$(sed -n 's/^\(http:.*\)$/\1/p' "$tmp/lambda/ready")
		test -z "$lambda_url" || break
		kill -0 "$lambda_pid" 2>/dev/null || break
		sleep 0.05
	done
	test -n "$lambda_url" ||
	    { echo "the Lambda host did not start:"; cat "$tmp/lambda/log"; return 1; }
	export AWS_ENDPOINT_URL=$lambda_url AWS_REGION=eu-central-1 \
	    AWS_DEFAULT_REGION=eu-central-1 AWS_ACCESS_KEY_ID=AKIDLOCAL \
	    AWS_SECRET_ACCESS_KEY=local AWS_EC2_METADATA_DISABLED=true \
	    AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
	unset AWS_PROFILE AWS_SESSION_TOKEN
}

# Ends it as a user would; fails when it leaves files or processes.
stop_lambda () {
	kill -TERM "$lambda_pid"
	wait "$lambda_pid"
	lambda_rc=$?
	lambda_pid=
	test "$lambda_rc" = 0 ||
	    { echo "the Lambda host ended with $lambda_rc:"; cat "$tmp/lambda/log"; return 1; }
	rm -f "$tmp/lambda/ready" "$tmp/lambda/log"
	test -z "$(ls -A "$tmp/lambda")" ||
	    { echo "the Lambda host left:"; ls -A "$tmp/lambda"; return 1; }
}

lambda_end_all () {
	test -z "$lambda_pid" || { kill -TERM "$lambda_pid"; wait "$lambda_pid"; }
	lambda_pid=
}

# A zip of files, with their modes, without a program for it.
make_zip () {			# ZIP NAME=FILE ...
	"${PYTHON:-python3}" - "$@" <<'EOF'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
    for arg in sys.argv[2:]:
        name, file = arg.split('=', 1)
        info = zipfile.ZipInfo(name)
        info.create_system = 3
        info.external_attr = os.stat(file).st_mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        with open(file, 'rb') as f:
            z.writestr(info, f.read())
EOF
}
