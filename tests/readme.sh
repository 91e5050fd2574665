#!/bin/sh
# SPDX-License-Identifier: MIT
# What the README shows about a first plugin is so: its source compiles against
# an installed tree in an empty directory, and its commands print what it says.
srcdir=${srcdir:-.}
top=$PWD
src=$(cd "$srcdir" && pwd)
CC=${CC:-cc}
command -v pkg-config >/dev/null || { echo "SKIP: no pkg-config"; exit 77; }
tmp=$(mktemp -d) || exit 99
. "$src/tests/redis_world.sh"
. "$src/tests/lambda_world.sh"
trap 'redis_end_all; lambda_end_all; rm -rf "$tmp"' EXIT
make -s install DESTDIR="$tmp/root" >"$tmp/log" 2>&1 || { tail -n 20 "$tmp/log"; exit 1; }
pc=$(find "$tmp/root" -name snek-plugin.pc)
test -n "$pc" || { echo "no snek-plugin.pc is installed"; exit 1; }
PKG_CONFIG_PATH=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR=$tmp/root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
SNEK_PLUGIN_PATH=$top/plugins/.libs SNEK_CLUSTER=$tmp/cluster
export SNEK_PLUGIN_PATH SNEK_CLUSTER

mkdir "$tmp/empty" && cd "$tmp/empty" || exit 99
sed -n '/^```c$/,/^```$/{/^```/!p}' "$src/README.md" >wordlen.c
test -s wordlen.c || { echo "no source in the README"; exit 1; }
# shellcheck disable=SC2046,SC2086  # flags are meant to be split
$CC -shared -fPIC -Wall -Wextra -Werror wordlen.c -o wordlen.so \
    $(pkg-config --cflags snek-plugin) || exit 1

# No worker is named: the program finds the one that lies by it.
unset SNEK_WORKER
echo '{"text":"the cat in the hat"}' | "$top/snek" run ./wordlen.so -o jsonl >got || exit 1
sed -n '/snek run .\/wordlen.so$/,/^$/{s/^    {/{/p}' "$src/README.md" >want
test -s want && cmp want got || { cat got; exit 1; }

"$top/snek-deploy" --local "$SNEK_CLUSTER" --shards 8 --level 4 || exit 1
"$top/snek-add-function" ./wordlen.so || exit 1
echo '{"text":"a bc bc"}' >poems.jsonl
"$top/snek" write poems poems.jsonl || exit 1
"$top/snek" query poems wordlen -o tsv >got || exit 1
printf '1\t1\n2\t2\n' | cmp - got || { cat got; exit 1; }

# The same in a Lambda, on a host that takes any port.
PATH=$top:$PATH
SNEK_CONFIG=$tmp/snek.conf
export PATH SNEK_CONFIG
cd "$top" || exit 99
if lambda_have; then
	start_lambda || exit 1
	cd "$tmp/empty" || exit 99
	# The worker that goes into bundles lies by the one that is named.
	SNEK_WORKER=$top/snek-worker
	export SNEK_WORKER
	sed -n '/^## A Lambda for each/,/^## /s/^    \$ //p' "$src/README.md" |
	    sed "/lambda-local/d; s,http://127.0.0.1:9000,$lambda_url," >commands
	test "$(wc -l <commands)" = 6 || { cat commands; exit 1; }
	sh -e ./commands >got 2>said || { cat said; exit 1; }
	sh -c "$(tail -n 1 commands) -o tsv" >got || exit 1
	printf '1\t1\n2\t2\n' | cmp - got || { cat got; exit 1; }
	cd "$top" || exit 99
	stop_lambda || exit 1
	unset SNEK_WORKER
fi
cd "$tmp/empty" || exit 99

# The same over two servers.
redis_have && command -v redis-cli >/dev/null || exit 0
start_redis one || exit 1
start_redis two || exit 1
XDG_CACHE_HOME=$tmp/cache
export XDG_CACHE_HOME
sed -n '/^## Shards on Redis/,/^## /s/^    \$ //p' "$src/README.md" |
    sed "s,redis://10.0.0.5,$redis_one,; s,redis://10.0.0.6,$redis_two," >commands
test "$(wc -l <commands)" = 4 || { cat commands; exit 1; }
sh -e ./commands >got 2>said || { cat said; exit 1; }
printf '1\t1\n2\t2\n' >tsv
sh -c "$(tail -n 1 commands) -o tsv" | cmp - tsv || exit 1
sed -n '/^## Shards on Redis/,/^## /s/^    \([rp][^$]*\)/\1/p' "$src/README.md" |
    sed "s,redis://10.0.0.5:6379,$redis_one," >want
while read -r line; do
	grep -qxF -- "$line" said || { echo "not said: $line"; cat said; exit 1; }
done <want
