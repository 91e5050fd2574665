#!/bin/bash
# SPDX-License-Identifier: MIT
# Plugins in Lambdas of their own, by the commands: put there, tried, queried,
# changed, taken back, removed; broken off anywhere; and what is refused.
set -u
top=$PWD
srcdir=$(cd "${srcdir:-.}" && pwd)
. "$srcdir/tests/lambda_world.sh"
. "$srcdir/tests/botocore.sh"
. "$srcdir/tests/redis_world.sh"
lambda_have || exit 77
tmp=$(mktemp -d) || exit 99
trap 'redis_end_all; test -z "$door" || kill $door; lambda_end_all
    rm -rf "$tmp"' EXIT
door=
CC=${CC:-cc}
export SNEK_PLUGIN_PATH=$top/plugins/.libs LC_ALL=C.UTF-8
export XDG_DATA_HOME=$tmp/data XDG_CACHE_HOME=$tmp/cache HOME=$tmp
export SNEK_CONFIG=$tmp/snek.conf SNEK_CLUSTER=$tmp/cluster
unset NO_COLOR
plugins=$top/tests/plugins/.libs
role=arn:aws:iam::000000000000:role/snek
failed=0
# With sanitizers zips are large and take long, and crashes are theirs to tell.
test "${SANITIZE:-no}" = no && whole=true || whole=false
$whole && size='1\.[0-9]' crashed='crashed in map: SIGSEGV' ||
    size='[0-9.]+' crashed='Runtime.ExitError'
PATH=$top/.libs:$top:$PATH
export PATH LD_LIBRARY_PATH=$top/.libs

rc () {                 # rc CODE COMMAND...: out and err remain; never hangs
	local want=$1 got
	shift
	timeout 120 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	test $got = "$want" && return
	failed=1
	echo "FAIL: $*: exit $got, not $want"
	head -n 20 "$tmp/out" "$tmp/err"
}

says () {               # says PATTERN: in out or err
	grep -Eq -- "$1" "$tmp/out" "$tmp/err" && return
	failed=1
	echo "FAIL: no $1"
	head -n 20 "$tmp/out" "$tmp/err"
}

hides () {              # hides PATTERN
	grep -Eq -- "$1" "$tmp/out" "$tmp/err" || return
	failed=1
	echo "FAIL: there is $1"
	head -n 20 "$tmp/out" "$tmp/err"
}

bad () {                # bad CODE PATTERN COMMAND...
	rc "$1" "${@:3}"
	says "$2"
}

gives () {              # gives WANT COMMAND...
	rc 0 "${@:2}"
	test "$(cat "$tmp/out")" = "$1" && return
	failed=1
	echo "FAIL: ${*:2}: not [$1]"
	head -n 20 "$tmp/out" "$tmp/err"
}

plugin () {             # plugin NAME FILE.c
	$CC -shared -fPIC -O1 -I"$srcdir/sdk" "$tmp/$2" -o "$tmp/$1.so" ||
	    { echo "cannot compile $1"; exit 99; }
}

# Lambda lets in what its model knows: so does the door before its stand-in.
shut_door () {
	test -n "$door" || return
	kill $door
	wait $door 2>/dev/null
	door=
	grep WRONG "$tmp/door.log" && failed=1
}

start_lambda --environments 4 || exit 1
if botocore_have; then
	"$python" "$srcdir/tests/rest_proxy.py" "$lambda_url" \
	    >"$tmp/door" 2>"$tmp/door.log" & door=$!
	while test ! -s "$tmp/door"; do
		kill -0 $door 2>/dev/null || { cat "$tmp/door.log"; exit 1; }
		sleep 0.05
	done
	AWS_ENDPOINT_URL=$(cat "$tmp/door")
else
	echo "NOTE: requests are not compared with its model"
fi

# ---- here, without a target ----

rc 0 snek-deploy --local "$SNEK_CLUSTER"
rc 0 snek-add-function "$plugins/job.so"
says 'it stays here: the cluster has no target at AWS'
rc 0 snek-add-function --on local "$plugins/job.so"
hides 'stays here'
bad 2 '--memory is for a Lambda' snek-add-function --memory 512 "$plugins/job.so"
bad 2 '--env is for a Lambda' \
    snek-add-function --on local --env A2=1 "$plugins/job.so"
bad 2 'needs a role; name it with --role' \
    snek-add-function --on lambda "$plugins/again1.so"
bad 3 'no function again' snek functions again

# ---- with one ----

