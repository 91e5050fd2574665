#!/bin/bash
# SPDX-License-Identifier: MIT
# --trust lifts the sandbox from all that loads a plugin, and it alone; and
# secrets in the environment are for plugins that are trusted.
set -u
top=$(pwd) src=$(cd "${srcdir:-.}" && pwd)
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
export LD_LIBRARY_PATH=$top/.libs SNEK_WORKER=$top/snek-worker
export SNEK_CLUSTER=$tmp/c TRUST_FILE=$tmp/made
cat >"$tmp/leaves.c" <<'EOF'
#include <fcntl.h>
#include <stdlib.h>
#include <snek/plugin.h>

__attribute__((constructor))
static void leaves(void)
{
	open(getenv("TRUST_FILE"), O_CREAT | O_WRONLY, 0600);
}

static int one(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	return snek_emit_int(c, "records", 7, 1);
}

SNEK_PLUGIN("leaves", "1.0", SNEK_OP(.name = "one", .reducer = "sum",
	.summary = "count, and leave a file", .map = one));
EOF
# shellcheck disable=SC2086  # CC is a command
${CC:-cc} -shared -fPIC -I"$src/sdk" -o "$tmp/leaves.so" "$tmp/leaves.c" || exit 99
"$top/.libs/snek-deploy" --local "$tmp/c" -q || exit 99
if "$top/.libs/snek" doctor | grep '	sandbox	' | grep 'no seccomp' |
    grep -q 'no Landlock'; then
	echo "SKIP: the sandbox of this build or kernel keeps nothing in"
	exit 77
fi

bad=0
try () {
	for way in confined trusted; do
		rm -f "$tmp/made"
		trust=$(test $way = trusted && echo --trust)
		# shellcheck disable=SC2086  # one word or none
		"$@" $trust >"$tmp/out" 2>&1 </dev/null ||
			{ echo "FAIL: $way: $*: $(cat "$tmp/out")"; bad=1; }
		test -e "$tmp/made" && did=trusted || did=confined
		test $way = $did || { echo "FAIL: $*: $did, not $way"; bad=1; }
	done
}
try "$top/.libs/snek" functions "$tmp/leaves.so"
try "$top/.libs/snek" run "$tmp/leaves.so"
try "$top/.libs/snek-add-function" "$tmp/leaves.so"

# What is registered is told from its record: nothing is loaded.
for trust in "" --trust; do
	rm -f "$tmp/made"
	# shellcheck disable=SC2086  # one word or none
	"$top/.libs/snek" functions $trust | grep -q '^leaves' ||
		{ echo "FAIL: functions $trust: no leaves"; bad=1; }
	test ! -e "$tmp/made" || { echo "FAIL: functions $trust: loaded"; bad=1; }
done

cat >"$tmp/tells.c" <<'EOF'
#include <string.h>
#include <snek/plugin.h>

extern char **environ;

static int one(snek_ctx *c, void *self, struct snek_record r)
{
	int rc = 0;

	(void)self;
	(void)r;
	for (char **v = environ; *v && rc >= 0; v++)
		if (strstr(*v, "=t3st"))
			rc = snek_emit(c, snek_null(), snek_string(*v));
	return rc;
}

SNEK_PLUGIN("tells", "1.0", SNEK_OP(.name = "one",
	.summary = "tell the environment", .map = one));
EOF
# shellcheck disable=SC2086  # CC is a command
${CC:-cc} -shared -fPIC -I"$src/sdk" -o "$tmp/tells.so" "$tmp/tells.c" || exit 99
tells () {
	echo 1 | env SNEK_REDIS_USER=t3st SNEK_REDIS_PASSWORD=t3st \
	    AWS_SECRET_ACCESS_KEY=t3st AWS_SESSION_TOKEN=t3st MY_OWN=t3st \
	    "$top/.libs/snek" run "$tmp/tells.so" "$@" | sort | tr '\n' ' '
}
test "$(tells)" = '"MY_OWN=t3st" ' ||
	{ echo "FAIL: a plugin sees: $(tells)"; bad=1; }
test "$(tells --trust | wc -w)" = 5 ||
	{ echo "FAIL: a trusted one sees: $(tells --trust)"; bad=1; }
exit $bad
