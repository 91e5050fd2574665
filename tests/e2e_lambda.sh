# SPDX-License-Identifier: MIT
# e2e_lambda.sh - e2e.sh's clusters with functions in Lambdas, on a local host of
# them; to be sourced.  Making a function takes its time, so one cluster is used
# by test after test, each of which finds it empty.

. "$srcdir/tests/lambda_world.sh"
lambda_have || exit 77

lambda_role=arn:aws:iam::000000000000:role/snek
# What a target is told to snek-deploy by.
lambda_target="--lambda-region eu-central-1 --role $lambda_role"
# What every function needs to reach its shards.
lambda_options=
e2e_lambda_faults='--environments 40 --fail 2% --throttle 5% --retry-after 0
    --duplicate 5% --lose 2% --late 5% --late-ms 300 --kill 2% --seed 5'

e2e_lambda_add () {		# FUNCTION...: that ship, whatever goes wrong there
	for e2e_f; do
		for e2e_try in 1 2 3 4 5; do
			# shellcheck disable=SC2086
			"$top/snek-add-function" --replace $lambda_options \
			    "$top/plugins/.libs/$e2e_f.so" >"$tmp/add" 2>&1 &&
			    continue 2
		done
		cat "$tmp/add"
		exit 99
	done
}

# The one cluster, empty.
e2e_lambda_cluster () {
	if test -z "${e2e_lambda_main:-}"; then
		start_lambda --environments 40 || exit 99
		make_cluster main 4 3
		e2e_lambda_main=$SNEK_CLUSTER
		e2e_lambda_add wordcount grep group select
	fi
	export SNEK_CLUSTER=$e2e_lambda_main
	e2e_lambda_empty
}

e2e_lambda_empty () {
	for e2e_c in $("$top/snek" ls --json |
	    sed -n 's/.*"name":"\([^"]*\)".*/\1/p'); do
		"$top/snek" rm "$e2e_c" --yes -q || exit 99
	done
}