rc 0 snek-deploy --local "$SNEK_CLUSTER" --lambda-region eu-central-1 \
    --role $role --name mine
printf '{"text":"one two"}\n{"text":"three"}\n' >"$tmp/in"
rc 0 snek write words "$tmp/in"
rc 0 snek-add-function --dry-run "$plugins/again1.so"
says 'would create the function snek-[0-9a-f]{8}-again in eu-central-1'
says 'nothing was changed'
bad 3 'no function again' snek functions again
rc 0 snek-add-function "$plugins/again1.so"
says 'function snek-[0-9a-f]{8}-again is created in eu-central-1, '"$size MB"
says 'it works: tried which,stale with 9 records'
says '^version 1 is published'
says '^again.which 1.0: sha256 .*, added; lambda version 1 in eu-central-1'
gives $'1\n1' snek query words again.which --on lambda
gives $'1\n1' snek query words again.which --trust
rc 0 snek-add-function "$plugins/again1.so"
hides '^(function|its|it|version|alias) '
says ', unchanged; lambda version 1'
rc 0 snek functions --cloud
says 'again.which.*version 1 in eu-central-1.*, Active'
hides 'differs'
rc 0 snek functions again.which --json --cloud
says '"arn":"arn:aws:lambda:eu-central-1:000000000000:function:snek-[0-9a-f]{8}-again:1"'
says '"state":"Active","role":"'$role'","differs":null'

# Other code, then back.
rc 0 snek-add-function "$plugins/again2.so" --json
says '"kind":"step","text":"its code is changed'
says '"kind":"added","name":"again.fresh".*"lambda":.*"version":"2"'
gives $'2\n2' snek query words again.which --on lambda
bad 3 'again.stale' snek functions again.stale
if $whole; then
rc 0 snek-add-function --on local "$plugins/again1.so"
says 'the Lambda has other bytes'
rc 0 snek functions again.which
says 'differs: the Lambda has other bytes'
rc 0 snek functions again.which --cloud
says 'differs: the Lambda has [0-9a-f]{12}, the cluster [0-9a-f]{12}'
bad 2 'has other bytes than what is registered here' \
    snek query words again.which --on lambda
rc 0 snek-add-function "$plugins/again2.so"
fi
rc 0 snek-add-function --rollback again
says 'again.stale 1.0: .*rolled back; lambda version 1'
gives $'1\n1' snek query words again.which --on lambda
gives $'1\n1' snek query words again.which --trust
bad 3 'no version before 1' snek-add-function --rollback again
bad 3 'no function nix' snek-add-function --rollback nix
bad 3 'job has no Lambda' snek-add-function --rollback job
rc 0 snek-add-function "$plugins/again2.so"
hides 'its code is changed'
says 'lambda version 2'

# Settings.
if $whole; then
rc 0 snek-add-function --memory 512 --timeout 60 "$plugins/again2.so"
says 'its configuration is changed: 512 MB, 60 s'
rc 0 snek functions again.which --json
says '"memory_mb":512,"timeout_s":60'
fi
bad 2 'from 128 to 10240' snek-add-function --memory 64 "$plugins/again2.so"
bad 2 '900 at most' snek-add-function --timeout 901 "$plugins/again2.so"
bad 2 'is no NAME=VALUE' snek-add-function --env A "$plugins/again2.so"
bad 7 'is for x86_64, not arm64; build it' \
    snek-add-function --arch arm64 "$plugins/again2.so"

# ---- C functions, files and variables ----

rc 0 snek-add-function --call "$plugins/library.so:bytes" --sig 'L(s)' \
    --fields text size
says 'it works: tried bytes'
gives $'7\n5' snek query words size --on lambda
gives $'7\n5' snek query words size
bad 2 'name its file, such as /usr/lib/libm.so.6' snek-add-function \
    --call libm.so.6:sqrt --sig 'd(d)' --on lambda root
rc 0 snek-add-function --call libm.so.6:sqrt --sig 'd(d)' root
says 'stays here: a Lambda holds libraries that are named by their file'
bad 2 'no Lambda holds it' snek-add-function --url https://h/ --on lambda u

if $whole; then
cat >"$tmp/beside.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <snek/plugin.h>
static int tell(snek_ctx *c, void *self, struct snek_record r)
{
	char text[64] = "no file";
	const char *v = getenv("GREETING");
	FILE *f = fopen("data.txt", "r");
	(void)self;
	(void)r;
	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
		fclose(f);
	}
	strcat(text, " ");
	strcat(text, v ? v : "nothing");
	return snek_emit(c, snek_null(), snek_string(text));
}
SNEK_PLUGIN("beside", "1", SNEK_OP(.name = "tell", .map = tell));
END
plugin beside beside.c
printf 'good' >"$tmp/data.txt"
rc 0 snek-add-function "$tmp/beside.so" --include "$tmp/data.txt" \
    --env GREETING=morning
gives $'"good morning"\n"good morning"' snek query words beside --on lambda
rc 0 snek-add-function "$tmp/beside.so" --include "$tmp/data.txt" --env GREETING=
gives $'"good nothing"\n"good nothing"' snek query words beside --on lambda
bad 3 'none.txt' snek-add-function "$tmp/beside.so" --include "$tmp/none.txt"
fi

# ---- what does not work is not registered ----

cat >"$tmp/dies.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <snek/plugin.h>
static int *volatile nowhere;
static int die(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
#ifdef QUIET
	(void)c;
	_exit(3);
#else
	return snek_emit(c, snek_null(), snek_int(*nowhere));
#endif
}
#ifdef EARLY
__attribute__((constructor)) static void leave(void)
{
	if (getenv("LAMBDA_TASK_ROOT"))
		_exit(4);
}
#endif
SNEK_PLUGIN("dies", "1", SNEK_OP(.name = "die", .map = die));
END
plugin dies dies.c
bad 7 "lambda function .*-dies.*$crashed" snek-add-function "$tmp/dies.so"
says 'is removed again'
says '^log: .*REPORT'
if $whole; then
(CC="$CC -DQUIET"; plugin dies dies.c)
bad 7 'dies does not work: Runtime.ExitError.*exit status 3' \
    snek-add-function "$tmp/dies.so"
(CC="$CC -DEARLY"; plugin dies dies.c)
bad 7 'dies does not work: Runtime.ExitError.*exit status 4' \
    snek-add-function "$tmp/dies.so"
fi
bad 3 'no function dies' snek functions dies
if $whole; then
# The loader tells what it would load, and ends: no runtime comes up.
bad 7 'moods does not work: Runtime.ExitError' snek-add-function \
    "$plugins/moods.so" --env LD_TRACE_LOADED_OBJECTS=1
says '^log: .*libc.so.6'
bad 3 'no function moods' snek functions moods
fi
# One that worked before goes on.
if $whole; then
sed 's/"dies"/"beside"/; s/"die"/"tell"/' "$tmp/dies.c" >"$tmp/dies2.c"
plugin beside2 dies2.c
bad 7 "$crashed" snek-add-function "$tmp/beside2.so"
hides 'is removed again'
gives $'"good nothing"\n"good nothing"' snek query words beside --on lambda
rc 0 snek functions beside --cloud
hides 'differs'

fi

# ---- what cannot run there is refused before anybody is asked ----

cp "$plugins/again1.so" "$tmp/arm.so"
printf '\267' | dd of="$tmp/arm.so" bs=1 seek=18 conv=notrunc 2>/dev/null
AWS_ENDPOINT_URL=http://127.0.0.1:1 bad 7 'arm.so' \
    snek-add-function --on lambda "$tmp/arm.so"
echo 'int helper(void) { return 1; }' >"$tmp/helper.c"
$CC -shared -fPIC "$tmp/helper.c" -o "$tmp/libhelper-snek.so" || exit 99
sed 's/"dies"/"leans"/; s/nowhere)/nowhere + helper())/; 1i int helper(void);' \
    "$tmp/dies.c" >"$tmp/leans.c"
$CC -shared -fPIC -I"$srcdir/sdk" "$tmp/leans.c" -o "$tmp/leans.so" \
    -L"$tmp" -lhelper-snek || exit 99
rm "$tmp/libhelper-snek.so"
AWS_ENDPOINT_URL=http://127.0.0.1:1 bad 7 'libhelper-snek.so' \
    snek-add-function --on lambda "$tmp/leans.so"
bad 3 'nix.so' snek-add-function "$tmp/nix.so"
truncate -s 262144001 "$tmp/huge"
AWS_ENDPOINT_URL=http://127.0.0.1:1 bad 8 'include less' \
    snek-add-function "$plugins/again2.so" --include "$tmp/huge"
rm "$tmp/huge"
bad 2 'is no ARN of a role' snek-add-function --role snek "$plugins/again2.so"

# ---- who we are, and where ----

if $whole; then
(unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
bad 6 'credentials' snek-add-function --memory 128 "$plugins/again2.so"
exit $failed) || failed=1
bad 5 '127.0.0.1:1|[Cc]onnect' snek-add-function --lambda-endpoint \
    http://127.0.0.1:1 --memory 128 "$plugins/again2.so"
(unset AWS_REGION AWS_DEFAULT_REGION
snek-deploy -q --local "$tmp/other"
bad 2 'region' snek-add-function --on lambda --role $role --cluster "$tmp/other" \
    "$plugins/again2.so"
exit $failed) || failed=1

fi

# ---- only the zip ----

rc 0 env -u AWS_ACCESS_KEY_ID AWS_ENDPOINT_URL=http://127.0.0.1:1 \
    snek-add-function --bundle "$tmp/a.zip" "$plugins/again1.so"
says "a.zip: $size[0-9]* MB, .* for x86_64"
TZ=Asia/Tokyo rc 0 snek-add-function --bundle "$tmp/b.zip" --json "$plugins/again1.so"
says '"kind":"bundle".*"arch":"x86_64"'
cmp "$tmp/a.zip" "$tmp/b.zip" || failed=1
bad 2 'leave --on out' snek-add-function --bundle "$tmp/c.zip" --on lambda \
    "$plugins/again1.so"
bad 3 'no-dir' snek-add-function --bundle "$tmp/no-dir/c.zip" "$plugins/again1.so"

# ---- removing ----

bad 2 'would remove the lambda function snek-.*-size .*--yes, or' \
    snek rm-function size
rc 0 snek rm-function size --yes
says 'removed the lambda function'
bad 3 'size' snek functions size
rc 0 snek rm-function again.fresh
hides 'lambda function'
gives $'2\n2' snek query words again.which --on lambda
if $whole; then
rc 0 snek rm-function beside --keep-lambda
rc 0 snek-add-function "$tmp/beside.so" --include "$tmp/data.txt"
says ', added; lambda version'
hides 'created'
fi
rc 0 snek rm-function again --yes

# ---- killed anywhere, the next one finishes ----

$whole || exit $failed
shut_door
stop_lambda || failed=1
start_lambda --environments 4 --rtt-ms 10 --create-ms 30 || exit 1
for i in $(seq 8); do
	build=$((i % 2 + 1))
	snek-add-function -q "$plugins/again$build.so" >/dev/null 2>&1 &
	pid=$!
	sleep "0.$(printf %02d $((i * 8)))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	rc 0 snek-add-function "$plugins/again$build.so"
	rc 0 snek functions again.which --cloud
	hides 'differs'
	gives "$build"$'\n'"$build" snek query words again.which --on lambda
	# Every fourth begins with none.
	test $((i % 4)) != 0 || rc 0 snek rm-function again --yes
done

# ---- an account that fails and throttles ----

stop_lambda || failed=1
start_lambda --environments 4 --fail 40% --throttle 20% --retry-after 0 || exit 1
rc 0 snek-add-function "$plugins/again1.so"
gives $'1\n1' snek query words again.which --on lambda

# ---- gone, and out of reach ----

stop_lambda || failed=1
start_lambda --environments 4 || exit 1
rc 0 snek functions again.which --cloud
says 'gone; differs: it is not at AWS any more'
bad 3 '.' snek query words again.which --on lambda
rc 0 snek-add-function "$plugins/again1.so"
says 'is created'
gives $'1\n1' snek query words again.which --on lambda
stop_lambda || failed=1
rc 0 snek functions --cloud
says 'again.which.*cannot be asked: '
bad 5 '[Cc]onnect' snek rm-function again --yes
rc 0 snek rm-function again --keep-lambda

# ---- records on a server ----

if redis_have && command -v redis-cli >/dev/null; then
	start_lambda --environments 4 || exit 1
	start_redis one || exit 1
	rc 0 snek-deploy --redis "$redis_one" --name served \
	    --lambda-region eu-central-1 --role $role
	rc 0 snek write words "$tmp/in" --cluster served
	rc 0 snek-add-function "$plugins/again1.so" --cluster served
	rc 0 env "XDG_CACHE_HOME=$tmp/cache2" snek functions again.which --cloud \
	    --cluster served
	says 'version 1 in eu-central-1.*, Active'
	gives $'1\n1' snek query words again.which --on lambda --cluster served
	rc 0 snek-add-function "$plugins/again2.so" --cluster served
	rc 0 snek-add-function --rollback again --cluster served
	gives $'1\n1' snek query words again.which --on lambda --cluster served
	rc 0 snek rm-function again --yes --cluster served
	stop_lambda || failed=1
fi
exit $failed
